//! What cloud providers say of where some of their addresses are: the list that the program carries, `data/clouds.bin`.
//!
//! `tools/embed/pack_clouds.py` makes it of `data/clouds.tsv`, which people read, and describes its form. It is searched
//! as it lies: to read the text takes longer than a small capture.

use super::database::{Database, DatabaseKind, Facts};
use super::packed::{Parts, chunk, partition, place_at, u16_at};
use super::{Claim, ClaimKind, CountryCode};
use ipnet::IpNet;
use jiff::Timestamp;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

static BYTES: &[u8] = include_bytes!("../../data/clouds.bin");
/// SHA-256 of `data/clouds.tsv`; a test compares it, and that file with the table.
const SHA256: [u8; 32] = [
    0xb0, 0x80, 0x6c, 0x16, 0xfc, 0xd1, 0x15, 0x64, 0x58, 0xc4, 0x1f, 0x5b, 0x3d, 0x17, 0x95, 0x3a, 0x6f,
    0xc6, 0xde, 0xbc, 0x55, 0xde, 0xdb, 0xfc, 0x21, 0x03, 0x30, 0x32, 0xec, 0x54, 0x07, 0x31,
];
/// When the latest of its parts was published, in seconds since 1970: 2026-08-22.
const BUILT: i64 = 1_787_356_800;
/// Id of the list.
pub(super) const ID: &str = "cloud-regions";

const MAGIC: &[u8] = b"LFCLOUD1";
const ORIGINS: [&str; 6] = ["aws", "azure", "digitalocean", "gcp", "linode", "oci"];

/// What is known of the list.
pub(super) fn description() -> Database {
    Database::embedded(&Facts {
        id: ID,
        kind: DatabaseKind::Provider,
        built: BUILT,
        sha256: SHA256,
        licence: None,
        attribution: None,
        database_type: "table of prefixes",
        description: "What AWS, Azure, DigitalOcean, Google, Linode and Oracle say of addresses in China and of \
                      those for which the embedded country database is wrong",
        origin: None,
    })
}

/// Adds what is said of the most specific network around `address`.
pub(super) fn claim(address: IpAddr, source: &Arc<str>, claims: &mut Vec<Claim>) {
    if let Some(list) = List::of(BYTES) {
        list.claim(address, source, claims);
    }
}

/// The parts of the file.
struct List<'a> {
    ipv4: Networks<'a>,
    ipv6: Networks<'a>,
    text_offsets: &'a [u8],
    text: &'a [u8],
}

/// Networks in the order of their addresses, the wider of two that begin together first.
struct Networks<'a> {
    /// First addresses.
    starts: &'a [u8],
    lengths: &'a [u8],
    /// One more than the place of the narrowest network around each, or 0.
    parents: &'a [u8],
    statements: &'a [u8],
}

impl<'a> List<'a> {
    fn of(bytes: &'a [u8]) -> Option<Self> {
        let mut parts = Parts(bytes.strip_prefix(MAGIC)?);
        let counts = parts.take(4, 4)?;
        let count = |place| place_at(counts, place);
        let mut networks = |count, size| {
            Some(Networks {
                starts: parts.take(count, size)?,
                lengths: parts.take(count, 1)?,
                parents: parts.take(count, 2)?,
                statements: parts.take(count, 2)?,
            })
        };
        Some(Self {
            ipv4: networks(count(0)?, 4)?,
            ipv6: networks(count(1)?, 16)?,
            text_offsets: parts.take(count(2)?.checked_add(1)?, 4)?,
            text: parts.take(count(3)?, 1)?,
        })
    }

    fn claim(&self, address: IpAddr, source: &Arc<str>, claims: &mut Vec<Claim>) {
        let networks = if address.is_ipv4() { &self.ipv4 } else { &self.ipv6 };
        let Some((first, after)) = networks.around(address) else { return };
        let said = (first..after).filter_map(|place| self.said(networks, place, source));
        claims.extend(said);
    }

    /// What is said of the network at `place`.
    fn said(&self, networks: &Networks<'_>, place: usize, source: &Arc<str>) -> Option<Claim> {
        let number = u16_at(networks.statements, place)?;
        let text =
            self.text.get(place_at(self.text_offsets, number)?..place_at(self.text_offsets, number + 1)?);
        let mut columns = str::from_utf8(text?).ok()?.split('\t');
        let mut next = || columns.next().unwrap_or_default();
        let (provider, kind, built, region, country) = (next(), next(), next(), next(), next());
        let kind = if kind == "geofeed" { ClaimKind::Geofeed } else { ClaimKind::Provider };
        Some(Claim {
            origin: ORIGINS.into_iter().find(|known| *known == provider),
            country: CountryCode::parse(country),
            region: (!region.is_empty()).then(|| Arc::from(region)),
            network: networks.network(place),
            built: built.parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok()),
            ..Claim::new(Arc::clone(source), kind)
        })
    }
}

