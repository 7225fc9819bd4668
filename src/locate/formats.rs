//! The forms in which providers publish where their networks are, told apart by their content.
//!
//! Amazon: <https://docs.aws.amazon.com/vpc/latest/userguide/aws-ip-syntax.html>. Azure: the service tag files. Google:
//! `cloud.json`. Oracle: `public_ip_ranges.json`. Anybody: RFC 8805 geofeeds, and tables with a header.

use super::regions::region;
use super::{ClaimKind, CountryCode};
use ipnet::IpNet;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Deserialize;
use std::borrow::Cow;

/// Rows that are read of one file: the largest list in use has some 100,000.
const MAX_ROWS: usize = 4_000_000;

/// A file of networks, as it was read.
#[derive(Debug, Default)]
pub(super) struct List {
    /// Its form, for people.
    pub(super) form: &'static str,
    /// The provider, where the form tells.
    pub(super) origin: Option<&'static str>,
    /// When it was published, where it says so.
    pub(super) built: Option<Timestamp>,
    /// The networks.
    pub(super) rows: Vec<Row>,
    /// Lines that are not understood.
    pub(super) skipped: usize,
}

/// What a list says of a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) network: IpNet,
    /// `None` where the network is used in several places, or in one that is not known.
    pub(super) country: Option<CountryCode>,
    pub(super) region: String,
    pub(super) kind: ClaimKind,
    pub(super) origin: Option<&'static str>,
    pub(super) built: Option<Timestamp>,
}

/// Reads a list. `None`: it is of no form that is known.
pub(super) fn read(text: &str) -> Option<List> {
    let text = text.trim_start_matches('\u{feff}');
    let list = if text.trim_start().starts_with('{') { json(text)? } else { table(text) };
    (!list.rows.is_empty()).then_some(list)
}

/// The union of the JSON forms.
#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow, default)]
    prefixes: Vec<Prefix<'a>>,
    #[serde(borrow, default)]
    ipv6_prefixes: Vec<Prefix<'a>>,
    #[serde(borrow, default)]
    values: Vec<Tag<'a>>,
    #[serde(borrow, default)]
    regions: Vec<OracleRegion<'a>>,
    #[serde(borrow)]
    cloud: Option<Cow<'a, str>>,
    #[serde(rename = "createDate")]
    amazon_date: Option<Cow<'a, str>>,
    #[serde(rename = "creationTime")]
    google_date: Option<Cow<'a, str>>,
    #[serde(rename = "last_updated_timestamp")]
    oracle_date: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Prefix<'a> {
    #[serde(borrow, rename = "ip_prefix")]
    amazon_ipv4: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "ipv6_prefix")]
    amazon_ipv6: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "ipv4Prefix")]
    google_ipv4: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "ipv6Prefix")]
    google_ipv6: Option<Cow<'a, str>>,
    #[serde(borrow)]
    region: Option<Cow<'a, str>>,
    #[serde(borrow)]
    network_border_group: Option<Cow<'a, str>>,
    #[serde(borrow)]
    scope: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Tag<'a> {
    #[serde(borrow)]
    properties: TagProperties<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TagProperties<'a> {
    #[serde(borrow, default)]
    region: Cow<'a, str>,
    #[serde(borrow, default)]
    address_prefixes: Vec<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct OracleRegion<'a> {
    #[serde(borrow)]
    region: Cow<'a, str>,
    #[serde(borrow)]
    cidrs: Vec<OracleNetwork<'a>>,
}

#[derive(Deserialize)]
struct OracleNetwork<'a> {
    #[serde(borrow)]
    cidr: Cow<'a, str>,
}

