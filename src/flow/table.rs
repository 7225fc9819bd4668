//! The table of flows: finds or makes the flow of a packet and counts the packet there.

use super::{Counters, Flow, FlowKey, IcmpError, Opener, PacketRef, Rare, Side, TcpFacts, Transport};
use crate::capture::Timestamp;
use crate::decode::{Content, Packet, TcpFlags, TcpSegment};
use hashbrown::HashTable;
use std::hash::BuildHasher;
use std::time::Duration;

/// A TCP flow without packets for so long is over. Idle connections send keep-alives, by default every two
/// hours (RFC 9293 section 3.8.4), but a gap of this length already parts two calls.
const TCP_IDLE: Duration = Duration::from_secs(900);

/// A UDP flow without packets for so long is over. NAT bindings last at least two minutes (RFC 4787, REQ-5).
const UDP_IDLE: Duration = Duration::from_secs(180);

/// ICMP errors kept for a flow. One tells what there is to tell; a few show that it goes on.
const MAX_ERRORS: usize = 4;

/// How many flows a table keeps.
#[derive(Clone, Copy, Debug)]
pub struct Bound(pub usize);

/// Flows by five-tuple.
#[derive(Debug)]
pub struct Table<S> {
    index: HashTable<u32>,
    hasher: foldhash::fast::RandomState,
    flows: Vec<Flow<S>>,
    bound: usize,
    refused: u64,
}

impl<S: Default> Table<S> {
    /// An empty table.
    pub fn new(bound: Bound) -> Self {
        Self {
            index: HashTable::new(),
            hasher: foldhash::fast::RandomState::default(),
            flows: Vec::new(),
            bound: bound.0.min(u32::MAX as usize),
            refused: 0,
        }
    }

    /// Counts `packet` at its flow, sent by `side` of `key`. `None` if it would be one flow too many.
    pub fn packet(&mut self, key: &FlowKey, side: Side, packet: &Packet<'_>, at: PacketRef) -> Option<&mut Flow<S>> {
        let segment = match &packet.content {
            Content::Tcp(segment) => Some(segment),
            _ => None,
        };
        let position = match self.find(key) {
            Some(position) if self.flows.get(position).is_some_and(|flow| continues(flow, packet.time, segment)) => {
                position
            }
            before => {
                // A flow that merely fell idle goes on between the same client and server.
                let opened = segment.is_some_and(|segment| segment.flags.has(TcpFlags::SYN));
                let before = before.filter(|_| !opened).and_then(|before| self.flows.get(before));
                let opener = before.map_or(Opener::Unknown, |flow| flow.opener);
                self.open(key, side, packet.time, at, opener)?
            }
        };
        let flow = self.flows.get_mut(position)?;
        flow.end = flow.end.max(packet.time);
        flow.start = flow.start.min(packet.time);
        flow.last = at;
        count(flow, side, packet);
        if let Some(segment) = segment {
            let facts = flow.tcp.get_or_insert_default();
            facts.segment(segment, side, packet.time);
            if segment.flags.has(TcpFlags::SYN) {
                flow.opened_by(if segment.flags.has(TcpFlags::ACK) { side.other() } else { side });
            }
        }
        Some(flow)
    }

    /// Notes an ICMP error at the flow that it quotes, if there is one.
    pub fn error(&mut self, key: &FlowKey, error: IcmpError) {
        let Some(flow) = self.find(key).and_then(|position| self.flows.get_mut(position)) else { return };
        let errors = &mut flow.rare.get_or_insert_default().errors;
        if errors.len() < MAX_ERRORS {
            errors.push(error);
        }
    }

    /// Packets that had no flow because the table was full.
    pub const fn refused(&self) -> u64 {
        self.refused
    }

    /// The flows, in the order of their first packets.
    pub fn into_flows(self) -> Vec<Flow<S>> {
        self.flows
    }

    fn find(&self, key: &FlowKey) -> Option<usize> {
        let hash = self.hasher.hash_one(key);
        let same = |&position: &u32| self.flows.get(position as usize).is_some_and(|flow| flow.key == *key);
        self.index.find(hash, same).map(|&position| position as usize)
    }

    fn open(&mut self, key: &FlowKey, side: Side, time: Timestamp, at: PacketRef, opener: Opener) -> Option<usize> {
        let position = self.flows.len();
        if position >= self.bound {
            self.refused = self.refused.saturating_add(1);
            return None;
        }
        self.flows.push(Flow {
            key: *key,
            end: time,
            counters: [Counters::default(); 2],
            start: time,
            first: at,
            last: at,
            opener,
            first_sender: side,
            tcp: None,
            rare: None,
            state: S::default(),
        });
        self.enter(key, u32::try_from(position).ok()?);
        Some(position)
    }

    fn enter(&mut self, key: &FlowKey, position: u32) {
        let hash = self.hasher.hash_one(key);
        let flows = &self.flows;
        let same = |&other: &u32| other != position && flows.get(other as usize).is_some_and(|flow| flow.key == *key);
        if let Some(entry) = self.index.find_mut(hash, same) {
            *entry = position;
            return;
        }
        let rehash = |&other: &u32| flows.get(other as usize).map_or(0, |flow| self.hasher.hash_one(flow.key));
        self.index.insert_unique(hash, position, rehash);
    }
}

fn count<S>(flow: &mut Flow<S>, side: Side, packet: &Packet<'_>) {
    let own_headers_counted = packet.reassembled.as_ref().filter(|whole| whole.headers > packet.outer.len());
    let counters = match own_headers_counted {
        None => Counters { packets: 1, bytes: u64::from(packet.wire_length) },
        Some(whole) => Counters { packets: u64::from(whole.frames), bytes: whole.bytes },
    };
    add(&mut flow.counters, side, counters);
    if own_headers_counted.is_some() {
        add(&mut flow.rare.get_or_insert_with(Box::<Rare>::default).reassembled, side, counters);
    }
}

const fn add(pair: &mut [Counters; 2], side: Side, counters: Counters) {
    let [low, high] = pair;
    match side {
        Side::Low => low.add(counters),
        Side::High => high.add(counters),
    }
}

/// Whether a packet at `time` belongs to `flow` and not to a new one on the same five-tuple.
fn continues<S>(flow: &Flow<S>, time: Timestamp, segment: Option<&TcpSegment<'_>>) -> bool {
    let idle = match flow.transport() {
        Transport::Tcp => TCP_IDLE,
        _ => UDP_IDLE,
    };
    // A clock that jumps back far parts two captures merged in one file as a long silence does.
    if time.since(flow.end) > idle || flow.start.since(time) > idle {
        return false;
    }
    let Some(segment) = segment else { return true };
    let opens = segment.flags.has(TcpFlags::SYN) && !segment.flags.has(TcpFlags::ACK);
    !(opens && flow.tcp.as_ref().is_some_and(|facts: &Box<TcpFacts>| facts.is_reopened_by(segment)))
}
