//! What remains of flows that have left the tables: finished calls, findings, counts by address and role.
//!
//! A capture that goes on for days has more flows than memory. What is over for so long that no packet could belong to it
//! any more leaves, and its part of the report stays here, within bounds.

use crate::flow::{Side, Tally};
use crate::identify::Identity;
use crate::identify::infer::Subject;
use crate::identify::names::NameBinding;
use crate::locate::{CountryCode, Scope};
use crate::pipeline::Analysis;
use crate::policy::Verdict;
use crate::report::{
    CoverageReport, EndpointReport, Finding, FlowReport, OutsideReport, Report, SessionReport, Share,
};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Finished calls that are kept, at some 20 kB each. Of those beyond, the oldest that were allowed go first.
const MAX_SESSIONS: usize = 4096;

/// Findings that are kept; what is beyond is counted, and its verdict stands.
const MAX_FINDINGS: usize = 16_384;

/// Addresses that are kept, at about 1 kB each.
const MAX_ADDRESSES: usize = 65_536;

/// Flows that are kept for a report that lists flows, at about 1 kB each.
const MAX_FLOWS: usize = 65_536;

/// DNS answers that are kept of flows that have left.
const MAX_BINDINGS: usize = 65_536;

/// Mentions listed of one address, as in any report.
const MAX_MENTIONS: usize = 8;

/// What some flows that leave together leave behind.
#[derive(Debug, Default)]
pub(super) struct Departure {
    pub(super) sessions: Vec<SessionReport>,
    pub(super) findings: Vec<Finding>,
    pub(super) coverage: CoverageReport,
    pub(super) outside: OutsideReport,
    pub(super) outside_servers: BTreeSet<IpAddr>,
    pub(super) tallies: BTreeMap<IpAddr, Tally>,
    pub(super) known: Vec<EndpointReport>,
    pub(super) flows: Vec<FlowReport>,
    pub(super) bindings: Vec<NameBinding>,
}

/// What a finding is about: the call, the address and the rule.
type Key = (Option<String>, IpAddr, Option<String>);

fn key(finding: &Finding) -> Key {
    (finding.session.clone(), finding.endpoint, finding.rule.clone())
}

/// What remains of all flows that have left.
#[derive(Debug, Default)]
pub(super) struct Archive {
    kept: Departure,
    /// Where in `kept` the findings stand.
    places: BTreeMap<Key, usize>,
    known: BTreeMap<IpAddr, EndpointReport>,
    left_out: LeftOut,
    /// The worst verdict of what is not kept.
    verdict: Verdict,
}

/// What was given up because a bound was reached.
#[derive(Clone, Copy, Debug, Default)]
struct LeftOut {
    sessions: u64,
    findings: u64,
    addresses: u64,
    flows: u64,
}

/// What a departure is made from: the report in which the flows were seen last.
pub(super) struct Seen<'a> {
    pub(super) analysis: &'a Analysis,
    pub(super) flows: &'a [Identity],
    pub(super) subjects: &'a [Subject<'a>],
    pub(super) report: &'a Report,
    pub(super) countries: &'a BTreeMap<IpAddr, (Scope, Option<CountryCode>)>,
    /// Findings of servers outside of calls.
    pub(super) outside: &'a BTreeMap<IpAddr, Vec<&'a Finding>>,
}

impl Departure {
    /// Adds what the flow at `place` leaves behind.
    pub(super) fn flow(&mut self, seen: &Seen<'_>, place: usize, in_call: bool) {
        let (Some(flow), Some(subject), Some(identity)) =
            (seen.analysis.flows.get(place), seen.subjects.get(place), seen.flows.get(place))
        else {
            return;
        };
        let share = Share {
            packets: subject.sent.packets.saturating_add(subject.received.packets),
            bytes: subject.sent.bytes.saturating_add(subject.received.bytes),
        };
        let server = subject.server.ip();
        add(self.coverage.contacts.entry(identity.contact).or_default(), share);
        add(self.coverage.roles.entry(identity.role).or_default(), share);
        if identity.service.is_none() {
            add(&mut self.coverage.unidentified, share);
        }
        if seen
            .countries
            .get(&server)
            .is_some_and(|(scope, country)| *scope == Scope::Global && country.is_none())
        {
            add(&mut self.coverage.unlocated, share);
        }
        if !in_call {
            self.outside.packets = self.outside.packets.saturating_add(share.packets);
            self.outside.bytes = self.outside.bytes.saturating_add(share.bytes);
            self.outside_servers.insert(server);
            let of_server = seen.outside.get(&server).into_iter().flatten();
            self.findings.extend(of_server.map(|finding| Finding {
                bytes_sent: subject.sent.bytes,
                bytes_received: subject.received.bytes,
                ..(*finding).clone()
            }));
        }
        for side in [Side::Low, Side::High] {
            let sent = flow.sent_by(side).without(flow.sent_as_fragments_by(side));
            let received = flow.sent_by(side.other()).without(flow.sent_as_fragments_by(side.other()));
            let tally = Tally { sent, received, first: flow.start(), last: flow.end(), beyond_errors: true };
            let address = flow.key().end(side).0;
            self.tallies.entry(address).or_insert_with(|| Tally::new(flow.start())).add(&tally);
        }
        self.flows.extend(seen.report.flows.as_ref().and_then(|flows| flows.get(place)).cloned());
        self.bindings.extend(bindings(seen.analysis, subject));
    }

