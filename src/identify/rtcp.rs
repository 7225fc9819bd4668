//! RTCP: RFC 3550 section 6, feedback (RFC 4585), extended reports (RFC 3611), reduced size (RFC 5506).
//!
//! Of SRTCP (RFC 3711) only type and sender of the first packet can be read. Plain and protected are told
//! apart by the lengths: those of a plain datagram add up to it exactly, while SRTCP has an index and a tag
//! at the end.

use super::Probe;
use super::pairing::Pairer;
use super::rtp::VERSION;
use super::wire::{array, be32, be64, byte};
use crate::capture::Timestamp;
use std::time::Duration;

/// Sender reports remembered for one call.
const MOST_REPORTS: usize = 64;

/// One datagram of RTCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compound<'a> {
    /// Packet type of the first packet, 192 to 213.
    pub packet_type: u8,
    /// Who sent it.
    pub sender: u32,
    /// Whether the rest can be read.
    pub protection: Protection,
    payload: &'a [u8],
}

/// Whether a datagram of RTCP can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// It can: the lengths of its packets add up.
    Plain,
    /// It cannot: SRTCP, or bytes of an application's own at the end.
    Protected,
    /// The capture holds too little to tell.
    Unknown,
}

/// One packet of a plain datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// Application-defined (204).
    Application {
        /// Who sent it.
        sender: u32,
        /// Four characters that the application chose.
        name: [u8; 4],
    },
    /// A source leaves (203).
    Bye {
        /// Which.
        source: u32,
    },
    /// Extended report (207).
    ExtendedReport {
        /// Who sent it.
        sender: u32,
        /// The blocks after it.
        blocks: &'a [u8],
    },
    /// Feedback to a sender (205 of the transport, 206 of the payload).
    Feedback {
        /// 205 or 206.
        packet_type: u8,
        /// Which feedback: with 205, 1 is NACK and 15 is congestion control; with 206, 1 is PLI and 15 is REMB.
        format: u8,
        /// Who sent it.
        sender: u32,
        /// What it is about.
        media: u32,
    },
    /// Receiver report (201).
    ReceiverReport {
        /// Who sent it.
        sender: u32,
        /// What it says of each source.
        reports: Reports<'a>,
    },
    /// Sender report (200).
    SenderReport {
        /// Who sent it.
        sender: u32,
        /// The sender's clock: seconds since 1900 in the upper half, fractions in the lower.
        ntp: u64,
        /// Packets it has sent.
        packets: u32,
        /// Bytes of payload it has sent.
        bytes: u32,
        /// What it says of each source it receives.
        reports: Reports<'a>,
    },
    /// Description of a source (202).
    SourceDescription {
        /// Which.
        source: u32,
        /// Its canonical name, often `user@host` or an address.
        name: Option<&'a [u8]>,
    },
    /// A type that is not read.
    Other {
        /// Which.
        packet_type: u8,
    },
}

/// What a receiver says of one source, RFC 3550 section 6.4.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// The source.
    pub source: u32,
    /// Share of packets lost since the report before, in 1/256.
    pub fraction_lost: u8,
    /// Packets lost since the beginning; below zero where some came twice.
    pub lost: i32,
    /// Variation of the packets' spacing, in units of the payload's clock.
    pub jitter: u32,
    /// Middle 32 bits of the sender's clock in the latest sender report; 0 where none came.
    pub last_sender_report: u32,
    /// Time since that came, in 1/65536 s.
    pub delay: u32,
}

/// The reports of a sender or receiver report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reports<'a> {
    blocks: &'a [u8],
}

const REPORT_LENGTH: usize = 24;

impl Iterator for Reports<'_> {
    type Item = Report;

    fn next(&mut self) -> Option<Report> {
        let (block, rest) = self.blocks.split_at_checked(REPORT_LENGTH)?;
        self.blocks = rest;
        let lost = be32(block, 4)? << 8;
        Some(Report {
            source: be32(block, 0)?,
            fraction_lost: byte(block, 4)?,
            lost: lost.cast_signed() >> 8,
            jitter: be32(block, 12)?,
            last_sender_report: be32(block, 16)?,
            delay: be32(block, 20)?,
        })
    }
}