impl Networks<'_> {
    /// The places of the most specific network around `address`: it is there as often as something is said of it.
    fn around(&self, address: IpAddr) -> Option<(usize, usize)> {
        let after = partition(0, self.lengths.len(), |place| Some(self.start(place, address)? <= address))?;
        let mut place = after.checked_sub(1)?;
        // What begins last before an address and does not hold it lies within all that hold it.
        while !self.network(place)?.contains(&address) {
            place = u16_at(self.parents, place)?.checked_sub(1)?;
        }
        let network = self.network(place);
        let mut first = place;
        while let Some(before) = first.checked_sub(1).filter(|before| self.network(*before) == network) {
            first = before;
        }
        Some((first, place + 1))
    }

    /// The first address of the network at `place`, of the family of `like`.
    fn start(&self, place: usize, like: IpAddr) -> Option<IpAddr> {
        Some(match like {
            IpAddr::V4(_) => Ipv4Addr::from_bits(u32::from_le_bytes(chunk(self.starts, place)?)).into(),
            IpAddr::V6(_) => Ipv6Addr::from_bits(u128::from_le_bytes(chunk(self.starts, place)?)).into(),
        })
    }

    fn network(&self, place: usize) -> Option<IpNet> {
        let is_ipv4 = self.starts.len() == self.lengths.len() * 4;
        let family = if is_ipv4 { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        IpNet::new(self.start(place, family)?, *self.lengths.get(place)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::Table;
    use super::*;
    use sha2::{Digest, Sha256};

    /// What the table is made of.
    const LIST: &str = include_str!("../../data/clouds.tsv");

    /// Kind, provider, date, country and region.
    type Said = (ClaimKind, String, Option<Timestamp>, CountryCode, String);

    /// Rows of the list. A line with @ begins the part of one provider.
    fn rows() -> Vec<(IpNet, Said)> {
        let mut part = (ClaimKind::Provider, String::new(), None);
        let mut rows = Vec::new();
        for line in LIST.lines().filter(|line| !line.starts_with('#')) {
            let columns: Vec<_> = line.split('\t').collect();
            if let Some(provider) = columns[0].strip_prefix('@') {
                let kind = if columns[1] == "geofeed" { ClaimKind::Geofeed } else { ClaimKind::Provider };
                part = (kind, provider.to_owned(), super::super::formats::date_time(columns[2]));
            } else {
                let (kind, provider, built) = part.clone();
                let country = CountryCode::parse(columns[2]).unwrap();
                rows.push((
                    columns[0].parse().unwrap(),
                    (kind, provider, built, country, columns[1].to_owned()),
                ));
            }
        }
        rows
    }

    fn asked(address: IpAddr) -> Vec<(IpNet, Said)> {
        let mut claims = Vec::new();
        claim(address, &Arc::from(ID), &mut claims);
        let said = claims.into_iter().map(|claim| {
            let (origin, region) = (claim.origin.unwrap().to_owned(), claim.region.unwrap().to_string());
            assert_eq!(&*claim.source, ID);
            (claim.network.unwrap(), (claim.kind, origin, claim.built, claim.country.unwrap(), region))
        });
        said.collect()
    }

    #[test]
    fn the_constants_describe_the_list() {
        assert_eq!(<[u8; 32]>::from(Sha256::digest(LIST)), SHA256);
        let latest = rows().into_iter().filter_map(|(_, said)| said.2).max().unwrap();
        assert_eq!(latest.as_second(), BUILT);
    }

    #[test]
    fn the_table_says_what_the_list_says() {
        let rows = rows();
        let list = List::of(BYTES).unwrap();
        assert_eq!(list.ipv4.lengths.len() + list.ipv6.lengths.len(), rows.len());
        let table = Table::new(rows.clone());
        let mut places = 0;
        for (network, _) in &rows {
            let next = |address: IpAddr| match address {
                IpAddr::V4(address) => Ipv4Addr::from_bits(address.to_bits().wrapping_add(1)).into(),
                IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits().wrapping_add(1)).into(),
            };
            for address in [network.network(), network.broadcast(), next(network.broadcast())] {
                assert_eq!(asked(address), table.look_up(address), "{address}");
                places += table.look_up(address).len();
            }
        }
        assert!(places >= 2 * rows.len());
        for outside in ["0.0.0.0", "255.255.255.255", "8.8.8.8", "::", "ffff::"] {
            assert_eq!(asked(outside.parse().unwrap()), [], "{outside}");
        }
    }

    #[test]
    fn the_regions_in_china_are_known() {
        for (address, country, origin) in [
            ("52.81.151.250", "CN", "aws"),
            ("107.176.0.1", "CN", "aws"),
            ("107.177.255.255", "CN", "aws"),
            ("52.93.127.104", "CN", "aws"),
            ("40.72.1.1", "CN", "azure"),
            ("34.92.0.1", "HK", "gcp"),
        ] {
            let said = asked(address.parse().unwrap());
            let [(_, (kind, provider, _, found, _))] = said.as_slice() else { panic!("{address}: {said:?}") };
            assert_eq!((found.as_str(), provider.as_str(), *kind), (country, origin, ClaimKind::Provider));
        }
    }

    #[test]
    fn a_file_cut_anywhere_is_no_file() {
        for length in (0..BYTES.len()).step_by(97) {
            assert!(List::of(&BYTES[..length]).is_none());
        }
    }
}
