//! What is known of an address: the flows that have it as their server, and who mentioned it.

use super::{Identity, Subject};
use crate::flow::PacketRef;
use crate::identify::facts::{MentionKind, Rtt, RttVia};
use crate::identify::names::{NameTable, Via};
use crate::identify::{Contact, Role, Service};
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

/// Sums flows up by the server's address and adds what was only mentioned.
pub(super) fn endpoints(
    subjects: &[Subject<'_>],
    flows: &[Identity],
    names: &NameTable,
    proxied: &BTreeSet<IpAddr>,
) -> BTreeMap<IpAddr, EndpointIdentity> {
    let mut endpoints: HashMap<IpAddr, EndpointIdentity, foldhash::fast::RandomState> = HashMap::default();
    for (subject, identity) in subjects.iter().zip(flows) {
        let endpoint = endpoints.entry(subject.server.ip()).or_insert_with(EndpointIdentity::new);
        endpoint.contact = endpoint.contact.max(identity.contact);
        if let Some(service) =
            identity.service.as_ref().filter(|service| !endpoint.services.contains(service))
        {
            endpoint.services.insert(service.clone());
        }
        endpoint.roles.insert(identity.role);
        for name in &identity.names {
            endpoint.name(&name.name, name.via);
        }
        let tcp = subject.handshake.filter(|_| !proxied.contains(&subject.client.ip()));
        let tcp = tcp.map(|min| Rtt { via: RttVia::Tcp, min, samples: 1 });
        let others = subject.facts.map_or(&[][..], |facts| &facts.rtts);
        tcp.into_iter().chain(others.iter().copied()).for_each(|rtt| endpoint.rtt(rtt));
        let (client, server) = (subject.client.ip(), subject.server.ip());
        for mention in subject.facts.map_or(&[][..], |facts| &facts.mentions) {
            let by = MentionedBy::Flow { kind: mention.kind, client, server, packet: mention.packet };
            endpoints.entry(mention.address.ip()).or_insert_with(EndpointIdentity::new).mention(by);
        }
    }
    for binding in names.bindings() {
        for address in &binding.addresses {
            let endpoint = endpoints.entry(*address).or_insert_with(EndpointIdentity::new);
            endpoint.mention(MentionedBy::Dns { client: binding.client, packet: binding.packet });
            for name in &binding.names {
                endpoint.name(name, Via::Dns);
            }
        }
    }
    for endpoint in endpoints.values_mut() {
        if endpoint.roles.len() > 1 {
            endpoint.roles.remove(&Role::Unknown);
        }
        endpoint.rtts.sort_by_key(|rtt| rtt.via);
    }
    endpoints.into_iter().collect()
}
