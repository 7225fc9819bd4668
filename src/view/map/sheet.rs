//! The part of the sheet that is shown, in dots: two across and four down in a cell, so that they are about square.

use crate::report::map::{HEIGHT, Place, Point, Shape, WIDTH, countries, great_circle};
use crate::view::ink::Tone;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Units of the sheet in a dot beyond which the map is cropped: at this many the whole of it takes 72 columns.
const COARSEST: f64 = 7.0;
/// Units in a dot of a cropped map at least: nearer, outlines are coarser than dots.
const FINEST: f64 = 2.0;
/// Room around what a cropped map is about, in units.
const MARGIN: f64 = 45.0;
/// Dots across and down in a cell.
const ACROSS: u16 = 2;
const DOWN: u16 = 4;

/// What is shown.
pub(super) struct Window {
    left: f64,
    top: f64,
    /// Units of the sheet in a dot.
    unit: f64,
    columns: u16,
    rows: u16,
}

impl Window {
    /// All of the sheet where there is room to see anything on it, else the part with `points`.
    pub(super) fn on(points: &[Point], columns: u16, rows: u16) -> Self {
        let (width, height) = (f64::from(columns) * f64::from(ACROSS), f64::from(rows) * f64::from(DOWN));
        let whole = (WIDTH / width.max(1.0)).max(HEIGHT / height.max(1.0));
        let mut unit = whole;
        let mut middle = Point { x: WIDTH / 2.0, y: HEIGHT / 2.0 };
        if let Some(first) = points.first().filter(|_| whole > COARSEST) {
            let (mut low, mut high) = (*first, *first);
            for point in points {
                low = Point { x: low.x.min(point.x), y: low.y.min(point.y) };
                high = Point { x: high.x.max(point.x), y: high.y.max(point.y) };
            }
            let needed = |low: f64, high: f64, dots: f64| (high - low + 2.0 * MARGIN) / dots.max(1.0);
            unit = needed(low.x, high.x, width).max(needed(low.y, high.y, height)).clamp(FINEST, whole);
            middle = Point { x: f64::midpoint(low.x, high.x), y: f64::midpoint(low.y, high.y) };
        }
        let left = start(middle.x, width * unit, WIDTH);
        Self { left, top: start(middle.y, height * unit, HEIGHT), unit, columns, rows }
    }

    /// The dot at a point, which may lie outside.
    fn dot(&self, point: Point) -> (f64, f64) {
        ((point.x - self.left) / self.unit, (point.y - self.top) / self.unit)
    }

    /// The cell at a point.
    pub(super) fn cell(&self, point: Point) -> Option<(u16, u16)> {
        let (x, y) = self.dot(point);
        let column = u16::try_from(whole(x).div_euclid(i32::from(ACROSS))).ok()?;
        let row = u16::try_from(whole(y).div_euclid(i32::from(DOWN))).ok()?;
        (column < self.columns && row < self.rows).then_some((column, row))
    }
}

/// Where a stretch begins that has `middle` in its middle, as far as it can lie within the sheet.
fn start(middle: f64, length: f64, sheet: f64) -> f64 {
    if length >= sheet { (sheet - length) / 2.0 } else { (middle - length / 2.0).clamp(0.0, sheet - length) }
}

/// The number before the point.
#[expect(clippy::cast_possible_truncation, reason = "what no i32 holds becomes the nearest that does")]
fn whole(number: f64) -> i32 {
    number.floor() as i32
}

/// A country as closed lines on the sheet.
struct Outline {
    code: &'static str,
    rings: Vec<Vec<Point>>,
    top: f64,
    bottom: f64,
}

/// The countries that are drawn: fewer than 255 (`data/world.tsv`).
static OUTLINES: LazyLock<Vec<Outline>> = LazyLock::new(|| countries().iter().filter_map(outline).collect());

fn outline(shape: &Shape) -> Option<Outline> {
    let rings: Vec<Vec<Point>> = shape.path.split_terminator('z').filter_map(ring).collect();
    let heights = || rings.iter().flatten().map(|point| point.y);
    let (top, bottom) = (heights().fold(f64::MAX, f64::min), heights().fold(f64::MIN, f64::max));
    (!rings.is_empty()).then_some(Outline { code: shape.code, rings, top, bottom })
}

/// `M1245 343l-2 2 0-2`: a point and steps from each to the next, on a sheet of twice the size.
fn ring(path: &str) -> Option<Vec<Point>> {
    let path = path.strip_prefix('M')?.replace('l', " ").replace('-', " -");
    let numbers: Option<Vec<f64>> = path.split_whitespace().map(|number| number.parse().ok()).collect();
    let mut at = Point { x: 0.0, y: 0.0 };
    let steps = numbers?;
    let points = steps.chunks_exact(2).filter_map(|step| {
        at = Point { x: at.x + step.first()? / 2.0, y: at.y + step.last()? / 2.0 };
        Some(at)
    });
    Some(points.collect())
}