fn json(text: &str) -> Option<List> {
    let document: Document<'_> = serde_json::from_str(text).ok()?;
    let mut list = List::default();
    if !document.values.is_empty() {
        let form = match document.cloud.as_deref() {
            Some("China") => "Azure service tags, China",
            Some("AzureGovernment") => "Azure service tags, US government",
            _ => "Azure service tags",
        };
        list.describe(form, "azure");
        azure(&document.values, &mut list);
    } else if !document.regions.is_empty() {
        list.describe("Oracle public IP ranges", "oci");
        list.built = document.oracle_date.as_deref().and_then(date_time);
        for found in &document.regions {
            for network in &found.cidrs {
                list.add_region(&network.cidr, &found.region);
            }
        }
    } else if document.prefixes.iter().any(|prefix| prefix.amazon_ipv4.is_some()) {
        list.describe("Amazon ip-ranges", "aws");
        list.built = document.amazon_date.as_deref().and_then(date_time);
        for prefix in document.prefixes.iter().chain(&document.ipv6_prefixes) {
            amazon(prefix, &mut list);
        }
    } else {
        list.describe("Google Cloud ranges", "gcp");
        list.built = document.google_date.as_deref().and_then(date_time);
        for prefix in &document.prefixes {
            let network = prefix.google_ipv4.as_deref().or(prefix.google_ipv6.as_deref());
            list.add_region(network.unwrap_or_default(), prefix.scope.as_deref().unwrap_or_default());
        }
    }
    Some(list)
}

/// By border group: a local zone may be in another country than its region. Lists before late 2020 have regions only.
fn amazon(prefix: &Prefix<'_>, list: &mut List) {
    let network = prefix.amazon_ipv4.as_deref().or(prefix.amazon_ipv6.as_deref()).unwrap_or_default();
    let place = prefix.network_border_group.as_deref().or(prefix.region.as_deref());
    list.add_region(network, place.unwrap_or_default());
}

/// A tag without a region lists the addresses of a service in all of them; each stands in a tag of its region as well.
fn azure(tags: &[Tag<'_>], list: &mut List) {
    for properties in tags.iter().map(|tag| &tag.properties).filter(|tag| !tag.region.is_empty()) {
        for prefix in &properties.address_prefixes {
            list.add_region(prefix, &properties.region);
        }
    }
}

impl List {
    const fn describe(&mut self, form: &'static str, origin: &'static str) {
        self.form = form;
        self.origin = Some(origin);
    }

    fn add_region(&mut self, network: &str, name: &str) {
        let origin = self.origin.unwrap_or_default();
        let found = region(origin, name);
        let country = found.map(|region| region.country);
        let city = found.and_then(|region| region.city);
        let region = city.map_or_else(|| name.to_owned(), |city| format!("{name} ({city})"));
        self.add(network, country, region, ClaimKind::Provider);
    }

    fn add(&mut self, network: &str, country: Option<CountryCode>, region: String, kind: ClaimKind) {
        let Some(network) = parse_network(network) else {
            self.skipped += 1;
            return;
        };
        if self.rows.len() < MAX_ROWS {
            self.rows.push(Row { network, country, region, kind, origin: self.origin, built: None });
        }
    }
}

/// A network, or one address.
pub(super) fn parse_network(text: &str) -> Option<IpNet> {
    let text = text.trim();
    text.parse().ok().or_else(|| text.parse().ok().map(|address: std::net::IpAddr| IpNet::from(address)))
}

/// Where the columns of a table are.
struct Columns {
    network: usize,
    country: usize,
    region: Option<usize>,
}

/// RFC 8805: prefix, country, ISO 3166-2 subdivision, city, postal code.
const GEOFEED: Columns = Columns { network: 0, country: 1, region: Some(3) };

/// A geofeed, or a table whose header names its columns. Without its further columns a geofeed is a plain list of
/// prefixes and countries.
fn table(text: &str) -> List {
    let mut list = List { form: "geofeed", ..List::default() };
    let mut columns = GEOFEED;
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let cells: Vec<_> = line.split(',').map(|cell| cell.trim().trim_matches('"')).collect();
        if list.rows.is_empty()
            && list.skipped == 0
            && let Some(named) = header(&cells)
        {
            columns = named;
            list.form = "table of prefixes";
            continue;
        }
        let cell = |place: usize| cells.get(place).copied().unwrap_or_default();
        let region = columns.region.map(cell).unwrap_or_default();
        let country = CountryCode::parse(cell(columns.country));
        list.add(cell(columns.network), country, region.to_owned(), ClaimKind::Geofeed);
    }
    list
}

fn header(cells: &[&str]) -> Option<Columns> {
    let place =
        |names: &[&str]| cells.iter().position(|cell| names.contains(&cell.to_ascii_lowercase().as_str()));
    Some(Columns {
        network: place(&["prefix", "network", "ip_prefix", "cidr"])?,
        country: place(&["country", "country_code", "cc", "alpha2code"])?,
        region: place(&["region", "region_or_border_group", "city"]),
    })
}

