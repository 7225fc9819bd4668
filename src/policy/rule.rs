//! Rules, and the policy they make.

use super::{Conditions, CountrySet, Places, PolicyError, Verdict};
use crate::locate::CountryCode;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

/// What a rule does with the countries it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// They are allowed.
    #[default]
    Allow,
    /// They are denied.
    Deny,
}

impl Action {
    /// The word for it in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        }
    }
}

/// How grave it is that a rule denies something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Low,
    /// To be looked into.
    Medium,
    /// To be stopped.
    High,
    /// To be stopped at once.
    Critical,
}

impl Severity {
    /// The word for it in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// What becomes of an endpoint whose country cannot be told, where a rule may deny it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Treatment {
    /// It is allowed.
    Allow,
    /// It is denied.
    Deny,
    /// The verdict is that there is none.
    #[default]
    Indeterminate,
}

impl Treatment {
    /// The word for it in reports.
    pub const fn name(self) -> &'static str {
        self.verdict().name()
    }

    /// The verdict that it comes to.
    pub const fn verdict(self) -> Verdict {
        match self {
            Self::Allow => Verdict::Allow,
            Self::Deny => Verdict::Deny,
            Self::Indeterminate => Verdict::Indeterminate,
        }
    }
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Rule {
    /// What findings call it.
    pub id: String,
    /// What it does.
    pub action: Action,
    /// The rule in words: `deny CN,@doj-countries-of-concern`.
    pub text: String,
    /// Whether it speaks of every place, known or not; `countries` is then every country.
    pub anywhere: bool,
    /// The countries that it names.
    pub countries: CountrySet,
    /// What must hold beyond the country.
    pub conditions: Conditions,
    /// Why the rule is there, in the words of the policy.
    pub reason: Option<String>,
    /// How grave it is.
    pub severity: Option<Severity>,
    /// The countries as they are written.
    #[serde(skip)]
    pub(super) places: Places,
}

/// What is allowed.
///
/// The first rule that matches decides. Where none does, the default holds: without rules, and with deny rules in a
/// file, what no rule denies is allowed; with allow rules only, what no rule allows is denied. The rules of the command
/// line are deny rules first, then allow rules; with any allow rule, what no rule allows is denied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Policy {
    /// The name that the policy gives itself.
    pub name: Option<String>,
    /// SHA-256 of its file in hexadecimal; rules of the command line have none.
    pub sha256: Option<String>,
    /// The rules, in the order in which they are asked.
    pub rules: Vec<Rule>,
    /// What holds where no rule matches.
    pub default: Action,
    /// What becomes of a place on which sources disagree, where a rule may deny it.
    pub disputed: Treatment,
    /// What becomes of a place that no source knows, where a rule may deny it.
    pub unknown: Treatment,
    /// What becomes of an address that is served from many places, where a rule may deny it.
    pub anycast: Treatment,
    /// Groups of its own, by their names without the `@`.
    pub groups: BTreeMap<String, CountrySet>,
    /// What it is for, in its own words.
    pub description: Option<String>,
    /// Its file.
    #[serde(skip)]
    pub(super) text: Option<Arc<str>>,
}

/// The id that findings give where no rule matches and the default is to deny.
pub const DEFAULT_RULE: &str = "default";

/// What decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ruling<'a> {
    /// A rule.
    Rule(&'a Rule),
    /// No rule matches.
    Default(Action),
}

impl Policy {
    /// The policy that the lists of `--deny` and `--allow` make: rules `deny-1`, `deny-2`, ..., `allow-1`, ...
    pub fn from_lists(deny: &[String], allow: &[String]) -> Result<Self, PolicyError> {
        let default = if allow.is_empty() { Action::Allow } else { Action::Deny };
        let deny = deny.iter().enumerate().map(|(index, list)| Rule::quick(Action::Deny, index, list));
        let allow = allow.iter().enumerate().map(|(index, list)| Rule::quick(Action::Allow, index, list));
        Ok(Self::of_rules(deny.chain(allow).collect::<Result<_, _>>()?, default))
    }

    /// A nameless policy of these rules, which are asked in their order.
    pub fn of_rules(rules: Vec<Rule>, default: Action) -> Self {
        Self { rules, default, ..Self::default() }
    }

