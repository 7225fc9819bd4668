//! How this terminal is drawn on: what it can show, and how what comes off the wire is written on it.

use crate::policy::Verdict;
use crate::report::text::escape;
use ratatui::style::{Color, Modifier, Style};
use std::fmt::Write as _;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// How this terminal is drawn on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Whether there is colour. Words and symbols carry every meaning that it has.
    pub colour: bool,
    /// Whether characters beyond ASCII show.
    pub unicode: bool,
}

impl Look {
    /// How a terminal is drawn on that has `colour`, in the locale that `variable` tells: the first of `LC_ALL`,
    /// `LC_CTYPE` and `LANG` that is set decides (POSIX.1-2017, 8.2).
    pub fn new(colour: bool, variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &&str| variable(name).filter(|value| !value.is_empty());
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(set).unwrap_or_default();
        let locale = locale.to_ascii_lowercase();
        Self { colour, unicode: locale.contains("utf-8") || locale.contains("utf8") }
    }

    /// `text` so that the terminal shows each character in as many columns as are counted for it, and does nothing else.
    pub(super) fn shown(self, text: &str) -> String {
        let mut shown = String::with_capacity(text.len());
        for character in escape(text).chars() {
            // Marks that stand on another character take no column of their own, and terminals differ in what they do.
            let fits = character.width().is_some_and(|width| width > 0);
            if fits && (self.unicode || character.is_ascii()) {
                shown.push(character);
            } else {
                let _ = write!(shown, "\\u{{{:x}}}", u32::from(character));
            }
        }
        shown
    }

    /// `unicode` where the terminal shows it, else `ascii`.
    pub(super) const fn symbol(self, unicode: &'static str, ascii: &'static str) -> &'static str {
        if self.unicode { unicode } else { ascii }
    }

    /// `text`, which is harmless, in at most `room` columns; a mark tells where something was cut off.
    pub(super) fn cut(self, text: &str, room: usize) -> String {
        if text.width() <= room {
            return text.to_owned();
        }
        let mut cut = String::new();
        let mut left = room.saturating_sub(1);
        for character in text.chars() {
            let Some(rest) = left.checked_sub(character.width().unwrap_or(0)) else { break };
            left = rest;
            cut.push(character);
        }
        if room > 0 {
            cut.push_str(self.symbol("…", "~"));
        }
        cut
    }

    /// A style that stands out by colour, and by `modifier` where there is none.
    fn coloured(self, colour: Color, modifier: Modifier) -> Style {
        let style = Style::new().add_modifier(modifier);
        if self.colour { style.fg(colour) } else { style }
    }

    /// How the word for a verdict looks.
    pub(super) fn verdict(self, verdict: Verdict) -> Style {
        match verdict {
            Verdict::Allow => self.coloured(Color::Green, Modifier::empty()),
            Verdict::Deny => self.coloured(Color::Red, Modifier::BOLD),
            Verdict::Indeterminate => self.coloured(Color::Yellow, Modifier::BOLD),
        }
    }

    /// How something looks that a person should notice.
    pub(super) fn warning(self) -> Style {
        self.coloured(Color::Yellow, Modifier::BOLD)
    }

    /// How what matters less looks.
    pub(super) fn aside(self) -> Style {
        if self.colour { Style::new().fg(Color::Gray).add_modifier(Modifier::DIM) } else { Style::new() }
    }

    /// How the selected row looks; a mark stands before it too.
    pub(super) fn selected() -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// How headings look.
    pub(super) fn heading() -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }
}

/// Columns that `text` takes.
pub(super) fn columns(text: &str) -> usize {
    text.width()
}

/// `text`, which is harmless, broken at spaces into lines of at most `room` columns; each begins as far in as the first
/// did. A word that is longer than a line is broken anywhere.
pub(super) fn wrap(text: &str, room: usize) -> Vec<String> {
    let room = room.max(1);
    let indent = text.len() - text.trim_start_matches(' ').len();
    let indent = if indent * 2 > room { 0 } else { indent };
    let mut lines = Vec::new();
    let mut line = " ".repeat(indent);
    let mut taken = indent;
    for word in text.trim_start_matches(' ').split(' ') {
        let width = word.width();
        if taken > indent && taken + 1 + width > room {
            lines.push(std::mem::replace(&mut line, " ".repeat(indent)));
            taken = indent;
        } else if taken > indent {
            line.push(' ');
            taken += 1;
        }
        for character in word.chars() {
            let width = character.width().unwrap_or(0);
            if taken + width > room && taken > indent {
                lines.push(std::mem::replace(&mut line, " ".repeat(indent)));
                taken = indent;
            }
            line.push(character);
            taken += width;
        }
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(set: &[(&str, &str)]) -> Look {
        Look::new(false, |name| {
            set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_first_variable_that_is_set_tells_the_locale() {
        assert!(look(&[("LANG", "de_DE.UTF-8")]).unicode);
        assert!(look(&[("LC_ALL", ""), ("LC_CTYPE", "C.utf8"), ("LANG", "C")]).unicode);
        assert!(!look(&[("LC_ALL", "C"), ("LANG", "de_DE.UTF-8")]).unicode);
        assert!(!look(&[]).unicode);
    }

    #[test]
    fn what_could_steer_the_terminal_or_has_no_width_is_escaped() {
        let utf8 = Look { colour: false, unicode: true };
        assert_eq!(utf8.shown("a\u{1b}[2J\u{202e}\u{301}ü世"), "a\\u{1b}[2J\\u{202e}\\u{301}ü世");
        let ascii = Look { colour: false, unicode: false };
        assert_eq!(ascii.shown("ü世"), "\\u{fc}\\u{4e16}");
    }

    #[test]
    fn what_does_not_fit_is_cut_and_marked_wide_characters_included() {
        let look = Look { colour: false, unicode: true };
        assert_eq!(look.cut("zoom.us", 7), "zoom.us");
        assert_eq!(look.cut("zoom.us", 6), "zoom.…");
        assert_eq!(look.cut("世界地図", 6), "世界…");
        assert_eq!(look.cut("世界", 1), "…");
        assert_eq!(look.cut("世界", 0), "");
    }

    #[test]
    fn long_lines_are_broken_at_spaces_and_stay_indented() {
        assert_eq!(wrap("  one two three", 9), ["  one two", "  three"]);
        assert_eq!(wrap("abcdefgh i", 4), ["abcd", "efgh", "i"]);
        assert_eq!(wrap("", 4), [""]);
        assert_eq!(wrap("世界世界", 5), ["世界", "世界"]);
    }
}
