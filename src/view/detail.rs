//! All that is known of one call, far end or finding, as text.

use super::style::{Look, wrap};
use super::words::{clock, span};
use crate::pipeline::live::Snapshot;
use crate::report::text::{bytes, counted, number};
use crate::report::{Finding, Report, SessionEndpoint, SessionReport};
use std::net::IpAddr;

/// Far ends of a call whose evidence is written out; what matters most stands first.
const MAX_ENDS: usize = 100;

/// Text over the whole screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Detail {
    pub(super) title: String,
    pub(super) scroll: usize,
    lines: Vec<String>,
}

impl Detail {
    /// Its lines in so many columns.
    pub(super) fn wrapped(&self, room: usize) -> Vec<String> {
        self.lines.iter().flat_map(|line| wrap(line, room)).collect()
    }
}

/// Text that grows.
struct Text {
    look: Look,
    lines: Vec<String>,
}

impl Text {
    fn new(look: Look) -> Self {
        Self { look, lines: Vec::new() }
    }

    fn line(&mut self, line: &str) {
        self.lines.push(self.look.shown(line));
    }

    fn heading(&mut self, line: &str) {
        if !self.lines.is_empty() {
            self.lines.push(String::new());
        }
        self.line(line);
    }

    /// Lines that another part of the program has broken and escaped.
    fn text(&mut self, text: &str) {
        text.lines().for_each(|line| self.line(line.trim_end()));
    }

    fn done(self, title: &str, snapshot: &Snapshot) -> Detail {
        let title = format!("{title}, as of {} UTC", clock(snapshot.time));
        Detail { title: self.look.shown(&title), scroll: 0, lines: self.lines }
    }
}

/// All that is known of a call.
pub(super) fn call(snapshot: &Snapshot, look: Look, call: &SessionReport) -> Detail {
    let mut text = Text::new(look);
    let report = &snapshot.report;
    text.text(&report.call_text(call));
    text.line(&format!("      Its name in what is told and in the report is {}.", call.id));
    if !call.processes.is_empty() {
        let programs = call.processes.iter().map(|process| format!("{} {}", process.name, process.pid));
        let programs: Vec<String> = programs.collect();
        text.line(&format!("      Its sockets on this machine belong to {}.", programs.join(", ")));
    }
    why(&mut text, report, call);
    text.heading("WHERE ITS FAR ENDS ARE, AND WHO SAYS SO");
    for far in call.endpoints.iter().take(MAX_ENDS) {
        place(&mut text, report, far.address);
    }
    if let Some(more) = call.endpoints.len().checked_sub(MAX_ENDS).filter(|more| *more > 0) {
        text.line(&format!("and {}; select one among the servers", counted(more, "more address")));
    }
    text.done(&format!("{} call {}", call.service_name, call.id), snapshot)
}

/// Why it was judged so.
fn why(text: &mut Text, report: &Report, call: &SessionReport) {
    text.heading("WHY, AND WHAT WOULD HAVE CHANGED IT");
    match report.explain_call(call) {
        Some(explained) => text.text(&explained),
        None => text.line("No rule was given, so nothing is denied: see --deny and --allow."),
    }
}

/// Every claim of where `address` is.
fn place(text: &mut Text, report: &Report, address: IpAddr) {
    match report.endpoint(address) {
        Some(endpoint) => text.text(&endpoint.place_text()),
        None => text.line(&format!("{address}: it has left the list of addresses that is kept")),
    }
}

/// All that is known of a far end in a call.
pub(super) fn server(snapshot: &Snapshot, look: Look, call: &SessionReport, far: &SessionEndpoint) -> Detail {
    let mut text = Text::new(look);
    let report = &snapshot.report;
    let roles: Vec<&str> = far.roles.iter().map(|role| role.name()).collect();
    text.line(&format!("{} in the {} call {} of {}", far.address, call.service_name, call.id, call.client));
    text.line(&format!("  roles     {}", roles.join(", ")));
    text.line(&format!("  contact   {}", far.contact));
    let ports: Vec<String> = far.ports.iter().map(ToString::to_string).collect();
    text.line(&format!("  ports     {} {}", far.transports.join(", "), ports.join(", ")));
    text.line(&format!(
        "  data      {} packets, {} to it; {} packets, {} from it",
        number(far.packets_sent),
        bytes(far.bytes_sent),
        number(far.packets_received),
        bytes(far.bytes_received)
    ));
    if let (Some(first), Some(last)) = (far.first_seen, far.last_seen) {
        text.line(&format!("  seen      {}", span(first, last)));
    }
    if let Some(rtt) = far.rtt {
        let least = crate::report::text::milliseconds(rtt.min_s);
        text.line(&format!("  rtt       {least} at least, of {} by {}", number(rtt.samples), rtt.via));
    }
    if !far.media.is_empty() {
        text.line(&format!("  media     {}", far.media.join(", ")));
    }
    for name in &far.names {
        text.line(&format!("  name      {} ({})", name.name, name.via));
    }
    for found in &far.evidence {
        let packet = found.packet.map_or_else(String::new, |number| format!(" (packet {number})"));
        text.line(&format!("  evidence  {} {}: {}{packet}", found.kind, found.rule, found.detail));
    }
    text.heading("WHERE IT IS, AND WHO SAYS SO");
    place(&mut text, report, far.address);
    if let Some(untouched) = &far.untouched {
        text.line(&format!("  {untouched}"));
    }
    for finding in report.findings.iter().filter(|finding| is_of(finding, call, far)) {
        text.heading("FINDING");
        text.text(&report.finding_text(finding));
    }
    let alone = SessionReport { endpoints: vec![far.clone()], ..call.clone() };
    why(&mut text, report, &alone);
    text.done(&format!("{} of call {}", far.address, call.id), snapshot)
}

fn is_of(finding: &Finding, call: &SessionReport, far: &SessionEndpoint) -> bool {
    finding.endpoint == far.address && finding.session.as_deref() == Some(call.id.as_str())
}

/// All that is known of a finding: the sentence, and the call that it is of.
pub(super) fn finding(snapshot: &Snapshot, look: Look, finding: &Finding) -> Detail {
    let mut text = Text::new(look);
    let report = &snapshot.report;
    text.text(&report.finding_text(finding));
    if let Some(first) = &finding.first_packet {
        text.line(&format!("      First packet: number {} of '{}'.", number(first.number), first.input));
    }
    text.heading("WHERE IT IS, AND WHO SAYS SO");
    place(&mut text, report, finding.endpoint);
    let session = finding.session.as_ref().and_then(|id| report.sessions.iter().find(|call| call.id == *id));
    if let Some(session) = session {
        text.heading("ITS CALL");
        text.text(&report.call_text(session));
        why(&mut text, report, session);
    }
    let of = finding.session.as_ref().map_or_else(String::new, |id| format!(" of call {id}"));
    text.done(&format!("finding on {}{of}", finding.endpoint), snapshot)
}
