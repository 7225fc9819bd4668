//! One location database: what it is, and what it says of an address.

use super::bytes::Bytes;
use super::index::{Index, Leaf};
use super::records::Records;
use super::schema::{Found, Probed, Record, Schema, shortened};
use super::{Claim, ClaimKind, LocateError, Operator, claim, embedded};
use ipnet::{IpNet, Ipv4Net};
use jiff::Timestamp;
use maxminddb::{MaxMindDbError, Reader};
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::Read;
use std::net::IpAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// Bytes of a database file that are accepted. The largest in use have some hundred megabytes.
const MAX_FILE_BYTES: u64 = 2 << 30;
/// Makers that turn the registries' records of who holds a network into a database.
const REGISTRIES: [&str; 2] = ["geo-whois", "iptoasn"];
/// Letters of a file's name that become its id.
const MAX_ID_LETTERS: usize = 64;

/// What is known of a database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Database {
    /// What claims call it; no two databases of a run have the same.
    #[serde(serialize_with = "claim::text")]
    #[cfg_attr(test, schemars(with = "String"))]
    pub id: Arc<str>,
    /// What it knows.
    pub kind: DatabaseKind,
    /// The path as given, or `embedded`.
    pub path: String,
    /// When it was built.
    #[serde(serialize_with = "claim::time")]
    #[cfg_attr(test, schemars(with = "Option<String>", extend("format" = "date-time")))]
    pub built: Option<Timestamp>,
    /// SHA-256 of the file, where it was asked for: hashing takes longer than everything else.
    #[serde(serialize_with = "hexadecimal")]
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub sha256: Option<[u8; 32]>,
    /// SPDX identifier of its licence. No file states one, so it is known of embedded data only.
    pub licence: Option<&'static str>,
    /// What its maker wants to be named as.
    pub attribution: Option<&'static str>,
    /// `database_type`, as the file has it.
    #[serde(rename = "type")]
    pub database_type: String,
    /// What it is, in English; of a file, as the file says.
    pub description: Option<String>,
    /// Who made the data, where that is known.
    pub origin: Option<&'static str>,
}

/// What is known of data that the program carries.
pub(super) struct Facts {
    pub(super) id: &'static str,
    pub(super) kind: DatabaseKind,
    /// In seconds since 1970.
    pub(super) built: i64,
    pub(super) sha256: [u8; 32],
    pub(super) licence: Option<&'static str>,
    pub(super) attribution: Option<&'static str>,
    pub(super) database_type: &'static str,
    pub(super) description: &'static str,
    pub(super) origin: Option<&'static str>,
}

impl Database {
    /// The description of data that the program carries.
    pub(super) fn embedded(facts: &Facts) -> Self {
        Self {
            id: Arc::from(facts.id),
            kind: facts.kind,
            path: "embedded".to_owned(),
            built: Timestamp::from_second(facts.built).ok(),
            sha256: Some(facts.sha256),
            licence: facts.licence,
            attribution: facts.attribution,
            database_type: facts.database_type.to_owned(),
            description: Some(facts.description.to_owned()),
            origin: facts.origin,
        }
    }
}

/// What a database knows of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum DatabaseKind {
    /// Whether it is served from many places.
    Anycast,
    /// The autonomous system.
    Asn,
    /// The country.
    Country,
    /// Both.
    CountryAsn,
    /// The country, as the operator or the user says.
    Geofeed,
    /// The provider's region.
    Provider,
}

impl DatabaseKind {
    /// The word for it in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Anycast => "anycast",
            Self::Asn => "asn",
            Self::Country => "country",
            Self::CountryAsn => "country-asn",
            Self::Geofeed => "geofeed",
            Self::Provider => "provider",
        }
    }
}

/// An open database.
#[derive(Debug)]
pub(super) struct Source {
    reader: Reader<Bytes>,
    /// What the reader reads.
    bytes: Bytes,
    schema: Schema,
    kind: ClaimKind,
    origin: Option<&'static str>,
    built: Option<Timestamp>,
    id: Arc<str>,
    /// Made where many addresses are to be looked up; `None` in it where that does not help.
    index: OnceLock<Option<Index>>,
    records: Records,
    unreadable: AtomicU64,
}

