//! What the identify stage keeps with a flow while its packets come.

use crate::decode::{Content, Packet, TcpFlags};
use crate::flow::{Budget, Flow, PacketRef, Side};
use crate::identify::FlowFacts;
use crate::identify::facts::Direction;
use crate::identify::inspect::{Feed, FlowInspector};
use crate::identify::names::NameBinding;
use std::net::SocketAddr;

/// What the identify stage keeps with a flow.
#[derive(Clone, Debug, Default)]
pub struct FlowState {
    inspector: FlowInspector,
    /// Who the client was taken to be at the first packet: directions must not change under way.
    client: Option<Side>,
}

impl FlowState {
    /// What the payload of the flow says; `None` where it says nothing.
    pub fn facts(&self) -> Option<&FlowFacts> {
        self.inspector.facts()
    }

    pub(super) fn inspect(
        flow: &mut Flow<Self>,
        side: Side,
        packet: &Packet<'_>,
        at: PacketRef,
        budget: &mut Budget,
    ) {
        let client = match flow.state.client {
            Some(client) => client,
            None => *flow.state.client.insert(flow.client_side()),
        };
        let direction = if side == client { Direction::FromClient } else { Direction::FromServer };
        let inspector = &mut flow.state.inspector;
        if is_silent(&packet.content) || !inspector.wants(direction) {
            return;
        }
        match &packet.content {
            Content::Udp(datagram) => {
                let ports = (datagram.source_port, datagram.destination_port);
                let feed = feed(packet, ports, datagram.payload_length, direction, at);
                inspector.datagram(&feed, datagram.payload);
            }
            Content::Tcp(segment) => {
                let ports = (segment.source_port, segment.destination_port);
                let feed = feed(packet, ports, segment.payload_length, direction, at);
                inspector.segment(&feed, segment, budget);
            }
            _ => {}
        }
    }

    /// Gives back what the bytes that are held take of `budget`.
    pub(super) fn let_go(&mut self, budget: &mut Budget) {
        self.inspector.release(budget);
    }

    /// No packet of the flow will come. Gives the names that its DNS answers bound.
    pub(super) fn conclude(&mut self) -> Vec<NameBinding> {
        self.inspector.finish()
    }
}

/// Whether a packet can change nothing here, as a third of those of TCP: a mere acknowledgment.
const fn is_silent(content: &Content<'_>) -> bool {
    match content {
        Content::Tcp(segment) => {
            let marks = TcpFlags::SYN | TcpFlags::FIN | TcpFlags::RST;
            segment.payload.is_empty() && segment.flags.0 & marks == 0
        }
        Content::Udp(datagram) => datagram.payload.is_empty(),
        _ => true,
    }
}

fn feed(
    packet: &Packet<'_>,
    (source_port, destination_port): (u16, u16),
    length: u32,
    direction: Direction,
    at: PacketRef,
) -> Feed {
    Feed {
        direction,
        time: packet.time,
        packet: at,
        source: SocketAddr::new(packet.addresses.source, source_port),
        destination: SocketAddr::new(packet.addresses.destination, destination_port),
        length: length as usize,
    }
}
