//! The time axis of a call: where a time is along it, and where its ticks are.

use super::model::{SessionReport, Time};
use crate::capture::{Precision, Timestamp};
use std::time::Duration;

/// The whole of an axis, in the parts in which places along it are counted.
pub(crate) const WHOLE: u64 = 10_000_000;

/// Lengths between ticks that people count in.
const STEPS_MS: [u64; 24] = [
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000,
    300_000, 600_000, 1_800_000, 3_600_000, 7_200_000, 21_600_000, 86_400_000,
];

/// From times to places along the axis.
pub(crate) struct Axis {
    /// The time at its beginning.
    pub(crate) start: Timestamp,
    /// Nanoseconds, one at least.
    pub(crate) span: u64,
}

impl Axis {
    /// From the first packet of a call to its last.
    pub(crate) fn of(call: &SessionReport) -> Self {
        let span = u64::try_from(call.end.at.since(call.start.at).as_nanos()).unwrap_or(u64::MAX);
        // A call of one packet is drawn as one of a millisecond.
        Self { start: call.start.at, span: if span == 0 { 1_000_000 } else { span } }
    }

    /// Where a time is; one outside of the call, which another flow may have, stands at its end.
    pub(crate) fn place(&self, time: Time) -> u64 {
        let since = time.at.since(self.start).as_nanos();
        let parts = since.saturating_mul(u128::from(WHOLE)) / u128::from(self.span);
        u64::try_from(parts).unwrap_or(WHOLE).min(WHOLE)
    }

    /// Round times within it, `most` steps apart at most, and the clock at each.
    pub(crate) fn ticks(&self, most: u64) -> Vec<(u64, String)> {
        let span_ms = self.span / 1_000_000;
        let step = STEPS_MS.into_iter().find(|step| span_ms / step <= most).unwrap_or(u64::MAX / 1_000_000);
        let step_ns = step * 1_000_000;
        let start = u64::try_from(self.start.nanoseconds()).unwrap_or_default();
        let first = start.div_ceil(step_ns).saturating_mul(step_ns);
        let times = (0..=most).map(|tick| first.saturating_add(tick.saturating_mul(step_ns)));
        let within = times.filter(|time| time - start <= self.span);
        within
            .map(|time| {
                let since = Duration::from_nanos(time - start);
                let parts = since.as_nanos() * u128::from(WHOLE) / u128::from(self.span);
                let at = Timestamp::from_nanoseconds(i64::try_from(time).unwrap_or(i64::MAX));
                let text = at.rfc3339(Precision::new(if step < 1000 { 3 } else { 0 }));
                let clock = text.get(11..).unwrap_or_default().trim_end_matches('Z').to_owned();
                (u64::try_from(parts).unwrap_or(WHOLE), clock)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(nanoseconds: i64) -> Time {
        Time { at: Timestamp::from_nanoseconds(nanoseconds), precision: Precision::new(6) }
    }

    #[test]
    fn times_are_places_along_the_call_and_none_lies_outside() {
        let axis = Axis { start: at(1_000).at, span: 4_000 };
        let places = [0, 1_000, 2_000, 5_000, 9_000].map(|time| axis.place(at(time)));
        assert_eq!(places, [0, 0, WHOLE / 4, WHOLE, WHOLE]);
    }

    #[test]
    fn ticks_stand_at_round_times() {
        let start = 1_585_922_531_400_000_000;
        let axis = Axis { start: at(start).at, span: 30_000_000_000 };
        let ticks: Vec<String> = axis.ticks(6).into_iter().map(|(_, label)| label).collect();
        assert_eq!(ticks, ["14:02:15", "14:02:20", "14:02:25", "14:02:30", "14:02:35", "14:02:40"]);
        let axis = Axis { start: at(start).at, span: 1_000_000 };
        assert_eq!(axis.ticks(6).len(), 2);
        for span in [1, 999_999, u64::MAX] {
            for most in [1, 6, 40] {
                assert!(Axis { start: at(start).at, span }.ticks(most).len() as u64 <= most + 1);
            }
        }
    }
}
