//! Everything around a live capture that is opened before the sandbox is entered.

use super::alerts::{AlertCounts, Alerts};
use super::metrics::Metrics;
use super::processes::ByHelper;
use crate::capture::live;
use crate::pipeline::live::{Hooks, Live, LiveRequest};
use crate::sandbox::{self, Allowed};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long the command for findings has for what waits for it when the capture is over.
const LAST_ALERTS: Duration = Duration::from_secs(30);

/// Between two looks whether it is done.
const INTERVAL: Duration = Duration::from_millis(20);

/// What is wanted around a capture.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Whether programs that have sockets are looked for.
    pub processes: bool,
    /// What is run for each finding.
    pub on_finding: Option<String>,
    /// Where counts are served.
    pub metrics: Option<SocketAddr>,
    /// Whether the sandbox is entered.
    pub sandbox: bool,
}

/// Something around a capture cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SurroundingsError {
    /// The command for findings.
    #[error("cannot start what runs the command for findings")]
    Alerts(#[source] io::Error),
    /// The counts.
    #[error("cannot serve metrics at {address}")]
    Metrics {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// A thread cannot be started.
    #[error("cannot start a thread")]
    Thread(#[source] io::Error),
}

/// What is open around a capture.
#[derive(Debug)]
pub struct Surroundings {
    finder: Option<ByHelper>,
    alerts: Option<Alerts>,
    counts: Option<Arc<AlertCounts>>,
    metrics: Option<Metrics>,
    sandbox: bool,
    /// What the user should know.
    pub notes: Vec<String>,
}

impl Surroundings {
    /// Opens sockets and starts helpers.
    pub fn open(wanted: &Wanted) -> Result<Self, SurroundingsError> {
        let mut notes = Vec::new();
        let alerts = wanted.on_finding.as_deref().map(Alerts::start).transpose();
        let alerts = alerts.map_err(SurroundingsError::Alerts)?;
        let bind =
            |address| Metrics::bind(address).map_err(|source| SurroundingsError::Metrics { address, source });
        let metrics = wanted.metrics.map(bind).transpose()?;
        if let Some(address) = metrics.as_ref().and_then(|metrics| metrics.address().ok()) {
            notes.push(format!("metrics are at http://{address}/metrics"));
        }
        let finder = if wanted.processes && cfg!(target_os = "linux") {
            let interfaces = live::interfaces().unwrap_or_default();
            let own: Vec<_> = interfaces.into_iter().flat_map(|interface| interface.addresses).collect();
            ByHelper::start(&own)
                .map_err(|error| notes.push(format!("programs are not looked for: {error}")))
                .ok()
        } else {
            None
        };
        let counts = alerts.as_ref().map(Alerts::counts);
        Ok(Self { finder, alerts, counts, metrics, sandbox: wanted.sandbox, notes })
    }

    /// Enters the sandbox: nothing but what `request` still needs may be opened. To be called before any thread is
    /// started, when the capture is open.
    pub fn enter_sandbox(&mut self, request: &LiveRequest, live: &Live) {
        if !self.sandbox {
            return;
        }
        let folder = |path: &Path| match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        // libpcap reads there what an interface has dropped.
        let counts = |name: &String| Path::new("/sys/class/net").join(name).join("statistics");
        let allowed = Allowed {
            read: request.interfaces.iter().map(counts).collect(),
            write: request.write.iter().map(|rotation| folder(&rotation.path)).collect(),
            of_anybody: request.write.is_some(),
            receive_only: live.descriptors(),
        };
        self.notes.extend(sandbox::enter(&allowed));
    }

    /// Begins to serve: what the capture is given, and what is to be waited for when it is over.
    pub fn hooks(self) -> Result<(Hooks, Pending), SurroundingsError> {
        let mut hooks =
            Hooks { confine: self.sandbox.then_some(sandbox::confine_thread as fn()), ..Hooks::default() };
        hooks.finder = self.finder.map(|finder| Box::new(finder) as _);
        let alerts = self.alerts.map(Alerts::watch).transpose().map_err(SurroundingsError::Thread)?;
        let thread = alerts.map(|(observer, thread)| {
            hooks.observers.push(observer);
            thread
        });
        let metrics = self.metrics.map(|metrics| metrics.serve(self.counts.clone())).transpose();
        hooks.observers.extend(metrics.map_err(SurroundingsError::Thread)?);
        Ok((hooks, Pending { thread, counts: self.counts }))
    }
}

/// What a capture that is over may still wait for.
#[derive(Debug)]
pub struct Pending {
    thread: Option<JoinHandle<()>>,
    counts: Option<Arc<AlertCounts>>,
}

impl Pending {
    /// Gives the command its time for what was found. Says what went wrong with it.
    pub fn wait(self) -> Option<String> {
        let end = Instant::now() + LAST_ALERTS;
        while self.thread.as_ref().is_some_and(|thread| !thread.is_finished()) {
            if Instant::now() >= end {
                return Some(
                    "the command for findings takes too long: not all findings were given to it".to_owned(),
                );
            }
            std::thread::sleep(INTERVAL);
        }
        self.counts.and_then(|counts| counts.lack())
    }
}
