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
        if self.order.len() > MAX_WAITING_PACKETS.saturating_mul(2) {
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