impl Source {
    /// The embedded database.
    pub(super) fn embedded() -> Result<(Database, Self), LocateError> {
        let description = embedded::description();
        let path = Path::new(&description.path);
        let bytes = Bytes::Static(embedded::BYTES);
        let reader = Reader::from_source(bytes.clone())
            .map_err(|source| LocateError::Damaged { path: path.to_owned(), source })?;
        let source = Self::new(&description, reader, bytes, embedded::SCHEMA);
        Ok((description, source))
    }

    /// The database in a file. Its id differs from `taken`.
    pub(super) fn open(path: &Path, taken: &[Database], hash: bool) -> Result<(Database, Self), LocateError> {
        Self::from_bytes(path, Bytes::open(path, MAX_FILE_BYTES)?, taken, hash)
    }

    pub(super) fn from_bytes(
        path: &Path,
        bytes: Bytes,
        taken: &[Database],
        hash: bool,
    ) -> Result<(Database, Self), LocateError> {
        let path_buf = || path.to_owned();
        if is_compressed(bytes.as_ref()) {
            return Err(LocateError::Compressed { path: path_buf() });
        }
        let sha256 = hash.then(|| Sha256::digest(bytes.as_ref()).into());
        let damaged = |source| LocateError::Damaged { path: path_buf(), source };
        let reader = Reader::from_source(bytes.clone()).map_err(damaged)?;
        let metadata = reader.metadata();
        let schema = match Schema::probe(&reader).map_err(damaged)? {
            Probed::Understood(schema) => schema,
            Probed::Empty => return Err(LocateError::Empty { path: path_buf() }),
            Probed::NotUnderstood(keys) => {
                let database_type = shortened(&metadata.database_type).to_owned();
                return Err(LocateError::NotUnderstood { path: path_buf(), database_type, keys });
            }
        };
        let description = metadata.description.get("en").filter(|text| !text.is_empty());
        let description = Database {
            id: id_for(path, taken),
            kind: schema.kind(),
            path: path.to_string_lossy().into_owned(),
            built: built(metadata.build_epoch),
            sha256,
            licence: None,
            attribution: None,
            database_type: shortened(&metadata.database_type).to_owned(),
            description: description.map(|text| shortened(text).to_owned()),
            origin: origin(path, metadata),
        };
        let source = Self::new(&description, reader, bytes, schema);
        Ok((description, source))
    }

    fn new(description: &Database, reader: Reader<Bytes>, bytes: Bytes, schema: Schema) -> Self {
        Self {
            reader,
            bytes,
            schema,
            kind: match description.origin {
                Some(origin) if REGISTRIES.contains(&origin) => ClaimKind::Registry,
                _ => ClaimKind::Database,
            },
            origin: description.origin,
            built: description.built,
            id: Arc::clone(&description.id),
            index: OnceLock::new(),
            records: Records::default(),
            unreadable: AtomicU64::new(0),
        }
    }

    /// Takes a millisecond to make later look-ups of IPv4 addresses faster.
    pub(super) fn prepare(&self) {
        self.index.get_or_init(|| Index::new(self.bytes.as_ref(), self.reader.metadata()));
    }

    /// Adds what the database says of where `address` is, and gives who announces it.
    pub(super) fn look_up(&self, address: IpAddr, claims: &mut Vec<Claim>) -> Option<Operator> {
        if address.is_ipv6() && self.reader.metadata().ip_version == 4 {
            return None;
        }
        if let IpAddr::V4(ipv4) = address
            && let Some(index) = self.index.get().and_then(Option::as_ref)
        {
            match index.leaf(self.bytes.as_ref(), ipv4) {
                Some(Leaf::Empty) => return None,
                Some(Leaf::Record(offset, length)) => {
                    if let Some(record) = self.records.kept(offset) {
                        let network = Ipv4Net::new(ipv4, length).ok()?.trunc();
                        return self.answer(network.into(), record, claims);
                    }
                }
                None => {}
            }
        }
        let answer = self.reader.lookup(address).and_then(|found| {
            let Some(offset) = found.offset() else { return Ok(None) };
            let record = self.records.get(offset, || self.schema.read(&found))?;
            Ok(network(address, &found).and_then(|network| self.answer(network, &record, claims)))
        });
        answer.unwrap_or_else(|_damage| {
            self.unreadable.fetch_add(1, Ordering::Relaxed);
            None
        })
    }

    /// Reads every record.
    pub(super) fn verify(&self) -> Result<(), MaxMindDbError> {
        self.reader.verify()
    }

