//! The Internet checksum, RFC 1071.

use crate::decode::AddressPair;
use std::net::IpAddr;

/// The checksum of `bytes`.
pub(super) fn checksum(bytes: &[u8]) -> u16 {
    finish(add(0, bytes))
}

/// The checksum of TCP, UDP or ICMPv6, `length` bytes long, of which `bytes` are there: the rest counts as zero.
///
/// So it is right where everything is there, and says nothing of bytes that are not.
pub(super) fn of_transport(pair: AddressPair, protocol: u8, length: u32, bytes: &[u8]) -> u16 {
    let mut sum = [pair.source, pair.destination].into_iter().fold(0, |sum, address| match address {
        IpAddr::V4(address) => add(sum, &address.octets()),
        IpAddr::V6(address) => add(sum, &address.octets()),
    });
    sum = add(sum, &length.to_be_bytes());
    sum = add(sum, &[0, protocol]);
    finish(add(sum, bytes))
}

fn add(sum: u64, bytes: &[u8]) -> u64 {
    let words = bytes.chunks(2).map(|pair| match pair {
        [high, low] => u64::from(u16::from_be_bytes([*high, *low])),
        [high] => u64::from(u16::from_be_bytes([*high, 0])),
        _ => 0,
    });
    sum.saturating_add(words.sum::<u64>())
}

fn finish(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    !u16::try_from(sum).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_with_its_checksum_sums_to_zero() {
        let bytes =
            [0x45, 0, 0, 0x73, 0, 0, 0x40, 0, 0x40, 0x11, 0xb8, 0x61, 0xc0, 0xa8, 0, 1, 0xc0, 0xa8, 0, 0xc7];
        assert_eq!(checksum(&bytes), 0);
        let mut without = bytes;
        without[10..12].fill(0);
        assert_eq!(checksum(&without), 0xb861);
    }

    #[test]
    fn transport_agrees_with_an_independent_implementation() {
        let builder = etherparse::PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64).udp(1000, 2000);
        let mut packet = Vec::new();
        builder.write(&mut packet, b"odd").unwrap();
        let pair = AddressPair { source: [10, 0, 0, 1].into(), destination: [10, 0, 0, 2].into() };
        assert_eq!(of_transport(pair, 17, 11, &packet[20..]), 0);
    }
}
