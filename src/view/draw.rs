//! The picture: what the state looks like on a terminal of a given size.

use super::app::{App, TABS, Tab};
use super::lists::{self, text, title};
use super::style::{Look, columns, wrap};
use super::{Map, Timeline, capture, head, help};
use crate::pipeline::live::Snapshot;
use crate::report::text::number;
use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

/// Rows that are no part of a list that fills the screen.
pub(super) const CHROME: u16 = 6;

/// The smallest terminal on which everything that is essential has room.
const LEAST: (u16, u16) = (40, 10);

/// From so many rows on the head has two.
const TALL: u16 = 16;

/// From so many rows on the list of calls has the far ends below it.
const WITH_SERVERS: u16 = 11;

/// From so many rows on the newest finding stands below them.
const WITH_FINDING: u16 = 15;

/// Lines that it has, where it needs them.
const FINDING_LINES: u16 = 3;

/// Says that there is more of it.
const MORE: &str = " (Enter: all of it)";

/// From so many columns and rows on, map and timeline stand beside the lists.
const LARGE: (u16, u16) = (110, 32);

/// Columns below which tabs have numbers alone.
const WITH_NAMES: u16 = 70;

/// Draws `app`.
pub(super) fn draw(frame: &mut Frame<'_>, app: &App) {
    let area = frame.area();
    let buffer = frame.buffer_mut();
    if area.width < LEAST.0 || area.height < LEAST.1 {
        too_small(area, buffer);
        return;
    }
    let heads = if area.height >= TALL { 2 } else { 1 };
    for (line, y) in head::lines(app, heads, area.width.into()).iter().zip(area.top()..) {
        buffer.set_line(area.x, y, line, area.width);
    }
    buffer.set_line(area.x, area.y + heads, &tabs(app, area.width), area.width);
    let body = Rect { y: area.y + heads + 1, height: area.height - heads - 2, ..area };
    if let Some(scroll) = app.help {
        title(app.look, "Help, ? or Esc ends it", Rect { height: 1, ..body }, buffer);
        text(&help::lines(body.width.into()), scroll, below(body, 1), buffer);
    } else if let Some(detail) = &app.detail {
        let name = format!("{}; Esc goes back", detail.title);
        title(app.look, &name, Rect { height: 1, ..body }, buffer);
        text(&detail.wrapped(body.width.into()), detail.scroll, below(body, 1), buffer);
    } else if let Some(snapshot) = app.snapshot_shown() {
        tab(app, snapshot, body, buffer);
    } else {
        text(
            &wrap("  Waiting for the first look at what comes.", body.width.into()),
            0,
            below(body, 1),
            buffer,
        );
    }
    let foot = Rect { y: area.bottom() - 1, height: 1, ..area };
    buffer.set_line(foot.x, foot.y, &head::foot(app, area.width.into()), foot.width);
}

/// What of `area` is left below its first rows.
fn below(area: Rect, rows: u16) -> Rect {
    let rows = rows.min(area.height);
    Rect { y: area.y + rows, height: area.height - rows, ..area }
}

fn too_small(area: Rect, buffer: &mut Buffer) {
    let told =
        format!("{}x{} is too small: {}x{} at least; q quits", area.width, area.height, LEAST.0, LEAST.1);
    text(&wrap(&told, area.width.into()), 0, area, buffer);
}

fn tabs(app: &App, width: u16) -> Line<'static> {
    let mut spans = Vec::new();
    for ((tab, name), number) in TABS.iter().zip(1..) {
        let is_new = *tab == Tab::Findings && app.unseen > 0;
        let news = match (tab, app.snapshot_shown()) {
            (Tab::Findings, _) if is_new => format!(": {} NEW", app.unseen),
            (Tab::Findings, Some(snapshot)) => format!(": {}", snapshot.report.findings.len()),
            _ => String::new(),
        };
        let label = match (*tab == app.tab, width >= WITH_NAMES) {
            (true, _) => format!("[{number} {name}{news}]"),
            (false, true) => format!(" {number} {name}{news} "),
            (false, false) => format!(" {number}{}", if is_new { "!" } else { "" }),
        };
        let style = if *tab == app.tab {
            Look::heading()
        } else if is_new {
            app.look.warning()
        } else {
            app.look.aside()
        };
        spans.push(Span::styled(label, style));
    }
    Line::from(spans)
}

