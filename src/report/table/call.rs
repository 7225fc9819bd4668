//! One call of the table.

use super::super::model::{FailedReport, FailoverReport, Report, SessionEndpoint, SessionReport};
use super::super::text::{self, bytes, counted, escape, milliseconds, programs, socket};
use super::super::words::best_name;
use super::{Table, WIDTH, claims, clock, span};
use crate::identify::{Contact, Role};
use crate::locate::{Confidence, CountryCode, Scope};
use crate::policy::Verdict;
use anstyle::Style;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::IpAddr;

/// Far ends of one role shown each in a line before they are summed up.
const MAX_EACH: usize = 4;

/// Columns of a far end with its port.
const SERVER_WIDTH: usize = 24;

/// Addresses that never answered and are named before the rest is only counted.
const MAX_UNTOUCHED: usize = 3;

/// Failed attempts told of one failover.
const MAX_FAILED: usize = 4;

/// Where text stands that belongs to a far end.
const INDENT: usize = 17;

impl Table {
    pub(super) fn call(&mut self, report: &Report, call: &SessionReport) {
        self.head(call);
        for row in rows(&call.endpoints) {
            match row {
                Row::One(endpoint) => self.far_end(report, call, endpoint),
                Row::Many(endpoints) => self.far_ends(&endpoints),
            }
        }
        for failover in &call.failovers {
            self.failover(failover);
        }
        let untouched: Vec<&SessionEndpoint> =
            call.endpoints.iter().filter(|endpoint| endpoint.untouched.is_some()).collect();
        for endpoint in untouched.iter().take(MAX_UNTOUCHED) {
            let reason = endpoint.untouched.as_deref().unwrap_or_default();
            self.wrapped(&format!("{}: {}", endpoint.address, escape(reason)), 6);
        }
        if let Some(more) = untouched.len().checked_sub(MAX_UNTOUCHED).filter(|&more| more > 0) {
            self.line(&format!("      and {} that never answered", counted(more, "more address")));
        }
        for finding in call.findings.iter().filter_map(|place| report.findings.get(*place)) {
            self.reason(finding);
        }
        self.remarks(call);
    }

    fn head(&mut self, call: &SessionReport) {
        let who = format!("{} call of {}", escape(&call.service_name), call.client);
        let full = span(call.start, call.end);
        let (day, hours) = full.split_at_checked(11).unwrap_or(("", &full));
        let when = if WIDTH.saturating_sub(6 + who.len()) > full.len() + 2 {
            format!("{day}{hours}")
        } else {
            hours.to_owned()
        };
        let verdict = self.verdict(call.verdict);
        let room = WIDTH.checked_sub(6 + who.chars().count() + when.len()).filter(|room| *room >= 2);
        let who = self.styled(Style::new().bold(), &who);
        if let Some(room) = room {
            self.line(&format!("{verdict}  {who}{:room$}{when}", ""));
        } else {
            self.line(&format!("{verdict}  {who}"));
            self.line(&format!("{when:>WIDTH$}"));
        }
        if !call.processes.is_empty() {
            self.wrapped(&format!("of the program {}", escape(&programs(&call.processes))), 6);
        }
        let columns = format!(
            "      {:10} {:SERVER_WIDTH$} {:12}{:>8}{:>8}{:>10}",
            "role", "far end", "where", "rtt", "sent", "received"
        );
        let columns = self.styled(Style::new().dimmed(), &columns);
        self.line(&columns);
    }

