//! The time along a picture: as many steps as can be told apart.

use jiff::civil::Date;

/// Steps at most; below it, each is some pixels wide on a telephone.
const MAX_STEPS: i32 = 72;
/// Steps that a picture has room for at least, so that the only day of a corpus is no wall.
const MIN_ROOM: usize = 12;
/// Ticks at most.
const MAX_TICKS: usize = 6;

/// What a step of the axis is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Day,
    /// From Monday on.
    Week,
    Month,
    /// So many.
    Years(i32),
}

/// The time from one day to another, in steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Axis {
    first: Date,
    step: Step,
    /// How many steps there are.
    pub(super) steps: usize,
}

impl Axis {
    /// An axis with all of `days` (`2020-04-03`) on it; what is no day is left out. `None` if none is.
    pub(super) fn over<'a>(days: impl Iterator<Item = &'a str>) -> Option<Self> {
        let (mut first, mut last): (Option<Date>, Option<Date>) = (None, None);
        for day in days.filter_map(|day| day.parse::<Date>().ok()) {
            first = Some(first.map_or(day, |first| first.min(day)));
            last = Some(last.map_or(day, |last| last.max(day)));
        }
        let (first, last) = (first?, last?);
        let steps = [Step::Day, Step::Week, Step::Month];
        let few = |step: &Step| index(first, *step, last) < MAX_STEPS;
        let step = steps.into_iter().find(few).unwrap_or_else(|| {
            let years = i32::from(last.year()) - i32::from(first.year()) + 1;
            Step::Years((years + MAX_STEPS - 1) / MAX_STEPS)
        });
        let steps = usize::try_from(index(first, step, last) + 1).ok()?;
        Some(Self { first, step, steps })
    }

    /// The step that a day is in.
    pub(super) fn place(&self, day: &str) -> Option<usize> {
        let place = index(self.first, self.step, day.parse().ok()?);
        usize::try_from(place).ok().filter(|place| *place < self.steps)
    }

    /// Steps that the picture is wide.
    pub(super) fn room(&self) -> usize {
        self.steps.max(MIN_ROOM)
    }

    /// `day`, `week`, `month`, `year` or `10 years`.
    pub(super) fn unit(&self) -> String {
        match self.step {
            Step::Day => "day".to_owned(),
            Step::Week => "week".to_owned(),
            Step::Month => "month".to_owned(),
            Step::Years(1) => "year".to_owned(),
            Step::Years(years) => format!("{years} years"),
        }
    }

    /// What a step is called: its first day, month or year.
    pub(super) fn name(&self, place: usize) -> String {
        let steps = i32::try_from(place).unwrap_or(i32::MAX);
        let days = |days: i32| {
            let day = self.first.checked_add(jiff::Span::new().try_days(days).unwrap_or_default());
            day.unwrap_or(self.first).to_string()
        };
        match self.step {
            Step::Day => days(steps),
            Step::Week => days(
                steps
                    .saturating_mul(7)
                    .saturating_sub(i32::from(self.first.weekday().to_monday_zero_offset())),
            ),
            Step::Month => {
                let month = month(self.first).saturating_add(steps);
                format!("{:04}-{:02}", month.div_euclid(12), month.rem_euclid(12) + 1)
            }
            Step::Years(years) => {
                format!("{:04}", i32::from(self.first.year()) + steps.saturating_mul(years))
            }
        }
    }

    /// Where ticks are, in per cent of the width, and what stands there.
    pub(super) fn ticks(&self) -> Vec<(String, String)> {
        let every = self.steps.div_ceil(MAX_TICKS).max(1);
        let tick = |place: usize| {
            let tenths = place * 1000 / self.room();
            (format!("{}.{}", tenths / 10, tenths % 10), self.name(place))
        };
        (0..self.steps).step_by(every).map(tick).collect()
    }
}

/// The number of the step that `day` is in, from 0 for that of `first`.
fn index(first: Date, step: Step, day: Date) -> i32 {
    let days = first.until(day).map_or(0, |span| span.get_days());
    match step {
        Step::Day => days,
        Step::Week => (days + i32::from(first.weekday().to_monday_zero_offset())).div_euclid(7),
        Step::Month => month(day) - month(first),
        Step::Years(years) => (i32::from(day.year()) - i32::from(first.year())).div_euclid(years.max(1)),
    }
}

/// Months since the year 0.
fn month(day: Date) -> i32 {
    i32::from(day.year()) * 12 + i32::from(day.month()) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(first: &str, last: &str) -> Axis {
        Axis::over([last, "unknown", first].into_iter()).unwrap()
    }

    #[test]
    fn the_steps_grow_with_the_time() {
        let told = |first, last| {
            let axis = axis(first, last);
            assert!(axis.steps <= 72, "{first} {last}: {}", axis.steps);
            assert_eq!(axis.place(last), Some(axis.steps - 1));
            assert_eq!(axis.place(first), Some(0));
            (axis.unit(), axis.steps, axis.name(0))
        };
        let cases = [
            ("2020-04-03", "2020-04-03", "day", 1, "2020-04-03"),
            ("2020-02-28", "2020-03-01", "day", 3, "2020-02-28"),
            // A Friday and the Sunday after New Year's Eve.
            ("2020-04-03", "2021-01-03", "week", 40, "2020-03-30"),
            ("2018-01-31", "2020-12-01", "month", 36, "2018-01"),
            ("1998-01-01", "2030-01-01", "year", 33, "1998"),
            ("0001-01-01", "9999-12-31", "139 years", 72, "0001"),
        ];
        for (first, last, unit, steps, name) in cases {
            assert_eq!(told(first, last), (unit.to_owned(), steps, name.to_owned()));
        }
    }

    #[test]
    fn weeks_begin_on_monday() {
        let axis = axis("2020-04-05", "2020-12-31");
        assert_eq!((axis.place("2020-04-05"), axis.place("2020-04-06")), (Some(0), Some(1)));
        assert_eq!(axis.name(1), "2020-04-06");
        assert_eq!(axis.place("2020-04-01"), Some(0));
        assert_eq!((axis.place("2019-01-01"), axis.place("x"), axis.place("2030-01-01")), (None, None, None));
    }

    #[test]
    fn ticks_are_few_and_in_the_picture() {
        for last in ["2020-01-01", "2020-02-11", "2021-01-01", "2024-01-01"] {
            let axis = axis("2020-01-01", last);
            let ticks = axis.ticks();
            assert!((1..=6).contains(&ticks.len()), "{ticks:?}");
            assert!(ticks.iter().all(|(place, _)| place.parse::<f64>().unwrap() < 100.0), "{ticks:?}");
        }
        assert_eq!(Axis::over(["unknown"].into_iter()), None);
    }
}
