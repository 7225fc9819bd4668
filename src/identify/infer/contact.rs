//! How far contact with the server of a flow went, with what its payload shows.

use super::Subject;
use crate::flow::{Counters, Transport};
use crate::identify::{Contact, FlowFacts, Role};

/// Packets before their pace says anything.
const MIN_PACKETS: u64 = 50;
/// Packets a second that are media.
const MIN_RATE: u64 = 10;

/// The contact that a flow shows.
pub(super) fn contact(subject: &Subject<'_>, role: Role) -> Contact {
    let base = subject.contact;
    if base == Contact::Attempted || subject.received.packets == 0 {
        return base;
    }
    if subject.has_media() || is_opaque_media(subject, role) {
        return Contact::Media;
    }
    let Some(facts) = subject.facts else { return base };
    match subject.transport {
        Transport::Tcp => of_tcp(facts, base),
        _ => base.max(of_datagrams(facts)),
    }
}

/// Media that has no form of RTP is known by its pace: voice alone is some fifty packets a second, and nothing else
/// that a call's media server is sent comes near it. Telegram sends by one relay and receives by another, so one
/// direction is enough.
fn is_opaque_media(subject: &Subject<'_>, role: Role) -> bool {
    let readable = |facts: &FlowFacts| {
        facts.stun.is_some() || facts.signatures.iter().any(|(signature, _)| !signature.is_opaque())
    };
    if subject.facts.is_some_and(readable) {
        return false;
    }
    let seconds = subject.end.since(subject.start).as_secs().max(1);
    let fast = |counters: Counters| counters.packets >= MIN_PACKETS && counters.packets / seconds >= MIN_RATE;
    matches!(role, Role::Media | Role::Relay | Role::Peer)
        && subject.transport == Transport::Udp
        && (fast(subject.sent) || fast(subject.received))
}

/// Payload both ways is less than application data both ways where that payload is a handshake.
fn of_tcp(facts: &FlowFacts, base: Contact) -> Contact {
    let Some(handshake) = &facts.handshake else { return base };
    let data = handshake.data.client && handshake.data.server;
    if handshake.client_hello && !data { base.min(Contact::Established) } else { base }
}

fn of_datagrams(facts: &FlowFacts) -> Contact {
    let handshake = facts.handshake.as_deref();
    if handshake.is_some_and(|handshake| handshake.data.client && handshake.data.server) {
        return Contact::Control;
    }
    if facts.signatures.iter().any(|(signature, _)| signature.is_data()) {
        return Contact::Control;
    }
    let stun = facts.stun.as_deref();
    let agreed = handshake.is_some_and(|handshake| handshake.completed)
        || stun.is_some_and(|stun| stun.allocated || (stun.connectivity_check && stun.successes.server > 0))
        || facts.signatures.iter().any(|(signature, _)| signature.is_handshake());
    if agreed { Contact::Established } else { Contact::Answered }
}
