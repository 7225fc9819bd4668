//! The second reading: takes the packets that were selected out of the captures, with what each shows.

use super::EvidenceError;
use super::kept::{Keeper, Kept};
use super::select::{Fact, Plan};
use crate::capture::{Batch, Filter, Frame, Input, LinkType, Options, Reader, Timestamp};
use crate::decode::{self, Anomalies, Content, Fragment, Packet, Reassembler};
use crate::flow::PacketRef;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::IpAddr;
use std::path::PathBuf;

/// Packets of a bundle. What a person can look through, and then some.
const MAX_PACKETS: usize = 200_000;
/// Bytes of all packets of a bundle, which are held in memory.
const MAX_BYTES: usize = 256 << 20;
/// Fragments that wait for the last one of their packet. A wanted packet in fragments has them close together.
const MAX_FRAGMENTS: usize = 1024;

/// A packet taken out of a capture.
#[derive(Clone, Debug)]
pub(super) struct Picked {
    pub(super) time: Timestamp,
    pub(super) link_type: LinkType,
    /// Place among the interfaces of its input.
    pub(super) interface: u16,
    pub(super) wire_length: u32,
    pub(super) bytes: Vec<u8>,
    pub(super) facts: BTreeSet<Fact>,
}

/// The packets that were taken out, in the order of the captures.
#[derive(Debug, Default)]
pub(super) struct Collection {
    pub(super) packets: BTreeMap<PacketRef, Picked>,
    /// Packets that a bound kept out.
    pub(super) left_out: u64,
    bytes: usize,
}