/// Whether a datagram of `length` bytes on the wire may be RTCP.
pub fn probe(payload: &[u8], length: usize) -> Probe {
    match parse(payload, length) {
        Some(compound) if compound.protection == Protection::Plain => Probe::Match,
        Some(_) => Probe::NeedMore,
        None => Probe::NoMatch,
    }
}

/// Reads a datagram of `length` bytes on the wire.
pub fn parse(payload: &[u8], length: usize) -> Option<Compound<'_>> {
    let (packet_type, first_length) = header(payload)?;
    let sender = be32(payload, 4)?;
    if first_length > length || first_length < 8 {
        return None;
    }
    Some(Compound { packet_type, sender, protection: protection(payload, length), payload })
}

/// Type and bytes of the packet at the start of `bytes`.
fn header(bytes: &[u8]) -> Option<(u8, usize)> {
    let [first, packet_type, high, low] = *bytes.first_chunk()?;
    // 192 to 195 are H.261 and its kin, 200 to 213 what IANA has assigned since.
    let is_assigned = matches!(packet_type, 192..=195 | 200..=213);
    let words = usize::from(u16::from_be_bytes([high, low]));
    (is_assigned && first >> 6 == VERSION).then_some((packet_type, (words + 1) * 4))
}

fn protection(payload: &[u8], length: usize) -> Protection {
    let mut position = 0;
    while position < length {
        let Some(rest) = payload.get(position..) else { return Protection::Unknown };
        match header(rest) {
            Some((_, packet)) => position += packet,
            None if rest.len() < 4 && payload.len() < length => return Protection::Unknown,
            None => return Protection::Protected,
        }
    }
    match position == length {
        true if payload.len() >= length => Protection::Plain,
        true => Protection::Unknown,
        false => Protection::Protected,
    }
}

impl<'a> Compound<'a> {
    /// The packets, if they can be read.
    pub fn packets(&self) -> impl Iterator<Item = Packet<'a>> + use<'a> {
        let mut rest = if self.protection == Protection::Plain { self.payload } else { &[] };
        std::iter::from_fn(move || {
            let (packet_type, length) = header(rest)?;
            let (packet, after) = rest.split_at_checked(length)?;
            rest = after;
            Some(read(packet_type, packet).unwrap_or(Packet::Other { packet_type }))
        })
    }
}

fn read(packet_type: u8, packet: &[u8]) -> Option<Packet<'_>> {
    let count = byte(packet, 0)? & 0x1F;
    let sender = be32(packet, 4)?;
    let reports = |start: usize| {
        let end = start + usize::from(count) * REPORT_LENGTH;
        Some(Reports { blocks: packet.get(start..end)? })
    };
    Some(match packet_type {
        200 => Packet::SenderReport {
            sender,
            ntp: be64(packet, 8)?,
            packets: be32(packet, 20)?,
            bytes: be32(packet, 24)?,
            reports: reports(28)?,
        },
        201 => Packet::ReceiverReport { sender, reports: reports(8)? },
        202 if count > 0 => {
            Packet::SourceDescription { source: sender, name: canonical_name(packet.get(8..)?) }
        }
        203 if count > 0 => Packet::Bye { source: sender },
        204 => Packet::Application { sender, name: array(packet, 8)? },
        205 | 206 => Packet::Feedback { packet_type, format: count, sender, media: be32(packet, 8)? },
        207 => Packet::ExtendedReport { sender, blocks: packet.get(8..)? },
        _ => return None,
    })
}

/// CNAME among the items of one source, RFC 3550 section 6.5.1.
fn canonical_name(mut items: &[u8]) -> Option<&[u8]> {
    while let [kind, length, rest @ ..] = items {
        let (value, after) = rest.split_at_checked(usize::from(*length))?;
        match kind {
            0 => return None,
            1 => return Some(value),
            _ => items = after,
        }
    }
    None
}

/// Round-trip times from reports, RFC 3550 section 6.4.1: from a sender report until a receiver mentions it,
/// less the time it lay at the receiver. It is the time between the place of the capture and the receiver.
#[derive(Clone, Debug)]
pub struct RoundTrips {
    sent: Pairer<(u32, u32)>,
}

