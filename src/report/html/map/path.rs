//! Lines of the sheet as path data.

use crate::report::map::{self, Place, Point};
use std::fmt::Write as _;

/// The edge of the sheet.
pub(in crate::report::html) fn edge() -> String {
    let mut data = String::new();
    add(&mut data, &map::edge());
    data + "z"
}

/// The shortest way over the globe, in as many parts as it has on the sheet; empty where there is none.
pub(super) fn great_circle(from: Place, to: Place) -> String {
    let mut data = String::new();
    map::great_circle(from, to).iter().for_each(|part| add(&mut data, part));
    data
}

fn add(data: &mut String, line: &[Point]) {
    for (place, point) in line.iter().enumerate() {
        let verb = if place == 0 { 'M' } else { 'L' };
        let _ = write!(data, "{verb}{:.1} {:.1}", point.x, point.y);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_arc_is_made_of_numbers_and_two_verbs(
            a in (-89.0..89.0, -180.0..180.0), b in (-89.0..89.0, -180.0..180.0),
        ) {
            let place = |(latitude, longitude)| Place { latitude, longitude };
            let data = great_circle(place(a), place(b));
            prop_assert!(data.chars().all(|c| c.is_ascii_digit() || "ML.- ".contains(c)), "{data}");
        }
    }
}
