//! What a host name hints of where the host is: codes that operators put into their names, `data/hints.tsv`.
//!
//! The operator should know, but a name can outlive a move and proves nothing: a hint decides no location.

use super::regions::region;
use super::{Claim, ClaimKind, CountryCode};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

const TABLE: &str = include_str!("../../data/hints.tsv");

/// Names of an address that are looked at: a hostile capture may give it any number.
const MAX_NAMES: usize = 32;
/// Letters of a name: RFC 1035 allows 255 bytes.
const MAX_NAME_BYTES: usize = 255;
/// What claims from host names call their source.
const SOURCE: &str = "host-name";

static HINTS: LazyLock<HashMap<(&str, &str), Hint>> = LazyLock::new(|| {
    let rows = TABLE.lines().filter(|line| !line.starts_with('#'));
    rows.filter_map(|line| {
        let mut columns = line.split('\t');
        let key = (columns.next()?, columns.next()?);
        let country = CountryCode::parse(columns.next()?)?;
        let place = columns.next()?;
        Some((key, Hint { country, place, needs_digits: columns.next() == Some("digits") }))
    })
    .collect()
});

/// One row of the table.
#[derive(Clone, Copy, Debug)]
struct Hint {
    country: CountryCode,
    place: &'static str,
    /// Whether the code is a word as well, so that it counts only with a number behind it.
    needs_digits: bool,
}

/// What `names` hint: one claim for each country.
pub(super) fn claims(names: &[&str]) -> Vec<Claim> {
    let mut claims: Vec<Claim> = Vec::new();
    for name in names.iter().take(MAX_NAMES).filter(|name| name.len() <= MAX_NAME_BYTES) {
        let Some((country, code, place)) = read(&name.to_ascii_lowercase()) else { continue };
        if claims.iter().all(|claim| claim.country != Some(country)) {
            claims.push(Claim {
                country: Some(country),
                region: Some(Arc::from(format!("{code} ({place}) in {name}"))),
                ..Claim::new(Arc::from(SOURCE), ClaimKind::Hint)
            });
        }
    }
    claims
}

/// Country, code and place: by the operator's own scheme, else by an airport.
fn read(name: &str) -> Option<(CountryCode, String, &'static str)> {
    let name = name.trim_end_matches('.');
    let ends_in = |suffixes: &[&str]| {
        suffixes.iter().any(|suffix| name.strip_suffix(suffix).is_some_and(|rest| rest.ends_with('.')))
    };
    if ends_in(&["amazonaws.com", "amazonaws.com.cn"]) {
        return cloud("aws", name);
    }
    if ends_in(&["cloudapp.azure.com", "chinacloudapp.cn"]) {
        return cloud("azure", name);
    }
    if ends_in(&["zoom.us"]) {
        return zoom(name).or_else(|| airport(name));
    }
    if ends_in(&["teams.microsoft.com", "cloudapp.net", "skype.com"]) {
        return parts(name).find_map(|(code, number)| found("teams", code, number));
    }
    airport(name)
}

/// A label that is a region's code: `ec2-52-81-151-250.cn-north-1.compute.amazonaws.com.cn`.
fn cloud(provider: &str, name: &str) -> Option<(CountryCode, String, &'static str)> {
    name.split('.').find_map(|label| {
        let found = region(provider, label)?;
        Some((found.country, label.to_owned(), found.city.unwrap_or("a region")))
    })
}

/// `zoom<data centre>[letters]<number>mmr.zoom.us`, and `zc` for zone controllers.
fn zoom(name: &str) -> Option<(CountryCode, String, &'static str)> {
    let label = name.split('.').next()?.strip_prefix("zoom")?;
    let label = label.strip_suffix("mmr").or_else(|| label.strip_suffix("zc"))?;
    let letters = label.trim_end_matches(|letter: char| letter.is_ascii_digit());
    if letters.len() == label.len() || !letters.bytes().all(|letter| letter.is_ascii_lowercase()) {
        return None;
    }
    // The longest code that fits: what follows tells machines of one place apart.
    let codes = (2..=letters.len()).rev().filter_map(|length| letters.get(..length));
    codes.into_iter().find_map(|code| found("zoom", code, true))
}