impl Default for RoundTrips {
    fn default() -> Self {
        Self { sent: Pairer::new(MOST_REPORTS) }
    }
}

impl RoundTrips {
    /// Takes a plain datagram of either direction; gives the times that its reports complete.
    pub fn update(&mut self, compound: &Compound<'_>, time: Timestamp) -> Vec<Duration> {
        let mut found = Vec::new();
        for packet in compound.packets() {
            let reports = match packet {
                Packet::SenderReport { sender, ntp, reports, .. } => {
                    self.sent.request((sender, middle(ntp)), time);
                    reports
                }
                Packet::ReceiverReport { reports, .. } => reports,
                _ => continue,
            };
            found.extend(reports.filter_map(|report| self.complete(&report, time)));
        }
        found
    }

    fn complete(&mut self, report: &Report, time: Timestamp) -> Option<Duration> {
        if report.last_sender_report == 0 {
            return None;
        }
        let elapsed = self.sent.response(&(report.source, report.last_sender_report), time)?;
        let nanoseconds = (u64::from(report.delay) * 1_000_000_000) >> 16;
        elapsed.checked_sub(Duration::from_nanos(nanoseconds)).filter(|time| !time.is_zero())
    }
}

/// Middle 32 bits of a sender's clock: 16 of the seconds and 16 of the fraction.
fn middle(ntp: u64) -> u32 {
    u32::try_from((ntp >> 16) & u64::from(u32::MAX)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identify::captures;
    use proptest::prelude::*;

    const NTP: u64 = 0xE5A0_1234_5678_9ABC;

    fn report_block(source: u32, last: u32, delay: u32) -> Vec<u8> {
        let mut block = source.to_be_bytes().to_vec();
        block.extend([64, 0xFF, 0xFF, 0xFE]);
        block.extend([0, 0, 0, 9, 0, 0, 0, 5]);
        block.extend(last.to_be_bytes());
        block.extend(delay.to_be_bytes());
        block
    }

    fn with_header(count: u8, kind: u8, body: &[u8]) -> Vec<u8> {
        let words = u16::try_from(body.len() / 4).unwrap();
        [&[0x80 | count, kind][..], &words.to_be_bytes(), body].concat()
    }

    fn sender_report() -> Vec<u8> {
        let mut body = 7u32.to_be_bytes().to_vec();
        body.extend(NTP.to_be_bytes());
        body.extend([0, 0, 0, 1, 0, 0, 0, 50, 0, 0, 4, 0]);
        let report = with_header(0, 200, &body);
        let names = with_header(1, 202, b"\0\0\0\x07\x01\x03a@b\0\0\0");
        [report, names].concat()
    }

    fn receiver_report(last: u32, delay: u32) -> Vec<u8> {
        with_header(1, 201, &[&9u32.to_be_bytes()[..], &report_block(7, last, delay)].concat())
    }

    fn whole(bytes: &[u8]) -> Compound<'_> {
        parse(bytes, bytes.len()).unwrap()
    }

    #[test]
    fn a_plain_compound_is_read_packet_by_packet() {
        let bytes = sender_report();
        let compound = whole(&bytes);
        assert_eq!((compound.packet_type, compound.sender, compound.protection), (200, 7, Protection::Plain));
        let packets: Vec<_> = compound.packets().collect();
        let [Packet::SenderReport { ntp, packets, bytes, .. }, names] = packets.as_slice() else {
            panic!("{packets:?}")
        };
        assert_eq!((*ntp, *packets, *bytes), (NTP, 50, 1024));
        assert_eq!(*names, Packet::SourceDescription { source: 7, name: Some(b"a@b") });
    }

    #[test]
    fn a_report_block_has_signed_loss() {
        let bytes = receiver_report(1, 2);
        let Some(Packet::ReceiverReport { sender: 9, mut reports }) = whole(&bytes).packets().next() else {
            panic!()
        };
        let expected =
            Report { source: 7, fraction_lost: 64, lost: -2, jitter: 5, last_sender_report: 1, delay: 2 };
        assert_eq!(reports.next(), Some(expected));
        assert_eq!(reports.next(), None);
    }

    #[test]
    fn other_types_are_named() {
        let source = [0, 0, 0, 1, 0, 0, 0, 2];
        let feedback = with_header(15, 205, &source);
        let expected = Packet::Feedback { packet_type: 205, format: 15, sender: 1, media: 2 };
        assert_eq!(whole(&feedback).packets().next(), Some(expected));
        let bye = with_header(1, 203, &source[..4]);
        assert_eq!(whole(&bye).packets().next(), Some(Packet::Bye { source: 1 }));
        let extended = with_header(0, 207, &source);
        assert_eq!(
            whole(&extended).packets().next(),
            Some(Packet::ExtendedReport { sender: 1, blocks: &[0, 0, 0, 2] })
        );
        let application = with_header(0, 204, b"\0\0\0\x01name");
        assert_eq!(
            whole(&application).packets().next(),
            Some(Packet::Application { sender: 1, name: *b"name" })
        );
    }

    #[test]
    fn what_does_not_add_up_is_protected_and_only_its_begin_is_read() {
        let mut bytes = sender_report();
        bytes.extend([0x80, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
        let compound = whole(&bytes);
        assert_eq!((compound.sender, compound.protection), (7, Protection::Protected));
        assert_eq!(compound.packets().count(), 0);
        assert_eq!(probe(&bytes, bytes.len()), Probe::NeedMore);
        assert_eq!(probe(&sender_report(), sender_report().len()), Probe::Match);
        assert_eq!(probe(&[0x80, 199, 0, 1, 0, 0, 0, 0], 8), Probe::NoMatch);
        assert_eq!(probe(&[0x80, 96, 0, 1, 0, 0, 0, 0], 8), Probe::NoMatch);
    }

    #[test]
    fn every_truncation_is_refused_or_unknown() {
        let bytes = sender_report();
        for captured in 0..bytes.len() {
            match parse(&bytes[..captured], bytes.len()) {
                None => assert!(captured < 8),
                Some(compound) => assert_eq!(compound.protection, Protection::Unknown, "{captured}"),
            }
        }
    }

    #[test]
    fn a_round_trip_is_the_time_less_the_receivers_delay() {
        let at = |milliseconds: i64| Timestamp::from_nanoseconds(milliseconds * 1_000_000);
        let mut times = RoundTrips::default();
        assert!(times.update(&whole(&sender_report()), at(0)).is_empty());
        let answer = receiver_report(middle(NTP), 65536 / 2);
        assert_eq!(times.update(&whole(&answer), at(540)), [Duration::from_millis(40)]);
        assert!(times.update(&whole(&answer), at(545)).is_empty());
        let too_much = receiver_report(middle(NTP), 65536);
        let mut times = RoundTrips::default();
        times.update(&whole(&sender_report()), at(0));
        assert!(times.update(&whole(&too_much), at(540)).is_empty());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(kind in 190u8..214, bytes in proptest::collection::vec(any::<u8>(), 0..80), excess in 0usize..9) {
            let bytes = [&[0x81, kind][..], &bytes].concat();
            if let Some(compound) = parse(&bytes, bytes.len() + excess) {
                prop_assert!(compound.packets().count() <= bytes.len() / 4);
                let _ = RoundTrips::default().update(&compound, Timestamp::from_nanoseconds(0));
            }
        }

        #[test]
        fn packets_of_any_content_are_walked(count in 0u8..32, kind in 200u8..208, words in 1usize..12, byte in any::<u8>()) {
            let bytes = with_header(count, kind, &vec![byte; words * 4]);
            prop_assert_eq!(whole(&bytes).packets().count(), 1);
        }
    }

    #[test]
    fn several_packets_in_a_real_datagram_are_told_apart() {
        for payload in captures::payloads("ndpi/rtcp_multiple_pkts_in_the_same_datagram.pcap") {
            let compound = parse(&payload.bytes, payload.length).unwrap();
            assert_eq!(compound.protection, Protection::Plain);
            assert!(compound.packets().count() >= 2);
        }
    }
}
