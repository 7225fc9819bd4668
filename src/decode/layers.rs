//! The way through the layers of one frame: what lies around, and what comes out.

use super::anomaly::{Anomalies, Anomaly};
use super::{AddressPair, Content, Packet, Reassembled};
use crate::capture::Timestamp;
use std::iter;

/// Headers of any kind within one frame. Real stacks (a GRE tunnel in GTP-U in VLANs) stay below 20; a frame
/// of nothing but nested headers must not cost more stack or time than this.
const MAX_LAYERS: u8 = 64;

/// What every packet of the frame has in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin {
    /// When the frame was captured.
    pub(super) time: Timestamp,
    /// Bytes of the whole frame on the wire.
    pub(super) wire_length: u32,
    /// Set where the bytes were put together from fragments.
    pub(super) reassembled: Option<Reassembled>,
}

/// The way from the outermost header inwards.
#[derive(Debug)]
pub(super) struct Layers<'a, 'o> {
    /// Place of the frame in its batch.
    index: u32,
    origin: Origin,
    anomalies: &'o mut Anomalies,
    packets: &'o mut Vec<Packet<'a>>,
    /// IP headers entered so far, outermost first.
    outer: Vec<AddressPair>,
    /// How many of those a packet of this frame carries already: each header counts once a frame.
    told: usize,
    /// Headers entered so far.
    depth: u8,
    /// The VLAN last entered; fragments of different VLANs are not put together.
    pub(super) vlan: u16,
}

impl<'a, 'o> Layers<'a, 'o> {
    /// At the first byte of a frame, or of a packet put together from fragments below the headers `outer`.
    pub(super) fn new(
        index: u32,
        origin: Origin,
        outer: Vec<AddressPair>,
        anomalies: &'o mut Anomalies,
        packets: &'o mut Vec<Packet<'a>>,
    ) -> Self {
        Self { index, origin, anomalies, packets, outer, told: 0, depth: 0, vlan: 0 }
    }

    /// Counts an oddity.
    pub(super) fn odd(&mut self, kind: Anomaly) {
        self.anomalies.count(kind);
    }

    /// The first `count` bytes of the frame are the capturing machine's and were not on the wire.
    pub(super) fn shorten(&mut self, count: u32) {
        self.origin.wire_length = self.origin.wire_length.saturating_sub(count);
    }

    /// Goes one header inwards, within the bound on layers.
    pub(super) fn descend(&mut self, inside: impl FnOnce(&mut Self)) {
        if self.depth >= MAX_LAYERS {
            self.odd(Anomaly::TooManyLayers);
            return;
        }
        self.depth = self.depth.saturating_add(1);
        inside(self);
        self.depth = self.depth.saturating_sub(1);
    }

    /// Looks for packets below the IP header `addresses`; says whether there was one.
    pub(super) fn tunnel(&mut self, addresses: AddressPair, inside: impl FnOnce(&mut Self)) -> bool {
        let before = self.packets.len();
        self.outer.push(addresses);
        self.descend(inside);
        self.outer.pop();
        self.told = self.told.min(self.outer.len());
        self.packets.len() > before
    }

    /// Hands out a packet.
    #[expect(
        clippy::inline_always,
        reason = "a call costs more than the packet: its fields go through memory"
    )]
    #[inline(always)]
    pub(super) fn emit(&mut self, addresses: impl Into<AddressPair>, content: impl FnOnce() -> Content<'a>) {
        let Origin { time, wire_length, .. } = self.origin;
        let index = self.index;
        if !self.outer.is_empty() || self.origin.reassembled.is_some() {
            return self.emit_inner(addresses.into(), content());
        }
        // This, unlike a push, makes the packet in its place.
        self.packets.extend(iter::once_with(|| Packet {
            index,
            time,
            wire_length,
            outer: Vec::new(),
            addresses: addresses.into(),
            content: content(),
            reassembled: None,
        }));
    }

    /// [`Self::emit`] where it is not worth its size.
    #[cold]
    #[inline(never)]
    pub(super) fn emit_rare(&mut self, addresses: AddressPair, content: Content<'a>) {
        self.emit(addresses, || content);
    }

    /// Hands out a packet that lies in others or was put together: of the headers around it, it carries those
    /// that no other packet of the frame does.
    #[cold]
    fn emit_inner(&mut self, addresses: AddressPair, content: Content<'a>) {
        let outer = self.outer.get(self.told..).map(<[_]>::to_vec).unwrap_or_default();
        let reassembled = self.origin.reassembled.map(|whole| {
            let headers = whole.headers.saturating_sub(self.told);
            Box::new(Reassembled { headers, ..whole })
        });
        self.told = self.outer.len();
        let Origin { time, wire_length, .. } = self.origin;
        let index = self.index;
        self.packets.push(Packet { index, time, wire_length, outer, addresses, content, reassembled });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::sample::{self, INNER4, INNER6, OUTER4, RAW, in_udp, join, snap, udp4, udp6};

    #[test]
    fn a_header_around_two_packets_counts_once() {
        let subframe = |kind, packet: &[u8]| {
            let body = snap(kind, packet);
            let length = u16::try_from(body.len()).unwrap();
            let mut subframe = join(&[&[1; 12], &length.to_be_bytes(), &body]);
            subframe.resize(subframe.len().next_multiple_of(4), 0);
            subframe
        };
        let data = join(&[&[2, 0x88, 0, 0], &[2; 18], &[0x10, 0, 0x80, 0]]);
        let aggregate = join(&[&data, &subframe(0x0800, &udp4()), &subframe(0x86dd, &udp6())]);
        let bytes = in_udp(5247, &join(&[&[0, 0x10, 3, 0, 0, 0, 0, 0], &aggregate]));
        let (packets, _) = sample::packets(RAW, &bytes, bytes.len());
        let counted: Vec<String> = packets
            .iter()
            .flat_map(Packet::counted)
            .map(|pair| format!("{}>{}", pair.source, pair.destination))
            .collect();
        assert_eq!(counted, [OUTER4, INNER4, INNER6]);
    }
}
