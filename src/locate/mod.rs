//! Locate: where an address is, from claims of several sources, and how sure that is.
//!
//! A [`Locator`] holds the [`Sources`]. [`Locator::locate_in`] first asks what kind of address it is ([`Scope`]): only an
//! address of the Internet can be in a country. Every source then gives its [`Claim`]s, which stand side by side in the
//! order of their sources; a round-trip time may refute some. [`conclude`] makes a [`Location`] of them.
//!
//! This stage uses no other one.

mod anycast;
mod bytes;
mod claim;
mod clouds;
mod conclusion;
mod country;
mod database;
mod embedded;
mod error;
mod explain;
mod files;
mod formats;
mod hints;
mod index;
mod latency;
mod locator;
mod operators;
mod outline;
mod packed;
mod ranges;
mod records;
mod regions;
mod schema;
mod scope;
mod table;
#[cfg(test)]
pub(crate) mod testing;
mod transition;

pub use claim::{
    Asn, Claim, ClaimKind, Confidence, Contradiction, FAR_DAYS, Gap, Location, Operator, Plausibility, Reach,
};
pub use conclusion::{Circumstances, conclude};
pub use country::{Country, CountryCode, UnknownCountry, countries};
pub use database::{Database, DatabaseKind};
pub use error::LocateError;
pub use files::{describe, verify};
pub use latency::{LatencyBound, NoVantage, RoundTrip, Vantage};
pub use locator::{Context, Locator, Sources};
pub use scope::Scope;
pub use transition::{EmbeddedIpv4, Embedding};

use serde::Serialize;

/// What is known of the place of an address.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Placement {
    /// What kind of address it is.
    pub scope: Scope,
    /// The IPv4 address that it carries and by which it was placed.
    pub embedded_ipv4: Option<EmbeddedIpv4>,
    /// Where it is; unknown without a claim unless the scope is [`Scope::Global`].
    pub location: Location,
    /// Who announces it to the Internet: the answer of the first database that has one.
    pub operator: Option<Operator>,
}

/// What the program carries.
pub fn embedded_data() -> [Database; 3] {
    [embedded::description(), clouds::description(), operators::description()]
}

#[cfg(test)]
mod tests {
    use super::bytes::Bytes;
    use super::database::Source;
    use super::testing::{Header, Value, database, map, text};
    use super::*;
    use proptest::prelude::*;
    use std::error::Error;
    use std::io::Write;
    use std::net::IpAddr;
    use std::path::{Path, PathBuf};

