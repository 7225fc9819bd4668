//! The row of one far end.

use super::signs::{self, Event, Kinds};
use super::{column, share};
use crate::report::axis::Axis;
use crate::report::{EventReport, SessionEndpoint, Time, words};
use crate::view::ink::{self, Tone};
use crate::view::style::Look;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

/// From when to when packets went to and fro.
pub(super) type Stretch = (Time, Time);

/// Columns of a role: those of `signaling`.
const ROLE: u16 = 9;

/// A far end and what happened with it.
pub(super) struct Lane<'a> {
    pub(super) end: &'a SessionEndpoint,
    pub(super) events: &'a [&'a EventReport],
    pub(super) stretches: &'a [Stretch],
}

/// The sign of a verdict where there is no room for its word.
pub(super) const fn mark(tone: Tone, look: Look) -> char {
    match (tone, look.unicode) {
        (Tone::Denied, true) => '✖',
        (Tone::Denied, false) => '!',
        (Tone::Open, _) => '?',
        (Tone::Allowed, _) => ' ',
        (Tone::Silent, _) => '-',
    }
}

/// The name or address of a far end.
pub(super) fn name(end: &SessionEndpoint, look: Look) -> String {
    words::best_name(&end.names).map_or_else(|| end.address.to_string(), |name| look.shown(name))
}

/// Columns before the name: the verdict, the place, the role, and a blank behind each.
pub(super) const fn before_name(in_words: bool) -> u16 {
    if in_words { 5 + 3 + ROLE + 1 } else { 2 + 3 + 2 }
}

/// `CN`, or what stands for a place that is not known.
fn place(end: &SessionEndpoint) -> String {
    match (words::off_map(end), end.country) {
        (None, Some(country)) => country.to_string(),
        (Some("place disputed"), _) => "?!".to_owned(),
        (Some("place unknown"), _) | (None, None) => "??".to_owned(),
        (Some(_), _) => "--".to_owned(),
    }
}

impl Lane<'_> {
    /// The words beside the row.
    pub(super) fn label(&self, area: Rect, in_words: bool, look: Look, buffer: &mut Buffer) {
        let tone = Tone::of(self.end.verdict, self.end.contact);
        let role = words::first_role(&self.end.roles);
        let (mark, role) = if in_words {
            (format!("{:>4}", tone.word()), format!("{:<9}", role.name()))
        } else {
            (mark(tone, look).to_string(), ink::sign(role, look).to_string())
        };
        let emphasis = if tone == Tone::Denied { Modifier::REVERSED } else { Modifier::empty() };
        let mut x = area.x;
        for (text, style) in [
            (mark, tone.style(look).add_modifier(emphasis)),
            (place(self.end), tone.style(look)),
            (role, Style::new()),
        ] {
            x = ink::put(buffer, area, x, area.y, &text, style).saturating_add(1);
        }
        let name = look.cut(&name(self.end, look), usize::from(area.right().saturating_sub(x)));
        ink::put(buffer, area, x, area.y, &name, Style::new());
    }
}

/// What a row shows column by column.
pub(super) struct Strip {
    cells: Vec<Cell>,
}

#[derive(Clone, Copy, Default)]
struct Cell {
    packets: bool,
    kinds: Kinds,
    event: Option<Event>,
}

impl Strip {
    pub(super) fn of(lane: &Lane<'_>, axis: &Axis, columns: u16) -> Self {
        let mut strip = Self { cells: vec![Cell::default(); usize::from(columns)] };
        for &(start, end) in lane.stretches {
            strip.each(axis, start, end, |cell| cell.packets = true);
        }
        for span in &lane.end.media_spans {
            strip.each(axis, span.start, span.end, |cell| cell.kinds.add(span.kind));
        }
        for event in lane.events {
            let at = usize::from(column(axis, event.time, columns));
            if let Some(cell) = strip.cells.get_mut(at) {
                cell.event = cell.event.max(Event::of(event.event));
            }
        }
        strip
    }

    /// The columns from one time to another; a call of a single packet has one.
    fn each(&mut self, axis: &Axis, start: Time, end: Time, change: impl FnMut(&mut Cell)) {
        let columns = u16::try_from(self.cells.len()).unwrap_or(u16::MAX);
        let (first, last) = (share(axis.place(start), columns), share(axis.place(end), columns));
        if let Some(cells) = self.cells.get_mut(usize::from(first)..=usize::from(last)) {
            cells.iter_mut().for_each(change);
        }
    }

    pub(super) fn paint(&self, area: Rect, tone: Tone, look: Look, buffer: &mut Buffer) {
        for (cell, x) in self.cells.iter().zip(area.x..) {
            let (sign, style) = match (cell.event, cell.kinds.sign(look)) {
                (Some(event), _) => (event.sign(look), event.style(look)),
                (None, Some(media)) => (media, tone.style(look)),
                (None, None) if cell.packets => (signs::packets(look), tone.style(look)),
                (None, None) => (' ', Style::new()),
            };
            let mut letter = [0; 4];
            ink::put(buffer, area, x, area.y, sign.encode_utf8(&mut letter), style);
        }
    }
}
