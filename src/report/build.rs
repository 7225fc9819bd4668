//! Puts the report together from what the stages found.

use super::model::*;
use crate::capture::{Compression, Format, Input, LinkType, Precision, Timestamp};
use crate::flow::{Flow, Outcome, PacketRef};
use crate::identify::{Contact, Role};
use crate::locate::{Locator, Placement, Scope};
use crate::pipeline::{Analysis, FlowState, Tally};
use crate::policy::{Evidence, Judgement, Policy, Reason, Verdict};
use crate::session::Session;
use hashbrown::HashMap;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::IpAddr;

/// Packets whose numbers a finding names.
const FINDING_PACKETS: usize = 8;

/// What a report is made of.
#[derive(Debug)]
pub struct Material<'a> {
    /// What packets say.
    pub analysis: &'a Analysis,
    /// The flows in groups.
    pub sessions: &'a [Session],
    /// Says where addresses are.
    pub locator: &'a Locator,
    /// Says what is allowed.
    pub policy: &'a Policy,
    /// Whether to list every flow.
    pub with_flows: bool,
}

/// Puts a report together.
pub fn build(material: &Material<'_>) -> Report {
    let mut builder = Builder::new(material);
    let sessions: Vec<_> =
        material.sessions.iter().zip(1..).map(|(session, number)| builder.session(session, number)).collect();
    builder.loose_endpoints();
    let verdict = builder.verdict();
    Report {
        schema_version: "1",
        tool: Tool { name: "landfall", version: env!("CARGO_PKG_VERSION") },
        verdict,
        inputs: builder.inputs(),
        databases: material.locator.databases().to_vec(),
        policy: material.policy.clone(),
        endpoints: builder.endpoints(),
        flows: material.with_flows.then(|| builder.flows()),
        coverage: builder.coverage,
        sessions,
        findings: builder.findings,
    }
}

struct Builder<'a> {
    material: &'a Material<'a>,
    precision: Precision,
    placements: HashMap<IpAddr, Placement, foldhash::fast::RandomState>,
    judgements: HashMap<(IpAddr, Contact), Judgement, foldhash::fast::RandomState>,
    servers: HashMap<IpAddr, ServerFacts, foldhash::fast::RandomState>,
    coverage: CoverageReport,
    findings: Vec<Finding>,
}

/// What all sessions together know of a server.
struct ServerFacts {
    contact: Contact,
    rtt: Option<RttReport>,
}

impl<'a> Builder<'a> {
    fn new(material: &'a Material<'a>) -> Self {
        let counted = &material.analysis.coverage;
        let precision = material.analysis.inputs.iter().map(|input| input.precision).max();
        Self {
            material,
            precision: precision.unwrap_or(Precision::MICROSECONDS),
            placements: HashMap::default(),
            judgements: HashMap::default(),
            servers: HashMap::default(),
            coverage: CoverageReport {
                packets: counted.packets,
                bytes: counted.bytes,
                ip_packets: counted.ip_packets,
                unfollowed_packets: counted.unfollowed_packets,
                ..CoverageReport::default()
            },
            findings: Vec::new(),
        }
    }

    const fn time(&self, at: Timestamp) -> Time {
        Time { at, precision: self.precision }
    }

