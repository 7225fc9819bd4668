//! The map of calls: which countries their far ends are placed in, what they did there.
//!
//! A place is a country and never more: the point of a country stands for all of it. Lines to the client are drawn only
//! where its place is known.

mod caption;
mod label;
mod places;
mod sheet;

use super::ink::{self, Piece, Tone};
use super::style::Look;
use crate::report::Report;
use crate::report::map::{Place, Point};
use label::{Label, Room};
use places::Places;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::widgets::Widget;
use sheet::{Raster, Window};
use std::collections::BTreeMap;

/// Columns and rows of a map at most: a drawing takes as long as it has dots.
const MAX_COLUMNS: u16 = 400;
const MAX_ROWS: u16 = 150;
/// Columns and rows below which there is no map but a list.
const MIN_COLUMNS: u16 = 24;
const MIN_ROWS: u16 = 5;
/// Labels tried; what has none is told under the map.
const MAX_LABELS: usize = 48;
/// Of the rows, one in so many is for what is under the map.
const CAPTION_SHARE: u16 = 5;

/// The map of one call or of all.
pub struct Map<'a> {
    report: &'a Report,
    look: Look,
    selected: Option<&'a str>,
}

impl<'a> Map<'a> {
    /// Of all calls, and of findings outside of calls.
    pub fn new(report: &'a Report, look: Look) -> Self {
        Self { report, look, selected: None }
    }

    /// Of the call with this name alone; of all where it is `None`.
    #[must_use]
    pub fn selected(self, session: Option<&'a str>) -> Self {
        Self { selected: session, ..self }
    }
}

impl Widget for Map<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let area = area.intersection(buffer.area);
        if area.is_empty() {
            return;
        }
        let places = Places::of(self.report, self.selected);
        if area.width < MIN_COLUMNS || area.height < MIN_ROWS {
            list(&places, self.look, area, buffer);
            return;
        }
        let drawing = Drawing { places: &places, look: self.look };
        drawing.render(area, buffer);
    }
}

/// What a map would show, in words.
fn list(places: &Places, look: Look, area: Rect, buffer: &mut Buffer) {
    let mut pieces: Vec<Piece> = places.lands.iter().map(|land| label::text(land, look)).collect();
    pieces.extend(caption::beside(places, Vec::new(), look));
    if pieces.is_empty() {
        pieces.push(vec![(NOTHING.to_owned(), look.aside())]);
    }
    write(&pieces, area.height, area, buffer);
}

/// What is said where there is no server at all.
const NOTHING: &str = "no server to place";

/// Writes pieces on `rows` rows of an area at most, and how many there is no room for.
fn write(pieces: &[Piece], rows: u16, area: Rect, buffer: &mut Buffer) {
    let mut lines = ink::lines(pieces.to_vec(), area.width);
    let rows = usize::from(rows);
    if lines.len() > rows {
        let left_out: usize = lines.iter().skip(rows).map(Vec::len).sum();
        lines.truncate(rows);
        if let Some(last) = lines.last_mut() {
            shorten(last, left_out, area.width);
        }
    }
    for (line, y) in lines.iter().zip(area.y..area.bottom()) {
        ink::put_line(buffer, area, y, line);
    }
}

/// Makes room at the end of a line for how many pieces are not on it.
fn shorten(line: &mut Vec<Piece>, mut left_out: usize, columns: u16) {
    loop {
        let more = vec![(format!("+{left_out} more"), Style::new())];
        let used: u16 = line.iter().fold(0, |sum, piece| sum.saturating_add(ink::piece_width(piece) + 2));
        if line.is_empty() || used.saturating_add(ink::piece_width(&more)) <= columns {
            line.push(more);
            return;
        }
        line.pop();
        left_out += 1;
    }
}

/// Where a place is shown, and with which sign.
struct Pin {
    at: (u16, u16),
    sign: char,
    style: Style,
    text: Piece,
    /// A country, and not the client, which the legend tells of.
    is_land: bool,
}

