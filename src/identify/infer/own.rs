//! What a flow says of itself: evidence from its bytes, its names and its address.

use super::{Draft, Subject};
use crate::flow::Transport;
use crate::identify::catalogue::NameMatch;
use crate::identify::evidence::{Detail, Kind};
use crate::identify::facts::{Protocol, Tunnel};
use crate::identify::named::{Name, Names};
use crate::identify::names::{NameBinding, NameTable, Via, normalise};
use crate::identify::{Catalogue, Evidence, FlowFacts, Service};
use hashbrown::HashMap;
use std::rc::Rc;
use std::sync::Arc;

/// What was looked up, and what the catalogue says of names. Flows have the same names again and again, and most names
/// fit nothing, which takes the longest to find out.
pub(super) struct Lookups<'a> {
    resolved: &'a NameTable,
    catalogue: &'a Catalogue,
    names: Known<'a>,
    certificates: Known<'a>,
    /// Room to collect evidence in, so that each flow takes no more than it has.
    room: Vec<Evidence>,
}

type Known<'a> = HashMap<Arc<str>, Rc<[NameMatch<'a>]>, foldhash::fast::RandomState>;

impl<'a> Lookups<'a> {
    pub(super) fn new(resolved: &'a NameTable, catalogue: &'a Catalogue) -> Self {
        Self {
            resolved,
            catalogue,
            names: Known::default(),
            certificates: Known::default(),
            room: Vec::new(),
        }
    }

    pub(super) const fn catalogue(&self) -> &'a Catalogue {
        self.catalogue
    }

    fn find(&mut self, name: Name<'_>) -> Rc<[NameMatch<'a>]> {
        let certificate = name.via == Via::Certificate;
        let known = if certificate { &mut self.certificates } else { &mut self.names };
        if let Some(found) = known.get(name.name) {
            return Rc::clone(found);
        }
        let catalogue = self.catalogue;
        let matches = if certificate { catalogue.certificate(name.name) } else { catalogue.name(name.name) };
        let found: Rc<[NameMatch<'a>]> = matches.into();
        known.insert(Arc::clone(name.name), Rc::clone(&found));
        found
    }
}

/// Collects what `subject` says of itself.
pub(super) fn draft(subject: &Subject<'_>, lookups: &mut Lookups<'_>) -> Draft {
    let mut draft = Draft { evidence: std::mem::take(&mut lookups.room), ..Draft::default() };
    if let Some(facts) = subject.facts {
        signatures(&mut draft, facts);
        generic(&mut draft, subject, facts);
        realm(&mut draft, facts, lookups.catalogue);
        draft.carries_name = !facts.handshake_of_peer
            && facts.names.iter().any(|name| name.via != Via::Certificate && !name.is_address());
        draft.through_proxy = facts.tunnel.is_some();
        let denied = denied_name(facts);
        for name in relevant(&facts.names).filter(|name| !is_denied(name, denied)) {
            add_name(&mut draft, name, lookups);
        }
        if let Some(tunnel) = &facts.tunnel {
            behind(&mut draft, tunnel, lookups);
        } else if facts.handshake_of_peer {
            mark_names(&mut draft, "relay");
        } else if denied.is_some() {
            draft.names = facts.names.filtered(|name| !is_denied(name, denied));
        } else {
            draft.names = facts.names.clone();
        }
    }
    if draft.through_proxy {
        proxy_names(&mut draft, subject, lookups);
    } else {
        resolved(&mut draft, subject, lookups);
    }
    prefixes(&mut draft, subject, lookups.catalogue);
    // What is named gets its port, or what it shares with others, as one piece more.
    let mut own = Vec::new();
    if !draft.evidence.is_empty() {
        own.reserve_exact(draft.evidence.len() + 1);
        own.append(&mut draft.evidence);
    }
    lookups.room = std::mem::replace(&mut draft.evidence, own);
    draft
}

/// The name that the client asks for, where the server shows a certificate that is not for it: it is not the server's,
/// whatever the client says.
fn denied_name(facts: &FlowFacts) -> Option<Name<'_>> {
    let mut shown = facts.names.iter().filter(|name| name.via == Via::Certificate);
    // Of a certificate with too many names it is not known whom it is for.
    shown.clone().next().filter(|_| facts.left_out == 0)?;
    let asked = facts.names.iter().find(asks)?;
    (!shown.any(|name| covers(name.name, asked.name))).then_some(asked)
}

/// Whether the client asks for a server by this name.
fn asks(name: &Name<'_>) -> bool {
    matches!(name.via, Via::Tls | Via::Quic | Via::Dtls) && !name.is_address()
}

fn is_denied(name: &Name<'_>, denied: Option<Name<'_>>) -> bool {
    asks(name) && denied.is_some_and(|denied| denied.name == name.name)
}

