//! The lists of calls, far ends and findings.

use super::app::App;
use super::grid::{self, Cell, Column};
use super::rows::{self, bytes_of_call};
use super::style::{Look, columns};
use super::words::{contact, countries, day, lasted, place, rate, role, when, when_width};
use crate::locate::Confidence;
use crate::pipeline::live::Snapshot;
use crate::policy::Verdict;
use crate::report::text::{bytes, milliseconds, socket};
use crate::report::words::{best_name, mark};
use crate::report::{Finding, SessionEndpoint, SessionReport};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use std::fmt::Write as _;

/// Columns below which ports are left out: the whole address says more.
const WITH_PORTS: u16 = 60;

/// Columns of the mark before a row.
const MARK: u16 = 2;

const fn column(title: &'static str, rank: u8, [least, good, most]: [usize; 3]) -> Column {
    Column { title, rank, least, good, most, right: false }
}

const fn number(title: &'static str, rank: u8, width: usize) -> Column {
    Column { title, rank, least: width, good: width, most: width, right: true }
}

const OF_CALLS: [Column; 9] = [
    column("", 0, [4, 4, 4]),
    column("service", 0, [9, 14, 24]),
    column("client", 2, [13, 15, 39]),
    column("began", 4, [8, 8, 8]),
    number("lasted", 3, 7),
    column("countries", 1, [8, 11, 40]),
    column("program", 5, [8, 12, 24]),
    number("bytes", 7, 7),
    column("id", 6, [3, 4, 6]),
];

const OF_SERVERS: [Column; 13] = [
    column("", 0, [4, 4, 4]),
    column("call", 1, [3, 4, 6]),
    column("role", 0, [5, 9, 9]),
    column("far end", 0, [15, 21, 47]),
    column("where", 0, [9, 12, 12]),
    column("contact", 3, [9, 11, 11]),
    number("rtt", 1, 7),
    number("rate", 2, 8),
    number("bytes", 4, 7),
    column("name", 5, [18, 24, 60]),
    number("sent", 6, 7),
    number("received", 7, 8),
    column("operator", 8, [14, 20, 40]),
];

const OF_FINDINGS: [Column; 8] = [
    column("", 0, [4, 4, 4]),
    column("began", 1, [8, 8, 8]),
    column("call", 2, [3, 10, 20]),
    column("far end", 0, [13, 15, 39]),
    column("where", 0, [9, 12, 12]),
    column("role", 1, [5, 9, 9]),
    column("contact", 3, [9, 11, 11]),
    column("rule", 4, [8, 12, 40]),
];

/// Where a list begins so that the selected row is seen, if so many rows fit.
fn first_row(selected: usize, rows: usize, fit: usize) -> usize {
    selected.saturating_sub(fit / 2).min(rows.saturating_sub(fit))
}

fn verdict(look: Look, verdict: Verdict) -> Cell {
    Cell::styled(format!("{:>4}", mark(verdict).word), look.verdict(verdict))
}

/// The cells of a row, and what stands below them.
type Row = (Vec<Cell>, Vec<Line<'static>>);

/// A list: a head, then rows of one or more lines; which of them are seen depends on what is selected.
struct List<'a> {
    look: Look,
    columns: &'a [Column],
    selected: Option<usize>,
    /// Lines of a row.
    height: usize,
}

impl List<'_> {
    /// `row` gives what stands at a place.
    fn draw(&self, area: Rect, buffer: &mut Buffer, count: usize, row: impl Fn(usize) -> Option<Row>) {
        let fit = usize::from(area.height.saturating_sub(1)) / self.height.max(1);
        let first = first_row(self.selected.unwrap_or(0), count, fit);
        let rows: Vec<(usize, Row)> =
            (first..count.min(first + fit)).filter_map(|place| Some((place, row(place)?))).collect();
        let cells: Vec<Vec<Cell>> = rows.iter().map(|(_, (cells, _))| cells.clone()).collect();
        let room = area.width.saturating_sub(MARK);
        let widths = grid::widths(self.columns, &cells, room.into());
        let head = grid::head(self.look, self.columns, &widths);
        buffer.set_line(area.x + MARK.min(area.width), area.y, &head, room);
        let mut y = area.y.saturating_add(1);
        for (place, (cells, below)) in &rows {
            let selected = self.selected == Some(*place);
            let mark = if selected { self.look.symbol("▶ ", "> ") } else { "  " };
            let mut line = grid::line(self.look, self.columns, &widths, cells);
            line.spans.insert(0, Span::raw(mark));
            buffer.set_line(area.x, y, &line, area.width);
            if selected {
                buffer.set_style(Rect { y, height: 1, ..area }, Look::selected());
            }
            for (line, offset) in below.iter().zip(1..u16::try_from(self.height).unwrap_or(1)) {
                buffer.set_line(area.x + MARK, y.saturating_add(offset), line, room);
            }
            y = y.saturating_add(u16::try_from(self.height).unwrap_or(1));
        }
    }
}