    /// Whether there are no rules: then everything is allowed.
    pub const fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Whether some rule asks for more than the country.
    pub fn is_conditional(&self) -> bool {
        self.rules.iter().any(|rule| !rule.conditions.is_empty())
    }

    /// Whether some rule speaks of `@home`, the countries that the user calls home.
    pub fn uses_home(&self) -> bool {
        let client =
            |rule: &Rule| rule.conditions.client.as_ref().is_some_and(|client| client.places.uses_home());
        self.rules.iter().any(|rule| rule.places.uses_home() || client(rule))
    }

    /// The policy with `@home` standing for these countries.
    #[must_use]
    pub fn at_home(mut self, home: &CountrySet) -> Self {
        for rule in &mut self.rules {
            rule.countries = rule.places.countries(home);
            if let Some(client) = &mut rule.conditions.client {
                client.countries = client.places.countries(home);
            }
        }
        self
    }

    /// The policy as a file that `--policy` takes: the file it was read from, to the byte, or what says the same as the
    /// rules of the command line. Without rules there is no such file, only a comment that says so.
    pub fn to_toml(&self) -> String {
        if let Some(text) = &self.text {
            return text.to_string();
        }
        if self.is_empty() {
            return "# No rule was given: everything is allowed.\n".to_owned();
        }
        let mut text =
            format!("name = \"rules of the command line\"\ndefault = \"{}\"\n", self.default.name());
        for rule in &self.rules {
            let items: Vec<String> = rule.places.items().map(|item| format!("{item:?}")).collect();
            let _ = write!(
                text,
                "\n[[rule]]\nid = {:?}\n{} = [{}]\n",
                rule.id,
                rule.action.name(),
                items.join(", ")
            );
        }
        text
    }

    /// SHA-256 of [`Policy::to_toml`] in hexadecimal.
    pub fn digest(&self) -> String {
        self.sha256.clone().unwrap_or_else(|| sha256(self.to_toml().as_bytes()))
    }

    /// The rule of that id.
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.id == id)
    }
}

/// In hexadecimal.
pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl Rule {
    fn quick(action: Action, index: usize, list: &str) -> Result<Self, PolicyError> {
        let word = action.name();
        let places = Places::from_list(list)?;
        Ok(Self {
            id: format!("{word}-{}", index + 1),
            action,
            text: format!("{word} {}", places.items().collect::<Vec<_>>().join(",")),
            anywhere: false,
            countries: places.countries(&CountrySet::default()),
            conditions: Conditions::default(),
            reason: None,
            severity: None,
            places,
        })
    }

    /// Whether it speaks of `country`.
    pub fn names(&self, country: CountryCode) -> bool {
        self.anywhere || self.countries.contains(country)
    }
}

impl<'a> Ruling<'a> {
    /// What it does.
    pub(super) const fn action(self) -> Action {
        match self {
            Self::Rule(rule) => rule.action,
            Self::Default(action) => action,
        }
    }

    /// Whether it denies.
    pub(super) fn denies(self) -> bool {
        self.action() == Action::Deny
    }

