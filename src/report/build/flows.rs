//! The flows of the report.

use super::super::model::{
    EvidenceReport, FlowReport, HandshakeReport, NameReport, SocketReport, StreamReport,
};
use super::Builder;
use crate::flow::Transport;
use crate::identify::facts::{HandshakeFacts, MediaStream, Protocol};
use crate::identify::infer::Subject;
use crate::identify::ja3::Ja3;
use crate::identify::names::Name;
use crate::identify::{Evidence, Identity};
use std::net::SocketAddr;

impl Builder<'_> {
    pub(super) fn flows(&self) -> Vec<FlowReport> {
        let flows = self.material.subjects.iter().zip(&self.material.inference.flows);
        flows
            .map(|(subject, identity)| {
                let facts = subject.facts;
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
                    protocols: facts.map_or_else(Vec::new, |facts| {
                        facts.protocols.iter().copied().map(Protocol::name).collect()
                    }),
                    handshake: facts.and_then(|facts| facts.handshake.as_deref()).map(handshake),
                    media: facts.map_or_else(Vec::new, |facts| {
                        facts.media.iter().map(|stream| self.stream(stream)).collect()
                    }),
                    evidence: identity.evidence.iter().map(evidence).collect(),
                }
            })
            .collect()
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
    let carried = subject.facts.map_or(&[][..], |facts| &facts.names);
    let mut names: Vec<NameReport> = carried.iter().chain(&identity.names).map(name).collect();
    names.sort();
    names.dedup();
    names
}

fn name(name: &Name) -> NameReport {
    NameReport { name: name.name.to_string(), via: name.via.name() }
}

const fn socket(socket: SocketAddr, transport: Transport) -> SocketReport {
    let has_port = matches!(transport, Transport::Tcp | Transport::Udp);
    SocketReport { address: socket.ip(), port: if has_port { Some(socket.port()) } else { None } }
}

fn handshake(facts: &HandshakeFacts) -> HandshakeReport {
    HandshakeReport {
        version: facts.version.map(|version| version.to_string()),
        alpn: facts.alpn.iter().map(ToString::to_string).collect(),
        ja3: facts.ja3.as_ref().map(Ja3::hash),
        encrypted_client_hello: facts.encrypted_hello,
        completed: facts.completed,
        alerts: facts.alerts.iter().map(|(from, what, _)| format!("{}: {what}", from.name())).collect(),
    }
}

pub(super) fn evidence(evidence: &Evidence) -> EvidenceReport {
    EvidenceReport {
        kind: evidence.kind.name(),
        rule: evidence.rule,
        service: evidence.service.clone(),
        packet: evidence.packet.map(|packet| packet.number),
        detail: evidence.detail.to_string(),
    }
}