fn tab(app: &App, snapshot: &Snapshot, area: Rect, buffer: &mut Buffer) {
    match app.tab {
        Tab::Calls => overview(app, snapshot, area, buffer),
        Tab::Servers => {
            let rest = headed(app, &servers_title(app), area, buffer);
            if app.rows.servers.is_empty() {
                text(&wrap(&nothing(app, "server"), rest.width.into()), 0, rest, buffer);
            } else {
                lists::servers(app, snapshot, Some(app.server_at()), rest, buffer);
            }
        }
        Tab::Map => map(app, snapshot, area, buffer),
        Tab::Timeline => timeline(app, snapshot, area, buffer),
        Tab::Findings => findings(app, snapshot, area, buffer),
        Tab::Capture => {
            let rest = headed(app, "Capture", area, buffer);
            text(&capture::lines(app, snapshot, area.width.into()), app.scrolled, rest, buffer);
        }
    }
}

/// Draws a title and gives what is left below it.
fn headed(app: &App, name: &str, area: Rect, buffer: &mut Buffer) -> Rect {
    title(app.look, name, Rect { height: 1, ..area }, buffer);
    below(area, 1)
}

fn overview(app: &App, snapshot: &Snapshot, area: Rect, buffer: &mut Buffer) {
    if app.rows.calls.is_empty() {
        let rest = headed(app, &calls_title(app, snapshot), area, buffer);
        text(&wrap(&nothing(app, "call"), rest.width.into()), 0, rest, buffer);
        return;
    }
    let is_large = area.width >= LARGE.0 && area.height >= LARGE.1;
    let (area, pictures) =
        if is_large { split(area, area.height * 11 / 20) } else { (area, below(area, area.height)) };
    let rows = |count: usize| u16::try_from(count).unwrap_or(u16::MAX).saturating_add(2);
    let (calls, servers) = (rows(app.rows.calls.len()), rows(app.rows.servers.len()));
    let spare = area.height.saturating_sub(calls.saturating_add(servers)).saturating_sub(1);
    let most = usize::from(spare.max(FINDING_LINES));
    let finding =
        if area.height >= WITH_FINDING { newest(app, snapshot, area.width, most) } else { Vec::new() };
    let strip = u16::try_from(finding.len()).unwrap_or(0);
    let (lists, strip) = split(area, area.height.saturating_sub(strip));
    let most = if lists.height >= WITH_SERVERS { lists.height * 2 / 5 } else { lists.height };
    let (calls, servers) = split(lists, calls.clamp(3, most.max(3)));
    let calls = if servers.height < 4 { lists } else { calls };
    lists::calls(app, snapshot, headed(app, &calls_title(app, snapshot), calls, buffer), buffer);
    if servers.height >= 4 {
        let is_cut = app.rows.servers.len() > usize::from(servers.height.saturating_sub(2));
        let more = if is_cut { ", all on tab 2" } else { "" };
        let name = format!("{}{more}", servers_title(app));
        lists::servers(app, snapshot, None, headed(app, &name, servers, buffer), buffer);
    }
    if let Some((name, lines)) = finding.split_first() {
        let rest = headed(app, name, strip, buffer);
        text(lines, 0, rest, buffer);
    }
    if pictures.height > 0 {
        let half = pictures.width / 2;
        map(app, snapshot, Rect { width: half - 1, ..pictures }, buffer);
        let right = Rect { x: pictures.x + half, width: pictures.width - half, ..pictures };
        timeline(app, snapshot, right, buffer);
    }
}

/// The first rows of an area, and the rest.
fn split(area: Rect, rows: u16) -> (Rect, Rect) {
    let rows = rows.min(area.height);
    (Rect { height: rows, ..area }, below(area, rows))
}

/// A title and the sentence of a finding of the selected call, else the first of all, in at most `most` lines.
fn newest(app: &App, snapshot: &Snapshot, width: u16, most: usize) -> Vec<String> {
    let findings = &snapshot.report.findings;
    let of_call = app.call().and_then(|call| call.findings.first()).and_then(|place| findings.get(*place));
    let newest = || app.rows.findings.first().and_then(|place| findings.get(*place));
    let Some(finding) = of_call.or_else(newest) else { return Vec::new() };
    let of = finding.session.as_ref().map_or_else(String::new, |id| format!(" of {id}"));
    let more = findings.len() - 1;
    let more = if more == 0 { String::new() } else { format!(", {} more on tab 5", number(more as u64)) };
    let rule = finding.rule.as_deref().map_or_else(String::new, |rule| format!("{rule}: "));
    let sentence = app.look.shown(&format!("  {rule}{}", finding.reason));
    let lines = wrap(&sentence, width.into());
    let is_long = lines.len() > most;
    let mut shown: Vec<String> = lines.into_iter().take(most).collect();
    if let (true, Some(last)) = (is_long, shown.last_mut()) {
        let room = usize::from(width).saturating_sub(MORE.len());
        *last = app.look.cut(&format!("{last} {}", app.look.symbol("…", "...")), room) + MORE;
    }
    shown.insert(0, format!("Finding{of}{more}"));
    shown
}

