//! Writes captures in the block format, <https://datatracker.ietf.org/doc/draft-ietf-opsawg-pcapng/>: one section,
//! several interfaces, a comment on each packet. Little-endian on every machine, so that the bytes are the same.

use crate::capture::{LinkType, Precision, Timestamp};

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const ENHANCED_PACKET: u32 = 6;
const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;

const OPT_END: u16 = 0;
const OPT_COMMENT: u16 = 1;
/// `shb_userappl`: the program that wrote the section.
const SHB_USER_APPLICATION: u16 = 4;
const IF_NAME: u16 = 2;
const IF_DESCRIPTION: u16 = 3;
const IF_TSRESOL: u16 = 9;

/// Bytes of one option: its length has 16 bits.
const MAX_OPTION: usize = u16::MAX as usize;

/// Decimal places of an interface's clock where no option says otherwise.
const MICROSECONDS: u8 = 6;

/// An interface that packets were captured at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Interface<'a> {
    /// Its name; empty where it is not known.
    pub(super) name: &'a str,
    /// The capture that its packets are from.
    pub(super) description: &'a str,
    /// What the first byte of its packets belongs to.
    pub(super) link_type: LinkType,
    /// Decimal places of its clock.
    pub(super) precision: Precision,
}

/// A packet to write.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet<'a> {
    /// Which interface, in the order of [`Writer::interface`].
    pub(super) interface: u32,
    /// When it was captured; a time before 1970 cannot be written and becomes 1970.
    pub(super) time: Timestamp,
    /// Bytes on the wire.
    pub(super) wire_length: u32,
    /// The bytes to keep.
    pub(super) bytes: &'a [u8],
    /// What to say about it; what is longer than an option can be is cut.
    pub(super) comment: &'a str,
}

/// Gathers a capture in memory.
#[derive(Debug)]
pub(super) struct Writer {
    bytes: Vec<u8>,
    /// Whether each interface's clock counts nanoseconds.
    clocks: Vec<bool>,
}

impl Writer {
    /// A section that says which program wrote it, and `comment`.
    pub(super) fn new(program: &str, comment: &str) -> Self {
        let mut writer = Self { bytes: Vec::new(), clocks: Vec::new() };
        writer.block(SECTION_HEADER, |body| {
            body.extend(BYTE_ORDER_MAGIC.to_le_bytes());
            body.extend(1_u16.to_le_bytes());
            body.extend(0_u16.to_le_bytes());
            // The length of the section is not said.
            body.extend(u64::MAX.to_le_bytes());
            option(body, OPT_COMMENT, comment.as_bytes());
            option(body, SHB_USER_APPLICATION, program.as_bytes());
            option(body, OPT_END, &[]);
        });
        writer
    }

    /// Adds an interface and gives its number.
    pub(super) fn interface(&mut self, interface: &Interface<'_>) -> u32 {
        let Interface { name, description, link_type, precision } = *interface;
        let number = u32::try_from(self.clocks.len()).unwrap_or(u32::MAX);
        let fine = precision.places() > MICROSECONDS;
        self.clocks.push(fine);
        self.block(INTERFACE_DESCRIPTION, |body| {
            body.extend(link_type.0.to_le_bytes());
            body.extend(0_u16.to_le_bytes());
            // No limit on the length of packets.
            body.extend(0_u32.to_le_bytes());
            option(body, IF_NAME, name.as_bytes());
            option(body, IF_DESCRIPTION, description.as_bytes());
            if fine {
                option(body, IF_TSRESOL, &[Precision::NANOSECONDS.places()]);
            }
            option(body, OPT_END, &[]);
        });
        number
    }

    /// Adds a packet.
    pub(super) fn packet(&mut self, packet: &Packet<'_>) {
        let fine = usize::try_from(packet.interface).ok().and_then(|place| self.clocks.get(place));
        let nanoseconds = u64::try_from(packet.time.nanoseconds()).unwrap_or(0);
        let ticks = if fine == Some(&true) { nanoseconds } else { nanoseconds / 1000 };
        let captured = u32::try_from(packet.bytes.len()).unwrap_or(u32::MAX);
        self.block(ENHANCED_PACKET, |body| {
            body.extend(packet.interface.to_le_bytes());
            let [a, b, c, d, high @ ..] = ticks.to_le_bytes();
            body.extend(high);
            body.extend([a, b, c, d]);
            body.extend(captured.to_le_bytes());
            body.extend(packet.wire_length.max(captured).to_le_bytes());
            body.extend(packet.bytes);
            pad(body);
            option(body, OPT_COMMENT, packet.comment.as_bytes());
            option(body, OPT_END, &[]);
        });
    }

