//! Link types: what the first byte of a frame belongs to, <https://www.tcpdump.org/linktypes.html>.

use super::anomaly::Anomaly;
use super::juniper;
use super::layers::Layers;
use super::view::View;
use crate::capture::LinkType;

const NULL: u16 = 0;
pub(super) const ETHERNET: u16 = 1;
const TOKEN_RING: u16 = 6;
const SLIP: u16 = 8;
const PPP: u16 = 9;
const FDDI: u16 = 10;
const PPP_HDLC: u16 = 50;
const PPP_ETHERNET: u16 = 51;
const SYMANTEC: u16 = 99;
const ATM_RFC1483: u16 = 100;
const CISCO_HDLC: u16 = 104;
const WLAN: u16 = 105;
const LINUX_ATM_CLIP: u16 = 106;
const FRAME_RELAY: u16 = 107;
const LOOP: u16 = 108;
const ENC: u16 = 109;
const NETBSD_HDLC: u16 = 112;
const LINUX_SLL: u16 = 113;
const PFLOG: u16 = 117;
const WLAN_PRISM: u16 = 119;
const IP_OVER_FC: u16 = 122;
const WLAN_RADIOTAP: u16 = 127;
const APPLE_IP_OVER_1394: u16 = 138;
const WLAN_AVS: u16 = 163;
const PPP_PPPD: u16 = 166;
const PPI: u16 = 192;
const PPP_WITH_DIRECTION: u16 = 204;
const IPNET: u16 = 226;
const IPV4: u16 = 228;
const IPV6: u16 = 229;
const NFLOG: u16 = 239;
const IP_OVER_INFINIBAND: u16 = 242;
const PKTAP: u16 = 258;
const LINUX_SLL2: u16 = 276;

