//! What a flow says of itself: evidence from its bytes, its names and its address.

use super::said::{self, Said, rule_of};
use super::{Draft, Subject};
use crate::flow::Transport;
use crate::identify::catalogue::{NameMatch, PrefixMatch};
use crate::identify::evidence::{Detail, Fit, Kind, Listed};
use crate::identify::facts::{Protocol, Tunnel};
use crate::identify::named::Name;
use crate::identify::names::{ClientNames, NameBinding, NameTable, Via, normalise};
use crate::identify::{Catalogue, Evidence, FlowFacts, Service};
use hashbrown::{HashMap, HashTable};
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

/// What was looked up, and what the catalogue says of names and prefixes. Flows have the same ones again and again, and
/// most names fit nothing, which takes the longest to find out. What is cited is the thread's own: to count who else
/// has it costs more when others count too.
pub(super) struct Lookups<'a> {
    resolved: &'a NameTable,
    of_client: ClientNames<'a>,
    catalogue: &'a Catalogue,
    names: Names<'a>,
    certificates: Names<'a>,
    /// What lists of names say that flows carry.
    said: HashTable<Rc<Said>>,
    hasher: foldhash::fast::RandomState,
    /// By their places in the catalogue.
    prefixes: Vec<Option<Arc<Listed>>>,
    /// The prefixes that hold addresses of servers.
    holders: HashMap<IpAddr, &'a [u16], foldhash::fast::RandomState>,
}

/// Servers whose prefixes are remembered: as many as a network of thousands of clients turns to. Where there are more,
/// as when somebody scans, hardly one comes again.
const MAX_SERVERS: usize = 1 << 13;

/// Lists of names of which it is remembered what they say: as many as a network has servers that it turns to all the time.
const MAX_LISTS: usize = 1 << 10;

type Names<'a> = HashMap<Arc<str>, Rc<[Found<'a>]>, foldhash::fast::RandomState>;

/// What a name fits, and how that is cited.
pub(super) struct Found<'a> {
    pub(super) what: NameMatch<'a>,
    pub(super) fit: Arc<Fit>,
}

impl<'a> Lookups<'a> {
    pub(super) fn new(resolved: &'a NameTable, catalogue: &'a Catalogue) -> Self {
        Self {
            resolved,
            of_client: ClientNames::default(),
            catalogue,
            names: Names::default(),
            certificates: Names::default(),
            said: HashTable::new(),
            hasher: foldhash::fast::RandomState::default(),
            prefixes: Vec::new(),
            holders: HashMap::default(),
        }
    }

    pub(super) const fn catalogue(&self) -> &'a Catalogue {
        self.catalogue
    }

    /// Turns to the flows of another client.
    pub(super) fn turn_to(&mut self, client: Option<IpAddr>) {
        self.of_client = client.map(|client| self.resolved.of_client(client)).unwrap_or_default();
    }

    /// What the client's look-ups called the server of `subject`.
    fn resolved(&self, subject: &Subject<'_>) -> Option<&'a NameBinding> {
        self.of_client.lookup(subject.server.ip(), subject.start)
    }

    pub(super) fn find(&mut self, name: Name<'_>) -> Rc<[Found<'a>]> {
        let catalogue = self.catalogue;
        match name.via {
            Via::Certificate => find(&mut self.certificates, name.name, |name| catalogue.certificate(name)),
            _ => self.find_host(name.name),
        }
    }

    fn find_host(&mut self, name: &Arc<str>) -> Rc<[Found<'a>]> {
        find(&mut self.names, name, |name| self.catalogue.name(name))
    }

    /// What the names of a flow with these facts say.
    pub(super) fn said(&mut self, facts: &FlowFacts) -> Rc<Said> {
        let hash = facts.names.number(&self.hasher);
        if let Some(known) = self.said.find(hash, |said| said.is_of(facts)) {
            return Rc::clone(known);
        }
        if self.said.len() >= MAX_LISTS {
            self.said.clear();
        }
        let said = Rc::new(Said::new(facts, self));
        let hasher = &self.hasher;
        self.said.insert_unique(hash, Rc::clone(&said), |said| said.number(hasher));
        said
    }

    /// Which prefixes hold the server of `subject`.
    fn holders(&mut self, subject: &Subject<'_>) -> &'a [u16] {
        if self.holders.len() >= MAX_SERVERS {
            self.holders.clear();
        }
        let server = subject.server.ip();
        self.holders.entry(server).or_insert_with(|| self.catalogue.holders(server))
    }

    fn cited(&mut self, found: &PrefixMatch<'_>) -> Arc<Listed> {
        let PrefixMatch { prefix, source, as_of, .. } = *found;
        let listed = || Arc::new(Listed { prefix, source: Arc::clone(source), as_of });
        let place = usize::from(found.place);
        if place >= self.prefixes.len() {
            self.prefixes.resize(place + 1, None);
        }
        self.prefixes.get_mut(place).map_or_else(listed, |known| Arc::clone(known.get_or_insert_with(listed)))
    }
}

fn find<'a>(
    known: &mut Names<'a>,
    name: &Arc<str>,
    look_up: impl FnOnce(&str) -> Vec<NameMatch<'a>>,
) -> Rc<[Found<'a>]> {
    if let Some(found) = known.get(name) {
        return Rc::clone(found);
    }
    let cited = |what: NameMatch<'a>| {
        let (name, pattern) = (Arc::clone(name), Arc::clone(what.pattern));
        Found { what, fit: Arc::new(Fit { name, pattern, shared: what.shared }) }
    };
    let found: Rc<[Found<'a>]> = look_up(name).into_iter().map(cited).collect();
    known.insert(Arc::clone(name), Rc::clone(&found));
    found
}