    /// Adds what is known of the addresses of its flows.
    pub(super) fn addresses(&mut self, report: &Report) {
        let found = self.tallies.keys().filter_map(|address| find(&report.endpoints, *address));
        self.known.extend(found.cloned());
    }
}

/// The endpoint of an address: they are sorted.
fn find(endpoints: &[EndpointReport], address: IpAddr) -> Option<&EndpointReport> {
    let place = endpoints.binary_search_by_key(&address, |endpoint| endpoint.address).ok()?;
    endpoints.get(place)
}

/// The names that the DNS answers of a flow bound. Some may be of another flow of the same client: they are the same
/// answers and count once.
fn bindings<'a>(analysis: &'a Analysis, subject: &Subject<'_>) -> impl Iterator<Item = NameBinding> + 'a {
    let is_dns = subject.facts.is_some_and(|facts| facts.has(crate::identify::facts::Protocol::Dns));
    let (client, first, last) = (subject.client.ip(), subject.first_packet, subject.last_packet);
    let all = if is_dns { analysis.names.bindings() } else { &[] };
    let start = all.partition_point(|binding| binding.packet < first);
    let rest = all.get(start..).unwrap_or_default().iter().take_while(move |binding| binding.packet <= last);
    rest.filter(move |binding| binding.client == client).cloned()
}

const fn add(share: &mut Share, other: Share) {
    share.packets = share.packets.saturating_add(other.packets);
    share.bytes = share.bytes.saturating_add(other.bytes);
}

impl Archive {
    /// Keeps what flows that have left leave behind.
    pub(super) fn keep(&mut self, departure: Departure) {
        add_coverage(&mut self.kept.coverage, &departure.coverage);
        self.kept.outside.packets += departure.outside.packets;
        self.kept.outside.bytes += departure.outside.bytes;
        for server in departure.outside_servers {
            if self.kept.outside_servers.len() < MAX_ADDRESSES {
                self.kept.outside_servers.insert(server);
            }
        }
        let has_room = self.kept.tallies.len() < MAX_ADDRESSES;
        for (address, tally) in departure.tallies {
            if let Some(kept) = self.kept.tallies.get_mut(&address) {
                kept.add(&tally);
            } else if has_room {
                self.kept.tallies.insert(address, tally);
            } else {
                self.left_out.addresses += 1;
            }
        }
        departure.known.into_iter().for_each(|endpoint| self.know(endpoint));
        self.kept.sessions.extend(departure.sessions);
        departure.findings.into_iter().for_each(|finding| self.finding(finding));
        for flow in departure.flows {
            if self.kept.flows.len() < MAX_FLOWS {
                self.kept.flows.push(flow);
            } else {
                self.left_out.flows += 1;
            }
        }
        self.kept.bindings.extend(departure.bindings);
        self.bound_sessions();
    }

    /// Keeps what is known of an address, all but its counts.
    fn know(&mut self, endpoint: EndpointReport) {
        if let Some(known) = self.known.get_mut(&endpoint.address) {
            merge_endpoint(known, &endpoint);
        } else if self.known.len() < MAX_ADDRESSES {
            self.known.insert(endpoint.address, endpoint);
        }
    }

    fn finding(&mut self, finding: Finding) {
        let place = self.places.get(&key(&finding)).copied();
        if let Some(kept) = place.and_then(|place| self.kept.findings.get_mut(place)) {
            kept.bytes_sent = kept.bytes_sent.saturating_add(finding.bytes_sent);
            kept.bytes_received = kept.bytes_received.saturating_add(finding.bytes_received);
            kept.verdict = kept.verdict.max(finding.verdict);
        } else if self.kept.findings.len() < MAX_FINDINGS {
            self.places.insert(key(&finding), self.kept.findings.len());
            self.kept.findings.push(finding);
        } else {
            self.verdict = self.verdict.max(finding.verdict);
            self.left_out.findings += 1;
        }
    }

    fn bound_sessions(&mut self) {
        while self.kept.sessions.len() > MAX_SESSIONS {
            let allowed = self.kept.sessions.iter().position(|session| session.verdict == Verdict::Allow);
            self.kept.sessions.remove(allowed.unwrap_or(0));
            self.left_out.sessions += 1;
        }
    }

    /// The DNS answers of flows that have left, of which some may name flows to come.
    pub(super) fn bindings(&mut self, is_fresh: impl Fn(&NameBinding) -> bool) -> Vec<NameBinding> {
        self.kept.bindings.retain(is_fresh);
        let beyond = self.kept.bindings.len().saturating_sub(MAX_BINDINGS);
        self.kept.bindings.drain(..beyond);
        self.kept.bindings.clone()
    }

