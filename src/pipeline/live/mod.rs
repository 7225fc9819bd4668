//! Live: the same stages over frames as they come, looked at again and again.
//!
//! ```text
//! Tap ─batch─▶ stages up to the flows ─copy─▶ inference, places, calls, rules ─▶ what is news
//! (a thread each)        (one thread)          (one thread, twice a second)
//! ```
//!
//! The thread of an interface does nothing but take frames from the kernel, so that none are lost while the others
//! work; what they cannot keep up with is dropped by the kernel, which counts it, and the count is part of the report.

mod archive;
mod engine;
mod run;
mod stages;
mod teller;
mod telling;
#[cfg(test)]
mod tests;
mod threads;
mod told;
mod watcher;

pub use engine::NewFlow;
pub use run::{Hooks, Observer, ProcessFinder, Running};
pub use told::{
    CaptureStarted, FindingTold, InterfaceStatus, ServerTold, SessionGone, SessionOver, SessionTold, Status,
    Told, Whole,
};

use super::{InspectError, Inspector, Request};
use crate::capture::CaptureError;
use crate::capture::live::{Tap, TapOptions};
use crate::capture::write::{Rotating, Rotation, WriteError};
use crate::report::{Report, Time};
use serde::Serialize;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// What is to be watched, and how.
#[derive(Clone, Debug, Default)]
pub struct LiveRequest {
    /// Rules, databases and what else turns packets into a report. Its paths and its filter are not used.
    pub rules: Request,
    /// Names of interfaces.
    pub interfaces: Vec<String>,
    /// How they are opened.
    pub tap: TapOptions,
    /// For how long; until it is stopped where it is not said.
    pub duration: Option<Duration>,
    /// How many frames; as many as come where it is not said.
    pub packets: Option<u64>,
    /// Where the frames are kept.
    pub write: Option<Rotation>,
}

/// Why there is nothing to watch.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LiveError {
    /// A rule, a database or the like cannot be used.
    #[error(transparent)]
    Inspect(#[from] InspectError),
    /// An interface cannot be captured from.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// The frames cannot be kept.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A thread cannot be started.
    #[error("cannot start a thread")]
    Thread(#[source] std::io::Error),
}

/// How fast something goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rate {
    /// Frames a second.
    pub packets_per_s: u64,
    /// Bytes a second.
    pub bytes_per_s: u64,
}

/// Everything that is known at one time.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// How many there have been, with this.
    pub number: u64,
    /// When it was taken, by the packets, or by the clock where none come.
    pub time: Time,
    /// As `inspect` would report what has come so far. Names of calls stay the same from one snapshot to the next.
    pub report: Report,
    /// How fast frames come, for each of the report's inputs.
    pub interfaces: Vec<Rate>,
    /// Bytes a second of each far end of a call, both ways.
    pub rates: BTreeMap<IpAddr, u64>,
    /// Flows that are followed.
    pub flows: usize,
    /// Calls that go on.
    pub calls: usize,
    /// What a person should know of what is not listed any more.
    pub notes: Vec<String>,
}

impl Snapshot {
    /// What is known of saved captures, for whoever shows both alike.
    pub fn of_report(report: Report) -> Option<Self> {
        let last = report.inputs.iter().filter_map(|input| input.last_packet).max()?;
        Some(Self {
            number: 1,
            time: last,
            interfaces: vec![Rate::default(); report.inputs.len()],
            rates: BTreeMap::new(),
            flows: 0,
            calls: report.sessions.len(),
            notes: Vec::new(),
            report,
        })
    }
}

/// What [`Running::poll`] gives.
#[derive(Clone, Debug)]
pub enum Event {
    /// Something is news.
    Told(Box<Told>),
    /// Everything that is known, at most twice a second.
    Snapshot(Arc<Snapshot>),
    /// The capture is over. Nothing follows.
    Ended(Arc<Ended>),
}

/// The end of a capture.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Everything that was found.
    pub snapshot: Arc<Snapshot>,
    /// What could not be done.
    pub failures: Vec<String>,
}

impl Ended {
    /// The exit status that the report asks for; 2 where something could not be done and nothing is denied.
    pub fn exit_status(&self) -> u8 {
        match self.snapshot.report.exit_status() {
            0 | 3 if !self.failures.is_empty() => 2,
            status => status,
        }
    }
}

/// A capture for which everything is open, and nothing has been read.
#[derive(Debug)]
pub struct Live {
    request: LiveRequest,
    inspector: Inspector<'static>,
    taps: Vec<Tap>,
    writer: Option<Rotating>,
}

impl Live {
    /// Opens databases, interfaces and files. From then on the kernel keeps frames; the program needs no privilege
    /// any more.
    pub fn open(request: LiveRequest) -> Result<Self, LiveError> {
        let mut rules = request.rules.clone();
        // The kernel filters.
        rules.filter = None;
        let inspector = Inspector::owned(rules)?;
        let open = |name: &String| Tap::open(name, &request.tap);
        let taps = request.interfaces.iter().map(open).collect::<Result<Vec<_>, _>>()?;
        let inputs: Vec<_> = taps.iter().map(Tap::input).collect();
        let writer = request.write.clone().map(|rotation| Rotating::create(rotation, &inputs, &request.tap));
        Ok(Self { inspector, taps, writer: writer.transpose()?, request })
    }

    /// The sockets that frames come from, by which nothing has to be sent.
    pub fn descriptors(&self) -> Vec<i32> {
        self.taps.iter().map(Tap::descriptor).collect()
    }

    /// Begins to read. The threads that are started confine themselves as `hooks` says.
    pub fn start(self, hooks: Hooks) -> Result<Running, LiveError> {
        run::start(self, hooks)
    }
}
