//! Putting IP fragments together (RFC 791 section 3.2, RFC 8200 section 4.5).

use super::anomaly::{Anomalies, Anomaly};
use super::extension;
use super::layers::{Layers, Origin};
use super::view::View;
use super::{AddressPair, Content, Fragment, Packet, Reassembled};
use crate::capture::Timestamp;
use hashbrown::HashMap;
use std::collections::VecDeque;
use std::time::Duration;

/// How long the first piece waits for the last, RFC 8200 section 4.5.
const TIMEOUT: Duration = Duration::from_mins(1);
/// Bytes of pieces that wait, of all packets together: some hundred packets of the greatest size, more than a
/// real capture ever has open, and little beside the flow table.
const MAX_WAITING_BYTES: usize = 32 << 20;
/// Packets that wait. Each costs about 200 bytes beside its pieces.
const MAX_WAITING_PACKETS: usize = 1 << 16;
/// Keys of packets that no longer wait, beyond those that do, before they are cleared away.
const SLACK: usize = 1024;
/// Pieces of one packet. A packet of 65,535 bytes on links with the least IPv4 MTU of 68 has 1366.
const MAX_PIECES: usize = 1400;
/// The last byte that a piece may reach: an offset is 13 bits of units of eight bytes, a length 16 bits.
const MAX_END: u32 = 0xfff8 + 0xffff;

/// Puts IP fragments together, in the order of the capture, within a bound on memory.
///
/// Where pieces overlap, the bytes of the one that begins first are taken, and of those that begin together
/// the one that came first.
#[derive(Debug, Default)]
pub struct Reassembler {
    waiting: HashMap<Key, Waiting, foldhash::fast::FixedState>,
    /// Keys in the order in which their packets began to wait, with the serial number of the packet: a key may
    /// come again after its packet was completed.
    order: VecDeque<(Key, u64)>,
    serial: u64,
    bytes: usize,
}

impl Reassembler {
    /// Takes a packet whose content is a [`Fragment`]; gives the whole datagram when this was the last piece.
    pub fn push(&mut self, packet: &Packet<'_>, anomalies: &mut Anomalies) -> Option<Datagram> {
        let Content::Fragment(fragment) = packet.content else { return None };
        if !acceptable(&fragment) {
            anomalies.count(Anomaly::FragmentTruncated);
            return None;
        }
        let key = Key::of(packet.addresses, &fragment);
        self.expire(key, packet.time, anomalies);
        let complete = self.add(key, packet, &fragment, anomalies);
        if !complete {
            self.bound(anomalies);
            return None;
        }
        self.remove(key)?.join(packet, anomalies)
    }

    /// Gives up the packet with `key` if its first piece is too old for `time`.
    fn expire(&mut self, key: Key, time: Timestamp, anomalies: &mut Anomalies) {
        if self.waiting.get(&key).is_some_and(|waiting| time.since(waiting.since) > TIMEOUT) {
            anomalies.count(Anomaly::FragmentTimeout);
            self.remove(key);
        }
    }

    /// Adds a piece; says whether the packet is complete.
    fn add(
        &mut self,
        key: Key,
        packet: &Packet<'_>,
        fragment: &Fragment<'_>,
        anomalies: &mut Anomalies,
    ) -> bool {
        if !self.waiting.contains_key(&key) {
            self.serial = self.serial.wrapping_add(1);
            self.order.push_back((key, self.serial));
        }
        let serial = self.serial;
        let waiting = self.waiting.entry(key).or_insert_with(|| Waiting::new(packet.time, serial));
        if waiting.pieces.len() >= MAX_PIECES {
            anomalies.count(Anomaly::FragmentDropped);
            return false;
        }
        self.bytes = self.bytes.saturating_add(fragment.payload.len());
        waiting.add(packet, fragment, anomalies);
        waiting.is_complete()
    }

