//! What holds of judgements by policy files: conditions, and what is not known.

use super::{CountrySet, Evidence, Judgement, Policy, Reason, Severity, Verdict};
use crate::capture::Timestamp;
use crate::identify::{Contact, Role, Service};
use crate::locate::{
    Asn, Circumstances, Claim, ClaimKind, Confidence, CountryCode, Gap, Location, Scope, conclude, countries,
};
use proptest::prelude::*;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;

fn policy(head: &str, rules: &[&str]) -> Policy {
    let mut text = format!("name = \"x\"\n{head}\n");
    for (rule, id) in rules.iter().zip('a'..) {
        let _ = write!(text, "[[rule]]\nid = \"{id}\"\n{rule}\n");
    }
    Policy::from_toml("p.toml", text.as_bytes(), &[]).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

fn located(country: &str, confidence: Confidence) -> Location {
    Location { country: CountryCode::parse(country), confidence, ..Location::unknown() }
}

/// What sources that differ come to.
fn disputed(countries: &[&str]) -> Location {
    let claims = countries.iter().enumerate().map(|(place, country)| Claim {
        country: CountryCode::parse(country),
        ..Claim::new(Arc::from(format!("source {place}")), ClaimKind::Database)
    });
    let location = conclude(claims.collect(), &Circumstances::default());
    assert_eq!(location.confidence, Confidence::Disputed);
    location
}

fn evidence(location: &Location) -> Evidence<'_> {
    Evidence::new(IpAddr::from([52, 81, 151, 250]), Scope::Global, location, Contact::Control)
}

fn short(found: &Judgement) -> String {
    let sign = match found.verdict {
        Verdict::Allow => "+",
        Verdict::Deny => "-",
        Verdict::Indeterminate => "?",
    };
    format!("{sign}{}", found.rule.as_deref().unwrap_or_default())
}

