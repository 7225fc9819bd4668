//! STUN and TURN over TCP.
//!
//! Three framings occur: messages one after the other, with `ChannelData` padded to four bytes (RFC 8489 section 6.2.2,
//! RFC 8656 section 12.5); RFC 4571, where two bytes of length come before each packet (ICE over TCP, RFC 6544); and
//! MS-TURN section 2.1.4, where a type, a zero and two bytes of length do (not in the captures at hand).

use super::super::wire::{be16, be32};
use super::super::{rtcp, rtp};
use super::{Dialect, HEADER_LENGTH, MAGIC_COOKIE, dialect};

/// One packet of a stream: a STUN message, `ChannelData`, or with RFC 4571 framing anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit<'a> {
    /// The bytes that are there.
    pub payload: &'a [u8],
    /// Bytes that the packet has; more than `payload` where the stream ends within it.
    pub length: usize,
}

/// Cuts the beginning of a TCP stream into packets.
#[derive(Clone, Debug)]
pub struct Stream<'a> {
    rest: &'a [u8],
    framing: Framing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    Bare,
    LengthPrefixed,
    /// A TURN message (2) or a packet of the two ends (3), a zero, and the length.
    Microsoft,
}

/// The type before a TURN message, and that before a packet of the two ends, MS-TURN section 2.1.4.
const CONTROL: u8 = 0x02;
const END_TO_END: u8 = 0x03;

/// Bytes of a first packet of RTP that is waited for. Packets are made to pass through UDP as well (RFC 4571 section 1).
const MAX_FIRST: u16 = 4096;

impl<'a> Stream<'a> {
    /// A stream that begins with a STUN message in any framing, or with RTP or RTCP in that of RFC 4571; `None`
    /// for anything else.
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        if begins_with_message(bytes) {
            return Some(Self { rest: bytes, framing: Framing::Bare });
        }
        if begins_with_control(bytes) {
            return Some(Self { rest: bytes, framing: Framing::Microsoft });
        }
        let (_, packet) = bytes.split_at_checked(2)?;
        let framed = usize::from(be16(bytes, 0)?);
        let declared = usize::from(be16(packet, 2)?) + HEADER_LENGTH;
        let is_framed =
            (begins_with_message(packet) && framed == declared) || begins_with_framed_media(packet, framed);
        is_framed.then_some(Self { rest: bytes, framing: Framing::LengthPrefixed })
    }

    /// Whether bytes may begin such a stream once more have come, by what stands in the first ten of them: the cookie of a
    /// message in any framing, or the version of RTP behind a length.
    pub fn may_begin(bytes: &[u8]) -> bool {
        let is_other = |place| be32(bytes, place).is_some_and(|cookie| cookie != MAGIC_COOKIE);
        let is_framed = match *bytes {
            [CONTROL, 0, ..] => true,
            [high, low, 0x80..=0xbf, ..] => u16::from_be_bytes([high, low]) <= MAX_FIRST,
            _ => false,
        };
        is_framed || !is_other(4) || !is_other(6)
    }

    fn next_bare(&mut self) -> Option<Unit<'a>> {
        let declared = usize::from(be16(self.rest, 2)?);
        let (length, padded) = if begins_with_message(self.rest) {
            (declared + HEADER_LENGTH, declared + HEADER_LENGTH)
        } else if be16(self.rest, 0).is_some_and(|channel| (0x4000..=0x7FFF).contains(&channel)) {
            (declared + 4, declared.next_multiple_of(4) + 4)
        } else {
            return None;
        };
        let unit = Unit { payload: up_to(self.rest, length), length };
        self.rest = self.rest.get(padded..).unwrap_or_default();
        Some(unit)
    }

    fn next_framed(&mut self) -> Option<Unit<'a>> {
        let length = usize::from(be16(self.rest, 0)?);
        let packet = self.rest.get(2..)?;
        self.rest = packet.get(length..).unwrap_or_default();
        Some(Unit { payload: up_to(packet, length), length })
    }

    fn next_of_microsoft(&mut self) -> Option<Unit<'a>> {
        let (&[CONTROL | END_TO_END, 0, high, low], packet) = self.rest.split_first_chunk()? else {
            return None;
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        self.rest = packet.get(length..).unwrap_or_default();
        Some(Unit { payload: up_to(packet, length), length })
    }
}

impl<'a> Iterator for Stream<'a> {
    type Item = Unit<'a>;

    fn next(&mut self) -> Option<Unit<'a>> {
        match self.framing {
            Framing::Bare => self.next_bare(),
            Framing::LengthPrefixed => self.next_framed(),
            Framing::Microsoft => self.next_of_microsoft(),
        }
    }
}

fn begins_with_message(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|&first| first < 0x40) && be32(bytes, 4) == Some(MAGIC_COOKIE)
}

/// Whether a TURN message comes first in Microsoft's frame: lengths agree, and it has the cookie of either kind.
fn begins_with_control(bytes: &[u8]) -> bool {
    let Some((&[CONTROL, 0, high, low], packet)) = bytes.split_first_chunk() else { return false };
    let length = usize::from(u16::from_be_bytes([high, low]));
    matches!(dialect::detect(up_to(packet, length), length), Some(Dialect::Microsoft | Dialect::Standard))
}

/// Whether a whole packet of RTP or RTCP comes first, and then nothing or one more of the same source.
fn begins_with_framed_media(packet: &[u8], length: usize) -> bool {
    let source = |packet: &[u8], length: usize| {
        let rtp = rtp::parse(packet, length).map(|header| header.ssrc);
        rtp.or_else(|| rtcp::parse(packet, length).map(|compound| compound.sender))
    };
    let Some((first, rest)) = packet.split_at_checked(length) else { return false };
    let (Some(source_of_first), Some(after)) = (source(first, length), rest.get(2..)) else {
        return rest.is_empty() && source(first, length).is_some();
    };
    be16(rest, 0).is_some_and(|length| source(after, usize::from(length)) == Some(source_of_first))
}

fn up_to(bytes: &[u8], length: usize) -> &[u8] {
    bytes.get(..length).unwrap_or(bytes)
}
