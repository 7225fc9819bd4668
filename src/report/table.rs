//! The report for people: what was denied and why, then where everything else went.

use super::model::{Finding, InputReport, Report, SessionEndpoint, SessionReport, Time};
use super::text::{bytes, counted, escape, milliseconds, number, socket};
use crate::identify::Contact;
use crate::locate::{CountryCode, Database, Scope};
use crate::policy::Verdict;
use anstyle::{AnsiColor, Style};
use hashbrown::HashMap;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::Duration;

/// Inputs named before the rest is only counted.
const MAX_INPUTS: usize = 4;

/// Findings shown in full before the rest is only counted.
const MAX_FINDINGS: usize = 20;

/// Servers listed before the rest is only counted.
const MAX_SERVERS: usize = 16;

/// Addresses that never answered and are named before the rest is only counted.
const MAX_UNTOUCHED: usize = 4;

/// Columns that a person's terminal has at least.
const WIDTH: usize = 80;

/// Columns of a server with its port in the list.
const SERVER_WIDTH: usize = 31;

/// The report as text; with terminal colours if `colour`.
pub(super) fn render(report: &Report, colour: bool) -> String {
    let mut table = Table { text: String::new(), colour };
    table.inputs(&report.inputs);
    table.findings(report);
    table.servers(report);
    table.untouched(report);
    table.summary(report);
    table.text
}

struct Table {
    text: String,
    colour: bool,
}