/// Collects in `draft` what `subject` says of itself.
pub(super) fn collect(draft: &mut Draft, subject: &Subject<'_>, lookups: &mut Lookups<'_>) {
    if let Some(facts) = subject.facts {
        signatures(draft, facts);
        generic(draft, subject, facts);
        realm(draft, facts, lookups);
        draft.through_proxy = facts.tunnel.is_some();
        if !facts.names.is_empty() {
            said::names(draft, facts, lookups);
        }
        if let Some(tunnel) = &facts.tunnel {
            behind(draft, tunnel, lookups);
        }
    }
    if draft.through_proxy {
        // Names that the client looked up for the proxy say nothing of what goes through it.
        lookups.resolved(subject).into_iter().for_each(|binding| draft.looked_up(binding));
    } else if !draft.carries_name {
        resolved(draft, subject, lookups);
    }
    prefixes(draft, subject, lookups);
}

/// What a proxy is asked for says what the connection is for, and so do the names in it: but they are the names of the
/// server behind the proxy, to whose address no packet of the flow goes.
fn behind(draft: &mut Draft, tunnel: &Tunnel, lookups: &mut Lookups<'_>) {
    mark_names(draft, "proxy");
    let Some(name) = normalise(&tunnel.host) else { return };
    for Found { what, fit } in &*lookups.find_host(&name) {
        draft.promise(Kind::Resolved, what);
        let evidence = Evidence {
            kind: Kind::Name,
            rule: "proxy-target",
            service: Some(what.service.clone()),
            packet: Some(tunnel.packet),
            detail: Detail::Asked(tunnel.kind, Arc::clone(fit)),
        };
        draft.add(evidence, what.shared);
    }
}

/// Says of names that they are those of somebody behind a `what`.
pub(super) fn mark_names(draft: &mut Draft, what: &'static str) {
    for evidence in draft.evidence.iter_mut().chain(&mut draft.shared) {
        if matches!(evidence.detail, Detail::Name(..)) {
            let detail = std::mem::replace(&mut evidence.detail, Detail::Words(""));
            evidence.detail = Detail::Behind(Box::new(detail), what);
        }
    }
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
fn realm(draft: &mut Draft, facts: &FlowFacts, lookups: &mut Lookups<'_>) {
    let Some((realm, packet)) = facts.stun.as_deref().and_then(|stun| stun.realm.as_ref()) else { return };
    let Some(name) = normalise(realm) else { return };
    for Found { what, fit } in lookups.find_host(&name).iter().filter(|found| !found.what.shared) {
        draft.evidence.push(Evidence {
            kind: Kind::Name,
            rule: "turn-realm",
            service: Some(what.service.clone()),
            packet: Some(*packet),
            detail: Detail::Realm(Arc::clone(fit)),
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
    for Found { what, fit } in &*lookups.find(name) {
        draft.promise(kind, what);
        let evidence = Evidence {
            kind,
            rule: rule_of(kind),
            service: Some(what.service.clone()),
            packet: Some(name.packet),
            detail: Detail::Name(name.via, Arc::clone(fit)),
        };
        draft.add(evidence, what.shared);
    }
}

/// Names that the client's own look-ups gave to the address. They say nothing where the flow itself carries a name:
/// one address often serves many.
fn resolved(draft: &mut Draft, subject: &Subject<'_>, lookups: &mut Lookups<'_>) {
    let Some(binding) = lookups.resolved(subject) else { return };
    for name in &*binding.names {
        add_name(draft, Name { name, via: Via::Dns, packet: binding.packet }, lookups);
    }
    draft.looked_up(binding);
}

fn prefixes(draft: &mut Draft, subject: &Subject<'_>, lookups: &mut Lookups<'_>) {
    if !matches!(subject.transport, Transport::Tcp | Transport::Udp) {
        return;
    }
    let holders = lookups.holders(subject);
    for found in lookups.catalogue.listed(holders, Some(subject.start)) {
        let shared = found.shared || (PUBLIC_STUN.contains(found.service) && asks_only_its_address(subject));
        let evidence = Evidence {
            kind: Kind::Prefix,
            rule: "listed-prefix",
            service: Some(found.service.clone()),
            packet: None,
            detail: Detail::Prefix { address: subject.server.ip(), prefix: lookups.cited(&found), shared },
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
        let said = |known: &Evidence| known.service == evidence.service && known.rule == evidence.rule;
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
