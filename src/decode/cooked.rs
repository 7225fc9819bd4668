//! Linux captures that are not of one device: cooked frames and the log of the packet filter.

use super::anomaly::Anomaly;
use super::ethernet;
use super::layers::Layers;
use super::view::View;

/// Hardware types of `<linux/if_arp.h>`.
const FRAME_RELAY: u16 = 770;
const GRE: u16 = 778;
const RADIOTAP: u16 = 803;
const NETLINK: u16 = 824;
/// The largest protocol number that is not an Ethernet type; Linux uses the numbers below for itself.
const LINUX_PROTOCOL_MAX: u16 = 1536;
/// Numbers of `<linux/if_ether.h>` below that.
const ALL: u16 = 3;
const LLC: u16 = 4;
const PPP: u16 = 7;

/// Attributes of a logged packet, `<linux/netfilter/nfnetlink_log.h>`.
const PACKET_HEADER: u16 = 1;
const PAYLOAD: u16 = 9;
/// Octets before the first attribute, and of the header of each.
const LOG_HEADER: usize = 4;
const ATTRIBUTE_HEADER: usize = 4;
/// Attributes in one logged packet; there are about twenty kinds.
const MAX_ATTRIBUTES: usize = 64;

impl<'a> Layers<'a, '_> {
    /// Linux cooked capture: hardware type at 2, protocol at 14, 16 octets.
    pub(super) fn cooked(&mut self, view: View<'a>) {
        self.cooked_frame(view.u16(2), view.u16(14), view.skip(16));
    }

    /// Linux cooked capture, version 2: protocol at 0, hardware type at 8, 20 octets.
    pub(super) fn cooked2(&mut self, view: View<'a>) {
        self.cooked_frame(view.u16(8), view.u16(0), view.skip(20));
    }

    fn cooked_frame(&mut self, hardware: Option<u16>, protocol: Option<u16>, rest: Option<View<'a>>) {
        let Some(((hardware, protocol), rest)) = hardware.zip(protocol).zip(rest) else {
            return self.odd(Anomaly::LinkTruncated);
        };
        if protocol > LINUX_PROTOCOL_MAX {
            return match hardware {
                // Messages between the kernel and its users.
                NETLINK => {}
                GRE => self.gre_payload(protocol, rest),
                _ => self.ether_type(protocol, rest),
            };
        }
        match (hardware, protocol) {
            (NETLINK, _) => {}
            (FRAME_RELAY, _) => self.frame_relay(rest),
            (RADIOTAP, _) => self.radiotap(rest),
            (_, ALL) => self.ethernet(rest),
            (_, LLC) => self.llc(rest),
            (_, PPP) => self.ppp_hdlc(rest),
            _ => {}
        }
    }

    /// A packet that netfilter logged: attributes in the byte order of the machine, little-endian on all
    /// that are met.
    pub(super) fn netfilter_log(&mut self, view: View<'a>) {
        let family = view.u8(0);
        let (mut protocol, mut packet) = (0, None);
        let mut rest = view.skip(LOG_HEADER);
        for _ in 0..MAX_ATTRIBUTES {
            let Some(attribute) = rest.and_then(Attribute::read) else { break };
            match attribute.kind {
                PACKET_HEADER if attribute.value.length == 4 => {
                    protocol = attribute.value.u16(0).unwrap_or(0);
                }
                PAYLOAD => packet = Some(attribute.value),
                _ => {}
            }
            rest = attribute.rest;
        }
        match (packet, protocol, family) {
            (None, ..) => self.odd(Anomaly::LinkTruncated),
            // Address families of Linux.
            (Some(packet), 0, Some(2)) => self.ip(packet),
            (Some(packet), 0, Some(10)) => self.ipv6(packet),
            (Some(_), 0, _) => {}
            (Some(packet), ethernet::IPV4, _) => self.ipv4(packet),
            (Some(packet), kind, _) => self.ether_type(kind, packet),
        }
    }
}

/// One attribute of a logged packet: length (with this header), type and value, padded to four octets.
struct Attribute<'a> {
    kind: u16,
    value: View<'a>,
    rest: Option<View<'a>>,
}

impl<'a> Attribute<'a> {
    fn read(view: View<'a>) -> Option<Self> {
        let length = usize::from(u16::from_le_bytes(view.array(0)?));
        let kind = u16::from_le_bytes(view.array(2)?) & 0x7fff;
        let value_length = length.checked_sub(ATTRIBUTE_HEADER)?;
        let value = view.skip(ATTRIBUTE_HEADER)?.resize(u32::try_from(value_length).ok()?);
        Some(Self { kind, value, rest: view.skip(length.next_multiple_of(4)) })
    }
}

#[cfg(test)]
mod tests {
    use crate::decode::sample::{INNER4, INNER6, below, ethernet4, join, odd, read, snap, udp4, udp6};

    const COOKED: u16 = 113;
    const COOKED2: u16 = 276;
    const NFLOG: u16 = 239;

    fn cooked(hardware: u16, protocol: u16, rest: &[u8]) -> [(u16, Vec<u8>); 2] {
        let (hardware, protocol) = (hardware.to_be_bytes(), protocol.to_be_bytes());
        [
            (COOKED, join(&[&[0, 0], &hardware, &[0; 10], &protocol, rest])),
            (COOKED2, join(&[&protocol, &[0; 6], &hardware, &[0; 10], rest])),
        ]
    }

    #[test]
    fn both_versions_lead_to_what_their_protocol_says() {
        let cases = [
            (1, 0x0800, udp4(), INNER4),
            (1, 0x86dd, udp6(), INNER6),
            (65534, 0x0800, udp6(), INNER6),
            (1, 0x8100, join(&[&[0, 5, 8, 0], &udp4()]), INNER4),
            (1, 3, ethernet4(), INNER4),
            (1, 4, snap(0x0800, &udp4()), INNER4),
            (512, 7, join(&[&[0, 0x21], &udp4()]), INNER4),
            (778, 0x6558, ethernet4(), INNER4),
            (770, 0, join(&[&[0x18, 0x41, 3, 0xcc], &udp4()]), INNER4),
        ];
        for (hardware, protocol, rest, expected) in cases {
            for (link, bytes) in cooked(hardware, protocol, &rest) {
                assert_eq!(read(link, &bytes), below("", expected), "{link}: {hardware} {protocol:x}");
            }
        }
        for (link, bytes) in cooked(824, 0, &udp4()) {
            assert_eq!(read(link, &bytes), "", "netlink");
        }
    }

    #[test]
    fn a_logged_packet_is_found_among_its_attributes() {
        let length = |packet: &[u8]| u8::try_from(packet.len() + 4).unwrap();
        let mark = [8, 0, 3, 0, 0, 0, 0, 1];
        let logged = join(&[&[2, 0, 0, 0], &mark, &[length(&udp4()), 0, 9, 0], &udp4()]);
        assert_eq!(read(NFLOG, &logged), below("", INNER4));
        let logged = join(&[&[10, 0, 0, 0], &[length(&udp6()), 0, 9, 0], &udp6()]);
        assert_eq!(read(NFLOG, &logged), below("", INNER6));
        let bridge = join(&[&[7, 0, 0, 0, 8, 0, 1, 0, 8, 0, 3, 0], &[length(&udp4()), 0, 9, 0], &udp4()]);
        assert_eq!(read(NFLOG, &bridge), below("", INNER4));
        assert_eq!(odd(NFLOG, &[2, 0, 0, 0, 3, 0, 9, 0, 0]), ["link_header_truncated"]);
    }
}
