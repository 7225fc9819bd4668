//! What the sources say of one server, in as few words as tell who says what, and what became of it.

use super::super::text::{escape, milliseconds, number};
use crate::locate::{Claim, ClaimKind, CountryCode, FAR_DAYS, Gap, LatencyBound, Location, Plausibility};
use std::time::Duration;

/// Claims told of one address before the rest is only counted.
const MAX_CLAIMS: usize = 8;
/// Days past which years are told.
const YEAR: i64 = 365;

/// `CN: AWS cn-north-1 2026-08, dbip-country-lite 2026-06; 238 ms allow it`: the strongest kind first, so what names
/// another country behind it was set aside.
pub(super) fn told(location: &Location) -> String {
    let mut claims: Vec<&Claim> = location.claims.iter().filter(|claim| claim.country.is_some()).collect();
    claims.sort_by_key(|claim| (claim.is_refuted(), std::cmp::Reverse(claim.kind)));
    let more = claims.len().saturating_sub(MAX_CLAIMS);
    claims.truncate(MAX_CLAIMS);
    let all_off = all_off(&claims);
    let mut parts = Vec::new();
    while let Some(first) = claims.first().copied() {
        let key = |claim: &Claim| (claim.country, claim.is_refuted());
        let (alike, others): (Vec<&Claim>, Vec<&Claim>) =
            claims.into_iter().partition(|claim| key(claim) == key(first));
        let sources: Vec<String> = alike.iter().map(|claim| source(claim, all_off.is_none())).collect();
        let country = first.country.as_ref().map_or("", CountryCode::as_str);
        let reach = location.latency.as_ref().and_then(|bound| reach(first, bound)).unwrap_or_default();
        parts.push(format!("{country}: {}{reach}", sources.join(", ")));
        claims = others;
    }
    parts.extend((more > 0).then(|| format!("and {more} more")));
    parts.extend(all_off.map(|off| format!("made {off}")));
    match location.reason {
        Some(gap @ (Gap::Anycast | Gap::NoClaim)) => parts.push(gap.name().to_owned()),
        Some(Gap::Refuted) | None => {}
    }
    parts.join("; ")
}