/// What is at a dot.
#[derive(Clone, Copy, Default)]
struct Dot {
    /// The number of the country from 1; 0 is the sea.
    owner: u8,
    line: Option<Tone>,
}

/// What a cell shows.
pub(super) struct Mark {
    /// The dots that are set, as Unicode counts them from U+2800.
    pub(super) braille: u8,
    /// The same in one ASCII character.
    pub(super) ascii: char,
    /// Of the gravest country or line in it; `None` of land that no call touched.
    pub(super) tone: Option<Tone>,
}

/// The dots of a window.
pub(super) struct Raster {
    width: i32,
    height: i32,
    dots: Vec<Dot>,
    /// By number of the country.
    tones: BTreeMap<u8, Tone>,
}

impl Raster {
    /// The countries; `tones` are those that calls touched.
    pub(super) fn new(window: &Window, tones: &BTreeMap<&str, Tone>) -> Self {
        let (width, height) = (u32::from(window.columns * ACROSS), u32::from(window.rows * DOWN));
        let count = usize::try_from(width * height).unwrap_or(0);
        let mut raster = Self {
            width: i32::try_from(width).unwrap_or(0),
            height: i32::try_from(height).unwrap_or(0),
            dots: vec![Dot::default(); count],
            tones: BTreeMap::new(),
        };
        let mut rows = vec![Vec::new(); usize::try_from(height).unwrap_or(0)];
        for (outline, number) in OUTLINES.iter().zip(1..=u8::MAX) {
            if let Some(tone) = tones.get(outline.code) {
                raster.tones.insert(number, *tone);
            }
            raster.fill(window, outline, number, &mut rows);
        }
        raster
    }

    /// Gives a country the dots of which the middle is inside; `rows` is room to work in.
    fn fill(&mut self, window: &Window, outline: &Outline, number: u8, rows: &mut [Vec<f64>]) {
        let row_of = |y: f64| whole((y - window.top) / window.unit + 0.5);
        let (first, last) = (row_of(outline.top).max(0), row_of(outline.bottom).min(self.height));
        for ring in &outline.rings {
            let ends = ring.iter().cycle().skip(1);
            for (start, end) in ring.iter().zip(ends) {
                let (x1, y1) = window.dot(*start);
                let (x2, y2) = window.dot(*end);
                let (low, high) = (whole(y1.min(y2) + 0.5).max(first), whole(y1.max(y2) + 0.5).min(last));
                for row in low..high {
                    let y = f64::from(row) + 0.5;
                    if let Some(crossings) = usize::try_from(row).ok().and_then(|row| rows.get_mut(row)) {
                        crossings.push(x1 + (x2 - x1) * (y - y1) / (y2 - y1));
                    }
                }
            }
        }
        for row in first..last {
            let Some(crossings) = usize::try_from(row).ok().and_then(|row| rows.get_mut(row)) else {
                continue;
            };
            crossings.sort_by(f64::total_cmp);
            for pair in crossings.chunks_exact(2) {
                let [from, to] = *pair else { continue };
                for x in whole(from + 0.5).max(0)..whole(to + 0.5).min(self.width) {
                    if let Some(dot) = self.dot_mut(x, row) {
                        dot.owner = number;
                    }
                }
            }
            crossings.clear();
        }
    }

    /// A line that shows who spoke with whom, not the way that packets took. `dashed` leaves out every other part.
    pub(super) fn connect(&mut self, window: &Window, from: Place, to: Place, tone: Tone, dashed: bool) {
        const DASH: u32 = 3;
        let mut step = 0_u32;
        for part in great_circle(from, to) {
            for pair in part.windows(2) {
                let [start, end] = pair else { continue };
                let ((x1, y1), (x2, y2)) = (window.dot(*start), window.dot(*end));
                let steps = whole((x2 - x1).abs().max((y2 - y1).abs())) + 1;
                for along in 0..steps {
                    step += 1;
                    let share = f64::from(along) / f64::from(steps);
                    let (x, y) = (whole(x1 + (x2 - x1) * share), whole(y1 + (y2 - y1) * share));
                    let shown = !dashed || (step / DASH).is_multiple_of(2);
                    if let Some(dot) = self.dot_mut(x, y).filter(|_| shown) {
                        dot.line = dot.line.max(Some(tone));
                    }
                }
            }
        }
    }

