//! Time stamps of packets.

use std::fmt;
use std::time::Duration;

/// A packet's time: nanoseconds since 1970-01-01 00:00 UTC, from 1677 to 2262.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The time `nanoseconds` after (or before) 1970.
    pub const fn from_nanoseconds(nanoseconds: i64) -> Self {
        Self(nanoseconds)
    }

    /// Nanoseconds since 1970.
    pub const fn nanoseconds(self) -> i64 {
        self.0
    }

    /// How long after `earlier` this is; zero if it is not after it (clocks jump).
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// RFC 3339 in UTC with `precision` decimal places: `2020-04-03T14:02:11.000000Z`.
    pub fn rfc3339(self, precision: Precision) -> String {
        let places = usize::from(precision.0);
        jiff::Timestamp::from_nanosecond(i128::from(self.0))
            .map_or_else(|_| self.to_string(), |time| format!("{time:.places$}"))
    }
}

impl fmt::Display for Timestamp {
    /// Seconds since 1970 with nine decimal places.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let nanoseconds = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:09}", nanoseconds / 1_000_000_000, nanoseconds % 1_000_000_000)
    }
}

/// Decimal places of a capture's clock, 0 to 9.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Precision(u8);

impl Precision {
    /// Microseconds, as in the classic capture format.
    pub const MICROSECONDS: Self = Self(6);
    /// Nanoseconds, the finest that is kept.
    pub const NANOSECONDS: Self = Self(9);

    /// `places` decimal places, at most nine.
    pub const fn new(places: u8) -> Self {
        Self(if places > 9 { 9 } else { places })
    }

    /// Decimal places.
    pub const fn places(self) -> u8 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_printed_with_the_precision_of_its_capture() {
        let time = Timestamp::from_nanoseconds(1_585_922_531_000_001_000);
        assert_eq!(time.rfc3339(Precision::MICROSECONDS), "2020-04-03T14:02:11.000001Z");
        assert_eq!(time.rfc3339(Precision::NANOSECONDS), "2020-04-03T14:02:11.000001000Z");
        assert_eq!(time.rfc3339(Precision::new(0)), "2020-04-03T14:02:11Z");
    }

    #[test]
    fn a_clock_that_jumps_back_gives_no_time() {
        let earlier = Timestamp::from_nanoseconds(5);
        assert_eq!(earlier.since(Timestamp::from_nanoseconds(9)), Duration::ZERO);
    }
}
