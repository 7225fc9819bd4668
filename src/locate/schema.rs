//! Where a database keeps what it knows: the keys differ from maker to maker, so they are looked for in its records.

use super::bytes::Bytes;
use super::{Asn, CountryCode, DatabaseKind, Operator};
use maxminddb::{LookupResult, MaxMindDbError, PathElement, Reader, WithinOptions};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

/// What a look-up finds.
pub(super) type Found<'a> = LookupResult<'a, Bytes>;
/// Keys from the outside in.
type Path = &'static [PathElement<'static>];

/// Records that are looked at to learn the schema: enough to pass over those without a country.
const SAMPLE_RECORDS: usize = 256;
/// Leaves of the search tree that are visited for the sample, with or without a record: a bound on hostile trees.
const SAMPLE_LEAVES: usize = 16_384;
/// Keys of a record that a message names.
const NAMED_KEYS: usize = 12;
/// Bytes of a text that are kept: names of companies are shorter, and a file may have megabytes of them.
const MAX_TEXT_BYTES: usize = 256;

/// Addresses of the Internet that every public database knows: large resolvers and root name servers.
const KNOWN: [&str; 8] = [
    "8.8.8.8",
    "9.9.9.9",
    "193.0.14.129",
    "198.41.0.4",
    "202.12.27.33",
    "2001:4860:4860::8888",
    "2001:500:2f::f",
    "2620:fe::fe",
];

const ISO_CODE: PathElement<'static> = PathElement::Key("iso_code");
const COUNTRY: PathElement<'static> = PathElement::Key("country");
/// ip-location-db, IPLocate, IPinfo Lite.
const FLAT: Path = &[PathElement::Key("country_code")];

/// Where a country can be, the surest first.
const COUNTRIES: [Path; 4] = [
    &[COUNTRY, ISO_CODE], // MaxMind, DB-IP
    FLAT,
    &[COUNTRY],                                                   // IPinfo country and country_asn
    &[PathElement::Key("geo"), PathElement::Key("country_code")], // IPinfo Core
];
/// Where the country of registration is.
const REGISTERED: Path = &[PathElement::Key("registered_country"), ISO_CODE];
/// Where the number of an autonomous system can be, and its name.
const OPERATORS: [(Path, Path); 6] = [
    (
        &[PathElement::Key("autonomous_system_number")], // MaxMind ASN and ISP, ip-location-db
        &[PathElement::Key("autonomous_system_organization")],
    ),
    (
        &[PathElement::Key("traits"), PathElement::Key("autonomous_system_number")], // MaxMind Enterprise, DB-IP
        &[PathElement::Key("traits"), PathElement::Key("autonomous_system_organization")],
    ),
    (&[PathElement::Key("asn")], &[PathElement::Key("as_name")]), // IPinfo Lite, country_asn
    (&[PathElement::Key("asn")], &[PathElement::Key("name")]),    // IPinfo asn, IPLocate
    (&[PathElement::Key("as"), PathElement::Key("asn")], &[PathElement::Key("as"), PathElement::Key("name")]),
    (&[PathElement::Key("asn")], &[PathElement::Key("org")]),
];
/// What [`COUNTRIES`] and [`OPERATORS`] hold, for messages.
pub(super) const UNDERSTOOD: &str = "country.iso_code, country_code, country (two letters), geo.country_code, \
     autonomous_system_number, asn, as.asn";

/// Where the records of one database keep what is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Schema {
    country: Option<Path>,
    registered_country: Option<Path>,
    operator: Option<(Path, Path)>,
}

/// What one record says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    /// Where the address is.
    pub(super) country: Option<CountryCode>,
    /// Where the network is registered.
    pub(super) registered_country: Option<CountryCode>,
    /// Who announces the network.
    pub(super) operator: Option<Operator>,
}

/// What was learnt from the records of a database.
#[derive(Debug)]
pub(super) enum Probed {
    /// There are no records.
    Empty,
    /// They have neither a country nor an operator; these are the keys of the first one.
    NotUnderstood(Vec<String>),
    /// The records have a country or an operator.
    Understood(Schema),
}