    fn flow(&self, place: u32) -> Option<&'a Flow<FlowState>> {
        self.material.analysis.flows.get(place as usize)
    }

    fn place(&mut self, address: IpAddr) -> &Placement {
        let locator = self.material.locator;
        self.placements.entry(address).or_insert_with(|| locator.locate(address))
    }

    fn session(&mut self, session: &Session, number: usize) -> SessionReport {
        let id = format!("s{number}");
        let mut endpoint = self.session_endpoint(session);
        let first = self.findings.len();
        let judgement = self.judge(session.server, endpoint.contact);
        if judgement.kind == Reason::NotTouched && judgement.rule.is_some() {
            endpoint.untouched = Some(judgement.reason.clone());
        }
        if judgement.verdict != Verdict::Allow {
            let placement = self.place(session.server).clone();
            let finding = self.session_finding(&id, session, &endpoint, &placement, &judgement);
            self.findings.push(finding);
        }
        let country =
            self.place(session.server).location.country.filter(|_| endpoint.contact >= Contact::Answered);
        SessionReport {
            id,
            service: None,
            client: session.client,
            start: self.time(session.start),
            end: self.time(session.end),
            countries: country
                .map(|country| CountryReport {
                    country,
                    roles: endpoint.roles.clone(),
                    bytes: endpoint.bytes_sent.saturating_add(endpoint.bytes_received),
                })
                .into_iter()
                .collect(),
            endpoints: vec![endpoint],
            timeline: Vec::new(),
            verdict: judgement.verdict,
            findings: (first..self.findings.len()).collect(),
        }
    }

    /// Sums up the flows of a session and counts them in the coverage.
    fn session_endpoint(&mut self, session: &Session) -> SessionEndpoint {
        let placement = self.place(session.server);
        let unlocated = placement.scope == Scope::Global && placement.location.country.is_none();
        let mut ports = BTreeSet::new();
        let mut transports = BTreeSet::new();
        let mut endpoint = SessionEndpoint {
            address: session.server,
            ports: Vec::new(),
            transports: Vec::new(),
            roles: vec![Role::Unknown],
            contact: Contact::Attempted,
            packets_sent: 0,
            bytes_sent: 0,
            packets_received: 0,
            bytes_received: 0,
            handshake_rtt_s: None,
            untouched: None,
        };
        let mut samples = 0;
        let flows = &self.material.analysis.flows;
        for flow in session.flows.iter().filter_map(|place| flows.get(*place as usize)) {
            let contact = Contact::of_flow(flow);
            let (sent, received) = (flow.sent(), flow.received());
            endpoint.contact = endpoint.contact.max(contact);
            endpoint.packets_sent += sent.packets;
            endpoint.bytes_sent += sent.bytes;
            endpoint.packets_received += received.packets;
            endpoint.bytes_received += received.bytes;
            ports.extend(flow.server().1);
            transports.insert(flow.transport());
            let rtt = flow.handshake_time();
            samples += u64::from(rtt.is_some());
            endpoint.handshake_rtt_s = endpoint.handshake_rtt_s.into_iter().chain(rtt).min();
            self.cover(contact, sent.packets + received.packets, sent.bytes + received.bytes, unlocated);
        }
        endpoint.ports = ports.into_iter().collect();
        endpoint.transports = transports.into_iter().map(crate::flow::Transport::name).collect();
        let rtt = endpoint.handshake_rtt_s.map(|min_s| RttReport { min_s, samples, via: "tcp" });
        self.learn(session.server, endpoint.contact, rtt);
        endpoint
    }

    fn cover(&mut self, contact: Contact, packets: u64, bytes: u64, unlocated: bool) {
        let add = |share: &mut Share| {
            share.packets += packets;
            share.bytes += bytes;
        };
        add(self.coverage.contacts.entry(contact).or_default());
        add(self.coverage.roles.entry(Role::Unknown).or_default());
        add(&mut self.coverage.unidentified);
        if unlocated {
            add(&mut self.coverage.unlocated);
        }
    }

    fn learn(&mut self, server: IpAddr, contact: Contact, rtt: Option<RttReport>) {
        let facts = self.servers.entry(server).or_insert(ServerFacts { contact, rtt: None });
        facts.contact = facts.contact.max(contact);
        facts.rtt = match (facts.rtt, rtt) {
            (Some(a), Some(b)) => {
                Some(RttReport { min_s: a.min_s.min(b.min_s), samples: a.samples + b.samples, via: a.via })
            }
            (a, b) => a.or(b),
        };
    }

    fn judge(&mut self, address: IpAddr, contact: Contact) -> Judgement {
        if let Some(known) = self.judgements.get(&(address, contact)) {
            return known.clone();
        }
        let policy = self.material.policy;
        let placement = self.place(address);
        let evidence = Evidence { scope: placement.scope, location: &placement.location, contact };
        let judgement = policy.judge(&evidence);
        self.judgements.insert((address, contact), judgement.clone());
        judgement
    }

    fn session_finding(
        &self,
        id: &str,
        session: &Session,
        endpoint: &SessionEndpoint,
        placement: &Placement,
        judgement: &Judgement,
    ) -> Finding {
        let flows: Vec<_> = session.flows.iter().filter_map(|place| self.flow(*place)).collect();
        let shown = flows.iter().find(|flow| Contact::of_flow(flow) == endpoint.contact).or(flows.first());
        let first = shown.map(|flow| (flow.first_packet(), flow.start()));
        let input = first.map(|(packet, _)| packet.input);
        let numbers = flows.iter().flat_map(|flow| [flow.first_packet(), flow.last_packet()]);
        let mut packets: Vec<u64> =
            numbers.filter(|packet| Some(packet.input) == input).map(|packet| packet.number).collect();
        packets.sort_unstable();
        packets.dedup();
        packets.truncate(FINDING_PACKETS);
        Finding {
            rule: judgement.rule.clone(),
            verdict: judgement.verdict,
            session: Some(id.to_owned()),
            endpoint: session.server,
            country: placement.location.country,
            confidence: placement.location.confidence,
            role: Role::Unknown,
            contact: endpoint.contact,
            bytes_sent: endpoint.bytes_sent,
            bytes_received: endpoint.bytes_received,
            reason: reason(&flows, endpoint, judgement),
            first_packet: first.and_then(|(packet, at)| self.packet(packet, at)),
            packets,
        }
    }

    fn packet(&self, packet: PacketRef, at: Timestamp) -> Option<PacketReport> {
        let input = self.material.analysis.inputs.get(usize::from(packet.input))?;
        Some(PacketReport { input: input.path.clone(), number: packet.number, time: self.time(at) })
    }

    /// Judges addresses that no flow stands for: tunnel ends, and fragments that were never made whole.
    fn loose_endpoints(&mut self) {
        for (address, tally) in &self.material.analysis.loose {
            if !tally.beyond_errors {
                continue;
            }
            let contact = if tally.sent.packets > 0 { Contact::Answered } else { Contact::Attempted };
            if self.servers.get(address).is_some_and(|facts| facts.contact >= contact) {
                continue;
            }
            let judgement = self.judge(*address, contact);
            self.learn(*address, contact, None);
            if judgement.verdict != Verdict::Allow {
                let placement = self.place(*address).clone();
                self.findings.push(self.loose_finding(*address, tally, contact, &placement, &judgement));
            }
        }
    }

    fn loose_finding(
        &self,
        address: IpAddr,
        tally: &Tally,
        contact: Contact,
        placement: &Placement,
        judgement: &Judgement,
    ) -> Finding {
        Finding {
            rule: judgement.rule.clone(),
            verdict: judgement.verdict,
            session: None,
            endpoint: address,
            country: placement.location.country,
            confidence: placement.location.confidence,
            role: Role::Unknown,
            contact,
            bytes_sent: tally.received.bytes,
            bytes_received: tally.sent.bytes,
            reason: format!(
                "{address} is one end of a tunnel, or of packets that could not be put together, in packets both \
                 from and to it; {}",
                judgement.reason
            ),
            first_packet: None,
            packets: Vec::new(),
        }
    }

    /// The worst verdict of all. Where something may have been missed, nothing is called allowed.
    fn verdict(&self) -> Verdict {
        let found = self.findings.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Allow);
        let inputs = &self.material.analysis.inputs;
        let incomplete = self.coverage.unfollowed_packets > 0
            || inputs
                .iter()
                .any(|input| input.damage.is_some() || input.dropped_packets.is_some_and(|count| count > 0));
        if incomplete && !self.material.policy.is_empty() { found.max(Verdict::Indeterminate) } else { found }
    }

    fn inputs(&self) -> Vec<InputReport> {
        let none = BTreeMap::new();
        let analysis = self.material.analysis;
        let frames = analysis.anomalies.iter().chain(std::iter::repeat(&none));
        analysis.inputs.iter().zip(frames).map(|(input, frames)| self.input(input, frames)).collect()
    }

    fn input(&self, input: &Input, frames: &BTreeMap<&'static str, u64>) -> InputReport {
        let mut anomalies = input.anomalies.clone();
        for (kind, count) in frames {
            *anomalies.entry(kind).or_default() += count;
        }
        InputReport {
            path: input.path.clone(),
            sha256: input.sha256.as_ref().map(|hash| hexadecimal(hash)),
            size: input.size,
            format: match input.format {
                Format::Pcap => "pcap",
                Format::Pcapng => "pcapng",
            },
            compression: input.compression.map(compression_name),
            link_types: input.link_types.iter().copied().map(link_type_name).collect(),
            packets: input.packets,
            bytes: input.bytes,
            first_packet: input.first_packet.map(|at| Time { at, precision: input.precision }),
            last_packet: input.last_packet.map(|at| Time { at, precision: input.precision }),
            truncated_packets: input.truncated_packets,
            dropped_packets: input.dropped_packets,
            anomalies,
            damage: input
                .damage
                .as_ref()
                .map(|damage| DamageReport { offset: damage.offset, reason: damage.reason.clone() }),
        }
    }

    fn endpoints(&mut self) -> Vec<EndpointReport> {
        let analysis = self.material.analysis;
        let recorded = analysis.inputs.iter().flat_map(|input| &input.recorded_names);
        let mut names: BTreeMap<IpAddr, BTreeSet<NameReport>> = BTreeMap::new();
        for name in recorded {
            let report = NameReport { name: name.name.clone(), via: "capture" };
            names.entry(name.address).or_default().insert(report);
        }
        let mut endpoints = Vec::with_capacity(analysis.endpoints.len());
        for (address, tally) in &analysis.endpoints {
            let own_names = names.remove(address).unwrap_or_default();
            endpoints.push(self.endpoint(*address, tally, own_names));
        }
        endpoints
    }

    fn endpoint(&mut self, address: IpAddr, tally: &Tally, names: BTreeSet<NameReport>) -> EndpointReport {
        let placement = self.place(address).clone();
        let server = self.servers.get(&address);
        EndpointReport {
            address,
            scope: placement.scope,
            packets: tally.sent.packets + tally.received.packets,
            bytes: tally.sent.bytes + tally.received.bytes,
            packets_sent: tally.sent.packets,
            bytes_sent: tally.sent.bytes,
            packets_received: tally.received.packets,
            bytes_received: tally.received.bytes,
            first_seen: Some(self.time(tally.first)),
            last_seen: Some(self.time(tally.last)),
            names: names.into_iter().collect(),
            operator: placement.operator,
            services: Vec::new(),
            roles: server.map(|_| Role::Unknown).into_iter().collect(),
            contact: server.map(|facts| facts.contact),
            location: placement.location,
            rtt: server.and_then(|facts| facts.rtt),
        }
    }

    fn flows(&self) -> Vec<FlowReport> {
        self.material.analysis.flows.iter().map(|flow| self.flow_report(flow)).collect()
    }

    fn flow_report(&self, flow: &Flow<FlowState>) -> FlowReport {
        let socket = |(address, port)| SocketReport { address, port };
        let (sent, received) = (flow.sent(), flow.received());
        FlowReport {
            transport: flow.transport().name(),
            client: socket(flow.client()),
            server: socket(flow.server()),
            opened_by_client: flow.opened_by_client(),
            start: self.time(flow.start()),
            end: self.time(flow.end()),
            packets_sent: sent.packets,
            bytes_sent: sent.bytes,
            packets_received: received.packets,
            bytes_received: received.bytes,
            outcome: flow.outcome().name(),
            handshake_rtt_s: flow.handshake_time(),
            names: Vec::new(),
            service: None,
            role: Role::Unknown,
            contact: Contact::of_flow(flow),
            media: Vec::new(),
            evidence: Vec::new(),
        }
    }
}