impl Table {
    fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    fn styled(&self, style: Style, text: &str) -> String {
        if self.colour { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    /// The word for a verdict, padded before it is coloured so that columns stay in line.
    fn verdict(&self, verdict: Verdict, width: usize) -> String {
        let (word, colour) = match verdict {
            Verdict::Allow => ("ok", AnsiColor::Green),
            Verdict::Deny => ("DENY", AnsiColor::Red),
            Verdict::Indeterminate => ("?", AnsiColor::Yellow),
        };
        self.styled(Style::new().fg_color(Some(colour.into())).bold(), &format!("{word:width$}"))
    }

    fn inputs(&mut self, inputs: &[InputReport]) {
        for input in inputs.iter().take(MAX_INPUTS) {
            self.input(input);
        }
        if let Some(more) = inputs.len().checked_sub(MAX_INPUTS).filter(|&more| more > 0) {
            let packets: u64 = inputs.iter().skip(MAX_INPUTS).map(|input| input.packets).sum();
            self.line(&format!("and {}, {} packets", counted(more, "more input"), number(packets)));
        }
    }

    fn input(&mut self, input: &InputReport) {
        let mut line = format!("{}   {} packets", escape(&input.path), number(input.packets));
        if let (Some(first), Some(last)) = (input.first_packet, input.last_packet) {
            let _ = write!(line, "   {} UTC", span(first, last));
        }
        self.line(&line);
        if let Some(damage) = &input.damage {
            self.wrapped(
                &format!("damaged at byte {}: {}", number(damage.offset), escape(&damage.reason)),
                2,
            );
        }
        if let Some(dropped) = input.dropped_packets.filter(|&dropped| dropped > 0) {
            self.line(&format!("  {} packets were dropped while capturing", number(dropped)));
        }
    }

    fn findings(&mut self, report: &Report) {
        let mut findings: Vec<(&Finding, Option<&SessionReport>)> =
            report.findings.iter().map(|finding| (finding, None)).collect();
        for session in &report.sessions {
            for place in &session.findings {
                if let Some((_, owner)) = findings.get_mut(*place) {
                    *owner = Some(session);
                }
            }
        }
        findings.sort_by_key(|(finding, _)| std::cmp::Reverse(finding.verdict));
        for (finding, session) in findings.iter().take(MAX_FINDINGS) {
            self.finding(finding, *session);
        }
        if let Some(more) = findings.len().checked_sub(MAX_FINDINGS).filter(|&more| more > 0) {
            self.line("");
            self.line(&format!("and {}; --format json lists them all", counted(more, "more finding")));
        }
    }

    fn finding(&mut self, finding: &Finding, session: Option<&SessionReport>) {
        self.line("");
        let who = session.map_or_else(
            || finding.endpoint.to_string(),
            |session| format!("{} with {}", session.client, finding.endpoint),
        );
        let when = session.map_or_else(String::new, |session| clock_span(session.start, session.end));
        let gap = WIDTH.saturating_sub(6 + who.len() + when.len()).max(2);
        let verdict = self.verdict(finding.verdict, 4);
        self.line(&format!("{verdict}  {who}{:gap$}{when}", ""));
        let place = finding.country.map_or_else(|| "??".to_owned(), |country| country.to_string());
        let name = finding.country.map_or("country not known", CountryCode::name);
        let mut facts = format!("      {place} {name}, {}", finding.confidence);
        if let Some(endpoint) = session.and_then(|session| session.endpoints.first()) {
            let _ = write!(facts, "   {}", ports(endpoint));
            if let Some(rtt) = endpoint.handshake_rtt_s {
                let _ = write!(facts, "   {}", milliseconds(rtt));
            }
        }
        let _ = write!(facts, "   {} out   {} in", bytes(finding.bytes_sent), bytes(finding.bytes_received));
        self.line(&facts);
        let rule = finding.rule.as_ref().map_or_else(String::new, |rule| format!("{}: ", escape(rule)));
        self.wrapped(&format!("{rule}{}", escape(&finding.reason)), 6);
    }

    /// Servers by bytes, the answered ones first.
    fn servers(&mut self, report: &Report) {
        let servers = collect_servers(report);
        if servers.is_empty() {
            return;
        }
        self.line("");
        self.line(&format!(
            "{:6}{:4}{:SERVER_WIDTH$}{:12}{:>8}{:>8}{:>8}",
            "", "in", "server", "contact", "rtt", "out", "in"
        ));
        for server in servers.iter().take(MAX_SERVERS) {
            self.server(server);
        }
        if let Some(rest) = servers.get(MAX_SERVERS..).filter(|rest| !rest.is_empty()) {
            let countries: BTreeSet<_> = rest.iter().filter_map(|server| server.country).collect();
            let codes: Vec<_> = countries.iter().take(12).map(ToString::to_string).collect();
            let more = if countries.len() > codes.len() { ", ..." } else { "" };
            let list =
                if codes.is_empty() { String::new() } else { format!(" in {}{more}", codes.join(", ")) };
            self.line(&format!("      and {}{list}", counted(rest.len(), "more server")));
        }
    }

    fn server(&mut self, server: &Server) {
        let verdict = self.verdict(server.verdict, 4);
        let country = match (server.country, server.scope) {
            (Some(country), _) => country.to_string(),
            (None, Scope::Global) => "??".to_owned(),
            (None, _) => "-".to_owned(),
        };
        let mut name = socket(server.address, server.port);
        if server.more_ports > 0 {
            let _ = write!(name, " +{}", server.more_ports);
        }
        if name.len() >= SERVER_WIDTH {
            self.line(&format!("{verdict}  {country:4}{name}"));
            name.clear();
            self.text.push_str("          ");
        } else {
            let _ = write!(self.text, "{verdict}  {country:4}");
        }
        let rtt = server.rtt.map_or_else(String::new, milliseconds);
        let (sent, received) = (bytes(server.sent), bytes(server.received));
        let contact = server.contact.name();
        self.line(&format!("{name:SERVER_WIDTH$}{contact:12}{rtt:>8}{sent:>8}{received:>8}"));
    }

    /// Addresses in denied places that never answered: they are no findings, and silence would hide them.
    fn untouched(&mut self, report: &Report) {
        let endpoints = report.sessions.iter().flat_map(|session| &session.endpoints);
        let reasons: BTreeMap<IpAddr, &str> = endpoints
            .filter_map(|endpoint| Some((endpoint.address, endpoint.untouched.as_deref()?)))
            .collect();
        if !reasons.is_empty() {
            self.line("");
        }
        for (address, reason) in reasons.iter().take(MAX_UNTOUCHED) {
            self.wrapped(&format!("{address}: {}", escape(reason)), 6);
        }
        if let Some(more) = reasons.len().checked_sub(MAX_UNTOUCHED).filter(|&more| more > 0) {
            self.line(&format!("      and {} that never answered", counted(more, "more address")));
        }
    }

    fn summary(&mut self, report: &Report) {
        self.line("");
        let of = |verdict| report.sessions.iter().filter(|session| session.verdict == verdict).count();
        let (denied, unclear) = (of(Verdict::Deny), of(Verdict::Indeterminate));
        let touched: BTreeSet<_> = report
            .sessions
            .iter()
            .flat_map(|session| &session.countries)
            .map(|touched| touched.country)
            .collect();
        let word = match report.verdict {
            Verdict::Allow => "ALLOW",
            Verdict::Deny => "DENY",
            Verdict::Indeterminate => "INDETERMINATE",
        };
        self.line(&format!(
            "{word}: {} with servers in {}, {} denied, {} indeterminate",
            counted(report.sessions.len(), "session"),
            if touched.len() == 1 { "1 country".to_owned() } else { format!("{} countries", touched.len()) },
            number(denied as u64),
            number(unclear as u64),
        ));
        if report.policy.rules.is_empty() {
            self.line("No rule was given, so nothing is denied: see --deny and --allow.");
        }
        if report.coverage.unfollowed_packets > 0 {
            let packets = number(report.coverage.unfollowed_packets);
            self.wrapped(
                &format!("{packets} packets could not be followed: too many flows or addresses."),
                0,
            );
        }
        for database in &report.databases {
            self.wrapped(&credit(database), 0);
        }
    }

    /// Breaks `text` at spaces; a word that is longer than a line stays whole.
    fn wrapped(&mut self, text: &str, indent: usize) {
        let mut line = " ".repeat(indent);
        for word in text.split(' ') {
            if line.len() > indent && line.chars().count() + 1 + word.chars().count() > WIDTH {
                self.line(&line);
                line = " ".repeat(indent);
            }
            if line.len() > indent {
                line.push(' ');
            }
            line.push_str(word);
        }
        self.line(&line);
    }
}

/// A server over all sessions.
struct Server {
    address: IpAddr,
    country: Option<CountryCode>,
    scope: Scope,
    port: Option<u16>,
    more_ports: usize,
    contact: Contact,
    rtt: Option<Duration>,
    sent: u64,
    received: u64,
    verdict: Verdict,
}

fn collect_servers(report: &Report) -> Vec<Server> {
    let mut by_address: HashMap<IpAddr, (Server, BTreeSet<u16>), foldhash::fast::RandomState> =
        HashMap::default();
    for session in &report.sessions {
        for endpoint in &session.endpoints {
            let (server, ports) = by_address
                .entry(endpoint.address)
                .or_insert_with(|| (Server::new(endpoint), BTreeSet::new()));
            ports.extend(&endpoint.ports);
            server.contact = server.contact.max(endpoint.contact);
            server.rtt = server.rtt.into_iter().chain(endpoint.handshake_rtt_s).min();
            server.sent += endpoint.bytes_sent;
            server.received += endpoint.bytes_received;
            server.verdict = server.verdict.max(session.verdict);
        }
    }
    for endpoint in &report.endpoints {
        if let Some((server, _)) = by_address.get_mut(&endpoint.address) {
            server.country = endpoint.location.country;
            server.scope = endpoint.scope;
        }
    }
    let mut servers: Vec<Server> = by_address
        .into_values()
        .map(|(server, ports)| Server {
            port: ports.first().copied(),
            more_ports: ports.len().saturating_sub(1),
            ..server
        })
        .collect();
    servers.sort_by_key(|server| {
        let answered = server.contact >= Contact::Answered;
        let global = server.scope == Scope::Global;
        let total = server.sent.saturating_add(server.received);
        (std::cmp::Reverse((server.verdict, global, answered, total)), server.address)
    });
    servers
}

impl Server {
    const fn new(endpoint: &SessionEndpoint) -> Self {
        Self {
            address: endpoint.address,
            country: None,
            scope: Scope::Global,
            port: None,
            more_ports: 0,
            contact: endpoint.contact,
            rtt: None,
            sent: 0,
            received: 0,
            verdict: Verdict::Allow,
        }
    }
}

/// `dbip-country-lite, 2026-06-01: IP Geolocation by DB-IP, https://db-ip.com (CC-BY-4.0)`.
fn credit(database: &Database) -> String {
    let mut text = escape(&database.id);
    if let Some(built) = database.built {
        let _ = write!(text, ", {}", built.strftime("%Y-%m-%d"));
    }
    if let Some(attribution) = database.attribution {
        let _ = write!(text, ": {attribution}");
    }
    if let Some(licence) = database.licence {
        let _ = write!(text, " ({licence})");
    }
    text
}

/// `tcp 443`, `tcp udp 443 8801`.
fn ports(endpoint: &SessionEndpoint) -> String {
    let mut text = endpoint.transports.join(" ");
    for port in endpoint.ports.iter().take(4) {
        let _ = write!(text, " {port}");
    }
    if endpoint.ports.len() > 4 {
        let _ = write!(text, " +{}", endpoint.ports.len() - 4);
    }
    text
}

/// `2020-04-03 14:02:11 to 14:09:37`, with the second date where it is another.
fn span(first: Time, last: Time) -> String {
    let (start, end) = (seconds(first), seconds(last));
    let same_day = start.get(..10).is_some_and(|day| end.starts_with(day));
    let shown = if same_day { end.get(11..).unwrap_or(&end) } else { &end };
    format!("{start} to {shown}")
}

/// `14:02:15 to 14:09:30`, or with dates where they differ.
fn clock_span(first: Time, last: Time) -> String {
    let text = span(first, last);
    match text.split_once(" to ") {
        Some((start, end)) if !end.contains('-') => format!("{} to {end}", start.get(11..).unwrap_or(start)),
        _ => text,
    }
}

/// `2020-04-03 14:02:11`.
fn seconds(time: Time) -> String {
    let text = time.at.rfc3339(crate::capture::Precision::new(0));
    text.replace('T', " ").trim_end_matches('Z').to_owned()
}
