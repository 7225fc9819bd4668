//! The conclusion from claims to a location: pure, so that a reader can follow it from the report alone.

use super::{Claim, ClaimKind, Confidence, Contradiction, CountryCode, Gap, Location, Plausibility};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What else bears on the conclusion from claims.
#[derive(Clone, Copy, Debug, Default)]
pub struct Circumstances<'a> {
    /// The source that lists the address as one that is served from many places.
    pub anycast: Option<&'a str>,
    /// The countries that the policy denies, where there is one.
    pub denied: Option<&'a BTreeSet<CountryCode>>,
}

/// Concludes where an address is from `claims`, which are kept in their order.
///
/// 1. An address that is listed as anycast is in no one country: unknown.
/// 2. Claims that the round-trip time makes impossible are struck out. If nothing is left the location is unknown; where
///    independent witnesses are refuted together, the address is taken to be anycast.
/// 3. Claims that name no country count for nothing; a country of registration is not a location.
/// 4. The strongest kind decides: the provider's own statement, then a geofeed, then location databases, then databases of
///    registrations. A hint decides nothing. Claims of the deciding kind that differ: disputed, without a country.
///    Neither a majority nor a name settles it.
/// 5. All claims agree: confirmed where two or more independent witnesses name the country, else likely. Claims of one
///    origin are one witness. Registrations and hints confirm nothing, nor does a database of unknown origin, which may
///    be a copy.
/// 6. Weaker claims differ: likely, or disputed if the policy denies any of the countries that are named.
/// 7. A country that the round-trip time makes unlikely is disputed.
pub fn conclude(claims: Vec<Claim>, circumstances: &Circumstances<'_>) -> Location {
    let (country, confidence, reason) = verdict(&claims, circumstances);
    let mut location = Location { country, confidence, reason, claims, ..Location::unknown() };
    location.contradictions = contradictions(&location.claims, circumstances.anycast);
    location
}

type Conclusion = (Option<CountryCode>, Confidence, Option<Gap>);

const fn unknown(gap: Gap) -> Conclusion {
    (None, Confidence::Unknown, Some(gap))
}

fn verdict(claims: &[Claim], circumstances: &Circumstances<'_>) -> Conclusion {
    if circumstances.anycast.is_some() {
        return unknown(Gap::Anycast);
    }
    let Some(best) = standing(claims).map(|claim| claim.kind).max().filter(|kind| *kind > ClaimKind::Hint)
    else {
        return unknown(gap(claims));
    };
    let mut deciding = standing(claims).filter(|claim| claim.kind == best);
    let Some(first) = deciding.next() else { return unknown(Gap::NoClaim) };
    if deciding.any(|claim| claim.country != first.country) {
        return (None, Confidence::Disputed, None);
    }
    let unanimous = standing(claims).all(|claim| claim.country == first.country);
    let is_denied = |claim: &Claim| {
        let denied = circumstances.denied.zip(claim.country);
        denied.is_some_and(|(denied, country)| denied.contains(&country))
    };
    let unlikely = first.latency.is_some_and(|reach| reach.verdict == Plausibility::Unlikely);
    let confidence = if unlikely || !unanimous && standing(claims).any(is_denied) {
        Confidence::Disputed
    } else if claims.len() > 1 && unanimous && witnesses(standing(claims)) > 1 {
        Confidence::Confirmed
    } else {
        Confidence::Likely
    };
    (first.country, confidence, None)
}

/// The claims that name a country and are not refuted.
fn standing(claims: &[Claim]) -> impl Iterator<Item = &Claim> {
    claims.iter().filter(|claim| claim.country.is_some() && !claim.is_refuted())
}

/// Why no claim decides.
fn gap(claims: &[Claim]) -> Gap {
    let refuted = || claims.iter().filter(|claim| claim.is_refuted());
    match (refuted().count(), witnesses(refuted())) {
        (0, _) => Gap::NoClaim,
        (_, 0 | 1) => Gap::Refuted,
        (_, _) => Gap::Anycast,
    }
}

