//! What is known of an address: the flows that have it as their server, and who mentioned it.

use super::{Identity, MIN_PART, Subject};
use crate::flow::PacketRef;
use crate::identify::facts::{MentionKind, Rtt, RttVia};
use crate::identify::names::{NameBinding, NameTable, Via};
use crate::identify::{Contact, Role, Service};
use crate::parallel::at_once;
use hashbrown::HashMap;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

/// Names and mentions kept of one address. A content network's front end may carry thousands.
const MAX_EACH: usize = 64;

/// Who mentioned an address, other than by sending packets there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MentionedBy {
    /// An answer to this client.
    Dns {
        /// Who asked.
        client: IpAddr,
        /// The packet with the answer.
        packet: PacketRef,
    },
    /// A packet between this client and server.
    Flow {
        /// What the address is said to be.
        kind: MentionKind,
        /// The client of that flow.
        client: IpAddr,
        /// The server of that flow.
        server: IpAddr,
        /// The packet.
        packet: PacketRef,
    },
}

/// What is known of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointIdentity {
    /// Names and how they were learnt.
    pub names: BTreeSet<(Arc<str>, Via)>,
    /// Services of the flows that have it as their server.
    pub services: BTreeSet<Service>,
    /// What it does there.
    pub roles: BTreeSet<Role>,
    /// The furthest contact.
    pub contact: Contact,
    /// Round-trip times to it, one entry a kind.
    pub rtts: Vec<Rtt>,
    /// Who mentioned it.
    pub mentioned: BTreeSet<MentionedBy>,
}

impl EndpointIdentity {
    const fn new() -> Self {
        Self {
            names: BTreeSet::new(),
            services: BTreeSet::new(),
            roles: BTreeSet::new(),
            contact: Contact::Mentioned,
            rtts: Vec::new(),
            mentioned: BTreeSet::new(),
        }
    }

    /// Adds a flow that has the address as its server.
    fn flow(&mut self, subject: &Subject<'_>, identity: &Identity, proxied: bool) {
        self.contact = self.contact.max(identity.contact);
        if let Some(service) = identity.service.as_ref().filter(|service| !self.services.contains(service)) {
            self.services.insert(service.clone());
        }
        self.roles.insert(identity.role);
        for name in &identity.names {
            self.name(&name.name, name.via);
        }
        let tcp = subject.handshake.filter(|_| !proxied).map(|min| Rtt { via: RttVia::Tcp, min, samples: 1 });
        let others = subject.facts.map_or(&[][..], |facts| &facts.rtts);
        tcp.into_iter().chain(others.iter().copied()).for_each(|rtt| self.rtt(rtt));
    }

    fn finished(mut self) -> Self {
        if self.roles.len() > 1 {
            self.roles.remove(&Role::Unknown);
        }
        self.rtts.sort_by_key(|rtt| rtt.via);
        self
    }

    fn rtt(&mut self, rtt: Rtt) {
        match self.rtts.iter_mut().find(|known| known.via == rtt.via) {
            Some(known) => {
                known.min = known.min.min(rtt.min);
                known.samples = known.samples.saturating_add(rtt.samples);
            }
            None => self.rtts.push(rtt),
        }
    }

    fn name(&mut self, name: &Arc<str>, via: Via) {
        if self.names.len() < MAX_EACH {
            self.names.insert((Arc::clone(name), via));
        }
    }

    fn mention(&mut self, by: MentionedBy) {
        if self.mentioned.len() < MAX_EACH {
            self.mentioned.insert(by);
        }
    }
}

/// Sums flows up by the server's address and adds what was only mentioned; each of `threads` has its share of the
/// addresses.
pub(super) fn endpoints(
    threads: usize,
    subjects: &[Subject<'_>],
    flows: &[Identity],
    names: &NameTable,
    proxied: &BTreeSet<IpAddr>,
) -> BTreeMap<IpAddr, EndpointIdentity> {
    let shares = subjects.len().div_ceil(MIN_PART).clamp(1, threads.max(1));
    let shares = at_once(0..shares, |number| {
        let mut share = Share { number, of: shares, endpoints: HashMap::default() };
        for (subject, identity) in subjects.iter().zip(flows) {
            share.flow(subject, identity, proxied);
        }
        for binding in names.bindings() {
            share.binding(binding);
        }
        share
            .endpoints
            .into_iter()
            .map(|(address, endpoint)| (address, endpoint.finished()))
            .collect::<Vec<_>>()
    });
    shares.into_iter().flatten().collect()
}

/// A share of the addresses.
struct Share {
    number: usize,
    of: usize,
    endpoints: HashMap<IpAddr, EndpointIdentity, foldhash::fast::RandomState>,
}

impl Share {
    fn endpoint(&mut self, address: IpAddr) -> Option<&mut EndpointIdentity> {
        let last = match address {
            IpAddr::V4(v4) => v4.octets().into_iter().last(),
            IpAddr::V6(v6) => v6.octets().into_iter().last(),
        };
        let own = usize::from(last.unwrap_or_default()) % self.of == self.number;
        own.then(|| self.endpoints.entry(address).or_insert_with(EndpointIdentity::new))
    }

    fn flow(&mut self, subject: &Subject<'_>, identity: &Identity, proxied: &BTreeSet<IpAddr>) {
        let (client, server) = (subject.client.ip(), subject.server.ip());
        if let Some(endpoint) = self.endpoint(server) {
            endpoint.flow(subject, identity, proxied.contains(&client));
        }
        for mention in subject.facts.map_or(&[][..], |facts| &facts.mentions) {
            if let Some(endpoint) = self.endpoint(mention.address.ip()) {
                let by = MentionedBy::Flow { kind: mention.kind, client, server, packet: mention.packet };
                endpoint.mention(by);
            }
        }
    }

    fn binding(&mut self, binding: &NameBinding) {
        for address in &binding.addresses {
            let Some(endpoint) = self.endpoint(*address) else { continue };
            endpoint.mention(MentionedBy::Dns { client: binding.client, packet: binding.packet });
            for name in &binding.names {
                endpoint.name(name, Via::Dns);
            }
        }
    }
}