/// One sentence: what was sent and answered, and what the policy makes of where that was.
fn reason(flows: &[&Flow<FlowState>], endpoint: &SessionEndpoint, judgement: &Judgement) -> String {
    let what = match endpoint.contact {
        Contact::Mentioned | Contact::Attempted => "was tried without an answer",
        Contact::Answered if flows.iter().all(|flow| flow.outcome() == Outcome::Refused) => {
            "refused every connection, which is an answer"
        }
        Contact::Answered => "answered",
        Contact::Established => "completed a handshake",
        Contact::Control => "exchanged data with the client",
        Contact::Media => "exchanged media with the client",
    };
    let mut sentence = format!("{} ", endpoint.address);
    let _ = write!(
        sentence,
        "{what} ({} bytes to it, {} from it); ",
        endpoint.bytes_sent, endpoint.bytes_received
    );
    sentence.push_str(&judgement.reason);
    sentence
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

const fn compression_name(compression: Compression) -> &'static str {
    match compression {
        Compression::Gzip => "gzip",
        Compression::Zstd => "zstd",
        Compression::Xz => "xz",
        Compression::Bzip2 => "bzip2",
        Compression::Lz4 => "lz4",
    }
}

/// The name that libpcap gives a link type, in lower case; its number where it has none here.
fn link_type_name(link_type: LinkType) -> String {
    let name = match link_type.0 {
        0 => "null",
        1 => "ethernet",
        8 => "slip",
        9 => "ppp",
        12 | 14 | 101 => "raw",
        50 => "ppp-hdlc",
        51 => "ppp-ether",
        104 => "c-hdlc",
        105 => "ieee802-11",
        107 => "frelay",
        108 => "loop",
        113 => "linux-sll",
        119 => "ieee802-11-prism",
        127 => "ieee802-11-radiotap",
        163 => "ieee802-11-avs",
        166 => "ppp-pppd",
        192 => "ppi",
        204 => "ppp-with-dir",
        228 => "ipv4",
        229 => "ipv6",
        239 => "nflog",
        247 => "infiniband",
        276 => "linux-sll2",
        other => return format!("linktype-{other}"),
    };
    name.to_owned()
}
