//! Stands in for the timeline of a call.

use super::style::Look;
use crate::report::Report;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

/// The timeline of a call.
#[derive(Debug)]
pub struct Timeline<'a> {
    _report: &'a Report,
}

impl<'a> Timeline<'a> {
    /// That of `session`.
    pub fn new(report: &'a Report, _session: &'a str, _look: Look) -> Self {
        Self { _report: report }
    }

    /// Begins `rows` further down.
    #[must_use]
    pub fn scroll(self, _rows: u16) -> Self {
        self
    }

    /// How many rows it has.
    pub fn rows(&self) -> usize {
        1
    }
}

impl Widget for Timeline<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        buffer.set_stringn(area.x, area.y, "timeline", usize::from(area.width), ratatui::style::Style::new());
    }
}