struct Drawing<'a> {
    places: &'a Places,
    look: Look,
}

impl Drawing<'_> {
    fn render(&self, area: Rect, buffer: &mut Buffer) {
        let legend = ink::lines(caption::legend(self.places, self.look), area.width);
        let rows_beside = caption::beside(self.places, Vec::new(), self.look);
        let spare = (area.height / CAPTION_SHARE).max(1);
        let needed = u16::try_from(ink::lines(rows_beside, area.width).len()).unwrap_or(spare);
        // What is not on the map goes before what signs mean; labels without room may need the row that is left.
        let mut under = needed.min(spare);
        let legend: Vec<Vec<Piece>> = legend.into_iter().take(usize::from(spare - under)).collect();
        let below = u16::try_from(legend.len()).unwrap_or(0);
        let (mut map, mut left_out) = self.plan(area, area.height - under - below);
        if under == 0 && !left_out.is_empty() {
            under = 1;
            (map, left_out) = self.plan(area, area.height - under - below);
        }
        map.paint(self, buffer);
        let mut pieces = caption::beside(self.places, left_out, self.look);
        if self.places.lands.is_empty() && self.places.unplaced.is_empty() {
            let x = area.x + (area.width.saturating_sub(ink::width(NOTHING))) / 2;
            ink::put(buffer, area, x, area.y + map.area.height / 2, NOTHING, Style::new());
            pieces.clear();
        }
        let top = area.y + map.area.height;
        write(&pieces, under, Rect { y: top, height: under, ..area }, buffer);
        for (line, y) in legend.iter().zip(top + under..area.bottom()) {
            ink::put_line(buffer, area, y, line);
        }
    }

    /// The map on the upper rows of an area, and the labels for which there is no room on it.
    fn plan(&self, area: Rect, rows: u16) -> (Plan, Vec<Piece>) {
        let area = Rect { height: rows, ..area };
        let (columns, shown_rows) = (area.width.min(MAX_COLUMNS), rows.min(MAX_ROWS));
        let points: Vec<Point> = self.points();
        let window = Window::on(&points, columns, shown_rows);
        let sheet = Rect {
            x: area.x + (area.width - columns) / 2,
            y: area.y + (rows - shown_rows) / 2,
            width: columns,
            height: shown_rows,
        };
        let pins = self.pins(&window, sheet);
        let at: Vec<(u16, u16)> = pins.iter().map(|pin| pin.at).collect();
        let mut room = Room::new(sheet, &at);
        let (mut labels, mut left_out) = (Vec::new(), Vec::new());
        for (place, pin) in pins.iter().enumerate() {
            let is_tried = place < MAX_LABELS;
            let whole = is_tried.then(|| room.put(pin.at, pin.text.clone())).flatten();
            if whole.is_none() {
                left_out.extend(pin.is_land.then(|| pin.text.clone()));
            }
            // The name alone tells at least which place the rest, under the map, is about.
            let name = || room.put(pin.at, pin.text.iter().take(1).cloned().collect());
            labels.extend(whole.or_else(|| is_tried.then(name).flatten()));
        }
        (Plan { area, sheet, window, pins, labels }, left_out)
    }

    /// The places that the map is about.
    fn points(&self) -> Vec<Point> {
        let lands = self.places.lands.iter().map(|land| land.shape.place.point());
        let client = self.places.client.as_ref().and_then(crate::report::map::Client::point);
        lands.chain(client).collect()
    }

    /// The client last, so that it lies on its country.
    fn pins(&self, window: &Window, sheet: Rect) -> Vec<Pin> {
        let cell = |point: Point| window.cell(point).map(|(x, y)| (sheet.x + x, sheet.y + y));
        let lands = self.places.lands.iter().filter_map(|land| {
            let (at, look) = (cell(land.shape.place.point())?, self.look);
            let style = land.tone.style(look).add_modifier(Modifier::BOLD);
            Some(Pin {
                at,
                sign: caption::point(land.tone, look),
                style,
                text: label::text(land, look),
                is_land: true,
            })
        });
        let mut pins: Vec<Pin> = lands.collect();
        let client = self.places.client.as_ref().and_then(|client| cell(client.point()?));
        pins.extend(client.map(|at| {
            let style = ink::coloured(Color::Cyan, self.look).add_modifier(Modifier::BOLD);
            let text = vec![("client".to_owned(), style)];
            Pin { at, sign: caption::client(self.look), style, text, is_land: false }
        }));
        pins
    }

    fn raster(&self, window: &Window) -> Raster {
        let tones: BTreeMap<&str, Tone> =
            self.places.lands.iter().map(|land| (land.shape.code, land.tone)).collect();
        let mut raster = Raster::new(window, &tones);
        let from: Option<Place> = self.places.client.as_ref().and_then(crate::report::map::Client::place);
        for (from, land) in
            from.into_iter().flat_map(|from| self.places.lands.iter().map(move |land| (from, land)))
        {
            raster.connect(window, from, land.shape.place, land.tone, self.look.unicode);
        }
        raster
    }
}

