//! What the identify stage keeps with a flow while its packets come.

use crate::decode::TcpFlags;
use crate::flow::{Arrival, Budget, Flow, PacketRef, Side};
use crate::identify::FlowFacts;
use crate::identify::facts::Direction;
use crate::identify::inspect::{Feed, FlowInspector};
use crate::identify::names::NameBinding;

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

    #[inline]
    pub(super) fn inspect(flow: &mut Flow<Self>, arrival: &Arrival<'_>, at: PacketRef, budget: &mut Budget) {
        let client = match flow.state.client {
            Some(client) => client,
            None => *flow.state.client.insert(flow.client_side()),
        };
        let direction = if arrival.side == client { Direction::FromClient } else { Direction::FromServer };
        let inspector = &mut flow.state.inspector;
        if is_silent(arrival) || !inspector.wants(direction) {
            return;
        }
        let feed = feed(arrival, direction, at);
        match arrival.control {
            None => inspector.datagram(&feed, arrival.payload),
            Some(control) => inspector.segment(&feed, control, arrival.payload, budget),
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
        key: arrival.key,
        side: arrival.side,
        length: arrival.payload_length as usize,
    }
}