    /// The capture.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn block(&mut self, kind: u32, fill: impl FnOnce(&mut Vec<u8>)) {
        let mut body = Vec::new();
        fill(&mut body);
        let length = u32::try_from(body.len()).unwrap_or(u32::MAX).saturating_add(12);
        self.bytes.extend(kind.to_le_bytes());
        self.bytes.extend(length.to_le_bytes());
        self.bytes.append(&mut body);
        self.bytes.extend(length.to_le_bytes());
    }
}

fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    if value.is_empty() && code != OPT_END {
        return;
    }
    let mut end = value.len().min(MAX_OPTION);
    // Text is cut between characters.
    while end < value.len() && value.get(end).is_some_and(|byte| byte & 0xc0 == 0x80) {
        end -= 1;
    }
    let value = value.get(..end).unwrap_or_default();
    body.extend(code.to_le_bytes());
    body.extend(u16::try_from(value.len()).unwrap_or(u16::MAX).to_le_bytes());
    body.extend(value);
    pad(body);
}

/// Everything in a block begins at a multiple of four bytes.
fn pad(body: &mut Vec<u8>) {
    body.resize(body.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{Batch, Format, Options, Reader};
    use std::io::Cursor;

    fn written() -> Vec<u8> {
        let mut writer = Writer::new("landfall test", "for a test");
        let interface =
            |description, link_type, precision| Interface { name: "", description, link_type, precision };
        let coarse = writer.interface(&interface("a.pcap", LinkType(1), Precision::MICROSECONDS));
        let fine = writer.interface(&interface("b.pcapng", LinkType(101), Precision::NANOSECONDS));
        for (interface, nanoseconds, bytes, wire_length) in [
            (coarse, 1_600_000_000_123_456_000, &[1_u8, 2, 3][..], 60),
            (fine, 1_600_000_000_123_456_789, &[4, 5, 6, 7], 4),
            (coarse, 1_600_000_001_000_000_000, &[], 0),
        ] {
            let time = Timestamp::from_nanoseconds(nanoseconds);
            writer.packet(&Packet { interface, time, wire_length, bytes, comment: "finding 1: über" });
        }
        writer.into_bytes()
    }

    #[test]
    fn what_is_written_is_read_back() {
        let mut reader =
            Reader::from_source("memory", Box::new(Cursor::new(written())), Options::default()).unwrap();
        let mut batch = Batch::default();
        let mut frames = Vec::new();
        while reader.next_batch(&mut batch).unwrap() {
            frames.extend(batch.frames().map(|frame| {
                (frame.time.nanoseconds(), frame.link_type.0, frame.wire_length, frame.bytes.to_vec())
            }));
        }
        assert_eq!(
            frames,
            [
                (1_600_000_000_123_456_000, 1, 60, vec![1, 2, 3]),
                (1_600_000_000_123_456_789, 101, 4, vec![4, 5, 6, 7]),
                (1_600_000_001_000_000_000, 1, 0, vec![]),
            ]
        );
        let input = &reader.into_inputs()[0];
        assert_eq!((input.format, &input.damage), (Format::Pcapng, &None));
        assert_eq!(input.anomalies, std::collections::BTreeMap::new());
    }

    #[test]
    fn an_independent_reader_finds_blocks_and_comments() {
        use pcap_parser::traits::PcapNGPacketBlock;
        let bytes = written();
        let (rest, section) = pcap_parser::pcapng::parse_sectionheaderblock_le(&bytes).unwrap();
        assert_eq!((section.major_version, section.section_len), (1, -1));
        let (rest, first) = pcap_parser::pcapng::parse_interfacedescriptionblock_le(rest).unwrap();
        let (rest, second) = pcap_parser::pcapng::parse_interfacedescriptionblock_le(rest).unwrap();
        assert_eq!((first.if_tsresol, second.if_tsresol), (6, 9));
        let (_, packet) = pcap_parser::pcapng::parse_enhancedpacketblock_le(rest).unwrap();
        assert_eq!((packet.packet_data(), packet.orig_len()), (&[1, 2, 3][..], 60));
        assert_eq!(packet.options[0].value(), "finding 1: über".as_bytes());
    }

    #[test]
    fn a_long_comment_is_cut_between_characters() {
        let mut writer = Writer::new("x", "");
        let (name, precision) = ("", Precision::MICROSECONDS);
        writer.interface(&Interface { name, description: name, link_type: LinkType(1), precision });
        let comment = format!("a{}", "ü".repeat(40_000));
        writer.packet(&Packet {
            interface: 0,
            time: Timestamp::from_nanoseconds(0),
            wire_length: 0,
            bytes: &[],
            comment: &comment,
        });
        let bytes = writer.into_bytes();
        let start = bytes.iter().position(|byte| *byte == b'a').unwrap();
        let kept = std::str::from_utf8(&bytes[start..start + 65_535]).unwrap();
        assert!(comment.starts_with(kept));
    }
}