fn at(text: &str) -> Timestamp {
    let time: jiff::Timestamp = text.parse().unwrap();
    Timestamp::from_nanoseconds(i64::try_from(time.as_nanosecond()).unwrap())
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of every condition")]
fn each_condition_holds_does_not_or_cannot_be_told() {
    let china = located("CN", Confidence::Likely);
    let base = evidence(&china);
    let (eu, us, both): (CountrySet, CountrySet, CountrySet) =
        ("@eu".parse().unwrap(), "US".parse().unwrap(), "DE,US".parse().unwrap());
    let span = |first, last| Some((at(first), at(last)));
    let table: &[(&str, Evidence<'_>, &str)] = &[
        ("services = [\"zoom\"]", Evidence { services: &[Service::ZOOM], ..base }, "-a"),
        ("services = [\"zoom\"]", Evidence { services: &[Service::TEAMS], ..base }, "+"),
        ("services = [\"zoom\"]", Evidence { services: &[Service::WEBRTC], ..base }, "?a"),
        ("services = [\"zoom\"]", base, "?a"),
        ("roles = [\"media\"]", Evidence { roles: &[Role::Web, Role::Media], ..base }, "-a"),
        ("roles = [\"media\"]", Evidence { roles: &[Role::Web], ..base }, "+"),
        ("roles = [\"media\"]", Evidence { roles: &[Role::Unknown], ..base }, "?a"),
        ("roles = [\"unknown\"]", Evidence { roles: &[Role::Unknown], ..base }, "-a"),
        ("minimum_contact = \"control\"", base, "-a"),
        ("minimum_contact = \"media\"", base, "+"),
        ("minimum_contact = \"media\"", Evidence { lacks_answers: true, ..base }, "?a"),
        ("minimum_confidence = \"likely\"", base, "-a"),
        ("minimum_confidence = \"confirmed\"", base, "+"),
        ("client = [\"@eu\"]", Evidence { client: &eu, ..base }, "-a"),
        ("client = [\"@eu\"]", Evidence { client: &us, ..base }, "+"),
        ("client = [\"@eu\"]", Evidence { client: &both, ..base }, "?a"),
        ("client = [\"@eu\"]", base, "?a"),
        ("minimum_bytes = 10", Evidence { bytes_sent: 5, bytes_received: 5, ..base }, "-a"),
        ("minimum_bytes = 10", Evidence { bytes_sent: 5, bytes_received: 4, ..base }, "+"),
        ("minimum_bytes_sent = 6", Evidence { bytes_sent: 5, bytes_received: 9, ..base }, "+"),
        ("minimum_bytes_received = 6", Evidence { bytes_sent: 5, bytes_received: 6, ..base }, "-a"),
        (
            "from = 2020-04-03",
            Evidence { seen: span("2020-04-01T00:00:00Z", "2020-04-03T00:00:00Z"), ..base },
            "-a",
        ),
        (
            "until = 2020-04-03",
            Evidence { seen: span("2020-04-04T00:00:00Z", "2020-04-05T00:00:00Z"), ..base },
            "+",
        ),
        (
            "until = 2020-04-03",
            Evidence { seen: span("2020-04-03T23:59:59Z", "2020-04-05T00:00:00Z"), ..base },
            "-a",
        ),
        (
            "hours = \"08:00-18:00\"",
            Evidence { seen: span("2020-04-03T07:00:00Z", "2020-04-03T19:00:00Z"), ..base },
            "?a",
        ),
        (
            "hours = \"08:00-18:00\"",
            Evidence { seen: span("2020-04-03T19:00:00Z", "2020-04-03T20:00:00Z"), ..base },
            "+",
        ),
        ("hours = \"08:00-18:00\"", base, "?a"),
        ("prefixes = [\"52.80.0.0/12\"]", base, "-a"),
        ("prefixes = [\"53.0.0.0/8\", \"::/0\"]", base, "+"),
        ("asns = [55960]", Evidence { asn: Asn::new(55960), ..base }, "-a"),
        ("asns = [55960]", base, "+"),
        ("hosts = [\"zoom.us\"]", Evidence { names: &["zoombj12mmr.zoom.us"], ..base }, "-a"),
        ("hosts = [\"zoom.us\"]", Evidence { names: &["evilzoom.us"], ..base }, "+"),
        ("hosts = [\"zoom.us\"]", base, "+"),
        // What does not hold makes what is not known idle.
        ("hosts = [\"zoom.us\"]\nclient = [\"@eu\"]", base, "+"),
    ];
    for (condition, evidence, expected) in table {
        let policy = policy("", &[&format!("deny = [\"CN\"]\n{condition}")]);
        let found = policy.judge(evidence);
        assert_eq!(short(&found), *expected, "{condition}: {}", found.reason);
        assert_eq!(found.kind == Reason::Uncertain, expected.starts_with('?'), "{condition}");
    }
}

#[test]
fn what_is_not_known_matters_only_where_the_verdict_depends_on_it() {
    let china = located("CN", Confidence::Likely);
    let doubted = "deny = [\"CN\"]\nclient = [\"@eu\"]";
    let excepted = "allow = [\"CN\"]\nclient = [\"@eu\"]";
    for (rules, expected) in [
        (vec![doubted, "deny = [\"CN\"]"], "-b"),
        (vec![doubted, "allow = [\"CN\"]"], "?a"),
        (vec![excepted, "deny = [\"CN\"]"], "?b"),
        (vec![excepted, "allow = [\"*\"]"], "+b"),
        (vec![excepted], "?default"),
        (vec!["allow = [\"DE\"]"], "-default"),
    ] {
        let found = policy("", &rules).judge(&evidence(&china));
        assert_eq!(short(&found), expected, "{rules:?}: {}", found.reason);
    }
    let found = policy("", &[excepted, "deny = [\"CN\"]"]).judge(&evidence(&china));
    assert_eq!(
        found.reason,
        "control contact with CN (likely): the rule \"deny CN\" denies CN unless the rule \"allow CN (client in @eu)\" \
         allows it, and the country of the call's client is not known for certain"
    );
}

#[test]
fn the_policy_says_what_becomes_of_places_that_cannot_be_told() {
    let two = disputed(&["US", "CN"]);
    let none = Location::unknown();
    let anycast = Location { reason: Some(Gap::Anycast), ..Location::unknown() };
    for (head, rules, expected) in [
        ("", vec!["deny = [\"CN\"]"], ["?a", "?", "?"]),
        ("disputed = \"deny\"", vec!["deny = [\"CN\"]"], ["-a", "?", "?"]),
        ("unknown = \"allow\"", vec!["deny = [\"CN\"]"], ["?a", "+a", "?"]),
        ("anycast = \"deny\"", vec!["deny = [\"CN\"]"], ["?a", "?", "-a"]),
        (
            "disputed = \"allow\"\nanycast = \"allow\"",
            vec!["allow = [\"US\"]"],
            ["+default", "?", "+default"],
        ),
        // Nothing depends on the place.
        ("", vec!["deny = [\"RU\"]"], ["+", "?", "?"]),
        ("", vec!["deny = [\"CN\"]\nservices = [\"teams\"]"], ["+", "+", "+"]),
        ("", vec!["allow = [\"*\"]\nprefixes = [\"52.0.0.0/8\"]", "deny = [\"CN\"]"], ["+a", "+a", "+a"]),
        ("", vec!["deny = [\"*\"]\nprefixes = [\"52.0.0.0/8\"]"], ["-a", "-a", "-a"]),
        ("", vec!["deny = [\"*\", \"!US\"]"], ["?a", "?", "?"]),
        // How sure a place would be that cannot be told is not known, either.
        ("", vec!["deny = [\"CN\"]\nminimum_confidence = \"confirmed\""], ["?a", "?", "?"]),
        // Where the client is matters as well.
        (
            "disputed = \"deny\"\nunknown = \"deny\"\nanycast = \"deny\"",
            vec!["deny = [\"CN\"]\nclient = [\"@eu\"]"],
            ["?a", "?", "?"],
        ),
        (
            "disputed = \"allow\"\nunknown = \"allow\"\nanycast = \"allow\"",
            vec!["deny = [\"CN\"]\nclient = [\"@eu\"]"],
            ["+a", "+a", "+a"],
        ),
        (
            "disputed = \"allow\"\nunknown = \"allow\"\nanycast = \"allow\"",
            vec!["allow = [\"*\"]\nclient = [\"@eu\"]", "deny = [\"*\"]"],
            ["?b", "?", "?"],
        ),
    ] {
        for (location, expected) in [&two, &none, &anycast].into_iter().zip(expected) {
            let found =
                policy(head, &rules).judge(&Evidence { services: &[Service::ZOOM], ..evidence(location) });
            assert_eq!(short(&found), expected, "{head} {rules:?} {location:?}: {}", found.reason);
        }
    }
    let found = policy("anycast = \"deny\"", &["deny = [\"CN\"]"]).judge(&evidence(&anycast));
    assert_eq!(
        found.reason,
        "this address is served from many places, so no rule can be applied; the policy denies an anycast address"
    );
}

#[test]
fn severity_and_reason_of_the_rule_are_in_the_judgement() {
    let policy = policy("", &["deny = [\"CN\"]\nseverity = \"high\"\nreason = \"no\""]);
    let found = policy.judge(&evidence(&located("CN", Confidence::Confirmed)));
    assert_eq!(
        (found.severity.map(Severity::name), found.rule_reason.as_deref()),
        (Some("high"), Some("no"))
    );
    let found = policy.judge(&evidence(&located("US", Confidence::Confirmed)));
    assert_eq!((found.severity, found.rule_reason), (None, None));
}

const RULES: [&str; 8] = [
    "deny = [\"CN\"]\nclient = [\"@eu\"]",
    "allow = [\"CN\"]\nclient = [\"US\"]",
    "deny = [\"*\"]\nroles = [\"media\", \"relay\"]",
    "allow = [\"*\", \"!RU\"]\nroles = [\"web\"]",
    "deny = [\"CN\", \"RU\"]\nservices = [\"zoom\"]",
    "allow = [\"@europe\"]\nservices = [\"teams\"]",
    "deny = [\"@asia\"]\nclient = [\"*\", \"!CN\"]\nminimum_confidence = \"confirmed\"",
    "allow = [\"CN\"]\nroles = [\"signaling\"]\nclient = [\"@asia\"]",
];

proptest! {
    /// A verdict that is given although something is not known is the verdict that any knowledge of it would give.
    #[test]
    fn a_verdict_does_not_change_when_more_becomes_known(
        picked in proptest::collection::vec(0_usize..RULES.len(), 1..6),
        place in 0_usize..7, sure in any::<bool>(), deny in any::<bool>(), treatment in 0_usize..3,
        client in 0_usize..250, role in 0_usize..7, service in 0_usize..2,
    ) {
        let rules: Vec<&str> = picked.iter().map(|place| RULES[*place]).collect();
        let default = if deny { "deny" } else { "allow" };
        let treatment = ["allow", "deny", "indeterminate"][treatment];
        let head = ["default", "disputed", "unknown", "anycast"].map(|key| {
            format!("{key} = \"{}\"\n", if key == "default" { default } else { treatment })
        });
        let policy = policy(&head.concat(), &rules);
        let confidence = if sure { Confidence::Confirmed } else { Confidence::Likely };
        let location = match place {
            4 => disputed(&["CN", "US"]),
            5 => Location::unknown(),
            6 => Location { reason: Some(Gap::Anycast), ..Location::unknown() },
            _ => located(["CN", "RU", "DE", "US"][place], confidence),
        };
        let blind = Evidence { services: &[Service::UNKNOWN_MEDIA], roles: &[Role::Unknown], ..evidence(&location) };
        let client: CountrySet = [countries()[client].code].into_iter().collect();
        let (role, service) = ([Role::ALL[role]], [[Service::ZOOM, Service::TEAMS][service].clone()]);
        for known in [
            Evidence { client: &client, ..blind },
            Evidence { roles: &role, ..blind },
            Evidence { services: &service, ..blind },
            Evidence { client: &client, roles: &role, services: &service, ..blind },
        ] {
            let (before, after) = (policy.judge(&blind).verdict, policy.judge(&known).verdict);
            prop_assert!(before == Verdict::Indeterminate || before == after, "{:?} {:?}", rules, location);
        }
        // With everything known, and the policy saying what is made of places that are not, there is a verdict.
        let all = Evidence { client: &client, roles: &role, services: &service, ..blind };
        let may_be_open = place >= 4 && treatment == "indeterminate";
        prop_assert!(may_be_open || policy.judge(&all).verdict != Verdict::Indeterminate);
    }

    /// Only what answered is denied, whatever the policy says.
    #[test]
    fn what_did_not_answer_is_never_denied(
        picked in proptest::collection::vec(0_usize..RULES.len(), 1..6), mentioned in any::<bool>(), place in 0_usize..4,
    ) {
        let rules: Vec<&str> = picked.iter().map(|place| RULES[*place]).collect();
        let head = "default = \"deny\"\ndisputed = \"deny\"\nunknown = \"deny\"\nanycast = \"deny\"";
        let locations = [located("CN", Confidence::Confirmed), disputed(&["CN", "US"]), Location::unknown(),
            Location { reason: Some(Gap::Anycast), ..Location::unknown() }];
        let contact = if mentioned { Contact::Mentioned } else { Contact::Attempted };
        let found = policy(head, &rules).judge(&Evidence { contact, ..evidence(&locations[place]) });
        prop_assert_eq!((found.verdict, found.kind), (Verdict::Allow, Reason::NotTouched));
    }

    /// What the locator is told of countries that may be denied is no less than what is denied.
    #[test]
    fn a_country_that_is_denied_is_one_that_may_be(
        picked in proptest::collection::vec(0_usize..RULES.len(), 1..6), place in 0_usize..4, role in 0_usize..7,
    ) {
        let rules: Vec<&str> = picked.iter().map(|place| RULES[*place]).collect();
        let policy = policy("", &rules);
        let location = located(["CN", "RU", "DE", "US"][place], Confidence::Confirmed);
        let found = policy.judge(&Evidence { roles: &[Role::ALL[role]], ..evidence(&location) });
        prop_assert!(found.verdict == Verdict::Allow || policy.denies(location.country.unwrap()));
    }
}
