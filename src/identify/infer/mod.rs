//! Inference: from the facts of all flows, the names that DNS gave and the catalogue to what each flow is.
//!
//! First each flow speaks for itself; then flows that nothing names may inherit from others of the same client. What
//! other clients do says nothing: each client's flows are looked at by themselves.

mod contact;
mod crowd;
mod endpoint;
mod inherit;
mod numbered;
mod own;
mod proxy;
mod role;
mod said;
mod subject;

pub use endpoint::{EndpointIdentity, MentionedBy};
pub use subject::Subject;

use super::evidence::{Detail, Kind, weigh};
use super::named::Names;
use super::names::NameTable;
use super::{Catalogue, Contact, Evidence, Role, Service};
use crate::parallel::{at_once, both, part_size};
use hashbrown::HashMap;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// What a flow is: an inference, with what it rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The application, or the technique where nothing names the application.
    pub service: Option<Service>,
    /// What the far end does.
    pub role: Role,
    /// How far contact went.
    pub contact: Contact,
    /// Names of the server: those the flow carries, else those its client looked up.
    pub names: Names,
    /// What the service rests on, strongest first.
    pub evidence: Vec<Evidence>,
}

impl Identity {
    /// Of a flow of which nothing is known. A constant, and not put together for each flow: what is stored field by field
    /// and then moved at once has to be waited for by the processor.
    const UNKNOWN: Self = Self {
        service: None,
        role: Role::Unknown,
        contact: Contact::Mentioned,
        names: Names::EMPTY,
        evidence: Vec::new(),
    };

    /// Whether the service is only carried over from other flows.
    pub fn is_inherited(&self) -> bool {
        self.evidence.first().is_some_and(|strongest| strongest.kind == Kind::Inherited)
    }
}

/// What was inferred from a capture.
#[derive(Clone, Debug, Default)]
pub struct Inference {
    /// One for each flow, in their order.
    pub flows: Vec<Identity>,
    /// Every address that flows have as a server, and every one that was only mentioned.
    pub endpoints: BTreeMap<IpAddr, EndpointIdentity>,
    /// Clients whose TCP handshakes something near them answers in the place of the servers: their TCP times say
    /// nothing about the servers and are left out of [`EndpointIdentity::rtts`].
    pub proxied_clients: BTreeSet<IpAddr>,
}

/// What is collected of a flow before anything is concluded.
#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is an independent fact of the flow")]
struct Draft {
    evidence: Vec<Evidence>,
    /// Evidence that several services share: it counts only with other flows.
    shared: Vec<Evidence>,
    promised: Vec<role::Promise>,
    names: Names,
    /// The flow itself carries a name of its server, known to the catalogue or not.
    carries_name: bool,
    /// The flow's server is a proxy, and its names are those of a server behind it.
    through_proxy: bool,
    /// Its packets are part of a sequence that its socket sends to many addresses.
    numbered: bool,
    /// The far end is a participant, by how the flow came about.
    is_peer: bool,
    /// The service that its own evidence speaks for, and the kind of the strongest piece.
    own_service: Option<(Service, Kind)>,
    /// What the far end does, by its own evidence.
    own_role: Option<Role>,
    /// Pieces of its own evidence.
    own_pieces: usize,
}

impl Draft {
    /// Makes it that of another flow, and keeps the room that its lists have.
    fn clear(&mut self) {
        let Self { evidence, shared, promised, names, own_service, own_role, own_pieces, .. } = self;
        evidence.clear();
        shared.clear();
        promised.clear();
        *names = Names::EMPTY;
        (*own_service, *own_role, *own_pieces) = (None, None, 0);
        (self.carries_name, self.through_proxy, self.numbered, self.is_peer) = (false, false, false, false);
    }

    /// Notes what the flow is by itself, for others to refer to.
    fn weigh_own(&mut self, subject: &Subject<'_>, catalogue: &Catalogue) {
        let own = weigh(&self.evidence).map(|(service, strongest)| (service.clone(), strongest.kind));
        let service = own.as_ref().map(|(service, _)| service);
        self.own_role = Some(role::role(subject, self, service, catalogue));
        self.own_service = own;
        self.own_pieces = self.evidence.len();
    }

    /// The service that its evidence speaks for, with what it has from other flows.
    fn service(&self) -> Option<&Service> {
        if self.evidence.len() == self.own_pieces {
            self.own_service.as_ref().map(|(service, _)| service)
        } else {
            weigh(&self.evidence).map(|(service, _)| service)
        }
    }

