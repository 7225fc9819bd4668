//! The verdict on one endpoint: a pure function of the policy and the evidence.

use super::conditions::{Assumed, Doubt, Truth};
use super::possible::{Doubted, Outcomes};
use super::rule::Ruling;
use super::{Action, CountrySet, Policy, Severity, Treatment};
use crate::capture::Timestamp;
use crate::identify::{Contact, Role, Service};
use crate::locate::{Asn, Confidence, CountryCode, Gap, Location, Scope};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;

/// What the policy comes to. Of several verdicts the greatest stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
    /// Its address.
    pub address: IpAddr,
    /// What kind of address it has.
    pub scope: Scope,
    /// Where it is.
    pub location: &'a Location,
    /// How far the contact with it went.
    pub contact: Contact,
    /// Whether what it sent was not captured, so that contact may have gone further.
    pub lacks_answers: bool,
    /// Whether it is a proxy: where it passes on what it is sent is not in the capture.
    pub is_proxy: bool,
    /// What it was used for; nothing, or techniques only, where the application is not known.
    pub services: &'a [Service],
    /// What it did.
    pub roles: &'a [Role],
    /// Names that packets give it.
    pub names: &'a [&'a str],
    /// Who announces its address.
    pub asn: Option<Asn>,
    /// Bytes to it.
    pub bytes_sent: u64,
    /// Bytes from it.
    pub bytes_received: u64,
    /// When the first and the last packet of the contact were captured.
    pub seen: Option<(Timestamp, Timestamp)>,
    /// Countries in which the client may be; none where nothing is known of that.
    pub client: &'a CountrySet,
}

/// Where nothing is known of the client.
static NOWHERE: CountrySet = CountrySet::new();

impl<'a> Evidence<'a> {
    /// An endpoint of which nothing more is known.
    pub const fn new(address: IpAddr, scope: Scope, location: &'a Location, contact: Contact) -> Self {
        Self {
            address,
            scope,
            location,
            contact,
            lacks_answers: false,
            is_proxy: false,
            services: &[],
            roles: &[],
            names: &[],
            asn: None,
            bytes_sent: 0,
            bytes_received: 0,
            seen: None,
            client: &NOWHERE,
        }
    }
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
    /// Whether a condition of a rule holds is not known.
    Uncertain,
    /// No source knows where it is.
    Unlocated,
}

/// The verdict on one endpoint, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// Id of the rule that decided, [`DEFAULT_RULE`](super::DEFAULT_RULE) where none allows it; where the endpoint was
    /// not touched, of the rule that would have decided.
    pub rule: Option<String>,
    /// How grave that rule is.
    pub severity: Option<Severity>,
    /// Why there is such a rule, in the words of the policy.
    pub rule_reason: Option<String>,
    /// The kind of the reason.
    pub kind: Reason,
    /// The reason in one sentence.
    pub reason: String,
}

impl Policy {
    /// Holds an endpoint against the rules. Of a proxy they may have nothing against, but they know nothing of the server
    /// behind it.
    pub fn judge(&self, evidence: &Evidence<'_>) -> Judgement {
        let judgement = self.judge_itself(evidence);
        let passes_on = evidence.is_proxy
            && judgement.verdict == Verdict::Allow
            && !self.is_empty()
            && evidence.contact >= Contact::Answered
            && self.judge_unknown(evidence).verdict != Verdict::Allow;
        if passes_on { self.judge_incomplete("what this proxy passed on") } else { judgement }
    }

