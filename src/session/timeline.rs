//! What happened in a call, in order.

use super::{Failover, Failure, Leg, Material, Session, failure};
use crate::capture::Timestamp;
use crate::flow::{Outcome, PacketRef};
use crate::identify::{Contact, Role};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

/// Events kept of a call. A call of an hour has some hundred; what is beyond is counted.
const MAX_EVENTS: usize = 512;

/// Media that pauses for so long, while the flow goes on, has stalled.
const STALL: Duration = Duration::from_secs(5);

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// A name was looked up and found.
    Lookup,
    /// The client turned to a server.
    Attempt,
    /// The server answered.
    Answer,
    /// A handshake was completed.
    Handshake,
    /// An attempt failed.
    Failed(Failure),
    /// The first media from or to a far end.
    MediaStart,
    /// Media moved from one far end to another.
    ServerChange,
    /// One place stood in for another.
    Failover,
    /// A connection was reset.
    Reset,
    /// The last media from or to a far end.
    MediaEnd,
}

impl What {
    /// The word for it in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lookup => "lookup",
            Self::Attempt => "attempt",
            Self::Answer => "answer",
            Self::Handshake => "handshake",
            Self::Failed(_) => "failed",
            Self::MediaStart => "media-start",
            Self::ServerChange => "server-change",
            Self::Failover => "failover",
            Self::Reset => "reset",
            Self::MediaEnd => "media-end",
        }
    }
}

/// Something that happened in a call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Event {
    /// When.
    pub time: Timestamp,
    /// What.
    pub what: What,
    /// With whom; the port is 0 where it is about an address alone.
    pub far: SocketAddr,
    /// What the far end does.
    pub role: Role,
    /// Packets that show it.
    pub packets: Vec<PacketRef>,
    /// More in words. May hold text off the wire.
    pub detail: Option<String>,
}

/// Fills the timeline of `session`.
pub(super) fn tell(material: &Material<'_>, session: &mut Session) {
    let mut events = Vec::new();
    for leg in &session.legs {
        lookups(material, session, leg, &mut events);
        flow_events(material, session, leg, &mut events);
    }
    media(material, session, &mut events);
    events.extend(session.failovers.iter().map(|failover| of_failover(session, failover)));
    events.sort();
    events.dedup();
    session.events_left_out = events.len().saturating_sub(MAX_EVENTS) as u64;
    events.truncate(MAX_EVENTS);
    session.timeline = events;
}

/// The look-ups that led to a flow.
fn lookups(material: &Material<'_>, session: &Session, leg: &Leg, events: &mut Vec<Event>) {
    let (Some(subject), Some(identity)) = (at(material.subjects, leg), at(material.identities, leg)) else {
        return;
    };
    let found = material.names.lookup(session.client, leg.far.ip(), subject.start);
    if let Some(binding) = found.filter(|binding| binding.time >= session.start.min(subject.start)) {
        events.push(Event {
            time: binding.time,
            what: What::Lookup,
            far: SocketAddr::new(leg.far.ip(), 0),
            role: identity.role,
            packets: vec![binding.packet],
            detail: binding.names.first().map(ToString::to_string),
        });
    }
}

fn flow_events(material: &Material<'_>, session: &Session, leg: &Leg, events: &mut Vec<Event>) {
    let (Some(subject), Some(identity)) = (at(material.subjects, leg), at(material.identities, leg)) else {
        return;
    };
    let event = |time, what, packets, detail| Event {
        time,
        what,
        far: leg.far,
        role: identity.role,
        packets,
        detail,
    };
    let name = identity.names.first().map(|name| name.name.to_string());
    events.push(event(subject.start, What::Attempt, vec![subject.first_packet], name));
    if let Some(failure) = failure(subject, identity).filter(|_| !session.lacks_answers()) {
        let tries = leg.sent.packets;
        let detail = (tries > 1).then(|| format!("{tries} packets sent"));
        let mut packets = vec![subject.first_packet, subject.last_packet];
        packets.dedup();
        events.push(event(subject.end, What::Failed(failure), packets, detail));
        return;
    }
    let answer = subject.handshake.or_else(|| subject.facts.and_then(|facts| facts.first_answer));
    let answered = answer.map(|span| later(subject.start, span));
    if let Some(time) = answered {
        let what = if identity.contact >= Contact::Established { What::Handshake } else { What::Answer };
        events.push(event(time, what, Vec::new(), None));
    }
    if subject.outcome == Outcome::Reset {
        events.push(event(subject.end, What::Reset, vec![subject.last_packet], None));
    }
}

