//! Generic routing encapsulation (RFC 2784, 2890, 1701), its use by PPTP (RFC 2637), and ERSPAN.

use super::anomaly::Anomaly;
use super::ethernet;
use super::layers::Layers;
use super::view::View;

/// Protocol types that are not Ethernet types, or mean something else there.
const FRAME_RELAY: u16 = 0x6559;
const ETHERNET_OVER_IP: u16 = 0x6400;
const PPP: u16 = 0x880b;
const WCCP: u16 = 0x883e;
const ERSPAN: u16 = 0x88be;
const ERSPAN_III: u16 = 0x22eb;
const CISCO_METADATA: u16 = 0x8909;
/// Aruba access points: 802.11 frames, one type for each priority.
const WLAN_FIRST: u16 = 0x8200;
const WLAN_LAST: u16 = 0x8370;

/// Flags, RFC 1701.
const CHECKSUM: u16 = 0x8000;
const ROUTING: u16 = 0x4000;
const KEY: u16 = 0x2000;
const SEQUENCE: u16 = 0x1000;
/// An acknowledgment number, in version 1 only (RFC 2637 section 4.1).
const ACKNOWLEDGMENT: u16 = 0x0080;
const VERSION: u16 = 0x0007;
/// Source route entries in one header.
const MAX_ROUTES: usize = 64;

impl<'a> Layers<'a, '_> {
    /// A packet in GRE.
    pub(super) fn gre(&mut self, view: View<'a>) {
        let Some((flags, kind)) = view.u16(0).zip(view.u16(2)) else {
            return self.odd(Anomaly::TunnelMalformed);
        };
        let Some(rest) = after_header(flags, kind, view) else {
            return self.odd(Anomaly::TunnelMalformed);
        };
        match kind {
            // Without a sequence number there is no ERSPAN header: type I.
            ERSPAN if flags & SEQUENCE == 0 => self.ethernet(rest),
            ERSPAN | ERSPAN_III => self.erspan(rest),
            _ => self.gre_payload(kind, rest),
        }
    }

    /// What a protocol type of GRE announces.
    pub(super) fn gre_payload(&mut self, kind: u16, view: View<'a>) {
        match kind {
            ethernet::IPV4 | WCCP => self.ip(view),
            ethernet::IPV6 => self.ipv6(view),
            ethernet::BRIDGED_ETHERNET | ETHERNET_OVER_IP | ERSPAN => self.ethernet(view),
            ethernet::MPLS | ethernet::MPLS_UPSTREAM => self.mpls(view),
            ethernet::NSH => self.service_header(view),
            PPP => self.ppp_hdlc(view),
            FRAME_RELAY => self.frame_relay(view),
            WLAN_FIRST..=WLAN_LAST if kind.trailing_zeros() >= 4 => self.wlan(view),
            CISCO_METADATA => match view.u16(0).zip(view.skip(8)) {
                Some((kind, rest)) => self.descend(|layers| layers.gre_payload(kind, rest)),
                None => self.odd(Anomaly::TunnelMalformed),
            },
            _ => {}
        }
    }

    /// A mirrored frame, draft-foschiano-erspan: type II has 8 octets, type III 12 and maybe 8 more.
    fn erspan(&mut self, view: View<'a>) {
        const VLAN_ID: u16 = 0x0fff;
        const FRAME_TYPE: u16 = 0x7c00;
        let vlan = view.u16(0).unwrap_or(0) & VLAN_ID;
        match (view.u8(0).map(|byte| byte >> 4), view.u16(10)) {
            (Some(1), _) => {
                let untagged = view.u8(2).is_some_and(|bits| bits >> 3 & 3 == 3);
                if self.vlan == 0 && !untagged {
                    self.vlan = vlan;
                }
                self.after(view, 8, Self::ethernet);
            }
            (Some(2), Some(bits)) if bits & FRAME_TYPE == 0 => {
                self.vlan = vlan;
                self.after(view, if bits & 1 == 0 { 12 } else { 20 }, Self::ethernet);
            }
            (Some(2), Some(_)) => {}
            _ => self.odd(Anomaly::TunnelMalformed),
        }
    }
}