/// The calls.
pub(super) fn calls(app: &App, snapshot: &Snapshot, area: Rect, buffer: &mut Buffer) {
    // Only a live capture sees programs, and not always.
    let has_programs = snapshot.report.sessions.iter().any(|call| !call.processes.is_empty());
    let is_listed = |column: &Column| has_programs || column.title != "program";
    let days = has_days(snapshot);
    let listed: Vec<Column> =
        OF_CALLS.into_iter().filter(is_listed).map(|column| dated(column, days)).collect();
    let list = List { look: app.look, columns: &listed, selected: Some(app.call_at()), height: 1 };
    list.draw(area, buffer, app.rows.calls.len(), |place| {
        let call = snapshot.report.sessions.get(*app.rows.calls.get(place)?)?;
        let cells = OF_CALLS.iter().zip(call_cells(app, call, days)).filter(|(column, _)| is_listed(column));
        Some((cells.map(|(_, cell)| cell).collect(), Vec::new()))
    });
}

/// Whether what is shown is of more than one day, so that the hour alone does not say when something was.
fn has_days(snapshot: &Snapshot) -> bool {
    let first = snapshot.report.inputs.iter().filter_map(|input| input.first_packet).min();
    first.is_some_and(|first| day(first) != day(snapshot.time))
}

/// A column, with room for the date if it has times.
fn dated(column: Column, days: bool) -> Column {
    let width = when_width(days);
    if column.title == "began" { Column { least: width, good: width, most: width, ..column } } else { column }
}

fn call_cells(app: &App, call: &SessionReport, days: bool) -> Vec<Cell> {
    let goes_on = app.goes_on(call);
    let service = app.look.shown(&call.service_name);
    let service = if goes_on { format!("{service} *") } else { service };
    let programs = call.processes.iter().map(|program| format!("{} {}", program.name, program.pid));
    let programs = app.look.shown(&programs.collect::<Vec<_>>().join(", "));
    let touched = countries(call);
    let touched = if touched.is_empty() { "none known".to_owned() } else { touched.join(" ") };
    vec![
        verdict(app.look, call.verdict),
        service.into(),
        call.client.to_string().into(),
        when(call.start, days).into(),
        lasted(call.end.at.since(call.start.at)).into(),
        touched.into(),
        programs.into(),
        bytes(bytes_of_call(call)).into(),
        call.id.as_str().into(),
    ]
}

/// The far ends; with `selected`, one of them is marked.
pub(super) fn servers(
    app: &App,
    snapshot: &Snapshot,
    selected: Option<usize>,
    area: Rect,
    buffer: &mut Buffer,
) {
    let listed: Vec<Column> = OF_SERVERS.into_iter().filter(|column| fits(app, column.title)).collect();
    // Where it has no column, the name stands in a line of its own.
    let names_beside = grid::widths(&listed, &[], area.width.saturating_sub(MARK).into());
    let has_names =
        listed.iter().zip(&names_beside).any(|(column, width)| column.title == "name" && width.is_some());
    let rows = app.rows.servers.len();
    let room = usize::from(area.height.saturating_sub(1));
    let height = if has_names || (selected.is_none() && rows * 2 > room) || room < 6 { 1 } else { 2 };
    let list = List { look: app.look, columns: &listed, selected, height };
    list.draw(area, buffer, rows, |place| {
        let at = *app.rows.servers.get(place)?;
        let (call, far) = rows::far_end(snapshot, at)?;
        let cells = OF_SERVERS.iter().zip(server_cells(app, snapshot, (call, far), area.width < WITH_PORTS));
        let cells = cells.filter(|(column, _)| fits(app, column.title)).map(|(_, cell)| cell).collect();
        Some((cells, vec![below(app, snapshot, far)]))
    });
}

/// Whether a column has a meaning here.
fn fits(app: &App, title: &str) -> bool {
    match title {
        "call" => app.all,
        "rate" => app.origin.live,
        _ => true,
    }
}

