//! The verdict on one endpoint: a pure function of the policy and the evidence.

use super::rule::Ruling;
use super::{Policy, Rule};
use crate::identify::Contact;
use crate::locate::{Confidence, CountryCode, Gap, Location, Scope};
use serde::Serialize;
use std::fmt;

/// What the policy comes to. Of several verdicts the greatest stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Nothing speaks against it.
    #[default]
    Allow,
    /// A fact that is needed is missing.
    Indeterminate,
    /// A rule denies it.
    Deny,
}

impl Verdict {
    /// The word for it in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Indeterminate => "indeterminate",
            Self::Deny => "deny",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What is known of an endpoint when it is judged.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// What kind of address it has.
    pub scope: Scope,
    /// Where it is.
    pub location: &'a Location,
    /// How far the contact with it went.
    pub contact: Contact,
}

/// Why a verdict is what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Every country that it may be in is allowed.
    Allowed,
    /// The country that it is in is denied.
    Denied,
    /// Sources disagree, and a country that one of them names is denied.
    Disputed,
    /// The capture lacks what would be needed.
    Incomplete,
    /// There are no rules.
    NoRules,
    /// The address is none of the Internet, so it is in no country.
    NotGlobal,
    /// Nothing ever came back from it.
    NotTouched,
    /// No source knows where it is.
    Unlocated,
}

/// The verdict on one endpoint, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// Id of the rule that decided; where the endpoint was not touched, of the rule that would have decided.
    pub rule: Option<String>,
    /// The kind of the reason.
    pub kind: Reason,
    /// The reason in one sentence.
    pub reason: String,
}

impl Policy {
    /// Holds an endpoint against the rules.
    pub fn judge(&self, evidence: &Evidence<'_>) -> Judgement {
        if evidence.scope != Scope::Global {
            let reason = format!("an address of scope {} is in no country", evidence.scope);
            return Judgement::new(Verdict::Allow, None, Reason::NotGlobal, reason);
        }
        if self.is_empty() {
            let reason = "no rule was given, so everything is allowed".to_owned();
            return Judgement::new(Verdict::Allow, None, Reason::NoRules, reason);
        }
        if evidence.contact < Contact::Answered {
            return self.judge_untouched(evidence);
        }
        match (evidence.location.confidence, evidence.location.country) {
            (Confidence::Confirmed | Confidence::Likely, Some(country)) => {
                self.judge_country(country, evidence)
            }
            (Confidence::Disputed, _) => self.judge_disputed(evidence.location),
            (_, _) => {
                let why = match evidence.location.reason {
                    Some(Gap::Refuted) => {
                        "the round-trip time refutes the country that sources name for this address"
                    }
                    Some(Gap::Anycast) => "this address is served from many places (anycast)",
                    Some(Gap::NoClaim) | None => "no source knows the country of this address",
                };
                let reason = format!("{why}, so no rule can be applied");
                Judgement::new(Verdict::Indeterminate, None, Reason::Unlocated, reason)
            }
        }
    }

    /// Whether a server in `country` is denied.
    pub fn denies(&self, country: CountryCode) -> bool {
        self.ruling(country).denied_by().is_some()
    }

    /// The verdict on a call of which the capture lacks a part: `lack` says which, as the subject of a sentence
    /// ("120 dropped packets").
    pub fn judge_incomplete(&self, lack: &str) -> Judgement {
        if self.is_empty() {
            let reason = "no rule was given, so everything is allowed".to_owned();
            return Judgement::new(Verdict::Allow, None, Reason::NoRules, reason);
        }
        let reason = format!("{lack} may have held a contact that the rules deny");
        Judgement::new(Verdict::Indeterminate, None, Reason::Incomplete, reason)
    }

    /// An endpoint that never answered is reported as such and never denied.
    fn judge_untouched(&self, evidence: &Evidence<'_>) -> Judgement {
        let how = match evidence.contact {
            Contact::Mentioned => "mentioned only: no packet went to this address",
            _ => "attempted only: nothing came back from this address",
        };
        let denied = self.first_denied(evidence.location);
        let reason = denied.map_or_else(
            || how.to_owned(),
            |(country, ruling)| {
                format!("{how} (a source places it in {country}, and {})", ruling.in_words(country))
            },
        );
        let rule = denied.and_then(|(_, ruling)| ruling.rule());
        Judgement::new(Verdict::Allow, rule, Reason::NotTouched, reason)
    }

    fn judge_country(&self, country: CountryCode, evidence: &Evidence<'_>) -> Judgement {
        let ruling = self.ruling(country);
        let (verdict, kind) = match ruling.denied_by() {
            Some(_) => (Verdict::Deny, Reason::Denied),
            None => (Verdict::Allow, Reason::Allowed),
        };
        let (contact, confidence) = (evidence.contact, evidence.location.confidence);
        let reason = format!("{contact} contact with {country} ({confidence}): {}", ruling.in_words(country));
        Judgement::new(verdict, ruling.rule(), kind, reason)
    }