    /// Adds the packets of flows that have left at their addresses.
    pub(super) fn count(&self, endpoints: &mut BTreeMap<IpAddr, Tally>) {
        for (address, tally) in &self.kept.tallies {
            endpoints.entry(*address).or_insert_with(|| Tally::new(tally.first)).add(tally);
        }
    }

    /// Adds what remains to a report of the flows that there are. What it lists was counted at its addresses before.
    pub(super) fn complete(&self, report: &mut Report) {
        add_coverage(&mut report.coverage, &self.kept.coverage);
        report.outside.packets += self.kept.outside.packets;
        report.outside.bytes += self.kept.outside.bytes;
        report.outside.endpoints = report.outside.endpoints.max(self.kept.outside_servers.len() as u64);
        if let (Some(flows), false) = (&mut report.flows, self.kept.flows.is_empty()) {
            let now = std::mem::take(flows);
            *flows = self.kept.flows.iter().cloned().chain(now).collect();
        }
        self.complete_endpoints(report);
        let findings = std::mem::take(&mut report.findings);
        report.findings = merge_findings(&self.kept.findings, &self.places, findings);
        let sessions = std::mem::take(&mut report.sessions);
        report.sessions = self.kept.sessions.iter().cloned().chain(sessions).collect();
        report
            .sessions
            .sort_by(|a, b| (a.start.at, a.client, &a.service).cmp(&(b.start.at, b.client, &b.service)));
        number_findings(report);
        let worst = report.findings.iter().map(|finding| finding.verdict).max().unwrap_or_default();
        report.verdict = report.verdict.max(worst).max(self.verdict);
    }

    fn complete_endpoints(&self, report: &mut Report) {
        let mut missing = Vec::new();
        for (address, known) in &self.known {
            match report.endpoints.binary_search_by_key(address, |endpoint| endpoint.address) {
                Ok(place) => {
                    if let Some(endpoint) = report.endpoints.get_mut(place) {
                        merge_endpoint(endpoint, known);
                    }
                }
                Err(_) => missing.push(known.clone()),
            }
        }
        if !missing.is_empty() {
            report.endpoints.extend(missing);
            report.endpoints.sort_by_key(|endpoint| endpoint.address);
        }
    }

    /// What a person should know of what is not listed any more.
    pub(super) fn notes(&self) -> Vec<String> {
        let LeftOut { sessions, findings, addresses, flows } = self.left_out;
        let kinds = [
            (sessions, "finished calls are"),
            (findings, "findings are"),
            (addresses, "addresses of flows that are over are"),
            (flows, "flows are"),
        ];
        let say = |(count, what): (u64, &str)| {
            format!("{count} {what} no longer listed: there is no room for more")
        };
        kinds.into_iter().filter(|(count, _)| *count > 0).map(say).collect()
    }
}

fn add_coverage(to: &mut CoverageReport, from: &CoverageReport) {
    for (contact, share) in &from.contacts {
        add(to.contacts.entry(*contact).or_default(), *share);
    }
    for (role, share) in &from.roles {
        add(to.roles.entry(*role).or_default(), *share);
    }
    add(&mut to.unidentified, from.unidentified);
    add(&mut to.unlocated, from.unlocated);
}

/// Adds what `from` knows of the same address, all but counts.
fn merge_endpoint(to: &mut EndpointReport, from: &EndpointReport) {
    fn union<T: Ord + Clone>(to: &mut Vec<T>, from: &[T]) {
        let all: BTreeSet<T> = to.drain(..).chain(from.iter().cloned()).collect();
        to.extend(all);
    }
    union(&mut to.names, &from.names);
    union(&mut to.services, &from.services);
    union(&mut to.roles, &from.roles);
    union(&mut to.mentioned, &from.mentioned);
    to.mentioned.truncate(MAX_MENTIONS);
    to.contact = to.contact.max(from.contact);
    let rtts = [to.rtt, from.rtt].into_iter().flatten();
    to.rtt = rtts.min_by_key(|rtt| rtt.min_s);
}

/// Findings of flows that have left, then those of now; of an address outside of calls one.
fn merge_findings(kept: &[Finding], places: &BTreeMap<Key, usize>, now: Vec<Finding>) -> Vec<Finding> {
    let mut findings = kept.to_vec();
    for finding in now {
        let place = places.get(&key(&finding)).copied();
        let Some(other) = place.and_then(|place| findings.get_mut(place)) else {
            findings.push(finding);
            continue;
        };
        let (sent, received) = (other.bytes_sent, other.bytes_received);
        let first_packet = other.first_packet.take().or_else(|| finding.first_packet.clone());
        *other = Finding { first_packet, ..finding };
        other.bytes_sent = other.bytes_sent.saturating_add(sent);
        other.bytes_received = other.bytes_received.saturating_add(received);
    }
    findings
}

/// Tells each session where its findings stand.
fn number_findings(report: &mut Report) {
    let mut places: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (finding, place) in report.findings.iter().zip(0..) {
        if let Some(session) = &finding.session {
            places.entry(session).or_default().push(place);
        }
    }
    for session in &mut report.sessions {
        session.findings = places.remove(&*session.id).unwrap_or_default();
    }
}