    /// What the far end does, with what other flows say of it.
    fn role(&self, subject: &Subject<'_>, service: Option<&Service>, catalogue: &Catalogue) -> Role {
        let own = self.own_service.as_ref().map(|(service, _)| service);
        match self.own_role {
            Some(role) if own == service && !self.is_peer => role,
            _ => role::role(subject, self, service, catalogue),
        }
    }

    fn has_address_evidence(&self) -> bool {
        let of_address =
            |evidence: &Evidence| matches!(evidence.kind, Kind::Prefix | Kind::Resolved | Kind::Certificate);
        self.evidence.iter().any(of_address)
    }
}

/// Flows that a thread is worth.
const MIN_PART: usize = 1024;

/// Flows whose facts fit in a core's own cache.
const MAX_AT_HAND: usize = 256;

/// Infers what each of `subjects` is. They are in the order of their first packets.
pub fn infer(subjects: &[Subject<'_>], names: &NameTable, catalogue: &Catalogue) -> Inference {
    let clients = Clients::new(subjects.iter().map(|subject| subject.client.ip()));
    infer_on(1, subjects, &clients, names, catalogue)
}

/// As [`infer`], on up to `threads` threads, with the same result. The subjects have these `clients`.
pub fn infer_on(
    threads: usize,
    subjects: &[Subject<'_>],
    Clients(clients): &Clients,
    names: &NameTable,
    catalogue: &Catalogue,
) -> Inference {
    let parts = parts(clients, part_size(subjects.len(), threads, MIN_PART));
    let each = names.bindings().len().div_ceil(parts.len()).max(1);
    let bindings = (0..).step_by(each).zip(names.bindings().chunks(each).chain(std::iter::repeat(&[][..])));
    let concluded = at_once(parts.iter().zip(bindings), |(clients, (first, bindings))| {
        let mut lookups = own::Lookups::new(names, catalogue);
        let mut concluded = Concluded::with_room(clients.iter().map(Vec::len).sum());
        clients.iter().for_each(|places| concluded.client(subjects, places, &mut lookups));
        concluded.endpoints.bindings(first, bindings);
        concluded
    });
    let (mut flows, mut endpoints, mut proxied_clients) = (Vec::new(), Vec::new(), BTreeSet::new());
    for part in concluded {
        flows.push(part.flows);
        endpoints.push(part.endpoints);
        proxied_clients.extend(part.proxied_clients);
    }
    let (flows, endpoints) =
        both(threads, || in_order(subjects.len(), &parts, flows), || endpoint::Endpoints::sum(endpoints));
    Inference { flows, endpoints, proxied_clients }
}

/// What each of so many flows is, in their order; `flows` are those of the clients of each part.
fn in_order(count: usize, parts: &[&[Vec<u32>]], flows: Vec<Vec<Identity>>) -> Vec<Identity> {
    let mut ordered = Vec::new();
    ordered.resize_with(count, || Identity::UNKNOWN);
    for (clients, flows) in parts.iter().zip(flows) {
        for (place, identity) in clients.iter().flatten().zip(flows) {
            if let Some(flow) = ordered.get_mut(*place as usize) {
                *flow = identity;
            }
        }
    }
    ordered
}

/// The flows of each client.
#[derive(Debug)]
pub struct Clients(
    /// The places of each client's flows, in order.
    Vec<Vec<u32>>,
);

impl Clients {
    /// Of flows that have these clients, one for each flow in their order.
    pub fn new(of_flows: impl Iterator<Item = IpAddr>) -> Self {
        let mut known: HashMap<IpAddr, usize, foldhash::fast::RandomState> = HashMap::default();
        let mut clients: Vec<Vec<u32>> = Vec::new();
        for (client, place) in of_flows.zip(0..) {
            let client = *known.entry(client).or_insert(clients.len());
            match clients.get_mut(client) {
                Some(places) => places.push(place),
                None => clients.push(vec![place]),
            }
        }
        Self(clients)
    }
}

/// Parts of `clients` that have `flows` flows each, as nearly as whole clients can make it; at least one.
fn parts(mut clients: &[Vec<u32>], flows: usize) -> Vec<&[Vec<u32>]> {
    let mut parts = Vec::new();
    while parts.is_empty() || !clients.is_empty() {
        let mut taken = 0;
        let has_room = |places: &&Vec<u32>| {
            taken += places.len();
            taken - places.len() < flows
        };
        let count = clients.iter().take_while(has_room).count();
        let (part, rest) = clients.split_at_checked(count).unwrap_or((clients, &[]));
        parts.push(part);
        clients = rest;
    }
    parts
}

/// What some clients' flows are.
struct Concluded<'a> {
    /// In the order of the clients, and of each client's flows.
    flows: Vec<Identity>,
    proxied_clients: Vec<IpAddr>,
    endpoints: endpoint::Endpoints,
    /// Room for what is collected of one client's flows: to ask for so much for each makes the allocator tidy up.
    subjects: Vec<&'a Subject<'a>>,
    drafts: Vec<Draft>,
    known: inherit::Known,
}

impl<'a> Concluded<'a> {
    fn with_room(flows: usize) -> Self {
        Self {
            flows: Vec::with_capacity(flows),
            proxied_clients: Vec::new(),
            endpoints: endpoint::Endpoints::default(),
            subjects: Vec::new(),
            drafts: Vec::new(),
            known: inherit::Known::default(),
        }
    }

    /// Adds the flows of one client, which are at `places`.
    fn client(&mut self, all: &'a [Subject<'a>], places: &[u32], lookups: &mut own::Lookups<'_>) {
        let mut subjects = std::mem::take(&mut self.subjects);
        subjects.extend(places.iter().filter_map(|place| all.get(*place as usize)));
        let first = self.flows.len();
        let proxied = self.conclude(&subjects, lookups);
        let flows = self.flows.get(first..).unwrap_or_default();
        for ((subject, identity), place) in subjects.iter().zip(flows).zip(places) {
            self.endpoints.flow(subject, identity, *place, proxied);
        }
        subjects.clear();
        self.subjects = subjects;
    }

    /// Adds what `subjects`, the flows of one client, are, and tells whether the client is proxied.
    fn conclude(&mut self, subjects: &[&Subject<'_>], lookups: &mut own::Lookups<'_>) -> bool {
        let client = subjects.first().map(|subject| subject.client.ip());
        lookups.turn_to(client);
        self.draft(subjects, lookups);
        let drafts = self.drafts.get_mut(..subjects.len()).unwrap_or_default();
        self.known.look_through(subjects, drafts);
        let known = inherit::Others { subjects, known: &self.known };
        let first = self.flows.len();
        for ((draft, subject), place) in drafts.iter_mut().zip(subjects).zip(0..) {
            known.lend(place, subject, draft);
            // Filled in where it stays, for the same reason for which it begins as a constant.
            self.flows.push(Identity::UNKNOWN);
            if let Some(identity) = self.flows.last_mut() {
                conclude(identity, subject, draft, &known, lookups.catalogue());
            }
        }
        crowd::probes(subjects, self.flows.get_mut(first..).unwrap_or_default());
        let proxied = proxy::is_proxied(subjects);
        self.proxied_clients.extend(client.filter(|_| proxied));
        proxied
    }

    /// Collects what each of a client's flows says of itself.
    fn draft(&mut self, subjects: &[&Subject<'_>], lookups: &mut own::Lookups<'_>) {
        if self.drafts.len() < subjects.len() {
            self.drafts.resize_with(subjects.len(), Draft::default);
        }
        std::hint::black_box(subjects.iter().take(MAX_AT_HAND).map(|subject| subject.touch()).sum::<usize>());
        let numbered = numbered::Numbered::new(subjects);
        for ((draft, subject), place) in self.drafts.iter_mut().zip(subjects).zip(0..) {
            draft.clear();
            own::collect(draft, subject, lookups);
            numbered.add(place, subject, draft);
            draft.weigh_own(subject, lookups.catalogue());
        }
    }
}

fn conclude(
    identity: &mut Identity,
    subject: &Subject<'_>,
    draft: &mut Draft,
    known: &inherit::Others<'_>,
    catalogue: &Catalogue,
) {
    let mut service = draft.service().cloned();
    let role = draft.role(subject, service.as_ref(), catalogue);
    if let Some(service) = &service
        && let Some(port_role) = catalogue.port(service, subject.port())
    {
        draft.evidence.push(Evidence {
            kind: Kind::Port,
            rule: "listed-port",
            service: Some(service.clone()),
            packet: None,
            detail: Detail::Port { number: subject.server.port(), role: port_role },
        });
    }
    let tenant = service.as_ref().and_then(|service| known.tenant(subject, service));
    if let Some(tenant) = tenant {
        service.clone_from(&tenant.service);
        draft.evidence.push(tenant);
    }
    draft.evidence.sort_by_key(|piece| (piece.service != service, std::cmp::Reverse(piece.kind)));
    identity.evidence.reserve_exact(draft.evidence.len());
    identity.evidence.append(&mut draft.evidence);
    identity.names = std::mem::take(&mut draft.names);
    identity.role = role;
    identity.contact = contact::contact(subject, role);
    identity.service = service;
}

#[cfg(test)]
mod tests;
