//! What kind of address an address is: the special-purpose registries of IANA.
//!
//! <https://www.iana.org/assignments/iana-ipv4-special-registry> and
//! <https://www.iana.org/assignments/iana-ipv6-special-registry>, both as of 2025-10-09, with the multicast and
//! reserved blocks of the address space registries, which these two leave out.

use super::transition::EmbeddedIpv4;
use serde::{Serialize, Serializer};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The kind of an address. Only a [`Scope::Global`] address can be in a country.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename_all = "kebab-case"))]
pub enum Scope {
    /// Given by a standard to whichever host of many is nearest.
    Anycast,
    /// Tests of network equipment.
    Benchmark,
    /// Every host of the local network.
    Broadcast,
    /// Packets to it are thrown away.
    Discard,
    /// Examples in texts.
    Documentation,
    /// An address of the Internet.
    Global,
    /// One link only.
    LinkLocal,
    /// The host itself.
    Loopback,
    /// A group of hosts.
    Multicast,
    /// A private IPv4 network.
    Private,
    /// Taken up by a protocol: dummy addresses, identifiers, local translation.
    Protocol,
    /// Not given to anyone.
    Reserved,
    /// Between a provider and its customers (carrier-grade NAT).
    Shared,
    /// A host of "this network".
    ThisNetwork,
    /// A private IPv6 network.
    UniqueLocal,
    /// No address.
    Unspecified,
}

/// The IPv4 registry; a narrower block stands before the wider one that holds it.
const IPV4: [(Ipv4Addr, u8, Scope); 28] = [
    (Ipv4Addr::UNSPECIFIED, 32, Scope::Unspecified), // RFC 1122 3.2.1.3
    (Ipv4Addr::UNSPECIFIED, 8, Scope::ThisNetwork),  // RFC 791 3.2
    (Ipv4Addr::new(10, 0, 0, 0), 8, Scope::Private), // RFC 1918
    (Ipv4Addr::new(100, 64, 0, 0), 10, Scope::Shared), // RFC 6598
    (Ipv4Addr::new(127, 0, 0, 0), 8, Scope::Loopback), // RFC 1122 3.2.1.3
    (Ipv4Addr::new(169, 254, 0, 0), 16, Scope::LinkLocal), // RFC 3927
    (Ipv4Addr::new(172, 16, 0, 0), 12, Scope::Private), // RFC 1918
    (Ipv4Addr::new(192, 0, 0, 0), 29, Scope::Protocol), // RFC 7335, IPv4 service continuity (464XLAT, DS-Lite)
    (Ipv4Addr::new(192, 0, 0, 8), 32, Scope::Protocol), // RFC 7600, dummy address
    (Ipv4Addr::new(192, 0, 0, 9), 32, Scope::Anycast),  // RFC 7723, port control protocol
    (Ipv4Addr::new(192, 0, 0, 10), 32, Scope::Anycast), // RFC 8155, TURN
    (Ipv4Addr::new(192, 0, 0, 170), 32, Scope::Protocol), // RFC 8880, NAT64 discovery
    (Ipv4Addr::new(192, 0, 0, 171), 32, Scope::Protocol), // RFC 8880
    (Ipv4Addr::new(192, 0, 0, 0), 24, Scope::Protocol), // RFC 6890 2.1
    (Ipv4Addr::new(192, 0, 2, 0), 24, Scope::Documentation), // RFC 5737, TEST-NET-1
    (Ipv4Addr::new(192, 31, 196, 0), 24, Scope::Anycast), // RFC 7535, AS112
    (Ipv4Addr::new(192, 52, 193, 0), 24, Scope::Anycast), // RFC 7450, multicast relays (AMT)
    (Ipv4Addr::new(192, 88, 99, 2), 32, Scope::Anycast), // RFC 6751, 6a44 relay
    (Ipv4Addr::new(192, 88, 99, 0), 24, Scope::Reserved), // RFC 7526, deprecated 6to4 relay anycast
    (Ipv4Addr::new(192, 168, 0, 0), 16, Scope::Private), // RFC 1918
    (Ipv4Addr::new(192, 175, 48, 0), 24, Scope::Anycast), // RFC 7534, AS112
    (Ipv4Addr::new(198, 18, 0, 0), 15, Scope::Benchmark), // RFC 2544
    (Ipv4Addr::new(198, 51, 100, 0), 24, Scope::Documentation), // RFC 5737, TEST-NET-2
    (Ipv4Addr::new(203, 0, 113, 0), 24, Scope::Documentation), // RFC 5737, TEST-NET-3
    (Ipv4Addr::new(233, 252, 0, 0), 24, Scope::Documentation), // RFC 6676, MCAST-TEST-NET
    (Ipv4Addr::new(224, 0, 0, 0), 4, Scope::Multicast), // RFC 5771
    (Ipv4Addr::BROADCAST, 32, Scope::Broadcast),        // RFC 919 7, RFC 8190
    (Ipv4Addr::new(240, 0, 0, 0), 4, Scope::Reserved),  // RFC 1112 4
];

