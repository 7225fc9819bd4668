//! Makes a report of what the stages hold, and finds what of it is news. It reads no clock.

use super::archive::{Archive, Departure, Seen};
use super::engine::{FlowId, Group, Holdings, id};
use super::telling::{Look, Telling};
use super::told::Told;
use super::{Rate, Snapshot};
use crate::capture::{Precision, Timestamp};
use crate::flow::Flow;
use crate::identify::Inference;
use crate::identify::infer::Subject;
use crate::identify::names::NameBinding;
use crate::pipeline::gather::gather;
use crate::pipeline::{Analysis, FlowState, Inspector};
use crate::report::{Finding, ProcessReport, Report, Time};
use crate::session::Session;
use hashbrown::HashMap;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

/// What is over for so long leaves. After as long a silence a packet would open a new flow anyway, and no other flow
/// takes anything over from it.
const LINGER: Duration = Duration::from_mins(15);

/// Flows that may linger. A machine has some thousand in a quarter of an hour.
const MANY_FLOWS: usize = 50_000;

/// Where there are many flows, those outside of calls leave after so long: a NAT forgets them in that time too
/// (RFC 4787, REQ-5).
const LINGER_OF_MANY: Duration = Duration::from_mins(2);

/// Flows outside of calls that may leave at a look: what they leave behind takes some kilobytes each.
const MAX_LEAVING: usize = 20_000;

/// Where there are several times as many.
const LINGER_OF_MOST: Duration = Duration::from_secs(20);

/// DNS answers name new connections for an hour after their TTL.
const GRACE: Duration = Duration::from_hours(1);

/// Programs of flows, by flow.
pub(super) type Processes = HashMap<FlowId, ProcessReport, foldhash::fast::RandomState>;

/// Looks at what the stages hold, again and again.
#[derive(Debug)]
pub(super) struct Watcher {
    inspector: Inspector<'static>,
    idle_gap: Duration,
    threads: usize,
    archive: Archive,
    telling: Telling,
    names: Names,
    /// What leaves with the groups that were asked to leave last.
    departures: Vec<Departure>,
    before: Option<Before>,
    looks: u64,
}

/// What was counted at the look before.
#[derive(Debug)]
struct Before {
    time: Timestamp,
    /// Bytes of each far end of a call.
    far: BTreeMap<IpAddr, u64>,
    /// Packets and bytes of each input.
    inputs: Vec<(u64, u64)>,
}

/// The names of calls, which stay the same while more is learnt of them.
#[derive(Debug, Default)]
struct Names {
    of_flows: HashMap<FlowId, u32, foldhash::fast::RandomState>,
    given: u32,
}

/// What came of a look.
#[derive(Debug)]
pub(super) struct Looked {
    pub(super) snapshot: Snapshot,
    pub(super) told: Vec<Told>,
    /// Flows that may leave.
    pub(super) groups: Vec<Group>,
}

/// When a look is taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now {
    /// By the packets, or by the clock where none come.
    pub(super) time: Timestamp,
    /// Whether the capture is over.
    pub(super) last: bool,
}

impl Watcher {
    pub(super) fn new(inspector: Inspector<'static>, idle_gap: Duration, threads: usize) -> Self {
        Self {
            inspector,
            idle_gap,
            threads,
            archive: Archive::default(),
            telling: Telling::default(),
            names: Names::default(),
            departures: Vec::new(),
            before: None,
            looks: 0,
        }
    }

