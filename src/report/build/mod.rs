//! Puts the report together from what the stages found.

mod client;
mod endpoints;
mod finding;
mod flows;
mod inputs;
mod outside;
mod proof;
mod sessions;

use super::model::{CoverageReport, Finding, PacketReport, Report, Share, Time, Tool};
use super::{SCHEMA_VERSION, text};
use crate::capture::{Format, Input, Precision, Timestamp};
use crate::flow::{Coverage, PacketRef, Tally};
use crate::identify::infer::Subject;
use crate::identify::{Catalogue, Contact, Identity, Inference, Role, Service};
use crate::locate::{CountryCode, Locator, Placement, Scope};
use crate::parallel::{at_once, part_size};
use crate::policy::{CountrySet, Evidence, Judgement, Policy, Verdict};
use crate::report::Places;
use crate::session::Calls;
use hashbrown::HashMap;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// What a report is made of.
pub struct Material<'a> {
    /// What was read.
    pub inputs: &'a [Input],
    /// Oddities of frames by kind, for each input.
    pub anomalies: &'a [BTreeMap<&'static str, u64>],
    /// Frames and bytes.
    pub coverage: Coverage,
    /// What each address sent and received.
    pub tallies: &'a BTreeMap<IpAddr, Tally>,
    /// The same of packets that belong to no flow: tunnels around others, fragments.
    pub loose: &'a BTreeMap<IpAddr, Tally>,
    /// The flows as the inference sees them, in their order.
    pub subjects: &'a [Subject<'a>],
    /// What the flows and addresses are.
    pub inference: &'a Inference,
    /// The calls.
    pub calls: &'a Calls,
    /// Names of services.
    pub catalogue: &'a Catalogue,
    /// The databases.
    pub locator: &'a Locator,
    /// Says where addresses are.
    pub places: &'a Places<'a>,
    /// Says what is allowed.
    pub policy: &'a Policy,
    /// The countries that calls should stay in, where the user has said.
    pub home: &'a CountrySet,
    /// The country in which the captures were taken, where the user has said.
    pub vantage: Option<CountryCode>,
    /// Whether what belongs to no call is judged too.
    pub judge_all: bool,
    /// Whether to list every flow.
    pub with_flows: bool,
    /// Whether the report is only for a table: what that has no room for is left out.
    pub brief: bool,
    /// Threads that may work at once; the report is the same with any number.
    pub threads: usize,
}

impl Material<'_> {
    /// Whether the report tells no more than the calls that a table shows.
    fn tells_few(&self) -> bool {
        self.brief && self.policy.is_empty()
    }
}

/// Calls that a thread is worth.
const MIN_PART: usize = 64;

/// Puts a report together.
pub fn build(material: &Material<'_>) -> Report {
    let mut builder = Builder::new(material);
    if !material.brief {
        builder.cover();
    }
    let sessions = builder.sessions();
    let outside = builder.outside();
    let lacks = builder.lacks();
    let verdict = builder.verdict(&lacks);
    Report {
        schema_version: SCHEMA_VERSION,
        tool: Tool { name: "landfall", version: env!("CARGO_PKG_VERSION") },
        verdict,
        lacks,
        inputs: builder.inputs(),
        databases: material.locator.databases().to_vec(),
        policy: material.policy.clone(),
        endpoints: builder.endpoints(&sessions),
        flows: material.with_flows.then(|| builder.flows(&sessions)),
        coverage: builder.coverage,
        sessions,
        sessions_left_out: material.calls.left_out,
        outside,
        findings: builder.findings,
        pseudonymized: false,
    }
}

/// How an address was met, as far as rules ask for it.
struct Met<'a> {
    contact: Contact,
    lacks_answers: bool,
    is_proxy: bool,
    services: &'a [Service],
    roles: &'a [Role],
    names: Vec<&'a str>,
    bytes_sent: u64,
    bytes_received: u64,
    seen: Option<(Timestamp, Timestamp)>,
    client: &'a CountrySet,
}

/// Where the addresses are that calls and coverage ask for.
type Placements = HashMap<IpAddr, Placement, foldhash::fast::RandomState>;

/// Places servers, clients of calls and what was mentioned, each once.
fn placements(material: &Material<'_>) -> Placements {
    let clients = material.calls.sessions.iter().map(|session| session.client);
    let addresses: BTreeSet<IpAddr> = material.inference.endpoints.keys().copied().chain(clients).collect();
    let addresses: Vec<IpAddr> = addresses.into_iter().collect();
    let part = part_size(addresses.len(), material.threads, MIN_PART);
    let placed = at_once(addresses.chunks(part), |addresses| {
        let place = |address: &IpAddr| (*address, material.places.locate(*address));
        addresses.iter().map(place).collect::<Vec<_>>()
    });
    placed.into_iter().flatten().collect()
}

struct Builder<'a> {
    material: &'a Material<'a>,
    precision: Precision,
    placements: Placements,
    coverage: CoverageReport,
    findings: Vec<Finding>,
}

