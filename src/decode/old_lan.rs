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

#[cfg(test)]
mod tests {
    use crate::decode::sample::{INNER4, below, join, odd, read, snap, udp4};

    #[test]
    fn old_networks_lead_to_802_2() {
        assert_eq!(read(10, &join(&[&[0x50], &[2; 12], &snap(0x0800, &udp4())])), below("", INNER4));
        assert_eq!(read(10, &join(&[&[0xc0], &[2; 12], &snap(0x0800, &udp4())])), "");
        assert_eq!(read(6, &join(&[&[0x10, 0x40], &[2; 12], &snap(0x0800, &udp4())])), below("", INNER4));
        let routed = join(&[&[0x10, 0x40], &[2; 6], &[0x82; 6], &[6, 0, 0, 1, 0, 2], &snap(0x0800, &udp4())]);
        assert_eq!(read(6, &routed), below("", INNER4));
    }

    #[test]
    fn the_firewalls_format_has_its_type_in_one_of_two_places() {
        assert_eq!(read(99, &join(&[&[0; 6], &[8, 0], &[0; 36], &udp4()])), below("", INNER4));
        assert_eq!(read(99, &join(&[&[0; 10], &[8, 0], &[0; 44], &udp4()])), below("", INNER4));
        assert_eq!(odd(99, &join(&[&[0; 56], &udp4()])), ["link_header_malformed"]);
    }
}
