//! What the identify stage keeps with a flow while its packets come.

use crate::decode::{Content, Packet, TcpFlags, TcpSegment, UdpDatagram};
use crate::flow::{Budget, Flow, PacketRef, Side, Stream};
use crate::identify::FlowFacts;
use crate::identify::facts::Direction;
use crate::identify::inspect::{Feed, FlowInspector};
use crate::identify::names::NameBinding;
use std::net::SocketAddr;

/// What the identify stage keeps with a flow.
#[derive(Clone, Debug, Default)]
pub struct FlowState {
    inspector: FlowInspector,
    /// First bytes of what the client and the server of a TCP connection send.
    streams: Option<Box<[Stream; 2]>>,
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
        if is_silent(&packet.content) || !flow.state.inspector.wants(direction) {
            return;
        }
        match &packet.content {
            Content::Udp(datagram) => flow.state.datagram(packet, datagram, direction, at),
            Content::Tcp(segment) => flow.state.segment(packet, segment, direction, at, budget),
            _ => {}
        }
    }

    fn datagram(
        &mut self,
        packet: &Packet<'_>,
        datagram: &UdpDatagram<'_>,
        direction: Direction,
        at: PacketRef,
    ) {
        let (source_port, destination_port) = (datagram.source_port, datagram.destination_port);
        let feed = feed(packet, source_port, destination_port, datagram.payload_length, direction, at);
        self.inspector.datagram(&feed, datagram.payload);
    }

    fn segment(
        &mut self,
        packet: &Packet<'_>,
        segment: &TcpSegment<'_>,
        direction: Direction,
        at: PacketRef,
        budget: &mut Budget,
    ) {
        let [client, server] = self.streams.get_or_insert_default().as_mut();
        let stream = if direction == Direction::FromClient { client } else { server };
        if segment.flags.has(TcpFlags::SYN) {
            stream.synchronize(segment.sequence);
            return;
        }
        let known = stream.bytes().len();
        if stream.push(segment.sequence, segment.payload, segment.payload_length, budget) {
            let (source_port, destination_port) = (segment.source_port, segment.destination_port);
            let feed = feed(packet, source_port, destination_port, segment.payload_length, direction, at);
            self.inspector.stream(&feed, stream.bytes(), known);
        }
        let over = segment.flags.0 & (TcpFlags::FIN | TcpFlags::RST) != 0;
        if stream.has_ended() || over {
            self.inspector.end_of_stream(direction, stream.bytes());
        }
        if !self.inspector.wants(direction) {
            self.release(direction, budget);
        }
    }

    /// Lets go of the bytes of `direction`, and of all where nothing more can be learnt.
    fn release(&mut self, direction: Direction, budget: &mut Budget) {
        let Some(streams) = &mut self.streams else { return };
        let over = self.inspector.is_over();
        for (side, stream) in
            [Direction::FromClient, Direction::FromServer].into_iter().zip(streams.iter_mut())
        {
            if (over || side == direction) && !stream.is_released() {
                stream.release(budget);
            }
        }
        if over {
            self.streams = None;
        }
    }

    /// Gives back what the bytes that are held take of `budget`.
    pub(super) fn let_go(&mut self, budget: &mut Budget) {
        for stream in self.streams.take().iter_mut().flat_map(|streams| streams.iter_mut()) {
            stream.release(budget);
        }
    }

    /// No packet of the flow will come. Gives the names that its DNS answers bound.
    pub(super) fn conclude(&mut self) -> Vec<NameBinding> {
        if let Some(streams) = self.streams.take() {
            let [client, server] = *streams;
            for (direction, stream) in [(Direction::FromClient, client), (Direction::FromServer, server)] {
                if !stream.bytes().is_empty() {
                    self.inspector.end_of_stream(direction, stream.bytes());
                }
            }
        }
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
    source_port: u16,
    destination_port: u16,
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