fn airport(name: &str) -> Option<(CountryCode, String, &'static str)> {
    // The last two labels are the operator's own name.
    let place = name.rmatch_indices('.').nth(1).map(|(place, _)| place)?;
    parts(name.get(..place)?).find_map(|(code, number)| found("airport", code, number))
}

/// Parts of labels between hyphens and dots, without a number at the end; whether there was one.
fn parts(name: &str) -> impl Iterator<Item = (&str, bool)> {
    name.split(['.', '-', '_']).map(|part| {
        let code = part.trim_end_matches(|letter: char| letter.is_ascii_digit());
        (code, code.len() < part.len())
    })
}

fn found(scheme: &str, code: &str, has_digits: bool) -> Option<(CountryCode, String, &'static str)> {
    let hint = HINTS.get(&(scheme, code)).filter(|hint| has_digits || !hint.needs_digits)?;
    Some((hint.country, code.to_owned(), hint.place))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hint(name: &str) -> Option<String> {
        let (country, code, place) = read(name)?;
        Some(format!("{country} {code} {place}"))
    }

    #[test]
    fn every_row_of_the_table_is_read() {
        let rows = TABLE.lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(HINTS.len(), rows);
        assert!(rows > 100);
    }

    #[test]
    fn names_hint_by_the_scheme_of_their_operator() {
        for (name, expected) in [
            ("zoomfrn99mmr.zoom.us", "DE fr Frankfurt"),
            ("zoomfr84zc.zoom.us", "DE fr Frankfurt"),
            ("zoomam104zc.zoom.us", "NL am Amsterdam"),
            ("zoomsjccv154mmr.sjc.zoom.us", "US sjc San Jose"),
            ("zoomdvm156mmr.zoom.us", "US dv Denver"),
            ("zoombj12mmr.zoom.us.", "CN bj Beijing"),
            ("ec2-52-81-151-250.cn-north-1.compute.amazonaws.com.cn", "CN cn-north-1 Beijing"),
            ("x.us-east-1-bue-1.amazonaws.com", "AR us-east-1-bue-1 a region"),
            ("vm.westeurope.cloudapp.azure.com", "NL westeurope Amsterdam"),
            ("trouter2-asse-a.trouter.teams.microsoft.com", "SG asse Singapore"),
            ("c-flightproxy-euno-01-teams.cloudapp.net", "IE euno Dublin"),
            ("whatsapp-cdn-shv-01-mxp1.fbcdn.net", "IT mxp Milan"),
            ("fra3.example.net", "DE fra Frankfurt"),
            ("a.del2.example.net", "IN del Delhi"),
        ] {
            assert_eq!(hint(name).as_deref(), Some(expected), "{name}");
        }
    }

    #[test]
    fn other_names_hint_nothing() {
        for name in [
            "",
            ".",
            "zoom.us",
            "log.zoom.us",
            "zoomfr.zoom.us",
            "zoomxx1mmr.zoom.us",
            "fra.com",
            "fra",
            "per.example.net",
            "man.example.net",
            "franz.example.net",
            "infra.example.net",
            "www.example.net",
            "amazonaws.com",
            "evilzoom.us",
            "zoomfr1mmr.evilzoom.us",
        ] {
            assert_eq!(hint(name), None, "{name}");
        }
    }

    #[test]
    fn each_country_is_claimed_once() {
        let claims = claims(&["ZOOMFR84zc.zoom.us", "zoomfrn99mmr.zoom.us", "nothing", "mxp1.example.net"]);
        let shown: Vec<_> =
            claims.iter().map(|claim| (claim.country.unwrap().to_string(), claim.kind)).collect();
        assert_eq!(shown, [("DE".to_owned(), ClaimKind::Hint), ("IT".to_owned(), ClaimKind::Hint)]);
        assert_eq!(claims[0].region.as_deref(), Some("fr (Frankfurt) in ZOOMFR84zc.zoom.us"));
        assert_eq!(claims[0].network, None);
    }

    proptest! {
        #[test]
        fn any_name_is_read_without_panic(name in "\\PC{0,60}") {
            claims(&[&name, &format!("{name}.zoom.us"), &format!("zoom{name}mmr.zoom.us")]);
        }
    }
}
