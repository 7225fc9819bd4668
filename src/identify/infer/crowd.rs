//! Latency races: a client that opens connections to many servers of a service at once keeps one or two; the others
//! were probes, however much their names promise.

use super::{Identity, Subject};
use crate::flow::{Outcome, Transport};
use crate::identify::evidence::{Detail, Kind};
use crate::identify::{Evidence, Role};
use std::net::IpAddr;
use std::time::Duration;

/// Connections of one race start within so long: Webex opens some fifteen within a few seconds.
const WINDOW: Duration = Duration::from_secs(10);
/// Servers that make a race. Two or four are ordinary for a web page of a service.
const MIN_SERVERS: usize = 5;
/// Packets both ways of a connection that was only opened and closed, TLS handshake included.
const MAX_PACKETS: u64 = 24;
/// The longest that such a connection lasts.
const MAX_DURATION: Duration = Duration::from_secs(20);

/// Makes probes of the connections of one client that only took part in a race.
pub(super) fn probes(subjects: &[Subject<'_>], flows: &mut [(u32, Identity)]) {
    if subjects.len() < MIN_SERVERS {
        return;
    }
    let of_service = |(place, (subject, (_, identity))): (usize, (&Subject<'_>, &(u32, Identity)))| {
        identity
            .service
            .as_ref()
            .filter(|_| may_race(subject, identity))
            .map(|service| (service.place(), place))
    };
    let mut racing: Vec<(usize, usize)> =
        subjects.iter().zip(flows.iter()).enumerate().filter_map(of_service).collect();
    racing.sort_unstable();
    for places in racing.chunk_by(|(service, _), (other, _)| service == other) {
        for place in racers(subjects, places) {
            if let Some((subject, (_, identity))) = subjects.get(place).zip(flows.get_mut(place)) {
                settle(subject, identity);
            }
        }
    }
}

fn may_race(subject: &Subject<'_>, identity: &Identity) -> bool {
    subject.transport == Transport::Tcp && matches!(identity.role, Role::Unknown | Role::Signaling)
}

/// Which of `places`, which are in the order of their first packets, started together with many to other servers.
fn racers(subjects: &[Subject<'_>], places: &[(usize, usize)]) -> Vec<usize> {
    let mut found = Vec::new();
    if places.len() < MIN_SERVERS {
        return found;
    }
    let flows: Vec<_> =
        places.iter().filter_map(|(_, place)| Some((*place, subjects.get(*place)?))).collect();
    // The flows before this one are found, or in no race.
    let mut settled = 0;
    let mut first = 0;
    for (at, (_, latest)) in flows.iter().enumerate() {
        while flows.get(first).is_some_and(|(_, early)| latest.start.since(early.start) > WINDOW) {
            first += 1;
        }
        // A window of a busy service's web servers would be long; the race is in its last connections.
        let begin = first.max(at.saturating_sub(MAX_WINDOW));
        let window = flows.get(begin..=at).unwrap_or_default();
        if has_servers(window.iter().map(|(_, subject)| subject.server.ip())) {
            let fresh = flows.get(settled.max(begin)..=at).unwrap_or_default();
            found.extend(fresh.iter().map(|(place, _)| *place));
            settled = at + 1;
        }
    }
    found
}

/// Whether there are enough servers for a race.
fn has_servers(servers: impl Iterator<Item = IpAddr>) -> bool {
    let mut found = [None; MIN_SERVERS];
    for server in servers {
        if let Some(place) = found.iter_mut().find(|known| known.is_none_or(|known| known == server)) {
            *place = Some(server);
        }
        if found.last().is_some_and(Option::is_some) {
            return true;
        }
    }
    false
}

/// Connections of one window that are looked at: it bounds the work for a client with thousands at once.
const MAX_WINDOW: usize = 64;

fn settle(subject: &Subject<'_>, identity: &mut Identity) {
    let packets = subject.sent.packets.saturating_add(subject.received.packets);
    let over = matches!(subject.outcome, Outcome::Closed | Outcome::Reset);
    let brief = subject.end.since(subject.start) <= MAX_DURATION;
    if !over || !brief || packets > MAX_PACKETS {
        return;
    }
    identity.role = Role::Probe;
    identity.evidence.reserve_exact(1);
    identity.evidence.push(Evidence {
        kind: Kind::Inherited,
        rule: "latency-race",
        service: None,
        packet: Some(subject.first_packet),
        detail: Detail::Words(
            "opened at once with connections to other servers of the service, and soon closed",
        ),
    });
}
