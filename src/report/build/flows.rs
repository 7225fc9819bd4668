//! The flows of the report.

use super::super::model::{
    EvidenceReport, FlowReport, HandshakeReport, IceReport, NameReport, ProxyReport, SessionReport,
    SocketReport, StreamReport,
};
use super::Builder;
use crate::flow::{PacketRef, Transport};
use crate::identify::facts::{HandshakeFacts, MediaStream, Protocol, StunFacts, Tunnel};
use crate::identify::infer::Subject;
use crate::identify::ja3::Ja3;
use crate::identify::named::Name;
use crate::identify::{Evidence, Identity};
use crate::policy::Verdict;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

impl Builder<'_> {
    pub(super) fn flows(&self, sessions: &[SessionReport]) -> Vec<FlowReport> {
        let in_calls = self.in_calls(sessions);
        let outside = self.outside_verdicts();
        let flows = self.material.subjects.iter().zip(&self.material.inference.flows).zip(0..);
        flows
            .map(|((subject, identity), place)| {
                let facts = subject.facts;
                let call = in_calls.get(&place);
                let judged = || outside.as_ref().map(|known| known.get(&subject.server.ip()));
                FlowReport {
                    transport: subject.transport.name(),
                    client: socket(subject.client, subject.transport),
                    server: socket(subject.server, subject.transport),
                    opened_by_client: subject.opened_by_client,
                    start: self.time(subject.start),
                    end: self.time(subject.end),
                    packets_sent: subject.sent.packets,
                    bytes_sent: subject.sent.bytes,
                    packets_received: subject.received.packets,
                    bytes_received: subject.received.bytes,
                    outcome: subject.outcome.name(),
                    handshake_rtt_s: subject.handshake.or_else(|| facts?.first_answer),
                    names: own_names(subject, identity),
                    service: identity.service.clone(),
                    role: identity.role,
                    contact: identity.contact,
                    proxy: facts.and_then(|facts| facts.tunnel.as_deref()).map(proxy),
                    protocols: facts
                        .map_or_else(Vec::new, |facts| facts.protocols.iter().map(Protocol::name).collect()),
                    handshake: facts.and_then(|facts| facts.handshake.as_deref()).map(handshake),
                    ice: facts.and_then(|facts| facts.stun.as_deref()).and_then(ice),
                    media: facts.map_or_else(Vec::new, |facts| {
                        facts.media.iter().map(|stream| self.stream(stream)).collect()
                    }),
                    evidence: identity.evidence.iter().map(evidence).collect(),
                    session: call.map(|(session, _)| (*session).to_owned()),
                    verdict: match call {
                        Some((_, verdict)) => *verdict,
                        None => judged().map(|verdict| verdict.copied().unwrap_or_default()),
                    },
                    process: None,
                }
            })
            .collect()
    }

    /// For each flow of a call, by its place, the call and the verdict on the far end in it.
    fn in_calls<'s>(&self, sessions: &'s [SessionReport]) -> BTreeMap<u32, (&'s str, Option<Verdict>)> {
        let mut in_calls = BTreeMap::new();
        for (session, report) in self.material.calls.sessions.iter().zip(sessions) {
            let verdicts: BTreeMap<IpAddr, Verdict> =
                report.endpoints.iter().map(|endpoint| (endpoint.address, endpoint.verdict)).collect();
            for leg in &session.legs {
                in_calls.insert(leg.flow, (report.id.as_str(), verdicts.get(&leg.far.ip()).copied()));
            }
        }
        in_calls
    }

    /// What was found of addresses outside of calls, if they were judged: those without a finding are allowed.
    fn outside_verdicts(&self) -> Option<BTreeMap<IpAddr, Verdict>> {
        let found = self.findings.iter().filter(|finding| finding.session.is_none());
        self.material.judge_all.then(|| found.map(|finding| (finding.endpoint, finding.verdict)).collect())
    }

    fn stream(&self, stream: &MediaStream) -> StreamReport {
        StreamReport {
            direction: stream.direction.name(),
            ssrc: stream.ssrc,
            payload_type: stream.payload_type,
            kind: stream.kind,
            packets: stream.packets,
            bytes: stream.bytes,
            start: self.time(stream.start),
            end: self.time(stream.end),
        }
    }
}

/// The names that the flow itself carries, then those that its client looked up.
fn own_names(subject: &Subject<'_>, identity: &Identity) -> Vec<NameReport> {
    let carried = subject.facts.into_iter().flat_map(|facts| facts.names.iter());
    let mut names: Vec<NameReport> = carried.chain(identity.names.iter()).map(name).collect();
    names.sort();
    names.dedup();
    names
}

fn name(name: Name<'_>) -> NameReport {
    NameReport { name: name.name.to_string(), via: name.via.name() }
}

fn ice(stun: &StunFacts) -> Option<IceReport> {
    let answered = stun.successes.client > 0 || stun.successes.server > 0;
    stun.connectivity_check.then_some(IceReport { answered, nominated: stun.nominated && answered })
}

fn proxy(tunnel: &Tunnel) -> ProxyReport {
    let host = tunnel.host.clone();
    ProxyReport { kind: tunnel.kind.name(), host, port: tunnel.port, used: tunnel.is_used }
}

const fn socket(socket: SocketAddr, transport: Transport) -> SocketReport {
    let has_port = matches!(transport, Transport::Tcp | Transport::Udp);
    SocketReport { address: socket.ip(), port: if has_port { Some(socket.port()) } else { None } }
}

fn handshake(facts: &HandshakeFacts) -> HandshakeReport {
    HandshakeReport {
        version: facts.version.map(|version| version.to_string()),
        alpn: facts.alpn.iter().map(ToString::to_string).collect(),
        ja3: facts.ja3.first().map(Ja3::hash),
        further_ja3: facts.ja3.iter().skip(1).map(Ja3::hash).collect(),
        encrypted_client_hello: facts.encrypted_hello,
        completed: facts.completed,
        alerts: facts.alerts.iter().map(|(from, what, _)| format!("{}: {what}", from.name())).collect(),
        close: facts.close.as_ref().map(|(from, what, _)| format!("{}: {}", from.name(), what.in_words())),
    }
}

pub(super) fn evidence(evidence: &Evidence) -> EvidenceReport {
    EvidenceReport {
        kind: evidence.kind.name(),
        rule: evidence.rule,
        service: evidence.service.clone(),
        packet: evidence.packet.map(PacketRef::number),
        detail: evidence.detail.to_string(),
    }
}