/// The IPv6 registry, in the same order; blocks that carry an IPv4 address are placed by it before this is asked.
const IPV6: [(Ipv6Addr, u8, Scope); 25] = [
    (Ipv6Addr::UNSPECIFIED, 128, Scope::Unspecified), // RFC 4291 2.5.2
    (Ipv6Addr::LOCALHOST, 128, Scope::Loopback),      // RFC 4291 2.5.3
    (Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0), 48, Scope::Protocol), // RFC 8215, local NAT64
    (Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, 0), 64, Scope::Discard), // RFC 6666
    (Ipv6Addr::new(0x100, 0, 0, 1, 0, 0, 0, 0), 64, Scope::Protocol), // RFC 9780, dummy prefix
    (Ipv6Addr::new(0x2001, 1, 0, 0, 0, 0, 0, 1), 128, Scope::Anycast), // RFC 7723, port control protocol
    (Ipv6Addr::new(0x2001, 1, 0, 0, 0, 0, 0, 2), 128, Scope::Anycast), // RFC 8155, TURN
    (Ipv6Addr::new(0x2001, 1, 0, 0, 0, 0, 0, 3), 128, Scope::Anycast), // RFC 9665, DNS-SD registration
    (Ipv6Addr::new(0x2001, 2, 0, 0, 0, 0, 0, 0), 48, Scope::Benchmark), // RFC 5180
    (Ipv6Addr::new(0x2001, 3, 0, 0, 0, 0, 0, 0), 32, Scope::Anycast), // RFC 7450, multicast relays (AMT)
    (Ipv6Addr::new(0x2001, 4, 0x112, 0, 0, 0, 0, 0), 48, Scope::Anycast), // RFC 7535, AS112
    (Ipv6Addr::new(0x2001, 0x10, 0, 0, 0, 0, 0, 0), 28, Scope::Reserved), // RFC 4843, deprecated ORCHID
    (Ipv6Addr::new(0x2001, 0x20, 0, 0, 0, 0, 0, 0), 28, Scope::Protocol), // RFC 7343, ORCHIDv2
    (Ipv6Addr::new(0x2001, 0x30, 0, 0, 0, 0, 0, 0), 28, Scope::Protocol), // RFC 9374, drone identifiers
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23, Scope::Protocol), // RFC 2928
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32, Scope::Documentation), // RFC 3849
    (Ipv6Addr::new(0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0), 48, Scope::Anycast), // RFC 7534, AS112
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, Scope::Documentation), // RFC 9637
    (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3, Scope::Global), // RFC 4291 2.5.4
    (Ipv6Addr::new(0x5f00, 0, 0, 0, 0, 0, 0, 0), 16, Scope::Protocol), // RFC 9602, segment routing
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, Scope::UniqueLocal), // RFC 4193
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10, Scope::LinkLocal), // RFC 4291 2.5.6
    (Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0), 10, Scope::Reserved), // RFC 3879, deprecated site-local
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8, Scope::Multicast), // RFC 4291 2.7
    (Ipv6Addr::UNSPECIFIED, 0, Scope::Reserved),      // RFC 4291 2.4: not unicast yet
];

impl Scope {
    /// The scope of `address`; of an address that carries an IPv4 address, the scope of that one.
    pub fn of(address: IpAddr) -> Self {
        match (address, EmbeddedIpv4::of(address)) {
            (IpAddr::V4(ipv4), _) | (_, Some(EmbeddedIpv4 { address: ipv4, .. })) => of_ipv4(ipv4),
            (IpAddr::V6(ipv6), None) => of_ipv6(ipv6),
        }
    }