/// What goes where on the map.
struct Plan {
    /// All rows of the map, and those of them that have something on them.
    area: Rect,
    sheet: Rect,
    window: Window,
    pins: Vec<Pin>,
    labels: Vec<Label>,
}

impl Plan {
    fn paint(&self, drawing: &Drawing<'_>, buffer: &mut Buffer) {
        let look = drawing.look;
        let raster = drawing.raster(&self.window);
        for row in 0..self.sheet.height {
            for column in 0..self.sheet.width {
                let mark = raster.mark(column, row);
                let braille = char::from_u32(0x2800 + u32::from(mark.braille)).filter(|_| mark.braille != 0);
                let character = if look.unicode { braille.unwrap_or(' ') } else { mark.ascii };
                let style = mark
                    .tone
                    .map_or_else(|| look.aside(), |tone| tone.style(look).remove_modifier(Modifier::BOLD));
                set(buffer, (self.sheet.x + column, self.sheet.y + row), character, style);
            }
        }
        for label in &self.labels {
            label_on(buffer, label, look);
        }
        for pin in &self.pins {
            set(buffer, pin.at, pin.sign, pin.style);
        }
    }
}

fn label_on(buffer: &mut Buffer, label: &Label, look: Look) {
    if let Some(leader) = label.leader {
        let sign = match (leader.width > 1 || leader.height == 1 && leader.y == label.area.y, look.unicode) {
            (true, true) => '─',
            (true, false) => '-',
            (false, true) => '│',
            (false, false) => '|',
        };
        for cell in leader.positions() {
            set(buffer, (cell.x, cell.y), sign, look.aside());
        }
    }
    for cell in label.area.positions() {
        set(buffer, (cell.x, cell.y), ' ', Style::new());
    }
    let mut x = label.area.x + 1;
    for (text, style) in &label.text {
        x = ink::put(buffer, label.area, x, label.area.y, text, *style);
    }
}

