//! RTP, RFC 3550 section 5, and a [`Tracker`] that follows the streams of one direction of a flow.
//!
//! Nothing in a single packet proves RTP: the header has two fixed bits. A stream counts as RTP only when
//! several packets of one source follow each other in sequence, see [`Stream::is_confirmed`].

use super::Probe;
use crate::capture::Timestamp;
use std::net::{IpAddr, SocketAddr};

/// Bytes of the header without its lists, RFC 3550 section 5.1.
pub const HEADER_LENGTH: usize = 12;
/// The version of RTP and RTCP, in the two highest bits.
pub(super) const VERSION: u8 = 2;

/// What the header of one RTP packet says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Payload type, 0 to 127: what the payload is, by agreement of the two ends.
    pub payload_type: u8,
    /// Marker: often the last packet of a picture or the first of a talk spurt.
    pub marker: bool,
    /// Sequence number.
    pub sequence: u16,
    /// Sampling time in units of the payload's clock.
    pub timestamp: u32,
    /// Synchronisation source.
    pub ssrc: u32,
    /// The header extension, if there is one and the capture holds its header.
    pub extension: Option<Extension>,
    /// Bytes of header, sources and extension.
    pub length: usize,
}

/// A header extension, RFC 3550 section 5.3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extension {
    /// The first 16 bits: 0xBEDE for RFC 8285, 0xDEBE in WhatsApp (measured 2023), 0x4400 in FaceTime (measured).
    pub profile: u16,
    /// Bytes after the extension's own header.
    pub length: usize,
}

/// Reads the header of a packet that had `length` bytes on the wire.
///
/// Second bytes that belong to RTCP where both share a port are refused (RFC 5761 section 4), and so are
/// headers that do not fit into the packet.
#[inline]
pub fn parse(payload: &[u8], length: usize) -> Option<Header> {
    let [first, second, fixed @ ..] = payload.first_chunk::<HEADER_LENGTH>()?;
    if first >> 6 != VERSION || matches!(second & 0x7F, 64..=95) {
        return None;
    }
    let [s0, s1, t0, t1, t2, t3, c0, c1, c2, c3] = *fixed;
    let mut header_length = HEADER_LENGTH + usize::from(first & 0x0F) * 4;
    let mut extension = None;
    if first & 0x10 != 0 {
        extension =
            payload.get(header_length..).and_then(|rest| rest.first_chunk().copied()).map(Extension::new);
        header_length += 4 + extension.map_or(0, |extension| extension.length);
    }
    if header_length > length {
        return None;
    }
    Some(Header {
        payload_type: second & 0x7F,
        marker: second & 0x80 != 0,
        sequence: u16::from_be_bytes([s0, s1]),
        timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
        ssrc: u32::from_be_bytes([c0, c1, c2, c3]),
        extension,
        length: header_length,
    })
}

impl Extension {
    /// Reads the header of an extension, whose length counts words.
    fn new(header: [u8; 4]) -> Self {
        let [profile @ .., high, low] = header;
        let words = u16::from_be_bytes([high, low]);
        Self { profile: u16::from_be_bytes(profile), length: usize::from(words) * 4 }
    }
}

/// Whether a packet may be RTP. There is no `Match`: only a sequence of packets tells.
pub fn probe(payload: &[u8], length: usize) -> Probe {
    if parse(payload, length).is_some() { Probe::NeedMore } else { Probe::NoMatch }
}

/// Whether media may be sent there: not a group, not a port of protocols whose packets look like RTP.
pub fn may_carry_media(destination: SocketAddr) -> bool {
    let is_group = match destination.ip() {
        IpAddr::V4(address) => address.is_multicast() || address.is_broadcast(),
        IpAddr::V6(address) => address.is_multicast(),
    };
    // DNS, DHCP, NTP, NetBIOS, SNMP, IKE, syslog, SSDP, IPsec NAT traversal, mDNS, LLMNR, FINS, Ethereum.
    let other = [53, 67, 68, 123, 137, 138, 161, 162, 500, 514, 1900, 4500, 5353, 5355, 9600, 30303];
    !is_group && !other.contains(&destination.port())
}

/// Sources followed in one direction of a flow. A call has one for each microphone, camera and screen that
/// is forwarded, and each may have another for repair; further ones are only counted.
const MOST_STREAMS: usize = 16;
/// A step forward of more than this is a restart and not loss, RFC 3550 appendix A.1.
const MOST_DROPOUT: u16 = 3000;
/// A step back of up to this is disorder, RFC 3550 appendix A.1.
const MOST_DISORDER: u16 = 100;
/// Packets in sequence before a stream counts as RTP.
const CONFIRMING_PACKETS: u32 = 4;

/// Whether a stream carries sound or pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MediaKind {
    /// One packet for each stretch of samples, in even steps.
    Audio,
    /// Several packets for one picture.
    Video,
}

