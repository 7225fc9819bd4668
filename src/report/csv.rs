//! A table of the report as comma-separated values (RFC 4180), for spreadsheets and everything else.
//!
//! Not known is an empty field. The elements of a list are joined by `|`; a `|` or `\` in one has a `\` before it.
//! Times are RFC 3339. What could steer a terminal is written as an escape (`\u{1b}`), as in the table for people.
//!
//! Spreadsheets run a text that begins like a formula, and the names in a capture are whatever its sender likes: such
//! a text gets an apostrophe before it, as OWASP advises, and so does one that begins with an apostrophe, so that
//! whoever takes a leading apostrophe away from every text has what was there.

use super::Report;
use super::tables::{Table, Value};
use super::text::escape;
use std::borrow::Cow;
use std::io::{self, Write};

/// Joins the elements of a list.
const SEPARATOR: char = '|';

/// What begins a formula, also in the full width that East Asian spreadsheets take for the same, and the mark itself.
const FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠', '\''];

/// Writes `table` of the report, with a line of column names.
pub(super) fn write(report: &Report, table: Table, out: &mut (dyn Write + Send)) -> io::Result<()> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(out);
    writer.write_record(table.columns().iter().map(|column| column.name)).map_err(to_io)?;
    table.rows(report, &mut |row| {
        writer.write_record(row.iter().map(|value| field(value).into_owned())).map_err(to_io)
    })?;
    writer.flush()
}

/// The error of the file below, where it is one: a pipe that was closed is to be known as such.
fn to_io(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(cause) => cause,
        other => io::Error::other(format!("{other:?}")),
    }
}

fn field<'a>(value: &'a Value<'_>) -> Cow<'a, str> {
    match value {
        Value::Text(text) => text.as_deref().map_or(Cow::Borrowed(""), safe),
        Value::Count(count) => count.map(|count| count.to_string()).unwrap_or_default().into(),
        Value::Real(real) => real.map(|real| real.to_string()).unwrap_or_default().into(),
        Value::Flag(flag) => flag.map_or("", |flag| if flag { "true" } else { "false" }).into(),
        Value::Time(time) => time.map(|time| time.at.rfc3339(time.precision)).unwrap_or_default().into(),
        Value::Texts(texts) => {
            let joined = join(texts.iter().map(|text| text.as_deref().map(protect).unwrap_or_default()));
            safe(&joined).into_owned().into()
        }
        Value::Counts(counts) => {
            join(counts.iter().map(|count| count.map(|count| count.to_string()).unwrap_or_default())).into()
        }
    }
}

fn join(elements: impl Iterator<Item = String>) -> String {
    let mut joined = String::new();
    for (element, place) in elements.zip(0_usize..) {
        if place > 0 {
            joined.push(SEPARATOR);
        }
        joined.push_str(&element);
    }
    joined
}

/// An element of a list, so that it can be told from the others.
fn protect(text: &str) -> String {
    text.replace('\\', "\\\\").replace(SEPARATOR, "\\|")
}

/// A text that no spreadsheet runs and no terminal obeys.
pub(crate) fn safe(text: &str) -> Cow<'_, str> {
    let mark = if text.starts_with(FORMULA) { "'" } else { "" };
    let escaped = escape(text);
    if mark.is_empty() && escaped == text { Cow::Borrowed(text) } else { format!("{mark}{escaped}").into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(texts: &[&str]) -> String {
        let list = texts.iter().map(|text| Some(Cow::from(*text))).collect();
        field(&Value::Texts(list)).into_owned()
    }

    #[test]
    fn a_formula_is_marked_and_a_number_is_not() {
        for formula in ["=cmd()", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1", "'=1"] {
            assert!(safe(formula).starts_with('\''), "{formula}");
        }
        assert_eq!(safe("zoom.us"), "zoom.us");
        assert_eq!(field(&Value::Real(Some(-0.5))), "-0.5");
    }

    #[test]
    fn elements_can_be_told_from_each_other() {
        assert_eq!(texts(&["a", "b"]), "a|b");
        assert_eq!(texts(&["a|b", "c\\"]), "a\\|b|c\\\\");
        assert_eq!(texts(&["=1", "b"]), "'=1|b");
        assert_eq!(field(&Value::Texts(vec![Some("a".into()), None])), "a|");
    }

    #[test]
    fn not_known_is_empty() {
        for value in [
            Value::Text(None),
            Value::Count(None),
            Value::Time(None),
            Value::Flag(None),
            Value::Texts(vec![]),
        ] {
            assert_eq!(field(&value), "", "{value:?}");
        }
    }

    /// The reader's side of what the documentation says.
    fn split(field: &str) -> Vec<String> {
        let mut elements = vec![String::new()];
        let mut characters = field.chars();
        while let Some(character) = characters.next() {
            match character {
                '\\' => elements.last_mut().unwrap().extend(characters.next()),
                '|' => elements.push(String::new()),
                other => elements.last_mut().unwrap().push(other),
            }
        }
        elements
    }

    proptest! {
        #[test]
        fn a_list_of_printable_texts_reads_back(list in proptest::collection::vec("[ -~]{1,8}", 1..4)) {
            let field = texts(&list.iter().map(String::as_str).collect::<Vec<_>>());
            prop_assert_eq!(split(field.strip_prefix('\'').unwrap_or(&field)), list);
        }

        #[test]
        fn no_text_begins_a_formula_or_steers_a_terminal(text in "[=+@\t\r\n'\u{1b}\u{202e}a-]{0,5}") {
            let field = safe(&text);
            prop_assert!(!field.starts_with(['=', '+', '-', '@', '\t', '\r']));
            prop_assert_eq!(escape(&field), field);
        }
    }
}
