//! The table of flows: finds or makes the flow of a packet and counts the packet there.

use super::{Arrival, Blocks, Counters, Flow, FlowKey, IcmpError, Opener, PacketRef, Transport};
use crate::decode::{Control, Reassembled, TcpFlags};
use hashbrown::HashTable;
use std::hash::BuildHasher;

/// A TCP flow without packets for so long is over. Idle connections send keep-alives, by default every two
/// hours (RFC 9293 section 3.8.4), but a gap of this length already parts two calls.
const TCP_IDLE: u64 = 900 * SECOND.unsigned_abs();

/// A UDP flow without packets for so long is over. NAT bindings last at least two minutes (RFC 4787, REQ-5).
const UDP_IDLE: u64 = 180 * SECOND.unsigned_abs();

/// A SYN that comes so soon after the first packet of its connection was overtaken by it, in the network or on the
/// way into the file.
const OVERTAKEN: i64 = SECOND;

/// In nanoseconds, as time stamps are: this is asked of every packet.
const SECOND: i64 = 1_000_000_000;

/// ICMP errors kept for a flow. One tells what there is to tell; a few show that it goes on.
const MAX_ERRORS: usize = 4;

/// How many flows a table keeps.
#[derive(Clone, Copy, Debug)]
pub struct Bound(pub usize);

/// Places that remember where a flow was found. A table of one share has some tens of flows that are busy at a
/// time; a miss costs a look into the index.
const RECENT: usize = 256;

/// Flows by five-tuple.
#[derive(Debug)]
pub struct Table<S> {
    /// Positions of flows found lately, each at a place that its key gives.
    recent: Vec<u32>,
    index: HashTable<Entry>,
    hasher: foldhash::fast::RandomState,
    flows: Blocks<Flow<S>>,
    bound: usize,
}

/// Where a flow lies. The index grows without a look at the flows in it, and looks at few that are not sought.
#[derive(Clone, Copy, Debug)]
struct Entry {
    hash: u32,
    position: u32,
}

impl Entry {
    /// The hash that the index goes by: it takes a place from the lowest bits, and tells entries apart by the uppermost.
    const fn spread(hash: u32) -> u64 {
        (hash as u64) << 32 | hash as u64
    }
}

impl<S: Default> Table<S> {
    /// An empty table.
    pub fn new(bound: Bound) -> Self {
        Self {
            recent: vec![u32::MAX; RECENT],
            index: HashTable::new(),
            hasher: foldhash::fast::RandomState::default(),
            flows: Blocks::default(),
            bound: bound.0.min(u32::MAX as usize),
        }
    }