impl<'a> Layers<'a, '_> {
    /// A frame of the link type `link`.
    #[inline]
    pub(super) fn frame(&mut self, link: LinkType, view: View<'a>) {
        match link.0 {
            ETHERNET => self.ethernet(view),
            // Raw IP: 101 is the number in files; 12 and 14 are what some systems' DLT_RAW leaks as.
            12 | 14 | 101 => self.raw(view),
            _ => self.descend(|layers| layers.rare_link(link.0, view)),
        }
    }

    fn rare_link(&mut self, link: u16, view: View<'a>) {
        match link {
            NULL => self.loopback(view),
            LOOP => self.openbsd_loopback(view),
            LINUX_SLL => self.cooked(view),
            LINUX_SLL2 => self.cooked2(view),
            IPV4 | LINUX_ATM_CLIP => self.ip(view),
            IPV6 => self.ipv6(view),
            NFLOG => self.netfilter_log(view),
            WLAN => self.wlan(view),
            WLAN_RADIOTAP => self.radiotap(view),
            WLAN_PRISM => self.prism(view),
            WLAN_AVS => self.avs(view),
            PPI => self.per_packet_information(view),
            PPP | PPP_HDLC => self.ppp_hdlc(view),
            PPP_ETHERNET => self.pppoe_session(view),
            CISCO_HDLC | NETBSD_HDLC => self.cisco_hdlc(view),
            FRAME_RELAY => self.frame_relay(view),
            ENC => self.ipsec_enc(view),
            PFLOG => self.pf_log(view),
            PKTAP => self.pktap(view),
            IPNET => self.ipnet(view),
            TOKEN_RING => self.token_ring(view),
            FDDI => self.fddi(view),
            SYMANTEC => self.symantec(view),
            juniper::PPPOE..=juniper::CISCO_HDLC if juniper::knows(link) => self.juniper(link, view),
            _ => self.prefixed_link(link, view),
        }
    }

    /// Link types that are a header of fixed length before something that has a place of its own.
    fn prefixed_link(&mut self, link: u16, view: View<'a>) {
        let length = match link {
            PPP_WITH_DIRECTION => 1,
            // The direction stands in the place of the HDLC address.
            PPP_PPPD => 2,
            IP_OVER_FC | SLIP => 16,
            APPLE_IP_OVER_1394 => 18,
            IP_OVER_INFINIBAND => 44,
            ATM_RFC1483 => 0,
            _ => return self.odd(Anomaly::LinkType),
        };
        let Some(rest) = view.skip(length) else { return self.odd(Anomaly::LinkTruncated) };
        match link {
            PPP_WITH_DIRECTION => {
                // The direction was not on the wire.
                self.shorten(1);
                self.ppp_hdlc(rest);
            }
            PPP_PPPD => self.ppp(rest),
            SLIP => self.slip(view, rest),
            APPLE_IP_OVER_1394 => self.ether_type(view.u16(16).unwrap_or(0), rest),
            IP_OVER_INFINIBAND => self.ether_type(view.u16(40).unwrap_or(0), rest),
            _ => self.llc(rest),
        }
    }

    /// SLIP as BSD captures it: a direction and the compressed header (RFC 1144) before the packet.
    fn slip(&mut self, view: View<'a>, packet: View<'a>) {
        let (direction, kind) = (view.u8(0), view.u8(1).map(|byte| byte & 0xf0));
        match (direction, kind) {
            (Some(0 | 1), Some(0x40)) => self.ip(packet),
            _ => self.odd(Anomaly::LinkMalformed),
        }
    }

    /// Raw IP. Old Linux PPP and ISDN drivers leave some of their own header, up to six octets, before it.
    #[inline]
    pub(super) fn raw(&mut self, view: View<'a>) {
        match view.u8(0).map(|byte| byte >> 4) {
            Some(4) => self.ipv4(view),
            Some(6) => self.ipv6(view),
            _ => self.old_raw(view),
        }
    }

    fn old_raw(&mut self, view: View<'a>) {
        /// Address and control of PPP in HDLC-like framing.
        const HDLC: u16 = 0xff03;
        /// What an ISDN driver sends instead of a header while there is no connection.
        const UNCONNECTED: [u8; 10] = [0; 10];
        let hdlc = [0, 6, 1].into_iter().find(|&at| view.u16(at) == Some(HDLC));
        if let Some(frame) = hdlc.and_then(|at| view.skip(at)) {
            return self.descend(|layers| layers.ppp_hdlc(frame));
        }
        match view.skip(UNCONNECTED.len()).filter(|_| view.array(0) == Some(UNCONNECTED)) {
            Some(packet) => self.ip(packet),
            None => self.odd(Anomaly::IpVersion),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::decode::sample::{INNER4, INNER6, below, join, odd, read, snap, udp4, udp6};

    #[test]
    fn raw_ip_is_told_by_its_version() {
        for link in [12, 14, 101, 106, 228] {
            assert_eq!(read(link, &udp4()), below("", INNER4));
            assert_eq!(read(link, &udp6()), below("", INNER6));
        }
        assert_eq!(read(229, &udp6()), below("", INNER6));
        assert_eq!(odd(229, &udp4()), ["ip_version_wrong"]);
    }

    #[test]
    fn old_drivers_leave_some_of_their_header_before_raw_ip() {
        for header in
            [&[0xff, 3, 0, 0x21][..], &[1, 0xff, 3, 0, 0x21], &[1, 2, 3, 7, 5, 6, 0xff, 3, 0, 0x21], &[0; 10]]
        {
            assert_eq!(read(101, &join(&[header, &udp4()])), below("", INNER4), "{header:x?}");
        }
        assert_eq!(odd(101, &[0x50; 40]), ["ip_version_wrong"]);
    }

    #[test]
    fn headers_of_fixed_length_are_passed() {
        assert_eq!(read(8, &join(&[&[0, 0x40], &[0; 14], &udp4()])), below("", INNER4));
        assert_eq!(odd(8, &join(&[&[9, 0x40], &[0; 14], &udp4()])), ["link_header_malformed"]);
        assert_eq!(read(122, &join(&[&[0; 16], &snap(0x0800, &udp4())])), below("", INNER4));
        assert_eq!(read(138, &join(&[&[0; 16], &[8, 0], &udp4()])), below("", INNER4));
        assert_eq!(read(166, &join(&[&[1, 3, 0, 0x21], &udp4()])), below("", INNER4));
        assert_eq!(read(242, &join(&[&[0; 40], &[0x86, 0xdd, 0, 0], &udp6()])), below("", INNER6));
    }

    #[test]
    fn a_link_type_that_is_not_decoded_is_counted() {
        assert_eq!(odd(250, &udp4()), ["link_type_not_decoded"]);
    }
}
