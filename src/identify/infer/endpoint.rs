//! What is known of an address: the flows that have it as their server, and who mentioned it.

use super::{Identity, Subject};
use crate::flow::PacketRef;
use crate::identify::facts::{MentionKind, Rtt, RttVia};
use crate::identify::named::Names;
use crate::identify::names::{NameBinding, Via};
use crate::identify::{Contact, Role, Service};
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
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

    fn service(&mut self, service: &Service) {
        if !self.services.contains(service) {
            self.services.insert(service.clone());
        }
    }
}

/// What flows and answers to look-ups say of addresses, in whatever order they are added.
#[derive(Default)]
pub(super) struct Endpoints(HashMap<IpAddr, Sum, foldhash::fast::RandomState>);

impl Endpoints {
    /// Adds the flow of `subject`, which is at `place` among all.
    pub(super) fn flow(&mut self, subject: &Subject<'_>, identity: &Identity, place: u32, proxied: bool) {
        let (client, server) = (subject.client.ip(), subject.server.ip());
        let sum = self.0.entry(server).or_default();
        sum.flow(subject, identity, proxied);
        sum.names(&identity.names, place);
        for (mention, order) in subject.facts.map_or(&[][..], |facts| &facts.mentions).iter().zip(0..) {
            let by = MentionedBy::Flow { kind: mention.kind, client, server, packet: mention.packet };
            self.0.entry(mention.address.ip()).or_default().mentioned.add(by, (u64::from(place), order));
        }
    }

    /// Adds what answers to look-ups say, the first of which is at `place` among all. They come after all flows.
    pub(super) fn bindings(&mut self, place: usize, bindings: &[NameBinding]) {
        for (binding, place) in bindings.iter().zip(place as u64 + FIRST_BINDING..) {
            for address in &binding.addresses {
                let sum = self.0.entry(*address).or_default();
                let by = MentionedBy::Dns { client: binding.client, packet: binding.packet };
                sum.mentioned.add(by, (place, 0));
                // Most answers say what the one before said.
                if sum.answered.as_ref().is_none_or(|names| *names != binding.names) {
                    sum.names.extend(place, binding.names.iter().map(|name| (Arc::clone(name), Via::Dns)));
                    sum.answered = Some(Arc::clone(&binding.names));
                }
            }
        }
    }

    /// What is known of each address by all of `parts`.
    pub(super) fn sum(parts: Vec<Self>) -> BTreeMap<IpAddr, EndpointIdentity> {
        let mut parts = parts.into_iter();
        let mut sum = parts.next().unwrap_or_default();
        parts.for_each(|part| sum.merge(part));
        sum.0.into_iter().map(|(address, sum)| (address, sum.finished())).collect()
    }

    fn merge(&mut self, others: Self) {
        for (address, other) in others.0 {
            match self.0.entry(address) {
                Entry::Occupied(mut known) => known.get_mut().merge(other),
                Entry::Vacant(vacant) => {
                    vacant.insert(other);
                }
            }
        }
    }
}

/// What is known of an address so far.
struct Sum {
    /// All but names and mentions.
    endpoint: EndpointIdentity,
    names: Firsts<(Arc<str>, Via)>,
    mentioned: Firsts<MentionedBy>,
    /// Names of flows that were added lately, and the flow's place: most flows to one server have the same. Each thread
    /// that reads packets has a copy of each list and name.
    listed: [Option<(u32, Names)>; 4],
    /// The names of the answer that were added last.
    answered: Option<Arc<[Arc<str>]>>,
}

impl Default for Sum {
    fn default() -> Self {
        Self {
            endpoint: EndpointIdentity::new(),
            names: Firsts::default(),
            mentioned: Firsts::default(),
            listed: Default::default(),
            answered: None,
        }
    }
}

impl Sum {
    /// Adds a flow that has the address as its server.
    fn flow(&mut self, subject: &Subject<'_>, identity: &Identity, proxied: bool) {
        let endpoint = &mut self.endpoint;
        endpoint.contact = endpoint.contact.max(identity.contact);
        identity.service.iter().for_each(|service| endpoint.service(service));
        endpoint.roles.insert(identity.role);
        let tcp = subject.handshake.filter(|_| !proxied).map(|min| Rtt { via: RttVia::Tcp, min, samples: 1 });
        let others = subject.facts.map_or(&[][..], |facts| &facts.rtts);
        tcp.into_iter().chain(others.iter().copied()).for_each(|rtt| Rtt::add(&mut endpoint.rtts, rtt));
    }

