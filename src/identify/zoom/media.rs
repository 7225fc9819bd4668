//! The media encapsulation: what kind of media a packet carries and where its RTP or RTCP begins.

use super::super::wire::{be16, be32, byte};
use super::super::{rtcp, rtp};

/// What a packet carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MediaType {
    /// Sound (0x0f).
    Audio,
    /// Agreement on streams (0x0a, 0x0c, 0x0d).
    Control,
    /// Padding that measures the path's capacity, and the results (0x15).
    Filler,
    /// Reports on streams (0x21 to 0x23).
    Reports,
    /// A shared screen (0x0d through a router, 0x1e directly).
    ScreenShare,
    /// Pictures (0x10).
    Video,
}

/// The packet inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contents<'a> {
    /// None that can be read.
    Opaque,
    /// RTCP, not encrypted by Zoom.
    Rtcp {
        /// The datagram as [`rtcp::parse`] takes it.
        payload: &'a [u8],
        /// Its bytes on the wire.
        length: usize,
    },
    /// RTP, its payload encrypted.
    Rtp {
        /// The header.
        header: rtp::Header,
        /// Bytes of the RTP packet on the wire.
        length: usize,
    },
}

/// One packet of the media encapsulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Media<'a> {
    /// What it carries.
    pub media_type: MediaType,
    /// The packet inside.
    pub contents: Contents<'a>,
    /// Whether bytes 1 to 4 are `01 00 fb 90`, as in all media and reports of 2019 to 2022.
    pub is_marked: bool,
    /// Whether fields inside agree with each other.
    is_consistent: bool,
}

const MARK: [u8; 4] = [0x01, 0x00, 0xFB, 0x90];
/// Bytes before the real encapsulation in packets of clients since 2024, whose type is 0x07
/// (RTC-Measurement-Project, 2025; not seen in the captures at hand).
const WRAPPER_LENGTH: usize = 7;
const AUDIO_HEADER: usize = 19;
const REPORTS_HEADER: usize = 16;
const SHARE_HEADER: usize = 27;
const PEER_SHARE_HEADER: usize = 20;

impl<'a> Media<'a> {
    /// Reads the encapsulation of `length` bytes on the wire.
    pub(super) fn parse(bytes: &'a [u8], length: usize) -> Option<Self> {
        let wrapper = if byte(bytes, 0)? == 0x07 { WRAPPER_LENGTH } else { 0 };
        let (bytes, length) = (bytes.get(wrapper..)?, length.checked_sub(wrapper)?);
        let kind = byte(bytes, 0)?;
        let (media_type, header) = match kind {
            0x0D if byte(bytes, 7) == Some(0x1E) => (MediaType::ScreenShare, Some(SHARE_HEADER)),
            0x0A | 0x0C | 0x0D => (MediaType::Control, None),
            0x0F => (MediaType::Audio, Some(AUDIO_HEADER)),
            0x10 => (MediaType::Video, Some(if byte(bytes, 20) == Some(2) { 24 } else { 20 })),
            0x15 => (MediaType::Filler, None),
            0x1E => (MediaType::ScreenShare, Some(PEER_SHARE_HEADER)),
            0x21..=0x23 => (MediaType::Reports, Some(REPORTS_HEADER)),
            _ => return None,
        };
        let contents = header.map_or(Contents::Opaque, |header| contents(bytes, length, media_type, header));
        // A screen share whose RTP is not where it is expected is control after all.
        let media_type = match (kind, contents) {
            (0x0D, Contents::Opaque) => MediaType::Control,
            _ => media_type,
        };
        let is_consistent = match media_type {
            MediaType::Audio => contents != Contents::Opaque && audio_length_fits(bytes, length),
            MediaType::Control => is_control(bytes, length),
            MediaType::Filler => is_filler(bytes),
            MediaType::Reports | MediaType::ScreenShare | MediaType::Video => contents != Contents::Opaque,
        };
        Some(Self { media_type, contents, is_marked: bytes.get(1..5) == Some(&MARK), is_consistent })
    }

    /// Whether fields inside prove that this is Zoom's encapsulation.
    pub fn is_certain(&self) -> bool {
        let needs_mark = matches!(self.media_type, MediaType::Audio | MediaType::Reports | MediaType::Video);
        self.is_consistent && (self.is_marked || !needs_mark) && self.media_type != MediaType::ScreenShare
    }
}

fn contents(bytes: &[u8], length: usize, media_type: MediaType, header: usize) -> Contents<'_> {
    let (Some(payload), Some(length)) = (bytes.get(header..), length.checked_sub(header)) else {
        return Contents::Opaque;
    };
    if media_type == MediaType::Reports {
        return match rtcp::parse(payload, length) {
            Some(_) => Contents::Rtcp { payload, length },
            None => Contents::Opaque,
        };
    }
    match rtp::parse(payload, length) {
        Some(header) => Contents::Rtp { header, length },
        None => Contents::Opaque,
    }
}

/// Audio says how long its RTP packet is.
fn audio_length_fits(bytes: &[u8], length: usize) -> bool {
    be16(bytes, 17).is_some_and(|declared| usize::from(declared) + AUDIO_HEADER == length)
}

/// Control packets are 0x0a with two counters and zeros, or 0x0c and 0x0d with a token of the client after
/// them, followed by `01 00`; a 0x0d of its own may come before, in three lengths.
fn is_control(bytes: &[u8], length: usize) -> bool {
    let is_agreement = |start: usize| {
        matches!(byte(bytes, start), Some(0x0C | 0x0D))
            && byte(bytes, start + 1) == Some(1)
            && be16(bytes, start + 18) == Some(0x0100)
            && length >= start + 32
    };
    match byte(bytes, 0) {
        Some(0x0A) => matches!(length, 14 | 19) && be16(bytes, 1) == Some(0x0600),
        Some(0x0C) => is_agreement(0),
        Some(0x0D) => [0, 4, 7, 15].into_iter().any(is_agreement),
        _ => false,
    }
}

/// Filler names a share of 1000; the results that have the same type do not.
fn is_filler(bytes: &[u8]) -> bool {
    byte(bytes, 1) == Some(1) && be32(bytes, 2) == Some(0) && be32(bytes, 20) == Some(1000)
}
