//! The five-tuple of a flow, the same for both directions.

use super::Transport;
use crate::decode::AddressPair;
use std::hash::{Hash, Hasher};
use std::hint::select_unpredictable;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// One of the two ends of a flow; which is which says nothing of who opened it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The end with the smaller address, or port where both have one address.
    Low,
    /// The other end.
    High,
}

impl Side {
    /// The opposite end.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Low => Self::High,
            Self::High => Self::Low,
        }
    }
}

/// An address as a number: its upper and its lower half. A key of two `u128` would take a third more room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Bits(u64, u64);

impl Bits {
    /// The number, and whether the address is IPv6.
    #[expect(clippy::cast_possible_truncation, reason = "the halves are taken apart")]
    fn of(address: IpAddr) -> (Self, bool) {
        match address {
            IpAddr::V4(v4) => (Self(0, u64::from(v4.to_bits())), false),
            IpAddr::V6(v6) => (Self((v6.to_bits() >> 64) as u64, v6.to_bits() as u64), true),
        }
    }

    const fn folded(self) -> u64 {
        self.0 ^ self.1
    }
}

/// Addresses, ports and transport of a flow, ordered so that both directions give one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FlowKey {
    low: Bits,
    high: Bits,
    rest: Rest,
}

/// Ports, protocol and version of IP in one word, which is compared and copied in one step: the port of the low end in
/// the upper 16 bits, that of the high end in the next, the protocol in bits 1 to 8, and whether it is IPv6 in bit 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rest(u64);

impl Rest {
    const fn new(low_port: u16, high_port: u16, protocol: u8, ipv6: bool) -> Self {
        Self((low_port as u64) << 48 | (high_port as u64) << 32 | (protocol as u64) << 1 | ipv6 as u64)
    }

    const fn low_port(self) -> u16 {
        (self.0 >> 48) as u16
    }

    #[expect(clippy::cast_possible_truncation, reason = "the upper half is the other port")]
    const fn high_port(self) -> u16 {
        (self.0 >> 32) as u16
    }

    #[expect(clippy::cast_possible_truncation, reason = "the fields of the word are taken apart")]
    const fn protocol(self) -> u8 {
        (self.0 >> 1) as u8
    }

    const fn is_ipv6(self) -> bool {
        self.0 & 1 == 1
    }
}

impl Hash for FlowKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        if self.is_ipv6() {
            for half in [self.low.0, self.low.1, self.high.0, self.high.1] {
                state.write_u64(half);
            }
        } else {
            // Both IPv4 addresses fit one word, which halves the cost of the common case.
            state.write_u64((self.low.1 << 32) | self.high.1);
        }
        state.write_u64(self.rest.0);
    }
}

impl FlowKey {
    /// The key of a packet and the side that sent it. Without ports, give 0 for both.
    #[inline]
    pub fn new(
        addresses: AddressPair,
        source_port: u16,
        destination_port: u16,
        transport: Transport,
    ) -> (Self, Side) {
        let (source, ipv6) = Bits::of(addresses.source);
        let (destination, _) = Bits::of(addresses.destination);
        let in_order = (source, source_port) <= (destination, destination_port);
        Self::ordered(in_order, (source, source_port), (destination, destination_port), transport, ipv6)
    }

    /// As [`Self::new`], between IPv4 addresses.
    #[inline]
    pub fn of_ipv4(
        source: Ipv4Addr,
        destination: Ipv4Addr,
        source_port: u16,
        destination_port: u16,
        transport: Transport,
    ) -> (Self, Side) {
        let (from, to) = (u64::from(source.to_bits()), u64::from(destination.to_bits()));
        let in_order = (from << 16 | u64::from(source_port)) <= (to << 16 | u64::from(destination_port));
        Self::ordered(
            in_order,
            (Bits(0, from), source_port),
            (Bits(0, to), destination_port),
            transport,
            false,
        )
    }

    /// The key of a packet between two ends, and the side that sent it; `in_order` says that it came from the low one.
    #[inline]
    fn ordered(
        in_order: bool,
        from: (Bits, u16),
        to: (Bits, u16),
        transport: Transport,
        ipv6: bool,
    ) -> (Self, Side) {
        // Packets go either way in no order that a processor could foresee.
        let key = Self {
            low: select_unpredictable(in_order, from.0, to.0),
            high: select_unpredictable(in_order, to.0, from.0),
            rest: Rest::new(
                select_unpredictable(in_order, from.1, to.1),
                select_unpredictable(in_order, to.1, from.1),
                transport.protocol(),
                ipv6,
            ),
        };
        (key, select_unpredictable(in_order, Side::Low, Side::High))
    }

    /// What carries the flow.
    pub const fn transport(&self) -> Transport {
        match self.rest.protocol() {
            6 => Transport::Tcp,
            17 => Transport::Udp,
            other => Transport::Other(other),
        }
    }

