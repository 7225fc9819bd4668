//! The outlines of countries, `data/outlines.bin`, and how far away they are on the sphere.
//!
//! `tools/embed/outlines.py` makes the file from Natural Earth's maps (1:50 million, with the islands that only the one
//! of 1:10 million has) and describes its form. A country is read from it when it is first asked for. Only what is
//! needed of spherical geometry is here, where most of an outline is passed over: the `geo` crate measures to each of its
//! lines, has no distance between outlines on the sphere, and holds the tests.

use super::CountryCode;

static BYTES: &[u8] = include_bytes!("../../data/outlines.bin");
const MAGIC: &[u8] = b"LFOUTLN1";
/// Bytes of a country in the header.
const HEADER_ENTRY: usize = 8;

/// Mean radius of the Earth (IUGG).
const EARTH_RADIUS_KM: f64 = 6371.0088;
/// Straight lines of the map are cut into pieces of at most this many degrees: along a parallel a great circle leaves
/// the line, by less than 150 m in a degree.
const MAX_SEGMENT_DEGREES: f64 = 0.5;
/// Segments that are passed over together if all are too far away.
const CHUNK: usize = 24;

/// A place on the sphere as a vector of length one.
type Vector = [f64; 3];

/// The outline of a country.
#[derive(Debug)]
pub(super) struct Outline {
    /// Closed lines of longitude and latitude in degrees; those of islands and holes alike.
    rings: Vec<Vec<(f64, f64)>>,
    chunks: Vec<Chunk>,
}

/// A piece of a ring.
#[derive(Debug)]
struct Chunk {
    points: Vec<Vector>,
    centre: Vector,
    /// The angle between the centre and the point farthest from it, in radians.
    radius: f64,
}

impl Outline {
    /// The outline of `country`, if the map has one.
    pub(super) fn of(country: CountryCode) -> Option<Self> {
        Self::read(BYTES, country.as_str().as_bytes())
    }

    fn read(bytes: &[u8], code: &[u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(MAGIC)?;
        let (count, entries) = rest.split_first_chunk()?;
        let length = usize::try_from(u32::from_le_bytes(*count)).ok()?.checked_mul(HEADER_ENTRY)?;
        let mut entries = entries.get(..length)?.chunks_exact(HEADER_ENTRY);
        let entry = entries.find(|entry| entry.starts_with(code))?;
        let rings = u16::from_le_bytes(*entry.get(2..)?.first_chunk()?);
        let place = usize::try_from(u32::from_le_bytes(*entry.get(4..)?.first_chunk()?)).ok()?;
        let mut rest = bytes.get(place..)?;
        let rings = (0..rings).map(|_| ring(&mut rest)).collect::<Option<Vec<_>>>()?;
        let chunks = rings.iter().flat_map(|ring| chunks(ring)).collect();
        Some(Self { rings, chunks })
    }

    /// Kilometres from a point, in degrees, to the nearest point of the country.
    pub(super) fn distance_from_point(&self, latitude: f64, longitude: f64) -> f64 {
        if self.contains(latitude, longitude) {
            return 0.0;
        }
        let from = Chunk::new(vec![vector(longitude, latitude)]);
        self.distance_from(std::slice::from_ref(&from))
    }

    /// Kilometres between the nearest points of the two countries.
    pub(super) fn distance_from_country(&self, other: &Self) -> f64 {
        self.distance_from(&other.chunks)
    }

    fn distance_from(&self, others: &[Chunk]) -> f64 {
        let mut best = f64::INFINITY;
        for one in others {
            for chunk in &self.chunks {
                let nearest_possible = angle(one.centre, chunk.centre) - one.radius - chunk.radius;
                if nearest_possible < best {
                    best = best.min(one.angle_to(chunk)).min(chunk.angle_to(one));
                }
            }
        }
        best * EARTH_RADIUS_KM
    }

    /// Whether the way to the North Pole, where no country is, crosses the outline an odd number of times.
    fn contains(&self, latitude: f64, longitude: f64) -> bool {
        let crossings = self.rings.iter().flat_map(|ring| ring.windows(2)).filter(|pair| {
            let [(x1, y1), (x2, y2)] = pair else { return false };
            let start = wrapped(x1 - longitude);
            let step = wrapped(x2 - x1);
            let crosses = (start < 0.0) != (start + step < 0.0);
            crosses && y1 - (y2 - y1) * start / step > latitude
        });
        crossings.count() % 2 == 1
    }
}

impl Chunk {
    fn new(points: Vec<Vector>) -> Self {
        let sum = points.iter().fold([0.0; 3], |sum, point| add(sum, *point));
        let centre = scaled(sum, 1.0 / length(sum).max(f64::MIN_POSITIVE));
        let radius = points.iter().map(|point| angle(centre, *point)).fold(0.0, f64::max);
        Self { points, centre, radius }
    }