    fn judge_itself(&self, evidence: &Evidence<'_>) -> Judgement {
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
            (Confidence::Disputed, _) => self.judge_disputed(evidence),
            (_, _) => self.judge_unknown(evidence),
        }
    }

    /// Whether a server in `country` may be denied, whatever else a rule asks for.
    pub fn denies(&self, country: CountryCode) -> bool {
        let named = self.rules.iter().filter(|rule| rule.names(country));
        for rule in named {
            match rule.action {
                Action::Deny => return true,
                Action::Allow if rule.conditions.is_empty() => return false,
                Action::Allow => {}
            }
        }
        self.default == Action::Deny
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
        // What rules say of contact does not count: it is asked what they would have said.
        let answered = Evidence { lacks_answers: true, ..*evidence };
        let Some((country, ruling)) = self.first_denied(&answered) else {
            return Judgement::new(Verdict::Allow, None, Reason::NotTouched, how.to_owned());
        };
        let words = ruling.in_words(country.as_str());
        let reason = format!("{how} (a source places it in {country}, and {words})");
        Judgement::new(Verdict::Allow, Some(ruling), Reason::NotTouched, reason)
    }

    fn judge_country(&self, country: CountryCode, evidence: &Evidence<'_>) -> Judgement {
        let assumed = Assumed::As(evidence.location.confidence);
        let (doubted, decides) = self.rulings(Some(country), evidence, assumed);
        let (contact, confidence) = (evidence.contact, evidence.location.confidence);
        let sentence = |words: &str| format!("{contact} contact with {country} ({confidence}): {words}");
        let decision = decides.in_words(country.as_str());
        let other = doubted.iter().find(|doubted| doubted.rule.action != decides.action());
        let Some(Doubted { rule, doubt, .. }) = other else {
            let (verdict, kind) = match decides.action() {
                Action::Deny => (Verdict::Deny, Reason::Denied),
                Action::Allow => (Verdict::Allow, Reason::Allowed),
            };
            return Judgement::new(verdict, Some(decides), kind, sentence(&decision));
        };
        let rule = Ruling::Rule(rule);
        let reason = match rule.action() {
            Action::Deny => {
                format!("{} if it applies, but {}", rule.in_words(country.as_str()), doubt.in_words())
            }
            Action::Allow => {
                format!("{decision} unless {}, and {}", rule.in_words("it"), doubt.in_words())
            }
        };
        let denying = if rule.denies() { rule } else { decides };
        Judgement::new(Verdict::Indeterminate, Some(denying), Reason::Uncertain, sentence(&reason))
    }

    fn judge_disputed(&self, evidence: &Evidence<'_>) -> Judgement {
        let location = evidence.location;
        let says: Vec<&str> = location.contradictions.iter().map(|found| found.reason.as_str()).collect();
        let is_one = location.claimed_countries().len() == 1;
        let what =
            if is_one { "the round-trip time speaks against what sources say" } else { "sources disagree" };
        let says = format!("{what} ({})", says.join("; "));
        if let Some(judgement) = self.judge_anywhere(evidence) {
            return judgement;
        }
        let places = evidence.location.claimed_countries();
        let each = places.into_iter().map(|country| self.rulings(Some(country), evidence, Assumed::Perhaps));
        let each: Vec<(Vec<Doubted<'_>>, Ruling<'_>)> = each.collect();
        let all = each.iter().map(|(doubted, decides)| Outcomes::of(doubted, *decides));
        let outcomes = all.reduce(|one, other| one.or(&other));
        let denied = self.first_denied(evidence);
        let (Some(outcomes), Some((country, ruling))) = (outcomes.filter(|all| !all.allow()), denied) else {
            let reason = format!("{says}: the rules allow each of these countries");
            return Judgement::new(Verdict::Allow, None, Reason::Allowed, reason);
        };
        let reason = format!("{says}: {}", ruling.in_words(country.as_str()));
        let doubted: Vec<Doubted<'_>> = each.into_iter().flat_map(|(doubted, _)| doubted).collect();
        let (verdict, rest) = treated("a disputed place", self.disputed, &outcomes, &doubted);
        Judgement::new(verdict, Some(ruling), Reason::Disputed, reason + &rest)
    }

    fn judge_unknown(&self, evidence: &Evidence<'_>) -> Judgement {
        if let Some(judgement) = self.judge_anywhere(evidence) {
            return judgement;
        }
        let (doubted, decides) = self.rulings(None, evidence, Assumed::Perhaps);
        let outcomes = Outcomes::of(&doubted, decides);
        let (why, place, treatment) = match evidence.location.reason {
            Some(Gap::Anycast) => {
                ("this address is served from many places", "an anycast address", self.anycast)
            }
            _ => ("no source knows the country of this address", "an unknown place", self.unknown),
        };
        if outcomes.allow() {
            let reason = format!("{why}, and no rule would deny it anywhere");
            return Judgement::new(Verdict::Allow, None, Reason::Allowed, reason);
        }
        let (verdict, rest) = treated(place, treatment, &outcomes, &doubted);
        let reason = format!("{why}, so no rule can be applied{rest}");
        // Which rule it would have been depends on the country, unless the policy says that it is all the same.
        let rulings = doubted.iter().map(|doubted| Ruling::Rule(doubted.rule)).chain([decides]);
        let ruling =
            rulings.into_iter().find(|ruling| ruling.denies()).filter(|_| verdict != Verdict::Indeterminate);
        Judgement::new(verdict, ruling, Reason::Unlocated, reason)
    }

    /// The judgement of a rule for every place, which needs to know none.
    fn judge_anywhere(&self, evidence: &Evidence<'_>) -> Option<Judgement> {
        let (doubted, decides) = self.rulings(None, evidence, Assumed::Perhaps);
        let rule = decides.rule().filter(|rule| rule.anywhere && doubted.is_empty())?;
        let (verdict, kind) = match rule.action {
            Action::Deny => (Verdict::Deny, Reason::Denied),
            Action::Allow => (Verdict::Allow, Reason::Allowed),
        };
        let reason = format!("{} contact: {}", evidence.contact, decides.in_words("any place"));
        Some(Judgement::new(verdict, Some(decides), kind, reason))
    }

    /// The first country among the claims that the rules may deny.
    fn first_denied(&self, evidence: &Evidence<'_>) -> Option<(CountryCode, Ruling<'_>)> {
        evidence.location.claimed_countries().into_iter().find_map(|country| {
            let (doubted, decides) = self.rulings(Some(country), evidence, Assumed::Perhaps);
            let rulings = doubted.into_iter().map(|doubted| Ruling::Rule(doubted.rule)).chain([decides]);
            rulings.into_iter().find(|ruling| ruling.denies()).map(|ruling| (country, ruling))
        })
    }

    /// The rules that may match an endpoint in `country` (or who knows where), in their order, and what decides if none
    /// of them does.
    fn rulings(
        &self,
        country: Option<CountryCode>,
        evidence: &Evidence<'_>,
        assumed: Assumed,
    ) -> (Vec<Doubted<'_>>, Ruling<'_>) {
        let mut doubted = Vec::new();
        for rule in &self.rules {
            let place = match country {
                Some(country) if !rule.names(country) => continue,
                None if !rule.anywhere => Truth::Unknown(Doubt::Place),
                _ => Truth::Yes,
            };
            let confidence = rule.conditions.confidence(assumed);
            let depends_on_place = [place, confidence].iter().any(|truth| matches!(truth, Truth::Unknown(_)));
            match (rule.conditions.hold(evidence, assumed), place) {
                (Truth::No, _) => {}
                (Truth::Unknown(doubt), _) | (Truth::Yes, Truth::Unknown(doubt)) => {
                    doubted.push(Doubted { rule, doubt, depends_on_place });
                }
                (Truth::Yes, _) => return (doubted, Ruling::Rule(rule)),
            }
        }
        (doubted, Ruling::Default(self.default))
    }
}

