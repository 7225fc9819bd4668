//! Ethernet (IEEE 802.3) and what its type field leads to.

use super::anomaly::Anomaly;
use super::layers::Layers;
use super::view::View;

/// Type numbers, <https://www.iana.org/assignments/ieee-802-numbers>.
pub(super) const IPV4: u16 = 0x0800;
pub(super) const IPV6: u16 = 0x86dd;
/// A whole Ethernet frame, RFC 1701.
pub(super) const BRIDGED_ETHERNET: u16 = 0x6558;
pub(super) const MPLS: u16 = 0x8847;
pub(super) const MPLS_UPSTREAM: u16 = 0x8848;
/// RFC 8300.
pub(super) const NSH: u16 = 0x894f;
const VLAN: u16 = 0x8100;
const OLD_QINQ: u16 = 0x9100;
const PROVIDER_VLAN: u16 = 0x88a8;
const BACKBONE_SERVICE: u16 = 0x88e7;
const CISCO_METADATA: u16 = 0x8909;
const VN_TAG: u16 = 0x8926;
const HSR: u16 = 0x892f;
const E_TAG: u16 = 0x893f;
const REDUNDANCY_TAG: u16 = 0xf1c1;
const TRILL: u16 = 0x22f3;
/// Cisco's `FabricPath`: a tag of two octets, then an Ethernet frame.
const FABRIC_PATH: u16 = 0x8903;
const PPPOE_SESSION: u16 = 0x8864;
const JUMBO_LLC: u16 = 0x8870;
const MACSEC: u16 = 0x88e5;

/// Bytes before the type field.
const ADDRESSES: usize = 12;
/// The largest value of the type field that is a length, IEEE 802.3 clause 3.2.6.
const LENGTH_MAX: u16 = 1500;
/// The identifier's bits of a VLAN tag.
const VLAN_ID: u16 = 0x0fff;

/// Whether a frame of 802.3 is one of inter-switch link: its destination is 01-00-0c-00-00 or 0c-00-0c-00-00,
/// in 40 bits; the type of what it carries is in the next four, zero for Ethernet.
#[cold]
fn is_isl(view: View<'_>) -> bool {
    matches!(view.array(0), Some([0x01 | 0x0c, 0x00, 0x0c, 0x00, 0x00, 0x00..=0x0f]))
}

impl<'a> Layers<'a, '_> {
    /// An Ethernet frame.
    #[inline]
    pub(super) fn ethernet(&mut self, view: View<'a>) {
        let Some((kind, rest)) = view.u16(ADDRESSES).zip(view.skip(ADDRESSES + 2)) else {
            return self.odd(Anomaly::LinkTruncated);
        };
        if kind <= LENGTH_MAX && is_isl(view) {
            return self.isl(view);
        }
        self.type_or_length(kind, rest);
    }

    /// Cisco's inter-switch link: a header of 26 octets before a whole frame.
    #[cold]
    fn isl(&mut self, view: View<'a>) {
        match view.skip(26) {
            Some(frame) => self.descend(|layers| layers.ethernet(frame)),
            None => self.odd(Anomaly::LinkTruncated),
        }
    }

    /// A field that is an Ethernet type or the length of an 802.2 frame.
    #[inline]
    fn type_or_length(&mut self, kind: u16, view: View<'a>) {
        if kind > LENGTH_MAX {
            return self.ether_type(kind, view);
        }
        // Novell's raw IPX frames begin with an all-ones checksum instead of an 802.2 header.
        let raw_ipx = view.u16(0) == Some(0xffff);
        if kind != 0 && !raw_ipx {
            self.llc(view.resize(view.length.min(u32::from(kind))));
        }
    }

    /// What an Ethernet type announces.
    #[inline]
    pub(super) fn ether_type(&mut self, kind: u16, view: View<'a>) {
        match kind {
            IPV4 => self.ipv4(view),
            IPV6 => self.ipv6(view),
            _ => self.descend(|layers| layers.rare_ether_type(kind, view)),
        }
    }

    fn rare_ether_type(&mut self, kind: u16, view: View<'a>) {
        match kind {
            VLAN | OLD_QINQ => self.vlan(view),
            // Bytes of the tag, the last two of which are the next type.
            PROVIDER_VLAN => self.tag(view, 4),
            HSR | REDUNDANCY_TAG | VN_TAG => self.tag(view, 6),
            E_TAG | CISCO_METADATA => self.tag(view, 8),
            BACKBONE_SERVICE => self.tag(view, 18),
            MPLS | MPLS_UPSTREAM => self.mpls(view),
            PPPOE_SESSION => self.pppoe_session(view),
            BRIDGED_ETHERNET => self.ethernet(view),
            JUMBO_LLC => self.llc(view),
            NSH => self.service_header(view),
            MACSEC => self.macsec(view),
            TRILL => self.trill(view),
            FABRIC_PATH => match view.skip(2) {
                Some(frame) => self.ethernet(frame),
                None => self.odd(Anomaly::LinkTruncated),
            },
            _ => {}
        }
    }

    /// Whether [`Self::ether_type`] knows what to do with a type.
    pub(super) const fn knows_ether_type(kind: u16) -> bool {
        matches!(
            kind,
            IPV4 | IPV6
                | VLAN
                | OLD_QINQ
                | PROVIDER_VLAN
                | HSR
                | REDUNDANCY_TAG
                | VN_TAG
                | E_TAG
                | CISCO_METADATA
                | BACKBONE_SERVICE
                | MPLS
                | MPLS_UPSTREAM
                | PPPOE_SESSION
                | BRIDGED_ETHERNET
                | JUMBO_LLC
                | NSH
                | MACSEC
                | TRILL
                | FABRIC_PATH
        )
    }

    /// A VLAN tag, IEEE 802.1Q clause 9.6.
    fn vlan(&mut self, view: View<'a>) {
        if self.vlan == 0 {
            self.vlan = view.u16(0).map_or(0, |control| control & VLAN_ID);
        }
        self.tag(view, 4);
    }

    /// A tag of `length` bytes that ends with the next type.
    fn tag(&mut self, view: View<'a>, length: usize) {
        let Some((kind, rest)) = view.u16(length.saturating_sub(2)).zip(view.skip(length)) else {
            return self.odd(Anomaly::LinkTruncated);
        };
        self.type_or_length(kind, rest);
    }

    /// MACsec, IEEE 802.1AE clause 9: only integrity protected frames can be read.
    fn macsec(&mut self, view: View<'a>) {
        /// Octets of the integrity check value at the end.
        const CHECK_VALUE: usize = 16;
        let Some(control) = view.u8(0) else { return self.odd(Anomaly::LinkTruncated) };
        let (version, explicit_channel) = (control & 0x80, control & 0x20 != 0);
        let hidden = control & 0x0c != 0;
        if hidden {
            return self.odd(Anomaly::Encrypted);
        }
        let header = if explicit_channel { 14 } else { 6 };
        let has_content = view.bytes.len() > CHECK_VALUE.saturating_add(header);
        let kind = view.u16(header).filter(|_| version == 0 && has_content);
        let Some((kind, rest)) = kind.zip(view.skip(header.saturating_add(2))) else {
            return self.odd(Anomaly::LinkMalformed);
        };
        self.type_or_length(kind, rest);
    }

    /// TRILL, RFC 6325 section 3.2: options in units of four bytes, then an Ethernet frame.
    fn trill(&mut self, view: View<'a>) {
        let options = view.u16(0).map(|bits| usize::from(bits >> 6 & 0x1f));
        let Some(rest) = options.and_then(|units| view.skip(units.saturating_mul(4).saturating_add(6)))
        else {
            return self.odd(Anomaly::LinkTruncated);
        };
        self.ethernet(rest);
    }
}

