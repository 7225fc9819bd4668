//! What operators themselves say of where their networks are: lists of providers, geofeeds, and the list that the
//! program carries.

use super::database::{self, Database, DatabaseKind, Facts};
use super::formats::{self, List, Row};
use super::table::Table;
use super::{Claim, ClaimKind, CountryCode, LocateError};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, LazyLock};

/// Bytes of a list that are accepted: ten times the largest in use.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// The list that the program carries; its header and `data/README.md` say where it comes from.
const EMBEDDED: &str = include_str!("../../data/clouds.tsv");
/// SHA-256 of that list; a test compares it.
const EMBEDDED_SHA256: [u8; 32] = [
    0xb0, 0x80, 0x6c, 0x16, 0xfc, 0xd1, 0x15, 0x64, 0x58, 0xc4, 0x1f, 0x5b, 0x3d, 0x17, 0x95, 0x3a, 0x6f,
    0xc6, 0xde, 0xbc, 0x55, 0xde, 0xdb, 0xfc, 0x21, 0x03, 0x30, 0x32, 0xec, 0x54, 0x07, 0x31,
];
/// Id of that list.
pub(super) const EMBEDDED_ID: &str = "cloud-regions";
/// When the latest of its parts was published, in seconds since 1970: 2026-08-22.
const EMBEDDED_BUILT: i64 = 1_787_356_800;

static EMBEDDED_RANGES: LazyLock<Ranges> =
    LazyLock::new(|| Ranges::new(Arc::from(EMBEDDED_ID), embedded_rows(EMBEDDED), None));

/// Networks and what is said of them.
#[derive(Debug)]
pub(super) struct Ranges {
    id: Arc<str>,
    table: Table<Statement>,
}

/// What is said of one network.
#[derive(Debug)]
struct Statement {
    kind: ClaimKind,
    origin: Option<&'static str>,
    country: Option<CountryCode>,
    region: Option<Arc<str>>,
    built: Option<Timestamp>,
}

impl Ranges {
    /// The list that the program carries. It is read when the first address is looked up.
    pub(super) fn embedded() -> &'static Self {
        &EMBEDDED_RANGES
    }

    /// The list in a file. Its id differs from `taken`.
    pub(super) fn open(path: &Path, taken: &[Database]) -> Result<(Database, Self), LocateError> {
        let bytes = database::read(path, MAX_FILE_BYTES)?;
        let sha256 = Sha256::digest(&bytes).into();
        let list = str::from_utf8(&bytes).ok().and_then(formats::read);
        let list = list.ok_or_else(|| LocateError::NoRanges { path: path.to_owned() })?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let built = list.built.or_else(|| formats::date_in_name(&name));
        let description = Database {
            id: database::id_for(path, taken),
            kind: kind(&list),
            path: path.to_string_lossy().into_owned(),
            built,
            sha256: Some(sha256),
            licence: None,
            attribution: None,
            database_type: list.form.to_owned(),
            description: Some(match list.skipped {
                0 => format!("{} prefixes", list.rows.len()),
                skipped => format!("{} prefixes; {skipped} lines are not understood", list.rows.len()),
            }),
            origin: list.origin,
        };
        let ranges = Self::new(Arc::clone(&description.id), list.rows, built);
        Ok((description, ranges))
    }

    fn new(id: Arc<str>, rows: Vec<Row>, built: Option<Timestamp>) -> Self {
        let mut regions: HashSet<Arc<str>> = HashSet::new();
        // Providers list a network once for each service in it.
        let mut seen = HashMap::new();
        let mut entries = Vec::with_capacity(rows.len());
        for row in rows {
            let region =
                regions.get(row.region.as_str()).cloned().unwrap_or_else(|| Arc::from(row.region.as_str()));
            regions.insert(Arc::clone(&region));
            let said: &mut BTreeSet<_> = seen.entry(row.network).or_default();
            if said.insert((row.country, Arc::clone(&region))) {
                let region = (!region.is_empty()).then_some(region);
                let built = row.built.or(built);
                let Row { kind, origin, country, .. } = row;
                entries.push((row.network, Statement { kind, origin, country, region, built }));
            }
        }
        Self { id, table: Table::new(entries) }
    }

    /// Adds what is said of the most specific network around `address`.
    pub(super) fn claim(&self, address: IpAddr, claims: &mut Vec<Claim>) {
        for (network, statement) in self.table.look_up(address) {
            claims.push(Claim {
                origin: statement.origin,
                country: statement.country,
                region: statement.region.clone(),
                network: Some(*network),
                built: statement.built,
                ..Claim::new(Arc::clone(&self.id), statement.kind)
            });
        }
    }
}

