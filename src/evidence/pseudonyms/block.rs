//! In which block of addresses a pseudonym lies.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The first bits of a pseudonym, and how many of them there are; the rest is the cipher's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block {
    first: u128,
    fixed: u32,
}

/// Blocks of IPv4 whose addresses stay in them.
const IPV4: [(Ipv4Addr, u32); 5] = [
    (Ipv4Addr::new(10, 0, 0, 0), 8),     // RFC 1918
    (Ipv4Addr::new(100, 64, 0, 0), 10),  // RFC 6598
    (Ipv4Addr::new(169, 254, 0, 0), 16), // RFC 3927
    (Ipv4Addr::new(172, 16, 0, 0), 12),  // RFC 1918
    (Ipv4Addr::new(192, 168, 0, 0), 16), // RFC 1918
];
/// Every other address of IPv4: reserved since RFC 1112, in use nowhere.
const IPV4_REST: (Ipv4Addr, u32) = (Ipv4Addr::new(240, 0, 0, 0), 4);

/// Blocks of IPv6 whose addresses stay in them.
const IPV6: [(Ipv6Addr, u32, u32); 3] = [
    // Multicast to solicit a neighbour ends in 24 bits of its address, RFC 4291 section 2.7.1.
    (Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00, 0), 104, 104),
    // Link-local addresses have 54 bits of zero, RFC 4291 section 2.5.6.
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10, 64),
    // Unique local addresses, RFC 4193: the bit after the first seven is always set.
    (Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 0), 7, 8),
];
/// Every other address of IPv6: for documentation, RFC 3849.
const IPV6_REST: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32);

impl Block {
    /// The block for pseudonyms of addresses like `address`.
    pub(super) fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => {
                let bits = u128::from(address.to_bits());
                let own =
                    IPV4.iter().find(|(first, length)| same(bits, u128::from(first.to_bits()), *length, 32));
                let (first, fixed) = own.copied().unwrap_or(IPV4_REST);
                Self { first: u128::from(first.to_bits()), fixed }
            }
            IpAddr::V6(address) => {
                let bits = address.to_bits();
                let own = IPV6.iter().find(|(first, length, _)| same(bits, first.to_bits(), *length, 128));
                let (first, fixed) = own.map_or(IPV6_REST, |(first, _, fixed)| (*first, *fixed));
                Self { first: first.to_bits(), fixed }
            }
        }
    }

    /// The address with the block's first bits and the rest of `encrypted`, of which `address` is the original.
    pub(super) fn place(self, address: IpAddr, encrypted: IpAddr) -> IpAddr {
        match address {
            IpAddr::V4(_) => {
                let bits = self.mix(low_bits(encrypted), 32);
                IpAddr::V4(Ipv4Addr::from_bits(
                    u32::try_from(bits & u128::from(u32::MAX)).unwrap_or(u32::MAX),
                ))
            }
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::from_bits(self.mix(low_bits(encrypted), 128))),
        }
    }

    fn mix(self, encrypted: u128, width: u32) -> u128 {
        let free = u128::MAX.checked_shr(128 - width + self.fixed).unwrap_or(0);
        self.first & !free | encrypted & free
    }
}

fn low_bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// Whether two addresses of `width` bits have the same first `length` bits.
fn same(a: u128, b: u128, length: u32, width: u32) -> bool {
    (a ^ b).checked_shr(width - length).unwrap_or(0) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_stay_in_their_block_and_public_ones_become_nobodys() {
        for (address, expected) in [
            ("10.1.2.3", "10.255.255.255"),
            ("172.31.0.1", "172.31.255.255"),
            ("192.168.0.1", "192.168.255.255"),
            ("100.127.0.1", "100.127.255.255"),
            ("169.254.0.1", "169.254.255.255"),
            ("172.32.0.1", "255.255.255.255"),
            ("8.8.8.8", "255.255.255.255"),
            ("fe80::1", "fe80::ffff:ffff:ffff:ffff"),
            ("fd12::1", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("fc12::1", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("ff02::1:ff12:3456", "ff02::1:ffff:ffff"),
            ("2a00::1", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("fec0::1", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
        ] {
            let address: IpAddr = address.parse().unwrap();
            let ones = if address.is_ipv4() {
                IpAddr::V4(Ipv4Addr::BROADCAST)
            } else {
                IpAddr::V6(Ipv6Addr::from_bits(u128::MAX))
            };
            assert_eq!(Block::of(address).place(address, ones).to_string(), expected, "{address}");
        }
    }
}