/// What a frame becomes in the bundle: the frame itself, or one that is safe to share. `None` leaves it out.
pub(super) type Render<'a> = dyn FnMut(&Frame<'_>, &[Packet<'_>]) -> Option<(LinkType, Vec<u8>)> + 'a;

/// Reads the captures at `paths` again and takes out what `plan` wants; of each flow `each` packets after its
/// handshake.
pub(super) fn collect(
    paths: &[PathBuf],
    inputs: &[Input],
    mut filter: Option<Filter>,
    plan: &Plan,
    each: usize,
    make: &mut Render<'_>,
) -> Result<Collection, EvidenceError> {
    let mut reader = Reader::open(paths, Options::default())?;
    let mut collector = Collector {
        plan,
        keeper: Keeper::new(plan, each),
        render: make,
        collection: Collection::default(),
        pool: Reassembler::default(),
        waiting: Waiting::default(),
        interface: 0,
    };
    let mut batch = Batch::default();
    while reader.next_batch(&mut batch)? {
        for (frame, record) in batch.frames().zip(&batch.records) {
            if filter.as_mut().is_none_or(|filter| filter.matches(&frame)) {
                collector.interface = record.interface;
                collector.frame(&frame);
            }
        }
    }
    unchanged(inputs, &reader.into_inputs())?;
    Ok(collector.collection)
}

/// The second reading must have seen what the first one saw.
fn unchanged(first: &[Input], second: &[Input]) -> Result<(), EvidenceError> {
    let seen = |input: &Input| (input.packets, input.bytes, input.size, input.last_packet);
    if first.len() == second.len()
        && first.iter().zip(second).all(|(first, second)| seen(first) == seen(second))
    {
        return Ok(());
    }
    let changed = first.iter().zip(second).find(|(first, second)| seen(first) != seen(second));
    let input = changed.map(|(input, _)| input).or(first.first());
    Err(EvidenceError::Changed { input: input.map(|input| input.path.clone()).unwrap_or_default() })
}

struct Collector<'a, 'r> {
    plan: &'a Plan,
    keeper: Keeper<'a>,
    render: &'a mut Render<'r>,
    collection: Collection,
    pool: Reassembler,
    waiting: Waiting,
    /// Of the frame at hand.
    interface: u16,
}

impl Collector<'_, '_> {
    fn frame(&mut self, frame: &Frame<'_>) {
        let at = PacketRef::new(frame.input, frame.number);
        let mut packets = Vec::new();
        decode::decode(frame, 0, &mut Anomalies::default(), &mut packets);
        let mut facts: BTreeSet<Fact> = self.plan.packets.get(&at).cloned().unwrap_or_default();
        for packet in &packets {
            self.wanted(packet, at, &mut facts);
            if let Content::Fragment(fragment) = &packet.content {
                self.fragment(packet, fragment, frame, &mut facts);
            }
        }
        if facts.is_empty() {
            return;
        }
        if let Some((link_type, bytes)) = (self.render)(frame, &packets) {
            self.collection.add(at, Picked::new(frame, (link_type, self.interface), bytes, facts));
        }
    }

    fn wanted(&mut self, packet: &Packet<'_>, at: PacketRef, facts: &mut BTreeSet<Fact>) {
        if let Kept::Yes { shows, wish } = self.keeper.keep(packet, at) {
            facts.extend(wish.iter().map(|fact| Fact {
                finding: fact.finding,
                shows: if shows.is_empty() { fact.shows.clone() } else { format!("{}: {shows}", fact.shows) },
            }));
        }
        facts.extend(self.keeper.keep_loose(packet).cloned());
    }

    /// A packet in fragments is wanted or not when it is whole; until then its fragments wait.
    fn fragment(
        &mut self,
        packet: &Packet<'_>,
        fragment: &Fragment<'_>,
        frame: &Frame<'_>,
        facts: &mut BTreeSet<Fact>,
    ) {
        let at = PacketRef::new(frame.input, frame.number);
        let key = (packet.addresses.source, packet.addresses.destination, fragment.identification);
        let Some(datagram) = self.pool.push(packet, &mut Anomalies::default()) else {
            let mut inside = Vec::new();
            decode::decode(frame, 0, &mut Anomalies::default(), &mut inside);
            if let Some((link_type, bytes)) = (self.render)(frame, &inside) {
                self.waiting.add(
                    key,
                    at,
                    Picked::new(frame, (link_type, self.interface), bytes, BTreeSet::new()),
                );
            }
            return;
        };
        let mut whole = Vec::new();
        datagram.decode(&mut Anomalies::default(), &mut whole);
        for packet in &whole {
            self.wanted(packet, at, facts);
        }
        let earlier = self.waiting.take(&key);
        if facts.is_empty() {
            return;
        }
        for (at, mut picked) in earlier {
            picked.facts = facts.iter().map(Fact::of_fragment).collect();
            self.collection.add(at, picked);
        }
    }
}

impl Picked {
    fn new(
        frame: &Frame<'_>,
        (link_type, interface): (LinkType, u16),
        bytes: Vec<u8>,
        facts: BTreeSet<Fact>,
    ) -> Self {
        Self { time: frame.time, link_type, interface, wire_length: frame.wire_length, bytes, facts }
    }
}

impl Fact {
    fn of_fragment(&self) -> Self {
        Self { finding: self.finding, shows: format!("{} (fragment of that packet)", self.shows) }
    }
}

impl Collection {
    fn add(&mut self, at: PacketRef, picked: Picked) {
        if let Some(known) = self.packets.get_mut(&at) {
            known.facts.extend(picked.facts);
            return;
        }
        let bytes = self.bytes.saturating_add(picked.bytes.len());
        if self.packets.len() >= MAX_PACKETS || bytes > MAX_BYTES {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        self.bytes = bytes;
        self.packets.insert(at, picked);
    }
}

/// The fragments of one packet: source, destination, identification.
type FragmentKey = (IpAddr, IpAddr, u32);

/// Fragments whose packet is not whole, the oldest of which go when there are too many.
#[derive(Debug, Default)]
struct Waiting {
    by_key: HashMap<FragmentKey, Vec<(PacketRef, Picked)>>,
    order: VecDeque<FragmentKey>,
}

impl Waiting {
    fn add(&mut self, key: FragmentKey, at: PacketRef, picked: Picked) {
        self.by_key.entry(key).or_default().push((at, picked));
        self.order.push_back(key);
        while self.order.len() > MAX_FRAGMENTS {
            if let Some(oldest) = self.order.pop_front() {
                self.by_key.remove(&oldest);
            }
        }
    }

    fn take(&mut self, key: &FragmentKey) -> Vec<(PacketRef, Picked)> {
        self.by_key.remove(key).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::pcapng::{Interface, Packet as Written, Writer};
    use super::super::select::Wish;
    use super::*;
    use crate::capture::Precision;
    use crate::decode::AddressPair;
    use crate::flow::{FlowKey, Transport};

    const CLIENT: [u8; 4] = [10, 0, 0, 1];
    const SERVER: [u8; 4] = [52, 81, 151, 250];

    /// A UDP datagram of 40 bytes from the client, in IPv4 packets of this identification: whole, or in two.
    fn datagram(identification: u16, port: u16, pieces: bool) -> Vec<Vec<u8>> {
        let mut body = [port.to_be_bytes(), 2000_u16.to_be_bytes(), 40_u16.to_be_bytes(), [0, 0]].concat();
        body.resize(40, 0x55);
        let packet = |offset: u16, more: bool, part: &[u8]| {
            let mut header = etherparse::Ipv4Header::new(
                u16::try_from(part.len()).unwrap(),
                64,
                etherparse::IpNumber::UDP,
                CLIENT,
                SERVER,
            )
            .unwrap();
            header.identification = identification;
            header.more_fragments = more;
            header.fragment_offset = etherparse::IpFragOffset::try_new(offset / 8).unwrap();
            header.header_checksum = header.calc_header_checksum();
            let mut bytes = Vec::new();
            header.write(&mut bytes).unwrap();
            bytes.extend(part);
            bytes
        };
        if pieces {
            vec![packet(0, true, &body[..24]), packet(24, false, &body[24..])]
        } else {
            vec![packet(0, false, &body)]
        }
    }

    fn collected(frames: &[Vec<u8>], each: usize) -> Vec<u64> {
        let mut writer = Writer::new("test", "");
        let (name, precision) = ("", Precision::MICROSECONDS);
        let interface =
            writer.interface(&Interface { name, description: name, link_type: LinkType(101), precision });
        for (bytes, second) in frames.iter().zip(1..) {
            let time = Timestamp::from_nanoseconds(second * 1_000_000_000);
            let wire_length = u32::try_from(bytes.len()).unwrap();
            writer.packet(&Written { interface, time, wire_length, bytes, comment: "" });
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("capture");
        std::fs::write(&path, writer.into_bytes()).unwrap();
        let pair = AddressPair { source: CLIENT.into(), destination: SERVER.into() };
        let (key, _) = FlowKey::new(pair, 1000, 2000, Transport::Udp);
        let at = |number| PacketRef::new(0, number);
        let wish = Wish {
            first: at(1),
            last: at(frames.len() as u64),
            facts: vec![Fact { finding: 1, shows: "flow".to_owned() }],
            client: (CLIENT, 1000).into(),
        };
        let plan = Plan { flows: HashMap::from([(key, vec![wish])]), ..Plan::default() };
        let mut reader = Reader::open(std::slice::from_ref(&path), Options::default()).unwrap();
        while reader.next_batch(&mut Batch::default()).unwrap() {}
        let inputs = reader.into_inputs();
        let mut as_is = |frame: &Frame<'_>, _: &[Packet<'_>]| Some((frame.link_type, frame.bytes.to_vec()));
        let found = collect(std::slice::from_ref(&path), &inputs, None, &plan, each, &mut as_is).unwrap();
        let mut other = inputs.clone();
        other[0].packets += 1;
        assert!(matches!(
            collect(&[path], &other, None, &plan, each, &mut as_is),
            Err(EvidenceError::Changed { .. })
        ));
        found.packets.keys().map(|at| at.number()).collect()
    }

    #[test]
    fn every_fragment_of_a_wanted_packet_is_kept() {
        let mut frames = datagram(7, 1000, true);
        frames.extend(datagram(8, 3000, true));
        frames.extend(datagram(9, 1000, false));
        frames.extend(datagram(10, 3000, false));
        assert_eq!(collected(&frames, 16), [1, 2, 5]);
        assert_eq!(collected(&frames, 1), [1, 2]);
        assert_eq!(collected(&frames, 0), [] as [u64; 0]);
    }

    #[test]
    fn fragments_that_nothing_completes_are_given_up() {
        let first = |number: u16| datagram(number, 1000, true).swap_remove(0);
        let mut frames: Vec<Vec<u8>> = (0..2000).map(first).collect();
        frames.extend(datagram(3000, 1000, true));
        assert_eq!(collected(&frames, 16), [2001, 2002]);
    }
}