/// The time in `2026-08-22-15-17-05`, `2025-07-24T19:16:28.780563` or `2025-07-24`, taken as UTC.
pub(super) fn date_time(text: &str) -> Option<Timestamp> {
    let (day, rest) = text.split_at_checked(10)?;
    let day: Date = day.parse().ok()?;
    let mut clock = rest.split(['-', 'T', ':', '.', ' ']).filter_map(|part| part.parse::<i8>().ok());
    let mut next = || clock.next().unwrap_or_default();
    let (hour, minute, second) = (next(), next(), next());
    let time = jiff::civil::Time::new(hour, minute, second, 0).ok()?;
    day.to_datetime(time).to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

/// The date in a file's name: `ServiceTags_Public_20251020.json`, `dbip-country-lite-2026-06.mmdb`.
pub(super) fn date_in_name(name: &str) -> Option<Timestamp> {
    let digits: Vec<&str> = name.split(|letter: char| !letter.is_ascii_digit()).collect();
    let number = |text: &str| text.parse::<i16>().ok();
    let small = |text: &str| text.parse::<i8>().ok();
    let date = |year: &str, month: &str, day: &str| {
        let date = Date::new(number(year)?, small(month)?, small(day)?).ok()?;
        (2000..2100).contains(&date.year()).then_some(date)
    };
    let joined = digits.iter().filter(|part| part.len() == 8);
    let mut joined = joined.filter_map(|part| date(part.get(..4)?, part.get(4..6)?, part.get(6..)?));
    let mut apart = digits.windows(3).filter_map(|parts| match parts {
        [year, month, day] if year.len() == 4 && month.len() == 2 && day.len() == 2 => date(year, month, day),
        _ => None,
    });
    let mut months = digits.windows(2).filter_map(|parts| match parts {
        [year, month] if year.len() == 4 && month.len() == 2 => date(year, month, "01"),
        _ => None,
    });
    let date = joined.next().or_else(|| apart.next()).or_else(|| months.next())?;
    date.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Form, origin, date and rows, in words.
    fn shown(text: &str) -> Vec<String> {
        let Some(list) = read(text) else { return vec!["not understood".to_owned()] };
        let built = list.built.map_or("-".to_owned(), |time| time.to_string());
        let mut lines = vec![format!("{}, {}, {built}", list.form, list.origin.unwrap_or("-"))];
        lines.extend(list.rows.iter().map(|row| {
            let country = row.country.map_or("-".to_owned(), |code| code.to_string());
            format!("{} {country} {} {}", row.network, row.kind.name(), row.region)
        }));
        lines
    }

    #[test]
    fn amazon_is_read_by_border_group() {
        let text = r#"{"syncToken": "1", "createDate": "2026-08-22-15-17-05", "prefixes": [
            {"ip_prefix": "52.80.0.0/16", "region": "cn-north-1", "service": "AMAZON", "network_border_group": "cn-north-1"},
            {"ip_prefix": "15.0.0.0/24", "region": "us-east-1", "service": "EC2", "network_border_group": "us-east-1-bue-1"},
            {"ip_prefix": "99.0.0.0/24", "region": "GLOBAL", "service": "AMAZON", "network_border_group": "GLOBAL"}],
            "ipv6_prefixes": [
            {"ipv6_prefix": "2600:1f00::/24", "region": "us-west-2", "service": "AMAZON", "network_border_group": "us-west-2"}]}"#;
        assert_eq!(
            shown(text),
            [
                "Amazon ip-ranges, aws, 2026-08-22T15:17:05Z",
                "52.80.0.0/16 CN provider cn-north-1 (Beijing)",
                "15.0.0.0/24 AR provider us-east-1-bue-1",
                "99.0.0.0/24 - provider GLOBAL",
                "2600:1f00::/24 US provider us-west-2 (Boardman)",
            ]
        );
        let old = r#"{"createDate": "2020-04-02-21-13-11", "prefixes":
            [{"ip_prefix": "13.248.118.0/24", "region": "eu-west-1", "service": "AMAZON"}]}"#;
        assert_eq!(shown(old)[1], "13.248.118.0/24 IE provider eu-west-1 (Dublin)");
    }

    #[test]
    fn the_lists_of_the_others_are_read() {
        let azure = r#"{"changeNumber": 405, "cloud": "China", "values": [
            {"name": "ActionGroup", "properties": {"region": "", "addressPrefixes": ["40.72.175.176/30"]}},
            {"name": "AzureCloud.chinaeast", "properties": {"region": "chinaeast", "addressPrefixes": ["40.72.0.0/18", "x"]}}]}"#;
        assert_eq!(
            shown(azure),
            ["Azure service tags, China, azure, -", "40.72.0.0/18 CN provider chinaeast (Shanghai)"]
        );
        let google = r#"{"creationTime": "2025-07-24T19:16:28.780563", "prefixes": [
            {"ipv4Prefix": "34.92.0.0/16", "scope": "asia-east2"}, {"ipv6Prefix": "2600:1900::/35", "scope": "global"}]}"#;
        assert_eq!(
            shown(google),
            [
                "Google Cloud ranges, gcp, 2025-07-24T19:16:28Z",
                "34.92.0.0/16 HK provider asia-east2 (Hong Kong)",
                "2600:1900::/35 - provider global",
            ]
        );
        let oracle = r#"{"last_updated_timestamp": "2025-07-21T07:13:25.457838", "regions":
            [{"region": "us-ashburn-1", "cidrs": [{"cidr": "129.80.0.0/16", "tags": ["OCI"]}]}]}"#;
        assert_eq!(
            shown(oracle),
            [
                "Oracle public IP ranges, oci, 2025-07-21T07:13:25Z",
                "129.80.0.0/16 US provider us-ashburn-1 (Ashburn)"
            ]
        );
    }

    #[test]
    fn geofeeds_and_plain_tables_are_read() {
        let feed =
            "# feed\n5.101.96.0/21,NL,NL-NH,Amsterdam,1098 XH\n\n2001:db8::/32,,,,\nbad,US\n192.0.2.1,de\n";
        assert_eq!(
            shown(feed),
            [
                "geofeed, -, -",
                "5.101.96.0/21 NL geofeed Amsterdam",
                "2001:db8::/32 - geofeed ",
                "192.0.2.1/32 DE geofeed "
            ]
        );
        assert_eq!(read(feed).unwrap().skipped, 1);
        let table = "prefix,provider,region_or_border_group,cc\n3.4.12.4/32,aws,eu-west-1,IE\n";
        assert_eq!(shown(table), ["table of prefixes, -, -", "3.4.12.4/32 IE geofeed eu-west-1"]);
        assert_eq!(shown("prefix,country\r\n3.4.12.4/32,IE\r\n")[1], "3.4.12.4/32 IE geofeed ");
    }

    #[test]
    fn what_is_no_list_is_not_understood() {
        for text in ["", "hello", "{}", "{", "[]", "{\"prefixes\": [{}]}", "<html>", "a,b\nc,d"] {
            assert_eq!(shown(text), ["not understood"], "{text}");
        }
    }

    #[test]
    fn dates_are_found_in_texts_and_names() {
        let time = |found: Option<Timestamp>| found.map(|time| time.to_string());
        assert_eq!(time(date_time("2020-04-02-21-13-11")).unwrap(), "2020-04-02T21:13:11Z");
        assert_eq!(time(date_time("2020-04-02")).unwrap(), "2020-04-02T00:00:00Z");
        for bad in ["", "2020", "2020-13-02", "2020-04-02-99-00-00"] {
            assert_eq!(time(date_time(bad)), None, "{bad}");
        }
        for (name, date) in [
            ("ServiceTags_Public_20251020.json", Some("2025-10-20T00:00:00Z")),
            ("dbip-country-lite-2026-06.mmdb", Some("2026-06-01T00:00:00Z")),
            ("ranges-2024-02-29.csv", Some("2024-02-29T00:00:00Z")),
            ("GeoLite2-Country.mmdb", None),
            ("19990101.json", None),
            ("20269999.json", None),
        ] {
            assert_eq!(time(date_in_name(name)).as_deref(), date, "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in "\\PC{0,200}") {
            read(&text);
            date_in_name(&text);
            date_time(&text);
        }
    }
}
