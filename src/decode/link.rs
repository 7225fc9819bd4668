//! Link types: what the first byte of a frame belongs to, <https://www.tcpdump.org/linktypes.html>.

use super::anomaly::Anomaly;
use super::layers::Layers;
use super::view::View;
use crate::capture::LinkType;

const NULL: u16 = 0;
const ETHERNET: u16 = 1;
const LOOP: u16 = 108;
const LINUX_SLL: u16 = 113;
const LINUX_SLL2: u16 = 276;
const IPV4: u16 = 228;
const IPV6: u16 = 229;

impl<'a> Layers<'a, '_> {
    /// A frame of the link type `link`.
    #[inline]
    pub(super) fn frame(&mut self, link: LinkType, view: View<'a>) {
        match link.0 {
            ETHERNET => self.ethernet(view),
            // Raw IP: 101 is the number in files; 12 and 14 are what some systems' DLT_RAW leaks as.
            12 | 14 | 101 => self.ip(view),
            _ => self.rare_link(link, view),
        }
    }

    fn rare_link(&mut self, link: LinkType, view: View<'a>) {
        match link.0 {
            IPV4 => self.ipv4(view),
            IPV6 => self.ipv6(view),
            NULL | LOOP => self.loopback(view),
            LINUX_SLL => self.cooked(view),
            LINUX_SLL2 => self.cooked2(view),
            _ => self.odd(Anomaly::LinkType),
        }
    }

    /// BSD loopback: an address family in the byte order of the machine that captured.
    fn loopback(&mut self, view: View<'a>) {
        let Some((family, rest)) = view.u32(0).zip(view.skip(4)) else {
            return self.odd(Anomaly::LinkTruncated);
        };
        // A family is a small number, so its bytes are in the wrong order if the upper half is not zero.
        let family = if family > 0xffff { family.swap_bytes() } else { family };
        match family {
            2 => self.ipv4(rest),
            // NetBSD and OpenBSD; FreeBSD; Darwin.
            24 | 28 | 30 => self.ipv6(rest),
            _ => {}
        }
    }

    /// Linux cooked capture: the type is in the last two of 16 bytes.
    fn cooked(&mut self, view: View<'a>) {
        let Some((kind, rest)) = view.u16(14).zip(view.skip(16)) else {
            return self.odd(Anomaly::LinkTruncated);
        };
        self.ether_type(kind, rest);
    }

    /// Linux cooked capture, version 2: the type is in the first two of 20 bytes.
    fn cooked2(&mut self, view: View<'a>) {
        let Some((kind, rest)) = view.u16(0).zip(view.skip(20)) else {
            return self.odd(Anomaly::LinkTruncated);
        };
        self.ether_type(kind, rest);
    }
}
