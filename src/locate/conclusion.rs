//! The conclusion from claims to a location: pure, so that a reader can follow it from the report alone.

use super::{Claim, Confidence, Contradiction, Location};
use std::sync::Arc;

/// Concludes where an address is from `claims`, which are kept in their order.
///
/// * Claims that name no country count for nothing; a country of registration is not a location.
/// * Different countries: disputed, and no country is concluded. To take a side, by majority or by name, would be a
///   statement that no evidence supports; the claims say who says what.
/// * One country: confirmed where two or more independent witnesses name it, else likely. Claims of one origin are one
///   witness. A source of unknown origin may be a copy of another one, so it confirms nothing.
pub fn conclude(claims: Vec<Claim>) -> Location {
    let mut countries = claims.iter().filter_map(|claim| claim.country);
    let first = countries.next();
    let (country, confidence) = match first {
        None => (None, Confidence::Unknown),
        Some(country) if countries.any(|other| other != country) => (None, Confidence::Disputed),
        Some(_) if witnesses(&claims) > 1 => (first, Confidence::Confirmed),
        Some(_) => (first, Confidence::Likely),
    };
    let contradictions =
        if confidence == Confidence::Disputed { vec![contradiction(&claims)] } else { Vec::new() };
    Location { country, confidence, claims, contradictions }
}

/// How many known origins the claims that name a country have.
fn witnesses(claims: &[Claim]) -> usize {
    let mut origins: Vec<_> =
        claims.iter().filter(|claim| claim.country.is_some()).filter_map(|c| c.origin).collect();
    origins.sort_unstable();
    origins.dedup();
    origins.len()
}

/// The contradiction of claims that name different countries.
fn contradiction(claims: &[Claim]) -> Contradiction {
    let named = claims.iter().filter_map(|claim| Some((Arc::clone(&claim.source), claim.country?)));
    let (sources, says): (Vec<_>, Vec<_>) =
        named.map(|(source, country)| (Arc::clone(&source), format!("{source} says {country}"))).unzip();
    Contradiction { sources, reason: says.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::super::{ClaimKind, CountryCode};
    use super::*;
    use proptest::prelude::*;

    fn claim(source: &str, origin: Option<&'static str>, country: Option<&str>) -> Claim {
        Claim {
            source: Arc::from(source),
            kind: ClaimKind::Database,
            origin,
            country: country.map(|code| CountryCode::parse(code).unwrap()),
            registered_country: CountryCode::parse("US"),
            network: "192.0.2.0/24".parse().unwrap(),
            built: None,
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
            let location = conclude(claims.clone());
            assert_eq!(location.country.map(|code| code.to_string()).as_deref(), country, "{what}");
            assert_eq!(location.confidence, confidence, "{what}");
            assert_eq!(location.claims, claims, "{what}");
            assert_eq!(!location.contradictions.is_empty(), confidence == Confidence::Disputed, "{what}");
        }
    }

    #[test]
    fn a_contradiction_says_who_says_what() {
        let location = conclude(vec![
            claim("dbip", Some("dbip"), Some("CN")),
            claim("silent", None, None),
            claim("other", None, Some("US")),
        ]);
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
                "registered_country": "US", "network": "192.0.2.0/24", "built": null})
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
            let forward = conclude(claims.clone());
            claims.reverse();
            let backward = conclude(claims);
            prop_assert_eq!((forward.country, forward.confidence), (backward.country, backward.confidence));
            prop_assert_eq!(forward.country.is_some(), forward.confidence >= Confidence::Likely);
        }
    }
}
