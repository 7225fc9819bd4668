//! The timeline of a call: a row for each far end, with attempts, failures, what stood in, and media by kind.

mod lane;
mod signs;

use super::draw::{self, Tone};
use super::style::Look;
use crate::report::axis::{Axis, WHOLE};
use crate::report::{EventReport, FlowReport, Report, SessionEndpoint, SessionReport};
use lane::{Lane, Strip};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Columns below which far ends have no words beside their rows.
const MIN_COLUMNS: u16 = 24;
/// Columns of those words at most: what a host name of a data centre has.
const MAX_LABEL: u16 = 52;
/// Rows from which there is a row, and from which there may be two, for what signs mean.
const LEGEND_ROWS: u16 = 5;
const TALL_ROWS: u16 = 12;
/// Columns that a clock on the axis takes at least: `|14:02:11` and a blank; with milliseconds.
const CLOCK: u16 = 11;
const CLOCK_MS: u16 = 15;

/// The timeline of one call.
pub struct Timeline<'a> {
    call: Option<&'a SessionReport>,
    flows: &'a [FlowReport],
    look: Look,
    scroll: u16,
}

impl<'a> Timeline<'a> {
    /// Of the call with this name.
    pub fn new(report: &'a Report, session: &'a str, look: Look) -> Self {
        let call = report.sessions.iter().find(|call| call.id == session);
        Self { call, flows: report.flows.as_deref().unwrap_or_default(), look, scroll: 0 }
    }

    /// Leaves out so many far ends at the top; no more than leaves the rest of the area full.
    #[must_use]
    pub fn scroll(self, rows: u16) -> Self {
        Self { scroll: rows, ..self }
    }

    /// How many rows it has in all: one for each far end.
    pub fn rows(&self) -> usize {
        self.call.map_or(0, |call| call.endpoints.len())
    }
}

impl Widget for Timeline<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let area = area.intersection(buffer.area);
        if area.is_empty() {
            return;
        }
        let Some(call) = self.call.filter(|call| !call.endpoints.is_empty()) else {
            let text = if self.call.is_some() { "no far end" } else { "no such call" };
            draw::put(buffer, area, area.x, area.y, text, draw::soft(self.look));
            return;
        };
        let legend = draw::lines(signs::legend(call, self.look), area.width);
        let (lanes, below) = shares(area.height, call.endpoints.len(), legend.len());
        let label = label_columns(call, area.width);
        let drawing = Drawing { call, look: self.look, axis: Axis::of(call), area, label };
        let ends = in_order(call);
        let first = usize::from(self.scroll).min(ends.len().saturating_sub(usize::from(lanes)));
        let shown: Vec<&SessionEndpoint> =
            ends.iter().copied().skip(first).take(usize::from(lanes)).collect();
        drawing.lanes(&shown, &times(self.flows, call, &shown), buffer);
        if area.height > lanes {
            drawing.axis(lanes, (first, shown.len(), ends.len()), buffer);
        }
        for (line, row) in legend.iter().take(usize::from(below)).zip(lanes + 1..) {
            draw::put_line(buffer, area, area.y + row, line);
        }
    }
}

/// How many rows of an area far ends have, and how many the legend has; the axis has the one between.
fn shares(rows: u16, ends: usize, legend: usize) -> (u16, u16) {
    let below = match rows {
        ..LEGEND_ROWS => 0,
        LEGEND_ROWS..TALL_ROWS => 1,
        _ => 2,
    };
    let below = below.min(u16::try_from(legend).unwrap_or(u16::MAX));
    let axis = u16::from(rows > 1);
    let lanes = (rows - axis - below).min(u16::try_from(ends).unwrap_or(u16::MAX));
    (lanes, below)
}

/// The gravest first, then in the order in which they come in.
fn in_order(call: &SessionReport) -> Vec<&SessionEndpoint> {
    let mut ends: Vec<&SessionEndpoint> = call.endpoints.iter().collect();
    ends.sort_by_key(|end| (Reverse(end.verdict), end.first_seen, end.address));
    ends
}

/// Columns for words beside the rows: as many as they need, and no more than two fifths.
fn label_columns(call: &SessionReport, columns: u16) -> u16 {
    if columns < MIN_COLUMNS {
        return 0;
    }
    let most = (columns / 5 * 2).min(MAX_LABEL);
    let needed = call.endpoints.iter().map(|end| draw::width(&lane::name(end)));
    let needed = needed.max().unwrap_or(0).saturating_add(lane::before_name(most));
    needed.min(most)
}

/// From when to when packets went to and from each of `ends`: by flow where the report lists flows, else from the first
/// to the last of all.
fn times<'a>(
    flows: &'a [FlowReport],
    call: &SessionReport,
    ends: &[&'a SessionEndpoint],
) -> BTreeMap<IpAddr, Vec<lane::Stretch>> {
    let mut times: BTreeMap<IpAddr, Vec<lane::Stretch>> =
        ends.iter().map(|end| (end.address, Vec::new())).collect();
    for flow in flows.iter().filter(|flow| flow.session.as_deref() == Some(call.id.as_str())) {
        // A participant who is reached directly may have opened the flow.
        for address in [flow.server.address, flow.client.address] {
            if let Some(of_end) = times.get_mut(&address) {
                of_end.push((flow.start, flow.end));
            }
        }
    }
    for end in ends {
        if let Some(of_end) = times.get_mut(&end.address).filter(|of_end| of_end.is_empty()) {
            of_end.extend(end.first_seen.zip(end.last_seen));
        }
    }
    times
}

