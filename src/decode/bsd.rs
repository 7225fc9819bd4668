//! Captures of BSD and its kin: loopback, IPsec, the packet filter's log, Darwin's and Solaris' own headers.

use super::anomaly::Anomaly;
use super::layers::Layers;
use super::view::View;
use crate::capture::LinkType;

/// Address families: IPv4 everywhere; IPv6 of NetBSD and OpenBSD, FreeBSD, Darwin.
const INET: u32 = 2;
const INET6: [u32; 3] = [24, 28, 30];
/// Families are below the first Ethernet type.
const FAMILY_MAX: u32 = 1500;
/// Solaris' own numbers, `<sys/socket.h>`.
const SOLARIS_INET: u8 = 2;
const SOLARIS_INET6: u8 = 26;

/// Octets of Darwin's header at least, and of `DLT_ENC`'s.
const PKTAP_MIN: u32 = 108;
const ENC_HEADER: usize = 12;
/// The record type of Darwin's header that a packet follows.
const PKTAP_PACKET: u32 = 1;
/// Octets of the shortest log header, OpenBSD 3.4.
const PFLOG_MIN: u8 = 61;

impl<'a> Layers<'a, '_> {
    /// BSD loopback: an address family in the byte order of the machine that captured.
    pub(super) fn loopback(&mut self, view: View<'a>) {
        let Some((bytes, rest)) = view.array::<4>(0).zip(view.skip(4)) else {
            return self.odd(Anomaly::LinkTruncated);
        };
        match bytes {
            // FreeBSD's ISDN driver: PPP in HDLC-like framing.
            [0xff, 0x03, ..] => self.ppp_hdlc(view),
            // IRIX has a family of two octets, in either order.
            [0, family @ 1..=5, 0, 0] | [_, _, family @ 1..=5, 0] => self.family(u32::from(family), rest),
            [_, _, 0, 0] => self.family_or_type(u32::from_le_bytes(bytes), rest),
            _ => self.family_or_type(u32::from_be_bytes(bytes), rest),
        }
    }

    /// OpenBSD loopback: an address family in network byte order.
    pub(super) fn openbsd_loopback(&mut self, view: View<'a>) {
        match view.u32(0).zip(view.skip(4)) {
            Some((family, rest)) => self.family(family, rest),
            None => self.odd(Anomaly::LinkTruncated),
        }
    }

    /// Old Linux captures have two octets of nothing and an Ethernet type instead of a family.
    fn family_or_type(&mut self, family: u32, rest: View<'a>) {
        if family <= FAMILY_MAX {
            return self.family(family, rest);
        }
        let [.., high, low] = family.to_be_bytes();
        self.ether_type(u16::from_be_bytes([high, low]), rest);
    }

    fn family(&mut self, family: u32, rest: View<'a>) {
        match family {
            INET => self.ip(rest),
            family if INET6.contains(&family) => self.ipv6(rest),
            _ => {}
        }
    }

    /// `DLT_ENC`, a packet before or after IPsec: family, parameters index, flags.
    pub(super) fn ipsec_enc(&mut self, view: View<'a>) {
        let Some((bytes, rest)) = view.array::<4>(0).zip(view.skip(ENC_HEADER)) else {
            return self.odd(Anomaly::LinkTruncated);
        };
        let little = u32::from_le_bytes(bytes);
        self.family(if little > 0xffff { little.swap_bytes() } else { little }, rest);
    }

    /// OpenBSD's packet filter log: length and family, then what the filter did.
    pub(super) fn pf_log(&mut self, view: View<'a>) {
        let Some((length, family)) = view.u8(0).zip(view.u8(1)) else {
            return self.odd(Anomaly::LinkTruncated);
        };
        if length < PFLOG_MIN {
            return self.odd(Anomaly::LinkMalformed);
        }
        match view.skip(usize::from(length).next_multiple_of(4)) {
            Some(rest) => self.family(u32::from(family), rest),
            None => self.odd(Anomaly::LinkTruncated),
        }
    }

    /// Darwin's `pktap`: length, record type and link type of what follows, all little-endian.
    pub(super) fn pktap(&mut self, view: View<'a>) {
        let field = |at| view.array(at).map(u32::from_le_bytes);
        let Some(((length, record), link)) = field(0).zip(field(4)).zip(field(8)) else {
            return self.odd(Anomaly::LinkTruncated);
        };
        let frame = usize::try_from(length).ok().and_then(|length| view.skip(length));
        match (frame, u16::try_from(link)) {
            (Some(frame), Ok(link)) if length >= PKTAP_MIN && record == PKTAP_PACKET => {
                self.frame(LinkType(link), frame);
            }
            _ => self.odd(Anomaly::LinkMalformed),
        }
    }

    /// Solaris' `ipnet`: the family at 1, the packet's length at 4, the packet at the end.
    pub(super) fn ipnet(&mut self, view: View<'a>) {
        let length = view.u32(4).and_then(|length| usize::try_from(length).ok());
        let header = length.and_then(|length| view.bytes.len().checked_sub(length));
        let Some((family, packet)) = view.u8(1).zip(header.and_then(|header| view.skip(header))) else {
            return self.odd(Anomaly::LinkTruncated);
        };
        match family {
            SOLARIS_INET => self.ip(packet),
            SOLARIS_INET6 => self.ipv6(packet),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::decode::sample::{INNER4, INNER6, below, ethernet4, join, odd, read, udp4, udp6};

    #[test]
    fn a_family_is_read_in_either_byte_order() {
        for header in [[2, 0, 0, 0], [0, 0, 0, 2], [0, 2, 0, 0], [0, 0, 2, 0], [0, 0, 8, 0], [0x0f, 0, 8, 0]]
        {
            assert_eq!(read(0, &join(&[&header, &udp4()])), below("", INNER4), "{header:x?}");
        }
        for family in [24, 28, 30] {
            assert_eq!(read(0, &join(&[&[family, 0, 0, 0], &udp6()])), below("", INNER6));
            assert_eq!(read(0, &join(&[&[0, 0, 0, family], &udp6()])), below("", INNER6));
            assert_eq!(read(108, &join(&[&[0, 0, 0, family], &udp6()])), below("", INNER6));
        }
        assert_eq!(read(0, &join(&[&[7, 0, 0, 0], &udp6()])), "");
        assert_eq!(read(0, &join(&[&[0xff, 3, 0, 0x21], &udp4()])), below("", INNER4));
    }

    #[test]
    fn headers_of_filters_and_taps_are_passed() {
        assert_eq!(read(109, &join(&[&[0, 0, 0, 2], &[0; 8], &udp4()])), below("", INNER4));
        assert_eq!(read(117, &join(&[&[61, 24], &[0; 62], &udp6()])), below("", INNER6));
        assert_eq!(odd(117, &join(&[&[20, 24], &[0; 62], &udp6()])), ["link_header_malformed"]);
        let tap = |link| join(&[&[108, 0, 0, 0, 1, 0, 0, 0, link, 0, 0, 0], &[0; 96]]);
        assert_eq!(read(258, &join(&[&tap(1), &ethernet4()])), below("", INNER4));
        assert_eq!(read(258, &join(&[&tap(12), &udp4()])), below("", INNER4));
        assert_eq!(odd(258, &tap(0)[..100]), ["link_header_malformed"]);
        let length = u8::try_from(udp4().len()).unwrap();
        assert_eq!(read(226, &join(&[&[1, 2, 0, 0, 0, 0, 0, length], &[0; 16], &udp4()])), below("", INNER4));
    }

    #[test]
    fn a_tap_of_taps_ends() {
        let tap = join(&[&[108, 0, 0, 0, 1, 0, 0, 0, 2, 1, 0, 0], &[0; 96]]);
        assert_eq!(odd(258, &tap.repeat(200)), ["too_many_layers"]);
    }
}
