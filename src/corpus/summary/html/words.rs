//! Words of the page that several parts of it use.

use crate::corpus::summary::tally::{Group, Tally, UNKNOWN, Verdicts};
use crate::locate::CountryCode;
use crate::report::text::{counted, number};
use std::fmt::Write as _;

/// What the servers did that are shown: something, or one role. The style sheet knows each by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Role(pub(super) &'static str);

impl Role {
    /// Whatever they did.
    pub(super) const ANY: Self = Self("any");

    /// The role of that name; `None` if there is none, as results of another program may say.
    pub(super) fn of(name: &str) -> Option<Self> {
        let known = crate::identify::Role::ALL.into_iter().find(|role| role.name() == name)?;
        Some(Self(known.name()))
    }
}

/// How many calls of a group touched a country, whatever its servers did there and for each thing that they did.
pub(super) fn touches(tally: &Tally) -> impl Iterator<Item = (&Group, &String, Role, u64)> {
    let any = tally.reached.iter().map(|((group, country), calls)| (group, country, Role::ANY, *calls));
    let each = tally
        .touched
        .iter()
        .filter_map(|((group, country, role), calls)| Some((group, country, Role::of(role)?, *calls)));
    any.chain(each)
}

/// A country, or that it is not known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// `CN`, or `unknown`.
    pub(super) code: String,
    /// `China`; empty where it is not known.
    pub(super) name: &'static str,
}

impl Place {
    pub(super) fn of(country: &str) -> Self {
        let name = CountryCode::parse(country).map_or("", CountryCode::name);
        Self { code: country.to_owned(), name }
    }

    pub(super) fn is_unknown(&self) -> bool {
        self.code == UNKNOWN
    }
}

/// `33.3 %`, and what can be said of none.
pub(super) fn share(part: u64, of: u64) -> String {
    if of == 0 {
        return "–".to_owned();
    }
    format!("{} %", super::super::tables::share(part, of))
}

/// `3 calls: 1 allowed, 1 denied, 1 indeterminate; 1 unanswered`.
pub(super) fn verdicts(verdicts: Verdicts) -> String {
    let kinds = [
        (verdicts.allowed(), "allowed"),
        (verdicts.denied, "denied"),
        (verdicts.indeterminate, "indeterminate"),
    ];
    let kinds: Vec<String> = kinds
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, kind)| format!("{} {kind}", number(*count)))
        .collect();
    let mut text = many(verdicts.calls, "call");
    if !kinds.is_empty() {
        // Writing to a string cannot fail.
        let _ = write!(text, ": {}", kinds.join(", "));
    }
    if verdicts.unanswered > 0 {
        let _ = write!(text, "; {} unanswered", number(verdicts.unanswered));
    }
    text
}

/// `1 call`, `2,000 calls`.
pub(super) fn many(count: u64, noun: &str) -> String {
    counted(usize::try_from(count).unwrap_or(usize::MAX), noun)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_said_of_what_is_not() {
        assert_eq!(verdicts(Verdicts::default()), "0 calls");
        let one = Verdicts { calls: 3, denied: 1, indeterminate: 1, unanswered: 1 };
        assert_eq!(verdicts(one), "3 calls: 1 allowed, 1 denied, 1 indeterminate; 1 unanswered");
        assert_eq!((share(1, 3), share(0, 0)), ("33.3 %".to_owned(), "–".to_owned()));
    }

    #[test]
    fn a_country_that_is_none_has_no_name() {
        assert_eq!(Place::of("CN").name, "China");
        assert_eq!((Place::of("<b>").name, Place::of(UNKNOWN).is_unknown()), ("", true));
        assert_eq!((Role::of("media"), Role::of("x")), (Some(Role("media")), None));
    }
}
