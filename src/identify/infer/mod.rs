//! Inference: from the facts of all flows, the names that DNS gave and the catalogue to what each flow is.
//!
//! First each flow speaks for itself; then flows that nothing names may inherit from others of the same client.

mod contact;
mod crowd;
mod endpoint;
mod inherit;
mod numbered;
mod own;
mod proxy;
mod role;
mod subject;

pub use endpoint::{EndpointIdentity, MentionedBy};
pub use subject::Subject;

use super::evidence::{Detail, Kind, weigh};
use super::names::{Name, NameTable};
use super::{Catalogue, Contact, Evidence, Role, Service};
use crate::parallel::{at_once, both};
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
    pub names: Vec<Name>,
    /// What the service rests on, strongest first.
    pub evidence: Vec<Evidence>,
}

impl Identity {
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
    names: Vec<Name>,
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
}

impl Draft {
    /// Notes what the flow is by itself, for others to refer to.
    fn weigh_own(&mut self, subject: &Subject<'_>, catalogue: &Catalogue) {
        let own = weigh(&self.evidence).map(|(service, strongest)| (service.clone(), strongest.kind));
        let service = own.as_ref().map(|(service, _)| service);
        self.own_role = Some(role::role(subject, self, service, catalogue));
        self.own_service = own;
    }

    fn has_address_evidence(&self) -> bool {
        let of_address =
            |evidence: &Evidence| matches!(evidence.kind, Kind::Prefix | Kind::Resolved | Kind::Certificate);
        self.evidence.iter().any(of_address)
    }
}

/// Flows that a thread is worth.
const MIN_PART: usize = 1024;

/// Infers what each of `subjects` is. They are in the order of their first packets.
pub fn infer(subjects: &[Subject<'_>], names: &NameTable, catalogue: &Catalogue) -> Inference {
    infer_on(1, subjects, names, catalogue)
}

/// As [`infer`], on up to `threads` threads, with the same result.
pub fn infer_on(
    threads: usize,
    subjects: &[Subject<'_>],
    names: &NameTable,
    catalogue: &Catalogue,
) -> Inference {
    let part = subjects.len().div_ceil(threads.max(1)).max(MIN_PART);
    let numbered = numbered::Numbered::new(subjects);
    let drafted = at_once((0..).step_by(part).zip(subjects.chunks(part)), |(first, subjects)| {
        let mut lookups = own::Lookups::new(names, catalogue);
        let draft = |(place, subject): (usize, &Subject<'_>)| {
            let mut draft = own::draft(subject, &mut lookups);
            numbered.add(place, subject, &mut draft);
            draft.weigh_own(subject, catalogue);
            draft
        };
        (first..).zip(subjects).map(draft).collect::<Vec<_>>()
    });
    let mut drafts: Vec<Draft> = drafted.into_iter().flatten().collect();
    let known = inherit::Known::new(threads, subjects, &drafts);
    let concluded = at_once((0..).step_by(part).zip(drafts.chunks_mut(part)), |(first, drafts)| {
        let conclude = |(place, draft): (usize, &mut Draft)| {
            let subject = subjects.get(place)?;
            known.lend(place, subject, draft);
            Some(conclude(subject, std::mem::take(draft), &known, catalogue))
        };
        (first..).zip(drafts).filter_map(conclude).collect::<Vec<_>>()
    });
    drop(known);
    let mut flows: Vec<Identity> = concluded.into_iter().flatten().collect();
    let ((), proxied_clients) =
        both(threads, || crowd::probes(subjects, &mut flows), || proxy::proxied(subjects));
    let endpoints = endpoint::endpoints(threads, subjects, &flows, names, &proxied_clients);
    Inference { flows, endpoints, proxied_clients }
}

fn conclude(
    subject: &Subject<'_>,
    mut draft: Draft,
    known: &inherit::Known<'_>,
    catalogue: &Catalogue,
) -> Identity {
    let mut service = weigh(&draft.evidence).map(|(service, _)| service.clone());
    let role = role::role(subject, &draft, service.as_ref(), catalogue);
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
    let mut evidence: Vec<Evidence> = draft.evidence;
    evidence.sort_by_key(|piece| (piece.service != service, std::cmp::Reverse(piece.kind)));
    if evidence.capacity() > evidence.len() + 1 {
        evidence.shrink_to_fit();
    }
    Identity { service, role, contact: contact::contact(subject, role), names: draft.names, evidence }
}

#[cfg(test)]
mod tests;
