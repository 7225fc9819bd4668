//! From the globe to the sheet: the Natural Earth projection, as `tools/embed/world.py` has it, and great circles on it.

/// Width of the sheet. The outlines in `data/world.tsv` are on one of twice the size.
pub(crate) const WIDTH: f64 = 1000.0;
/// Height of the sheet: from 83.7 degrees north to 57 south, so without Antarctica.
pub(crate) const HEIGHT: f64 = 434.0;
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
pub(crate) struct Place {
    pub(crate) latitude: f64,
    pub(crate) longitude: f64,
}

/// A point of the sheet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point {
    pub(crate) x: f64,
    pub(crate) y: f64,
}

impl Place {
    /// Where the place is on the sheet.
    pub(crate) fn point(self) -> Point {
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

/// The edge of the sheet.
pub(crate) fn edge() -> Vec<Point> {
    let latitudes = || (0..=PIECES).map(|step| SOUTH + (NORTH - SOUTH) * part(step));
    let left = latitudes().map(|latitude| on_sheet(latitude, -180.0));
    let right = latitudes().rev().map(|latitude| on_sheet(latitude, 180.0));
    left.chain(right).collect()
}

/// The shortest way over the globe, in two parts where it leaves the sheet over one edge and comes back over the other.
/// Empty between one place and itself, and between opposite places, where every way is as short.
pub(crate) fn great_circle(from: Place, to: Place) -> Vec<Vec<Point>> {
    let (start, end) = (from.vector(), to.vector());
    let cosine: f64 = start.iter().zip(end).map(|(one, other)| one * other).sum();
    let angle = cosine.clamp(-1.0, 1.0).acos();
    if angle.sin() < 1e-6 {
        return Vec::new();
    }
    let (mut parts, mut line) = (Vec::new(), Vec::new());
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
            line.push(on_sheet(crossing, border));
            parts.push(std::mem::take(&mut line));
            line.push(on_sheet(crossing, -border));
        }
        line.push(on_sheet(latitude, longitude));
        before = Some((latitude, longitude));
    }
    parts.push(line);
    parts
}

fn part(step: u32) -> f64 {
    f64::from(step) / f64::from(PIECES)
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
        assert_eq!(great_circle(place(37.0, -122.0), place(35.7, 139.7)).len(), 2);
        assert_eq!(great_circle(place(45.0, 7.7), place(40.0, -100.0)).len(), 1);
        assert_eq!(great_circle(place(45.0, 7.7), place(45.0, 7.7)), Vec::<Vec<Point>>::new());
        assert_eq!(great_circle(place(45.0, 10.0), place(-45.0, -170.0)), Vec::<Vec<Point>>::new());
    }

    proptest! {
        #[test]
        fn no_piece_of_an_arc_crosses_the_sheet(
            a in (-89.0..89.0, -180.0..180.0), b in (-89.0..89.0, -180.0..180.0),
        ) {
            for part in great_circle(place(a.0, a.1), place(b.0, b.1)) {
                prop_assert!(part.iter().all(|point| point.x.is_finite() && point.y.is_finite()), "{part:?}");
                prop_assert!(part.windows(2).all(|pair| (pair[1].x - pair[0].x).abs() < 600.0), "{part:?}");
            }
        }
    }
}