    /// Looks at `holdings`, whose flows belong to `processes`.
    pub(super) fn look(&mut self, holdings: Holdings, processes: &Processes, now: Now) -> Looked {
        let (left, flows) = (self.settle(&holdings.left), holdings.flows());
        let fresh = |binding: &NameBinding| now.time.since(binding.time) <= binding.ttl.saturating_add(GRACE);
        let bindings = self.archive.bindings(fresh);
        let mut analysis = gather(
            holdings.inputs,
            holdings.shards,
            bindings,
            self.threads,
            holdings.coverage,
            &holdings.anomalies,
        );
        self.archive.count(&mut analysis.endpoints);
        let (mut report, inference, sessions) = self.inspector.report(&analysis);
        add_processes(&mut report, &analysis, &sessions, processes);
        let merged = self.names.give(&mut report, &analysis, &sessions);
        let precision = analysis.inputs.iter().map(|input| input.precision).max();
        let time = Time { at: now.time, precision: precision.unwrap_or(Precision::MICROSECONDS) };
        let look = Look {
            report: &report,
            now: time,
            idle_gap: self.idle_gap,
            merged: &merged,
            left: &left,
            last: now.last,
        };
        let told = self.telling.tell(&look);
        let going_on =
            report.sessions.iter().filter(|session| now.time.since(session.end.at) <= self.idle_gap);
        let calls = going_on.count();
        let groups = if now.last {
            Vec::new()
        } else {
            self.departing(&analysis, &inference, &sessions, &report, now.time)
        };
        self.archive.complete(&mut report);
        self.looks += 1;
        let (interfaces, rates) = self.rates(&report, now.time);
        let snapshot = Snapshot {
            number: self.looks,
            time,
            report,
            interfaces,
            rates,
            flows,
            calls,
            notes: self.archive.notes(),
        };
        Looked { snapshot, told, groups }
    }

    /// Keeps what the flows that have left leave behind. Gives the names of their calls.
    fn settle(&mut self, left: &[usize]) -> Vec<String> {
        let mut ids = Vec::new();
        for (departure, place) in std::mem::take(&mut self.departures).into_iter().zip(0..) {
            if left.contains(&place) {
                ids.extend(departure.sessions.iter().map(|session| session.id.clone()));
                self.archive.keep(departure);
            }
        }
        ids
    }

    /// The flows that may leave, and what they will leave behind.
    fn departing(
        &mut self,
        analysis: &Analysis,
        inference: &Inference,
        sessions: &[Session],
        report: &Report,
        now: Timestamp,
    ) -> Vec<Group> {
        let linger = LINGER.max(self.idle_gap);
        let mut in_calls = BTreeSet::new();
        let mut parts: Vec<(Option<usize>, Vec<usize>)> = Vec::new();
        for (session, place) in sessions.iter().zip(0..) {
            let flows: Vec<usize> = session.legs.iter().map(|leg| leg.flow as usize).collect();
            in_calls.extend(flows.iter().copied());
            if now.since(session.end) > linger {
                parts.push((Some(place), flows));
            }
        }
        let patience = linger_outside(analysis.flows.len()).min(linger);
        let over = analysis
            .flows
            .iter()
            .zip(0..)
            .filter(|(flow, place)| !in_calls.contains(place) && now.since(flow.end()) > patience);
        parts.extend(over.take(MAX_LEAVING).map(|(_, place)| (None, vec![place])));
        if parts.is_empty() {
            return Vec::new();
        }
        let subjects: Vec<Subject<'_>> =
            analysis.flows.iter().map(|flow| Subject::new(flow, flow.state.facts())).collect();
        let countries = report
            .endpoints
            .iter()
            .map(|endpoint| (endpoint.address, (endpoint.scope, endpoint.location.country)))
            .collect();
        let mut outside: BTreeMap<IpAddr, Vec<&Finding>> = BTreeMap::new();
        for finding in report.findings.iter().filter(|finding| finding.session.is_none()) {
            outside.entry(finding.endpoint).or_default().push(finding);
        }
        let seen = Seen {
            analysis,
            flows: &inference.flows,
            subjects: &subjects,
            report,
            countries: &countries,
            outside: &outside,
        };
        let departures = parts.iter().map(|(session, flows)| departure(&seen, *session, flows));
        self.departures = departures.collect();
        let group = |(_, flows): &(Option<usize>, Vec<usize>)| {
            let flows = flows.iter().filter_map(|place| analysis.flows.get(*place));
            flows.map(|flow| (id(flow), flow.last_packet())).collect()
        };
        parts.iter().map(group).collect()
    }