struct Drawing<'a> {
    call: &'a SessionReport,
    look: Look,
    axis: Axis,
    area: Rect,
    /// Columns of the words beside the rows.
    label: u16,
}

impl Drawing<'_> {
    /// Where the drawing is beside the words.
    fn plot(&self) -> Rect {
        let left = if self.label == 0 { 0 } else { self.label + 1 };
        Rect { x: self.area.x + left, width: self.area.width.saturating_sub(left), ..self.area }
    }

    /// Far ends from the top down.
    fn lanes(
        &self,
        ends: &[&SessionEndpoint],
        times: &BTreeMap<IpAddr, Vec<lane::Stretch>>,
        buffer: &mut Buffer,
    ) {
        let plot = self.plot();
        let mut events: BTreeMap<IpAddr, Vec<&EventReport>> = BTreeMap::new();
        let shown: BTreeSet<IpAddr> = ends.iter().map(|end| end.address).collect();
        for event in self.call.timeline.iter().filter(|event| shown.contains(&event.endpoint)) {
            events.entry(event.endpoint).or_default().push(event);
        }
        for (end, y) in ends.iter().zip(self.area.y..) {
            let lane = Lane {
                end,
                events: events.get(&end.address).map_or(&[], Vec::as_slice),
                stretches: times.get(&end.address).map_or(&[], Vec::as_slice),
            };
            let label = Rect { y, width: self.label, height: 1, ..self.area };
            lane.label(label, self.look, buffer);
            let strip = Strip::of(&lane, &self.axis, plot.width);
            strip.paint(Rect { y, height: 1, ..plot }, Tone::of(end.verdict, end.contact), self.look, buffer);
        }
        self.failovers(ends, buffer);
    }

    /// From a place that failed down or up to the one that stood in for it.
    fn failovers(&self, ends: &[&SessionEndpoint], buffer: &mut Buffer) {
        let plot = self.plot();
        let row = |address: IpAddr| ends.iter().position(|end| end.address == address);
        for failover in &self.call.failovers {
            let failed = failover.failed.first().and_then(|failed| row(failed.endpoint));
            let Some((from, to)) = failed.zip(row(failover.reached)) else { continue };
            let x = plot.x + column(&self.axis, failover.time, plot.width);
            for between in from.min(to) + 1..from.max(to) {
                let y = self.area.y.saturating_add(u16::try_from(between).unwrap_or(u16::MAX));
                let is_free = buffer.cell((x, y)).is_some_and(|cell| cell.symbol() == " ");
                if is_free {
                    let sign = if self.look.unicode { "┆" } else { ":" };
                    draw::put(buffer, plot, x, y, sign, draw::soft(self.look));
                }
            }
        }
    }

    /// Clocks under the row `lanes`, and which of all far ends are shown.
    fn axis(&self, lanes: u16, (first, shown, all): (usize, usize, usize), buffer: &mut Buffer) {
        let (y, plot) = (self.area.y + lanes, self.plot());
        let style = draw::soft(self.look);
        let told = if shown < all {
            format!("{}-{} of {all}, UTC", first + 1, first + shown)
        } else {
            "UTC".to_owned()
        };
        let label = Rect { width: self.label, ..self.area };
        let told = draw::cut(&told, self.label, self.look);
        let before = self.label.saturating_sub(draw::width(&told));
        draw::put(buffer, label, label.x + before, y, &told, style);
        let mut ticks = self.axis.ticks(u64::from(plot.width / CLOCK));
        if ticks.iter().any(|(_, clock)| clock.contains('.')) {
            ticks = self.axis.ticks(u64::from(plot.width / CLOCK_MS));
        }
        let sign = if self.look.unicode { "╵" } else { "|" };
        let mut free = plot.x;
        for (at, clock) in ticks {
            let x = plot.x + share(at, plot.width);
            let width = draw::width(&clock);
            if x >= free && x + 1 + width <= plot.right() {
                draw::put(buffer, plot, x, y, sign, style);
                free = draw::put(buffer, plot, x + 1, y, &clock, style) + 1;
            } else if x >= free + width && x < plot.right() {
                // At the right edge the clock stands before its tick.
                draw::put(buffer, plot, x - width, y, &clock, style);
                free = draw::put(buffer, plot, x, y, sign, style) + 1;
            }
        }
    }
}

/// The column of a place along the axis.
fn share(place: u64, columns: u16) -> u16 {
    let last = columns.saturating_sub(1);
    u16::try_from(place.min(WHOLE) * u64::from(last) / WHOLE).unwrap_or(last)
}

/// The column of a time.
fn column(axis: &Axis, time: crate::report::Time, columns: u16) -> u16 {
    share(axis.place(time), columns)
}