/// What was seen of one source in one direction.
#[derive(Clone, Copy, Debug)]
pub struct Stream {
    /// Synchronisation source.
    pub ssrc: u32,
    /// Payload type of the latest packet.
    pub payload_type: u8,
    /// Profile of the header extension of the latest packet that had one.
    pub extension_profile: Option<u16>,
    /// Packets.
    pub packets: u64,
    /// Bytes of the packets, headers included.
    pub bytes: u64,
    /// Packets that came later than their successor.
    pub out_of_order: u32,
    /// Packets with the same sequence number as the one before.
    pub duplicates: u32,
    /// Steps of the sequence number that are neither loss nor disorder.
    pub restarts: u32,
    /// Time of the first packet.
    pub first: Timestamp,
    /// Time of the latest packet.
    pub last: Timestamp,
    highest: u16,
    /// Sequence numbers passed since the first packet.
    advanced: u64,
    /// Steps forward, of any size up to [`MOST_DROPOUT`].
    forward: u32,
    /// Steps of exactly one in a row, at most [`CONFIRMING_PACKETS`].
    in_sequence: u32,
    timestamp: u32,
    /// Ticks of the payload's clock since the first packet.
    ticks: i64,
    step: u32,
    even_steps: u32,
    same_timestamp: u32,
    backward_ticks: u32,
}

impl Stream {
    fn new(header: &Header, length: usize, time: Timestamp) -> Self {
        Self {
            ssrc: header.ssrc,
            payload_type: header.payload_type,
            extension_profile: header.extension.map(|extension| extension.profile),
            packets: 1,
            bytes: length as u64,
            out_of_order: 0,
            duplicates: 0,
            restarts: 0,
            first: time,
            last: time,
            highest: header.sequence,
            advanced: 0,
            forward: 0,
            in_sequence: 1,
            timestamp: header.timestamp,
            ticks: 0,
            step: 0,
            even_steps: 0,
            same_timestamp: 0,
            backward_ticks: 0,
        }
    }

    #[inline]
    fn update(&mut self, header: &Header, length: usize, time: Timestamp) {
        self.packets += 1;
        self.bytes += length as u64;
        self.last = self.last.max(time);
        self.payload_type = header.payload_type;
        if let Some(extension) = header.extension {
            self.extension_profile = Some(extension.profile);
        }
        let delta = header.sequence.wrapping_sub(self.highest);
        match delta {
            0 => self.duplicates = self.duplicates.saturating_add(1),
            1..=MOST_DROPOUT => self.advance(header, delta),
            _ if delta.wrapping_neg() <= MOST_DISORDER => {
                self.out_of_order = self.out_of_order.saturating_add(1);
            }
            _ => {
                self.restarts = self.restarts.saturating_add(1);
                self.highest = header.sequence;
                self.timestamp = header.timestamp;
                self.advanced += 1;
            }
        }
    }

    fn advance(&mut self, header: &Header, delta: u16) {
        self.highest = header.sequence;
        self.advanced += u64::from(delta);
        self.forward = self.forward.saturating_add(1);
        if self.in_sequence < CONFIRMING_PACKETS {
            self.in_sequence = if delta == 1 { self.in_sequence + 1 } else { 1 };
        }
        let step = header.timestamp.wrapping_sub(self.timestamp);
        self.timestamp = header.timestamp;
        let signed = i64::from(step.cast_signed());
        self.ticks += signed;
        if step == 0 {
            self.same_timestamp = self.same_timestamp.saturating_add(1);
        } else if signed < 0 {
            self.backward_ticks = self.backward_ticks.saturating_add(1);
        } else if step == self.step {
            self.even_steps = self.even_steps.saturating_add(1);
        }
        self.step = step;
    }

    /// Whether this is RTP: packets in sequence, with restarts and steps back in time far fewer than steps
    /// forward.
    pub fn is_confirmed(&self) -> bool {
        self.in_sequence >= CONFIRMING_PACKETS
            && u64::from(self.restarts) * 4 <= u64::from(self.forward)
            && u64::from(self.backward_ticks) * 4 <= u64::from(self.forward)
            && u64::from(self.duplicates) * 2 <= self.packets
    }

    /// Packets that were sent and did not come, as far as the sequence numbers tell.
    pub fn lost(&self) -> u64 {
        let received = self.packets - u64::from(self.duplicates);
        (self.advanced + 1).saturating_sub(received)
    }

    /// Packets a second, from the first to the latest; `None` where both have the same time.
    pub fn packet_rate(&self) -> Option<f64> {
        let seconds = self.last.since(self.first).as_secs_f64();
        (seconds > 0.0).then(|| precise(self.packets.saturating_sub(1)) / seconds)
    }