#[cfg(test)]
mod tests {
    use crate::decode::sample::{
        ETHERNET, INNER4, INNER6, below, ethernet, ethernet4, join, odd, read, snap, udp4, udp6,
    };

    #[test]
    fn tags_of_any_kind_and_depth_are_passed() {
        let deep = join(&[&[0, 1, 0x81, 0].repeat(10), &[0, 9, 8, 0], &udp4()]);
        assert_eq!(read(ETHERNET, &ethernet(0x8100, &deep)), below("", INNER4));
        let provider = join(&[&[0, 1, 0x81, 0, 0, 2, 0x86, 0xdd], &udp6()]);
        assert_eq!(read(ETHERNET, &ethernet(0x88a8, &provider)), below("", INNER6));
        let backbone = join(&[&[0, 1, 0x88, 0xe7, 0, 0, 0, 1], &ethernet4()]);
        assert_eq!(read(ETHERNET, &ethernet(0x88a8, &backbone)), below("", INNER4));
        for (kind, tag) in [(0x892f, 4), (0xf1c1, 4), (0x8926, 4), (0x893f, 6), (0x8909, 6)] {
            let tagged = join(&[&vec![0; tag], &[8, 0], &udp4()]);
            assert_eq!(read(ETHERNET, &ethernet(kind, &tagged)), below("", INNER4), "type {kind:x}");
        }
    }

    #[test]
    fn a_length_instead_of_a_type_leads_to_802_2_and_bounds_it() {
        let content = snap(0x0800, &udp4());
        let length = u16::try_from(content.len()).unwrap();
        let padded = join(&[&ethernet(length, &content), &[0; 9]]);
        assert_eq!(read(ETHERNET, &padded), below("", INNER4));
        let ipx = join(&[&[0xff, 0xff], &udp4()]);
        assert_eq!(read(ETHERNET, &ethernet(40, &ipx)), "");
        let mut linked = ethernet(60, &join(&[&[0xaa, 0xaa, 3, 0, 0, 12, 0, 0, 0, 0, 0, 0], &ethernet4()]));
        linked.splice(..6, [1, 0, 12, 0, 0, 0]);
        assert_eq!(read(ETHERNET, &linked), below("", INNER4));
    }

    #[test]
    fn frames_in_frames_are_found() {
        let inner = ethernet4();
        assert_eq!(read(ETHERNET, &ethernet(0x6558, &inner)), below("", INNER4));
        assert_eq!(
            read(ETHERNET, &ethernet(0x22f3, &join(&[&[0, 0x4a, 0, 1, 0, 2, 0, 0, 0, 0], &inner]))),
            below("", INNER4)
        );
        assert_eq!(read(ETHERNET, &ethernet(0x8903, &join(&[&[0, 0x40], &inner]))), below("", INNER4));
    }

    #[test]
    fn macsec_is_read_where_it_does_not_encrypt() {
        let plain = join(&[&[0, 0, 0, 0, 0, 1, 8, 0], &udp4(), &[7; 16]]);
        assert_eq!(read(ETHERNET, &ethernet(0x88e5, &plain)), below("", INNER4));
        let named = join(&[&[0x20, 0, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 0, 1, 8, 0], &udp4(), &[7; 16]]);
        assert_eq!(read(ETHERNET, &ethernet(0x88e5, &named)), below("", INNER4));
        let secret = join(&[&[0x0c, 0, 0, 0, 0, 1, 8, 0], &udp4(), &[7; 16]]);
        assert_eq!(odd(ETHERNET, &ethernet(0x88e5, &secret)), ["link_payload_encrypted"]);
    }
}