    /// The rule, if it is one.
    pub(super) const fn rule(self) -> Option<&'a Rule> {
        match self {
            Self::Rule(rule) => Some(rule),
            Self::Default(_) => None,
        }
    }

    /// What findings call it: nothing where no rule had anything to say.
    pub(super) fn id(self) -> Option<String> {
        match self {
            Self::Rule(rule) => Some(rule.id.clone()),
            Self::Default(Action::Deny) => Some(DEFAULT_RULE.to_owned()),
            Self::Default(Action::Allow) => None,
        }
    }

    /// A clause of a sentence on `place`: a country, or `any place`.
    pub(super) fn in_words(self, place: &str) -> String {
        match self {
            Self::Rule(rule) if rule.action == Action::Allow => {
                format!("the rule \"{}\" allows {place}", rule.text)
            }
            Self::Rule(rule) => format!("the rule \"{}\" denies {place}", rule.text),
            Self::Default(Action::Deny) => format!("no rule allows {place}"),
            Self::Default(Action::Allow) => format!("no rule denies {place}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identify::Contact;
    use crate::locate::{Confidence, Location, Scope};
    use crate::policy::Evidence;
    use proptest::prelude::*;
    use std::net::IpAddr;

    fn policy(deny: &[&str], allow: &[&str]) -> Policy {
        let owned = |lists: &[&str]| lists.iter().map(|list| (*list).to_owned()).collect::<Vec<_>>();
        Policy::from_lists(&owned(deny), &owned(allow)).unwrap()
    }

    /// The verdict on a server in `country` in short, `+` or `-`, and the rule that decides.
    fn ruling(policy: &Policy, country: CountryCode) -> String {
        let location =
            Location { country: Some(country), confidence: Confidence::Likely, ..Location::unknown() };
        let address = IpAddr::from([192, 0, 2, 1]);
        let found = policy.judge(&Evidence::new(address, Scope::Global, &location, Contact::Answered));
        let sign = if found.verdict == Verdict::Deny { "-" } else { "+" };
        format!("{sign}{}", found.rule.unwrap_or_default())
    }

    #[test]
    fn rules_have_an_id_the_text_and_the_countries() {
        let policy = policy(&["CN, hk", "@us-ca"], &[" @Five-Eyes, ! gb "]);
        let json = serde_json::to_value(&policy).unwrap();
        let rule = |id: &str, action: &str, text: &str, countries: &[&str]| {
            serde_json::json!({"id": id, "action": action, "text": text, "anywhere": false, "countries": countries,
                "conditions": {}, "reason": null, "severity": null})
        };
        assert_eq!(
            json,
            serde_json::json!({"name": null, "sha256": null, "description": null, "default": "deny",
                "groups": {}, "disputed": "indeterminate", "unknown": "indeterminate", "anycast": "indeterminate", "rules": [
                rule("deny-1", "deny", "deny CN,HK", &["CN", "HK"]),
                rule("deny-2", "deny", "deny @us-ca", &["CA", "US"]),
                rule("allow-1", "allow", "allow @five-eyes,!GB", &["AU", "CA", "NZ", "US"]),
            ]})
        );
    }

    #[test]
    fn each_kind_of_list_has_its_default() {
        let table = [
            (policy(&[], &[]), [("CN", "+"), ("US", "+")]),
            (policy(&["CN"], &[]), [("CN", "-deny-1"), ("US", "+")]),
            (policy(&[], &["US"]), [("CN", "-default"), ("US", "+allow-1")]),
            (policy(&["CN"], &["US"]), [("CN", "-deny-1"), ("DE", "-default")]),
            (policy(&["CN,US"], &["US"]), [("US", "-deny-1"), ("CN", "-deny-1")]),
            (policy(&["RU", "CN", "CN"], &[]), [("CN", "-deny-2"), ("RU", "-deny-1")]),
            (policy(&[], &["US", "CA"]), [("CA", "+allow-2"), ("CN", "-default")]),
            (policy(&["RU"], &["@europe"]), [("RU", "-deny-1"), ("DE", "+allow-1")]),
        ];
        for (policy, expected) in table {
            for (country, expected) in expected {
                let country = CountryCode::parse(country).unwrap();
                assert_eq!(ruling(&policy, country), expected, "{country} under {policy:?}");
                assert_eq!(policy.denies(country), expected.starts_with('-'), "{country} under {policy:?}");
            }
        }
    }

    #[test]
    fn a_bad_list_is_an_error_and_no_rule() {
        let error = Policy::from_lists(&["CN".to_owned(), "CH1".to_owned()], &[]).unwrap_err();
        assert_eq!(error.to_string(), r#"unknown country code "CH1"; did you mean "CN"?"#);
    }

    proptest! {
        #[test]
        fn a_further_deny_rule_never_allows_more(
            country in 0_usize..250,
            deny in proptest::collection::vec(0_usize..250, 0..4),
            allow in proptest::collection::vec(0_usize..250, 0..4),
            further in 0_usize..250,
        ) {
            let code = |index: &usize| crate::locate::countries()[*index].code.to_string();
            let lists = |picked: &[usize]| picked.iter().map(code).collect::<Vec<_>>();
            let before = Policy::from_lists(&lists(&deny), &lists(&allow)).unwrap();
            let more: Vec<usize> = deny.iter().copied().chain([further]).collect();
            let after = Policy::from_lists(&lists(&more), &lists(&allow)).unwrap();
            let country = crate::locate::countries()[country].code;
            prop_assert!(!before.denies(country) || after.denies(country));
            prop_assert_eq!(before.denies(country), ruling(&before, country).starts_with('-'));
        }
    }
}
