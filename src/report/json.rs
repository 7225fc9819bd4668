//! The report as one JSON object.

use super::Report;
use super::text::is_plain;
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};
use std::io::{self, Write};

/// Writes the report, indented, with a line feed at the end.
pub(super) fn write(report: &Report, out: &mut (dyn Write + Send)) -> io::Result<()> {
    pretty(report, out)?;
    out.write_all(b"\n")
}

/// Writes a value of the model, indented.
pub(super) fn pretty<T: Serialize>(value: &T, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
    let formatter = Safe(PrettyFormatter::default());
    Ok(value.serialize(&mut Serializer::with_formatter(&mut *out, formatter))?)
}

/// Writes `value` on a line of its own.
pub(super) fn write_line(value: &impl Serialize, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
    compact(value, out)?;
    out.write_all(b"\n")
}

/// `value` as JSON in one line, without a line feed, as safe as a report.
pub fn line(value: &impl Serialize) -> String {
    let mut bytes = Vec::new();
    // What is told has a JSON form and every key is a string, so that writing into memory cannot fail.
    let _ = compact(value, &mut bytes);
    String::from_utf8(bytes).unwrap_or_default()
}

fn compact(value: &impl Serialize, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
    Ok(value.serialize(&mut Serializer::with_formatter(&mut *out, Safe(CompactFormatter)))?)
}

/// Writes what could steer a terminal or turn the direction of writing as an escape, which every
/// reader of JSON takes for the same string (RFC 8259 section 7). `serde_json` does so below U+0020 only.
struct Safe<F>(F);

impl<F: Formatter> Formatter for Safe<F> {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        if fragment.bytes().fold(true, |plain, byte| plain & matches!(byte, b' '..=b'~')) {
            return writer.write_all(fragment.as_bytes());
        }
        let mut rest = fragment;
        while let Some((place, character)) = rest.char_indices().find(|(_, character)| !is_plain(*character))
        {
            let (before, after) = rest.split_at(place);
            writer.write_all(before.as_bytes())?;
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = after.strip_prefix(character).unwrap_or_default();
        }
        writer.write_all(rest.as_bytes())
    }

    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_string_steers_a_terminal_and_each_reads_back_as_it_was() {
        let value = serde_json::json!({
            "csi \u{9b}31m": ["\u{1b}[31m", "\u{7f}", "\u{202e}gpj.exe", "\u{e0041}", "a\"\\\n", "zoom.us/ü", ""],
        });
        let mut bytes = Vec::new();
        value
            .serialize(&mut Serializer::with_formatter(&mut bytes, Safe(PrettyFormatter::default())))
            .unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.chars().all(|character| is_plain(character) || character == '\n'), "{text}");
        assert!(text.contains(r#""\u202egpj.exe""#) && text.contains("zoom.us/ü"), "{text}");
        assert!(text.contains(r#""\udb40\udc41""#), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
        let line = line(&value);
        assert!(line.chars().all(is_plain), "{line}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&line).unwrap(), value);
        assert_eq!(text.lines().count(), serde_json::to_string_pretty(&value).unwrap().lines().count());
    }
}