/// When media began and ended with each far end, and when it moved.
fn media(material: &Material<'_>, session: &Session, events: &mut Vec<Event>) {
    let mut spans: BTreeMap<SocketAddr, Span> = BTreeMap::new();
    for leg in &session.legs {
        let (Some(subject), Some(identity)) = (at(material.subjects, leg), at(material.identities, leg))
        else {
            continue;
        };
        for stream in subject.facts.map_or(&[][..], |facts| &facts.media) {
            let span =
                spans.entry(leg.far).or_insert_with(|| Span::new(identity.role, stream.start, stream.first));
            if stream.start < span.start {
                span.start = stream.start;
                span.first = stream.first;
            }
            span.end = span.end.max(stream.end);
            span.kinds.extend(stream.kind);
        }
    }
    let mut ordered: Vec<(&SocketAddr, &Span)> = spans.iter().collect();
    ordered.sort_by_key(|(far, span)| (span.start, **far));
    for (far, span) in &ordered {
        events.push(span.event(**far, What::MediaStart, span.start));
        events.push(span.event(**far, What::MediaEnd, span.end));
    }
    for pair in ordered.windows(2) {
        let [(from, before), (to, after)] = pair else { continue };
        let moved = from.ip() != to.ip()
            && after.start.since(before.start) > STALL
            && before.end <= later(after.start, STALL);
        if moved {
            let mut event = after.event(**to, What::ServerChange, after.start);
            event.detail = Some(format!("from {}", from.ip()));
            events.push(event);
        }
    }
}

struct Span {
    role: Role,
    start: Timestamp,
    end: Timestamp,
    first: PacketRef,
    kinds: std::collections::BTreeSet<&'static str>,
}

impl Span {
    const fn new(role: Role, start: Timestamp, first: PacketRef) -> Self {
        Self { role, start, end: start, first, kinds: std::collections::BTreeSet::new() }
    }

    fn event(&self, far: SocketAddr, what: What, time: Timestamp) -> Event {
        let kinds: Vec<&str> = self.kinds.iter().copied().collect();
        let packets = if what == What::MediaEnd { Vec::new() } else { vec![self.first] };
        let detail = (!kinds.is_empty()).then(|| kinds.join(", "));
        Event { time, what, far, role: self.role, packets, detail }
    }
}

fn of_failover(session: &Session, failover: &Failover) -> Event {
    let leg = session.legs.iter().find(|leg| leg.flow == failover.flow);
    let mut packets: Vec<PacketRef> = failover.failed.iter().map(|failed| failed.packet).collect();
    packets.push(failover.packet);
    let from =
        failover.failed.first().map(|failed| format!("from {} ({})", failed.address, failed.failure.words()));
    Event {
        time: failover.time,
        what: What::Failover,
        far: leg.map_or_else(|| SocketAddr::new(failover.reached, 0), |leg| leg.far),
        role: failover.role,
        packets,
        detail: from,
    }
}

fn at<'a, T>(list: &'a [T], leg: &Leg) -> Option<&'a T> {
    list.get(leg.flow as usize)
}

fn later(time: Timestamp, span: Duration) -> Timestamp {
    let nanoseconds = i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
    Timestamp::from_nanoseconds(time.nanoseconds().saturating_add(nanoseconds))
}