    /// Whether the addresses are IPv6.
    pub const fn is_ipv6(&self) -> bool {
        self.rest.is_ipv6()
    }

    /// Address and port of one end; no port where the transport has none.
    pub fn end(&self, side: Side) -> (IpAddr, Option<u16>) {
        let socket = self.socket(side);
        let has_ports = matches!(self.transport(), Transport::Tcp | Transport::Udp);
        (socket.ip(), has_ports.then_some(socket.port()))
    }

    /// Address and port of one end; port 0 where the transport has none.
    #[inline]
    pub fn socket(&self, side: Side) -> SocketAddr {
        let (address, port) = match side {
            Side::Low => (self.low, self.rest.low_port()),
            Side::High => (self.high, self.rest.high_port()),
        };
        SocketAddr::new(self.address(address), port)
    }

    /// A number that depends on the key alone: the same in every run, so that it may decide what is kept.
    ///
    /// Whoever makes a capture can choose keys that share a number. Nothing may take long because they do.
    #[inline]
    pub const fn number(&self) -> u64 {
        let addresses = self.low.folded() ^ self.high.folded().rotate_left(32);
        let mixed = (addresses ^ self.rest.0).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed ^ (mixed >> 32)
    }

    /// The end that is the client if addresses or ports tell, where the opening was not seen.
    pub(super) fn likely_client(&self) -> Option<Side> {
        let (low_port, high_port) = (self.rest.low_port(), self.rest.high_port());
        let by_address = one_of(is_local(self.address(self.low)), is_local(self.address(self.high)));
        by_address.or_else(|| one_of(low_port >= 1024, high_port >= 1024)).or_else(|| {
            // Ephemeral ports begin at 32768 (Linux) or 49152 (RFC 6335).
            one_of(low_port >= 32_768, high_port >= 32_768)
        })
    }

    fn address(&self, Bits(upper, lower): Bits) -> IpAddr {
        if self.is_ipv6() {
            return Ipv6Addr::from_bits(u128::from(upper) << 64 | u128::from(lower)).into();
        }
        u32::try_from(lower).map_or(Ipv4Addr::UNSPECIFIED, Ipv4Addr::from_bits).into()
    }
}

/// The side that has a property that the other has not.
const fn one_of(low: bool, high: bool) -> Option<Side> {
    match (low, high) {
        (true, false) => Some(Side::Low),
        (false, true) => Some(Side::High),
        _ => None,
    }
}

/// An address that only a host near the capture has: private, shared, link-local or loopback.
const fn is_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            v4.is_private() || v4.is_loopback() || v4.is_link_local() || (a == 100 && b & 0xc0 == 64)
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pair(source: [u8; 4], destination: [u8; 4]) -> AddressPair {
        AddressPair { source: source.into(), destination: destination.into() }
    }

    proptest! {
        #[test]
        fn both_directions_give_one_key(a: [u8; 4], b: [u8; 4], p: u16, q: u16) {
            let (there, from) = FlowKey::new(pair(a, b), p, q, Transport::Udp);
            let (back, to) = FlowKey::new(pair(b, a), q, p, Transport::Udp);
            prop_assert_eq!(there, back);
            prop_assert!(from != to || (a, p) == (b, q));
            prop_assert_eq!(there.end(from), (a.into(), Some(p)));
            prop_assert_eq!(there.end(from.other()), (b.into(), Some(q)));
            prop_assert_eq!(there.number(), back.number());
        }
    }

    #[test]
    fn an_ipv4_address_is_not_the_ipv6_address_that_holds_it() {
        let v4 = FlowKey::new(pair([1, 2, 3, 4], [5, 6, 7, 8]), 1, 2, Transport::Tcp).0;
        let bits = |v4: [u8; 4]| IpAddr::from(Ipv6Addr::from_bits(u128::from(u32::from_be_bytes(v4))));
        let v6 = AddressPair { source: bits([1, 2, 3, 4]), destination: bits([5, 6, 7, 8]) };
        assert_ne!(v4, FlowKey::new(v6, 1, 2, Transport::Tcp).0);
    }

    #[test]
    fn the_client_is_guessed_by_address_then_port() {
        let client = |source, destination, p, q| {
            let (key, from) = FlowKey::new(pair(source, destination), p, q, Transport::Udp);
            key.likely_client().map(|side| side == from)
        };
        assert_eq!(client([109, 94, 160, 99], [192, 168, 1, 178], 8801, 60620), Some(false));
        assert_eq!(client([8, 8, 8, 8], [9, 9, 9, 9], 53, 4000), Some(false));
        assert_eq!(client([8, 8, 8, 8], [9, 9, 9, 9], 40000, 8801), Some(true));
        assert_eq!(client([8, 8, 8, 8], [9, 9, 9, 9], 8801, 8801), None);
    }
}
