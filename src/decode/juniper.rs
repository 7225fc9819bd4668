//! Captures made on Juniper routers: a header with flags and, maybe, extensions before the frame.

use super::anomaly::Anomaly;
use super::layers::Layers;
use super::view::View;

/// Link types.
pub(super) const PPPOE: u16 = 167;
const ETHERNET: u16 = 178;
const PPP: u16 = 179;
const FRAME_RELAY: u16 = 180;
pub(super) const CISCO_HDLC: u16 = 181;

/// What the header begins with.
const MAGIC: [u8; 3] = *b"MGC";
/// Flags: the link layer was removed; extensions follow.
const NO_LINK_LAYER: u8 = 0x02;
const EXTENSIONS: u8 = 0x80;
/// Octets of the header without and before extensions.
const HEADER: usize = 4;
const EXTENDED_HEADER: usize = 6;

/// Whether a link type is one of these.
pub(super) const fn knows(link: u16) -> bool {
    matches!(link, PPPOE | ETHERNET | PPP | FRAME_RELAY | CISCO_HDLC)
}

impl<'a> Layers<'a, '_> {
    /// A frame of one of Juniper's link types.
    pub(super) fn juniper(&mut self, link: u16, view: View<'a>) {
        let flags = view.u8(3).filter(|_| view.array(0) == Some(MAGIC));
        let Some((flags, rest)) = flags.and_then(|flags| Some((flags, after_header(flags, view)?))) else {
            return self.odd(Anomaly::LinkMalformed);
        };
        if flags & NO_LINK_LAYER != 0 {
            return self.juniper_network(rest);
        }
        match link {
            PPP => match rest.skip(2) {
                Some(frame) => self.ppp(frame),
                None => self.odd(Anomaly::LinkTruncated),
            },
            FRAME_RELAY => self.frame_relay(rest),
            CISCO_HDLC => self.cisco_hdlc(rest),
            _ => self.ethernet(rest),
        }
    }

    /// A network layer packet after its protocol number, the first of four octets.
    fn juniper_network(&mut self, view: View<'a>) {
        match (view.u8(0), view.skip(4)) {
            (Some(2 | 3), Some(packet)) => self.ip(packet),
            (Some(6 | 7), Some(packet)) => self.ipv6(packet),
            (Some(4 | 5), Some(packet)) => self.mpls(packet),
            (Some(_), Some(_)) => {}
            _ => self.odd(Anomaly::LinkTruncated),
        }
    }
}

fn after_header(flags: u8, view: View<'_>) -> Option<View<'_>> {
    if flags & EXTENSIONS == 0 {
        return view.skip(HEADER);
    }
    view.skip(usize::from(view.u16(HEADER)?).saturating_add(EXTENDED_HEADER))
}

#[cfg(test)]
mod tests {
    use crate::decode::sample::{INNER4, below, ethernet4, join, odd, read, udp4};

    #[test]
    fn the_header_is_passed_with_and_without_extensions() {
        assert_eq!(read(178, &join(&[b"MGC\x01", &ethernet4()])), below("", INNER4));
        assert_eq!(
            read(178, &join(&[b"MGC\x81", &[0, 6, 1, 1, 0, 2, 1, 0], &ethernet4()])),
            below("", INNER4)
        );
        assert_eq!(read(178, &join(&[b"MGC\x03", &[2, 0, 0, 0], &udp4()])), below("", INNER4));
        assert_eq!(read(179, &join(&[b"MGC\x01", &[0xff, 3, 0, 0x21], &udp4()])), below("", INNER4));
        assert_eq!(read(180, &join(&[b"MGC\x01", &[0x18, 0x41, 3, 0xcc], &udp4()])), below("", INNER4));
        assert_eq!(read(181, &join(&[b"MGC\x01", &[0x0f, 0, 8, 0], &udp4()])), below("", INNER4));
        assert_eq!(odd(178, &join(&[b"MGX\x01", &ethernet4()])), ["link_header_malformed"]);
    }
}
