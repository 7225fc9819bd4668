//! The outlines of countries and a place well inside of each: `data/world.tsv`, made by `tools/embed/world.py`.

use super::projection::Place;
use crate::locate::CountryCode;
use std::sync::LazyLock;

const TABLE: &str = include_str!("../../../data/world.tsv");

static COUNTRIES: LazyLock<Vec<Shape>> =
    LazyLock::new(|| TABLE.lines().filter_map(Shape::from_line).collect());

/// A country on the map.
#[derive(Debug)]
pub(crate) struct Shape {
    /// Its two letters.
    pub(crate) code: &'static str,
    /// Where a mark for it stands.
    pub(crate) place: Place,
    /// Its outline as path data; empty where it would be smaller than a dot.
    pub(crate) path: &'static str,
}

impl Shape {
    fn from_line(line: &'static str) -> Option<Self> {
        let mut cells = line.split('\t');
        let code = cells.next().filter(|code| code.len() == 2)?;
        let (latitude, longitude) = (cells.next()?.parse().ok()?, cells.next()?.parse().ok()?);
        Some(Self { code, place: Place { latitude, longitude }, path: cells.next()? })
    }
}

/// Every country on the map, sorted.
pub(crate) fn countries() -> &'static [Shape] {
    &COUNTRIES
}

/// A country, if the map has it.
pub(crate) fn country(code: CountryCode) -> Option<&'static Shape> {
    let place = COUNTRIES.binary_search_by(|shape| shape.code.cmp(code.as_str())).ok()?;
    COUNTRIES.get(place)
}

#[cfg(test)]
mod tests {
    use super::super::projection::{HEIGHT, WIDTH};
    use super::*;

    #[test]
    fn every_country_has_a_place_but_antarctica() {
        let without: Vec<String> = crate::locate::countries()
            .iter()
            .filter(|known| country(known.code).is_none())
            .map(|known| known.code.to_string())
            .collect();
        assert_eq!(without, ["AQ"]);
        assert!(countries().is_sorted_by_key(|shape| shape.code));
    }

    /// The generator and this program project alike: a place inside a country is inside the box around its outline.
    #[test]
    fn places_lie_within_outlines() {
        let mut drawn = 0;
        for shape in countries().iter().filter(|shape| !shape.path.is_empty()) {
            let point = shape.place.point();
            assert!((0.0..WIDTH).contains(&point.x) && (0.0..HEIGHT).contains(&point.y), "{}", shape.code);
            let (mut low, mut high) = ((f64::MAX, f64::MAX), (f64::MIN, f64::MIN));
            for ring in shape.path.split_terminator('z') {
                let text = ring.trim_start_matches('M').replace('l', " ").replace('-', " -");
                let numbers: Vec<f64> =
                    text.split_whitespace().map(|number| number.parse().unwrap()).collect();
                let (mut x, mut y) = (0.0, 0.0);
                for pair in numbers.chunks(2) {
                    (x, y) = (x + pair[0] / 2.0, y + pair[1] / 2.0);
                    low = (low.0.min(x), low.1.min(y));
                    high = (high.0.max(x), high.1.max(y));
                }
            }
            let inside = (low.0 - 1.0..high.0 + 1.0).contains(&point.x)
                && (low.1 - 1.0..high.1 + 1.0).contains(&point.y);
            assert!(inside, "{} {point:?} {low:?} {high:?}", shape.code);
            drawn += 1;
        }
        assert!(drawn > 160, "{drawn}");
    }
}
