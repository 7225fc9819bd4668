//! Which flows make a call.

use super::{Calls, Gaps, Leg, Material, Session, failover, timeline};
use crate::capture::Timestamp;
use crate::flow::Transport;
use crate::identify::infer::Subject;
use crate::identify::{Contact, Identity, Role, Service};
use crate::parallel::{at_once, part_size};
use hashbrown::HashMap;
use std::net::IpAddr;
use std::time::Duration;

/// Applications that keep connections open for messages: only media, or a test of the way it would take, makes
/// a call of what they do.
const MESSENGERS: [Service; 12] = [
    Service::DINGTALK,
    Service::DISCORD,
    Service::LARK,
    Service::LINE,
    Service::MESSENGER,
    Service::SIGNAL,
    Service::SLACK,
    Service::SNAPCHAT,
    Service::TELEGRAM,
    Service::VIBER,
    Service::WECHAT,
    Service::WHATSAPP,
];

/// A flow that starts within this time of the capture's first packet, or ends so near the last, may have begun
/// before or have gone on.
const EDGE: Duration = Duration::from_secs(2);

/// Calls, or what is split into them, that a thread is worth.
const MIN_PART: usize = 64;

/// Flows that a thread is worth.
const MIN_FLOWS: usize = 4096;

/// Groups flows into calls, in the order of their first packets.
pub fn group(material: &Material<'_>) -> Calls {
    let uses = Uses::of(material);
    let span = uses.span;
    let mut by_use: Vec<(Use<'_>, Vec<Timed>)> = uses.with_direct().into_iter().collect();
    let part = part_size(by_use.len(), material.threads, MIN_PART);
    let calls = at_once(by_use.chunks_mut(part), |by_use| {
        let mut calls = Vec::new();
        for ((client, service), flows) in by_use {
            for flows in split(std::mem::take(flows), material.idle_gap) {
                if flows.iter().any(|flow| makes_a_call(material, flow.place, service)) {
                    calls.push((flows.first().map(|flow| flow.start), *client, *service, flows));
                }
            }
        }
        calls
    });
    let mut calls: Vec<_> = calls.into_iter().flatten().collect();
    calls.sort_unstable();
    let mut in_calls = vec![false; material.subjects.len()];
    for flow in calls.iter().flat_map(|(.., flows)| flows) {
        if let Some(in_call) = in_calls.get_mut(flow.place as usize) {
            *in_call = true;
        }
    }
    let left_out = calls.len().saturating_sub(material.at_most);
    calls.truncate(material.at_most);
    let part = part_size(calls.len(), material.threads, MIN_PART);
    let told = at_once(calls.chunks(part), |calls| {
        let sessions =
            calls.iter().map(|(_, client, service, flows)| session(material, *client, service, flows, span));
        sessions.collect::<Vec<_>>()
    });
    Calls { sessions: told.into_iter().flatten().collect(), left_out, in_calls }
}

/// A client and what it uses.
type Use<'a> = (IpAddr, &'a Service);

/// Flows by the client that uses a service with them.
type ByUse<'a> = HashMap<Use<'a>, Vec<Timed>, foldhash::fast::RandomState>;

/// A flow by its place, with the times that calls are split by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Timed {
    start: Timestamp,
    end: Timestamp,
    place: u32,
}

/// When the capture began and ended.
type Span = (Timestamp, Timestamp);

/// What flows are used for.
#[derive(Default)]
struct Uses<'a> {
    by_use: ByUse<'a>,
    /// Direct paths: a client, a participant, what for, and the flow.
    direct: Vec<(IpAddr, IpAddr, &'a Service, Timed)>,
    span: Option<Span>,
}

impl<'a> Uses<'a> {
    fn of(material: &Material<'a>) -> Self {
        let part = part_size(material.subjects.len(), material.threads, MIN_FLOWS);
        let parts = material.subjects.chunks(part).zip(material.identities.chunks(part)).zip(0..);
        let uses = at_once(parts, |((subjects, identities), number)| {
            let mut uses = Self::default();
            for ((subject, identity), place) in subjects.iter().zip(identities).zip(number * part..) {
                uses.add(subject, identity, u32::try_from(place).unwrap_or(u32::MAX));
            }
            uses
        });
        uses.into_iter().reduce(Self::join).unwrap_or_default()
    }

    fn add(&mut self, subject: &Subject<'_>, identity: &'a Identity, place: u32) {
        let Subject { start, end, .. } = *subject;
        self.span = Some(self.span.map_or((start, end), |(first, last)| (first.min(start), last.max(end))));
        let Some(service) = &identity.service else { return };
        let (client, flow) = (subject.client.ip(), Timed { start, end, place });
        if identity.role == Role::Peer {
            self.direct.push((client, subject.server.ip(), service, flow));
        } else {
            self.by_use.entry((client, service)).or_default().push(flow);
        }
    }

    fn join(mut self, mut other: Self) -> Self {
        for (key, mut flows) in other.by_use {
            self.by_use.entry(key).or_default().append(&mut flows);
        }
        self.direct.append(&mut other.direct);
        self.span = match (self.span, other.span) {
            (Some((first, last)), Some((start, end))) => Some((first.min(start), last.max(end))),
            (span, other) => span.or(other),
        };
        self
    }

