//! Local networks before Ethernet won, and a firewall's capture format: all lead to 802.2 or an Ethernet type.

use super::anomaly::Anomaly;
use super::layers::Layers;
use super::view::View;

/// Frame control of FDDI (ISO 9314): asynchronous 802.2 frames of any priority.
const FDDI_LLC: u8 = 0x50;
/// Octets of FDDI's header: frame control and two addresses.
const FDDI_HEADER: usize = 13;
/// Frame control of token ring (IEEE 802.5): 802.2 frames.
const TOKEN_RING_LLC: u8 = 0x40;
/// Octets of token ring's header without routes: access control, frame control and two addresses.
const TOKEN_RING_HEADER: usize = 14;

impl<'a> Layers<'a, '_> {
    /// An FDDI frame.
    pub(super) fn fddi(&mut self, view: View<'a>) {
        match view.u8(0).zip(view.skip(FDDI_HEADER)) {
            Some((control, rest)) if control & 0xf0 == FDDI_LLC => self.llc(rest),
            Some(_) => {}
            None => self.odd(Anomaly::LinkTruncated),
        }
    }

    /// A token ring frame. The first bit of the source address says that routes follow, whose length is in
    /// five bits of their first octet.
    pub(super) fn token_ring(&mut self, view: View<'a>) {
        let routed = view.u8(8).is_some_and(|octet| octet & 0x80 != 0);
        let skipped = if routed { view.u8(TOKEN_RING_HEADER).unwrap_or(0) & 0x1f } else { 0 };
        match view.u8(1).zip(view.skip(TOKEN_RING_HEADER.saturating_add(skipped.into()))) {
            Some((control, rest)) if control & 0xc0 == TOKEN_RING_LLC => self.llc(rest),
            Some(_) => {}
            None => self.odd(Anomaly::LinkTruncated),
        }
    }

    /// Symantec's firewall: an Ethernet type at 6 and 44 octets, or at 10 and 56.
    pub(super) fn symantec(&mut self, view: View<'a>) {
        match (view.u16(6), view.u16(10)) {
            (Some(kind), Some(0)) if kind != 0 => self.symantec_packet(kind, view.skip(44)),
            (Some(0), Some(kind)) if kind != 0 => self.symantec_packet(kind, view.skip(56)),
            _ => self.odd(Anomaly::LinkMalformed),
        }
    }

    fn symantec_packet(&mut self, kind: u16, rest: Option<View<'a>>) {
        match rest {
            Some(rest) => self.ether_type(kind, rest),
            None => self.odd(Anomaly::LinkTruncated),
        }
    }
}
