//! The lines at the top, which say how it stands, and the one at the bottom, which says what can be typed.

use super::app::{App, Tab};
use super::draw::beside;
use super::style::Look;
use super::words::{clock, lasted, rate, span};
use crate::pipeline::live::Snapshot;
use crate::policy::Verdict;
use crate::report::text::{counted, number};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

/// Columns that the name of what is looked at has at least.
const MIN_TITLE: usize = 12;

/// One or two lines of at most `room` columns.
pub(super) fn lines(app: &App, count: u16, room: usize) -> Vec<Line<'static>> {
    let Some(snapshot) = app.snapshot_shown() else {
        let name = Span::styled("landfall", Look::heading());
        return vec![beside(app.look, vec![name, Span::raw(app.look.shown(&app.origin.title))], room)];
    };
    if count < 2 {
        let mut parts = vec![verdict(app, snapshot)];
        parts.extend(behind(app, snapshot));
        parts.extend(dropped(app, snapshot).filter(|_| lost(snapshot) != Some(0)));
        parts.extend(calls(app, snapshot));
        return vec![beside(app.look, parts, room)];
    }
    let mut first = vec![Span::styled("landfall", Look::heading()), verdict(app, snapshot)];
    let title = Span::raw(app.look.shown(&app.origin.title));
    let mut second: Vec<Span<'static>> = behind(app, snapshot).into_iter().collect();
    second.extend(calls(app, snapshot));
    if app.origin.live {
        first.extend(how_it_goes(app, snapshot));
        first.push(title);
    } else {
        // The name of a file says more than how much is in it, but leaves room for that.
        let rest = how_it_goes(app, snapshot);
        let taken: usize = first.iter().chain(&rest).map(|part| part.width() + 2).sum();
        first.push(Span::raw(app.look.cut(&title.content, room.saturating_sub(taken).max(MIN_TITLE))));
        first.extend(rest);
        second.extend(when(snapshot));
    }
    vec![beside(app.look, first, room), beside(app.look, second, room)]
}

fn verdict(app: &App, snapshot: &Snapshot) -> Span<'static> {
    let verdict = snapshot.report.verdict;
    let word = match verdict {
        Verdict::Allow if snapshot.report.policy.is_empty() => "no rules",
        Verdict::Allow => "all allowed",
        Verdict::Deny => "DENIED",
        Verdict::Indeterminate => "INDETERMINATE",
    };
    Span::styled(word, app.look.verdict(verdict))
}

fn how_it_goes(app: &App, snapshot: &Snapshot) -> Vec<Span<'static>> {
    let inputs = &snapshot.report.inputs;
    let packets: u64 = inputs.iter().map(|input| input.packets).sum();
    let mut parts = Vec::new();
    if app.origin.live {
        let packets_per_s: u64 = snapshot.interfaces.iter().map(|rate| rate.packets_per_s).sum();
        let bytes_per_s = snapshot.interfaces.iter().map(|rate| rate.bytes_per_s).sum();
        parts.push(Span::raw(format!("{} UTC", clock(snapshot.time))));
        parts.push(Span::raw(format!("{} packets/s", number(packets_per_s))));
        parts.push(Span::raw(rate(bytes_per_s)));
    } else {
        parts.push(Span::raw(format!("{} packets", number(packets))));
    }
    parts.extend(dropped(app, snapshot));
    for input in inputs.iter().filter(|input| input.damage.is_some()) {
        let word = if app.origin.live { "ended" } else { "damaged" };
        parts.push(Span::styled(app.look.shown(&format!("{} {word}", input.path)), app.look.warning()));
    }
    parts
}

/// From when to when packets came.
fn when(snapshot: &Snapshot) -> Option<Span<'static>> {
    let first = snapshot.report.inputs.iter().filter_map(|input| input.first_packet).min()?;
    Some(Span::raw(format!("{} UTC", span(first, snapshot.time))))
}

/// How many packets the capturing machine has dropped, where that is known.
fn lost(snapshot: &Snapshot) -> Option<u64> {
    let counts = snapshot.report.inputs.iter().map(|input| input.dropped_packets);
    counts.fold(None, |sum, count| match (sum, count) {
        (Some(sum), Some(count)) => Some(u64::saturating_add(sum, count)),
        (known, other) => known.or(other),
    })
}

fn dropped(app: &App, snapshot: &Snapshot) -> Option<Span<'static>> {
    Some(match lost(snapshot)? {
        0 => Span::raw("0 dropped"),
        lost => Span::styled(format!("{} DROPPED", number(lost)), app.look.warning()),
    })
}

fn calls(app: &App, snapshot: &Snapshot) -> Vec<Span<'static>> {
    let sessions = &snapshot.report.sessions;
    let of = |verdict| sessions.iter().filter(|session| session.verdict == verdict).count();
    let all = counted(sessions.len(), "call");
    let told = if app.origin.live { format!("{all}, {} now", snapshot.calls) } else { all };
    let mut parts = vec![Span::raw(told)];
    for (verdict, word) in [(Verdict::Deny, "denied"), (Verdict::Indeterminate, "indeterminate")] {
        let count = of(verdict);
        let style = if count > 0 { app.look.verdict(verdict) } else { Style::new() };
        parts.push(Span::styled(format!("{} {word}", number(count as u64)), style));
    }
    parts
}

/// That the picture stands still, and how much has come since.
fn behind(app: &App, shown: &Snapshot) -> Option<Span<'static>> {
    let latest = app.snapshot_latest().filter(|_| app.paused)?;
    let packets =
        |snapshot: &Snapshot| -> u64 { snapshot.report.inputs.iter().map(|input| input.packets).sum() };
    let late = lasted(latest.time.at.since(shown.time.at));
    let missed = number(packets(latest).saturating_sub(packets(shown)));
    Some(Span::styled(format!("PAUSED, {late} and {missed} packets behind"), app.look.warning()))
}

/// What can be typed.
pub(super) fn foot(app: &App, room: usize) -> Line<'static> {
    let look = app.look;
    if app.typing {
        let typed = format!("filter: {}_", look.shown(&app.filter));
        // The end of what is typed is what one looks at.
        let skipped = typed.chars().count().saturating_sub(room.saturating_sub(28).max(16));
        let typed: String = typed.chars().skip(skipped).collect();
        return beside(
            look,
            vec![Span::styled(typed, Look::heading()), Span::raw("Enter keeps, Esc drops")],
            room,
        );
    }
    let mut parts = Vec::new();
    if !app.filter.is_empty() {
        parts.push(Span::styled(format!("filter \"{}\"", look.shown(&app.filter)), look.warning()));
    }
    let keys: &[&str] = if app.help.is_some() || app.detail.is_some() {
        &["Esc back", "q quit", "arrows scroll"]
    } else {
        match (app.tab, app.origin.live) {
            (Tab::Capture | Tab::Timeline, true) => {
                &["q quit", "? help", "p pause", "arrows scroll", "Tab next"]
            }
            (Tab::Capture | Tab::Timeline, false) => &["q quit", "? help", "arrows scroll", "Tab next"],
            (_, true) => &[
                "q quit",
                "? help",
                "p pause",
                "/ filter",
                "s sort",
                "r reverse",
                "Enter details",
                "Tab next",
            ],
            (_, false) => {
                &["q quit", "? help", "/ filter", "s sort", "r reverse", "Enter details", "Tab next"]
            }
        }
    };
    parts.extend(keys.iter().map(|key| Span::styled(*key, look.aside())));
    beside(look, parts, room)
}
