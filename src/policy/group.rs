//! Country groups, `@eu` and the like: a reviewed list that is part of the program.

use super::CountrySet;
use crate::locate::CountryCode;
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

/// The reviewed list; its header says what its fields mean.
const LIST: &str = include_str!("../../data/groups.toml");

/// Read when the first group is asked for, so that a run without groups does not pay for it.
static GROUPS: LazyLock<Vec<Group>> =
    LazyLock::new(|| toml::from_str::<File>(LIST).map_or_else(|_| Vec::new(), |file| file.group));

#[derive(Deserialize)]
struct File {
    group: Vec<Group>,
}

/// A group of countries with its source.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// What follows the `@`.
    pub name: String,
    /// What the group is.
    pub label: String,
    /// The day or month for which the list was checked: `2026-11-21`, `2026-04`.
    pub as_of: String,
    /// Who says which countries are members.
    pub source: String,
    /// What to know before using it.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Its countries.
    #[serde(deserialize_with = "members")]
    pub members: CountrySet,
}

/// Every group, in the order of the list.
pub fn groups() -> &'static [Group] {
    &GROUPS
}

/// The group with that name, in capitals or not.
pub(super) fn group(name: &str) -> Option<&'static Group> {
    groups().iter().find(|group| group.name.eq_ignore_ascii_case(name))
}

fn members<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<CountrySet, D::Error> {
    let codes = Vec::<String>::deserialize(deserializer)?;
    codes.iter().map(|code| code.parse::<CountryCode>().map_err(serde::de::Error::custom)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::locate::countries;
    use std::collections::BTreeSet;

    fn set(name: &str) -> &'static CountrySet {
        &group(name).unwrap().members
    }

    #[test]
    fn the_list_is_read_and_its_codes_exist() {
        toml::from_str::<File>(LIST).map(drop).unwrap();
        assert_eq!(groups().len(), 18);
    }

    #[test]
    fn every_group_has_a_name_of_its_own_a_label_a_source_and_a_date() {
        let names: BTreeSet<_> = groups().iter().map(|group| group.name.as_str()).collect();
        assert_eq!(names.len(), groups().len());
        for group in groups() {
            let is_plain = |letter: char| letter.is_ascii_lowercase() || letter == '-';
            assert!(group.name.chars().all(is_plain), "{group:?}");
            assert!(!group.label.is_empty() && !group.source.is_empty(), "{group:?}");
            let date =
                if group.as_of.len() == 7 { format!("{}-01", group.as_of) } else { group.as_of.clone() };
            date.parse::<jiff::civil::Date>().unwrap();
        }
    }

    #[test]
    fn no_group_lists_a_country_twice_and_its_codes_are_sorted() {
        let table: toml::Table = LIST.parse().unwrap();
        for group in table["group"].as_array().unwrap() {
            let codes: Vec<_> =
                group["members"].as_array().unwrap().iter().map(|code| code.as_str()).collect();
            assert!(codes.is_sorted_by(|a, b| a < b), "{group:?}");
        }
    }

    #[test]
    fn groups_have_as_many_members_as_their_sources_say() {
        let counts = [
            ("eu", 27),
            ("eu-outermost", 6),
            ("eea", 30),
            ("schengen", 29),
            ("gdpr-adequacy", 16),
            ("doj-countries-of-concern", 8),
            ("china-incl-sar", 3),
            ("us-ca", 2),
            ("five-eyes", 5),
            ("nine-eyes", 9),
            ("fourteen-eyes", 14),
            ("africa", 60),
            ("antarctica", 1),
            ("asia", 51),
            ("europe", 52),
            ("north-america", 41),
            ("oceania", 29),
            ("south-america", 16),
        ];
        for (name, count) in counts {
            assert_eq!(set(name).len(), count, "{name}");
        }
        assert_eq!(counts.len(), groups().len());
    }

    #[test]
    fn every_country_is_in_exactly_one_continent() {
        let continents =
            ["africa", "antarctica", "asia", "europe", "north-america", "oceania", "south-america"];
        for country in countries() {
            let found = continents.iter().filter(|name| set(name).contains(country.code)).count();
            assert_eq!(found, 1, "{country:?}");
        }
    }

    #[test]
    fn groups_that_contain_each_other_do() {
        for (inner, outer) in [("eu", "eea"), ("five-eyes", "nine-eyes"), ("nine-eyes", "fourteen-eyes")] {
            assert!(set(inner).iter().all(|code| set(outer).contains(code)), "@{inner} in @{outer}");
        }
        let code = |text| CountryCode::parse(text).unwrap();
        assert!(set("asia").contains(code("TW")) && set("europe").contains(code("XK")));
    }
}
