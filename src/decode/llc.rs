//! Logical link control (IEEE 802.2) and the subnetwork access protocol (IEEE 802, RFC 1042).

use super::anomaly::Anomaly;
use super::layers::Layers;
use super::view::View;

/// Service access points.
const SAP_IP: u8 = 0x06;
const SAP_SNAP: u8 = 0xaa;

/// Organisations whose protocol numbers are Ethernet types: RFC 1042, Cisco.
const OUI_ETHERNET: u32 = 0x00_0000;
const OUI_CISCO: u32 = 0x00_00f8;
/// IEEE 802.1: bridged frames, RFC 2427 section 4.2 and RFC 2684 section 5.2.
const OUI_BRIDGED: u32 = 0x00_80c2;
const BRIDGED_WITH_CHECKSUM: u16 = 1;
const BRIDGED_WITHOUT_CHECKSUM: u16 = 7;

/// Octets of a SNAP header.
const SNAP: usize = 5;

impl<'a> Layers<'a, '_> {
    /// An 802.2 frame.
    pub(super) fn llc(&mut self, view: View<'a>) {
        let Some(((destination, source), control)) = view.u8(0).zip(view.u8(1)).zip(view.u8(2)) else {
            return self.odd(Anomaly::LinkTruncated);
        };
        let control_length = control_length(control);
        let Some(rest) = view.skip(control_length.saturating_add(2)) else {
            return self.odd(Anomaly::LinkTruncated);
        };
        if destination == SAP_SNAP && source == SAP_SNAP {
            // RFC 2684 pads bridged frames over ATM to a multiple of four.
            self.snap(rest, is_information(control), 2);
        } else if destination == SAP_IP && is_information(control) {
            self.ip(rest);
        }
    }

    /// What a SNAP header announces; bridged frames have `padding` octets before them.
    pub(super) fn snap(&mut self, view: View<'a>, information: bool, padding: usize) {
        let Some(((organisation, kind), rest)) = view.u32(0).zip(view.u16(3)).zip(view.skip(SNAP)) else {
            return self.odd(Anomaly::LinkTruncated);
        };
        match organisation >> 8 {
            OUI_ETHERNET | OUI_CISCO if information => self.ether_type(kind, rest),
            OUI_BRIDGED => self.bridged(kind, rest, padding),
            _ => {}
        }
    }

    fn bridged(&mut self, kind: u16, view: View<'a>, padding: usize) {
        if !matches!(kind, BRIDGED_WITH_CHECKSUM | BRIDGED_WITHOUT_CHECKSUM) {
            return;
        }
        let checksum = if kind == BRIDGED_WITH_CHECKSUM { 4 } else { 0 };
        match view.skip(padding) {
            Some(frame) => {
                let frame = frame.resize(frame.length.saturating_sub(checksum));
                self.descend(|layers| layers.ethernet(frame));
            }
            None => self.odd(Anomaly::LinkTruncated),
        }
    }
}

/// Octets of a control field: unnumbered frames have one, others two.
pub(super) const fn control_length(control: u8) -> usize {
    if control & 3 == 3 { 1 } else { 2 }
}

/// Whether a frame carries data: information frames, and unnumbered information that asks for no answer.
pub(super) const fn is_information(control: u8) -> bool {
    control & 1 == 0 || control == 3
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::sample::{INNER4, INNER6, below, ethernet4, join, read, snap, udp4, udp6};

    /// The link type that begins with 802.2.
    const ATM: u16 = 100;

    #[test]
    fn snap_and_the_ip_access_point_lead_to_ip() {
        assert_eq!(read(ATM, &snap(0x86dd, &udp6())), below("", INNER6));
        assert_eq!(read(ATM, &join(&[&[0xaa, 0xaa, 3, 0, 0, 0xf8, 8, 0], &udp4()])), below("", INNER4));
        assert_eq!(read(ATM, &join(&[&[6, 6, 3], &udp4()])), below("", INNER4));
        assert_eq!(read(ATM, &join(&[&[6, 6, 0, 0], &udp4()])), below("", INNER4));
        assert_eq!(read(ATM, &join(&[&[6, 6, 1, 0], &udp4()])), "", "a receiver that is ready has no data");
    }

    #[test]
    fn bridged_frames_are_read_behind_their_padding() {
        let bridged = |kind| join(&[&[0xaa, 0xaa, 3, 0, 0x80, 0xc2, 0, kind, 0, 0], &ethernet4()]);
        assert_eq!(read(ATM, &bridged(7)), below("", INNER4));
        assert_eq!(read(ATM, &bridged(1)), below("", INNER4));
        assert_eq!(read(ATM, &bridged(14)), "");
    }

    #[test]
    fn control_fields_have_one_octet_or_two() {
        assert_eq!([3, 0xaf, 1, 0].map(control_length), [1, 1, 2, 2]);
        assert_eq!([3, 0x13, 0, 1, 0xaf].map(is_information), [true, false, true, false, false]);
    }
}