fn calls_title(app: &App, snapshot: &Snapshot) -> String {
    let all = snapshot.report.sessions.len();
    let count =
        if app.filter.is_empty() { format!("{all}") } else { format!("{} of {all}", app.rows.calls.len()) };
    format!("Calls: {count}, by {}", app.orders.calls.words())
}

fn servers_title(app: &App) -> String {
    let count = app.rows.servers.len();
    let all = app.call().filter(|_| !app.all && !app.filter.is_empty()).map(|call| call.endpoints.len());
    let count = all.map_or_else(|| count.to_string(), |all| format!("{count} of {all}"));
    let order = app.orders.servers.words();
    match app.call() {
        _ if app.all => format!("Far ends of all calls: {count}, by {order}"),
        Some(call) => {
            let service = app.look.shown(&call.service_name);
            format!("Far ends of {} {service}, {}: {count}, by {order}", call.id, call.client)
        }
        None => "Far ends".to_owned(),
    }
}

/// Why a list is empty.
fn nothing(app: &App, what: &str) -> String {
    match (app.filter.is_empty(), app.origin.live) {
        (false, _) => {
            format!(
                "  No {what} has all words of the filter \"{}\". Esc ends it.",
                app.look.shown(&app.filter)
            )
        }
        (true, true) => format!("  No {what} yet. The capture goes on; tab 6 tells how."),
        (true, false) => format!("  No {what} in what was read; tab 6 tells what that was."),
    }
}

fn map(app: &App, snapshot: &Snapshot, area: Rect, buffer: &mut Buffer) {
    let selected = app.call().filter(|_| !app.all);
    let name = match selected {
        Some(call) => format!("Map of {} {}; a: all calls", call.id, app.look.shown(&call.service_name)),
        None => "Map of all calls; a: the selected call".to_owned(),
    };
    let rest = headed(app, &name, area, buffer);
    Map::new(&snapshot.report, app.look).selected(selected.map(|call| call.id.as_str())).render(rest, buffer);
}

fn timeline(app: &App, snapshot: &Snapshot, area: Rect, buffer: &mut Buffer) {
    let Some(call) = app.call() else {
        let rest = headed(app, "Timeline", area, buffer);
        text(&wrap(&nothing(app, "call"), rest.width.into()), 0, rest, buffer);
        return;
    };
    let name =
        format!("Timeline of {} {}; left, right: other calls", call.id, app.look.shown(&call.service_name));
    let rest = headed(app, &name, area, buffer);
    let scroll = if app.tab == Tab::Timeline { u16::try_from(app.scrolled).unwrap_or(u16::MAX) } else { 0 };
    Timeline::new(&snapshot.report, &call.id, app.look).scroll(scroll).render(rest, buffer);
}

fn findings(app: &App, snapshot: &Snapshot, area: Rect, buffer: &mut Buffer) {
    let (count, all) = (app.rows.findings.len(), snapshot.report.findings.len());
    let count = if app.filter.is_empty() { format!("{all}") } else { format!("{count} of {all}") };
    let name = format!("Findings: {count}, by {}", app.orders.findings.words());
    let Some(finding) = app.finding() else {
        let rest = headed(app, &name, area, buffer);
        text(&wrap(&nothing(app, "finding"), rest.width.into()), 0, rest, buffer);
        return;
    };
    let rule = finding.rule.as_deref().map_or_else(String::new, |rule| format!("{rule}: "));
    let sentence = wrap(&app.look.shown(&format!("  {rule}{}", finding.reason)), area.width.into());
    let wanted = u16::try_from(sentence.len() + 1).unwrap_or(u16::MAX);
    let (list, strip) = split(area, area.height - wanted.min(area.height / 2));
    lists::findings(app, snapshot, headed(app, &name, list, buffer), buffer);
    let told = headed(app, &format!("On {}; Enter: all about it", finding.endpoint), strip, buffer);
    text(&sentence, 0, told, buffer);
}

/// Spans beside each other, as many as fit, two columns apart.
pub(super) fn beside(look: Look, parts: Vec<Span<'static>>, room: usize) -> Line<'static> {
    let mut spans: Vec<Span<'static>> = Vec::new();
    let mut left = room;
    for part in parts.into_iter().filter(|part| !part.content.is_empty()) {
        let gap = if spans.is_empty() { 0 } else { 2 };
        let Some(rest) = left.checked_sub(gap).filter(|rest| *rest > 0) else { break };
        let shown = look.cut(&part.content, rest);
        left = rest - columns(&shown);
        if gap > 0 {
            spans.push(Span::raw("  "));
        }
        spans.push(Span::styled(shown, part.style));
    }
    Line::from(spans)
}