    fn judge_disputed(&self, location: &Location) -> Judgement {
        let says: Vec<&str> = location.contradictions.iter().map(|found| found.reason.as_str()).collect();
        let is_one = location.claimed_countries().len() == 1;
        let what =
            if is_one { "the round-trip time speaks against what sources say" } else { "sources disagree" };
        let says = format!("{what} ({})", says.join("; "));
        let Some((country, ruling)) = self.first_denied(location) else {
            let reason = format!("{says}: the rules allow each of these countries");
            return Judgement::new(Verdict::Allow, None, Reason::Allowed, reason);
        };
        let reason = format!("{says}: {}", ruling.in_words(country));
        Judgement::new(Verdict::Indeterminate, ruling.rule(), Reason::Disputed, reason)
    }

    /// The first country among the claims that the rules deny.
    fn first_denied(&self, location: &Location) -> Option<(CountryCode, Ruling<'_>)> {
        let mut rulings =
            location.claimed_countries().into_iter().map(|country| (country, self.ruling(country)));
        rulings.find(|(_, ruling)| ruling.denied_by().is_some())
    }
}

impl Judgement {
    fn new(verdict: Verdict, rule: Option<&Rule>, kind: Reason, reason: String) -> Self {
        Self { verdict, rule: rule.map(|rule| rule.id.clone()), kind, reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::locate::{Circumstances, Claim, ClaimKind, conclude};
    use std::sync::Arc;

    const CONTACTS: [Contact; 6] = [
        Contact::Mentioned,
        Contact::Attempted,
        Contact::Answered,
        Contact::Established,
        Contact::Control,
        Contact::Media,
    ];
    const SCOPES: [Scope; 16] = [
        Scope::Anycast,
        Scope::Benchmark,
        Scope::Broadcast,
        Scope::Discard,
        Scope::Documentation,
        Scope::Global,
        Scope::LinkLocal,
        Scope::Loopback,
        Scope::Multicast,
        Scope::Private,
        Scope::Protocol,
        Scope::Reserved,
        Scope::Shared,
        Scope::ThisNetwork,
        Scope::UniqueLocal,
        Scope::Unspecified,
    ];

    /// A location from claims of sources of different makers.
    fn location(countries: &[&str]) -> Location {
        let origins = ["one", "two"];
        let claims = countries.iter().zip(origins).map(|(country, origin)| Claim {
            origin: Some(origin),
            country: CountryCode::parse(country),
            registered_country: CountryCode::parse("CN"),
            ..Claim::new(Arc::from(origin), ClaimKind::Database)
        });
        conclude(claims.collect(), &Circumstances::default())
    }

    fn policy(deny: &[&str], allow: &[&str]) -> Policy {
        let owned = |lists: &[&str]| lists.iter().map(|list| (*list).to_owned()).collect::<Vec<_>>();
        Policy::from_lists(&owned(deny), &owned(allow)).unwrap()
    }

    fn judge(policy: &Policy, scope: Scope, countries: &[&str], contact: Contact) -> Judgement {
        policy.judge(&Evidence { scope, location: &location(countries), contact })
    }

    fn answered(policy: &Policy, countries: &[&str]) -> Judgement {
        judge(policy, Scope::Global, countries, Contact::Answered)
    }

    #[test]
    fn every_combination_of_scope_place_contact_and_rules_has_its_verdict() {
        use Reason::{Allowed, Denied, Disputed, NoRules, NotGlobal, NotTouched, Unlocated};
        let policies =
            [policy(&[], &[]), policy(&["CN,HK"], &[]), policy(&[], &["US"]), policy(&["CN"], &["US,CN"])];
        // What each policy says of an address of the Internet that answered. An empty code is a claim of the
        // country of registration only.
        let table: [(&[&str], [Reason; 4]); 9] = [
            (&[], [NoRules, Unlocated, Unlocated, Unlocated]),
            (&[""], [NoRules, Unlocated, Unlocated, Unlocated]),
            (&["CN"], [NoRules, Denied, Denied, Denied]),
            (&["CN", "CN"], [NoRules, Denied, Denied, Denied]),
            (&["US"], [NoRules, Allowed, Allowed, Allowed]),
            (&["US", "US"], [NoRules, Allowed, Allowed, Allowed]),
            (&["US", "CN"], [NoRules, Disputed, Disputed, Disputed]),
            (&["CN", "HK"], [NoRules, Disputed, Disputed, Disputed]),
            (&["US", "CA"], [NoRules, Allowed, Disputed, Disputed]),
        ];
        let mut cases = 0;
        for (countries, kinds) in table {
            for (policy, of_policy) in policies.iter().zip(kinds) {
                for scope in SCOPES {
                    for contact in CONTACTS {
                        let kind = match (scope, contact) {
                            (Scope::Global, _) if policy.is_empty() => NoRules,
                            (Scope::Global, Contact::Mentioned | Contact::Attempted) => NotTouched,
                            (Scope::Global, _) => of_policy,
                            _ => NotGlobal,
                        };
                        let verdict = match kind {
                            Denied => Verdict::Deny,
                            Disputed | Unlocated => Verdict::Indeterminate,
                            _ => Verdict::Allow,
                        };
                        let found = judge(policy, scope, countries, contact);
                        let case = format!("{countries:?} {scope} {contact} {policy:?}");
                        assert_eq!((found.verdict, found.kind), (verdict, kind), "{case}: {}", found.reason);
                        assert!(!found.reason.is_empty() && !found.reason.ends_with('.'), "{case}");
                        assert!(found.verdict != Verdict::Deny || found.rule.is_some(), "{case}");
                        cases += 1;
                    }
                }
            }
        }
        assert_eq!(cases, 9 * 4 * 16 * 6);
    }

    #[test]
    fn the_reason_names_rule_country_confidence_and_contact() {
        let deny = policy(&["CN,HK"], &[]);
        let table = [
            (
                judge(&deny, Scope::Global, &["CN"], Contact::Control),
                Some("deny-1"),
                "control contact with CN (likely): the rule \"deny CN,HK\" denies CN",
            ),
            (
                judge(&deny, Scope::Global, &["CN", "CN"], Contact::Media),
                Some("deny-1"),
                "media contact with CN (confirmed): the rule \"deny CN,HK\" denies CN",
            ),
            (
                answered(&policy(&[], &["US", "CA"]), &["CN"]),
                Some("allow-1"),
                "answered contact with CN (likely): no allow rule names CN",
            ),
            (
                answered(&policy(&[], &["US", "CA"]), &["CA"]),
                Some("allow-2"),
                "answered contact with CA (likely): the rule \"allow CA\" allows CA",
            ),
            (answered(&deny, &["US"]), None, "answered contact with US (likely): no rule denies US"),
        ];
        for (found, rule, reason) in table {
            assert_eq!((found.rule.as_deref(), found.reason.as_str()), (rule, reason));
        }
    }

    #[test]
    fn the_reason_says_what_is_missing() {
        let deny = policy(&["CN,HK"], &[]);
        let table = [
            (
                answered(&deny, &["US", "CN"]),
                Some("deny-1"),
                "sources disagree (one says US, two says CN): the rule \"deny CN,HK\" denies CN",
            ),
            (
                answered(&policy(&[], &["US"]), &["US", "CA"]),
                Some("allow-1"),
                "sources disagree (one says US, two says CA): no allow rule names CA",
            ),
            (
                answered(&deny, &["US", "CA"]),
                None,
                "sources disagree (one says US, two says CA): the rules allow each of these countries",
            ),
            (
                answered(&deny, &[]),
                None,
                "no source knows the country of this address, so no rule can be applied",
            ),
            (
                judge(&deny, Scope::Global, &["CN"], Contact::Attempted),
                Some("deny-1"),
                "attempted only: nothing came back from this address (a source places it in CN, and the rule \
                 \"deny CN,HK\" denies CN)",
            ),
            (
                judge(&deny, Scope::Global, &["US"], Contact::Mentioned),
                None,
                "mentioned only: no packet went to this address",
            ),
            (
                judge(&deny, Scope::Private, &["CN"], Contact::Media),
                None,
                "an address of scope private is in no country",
            ),
            (answered(&policy(&[], &[]), &["CN"]), None, "no rule was given, so everything is allowed"),
        ];
        for (found, rule, reason) in table {
            assert_eq!((found.rule.as_deref(), found.reason.as_str()), (rule, reason));
        }
    }

    #[test]
    fn of_several_verdicts_the_greatest_stands() {
        assert!(Verdict::Deny > Verdict::Indeterminate && Verdict::Indeterminate > Verdict::Allow);
        assert_eq!([Verdict::Allow, Verdict::Indeterminate].into_iter().max(), Some(Verdict::Indeterminate));
        assert_eq!(Verdict::default(), Verdict::Allow);
    }

    #[test]
    fn a_gap_in_the_capture_matters_only_to_rules() {
        let found = policy(&["CN"], &[]).judge_incomplete("120 dropped packets");
        assert_eq!(
            (found.verdict, found.kind, found.rule),
            (Verdict::Indeterminate, Reason::Incomplete, None)
        );
        assert_eq!(found.reason, "120 dropped packets may have held a contact that the rules deny");
        assert_eq!(policy(&[], &[]).judge_incomplete("120 dropped packets").verdict, Verdict::Allow);
    }

    #[test]
    fn the_report_gets_the_agreed_words() {
        let found = answered(&policy(&["CN"], &[]), &["CN"]);
        assert_eq!(
            serde_json::to_value(found).unwrap(),
            serde_json::json!({"verdict": "deny", "rule": "deny-1", "kind": "denied",
                "reason": "answered contact with CN (likely): the rule \"deny CN\" denies CN"})
        );
    }
}
