//! TLS, DTLS and QUIC: what the two sides said in clear becomes facts of the flow.

use super::Feed;
use crate::capture::Timestamp;
use crate::flow::PacketRef;
use crate::identify::FlowFacts;
use crate::identify::facts::{Direction, HandshakeFacts, PerDirection, Protocol, RttVia};
use crate::identify::names::Via;
use crate::identify::tls::{Alert, Flight, is_established};
use std::time::Duration;

/// When and where each side first spoke.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FirstWords(PerDirection<Option<(Timestamp, PacketRef)>>);

impl FirstWords {
    /// Notes a packet of the handshake.
    pub(super) fn note(&mut self, feed: &Feed) {
        self.0.of_mut(feed.direction).get_or_insert((feed.time, feed.packet));
    }

    /// From the client's first packet to the server's.
    pub(super) fn answer_time(&self) -> Option<Duration> {
        let ((asked, _), (answered, _)) = self.0.client.zip(self.0.server)?;
        (answered >= asked).then(|| answered.since(asked))
    }

    /// The first packet of the handshake that was seen.
    pub(super) fn first(&self) -> Option<PacketRef> {
        self.0.client.or(self.0.server).map(|(_, packet)| packet)
    }

    fn packet(&self, direction: Direction) -> PacketRef {
        let other = self.0.of(direction.reverse());
        self.0.of(direction).or(*other).map_or(PacketRef::new(0, 0), |(_, packet)| packet)
    }
}

/// Adds to `facts` what the two sides of a handshake said.
pub(super) fn conclude(
    facts: &mut FlowFacts,
    protocol: Protocol,
    mut flights: PerDirection<Flight>,
    words: &FirstWords,
) {
    facts.protocol(protocol);
    let client = client_of(&flights);
    let PerDirection { client: first, server: second } = &mut flights;
    let (said, answered) = match client {
        Direction::FromClient => (first, second),
        Direction::FromServer => (second, first),
    };
    if let Some(name) = said.client_hello.as_ref().and_then(|hello| hello.server_name.as_ref()) {
        let via = match protocol {
            Protocol::Dtls => Via::Dtls,
            Protocol::Quic => Via::Quic,
            _ => Via::Tls,
        };
        facts.name(name.as_str(), via, words.packet(client));
    }
    if let Some(certificate) = &answered.certificate {
        facts.certificate_names(&certificate.hosts, words.packet(client.reverse()));
    }
    if said.client_hello.is_some() && (answered.server_hello.is_some() || answered.hello_verify_request) {
        rtt(facts, protocol, words);
    }
    handshake(facts.handshake_mut(), said, answered, client, words);
}

/// Which side said the client's hello. In DTLS between ICE peers it may be the one that is called.
fn client_of(flights: &PerDirection<Flight>) -> Direction {
    if flights.client.client_hello.is_none() && flights.server.client_hello.is_some() {
        return Direction::FromServer;
    }
    Direction::FromClient
}

fn handshake(
    known: &mut HandshakeFacts,
    said: &mut Flight,
    answered: &mut Flight,
    client: Direction,
    words: &FirstWords,
) {
    known.completed |= is_established(said, answered);
    let mut alerts = [(client, &said.alerts), (client.reverse(), &answered.alerts)];
    alerts.sort_by_key(|(direction, _)| *direction);
    for (direction, alerts) in alerts {
        for alert in alerts {
            known.alert(direction, alert_text(*alert), words.packet(direction));
        }
    }
    if let Some(hello) = said.client_hello.take() {
        known.client_hello = true;
        known.hello_packet = Some(words.packet(client));
        known.version = Some(hello.version());
        hello.ja3.into_iter().chain(said.further_ja3.drain(..)).for_each(|ja3| known.fingerprint(ja3));
        known.encrypted_hello = hello.encrypted_hello.is_some();
        known.alpn = hello.alpn;
    }
    if let Some(hello) = answered.server_hello.take() {
        known.server_hello = true;
        known.version = Some(hello.version);
        known.alpn.extend(hello.alpn);
        known.ja3s = hello.ja3s;
    }
}

fn alert_text(alert: Alert) -> String {
    let level = if alert.is_fatal() { "fatal" } else { "warning" };
    alert.name().map_or_else(|| format!("{level} {}", alert.description), |name| format!("{level} {name}"))
}

fn rtt(facts: &mut FlowFacts, protocol: Protocol, words: &FirstWords) {
    let Some(time) = words.answer_time() else { return };
    match protocol {
        Protocol::Dtls => facts.answered(RttVia::Dtls, time),
        Protocol::Quic => facts.answered(RttVia::Quic, time),
        _ => facts.rtt(RttVia::Tls, time),
    }
}