    /// Ticks of the payload's clock a second as they came; `None` before a second has passed.
    pub fn clock_rate(&self) -> Option<f64> {
        let seconds = self.last.since(self.first).as_secs_f64();
        (seconds >= 1.0).then(|| precise(u64::try_from(self.ticks).unwrap_or(0)) / seconds)
    }

    /// Sound or pictures, where the pattern of the packets tells.
    pub fn kind(&self) -> Option<MediaKind> {
        if !self.is_confirmed() || self.packets < 8 {
            return None;
        }
        let forward = u64::from(self.forward);
        if u64::from(self.same_timestamp) * 4 >= forward {
            return Some(MediaKind::Video);
        }
        let mean_size = self.bytes / self.packets;
        (u64::from(self.even_steps) * 2 >= forward && mean_size < 500).then_some(MediaKind::Audio)
    }
}

#[allow(clippy::cast_precision_loss, reason = "a rate to be shown; counts stay far below 2^52")]
fn precise(count: u64) -> f64 {
    count as f64
}

/// Follows the RTP streams of one direction of a flow.
#[derive(Clone, Debug, Default)]
pub struct Tracker {
    streams: Vec<Stream>,
    latest: usize,
    others: u64,
}

impl Tracker {
    /// Takes a datagram of `length` bytes on the wire; says whether its header is one of RTP.
    pub fn update(&mut self, payload: &[u8], length: usize, time: Timestamp) -> bool {
        let Some(header) = parse(payload, length) else { return false };
        self.take(&header, length, time);
        true
    }

    /// Takes a header that was read already, of a packet of `length` bytes on the wire. Whether its source is one
    /// that is followed already.
    #[inline]
    pub fn take(&mut self, header: &Header, length: usize, time: Timestamp) -> bool {
        let is_same = |stream: &Stream| stream.ssrc == header.ssrc;
        if !self.streams.get(self.latest).is_some_and(is_same) {
            let Some(found) = self.streams.iter().position(is_same) else {
                self.open(header, length, time);
                return false;
            };
            self.latest = found;
        }
        if let Some(stream) = self.streams.get_mut(self.latest) {
            stream.update(header, length, time);
        }
        true
    }

    /// Begins to follow a source.
    fn open(&mut self, header: &Header, length: usize, time: Timestamp) {
        if self.streams.len() == MOST_STREAMS {
            // Bytes that are not RTP show a new source in every packet: a source never confirmed makes room.
            let Some(place) = self.streams.iter().position(|stream| stream.packets == 1) else {
                self.others = self.others.saturating_add(1);
                return;
            };
            self.streams.remove(place);
            self.others = self.others.saturating_add(1);
        }
        self.latest = self.streams.len();
        self.streams.push(Stream::new(header, length, time));
    }

    /// The streams that are RTP beyond doubt, in order of their first packet.
    pub fn confirmed(&self) -> impl Iterator<Item = &Stream> {
        self.streams.iter().filter(|stream| stream.is_confirmed())
    }

    /// Packets that looked like RTP but belong to no stream that is followed.
    pub fn others(&self) -> u64 {
        self.others
    }
}