    fn far_end(&mut self, report: &Report, call: &SessionReport, endpoint: &SessionEndpoint) {
        let verdict = self.verdict(endpoint.verdict);
        let role = endpoint.roles.first().copied().unwrap_or(Role::Unknown);
        let mut name = socket(endpoint.address, endpoint.ports.first().copied());
        if endpoint.ports.len() > 1 {
            let _ = write!(name, " +{}", endpoint.ports.len() - 1);
        }
        let _ = write!(self.text, "{verdict}  {:10} ", role.name());
        if name.chars().count() > SERVER_WIDTH {
            self.line(&name);
            self.text.push_str(&" ".repeat(INDENT));
            name.clear();
        }
        let place = match endpoint.scope {
            Scope::Global => format!("{:2} {}", place(endpoint), endpoint.confidence.name()),
            _ => endpoint.scope.name().to_owned(),
        };
        let rtt = endpoint.rtt.map_or_else(String::new, |rtt| milliseconds(rtt.min_s));
        let received = match (endpoint.contact >= Contact::Answered, call.one_direction) {
            (true, _) => bytes(endpoint.bytes_received),
            (false, true) => "not seen".to_owned(),
            (false, false) => "no answer".to_owned(),
        };
        let sent = bytes(endpoint.bytes_sent);
        self.line(&format!("{name:SERVER_WIDTH$} {place:12}{rtt:>8}{sent:>8} {received:>9}"));
        self.names(endpoint, role);
        if endpoint.verdict != Verdict::Allow || endpoint.confidence == Confidence::Disputed {
            self.claims(report, endpoint.address);
        }
    }

    /// What the sources say of an address of the Internet.
    fn claims(&mut self, report: &Report, address: IpAddr) {
        // They are in the order of their addresses.
        let found = report.endpoints.binary_search_by_key(&address, |endpoint| endpoint.address);
        let endpoint = found.ok().and_then(|place| report.endpoints.get(place));
        if let Some(endpoint) = endpoint.filter(|endpoint| endpoint.scope == Scope::Global) {
            self.wrapped(&claims::told(&endpoint.location), INDENT);
        }
    }

    /// The name, other roles and kinds of media of a far end.
    fn names(&mut self, endpoint: &SessionEndpoint, role: Role) {
        let mut parts: Vec<String> = best_name(&endpoint.names).map(escape).into_iter().collect();
        let others: Vec<&str> =
            endpoint.roles.iter().filter(|other| **other != role).map(|other| other.name()).collect();
        if !others.is_empty() {
            parts.push(format!("also {}", others.join(", ")));
        }
        if !endpoint.media.is_empty() {
            parts.push(endpoint.media.join(", "));
        }
        parts.extend(text::proxied(endpoint).map(|words| escape(&words)));
        if !parts.is_empty() {
            self.wrapped(&parts.join("   "), INDENT);
        }
    }

    /// Several far ends of one role in a line.
    fn far_ends(&mut self, endpoints: &[&SessionEndpoint]) {
        let Some(first) = endpoints.first() else { return };
        let verdict = self.verdict(Verdict::Allow);
        let role = first.roles.first().copied().unwrap_or(Role::Unknown);
        let countries: BTreeSet<String> = endpoints.iter().map(|endpoint| place(endpoint)).collect();
        let countries: Vec<String> = countries.into_iter().collect();
        let shown = countries.get(..countries.len().min(8)).unwrap_or_default().join(" ");
        let more = if countries.len() > 8 { " ..." } else { "" };
        let silent = endpoints.iter().filter(|endpoint| endpoint.contact < Contact::Answered).count();
        let silence = if silent > 0 { format!(", {silent} without an answer") } else { String::new() };
        let what = format!("{}{silence}", counted(endpoints.len(), "address"));
        self.line(&format!("{verdict}  {:10} {what:SERVER_WIDTH$} {shown}{more}", role.name()));
    }

    fn failover(&mut self, failover: &FailoverReport) {
        let attempts = grouped(&failover.failed);
        for (place, (first, how)) in attempts.iter().take(MAX_FAILED).enumerate() {
            let label = if place == 0 { "failover" } else { "" };
            let (time, name) = (clock(first.time), failed_name(first));
            self.line(&format!("      {label:10} {time} {name} ({}) {how}", code(first.country)));
        }
        if let Some(more) = attempts.len().checked_sub(MAX_FAILED).filter(|&more| more > 0) {
            self.wrapped(&format!("and {}", counted(more, "more place")), INDENT);
        }
        let reached = failover.reached_name.as_deref().map_or_else(|| failover.reached.to_string(), escape);
        let leaves = match failover.leaves_home {
            Some(true) if failover.home.len() <= 6 => {
                let home: Vec<String> = failover.home.iter().map(ToString::to_string).collect();
                format!(", leaves home {}", home.join(","))
            }
            Some(true) => ", leaves the client's continent".to_owned(),
            _ => String::new(),
        };
        self.wrapped(
            &format!(
                "{} {reached} ({}) reached, +{} s{leaves}",
                clock(failover.time),
                code(failover.country_after),
                failover.gap_s.as_secs(),
            ),
            INDENT,
        );
    }