/// How many independent witnesses there are among `claims`.
fn witnesses<'a>(claims: impl Iterator<Item = &'a Claim>) -> usize {
    let name = |claim: &'a Claim| match claim.kind {
        ClaimKind::Hint | ClaimKind::Registry => None,
        ClaimKind::Database => claim.origin,
        // A list of whoever it may be is no copy of a database.
        ClaimKind::Geofeed | ClaimKind::Provider => Some(claim.origin.unwrap_or(&claim.source)),
    };
    // A handful at most: comparing each with those before it takes no memory.
    let mut seen = [""; 8];
    let mut count = 0;
    for witness in claims.filter_map(name) {
        if seen.iter().take(count).all(|other| *other != witness)
            && let Some(place) = seen.get_mut(count)
        {
            *place = witness;
            count += 1;
        }
    }
    count
}

fn contradictions(claims: &[Claim], anycast: Option<&str>) -> Vec<Contradiction> {
    let mut found = Vec::new();
    // Most addresses have one claim, and nothing that speaks against it.
    if let [claim] = claims
        && claim.latency.is_none()
        && anycast.is_none()
    {
        return found;
    }
    let mut countries = standing(claims).map(|claim| claim.country);
    let first = countries.next();
    if first.is_some_and(|first| countries.any(|other| other != first)) {
        found.push(disagreement(claims));
    }
    for claim in claims {
        let (Some(country), Some(reach)) = (claim.country, claim.latency) else { continue };
        if reach.verdict != Plausibility::Possible {
            found.push(Contradiction {
                sources: vec![Arc::clone(&claim.source)],
                reason: format!(
                    "{} says {country}, which is {} for the round-trip time ({:.0} km away)",
                    claim.source,
                    reach.verdict.name(),
                    reach.distance_km
                ),
            });
        }
    }
    if let Some(list) = anycast
        && first.is_some()
    {
        found.push(Contradiction {
            sources: vec![Arc::from(list)],
            reason: format!("{list} lists the address as anycast"),
        });
    }
    found
}

