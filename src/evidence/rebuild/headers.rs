//! IP headers: where the decoder found them in the frame, and new ones with other addresses.

use super::Built;
use super::checksum::checksum;
use crate::decode::AddressPair;
use std::net::IpAddr;

/// Bytes of an IPv4 header without options, and of an IPv6 header.
const IPV4: usize = 20;
const IPV6: usize = 40;
/// Where the payload begins whose length an IPv6 header gives.
const DEFAULT_TTL: u8 = 64;

/// An IP header in a frame.
pub(super) struct Header<'a> {
    start: usize,
    /// From its first byte to the end of the frame.
    bytes: &'a [u8],
    is_ipv6: bool,
}

impl<'a> Header<'a> {
    /// The first header at or after `from` that has these addresses where an IP header has them. It is the one that
    /// the decoder read: eight bytes and a version do not come about by chance before it.
    pub(super) fn find(frame: &'a [u8], from: usize, pair: AddressPair) -> Option<Self> {
        let (addresses, place, version) = match (pair.source, pair.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                ([source.octets(), destination.octets()].concat(), 12, 4)
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                ([source.octets(), destination.octets()].concat(), 8, 6)
            }
            _ => return None,
        };
        let is_at = |start: &usize| {
            let bytes = frame.get(*start..).unwrap_or_default();
            bytes.first().is_some_and(|byte| byte >> 4 == version)
                && bytes.get(place..).is_some_and(|rest| rest.starts_with(&addresses))
        };
        let start = (from..frame.len()).find(is_at)?;
        Some(Self { start, bytes: frame.get(start..)?, is_ipv6: version == 6 })
    }

    /// Where another header can begin at the earliest.
    pub(super) fn minimum_end(&self) -> usize {
        self.start + if self.is_ipv6 { IPV6 } else { IPV4 }
    }

    /// What follows the header; of IPv6 only where no extension header stands between.
    pub(super) fn payload(&self) -> Option<&'a [u8]> {
        let length = if self.is_ipv6 { IPV6 } else { usize::from(self.bytes.first()? & 0x0f) * 4 };
        self.bytes.get(length..)
    }

    fn byte(&self, place: usize) -> u8 {
        self.bytes.get(place).copied().unwrap_or(0)
    }

    fn ttl(&self) -> u8 {
        self.byte(if self.is_ipv6 { 7 } else { 8 })
    }

    /// The protocol of what follows, as the header says.
    pub(super) fn protocol(&self) -> u8 {
        self.byte(if self.is_ipv6 { 6 } else { 9 })
    }

    /// Bytes of what follows on the wire, as the header says.
    pub(super) fn payload_length(&self) -> u32 {
        let number = |place| u32::from(u16::from_be_bytes([self.byte(place), self.byte(place + 1)]));
        if self.is_ipv6 {
            return number(4);
        }
        number(2).saturating_sub(u32::from(self.byte(0) & 0x0f) * 4)
    }
}

/// An IP packet between `pair` with `length` bytes of payload on the wire, of which `payload` is there. What else its
/// header says is taken from `original`.
pub(super) fn packet(
    pair: AddressPair,
    original: Option<&Header<'_>>,
    protocol: u8,
    length: u32,
    payload: &[u8],
) -> Built {
    let ttl = original.map_or(DEFAULT_TTL, Header::ttl);
    let mut bytes = Vec::with_capacity(IPV6 + payload.len());
    match (pair.source, pair.destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let total = sixteen(length.saturating_add(20));
            let of = |place| original.map_or(0, |header| header.byte(place));
            bytes.extend([0x45, of(1)]);
            bytes.extend(total.to_be_bytes());
            // Identification, flags and the place of a fragment.
            bytes.extend([of(4), of(5), of(6), of(7), ttl, protocol, 0, 0]);
            bytes.extend(source.octets());
            bytes.extend(destination.octets());
            let sum = checksum(&bytes).to_be_bytes();
            if let Some(place) = bytes.get_mut(10..12) {
                place.copy_from_slice(&sum);
            }
        }
        (source, destination) => {
            bytes.extend([0x60, 0, 0, 0]);
            bytes.extend(sixteen(length).to_be_bytes());
            bytes.extend([protocol, ttl]);
            for address in [source, destination] {
                let IpAddr::V6(address) = address else { continue };
                bytes.extend(address.octets());
            }
        }
    }
    let header = u32::try_from(bytes.len()).unwrap_or(0);
    bytes.extend(payload);
    Built { bytes, length: length.saturating_add(header) }
}

/// `inner` in another IP packet, RFC 2003 and RFC 2473.
pub(super) fn around(pair: AddressPair, original: Option<&Header<'_>>, protocol: u8, inner: &Built) -> Built {
    let mut built = packet(pair, original, protocol, inner.length, &inner.bytes);
    // The fragments of a packet around another are not the ones of this packet.
    if pair.source.is_ipv4() {
        if let Some(place) = built.bytes.get_mut(6..8) {
            place.fill(0);
        }
        if let Some(place) = built.bytes.get_mut(10..12) {
            place.fill(0);
        }
        let sum = checksum(built.bytes.get(..IPV4).unwrap_or_default()).to_be_bytes();
        if let Some(place) = built.bytes.get_mut(10..12) {
            place.copy_from_slice(&sum);
        }
    }
    built
}

fn sixteen(length: u32) -> u16 {
    u16::try_from(length).unwrap_or(u16::MAX)
}