fn kind(list: &List) -> DatabaseKind {
    if list.origin.is_some() { DatabaseKind::Provider } else { DatabaseKind::Geofeed }
}

/// What is known of the embedded list.
pub(super) fn embedded_description() -> Database {
    Database::embedded(&Facts {
        id: EMBEDDED_ID,
        kind: DatabaseKind::Provider,
        built: EMBEDDED_BUILT,
        sha256: EMBEDDED_SHA256,
        licence: None,
        attribution: None,
        database_type: "table of prefixes",
        description: "What AWS, Azure, DigitalOcean, Google, Linode and Oracle say of addresses in China and of \
                      those for which the embedded country database is wrong",
        origin: None,
    })
}

/// Rows of the embedded list. A line with @ begins the part of one provider.
fn embedded_rows(text: &str) -> Vec<Row> {
    const ORIGINS: [&str; 6] = ["aws", "azure", "digitalocean", "gcp", "linode", "oci"];
    let mut part = (None, ClaimKind::Provider, None);
    let mut rows = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let mut columns = line.split('\t');
        let mut next = || columns.next().unwrap_or_default();
        let (first, second, third) = (next(), next(), next());
        if let Some(origin) = first.strip_prefix('@') {
            let kind = if second == "geofeed" { ClaimKind::Geofeed } else { ClaimKind::Provider };
            part = (ORIGINS.into_iter().find(|known| *known == origin), kind, formats::date_time(third));
        } else if let Some(network) = formats::parse_network(first) {
            let (origin, kind, built) = part;
            let country = CountryCode::parse(third);
            rows.push(Row { network, country, region: second.to_owned(), kind, origin, built });
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constants_describe_the_embedded_list() {
        assert_eq!(<[u8; 32]>::from(Sha256::digest(EMBEDDED)), EMBEDDED_SHA256);
        let rows = embedded_rows(EMBEDDED);
        let lines = EMBEDDED.lines().filter(|line| !line.starts_with(['#', '@'])).count();
        assert_eq!(rows.len(), lines);
        assert!(rows.iter().all(|row| row.country.is_some() && row.origin.is_some()));
        let latest = rows.iter().filter_map(|row| row.built).max().unwrap();
        assert_eq!(latest.as_second(), EMBEDDED_BUILT);
    }

    #[test]
    fn the_embedded_list_knows_the_regions_in_china() {
        for (address, country, origin) in [
            ("52.81.151.250", "CN", "aws"),
            ("107.176.0.1", "CN", "aws"),
            ("52.93.127.104", "CN", "aws"),
            ("40.72.1.1", "CN", "azure"),
            ("34.92.0.1", "HK", "gcp"),
        ] {
            let mut claims = Vec::new();
            Ranges::embedded().claim(address.parse().unwrap(), &mut claims);
            let [claim] = claims.as_slice() else { panic!("{address}: {claims:?}") };
            assert_eq!((claim.country.unwrap().as_str(), claim.origin), (country, Some(origin)), "{address}");
            assert_eq!((claim.kind, &*claim.source), (ClaimKind::Provider, EMBEDDED_ID));
        }
        let mut claims = Vec::new();
        Ranges::embedded().claim("8.8.8.8".parse().unwrap(), &mut claims);
        assert_eq!(claims, []);
    }
}