    /// The smallest angle between a point of this chunk and the line of the other.
    fn angle_to(&self, other: &Self) -> f64 {
        let one_point = if other.points.len() == 1 { other.points.first() } else { None };
        let to = |point: Vector| {
            let segments = other.points.windows(2).filter_map(|pair| Some((*pair.first()?, *pair.last()?)));
            let nearest = segments.map(|(a, b)| angle_to_segment(point, a, b)).fold(f64::INFINITY, f64::min);
            one_point.map_or(nearest, |only| nearest.min(angle(point, *only)))
        };
        self.points.iter().map(|point| to(*point)).fold(f64::INFINITY, f64::min)
    }
}

fn ring(rest: &mut &[u8]) -> Option<Vec<(f64, f64)>> {
    let (count, after) = rest.split_first_chunk()?;
    let length = usize::try_from(u32::from_le_bytes(*count)).ok()?.checked_mul(4)?;
    let (points, after) = after.split_at_checked(length)?;
    *rest = after;
    let degrees = |bytes: &[u8; 2], span: f64| f64::from(i16::from_le_bytes(*bytes)) / 32767.0 * span;
    let points = points.chunks_exact(4).filter_map(|point| {
        let (x, y) = (point.first_chunk()?, point.last_chunk()?);
        Some((degrees(x, 180.0), degrees(y, 90.0)))
    });
    Some(points.collect())
}

/// The pieces of a ring; each begins with the last point of the one before it.
fn chunks(ring: &[(f64, f64)]) -> Vec<Chunk> {
    let mut points = Vec::with_capacity(ring.len());
    for pair in ring.windows(2) {
        let [(x1, y1), (x2, y2)] = *pair else { continue };
        let x2 = x1 + wrapped(x2 - x1);
        let pieces = ((x2 - x1).abs().max((y2 - y1).abs()) / MAX_SEGMENT_DEGREES).ceil().clamp(1.0, 1000.0);
        let mut piece = 0.0;
        while piece < pieces {
            let part = piece / pieces;
            points.push(vector(x1 + (x2 - x1) * part, y1 + (y2 - y1) * part));
            piece += 1.0;
        }
    }
    points.extend(ring.last().map(|(x, y)| vector(*x, *y)));
    let starts = (0..points.len()).step_by(CHUNK);
    starts.map(|start| Chunk::new(points.iter().skip(start).take(CHUNK + 1).copied().collect())).collect()
}

/// A difference of longitudes the short way round: outlines go across 180 degrees.
fn wrapped(degrees: f64) -> f64 {
    if degrees >= 180.0 {
        degrees - 360.0
    } else if degrees < -180.0 {
        degrees + 360.0
    } else {
        degrees
    }
}

fn vector(longitude: f64, latitude: f64) -> Vector {
    let (sin_x, cos_x) = longitude.to_radians().sin_cos();
    let (sin_y, cos_y) = latitude.to_radians().sin_cos();
    [cos_y * cos_x, cos_y * sin_x, sin_y]
}

/// The angle from a point to the nearest point of the arc from `a` to `b`, in radians.
fn angle_to_segment(point: Vector, a: Vector, b: Vector) -> f64 {
    let normal = cross(a, b);
    let size = length(normal);
    let beside = dot(cross(normal, a), point) > 0.0 && dot(cross(b, normal), point) > 0.0;
    if beside && size > 1e-12 {
        return (dot(normal, point) / size).clamp(-1.0, 1.0).asin().abs();
    }
    angle(point, a).min(angle(point, b))
}

/// The angle between two places, in radians; exact for near ones as well.
fn angle(a: Vector, b: Vector) -> f64 {
    length(cross(a, b)).atan2(dot(a, b))
}

fn add(a: Vector, b: Vector) -> Vector {
    std::array::from_fn(|axis| at(a, axis) + at(b, axis))
}

fn scaled(vector: Vector, factor: f64) -> Vector {
    vector.map(|part| part * factor)
}

fn dot(a: Vector, b: Vector) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn cross(a: Vector, b: Vector) -> Vector {
    std::array::from_fn(|axis| {
        let (next, last) = ((axis + 1) % 3, (axis + 2) % 3);
        at(a, next) * at(b, last) - at(a, last) * at(b, next)
    })
}

fn at(vector: Vector, axis: usize) -> f64 {
    vector.get(axis).copied().unwrap_or_default()
}

fn length(vector: Vector) -> f64 {
    dot(vector, vector).sqrt()
}

#[cfg(test)]
mod tests {
    use super::super::countries;
    use super::*;
    use proptest::prelude::*;

