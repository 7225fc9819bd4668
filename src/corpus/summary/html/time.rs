//! Calls by country over time: of each service how many calls there were, and below, lane by lane, which share of them
//! touched a country. A call may touch several countries, so lanes are not parts of a whole and are not stacked.

use super::axis::Axis;
use super::words::{self, Place, Role};
use crate::corpus::summary::tally::{Group, Tally, UNKNOWN, Verdicts};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Countries with a lane that is not folded away.
const MAX_OPEN: usize = 8;
/// Width of a step, and of the gap before the next one.
const STEP: usize = 10;
const GAP: usize = 1;
/// Height of a lane; also that of a share of 100 %.
const HEIGHT: u64 = 100;
/// The least that is drawn of what is not nothing.
const LEAST: u64 = 4;

/// What is drawn of a service.
pub(super) struct Chart {
    pub(super) service: String,
    pub(super) sum: Verdicts,
    /// Calls on days that are not known, which are not drawn.
    pub(super) undated: u64,
    pub(super) width: usize,
    pub(super) steps: Vec<Step>,
    /// `25 a week at most`.
    pub(super) most: String,
    pub(super) views: Vec<View>,
    pub(super) ticks: Vec<(String, String)>,
}

/// The calls of one step.
pub(super) struct Step {
    pub(super) title: String,
    pub(super) x: usize,
    pub(super) width: usize,
    /// Bottom up: denied, indeterminate, allowed; each with its class, its place and its height.
    pub(super) parts: Vec<(&'static str, u64, u64)>,
}

/// The countries touched with one role, or with any.
pub(super) struct View {
    pub(super) role: Role,
    pub(super) open: Vec<Lane>,
    pub(super) folded: Vec<Lane>,
}

/// A country.
pub(super) struct Lane {
    pub(super) place: Place,
    /// Steps with calls, and the share of these that touched the country.
    pub(super) base: String,
    pub(super) part: String,
    pub(super) share: String,
    pub(super) calls: u64,
    pub(super) of: u64,
}

/// Counts by step.
type Counts = Vec<u64>;

/// The charts of all services, those with the most calls first; all have the same axis.
pub(super) fn charts(tally: &Tally, axis: &Axis, roles: &[Role]) -> Vec<Chart> {
    let mut calls: BTreeMap<&str, Vec<(&Group, Verdicts)>> = BTreeMap::new();
    for (group, verdicts) in &tally.calls {
        calls.entry(&group.service).or_default().push((group, *verdicts));
    }
    let mut touched: BTreeMap<(&str, Role), BTreeMap<&str, Counts>> = BTreeMap::new();
    for (group, country, role, calls) in words::touches(tally) {
        let countries = touched.entry((&group.service, role)).or_default();
        let counts = countries.entry(country).or_insert_with(|| vec![0; axis.steps]);
        if let Some(count) = axis.place(&group.day).and_then(|place| counts.get_mut(place)) {
            *count += calls;
        }
    }
    let mut charts = Vec::new();
    for (service, groups) in calls {
        let views = roles.iter().map(|role| (*role, touched.remove(&(service, *role)).unwrap_or_default()));
        charts.push(Chart::new(service, &groups, views.collect(), axis));
    }
    charts.sort_by_key(|chart| Reverse(chart.sum.calls));
    charts
}

impl Chart {
    fn new(
        service: &str,
        groups: &[(&Group, Verdicts)],
        views: Vec<(Role, BTreeMap<&str, Counts>)>,
        axis: &Axis,
    ) -> Self {
        let (mut sum, mut undated) = (Verdicts::default(), 0);
        let mut by_step = vec![Verdicts::default(); axis.steps];
        for (group, verdicts) in groups {
            sum.add(*verdicts);
            match axis.place(&group.day).and_then(|place| by_step.get_mut(place)) {
                Some(step) => step.add(*verdicts),
                None => undated += verdicts.calls,
            }
        }
        let most = by_step.iter().map(|verdicts| verdicts.calls).max().unwrap_or_default();
        let steps = by_step.iter().enumerate().filter(|(_, verdicts)| verdicts.calls > 0);
        let all: Counts = by_step.iter().map(|verdicts| verdicts.calls).collect();
        Self {
            service: service.to_owned(),
            sum,
            undated,
            width: axis.room() * STEP,
            steps: steps.map(|(place, verdicts)| Step::new(axis, place, *verdicts, most)).collect(),
            most: format!("{} a {} at most", crate::report::text::number(most), axis.unit()),
            views: views.into_iter().map(|(role, countries)| View::new(role, countries, &all)).collect(),
            ticks: axis.ticks(),
        }
    }

