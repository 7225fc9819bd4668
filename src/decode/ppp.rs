//! The point-to-point protocol (RFC 1661) in its framings, and Cisco HDLC.

use super::anomaly::Anomaly;
use super::ethernet;
use super::layers::Layers;
use super::view::View;

/// Protocol numbers, <https://www.iana.org/assignments/ppp-numbers>.
const IPV4: u16 = 0x0021;
const BRIDGING: u16 = 0x0031;
const MULTILINK: u16 = 0x003d;
const IPV6: u16 = 0x0057;
const MPLS: u16 = 0x0281;
const MPLS_MULTICAST: u16 = 0x0283;

/// The address of all stations in HDLC framing, RFC 1662 section 3.1.
const ALL_STATIONS: u8 = 0xff;
/// Addresses of Cisco HDLC: unicast and broadcast.
const CISCO_UNICAST: u8 = 0x0f;
const CISCO_BROADCAST: u8 = 0x8f;

/// Octets of a `PPPoE` header, RFC 2516 section 4.
const PPPOE_HEADER: usize = 6;

/// Whether an Ethernet type occurs in Cisco's HDLC and frame relay encapsulations.
pub(super) const fn is_cisco_type(kind: u16) -> bool {
    matches!(
        kind,
        ethernet::IPV4
            | ethernet::IPV6
            | ethernet::MPLS
            | ethernet::MPLS_UPSTREAM
            | ethernet::BRIDGED_ETHERNET
    )
}

impl<'a> Layers<'a, '_> {
    /// PPP without framing: a protocol number of two octets, or one if it is odd.
    pub(super) fn ppp(&mut self, view: View<'a>) {
        let Some(first) = view.u8(0) else { return self.odd(Anomaly::LinkTruncated) };
        let (protocol, length) = if first & 1 == 1 { (Some(u16::from(first)), 1) } else { (view.u16(0), 2) };
        let Some((protocol, rest)) = protocol.zip(view.skip(length)) else {
            return self.odd(Anomaly::LinkTruncated);
        };
        match protocol {
            // Some senders use Ethernet types.
            IPV4 | ethernet::IPV4 => self.ip(rest),
            IPV6 | ethernet::IPV6 => self.ipv6(rest),
            MPLS | MPLS_MULTICAST => self.descend(|layers| layers.mpls(rest)),
            BRIDGING => self.bridged_ethernet(rest),
            MULTILINK => self.multilink(rest),
            _ => {}
        }
    }

    /// A bridged frame, RFC 3518 section 4.1: flags, type of network, and an identifier if the flags say so.
    fn bridged_ethernet(&mut self, view: View<'a>) {
        const NETWORK_IDENTIFIER: u8 = 0x40;
        const CONTROL: u8 = 0x20;
        const ETHERNET: u8 = 1;
        let Some((flags, network)) = view.u8(0).zip(view.u8(1)) else {
            return self.odd(Anomaly::LinkTruncated);
        };
        let header = if flags & NETWORK_IDENTIFIER == 0 { 2 } else { 6 };
        match view.skip(header) {
            Some(frame) if network == ETHERNET && flags & CONTROL == 0 => {
                self.descend(|layers| layers.ethernet(frame));
            }
            Some(_) => {}
            None => self.odd(Anomaly::LinkTruncated),
        }
    }

    /// A multilink fragment, RFC 1990 section 3, that is the first and the last one of its packet.
    fn multilink(&mut self, view: View<'a>) {
        const WHOLE: u8 = 0xc0;
        match view.u8(0).zip(view.skip(4)) {
            Some((flags, packet)) if flags & WHOLE == WHOLE => self.descend(|layers| layers.ppp(packet)),
            Some(_) => self.odd(Anomaly::PppFragment),
            None => self.odd(Anomaly::LinkTruncated),
        }
    }

    /// PPP or Cisco HDLC in HDLC-like framing (RFC 1662), flags and escapes removed.
    pub(super) fn ppp_hdlc(&mut self, view: View<'a>) {
        match view.u8(0) {
            Some(CISCO_UNICAST | CISCO_BROADCAST) => self.cisco_hdlc(view),
            _ => self.framed_ppp(view),
        }
    }

    fn framed_ppp(&mut self, view: View<'a>) {
        // Without address and control octets they are compressed, RFC 1661 section 6.6.
        let frame = if view.u8(0) == Some(ALL_STATIONS) { view.skip(2) } else { Some(view) };
        match frame {
            Some(frame) => self.ppp(frame),
            None => self.odd(Anomaly::LinkTruncated),
        }
    }

    /// Cisco HDLC: address, control and an Ethernet type.
    pub(super) fn cisco_hdlc(&mut self, view: View<'a>) {
        let Some((kind, rest)) = view.u16(2).zip(view.skip(4)) else {
            return self.odd(Anomaly::LinkTruncated);
        };
        if is_cisco_type(kind) {
            self.ether_type(kind, rest);
        }
    }

    /// A session frame of PPP over Ethernet, RFC 2516.
    pub(super) fn pppoe_session(&mut self, view: View<'a>) {
        let Some((length, rest)) = view.u16(4).zip(view.skip(PPPOE_HEADER)) else {
            return self.odd(Anomaly::LinkTruncated);
        };
        self.ppp(rest.resize(rest.length.min(u32::from(length))));
    }
}