    fn outline(code: &str) -> Outline {
        Outline::of(CountryCode::parse(code).unwrap()).unwrap()
    }

    #[test]
    fn nearly_every_country_has_an_outline() {
        let without: Vec<_> =
            countries().iter().filter(|country| Outline::of(country.code).is_none()).collect();
        let without: Vec<_> = without.iter().map(|country| country.code.to_string()).collect();
        assert_eq!(without, ["TK"]);
    }

    #[test]
    fn a_place_within_a_country_is_no_distance_from_it() {
        for (code, latitude, longitude) in [
            ("CN", 39.9, 116.4),
            ("US", 61.2, -149.9),
            ("RU", 66.0, -172.0),
            ("FR", 4.9, -52.3),
            ("ZA", -30.0, 25.0),
            ("NZ", -41.3, 174.8),
            ("FJ", -17.8, 178.0),
        ] {
            assert!(outline(code).distance_from_point(latitude, longitude) < 0.001, "{code}");
        }
        // Lesotho is a hole in South Africa.
        assert!(outline("ZA").distance_from_point(-29.5, 28.3) > 10.0);
    }

    #[test]
    fn distances_are_those_to_the_nearest_point() {
        for (code, latitude, longitude, low, high) in [
            // Turin: the nearest point of the United States is in Maine.
            ("US", 45.07, 7.69, 5550.0, 5650.0),
            ("FR", 45.07, 7.69, 30.0, 80.0),
            ("GB", 48.86, 2.35, 200.0, 260.0),
            // Seoul: over the Yellow Sea to Shandong.
            ("CN", 37.57, 126.98, 330.0, 420.0),
            // Across the antimeridian.
            ("RU", 64.0, -175.0, 40.0, 200.0),
            // The border along the 49th parallel is straight on the map and no great circle.
            ("US", 49.5, -108.0, 50.0, 60.0),
        ] {
            let found = outline(code).distance_from_point(latitude, longitude);
            assert!((low..high).contains(&found), "{code} {latitude} {longitude}: {found}");
        }
    }

    #[test]
    fn distances_between_countries_are_those_of_their_nearest_points() {
        let distance = |a: &str, b: &str| outline(a).distance_from_country(&outline(b));
        assert!(distance("FR", "IT") < 1.0);
        assert!((30.0..45.0).contains(&distance("GB", "FR")), "{}", distance("GB", "FR"));
        assert!((2.0..90.0).contains(&distance("US", "RU")), "{}", distance("US", "RU"));
        let (there, back) = (distance("IT", "US"), distance("US", "IT"));
        assert!((there - back).abs() < 1e-6 && (5000.0..6000.0).contains(&there), "{there} {back}");
    }

    #[test]
    fn a_file_cut_anywhere_is_read_without_panic() {
        for length in (0..BYTES.len()).step_by(997) {
            Outline::read(&BYTES[..length], b"ZW");
        }
        assert!(Outline::read(b"", b"DE").is_none());
    }

    /// The pieces of an outline as lines of the `geo` crate, of longitude and latitude in degrees.
    fn lines(outline: &Outline) -> Vec<geo::LineString<f64>> {
        let degrees = |[x, y, z]: Vector| (y.atan2(x).to_degrees(), z.atan2(x.hypot(y)).to_degrees());
        let line = |chunk: &Chunk| chunk.points.iter().map(|point| degrees(*point)).collect();
        outline.chunks.iter().map(line).collect()
    }

    /// Kilometres from a point to the nearest of `lines`, as the `geo` crate has it.
    ///
    /// Beyond a quarter of a great circle the nearest point of an arc is an end of it, and what geo gives is a point of
    /// the circle that is not on the arc (0.33.1).
    fn distance_by_geo(lines: &[geo::LineString<f64>], latitude: f64, longitude: f64) -> f64 {
        use geo::{Closest, Distance, Haversine, HaversineClosestPoint, Line, Point};
        let from = Point::new(longitude, latitude);
        let quarter = EARTH_RADIUS_KM * 1000.0 * std::f64::consts::FRAC_PI_2;
        let to = |line: Line<f64>| {
            let ends = [line.start_point(), line.end_point()].map(|end| Haversine.distance(from, end));
            let end = ends[0].min(ends[1]);
            match line.haversine_closest_point(&from) {
                Closest::Intersection(point) | Closest::SinglePoint(point) if end < quarter => {
                    Haversine.distance(from, point)
                }
                _ => end,
            }
        };
        lines.iter().flat_map(geo::LineString::lines).map(to).fold(f64::INFINITY, f64::min) / 1000.0
    }

