//! Country codes and names.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

/// The reviewed table; its header says where it comes from.
const TABLE: &str = include_str!("../../data/countries.tsv");

/// Pairs of letters.
const PAIRS: usize = 26 * 26;

static COUNTRIES: LazyLock<Countries> = LazyLock::new(|| {
    let mut rows: Vec<Country> = TABLE.lines().filter_map(Country::from_line).collect();
    rows.sort_unstable_by_key(|country| country.code);
    let mut places = [None; PAIRS];
    for (place, country) in (0..).zip(&rows) {
        if let Some(entry) = country.code.pair().and_then(|pair| places.get_mut(pair)) {
            *entry = Some(place);
        }
    }
    Countries { rows, places }
});

/// Every country, in the order of its code, and its place by the two letters.
struct Countries {
    rows: Vec<Country>,
    places: [Option<u16>; PAIRS],
}

/// An ISO 3166-1 alpha-2 code in capitals, or `XK` (Kosovo), which is user-assigned but in common use.
///
/// Codes of anything that is not a country (`EU`, `AP`, `ZZ`) do not exist as values.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CountryCode([u8; 2]);

impl CountryCode {
    /// The code that `text` spells, in capitals or not; `None` if no country has it.
    pub fn parse(text: &str) -> Option<Self> {
        let letters: [u8; 2] = text.as_bytes().try_into().ok()?;
        let code = Self(letters.map(|letter| letter.to_ascii_uppercase()));
        code.country().map(|country| country.code)
    }

    /// The two letters.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The two letters, in ASCII.
    pub const fn letters(self) -> [u8; 2] {
        self.0
    }

    /// The English short name.
    pub fn name(self) -> &'static str {
        self.country().map_or("", |country| country.name)
    }

    fn country(self) -> Option<&'static Country> {
        let place = COUNTRIES.places.get(self.pair()?).copied().flatten()?;
        COUNTRIES.rows.get(usize::from(place))
    }

    /// The number of this pair of letters among all; `None` where they are no capitals.
    fn pair(self) -> Option<usize> {
        let [first, second] = self.0.map(|letter| usize::from(letter.wrapping_sub(b'A')));
        (first < 26 && second < 26).then_some(first * 26 + second)
    }
}

impl fmt::Display for CountryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for CountryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for CountryCode {
    type Err = UnknownCountry;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text).ok_or_else(|| UnknownCountry(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for CountryCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for CountryCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A text that is no country's code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a country code of ISO 3166-1")]
pub struct UnknownCountry(pub String);

/// One row of the table of countries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Country {
    /// ISO 3166-1 alpha-2.
    pub code: CountryCode,
    /// ISO 3166-1 alpha-3.
    pub alpha3: &'static str,
    /// The English short name in everyday use: `Iran`.
    pub name: &'static str,
    /// The English short name in ISO 3166-1: `Iran, Islamic Republic of`.
    pub iso_name: &'static str,
}

impl Country {
    fn from_line(line: &'static str) -> Option<Self> {
        let mut columns = line.split('\t');
        let code = columns.next()?.as_bytes().try_into().ok().map(CountryCode)?;
        Some(Self { code, alpha3: columns.next()?, name: columns.next()?, iso_name: columns.next()? })
    }
}

/// Every country, in the order of its code.
pub fn countries() -> &'static [Country] {
    &COUNTRIES.rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_table_has_each_of_the_249_countries_and_kosovo_once() {
        let rows = TABLE.lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(rows, 250);
        assert_eq!(countries().len(), rows, "a line that is no row");
        let codes: BTreeSet<_> = countries().iter().map(|country| country.code).collect();
        let alpha3: BTreeSet<_> = countries().iter().map(|country| country.alpha3).collect();
        let names: BTreeSet<_> = countries().iter().map(|country| country.name).collect();
        assert_eq!((codes.len(), alpha3.len(), names.len()), (rows, rows, rows));
    }

    #[test]
    fn every_row_is_well_formed() {
        for country in countries() {
            let code = country.code.as_str();
            assert!(code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase()), "{country:?}");
            assert!(country.alpha3.len() == 3 && country.alpha3.bytes().all(|b| b.is_ascii_uppercase()));
            assert!(!country.name.is_empty() && country.name.trim() == country.name, "{country:?}");
            assert!(!country.iso_name.is_empty(), "{country:?}");
        }
    }

    #[test]
    fn a_code_is_read_in_capitals_or_not_and_printed_in_capitals() {
        let code = CountryCode::parse("cN").unwrap();
        assert_eq!((code.to_string().as_str(), code.name()), ("CN", "China"));
        assert_eq!(serde_json::to_string(&code).unwrap(), "\"CN\"");
        assert_eq!("XK".parse::<CountryCode>().unwrap().name(), "Kosovo");
    }

    #[test]
    fn what_is_no_country_is_no_code() {
        for text in ["", "C", "CHN", "EU", "AP", "ZZ", "UK", "A1", "--", "é", "C\u{0}"] {
            assert_eq!(CountryCode::parse(text), None, "{text:?}");
        }
        assert_eq!(
            "EU".parse::<CountryCode>().unwrap_err().to_string(),
            "\"EU\" is not a country code of ISO 3166-1"
        );
    }

    proptest! {
        #[test]
        fn a_code_that_was_read_reads_back(text in "\\PC{0,3}") {
            if let Some(code) = CountryCode::parse(&text) {
                prop_assert_eq!(CountryCode::parse(code.as_str()), Some(code));
                prop_assert!(code.as_str().eq_ignore_ascii_case(&text));
            }
        }
    }
}
