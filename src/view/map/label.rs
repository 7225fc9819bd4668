//! Where labels go, so that none lies on another or on the sign of a place.

use super::places::{Land, Sign};
use crate::policy::Verdict;
use crate::view::ink::{self, Piece, Tone};
use crate::view::style::Look;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

/// Kinds of servers told in one label; the rest is counted.
const MAX_SIGNS: usize = 6;
/// Rows and thrice as many columns between a label and its place at most.
const FARTHEST: u16 = 6;

/// A label on the map.
pub(super) struct Label {
    pub(super) text: Piece,
    /// With a blank at each side.
    pub(super) area: Rect,
    /// The cells between it and its place.
    pub(super) leader: Option<Rect>,
}

/// The code of a country and what servers did there.
pub(super) fn text(land: &Land, look: Look) -> Piece {
    let mut piece = Vec::new();
    if land.tone >= Tone::Open {
        let emphasis = if land.tone == Tone::Denied { Modifier::REVERSED } else { Modifier::BOLD };
        let style = land.tone.style(look).add_modifier(emphasis);
        piece.push((format!("{} {}", land.tone.word(), land.shape.code), style));
    } else {
        piece.push((land.shape.code.to_owned(), land.tone.style(look).add_modifier(Modifier::BOLD)));
    }
    piece.push((" ".to_owned(), Style::new()));
    piece.extend(signs(&land.signs, look));
    piece
}

/// `■2●(+3)`: what servers did, how many of them, and in brackets those that never answered. Where verdicts differ,
/// `!` stands before those that are denied and `?` before those of which something is not known.
pub(super) fn signs(signs: &[Sign], look: Look) -> Piece {
    let mut verdicts = signs.iter().map(|sign| sign.verdict);
    let first = verdicts.next();
    let mixed = verdicts.any(|verdict| Some(verdict) != first);
    let mut piece = Vec::new();
    for sign in signs.iter().take(MAX_SIGNS) {
        let before = match sign.verdict {
            Verdict::Deny if mixed => "!",
            Verdict::Indeterminate if mixed => "?",
            _ => "",
        };
        let count = if sign.count > 1 { sign.count.to_string() } else { String::new() };
        let glyph = ink::sign(sign.role, look);
        let (open, close, tone) = match (sign.answered, sign.verdict) {
            (false, _) => ("(", ")", Tone::Silent),
            (true, Verdict::Deny) => ("", "", Tone::Denied),
            (true, Verdict::Indeterminate) => ("", "", Tone::Open),
            (true, Verdict::Allow) => ("", "", Tone::Allowed),
        };
        piece.push((format!("{before}{open}{glyph}{count}{close}"), tone.style(look)));
    }
    let more: usize = signs.iter().skip(MAX_SIGNS).map(|sign| sign.count).sum();
    if more > 0 {
        piece.push((format!(" and {more} more"), Style::new()));
    }
    piece
}

/// Finds room for labels on an area.
pub(super) struct Room {
    area: Rect,
    taken: Vec<Rect>,
}

impl Room {
    /// `places` are kept clear.
    pub(super) fn new(area: Rect, places: &[(u16, u16)]) -> Self {
        let taken = places.iter().map(|&(x, y)| Rect { x, y, width: 1, height: 1 }).collect();
        Self { area, taken }
    }

    /// Puts a label beside its place, where there is room.
    pub(super) fn put(&mut self, (x, y): (u16, u16), text: Piece) -> Option<Label> {
        let width = ink::piece_width(&text).saturating_add(2);
        let found = candidates(i32::from(x), i32::from(y), i32::from(width)).find_map(|(at, leader)| {
            Some((self.free(at)?, leader)).filter(|(_, leader)| self.is_clear(*leader))
        });
        let (area, leader) = found?;
        let leader = leader.and_then(|leader| self.inside(leader));
        self.taken.extend([Some(area), leader].into_iter().flatten());
        Some(Label { text, area, leader })
    }

    fn free(&self, wanted: Wanted) -> Option<Rect> {
        self.inside(wanted).filter(|area| !self.taken.iter().any(|taken| taken.intersects(*area)))
    }

    fn is_clear(&self, leader: Option<Wanted>) -> bool {
        leader.is_none_or(|leader| self.free(leader).is_some())
    }

    fn inside(&self, (x, y, width, height): Wanted) -> Option<Rect> {
        let number = |value: i32| u16::try_from(value).ok();
        let area = Rect { x: number(x)?, y: number(y)?, width: number(width)?, height: number(height)? };
        (self.area.intersection(area) == area).then_some(area)
    }
}

/// Left, top, width, height; it may lie outside.
type Wanted = (i32, i32, i32, i32);

/// Where a label for a place at (x, y) may go, the nearest first, each with the cells between the two.
fn candidates(x: i32, y: i32, width: i32) -> impl Iterator<Item = (Wanted, Option<Wanted>)> {
    let beside = move |gap: i32| {
        let between = |left: i32| (gap > 0).then_some((left, y, gap, 1));
        [((x + 1 + gap, y, width, 1), between(x + 1)), ((x - gap - width, y, width, 1), between(x - gap))]
    };
    let over = move |gap: i32| {
        let lefts = [x - width / 2, x - 1, x + 2 - width];
        let above =
            lefts.map(|left| ((left, y - 1 - gap, width, 1), (gap > 0).then_some((x, y - gap, 1, gap))));
        let below =
            lefts.map(|left| ((left, y + 1 + gap, width, 1), (gap > 0).then_some((x, y + 1, 1, gap))));
        above.into_iter().chain(below)
    };
    (0..i32::from(FARTHEST)).flat_map(move |gap| beside(3 * gap).into_iter().chain(over(gap)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_label_lies_on_another_or_on_a_place(
            places in proptest::collection::vec((0_u16..90, 0_u16..30, 1_usize..20), 1..40),
        ) {
            let area = Rect { x: 3, y: 2, width: 80, height: 24 };
            let points: Vec<(u16, u16)> = places.iter().map(|(x, y, _)| (*x, *y)).collect();
            let mut room = Room::new(area, &points);
            let mut put: Vec<Rect> = Vec::new();
            for (x, y, length) in places {
                let text = vec![("x".repeat(length), Style::new())];
                let Some(label) = room.put((x, y), text) else { continue };
                prop_assert_eq!(label.area.intersection(area), label.area);
                prop_assert!(!put.iter().any(|other| other.intersects(label.area)));
                prop_assert!(!points.iter().any(|&(x, y)| label.area.contains((x, y).into())));
                put.push(label.area);
            }
        }
    }
}
