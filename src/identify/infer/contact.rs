//! How far contact with the server of a flow went, with what its payload shows.

use super::Subject;
use crate::flow::Transport;
use crate::identify::{Contact, FlowFacts};

/// The contact that a flow shows.
pub(super) fn contact(subject: &Subject<'_>) -> Contact {
    let base = subject.contact;
    let Some(facts) = subject.facts else { return base };
    if base == Contact::Attempted || subject.received.packets == 0 {
        return base;
    }
    if subject.has_media() {
        return Contact::Media;
    }
    match subject.transport {
        Transport::Tcp => of_tcp(facts, base),
        _ => base.max(of_datagrams(facts)),
    }
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
    let stun = facts.stun.as_deref();
    let agreed = handshake.is_some_and(|handshake| handshake.completed)
        || stun.is_some_and(|stun| stun.allocated || (stun.connectivity_check && stun.successes.server > 0))
        || facts.signatures.iter().any(|(signature, _)| signature.is_handshake());
    if agreed { Contact::Established } else { Contact::Answered }
}
