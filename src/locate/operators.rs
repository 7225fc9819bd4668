//! Who announces an address to the Internet: `data/operators.bin`, made by `tools/embed/operators.py`, which describes
//! its form. The file is searched as it lies, so it costs nothing until an address is looked up.

use super::database::{Database, DatabaseKind, Facts};
use super::packed::{Parts, chunk, partition, place_at, u24_at, u32_at};
use super::{Asn, Operator};
use std::net::IpAddr;
use std::sync::Arc;

static BYTES: &[u8] = include_bytes!("../../data/operators.bin");

/// When the tables were made that it was made from, in seconds since 1970: 2026-06-17 19:00 UTC.
const BUILT: i64 = 1_781_722_800;

/// SHA-256 of the file.
const SHA256: [u8; 32] = [
    0x63, 0x2c, 0x71, 0x57, 0x1b, 0x74, 0x53, 0x34, 0x42, 0x44, 0xd8, 0xc1, 0xfd, 0x3f, 0x01, 0x28, 0x04,
    0x5d, 0x67, 0x77, 0xc8, 0xf9, 0x34, 0x4b, 0xbb, 0xff, 0x7a, 0x5c, 0x96, 0x89, 0xf6, 0xaa,
];

const MAGIC: &[u8] = b"LFOPERA1";
/// Entries of the index over the upper halves of IPv4 addresses.
const INDEX_ENTRIES: usize = 65_537;

/// What is known of the file.
pub(super) fn description() -> Database {
    Database::embedded(&Facts {
        id: "ip-location-db-asn",
        kind: DatabaseKind::Asn,
        built: BUILT,
        sha256: SHA256,
        licence: Some("CC-BY-4.0"),
        attribution: Some(
            "AS numbers by Route Views and DB-IP (https://db-ip.com), merged by ip-location-db",
        ),
        database_type: "operators",
        description: "AS number and organisation, IPv4 and IPv6",
        origin: None,
    })
}

/// Who announces `address`.
pub(super) fn operator(address: IpAddr) -> Option<Operator> {
    Tables::of(BYTES)?.operator(address)
}

/// The parts of the file.
struct Tables<'a> {
    index: &'a [u8],
    ipv4_low: &'a [u8],
    ipv4_operators: &'a [u8],
    ipv6_starts: &'a [u8],
    ipv6_operators: &'a [u8],
    numbers: &'a [u8],
    name_offsets: &'a [u8],
    names: &'a [u8],
}

impl<'a> Tables<'a> {
    fn of(bytes: &'a [u8]) -> Option<Self> {
        let mut parts = Parts(bytes.strip_prefix(MAGIC)?);
        let counts = parts.take(4, 4)?;
        let count = |place| place_at(counts, place);
        let (ipv4, ipv6, operators, names) = (count(0)?, count(1)?, count(2)?, count(3)?);
        Some(Self {
            index: parts.take(INDEX_ENTRIES, 4)?,
            ipv4_low: parts.take(ipv4, 2)?,
            ipv4_operators: parts.take(ipv4, 3)?,
            ipv6_starts: parts.take(ipv6, 8)?,
            ipv6_operators: parts.take(ipv6, 3)?,
            numbers: parts.take(operators, 4)?,
            name_offsets: parts.take(operators.checked_add(1)?, 4)?,
            names: parts.take(names, 1)?,
        })
    }

    fn operator(&self, address: IpAddr) -> Option<Operator> {
        let number = match address {
            IpAddr::V4(address) => self.ipv4(address.to_bits())?,
            IpAddr::V6(address) => self.ipv6(address.to_bits())?,
        };
        let asn = Asn::new(u32_at(self.numbers, number)?)?;
        let offset = |place| place_at(self.name_offsets, place);
        let name = self.names.get(offset(number)?..offset(number + 1)?)?;
        let name = str::from_utf8(name).ok().filter(|name| !name.is_empty());
        Some(Operator { asn, organization: name.map(Arc::from) })
    }

    /// The operator of the range that an IPv4 address lies in.
    fn ipv4(&self, bits: u32) -> Option<usize> {
        let (high, low) = (usize::try_from(bits >> 16).ok()?, u16::try_from(bits & 0xffff).ok()?);
        let entry = |place| place_at(self.index, place);
        let (first, after) = (entry(high)?, entry(high + 1)?);
        let before =
            partition(first, after, |place| Some(u16::from_le_bytes(chunk(self.ipv4_low, place)?) <= low))?;
        // The range may have begun under an earlier upper half.
        u24_at(self.ipv4_operators, before.checked_sub(1)?)
    }

    fn ipv6(&self, bits: u128) -> Option<usize> {
        let high = u64::try_from(bits >> 64).ok()?;
        let before = partition(0, self.ipv6_starts.len() / 8, |place| {
            Some(u64::from_le_bytes(chunk(self.ipv6_starts, place)?) <= high)
        })?;
        u24_at(self.ipv6_operators, before.checked_sub(1)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    fn shown(address: &str) -> Option<String> {
        let found = operator(address.parse().unwrap())?;
        Some(format!("{} {}", found.asn, found.organization.unwrap_or_default()))
    }

    #[test]
    fn the_constants_describe_the_file() {
        assert_eq!(<[u8; 32]>::from(Sha256::digest(BYTES)), SHA256);
        assert!(BYTES.len() <= 8_000_000, "{} bytes", BYTES.len());
        assert_eq!(description().built.unwrap().to_string(), "2026-06-17T19:00:00Z");
    }

    #[test]
    fn well_known_addresses_have_their_operators() {
        assert_eq!(shown("8.8.8.8").unwrap(), "AS15169 Google LLC");
        assert_eq!(shown("1.1.1.1").unwrap(), "AS13335 Cloudflare, Inc.");
        assert!(shown("2606:4700:4700::1111").unwrap().starts_with("AS13335 "));
        assert!(shown("52.81.151.250").unwrap().starts_with("AS55960 "), "{:?}", shown("52.81.151.250"));
        // In the middle of a range that is wider than 16 bits: Apple's 17.0.0.0/8 and the like.
        assert!(shown("17.250.3.4").unwrap().starts_with("AS"), "{:?}", shown("17.250.3.4"));
        for nobody in ["0.0.0.0", "10.0.0.1", "255.255.255.255", "::1", "ffff::"] {
            assert_eq!(shown(nobody), None, "{nobody}");
        }
    }

    #[test]
    fn every_operator_has_a_number_and_readable_name() {
        let tables = Tables::of(BYTES).unwrap();
        let operators = tables.numbers.len() / 4;
        assert!(operators > 80_000);
        assert_eq!(tables.names.len(), u32_at(tables.name_offsets, operators).unwrap() as usize);
        for number in 1..operators {
            assert_ne!(u32_at(tables.numbers, number), Some(0), "{number}");
            let [start, end] = [number, number + 1].map(|n| u32_at(tables.name_offsets, n).unwrap() as usize);
            str::from_utf8(&tables.names[start..end]).unwrap();
        }
        for place in 0..tables.ipv4_operators.len() / 3 {
            assert!(u24_at(tables.ipv4_operators, place).unwrap() < operators);
        }
    }

    #[test]
    fn a_file_cut_anywhere_is_no_file() {
        for length in (0..BYTES.len()).step_by(100_003) {
            assert!(Tables::of(&BYTES[..length]).is_none());
        }
    }
}