    fn remarks(&mut self, call: &SessionReport) {
        let remarks = [
            (!call.media_seen, "No media of this call was seen."),
            (call.began_before_capture, "It was under way when the capture began."),
            (call.continues_after_capture, "It was under way when the capture ended."),
            (call.one_direction, "Only one direction of it was captured."),
        ];
        let shown: Vec<&str> =
            remarks.into_iter().filter_map(|(holds, remark)| holds.then_some(remark)).collect();
        if !shown.is_empty() {
            self.wrapped(&shown.join(" "), 6);
        }
    }
}

enum Row<'a> {
    One(&'a SessionEndpoint),
    Many(Vec<&'a SessionEndpoint>),
}

/// Far ends by role; those that only helped, and what is many, are summed up unless the verdict is on them.
fn rows(endpoints: &[SessionEndpoint]) -> Vec<Row<'_>> {
    let (judged, allowed): (Vec<_>, Vec<_>) =
        endpoints.iter().partition(|endpoint| endpoint.verdict != Verdict::Allow);
    let mut rows: Vec<Row<'_>> = judged.into_iter().map(Row::One).collect();
    let role = |endpoint: &SessionEndpoint| endpoint.roles.first().copied().unwrap_or(Role::Unknown);
    let roles: BTreeSet<Role> = allowed.iter().map(|endpoint| role(endpoint)).collect();
    for wanted in roles {
        let mut group: Vec<&SessionEndpoint> =
            allowed.iter().copied().filter(|endpoint| role(endpoint) == wanted).collect();
        group.sort_by_key(|endpoint| {
            std::cmp::Reverse((endpoint.contact, endpoint.bytes_sent + endpoint.bytes_received))
        });
        let alone = match wanted {
            Role::Media | Role::Relay | Role::Peer | Role::Signaling => MAX_EACH,
            Role::Probe | Role::Web | Role::Telemetry | Role::Unknown => 1,
        };
        if group.len() <= alone {
            rows.extend(group.into_iter().map(Row::One));
            continue;
        }
        let rest = if alone > 1 { group.split_off(alone - 1) } else { std::mem::take(&mut group) };
        rows.extend(group.into_iter().map(Row::One));
        rows.push(Row::Many(rest));
    }
    rows
}

fn place(endpoint: &SessionEndpoint) -> String {
    match (endpoint.country, endpoint.scope) {
        (Some(country), _) => country.to_string(),
        (None, Scope::Global) if endpoint.confidence == Confidence::Disputed => "?!".to_owned(),
        (None, Scope::Global) => "??".to_owned(),
        (None, _) => "-".to_owned(),
    }
}

fn code(country: Option<CountryCode>) -> String {
    country.map_or_else(|| "??".to_owned(), |country| country.to_string())
}

/// Attempts at one address after another, and how they failed: `no answer x3, refused`.
fn grouped(failed: &[FailedReport]) -> Vec<(&FailedReport, String)> {
    let mut groups: Vec<(&FailedReport, Vec<(&str, u64)>)> = Vec::new();
    for attempt in failed {
        // Datagrams that were repeated are one attempt each; of a connection, the SYNs are.
        let tries = attempt.tries.max(1);
        match groups.last_mut().filter(|(first, _)| first.endpoint == attempt.endpoint) {
            Some((_, how)) => match how.last_mut().filter(|(words, _)| *words == attempt.words) {
                Some((_, count)) => *count += tries,
                None => how.push((attempt.words, tries)),
            },
            None => groups.push((attempt, vec![(attempt.words, tries)])),
        }
    }
    let words = |how: Vec<(&str, u64)>| {
        let parts = how
            .into_iter()
            .map(|(words, count)| if count > 1 { format!("{words} x{count}") } else { words.to_owned() });
        parts.collect::<Vec<_>>().join(", ")
    };
    groups.into_iter().map(|(first, how)| (first, words(how))).collect()
}

fn failed_name(failed: &FailedReport) -> String {
    failed.name.as_deref().map_or_else(|| failed.endpoint.to_string(), escape)
}