impl Schema {
    /// The schema of ip-location-db's country files.
    pub(super) const FLAT_COUNTRY: Self =
        Self { country: Some(FLAT), registered_country: None, operator: None };

    /// Learns the schema of `reader` from its records; an error is damage to the file.
    pub(super) fn probe(reader: &Reader<Bytes>) -> Result<Probed, MaxMindDbError> {
        let records = sample(reader)?;
        let Some(first) = records.first() else { return Ok(Probed::Empty) };
        let country_hits = |record: &Found<'_>, path| Ok(usize::from(country_at(record, path)?.is_some()));
        let mut schema = Self {
            country: most(&records, &COUNTRIES, country_hits)?,
            registered_country: most(&records, &[REGISTERED], country_hits)?,
            operator: most(&records, &OPERATORS, |record, (asn, name)| {
                let numbers = usize::from(asn_at(record, asn)?.is_some());
                // A number with a name beats a number alone.
                Ok(numbers + numbers * usize::from(text_at(record, name)?.is_some()))
            })?,
        };
        if schema.country.is_none() && schema.operator.is_none() {
            return Ok(Probed::NotUnderstood(keys(first)?));
        }
        if schema.operator.is_some() && is_of_networks(&reader.metadata().database_type) {
            schema.registered_country = schema.country.take();
        }
        Ok(Probed::Understood(schema))
    }

    /// What the records know of an address.
    pub(super) const fn kind(&self) -> DatabaseKind {
        match (self.country, self.operator) {
            (Some(_), Some(_)) => DatabaseKind::CountryAsn,
            (_, None) => DatabaseKind::Country,
            (None, Some(_)) => DatabaseKind::Asn,
        }
    }

    /// Reads a record.
    pub(super) fn read(&self, found: &Found<'_>) -> Result<Record, MaxMindDbError> {
        let country = |path: Option<Path>| path.map_or(Ok(None), |path| country_at(found, path));
        Ok(Record {
            country: country(self.country)?,
            registered_country: country(self.registered_country)?,
            operator: self.operator.map_or(Ok(None), |(asn, name)| operator_at(found, asn, name))?,
        })
    }
}

/// Whether a database with AS numbers is one of networks: its country is then that of the AS, not of the address.
fn is_of_networks(database_type: &str) -> bool {
    let name = database_type.to_ascii_lowercase();
    name.contains("asn") && !name.contains("country")
}

/// Different records: those of well-known addresses and the first of the file.
fn sample(reader: &Reader<Bytes>) -> Result<Vec<Found<'_>>, MaxMindDbError> {
    let mut seen = HashSet::new();
    let mut records = Vec::new();
    for address in KNOWN.iter().filter_map(|address| address.parse::<IpAddr>().ok()) {
        if address.is_ipv4() || reader.metadata().ip_version == 6 {
            let found = reader.lookup(address)?;
            records.extend(found.offset().filter(|offset| seen.insert(*offset)).map(|_| found));
        }
    }
    // Leaves without a record and aliases count as well, so that each step is short in any tree.
    let every_leaf = WithinOptions::default().include_networks_without_data().include_aliased_networks();
    for found in reader.networks(every_leaf)?.take(SAMPLE_LEAVES) {
        let found = found?;
        records.extend(found.offset().filter(|offset| seen.insert(*offset)).map(|_| found));
        if records.len() >= SAMPLE_RECORDS {
            break;
        }
    }
    Ok(records)
}

/// The place of `places` with the highest score over `records`; of equals the first. `None` if nothing scores.
fn most<P: Copy>(
    records: &[Found<'_>],
    places: &[P],
    score: impl Fn(&Found<'_>, P) -> Result<usize, MaxMindDbError>,
) -> Result<Option<P>, MaxMindDbError> {
    let mut best = (0, None);
    for place in places {
        let total = records.iter().try_fold(0, |sum, record| score(record, *place).map(|hits| sum + hits))?;
        if total > best.0 {
            best = (total, Some(*place));
        }
    }
    Ok(best.1)
}

/// The value at `path`; `None` where there is none or it is of another type.
fn value_at<'a, T: Deserialize<'a>>(found: &Found<'a>, path: Path) -> Result<Option<T>, MaxMindDbError> {
    match found.decode_path(path) {
        Err(MaxMindDbError::Decoding { .. }) => Ok(None),
        value => value,
    }
}

fn text_at<'a>(found: &Found<'a>, path: Path) -> Result<Option<&'a str>, MaxMindDbError> {
    Ok(value_at::<&str>(found, path)?.filter(|text| !text.is_empty()))
}

