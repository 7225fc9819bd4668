//! IPv6 addresses that carry an IPv4 address: the host is where the IPv4 address is.

use serde::{Serialize, Serializer};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An IPv4 address found in an IPv6 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct EmbeddedIpv4 {
    /// The IPv4 address.
    pub address: Ipv4Addr,
    /// What put it there.
    pub via: Embedding,
}

/// The mechanism that puts an IPv4 address into an IPv6 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Embedding {
    /// `::ffff:0:0/96`, RFC 4291 section 2.5.5.2.
    Mapped,
    /// `64:ff9b::/96`, the well-known prefix of NAT64, RFC 6052 section 2.1.
    Nat64,
    /// `64:ff9b:1::/48`, NAT64 within a network, RFC 8215.
    Nat64Local,
    /// `2002::/16`: the router that connects the site, RFC 3056 section 2.
    SixToFour,
    /// `2001::/32`: the client as the Teredo server saw it, RFC 4380 section 4.
    Teredo,
}

impl Embedding {
    /// The word for it in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mapped => "ipv4-mapped",
            Self::Nat64 => "nat64",
            Self::Nat64Local => "nat64-local",
            Self::SixToFour => "6to4",
            Self::Teredo => "teredo",
        }
    }
}

impl Serialize for Embedding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl EmbeddedIpv4 {
    /// The IPv4 address that `address` carries, if it is of a kind that carries one.
    ///
    /// A Teredo address carries two. The server's only helped to set the tunnel up; packets to the address end at
    /// the client, so the client's is taken.
    pub fn of(address: IpAddr) -> Option<Self> {
        let IpAddr::V6(ipv6) = address else { return None };
        let low = Ipv4Addr::from_bits(low_bits(ipv6));
        let (address, via) = match ipv6.segments() {
            [0, 0, 0, 0, 0, 0xffff, _, _] => (low, Embedding::Mapped),
            [0x64, 0xff9b, 0, 0, 0, 0, _, _] => (low, Embedding::Nat64),
            [0x64, 0xff9b, 1, ..] => (nat64_local(ipv6)?, Embedding::Nat64Local),
            [0x2002, high, low, ..] => {
                (Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)), Embedding::SixToFour)
            }
            [0x2001, 0, ..] => (Ipv4Addr::from_bits(!low_bits(ipv6)), Embedding::Teredo),
            _ => return None,
        };
        Some(Self { address, via })
    }
}

/// The last 32 bits.
fn low_bits(address: Ipv6Addr) -> u32 {
    let [.., a, b, c, d] = address.octets();
    u32::from_be_bytes([a, b, c, d])
}

/// The IPv4 address behind a prefix of 96 bits within `64:ff9b:1::/48`.
///
/// RFC 8215 leaves the length of the prefix to the network. With one of 48, 56 or 64 bits the last 24 bits are zero
/// (RFC 6052 section 2.2) and nothing tells the three apart; with 96 bits that would be a network's own address,
/// which no host has.
fn nat64_local(address: Ipv6Addr) -> Option<Ipv4Addr> {
    const LAST_24_BITS: u32 = 0x00ff_ffff;
    let low = low_bits(address);
    (low & LAST_24_BITS != 0).then(|| Ipv4Addr::from_bits(low))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn embedded(address: &str) -> Option<(String, &'static str)> {
        EmbeddedIpv4::of(address.parse().unwrap()).map(|found| (found.address.to_string(), found.via.name()))
    }

    #[test]
    fn the_ipv4_address_is_found_where_the_standard_puts_it() {
        let table = [
            ("::ffff:192.0.2.33", "192.0.2.33", "ipv4-mapped"),
            // RFC 6052 section 2.4.
            ("64:ff9b::192.0.2.33", "192.0.2.33", "nat64"),
            ("64:ff9b:1::192.0.2.33", "192.0.2.33", "nat64-local"),
            ("64:ff9b:1:fffe::192.0.2.33", "192.0.2.33", "nat64-local"),
            ("2002:c000:221:1::1", "192.0.2.33", "6to4"),
            // RFC 4380: server 65.54.227.120, client 192.0.2.45 port 40000, both inverted.
            ("2001:0:4136:e378:8000:63bf:3fff:fdd2", "192.0.2.45", "teredo"),
        ];
        for (address, ipv4, via) in table {
            assert_eq!(embedded(address), Some((ipv4.to_owned(), via)), "{address}");
        }
    }

    #[test]
    fn other_addresses_carry_none() {
        let others = [
            "192.0.2.33",
            "::",
            "::1",
            "::192.0.2.33",
            "64:ff9b:0:1::192.0.2.33",
            "64:ff9b:2::192.0.2.33",
            "2001:1::c000:221",
            "2003:c000:221::",
            "2001:db8::192.0.2.33",
            "fe80::5efe:192.0.2.33",
        ];
        for address in others {
            assert_eq!(embedded(address), None, "{address}");
        }
    }

    #[test]
    fn a_local_nat64_address_of_unknown_form_is_not_guessed() {
        // 192.0.2.33 behind prefixes of 48, 56 and 64 bits, RFC 6052 section 2.2.
        for address in ["64:ff9b:1:c000:2:2100::", "64:ff9b:1:c0:0:221::", "64:ff9b:1:0:c0:2:2100:0"] {
            assert_eq!(embedded(address), None, "{address}");
        }
    }
}
