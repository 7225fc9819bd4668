//! The last look before anything is written: is there still an address, MAC address or name that was to be replaced?
//!
//! Every output is searched for addresses as text, in any form, and for the 16 bytes of IPv6 and the 6 of MAC
//! addresses, which do not come about by chance. The 4 bytes of an IPv4 address do: among a thousand packets some
//! length, number or time stamp looks like one. They are searched for where addresses and other people's bytes can be:
//! in the payloads of packets, and in every header that holds addresses, read back with the decoder.

use super::EvidenceError;
use super::manifest::PACKETS;
use super::pseudonyms::{Piece, Pseudonyms, Scanner};
use crate::capture::{Batch, LinkType, Options, Reader};
use crate::decode::{self, Anomalies, Content, Packet};
use std::collections::HashSet;
use std::io::Cursor;
use std::net::IpAddr;

/// The mask of XOR-MAPPED-ADDRESS, RFC 8489 section 14.2.
const COOKIE: u32 = 0x2112_a442;

/// The link type of which the first twelve bytes are two MAC addresses.
const ETHERNET: LinkType = LinkType(1);

/// What must not be left.
pub(super) struct Check<'a> {
    pseudonyms: &'a Pseudonyms,
    addresses: HashSet<IpAddr>,
    ipv6: HashSet<[u8; 16]>,
    names: HashSet<&'a str>,
}

impl<'a> Check<'a> {
    pub(super) fn new(pseudonyms: &'a Pseudonyms) -> Self {
        let addresses: HashSet<IpAddr> = pseudonyms.originals().collect();
        let ipv6 = addresses.iter().filter_map(|address| match address {
            IpAddr::V6(address) => Some(address.octets()),
            IpAddr::V4(_) => None,
        });
        let names = pseudonyms.hidden_names().filter(|name| name.contains('.')).collect();
        Self { pseudonyms, ipv6: ipv6.collect(), addresses, names }
    }

    /// Searches outputs, given by name and contents.
    pub(super) fn files(&self, files: &[(&str, &[u8])]) -> Result<(), EvidenceError> {
        for (name, bytes) in files {
            let left = |(what, offset)| EvidenceError::Left { what, file: (*name).to_owned(), offset };
            self.bytes(bytes).map_or(Ok(()), |found| Err(left(found)))?;
            if *name == PACKETS {
                self.packets(bytes)?;
            }
        }
        Ok(())
    }

    fn bytes(&self, bytes: &[u8]) -> Option<(&'static str, usize)> {
        let mut scanner = Scanner::of_bytes(bytes);
        while let Some((offset, piece)) = scanner.next_at() {
            match piece {
                Piece::Address(address) if self.addresses.contains(&address) => {
                    return Some(("an address", offset));
                }
                Piece::Mac(mac) if self.pseudonyms.is_original_mac(mac) => {
                    return Some(("a MAC address", offset));
                }
                _ => {}
            }
        }
        let is_ipv6 =
            |window: &[u8]| <[u8; 16]>::try_from(window).is_ok_and(|bits| self.ipv6.contains(&bits));
        let ipv6 = if self.ipv6.is_empty() { None } else { bytes.windows(16).position(is_ipv6) };
        let mac = || bytes.windows(6).position(|window| !is_plain(window) && self.is_mac(window));
        ipv6.map(|offset| ("an address", offset))
            .or_else(|| mac().map(|offset| ("a MAC address", offset)))
            .or_else(|| self.name(bytes))
    }

    fn is_mac(&self, window: &[u8]) -> bool {
        window.try_into().is_ok_and(|mac| self.pseudonyms.is_original_mac(mac))
    }

    fn name(&self, bytes: &[u8]) -> Option<(&'static str, usize)> {
        if self.names.is_empty() {
            return None;
        }
        let mut offset = 0;
        for word in bytes.split(|byte| !is_name_byte(*byte)) {
            let text = std::str::from_utf8(word).unwrap_or_default().trim_end_matches('.').to_lowercase();
            if self.names.contains(text.as_str()) {
                return Some(("a name", offset));
            }
            offset += word.len() + 1;
        }
        None
    }

    /// Reads the packets back and looks at their headers and payloads.
    fn packets(&self, bytes: &[u8]) -> Result<(), EvidenceError> {
        let mut reader =
            Reader::from_source(PACKETS, Box::new(Cursor::new(bytes.to_vec())), Options::default())?;
        let mut batch = Batch::default();
        while reader.next_batch(&mut batch)? {
            for frame in batch.frames() {
                let mut packets = Vec::new();
                decode::decode(&frame, 0, &mut Anomalies::default(), &mut packets);
                let macs = frame.bytes.chunks_exact(6).take(2).filter(|_| frame.link_type == ETHERNET);
                if macs.into_iter().any(|mac| self.is_mac(mac))
                    || packets.iter().any(|packet| self.is_in(packet))
                {
                    let offset = bytes.windows(frame.bytes.len()).position(|window| window == frame.bytes);
                    let file = PACKETS.to_owned();
                    let offset = offset.unwrap_or_default();
                    return Err(EvidenceError::Left { what: "an address", file, offset });
                }
            }
        }
        Ok(())
    }

    fn is_in(&self, packet: &Packet<'_>) -> bool {
        let pairs = packet.outer.iter().chain([&packet.addresses]);
        let quoted = match &packet.content {
            Content::Icmp(message) => message.quoted.as_ref().map(|quoted| &quoted.addresses),
            _ => None,
        };
        let headers = pairs.chain(quoted).flat_map(|pair| [pair.source, pair.destination]);
        headers.into_iter().any(|address| self.addresses.contains(&address))
            || find_ipv4(payload(packet), |address| self.addresses.contains(&address)).is_some()
            || payload(packet).windows(6).any(|window| self.is_mac(window) && !is_plain(window))
    }
}