/// Names that say which server it is. A certificate is often for many servers: where the client has named the one
/// it wants and the certificate is for that one, its other names say nothing. Where it is not, they say that the
/// name was false.
fn relevant(names: &Names) -> impl Iterator<Item = Name<'_>> {
    let asked = names.iter().find(asks);
    let covers = move |name: &Name<'_>| asked.is_some_and(|asked| covers(name.name, asked.name));
    let covered = names.iter().any(|name| name.via == Via::Certificate && covers(&name));
    names.iter().filter(move |name| name.via != Via::Certificate || !covered || covers(name))
}

/// Whether a certificate for `pattern` is one for `name`, RFC 9525 section 6.3.
fn covers(pattern: &str, name: &str) -> bool {
    let below = pattern.strip_prefix("*.").zip(name.split_once('.'));
    pattern == name || below.is_some_and(|(parent, (_, of))| parent == of)
}

/// What a proxy is asked for says what the connection is for, and so do the names in it: but they are the names of the
/// server behind the proxy, to whose address no packet of the flow goes.
fn behind(draft: &mut Draft, tunnel: &Tunnel, lookups: &mut Lookups<'_>) {
    mark_names(draft, "proxy");
    let Some(name) = normalise(&tunnel.host) else { return };
    for found in lookups.catalogue.name(&name) {
        draft.promise(Kind::Resolved, &found);
        let evidence = Evidence {
            kind: Kind::Name,
            rule: "proxy-target",
            service: Some(found.service.clone()),
            packet: Some(tunnel.packet),
            detail: Detail::Asked {
                kind: tunnel.kind,
                name: Arc::clone(&name),
                pattern: Arc::clone(found.pattern),
            },
        };
        draft.add(evidence, found.shared);
    }
}

/// Says of names that they are those of somebody behind a `what`.
fn mark_names(draft: &mut Draft, what: &'static str) {
    for evidence in draft.evidence.iter_mut().chain(&mut draft.shared) {
        if matches!(evidence.detail, Detail::Name { .. }) {
            let detail = std::mem::replace(&mut evidence.detail, Detail::Words(""));
            evidence.detail = Detail::Behind(Box::new(detail), what);
        }
    }
}

/// Names that the client looked up for the proxy. They say nothing of what goes through it.
fn proxy_names(draft: &mut Draft, subject: &Subject<'_>, lookups: &Lookups<'_>) {
    let found = lookups.resolved.lookup(subject.client.ip(), subject.server.ip(), subject.start);
    found.into_iter().for_each(|binding| draft.looked_up(binding));
}

fn signatures(draft: &mut Draft, facts: &FlowFacts) {
    for (signature, packet) in &facts.signatures {
        let (rule, detail) = signature.describe();
        draft.evidence.push(Evidence {
            kind: Kind::Signature,
            rule,
            service: Some(signature.service()),
            packet: Some(*packet),
            detail: Detail::Words(detail),
        });
    }
}

/// Techniques, for flows of which nothing names the application.
fn generic(draft: &mut Draft, subject: &Subject<'_>, facts: &FlowFacts) {
    let mut add = |rule, service, words| {
        draft.evidence.push(Evidence {
            kind: Kind::Signature,
            rule,
            service: Some(service),
            packet: Some(subject.first_packet),
            detail: Detail::Words(words),
        });
    };
    if facts.has(Protocol::Dtls) && (is_checked(facts) || offers_webrtc(facts)) {
        add("ice-dtls", Service::WEBRTC, "ICE and DTLS on one path");
    }
    if facts.has(Protocol::Sip) {
        add("sip", Service::SIP, "SIP in clear");
    }
    if facts.has(Protocol::H323) {
        add("h323", Service::H323, "H.323 in clear");
    }
    if two_way(subject, facts) {
        add("two-way-rtp", Service::UNKNOWN_MEDIA, "RTP in both directions");
    }
}

/// Whether ICE checked the path, with an answer.
fn is_checked(facts: &FlowFacts) -> bool {
    facts.stun.as_deref().is_some_and(|stun| stun.connectivity_check && stun.successes.server > 0)
}

/// Whether ALPN has an id of WebRTC's (RFC 8833).
fn offers_webrtc(facts: &FlowFacts) -> bool {
    let offered = facts.handshake.as_deref().map_or(&[][..], |handshake| &handshake.alpn);
    offered.iter().any(|protocol| protocol == "webrtc" || protocol == "c-webrtc")
}

/// The realm of a TURN server is its operator's domain, by custom.
fn realm(draft: &mut Draft, facts: &FlowFacts, catalogue: &Catalogue) {
    let Some((realm, packet)) = facts.stun.as_deref().and_then(|stun| stun.realm.as_ref()) else { return };
    let Some(name) = normalise(realm) else { return };
    for found in catalogue.name(&name).into_iter().filter(|found| !found.shared) {
        draft.evidence.push(Evidence {
            kind: Kind::Name,
            rule: "turn-realm",
            service: Some(found.service.clone()),
            packet: Some(*packet),
            detail: Detail::Realm { name: Arc::clone(&name), pattern: Arc::clone(found.pattern) },
        });
    }
}

