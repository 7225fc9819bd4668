//! One share of the flows: those whose five-tuples fall to it, in the order of the capture.

use super::state::FlowState;
use crate::decode::{Content, IcmpMessage, Packet, Quoted, Reassembled};
use crate::flow::{
    Arrival, Blocks, Bound, Budget, Flow, FlowKey, IcmpError, PacketRef, Side, Table, Tally, Transport,
};
use crate::identify::names::NameBinding;
use hashbrown::HashMap;
use std::net::IpAddr;

/// How many shares there are. More than any machine has cores, so that threads rarely wait for each other; the
/// same everywhere, so that the result depends on the packets alone.
pub(super) const SHARDS: usize = 16;

/// Flows that one share keeps: about a million in all, some 400 MB at worst.
const MAX_FLOWS: usize = 1 << 16;

/// Addresses that one share keeps for packets without a flow of their own.
const MAX_ADDRESSES: usize = 1 << 16;

/// Bytes of TCP streams that one share keeps while they are looked at: 128 MB in all.
const MAX_STREAM_BYTES: usize = 8 << 20;

/// Tallies by address.
pub(super) type Tallies = HashMap<IpAddr, Tally, foldhash::fast::RandomState>;

/// How much of each packet is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    /// Addresses, ports and what else stands in headers.
    Headers,
    /// What the packet carries, too.
    Payloads,
}

/// Packets on their way to a share.
#[derive(Debug, Default)]
pub(super) struct Arriving<'a> {
    /// In the order of the capture.
    arrivals: Vec<Arrival<'a>>,
    /// What more there is to those that say so, in the same order. Kept apart: they are few, and what needs no tidying up
    /// is forgotten at once.
    rests: Vec<Rest<'a>>,
}

/// A packet that has headers around its own, came in fragments, or has no flow.
#[derive(Debug)]
struct Rest<'a> {
    packet: Packet<'a>,
    goal: Goal,
}

/// Where a packet is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goal {
    /// At its flow.
    Flow,
    /// At its addresses; and it says something about the flow of the packet it quotes.
    Error,
    /// At its addresses.
    Addresses,
}

impl<'a> Arriving<'a> {
    fn push(&mut self, arrival: Arrival<'a>, rest: Option<Rest<'a>>) {
        self.arrivals.push(Arrival { has_rest: rest.is_some(), ..arrival });
        self.rests.extend(rest);
    }

    /// One packet alone.
    #[cfg(test)]
    pub(super) fn of(packet: Packet<'a>) -> Self {
        let mut arriving = Self::default();
        let (arrival, rest) = parts(packet);
        arriving.push(arrival, rest);
        arriving
    }

    /// Brings packets that came out of the order of the capture back into it.
    pub(super) fn sort(&mut self) {
        self.arrivals.sort_by_key(|arrival| arrival.index);
        self.rests.sort_by_key(|rest| rest.packet.index);
    }

    /// The same memory without packets, for those of another batch: collecting keeps the memory of what it takes from.
    pub(super) fn emptied<'b>(self) -> Arriving<'b> {
        Arriving {
            arrivals: self.arrivals.into_iter().map_while(|_| None).collect(),
            rests: self.rests.into_iter().map_while(|_| None).collect(),
        }
    }
}

/// Puts a packet to its share.
pub(super) fn share_out<'a>(shares: &mut [Arriving<'a>], packet: Packet<'a>) {
    let (arrival, rest) = parts(packet);
    if let Some(share) = share_of(shares, &arrival) {
        share.push(arrival, rest);
    }
}

/// Puts a packet to its share of which nothing is known that its flow does not need.
#[inline]
pub(super) fn share_out_plain<'a>(shares: &mut [Arriving<'a>], arrival: Arrival<'a>) {
    if let Some(share) = share_of(shares, &arrival) {
        share.arrivals.push(arrival);
    }
}

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "what remains is below the number of shares")]
fn share_of<'s, 'a>(shares: &'s mut [Arriving<'a>], arrival: &Arrival<'_>) -> Option<&'s mut Arriving<'a>> {
    shares.get_mut((arrival.key.number() % SHARDS as u64) as usize)
}

/// What the flow of a packet needs, and the rest where there is more.
fn parts(packet: Packet<'_>) -> (Arrival<'_>, Option<Rest<'_>>) {
    let quoted = match &packet.content {
        Content::Icmp(message) => message.quoted.as_ref().and_then(quoted_flow),
        _ => None,
    };
    if let Some((key, side)) = quoted {
        let arrival = Arrival::without_content(&packet, key, side);
        return (arrival, Some(Rest { packet, goal: Goal::Error }));
    }
    let counts = packet.own_header_counts() || packet.reassembled.is_some();
    let followed = Arrival::of(&packet).filter(|_| counts || !matches!(packet.content, Content::Other(_)));
    let goal = if followed.is_some() { Goal::Flow } else { Goal::Addresses };
    let arrival = followed.unwrap_or_else(|| {
        let (key, side) = FlowKey::new(packet.addresses, 0, 0, Transport::Other(0));
        Arrival::without_content(&packet, key, side)
    });
    let is_plain = goal == Goal::Flow && packet.outer.is_empty() && packet.reassembled.is_none();
    (arrival, (!is_plain).then_some(Rest { packet, goal }))
}

