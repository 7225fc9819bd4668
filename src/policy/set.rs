//! Lists of countries as a user types them: `CN,HK`, `@eu`, `@europe,!RU`.

use super::suggest::{suggest_country, suggest_group};
use super::{PolicyError, group};
use crate::locate::CountryCode;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::str::FromStr;

/// Items that a list may have: more than there are countries and groups.
pub(super) const MAX_ITEMS: usize = 1024;

/// A set of countries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct CountrySet(BTreeSet<CountryCode>);

impl CountrySet {
    /// No country.
    pub const fn new() -> Self {
        Self(BTreeSet::new())
    }

    /// Whether `country` is in the set.
    pub fn contains(&self, country: CountryCode) -> bool {
        self.0.contains(&country)
    }

    /// How many countries are in the set.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no country is in the set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The countries, in the order of their codes.
    pub fn iter(&self) -> impl Iterator<Item = CountryCode> {
        self.0.iter().copied()
    }
}

impl Extend<CountryCode> for CountrySet {
    fn extend<I: IntoIterator<Item = CountryCode>>(&mut self, countries: I) {
        self.0.extend(countries);
    }
}

impl FromIterator<CountryCode> for CountrySet {
    fn from_iter<I: IntoIterator<Item = CountryCode>>(countries: I) -> Self {
        Self(countries.into_iter().collect())
    }
}

impl FromStr for CountrySet {
    type Err = PolicyError;

    /// Reads codes and `@groups`, separated by commas, in capitals or not. What follows a `!` is taken out, wherever
    /// it stands in the list.
    fn from_str(list: &str) -> Result<Self, Self::Err> {
        let mut named = BTreeSet::new();
        let mut excluded = BTreeSet::new();
        for (index, item) in list.split(',').map(str::trim).enumerate() {
            if index >= MAX_ITEMS {
                return Err(PolicyError::TooManyItems { limit: MAX_ITEMS });
            }
            if let Some(item) = item.strip_prefix('!') {
                excluded.extend(countries_of(item.trim_start(), list)?);
            } else {
                named.extend(countries_of(item, list)?);
            }
        }
        if named.is_empty() {
            return Err(PolicyError::OnlyExclusions { list: list.to_owned() });
        }
        let set: BTreeSet<_> = named.difference(&excluded).copied().collect();
        if set.is_empty() {
            return Err(PolicyError::NothingLeft { list: list.to_owned() });
        }
        Ok(Self(set))
    }
}

/// The countries that one item of `list` names.
fn countries_of(item: &str, list: &str) -> Result<Vec<CountryCode>, PolicyError> {
    if item.is_empty() {
        return Err(PolicyError::EmptyItem { list: list.to_owned() });
    }
    countries_named(item)
}

/// The countries that a code or an `@group` names.
pub(super) fn countries_named(item: &str) -> Result<Vec<CountryCode>, PolicyError> {
    if let Some(name) = item.strip_prefix('@') {
        let unknown = || PolicyError::UnknownGroup { item: item.to_owned(), suggestion: suggest_group(name) };
        return Ok(group::group(name).ok_or_else(unknown)?.members.iter().collect());
    }
    let unknown = || PolicyError::UnknownCountry { item: item.to_owned(), suggestion: suggest_country(item) };
    Ok(vec![CountryCode::parse(item).ok_or_else(unknown)?])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(list: &str) -> Result<String, String> {
        let set = list.parse::<CountrySet>().map_err(|error| error.to_string())?;
        Ok(set.iter().map(|code| code.to_string()).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn codes_and_groups_are_read_in_capitals_or_not() {
        assert_eq!(read("CN,hk"), Ok("CN HK".to_owned()));
        assert_eq!(read(" cn , @US-ca "), Ok("CA CN US".to_owned()));
        assert_eq!(read("CN,CN"), Ok("CN".to_owned()));
    }

    #[test]
    fn exclusions_count_wherever_they_stand() {
        assert_eq!(read("@five-eyes,!GB"), Ok("AU CA NZ US".to_owned()));
        assert_eq!(read("!GB,@five-eyes"), Ok("AU CA NZ US".to_owned()));
        assert_eq!(read("@five-eyes, ! @us-ca"), Ok("AU GB NZ".to_owned()));
        assert_eq!(read("CN,!RU"), Ok("CN".to_owned()));
    }

    #[test]
    fn an_unknown_item_is_named_with_what_it_may_have_meant() {
        let table = [
            ("CH1", r#"unknown country code "CH1"; did you mean "CN"?"#),
            ("china", r#"unknown country code "china"; did you mean "CN"?"#),
            ("CN,uk", r#"unknown country code "uk"; did you mean "GB"?"#),
            ("EL", r#"unknown country code "EL"; did you mean "GR"?"#),
            ("USA", r#"unknown country code "USA"; did you mean "US"?"#),
            ("eu", r#"unknown country code "eu"; did you mean "@eu"?"#),
            ("schengen", r#"unknown country code "schengen"; did you mean "@schengen"?"#),
            ("germny", r#"unknown country code "germny"; did you mean "DE"?"#),
            ("turkiye", r#"unknown country code "turkiye"; did you mean "TR"?"#),
            ("Russian Federation", r#"unknown country code "Russian Federation"; did you mean "RU"?"#),
            ("north korea", r#"unknown country code "north korea"; did you mean "KP"?"#),
            ("!china", r#"unknown country code "china"; did you mean "CN"?"#),
            ("qqqqqqq", r#"unknown country code "qqqqqqq""#),
            ("XX", r#"unknown country code "XX""#),
            ("\u{1b}[31m", r#"unknown country code "\u{1b}[31m""#),
            ("@ue", r#"unknown country group "@ue"; did you mean "@eu"?"#),
            ("@europ", r#"unknown country group "@europ"; did you mean "@europe"?"#),
            ("@fiveeyes", r#"unknown country group "@fiveeyes"; did you mean "@five-eyes"?"#),
            ("@cn", r#"unknown country group "@cn"; did you mean "CN"?"#),
            ("@nowhere-at-all", r#"unknown country group "@nowhere-at-all""#),
        ];
        for (list, message) in table {
            assert_eq!(read(list), Err(message.to_owned()), "{list}");
        }
    }

    #[test]
    fn a_list_that_says_nothing_is_refused() {
        assert_eq!(read(""), Err(r#"empty item in the country list """#.to_owned()));
        assert_eq!(read("CN,,HK"), Err(r#"empty item in the country list "CN,,HK""#.to_owned()));
        assert_eq!(read("!"), Err(r#"empty item in the country list "!""#.to_owned()));
        assert_eq!(
            read("!CN"),
            Err(r#"the country list "!CN" only takes countries out; name those it takes them out of first"#
                .to_owned())
        );
        assert_eq!(read("CN,!CN"), Err(r#"the country list "CN,!CN" leaves no country"#.to_owned()));
        assert_eq!(
            read(&"CN,".repeat(MAX_ITEMS + 1)),
            Err("a country list has more than 1024 items".to_owned())
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(list in "\\PC{0,40}") {
            if let Ok(set) = list.parse::<CountrySet>() {
                prop_assert!(!set.is_empty());
            }
        }

        #[test]
        fn the_printed_codes_of_a_set_read_back(picked in proptest::collection::btree_set(0_usize..250, 1..30)) {
            let all = crate::locate::countries();
            let set: CountrySet = picked.iter().map(|index| all[*index].code).collect();
            let list: Vec<String> = set.iter().map(|code| code.to_string().to_lowercase()).collect();
            prop_assert_eq!(list.join(",").parse::<CountrySet>().unwrap(), set);
        }
    }
}