/// Whether media went both ways: evidence of a call and against television or radio.
pub fn is_two_way(one: &Tracker, other: &Tracker) -> bool {
    one.confirmed().next().is_some() && other.confirmed().next().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packet(sequence: u16, timestamp: u32, ssrc: u32) -> Vec<u8> {
        let mut bytes = vec![0x80, 111];
        bytes.extend(sequence.to_be_bytes());
        bytes.extend(timestamp.to_be_bytes());
        bytes.extend(ssrc.to_be_bytes());
        bytes.resize(100, 0x55);
        bytes
    }

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_nanoseconds(milliseconds * 1_000_000)
    }

    /// Twenty milliseconds of sound in each packet, as Opus sends it.
    fn tracked(sequences: impl IntoIterator<Item = u16>) -> Tracker {
        let mut tracker = Tracker::default();
        for sequence in sequences {
            let bytes = packet(sequence, u32::from(sequence) * 960, 7);
            assert!(tracker.update(&bytes, bytes.len(), at(i64::from(sequence) * 20)));
        }
        tracker
    }

    #[test]
    fn a_header_with_sources_and_extension_is_measured() {
        let mut bytes = packet(1, 2, 3);
        bytes[0] = 0x92;
        bytes[1] = 0xE0;
        bytes[20..24].copy_from_slice(&[0xBE, 0xDE, 0, 2]);
        let header = parse(&bytes, bytes.len()).unwrap();
        assert_eq!((header.payload_type, header.marker, header.ssrc), (96, true, 3));
        assert_eq!(header.extension, Some(Extension { profile: 0xBEDE, length: 8 }));
        assert_eq!(header.length, 12 + 8 + 4 + 8);
        assert_eq!(parse(&bytes, 31), None);
    }

    #[test]
    fn rtcp_and_other_versions_are_refused() {
        for (offset, value) in [(0, 0x40), (0, 0xC0), (1, 200), (1, 72)] {
            let mut bytes = packet(1, 2, 3);
            bytes[offset] = value;
            assert_eq!(parse(&bytes, bytes.len()), None);
            assert_eq!(probe(&bytes, bytes.len()), Probe::NoMatch);
        }
        assert_eq!(probe(&packet(1, 2, 3), 100), Probe::NeedMore);
    }

    #[test]
    fn every_truncation_is_refused_or_gives_the_same_header() {
        let bytes = packet(1, 2, 3);
        for captured in 0..bytes.len() {
            let header = parse(&bytes[..captured], bytes.len());
            assert_eq!(header.is_some(), captured >= HEADER_LENGTH);
            assert!(header.is_none_or(|header| Some(header) == parse(&bytes, bytes.len())));
        }
    }

    #[test]
    fn four_packets_in_sequence_make_a_stream() {
        assert_eq!(tracked(0..3).confirmed().count(), 0);
        assert_eq!(tracked(0..4).confirmed().count(), 1);
        assert_eq!(tracked((0..30u16).map(|number| number.wrapping_mul(7919))).confirmed().count(), 0);
        assert_eq!(tracked([5; 30]).confirmed().count(), 0);
    }

    #[test]
    fn loss_disorder_and_repetition_are_counted_over_the_wrap() {
        let sequences = [65533, 65534, 65535, 0, 1, 2, 4, 3, 5, 5, 9];
        let mut tracker = Tracker::default();
        for sequence in sequences {
            let bytes = packet(sequence, 0, 7);
            tracker.update(&bytes, bytes.len(), at(0));
        }
        let stream = tracker.confirmed().next().unwrap();
        assert_eq!((stream.lost(), stream.out_of_order, stream.duplicates, stream.restarts), (3, 1, 1, 0));
        assert_eq!(stream.packets, 11);
        assert_eq!(stream.packet_rate(), None);
    }

    #[test]
    fn sound_comes_in_even_steps_and_pictures_in_several_packets() {
        let audio = tracked(0..100);
        let stream = audio.confirmed().next().unwrap();
        assert_eq!(stream.kind(), Some(MediaKind::Audio));
        assert!((47_900.0..48_100.0).contains(&stream.clock_rate().unwrap()));
        assert!((49.9..50.1).contains(&stream.packet_rate().unwrap()));
        let mut video = Tracker::default();
        for sequence in 0..100u16 {
            let bytes = packet(sequence, u32::from(sequence / 5) * 3000, 7);
            video.update(&bytes, 1200, at(i64::from(sequence / 5) * 33));
        }
        assert_eq!(video.confirmed().next().unwrap().kind(), Some(MediaKind::Video));
        assert!(is_two_way(&audio, &video));
        assert!(!is_two_way(&audio, &Tracker::default()));
    }

    #[test]
    fn a_stream_is_found_among_bytes_that_only_look_like_rtp() {
        let mut tracker = Tracker::default();
        for number in 0..200u16 {
            let bytes = packet(number.wrapping_mul(4099), 1, 1000 + u32::from(number));
            tracker.update(&bytes, bytes.len(), at(0));
            if number % 20 == 0 {
                let bytes = packet(number / 20, u32::from(number), 7);
                tracker.update(&bytes, bytes.len(), at(0));
            }
        }
        assert!(tracker.streams.len() <= MOST_STREAMS);
        assert!(tracker.others() > 100);
    }

    #[test]
    fn groups_and_ports_of_other_protocols_carry_no_media() {
        for refused in ["224.1.1.1:5004", "192.0.2.1:53", "[ff02::fb]:6000", "255.255.255.255:6000"] {
            assert!(!may_carry_media(refused.parse().unwrap()), "{refused}");
        }
        assert!(may_carry_media("192.0.2.1:443".parse().unwrap()));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(packets in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..60)) {
            let mut tracker = Tracker::default();
            for bytes in packets {
                tracker.update(&bytes, bytes.len(), at(0));
                prop_assert!(tracker.streams.len() <= MOST_STREAMS);
            }
        }

        #[test]
        fn lost_and_received_add_up_to_what_was_sent(kept in proptest::collection::vec(any::<bool>(), 20..200)) {
            let sequences: Vec<u16> = (0u16..).zip(&kept).filter(|(_, kept)| **kept).map(|(n, _)| n).collect();
            let tracker = tracked(sequences.iter().copied());
            if let (Some(stream), [first, .., last]) = (tracker.confirmed().next(), sequences.as_slice()) {
                prop_assert_eq!(stream.lost() + stream.packets, u64::from(last - first) + 1);
            }
        }
    }
}