fn country_at(found: &Found<'_>, path: Path) -> Result<Option<CountryCode>, MaxMindDbError> {
    Ok(text_at(found, path)?.and_then(CountryCode::parse))
}

/// A number as it is (`15169`), or as text (`AS15169`).
#[derive(Deserialize)]
#[serde(untagged)]
enum AsnValue<'a> {
    Number(u32),
    Text(&'a str),
}

fn asn_at(found: &Found<'_>, path: Path) -> Result<Option<Asn>, MaxMindDbError> {
    let number = value_at(found, path)?.and_then(|value| match value {
        AsnValue::Number(number) => Some(number),
        AsnValue::Text(text) => text.trim_start_matches(['A', 'S', 'a', 's']).parse().ok(),
    });
    Ok(number.and_then(Asn::new))
}

fn operator_at(found: &Found<'_>, asn: Path, name: Path) -> Result<Option<Operator>, MaxMindDbError> {
    let Some(asn) = asn_at(found, asn)? else { return Ok(None) };
    let name = text_at(found, name)?;
    Ok(Some(Operator { asn, organization: name.map(|name| Arc::from(shortened(name))) }))
}

/// The keys of a record, sorted.
#[expect(
    clippy::zero_sized_map_values,
    reason = "a record is read as a map, of which only the keys are wanted"
)]
fn keys(found: &Found<'_>) -> Result<Vec<String>, MaxMindDbError> {
    match found.decode::<BTreeMap<String, IgnoredAny>>() {
        Err(MaxMindDbError::Decoding { .. }) => Ok(Vec::new()),
        keys => {
            let keys = keys?.unwrap_or_default().into_keys();
            Ok(keys.take(NAMED_KEYS).map(|key| shortened(&key).to_owned()).collect())
        }
    }
}

