//! The places that a rule speaks of: countries, groups, `@home`, or every place.

use super::{CountrySet, PolicyError};
use crate::locate::countries;

/// The item that stands for every place.
pub(super) const EVERY: &str = "*";
/// The group that the user defines on the command line.
pub(super) const HOME: &str = "@home";

/// A list of places as it is written, and what it means apart from the countries that the user calls home.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    items: Vec<String>,
    named: CountrySet,
    excluded: CountrySet,
    every: bool,
    home: Option<Sign>,
}

/// Whether places are named or taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    Named,
    Excluded,
}

impl Places {
    /// Codes and built-in groups, separated by commas.
    pub(super) fn from_list(list: &str) -> Result<Self, PolicyError> {
        let named = list.parse()?;
        Ok(Self { items: list.split(',').map(tidy).collect(), named, ..Self::default() })
    }

    /// Notes how an item is written.
    pub(super) fn write(&mut self, item: &str) {
        self.items.push(tidy(item));
    }

    pub(super) fn add(&mut self, sign: Sign, countries: &CountrySet) {
        match sign {
            Sign::Named => self.named.extend(countries.iter()),
            Sign::Excluded => self.excluded.extend(countries.iter()),
        }
    }

    pub(super) const fn add_every(&mut self) {
        self.every = true;
    }

    pub(super) const fn add_home(&mut self, sign: Sign) {
        self.home = Some(sign);
    }

    /// The items, tidied.
    pub(super) fn items(&self) -> impl Iterator<Item = &str> {
        self.items.iter().map(String::as_str)
    }

    /// Whether it is every place, known or not.
    pub(super) fn is_anywhere(&self) -> bool {
        self.every && self.excluded.is_empty() && self.home != Some(Sign::Excluded)
    }

    /// Whether it speaks of `@home`.
    pub(super) const fn uses_home(&self) -> bool {
        self.home.is_some()
    }

    /// Whether it names nothing to take anything out of.
    pub(super) fn only_excludes(&self) -> bool {
        !self.every && self.named.is_empty() && self.home != Some(Sign::Named)
    }

    /// The countries, with `@home` standing for `home`.
    pub(super) fn countries(&self, home: &CountrySet) -> CountrySet {
        let every = countries().iter().map(|country| country.code).filter(|_| self.every);
        let at_home = home.iter().filter(|_| self.home == Some(Sign::Named));
        let away = |country| self.home == Some(Sign::Excluded) && home.contains(country);
        let named = every.chain(at_home).chain(self.named.iter());
        named.filter(|country| !self.excluded.contains(*country) && !away(*country)).collect()
    }

    /// Whether each place of `other` is one of these, whatever the user calls home. The sets are what both come to
    /// without it.
    pub(super) fn covers(&self, own: &CountrySet, other: &Self, others: &CountrySet) -> bool {
        if self.is_anywhere() || self == other {
            return true;
        }
        let fixed = !other.is_anywhere() && !self.uses_home() && !other.uses_home();
        fixed && own.len() >= others.len() && others.iter().all(|country| own.contains(country))
    }
}

/// An item without blanks, a code in capitals and a group in small letters.
fn tidy(item: &str) -> String {
    let item: String = item.chars().filter(|letter| !letter.is_whitespace()).collect();
    if item.contains('@') { item.to_lowercase() } else { item.to_uppercase() }
}
