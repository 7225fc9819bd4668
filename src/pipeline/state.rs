//! What the identify stage keeps with a flow while its packets come.

use crate::decode::{Control, TcpFlags};
use crate::flow::{Arrival, Budget, Flow, PacketRef, Side, Stream};
use crate::identify::FlowFacts;
use crate::identify::facts::Direction;
use crate::identify::inspect::{Feed, FlowInspector};
use crate::identify::names::NameBinding;

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

    #[inline]
    pub(super) fn inspect(flow: &mut Flow<Self>, arrival: &Arrival<'_>, at: PacketRef, budget: &mut Budget) {
        let client = match flow.state.client {
            Some(client) => client,
            None => *flow.state.client.insert(flow.client_side()),
        };
        let direction = if arrival.side == client { Direction::FromClient } else { Direction::FromServer };
        if is_silent(arrival) || !flow.state.inspector.wants(direction) {
            return;
        }
        match arrival.control {
            None => flow.state.inspector.datagram(&feed(arrival, direction, at), arrival.payload),
            Some(control) => flow.state.segment(arrival, control, direction, at, budget),
        }
    }

    fn segment(
        &mut self,
        arrival: &Arrival<'_>,
        control: Control,
        direction: Direction,
        at: PacketRef,
        budget: &mut Budget,
    ) {
        let [client, server] = self.streams.get_or_insert_default().as_mut();
        let stream = if direction == Direction::FromClient { client } else { server };
        if control.flags.has(TcpFlags::SYN) {
            stream.synchronize(control.sequence);
            return;
        }
        let known = stream.bytes().len();
        if stream.push(control.sequence, arrival.payload, arrival.payload_length, budget) {
            self.inspector.stream(&feed(arrival, direction, at), stream.bytes(), known);
        }
        let over = control.flags.0 & (TcpFlags::FIN | TcpFlags::RST) != 0;
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
const fn is_silent(arrival: &Arrival<'_>) -> bool {
    let marks = TcpFlags::SYN | TcpFlags::FIN | TcpFlags::RST;
    let is_marked = matches!(arrival.control, Some(control) if control.flags.0 & marks != 0);
    arrival.payload.is_empty() && !is_marked
}

fn feed(arrival: &Arrival<'_>, direction: Direction, at: PacketRef) -> Feed {
    Feed {
        direction,
        time: arrival.time,
        packet: at,
        source: arrival.key.socket(arrival.side),
        destination: arrival.key.socket(arrival.side.other()),
        length: arrival.payload_length as usize,
    }
}