/// `AWS cn-north-1 2026-08`, `dbip-country-lite 2026-06`, `name (bj)`.
fn source(claim: &Claim, with_distance: bool) -> String {
    let region = claim.region.as_deref().map(escape);
    if claim.kind == ClaimKind::Hint {
        // `bj (Beijing) in zoombj12mmr.zoom.us`: the name stands in the line above.
        let code = region.as_deref().and_then(|region| region.split(' ').next()).unwrap_or_default();
        return format!("name ({code})");
    }
    let name = match (claim.kind, claim.origin) {
        (ClaimKind::Provider, Some("aws")) => "AWS",
        (ClaimKind::Provider, Some("azure")) => "Azure",
        (ClaimKind::Provider, Some("gcp")) => "Google",
        (ClaimKind::Provider, Some("oci")) => "Oracle",
        _ => &claim.source,
    };
    let date = claim.built.map(|built| built.strftime("%Y-%m").to_string());
    let off =
        claim.days_off.filter(|_| with_distance && claim.far_in_time).map(|days| format!("({})", off(days)));
    let registered = (claim.kind == ClaimKind::Registry).then(|| "(registrations)".to_owned());
    [Some(escape(name)), region, date, off, registered].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// What the round-trip time makes of the country that `claim` names.
fn reach(claim: &Claim, bound: &LatencyBound) -> Option<String> {
    let found = claim.latency?;
    let time = milliseconds(Duration::from_secs_f64((bound.min_ms / 1000.0).clamp(0.0, 1e9)));
    let distance =
        format!("{found:.0}", found = found.distance_km).parse().map_or_else(|_| String::new(), number);
    Some(match found.verdict {
        Plausibility::Possible => format!(", {time} allow it"),
        verdict => format!(", {} in {time}: {distance} km away", verdict.name()),
    })
}

/// `6 years after the packets`.
fn off(days: i64) -> String {
    let (count, unit) =
        if days.abs() < 2 * YEAR { (days.abs(), "days") } else { (days.abs() / YEAR, "years") };
    let side = if days < 0 { "before" } else { "after" };
    format!("{count} {unit} {side} the packets")
}

/// How far from the packets the sources were made, if all were made as far from them: said once then.
fn all_off(claims: &[&Claim]) -> Option<String> {
    let mut distances = claims
        .iter()
        .filter(|claim| claim.kind != ClaimKind::Hint)
        .map(|claim| claim.days_off.filter(|days| days.abs() > FAR_DAYS).map(off));
    let first = distances.next()??;
    distances.all(|other| other.as_ref() == Some(&first)).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::locate::{Circumstances, Reach, conclude};
    use jiff::Timestamp;
    use std::sync::Arc;

    fn claim(source: &str, kind: ClaimKind, country: &str, date: &str) -> Claim {
        Claim {
            country: CountryCode::parse(country),
            built: format!("{date}T00:00:00Z").parse::<Timestamp>().ok(),
            ..Claim::new(Arc::from(source), kind)
        }
    }

    fn bound(min_ms: f64) -> LatencyBound {
        LatencyBound {
            vantage: "IT".to_owned(),
            min_ms,
            samples: 1,
            via: "tcp",
            impossible_beyond_km: 0.0,
            unlikely_beyond_km: 0.0,
            formula: "",
        }
    }

    fn shown(claims: Vec<Claim>, milliseconds: Option<f64>) -> String {
        let mut location = conclude(claims, &Circumstances::default());
        location.latency = milliseconds.map(bound);
        told(&location)
    }

    fn provider() -> Claim {
        let claim = claim("cloud-regions", ClaimKind::Provider, "CN", "2026-08-22");
        Claim { origin: Some("aws"), region: Some(Arc::from("cn-north-1")), ..claim }
    }

    fn database() -> Claim {
        Claim { origin: Some("dbip"), ..claim("dbip-country-lite", ClaimKind::Database, "CN", "2026-06-01") }
    }

    fn at(claim: Claim, distance_km: f64, verdict: Plausibility) -> Claim {
        Claim { latency: Some(Reach { distance_km, verdict }), ..claim }
    }

    #[test]
    fn sources_that_agree_stand_behind_one_country_the_strongest_first() {
        let agree = vec![database(), provider()];
        assert_eq!(shown(agree, None), "CN: AWS cn-north-1 2026-08, dbip-country-lite 2026-06");
        let possible = at(database(), 7000.0, Plausibility::Possible);
        assert_eq!(shown(vec![possible], Some(238.0)), "CN: dbip-country-lite 2026-06, 238 ms allow it");
    }

    #[test]
    fn what_was_set_aside_stands_behind_what_decides() {
        let list = Claim { built: None, ..claim("mine", ClaimKind::Geofeed, "DE", "") };
        let hint = Claim {
            region: Some(Arc::from("bj (Beijing) in zoombj12mmr.zoom.us")),
            ..claim("name", ClaimKind::Hint, "CN", "")
        };
        let registry = claim("iptoasn", ClaimKind::Registry, "US", "2026-06-01");
        assert_eq!(
            shown(vec![registry, database(), hint, list], None),
            "DE: mine; CN: dbip-country-lite 2026-06, name (bj); US: iptoasn 2026-06 (registrations)"
        );
    }

    #[test]
    fn what_the_round_trip_time_rules_out_stands_last_with_the_distance() {
        let refuted = at(database(), 5580.4, Plausibility::Impossible);
        let other = at(claim("b", ClaimKind::Database, "NL", "2026-06-01"), 800.0, Plausibility::Possible);
        assert_eq!(
            shown(vec![refuted.clone(), other], Some(17.4)),
            "NL: b 2026-06, 17 ms allow it; CN: dbip-country-lite 2026-06, impossible in 17 ms: 5,580 km away"
        );
        assert_eq!(
            shown(vec![refuted], Some(17.4)),
            "CN: dbip-country-lite 2026-06, impossible in 17 ms: 5,580 km away"
        );
    }

    #[test]
    fn sources_that_are_far_from_the_packets_are_marked() {
        let far = |claim: Claim, days| Claim { days_off: Some(days), far_in_time: true, ..claim };
        let both = vec![far(database(), 2250), far(provider(), 2332)];
        assert_eq!(
            shown(both, None),
            "CN: AWS cn-north-1 2026-08, dbip-country-lite 2026-06; made 6 years after the packets"
        );
        let one = vec![far(database(), -400), provider()];
        assert_eq!(
            shown(one, None),
            "CN: AWS cn-north-1 2026-08, dbip-country-lite 2026-06 (400 days before the packets)"
        );
    }

    #[test]
    fn where_nobody_knows_it_says_so() {
        assert_eq!(shown(vec![], None), "no source names a country");
        let denied = Circumstances { anycast: Some("list"), ..Circumstances::default() };
        assert_eq!(
            told(&conclude(vec![database()], &denied)),
            "CN: dbip-country-lite 2026-06; anycast: the address is served from many places"
        );
    }

    #[test]
    fn a_name_of_a_file_cannot_steer_the_terminal() {
        let claim = Claim { region: Some(Arc::from("\u{1b}[2J")), ..provider() };
        assert!(!shown(vec![claim], None).contains('\u{1b}'));
    }
}