/// Whether such bytes stand in any file, between lengths and numbers.
fn is_plain(bytes: &[u8]) -> bool {
    let mut zeros = bytes.iter().filter(|byte| **byte == 0);
    zeros.next().is_some() && zeros.next().is_some()
}

/// What a packet carries.
fn payload<'a>(packet: &Packet<'a>) -> &'a [u8] {
    match &packet.content {
        Content::Tcp(segment) => segment.payload,
        Content::Udp(datagram) => datagram.payload,
        Content::Fragment(fragment) => fragment.payload,
        _ => &[],
    }
}

/// Where the four bytes of an address that `is_hidden` names stand, plain or masked as STUN does.
pub(super) fn find_ipv4(bytes: &[u8], is_hidden: impl Fn(IpAddr) -> bool) -> Option<usize> {
    bytes.windows(4).position(|window| {
        let Ok(window) = <[u8; 4]>::try_from(window) else { return false };
        let bits = u32::from_be_bytes(window);
        [bits, bits ^ COOKIE].into_iter().any(|bits| is_hidden(IpAddr::V4(bits.into())))
    })
}

const fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'*') || !byte.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::super::pcapng::{Interface, Packet as Written, Writer};
    use super::super::pseudonyms::tests::pseudonyms;
    use super::*;
    use crate::capture::{Precision, Timestamp};
    use etherparse::PacketBuilder;

    const MAC: [u8; 6] = [0, 0x1a, 0x2b, 0x3c, 0x4d, 0x5e];

    fn people() -> Pseudonyms {
        let people = pseudonyms(1, &["10.1.2.3", "2001:db8::5"], &["52.81.151.250"]);
        people.mac(MAC);
        people
    }

    fn left(name: &str, bytes: &[u8]) -> Option<(&'static str, usize)> {
        match Check::new(&people()).files(&[(name, bytes)]) {
            Ok(()) => None,
            Err(EvidenceError::Left { what, offset, .. }) => Some((what, offset)),
            Err(other) => panic!("{other}"),
        }
    }

    fn capture(frames: &[Vec<u8>], comment: &str) -> Vec<u8> {
        let mut writer = Writer::new("test", "");
        let (name, precision) = ("", Precision::MICROSECONDS);
        let interface =
            writer.interface(&Interface { name, description: name, link_type: ETHERNET, precision });
        for bytes in frames {
            let time = Timestamp::from_nanoseconds(0);
            let wire_length = u32::try_from(bytes.len()).unwrap();
            writer.packet(&Written { interface, time, wire_length, bytes, comment });
        }
        writer.into_bytes()
    }

    fn udp(macs: [[u8; 6]; 2], source: [u8; 4], payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let builder =
            PacketBuilder::ethernet2(macs[0], macs[1]).ipv4(source, [52, 81, 151, 250], 64).udp(1, 2);
        builder.write(&mut bytes, payload).unwrap();
        bytes
    }

    #[test]
    fn originals_are_found_in_text_of_any_form() {
        for text in ["10.1.2.3", "::ffff:10.1.2.3", "3-2-1-10", "2001:DB8:0::5", "[2001:db8::5]:443"] {
            assert_eq!(
                left("report.json", format!("\"a\": {text}").as_bytes()).unwrap().0,
                "an address",
                "{text}"
            );
        }
        assert_eq!(left("x", b"00-1A-2B-3C-4D-5E").unwrap(), ("a MAC address", 0));
        assert_eq!(left("x", b"it is Alice.Example.org."), Some(("a name", 6)));
        for text in ["10.1.2.30", "52.81.151.250", "2001:db8::55", "example.org", "00:1a:2b:3c:4d:5f"] {
            assert_eq!(left("report.json", text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn originals_are_found_as_bytes_of_any_output() {
        let long: std::net::Ipv6Addr = "2001:db8::5".parse().unwrap();
        assert_eq!(left("x", &[&[9; 7][..], &long.octets()].concat()), Some(("an address", 7)));
        assert_eq!(left("x", &[&[9; 3][..], &MAC].concat()), Some(("a MAC address", 3)));
        // Four bytes are looked for in packets only.
        assert_eq!(left("x", &[10, 1, 2, 3]), None);
    }

    #[test]
    fn originals_are_found_in_headers_payloads_and_comments() {
        let other = [[2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]];
        let masked: Vec<u8> =
            [10, 1, 2, 3].iter().zip(COOKIE.to_be_bytes()).map(|(byte, mask)| byte ^ mask).collect();
        for (frame, expected) in [
            (udp(other, [240, 1, 2, 3], b"fine"), None),
            (udp(other, [10, 1, 2, 3], b""), Some("an address")),
            (udp(other, [240, 1, 2, 3], &[1, 10, 1, 2, 3]), Some("an address")),
            (udp(other, [240, 1, 2, 3], &masked), Some("an address")),
            (udp([MAC, other[0]], [240, 1, 2, 3], b""), Some("a MAC address")),
        ] {
            assert_eq!(left(PACKETS, &capture(&[frame], "")).map(|(what, _)| what), expected);
        }
        let commented = capture(&[udp(other, [240, 1, 2, 3], b"")], "flow with 10.1.2.3:80");
        assert_eq!(left(PACKETS, &commented).map(|(what, _)| what), Some("an address"));
    }

    #[test]
    fn the_message_does_not_name_what_it_found() {
        let error = Check::new(&people()).files(&[("report.json", b"10.1.2.3")]).unwrap_err().to_string();
        assert!(error.contains("report.json at byte 0") && !error.contains("10.1.2.3"), "{error}");
    }
}
