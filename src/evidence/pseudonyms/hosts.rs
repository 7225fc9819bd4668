//! Which host names are replaced: those of the local network, and those of addresses that are replaced.

use super::classify::Classes;
use crate::identify::evidence::Detail;
use crate::pipeline::Inspected;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Endings of names that no public server has: multicast DNS (RFC 6762), homes (RFC 8375), what routers and offices
/// hand out by DHCP (ICANN's name collision list), and names made of addresses (RFC 1035 section 3.5).
const ENDINGS: [&str; 14] = [
    "arpa",
    "box",
    "corp",
    "domain",
    "home",
    "intern",
    "internal",
    "intranet",
    "lan",
    "local",
    "localdomain",
    "localhost",
    "private",
    "workgroup",
];

/// Whether it is a name of a local network, or made of an address. A single label is one; so is one with an ending
/// that only local networks use.
pub(in super::super) fn is_local(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    let ending = name.rsplit('.').next().unwrap_or_default();
    !name.is_empty()
        && (ending.len() == name.len() || ENDINGS.iter().any(|local| ending.eq_ignore_ascii_case(local)))
}

/// Names, in small letters, of addresses that are replaced: not those that a server has too, nor those by which a
/// service is known.
pub(super) fn bound(inspected: &Inspected, classes: &Classes) -> BTreeSet<String> {
    let mut names: BTreeMap<String, bool> = BTreeMap::new();
    let mut note = |name: &str, address: IpAddr| {
        let kept = !classes.hides(address);
        let known = names.entry(name.trim_end_matches('.').to_lowercase()).or_insert(kept);
        *known |= kept;
    };
    for (address, endpoint) in &inspected.inference.endpoints {
        endpoint.names.iter().for_each(|(name, _)| note(name, *address));
    }
    for binding in inspected.analysis.names.bindings() {
        for (name, address) in
            binding.names.iter().flat_map(|name| binding.addresses.iter().map(move |at| (name, at)))
        {
            note(name, *address);
        }
    }
    for recorded in inspected.analysis.inputs.iter().flat_map(|input| &input.recorded_names) {
        note(&recorded.name, recorded.address);
    }
    for flow in &inspected.analysis.flows {
        let carried = flow.state.facts().into_iter().flat_map(|facts| facts.names.iter());
        carried.for_each(|name| note(name.name, flow.server().0));
    }
    let of_services: BTreeSet<&str> = inspected
        .inference
        .flows
        .iter()
        .flat_map(|identity| &identity.evidence)
        .filter_map(|evidence| match &evidence.detail {
            Detail::Name(found) => Some(&*found.fit.name),
            _ => None,
        })
        .collect();
    names
        .into_iter()
        .filter(|(name, kept)| !kept && !of_services.contains(name.as_str()))
        .map(|(name, _)| name)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_local_networks_are_told_by_their_form() {
        for name in [
            "printer",
            "Alices-iPhone.local",
            "nas.fritz.box",
            "pc.lan",
            "1.0.168.192.in-addr.arpa",
            "x.LOCAL.",
        ] {
            assert!(is_local(name), "{name}");
        }
        for name in ["zoom.us", "local.example", "", "*.zoom.us"] {
            assert!(!is_local(name), "{name}");
        }
    }
}