    /// The calls by verdict, in words.
    pub(super) fn verdicts(&self) -> String {
        words::verdicts(self.sum)
    }
}

impl Step {
    fn new(axis: &Axis, place: usize, verdicts: Verdicts, most: u64) -> Self {
        let mut top = HEIGHT;
        let mut parts = Vec::new();
        let counts =
            [("deny", verdicts.denied), ("open", verdicts.indeterminate), ("ok", verdicts.allowed())];
        for (class, count) in counts {
            let height = scaled(count, most).min(top);
            if height > 0 {
                top -= height;
                parts.push((class, top, height));
            }
        }
        let title = format!("{}: {}", axis.name(place), words::verdicts(verdicts));
        Self { title, x: place * STEP, width: STEP - GAP, parts }
    }
}

impl View {
    fn new(role: Role, countries: BTreeMap<&str, Counts>, all: &[u64]) -> Self {
        let mut lanes: Vec<Lane> =
            countries.into_iter().map(|(country, counts)| Lane::new(country, &counts, all)).collect();
        // What is not known is shown, however little it is.
        lanes.sort_by_key(|lane| (lane.place.is_unknown(), Reverse(lane.calls)));
        let unknown = lanes.pop_if(|lane| lane.place.is_unknown());
        let folded = lanes.split_off(lanes.len().min(MAX_OPEN));
        lanes.extend(unknown);
        Self { role, open: lanes, folded }
    }
}

impl Lane {
    fn new(country: &str, counts: &[u64], all: &[u64]) -> Self {
        let (mut base, mut part) = (String::new(), String::new());
        for (place, (count, of)) in counts.iter().zip(all).enumerate().filter(|(_, (_, of))| **of > 0) {
            let (x, width) = (place * STEP, STEP - GAP);
            // Writing to a string cannot fail.
            let _ = write!(base, "M{x} 0h{width}v{HEIGHT}h-{width}z");
            let height = scaled(*count, *of);
            if height > 0 {
                let _ = write!(part, "M{x} {}h{width}v{height}h-{width}z", HEIGHT.saturating_sub(height));
            }
        }
        let (calls, of) = (counts.iter().sum(), all.iter().sum());
        Self {
            place: Place::of(if country.is_empty() { UNKNOWN } else { country }),
            base,
            part,
            share: words::share(calls, of),
            calls,
            of,
        }
    }
}

/// The height of a part of a whole, which can be seen if there is any.
fn scaled(part: u64, whole: u64) -> u64 {
    if part == 0 {
        return 0;
    }
    let share = u128::from(part) * u128::from(HEIGHT) / u128::from(whole.max(1));
    u64::try_from(share).unwrap_or(HEIGHT).clamp(LEAST, HEIGHT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::summary::tally::{Call, End};

    fn tally() -> Tally {
        let mut tally = Tally::default();
        for (day, countries, verdict) in [
            ("2020-04-03", &["US", "CN"][..], "deny"),
            ("2020-04-03", &["US"], "allow"),
            ("2020-04-05", &["US"], "indeterminate"),
            ("", &["US"], "allow"),
        ] {
            let end = |country: &&str| End {
                role: "media".to_owned(),
                answered: true,
                country: Some((*country).to_owned()),
            };
            tally.call(&Call {
                service: "zoom".to_owned(),
                day: day.to_owned(),
                verdict: verdict.to_owned(),
                ends: countries.iter().map(end).collect(),
                ..Call::default()
            });
        }
        tally
    }

    fn chart(tally: &Tally) -> Chart {
        let axis = Axis::over(tally.calls.keys().map(|group| group.day.as_str())).unwrap();
        charts(tally, &axis, &[Role::ANY, Role::of("media").unwrap()]).remove(0)
    }

    #[test]
    fn a_lane_is_the_share_of_the_calls_of_each_step() {
        let chart = chart(&tally());
        assert_eq!((chart.sum.calls, chart.undated, chart.steps.len()), (4, 1, 2));
        let [us, cn] = chart.views[0].open.as_slice() else { panic!("two countries") };
        assert_eq!((us.calls, us.of, us.share.as_str()), (3, 3, "100.0 %"));
        assert_eq!(us.part, "M0 0h9v100h-9zM20 0h9v100h-9z");
        // Of two calls on the first day one, and none of the other.
        assert_eq!((cn.calls, cn.of, cn.part.as_str()), (1, 3, "M0 50h9v50h-9z"));
        assert_eq!(cn.base, us.part);
    }

    #[test]
    fn calls_are_stacked_by_verdict_and_never_higher_than_the_lane() {
        let chart = chart(&tally());
        assert_eq!(chart.steps[0].parts, [("deny", 50, 50), ("ok", 0, 50)]);
        assert_eq!(chart.steps[0].title, "2020-04-03: 2 calls: 1 allowed, 1 denied");
        assert_eq!(scaled(1, 1_000_000), LEAST);
        let many = Verdicts { calls: 1000, denied: 1, indeterminate: 1, unanswered: 0 };
        let axis = Axis::over(["2020-01-01"].into_iter()).unwrap();
        let parts = Step::new(&axis, 0, many, 1000).parts;
        assert_eq!(parts.iter().map(|(_, _, height)| height).sum::<u64>(), HEIGHT);
    }

    #[test]
    fn what_is_not_known_has_a_lane_however_many_countries_there_are() {
        let mut tally = tally();
        let countries = crate::locate::countries().iter().map(|country| Some(country.code.to_string()));
        for country in countries.chain([None]) {
            let end = End { role: "media".to_owned(), answered: true, country };
            let (service, day) = ("zoom".to_owned(), "2020-04-03".to_owned());
            tally.call(&Call { service, day, ends: vec![end], ..Call::default() });
        }
        let chart = chart(&tally);
        let view = &chart.views[1];
        assert_eq!(view.open.len(), MAX_OPEN + 1);
        assert!(view.open[MAX_OPEN].place.is_unknown());
        assert!(view.folded.len() > 200);
    }
}
