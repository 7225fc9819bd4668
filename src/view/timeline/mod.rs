//! The timeline of a call: a row for each far end, with attempts, failures, what stood in, and media by kind.

mod lane;
mod signs;

use super::ink::{self, Tone};
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
/// The same in a narrow area: what an IPv4 address needs.
const MIN_LABEL: u16 = 22;
/// Columns of those words from which verdict and role are told in words.
const IN_WORDS: u16 = 34;
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
            ink::put(buffer, area, area.x, area.y, text, self.look.aside());
            return;
        };
        let legend = ink::lines(signs::legend(call, in_words(area.width), self.look), area.width);
        let (lanes, below) = shares(area.height, call.endpoints.len(), legend.len());
        let label = label_columns(call, area.width, self.look);
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
            ink::put_line(buffer, area, area.y + row, line);
        }
    }
}

/// How many rows of an area far ends have, and how many the legend has; the axis has the one between.
fn shares(rows: u16, ends: usize, legend: usize) -> (u16, u16) {
    let least = match rows {
        ..LEGEND_ROWS => 0,
        LEGEND_ROWS..TALL_ROWS => 1,
        _ => 2,
    };
    let axis = u16::from(rows > 1);
    let ends = u16::try_from(ends).unwrap_or(u16::MAX);
    let spare = rows.saturating_sub(axis).saturating_sub(ends);
    let below = spare.max(least).min(u16::try_from(legend).unwrap_or(u16::MAX));
    let below = below.min(rows.saturating_sub(axis + 1));
    let lanes = (rows - axis - below).min(ends);
    (lanes, below)
}

/// The gravest first, then in the order in which they come in.
fn in_order(call: &SessionReport) -> Vec<&SessionEndpoint> {
    let mut ends: Vec<&SessionEndpoint> = call.endpoints.iter().collect();
    ends.sort_by_key(|end| (Reverse(end.verdict), end.first_seen, end.address));
    ends
}

/// Columns for words beside the rows at most.
fn most_label(columns: u16) -> u16 {
    (columns / 5 * 2).max(MIN_LABEL).min(columns / 2).min(MAX_LABEL)
}

/// Whether verdict and role of a far end are words; else they are signs.
fn in_words(columns: u16) -> bool {
    most_label(columns) >= IN_WORDS
}

