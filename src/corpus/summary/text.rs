//! The tables of a corpus as text and as comma-separated values.

use super::{Found, Sheet};
use crate::report::csv::safe;
use crate::report::text::{counted, escape};
use std::borrow::Cow;
use std::fmt::Write as _;
use std::io;

/// Characters of a line of prose.
const WIDTH: usize = 80;
/// Before every column.
const INDENT: &str = "  ";
/// Characters that are left of a column where a row has no room.
const NARROWEST: usize = 8;
/// Rows of a table that a person still reads; the rest is in the other formats.
const MAX_ROWS: usize = 40;

/// All tables for people, long ones cut short.
pub fn text(found: &Found, sheets: &[Sheet]) -> String {
    let mut text = format!("{}\n", wrapped(&found.line()));
    let made_with = found.made_with().into_iter().filter(|(_, text)| !text.is_empty());
    for (what, with) in made_with {
        let _ = writeln!(text, "{}", wrapped(&format!("{what}: {}", escape(&with))));
    }
    for sheet in sheets {
        let _ = write!(text, "\n{}\n", wrapped(sheet.title));
        if sheet.rows.is_empty() {
            text.push_str("  none\n");
            continue;
        }
        table(&mut text, sheet);
        if let Some(more) = sheet.rows.len().checked_sub(MAX_ROWS).filter(|more| *more > 0) {
            let rows = counted(more, "row");
            let _ = writeln!(text, "  and {rows} more: --format csv --table {}", sheet.name);
        }
    }
    text
}

fn table(text: &mut String, sheet: &Sheet) {
    let rows: Vec<Vec<String>> =
        sheet.rows.iter().take(MAX_ROWS).map(|row| row.iter().map(|cell| escape(cell)).collect()).collect();
    let head: Vec<String> = sheet.columns.iter().map(|column| (*column).to_owned()).collect();
    let mut widths: Vec<usize> = (0..head.len())
        .map(|column| {
            let cells = rows.iter().chain([&head]).filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
        })
        .collect();
    let is_exact = |column: usize| rows.iter().filter_map(|row| row.get(column)).all(|cell| is_exact(cell));
    fit(&mut widths, is_exact);
    let is_number = |cell: &str| cell.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let numbers: Vec<bool> = (0..head.len())
        .map(|column| rows.iter().filter_map(|row| row.get(column)).all(|cell| is_number(cell)))
        .collect();
    for row in [&head].into_iter().chain(&rows) {
        let mut line = String::new();
        for ((cell, width), is_number) in row.iter().zip(&widths).zip(&numbers) {
            let cell = &cut(cell, *width);
            let pad = " ".repeat(width.saturating_sub(cell.chars().count()));
            let (before, after) = if *is_number { (pad.as_str(), "") } else { ("", pad.as_str()) };
            let _ = write!(line, "{INDENT}{before}{cell}{after}");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
}

/// Makes columns narrower, the widest first, until a row fits into a line; not those of numbers and dates.
fn fit(widths: &mut [usize], is_exact: impl Fn(usize) -> bool) {
    while widths.iter().map(|width| width + INDENT.len()).sum::<usize>() > WIDTH {
        let columns = widths.iter_mut().enumerate().filter(|(column, _)| !is_exact(*column));
        match columns.map(|(_, width)| width).max() {
            Some(widest) if *widest > NARROWEST => *widest -= 1,
            _ => return,
        }
    }
}

/// Whether a cell is a number or a date, of which no part stands for the whole.
fn is_exact(cell: &str) -> bool {
    cell.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-'))
}

/// A cell of at most `width` characters, with a mark where it is cut.
fn cut(cell: &str, width: usize) -> Cow<'_, str> {
    if cell.chars().count() <= width {
        return Cow::Borrowed(cell);
    }
    Cow::Owned(cell.chars().take(width.saturating_sub(1)).chain(['…']).collect())
}

fn wrapped(title: &str) -> String {
    let mut text = String::new();
    let mut length = 0;
    for word in title.split(' ') {
        if length > 0 && length + 1 + word.len() > WIDTH {
            text.push('\n');
            length = 0;
        } else if length > 0 {
            text.push(' ');
            length += 1;
        }
        text.push_str(word);
        length += word.len();
    }
    text
}

/// One table as comma-separated values (RFC 4180), safe for spreadsheets.
pub fn csv(sheet: &Sheet) -> io::Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(sheet.columns).map_err(io::Error::other)?;
    for row in &sheet.rows {
        writer.write_record(row.iter().map(|cell| safe(cell).into_owned())).map_err(io::Error::other)?;
    }
    writer.into_inner().map_err(|error| io::Error::other(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(rows: Vec<Vec<String>>) -> Sheet {
        Sheet { name: "s", title: "A title.", columns: &["service", "calls"], rows }
    }

    #[test]
    fn columns_stand_under_their_heads() {
        let rows =
            vec![vec!["zoom".to_owned(), "12".to_owned()], vec!["\u{1b}[2J".to_owned(), "3".to_owned()]];
        let shown = text(&Found::default(), &[sheet(rows)]);
        assert!(shown.contains("  service    calls\n  zoom          12\n"), "{shown}");
        assert!(!shown.contains('\u{1b}'));
    }

    #[test]
    fn a_long_table_says_where_the_rest_is() {
        let rows = (0..50).map(|number| vec!["zoom".to_owned(), number.to_string()]).collect();
        let shown = text(&Found::default(), &[sheet(rows)]);
        assert!(shown.contains("and 10 rows more: --format csv --table s"), "{shown}");
    }

    #[test]
    fn a_row_fits_into_a_line_however_long_its_names_are() {
        let columns = &["day", "client_region", "service", "country", "role", "calls", "of_calls", "share"];
        let long = "a label of eighty characters that somebody has given to a region of the world ".repeat(2);
        let row = ["2020-04-03", &long, "google-meet", "unknown", "signaling", "1234567", "1234567", "100.0"];
        let rows = vec![row.map(ToOwned::to_owned).to_vec()];
        let shown = text(&Found::default(), &[Sheet { name: "s", title: "A title.", columns, rows }]);
        assert!(shown.lines().all(|line| line.chars().count() <= WIDTH), "{shown}");
        assert!(shown.contains('…') && shown.contains("1234567   1234567  100.0"), "{shown}");
    }

    #[test]
    fn a_spreadsheet_runs_nothing() {
        let bytes = csv(&sheet(vec![vec!["=cmd()".to_owned(), "3".to_owned()]])).unwrap();
        assert_eq!(String::from_utf8(bytes).unwrap(), "service,calls\r\n'=cmd(),3\r\n");
    }
}