#[cfg(test)]
mod tests {
    use crate::decode::sample::{
        ETHERNET, INNER4, INNER6, below, ethernet, ethernet4, join, odd, read, udp4, udp6,
    };

    const PPP: u16 = 9;

    #[test]
    fn address_control_and_protocol_may_be_compressed() {
        for header in [&[0xff, 3, 0, 0x21][..], &[0, 0x21], &[0x21], &[0xff, 3, 0x21], &[0x0f, 0, 8, 0]] {
            assert_eq!(read(PPP, &join(&[header, &udp4()])), below("", INNER4), "{header:x?}");
        }
        assert_eq!(read(PPP, &join(&[&[0xff, 3, 0, 0x57], &udp6()])), below("", INNER6));
        assert_eq!(read(PPP, &join(&[&[0xff, 3, 2, 0x81, 0, 1, 1, 64], &udp4()])), below("", INNER4));
        assert_eq!(read(PPP, &join(&[&[0xff, 3, 0xc0, 0x21], &udp4()])), "", "link control");
    }

    #[test]
    fn bridged_and_multilink_frames_are_read_where_they_are_whole() {
        assert_eq!(read(PPP, &join(&[&[0xff, 3, 0, 0x31, 0, 1], &ethernet4()])), below("", INNER4));
        assert_eq!(read(PPP, &join(&[&[0, 0x3d, 0xc0, 0, 0, 1, 0, 0x21], &udp4()])), below("", INNER4));
        assert_eq!(
            odd(PPP, &join(&[&[0, 0x3d, 0x80, 0, 0, 1, 0, 0x21], &udp4()])),
            ["ppp_multilink_fragment"]
        );
    }

    #[test]
    fn a_session_frame_is_bounded_by_its_length() {
        let session = join(&[&[0x11, 0, 0, 1, 0, 42, 0, 0x21], &udp4(), &[0; 9]]);
        assert_eq!(read(ETHERNET, &ethernet(0x8864, &session)), below("", INNER4));
        assert_eq!(odd(ETHERNET, &ethernet(0x8864, &session[..7])), ["link_header_truncated"]);
    }

    #[test]
    fn a_direction_before_the_frame_was_not_on_the_wire() {
        let bytes = join(&[&[1, 0xff, 3, 0, 0x21], &udp4()]);
        let (packets, _) = crate::decode::sample::packets(204, &bytes, bytes.len());
        assert_eq!(packets[0].wire_length as usize, bytes.len() - 1);
    }
}