    /// How fast packets come, since the look before.
    fn rates(&mut self, report: &Report, now: Timestamp) -> (Vec<Rate>, BTreeMap<IpAddr, u64>) {
        let in_calls: BTreeMap<IpAddr, u64> = report
            .sessions
            .iter()
            .flat_map(|session| &session.endpoints)
            .filter_map(|far| {
                let place = report.endpoints.binary_search_by_key(&far.address, |endpoint| endpoint.address);
                Some((far.address, report.endpoints.get(place.ok()?)?.bytes))
            })
            .collect();
        let inputs: Vec<(u64, u64)> =
            report.inputs.iter().map(|input| (input.packets, input.bytes)).collect();
        let here = Before { time: now, far: in_calls.clone(), inputs: inputs.clone() };
        let before = self.before.replace(here);
        let Some(before) = before else {
            return (vec![Rate::default(); inputs.len()], BTreeMap::new());
        };
        let span = u64::try_from(now.since(before.time).as_millis()).unwrap_or(u64::MAX).max(1);
        let rate = |now: u64, before: u64| now.saturating_sub(before).saturating_mul(1000) / span;
        let interfaces = inputs.iter().zip(&before.inputs).map(|(now, before)| Rate {
            packets_per_s: rate(now.0, before.0),
            bytes_per_s: rate(now.1, before.1),
        });
        let addresses = in_calls
            .iter()
            .map(|(address, bytes)| (*address, rate(*bytes, before.far.get(address).copied().unwrap_or(0))));
        (interfaces.collect(), addresses.collect())
    }
}

/// How long flows outside of calls linger where there are so many flows.
const fn linger_outside(flows: usize) -> Duration {
    match flows / MANY_FLOWS {
        0 => LINGER,
        1..4 => LINGER_OF_MANY,
        _ => LINGER_OF_MOST,
    }
}

fn departure(seen: &Seen<'_>, session: Option<usize>, flows: &[usize]) -> Departure {
    let mut departure = Departure::default();
    for place in flows {
        departure.flow(seen, *place, session.is_some());
    }
    departure.addresses(seen.report);
    if let Some(session) = session.and_then(|place| seen.report.sessions.get(place)) {
        let findings = session.findings.iter().filter_map(|place| seen.report.findings.get(*place));
        departure.findings.extend(findings.cloned());
        departure.sessions.push(session.clone());
    }
    departure
}

/// Notes which programs have the sockets of flows and calls.
fn add_processes(report: &mut Report, analysis: &Analysis, sessions: &[Session], processes: &Processes) {
    if processes.is_empty() {
        return;
    }
    let of_flow = |flow: &Flow<FlowState>| processes.get(&id(flow));
    if let Some(flows) = &mut report.flows {
        for (report, flow) in flows.iter_mut().zip(&analysis.flows) {
            report.process = of_flow(flow).cloned();
        }
    }
    for (report, session) in report.sessions.iter_mut().zip(sessions) {
        let flows = session.legs.iter().filter_map(|leg| analysis.flows.get(leg.flow as usize));
        let programs: BTreeSet<&ProcessReport> = flows.filter_map(of_flow).collect();
        report.processes = programs.into_iter().cloned().collect();
    }
}

impl Names {
    /// Gives each call of `report` the name that it had, or a new one. Tells which calls took the flows of others.
    fn give(
        &mut self,
        report: &mut Report,
        analysis: &Analysis,
        sessions: &[Session],
    ) -> BTreeMap<String, String> {
        let mut taken = BTreeSet::new();
        let mut merged = BTreeMap::new();
        let mut renamed = BTreeMap::new();
        let mut of_flows = HashMap::default();
        for flow in &analysis.flows {
            if let Some(number) = self.of_flows.get(&id(flow)) {
                of_flows.insert(id(flow), *number);
            }
        }
        for (session, told) in sessions.iter().zip(&mut report.sessions) {
            let flows =
                || session.legs.iter().filter_map(|leg| analysis.flows.get(leg.flow as usize)).map(id);
            let known: BTreeSet<u32> = flows().filter_map(|flow| self.of_flows.get(&flow).copied()).collect();
            let number = known.iter().copied().find(|number| !taken.contains(number)).unwrap_or_else(|| {
                self.given = self.given.saturating_add(1);
                self.given
            });
            taken.insert(number);
            let name = format!("s{number}");
            merged.extend(
                known
                    .into_iter()
                    .filter(|other| *other != number)
                    .map(|other| (format!("s{other}"), name.clone())),
            );
            of_flows.extend(flows().map(|flow| (flow, number)));
            renamed.insert(std::mem::replace(&mut told.id, name.clone()), name);
        }
        for finding in &mut report.findings {
            if let Some(name) = finding.session.as_ref().and_then(|session| renamed.get(session)) {
                finding.session = Some(name.clone());
            }
        }
        self.of_flows = of_flows;
        merged
    }
}
