//! Dates of facts: a day, or only a month or a year.

use crate::capture::Timestamp;

/// The date that a source speaks for, as far as it is known: `2024-08-02`, `2024-08` or `2024`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FactDate {
    year: i16,
    month: Option<i8>,
    day: Option<i8>,
}

impl FactDate {
    /// Reads `YYYY`, `YYYY-MM` or `YYYY-MM-DD`. `None` if it is none, or no such day exists.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let year = digits(parts.next()?, 4)?;
        let month = parts.next().map(|month| digits(month, 2).and_then(|m| i8::try_from(m).ok()));
        let day = parts.next().map(|day| digits(day, 2).and_then(|d| i8::try_from(d).ok()));
        if parts.next().is_some() || month == Some(None) || day == Some(None) {
            return None;
        }
        let date = Self { year, month: month.flatten(), day: day.flatten() };
        jiff::civil::Date::new(year, date.month.unwrap_or(1), date.day.unwrap_or(1)).ok()?;
        Some(date)
    }

    /// Whether `time` (in UTC) is after the day, the month or the year.
    pub fn is_before(self, time: Timestamp) -> bool {
        let Ok(time) = jiff::Timestamp::from_nanosecond(i128::from(time.nanoseconds())) else { return false };
        let date = time.to_zoned(jiff::tz::TimeZone::UTC).date();
        let (month, day) = (self.month.unwrap_or(i8::MAX), self.day.unwrap_or(i8::MAX));
        (date.year(), date.month(), date.day()) > (self.year, month, day)
    }
}

impl std::fmt::Display for FactDate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}", self.year)?;
        self.month.map_or(Ok(()), |month| write!(f, "-{month:02}"))?;
        self.day.map_or(Ok(()), |day| write!(f, "-{day:02}"))
    }
}

fn digits(text: &str, length: usize) -> Option<i16> {
    let valid = text.len() == length && text.bytes().all(|c| c.is_ascii_digit());
    valid.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Timestamp {
        let date: jiff::civil::Date = text.parse().unwrap();
        let time = date.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp();
        Timestamp::from_nanoseconds(i64::try_from(time.as_nanosecond()).unwrap())
    }

    #[test]
    fn a_date_reads_back_as_it_was_written() {
        for text in ["2024", "2024-08", "2024-02-29"] {
            assert_eq!(FactDate::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in ["", "24", "2024-13", "2023-02-29", "2024-8-2", "2024-08-02-01", "2024-", "+024", "soon"]
        {
            assert_eq!(FactDate::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_period_ends_with_its_last_day() {
        let year = FactDate::parse("2022").unwrap();
        assert!(!year.is_before(day("2022-12-31")) && year.is_before(day("2023-01-01")));
        let month = FactDate::parse("2022-02").unwrap();
        assert!(!month.is_before(day("2022-02-28")) && month.is_before(day("2022-03-01")));
        let one = FactDate::parse("2025-04-04").unwrap();
        assert!(!one.is_before(day("2025-04-04")) && one.is_before(day("2025-04-05")));
    }
}
