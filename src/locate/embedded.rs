//! The database that is part of the program: DB-IP Country Lite, so that the first run needs no set-up.
//!
//! `data/README.md` says where it comes from. Digest and date stand here as constants because the start of the
//! program must not pay for hashing 8 MB; a test compares them with the file.

use super::database::{Database, DatabaseKind, Facts};
use super::schema::Schema;

/// The file. It lies in the program's read-only pages and is never copied.
pub(super) const BYTES: &[u8] = include_bytes!("../../data/dbip-country-lite.mmdb");

/// Where its records keep the country.
pub(super) const SCHEMA: Schema = Schema::FLAT_COUNTRY;

/// When it was built, in seconds since 1970.
const BUILT: i64 = 0x6a1d_ec7a;

/// SHA-256 of the file.
const SHA256: [u8; 32] = [
    0x4e, 0x7f, 0x53, 0xdd, 0x9c, 0x6e, 0xbe, 0x0e, 0x72, 0x44, 0xd5, 0xdd, 0x4c, 0xc0, 0x36, 0x39, 0xbc,
    0x9d, 0xbe, 0x0a, 0x5a, 0x83, 0xec, 0xa9, 0x0d, 0xb5, 0x0e, 0xea, 0xee, 0xa7, 0x20, 0x24,
];

/// What is known of it.
pub(super) fn description() -> Database {
    Database::embedded(&Facts {
        id: "dbip-country-lite",
        kind: DatabaseKind::Country,
        built: BUILT,
        sha256: SHA256,
        licence: Some("CC-BY-4.0"),
        attribution: Some("IP Geolocation by DB-IP, https://db-ip.com"),
        database_type: "country ipvAll",
        description: "DB-IP Country Lite",
        origin: Some("dbip"),
    })
}

#[cfg(test)]
mod tests {
    use super::super::bytes::Bytes;
    use super::*;
    use maxminddb::{PathElement, Reader};
    use sha2::{Digest, Sha256};
    use std::collections::{BTreeSet, HashSet};

    #[test]
    fn the_constants_describe_the_file() {
        let reader = Reader::from_source(BYTES).unwrap();
        let description = description();
        assert_eq!(description.sha256, Some(<[u8; 32]>::from(Sha256::digest(BYTES))));
        assert_eq!(description.built.unwrap().to_string(), "2026-06-01T20:32:58Z");
        assert_eq!(reader.metadata().build_epoch, u64::try_from(BUILT).unwrap());
        assert_eq!(reader.metadata().database_type, description.database_type);
        assert_eq!(reader.metadata().ip_version, 6);
    }

    #[test]
    fn every_record_of_the_file_names_a_country() {
        let reader = Reader::from_source(Bytes::Static(BYTES)).unwrap();
        let mut seen = HashSet::new();
        let mut unknown = BTreeSet::new();
        for found in reader.networks(maxminddb::WithinOptions::default()).unwrap() {
            let found = found.unwrap();
            if seen.insert(found.offset().unwrap()) && SCHEMA.read(&found).unwrap().country.is_none() {
                unknown.insert(
                    found.decode_path::<String>(&[PathElement::Key("country_code")]).unwrap().unwrap(),
                );
            }
        }
        assert_eq!(unknown, BTreeSet::new(), "codes without a country");
        assert!(seen.len() > 240, "{} records", seen.len());
    }
}
