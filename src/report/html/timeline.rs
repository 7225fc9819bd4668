//! The timeline of a call: a lane for each far end, with attempts, failures, what stood in, and media by kind.
//!
//! Places along it are shares of the whole, so that it can be drawn at any width.

use super::words;
use crate::identify::Contact;
use crate::policy::Verdict;
use crate::report::axis::{Axis, WHOLE};
use crate::report::model::{EventReport, FailoverReport, SessionEndpoint, SessionReport};
use crate::report::text::{bytes, socket};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Far ends with a lane: what a page shows at once. The table of events has all.
const MAX_LANES: usize = 16;
/// Height of a lane, as in the style sheet.
const LANE: usize = 28;
/// Ticks of the axis at most, before it is zoomed.
const MAX_TICKS: u64 = 6;

/// What is drawn.
pub(super) struct Timeline<'a> {
    pub(super) call: &'a SessionReport,
    /// Milliseconds since 1970, and of the whole; for the axis when it is zoomed.
    pub(super) start_ms: i64,
    pub(super) span_ms: String,
    pub(super) height: usize,
    pub(super) ticks: Vec<(Share, String)>,
    pub(super) lanes: Vec<Lane>,
    pub(super) jumps: Vec<Jump>,
    /// Far ends without a lane.
    pub(super) without: usize,
    pub(super) signs: BTreeSet<&'static str>,
    pub(super) kinds: BTreeSet<&'static str>,
    pub(super) events: Vec<Row>,
}

/// A share of the whole, in per cent.
pub(super) type Share = String;

/// What happened with one far end.
pub(super) struct Lane {
    pub(super) class: &'static str,
    pub(super) word: &'static str,
    pub(super) place: String,
    pub(super) role: &'static str,
    pub(super) label: String,
    pub(super) y: usize,
    pub(super) bars: Vec<Bar>,
    pub(super) signs: Vec<Sign>,
}

/// Media of one kind.
pub(super) struct Bar {
    pub(super) x: Share,
    pub(super) width: Share,
    pub(super) y: usize,
    pub(super) kind: &'static str,
    pub(super) title: String,
}

/// An event.
pub(super) struct Sign {
    pub(super) x: Share,
    pub(super) kind: &'static str,
    pub(super) title: String,
}

/// One place stood in for another.
pub(super) struct Jump {
    pub(super) class: &'static str,
    pub(super) from: Share,
    pub(super) x: Share,
    pub(super) y1: usize,
    pub(super) y2: usize,
    /// Whether the label goes to the left of the line.
    pub(super) left: bool,
    pub(super) label: String,
}

/// An event in words.
pub(super) struct Row {
    pub(super) class: &'static str,
    pub(super) time: String,
    pub(super) what: String,
    pub(super) whom: String,
    pub(super) place: String,
    pub(super) packets: String,
    pub(super) detail: String,
}

impl<'a> Timeline<'a> {
    pub(super) fn new(call: &'a SessionReport) -> Self {
        let scale = Axis::of(call);
        let (shown, without) = shown(call);
        let mut events: BTreeMap<IpAddr, Vec<&EventReport>> = BTreeMap::new();
        for event in &call.timeline {
            events.entry(event.endpoint).or_default().push(event);
        }
        let places: BTreeMap<IpAddr, usize> =
            shown.iter().enumerate().map(|(place, end)| (end.address, place * LANE)).collect();
        let lanes: Vec<Lane> = shown
            .iter()
            .map(|end| lane(&scale, end, events.get(&end.address).map_or(&[], Vec::as_slice), &places))
            .collect();
        let failovers = call.failovers.iter().filter_map(|failover| jump(&scale, call, failover, &places));
        Self {
            call,
            start_ms: scale.start.nanoseconds() / 1_000_000,
            span_ms: format!("{}.{:06}", scale.span / 1_000_000, scale.span % 1_000_000),
            height: lanes.len() * LANE,
            ticks: scale.ticks(MAX_TICKS).into_iter().map(|(at, clock)| (share(at), clock)).collect(),
            jumps: failovers.collect(),
            without,
            signs: lanes.iter().flat_map(|lane| &lane.signs).map(|sign| sign.kind).collect(),
            kinds: lanes.iter().flat_map(|lane| &lane.bars).map(|bar| bar.kind).collect(),
            lanes,
            events: call.timeline.iter().map(|event| row(call, event)).collect(),
        }
    }

    /// `3 more far ends`.
    pub(super) fn rest(&self) -> String {
        words::many(self.without as u64, "more far end")
    }

    /// What a reader who does not see the drawing is told that it is.
    pub(super) fn label(&self) -> String {
        format!(
            "Timeline of the call from {} to {} UTC with {}. The same in words is in the table of events below.",
            words::clock(self.call.start),
            words::clock(self.call.end),
            words::many(self.lanes.len() as u64, "far end"),
        )
    }
}

