//! Which flows make a call.

use super::{Calls, Gaps, Leg, Material, Session, failover, timeline};
use crate::capture::Timestamp;
use crate::flow::Transport;
use crate::identify::infer::Subject;
use crate::identify::{Contact, Identity, Role, Service};
use crate::parallel::at_once;
use hashbrown::{HashMap, HashSet};
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

/// Calls that a thread is worth.
const MIN_PART: usize = 64;

/// Groups flows into calls, in the order of their first packets.
pub fn group(material: &Material<'_>) -> Calls {
    let homes = homes(material);
    let mut by_call: HashMap<Use<'_>, Vec<u32>, foldhash::fast::RandomState> = HashMap::default();
    for ((subject, identity), place) in material.subjects.iter().zip(material.identities).zip(0..) {
        if let Some(service) = &identity.service {
            by_call.entry((client_of(subject, identity, service, &homes), service)).or_default().push(place);
        }
    }
    let span = span(material);
    let mut calls = Vec::new();
    for ((client, service), flows) in by_call {
        for (start, flows) in split(material, flows) {
            if flows.iter().any(|place| makes_a_call(material, *place, service)) {
                calls.push((start, client, service, flows));
            }
        }
    }
    calls.sort_unstable();
    let mut in_calls = vec![false; material.subjects.len()];
    for place in calls.iter().flat_map(|(.., flows)| flows) {
        if let Some(in_call) = in_calls.get_mut(*place as usize) {
            *in_call = true;
        }
    }
    let left_out = calls.len().saturating_sub(material.at_most);
    calls.truncate(material.at_most);
    let part = calls.len().div_ceil(material.threads.max(1)).max(MIN_PART);
    let told = at_once(calls.chunks(part), |calls| {
        let sessions =
            calls.iter().map(|(_, client, service, flows)| session(material, *client, service, flows, span));
        sessions.collect::<Vec<_>>()
    });
    Calls { sessions: told.into_iter().flatten().collect(), left_out, in_calls }
}

/// A client and what it uses.
type Use<'a> = (IpAddr, &'a Service);

type Homes<'a> = HashSet<Use<'a>, foldhash::fast::RandomState>;

/// Addresses that use a service as its client: they have flows to its servers, not only to participants.
fn homes<'a>(material: &Material<'a>) -> Homes<'a> {
    let flows = material.subjects.iter().zip(material.identities);
    flows
        .filter(|(_, identity)| identity.role != Role::Peer)
        .filter_map(|(subject, identity)| Some((subject.client.ip(), identity.service.as_ref()?)))
        .collect()
}

/// Whose call a flow belongs to. A participant may have opened a direct path: the call is its callee's, who is
/// known as a client of the service.
fn client_of(subject: &Subject<'_>, identity: &Identity, service: &Service, homes: &Homes<'_>) -> IpAddr {
    let (client, server) = (subject.client.ip(), subject.server.ip());
    let turned = identity.role == Role::Peer
        && !homes.contains(&(client, service))
        && homes.contains(&(server, service));
    if turned { server } else { client }
}

/// Splits flows, in the order of their start, where nothing happens for the idle gap. Gives when each part starts.
fn split(material: &Material<'_>, flows: Vec<u32>) -> Vec<(Timestamp, Vec<u32>)> {
    let mut timed: Vec<(Timestamp, Timestamp, u32)> = flows
        .into_iter()
        .filter_map(|place| {
            material.subjects.get(place as usize).map(|subject| (subject.start, subject.end, place))
        })
        .collect();
    timed.sort_unstable();
    let mut parts: Vec<(Timestamp, Vec<u32>)> = Vec::new();
    let mut last: Option<Timestamp> = None;
    for (start, end, place) in timed {
        match (parts.last_mut(), last) {
            (Some((_, part)), Some(before)) if start.since(before) <= material.idle_gap => part.push(place),
            _ => parts.push((start, vec![place])),
        }
        last = Some(last.map_or(end, |before| before.max(end)));
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

/// When the capture began and ended.
type Span = (Timestamp, Timestamp);

fn span(material: &Material<'_>) -> Option<Span> {
    let first = material.subjects.iter().map(|subject| subject.start).min()?;
    let last = material.subjects.iter().map(|subject| subject.end).max()?;
    Some((first, last))
}

fn session(
    material: &Material<'_>,
    client: IpAddr,
    service: &Service,
    flows: &[u32],
    span: Option<Span>,
) -> Session {
    let legs: Vec<Leg> = flows
        .iter()
        .filter_map(|place| Some(Leg::new(material.subjects.get(*place as usize)?, *place, client)))
        .collect();
    let subjects = || flows.iter().filter_map(|place| material.subjects.get(*place as usize));
    let zero = Timestamp::from_nanoseconds(0);
    let mut session = Session {
        service: service.clone(),
        client,
        start: subjects().map(|subject| subject.start).min().unwrap_or(zero),
        end: subjects().map(|subject| subject.end).max().unwrap_or(zero),
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