    /// All flows by whose calls they belong to. A participant may have opened a direct path: the call is its callee's,
    /// who is known as a client of the service by flows to its servers.
    fn with_direct(self) -> ByUse<'a> {
        let mut by_use = self.by_use;
        let known = |client, service| by_use.contains_key(&(client, service));
        let whose = |(client, server, service, flow)| {
            let turned = !known(client, service) && known(server, service);
            ((if turned { server } else { client }, service), flow)
        };
        let direct: Vec<(Use<'a>, Timed)> = self.direct.into_iter().map(whose).collect();
        for (key, flow) in direct {
            by_use.entry(key).or_default().push(flow);
        }
        by_use
    }
}

/// Splits flows, in the order of their start, where nothing happens for `idle_gap`.
fn split(mut flows: Vec<Timed>, idle_gap: Duration) -> Vec<Vec<Timed>> {
    flows.sort_unstable();
    let mut parts: Vec<Vec<Timed>> = Vec::new();
    let mut last: Option<Timestamp> = None;
    for flow in flows {
        match (parts.last_mut(), last) {
            (Some(part), Some(before)) if flow.start.since(before) <= idle_gap => part.push(flow),
            _ => parts.push(vec![flow]),
        }
        last = Some(last.map_or(flow.end, |before| before.max(flow.end)));
    }
    parts
}

/// Whether a flow shows that there is a call, and not just use of the same company's pages.
fn makes_a_call(material: &Material<'_>, place: u32, service: &Service) -> bool {
    let place = place as usize;
    let (Some(subject), Some(identity)) = (material.subjects.get(place), material.identities.get(place))
    else {
        return false;
    };
    match identity.role {
        Role::Media | Role::Relay | Role::Peer => {
            identity.contact == Contact::Media || !identity.is_inherited()
        }
        Role::Signaling => !MESSENGERS.contains(service),
        Role::Probe => {
            subject.facts.is_some_and(|facts| !facts.signatures.is_empty() || facts.stun.is_some())
        }
        Role::Web | Role::Telemetry | Role::Unknown => false,
    }
}

fn session(
    material: &Material<'_>,
    client: IpAddr,
    service: &Service,
    flows: &[Timed],
    span: Option<Span>,
) -> Session {
    let legs: Vec<Leg> = flows
        .iter()
        .filter_map(|flow| Some(Leg::new(material.subjects.get(flow.place as usize)?, flow.place, client)))
        .collect();
    let subjects = || flows.iter().filter_map(|flow| material.subjects.get(flow.place as usize));
    let zero = Timestamp::from_nanoseconds(0);
    let mut session = Session {
        service: service.clone(),
        client,
        start: flows.iter().map(|flow| flow.start).min().unwrap_or(zero),
        end: flows.iter().map(|flow| flow.end).max().unwrap_or(zero),
        has_media: legs.iter().any(|leg| contact(material, *leg) == Some(Contact::Media)),
        gaps: gaps(material, &legs, span),
        legs,
        timeline: Vec::new(),
        events_left_out: 0,
        failovers: Vec::new(),
    };
    if session.lacks_answers() {
        let streams = |subject: &Subject<'_>| subject.facts.is_some_and(|facts| !facts.media.is_empty());
        session.has_media |= subjects().any(streams);
    }
    session.failovers = failover::find(material, &session);
    if material.with_timelines {
        timeline::tell(material, &mut session);
    }
    session
}

fn contact(material: &Material<'_>, leg: Leg) -> Option<Contact> {
    material.identities.get(leg.flow as usize).map(|identity| identity.contact)
}

fn gaps(material: &Material<'_>, legs: &[Leg], span: Option<Span>) -> Gaps {
    let (first, last) = span.unzip();
    let subjects = || {
        let answered = legs.iter().filter(|leg| contact(material, **leg) >= Some(Contact::Control));
        answered.filter_map(|leg| material.subjects.get(leg.flow as usize))
    };
    Gaps {
        began_before: subjects().any(|subject| {
            let opened = subject.handshake.is_some()
                || subject.facts.is_some_and(|facts| facts.first_answer.is_some());
            !opened && first.is_some_and(|first| subject.start.since(first) <= EDGE)
        }),
        went_on: subjects().any(|subject| {
            let open = !matches!(subject.outcome, crate::flow::Outcome::Closed | crate::flow::Outcome::Reset);
            open && last.is_some_and(|last| last.since(subject.end) <= EDGE)
        }),
        one_direction: legs.iter().all(|leg| leg.sent.packets == 0) || {
            let alone = || legs.iter().any(|leg| answers_silence(material, *leg));
            (legs.len() > 1 || alone()) && legs.iter().all(|leg| leg.received.packets == 0)
        },
    }
}

/// Whether a client says what it says only to a server that has answered: data over TCP needs the server's SYN/ACK
/// (RFC 9293 section 3.5). A server of which nothing was captured then has answered where the capture was not taken.
fn answers_silence(material: &Material<'_>, leg: Leg) -> bool {
    let subject = material.subjects.get(leg.flow as usize);
    subject.is_some_and(|subject| {
        subject.transport == Transport::Tcp && subject.facts.is_some_and(|facts| !facts.protocols.is_empty())
    })
}