/// The beginning of a text that a file may have made too long.
pub(super) fn shortened(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MAX_TEXT_BYTES)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Header, Value, database, map, text};
    use super::*;

    /// What is read of `record` in a database of that type: the kind of database, the country, the country of
    /// registration, the operator.
    fn read_as(database_type: &'static str, record: Value) -> String {
        let header = Header { database_type, ..Header::default() };
        let networks = [("1.1.1.0/24", record.clone()), ("2600::/32", record)];
        let reader = Reader::from_source(Bytes::owned(database(header, &networks))).unwrap();
        let Probed::Understood(schema) = Schema::probe(&reader).unwrap() else {
            return "not understood".to_owned();
        };
        let [four, six] = ["1.1.1.1", "2600::1"]
            .map(|place| schema.read(&reader.lookup(place.parse().unwrap()).unwrap()).unwrap());
        assert_eq!(four, six);
        let country = |country: Option<CountryCode>| country.map_or("-".to_owned(), |code| code.to_string());
        let operator = four.operator.map_or("-".to_owned(), |operator| {
            format!("{} {}", operator.asn, operator.organization.as_deref().unwrap_or("-"))
        });
        let kind = schema.kind().name();
        format!("{kind}: {} {} {operator}", country(four.country), country(four.registered_country))
    }

    fn read(record: Value) -> String {
        read_as("Test", record)
    }

    fn us() -> Value {
        text("US")
    }

    #[test]
    fn the_country_is_found_where_each_maker_puts_it() {
        let maxmind = map([
            ("continent", map([("code", text("NA"))])),
            ("country", map([("iso_code", us()), ("names", map([("en", text("United States"))]))])),
            ("registered_country", map([("iso_code", text("DE"))])),
        ]);
        assert_eq!(read(maxmind), "country: US DE -");
        assert_eq!(read(map([("country_code", us())])), "country: US - -", "ip-location-db, IPLocate");
        assert_eq!(read(map([("country_code", text("us"))])), "country: US - -");
        let ipinfo = map([("country", us()), ("country_name", text("United States"))]);
        assert_eq!(read(ipinfo), "country: US - -");
    }

    #[test]
    fn the_operator_is_found_where_each_maker_puts_it() {
        let number = || Value::Number(64496);
        let maxmind =
            map([("autonomous_system_number", number()), ("autonomous_system_organization", text("E"))]);
        assert_eq!(read(maxmind), "asn: - - AS64496 E");
        assert_eq!(read(map([("autonomous_system_number", number())])), "asn: - - AS64496 -");
        assert_eq!(
            read(map([("asn", text("AS64496")), ("name", text("E"))])),
            "asn: - - AS64496 E",
            "IPinfo"
        );
        assert_eq!(read(map([("asn", number()), ("org", text("E"))])), "asn: - - AS64496 E");
    }

    #[test]
    fn a_name_of_any_length_is_kept_in_part() {
        let name = "ü".repeat(130);
        let record = map([("asn", text("AS64496")), ("name", text(&name))]);
        assert_eq!(read(record), format!("asn: - - AS64496 {}", "ü".repeat(128)));
        assert_eq!(shortened(&"a".repeat(300)).len(), 256);
        assert_eq!(shortened("short"), "short");
    }

    #[test]
    fn both_are_found_in_one_record() {
        let lite = map([
            ("country", text("United States")),
            ("country_code", us()),
            ("continent_code", text("NA")),
            ("asn", text("AS64496")),
            ("as_name", text("E")),
            ("as_domain", text("example.com")),
        ]);
        assert_eq!(read_as("ipinfo ipinfo_lite.mmdb", lite), "country-asn: US - AS64496 E");
        let core = map([
            ("geo", map([("country", text("United States")), ("country_code", us())])),
            ("as", map([("asn", text("AS64496")), ("name", text("E"))])),
        ]);
        assert_eq!(read(core), "country-asn: US - AS64496 E", "IPinfo Core");
        let traits = [
            ("autonomous_system_number", Value::Number(64496)),
            ("autonomous_system_organization", text("E")),
        ];
        let enterprise = map([("country", map([("iso_code", us())])), ("traits", map(traits))]);
        assert_eq!(read(enterprise), "country-asn: US - AS64496 E", "MaxMind Enterprise");
    }

    #[test]
    fn the_country_in_a_file_of_networks_is_that_of_the_registration() {
        let record = || map([("asn", text("AS64496")), ("name", text("E")), ("country_code", us())]);
        assert_eq!(read_as("iplocate-ip-to-asn", record()), "asn: - US AS64496 E");
        assert_eq!(read_as("ipinfo country_asn.mmdb", record()), "country-asn: US - AS64496 E");
    }

    #[test]
    fn a_registration_alone_is_no_location() {
        let registered = || map([("registered_country", map([("iso_code", us())]))]);
        assert_eq!(read(registered()), "not understood");
        let located = map([("country", map([("iso_code", us())]))]);
        let networks = [("1.1.1.0/24", registered()), ("8.8.8.0/24", located)];
        let reader = Reader::from_source(Bytes::owned(database(Header::default(), &networks))).unwrap();
        let Probed::Understood(schema) = Schema::probe(&reader).unwrap() else { panic!("understood") };
        let record = schema.read(&reader.lookup("1.1.1.1".parse().unwrap()).unwrap()).unwrap();
        assert_eq!((record.country, record.registered_country), (None, CountryCode::parse("US")));
    }

    #[test]
    fn what_is_neither_is_not_understood() {
        assert_eq!(read(map([])), "not understood");
        assert_eq!(read(us()), "not understood");
        assert_eq!(read(map([("country", text("United States"))])), "not understood");
        assert_eq!(read(map([("country_code", text("ZZ")), ("asn", Value::Number(0))])), "not understood");
        assert_eq!(
            read(map([("country", map([("iso_code", Value::Number(1))])), ("asn", text("AS"))])),
            "not understood"
        );
    }
}
