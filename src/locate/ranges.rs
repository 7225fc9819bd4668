//! What operators themselves say of where their networks are: lists of providers and geofeeds.

use super::database::{self, Database, DatabaseKind};
use super::formats::{self, List, Row};
use super::table::Table;
use super::{Claim, ClaimKind, CountryCode, LocateError};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

/// Bytes of a list that are accepted: ten times the largest in use.
const MAX_FILE_BYTES: u64 = 64 << 20;

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