fn quoted_flow(quoted: &Quoted) -> Option<(FlowKey, Side)> {
    let transport = match quoted.protocol {
        6 => Transport::Tcp,
        17 => Transport::Udp,
        other => Transport::Other(other),
    };
    let (source, destination) = match transport {
        Transport::Other(_) => (0, 0),
        _ => quoted.ports?,
    };
    Some(FlowKey::new(quoted.addresses, source, destination, transport))
}

/// What a share holds, without what it takes to count further packets.
#[derive(Debug)]
pub(super) struct Copied {
    pub(super) flows: Blocks<Flow<FlowState>>,
    pub(super) tallies: Tallies,
    pub(super) unfollowed: u64,
    /// TCP segments whose bytes were not looked at, because there were too many.
    pub(super) unread: u64,
}

impl Copied {
    /// The flows, concluded, and the names that their DNS answers bound.
    pub(super) fn conclude(mut self) -> (Blocks<Flow<FlowState>>, Vec<NameBinding>) {
        let bindings = self.flows.iter_mut().flat_map(|flow| flow.state.conclude()).collect();
        (self.flows, bindings)
    }
}

/// One share of the flows and what else is counted with them.
#[derive(Debug)]
pub(super) struct Shard {
    flows: Table<FlowState>,
    pub(super) tallies: Tallies,
    /// Packets that were not followed, because there were too many flows or addresses.
    pub(super) unfollowed: u64,
    budget: Budget,
    depth: Depth,
}

impl Shard {
    pub(super) fn new(depth: Depth) -> Self {
        Self {
            flows: Table::new(Bound(MAX_FLOWS)),
            tallies: Tallies::default(),
            unfollowed: 0,
            budget: Budget::new(MAX_STREAM_BYTES),
            depth,
        }
    }

    /// Takes packets; `at` says where each frame of their batch stands.
    #[inline]
    pub(super) fn packets(&mut self, arriving: &Arriving<'_>, at: impl Fn(u32) -> PacketRef) {
        let mut rests = arriving.rests.iter();
        for arrival in &arriving.arrivals {
            let rest = if arrival.has_rest { rests.next() } else { None };
            self.packet(arrival, rest, at(arrival.index));
        }
    }

    #[inline]
    fn packet(&mut self, arrival: &Arrival<'_>, rest: Option<&Rest<'_>>, at: PacketRef) {
        if let Some(rest) = rest {
            self.rest(arrival, rest, at);
        } else if !self.at_flow(arrival, None, at) {
            let [source, destination] =
                [arrival.side, arrival.side.other()].map(|side| arrival.key.end(side).0);
            self.tally(source, arrival, true, false);
            self.tally(destination, arrival, false, false);
            self.unfollowed += 1;
        }
    }

    /// Counts a packet at its flow and looks into it. Whether there was room for the flow.
    #[expect(clippy::inline_always, reason = "one of the few steps that every packet takes")]
    #[inline(always)]
    fn at_flow(&mut self, arrival: &Arrival<'_>, whole: Option<&Reassembled>, at: PacketRef) -> bool {
        let Some(flow) = self.flows.packet(arrival, whole, at) else { return false };
        if self.depth == Depth::Payloads {
            FlowState::inspect(flow, arrival, at, &mut self.budget);
        }
        true
    }

    /// Counts a packet that has headers around its own, came in fragments, or has no flow.
    #[cold]
    fn rest(&mut self, arrival: &Arrival<'_>, rest: &Rest<'_>, at: PacketRef) {
        let Rest { packet, goal } = rest;
        let counted = packet.reassembled.as_ref().map_or(0, |whole| whole.headers);
        let mut followed = true;
        for pair in packet.outer.iter().skip(counted) {
            followed &= self.tally(pair.source, arrival, true, false);
            followed &= self.tally(pair.destination, arrival, false, false);
        }
        let own_headers_counted = packet.reassembled.as_deref().filter(|_| counted > packet.outer.len());
        let at_flow = *goal == Goal::Flow && self.at_flow(arrival, own_headers_counted, at);
        if *goal == Goal::Error {
            self.error(arrival, packet, at);
        }
        if !at_flow && packet.own_header_counts() {
            let is_error = *goal == Goal::Error;
            followed &= self.tally(packet.addresses.source, arrival, true, is_error);
            followed &= self.tally(packet.addresses.destination, arrival, false, is_error);
        }
        self.unfollowed += u64::from(!followed || (*goal == Goal::Flow && !at_flow));
    }