    /// The word for it in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Anycast => "anycast",
            Self::Benchmark => "benchmark",
            Self::Broadcast => "broadcast",
            Self::Discard => "discard",
            Self::Documentation => "documentation",
            Self::Global => "global",
            Self::LinkLocal => "link-local",
            Self::Loopback => "loopback",
            Self::Multicast => "multicast",
            Self::Private => "private",
            Self::Protocol => "protocol",
            Self::Reserved => "reserved",
            Self::Shared => "shared",
            Self::ThisNetwork => "this-network",
            Self::UniqueLocal => "unique-local",
            Self::Unspecified => "unspecified",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// Whether no block of [`IPV4`] has addresses that begin with `octet`: it is so for most, and quickly told.
const fn is_plain(octet: u8) -> bool {
    matches!(octet, 1..=9 | 11..=99 | 101..=126 | 128..=168 | 170..=171 | 173..=191 | 193..=197 | 199..=202 | 204..=223)
}

fn of_ipv4(address: Ipv4Addr) -> Scope {
    let [first, ..] = address.octets();
    if is_plain(first) {
        return Scope::Global;
    }
    let differs = |block: Ipv4Addr| (address.to_bits() ^ block.to_bits()).leading_zeros();
    let found = IPV4.iter().find(|(block, length, _)| differs(*block) >= u32::from(*length));
    found.map_or(Scope::Global, |(_, _, scope)| *scope)
}

fn of_ipv6(address: Ipv6Addr) -> Scope {
    let differs = |block: Ipv6Addr| (address.to_bits() ^ block.to_bits()).leading_zeros();
    let found = IPV6.iter().find(|(block, length, _)| differs(*block) >= u32::from(*length));
    found.map_or(Scope::Reserved, |(_, _, scope)| *scope)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scope(address: &str) -> Scope {
        Scope::of(address.parse().unwrap())
    }

    #[test]
    fn every_block_of_the_registries_has_its_scope_at_its_first_and_last_address() {
        // (first, last, scope), as the registries list them; parts with an entry of their own are left out.
        let blocks = [
            ("0.0.0.0", "0.0.0.0", Scope::Unspecified),
            ("0.0.0.1", "0.255.255.255", Scope::ThisNetwork),
            ("10.0.0.0", "10.255.255.255", Scope::Private),
            ("100.64.0.0", "100.127.255.255", Scope::Shared),
            ("127.0.0.0", "127.255.255.255", Scope::Loopback),
            ("169.254.0.0", "169.254.255.255", Scope::LinkLocal),
            ("172.16.0.0", "172.31.255.255", Scope::Private),
            ("192.0.0.0", "192.0.0.8", Scope::Protocol),
            ("192.0.0.9", "192.0.0.10", Scope::Anycast),
            ("192.0.0.11", "192.0.0.255", Scope::Protocol),
            ("192.0.2.0", "192.0.2.255", Scope::Documentation),
            ("192.31.196.0", "192.31.196.255", Scope::Anycast),
            ("192.52.193.0", "192.52.193.255", Scope::Anycast),
            ("192.88.99.0", "192.88.99.1", Scope::Reserved),
            ("192.88.99.2", "192.88.99.2", Scope::Anycast),
            ("192.88.99.3", "192.88.99.255", Scope::Reserved),
            ("192.168.0.0", "192.168.255.255", Scope::Private),
            ("192.175.48.0", "192.175.48.255", Scope::Anycast),
            ("198.18.0.0", "198.19.255.255", Scope::Benchmark),
            ("198.51.100.0", "198.51.100.255", Scope::Documentation),
            ("203.0.113.0", "203.0.113.255", Scope::Documentation),
            ("224.0.0.0", "239.255.255.255", Scope::Multicast),
            ("233.252.0.0", "233.252.0.255", Scope::Documentation),
            ("240.0.0.0", "255.255.255.254", Scope::Reserved),
            ("255.255.255.255", "255.255.255.255", Scope::Broadcast),
            ("::", "::", Scope::Unspecified),
            ("::1", "::1", Scope::Loopback),
            ("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ff00::", Scope::Protocol),
            ("100::", "100::ffff:ffff:ffff:ffff", Scope::Discard),
            ("100:0:0:1::", "100:0:0:1:ffff:ffff:ffff:ffff", Scope::Protocol),
            ("2001:1::1", "2001:1::3", Scope::Anycast),
            ("2001:2::", "2001:2:0:ffff:ffff:ffff:ffff:ffff", Scope::Benchmark),
            ("2001:3::", "2001:3:ffff:ffff:ffff:ffff:ffff:ffff", Scope::Anycast),
            ("2001:4:112::", "2001:4:112:ffff:ffff:ffff:ffff:ffff", Scope::Anycast),
            ("2001:10::", "2001:1f:ffff:ffff:ffff:ffff:ffff:ffff", Scope::Reserved),
            ("2001:20::", "2001:2f:ffff:ffff:ffff:ffff:ffff:ffff", Scope::Protocol),
            ("2001:30::", "2001:3f:ffff:ffff:ffff:ffff:ffff:ffff", Scope::Protocol),
            ("2001:40::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", Scope::Protocol),
            ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", Scope::Documentation),
            ("2620:4f:8000::", "2620:4f:8000:ffff:ffff:ffff:ffff:ffff", Scope::Anycast),
            ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", Scope::Documentation),
            ("5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Scope::Protocol),
            ("fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Scope::UniqueLocal),
            ("fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Scope::LinkLocal),
            ("fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Scope::Reserved),
            ("ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Scope::Multicast),
        ];
        for (first, last, expected) in blocks {
            assert_eq!((scope(first), scope(last)), (expected, expected), "{first} to {last}");
        }
    }

    #[test]
    fn the_neighbours_of_special_blocks_are_global() {
        let neighbours = [
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "172.15.255.255",
            "172.32.0.0",
            "191.255.255.255",
            "192.0.1.0",
            "192.0.3.0",
            "192.88.98.255",
            "192.88.100.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "203.0.112.255",
            "223.255.255.255",
            "2000::",
            "2001:200::",
            "2001:db7::",
            "2001:db9::",
            "2003::",
            "3ffe::",
            "3fff:1000::",
        ];
        for address in neighbours {
            assert_eq!(scope(address), Scope::Global, "{address}");
        }
    }

    #[test]
    fn ipv6_outside_of_unicast_is_reserved() {
        for address in ["::2", "::8.8.8.8", "64:ff9c::", "200::", "4000::", "e000::", "fe00::1"] {
            assert_eq!(scope(address), Scope::Reserved, "{address}");
        }
    }

    #[test]
    fn an_address_that_carries_an_ipv4_address_has_its_scope() {
        assert_eq!(scope("::ffff:10.0.0.1"), Scope::Private);
        assert_eq!(scope("::ffff:8.8.8.8"), Scope::Global);
        assert_eq!(scope("64:ff9b::127.0.0.1"), Scope::Loopback);
        assert_eq!(scope("64:ff9b:1::8.8.8.8"), Scope::Global);
        assert_eq!(scope("2002:c0a8:1::1"), Scope::Private);
        assert_eq!(scope("2002:808:808::1"), Scope::Global);
        // Teredo client 192.168.0.1, written inverted.
        assert_eq!(scope("2001:0:808:808:0:0:3f57:fffe"), Scope::Private);
    }

    #[test]
    fn no_row_of_the_tables_is_hidden_by_an_earlier_one() {
        for (index, (block, length, _)) in IPV4.iter().enumerate() {
            assert_eq!(block.to_bits().checked_shl(u32::from(*length)).unwrap_or(0), 0, "{block}/{length}");
            for (wider, wider_length, _) in &IPV4[..index] {
                let shared = (block.to_bits() ^ wider.to_bits()).leading_zeros();
                assert!(wider_length > length || shared < u32::from(*wider_length), "{block}/{length}");
            }
        }
        for (index, (block, length, _)) in IPV6.iter().enumerate() {
            assert_eq!(block.to_bits().checked_shl(u32::from(*length)).unwrap_or(0), 0, "{block}/{length}");
            for (wider, wider_length, _) in &IPV6[..index] {
                let shared = (block.to_bits() ^ wider.to_bits()).leading_zeros();
                assert!(wider_length > length || shared < u32::from(*wider_length), "{block}/{length}");
            }
        }
    }

    #[test]
    fn no_special_block_is_passed_over() {
        for octet in 0..=255_u8 {
            let block = u32::from(octet) << 24;
            let touches = |(start, length, _): &(Ipv4Addr, u8, Scope)| {
                let shared = (start.to_bits() ^ block).leading_zeros();
                shared >= u32::from((*length).min(8))
            };
            assert_eq!(is_plain(octet), !IPV4.iter().any(touches), "{octet}");
        }
    }

    proptest! {
        #[test]
        fn the_standard_library_agrees_where_it_has_a_word_for_it(bits: u32) {
            let address = Ipv4Addr::from_bits(bits);
            let found = of_ipv4(address);
            prop_assert_eq!(found == Scope::Private, address.is_private());
            prop_assert_eq!(found == Scope::Loopback, address.is_loopback());
            prop_assert_eq!(found == Scope::LinkLocal, address.is_link_local());
            prop_assert!(found != Scope::Multicast || address.is_multicast());
        }
    }
}