    /// Look-ups that met a damaged part of the file.
    pub(super) fn unreadable(&self) -> u64 {
        self.unreadable.load(Ordering::Relaxed)
    }

    fn answer(&self, network: IpNet, record: &Record, claims: &mut Vec<Claim>) -> Option<Operator> {
        if record.country.is_some() || record.registered_country.is_some() {
            claims.push(Claim {
                origin: self.origin,
                country: record.country,
                registered_country: record.registered_country,
                network: Some(network),
                built: self.built,
                ..Claim::new(Arc::clone(&self.id), self.kind)
            });
        }
        record.operator.clone()
    }
}

/// The network of a record. An IPv6 database without an IPv4 part answers an IPv4 address with what it says of
/// the IPv6 network `::`: that is not about this address.
fn network(address: IpAddr, found: &Found<'_>) -> Option<IpNet> {
    let network = found.network().ok()?;
    let network = IpNet::new(network.network(), network.prefix()).ok()?;
    network.contains(&address).then_some(network)
}

/// The whole file, if it has at most `limit` bytes.
pub(super) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, LocateError> {
    let unreadable = |source| LocateError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > limit {
        return Err(LocateError::TooLarge { path: path.to_owned(), limit });
    }
    Ok(bytes)
}

/// Whether the file is one of those in which makers hand out their databases: gzip, zip, zstd, xz.
fn is_compressed(bytes: &[u8]) -> bool {
    let magics: [&[u8]; 4] = [b"\x1f\x8b", b"PK\x03\x04", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\0"];
    magics.iter().any(|magic| bytes.starts_with(magic))
}

/// The name of the file without its ending; with a number where a database of that name is there already.
pub(super) fn id_for(path: &Path, taken: &[Database]) -> Arc<str> {
    let stem = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    let fits = |letter: &char| letter.is_ascii_alphanumeric() || "._-".contains(*letter);
    let stem: String = stem.chars().map(|letter| if fits(&letter) { letter } else { '-' }).collect();
    let mut stem: String = stem.chars().take(MAX_ID_LETTERS).collect();
    if stem.is_empty() {
        stem.push_str("database");
    }
    let is_free = |id: &String| taken.iter().all(|database| *database.id != **id);
    let numbered = (2_u32..).map(|number| format!("{stem}-{number}"));
    let id = std::iter::once(stem.clone()).chain(numbered).find(is_free);
    Arc::from(id.unwrap_or(stem))
}

/// The time in `build_epoch`; 0 is a time that was not set.
fn built(build_epoch: u64) -> Option<Timestamp> {
    let seconds = i64::try_from(build_epoch).ok().filter(|seconds| *seconds != 0)?;
    Timestamp::from_second(seconds).ok()
}

/// Who made a database, from its type, its description and its file name: ip-location-db packs data of several
/// makers under the same type.
fn origin(path: &Path, metadata: &maxminddb::Metadata) -> Option<&'static str> {
    const MAKERS: [(&str, &str); 11] = [
        ("geolite", "maxmind"),
        ("geoip2", "maxmind"),
        ("maxmind", "maxmind"),
        ("dbip", "dbip"),
        ("db-ip", "dbip"),
        ("ipinfo", "ipinfo"),
        ("iplocate", "iplocate"),
        ("ip2location", "ip2location"),
        ("iptoasn", "iptoasn"),
        ("geo-whois", "geo-whois"),
        ("ipgeolocation", "ipgeolocation"),
    ];
    let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let descriptions = metadata.description.values().map(String::as_str);
    // What the file says of itself goes before its name, which anybody can change.
    let texts = std::iter::once(metadata.database_type.as_str()).chain(descriptions).chain([file.as_str()]);
    let maker_in = |text: &str| {
        let text = text.to_ascii_lowercase();
        MAKERS.iter().find(|(word, _)| text.contains(word)).map(|(_, maker)| *maker)
    };
    texts.map(maker_in).find_map(|maker| maker)
}

#[expect(clippy::ref_option, reason = "serde passes a reference to the field")]
fn hexadecimal<S: Serializer>(bytes: &Option<[u8; 32]>, serializer: S) -> Result<S::Ok, S::Error> {
    use std::fmt::Write;
    let Some(bytes) = bytes else { return serializer.serialize_none() };
    let mut text = String::with_capacity(64);
    for byte in bytes {
        write!(text, "{byte:02x}").map_err(serde::ser::Error::custom)?;
    }
    serializer.serialize_str(&text)
}