/// Far ends with a lane, in the order in which they come in, and how many have none.
fn shown(call: &SessionReport) -> (Vec<&SessionEndpoint>, usize) {
    let in_failover: BTreeSet<IpAddr> = call
        .failovers
        .iter()
        .flat_map(|failover| failover.failed.iter().map(|failed| failed.endpoint).chain([failover.reached]))
        .collect();
    let mut ends: Vec<&SessionEndpoint> = call.endpoints.iter().collect();
    ends.sort_by_key(|end| {
        let bytes = end.bytes_sent.saturating_add(end.bytes_received);
        Reverse((end.verdict, in_failover.contains(&end.address), end.contact == Contact::Media, bytes))
    });
    let without = ends.len().saturating_sub(MAX_LANES);
    ends.truncate(MAX_LANES);
    ends.sort_by_key(|end| (end.first_packet.as_ref().map(|packet| packet.time), end.address));
    (ends, without)
}

fn lane(
    scale: &Axis,
    end: &SessionEndpoint,
    events: &[&EventReport],
    places: &BTreeMap<IpAddr, usize>,
) -> Lane {
    let mark = words::mark(end.verdict);
    let bars = end.media_spans.iter().map(|span| {
        let kind = span.kind.unwrap_or("media");
        let (from, to) = (scale.place(span.start), scale.place(span.end));
        Bar {
            x: share(from),
            width: share(to.saturating_sub(from).max(WHOLE / 1000)),
            y: match kind {
                "audio" => 4,
                "video" => 11,
                "screen" => 18,
                _ => 8,
            },
            kind,
            title: format!(
                "{kind}, {} to {}, {}",
                words::clock(span.start),
                words::clock(span.end),
                bytes(span.bytes)
            ),
        }
    });
    let signs = events.iter().filter(|event| !event.event.starts_with("media-")).map(|event| Sign {
        x: share(scale.place(event.time)),
        kind: event.event,
        title: title(event),
    });
    Lane {
        class: mark.class,
        word: mark.word,
        place: place(end),
        role: words::first_role(&end.roles).name(),
        label: words::best_name(&end.names).map_or_else(|| end.address.to_string(), str::to_owned),
        y: places.get(&end.address).copied().unwrap_or_default(),
        bars: bars.collect(),
        signs: signs.collect(),
    }
}

/// `CN`, or what stands for a place that is not known.
fn place(end: &SessionEndpoint) -> String {
    match (end.country.filter(|_| words::off_map(end).is_none()), words::off_map(end)) {
        (Some(country), _) => country.to_string(),
        (None, Some("place disputed")) => "?!".to_owned(),
        (None, Some("place unknown")) => "??".to_owned(),
        (None, _) => "–".to_owned(),
    }
}

fn title(event: &EventReport) -> String {
    let mut text = format!("{} {}", words::clock(event.time), what(event));
    for part in [event.detail.clone().unwrap_or_default(), words::packets(&event.packets)] {
        if !part.is_empty() {
            text.push_str(", ");
            text.push_str(&part);
        }
    }
    text
}

fn what(event: &EventReport) -> String {
    event.words.map_or_else(|| words::event(event.event).to_owned(), |how| format!("failed: {how}"))
}

fn jump(
    scale: &Axis,
    call: &SessionReport,
    failover: &FailoverReport,
    places: &BTreeMap<IpAddr, usize>,
) -> Option<Jump> {
    let first = failover.failed.first()?;
    let (from, to) = (places.get(&first.endpoint)?, places.get(&failover.reached)?);
    let verdict = call.endpoints.iter().find(|end| end.address == failover.reached).map(|end| end.verdict);
    let at = scale.place(failover.time);
    Some(Jump {
        class: words::mark(verdict.unwrap_or(Verdict::Allow)).class,
        from: share(scale.place(first.time)),
        x: share(at),
        y1: from + LANE / 2,
        y2: to + LANE / 2,
        left: at > WHOLE / 2,
        label: format!("failover, +{}", words::duration(failover.gap_s)),
    })
}

fn row(call: &SessionReport, event: &EventReport) -> Row {
    let end = call.endpoints.iter().find(|end| end.address == event.endpoint);
    Row {
        class: if event.event == "failover" || event.event == "failed" { event.event } else { "" },
        time: words::clock(event.time),
        what: what(event),
        whom: socket(event.endpoint, event.port),
        place: end.map(place).unwrap_or_default(),
        packets: event.packets.iter().map(u64::to_string).collect::<Vec<_>>().join(", "),
        detail: event.detail.clone().unwrap_or_default(),
    }
}

/// Parts of the whole in per cent, with five decimal places.
fn share(parts: u64) -> Share {
    format!("{}.{:05}", parts / (WHOLE / 100), parts % (WHOLE / 100))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_per_cent_of_the_whole() {
        assert_eq!([0, WHOLE / 4, WHOLE].map(share), ["0.00000", "25.00000", "100.00000"]);
    }
}
