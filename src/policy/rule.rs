//! Rules, and the policy they make.

use super::{CountrySet, PolicyError};
use crate::locate::CountryCode;
use serde::Serialize;

/// What a rule does with the countries it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// They are allowed, and with the first such rule all others are denied.
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

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Rule {
    /// What findings call it.
    pub id: String,
    /// What it does.
    pub action: Action,
    /// The rule in words: `deny CN,@doj-countries-of-concern`.
    pub text: String,
    /// The countries that it names.
    pub countries: CountrySet,
}

/// What is allowed.
///
/// A country that a deny rule names is denied. If there are allow rules, so is a country that none of them names.
/// Every other country is allowed; without rules, every country is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Policy {
    /// The name that the policy gives itself.
    pub name: Option<String>,
    /// SHA-256 of its file in hexadecimal; rules of the command line have none.
    pub sha256: Option<String>,
    /// The rules, in the order in which they were given.
    pub rules: Vec<Rule>,
}

/// What the rules say of one country.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ruling<'a> {
    /// An allow rule names it.
    Allowed(&'a Rule),
    /// A deny rule names it.
    Denied(&'a Rule),
    /// There are allow rules, of which this is the first, and none names it.
    NotAllowed(&'a Rule),
    /// No rule speaks of it.
    Unmentioned,
}

impl Policy {
    /// The policy that the lists of `--deny` and `--allow` make: rules `deny-1`, `deny-2`, ..., `allow-1`, ...
    pub fn from_lists(deny: &[String], allow: &[String]) -> Result<Self, PolicyError> {
        let deny = deny.iter().enumerate().map(|(index, list)| Rule::quick(Action::Deny, index, list));
        let allow = allow.iter().enumerate().map(|(index, list)| Rule::quick(Action::Allow, index, list));
        Ok(Self { name: None, sha256: None, rules: deny.chain(allow).collect::<Result<_, _>>()? })
    }

    /// Whether there are no rules: then everything is allowed.
    pub const fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// What the rules say of `country`. Where several rules speak of it, a deny rule decides, and of those the first.
    pub(super) fn ruling(&self, country: CountryCode) -> Ruling<'_> {
        let of_action = |action| self.rules.iter().filter(move |rule| rule.action == action);
        let names = |rule: &&Rule| rule.countries.contains(country);
        if let Some(rule) = of_action(Action::Deny).find(names) {
            return Ruling::Denied(rule);
        }
        if let Some(rule) = of_action(Action::Allow).find(names) {
            return Ruling::Allowed(rule);
        }
        of_action(Action::Allow).next().map_or(Ruling::Unmentioned, Ruling::NotAllowed)
    }
}

impl Rule {
    fn quick(action: Action, index: usize, list: &str) -> Result<Self, PolicyError> {
        let word = action.name();
        Ok(Self {
            id: format!("{word}-{}", index + 1),
            action,
            text: format!("{word} {}", tidy(list)),
            countries: list.parse()?,
        })
    }
}

/// The list without blanks, codes in capitals and groups in small letters.
fn tidy(list: &str) -> String {
    let items = list.split(',').map(|item| {
        let item: String = item.chars().filter(|letter| !letter.is_whitespace()).collect();
        if item.contains('@') { item.to_lowercase() } else { item.to_uppercase() }
    });
    items.collect::<Vec<_>>().join(",")
}

impl<'a> Ruling<'a> {
    /// The rule that denies the country.
    pub(super) const fn denied_by(self) -> Option<&'a Rule> {
        match self {
            Self::Denied(rule) | Self::NotAllowed(rule) => Some(rule),
            Self::Allowed(_) | Self::Unmentioned => None,
        }
    }

    /// The rule that decides.
    pub(super) const fn rule(self) -> Option<&'a Rule> {
        match self {
            Self::Allowed(rule) | Self::Denied(rule) | Self::NotAllowed(rule) => Some(rule),
            Self::Unmentioned => None,
        }
    }

    /// A clause of a sentence on `country`.
    pub(super) fn in_words(self, country: CountryCode) -> String {
        match self {
            Self::Allowed(rule) => format!("the rule \"{}\" allows {country}", rule.text),
            Self::Denied(rule) => format!("the rule \"{}\" denies {country}", rule.text),
            Self::NotAllowed(_) => format!("no allow rule names {country}"),
            Self::Unmentioned => format!("no rule denies {country}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn policy(deny: &[&str], allow: &[&str]) -> Policy {
        let owned = |lists: &[&str]| lists.iter().map(|list| (*list).to_owned()).collect::<Vec<_>>();
        Policy::from_lists(&owned(deny), &owned(allow)).unwrap()
    }

    /// The ruling in short: `+` allowed, `-` denied, the rule's id, `?` for what no list names.
    fn ruling(policy: &Policy, country: &str) -> String {
        match policy.ruling(CountryCode::parse(country).unwrap()) {
            Ruling::Allowed(rule) => format!("+{}", rule.id),
            Ruling::Denied(rule) => format!("-{}", rule.id),
            Ruling::NotAllowed(rule) => format!("-?{}", rule.id),
            Ruling::Unmentioned => "+?".to_owned(),
        }
    }

    #[test]
    fn rules_have_an_id_the_text_and_the_countries() {
        let policy = policy(&["CN, hk", "@us-ca"], &[" @Five-Eyes, ! gb "]);
        let json = serde_json::to_value(&policy).unwrap();
        assert_eq!(
            json,
            serde_json::json!({"name": null, "sha256": null, "rules": [
                {"id": "deny-1", "action": "deny", "text": "deny CN,HK", "countries": ["CN", "HK"]},
                {"id": "deny-2", "action": "deny", "text": "deny @us-ca", "countries": ["CA", "US"]},
                {"id": "allow-1", "action": "allow", "text": "allow @five-eyes,!GB",
                    "countries": ["AU", "CA", "NZ", "US"]},
            ]})
        );
    }

    #[test]
    fn each_kind_of_list_has_its_default() {
        let table = [
            (policy(&[], &[]), [("CN", "+?"), ("US", "+?")]),
            (policy(&["CN"], &[]), [("CN", "-deny-1"), ("US", "+?")]),
            (policy(&[], &["US"]), [("CN", "-?allow-1"), ("US", "+allow-1")]),
            (policy(&["CN"], &["US"]), [("CN", "-deny-1"), ("DE", "-?allow-1")]),
            (policy(&["CN,US"], &["US"]), [("US", "-deny-1"), ("CN", "-deny-1")]),
            (policy(&["RU", "CN", "CN"], &[]), [("CN", "-deny-2"), ("RU", "-deny-1")]),
            (policy(&[], &["US", "CA"]), [("CA", "+allow-2"), ("CN", "-?allow-1")]),
            (policy(&["RU"], &["@europe"]), [("RU", "-deny-1"), ("DE", "+allow-1")]),
        ];
        for (policy, expected) in table {
            for (country, expected) in expected {
                assert_eq!(ruling(&policy, country), expected, "{country} under {policy:?}");
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
            let was_denied = before.ruling(country).denied_by().is_some();
            prop_assert!(!was_denied || after.ruling(country).denied_by().is_some());
        }
    }
}
