//! The flows of a capture in the order of their first packets.

use super::state::FlowState;
use crate::flow::{Blocks, Flow, PacketRef};
use crate::identify::infer::Subject;

/// Flows, in the order of their first packets; of those that begin with one packet, in that of their keys.
///
/// They lie where the shares of the work have put them: to bring so many into one row takes as long as a share.
#[derive(Debug, Default)]
pub struct Flows {
    shares: Vec<Blocks<Flow<FlowState>>>,
    order: Vec<Place>,
}

/// Where a flow lies.
#[derive(Clone, Copy, Debug)]
struct Place {
    first: PacketRef,
    share: u32,
    flow: u32,
}

impl Flows {
    /// How many there are.
    pub const fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The flow at `place` of the order.
    pub fn get(&self, place: usize) -> Option<&Flow<FlowState>> {
        find(&self.shares, self.order.get(place)?)
    }

    /// All of them, in order.
    pub fn iter(&self) -> Iter<'_> {
        Iter { flows: self, order: self.order.iter() }
    }

    /// All of them as the inference sees them, in order.
    pub fn subjects(&self) -> Vec<Subject<'_>> {
        self.iter().map(|flow| Subject::new(flow, flow.state.facts())).collect()
    }

    /// Adds the flows of a share. They are in order when [`Self::sort`] has been called.
    pub(super) fn push(&mut self, share: Blocks<Flow<FlowState>>) {
        let number = u32::try_from(self.shares.len()).unwrap_or(u32::MAX);
        let places = share.iter().zip(0..);
        self.order.extend(places.map(|(flow, place)| Place {
            first: flow.first_packet(),
            share: number,
            flow: place,
        }));
        self.shares.push(share);
    }

    /// Adds `others`. All are in order when [`Self::sort`] has been called.
    pub(super) fn append(&mut self, mut others: Self) {
        let before = u32::try_from(self.shares.len()).unwrap_or(u32::MAX);
        let moved = |place: Place| Place { share: place.share.saturating_add(before), ..place };
        self.order.extend(others.order.into_iter().map(moved));
        self.shares.append(&mut others.shares);
    }

    /// Brings them in order. Those of a share are already, but for those that begin with one packet: to merge such runs
    /// is what the stable sort does.
    pub(super) fn sort(&mut self) {
        let shares = &self.shares;
        let key = |place: &Place| find(shares, place).map(|flow| *flow.key());
        self.order.sort_by(|a, b| a.first.cmp(&b.first).then_with(|| key(a).cmp(&key(b))));
    }
}

fn find<'a>(shares: &'a [Blocks<Flow<FlowState>>], place: &Place) -> Option<&'a Flow<FlowState>> {
    shares.get(place.share as usize)?.get(place.flow as usize)
}

/// Flows in order.
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    flows: &'a Flows,
    order: std::slice::Iter<'a, Place>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = &'a Flow<FlowState>;

    fn next(&mut self) -> Option<Self::Item> {
        find(&self.flows.shares, self.order.next()?)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.order.size_hint()
    }
}

impl ExactSizeIterator for Iter<'_> {}

impl<'a> IntoIterator for &'a Flows {
    type Item = &'a Flow<FlowState>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Timestamp;
    use crate::decode::{AddressPair, Content, Packet, UdpDatagram};
    use crate::pipeline::shard::{Arriving, Depth, Shard};

    /// A share with a flow for each packet, from a port of its own.
    fn share(packets: &[(u64, u16)]) -> Blocks<Flow<FlowState>> {
        let mut shard = Shard::new(Depth::Headers);
        for (number, port) in packets {
            let packet = Packet {
                index: 0,
                time: Timestamp::from_nanoseconds(0),
                wire_length: 60,
                outer: Vec::new(),
                addresses: AddressPair {
                    source: [192, 0, 2, 1].into(),
                    destination: [198, 51, 100, 1].into(),
                },
                content: Content::Udp(UdpDatagram {
                    source_port: *port,
                    destination_port: 7,
                    payload: &[],
                    payload_length: 0,
                }),
                reassembled: None,
            };
            shard.packets(&Arriving::of(packet), |_| PacketRef::new(0, *number));
        }
        shard.take_all().flows
    }

    #[test]
    fn flows_are_in_the_order_of_their_first_packets_and_then_of_their_keys() {
        let (mut first, mut second) = (Flows::default(), Flows::default());
        first.push(share(&[(1, 40_001), (4, 40_009), (4, 40_003)]));
        second.push(share(&[(2, 40_004)]));
        second.push(share(&[(3, 40_005), (4, 40_006)]));
        second.sort();
        first.append(second);
        first.sort();
        let ports: Vec<u16> = first.iter().map(|flow| flow.client_socket().port()).collect();
        assert_eq!(ports, [40_001, 40_004, 40_005, 40_003, 40_006, 40_009]);
        assert_eq!((first.len(), first.is_empty()), (6, false));
        assert_eq!(first.get(1).map(|flow| flow.first_packet().number()), Some(2));
        assert!(first.get(6).is_none());
    }
}
