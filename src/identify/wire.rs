//! Numbers and addresses at an offset of a byte slice; `None` where the slice ends before them.

use std::net::{Ipv4Addr, Ipv6Addr};

/// The `N` bytes at `offset`.
pub(crate) fn array<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..)?.first_chunk::<N>().copied()
}

/// The byte at `offset`.
pub(crate) fn byte(bytes: &[u8], offset: usize) -> Option<u8> {
    bytes.get(offset).copied()
}

/// The big-endian 16-bit number at `offset`.
pub(crate) fn be16(bytes: &[u8], offset: usize) -> Option<u16> {
    array(bytes, offset).map(u16::from_be_bytes)
}

/// The big-endian 32-bit number at `offset`.
pub(crate) fn be32(bytes: &[u8], offset: usize) -> Option<u32> {
    array(bytes, offset).map(u32::from_be_bytes)
}

/// The big-endian 64-bit number at `offset`.
pub(crate) fn be64(bytes: &[u8], offset: usize) -> Option<u64> {
    array(bytes, offset).map(u64::from_be_bytes)
}

/// The little-endian 16-bit number at `offset`.
pub(crate) fn le16(bytes: &[u8], offset: usize) -> Option<u16> {
    array(bytes, offset).map(u16::from_le_bytes)
}

/// The little-endian 32-bit number at `offset`.
pub(crate) fn le32(bytes: &[u8], offset: usize) -> Option<u32> {
    array(bytes, offset).map(u32::from_le_bytes)
}

/// The IPv4 address at `offset`, in network byte order.
pub(crate) fn ipv4(bytes: &[u8], offset: usize) -> Option<Ipv4Addr> {
    array::<4>(bytes, offset).map(Ipv4Addr::from)
}

/// The IPv6 address at `offset`, in network byte order.
pub(crate) fn ipv6(bytes: &[u8], offset: usize) -> Option<Ipv6Addr> {
    array::<16>(bytes, offset).map(Ipv6Addr::from)
}
