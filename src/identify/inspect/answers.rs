//! DNS: what answers tell their client about the names of addresses.

use super::Feed;
use crate::identify::dns::{self, Alias, Message};
use crate::identify::names::{NameBinding, normalise};
use std::net::IpAddr;
use std::time::Duration;

/// Bindings kept of one flow. A resolver that uses one port for all questions fills it in an hour.
const MAX_BINDINGS: usize = 4096;
/// Names kept of one answer: the one asked for and its aliases.
const MAX_NAMES: usize = 16;

/// Whether it is the port of DNS, multicast DNS or LLMNR.
pub(super) const fn is_port(port: u16) -> bool {
    matches!(port, 53 | 5353 | 5355)
}

/// Adds what a message tells to `bindings`. Whether it is DNS at all.
pub(super) fn take(feed: &Feed, bytes: &[u8], bindings: &mut Vec<NameBinding>) -> bool {
    let Some(has_answers) = dns::may_have_answers(bytes) else { return false };
    let client = feed.destination.ip();
    // Answers to a group speak of the local network, in names that mean nothing elsewhere.
    if has_answers
        && !client.is_multicast()
        && let Some(message) = dns::parse(bytes)
    {
        bind(feed, client, &message, bindings);
    }
    true
}

fn bind(feed: &Feed, client: IpAddr, message: &Message, bindings: &mut Vec<NameBinding>) {
    let mut answers = message.answers.as_slice();
    while let Some(first) = answers.first() {
        let length = answers.iter().take_while(|answer| answer.name == first.name).count();
        let (same, rest) = answers.split_at_checked(length).unwrap_or((answers, &[]));
        answers = rest;
        let mut names = Vec::new();
        for name in chain(&first.name, &message.aliases).filter_map(normalise) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        if names.is_empty() || bindings.len() >= MAX_BINDINGS {
            continue;
        }
        let ttl = same.iter().map(|answer| answer.ttl).max().unwrap_or(0);
        bindings.push(NameBinding {
            client,
            names,
            addresses: same.iter().map(|answer| answer.address).collect(),
            time: feed.time,
            ttl: Duration::from_secs(ttl.into()),
            packet: feed.packet,
        });
    }
}

/// A name and those it is an alias of, in order (RFC 1034 section 3.6.2). Aliases that go round end at the bound.
fn chain<'a>(name: &'a str, aliases: &'a [Alias]) -> impl Iterator<Item = &'a str> {
    let next = |name: &&str| {
        let alias = aliases.iter().find(|alias| alias.name.eq_ignore_ascii_case(name))?;
        Some(&*alias.target)
    };
    std::iter::successors(Some(name), next).take(MAX_NAMES)
}
