//! What stands for what happened, and for media by kind.

use crate::identify::{Contact, Role};
use crate::report::{SessionReport, words};
use crate::view::ink::{self, Piece, Tone};
use crate::view::style::Look;
use ratatui::style::{Color, Modifier, Style};
use std::collections::{BTreeMap, BTreeSet};

/// Something that happened, in the order in which one covers another where they fall into the same column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    Lookup,
    Attempt,
    Answer,
    Handshake,
    MediaEnd,
    MediaStart,
    ServerChange,
    Reset,
    Failover,
    Failed,
}

impl Event {
    /// Of its name in reports.
    pub(super) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "lookup" => Self::Lookup,
            "attempt" => Self::Attempt,
            "answer" => Self::Answer,
            "handshake" => Self::Handshake,
            "failed" => Self::Failed,
            "media-start" => Self::MediaStart,
            "server-change" => Self::ServerChange,
            "failover" => Self::Failover,
            "reset" => Self::Reset,
            "media-end" => Self::MediaEnd,
            _ => return None,
        })
    }

    pub(super) const fn sign(self, look: Look) -> char {
        let (sign, letter) = match self {
            Self::Lookup => ('▽', 'd'),
            Self::Attempt => ('→', '>'),
            Self::Answer => ('←', '<'),
            Self::Handshake => ('⇄', '*'),
            Self::Failed => ('✕', 'X'),
            Self::MediaStart => ('┣', '['),
            Self::ServerChange => ('▷', 'C'),
            Self::Failover => ('▶', 'F'),
            Self::Reset => ('+', '+'),
            Self::MediaEnd => ('┫', ']'),
        };
        if look.unicode { sign } else { letter }
    }

    pub(super) fn style(self, look: Look) -> Style {
        match self {
            Self::Failed | Self::Reset => ink::coloured(Color::Red, look).add_modifier(Modifier::BOLD),
            Self::Failover | Self::ServerChange => {
                ink::coloured(Color::Yellow, look).add_modifier(Modifier::BOLD)
            }
            _ => Style::new(),
        }
    }
}

/// Kinds of media at one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::struct_excessive_bools, reason = "each kind goes with every other")]
pub(super) struct Kinds {
    audio: bool,
    video: bool,
    screen: bool,
    unknown: bool,
}

impl Kinds {
    /// Adds media of a kind, as reports name it.
    pub(super) fn add(&mut self, kind: Option<&str>) {
        match kind {
            Some("audio") => self.audio = true,
            Some("video") => self.video = true,
            Some("screen") => self.screen = true,
            _ => self.unknown = true,
        }
    }

    /// What stands for them; `None` where there is no media.
    pub(super) const fn sign(self, look: Look) -> Option<char> {
        let (sign, letter) = match self {
            Self { screen: true, .. } => ('▓', '%'),
            Self { audio: true, video: true, .. } => ('█', '#'),
            Self { video: true, .. } => ('▆', '='),
            Self { audio: true, .. } => ('▂', '-'),
            Self { unknown: true, .. } => ('▒', '~'),
            Self { .. } => return None,
        };
        Some(if look.unicode { sign } else { letter })
    }
}

/// What stands for packets that are no media.
pub(super) const fn packets(look: Look) -> char {
    if look.unicode { '─' } else { '.' }
}

/// What the signs of a call mean; those of verdicts and roles only where they are not told in words.
pub(super) fn legend(call: &SessionReport, in_words: bool, look: Look) -> Vec<Piece> {
    let mut pieces = if in_words { Vec::new() } else { verdicts(call, look) };
    pieces.extend(events(call, look));
    pieces.extend(media(call, look));
    pieces.push(vec![(format!("{} first to last packet", packets(look)), look.aside())]);
    if !in_words {
        let roles: BTreeSet<Role> = call.endpoints.iter().map(|end| words::first_role(&end.roles)).collect();
        let told = |role: Role| vec![(format!("{} {}", ink::sign(role, look), role.name()), look.aside())];
        pieces.extend(roles.into_iter().map(told));
    }
    if call.events_left_out > 0 {
        let left_out = words::many(call.events_left_out, "later event");
        pieces.push(vec![(format!("{left_out} left out"), look.aside())]);
    }
    pieces
}

fn verdicts(call: &SessionReport, look: Look) -> Vec<Piece> {
    let tones: BTreeSet<Tone> = call.endpoints.iter().map(|end| Tone::of(end.verdict, end.contact)).collect();
    let told = tones.into_iter().rev().filter_map(|tone| {
        let words = match tone {
            Tone::Denied => "denied",
            Tone::Open => "indeterminate",
            Tone::Allowed => return None,
            Tone::Silent => words::contact(Contact::Attempted, call.one_direction),
        };
        let sign = super::lane::mark(tone, look).to_string();
        Some(vec![(sign, tone.style(look)), (format!(" {words}"), look.aside())])
    });
    told.collect()
}

fn events(call: &SessionReport, look: Look) -> Vec<Piece> {
    let names = call.timeline.iter().map(|event| event.event);
    let names: BTreeMap<Event, &str> = names.filter_map(|name| Some((Event::of(name)?, name))).collect();
    let told = names.into_iter().rev().map(|(event, name)| {
        vec![
            (event.sign(look).to_string(), event.style(look)),
            (format!(" {}", words::event(name)), look.aside()),
        ]
    });
    told.collect()
}

fn media(call: &SessionReport, look: Look) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let spans = || call.endpoints.iter().flat_map(|end| &end.media_spans);
    let has = |kind: Option<&str>| spans().any(|span| span.kind == kind);
    let kinds = [
        (has(Some("audio")), Kinds { audio: true, ..Kinds::default() }, "audio"),
        (has(Some("video")), Kinds { video: true, ..Kinds::default() }, "video"),
        (
            has(Some("audio")) && has(Some("video")),
            Kinds { audio: true, video: true, ..Kinds::default() },
            "both",
        ),
        (has(Some("screen")), Kinds { screen: true, ..Kinds::default() }, "screen"),
        (
            spans().any(|span| span.kind.is_none()),
            Kinds { unknown: true, ..Kinds::default() },
            "media of unknown kind",
        ),
    ];
    for (shown, kinds, words) in kinds {
        let sign = kinds.sign(look).filter(|_| shown);
        pieces.extend(sign.map(|sign| vec![(format!("{sign} {words}"), look.aside())]));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every kind of event that a report has.
    const NAMES: [&str; 10] = [
        "lookup",
        "attempt",
        "answer",
        "handshake",
        "failed",
        "media-start",
        "server-change",
        "failover",
        "reset",
        "media-end",
    ];

    #[test]
    fn every_event_has_a_sign_of_its_own_that_is_none_of_a_bar() {
        for unicode in [false, true] {
            let look = Look { colour: false, unicode };
            let mut signs: Vec<char> = NAMES.iter().map(|name| Event::of(name).unwrap().sign(look)).collect();
            for kind in [Some("audio"), Some("video"), Some("screen"), None] {
                let mut kinds = Kinds::default();
                kinds.add(kind);
                signs.extend(kinds.sign(look));
            }
            signs.push(packets(look));
            let count = signs.len();
            signs.sort_unstable();
            signs.dedup();
            assert_eq!((count, signs.len()), (15, 15));
            assert!(unicode || signs.iter().all(char::is_ascii));
        }
        assert_eq!(Event::of("tea"), None);
        assert_eq!(Kinds::default().sign(Look { colour: false, unicode: true }), None);
    }
}