/// Columns for words beside the rows: as many as they need, and no more than two fifths.
fn label_columns(call: &SessionReport, columns: u16, look: Look) -> u16 {
    if columns < MIN_COLUMNS {
        return 0;
    }
    let most = most_label(columns);
    let needed = call.endpoints.iter().map(|end| ink::width(&lane::name(end, look)));
    let needed = needed.max().unwrap_or(0).saturating_add(lane::before_name(in_words(columns)));
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
            lane.label(label, in_words(self.area.width), self.look, buffer);
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
                    ink::put(buffer, plot, x, y, sign, self.look.aside());
                }
            }
        }
    }

    /// Clocks under the row `lanes`, and which of all far ends are shown.
    fn axis(&self, lanes: u16, (first, shown, all): (usize, usize, usize), buffer: &mut Buffer) {
        let (y, plot) = (self.area.y + lanes, self.plot());
        let style = self.look.aside();
        let told = if shown < all {
            format!("{}-{} of {all}, UTC", first + 1, first + shown)
        } else {
            "UTC".to_owned()
        };
        let label = Rect { width: self.label, ..self.area };
        let told = self.look.cut(&told, usize::from(self.label));
        let before = self.label.saturating_sub(ink::width(&told));
        ink::put(buffer, label, label.x + before, y, &told, style);
        let mut ticks = self.axis.ticks(u64::from(plot.width / CLOCK));
        if ticks.iter().any(|(_, clock)| clock.contains('.')) {
            ticks = self.axis.ticks(u64::from(plot.width / CLOCK_MS));
        }
        let sign = if self.look.unicode { "╵" } else { "|" };
        let mut free = plot.x;
        for (at, clock) in ticks {
            let x = plot.x + share(at, plot.width);
            let width = ink::width(&clock);
            if x >= free && x + 1 + width <= plot.right() {
                ink::put(buffer, plot, x, y, sign, style);
                free = ink::put(buffer, plot, x + 1, y, &clock, style) + 1;
            } else if x >= free + width && x < plot.right() {
                // At the right edge the clock stands before its tick.
                ink::put(buffer, plot, x - width, y, &clock, style);
                free = ink::put(buffer, plot, x, y, sign, style) + 1;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::ink::testing::{drawn, hostile, instant, of_sample, text};
    use proptest::prelude::*;
    use std::sync::LazyLock;

    static REPORTS: LazyLock<Vec<Report>> = LazyLock::new(|| {
        vec![hostile(), instant(), of_sample("empty.pcap"), of_sample("teams-region.pcapng")]
    });

    const UNICODE: Look = Look { colour: false, unicode: true };

    fn picture(report: &Report, columns: u16, rows: u16, scroll: u16) -> String {
        let area = Rect::new(0, 0, columns, rows);
        text(&drawn(Timeline::new(report, "s1", UNICODE).scroll(scroll), area, area))
    }

    #[test]
    fn attempts_that_fail_and_what_stands_in_are_seen_without_colour() {
        let found = picture(&of_sample("zoom-beijing-keys.pcapng"), 120, 20, 0);
        let row = |name: &str| found.lines().find(|line| line.contains(name)).unwrap().to_owned();
        let (stood_in, failed) = (row("zoombj12mmr"), row("zoomsjc7mmr"));
        assert!(stood_in.starts_with("DENY CN signaling") && stood_in.contains('▶'), "{found}");
        assert_eq!(failed.matches('✕').count(), 4, "{found}");
        assert!(row("zoomsjc24mmr").contains("┣█"), "{found}");
        assert!(found.contains("▶ failover") && found.contains("✕ failed"), "{found}");
    }

    #[test]
    fn nothing_is_drawn_before_the_first_packet_and_behind_the_last() {
        let found = picture(&of_sample("zoom-beijing-keys.pcapng"), 120, 20, 0);
        let row = found.lines().find(|line| line.contains("log.zoom.us")).unwrap();
        let bar: String = row.chars().skip(50).collect();
        assert!(bar.starts_with(' ') && bar.trim().chars().count() < 6, "{found}");
    }

    #[test]
    fn what_is_scrolled_away_is_counted_and_the_last_rows_stay_full() {
        let report = of_sample("zoom-beijing-keys.pcapng");
        let rows = Timeline::new(&report, "s1", UNICODE).rows();
        assert_eq!(rows, 9);
        assert!(picture(&report, 80, 4, 0).contains("1-3 of 9, UTC"));
        assert!(picture(&report, 80, 4, 2).contains("3-5 of 9, UTC"));
        assert!(picture(&report, 80, 4, u16::MAX).contains("7-9 of 9, UTC"));
        assert!(!picture(&report, 80, 30, 5).contains(" of 9"));
    }

    #[test]
    fn clocks_do_not_lie_on_each_other() {
        let report = of_sample("zoom-beijing-keys.pcapng");
        for columns in 40..250 {
            let found = picture(&report, columns, 11, 0);
            let axis = found.lines().find(|line| line.contains("UTC")).unwrap();
            let clocks = axis.split_whitespace().skip(1).map(|clock| clock.trim_matches('╵'));
            for clock in clocks {
                assert!(clock.len() == 8 && clock.matches(':').count() == 2, "{columns}: {axis}");
            }
        }
    }

    #[test]
    fn a_call_that_is_not_there_is_said_to_be_so() {
        let report = of_sample("empty.pcap");
        assert_eq!(Timeline::new(&report, "s1", UNICODE).rows(), 0);
        assert!(picture(&report, 40, 5, 0).contains("no such call"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_area_of_any_report_is_drawn_without_panic_and_nothing_beside_it(
            (x, y, columns, rows) in (0_u16..60, 0_u16..30, 0_u16..270, 0_u16..50),
            report in 0_usize..4, unicode in any::<bool>(), scroll in 0_u16..600,
        ) {
            let look = Look { colour: true, unicode };
            let (area, whole) = (Rect::new(x, y, columns, rows), Rect::new(5, 3, 150, 40));
            let buffer = drawn(Timeline::new(&REPORTS[report], "s1", look).scroll(scroll), area, whole);
            for position in whole.positions().filter(|position| !area.contains(*position)) {
                prop_assert_eq!(buffer[position].symbol(), " ");
            }
            let shown = text(&buffer);
            prop_assert!(unicode || shown.is_ascii(), "{}", shown);
            prop_assert!(!shown.contains(['\u{1b}', '\u{202e}']), "{}", shown);
        }
    }
}