fn server_cells(
    app: &App,
    snapshot: &Snapshot,
    (call, far): (&SessionReport, &SessionEndpoint),
    narrow: bool,
) -> Vec<Cell> {
    let look = app.look;
    let mut end =
        if narrow { far.address.to_string() } else { socket(far.address, far.ports.first().copied()) };
    if far.ports.len() > 1 && !narrow {
        let _ = write!(end, " +{}", far.ports.len() - 1);
    }
    let place = place(far);
    let place = if far.confidence == Confidence::Disputed {
        Cell::styled(place, look.warning())
    } else if far.verdict == Verdict::Deny {
        Cell::styled(place, look.verdict(Verdict::Deny))
    } else {
        place.into()
    };
    let rtt = far.rtt.map_or_else(String::new, |rtt| milliseconds(rtt.min_s));
    let speed = snapshot.rates.get(&far.address).map_or_else(String::new, |bytes| rate(*bytes));
    vec![
        verdict(look, far.verdict),
        call.id.as_str().into(),
        role(far).into(),
        end.into(),
        place,
        contact(call, far).into(),
        rtt.into(),
        speed.into(),
        bytes(far.bytes_sent.saturating_add(far.bytes_received)).into(),
        best_name(&far.names).map(|name| look.shown(name)).unwrap_or_default().into(),
        bytes(far.bytes_sent).into(),
        bytes(far.bytes_received).into(),
        operator(app, snapshot, far).into(),
    ]
}

fn operator(app: &App, snapshot: &Snapshot, far: &SessionEndpoint) -> String {
    let known = snapshot.report.endpoint(far.address).and_then(|endpoint| endpoint.operator.as_ref());
    let organization = known.and_then(|operator| operator.organization.as_deref());
    organization.map(|name| app.look.shown(name)).unwrap_or_default()
}

/// The name and operator of a far end, for a line of their own.
fn below(app: &App, snapshot: &Snapshot, far: &SessionEndpoint) -> Line<'static> {
    let name = best_name(&far.names).map(|name| app.look.shown(name));
    let operator = Some(operator(app, snapshot, far)).filter(|operator| !operator.is_empty());
    let media = (!far.media.is_empty()).then(|| far.media.join(", "));
    let parts: Vec<String> = [name, operator, media].into_iter().flatten().collect();
    Line::styled(format!("     {}", parts.join("  ")), app.look.aside())
}

/// The findings.
pub(super) fn findings(app: &App, snapshot: &Snapshot, area: Rect, buffer: &mut Buffer) {
    let days = has_days(snapshot);
    let listed = OF_FINDINGS.map(|column| dated(column, days));
    let list = List { look: app.look, columns: &listed, selected: Some(app.finding_at()), height: 1 };
    list.draw(area, buffer, app.rows.findings.len(), |place| {
        let finding = snapshot.report.findings.get(*app.rows.findings.get(place)?)?;
        Some((finding_cells(app, snapshot, finding, days), Vec::new()))
    });
}

fn finding_cells(app: &App, snapshot: &Snapshot, finding: &Finding, days: bool) -> Vec<Cell> {
    let look = app.look;
    let time = finding.first_packet.as_ref().map_or_else(String::new, |packet| when(packet.time, days));
    let session = finding.session.as_deref();
    let known = session.and_then(|id| snapshot.report.sessions.iter().find(|call| call.id == id));
    let call = match (session, known) {
        (Some(id), Some(call)) => look.shown(&format!("{id} {}", call.service_name)),
        (Some(id), None) => id.to_owned(),
        (None, _) => "none".to_owned(),
    };
    let place = match finding.country {
        Some(country) => format!("{country} {}", finding.confidence),
        None if finding.confidence == Confidence::Disputed => "disputed".to_owned(),
        None => "not known".to_owned(),
    };
    vec![
        verdict(look, finding.verdict),
        time.into(),
        call.into(),
        finding.endpoint.to_string().into(),
        place.into(),
        finding.role.name().into(),
        finding.contact.name().into(),
        look.shown(finding.rule.as_deref().unwrap_or_default()).into(),
    ]
}

/// A rule across the screen with a title in it.
pub(super) fn title(look: Look, text: &str, area: Rect, buffer: &mut Buffer) {
    let rule = look.symbol("─", "-");
    let text = look.cut(text, usize::from(area.width).saturating_sub(4));
    let rest = usize::from(area.width).saturating_sub(columns(&text) + 4);
    let spans = vec![
        Span::styled(format!("{rule} "), look.aside()),
        Span::styled(text, Look::heading()),
        Span::raw(" "),
        Span::styled(rule.repeat(rest + 1), look.aside()),
    ];
    buffer.set_line(area.x, area.y, &Line::from(spans), area.width);
}

/// Lines of text from one on, in the whole of an area. Those in capitals are headings.
pub(super) fn text(lines: &[String], from: usize, area: Rect, buffer: &mut Buffer) {
    let from = from.min(lines.len().saturating_sub(usize::from(area.height)));
    for (line, y) in lines.iter().skip(from).zip(area.top()..area.bottom()) {
        let is_heading = line.chars().any(char::is_alphabetic)
            && !line.starts_with(' ')
            && !line.chars().any(char::is_lowercase);
        let style = if is_heading { Look::heading() } else { Style::new() };
        buffer.set_stringn(area.x, y, line, area.width.into(), style);
    }
}
