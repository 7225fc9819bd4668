//! `--metrics`: counts in the text format of Prometheus and `OpenMetrics`, over HTTP.

use super::alerts::AlertCounts;
use crate::pipeline::live::{Observer, Snapshot, Told};
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long whoever asks may take to ask, and to take the answer. Others wait so long.
const PATIENCE: Duration = Duration::from_secs(2);

/// Bytes of a request that are read.
const MAX_REQUEST: usize = 4096;

/// A socket that counts are asked for at.
#[derive(Debug)]
pub struct Metrics {
    listener: TcpListener,
    text: Arc<Mutex<String>>,
}

/// Makes the text of each snapshot.
struct Writer {
    text: Arc<Mutex<String>>,
    alerts: Option<Arc<AlertCounts>>,
}

impl Metrics {
    /// Opens the socket.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        Ok(Self { listener, text: Arc::new(Mutex::new(text(&Counts::default()))) })
    }

    /// Where it is: the port, where any was asked for.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Begins to answer, as long as the program runs. What is answered comes from the observer.
    pub fn serve(self, alerts: Option<Arc<AlertCounts>>) -> io::Result<Box<dyn Observer>> {
        let writer = Writer { text: Arc::clone(&self.text), alerts };
        std::thread::Builder::new().name("metrics".to_owned()).spawn(move || {
            for connection in self.listener.incoming().flatten() {
                let text = self.text.lock().unwrap_or_else(PoisonError::into_inner).clone();
                // Whoever goes away in between has no answer to get.
                let _ = answer(connection, &text);
            }
        })?;
        Ok(Box::new(writer))
    }
}

fn answer(mut connection: TcpStream, text: &str) -> io::Result<()> {
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.set_write_timeout(Some(PATIENCE))?;
    let mut request = Vec::new();
    let mut part = [0; 512];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") && request.len() < MAX_REQUEST {
        let count = connection.read(&mut part)?;
        if count == 0 {
            break;
        }
        request.extend_from_slice(part.get(..count).unwrap_or_default());
    }
    let wanted = request.starts_with(b"GET /metrics ") || request.starts_with(b"GET / ");
    let (status, text) =
        if wanted { ("200 OK", text) } else { ("404 Not Found", "metrics are at /metrics\n") };
    let kind =
        if wanted { "application/openmetrics-text; version=1.0.0; charset=utf-8" } else { "text/plain" };
    let length = text.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    connection.write_all(head.as_bytes())?;
    connection.write_all(text.as_bytes())
}

impl Observer for Writer {
    fn told(&mut self, _told: &Told) {}

    fn snapshot(&mut self, snapshot: &Snapshot) {
        let text = text(&Counts::of(snapshot, self.alerts.as_deref()));
        *self.text.lock().unwrap_or_else(PoisonError::into_inner) = text;
    }
}

/// What is counted: numbers by labels.
#[cfg_attr(not(feature = "live"), expect(dead_code, reason = "nothing is captured, so nothing is served"))]
#[derive(Default)]
struct Counts {
    calls: BTreeMap<(String, String), u64>,
    active: u64,
    flows: u64,
    bytes: BTreeMap<(String, String, &'static str), u64>,
    findings: BTreeMap<(String, String), u64>,
    packets: BTreeMap<String, u64>,
    dropped: BTreeMap<String, u64>,
    alerts: Vec<(&'static str, u64)>,
}

impl Counts {
    fn of(snapshot: &Snapshot, alerts: Option<&AlertCounts>) -> Self {
        let mut counts =
            Self { active: snapshot.calls as u64, flows: snapshot.flows as u64, ..Self::default() };
        let verdict = |verdict| format!("{verdict:?}").to_lowercase();
        for session in &snapshot.report.sessions {
            *counts.calls.entry((session.service.to_string(), verdict(session.verdict))).or_default() += 1;
            for far in &session.endpoints {
                let country = far.country.map_or_else(|| "unknown".to_owned(), |country| country.to_string());
                let role = far.roles.first().map_or("unknown", |role| role.name()).to_owned();
                *counts.bytes.entry((country.clone(), role.clone(), "sent")).or_default() += far.bytes_sent;
                *counts.bytes.entry((country, role, "received")).or_default() += far.bytes_received;
            }
        }
        for finding in &snapshot.report.findings {
            let rule = finding.rule.clone().unwrap_or_default();
            *counts.findings.entry((rule, verdict(finding.verdict))).or_default() += 1;
        }
        for input in &snapshot.report.inputs {
            counts.packets.insert(input.path.clone(), input.packets);
            counts.dropped.insert(input.path.clone(), input.dropped_packets.unwrap_or(0));
        }
        counts.alerts = alerts.map_or_else(Vec::new, |alerts| {
            vec![
                ("done", alerts.done.load(Ordering::Relaxed)),
                ("failed", alerts.failed.load(Ordering::Relaxed)),
                ("left_out", alerts.left_out.load(Ordering::Relaxed)),
            ]
        });
        counts
    }
}

#[cfg(not(feature = "live"))]
fn text(_counts: &Counts) -> String {
    String::new()
}

#[cfg(feature = "live")]
fn text(counts: &Counts) -> String {
    use prometheus_client::metrics::counter::Counter;
    use prometheus_client::metrics::family::Family;
    use prometheus_client::metrics::gauge::Gauge;
    use prometheus_client::registry::Registry;

    type Labels = Vec<(&'static str, String)>;
    let mut registry = Registry::with_prefix("landfall");
    let mut family = |name: &str, help: &str, values: Vec<(Labels, u64)>| {
        let family = Family::<Labels, Counter>::default();
        for (labels, value) in values {
            family.get_or_create(&labels).inc_by(value);
        }
        registry.register(name, help, family);
    };
    let pairs = |map: &BTreeMap<(String, String), u64>, names: [&'static str; 2]| {
        let [first, second] = names;
        let labels = |(a, b): &(String, String)| vec![(first, a.clone()), (second, b.clone())];
        map.iter().map(|(key, count)| (labels(key), *count)).collect::<Vec<_>>()
    };
    family("calls", "Calls seen, by service and verdict", pairs(&counts.calls, ["service", "verdict"]));
    family("findings", "Findings, by rule and verdict", pairs(&counts.findings, ["rule", "verdict"]));
    let bytes = counts.bytes.iter().map(|((country, role, direction), count)| {
        let direction = (*direction).to_owned();
        (vec![("country", country.clone()), ("role", role.clone()), ("direction", direction)], *count)
    });
    family("call_bytes", "Bytes of calls on the wire, by country and role of the far end", bytes.collect());
    let by_interface = |map: &BTreeMap<String, u64>| {
        map.iter().map(|(name, count)| (vec![("interface", name.clone())], *count)).collect::<Vec<_>>()
    };
    family("packets", "Frames read, by interface", by_interface(&counts.packets));
    family("dropped_packets", "Frames that never came, by interface", by_interface(&counts.dropped));
    let alerts =
        counts.alerts.iter().map(|(outcome, count)| (vec![("outcome", (*outcome).to_owned())], *count));
    family("alerts", "Runs of the command for findings, by outcome", alerts.collect());
    for (name, help, value) in [
        ("active_calls", "Calls that go on", counts.active),
        ("flows", "Flows that are followed", counts.flows),
    ] {
        let gauge = Gauge::<i64>::default();
        gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        registry.register(name, help, gauge);
    }
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = prometheus_client::encoding::text::encode(&mut text, &registry);
    text
}