/// The verdict where `place` cannot be told, and what is to be added to the reason.
fn treated(
    place: &str,
    treatment: Treatment,
    outcomes: &Outcomes,
    doubted: &[Doubted<'_>],
) -> (Verdict, String) {
    let Some(verdict) = outcomes.verdict(treatment) else {
        let doubt = doubted.iter().map(|doubted| doubted.doubt).find(|doubt| !doubt.is_of_place());
        let words = doubt.map_or_else(String::new, |doubt| format!(", and {}", doubt.in_words()));
        return (Verdict::Indeterminate, words);
    };
    let words = match treatment {
        Treatment::Indeterminate => String::new(),
        Treatment::Allow => format!("; the policy allows {place}"),
        Treatment::Deny => format!("; the policy denies {place}"),
    };
    (verdict, words)
}

impl Judgement {
    fn new(verdict: Verdict, ruling: Option<Ruling<'_>>, kind: Reason, reason: String) -> Self {
        let rule = ruling.and_then(Ruling::rule);
        Self {
            verdict,
            rule: ruling.and_then(Ruling::id),
            severity: rule.and_then(|rule| rule.severity),
            rule_reason: rule.and_then(|rule| rule.reason.clone()),
            kind,
            reason,
        }
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
        let address = IpAddr::from([192, 0, 2, 1]);
        policy.judge(&Evidence::new(address, scope, &location(countries), contact))
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
                Some("default"),
                "answered contact with CN (likely): no rule allows CN",
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
                Some("default"),
                "sources disagree (one says US, two says CA): no rule allows CA",
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
            serde_json::json!({"verdict": "deny", "rule": "deny-1", "severity": null, "rule_reason": null, "kind": "denied",
                "reason": "answered contact with CN (likely): the rule \"deny CN\" denies CN"})
        );
    }
}