/// What follows the header with all its optional fields.
fn after_header(flags: u16, kind: u16, view: View<'_>) -> Option<View<'_>> {
    let mut length: usize = 4;
    if flags & (CHECKSUM | ROUTING) != 0 {
        length = length.saturating_add(4);
    }
    if flags & KEY != 0 {
        length = length.saturating_add(4);
    }
    if flags & SEQUENCE != 0 {
        length = length.saturating_add(4);
    }
    if kind == PPP && flags & VERSION != 0 && flags & ACKNOWLEDGMENT != 0 {
        length = length.saturating_add(4);
    }
    if flags & ROUTING != 0 {
        length = after_routes(length, view)?;
    }
    // Version 2 of WCCP has four octets of its own before the packet.
    if kind == WCCP && view.u8(4)? >> 4 != 4 {
        length = length.saturating_add(4);
    }
    view.skip(length)
}

/// Source route entries end with one that is all zero, RFC 1701.
fn after_routes(start: usize, view: View<'_>) -> Option<usize> {
    let mut at = start;
    for _ in 0..MAX_ROUTES {
        let (family, length) = (view.u16(at)?, view.u8(at.saturating_add(3))?);
        at = at.saturating_add(4);
        if family == 0 && length == 0 {
            return Some(at);
        }
        at = at.saturating_add(length.into());
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::decode::sample::{
        INNER4, INNER6, OUTER4, OUTER6, RAW, below, ethernet4, in4, in6, join, odd, read, snap, udp4, udp6,
    };

    fn in_gre(header: &[u8], rest: &[u8]) -> String {
        read(RAW, &in4(47, &join(&[header, rest])))
    }

    #[test]
    fn optional_fields_are_passed() {
        let four = below(OUTER4, INNER4);
        assert_eq!(in_gre(&[0, 0, 8, 0], &udp4()), four);
        assert_eq!(in_gre(&join(&[&[0xb0, 0, 8, 0], &[0; 12]]), &udp4()), four);
        let routed = join(&[&[0x40, 0, 8, 0, 0, 0, 0, 0], &[0, 2, 0, 4, 9, 9, 9, 9], &[0; 4]]);
        assert_eq!(in_gre(&routed, &udp4()), four);
        assert_eq!(read(RAW, &in6(47, &join(&[&[0, 0, 0x86, 0xdd], &udp6()]))), below(OUTER6, INNER6));
    }

    #[test]
    fn what_the_type_announces_is_read() {
        let four = below(OUTER4, INNER4);
        assert_eq!(in_gre(&[0x20, 0, 0x65, 0x58, 0, 0, 1, 0], &ethernet4()), four);
        assert_eq!(in_gre(&[0x20, 1, 0x64, 0, 0, 0, 1, 0], &ethernet4()), four);
        assert_eq!(in_gre(&[0, 0, 0x88, 0x47, 0, 1, 1, 64], &udp4()), four);
        assert_eq!(in_gre(&[0, 0, 0x88, 0x3e], &udp4()), four);
        assert_eq!(in_gre(&[0, 0, 0x88, 0x3e, 0, 0, 0, 0], &udp4()), four);
        assert_eq!(in_gre(&[0, 0, 0x65, 0x59, 0x18, 0x41, 3, 0xcc], &udp4()), four);
        assert_eq!(in_gre(&[0, 0, 0x89, 9, 8, 0, 1, 1, 0, 1, 0, 2], &udp4()), four);
        let data = join(&[&[8, 0, 0, 0], &[2; 20], &snap(0x0800, &udp4())]);
        assert_eq!(in_gre(&[0, 0, 0x82, 0x10], &data), four);
        assert_eq!(in_gre(&[0, 0, 0x12, 0x34], &udp4()), format!("{OUTER4} / protocol 47"));
    }

    #[test]
    fn point_to_point_tunnels_have_an_acknowledgment() {
        let four = below(OUTER4, INNER4);
        let header = join(&[&[0x30, 0x81, 0x88, 0x0b], &[0; 12], &[0xff, 3, 0, 0x21]]);
        assert_eq!(in_gre(&header, &udp4()), four);
        assert_eq!(in_gre(&join(&[&[0x30, 1, 0x88, 0x0b], &[0; 8], &[0, 0x21]]), &udp4()), four);
    }

    #[test]
    fn mirrored_frames_of_all_three_types_are_read() {
        let four = below(OUTER4, INNER4);
        assert_eq!(in_gre(&[0, 0, 0x88, 0xbe], &ethernet4()), four);
        let second = [0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 1, 8, 1, 0, 0, 0, 0];
        assert_eq!(in_gre(&second, &ethernet4()), four);
        let third = join(&[&[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 1, 8, 1], &[0; 8]]);
        assert_eq!(in_gre(&third, &ethernet4()), four);
        let with_subheader = join(&[&third[..19], &[1], &[0; 8]]);
        assert_eq!(in_gre(&with_subheader, &ethernet4()), four);
        let unknown = join(&[&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x70, 1], &[0; 60]]);
        assert_eq!(odd(RAW, &in4(47, &unknown)), ["tunnel_header_malformed"]);
    }
}