    /// Adds the names of the flow at `place`.
    fn names(&mut self, names: &Names, place: u32) {
        let known = || self.listed.iter().flatten().filter(|(first, _)| *first <= place);
        if names.is_empty() || known().any(|(_, known)| known.is_shared_with(names)) {
            return;
        }
        if !known().any(|(_, known)| known.has_same_texts(names)) {
            let each = names.iter().map(|name| (Arc::clone(name.name), name.via));
            self.names.extend(u64::from(place), each);
        }
        self.listed.rotate_right(1);
        if let Some(latest) = self.listed.first_mut() {
            *latest = Some((place, names.clone()));
        }
    }

    fn merge(&mut self, other: Self) {
        let endpoint = &mut self.endpoint;
        endpoint.contact = endpoint.contact.max(other.endpoint.contact);
        other.endpoint.services.iter().for_each(|service| endpoint.service(service));
        endpoint.roles.extend(other.endpoint.roles);
        other.endpoint.rtts.into_iter().for_each(|rtt| Rtt::add(&mut endpoint.rtts, rtt));
        self.names.merge(other.names);
        self.mentioned.merge(other.mentioned);
    }

    fn finished(self) -> EndpointIdentity {
        let mut endpoint = EndpointIdentity {
            names: self.names.into_set(),
            mentioned: self.mentioned.into_set(),
            ..self.endpoint
        };
        if endpoint.roles.len() > 1 {
            endpoint.roles.remove(&Role::Unknown);
        }
        endpoint.rtts.sort_by_key(|rtt| rtt.via);
        endpoint
    }
}

/// Where something came: the place of the flow or answer, and the number in it.
type Order = (u64, u32);

/// The place of the first answer to a look-up; those of flows have 32 bits.
const FIRST_BINDING: u64 = 1 << 32;

/// Each of some things once; of too many, those that came first, in whatever order they are added.
struct Firsts<T> {
    items: BTreeMap<T, Order>,
    /// What comes from here on is not among the first.
    end: Order,
    /// Where the latest of them came.
    latest: Order,
}

impl<T> Default for Firsts<T> {
    fn default() -> Self {
        Self { items: BTreeMap::new(), end: (u64::MAX, u32::MAX), latest: (0, 0) }
    }
}

impl<T: Ord> Firsts<T> {
    fn extend(&mut self, place: u64, items: impl Iterator<Item = T>) {
        items.zip(0..).for_each(|(item, number)| self.add(item, (place, number)));
    }

    fn add(&mut self, item: T, order: Order) {
        let is_late = self.items.len() >= MAX_EACH && order > self.latest;
        if is_late || order >= self.end {
            return;
        }
        self.latest = self.latest.max(order);
        let first = self.items.entry(item).or_insert(order);
        *first = order.min(*first);
        // Those past the bound are not sought out each time.
        if self.items.len() > 2 * MAX_EACH {
            self.cut();
        }
    }

    fn merge(&mut self, other: Self) {
        other.items.into_iter().for_each(|(item, order)| self.add(item, order));
    }

    fn cut(&mut self) {
        let mut orders: Vec<Order> = self.items.values().copied().collect();
        orders.sort_unstable();
        if let Some(end) = orders.get(MAX_EACH) {
            self.items.retain(|_, order| *order < *end);
            self.end = *end;
        }
    }

    fn into_set(mut self) -> BTreeSet<T> {
        self.cut();
        self.items.into_keys().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_first_things_are_kept_in_whatever_order_they_come(
            things in prop::collection::vec(0u16..300, 0..600),
            parts in 1usize..4,
        ) {
            let mut expected = BTreeSet::new();
            for thing in &things {
                if expected.len() < MAX_EACH {
                    expected.insert(*thing);
                }
            }
            let mut all = Firsts::default();
            for part in (0..parts).rev() {
                let mut firsts = Firsts::default();
                for (thing, place) in things.iter().zip(0..).skip(part).step_by(parts) {
                    firsts.add(*thing, (place, 0));
                }
                all.merge(firsts);
            }
            prop_assert_eq!(all.into_set(), expected);
        }
    }
}