    /// Gives up the packets that wait longest while there is too much.
    fn bound(&mut self, anomalies: &mut Anomalies) {
        while self.bytes > MAX_WAITING_BYTES || self.waiting.len() > MAX_WAITING_PACKETS {
            let Some((key, serial)) = self.order.pop_front() else { return };
            if self.waiting.get(&key).is_some_and(|waiting| waiting.serial == serial) {
                anomalies.count(Anomaly::FragmentDropped);
                self.remove(key);
            }
        }
    }

    fn remove(&mut self, key: Key) -> Option<Waiting> {
        let waiting = self.waiting.remove(&key)?;
        self.bytes = self.bytes.saturating_sub(waiting.bytes);
        // Without this the order would grow with the capture where every packet is completed.
        if self.order.len() > self.waiting.len().saturating_mul(2).saturating_add(SLACK) {
            let waiting = &self.waiting;
            self.order.retain(|(key, serial)| waiting.get(key).is_some_and(|entry| entry.serial == *serial));
        }
        Some(waiting)
    }
}

/// Whether a piece can be part of a packet: it was captured whole, has content, and ends where it may.
fn acceptable(fragment: &Fragment<'_>) -> bool {
    let whole = View { bytes: fragment.payload, length: fragment.payload_length }.is_whole();
    let end = fragment.offset.saturating_add(fragment.payload_length);
    whole && !fragment.payload.is_empty() && end <= MAX_END
}

/// What the pieces of one packet have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    addresses: AddressPair,
    identification: u32,
    /// Of IPv4; the pieces of an IPv6 packet need not agree (RFC 8200 section 4.5).
    protocol: u8,
}

impl Key {
    fn of(addresses: AddressPair, fragment: &Fragment<'_>) -> Self {
        let protocol = if addresses.source.is_ipv4() { fragment.protocol } else { 0 };
        Self { addresses, identification: fragment.identification, protocol }
    }
}

/// A packet of which pieces are missing.
#[derive(Debug)]
struct Waiting {
    since: Timestamp,
    serial: u64,
    /// In the order of their offsets.
    pieces: Vec<Piece>,
    /// Bytes of the pieces.
    bytes: usize,
    /// Where the packet ends, once the last piece is there.
    end: Option<u32>,
    frames: u32,
    frame_bytes: u64,
}

#[derive(Debug)]
struct Piece {
    offset: u32,
    protocol: u8,
    bytes: Box<[u8]>,
}

impl Piece {
    fn end(&self) -> u32 {
        self.offset.saturating_add(u32::try_from(self.bytes.len()).unwrap_or(u32::MAX))
    }
}

impl Waiting {
    fn new(since: Timestamp, serial: u64) -> Self {
        Self { since, serial, pieces: Vec::new(), bytes: 0, end: None, frames: 0, frame_bytes: 0 }
    }

    fn add(&mut self, packet: &Packet<'_>, fragment: &Fragment<'_>, anomalies: &mut Anomalies) {
        let (offset, protocol) = (fragment.offset, fragment.protocol);
        let piece = Piece { offset, protocol, bytes: fragment.payload.into() };
        let end = piece.end();
        let place = self.pieces.partition_point(|other| other.offset <= offset);
        let before = place.checked_sub(1).and_then(|before| self.pieces.get(before));
        let after = self.pieces.get(place);
        if before.is_some_and(|other| other.end() > offset) || after.is_some_and(|other| other.offset < end) {
            anomalies.count(Anomaly::FragmentOverlap);
        }
        if !fragment.more {
            self.end.get_or_insert(end);
        }
        self.bytes = self.bytes.saturating_add(piece.bytes.len());
        self.pieces.insert(place, piece);
        // A packet inside another that was in pieces itself brings the frames of those.
        let (frames, frame_bytes) = packet
            .reassembled
            .as_ref()
            .map_or((1, u64::from(packet.wire_length)), |whole| (whole.frames, whole.bytes));
        self.frames = self.frames.saturating_add(frames);
        self.frame_bytes = self.frame_bytes.saturating_add(frame_bytes);
    }

