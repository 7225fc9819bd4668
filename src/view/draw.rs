//! Signs, colours and text that several parts of the view draw with.

use super::style::Look;
use crate::identify::{Contact, Role};
use crate::policy::Verdict;
use crate::report::text::escape;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Span;
use std::fmt::Write as _;

/// How a server stands to the policy, the gravest last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tone {
    /// It never answered, so that there is nothing to allow.
    Silent,
    /// Allowed.
    Allowed,
    /// A fact that is needed is missing.
    Open,
    /// Denied.
    Denied,
}

impl Tone {
    pub(super) fn of(verdict: Verdict, contact: Contact) -> Self {
        match verdict {
            Verdict::Deny => Self::Denied,
            Verdict::Indeterminate => Self::Open,
            Verdict::Allow if contact < Contact::Answered => Self::Silent,
            Verdict::Allow => Self::Allowed,
        }
    }

    /// The word before what it is about.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Silent => "-",
            Self::Allowed => "ok",
            Self::Open => "?",
            Self::Denied => "DENY",
        }
    }

    pub(super) fn style(self, look: Look) -> Style {
        let colour = match self {
            Self::Silent => Color::DarkGray,
            Self::Allowed => Color::Green,
            Self::Open => Color::Yellow,
            Self::Denied => Color::Red,
        };
        let style = coloured(colour, look);
        if self == Self::Denied { style.add_modifier(Modifier::BOLD) } else { style }
    }
}

/// A style with a colour where there is any.
pub(super) fn coloured(colour: Color, look: Look) -> Style {
    if look.colour { Style::new().fg(colour) } else { Style::new() }
}

/// What matters less than the rest.
pub(super) fn soft(look: Look) -> Style {
    if look.colour { Style::new().fg(Color::DarkGray) } else { Style::new().add_modifier(Modifier::DIM) }
}

/// The sign of a role.
pub(super) const fn sign(role: Role, look: Look) -> char {
    let (sign, letter) = match role {
        Role::Media => ('●', 'M'),
        Role::Relay => ('◆', 'R'),
        Role::Peer => ('▲', 'P'),
        Role::Signaling => ('■', 'S'),
        Role::Probe => ('+', 'B'),
        Role::Web => ('○', 'W'),
        Role::Telemetry => ('≡', 'T'),
        Role::Unknown => ('×', 'U'),
    };
    if look.unicode { sign } else { letter }
}

/// Text off the wire as this terminal can show it and is not steered by it.
pub(super) fn plain(text: &str, look: Look) -> String {
    let escaped = escape(text);
    if look.unicode || escaped.is_ascii() {
        return escaped;
    }
    let mut ascii = String::with_capacity(escaped.len());
    for character in escaped.chars() {
        if character.is_ascii() {
            ascii.push(character);
        } else {
            let _ = write!(ascii, "\\u{{{:x}}}", u32::from(character));
        }
    }
    ascii
}

/// Columns that `text` takes.
pub(super) fn width(text: &str) -> u16 {
    u16::try_from(Span::raw(text).width()).unwrap_or(u16::MAX)
}

/// As much of `text` as `columns` hold, with a sign where something is left out.
pub(super) fn cut(text: &str, columns: u16, look: Look) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let sign = if look.unicode { '…' } else { '~' };
    let mut cut = String::new();
    let mut taken = 1;
    for character in text.chars() {
        let mut letter = [0; 4];
        taken += width(character.encode_utf8(&mut letter));
        if taken > columns {
            break;
        }
        cut.push(character);
    }
    if columns > 0 {
        cut.push(sign);
    }
    cut
}

/// Writes as much of `text` as fits between `x` and the right edge of `area`; the column behind it.
pub(super) fn put(buffer: &mut Buffer, area: Rect, x: u16, y: u16, text: &str, style: Style) -> u16 {
    let area = area.intersection(buffer.area);
    if !area.contains(Position { x, y }) {
        return x;
    }
    buffer.set_stringn(x, y, text, usize::from(area.right() - x), style).0
}

/// Parts of a line that stay together, each with its style.
pub(super) type Piece = Vec<(String, Style)>;

/// Columns of a piece.
pub(super) fn piece_width(piece: &Piece) -> u16 {
    piece.iter().fold(0, |sum, (text, _)| sum.saturating_add(width(text)))
}

/// Pieces from left to right, two columns apart, on as many lines of `columns` as they need. A piece that is wider than
/// a line has one of its own.
pub(super) fn lines(pieces: impl IntoIterator<Item = Piece>, columns: u16) -> Vec<Vec<Piece>> {
    const GAP: u16 = 2;
    let mut lines: Vec<Vec<Piece>> = Vec::new();
    let mut used = 0_u16;
    for piece in pieces {
        let width = piece_width(&piece);
        let behind = used.saturating_add(GAP).saturating_add(width);
        match lines.last_mut() {
            Some(line) if behind <= columns => {
                line.push(piece);
                used = behind;
            }
            _ => {
                lines.push(vec![piece]);
                used = width;
            }
        }
    }
    lines
}

/// Writes a line of pieces.
pub(super) fn put_line(buffer: &mut Buffer, area: Rect, y: u16, line: &[Piece]) {
    let mut x = area.x;
    for piece in line {
        for (text, style) in piece {
            x = put(buffer, area, x, y, text, *style);
        }
        x = x.saturating_add(2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK: Look = Look { colour: false, unicode: true };

    #[test]
    fn text_is_cut_to_columns_and_says_so() {
        assert_eq!(cut("abcdef", 6, LOOK), "abcdef");
        assert_eq!(cut("abcdef", 4, LOOK), "abc…");
        assert_eq!(cut("abcdef", 4, Look { unicode: false, ..LOOK }), "abc~");
        assert_eq!(cut("中文中文", 4, LOOK), "中…");
        assert_eq!([0, 1].map(|columns| cut("ab", columns, LOOK)), ["", "…"]);
    }

    #[test]
    fn where_only_ascii_shows_nothing_else_is_written() {
        let ascii = Look { unicode: false, ..LOOK };
        assert_eq!(plain("a\u{1b}b中", ascii), "a\\u{1b}b\\u{4e2d}");
        assert_eq!(plain("a\u{202e}中", LOOK), "a\\u{202e}中");
        assert!(Role::ALL.into_iter().all(|role| sign(role, ascii).is_ascii()));
    }

    #[test]
    fn pieces_are_put_on_lines_that_hold_them() {
        let piece = |text: &str| vec![(text.to_owned(), Style::new())];
        let found = lines(["aa", "bb", "cccccc", "d"].map(piece), 6);
        assert_eq!(found.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1, 1]);
    }
}
