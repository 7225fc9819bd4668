//! Failovers from where to where: bands from the places that failed to those that stood in, as wide as they are many.

use super::words::{self, Place};
use crate::corpus::summary::tally::{Failovers, Tally};
use crate::report::text::number;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Places of a side; the others are one.
const MAX_PLACES: usize = 8;
/// What the places are called that have no room.
const OTHERS: &str = "others";
/// Width of the picture, where the bands begin and end, and how wide what they begin and end at is.
const WIDTH: u64 = 2000;
const LEFT: u64 = 540;
const RIGHT: u64 = WIDTH - LEFT;
const POST: u64 = 24;
/// Height of all bands together.
const FULL: u64 = 900;
/// Height of the thinnest band, and of a place, which needs room for its name.
const THINNEST: u64 = 8;
const ROOM: u64 = 72;
/// Between two places.
const GAP: u64 = 16;

/// What is drawn of a service.
pub(super) struct Flow {
    pub(super) service: String,
    pub(super) sum: Failovers,
    pub(super) height: u64,
    pub(super) posts: Vec<Post>,
    pub(super) bands: Vec<Band>,
}

/// A place that failed or stood in.
pub(super) struct Post {
    pub(super) place: Place,
    pub(super) is_right: bool,
    pub(super) x: u64,
    pub(super) y: u64,
    pub(super) height: u64,
    /// Where its name stands.
    pub(super) text_x: u64,
    pub(super) text_y: u64,
    pub(super) count: String,
}

/// Failovers of one kind from one place to another.
pub(super) struct Band {
    pub(super) class: &'static str,
    pub(super) path: String,
    pub(super) title: String,
}

/// Bands by the numbers of their places.
type Ways = BTreeMap<(usize, usize), Failovers>;

/// The pictures of all services that have failovers, those with the most first.
pub(super) fn flows(tally: &Tally) -> Vec<Flow> {
    let mut services: BTreeMap<&str, Vec<(&str, &str, Failovers)>> = BTreeMap::new();
    for ((service, from, to), count) in &tally.failovers {
        services.entry(service).or_default().push((from, to, *count));
    }
    let mut flows: Vec<Flow> =
        services.into_iter().map(|(service, ways)| Flow::new(service, &ways)).collect();
    flows.sort_by_key(|flow| Reverse(flow.sum.failovers));
    flows
}

impl Flow {
    fn new(service: &str, ways: &[(&str, &str, Failovers)]) -> Self {
        let (from, to) = (places(ways.iter().map(by_from)), places(ways.iter().map(by_to)));
        let place = |names: &[String], name: &str| {
            names.iter().position(|other| other == name).unwrap_or(names.len().saturating_sub(1))
        };
        let (mut grouped, mut sum) = (Ways::new(), Failovers::default());
        for (before, after, count) in ways {
            grouped.entry((place(&from, before), place(&to, after))).or_default().add(*count);
            sum.add(*count);
        }
        let bands: Vec<((usize, usize), &'static str, u64, u64)> = grouped
            .iter()
            .flat_map(|(way, count)| {
                kinds(*count).map(|(class, many)| (*way, class, many, height(many, sum.failovers)))
            })
            .filter(|(_, _, many, _)| *many > 0)
            .collect();
        let side = |names: &[String], of: &dyn Fn((usize, usize)) -> usize| {
            let mut heights = vec![0; names.len()];
            for (way, _, _, height) in &bands {
                if let Some(sum) = heights.get_mut(of(*way)) {
                    *sum += height;
                }
            }
            stacked(&heights)
        };
        let (left, right) = (side(&from, &|way| way.0), side(&to, &|way| way.1));
        let height = left.iter().chain(&right).map(|(y, height)| y + height.max(&ROOM)).max();
        let count = |of: &dyn Fn((usize, usize)) -> bool| {
            grouped.iter().filter(|(way, _)| of(**way)).map(|(_, count)| count.failovers).sum()
        };
        let lefts = from.iter().zip(&left).enumerate();
        let lefts =
            lefts.map(|(place, (name, at))| Post::new(name, false, *at, count(&|way| way.0 == place)));
        let rights = to.iter().zip(&right).enumerate();
        let rights =
            rights.map(|(place, (name, at))| Post::new(name, true, *at, count(&|way| way.1 == place)));
        Self {
            service: service.to_owned(),
            sum,
            height: height.unwrap_or_default() + GAP,
            posts: lefts.chain(rights).collect(),
            bands: drawn(&bands, &from, &to, (left, right)),
        }
    }

    /// What a reader who does not see the drawing is told that it is.
    pub(super) fn label(&self) -> String {
        let sum = words::many(self.sum.failovers, "failover");
        format!(
            "{sum} of {} from place to place. The same in numbers is in the table of failovers.",
            self.service
        )
    }

    /// `3 failovers: 1 leave home, 1 stay in it, 1 not known which`.
    pub(super) fn kinds(&self) -> String {
        let [(_, leave), (_, open), (_, stay)] = kinds(self.sum);
        let counts = [("leave home", leave), ("stay in it", stay), ("not known which", open)];
        let told = counts.iter().filter(|(_, count)| *count > 0);
        let told: Vec<String> = told.map(|(words, count)| format!("{} {words}", number(*count))).collect();
        format!("{}: {}", words::many(self.sum.failovers, "failover"), told.join(", "))
    }
}

fn by_from<'a>((from, _, count): &(&'a str, &'a str, Failovers)) -> (&'a str, u64) {
    (from, count.failovers)
}

fn by_to<'a>((_, to, count): &(&'a str, &'a str, Failovers)) -> (&'a str, u64) {
    (to, count.failovers)
}

