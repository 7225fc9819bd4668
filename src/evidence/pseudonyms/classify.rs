//! Which addresses are replaced. In doubt one is: what is replaced in error can be asked for, what was published
//! cannot be taken back.

use crate::flow::Flow;
use crate::identify::facts::MentionKind;
use crate::identify::infer::{EndpointIdentity, MentionedBy, Subject};
use crate::identify::names::{Via, normalise};
use crate::identify::{Contact, Role};
use crate::locate::{EmbeddedIpv4, Scope};
use crate::pipeline::Inspected;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Ports below this one are for servers, RFC 6335 section 6.
const SYSTEM_PORTS: u16 = 1024;

/// Which addresses are servers' and stay.
#[derive(Debug, Default)]
pub(super) struct Classes {
    kept: BTreeSet<IpAddr>,
    /// Networks with clients in them, by an address of them: a server there would tell the client's network.
    networks: BTreeSet<IpAddr>,
    /// Whoever sent something: with an address of a group, as anonymised captures have it, it is a host all the same.
    senders: BTreeSet<IpAddr>,
}

/// What flows say of an address.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    /// It is the client of a call.
    calls: bool,
    /// It is seen to have opened a flow.
    opens: bool,
    /// It answered at a system port.
    answers: bool,
}

impl Classes {
    pub(super) fn new(inspected: &Inspected) -> Self {
        let seen = seen(inspected);
        let endpoints = &inspected.inference.endpoints;
        let serves = |address: &IpAddr| {
            let seen = seen.get(address).copied().unwrap_or_default();
            endpoints.get(address).is_some_and(|endpoint| is_server(endpoint, seen))
        };
        let mut classes = Self::default();
        let known = known(inspected);
        for address in &known {
            let seen = seen.get(address).copied().unwrap_or_default();
            if inspected.analysis.endpoints.get(address).is_some_and(|tally| tally.sent.packets > 0) {
                classes.senders.insert(*address);
            }
            // Of IPv4, a public address that opened some flow may be a server's among its like.
            if seen.calls || seen.opens && address.is_ipv6() {
                classes.networks.insert(network(*address));
            }
        }
        classes.kept = known.into_iter().filter(|address| may_be_kept(*address) && serves(address)).collect();
        classes
    }

    /// Classes in which these addresses are servers'.
    #[cfg(test)]
    pub(super) fn keeping(kept: BTreeSet<IpAddr>) -> Self {
        Self { kept, ..Self::default() }
    }

    /// Whether `address` is replaced.
    pub(super) fn hides(&self, address: IpAddr) -> bool {
        match Scope::of(address) {
            Scope::Anycast | Scope::Broadcast | Scope::Discard | Scope::Loopback | Scope::Unspecified => {
                false
            }
            Scope::Multicast => is_solicited_node(address) || self.senders.contains(&address),
            _ => !self.is_kept(address),
        }
    }

    /// Whether `address` is a server's and stays.
    pub(super) fn is_kept(&self, address: IpAddr) -> bool {
        if self.networks.contains(&network(address)) {
            return false;
        }
        if let Some(inner) = EmbeddedIpv4::of(address) {
            let inner = IpAddr::V4(inner.address);
            return self.kept.contains(&inner) || self.kept.contains(&address) && !self.hides(inner);
        }
        self.kept.contains(&address)
    }
}

/// Every address that the report or the packets of its findings can have.
pub(super) fn known(inspected: &Inspected) -> BTreeSet<IpAddr> {
    let analysis = &inspected.analysis;
    let flows = analysis.flows.iter().flat_map(|flow| [flow.client().0, flow.server().0]);
    let errors = analysis.flows.iter().flat_map(Flow::errors).map(|error| error.sender);
    let bindings = analysis
        .names
        .bindings()
        .iter()
        .flat_map(|binding| binding.addresses.iter().chain([&binding.client]));
    let recorded = analysis.inputs.iter().flat_map(|input| &input.recorded_names).map(|name| &name.address);
    let tallied = analysis.endpoints.keys().chain(inspected.inference.endpoints.keys());
    let mut known: BTreeSet<IpAddr> =
        tallied.chain(bindings).chain(recorded).copied().chain(flows).chain(errors).collect();
    let inner: Vec<IpAddr> = known
        .iter()
        .filter_map(|address| EmbeddedIpv4::of(*address))
        .map(|inner| IpAddr::V4(inner.address))
        .collect();
    known.extend(inner);
    known
}

fn seen(inspected: &Inspected) -> BTreeMap<IpAddr, Seen> {
    let mut seen: BTreeMap<IpAddr, Seen> = BTreeMap::new();
    for session in &inspected.sessions {
        seen.entry(session.client).or_default().calls = true;
    }
    for (flow, identity) in inspected.analysis.flows.iter().zip(&inspected.inference.flows) {
        let subject = Subject::new(flow, flow.state.facts());
        if subject.opened_by_client == Some(true) {
            seen.entry(subject.client.ip()).or_default().opens = true;
        }
        let is_system_port = (1..SYSTEM_PORTS).contains(&subject.server.port());
        if is_system_port && identity.contact >= Contact::Answered {
            seen.entry(subject.server.ip()).or_default().answers = true;
        }
    }
    seen
}

/// Only an address of the Internet can be that of a server that matters; documentation has them as examples.
fn may_be_kept(address: IpAddr) -> bool {
    matches!(Scope::of(address), Scope::Global | Scope::Documentation | Scope::Benchmark)
}

/// Whether something shows that the address is a server's, and nothing that it is a participant's.
fn is_server(endpoint: &EndpointIdentity, seen: Seen) -> bool {
    if seen.calls || endpoint.roles.contains(&Role::Peer) {
        return false;
    }
    if endpoint.services.iter().any(|service| !service.is_generic()) {
        return true;
    }
    if seen.opens || mentioned_as(endpoint, &[MentionKind::Candidate, MentionKind::Mapped, MentionKind::Peer])
    {
        return false;
    }
    let servers = [MentionKind::AlternateServer, MentionKind::OtherServer, MentionKind::Relayed];
    has_name(endpoint) || seen.answers || mentioned_as(endpoint, &servers)
}

/// Whether the address has a name by which servers are found.
fn has_name(endpoint: &EndpointIdentity) -> bool {
    endpoint
        .names
        .iter()
        .any(|(name, via)| *via != Via::Sip && normalise(name).is_some() && !super::is_local(name))
}

fn mentioned_as(endpoint: &EndpointIdentity, kinds: &[MentionKind]) -> bool {
    endpoint.mentioned.iter().any(|by| matches!(by, MentionedBy::Flow { kind, .. } if kinds.contains(kind)))
}

/// Multicast that ends in a part of one host's address, RFC 4291 section 2.7.1.
fn is_solicited_node(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(ipv6) if matches!(ipv6.segments(), [0xff02, 0, 0, 0, 0, 1, 0xff00..=0xffff, _]))
}

/// The network in which hosts of one place are: /24 of IPv4, /64 of IPv6.
const fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() & !0xff)),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}