    /// Databases that lie beside the repository, for whoever has them.
    const SHARED: &str = "../shared/geo/databases";

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
            let path = self.0.path().join(name);
            std::fs::File::create(&path).unwrap().write_all(bytes).unwrap();
            path
        }
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn open(files: &[(&str, Vec<u8>)], use_default: bool) -> Result<Locator, LocateError> {
        let folder = Folder::new();
        let paths: Vec<_> = files.iter().map(|(name, bytes)| folder.file(name, bytes)).collect();
        Locator::open(&paths, use_default)
    }

    /// The error and its causes without the folder, which differs from run to run.
    fn refusal(name: &str, bytes: &[u8]) -> String {
        let error = open(&[(name, bytes.to_vec())], false).unwrap_err();
        let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
        let message = error.to_string();
        let (before, after) = message.split_once('\'').unwrap();
        let (path, after) = after.split_once('\'').unwrap();
        assert!(path.ends_with(name), "{path}");
        format!("{before}'{name}'{after}{cause}")
    }

    fn code(text: &str) -> Option<CountryCode> {
        CountryCode::parse(text)
    }

    fn flat(country: &str) -> Value {
        map([("country_code", text(country))])
    }

    #[test]
    fn the_embedded_database_places_well_known_addresses() {
        let locator = Locator::open(&[], true).unwrap();
        for (place, country) in [("52.81.151.250", "CN"), ("8.8.8.8", "US"), ("2001:500:2f::f", "US")] {
            let placement = locator.locate(address(place));
            assert_eq!(placement.scope, Scope::Global);
            assert_eq!(placement.embedded_ipv4, None);
            assert!(placement.operator.unwrap().organization.is_some(), "{place}");
            assert_eq!(placement.location.country, code(country), "{place}");
            let claim = &placement.location.claims[0];
            assert_eq!((&*claim.source, claim.country), ("dbip-country-lite", code(country)));
            assert!(
                claim.network.is_some_and(|n| n.contains(&address(place)) && n.prefix_len() > 8),
                "{claim:?}"
            );
        }
    }

    #[test]
    fn the_report_gets_the_agreed_words() {
        let locator = Locator::open(&[], true).unwrap();
        let ids: Vec<_> = locator.databases().iter().map(|database| &*database.id).collect();
        assert_eq!(ids, ["dbip-country-lite", "cloud-regions", "ip-location-db-asn"]);
        assert_eq!(
            serde_json::to_value(&locator.databases()[0]).unwrap(),
            serde_json::json!({
                "id": "dbip-country-lite", "kind": "country", "path": "embedded", "built": "2026-06-01T20:32:58Z",
                "sha256": "4e7f53dd9c6ebe0e7244d5dd4cc03639bc9dbe0a5a83eca90db50eeaeea72024",
                "licence": "CC-BY-4.0", "attribution": "IP Geolocation by DB-IP, https://db-ip.com",
                "type": "country ipvAll", "description": "DB-IP Country Lite", "origin": "dbip",
            })
        );
        let placement = locator.locate(address("64:ff9b::52.81.151.250"));
        let json = serde_json::to_value(placement).unwrap();
        assert_eq!(json["embedded_ipv4"], serde_json::json!({"address": "52.81.151.250", "via": "nat64"}));
        assert_eq!(json["location"]["claims"][0]["built"], "2026-06-01T20:32:58Z");
        assert_eq!(json["scope"], "global");
        assert_eq!(json["operator"]["asn"], 55960);
    }

    #[test]
    fn a_special_address_has_a_scope_and_no_country_whatever_databases_say() {
        let halves = ["::/1", "8000::/1", "0.0.0.0/1", "128.0.0.0/1"];
        let everything = halves.map(|half| (half, flat("DE")));
        let locator = open(&[("all.mmdb", database(Header::default(), &everything))], true).unwrap();
        for (special, scope) in [
            ("10.0.0.1", Scope::Private),
            ("100.64.0.1", Scope::Shared),
            ("224.0.0.1", Scope::Multicast),
            ("fe80::1", Scope::LinkLocal),
            ("64:ff9b::10.0.0.1", Scope::Private),
            ("2002:c0a8:1::1", Scope::Private),
        ] {
            let placement = locator.locate(address(special));
            assert_eq!(placement.scope, scope, "{special}");
            assert_eq!(placement.location, Location::unknown(), "{special}");
            assert_eq!(placement.operator, None);
        }
        assert_eq!(locator.locate(address("9.9.9.9")).location.claims.len(), 2);
    }

    #[test]
    fn an_address_that_carries_an_ipv4_address_is_where_that_one_is() {
        let locator = Locator::open(&[], true).unwrap();
        let direct = locator.locate(address("52.81.151.250")).location;
        for carrier in [
            "::ffff:52.81.151.250",
            "64:ff9b::52.81.151.250",
            "64:ff9b:1::52.81.151.250",
            "2002:3451:97fa::1",
            "2001:0:808:808:0:0:cbae:6805",
        ] {
            let placement = locator.locate(address(carrier));
            assert_eq!(
                placement.embedded_ipv4.map(|found| found.address.to_string()).as_deref(),
                Some("52.81.151.250")
            );
            assert_eq!(placement.location, direct, "{carrier}");
        }
    }

    #[test]
    fn what_is_no_country_is_no_claim() {
        let networks = [
            ("1.0.0.0/8", flat("ZZ")),
            ("2.0.0.0/8", flat("")),
            ("3.0.0.0/8", map([("other", text("x"))])),
            ("4.0.0.0/8", map([("country_code", Value::Number(4))])),
            ("5.0.0.0/8", flat("DE")),
            ("6.0.0.0/8", map([("country_code", text("DE")), ("asn", Value::Number(0))])),
        ];
        let locator = open(&[("a.mmdb", database(Header::default(), &networks))], false).unwrap();
        for silent in ["1.1.1.1", "2.1.1.1", "3.1.1.1", "4.1.1.1", "7.1.1.1"] {
            assert_eq!(locator.locate(address(silent)).location, Location::unknown(), "{silent}");
        }
        assert_eq!(locator.locate(address("5.1.1.1")).location.country, code("DE"));
        assert_eq!(locator.locate(address("6.1.1.1")).operator, None);
        assert_eq!(locator.damaged().count(), 0);
    }

    #[test]
    fn sources_of_the_same_file_and_maker_are_one_witness() {
        let networks = [("9.9.9.0/24", flat("US"))];
        let of = |database_type| database(Header { database_type, ..Header::default() }, &networks);
        let confidence = |files: &[(&str, Vec<u8>)]| {
            let locator = open(files, true).unwrap();
            let location = locator.locate(address("9.9.9.9")).location;
            assert_eq!((location.country, location.claims.len()), (code("US"), files.len() + 1));
            location.confidence
        };
        assert_eq!(confidence(&[("copy.mmdb", embedded::BYTES.to_vec())]), Confidence::Likely);
        assert_eq!(confidence(&[("x.mmdb", of("DBIP-Location-Lite"))]), Confidence::Likely);
        assert_eq!(confidence(&[("GeoLite2-Country.mmdb", of("country ipv4"))]), Confidence::Confirmed);
        assert_eq!(confidence(&[("x.mmdb", of("GeoLite2-Country"))]), Confidence::Confirmed);
    }

    #[test]
    fn sources_that_disagree_stand_side_by_side_in_their_order() {
        let networks = [("9.9.0.0/16", flat("CH"))];
        let file = database(Header { database_type: "GeoLite2-Country", ..Header::default() }, &networks);
        let locator = open(&[("GeoLite2.mmdb", file)], true).unwrap();
        let location = locator.locate(address("9.9.9.9")).location;
        assert_eq!((location.country, location.confidence), (None, Confidence::Disputed));
        let sources: Vec<_> = location.claims.iter().map(|claim| &*claim.source).collect();
        assert_eq!(sources, ["dbip-country-lite", "GeoLite2"]);
        assert_eq!(location.claims[1].network.unwrap().to_string(), "9.9.0.0/16");
        assert_eq!(location.claims[1].built.unwrap().to_string(), "2020-09-13T12:26:40Z");
        assert_eq!(location.contradictions[0].reason, "dbip-country-lite says US, GeoLite2 says CH");
    }

    #[test]
    fn databases_of_one_name_get_different_ids() {
        let file = database(Header::default(), &[("1.0.0.0/8", flat("US"))]);
        let folder = Folder::new();
        std::fs::create_dir(folder.0.path().join("b")).unwrap();
        let paths = ["geo.mmdb", "b/geo.mmdb", "b/g e\u{202e}o.mmdb"].map(|name| folder.file(name, &file));
        let locator = Locator::open(&paths, false).unwrap();
        let ids: Vec<_> = locator.databases().iter().map(|database| &*database.id).collect();
        assert_eq!(ids, ["geo", "geo-2", "g-e-o"]);
        assert_eq!(locator.databases()[0].path, paths[0].to_str().unwrap());
    }

    #[test]
    fn an_ipv4_database_asked_for_ipv6_says_nothing() {
        let header = Header { ip_version: 4, ..Header::default() };
        let locator = open(&[("v4.mmdb", database(header, &[("1.0.0.0/8", flat("US"))]))], false).unwrap();
        assert_eq!(locator.locate(address("2600::1")).location, Location::unknown());
        assert_eq!(locator.locate(address("1.1.1.1")).location.country, code("US"));
        assert_eq!(locator.damaged().count(), 0);
    }

    #[test]
    fn what_is_prepared_answers_the_same() {
        let halves = [("1.0.0.0/8", flat("US")), ("1.2.0.0/16", flat("DE")), ("2600::/32", flat("FR"))];
        let v4 = Header { ip_version: 4, ..Header::default() };
        let files = [
            ("mixed.mmdb", database(Header::default(), &halves)),
            ("v4.mmdb", database(v4, &halves[..2])),
            ("v6.mmdb", database(Header::default(), &halves[2..])),
        ];
        let (plain, prepared) = (open(&files, true).unwrap(), open(&files, true).unwrap());
        prepared.prepare();
        let spread = (0..4000_u32).map(|n| IpAddr::from(n.wrapping_mul(1_073_807).to_be_bytes()));
        let known = ["1.1.1.1", "1.2.3.4", "1.3.0.0", "2600::1", "::ffff:1.2.3.4"].map(address);
        // Twice: what a database has read once it has at hand.
        for place in spread.chain(known).chain(known) {
            assert_eq!(plain.locate(place), prepared.locate(place), "{place}");
        }
    }

    #[test]
    fn an_ipv6_database_does_not_speak_of_ipv4_by_accident() {
        let networks = [("::/16", flat("DE")), ("2600::/32", flat("US"))];
        let locator = open(&[("v6.mmdb", database(Header::default(), &networks))], false).unwrap();
        assert_eq!(locator.locate(address("8.8.8.8")).location, Location::unknown());
        assert_eq!(locator.locate(address("2600::1")).location.country, code("US"));
    }

    #[test]
    fn without_a_database_nothing_is_known() {
        let locator = Locator::open(&[], false).unwrap();
        assert!(locator.databases().is_empty());
        let placement = locator.locate(address("8.8.8.8"));
        assert_eq!((placement.scope, placement.location), (Scope::Global, Location::unknown()));
    }

    #[test]
    fn a_database_that_cannot_be_used_is_refused_by_name() {
        let good = database(Header::default(), &[("1.0.0.0/8", flat("US"))]);
        let header = Header { database_type: "Weather", ..Header::default() };
        let strange =
            map([("temperature", Value::Number(4)), ("country", text("Germany")), ("tab\t", text(""))]);
        let strange = database(header, &[("8.8.8.0/24", strange)]);
        assert_eq!(
            refusal("a.mmdb", &strange),
            "database 'a.mmdb' of type \"Weather\" has neither a country nor an AS number where landfall looks: its \
             records have the keys [\"country\", \"tab\\t\", \"temperature\"]; understood are country.iso_code, \
             country_code, country (two letters), geo.country_code, autonomous_system_number, asn, as.asn"
        );
        let no_map = database(header, &[("8.8.8.0/24", text("US"))]);
        assert!(refusal("a.mmdb", &no_map).contains("have the keys []"));
        assert_eq!(refusal("a.mmdb", &database(header, &[])), "database 'a.mmdb' has no records");
        assert_eq!(
            refusal("a.mmdb.gz", b"\x1f\x8b\x08\0"),
            "database 'a.mmdb.gz' is compressed; unpack it first"
        );
        let no_marker = "database 'a.mmdb' is damaged or no MaxMind DB file: invalid database: could not find \
                         MaxMind DB metadata in file";
        assert_eq!(refusal("a.mmdb", b""), no_marker);
        assert_eq!(refusal("a.mmdb", b"country,US\n"), no_marker);
        assert_eq!(refusal("a.mmdb", &good[..good.len() / 2]), no_marker);
        // A pointer of the tree to a place behind the data.
        let mut astray = good;
        let root = astray.iter().position(|byte| *byte != 0).unwrap();
        astray[root - 1] = 0xff;
        assert!(
            refusal("a.mmdb", &astray).starts_with("database 'a.mmdb' is damaged"),
            "{}",
            refusal("a.mmdb", &astray)
        );
    }

    #[test]
    fn a_database_that_cannot_be_read_is_an_error_with_its_cause() {
        let error = Locator::open(&[PathBuf::from("no/such.mmdb")], true).unwrap_err();
        assert_eq!(error.to_string(), "cannot read database 'no/such.mmdb'");
        assert!(error.source().is_some());
        let folder = Folder::new();
        let error = Locator::open(&[folder.0.path().to_owned()], true).unwrap_err();
        assert!(matches!(error, LocateError::NoDatabases { .. }), "{error}");
    }

    #[test]
    fn damage_met_at_a_look_up_is_counted() {
        // Damage behind the records that are sampled: one record of a large file.
        let networks: Vec<String> = (0..300).map(|n| format!("1.{}.{}.0/24", n / 256, n % 256)).collect();
        let networks: Vec<_> = networks.iter().map(|network| (network.as_str(), flat("US"))).collect();
        let mut file = database(Header::default(), &networks);
        let metadata = file.windows(11).rposition(|window| window == b"MaxMind.com").unwrap();
        let last = file[..metadata].windows(2).rposition(|window| window == b"US").unwrap();
        file[last - 1] = 0x2f; // a pointer far behind the end
        let locator = open(&[("a.mmdb", file)], false).unwrap();
        assert_eq!(locator.locate(address("1.1.43.1")).location, Location::unknown());
        assert_eq!(locator.locate(address("1.1.42.1")).location.country, code("US"));
        let damaged: Vec<_> = locator.damaged().map(|(database, count)| (&*database.id, count)).collect();
        assert_eq!(damaged, [("a", 1)]);
    }

    #[test]
    fn threads_share_a_locator() {
        let locator = Locator::open(&[], true).unwrap();
        let expected = locator.locate(address("52.81.151.250"));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for last in 0..=255 {
                        let place = IpAddr::from([52, 81, 151, last]);
                        assert_eq!(locator.locate(place).location.country, expected.location.country);
                    }
                });
            }
        });
    }

    #[test]
    fn databases_of_other_makers_are_read() {
        let (maxmind, registry) = (
            Path::new(SHARED).join("GeoLite2-Country-20191224-ccbysa.mmdb"),
            Path::new(SHARED).join("iptoasn-country-ipv4.mmdb"),
        );
        if !maxmind.exists() || !registry.exists() {
            println!("skipped: no databases in {SHARED}");
            return;
        }
        let locator = Locator::open(&[maxmind, registry], true).unwrap();
        let origins: Vec<_> = locator.databases().iter().map(|database| database.origin).collect();
        assert_eq!(origins, [Some("dbip"), None, None, Some("maxmind"), Some("iptoasn")]);
        let beijing = locator.locate(address("52.81.151.250")).location;
        assert_eq!((beijing.country, beijing.confidence), (code("CN"), Confidence::Confirmed));
        // GeoLite2 leaves the country out where it does not know it, and keeps that of the registration.
        let registered = locator.locate(address("2.20.185.1")).location;
        let maxmind = registered.claims.iter().find(|claim| claim.origin == Some("maxmind")).unwrap();
        assert_eq!((maxmind.country, maxmind.registered_country), (None, code("ES")));
        // Amazon in Beijing; registry data has the owner's country. What Amazon says of its network decides.
        let overruled = locator.locate(address("107.176.0.1")).location;
        assert_eq!((overruled.country, overruled.confidence), (code("CN"), Confidence::Likely));
        assert_eq!(overruled.contradictions.len(), 1);
        // The registry's file has no IPv6.
        assert_eq!(locator.locate(address("2001:500:2f::f")).location.claims.len(), 2);
        assert_eq!(locator.damaged().count(), 0);
    }

    #[test]
    fn the_embedded_database_agrees_with_what_cloud_providers_publish() {
        let list = Path::new(SHARED).join("../ranges/cloud_overlay.csv");
        let Ok(list) = std::fs::read_to_string(&list) else {
            println!("skipped: no {}", list.display());
            return;
        };
        let locator = Locator::open(&[], true).unwrap();
        // Weighed by the number of addresses: the lists have thousands of prefixes of one address.
        let (mut right, mut all) = (0_u64, 0_u64);
        for line in list.lines().skip(1) {
            let columns: Vec<_> = line.split(',').collect();
            let Ok(network) = columns[0].parse::<ipnet::Ipv4Net>() else { continue };
            let size = 1 << (32 - network.prefix_len());
            let country = locator.locate(IpAddr::V4(network.broadcast())).location.country;
            all += size;
            right += if country == code(columns[3]) { size } else { 0 };
        }
        println!("right for {right} of {all} addresses");
        assert!(all > 100_000_000 && right * 100 > all * 98, "{right} of {all}");
    }

    #[test]
    fn no_part_of_a_database_makes_it_panic() {
        let record =
            map([("country", map([("iso_code", text("US"))])), ("asn", text("AS1")), ("name", text("n"))]);
        let whole = database(Header::default(), &[("1.0.0.0/8", record.clone()), ("2600::/32", record)]);
        let path = Path::new("cut.mmdb");
        for length in 0..whole.len() {
            let opened = Source::from_bytes(path, Bytes::owned(whole[..length].to_vec()), &[], false);
            if let Ok((_, source)) = opened {
                source.look_up(address("1.1.1.1"), &mut Vec::new());
                source.look_up(address("2600::1"), &mut Vec::new());
            }
        }
        Source::from_bytes(path, Bytes::owned(whole), &[], false).unwrap();
    }

    proptest! {
        #[test]
        fn a_damaged_database_is_refused_or_read_without_panic(
            changes in proptest::collection::vec((0_usize..4096, any::<u8>()), 1..6),
            bits: u32,
        ) {
            let record = map([("country", map([("iso_code", text("US"))])), ("asn", Value::Number(1))]);
            let networks = [("1.0.0.0/8", record.clone()), ("8.8.8.0/24", record.clone()), ("2600::/32", record)];
            let mut file = database(Header::default(), &networks);
            for (place, byte) in changes {
                let place = place % file.len();
                file[place] = byte;
            }
            if let Ok((_, source)) = Source::from_bytes(Path::new("a.mmdb"), Bytes::owned(file), &[], false) {
                for place in [IpAddr::from(bits.to_be_bytes()), address("8.8.8.8"), address("1.1.1.1"), address("2600::1")] {
                    source.look_up(place, &mut Vec::new());
                }
            }
        }

        #[test]
        fn a_claim_is_of_a_network_that_holds_the_address(bits: u128, is_ipv6: bool) {
            let place = if is_ipv6 { IpAddr::from((bits >> 3 | 1 << 125).to_be_bytes()) }
                else { IpAddr::from(u32::try_from(bits >> 96).unwrap().to_be_bytes()) };
            let placement = Locator::open(&[], true).unwrap().locate(place);
            let place = placement.embedded_ipv4.map_or(place, |embedded| IpAddr::V4(embedded.address));
            for claim in &placement.location.claims {
                let network = claim.network.unwrap();
                prop_assert!(network.contains(&place));
                prop_assert_eq!(network.trunc(), network);
            }
            prop_assert!(placement.scope == Scope::Global || placement.location == Location::unknown());
        }
    }
}
