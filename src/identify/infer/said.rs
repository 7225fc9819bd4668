//! What the names say that flows carry.
//!
//! Servers show the same certificates again and again, of up to hundreds of names. What a list says is found out once.

use super::Draft;
use super::own::{Found, Lookups, mark_names};
use super::role::Promise;
use crate::identify::evidence::{Detail, Kind};
use crate::identify::named::{Name, Names};
use crate::identify::names::Via;
use crate::identify::{Evidence, FlowFacts};
use std::hash::BuildHasher;
use std::sync::Arc;

/// What a list of names says, whichever flow carries it.
pub(super) struct Said {
    /// The names.
    names: Names,
    /// None of the flow's names was left out.
    is_whole: bool,
    /// One of them is not of a certificate, and no address.
    has_own: bool,
    /// The client asks for one that the certificate denies.
    is_denied: bool,
    /// Each once: of several that are alike the last one counts.
    promised: Vec<Promise>,
    pieces: Vec<Piece>,
}

/// Evidence that a name is.
struct Piece {
    /// Without the packet.
    evidence: Evidence,
    /// When the name was learnt.
    occasion: usize,
    /// Several services have such names.
    shared: bool,
}

impl Said {
    /// A certificate is often for many servers: where the client has named the one it wants and the certificate is for
    /// that one, its other names say nothing. Where it is not, the name is not the server's, whatever the client says.
    pub(super) fn new(facts: &FlowFacts, lookups: &mut Lookups<'_>) -> Self {
        let (names, is_whole) = (&facts.names, facts.left_out == 0);
        let asked = names.iter().find(asks);
        let covers = |name: &Name<'_>| asked.is_some_and(|asked| covers(name.name, asked.name));
        let mut shown = names.iter().filter(|name| name.via == Via::Certificate).peekable();
        let is_shown = shown.peek().is_some();
        let is_covered = shown.any(|name| covers(&name));
        // Of a certificate with too many names it is not known whom it is for.
        let denied = asked.filter(|_| is_shown && !is_covered && is_whole);
        let mut said = Self {
            names: names.clone(),
            is_whole,
            has_own: names.iter().any(|name| name.via != Via::Certificate && !name.is_address()),
            is_denied: denied.is_some(),
            promised: Vec::new(),
            pieces: Vec::new(),
        };
        for (occasion, name) in names.by_occasion().filter(|(_, name)| !is_denied(name, denied)) {
            if name.via != Via::Certificate || !is_covered || covers(&name) {
                said.add(occasion, name, lookups);
            }
        }
        said
    }

    /// Whether this is what the names say that `facts` have.
    pub(super) fn is_of(&self, facts: &FlowFacts) -> bool {
        self.is_whole == (facts.left_out == 0) && self.names.is_shared_with(&facts.names)
    }

    /// As [`Names::number`].
    pub(super) fn number(&self, hasher: &impl BuildHasher) -> u64 {
        self.names.number(hasher)
    }

    fn add(&mut self, occasion: usize, name: Name<'_>, lookups: &mut Lookups<'_>) {
        let kind = Kind::of_name(name.via);
        for Found { what, fit } in &*lookups.find(name) {
            if let Some(role) = what.role {
                let promise = (what.service.clone(), kind, what.specific, role);
                self.promised.retain(|known| *known != promise);
                self.promised.push(promise);
            }
            let evidence = Evidence {
                kind,
                rule: rule_of(kind),
                service: Some(what.service.clone()),
                packet: None,
                detail: Detail::Name(name.via, Arc::clone(fit)),
            };
            let same = |known: &Piece| {
                known.shared == what.shared
                    && (&known.evidence.service, known.evidence.rule) == (&evidence.service, evidence.rule)
            };
            if !self.pieces.iter().any(same) {
                self.pieces.push(Piece { evidence, occasion, shared: what.shared });
            }
        }
    }
}

/// Adds to `draft` what the names that a flow carries say.
pub(super) fn names(draft: &mut Draft, facts: &FlowFacts, lookups: &mut Lookups<'_>) {
    let said = lookups.said(facts);
    draft.carries_name = said.has_own && !facts.handshake_of_peer;
    draft.promised.extend_from_slice(&said.promised);
    for Piece { evidence, occasion, shared } in &said.pieces {
        let list = if *shared { &mut draft.shared } else { &mut draft.evidence };
        list.push(Evidence { packet: facts.names.packet(*occasion), ..evidence.clone() });
    }
    if draft.through_proxy {
        return;
    }
    if facts.handshake_of_peer {
        mark_names(draft, "relay");
    } else if said.is_denied {
        let asked = facts.names.iter().find(asks);
        draft.names = facts.names.filtered(|name| !is_denied(name, asked));
    } else {
        draft.names = facts.names.clone();
    }
}

/// Whether the client asks for a server by this name.
fn asks(name: &Name<'_>) -> bool {
    matches!(name.via, Via::Tls | Via::Quic | Via::Dtls) && !name.is_address()
}

fn is_denied(name: &Name<'_>, denied: Option<Name<'_>>) -> bool {
    asks(name) && denied.is_some_and(|denied| denied.name == name.name)
}

/// Whether a certificate for `pattern` is one for `name`, RFC 9525 section 6.3.
fn covers(pattern: &str, name: &str) -> bool {
    let below = pattern.strip_prefix("*.").zip(name.split_once('.'));
    pattern == name || below.is_some_and(|(parent, (_, of))| parent == of)
}

/// The rule by which a name is evidence.
pub(super) const fn rule_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Certificate => "certificate-name",
        Kind::Resolved => "dns-name",
        _ => "name",
    }
}
