//! Labels of countries on the map: the code, and a sign for each role, so that none lies on another.

use super::Group;
use crate::identify::Role;
use crate::policy::Verdict;
use crate::report::map::{Client, HEIGHT, Point, WIDTH};
use crate::report::words;
use std::cmp::Reverse;

/// Labels of one map. Of a call with more countries the rest are dots, and all are in the list beside it.
const MAX_CALLOUTS: usize = 24;
/// Signs in one label: more are told in the list.
const MAX_GLYPHS: usize = 8;

const HEIGHT_OF_BOX: f64 = 34.0;
const GLYPH: f64 = 14.0;
const DIGIT: f64 = 7.0;
const LETTER: f64 = 8.6;
const PADDING: f64 = 6.0;
/// Half the side of the square around a dot that is kept clear.
const DOT: f64 = 6.0;

/// A label.
pub(in crate::report::html) struct Callout {
    pub(in crate::report::html) class: &'static str,
    pub(in crate::report::html) corner: Point,
    pub(in crate::report::html) width: f64,
    pub(in crate::report::html) label: String,
    pub(in crate::report::html) glyphs: Vec<Glyph>,
    /// From the dot to the nearest point of the label.
    pub(in crate::report::html) leader: (Point, Point),
}

/// The sign of a role.
pub(in crate::report::html) struct Glyph {
    pub(in crate::report::html) x: f64,
    pub(in crate::report::html) role: Role,
    pub(in crate::report::html) class: &'static str,
    pub(in crate::report::html) count: Option<(f64, String)>,
}

#[derive(Clone, Copy)]
struct Area {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
}

impl Area {
    const fn around(point: Point, half: f64) -> Self {
        Self { left: point.x - half, top: point.y - half, width: 2.0 * half, height: 2.0 * half }
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.left < other.left + other.width
            && other.left < self.left + self.width
            && self.top < other.top + other.height
            && other.top < self.top + self.height
    }

    fn is_on_sheet(&self) -> bool {
        self.left >= 2.0
            && self.top >= 2.0
            && self.left + self.width <= WIDTH - 2.0
            && self.top + self.height <= HEIGHT - 2.0
    }

    fn nearest_to(&self, point: Point) -> Point {
        Point {
            x: point.x.clamp(self.left, self.left + self.width),
            y: point.y.clamp(self.top, self.top + self.height),
        }
    }
}

/// Labels for the groups, in their order, as far as there is room.
pub(super) fn arrange(client: &Client, groups: &[Group<'_>]) -> Vec<Callout> {
    let dots = groups.iter().map(|group| Area::around(group.shape.place.point(), DOT));
    let mut taken: Vec<Area> = dots.collect();
    taken.extend(client.point().map(|point| Area {
        left: point.x - 24.0,
        top: point.y - 9.0,
        width: 48.0,
        height: 30.0,
    }));
    let mut callouts = Vec::new();
    for group in groups.iter().take(MAX_CALLOUTS) {
        let dot = group.shape.place.point();
        let (glyphs, row) = glyphs(group);
        let label = label(group);
        let width =
            row.max(LETTER * f64::from(u16::try_from(label.len()).unwrap_or(u16::MAX))) + 2.0 * PADDING;
        let Some(area) = free(dot, width, &taken) else { continue };
        taken.push(area);
        callouts.push(Callout {
            class: group.class(),
            corner: Point { x: area.left, y: area.top },
            width,
            label,
            glyphs,
            leader: (dot, area.nearest_to(dot)),
        });
    }
    callouts
}

fn label(group: &Group<'_>) -> String {
    match group.verdict() {
        Verdict::Deny => format!("DENY {}", group.code),
        Verdict::Indeterminate => format!("? {}", group.code),
        Verdict::Allow => group.code.to_string(),
    }
}

/// The signs of a group from left to right, and how wide they are together.
fn glyphs(group: &Group<'_>) -> (Vec<Glyph>, f64) {
    let mut x = PADDING + GLYPH / 2.0;
    let mut glyphs = Vec::new();
    for ((Reverse(verdict), role, answered), count) in group.glyphs().into_iter().take(MAX_GLYPHS) {
        let class = if answered { words::mark(verdict).class } else { "silent" };
        let text = (count > 1).then(|| count.to_string());
        let digits = text.as_ref().map_or(0, String::len);
        glyphs.push(Glyph { x, role, class, count: text.map(|text| (x + GLYPH / 2.0, text)) });
        x += GLYPH + DIGIT * f64::from(u8::try_from(digits).unwrap_or(u8::MAX)) + 2.0;
    }
    (glyphs, x - PADDING - GLYPH / 2.0)
}

/// The nearest room for a label beside its dot.
fn free(dot: Point, width: f64, taken: &[Area]) -> Option<Area> {
    const DISTANCES: [f64; 6] = [9.0, 22.0, 40.0, 64.0, 96.0, 140.0];
    let at = |left: f64, top: f64| Area { left, top, width, height: HEIGHT_OF_BOX };
    for distance in DISTANCES {
        let (left, right) = (dot.x - distance - width, dot.x + distance);
        let (above, below) = (dot.y - distance - HEIGHT_OF_BOX, dot.y + distance);
        let (middle_x, middle_y) = (dot.x - width / 2.0, dot.y - HEIGHT_OF_BOX / 2.0);
        let around = [
            at(right, middle_y),
            at(left, middle_y),
            at(middle_x, above),
            at(middle_x, below),
            at(right, above),
            at(left, above),
            at(right, below),
            at(left, below),
        ];
        let found = around
            .into_iter()
            .find(|area| area.is_on_sheet() && !taken.iter().any(|other| other.overlaps(area)));
        if found.is_some() {
            return found;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_label_lies_on_another_or_beside_the_sheet(
            dots in proptest::collection::vec((300.0..700.0, 50.0..300.0, 20.0..120.0), 1..MAX_CALLOUTS),
        ) {
            let mut taken: Vec<Area> =
                dots.iter().map(|&(x, y, _)| Area::around(Point { x, y }, DOT)).collect();
            for (x, y, width) in dots {
                let Some(area) = free(Point { x, y }, width, &taken) else { continue };
                prop_assert!(area.is_on_sheet() && !taken.iter().any(|other| other.overlaps(&area)));
                taken.push(area);
            }
        }
    }
}
