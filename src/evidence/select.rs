//! Which packets stand behind the findings: whole flows up to a bound, and single packets that something refers to.

use crate::flow::{FlowKey, PacketRef};
use crate::identify::Identity;
use crate::identify::infer::Subject;
use crate::identify::names::Via;
use crate::pipeline::Inspected;
use crate::report::{Finding, text};
use crate::session::{Failover, Session};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};

/// What is said of a packet: the number of the finding in the report, from 1, and what the packet shows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Fact {
    pub(super) finding: usize,
    pub(super) shows: String,
}

/// A flow of which packets are kept.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    /// Its first and last packet: another flow may have the same five-tuple before or after.
    pub(super) first: PacketRef,
    pub(super) last: PacketRef,
    /// What its packets have to do with the findings.
    pub(super) facts: Vec<Fact>,
    /// Who opened it.
    pub(super) client: SocketAddr,
}

/// What is to be kept.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Flows by five-tuple, each in the order of their first packets.
    pub(super) flows: HashMap<FlowKey, Vec<Wish>>,
    /// Single packets.
    pub(super) packets: BTreeMap<PacketRef, BTreeSet<Fact>>,
    /// Ends of tunnels, and addresses of packets that belong to no flow, by the finding on them.
    pub(super) loose: HashMap<IpAddr, Fact>,
    /// Findings.
    pub(super) findings: usize,
}

impl Plan {
    /// What stands behind the findings of `inspected`.
    pub(super) fn new(inspected: &Inspected) -> Self {
        let subjects: Vec<Subject<'_>> =
            inspected.analysis.flows.iter().map(|flow| Subject::new(flow, flow.state.facts())).collect();
        let mut selection = Selection {
            inspected,
            outside: outside(inspected, &subjects),
            calls: inspected
                .report
                .sessions
                .iter()
                .zip(0..)
                .map(|(call, place)| (call.id.as_str(), place))
                .collect(),
            by_first: subjects
                .iter()
                .zip(0..)
                .map(|(subject, place)| (subject.first_packet, place))
                .collect(),
            subjects,
            plan: Self::default(),
        };
        for (finding, number) in inspected.report.findings.iter().zip(1..) {
            selection.finding(finding, number);
        }
        selection.plan.findings = inspected.report.findings.len();
        selection.plan
    }
}

struct Selection<'a> {
    inspected: &'a Inspected,
    subjects: Vec<Subject<'a>>,
    /// Flows outside of calls, by server.
    outside: HashMap<IpAddr, Vec<u32>>,
    /// Places of calls by their ids.
    calls: HashMap<&'a str, usize>,
    /// Flows by their first packets; of several that begin with one packet the last.
    by_first: HashMap<PacketRef, u32>,
    plan: Plan,
}

impl Selection<'_> {
    fn finding(&mut self, finding: &Finding, number: usize) {
        let inspected = self.inspected;
        let place = finding.session.as_deref().and_then(|id| self.calls.get(id));
        let session = place.and_then(|place| inspected.sessions.get(*place));
        let flows = session.map_or_else(
            || self.outside.get(&finding.endpoint).cloned().unwrap_or_default(),
            |session| legs_to(session, finding.endpoint),
        );
        if flows.is_empty() {
            let shows = format!("a header with {}", finding.endpoint);
            self.plan.loose.insert(finding.endpoint, Fact { finding: number, shows });
        }
        for flow in &flows {
            self.flow(*flow, number, None);
            self.references(*flow, number);
        }
        for failover in session.map_or(&[][..], |session| &session.failovers) {
            if failover.reached == finding.endpoint {
                self.failover(failover, number);
            }
        }
    }

    /// Keeps a flow; `why` says what it has to do with the finding if it is not the flow that the finding is on.
    fn flow(&mut self, place: u32, finding: usize, why: Option<String>) {
        let place = place as usize;
        let Some(flow) = self.inspected.analysis.flows.get(place) else { return };
        let (Some(subject), Some(identity)) =
            (self.subjects.get(place), self.inspected.inference.flows.get(place))
        else {
            return;
        };
        let shows = why.unwrap_or_else(|| flow_in_words(subject, identity));
        let fact = Fact { finding, shows };
        for error in flow.errors() {
            self.plan.packets.entry(error.packet).or_default().insert(fact.clone());
        }
        let wishes = self.plan.flows.entry(*flow.key()).or_default();
        match wishes.iter_mut().find(|wish| wish.first == flow.first_packet()) {
            Some(wish) if wish.facts.contains(&fact) => {}
            Some(wish) => wish.facts.push(fact),
            None => wishes.push(Wish {
                first: flow.first_packet(),
                last: flow.last_packet(),
                client: subject.client,
                facts: vec![fact],
            }),
        }
    }

    /// Keeps the packets that names of a flow's server and the evidence for its service come from.
    fn references(&mut self, place: u32, finding: usize) {
        let Some(identity) = self.inspected.inference.flows.get(place as usize) else { return };
        let Some(server) = self.subjects.get(place as usize).map(|subject| subject.server.ip()) else {
            return;
        };
        for name in identity.names.iter() {
            let shows = match name.via {
                Via::Dns => format!("DNS answer: {} is {server}", name.name),
                via => format!("name of the server ({}): {}", via.name(), name.name),
            };
            self.packet(name.packet, finding, shows);
        }
        for evidence in &identity.evidence {
            if let Some(packet) = evidence.packet {
                self.packet(packet, finding, format!("{}: {}", evidence.rule, evidence.detail));
            }
        }
    }

    /// Keeps the attempts that failed before a place stood in for others.
    fn failover(&mut self, failover: &Failover, finding: usize) {
        for failed in &failover.failed {
            let why = format!("attempt that failed before: {} ({})", failed.address, failed.failure.words());
            if let Some(place) = self.by_first.get(&failed.packet).copied() {
                self.flow(place, finding, Some(why));
                self.references(place, finding);
            }
        }
    }

    fn packet(&mut self, packet: PacketRef, finding: usize, shows: String) {
        self.plan.packets.entry(packet).or_default().insert(Fact { finding, shows });
    }
}

/// Flows outside of calls, by server.
fn outside(inspected: &Inspected, subjects: &[Subject<'_>]) -> HashMap<IpAddr, Vec<u32>> {
    let in_calls: BTreeSet<u32> =
        inspected.sessions.iter().flat_map(|session| &session.legs).map(|leg| leg.flow).collect();
    let mut outside: HashMap<IpAddr, Vec<u32>> = HashMap::new();
    for (subject, place) in subjects.iter().zip(0..).filter(|(_, place)| !in_calls.contains(place)) {
        outside.entry(subject.server.ip()).or_default().push(place);
    }
    outside
}

fn legs_to(session: &Session, address: IpAddr) -> Vec<u32> {
    session.legs.iter().filter(|leg| leg.far.ip() == address).map(|leg| leg.flow).collect()
}

/// `signaling flow with 52.81.151.250:443 (tcp)`.
fn flow_in_words(subject: &Subject<'_>, identity: &Identity) -> String {
    let port = (subject.server.port() != 0).then(|| subject.server.port());
    let server = text::socket(subject.server.ip(), port);
    format!("{} flow with {server} ({})", identity.role, subject.transport.name())
}