    /// The share as it is, to be concluded while packets go on coming.
    pub(super) fn copy(&self) -> Copied {
        Copied {
            flows: self.flows.flows().clone(),
            tallies: self.tallies.clone(),
            unfollowed: self.unfollowed,
            unread: self.unread(),
        }
    }

    /// The flows, in the order of their first packets.
    pub(super) const fn flows(&self) -> &Blocks<Flow<FlowState>> {
        self.flows.flows()
    }

    /// Takes out the flows that `is_over` chooses.
    pub(super) fn take(&mut self, is_over: impl FnMut(&Flow<FlowState>) -> bool) -> Vec<Flow<FlowState>> {
        let mut taken = self.flows.take(is_over);
        for flow in &mut taken {
            flow.state.let_go(&mut self.budget);
        }
        taken
    }

    /// Takes out all that the share holds.
    pub(super) fn take_all(&mut self) -> Copied {
        let Self { flows, tallies, unfollowed, budget, .. } = std::mem::replace(self, Self::new(self.depth));
        Copied { flows: flows.into_flows(), tallies, unfollowed, unread: budget.refused() }
    }

    /// TCP segments whose bytes were not looked at, because there were too many.
    const fn unread(&self) -> u64 {
        self.budget.refused()
    }

    fn error(&mut self, arrival: &Arrival<'_>, packet: &Packet<'_>, at: PacketRef) {
        let Content::Icmp(message) = &packet.content else { return };
        let sender = packet.addresses.source;
        let IcmpMessage { kind, code, .. } = *message;
        self.flows.error(&arrival.key, IcmpError { sender, kind, code, about: arrival.side, packet: at });
    }

    /// Counts a packet at one of its addresses. Whether there was room.
    fn tally(&mut self, address: IpAddr, packet: &Arrival<'_>, sends: bool, is_error: bool) -> bool {
        if self.tallies.len() >= MAX_ADDRESSES && !self.tallies.contains_key(&address) {
            return false;
        }
        let tally = self.tallies.entry(address).or_insert_with(|| Tally::new(packet.time));
        tally.first = tally.first.min(packet.time);
        tally.last = tally.last.max(packet.time);
        tally.beyond_errors |= !is_error;
        let counters = if sends { &mut tally.sent } else { &mut tally.received };
        counters.count(u64::from(packet.wire_length));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Timestamp;
    use crate::decode::{AddressPair, TcpFlags, TcpSegment};

    /// A segment from `port` that stands at `index`; `outer` tunnels are around it.
    fn segment(index: u32, port: u16, outer: usize) -> Packet<'static> {
        let addresses = AddressPair { source: [192, 0, 2, 1].into(), destination: [198, 51, 100, 1].into() };
        Packet {
            index,
            time: Timestamp::from_nanoseconds(0),
            wire_length: 57,
            outer: vec![addresses; outer],
            addresses,
            content: Content::Tcp(TcpSegment {
                source_port: port,
                destination_port: 443,
                sequence: 7,
                acknowledgment: 0,
                flags: TcpFlags(TcpFlags::ACK),
                payload: b"\x16\x03\x01",
                payload_length: 3,
            }),
            reassembled: None,
        }
    }

    #[test]
    fn segments_that_find_no_room_are_counted() {
        let mut shard = Shard { budget: Budget::new(4), ..Shard::new(Depth::Payloads) };
        for (number, port) in [(1, 50_001), (2, 50_002)] {
            shard.packets(&Arriving::of(segment(0, port, 0)), |_| PacketRef::new(0, number));
        }
        assert_eq!((shard.unread(), shard.unfollowed), (1, 0));
    }

    #[test]
    fn what_more_there_is_to_packets_stays_with_them_in_order() {
        let mut arriving = Arriving::default();
        for (index, outer) in [(1, 0), (4, 2), (6, 1), (2, 3), (3, 0)] {
            let (arrival, rest) = parts(segment(index, 50_001, outer));
            arriving.push(arrival, rest);
        }
        arriving.sort();
        let indices: Vec<u32> = arriving.arrivals.iter().map(|arrival| arrival.index).collect();
        assert_eq!(indices, [1, 2, 3, 4, 6]);
        let more = arriving.arrivals.iter().filter(|arrival| arrival.has_rest);
        let rests = arriving.rests.iter().map(|rest| (rest.packet.index, rest.packet.outer.len()));
        assert!(more.map(|arrival| arrival.index).zip(rests).eq([(2, (2, 3)), (4, (4, 2)), (6, (6, 1))]));
        let empty = arriving.emptied();
        assert!(empty.arrivals.is_empty() && empty.rests.is_empty() && empty.arrivals.capacity() >= 5);
    }
}
