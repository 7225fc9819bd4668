//! Stands in for the map of the world.

use super::style::Look;
use crate::report::Report;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

/// The map of the world.
#[derive(Debug)]
pub struct Map<'a> {
    _report: &'a Report,
}

impl<'a> Map<'a> {
    /// The places of all calls.
    pub fn new(report: &'a Report, _look: Look) -> Self {
        Self { _report: report }
    }

    /// Only those of one call.
    #[must_use]
    pub fn selected(self, _session: Option<&'a str>) -> Self {
        self
    }
}

impl Widget for Map<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        buffer.set_stringn(area.x, area.y, "map", usize::from(area.width), ratatui::style::Style::new());
    }
}