    /// What the cell at a column and row of the window shows.
    pub(super) fn mark(&self, column: u16, row: u16) -> Mark {
        /// Bits of U+2800, by row and column of the dot.
        const BITS: [[u8; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];
        let mut mark = Mark { braille: 0, ascii: ' ', tone: None };
        let (mut land, mut of_tone, mut line) = (0, 0, Vec::new());
        for (y, bits) in (0..).zip(BITS) {
            for (x, bit) in (0..).zip(bits) {
                let (x, y) = (i32::from(column * ACROSS) + x, i32::from(row * DOWN) + y);
                let dot = self.dot(x, y);
                let tone = self.tones.get(&dot.owner).copied();
                land += i32::from(dot.owner != 0);
                of_tone += i32::from(tone.is_some());
                let is_set =
                    self.is_outline(x, y, tone.is_some()) || tone.is_some_and(|tone| dense(tone, x, y));
                if dot.line.is_some() {
                    line.push((x, y));
                }
                if is_set || dot.line.is_some() {
                    mark.braille |= bit;
                    mark.tone = mark.tone.max(tone).max(dot.line);
                }
            }
        }
        mark.ascii = match mark.tone {
            _ if !line.is_empty() => slope(&line),
            Some(tone) if of_tone >= 3 => letter(tone),
            _ if land >= 4 => '.',
            _ => ' ',
        };
        mark
    }

    /// Whether the dot is the last of its country before the sea; of a country that was touched, before any other.
    fn is_outline(&self, x: i32, y: i32, touched: bool) -> bool {
        let owner = self.dot(x, y).owner;
        let beside = [(x - 1, y), (x + 1, y), (x, y - 1), (x, y + 1)];
        let beside =
            beside.into_iter().filter(|(x, y)| (0..self.width).contains(x) && (0..self.height).contains(y));
        let mut owners = beside.map(|(x, y)| self.dot(x, y).owner);
        owner != 0 && owners.any(|other| other == 0 || (touched && other != owner))
    }

    fn index(&self, x: i32, y: i32) -> Option<usize> {
        let inside = (0..self.width).contains(&x) && (0..self.height).contains(&y);
        inside.then(|| usize::try_from(y * self.width + x).ok()).flatten()
    }

    fn dot(&self, x: i32, y: i32) -> Dot {
        self.index(x, y).and_then(|index| self.dots.get(index)).copied().unwrap_or_default()
    }

    fn dot_mut(&mut self, x: i32, y: i32) -> Option<&mut Dot> {
        self.index(x, y).and_then(|index| self.dots.get_mut(index))
    }
}

/// Whether a dot inside of a country is set: the graver, the denser.
const fn dense(tone: Tone, x: i32, y: i32) -> bool {
    match tone {
        Tone::Denied => (x + y) % 2 == 0,
        Tone::Open => (x + y) % 4 == 0,
        Tone::Allowed => x % 2 == 0 && (x / 2 + y) % 4 == 0 && y % 2 == 0,
        Tone::Silent => false,
    }
}

/// The same in ASCII.
const fn letter(tone: Tone) -> char {
    match tone {
        Tone::Denied => '#',
        Tone::Open => '%',
        Tone::Allowed => ':',
        Tone::Silent => '.',
    }
}

/// The piece of a line that dots of one cell make.
fn slope(dots: &[(i32, i32)]) -> char {
    let (left, right) = (dots.iter().min(), dots.iter().max());
    let (Some((x1, y1)), Some((x2, y2))) = (left, right) else { return ' ' };
    match (x2 - x1, y2 - y1) {
        (0, -1 | 1) | (_, 0) => '-',
        (0, _) => '|',
        (_, down) if down > 0 => '\\',
        _ => '/',
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::locate::CountryCode;
    use crate::report::map::country;

    fn place(code: &str) -> &'static Shape {
        country(CountryCode::parse(code).unwrap()).unwrap()
    }

    #[test]
    fn every_number_of_a_country_fits() {
        assert!(OUTLINES.len() > 160 && OUTLINES.len() < 255, "{}", OUTLINES.len());
    }

    #[test]
    fn a_place_within_a_country_is_on_its_dots() {
        let window = Window::on(&[], 200, 50);
        let raster = Raster::new(&window, &BTreeMap::new());
        for code in ["CN", "US", "BR", "ZA", "AU", "DE", "IN", "RU"] {
            let shape = place(code);
            let (x, y) = window.dot(shape.place.point());
            let owner = raster.dot(whole(x), whole(y)).owner;
            assert_eq!(OUTLINES[usize::from(owner) - 1].code, code);
        }
        // The middle of the Atlantic.
        let (x, y) = window.dot(Place { latitude: 30.0, longitude: -40.0 }.point());
        assert_eq!(raster.dot(whole(x), whole(y)).owner, 0);
    }

    #[test]
    fn a_small_map_shows_what_it_is_about() {
        let points = ["DE", "FR"].map(|code| place(code).place.point());
        let window = Window::on(&points, 60, 10);
        assert!(window.unit < WIDTH / 120.0);
        assert!(points.iter().all(|point| window.cell(*point).is_some()));
        let whole = Window::on(&points, 80, 18);
        assert!((whole.unit - WIDTH / 160.0).abs() < 1e-9);
    }
}