/// The contradiction of claims that name different countries.
fn disagreement(claims: &[Claim]) -> Contradiction {
    let named = standing(claims).filter_map(|claim| Some((Arc::clone(&claim.source), claim.country?)));
    let (sources, says): (Vec<_>, Vec<_>) =
        named.map(|(source, country)| (Arc::clone(&source), format!("{source} says {country}"))).unzip();
    Contradiction { sources, reason: says.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::super::Reach;
    use super::*;
    use proptest::prelude::*;

    fn claim(source: &str, origin: Option<&'static str>, country: Option<&str>) -> Claim {
        Claim {
            origin,
            country: country.map(|code| CountryCode::parse(code).unwrap()),
            registered_country: CountryCode::parse("US"),
            network: Some("192.0.2.0/24".parse().unwrap()),
            ..Claim::new(Arc::from(source), ClaimKind::Database)
        }
    }

    #[test]
    fn the_conclusion_follows_the_table() {
        let a = |country| claim("a", Some("one"), country);
        let b = |country| claim("b", Some("two"), country);
        let c = |country| claim("c", Some("three"), country);
        let a_again = |country| claim("a-2", Some("one"), country);
        let stranger = |country| claim("x", None, country);
        let (cn, us) = (Some("CN"), Some("US"));
        let table = [
            ("no source", vec![], None, Confidence::Unknown),
            ("a source without a country", vec![a(None)], None, Confidence::Unknown),
            ("one source", vec![a(cn)], cn, Confidence::Likely),
            ("one source of unknown origin", vec![stranger(cn)], cn, Confidence::Likely),
            ("one source, another silent", vec![a(None), b(cn)], cn, Confidence::Likely),
            ("two that agree", vec![a(cn), b(cn)], cn, Confidence::Confirmed),
            ("two of one origin that agree", vec![a(cn), a_again(cn)], cn, Confidence::Likely),
            ("a copy does not confirm", vec![a(cn), stranger(cn)], cn, Confidence::Likely),
            ("copies do not confirm", vec![stranger(cn), stranger(cn)], cn, Confidence::Likely),
            ("three, two of one origin", vec![a(cn), a_again(cn), b(cn)], cn, Confidence::Confirmed),
            ("two that disagree", vec![a(cn), b(us)], None, Confidence::Disputed),
            ("two of one origin that disagree", vec![a(cn), a_again(us)], None, Confidence::Disputed),
            ("a stranger disagrees", vec![a(cn), stranger(us)], None, Confidence::Disputed),
            ("a majority does not decide", vec![a(cn), b(cn), c(us)], None, Confidence::Disputed),
        ];
        for (what, claims, country, confidence) in table {
            let location = conclude(claims.clone(), &Circumstances::default());
            assert_eq!(location.country.map(|code| code.to_string()).as_deref(), country, "{what}");
            assert_eq!(location.confidence, confidence, "{what}");
            assert_eq!(location.claims, claims, "{what}");
            assert_eq!(!location.contradictions.is_empty(), confidence == Confidence::Disputed, "{what}");
        }
    }

    /// A claim in short: kind, country, and what latency makes of it (`!` impossible, `?` unlikely).
    fn short(text: &str) -> Claim {
        let (kind, country) = text.split_once(' ').unwrap();
        let (name, kind, origin) = match kind {
            "aws" => ("aws", ClaimKind::Provider, Some("aws")),
            "azure" => ("azure", ClaimKind::Provider, Some("azure")),
            "feed" => ("feed", ClaimKind::Geofeed, None),
            "a" => ("a", ClaimKind::Database, Some("one")),
            "b" => ("b", ClaimKind::Database, Some("two")),
            "registry" => ("registry", ClaimKind::Registry, Some("iptoasn")),
            _ => ("name", ClaimKind::Hint, None),
        };
        let latency = match country.get(2..) {
            Some("!") => Some(Reach { distance_km: 9000.0, verdict: Plausibility::Impossible }),
            Some("?") => Some(Reach { distance_km: 9000.0, verdict: Plausibility::Unlikely }),
            _ => None,
        };
        Claim { kind, latency, ..claim(name, origin, country.get(..2)) }
    }

    #[test]
    fn the_rule_follows_the_table() {
        use Confidence::{Confirmed, Disputed, Likely, Unknown};
        // Claims; country and confidence without a policy; confidence where CN is denied.
        let table: [(&[&str], &str, Confidence, Confidence); 28] = [
            (&["aws CN"], "CN", Likely, Likely),
            (&["aws CN", "a CN"], "CN", Confirmed, Confirmed),
            (&["aws CN", "aws CN"], "CN", Likely, Likely),
            (&["feed DE", "a DE"], "DE", Confirmed, Confirmed),
            (&["feed DE"], "DE", Likely, Likely),
            // The stronger kind decides.
            (&["a US", "aws CN"], "CN", Likely, Disputed),
            (&["a CN", "b CN", "aws US"], "US", Likely, Disputed),
            (&["a US", "aws DE"], "DE", Likely, Likely),
            (&["a US", "feed DE"], "DE", Likely, Likely),
            (&["feed US", "aws DE"], "DE", Likely, Likely),
            (&["registry US", "a DE"], "DE", Likely, Likely),
            (&["registry CN", "a DE"], "DE", Likely, Disputed),
            // Of the deciding kind all must agree.
            (&["aws CN", "azure US"], "", Disputed, Disputed),
            (&["a DE", "b US", "registry US"], "", Disputed, Disputed),
            (&["a US", "b DE", "aws US"], "US", Likely, Likely),
            // Registrations and hints neither confirm, nor does a hint decide.
            (&["registry CN"], "CN", Likely, Likely),
            (&["registry CN", "a CN"], "CN", Likely, Likely),
            (&["hint CN"], "", Unknown, Unknown),
            (&["hint CN", "a CN"], "CN", Likely, Likely),
            (&["hint CN", "a US"], "US", Likely, Disputed),
            (&["hint CN", "a US", "b US"], "US", Likely, Disputed),
            (&["hint DE", "a US", "b US"], "US", Likely, Likely),
            // Physics.
            (&["a CN!"], "", Unknown, Unknown),
            (&["a CN!", "b US"], "US", Likely, Likely),
            (&["aws CN!", "a US", "b US"], "US", Confirmed, Confirmed),
            (&["a CN?"], "CN", Disputed, Disputed),
            (&["a CN?", "b CN?"], "CN", Disputed, Disputed),
            (&["a CN?", "aws US"], "US", Likely, Disputed),
        ];
        let denied = BTreeSet::from([CountryCode::parse("CN").unwrap()]);
        for (claims, country, without, with) in table {
            let of = |denied| {
                let circumstances = Circumstances { denied, ..Circumstances::default() };
                conclude(claims.iter().map(|claim| short(claim)).collect(), &circumstances)
            };
            for (location, confidence) in [(of(None), without), (of(Some(&denied)), with)] {
                let found = location.country.map(|code| code.to_string()).unwrap_or_default();
                assert_eq!((found.as_str(), location.confidence), (country, confidence), "{claims:?}");
                assert_eq!(location.reason.is_some(), confidence == Unknown, "{claims:?}");
            }
        }
    }

    #[test]
    fn what_is_not_known_has_a_reason() {
        for (claims, anycast, reason) in [
            (vec![], None, Gap::NoClaim),
            (vec!["hint DE"], None, Gap::NoClaim),
            (vec!["a CN!"], None, Gap::Refuted),
            (vec!["a CN!", "hint DE"], None, Gap::Refuted),
            (vec!["a US!", "b DE!"], None, Gap::Anycast),
            (vec!["a US!", "b US!"], None, Gap::Anycast),
            (vec!["a US", "b US"], Some("list"), Gap::Anycast),
        ] {
            let circumstances = Circumstances { anycast, ..Circumstances::default() };
            let location = conclude(claims.iter().map(|claim| short(claim)).collect(), &circumstances);
            let found = (location.country, location.confidence, location.reason);
            assert_eq!(found, (None, Confidence::Unknown, Some(reason)), "{claims:?}");
        }
    }

    #[test]
    fn contradictions_name_what_the_round_trip_time_rules_out() {
        let location = conclude(vec![short("a CN!"), short("b US?")], &Circumstances::default());
        let reasons: Vec<_> = location.contradictions.iter().map(|found| found.reason.as_str()).collect();
        assert_eq!(
            reasons,
            [
                "a says CN, which is impossible for the round-trip time (9000 km away)",
                "b says US, which is unlikely for the round-trip time (9000 km away)",
            ]
        );
    }

    #[test]
    fn a_contradiction_says_who_says_what() {
        let claims = vec![
            claim("dbip", Some("dbip"), Some("CN")),
            claim("silent", None, None),
            claim("other", None, Some("US")),
        ];
        let location = conclude(claims, &Circumstances::default());
        let json = serde_json::to_value(&location).unwrap();
        assert_eq!(
            json["contradictions"],
            serde_json::json!([{"sources": ["dbip", "other"], "reason": "dbip says CN, other says US"}])
        );
        assert_eq!(json["country"], serde_json::Value::Null);
        assert_eq!(json["confidence"], "disputed");
        assert_eq!(
            json["claims"][0],
            serde_json::json!({"source": "dbip", "kind": "database", "origin": "dbip", "country": "CN",
                "registered_country": "US", "region": null, "network": "192.0.2.0/24", "built": null,
                "days_off": null, "far_in_time": false, "latency": null})
        );
    }

    proptest! {
        #[test]
        fn the_order_of_claims_does_not_change_the_conclusion(
            said in proptest::collection::vec((0_usize..4, 0_usize..4), 0..6),
        ) {
            let origins = [None, Some("one"), Some("two"), Some("three")];
            let countries = [None, Some("CN"), Some("US"), Some("DE")];
            let mut claims: Vec<Claim> =
                said.iter().map(|(origin, country)| claim("s", origins[*origin], countries[*country])).collect();
            let forward = conclude(claims.clone(), &Circumstances::default());
            claims.reverse();
            let backward = conclude(claims, &Circumstances::default());
            prop_assert_eq!((forward.country, forward.confidence), (backward.country, backward.confidence));
            prop_assert_eq!(forward.country.is_some(), forward.confidence >= Confidence::Likely);
        }
    }
}
