//! Signs, colours and lines that the map and the timeline draw with.

use super::style::{Look, columns};
use crate::identify::{Contact, Role};
use crate::policy::Verdict;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Modifier, Style};

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

/// The sign of a role.
pub(super) const fn sign(role: Role, look: Look) -> char {
    let (sign, letter) = match role {
        Role::Media => ('●', 'M'),
        Role::Relay => ('◆', 'R'),
        Role::Peer => ('▲', 'P'),
        Role::Signaling => ('■', 'S'),
        Role::Probe => ('✚', 'B'),
        Role::Web => ('○', 'W'),
        Role::Telemetry => ('≡', 'T'),
        Role::Unknown => ('×', 'U'),
    };
    if look.unicode { sign } else { letter }
}

/// Columns that `text` takes.
pub(super) fn width(text: &str) -> u16 {
    u16::try_from(columns(text)).unwrap_or(u16::MAX)
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

    #[test]
    fn every_role_has_a_sign_of_its_own() {
        for unicode in [false, true] {
            let look = Look { colour: false, unicode };
            let mut signs: Vec<char> = Role::ALL.into_iter().map(|role| sign(role, look)).collect();
            signs.sort_unstable();
            signs.dedup();
            assert_eq!(signs.len(), Role::ALL.len());
            assert!(unicode || signs.iter().all(char::is_ascii));
        }
    }

    #[test]
    fn pieces_are_put_on_lines_that_hold_them() {
        let piece = |text: &str| vec![(text.to_owned(), Style::new())];
        let found = lines(["aa", "bb", "cccccc", "d"].map(piece), 6);
        assert_eq!(found.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1, 1]);
    }
}

/// Reports and pictures for tests.
#[cfg(test)]
pub(super) mod testing {
    use super::{Buffer, Rect, Role};
    use crate::capture::{Precision, Progress, Timestamp};
    use crate::locate::{Confidence, countries};
    use crate::pipeline::{Request, inspect};
    use crate::policy::Verdict;
    use crate::report::{NameReport, Report, Time};
    use ratatui::widgets::Widget;
    use std::net::{IpAddr, Ipv4Addr};
    use std::path::Path;
    use std::sync::Arc;

    /// The report of a sample capture with China denied.
    pub(in crate::view) fn of_sample(name: &str) -> Report {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-captures").join(name);
        let request = Request { paths: vec![path], deny: vec!["CN".to_owned()], ..Request::default() };
        inspect(&request, &Arc::new(Progress::default())).unwrap().report
    }

    fn at(nanoseconds: i64) -> Time {
        Time { at: Timestamp::from_nanoseconds(nanoseconds), precision: Precision::new(9) }
    }

    /// A call with 500 far ends in every country, names made to harm, and times that make no sense.
    pub(in crate::view) fn hostile() -> Report {
        let mut report = of_sample("zoom-beijing-keys.pcapng");
        let call = &mut report.sessions[0];
        let kinds = call.endpoints.clone();
        let verdicts = [Verdict::Allow, Verdict::Indeterminate, Verdict::Deny];
        call.endpoints = (0..500_u16)
            .map(|number| {
                let place = usize::from(number);
                let mut end = kinds[place % kinds.len()].clone();
                let [high, low] = number.to_be_bytes();
                end.address = IpAddr::V4(Ipv4Addr::new(20, 30, high, low));
                end.country = Some(countries()[place % countries().len()].code).filter(|_| place % 7 != 0);
                end.confidence = [Confidence::Likely, Confidence::Confirmed, Confidence::Disputed][place % 3];
                end.roles = vec![Role::ALL[place % 8]];
                end.verdict = verdicts[place % 3];
                let name = "\u{1b}[2J\u{202e}世界\r\n\t\u{301}".repeat(place % 40);
                end.names = vec![NameReport { name, via: "tls" }];
                end.first_seen = Some(at(i64::from(number) - 250));
                end.last_seen = Some(at(i64::MAX / i64::from(number + 1)));
                end.media_spans.iter_mut().for_each(|span| std::mem::swap(&mut span.start, &mut span.end));
                end
            })
            .collect();
        call.timeline.iter_mut().for_each(|event| event.endpoint = call.endpoints[3].address);
        report
    }

    /// A report with a call that took no time.
    pub(in crate::view) fn instant() -> Report {
        let mut report = of_sample("zoom-beijing-keys.pcapng");
        report.sessions[0].end = report.sessions[0].start;
        report
    }

    /// What a widget draws on `area` of a buffer.
    pub(in crate::view) fn drawn(widget: impl Widget, area: Rect, whole: Rect) -> Buffer {
        let mut buffer = Buffer::empty(whole);
        widget.render(area, &mut buffer);
        buffer
    }

    /// The characters of a buffer, line by line.
    pub(in crate::view) fn text(buffer: &Buffer) -> String {
        let rows = buffer.area.top()..buffer.area.bottom();
        let row = |y| (buffer.area.left()..buffer.area.right()).map(move |x| buffer[(x, y)].symbol());
        rows.map(|y| row(y).collect::<String>().trim_end().to_owned() + "\n").collect()
    }
}
