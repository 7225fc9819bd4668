//! Tables that fit: columns that matter less are left out where there is no room for them.

use super::style::{Look, columns};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

/// A column.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    /// What it is called at its head.
    pub(super) title: &'static str,
    /// The smaller, the longer it stays as room gets scarce; 0 stays always.
    pub(super) rank: u8,
    /// Columns that it has at least.
    pub(super) least: usize,
    /// Columns that are enough for most of what stands in it.
    pub(super) good: usize,
    /// Columns that it has at most.
    pub(super) most: usize,
    /// Whether what stands in it stands at its right.
    pub(super) right: bool,
}

/// What stands in a row and a column: harmless text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) style: Style,
}

impl Cell {
    pub(super) const fn styled(text: String, style: Style) -> Self {
        Self { text, style }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self { text, style: Style::new() }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self { text: text.to_owned(), style: Style::new() }
    }
}

/// How wide each column is in `room`; `None` for those that are left out. `rows` are those that are seen.
///
/// What always stays gets what it has to have, then what is good; then the others come in by rank, as long as they fit;
/// what is left goes to those whose cells are longer.
pub(super) fn widths(columns_of: &[Column], rows: &[Vec<Cell>], room: usize) -> Vec<Option<usize>> {
    let mut order: Vec<usize> = (0..columns_of.len()).collect();
    order.sort_by_key(|place| columns_of.get(*place).map(|column| column.rank));
    let mut fit = Fit { widths: vec![None; columns_of.len()], left: room, is_first: true };
    let wanted = |place: usize, column: &Column| {
        let cells = rows.iter().filter_map(|row| row.get(place)).map(|cell| columns(&cell.text));
        cells.max().unwrap_or(0).max(columns(column.title)).clamp(column.least, column.most)
    };
    let ranked = || order.iter().filter_map(|place| Some((*place, columns_of.get(*place)?)));
    for (place, column) in ranked().filter(|(_, column)| column.rank == 0) {
        fit.add(place, column.least);
    }
    for (place, column) in ranked().filter(|(_, column)| column.rank == 0) {
        fit.widen(place, wanted(place, column).min(column.good));
    }
    for (place, column) in ranked().filter(|(_, column)| column.rank > 0) {
        // What matters even less does not take the room of what matters more.
        if !fit.add(place, column.least) {
            break;
        }
        fit.widen(place, wanted(place, column).min(column.good));
    }
    for (place, column) in ranked() {
        fit.widen(place, wanted(place, column));
    }
    fit.widths
}

/// Widths that are given out.
struct Fit {
    widths: Vec<Option<usize>>,
    left: usize,
    is_first: bool,
}

impl Fit {
    /// Gives a column its first `width`, and one more to part it from the one before. False where there is no room.
    fn add(&mut self, place: usize, width: usize) -> bool {
        let gap = usize::from(!self.is_first);
        let Some(left) = self.left.checked_sub(width + gap) else { return false };
        self.left = left;
        self.is_first = false;
        if let Some(given) = self.widths.get_mut(place) {
            *given = Some(width);
        }
        true
    }

    /// Gives a column that has a width as much more as there is room for, up to `wanted`.
    fn widen(&mut self, place: usize, wanted: usize) {
        if let Some(Some(width)) = self.widths.get_mut(place) {
            let more = wanted.saturating_sub(*width).min(self.left);
            *width += more;
            self.left -= more;
        }
    }
}

/// A row in columns of these widths.
pub(super) fn line(look: Look, of: &[Column], widths: &[Option<usize>], cells: &[Cell]) -> Line<'static> {
    let mut spans: Vec<Span<'static>> = Vec::new();
    for ((column, width), cell) in of.iter().zip(widths).zip(cells) {
        let Some(width) = *width else { continue };
        let text = look.cut(&cell.text, width);
        let blank = " ".repeat(width.saturating_sub(columns(&text)));
        if !spans.is_empty() {
            spans.push(Span::raw(" "));
        }
        let text = if column.right { format!("{blank}{text}") } else { format!("{text}{blank}") };
        spans.push(Span::styled(text, cell.style));
    }
    Line::from(spans)
}

/// The names of the columns.
pub(super) fn head(look: Look, of: &[Column], widths: &[Option<usize>]) -> Line<'static> {
    let cells: Vec<Cell> =
        of.iter().map(|column| Cell::styled(column.title.to_owned(), look.aside())).collect();
    line(look, of, widths, &cells)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn column(title: &'static str, rank: u8, least: usize, most: usize) -> Column {
        Column { title, rank, least, good: least + 1, most, right: false }
    }

    const COLUMNS: [Column; 3] = [column("a", 0, 4, 8), column("b", 2, 4, 4), column("c", 1, 3, 30)];

    #[test]
    fn columns_that_matter_least_go_first() {
        assert_eq!(widths(&COLUMNS, &[], 40), [Some(4), Some(4), Some(3)]);
        assert_eq!(widths(&COLUMNS, &[], 12), [Some(4), None, Some(3)]);
        assert_eq!(widths(&COLUMNS, &[], 7), [Some(4), None, None]);
        assert_eq!(widths(&COLUMNS, &[], 2), [None, None, None]);
    }

    #[test]
    fn what_room_is_left_goes_to_what_matters_most() {
        let row = vec![Cell::from("abcdefghij"), Cell::from("x"), Cell::from("123456")];
        assert_eq!(widths(&COLUMNS, std::slice::from_ref(&row), 13), [Some(8), None, Some(4)]);
        assert_eq!(widths(&COLUMNS, std::slice::from_ref(&row), 7), [Some(7), None, None]);
        let look = Look { colour: false, unicode: true };
        let widths = widths(&COLUMNS, std::slice::from_ref(&row), 13);
        assert_eq!(line(look, &COLUMNS, &widths, &row).to_string(), "abcdefg… 123…");
    }
}