    fn is_complete(&self) -> bool {
        let Some(end) = self.end else { return false };
        let mut covered = 0;
        for piece in &self.pieces {
            if piece.offset > covered {
                break;
            }
            covered = covered.max(piece.end());
        }
        covered >= end
    }

    /// The datagram, which `packet` completed.
    fn join(self, packet: &Packet<'_>, anomalies: &mut Anomalies) -> Option<Datagram> {
        let end = self.end?;
        let mut bytes: Vec<u8> = Vec::with_capacity(usize::try_from(end).ok()?);
        for piece in &self.pieces {
            if piece.end() > end {
                anomalies.count(Anomaly::FragmentTooLong);
            }
            let known = bytes.len().saturating_sub(usize::try_from(piece.offset).ok()?);
            bytes.extend_from_slice(piece.bytes.get(known..).unwrap_or_default());
        }
        bytes.truncate(usize::try_from(end).ok()?);
        // Fragments of an IPv6 packet do not count, see `Packet::counted`.
        let own = usize::from(packet.addresses.source.is_ipv4());
        let headers = packet.outer.len().saturating_add(own);
        Some(Datagram {
            index: packet.index,
            origin: Origin {
                time: packet.time,
                wire_length: packet.wire_length,
                reassembled: Some(Reassembled { frames: self.frames, bytes: self.frame_bytes, headers }),
            },
            outer: packet.outer.clone(),
            addresses: packet.addresses,
            protocol: self.pieces.first()?.protocol,
            bytes,
        })
    }
}

/// An IP packet put together from fragments. It owns its bytes.
#[derive(Debug)]
pub struct Datagram {
    index: u32,
    origin: Origin,
    outer: Vec<AddressPair>,
    addresses: AddressPair,
    protocol: u8,
    bytes: Vec<u8>,
}