impl<'a> Builder<'a> {
    fn new(material: &'a Material<'a>) -> Self {
        let counted = &material.coverage;
        let precision = material.inputs.iter().map(|input| input.precision).max();
        Self {
            material,
            precision: precision.unwrap_or(Precision::MICROSECONDS),
            // Of a table without rules, which tells few calls, each is placed when it is asked for.
            placements: if material.tells_few() { Placements::default() } else { placements(material) },
            coverage: CoverageReport {
                packets: counted.packets,
                bytes: counted.bytes,
                ip_packets: counted.ip_packets,
                unfollowed_packets: counted.unfollowed_packets,
                unread_segments: counted.unread_segments,
                ..CoverageReport::default()
            },
            findings: Vec::new(),
        }
    }

    const fn time(&self, at: Timestamp) -> Time {
        Time { at, precision: self.precision }
    }

    /// A flow and what it is.
    fn flow(&self, place: u32) -> Option<(&'a Subject<'a>, &'a Identity)> {
        let place = place as usize;
        Some((self.material.subjects.get(place)?, self.material.inference.flows.get(place)?))
    }

    fn place(&self, address: IpAddr) -> Cow<'_, Placement> {
        let known = self.placements.get(&address).map(Cow::Borrowed);
        known.unwrap_or_else(|| Cow::Owned(self.material.places.locate(address)))
    }

    fn country(&self, address: IpAddr) -> Option<CountryCode> {
        self.place(address).location.country
    }

    /// Holds an address, met in such a way, against the rules.
    fn judge(&self, address: IpAddr, met: &Met<'_>) -> Judgement {
        let placement = self.place(address);
        let Placement { scope, location, operator, .. } = &*placement;
        self.material.policy.judge(&Evidence {
            lacks_answers: met.lacks_answers,
            is_proxy: met.is_proxy,
            services: met.services,
            roles: met.roles,
            names: &met.names,
            asn: operator.as_ref().map(|operator| operator.asn),
            bytes_sent: met.bytes_sent,
            bytes_received: met.bytes_received,
            seen: met.seen,
            client: met.client,
            ..Evidence::new(address, *scope, location, met.contact)
        })
    }

    fn packet(&self, packet: PacketRef, at: Timestamp) -> Option<PacketReport> {
        let input = self.material.inputs.get(usize::from(packet.input()))?;
        Some(PacketReport { input: input.path.clone(), number: packet.number(), time: self.time(at) })
    }

    /// The worst verdict of all. Where something may have been missed, nothing is called allowed.
    fn verdict(&self, lacks: &[String]) -> Verdict {
        let found = self.findings.iter().map(|finding| finding.verdict).max().unwrap_or_default();
        let missed = lacks.iter().map(|lack| self.material.policy.judge_incomplete(lack).verdict);
        missed.chain([found]).max().unwrap_or_default()
    }

    /// What the capture lacks that may have held a contact.
    fn lacks(&self) -> Vec<String> {
        let inputs = &self.material.inputs;
        let (gone, damaged): (Vec<&Input>, Vec<&Input>) = inputs
            .iter()
            .filter(|input| input.damage.is_some())
            .partition(|input| input.format == Format::Live);
        let mut lacks = Vec::new();
        if !gone.is_empty() {
            let gone = text::counted(gone.len(), "interface");
            lacks.push(format!("{gone} could not be captured from until the end."));
        }
        let dropped: u64 = inputs.iter().filter_map(|input| input.dropped_packets).sum();
        let unfollowed = self.coverage.unfollowed_packets;
        if !damaged.is_empty() {
            lacks.push(format!(
                "What follows the damage in {} was not read.",
                text::counted(damaged.len(), "input")
            ));
        }
        if dropped > 0 {
            lacks.push(format!("{} frames were dropped while capturing.", text::number(dropped)));
        }
        let fragments: u64 =
            self.material.anomalies.iter().filter_map(|counts| counts.get("fragments_given_up")).sum();
        if fragments > 0 {
            lacks.push(format!("{} pieces of packets were not put together.", text::number(fragments)));
        }
        if unfollowed > 0 {
            lacks.push(format!(
                "{} packets were not followed: too many flows or addresses.",
                text::number(unfollowed)
            ));
        }
        if self.material.coverage.headers_only {
            lacks.push("Only headers were looked at: no call is told, and no name is known.".to_owned());
        }
        let unread = self.coverage.unread_segments;
        if unread > 0 {
            lacks.push(format!(
                "{} TCP segments were not looked at, of too many connections at once: names in them are missing.",
                text::number(unread)
            ));
        }
        lacks
    }

    /// Counts every flow by contact and role.
    fn cover(&mut self) {
        for (subject, identity) in self.material.subjects.iter().zip(&self.material.inference.flows) {
            let placement = self.place(subject.server.ip());
            let unlocated = placement.scope == Scope::Global && placement.location.country.is_none();
            let share = Share {
                packets: subject.sent.packets.saturating_add(subject.received.packets),
                bytes: subject.sent.bytes.saturating_add(subject.received.bytes),
            };
            self.coverage.contacts.entry(identity.contact).or_default().add(share);
            self.coverage.roles.entry(identity.role).or_default().add(share);
            if identity.service.is_none() {
                self.coverage.unidentified.add(share);
            }
            if unlocated {
                self.coverage.unlocated.add(share);
            }
        }
    }
}

impl Share {
    const fn add(&mut self, other: Self) {
        self.packets = self.packets.saturating_add(other.packets);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}