fn set(buffer: &mut Buffer, (x, y): (u16, u16), character: char, style: Style) {
    if let Some(cell) = buffer.cell_mut(Position { x, y }) {
        cell.reset();
        cell.set_char(character).set_style(style);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::ink::testing::{drawn, hostile, instant, of_sample, text};
    use proptest::prelude::*;
    use std::sync::LazyLock;

    static REPORTS: LazyLock<Vec<Report>> = LazyLock::new(|| {
        vec![hostile(), instant(), of_sample("empty.pcap"), of_sample("teams-region.pcapng")]
    });

    const ASCII: Look = Look { colour: false, unicode: false };
    const UNICODE: Look = Look { colour: false, unicode: true };

    fn picture(name: &str, look: Look, columns: u16, rows: u16) -> String {
        let area = Rect::new(0, 0, columns, rows);
        text(&drawn(Map::new(&of_sample(name), look), area, area))
    }

    #[test]
    fn a_denied_country_is_told_from_others_without_colour() {
        for (look, sign) in [(UNICODE, "✖ DENY CN ■"), (ASCII, "X DENY CN S")] {
            let found = picture("zoom-beijing-keys.pcapng", look, 120, 30);
            assert!(found.contains(sign) && found.contains(" US "), "{found}");
            let found = picture("zoom-home-region.pcapng", look, 120, 30);
            assert!(!found.contains("DENY") && !found.contains("denied"), "{found}");
        }
    }

    #[test]
    fn what_only_was_tried_is_in_brackets_and_not_denied() {
        let found = picture("denied-probe-unanswered.pcap", UNICODE, 100, 24);
        assert!(found.contains("CN (▲)") && found.contains("( ) no answer"), "{found}");
        assert!(!found.contains("DENY"), "{found}");
    }

    #[test]
    fn no_line_is_drawn_from_a_client_whose_place_is_not_known() {
        let mut report = of_sample("zoom-beijing-keys.pcapng");
        let area = Rect::new(0, 0, 120, 30);
        let without = text(&drawn(Map::new(&report, ASCII), area, area));
        assert!(without.contains("client: place not known"), "{without}");
        assert!(!without.contains('@') && !without.contains('\\'), "{without}");
        // Where a server calls it by an address that has a place, the client is somewhere in that country.
        let client = report.sessions[0].client;
        let place = report.endpoints.iter().position(|end| end.location.country.is_some()).unwrap();
        report.endpoints[place].mentioned.push(crate::report::MentionReport {
            by: "mapped",
            client,
            server: None,
            input: String::new(),
            packet: 1,
        });
        let with = text(&drawn(Map::new(&report, ASCII), area, area));
        assert!(with.contains("@ client, somewhere in"), "{with}");
    }

    #[test]
    fn servers_without_a_place_are_told_of_in_words() {
        let mut report = of_sample("zoom-beijing-keys.pcapng");
        for end in &mut report.sessions[0].endpoints {
            end.country = None;
            end.confidence = crate::locate::Confidence::Unknown;
        }
        for (columns, rows) in [(80, 20), (60, 8), (20, 3)] {
            let area = Rect::new(0, 0, columns, rows);
            let found = text(&drawn(Map::new(&report, UNICODE), area, area));
            assert!(found.contains("not on the map:") && found.contains("DENY"), "{found}");
        }
    }

    #[test]
    fn of_one_call_only_its_countries_are_shown() {
        let mut report = of_sample("zoom-beijing-keys.pcapng");
        let mut other = report.sessions[0].clone();
        other.id = "s2".to_owned();
        other.endpoints.retain(|end| end.verdict == crate::policy::Verdict::Deny);
        report.sessions.push(other);
        let area = Rect::new(0, 0, 100, 24);
        let found = |id| text(&drawn(Map::new(&report, UNICODE).selected(id), area, area));
        assert!(found(Some("s2")).contains("CN") && !found(Some("s2")).contains(" US "));
        assert!(found(None).contains(" US ") && found(Some("s3")).contains(NOTHING));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_area_of_any_report_is_drawn_without_panic_and_nothing_beside_it(
            (x, y, columns, rows) in (0_u16..60, 0_u16..30, 0_u16..180, 0_u16..50),
            report in 0_usize..4, unicode in any::<bool>(), selected in any::<bool>(),
        ) {
            let look = Look { colour: true, unicode };
            let (area, whole) = (Rect::new(x, y, columns, rows), Rect::new(5, 3, 150, 40));
            let buffer = drawn(Map::new(&REPORTS[report], look).selected(selected.then_some("s1")), area, whole);
            for position in whole.positions().filter(|position| !area.contains(*position)) {
                prop_assert_eq!(buffer[position].symbol(), " ");
            }
            let shown = text(&buffer);
            prop_assert!(unicode || shown.is_ascii(), "{}", shown);
            prop_assert!(!shown.contains('\u{1b}'), "{}", shown);
        }
    }
}