impl Datagram {
    /// Decodes the datagram as if it had come in one piece. It may turn out to be a fragment of another one.
    pub fn decode<'a>(&'a self, anomalies: &mut Anomalies, packets: &mut Vec<Packet<'a>>) {
        let view = View::whole(&self.bytes);
        let mut layers = Layers::new(self.index, self.origin, self.outer.clone(), anomalies, packets);
        if extension::is_extension(self.protocol) {
            layers.extensions(self.addresses, self.protocol, view);
        } else {
            layers.payload(self.addresses, self.protocol, view);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::sample::{self, INNER4, OUTER4, OUTER6, RAW, below, in4, in6, join, udp4};
    use proptest::prelude::*;

    /// The pieces of an IPv4 packet, cut into `size` bytes each.
    fn pieces4(protocol: u8, content: &[u8], size: usize) -> Vec<Vec<u8>> {
        let last = content.chunks(size).count() - 1;
        let piece = |(number, chunk): (usize, &[u8])| {
            let mut packet = in4(protocol, chunk);
            let more = if number == last { 0 } else { 0x2000 };
            let offset = u16::try_from(number * size / 8).unwrap();
            packet[6..8].copy_from_slice(&(more | offset).to_be_bytes());
            packet
        };
        content.chunks(size).enumerate().map(piece).collect()
    }

    /// The same of an IPv6 packet.
    fn pieces6(protocol: u8, content: &[u8], size: usize) -> Vec<Vec<u8>> {
        let last = content.chunks(size).count() - 1;
        let piece = |(number, chunk): (usize, &[u8])| {
            let bits = u16::try_from(number * size).unwrap() | u16::from(number != last);
            in6(44, &join(&[&[protocol, 0], &bits.to_be_bytes(), &[0, 0, 0, 9], chunk]))
        };
        content.chunks(size).enumerate().map(piece).collect()
    }

    /// What comes out of frames, and how many times each header counted.
    #[derive(Default)]
    struct Reading {
        reassembler: Reassembler,
        anomalies: Anomalies,
        lines: Vec<String>,
        counted: Vec<String>,
        whole: Option<Reassembled>,
    }

    impl Reading {
        fn of<'f>(frames: impl IntoIterator<Item = &'f Vec<u8>>) -> Self {
            let mut reading = Self::default();
            for frame in frames {
                reading.frame(frame, 0);
            }
            reading
        }

        fn frame(&mut self, bytes: &[u8], seconds: i64) {
            let (mut packets, _) = sample::packets(RAW, bytes, bytes.len());
            for packet in &mut packets {
                packet.time = Timestamp::from_nanoseconds(seconds * 1_000_000_000);
            }
            for packet in &packets {
                self.packet(packet);
            }
        }

        fn packet(&mut self, packet: &Packet<'_>) {
            let headers = packet.counted().map(|pair| format!("{}>{}", pair.source, pair.destination));
            self.counted.extend(headers);
            if !matches!(packet.content, Content::Fragment(_)) {
                self.whole = packet.reassembled.as_deref().copied();
                return self.lines.push(sample::line(packet));
            }
            let Some(datagram) = self.reassembler.push(packet, &mut self.anomalies) else { return };
            let mut packets = Vec::new();
            datagram.decode(&mut self.anomalies, &mut packets);
            for packet in &packets {
                self.packet(packet);
            }
        }

        fn odd(&self) -> Vec<&'static str> {
            self.anomalies.counts().into_keys().collect()
        }
    }

    #[test]
    fn pieces_in_any_order_make_the_packet() {
        for pieces in [pieces4(4, &udp4(), 8), pieces6(4, &udp4(), 8)] {
            let outer = if pieces[0][0] >> 4 == 4 { OUTER4 } else { OUTER6 };
            let forward = Reading::of(&pieces);
            assert_eq!(forward.lines, [below(outer, INNER4)]);
            assert!(forward.odd().is_empty());
            assert_eq!(Reading::of(pieces.iter().rev()).lines, [below(outer, INNER4)]);
            assert!(Reading::of(&pieces[1..]).lines.is_empty());
            assert!(Reading::of(&pieces[..4]).lines.is_empty());
            assert_eq!(forward.whole.map(|whole| whole.frames), Some(5));
        }
    }

    #[test]
    fn a_header_of_ipv4_counts_with_each_piece_and_one_of_ipv6_with_the_last() {
        assert_eq!(Reading::of(&pieces4(4, &udp4(), 16)).counted, [OUTER4, OUTER4, OUTER4, INNER4]);
        assert_eq!(Reading::of(&pieces6(4, &udp4(), 16)).counted, [OUTER6, INNER4]);
    }

    #[test]
    fn pieces_of_pieces_are_put_together_and_count_once() {
        let mut frames = Vec::new();
        for (number, piece) in (1_u8..).zip(pieces6(4, &udp4(), 24)) {
            for mut outer in pieces4(41, &piece, 32) {
                outer[5] = number;
                frames.push(outer);
            }
        }
        let reading = Reading::of(&frames);
        assert_eq!(reading.lines, [format!("{OUTER4} / {}", below(OUTER6, INNER4))]);
        let outer = reading.counted.iter().filter(|pair| *pair == OUTER4).count();
        assert_eq!((outer, frames.len()), (5, 5));
        assert_eq!(reading.counted.iter().filter(|pair| *pair == OUTER6).count(), 1);
        assert_eq!(reading.whole.map(|whole| (whole.frames, whole.headers)), Some((5, 1)));
    }

    #[test]
    fn overlaps_and_pieces_past_the_end_are_counted_and_do_no_harm() {
        let pieces = pieces4(4, &udp4(), 16);
        let twice = Reading::of([&pieces[0], &pieces[0], &pieces[1], &pieces[2]]);
        assert_eq!(twice.lines, [below(OUTER4, INNER4)]);
        assert_eq!(twice.odd(), ["fragment_overlap"]);
        let mut beyond = pieces[1].clone();
        beyond[7] = 9;
        let reading = Reading::of([&beyond, &pieces[0], &pieces[1], &pieces[2]]);
        assert_eq!((reading.lines.len(), reading.odd()), (1, vec!["fragment_too_long"]));
    }

    #[test]
    fn pieces_cut_by_the_capture_are_not_put_together() {
        let pieces = pieces4(4, &udp4(), 16);
        let mut reading = Reading::default();
        let (cut, _) = sample::packets(RAW, &pieces[1][..30], 36);
        reading.packet(&cut[0]);
        for piece in [&pieces[0], &pieces[2]] {
            reading.frame(piece, 0);
        }
        assert!(reading.lines.is_empty());
        assert_eq!(reading.odd(), ["fragment_truncated"]);
    }

    #[test]
    fn pieces_that_come_too_late_belong_to_another_packet() {
        let pieces = pieces4(4, &udp4(), 24);
        let mut reading = Reading::default();
        reading.frame(&pieces[0], 100);
        reading.frame(&pieces[1], 161);
        assert!(reading.lines.is_empty());
        assert_eq!(reading.odd(), ["fragments_timed_out"]);
        let mut reading = Reading::default();
        reading.frame(&pieces[0], 100);
        reading.frame(&pieces[1], 3);
        assert_eq!(reading.lines.len(), 1, "a clock that jumps back is not late");
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut reading = Reading::default();
        let mut piece = in4(17, &vec![0; 60_000]);
        piece[6] = 0x20;
        for number in 0..1000_u16 {
            piece[4..6].copy_from_slice(&number.to_be_bytes());
            reading.frame(&piece, 0);
            assert!(reading.reassembler.bytes <= MAX_WAITING_BYTES);
        }
        assert_eq!(reading.odd(), ["fragments_given_up"]);
        let tiny = |offset: u16| {
            let mut piece = in4(17, &[0; 8]);
            piece[6..8].copy_from_slice(&(0x2000 | offset).to_be_bytes());
            piece
        };
        let mut reading = Reading::default();
        for offset in 0..5000 {
            reading.frame(&tiny(offset), 0);
        }
        assert!(reading.reassembler.bytes <= MAX_PIECES * 8);
    }

    #[test]
    fn the_order_of_those_that_wait_does_not_grow_with_the_capture() {
        let mut reading = Reading::default();
        for number in 0..3000_u32 {
            for mut piece in pieces4(4, &udp4(), 24) {
                piece[4..6].copy_from_slice(&number.to_be_bytes()[2..]);
                reading.frame(&piece, 0);
            }
            reading.lines.clear();
            reading.counted.clear();
        }
        assert_eq!((reading.reassembler.waiting.len(), reading.reassembler.bytes), (0, 0));
        assert!(reading.reassembler.order.len() <= SLACK + 1);
    }

    proptest! {
        #[test]
        fn any_order_with_repetitions_gives_the_same_bytes(
            content in prop::collection::vec(any::<u8>(), 9..400),
            size in 1_usize..8,
            order in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
        ) {
            let pieces = pieces4(200, &content, size * 8);
            let mut reassembler = Reassembler::default();
            let mut anomalies = Anomalies::default();
            let picked: Vec<&Vec<u8>> = order.iter().map(|index| index.get(&pieces)).chain(&pieces).collect();
            let mut datagrams = Vec::new();
            for piece in picked {
                let (packets, _) = sample::packets(RAW, piece, piece.len());
                datagrams.extend(packets.iter().filter_map(|packet| reassembler.push(packet, &mut anomalies)));
            }
            prop_assume!(pieces.len() > 1);
            prop_assert!(!datagrams.is_empty());
            prop_assert!(datagrams.iter().all(|datagram| datagram.bytes == content));
        }
    }
}
