//! From the globe to the sheet: the Natural Earth projection, as `tools/embed/world.py` has it, and great circles on it.

use std::fmt::Write as _;

/// Width of the sheet. The outlines in `data/world.tsv` are on one of twice the size.
pub(super) const WIDTH: f64 = 1000.0;
/// Height of the sheet: from 83.7 degrees north to 57 south, so without Antarctica.
pub(super) const HEIGHT: f64 = 434.0;
/// The meridian in the middle of the sheet.
const CENTRE: f64 = 11.0;
/// The parallel at the upper edge.
const NORTH: f64 = 83.7;
/// The parallel at the lower edge.
const SOUTH: f64 = -57.0;
/// Straight pieces that stand for an arc.
const PIECES: u32 = 48;

/// A place on the globe, in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Place {
    pub(super) latitude: f64,
    pub(super) longitude: f64,
}

/// A point of the sheet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::report::html) struct Point {
    pub(in crate::report::html) x: f64,
    pub(in crate::report::html) y: f64,
}

impl Place {
    /// Where the place is on the sheet.
    pub(super) fn point(self) -> Point {
        on_sheet(self.latitude, wrapped(self.longitude - CENTRE))
    }

    fn vector(self) -> [f64; 3] {
        let (sin_y, cos_y) = self.latitude.to_radians().sin_cos();
        let (sin_x, cos_x) = self.longitude.to_radians().sin_cos();
        [cos_y * cos_x, cos_y * sin_x, sin_y]
    }
}

/// Of a latitude and a longitude that counts from the centre of the sheet.
fn on_sheet(latitude: f64, from_centre: f64) -> Point {
    let scale = WIDTH / 2.0 / raw(0.0, 180.0).0;
    let (x, y) = raw(latitude, from_centre);
    Point { x: WIDTH / 2.0 + x * scale, y: (raw(NORTH, 0.0).1 - y) * scale }
}

/// The polynomial of Savric, Jenny, Patterson, Petrovic and Hurni (2011).
fn raw(latitude: f64, longitude: f64) -> (f64, f64) {
    let (x, y) = (longitude.to_radians(), latitude.to_radians());
    let square = y * y;
    let fourth = square * square;
    let along = 0.8707 - 0.131_979 * square
        + fourth * (-0.013_791 + fourth * (0.003_971 * square - 0.001_529 * fourth));
    let up =
        1.007_226 + square * (0.015_085 + fourth * (-0.044_475 + 0.028_874 * square - 0.005_916 * fourth));
    (x * along, y * up)
}

/// An angle between -180 and 180 degrees.
fn wrapped(degrees: f64) -> f64 {
    (degrees + 180.0).rem_euclid(360.0) - 180.0
}

/// The edge of the sheet as path data.
pub(in crate::report::html) fn edge() -> String {
    let latitudes = || (0..=PIECES).map(|step| SOUTH + (NORTH - SOUTH) * part(step));
    let left = latitudes().map(|latitude| on_sheet(latitude, -180.0));
    let right = latitudes().rev().map(|latitude| on_sheet(latitude, 180.0));
    let mut path = Path::default();
    left.chain(right).for_each(|point| path.to(point));
    path.data + "z"
}

/// The shortest way over the globe as path data, in two parts where it leaves the sheet over one edge and comes back
/// over the other. Empty between one place and itself, and between opposite places, where every way is as short.
pub(super) fn great_circle(from: Place, to: Place) -> String {
    let (start, end) = (from.vector(), to.vector());
    let cosine: f64 = start.iter().zip(end).map(|(one, other)| one * other).sum();
    let angle = cosine.clamp(-1.0, 1.0).acos();
    if angle.sin() < 1e-6 {
        return String::new();
    }
    let mut path = Path::default();
    let mut before: Option<(f64, f64)> = None;
    for step in 0..=PIECES {
        let weights = [((1.0 - part(step)) * angle).sin(), (part(step) * angle).sin()];
        let along = |axis: usize| {
            let of = |vector: [f64; 3]| vector.get(axis).copied().unwrap_or_default();
            weights.iter().zip([of(start), of(end)]).map(|(weight, value)| weight * value).sum::<f64>()
                / angle.sin()
        };
        let (x, y, z) = (along(0), along(1), along(2));
        let latitude = z.clamp(-1.0, 1.0).asin().to_degrees();
        let longitude = wrapped(y.atan2(x).to_degrees() - CENTRE);
        if let Some((old_latitude, old)) = before.filter(|(_, old)| (longitude - old).abs() > 180.0) {
            let border = 180.0_f64.copysign(old);
            let unwrapped = longitude + 2.0 * border;
            let share = (border - old) / (unwrapped - old);
            let crossing = old_latitude + (latitude - old_latitude) * share;
            path.to(on_sheet(crossing, border));
            path.lift();
            path.to(on_sheet(crossing, -border));
        }
        path.to(on_sheet(latitude, longitude));
        before = Some((latitude, longitude));
    }
    path.data
}

fn part(step: u32) -> f64 {
    f64::from(step) / f64::from(PIECES)
}

/// Path data under construction.
#[derive(Default)]
struct Path {
    data: String,
    drawing: bool,
}

impl Path {
    fn to(&mut self, point: Point) {
        let verb = if self.drawing { 'L' } else { 'M' };
        let _ = write!(self.data, "{verb}{:.1} {:.1}", point.x, point.y);
        self.drawing = true;
    }

    fn lift(&mut self) {
        self.drawing = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn place(latitude: f64, longitude: f64) -> Place {
        Place { latitude, longitude }
    }

    #[test]
    fn the_sheet_is_filled() {
        let (left, right) = (place(0.0, -168.99).point(), place(0.0, 190.99).point());
        assert!(left.x < 0.1 && right.x > 999.9, "{left:?} {right:?}");
        assert!(place(NORTH, 11.0).point().y.abs() < 1e-9);
        assert!((place(SOUTH, 11.0).point().y - HEIGHT).abs() < 0.5);
        assert!((place(0.0, 11.0).point().x - 500.0).abs() < 1e-9);
    }

    #[test]
    fn an_arc_over_the_edge_is_in_two_parts() {
        assert_eq!(great_circle(place(37.0, -122.0), place(35.7, 139.7)).matches('M').count(), 2);
        assert_eq!(great_circle(place(45.0, 7.7), place(40.0, -100.0)).matches('M').count(), 1);
        assert_eq!(great_circle(place(45.0, 7.7), place(45.0, 7.7)), "");
        assert_eq!(great_circle(place(45.0, 10.0), place(-45.0, -170.0)), "");
    }

    proptest! {
        #[test]
        fn an_arc_is_made_of_numbers_and_no_piece_crosses_the_sheet(
            a in (-89.0..89.0, -180.0..180.0), b in (-89.0..89.0, -180.0..180.0),
        ) {
            let data = great_circle(place(a.0, a.1), place(b.0, b.1));
            prop_assert!(data.chars().all(|c| c.is_ascii_digit() || "ML.- ".contains(c)), "{data}");
            let parts = data.split('M').skip(1);
            for part in parts {
                let xs: Vec<f64> = part.split('L').map(|point| point.split(' ').next().unwrap().parse().unwrap()).collect();
                for pair in xs.windows(2) {
                    prop_assert!((pair[1] - pair[0]).abs() < 600.0, "{data}");
                }
            }
        }
    }
}
