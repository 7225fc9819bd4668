//! A flow as the inference sees it.

use crate::capture::Timestamp;
use crate::flow::{Counters, Flow, Outcome, PacketRef, Transport};
use crate::identify::catalogue::Port;
use crate::identify::{Contact, FlowFacts};
use std::net::SocketAddr;
use std::time::Duration;

/// A flow and its facts.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Who opened it; port 0 where the transport has none.
    pub client: SocketAddr,
    /// The other side.
    pub server: SocketAddr,
    /// `Some(true)` where the capture shows that the client opened it, `None` where that is a guess.
    pub opened_by_client: Option<bool>,
    /// What carries it.
    pub transport: Transport,
    /// Time of the first packet.
    pub start: Timestamp,
    /// Time of the last packet.
    pub end: Timestamp,
    /// What the client sent.
    pub sent: Counters,
    /// What the server sent.
    pub received: Counters,
    /// What became of it.
    pub outcome: Outcome,
    /// The contact that its transport shows.
    pub contact: Contact,
    /// SYN to SYN/ACK.
    pub handshake: Option<Duration>,
    /// The first packet.
    pub first_packet: PacketRef,
    /// The last packet.
    pub last_packet: PacketRef,
    /// What its payload says.
    pub facts: Option<&'a FlowFacts>,
}

impl<'a> Subject<'a> {
    /// Sums up `flow`.
    #[inline]
    pub fn new<S>(flow: &Flow<S>, facts: Option<&'a FlowFacts>) -> Self {
        Self {
            client: flow.client_socket(),
            server: flow.server_socket(),
            opened_by_client: flow.opened_by_client(),
            transport: flow.transport(),
            start: flow.start(),
            end: flow.end(),
            sent: flow.sent(),
            received: flow.received(),
            outcome: flow.outcome(),
            contact: Contact::of_flow(flow),
            handshake: flow.handshake_time(),
            first_packet: flow.first_packet(),
            last_packet: flow.last_packet(),
            facts,
        }
    }

    /// Looks at the first of each list of facts, and tells nothing. Facts lie all over the memory: to ask for those of
    /// many flows in a row takes a fraction of waiting for each where it is needed.
    pub(super) fn touch(&self) -> usize {
        let Some(facts) = self.facts else { return 0 };
        let FlowFacts { signatures, names, handshake, stun, mentions, media, rtts, left_out, .. } = facts;
        let lists = [
            signatures.first().is_some_and(|(_, packet)| packet.input() > 0),
            names.first().is_some_and(|name| name.packet.input() > 0),
            mentions.first().is_some_and(|mention| mention.packet.input() > 0),
            media.first().is_some_and(|stream| stream.packets == 0),
            rtts.first().is_some_and(|rtt| rtt.samples == 0),
            handshake.as_ref().is_some_and(|handshake| handshake.client_hello),
            stun.as_ref().is_some_and(|stun| stun.allocate),
            stun.as_ref()
                .is_some_and(|stun| matches!(&stun.realm, Some((realm, _)) if realm.starts_with('a'))),
            facts.handshake_of_peer,
            *left_out > 0,
            facts.rtp_headers.client > 0,
        ];
        lists.into_iter().map(usize::from).sum()
    }

    /// The server's port.
    pub(super) const fn port(&self) -> Port {
        Port { transport: self.transport, number: self.server.port() }
    }

    /// Whether media was seen, in either direction.
    pub(super) fn has_media(&self) -> bool {
        self.facts.is_some_and(|facts| {
            !facts.media.is_empty() || facts.signatures.iter().any(|(signature, _)| signature.is_media())
        })
    }
}