/// The places of a side, those with the most failovers first; the last stands for all that have no room.
fn places<'a>(ways: impl Iterator<Item = (&'a str, u64)>) -> Vec<String> {
    let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
    for (place, count) in ways {
        *sums.entry(place).or_default() += count;
    }
    let mut places: Vec<(&str, u64)> = sums.into_iter().collect();
    places.sort_by_key(|(_, count)| Reverse(*count));
    let has_more = places.len() > MAX_PLACES;
    places.truncate(if has_more { MAX_PLACES - 1 } else { MAX_PLACES });
    let names = places.into_iter().map(|(place, _)| place.to_owned());
    names.chain(has_more.then(|| OTHERS.to_owned())).collect()
}

/// Failovers by what they mean for home, with a class for each.
const fn kinds(count: Failovers) -> [(&'static str, u64); 3] {
    let open = count.failovers.saturating_sub(count.leave_home).saturating_sub(count.stay_home);
    [("deny", count.leave_home), ("open", open), ("ok", count.stay_home)]
}

fn height(part: u64, whole: u64) -> u64 {
    let height = u128::from(part) * u128::from(FULL) / u128::from(whole.max(1));
    u64::try_from(height).unwrap_or(FULL).max(THINNEST)
}

/// Where each place begins, and its height.
fn stacked(heights: &[u64]) -> Vec<(u64, u64)> {
    let mut y = GAP;
    let place = |height: &u64| {
        let at = y;
        y += height.max(&ROOM) + GAP;
        (at, *height)
    };
    heights.iter().map(place).collect()
}

type Side = Vec<(u64, u64)>;

fn drawn(
    bands: &[((usize, usize), &'static str, u64, u64)],
    from: &[String],
    to: &[String],
    (mut left, mut right): (Side, Side),
) -> Vec<Band> {
    let draw = |((one, other), class, many, height): &((usize, usize), &'static str, u64, u64)| {
        let (before, after) = (left.get_mut(*one)?, right.get_mut(*other)?);
        let (y, z) = (before.0, after.0);
        before.0 += height;
        after.0 += height;
        let (x, end, middle) = (LEFT + POST, RIGHT - POST, WIDTH / 2);
        let (y2, z2) = (y + height, z + height);
        let path = format!(
            "M{x} {y}C{middle} {y} {middle} {z} {end} {z}V{z2}C{middle} {z2} {middle} {y2} {x} {y2}z"
        );
        let what = match *class {
            "deny" => "leave home",
            "ok" => "stay in it",
            _ => "not known whether they leave home",
        };
        let (before, after) = (from.get(*one)?, to.get(*other)?);
        Some(Band { class, path, title: format!("{before} to {after}: {}, {what}", number(*many)) })
    };
    let mut drawn: Vec<Band> = bands.iter().filter_map(draw).collect();
    // What leaves home lies above the others.
    drawn.sort_by_key(|band| band.class == "deny");
    drawn
}

impl Post {
    fn new(name: &str, is_right: bool, (y, height): (u64, u64), count: u64) -> Self {
        Self {
            place: Place::of(name),
            is_right,
            x: if is_right { RIGHT - POST } else { LEFT },
            y,
            height,
            text_x: if is_right { RIGHT + POST } else { LEFT - POST },
            text_y: y + height / 2 + ROOM / 4,
            count: number(count),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(ways: &[(&str, &str, u64, u64)]) -> Tally {
        let mut tally = Tally::default();
        for (from, to, failovers, leave_home) in ways {
            let count = Failovers { failovers: *failovers, leave_home: *leave_home, stay_home: 0 };
            let way = ("zoom".to_owned(), (*from).to_owned(), (*to).to_owned());
            tally.failovers.insert(way, count);
        }
        tally
    }

    #[test]
    fn a_band_has_the_width_of_its_failovers_at_both_ends() {
        let flow = flows(&tally(&[("US", "CN", 3, 3), ("US", "DE", 1, 0)])).remove(0);
        let told: Vec<_> = flow.bands.iter().map(|band| (band.class, band.title.as_str())).collect();
        assert_eq!(
            told,
            [("open", "US to DE: 1, not known whether they leave home"), ("deny", "US to CN: 3, leave home")]
        );
        assert_eq!(flow.bands[1].path, "M564 16C1000 16 1000 16 1436 16V691C1000 691 1000 691 564 691z");
        let posts: Vec<_> = flow.posts.iter().map(|post| (post.place.code.as_str(), post.height)).collect();
        assert_eq!(posts, [("US", 900), ("CN", 675), ("DE", 225)]);
        assert_eq!(flow.kinds(), "4 failovers: 3 leave home, 1 not known which");
    }

    #[test]
    fn places_without_room_are_one_and_none_is_lost() {
        let codes: Vec<String> =
            crate::locate::countries().iter().map(|country| country.code.to_string()).collect();
        let ways: Vec<(&str, &str, u64, u64)> = codes
            .iter()
            .flat_map(|from| [(from.as_str(), "CN", 2, 1), ("US", from.as_str(), 1, 0)])
            .collect();
        let flow = flows(&tally(&ways)).remove(0);
        assert_eq!(flow.posts.len(), 2 * MAX_PLACES);
        assert_eq!(flow.posts[MAX_PLACES - 1].place.code, OTHERS);
        for post in &flow.posts {
            assert!(post.y + post.height <= flow.height, "{}", post.place.code);
        }
        let left: u64 = flow.posts.iter().filter(|post| !post.is_right).map(|post| post.height).sum();
        let right: u64 = flow.posts.iter().filter(|post| post.is_right).map(|post| post.height).sum();
        assert_eq!(left, right);
    }
}
