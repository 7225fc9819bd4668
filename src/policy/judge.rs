//! The verdict on one endpoint: a pure function of the policy and the evidence.

use super::{Policy, Rule};
use crate::identify::Contact;
use crate::locate::{Confidence, CountryCode, Location, Scope};
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
                let reason =
                    "no source knows the country of this address, so no rule can be applied".to_owned();
                Judgement::new(Verdict::Indeterminate, None, Reason::Unlocated, reason)
            }
        }
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
        let countries = evidence.location.claimed_countries();
        let denied =
            countries.into_iter().find_map(|country| Some((country, self.ruling(country).denied_by()?)));
        let (rule, reason) = match denied {
            Some((country, rule)) => (
                Some(rule),
                format!("{how}, so {} does not deny it though a source places it in {country}", rule.id),
            ),
            None => (None, how.to_owned()),
        };
        Judgement::new(Verdict::Allow, rule, Reason::NotTouched, reason)
    }

    fn judge_country(&self, country: CountryCode, evidence: &Evidence<'_>) -> Judgement {
        let place = format!("{country} ({})", evidence.location.confidence);
        let ruling = self.ruling(country);
        if let Some(rule) = ruling.denied_by() {
            let reason =
                format!("{} contact with {place}, which the rule \"{}\" denies", evidence.contact, rule.text);
            return Judgement::new(Verdict::Deny, Some(rule), Reason::Denied, reason);
        }
        let rule = ruling.allowed_by();
        let reason = match rule {
            Some(rule) => format!("{place} is allowed by the rule \"{}\"", rule.text),
            None => format!("no rule speaks against {place}"),
        };
        Judgement::new(Verdict::Allow, rule, Reason::Allowed, reason)
    }

    fn judge_disputed(&self, location: &Location) -> Judgement {
        let says: Vec<&str> = location.contradictions.iter().map(|found| found.reason.as_str()).collect();
        let says = says.join("; ");
        let countries = location.claimed_countries();
        let denied =
            countries.into_iter().find_map(|country| Some((country, self.ruling(country).denied_by()?)));
        if let Some((country, rule)) = denied {
            let reason = format!("sources disagree ({says}) and the rule \"{}\" denies {country}", rule.text);
            return Judgement::new(Verdict::Indeterminate, Some(rule), Reason::Disputed, reason);
        }
        let reason = format!("sources disagree ({says}), but the rules allow each of these countries");
        Judgement::new(Verdict::Allow, None, Reason::Allowed, reason)
    }
}

impl Judgement {
    fn new(verdict: Verdict, rule: Option<&Rule>, kind: Reason, reason: String) -> Self {
        Self { verdict, rule: rule.map(|rule| rule.id.clone()), kind, reason }
    }
}
