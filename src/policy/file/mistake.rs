//! What is wrong with a policy file, where, and what would be right.

use std::fmt::{self, Write as _};
use std::ops::Range;

/// Mistakes told of one file; the rest is counted. Who has made more than that starts with those.
const MAX_MISTAKES: usize = 20;
/// Mistakes for which it is looked for what was meant, which takes a while where there is much to choose from.
const MAX_CURED: usize = 1000;
/// Characters shown of a line.
const MAX_SHOWN: usize = 100;
/// Characters shown before the mistake, of a line that is longer.
const MAX_BEFORE: usize = 60;

/// A policy file cannot be used, or can and says something that it hardly means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyMistakes {
    /// The file, as given.
    pub file: String,
    /// What is wrong, in the order of the file.
    pub mistakes: Vec<Mistake>,
    /// How many more there are.
    pub more: usize,
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Line of the file, from 1.
    pub line: usize,
    /// Column, in characters from 1.
    pub column: usize,
    /// What is wrong and, where there is one, the cure.
    pub message: String,
    /// The line, with what could steer a terminal escaped.
    pub shown: String,
    /// Characters of `shown` before the mistake.
    pub before: usize,
    /// Characters of `shown` that are the mistake.
    pub width: usize,
}

impl std::error::Error for PolicyMistakes {}

impl fmt::Display for PolicyMistakes {
    /// Each mistake as `FILE:LINE:COLUMN: MESSAGE`, with the line and a caret below it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = plain(&self.file);
        for (place, mistake) in self.mistakes.iter().enumerate() {
            if place > 0 {
                f.write_char('\n')?;
            }
            let Mistake { line, column, message, shown, before, width } = mistake;
            write!(f, "{file}:{line}:{column}: {}", plain(message))?;
            let margin = line.to_string().len().max(4);
            write!(
                f,
                "\n{line:>margin$} | {shown}\n{:margin$} | {:before$}{}",
                "",
                "",
                "^".repeat((*width).max(1))
            )?;
        }
        if self.more > 0 {
            write!(f, "\n{file}: and {} more", self.more)?;
        }
        Ok(())
    }
}

/// Gathers mistakes while a file is read.
#[derive(Debug)]
pub(super) struct Mistakes<'a> {
    text: &'a str,
    /// First byte, the byte after the last, and the message.
    found: Vec<(usize, usize, String)>,
}

impl<'a> Mistakes<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { text, found: Vec::new() }
    }

    /// Notes what is wrong with these bytes of the file.
    pub(super) fn add(&mut self, span: Range<usize>, message: impl Into<String>) {
        self.found.push((span.start, span.end, message.into()));
    }

    /// Whether so much is wrong that it is no use to look for what was meant.
    pub(super) const fn is_full(&self) -> bool {
        self.found.len() >= MAX_CURED
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// The line, from 1, of a byte of the file.
    pub(super) fn line(&self, place: usize) -> usize {
        self.text.bytes().take(place).filter(|byte| *byte == b'\n').count() + 1
    }

    /// What was found, in the order of the file.
    pub(super) fn finish(mut self, file: &str) -> PolicyMistakes {
        self.found.sort();
        self.found.dedup();
        let more = self.found.len().saturating_sub(MAX_MISTAKES);
        self.found.truncate(MAX_MISTAKES);
        let lines = Lines::of(self.text);
        let mistakes =
            self.found.into_iter().map(|(start, end, message)| lines.mistake(start..end, message)).collect();
        PolicyMistakes { file: file.to_owned(), mistakes, more }
    }
}

/// Where lines begin.
struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Self {
        let after = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(place, _)| place + 1);
        Self { text, starts: std::iter::once(0).chain(after).collect() }
    }

    fn mistake(&self, span: Range<usize>, message: String) -> Mistake {
        let place = span.start.min(self.text.len());
        let line = self.starts.partition_point(|start| *start <= place).max(1);
        let start = self.starts.get(line - 1).copied().unwrap_or_default();
        let end = self.starts.get(line).map_or(self.text.len(), |next| next - 1);
        let whole = self.text.get(start..end).unwrap_or_default().trim_end_matches('\r');
        let in_line = |place: usize| {
            let bytes = place.saturating_sub(start);
            whole.char_indices().take_while(|(at, _)| *at < bytes).count()
        };
        let (from, to) = (in_line(place), in_line(span.end.max(place)));
        let skipped = if whole.chars().count() > MAX_SHOWN { from.saturating_sub(MAX_BEFORE) } else { 0 };
        let mut shown = String::new();
        let (mut before, mut width) = (0, 0);
        for (at, character) in whole.chars().enumerate().skip(skipped).take(MAX_SHOWN) {
            let written = plain_character(character);
            let columns = written.chars().count();
            if at < from {
                before += columns;
            } else if at < to {
                width += columns;
            }
            shown.push_str(&written);
        }
        Mistake { line, column: from + 1, message, shown, before, width }
    }
}

/// `text` without anything that could steer a terminal.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(plain_character).collect()
}

fn plain_character(character: char) -> String {
    if matches!(character, '"' | '\'' | '\\') {
        return character.to_string();
    }
    if character == '\t' {
        return " ".to_owned();
    }
    character.escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, span: Range<usize>) -> String {
        let mut mistakes = Mistakes::new(text);
        mistakes.add(span, "wrong");
        mistakes.finish("a.toml").to_string()
    }

    #[test]
    fn a_mistake_points_at_its_line_and_column() {
        assert_eq!(shown("a = 1\nbc = 2\n", 6..8), "a.toml:2:1: wrong\n   2 | bc = 2\n     | ^^");
        assert_eq!(shown("\u{fc} = 1\r\n", 5..6), "a.toml:1:5: wrong\n   1 | \u{fc} = 1\n     |     ^");
        assert_eq!(shown("", 0..0), "a.toml:1:1: wrong\n   1 | \n     | ^");
        assert_eq!(shown("a\n", 2..2), "a.toml:2:1: wrong\n   2 | \n     | ^");
        assert_eq!(shown("a", 7..9), "a.toml:1:2: wrong\n   1 | a\n     |  ^");
    }

    #[test]
    fn what_could_steer_a_terminal_is_escaped_and_the_caret_stays_below_its_mistake() {
        assert_eq!(
            shown("\u{1b}[31m = 1\t# \u{202e}", 10..11),
            "a.toml:1:11: wrong\n   1 | \\u{1b}[31m = 1 # \\u{202e}\n     |                ^"
        );
    }

    #[test]
    fn a_long_line_is_shown_around_the_mistake() {
        let text = format!("{}x{}", "a".repeat(5000), "b".repeat(5000));
        let found = shown(&text, 5000..5001);
        let lines: Vec<&str> = found.lines().collect();
        assert_eq!(lines[0], "a.toml:1:5001: wrong");
        assert!(lines[1].len() < 120 && lines[1].contains("ax"), "{found}");
        assert_eq!(lines[1].find('x'), lines[2].find('^'), "{found}");
    }

    #[test]
    fn many_mistakes_are_counted() {
        let mut mistakes = Mistakes::new("a");
        (0..25).for_each(|number| mistakes.add(0..1, format!("wrong {number:02}")));
        let found = mistakes.finish("a.toml");
        assert_eq!((found.mistakes.len(), found.more), (20, 5));
        assert!(found.to_string().ends_with("a.toml: and 5 more"), "{found}");
    }
}
