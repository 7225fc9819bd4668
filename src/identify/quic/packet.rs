//! The parts of QUIC packets that are not encrypted: headers (RFC 8999, RFC 9000 section 17) and integers.

use super::version::{Protection, QuicVersion};
use crate::identify::cursor::Cursor;

/// Bytes of a connection id, RFC 9000 section 17.2.
pub(super) const MAX_CONNECTION_ID: usize = 20;
/// The bit that marks a long header.
pub(super) const LONG: u8 = 0x80;
/// The bit that is set in (almost) every packet, RFC 9000 section 17.2.
pub(super) const FIXED: u8 = 0x40;
/// Bytes of a Retry's integrity tag, RFC 9000 section 17.2.5.
const RETRY_TAG: usize = 16;

/// Versions of a version negotiation that are looked at. Servers offer up to ten.
const MAX_VERSIONS: usize = 32;

/// What a packet with a long header is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Initial,
    ZeroRtt,
    Handshake,
    Retry,
}

impl Kind {
    /// Reads the type bits, RFC 9000 section 17.2 and RFC 9369 section 3.2.
    pub(super) const fn of(first: u8, rotated: bool) -> Self {
        match (first >> 4 & 0x03, rotated) {
            (0, false) | (1, true) => Self::Initial,
            (1, false) | (2, true) => Self::ZeroRtt,
            (2, false) | (3, true) => Self::Handshake,
            _ => Self::Retry,
        }
    }
}

/// The fields that all versions have in their long headers, RFC 8999 section 5.1.
#[derive(Clone, Copy, Debug)]
pub(super) struct LongHeader<'a> {
    pub(super) first: u8,
    pub(super) version: QuicVersion,
    pub(super) destination: &'a [u8],
    pub(super) source: &'a [u8],
    /// What follows, to the end of the datagram.
    pub(super) rest: Cursor<'a>,
}

impl<'a> LongHeader<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut cursor = Cursor::new(bytes);
        let first = cursor.u8().filter(|first| first & LONG != 0)?;
        let version = QuicVersion(cursor.u32()?);
        let destination = cursor.vector8().filter(|id| id.len() <= MAX_CONNECTION_ID)?;
        let source = cursor.vector8().filter(|id| id.len() <= MAX_CONNECTION_ID)?;
        Some(Self { first, version, destination, source, rest: cursor })
    }

    /// What the packet is, under a way of protection that its version may have.
    pub(super) const fn kind(&self, protection: &Protection) -> Kind {
        Kind::of(self.first, protection.rotated_types)
    }

    /// Bytes of a packet that says its length: those before the packet number and those from it on.
    pub(super) fn lengths(&self, kind: Kind, datagram: &[u8]) -> Option<(usize, usize)> {
        let mut cursor = self.rest;
        if kind == Kind::Initial {
            let token = usize::try_from(integer(&mut cursor)?).ok()?;
            cursor.take(token)?;
        }
        let length = usize::try_from(integer(&mut cursor)?).ok()?;
        Some((datagram.len().checked_sub(cursor.rest().len())?, length))
    }

    /// The versions in a version negotiation, RFC 9000 section 17.2.1. Among them must be one that is known, or
    /// reserved for this purpose: all else in such a packet is free, and other protocols have zeros in its place.
    pub(super) fn offered_versions(&self) -> Option<impl Iterator<Item = QuicVersion> + use<'a>> {
        let list = self.rest.rest();
        let versions = list.chunks_exact(4).filter_map(|version| version.try_into().ok());
        let versions = versions.map(u32::from_be_bytes).map(QuicVersion).take(MAX_VERSIONS);
        let is_list = self.version == QuicVersion(0) && list.len().is_multiple_of(4);
        (is_list && versions.clone().any(QuicVersion::is_known)).then_some(versions)
    }

    /// Whether a Retry has a token and a tag.
    pub(super) fn is_whole_retry(&self) -> bool {
        self.rest.rest().len() > RETRY_TAG
    }
}

/// A variable-length integer, RFC 9000 section 16.
pub(super) fn integer(cursor: &mut Cursor<'_>) -> Option<u64> {
    let mut after = *cursor;
    let first = after.u8()?;
    let more = (1_usize << (first >> 6)).saturating_sub(1);
    let start = u64::from(first & 0x3f);
    let value = after.take(more)?.iter().fold(start, |value, byte| value << 8 | u64::from(*byte));
    *cursor = after;
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_bits_of_v2_are_turned_by_one() {
        // RFC 9000 section 17.2 and RFC 9369 section 3.2.
        let kinds = |rotated| [0xc0, 0xd0, 0xe0, 0xf0].map(|first| Kind::of(first, rotated));
        assert_eq!(kinds(false), [Kind::Initial, Kind::ZeroRtt, Kind::Handshake, Kind::Retry]);
        assert_eq!(kinds(true), [Kind::Retry, Kind::Initial, Kind::ZeroRtt, Kind::Handshake]);
    }

    #[test]
    fn integers_read_as_in_the_examples() {
        // RFC 9000 appendix A.1.
        let cases: [(&[u8], u64); 5] = [
            (&[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c], 151_288_809_941_952_652),
            (&[0x9d, 0x7f, 0x3e, 0x7d], 494_878_333),
            (&[0x7b, 0xbd], 15_293),
            (&[0x25], 37),
            (&[0x40, 0x25], 37),
        ];
        for (bytes, value) in cases {
            assert_eq!(integer(&mut Cursor::new(bytes)), Some(value));
            for cut in 0..bytes.len() {
                assert_eq!(integer(&mut Cursor::new(&bytes[..cut])), None);
            }
        }
    }
}
