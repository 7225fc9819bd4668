//! When a rule holds: from one time to another, and at which hours of the day, in UTC.

use crate::capture::{Precision, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
const DAY: i64 = 24 * 60 * MINUTE;

/// When a rule holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Window {
    /// From this time on.
    #[serde(skip_serializing_if = "Option::is_none", with = "time")]
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub from: Option<Timestamp>,
    /// Until just before this time.
    #[serde(skip_serializing_if = "Option::is_none", with = "time")]
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub until: Option<Timestamp>,
    /// At these hours of every day.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub hours: Option<Hours>,
}

/// A part of every day, in UTC; one that ends before it begins goes past midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    /// Minutes after midnight at which it begins.
    pub from: u16,
    /// Minutes after midnight just before which it ends.
    pub until: u16,
}

impl Window {
    /// Whether there is no time at which it does not hold.
    pub const fn is_always(&self) -> bool {
        self.from.is_none() && self.until.is_none() && self.hours.is_none()
    }

    /// Whether it holds at `time`.
    pub fn holds(&self, time: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= time)
            && self.until.is_none_or(|until| time < until)
            && self.hours.is_none_or(|hours| hours.hold(time))
    }

    /// Whether it holds at some time from `first` to `last`.
    pub fn touches(&self, first: Timestamp, last: Timestamp) -> bool {
        let from = self.from.map_or(first, |from| from.max(first));
        let until = self.until.map_or(last, |until| {
            Timestamp::from_nanoseconds(until.nanoseconds().saturating_sub(1)).min(last)
        });
        if from > until {
            return false;
        }
        let Some(hours) = self.hours else { return true };
        let opening = hours.next_opening(from);
        hours.hold(from) || opening.is_some_and(|opening| opening <= until)
    }

    /// Whether it holds whenever `other` does.
    pub fn covers(&self, other: &Self) -> bool {
        let from = self.from.is_none_or(|from| other.from.is_some_and(|other| from <= other));
        let until = self.until.is_none_or(|until| other.until.is_some_and(|other| other <= until));
        from && until && self.hours.is_none_or(|hours| other.hours == Some(hours))
    }
}

impl Hours {
    fn hold(self, time: Timestamp) -> bool {
        let minute = time.nanoseconds().rem_euclid(DAY) / MINUTE;
        let (from, until) = (i64::from(self.from), i64::from(self.until));
        if from < until { (from..until).contains(&minute) } else { minute >= from || minute < until }
    }

    /// When they next begin, at or after `time`.
    fn next_opening(self, time: Timestamp) -> Option<Timestamp> {
        let past = time.nanoseconds().rem_euclid(DAY);
        let wait = (i64::from(self.from) * MINUTE - past).rem_euclid(DAY);
        time.nanoseconds().checked_add(wait).map(Timestamp::from_nanoseconds)
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, until } = self;
        write!(f, "{:02}:{:02}-{:02}:{:02}", from / 60, from % 60, until / 60, until % 60)
    }
}

impl Serialize for Hours {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hours {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <Cow<'_, str>>::deserialize(deserializer)?;
        text.parse().map_err(|()| serde::de::Error::custom(format!("{text:?} are no hours")))
    }
}

impl FromStr for Hours {
    type Err = ();

    /// Reads `08:00-18:00`; `24:00` is the end of the day. Hours that are no time at all are read, too.
    fn from_str(text: &str) -> Result<Self, ()> {
        let (from, until) = text.split_once('-').ok_or(())?;
        let two = |text: &str| {
            let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| text.parse::<u16>().ok()).flatten()
        };
        let minute = |text: &str, latest: u16| {
            let (hour, minute) = text.trim().split_once(':')?;
            let minute = two(minute).filter(|minute| *minute < 60)?;
            Some(two(hour)? * 60 + minute).filter(|minute| *minute <= latest)
        };
        let (from, until) = minute(from, 1439).zip(minute(until, 1440)).ok_or(())?;
        Ok(Self { from, until })
    }
}

mod time {
    use super::{Timestamp, in_words};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::ref_option, reason = "serde passes a reference to the field")]
    pub(super) fn serialize<S: Serializer>(
        time: &Option<Timestamp>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        time.map(in_words).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
        let time: jiff::Timestamp = text.parse().map_err(serde::de::Error::custom)?;
        let nanoseconds = i64::try_from(time.as_nanosecond()).map_err(serde::de::Error::custom)?;
        Ok(Some(Timestamp::from_nanoseconds(nanoseconds)))
    }
}

/// A time to the second, or exactly where it is finer: `2020-04-03T14:00:00Z`.
pub(super) fn in_words(time: Timestamp) -> String {
    let whole = time.nanoseconds() % SECOND == 0;
    time.rfc3339(if whole { Precision::new(0) } else { Precision::NANOSECONDS })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        let time: jiff::Timestamp = text.parse().unwrap();
        Timestamp::from_nanoseconds(i64::try_from(time.as_nanosecond()).unwrap())
    }

    #[test]
    fn hours_are_of_every_day_and_may_go_past_midnight() {
        let day = Window { hours: Some(Hours { from: 8 * 60, until: 18 * 60 + 30 }), ..Window::default() };
        let night = Window { hours: Some(Hours { from: 22 * 60, until: 6 * 60 }), ..Window::default() };
        for (time, in_day, in_night) in [
            ("2020-04-03T07:59:59Z", false, false),
            ("2020-04-03T08:00:00Z", true, false),
            ("2020-04-03T18:29:59Z", true, false),
            ("2020-04-03T18:30:00Z", false, false),
            ("2020-04-03T22:00:00Z", false, true),
            ("1969-12-31T05:59:59Z", false, true),
        ] {
            assert_eq!((day.holds(at(time)), night.holds(at(time))), (in_day, in_night), "{time}");
        }
    }

    #[test]
    fn the_end_is_not_part_of_it() {
        let window = Window {
            from: Some(at("2020-04-03T00:00:00Z")),
            until: Some(at("2020-04-04T00:00:00Z")),
            hours: None,
        };
        assert!(!window.holds(at("2020-04-02T23:59:59Z")) && window.holds(at("2020-04-03T00:00:00Z")));
        assert!(window.holds(at("2020-04-03T23:59:59Z")) && !window.holds(at("2020-04-04T00:00:00Z")));
        assert!(!window.touches(at("2020-04-04T00:00:00Z"), at("2020-04-05T00:00:00Z")));
        assert!(window.touches(at("2020-04-02T00:00:00Z"), at("2020-04-05T00:00:00Z")));
    }

    proptest! {
        #[test]
        fn it_touches_a_span_exactly_if_it_holds_at_some_minute_of_it(
            from in 0_i64..2880, length in 0_i64..2880, start in 0_i64..2880, lasting in 1_i64..2880,
            opens in 0_u16..1440, open in 1_u16..1440,
        ) {
            let minute = |minute: i64| Timestamp::from_nanoseconds(minute * MINUTE);
            let (end, closes) = (start + lasting, (opens + open) % 1440);
            let hours = Some(Hours { from: opens, until: closes });
            let window = Window { from: Some(minute(start)), until: Some(minute(end)), hours };
            let some = (from..=from + length).any(|time| window.holds(minute(time)));
            prop_assert_eq!(window.touches(minute(from), minute(from + length)), some);
            prop_assert!(window.covers(&window) && Window::default().covers(&window));
        }
    }
}