    /// Counts a packet at its flow; `whole` says that it and its own headers came in fragments.
    /// `None` if it would be one flow too many.
    #[expect(clippy::inline_always, reason = "one of the few steps that every packet takes")]
    #[inline(always)]
    pub fn packet(
        &mut self,
        arrival: &Arrival<'_>,
        whole: Option<&Reassembled>,
        at: PacketRef,
    ) -> Option<&mut Flow<S>> {
        let Arrival { key, side, time, .. } = arrival;
        let recent = self.recent.get(place(key)).map_or(usize::MAX, |&position| position as usize);
        let position = match self.flows.get(recent) {
            Some(flow) if flow.key == *key && continues(flow, arrival) => recent,
            _ => self.find_or_open(arrival, at)?,
        };
        let flow = self.flows.get_mut(position)?;
        flow.end = flow.end.max(*time);
        flow.start = flow.start.min(*time);
        flow.last = at;
        match whole {
            None => flow.count(*side, Counters { packets: 1, bytes: u64::from(arrival.wire_length) }),
            Some(whole) => flow.count_fragments(*side, *whole),
        }
        if let Some(control) = arrival.control {
            let facts = flow.tcp.get_or_insert_default();
            facts.segment(control, arrival.payload_length > 0, *side, *time);
            if control.flags.has(TcpFlags::SYN) {
                flow.opened_by(if control.flags.has(TcpFlags::ACK) { side.other() } else { *side });
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

    /// The flows, in the order of their first packets.
    pub fn into_flows(self) -> Blocks<Flow<S>> {
        self.flows
    }

    /// The flows, in the order of their first packets.
    pub const fn flows(&self) -> &Blocks<Flow<S>> {
        &self.flows
    }

    /// Takes out the flows that `is_over` chooses: a later packet of one of them opens a new flow.
    pub fn take(&mut self, mut is_over: impl FnMut(&Flow<S>) -> bool) -> Vec<Flow<S>> {
        let mut taken = Vec::new();
        self.recent.fill(u32::MAX);
        self.index.clear();
        for flow in std::mem::take(&mut self.flows) {
            if is_over(&flow) {
                taken.push(flow);
                continue;
            }
            let (key, position) = (flow.key, self.flows.len());
            self.flows.push(flow);
            self.enter(&key, position);
        }
        taken
    }

    /// The flow that a packet goes on with, or a new one. `None` if it would be one flow too many.
    fn find_or_open(&mut self, arrival: &Arrival<'_>, at: PacketRef) -> Option<usize> {
        let found = self.find(&arrival.key);
        let before = found.and_then(|position| self.flows.get(position));
        if let Some(position) = found.filter(|_| before.is_some_and(|flow| continues(flow, arrival))) {
            self.remember(&arrival.key, position);
            return Some(position);
        }
        // A flow that merely fell idle goes on between the same client and server.
        let opened = arrival.control.is_some_and(|control| control.flags.has(TcpFlags::SYN));
        let known = before.filter(|_| !opened).map_or(Opener::Unknown, |flow| flow.opener);
        self.open(arrival, at, known)
    }

    fn remember(&mut self, key: &FlowKey, position: usize) {
        if let (Some(recent), Ok(position)) = (self.recent.get_mut(place(key)), u32::try_from(position)) {
            *recent = position;
        }
    }

    fn find(&self, key: &FlowKey) -> Option<usize> {
        let hash = self.hash(key);
        self.index
            .find(Entry::spread(hash), leads_to(&self.flows, hash, key))
            .map(|entry| entry.position as usize)
    }

    #[expect(clippy::cast_possible_truncation, reason = "half of a hash is enough for a few flows")]
    fn hash(&self, key: &FlowKey) -> u32 {
        self.hasher.hash_one(key) as u32
    }

    fn open(&mut self, arrival: &Arrival<'_>, at: PacketRef, opener: Opener) -> Option<usize> {
        let Arrival { key, side, time, .. } = arrival;
        let position = self.flows.len();
        if position >= self.bound {
            return None;
        }
        self.flows.push(Flow {
            key: *key,
            end: *time,
            counters: [Counters::default(); 2],
            start: *time,
            first: at,
            last: at,
            opener,
            first_sender: *side,
            tcp: None,
            rare: None,
            state: S::default(),
        });
        self.enter(key, position);
        self.remember(key, position);
        Some(position)
    }

    /// Has `key` lead to the flow at `position`, and to none before it. Positions are below the bound and fit.
    fn enter(&mut self, key: &FlowKey, position: usize) {
        let Ok(position) = u32::try_from(position) else { return };
        let hash = self.hash(key);
        if let Some(entry) = self.index.find_mut(Entry::spread(hash), leads_to(&self.flows, hash, key)) {
            entry.position = position;
            return;
        }
        self.index
            .insert_unique(Entry::spread(hash), Entry { hash, position }, |entry| Entry::spread(entry.hash));
    }
}

/// Whether an entry leads to a flow of `key`, which has this hash.
fn leads_to<S>(flows: &Blocks<Flow<S>>, hash: u32, key: &FlowKey) -> impl Fn(&Entry) -> bool {
    move |entry| {
        let flow = || flows.get(entry.position as usize);
        entry.hash == hash && flow().is_some_and(|flow| flow.key == *key)
    }
}

/// Where a table remembers the flow of `key`. The lowest bits of the number have chosen the share.
const fn place(key: &FlowKey) -> usize {
    (key.number() >> 8) as usize % RECENT
}

/// Whether a packet belongs to `flow` and not to a new one on the same five-tuple.
#[expect(clippy::inline_always, reason = "one of the few steps that every packet takes")]
#[inline(always)]
fn continues<S>(flow: &Flow<S>, arrival: &Arrival<'_>) -> bool {
    let idle = match flow.transport() {
        Transport::Tcp => TCP_IDLE,
        _ => UDP_IDLE,
    };
    let time = arrival.time.nanoseconds();
    if time.abs_diff(flow.end.nanoseconds()) > idle && !is_within(flow, time, idle) {
        return false;
    }
    let opens = |control: Control| control.flags.has(TcpFlags::SYN) && !control.flags.has(TcpFlags::ACK);
    !arrival.control.is_some_and(|control| opens(control) && reopens(flow, time, control))
}

/// Whether `time` lies between the first packet of a flow, or no longer than `idle` before it, and the last one.
///
/// A clock that jumps back far parts two captures merged in one file as a long silence does.
#[cold]
fn is_within<S>(flow: &Flow<S>, time: i64, idle: u64) -> bool {
    time <= flow.end.nanoseconds() && time.saturating_add_unsigned(idle) >= flow.start.nanoseconds()
}

/// Whether a segment that opens a connection opens another one than `flow`.
fn reopens<S>(flow: &Flow<S>, time: i64, control: Control) -> bool {
    let overtaken = time.saturating_sub(flow.start.nanoseconds()) <= OVERTAKEN;
    flow.tcp.as_ref().is_some_and(|facts| !(overtaken && facts.awaits_syn()) && facts.is_reopened_by(control))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Timestamp;
    use crate::decode::AddressPair;
    use crate::flow::{Outcome, Side};
    use std::time::Duration;

    const CLIENT: [u8; 4] = [192, 0, 2, 10];
    const SERVER: [u8; 4] = [203, 0, 113, 5];

    fn key(
        client: [u8; 4],
        server: [u8; 4],
        (from, to): (u16, u16),
        from_client: bool,
        transport: Transport,
    ) -> (FlowKey, Side) {
        let (source, destination) = if from_client { (client, server) } else { (server, client) };
        let addresses = AddressPair { source: source.into(), destination: destination.into() };
        FlowKey::new(addresses, from, to, transport)
    }

    /// A packet of 100 bytes without payload.
    fn arrival(key: FlowKey, side: Side, at: i64) -> Arrival<'static> {
        let time = Timestamp::from_nanoseconds(at);
        Arrival {
            key,
            side,
            index: 0,
            time,
            wire_length: 100,
            control: None,
            payload: &[],
            payload_length: 0,
            has_rest: false,
        }
    }

    struct Wire {
        table: Table<()>,
        number: u64,
    }

    impl Wire {
        fn new() -> Self {
            Self { table: Table::new(Bound(8)), number: 0 }
        }

        fn tcp(&mut self, at: i64, from_client: bool, flags: u8, sequence: u32, payload_length: u32) {
            let (source_port, destination_port) = if from_client { (50_000, 443) } else { (443, 50_000) };
            let (key, side) =
                key(CLIENT, SERVER, (source_port, destination_port), from_client, Transport::Tcp);
            let control = Some(Control { sequence, flags: TcpFlags(flags) });
            self.push(Arrival { control, payload_length, ..arrival(key, side, at) });
        }

        fn udp(&mut self, at: i64, from_client: bool) {
            let ports = if from_client { (50_000, 8801) } else { (8801, 50_000) };
            let (key, side) = key(CLIENT, SERVER, ports, from_client, Transport::Udp);
            self.push(arrival(key, side, at));
        }

        fn push(&mut self, arrival: Arrival<'_>) {
            self.number += 1;
            self.table.packet(&arrival, None, PacketRef::new(0, self.number));
        }

        fn flows(self) -> Vec<Flow<()>> {
            self.table.into_flows().into_iter().collect()
        }

        fn only(self) -> Flow<()> {
            let mut flows = self.flows();
            assert_eq!(flows.len(), 1);
            flows.remove(0)
        }
    }

    const SYN: u8 = TcpFlags::SYN;
    const SYN_ACK: u8 = TcpFlags::SYN | TcpFlags::ACK;
    const ACK: u8 = TcpFlags::ACK;
    const FIN: u8 = TcpFlags::FIN | TcpFlags::ACK;
    const RST: u8 = TcpFlags::RST | TcpFlags::ACK;

    #[test]
    fn a_handshake_is_timed_from_the_first_syn_to_the_first_answer() {
        let mut wire = Wire::new();
        wire.tcp(0, true, SYN, 7, 0);
        wire.tcp(SECOND, true, SYN, 7, 0);
        wire.tcp(SECOND + 5, false, SYN_ACK, 9, 0);
        wire.tcp(SECOND + 6, false, SYN_ACK, 9, 0);
        wire.tcp(SECOND + 9, true, ACK, 8, 0);
        let flow = wire.only();
        assert_eq!(flow.handshake_time(), Some(Duration::from_nanos(1_000_000_005)));
        assert_eq!(flow.opened_by_client(), Some(true));
        assert_eq!(flow.client(), (CLIENT.into(), Some(50_000)));
        assert_eq!((flow.sent().packets, flow.received().packets), (3, 2));
        assert_eq!(flow.outcome(), Outcome::Open);
        assert!(flow.tcp().unwrap().is_established());
    }

    #[test]
    fn a_flow_that_was_taken_out_begins_anew_and_the_others_go_on() {
        let mut wire = Wire::new();
        wire.udp(0, true);
        wire.tcp(1, true, SYN, 7, 0);
        let taken = wire.table.take(|flow| flow.transport() == Transport::Udp);
        assert_eq!((taken.len(), taken[0].sent().packets), (1, 1));
        wire.udp(2, true);
        wire.tcp(3, false, SYN_ACK, 9, 0);
        let flows = wire.flows();
        assert_eq!(flows.len(), 2);
        assert_eq!((flows[0].sent().packets, flows[0].received().packets), (1, 1));
        assert_eq!((flows[1].start().nanoseconds(), flows[1].sent().packets), (2, 1));
    }

    #[test]
    fn a_reset_that_answers_a_syn_is_a_refusal() {
        let mut wire = Wire::new();
        wire.tcp(0, true, SYN, 7, 0);
        wire.tcp(5, false, RST, 0, 0);
        let flow = wire.only();
        assert_eq!(flow.outcome(), Outcome::Refused);
        assert!(!flow.tcp().unwrap().is_established());
        assert_eq!(flow.handshake_time(), None);
    }

    #[test]
    fn a_syn_that_nobody_answers_is_unanswered() {
        let mut wire = Wire::new();
        for at in [0, 1, 3] {
            wire.tcp(at * SECOND, true, SYN, 7, 0);
        }
        let flow = wire.only();
        assert_eq!(flow.outcome(), Outcome::Unanswered);
        assert_eq!(flow.tcp().unwrap().syns(), 3);
    }

    #[test]
    fn a_client_that_resets_after_the_answer_has_not_established() {
        let mut wire = Wire::new();
        wire.tcp(0, true, SYN, 7, 0);
        wire.tcp(1, false, SYN_ACK, 9, 0);
        wire.tcp(2, true, TcpFlags::RST, 8, 0);
        let flow = wire.only();
        assert!(!flow.tcp().unwrap().is_established());
        assert_eq!(flow.outcome(), Outcome::Reset);
    }

    #[test]
    fn a_new_syn_after_the_end_is_a_new_flow() {
        let mut wire = Wire::new();
        wire.tcp(0, true, SYN, 7, 0);
        wire.tcp(1, false, SYN_ACK, 9, 0);
        wire.tcp(2, true, FIN, 8, 0);
        wire.tcp(3, false, FIN, 10, 0);
        wire.tcp(4, true, ACK, 9, 0);
        wire.tcp(5, true, SYN, 70, 0);
        let flows = wire.flows();
        assert_eq!(
            flows.iter().map(Flow::outcome).collect::<Vec<_>>(),
            [Outcome::Closed, Outcome::Unanswered]
        );
    }

    #[test]
    fn a_syn_that_was_overtaken_opens_the_flow_that_is_there() {
        let mut wire = Wire::new();
        wire.tcp(5, true, ACK, 8, 100);
        wire.tcp(6, true, SYN, 7, 0);
        wire.tcp(7, false, SYN_ACK, 9, 0);
        let flow = wire.only();
        assert_eq!(flow.opened_by_client(), Some(true));
        assert_eq!(flow.client().1, Some(50_000));
    }

    #[test]
    fn a_syn_long_after_packets_of_another_connection_is_a_new_flow() {
        let mut wire = Wire::new();
        wire.tcp(0, true, ACK, 8, 100);
        wire.tcp(2 * SECOND, true, SYN, 7000, 0);
        assert_eq!(wire.flows().len(), 2);
    }

    #[test]
    fn a_repeated_syn_is_the_same_flow() {
        let mut wire = Wire::new();
        wire.tcp(0, true, SYN, 7, 0);
        wire.tcp(1, false, SYN_ACK, 9, 0);
        wire.tcp(2, true, SYN, 7, 0);
        assert_eq!(wire.flows().len(), 1);
    }

    #[test]
    fn a_connection_from_before_the_capture_is_open_and_its_opener_a_guess() {
        let mut wire = Wire::new();
        wire.tcp(0, false, ACK, 1, 100);
        wire.tcp(1, true, ACK, 1, 100);
        let flow = wire.only();
        assert_eq!(flow.opened_by_client(), None);
        assert_eq!(flow.client().0, std::net::IpAddr::from(CLIENT));
        assert_eq!(flow.outcome(), Outcome::Open);
        assert!(flow.tcp().unwrap().has_data_both_ways());
    }

    #[test]
    fn a_capture_of_the_servers_side_alone_is_said_to_be_that() {
        let mut wire = Wire::new();
        wire.tcp(0, false, SYN_ACK, 9, 0);
        wire.tcp(1, false, ACK, 10, 100);
        let flow = wire.only();
        assert_eq!(flow.outcome(), Outcome::ServerOnly);
        assert_eq!(flow.opened_by_client(), Some(true));
        assert_eq!(flow.client().1, Some(50_000));
    }

    #[test]
    fn silence_parts_flows_by_the_packets_own_time() {
        let mut wire = Wire::new();
        wire.udp(0, true);
        wire.udp(179 * SECOND, false);
        wire.udp(360 * SECOND, true);
        assert_eq!(wire.flows().len(), 2);
    }

    #[test]
    fn a_clock_that_jumps_back_far_parts_flows() {
        let mut wire = Wire::new();
        wire.udp(1000 * SECOND, true);
        wire.udp(999 * SECOND, false);
        wire.udp(0, true);
        let flows = wire.flows();
        assert_eq!(flows.len(), 2);
        assert_eq!(flows[0].start(), Timestamp::from_nanoseconds(999 * SECOND));
    }

    #[test]
    fn a_full_table_takes_no_new_flow_and_goes_on_with_the_old() {
        let mut table: Table<()> = Table::new(Bound(1));
        let at = PacketRef::new(0, 1);
        for last in [1, 2, 1] {
            let (key, side) = key(CLIENT, [203, 0, 113, last], (1, 2), true, Transport::Udp);
            assert_eq!(table.packet(&arrival(key, side, 0), None, at).is_some(), last == 1);
        }
        assert_eq!(table.into_flows().get(0).unwrap().sent().packets, 2);
    }

    #[test]
    fn fragments_that_have_been_counted_can_be_told_apart() {
        let mut table: Table<()> = Table::new(Bound(1));
        let whole = Reassembled { frames: 3, bytes: 4000, headers: 1 };
        let (key, side) = key(CLIENT, SERVER, (1, 2), true, Transport::Udp);
        table.packet(&arrival(key, side, 0), Some(&whole), PacketRef::new(0, 3));
        let flow = table.into_flows().into_iter().next().unwrap();
        let counted = Counters { packets: 3, bytes: 4000 };
        assert_eq!((flow.sent_by(side), flow.sent_as_fragments_by(side)), (counted, counted));
    }

    #[test]
    fn an_icmp_error_makes_an_unanswered_flow_unreachable() {
        let mut wire = Wire::new();
        wire.udp(0, true);
        let addresses = AddressPair { source: CLIENT.into(), destination: SERVER.into() };
        let (key, about) = FlowKey::new(addresses, 50_000, 8801, Transport::Udp);
        let packet = PacketRef::new(0, 2);
        wire.table.error(&key, IcmpError { sender: SERVER.into(), kind: 3, code: 10, about, packet });
        assert_eq!(wire.only().outcome(), Outcome::Unreachable);
    }
}