    /// Kilometres by which this distance and that of the `geo` crate may differ: far away its nearest points are not
    /// quite on the line. Over 74,606 pairs of a point and a country the most was 87 m at 7,719 km, where 200 points on
    /// each line agree with this one to the millimetre; another pair had 208 m at 8,462 km.
    fn geo_margin_km(distance: f64) -> f64 {
        (distance * 1e-4).max(0.1)
    }

    #[test]
    fn distances_between_countries_are_those_of_the_geo_crate() {
        for (one, other) in [("MT", "LB"), ("SG", "BN"), ("LU", "LI")] {
            let (one, other) = (outline(one), outline(other));
            let nearest = |from: &Outline, to: &Outline| {
                let (points, lines) = (lines(from), lines(to));
                let points = points.iter().flat_map(geo::LineString::points);
                points
                    .map(|point| distance_by_geo(&lines, point.y(), point.x()))
                    .fold(f64::INFINITY, f64::min)
            };
            let expected = nearest(&one, &other).min(nearest(&other, &one));
            let found = one.distance_from_country(&other);
            assert!((found - expected).abs() < geo_margin_km(found), "{found} {expected}");
        }
    }

    #[test]
    fn far_away_points_of_the_lines_themselves_are_no_nearer() {
        let iceland = outline("IS");
        let (latitude, longitude) = (-12.426_329_816_738, -26.964_080_423_076);
        let from = vector(longitude, latitude);
        let segments = iceland.chunks.iter().flat_map(|chunk| chunk.points.windows(2));
        let sampled = segments
            .flat_map(|pair| (0..=200).map(|n| angle(from, between(pair[0], pair[1], f64::from(n) / 200.0))))
            .fold(f64::INFINITY, f64::min);
        let found = iceland.distance_from_point(latitude, longitude);
        assert!((found - sampled * EARTH_RADIUS_KM).abs() < 0.001, "{found} {}", sampled * EARTH_RADIUS_KM);
    }

    /// A place on the arc from `a` to `b`.
    fn between(a: Vector, b: Vector, part: f64) -> Vector {
        let sum = add(scaled(a, 1.0 - part), scaled(b, part));
        scaled(sum, 1.0 / length(sum))
    }

    proptest! {
        #[test]
        fn no_point_of_an_arc_is_nearer_than_its_nearest(
            from in (-180.0..180.0, -90.0..90.0), a in (-180.0..180.0, -89.0..89.0), step in (-5.0..5.0, -1.0..1.0),
        ) {
            let (from, end) = (vector(from.0, from.1), vector(a.0 + step.0, a.1 + step.1));
            let start = vector(a.0, a.1);
            let nearest = angle_to_segment(from, start, end);
            let sampled = (0..=1000).map(|n| angle(from, between(start, end, f64::from(n) / 1000.0)));
            let sampled = sampled.fold(f64::INFINITY, f64::min);
            prop_assert!(nearest <= sampled + 1e-9, "{nearest} {sampled}");
            prop_assert!(sampled <= nearest + angle(start, end) / 1000.0 + 1e-9, "{nearest} {sampled}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4))]
        #[test]
        fn distances_to_every_country_are_those_of_the_geo_crate(
            latitude in -90.0..90.0, longitude in -180.0..180.0,
        ) {
            for country in countries() {
                let Some(outline) = Outline::of(country.code) else { continue };
                let found = outline.distance_from_point(latitude, longitude);
                // To geo a point within an outline is not on its line.
                if found > 0.0 {
                    let expected = distance_by_geo(&lines(&outline), latitude, longitude);
                    let what = format!("{} from {latitude},{longitude}: {found} {expected}", country.code);
                    prop_assert!((found - expected).abs() < geo_margin_km(found), "{what}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn passing_over_chunks_changes_no_distance(latitude in -89.0..89.0, longitude in -180.0..180.0) {
            let japan = outline("JP");
            let from = vector(longitude, latitude);
            let segments = japan.chunks.iter().flat_map(|chunk| chunk.points.windows(2));
            let expected = segments.map(|pair| angle_to_segment(from, pair[0], pair[1])).fold(f64::INFINITY, f64::min);
            let found = japan.distance_from_point(latitude, longitude);
            prop_assert!(found == 0.0 || (found - expected * EARTH_RADIUS_KM).abs() < 1e-6);
        }
    }
}