/// Whether media went both ways: one direction is RTP beyond doubt, and most of what came back looks like it.
fn two_way(subject: &Subject<'_>, facts: &FlowFacts) -> bool {
    let mostly = |headers: u64, packets: u64| headers >= 2 && headers.saturating_mul(2) >= packets;
    !facts.media.is_empty()
        && mostly(facts.rtp_headers.client, subject.sent.packets)
        && mostly(facts.rtp_headers.server, subject.received.packets)
}

fn add_name(draft: &mut Draft, name: Name<'_>, lookups: &mut Lookups<'_>) {
    let kind = Kind::of_name(name.via);
    for found in &*lookups.find(name) {
        draft.promise(kind, found);
        let evidence = Evidence {
            kind,
            rule: rule_of(kind),
            service: Some(found.service.clone()),
            packet: Some(name.packet),
            detail: Detail::Name {
                via: name.via,
                name: Arc::clone(name.name),
                pattern: Arc::clone(found.pattern),
                shared: found.shared,
            },
        };
        draft.add(evidence, found.shared);
    }
}

const fn rule_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Certificate => "certificate-name",
        Kind::Resolved => "dns-name",
        _ => "name",
    }
}

/// Names that the client's own look-ups gave to the address. They say nothing where the flow itself carries a name:
/// one address often serves many.
fn resolved(draft: &mut Draft, subject: &Subject<'_>, lookups: &mut Lookups<'_>) {
    if draft.carries_name {
        return;
    }
    let Some(binding) = lookups.resolved.lookup(subject.client.ip(), subject.server.ip(), subject.start)
    else {
        return;
    };
    for name in &*binding.names {
        add_name(draft, Name { name, via: Via::Dns, packet: binding.packet }, lookups);
    }
    draft.looked_up(binding);
}

fn prefixes(draft: &mut Draft, subject: &Subject<'_>, catalogue: &Catalogue) {
    if !matches!(subject.transport, Transport::Tcp | Transport::Udp) {
        return;
    }
    for found in catalogue.address(subject.server.ip(), Some(subject.start)) {
        let shared = found.shared || (PUBLIC_STUN.contains(found.service) && asks_only_its_address(subject));
        let evidence = Evidence {
            kind: Kind::Prefix,
            rule: "listed-prefix",
            service: Some(found.service.clone()),
            packet: None,
            detail: Detail::Prefix {
                address: subject.server.ip(),
                prefix: found.prefix,
                source: Arc::clone(found.source),
                as_of: found.as_of,
                shared,
            },
        };
        draft.add(evidence, shared);
    }
}

/// Services in whose address ranges a STUN server answers anyone: `stun.l.google.com`, which calls of many makers ask for
/// their own address.
const PUBLIC_STUN: [Service; 1] = [Service::MEET];

/// Whether a flow is no more than a client's question to a STUN server what its own address is.
fn asks_only_its_address(subject: &Subject<'_>) -> bool {
    let Some(facts) = subject.facts else { return false };
    let stun = facts.stun.as_deref();
    stun.is_some_and(|stun| !stun.connectivity_check && !stun.allocate && !stun.relayed)
        && facts.handshake.is_none()
        && facts.signatures.is_empty()
        && !subject.has_media()
}

impl Draft {
    /// Adds a piece, unless one of the same kind says the same already.
    fn add(&mut self, evidence: Evidence, shared: bool) {
        let list = if shared { &mut self.shared } else { &mut self.evidence };
        let said = |known: &Evidence| known.rule == evidence.rule && known.service == evidence.service;
        if !list.iter().any(said) {
            list.push(evidence);
        }
    }

    fn looked_up(&mut self, binding: &NameBinding) {
        self.names.extend(&binding.names, binding.names.len(), Via::Dns, binding.packet);
    }

    fn promise(&mut self, kind: Kind, found: &NameMatch<'_>) {
        if let Some(role) = found.role {
            self.promised.push((found.service.clone(), kind, found.specific, role));
        }
    }

    /// Whether the flow could be taken for part of what its client does elsewhere: nothing names it, and it is
    /// not a protocol of its own.
    pub(super) fn may_inherit(&self, subject: &Subject<'_>) -> bool {
        let other = |facts: &FlowFacts| {
            [Protocol::Dns, Protocol::Http].iter().any(|protocol| facts.has(*protocol))
                || !facts.signatures.is_empty()
        };
        !self.carries_name && !self.through_proxy && !subject.facts.is_some_and(other)
    }
}
