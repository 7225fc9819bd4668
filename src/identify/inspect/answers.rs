//! DNS: what answers tell their client about the names of addresses.

use super::Feed;
use crate::identify::dns::{self, Alias, Message, Name};
use crate::identify::facts::Direction;
use crate::identify::names::{NameBinding, normalise};
use crate::identify::wire::be16;
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

/// Ports of `NetBIOS`, whose messages have the form of DNS (RFC 1002 section 4.2).
const NETBIOS: std::ops::RangeInclusive<u16> = 137..=139;

/// Whether a datagram of the client is a question to a name server, on whatever port that listens: DNS by its content
/// alone, which must be faultless.
pub(super) fn is_question(feed: &Feed, payload: &[u8]) -> bool {
    feed.direction == Direction::FromClient
        && payload.get(4..8) == Some(&ONE_QUESTION)
        && payload.len() == feed.length
        && !feed.destination().ip().is_multicast()
        && ![feed.source(), feed.destination()].iter().any(|end| NETBIOS.contains(&end.port()))
        && dns::is_question(payload)
}

/// Whether a client's stream begins with such a question, after its length (RFC 1035 section 4.2.2).
pub(super) fn is_tcp_question(feed: &Feed, stream: &[u8]) -> bool {
    feed.direction == Direction::FromClient
        && stream.get(6..10) == Some(&ONE_QUESTION)
        && dns::tcp_messages(stream).next().is_some_and(|message| {
            be16(stream, 0) == u16::try_from(message.len()).ok() && dns::is_question(message)
        })
}

/// Whether it may, once more of it has come.
pub(super) fn may_be_tcp_question(feed: &Feed, stream: &[u8]) -> bool {
    feed.direction == Direction::FromClient && stream.get(6..10).is_none_or(|counts| *counts == ONE_QUESTION)
}

/// Whether a datagram belongs to questions and answers on a port of its own.
pub(super) fn is_message(payload: &[u8]) -> bool {
    dns::is_question(payload) || dns::is_answer(payload)
}

/// One question and no answer, in the header of a message.
const ONE_QUESTION: [u8; 4] = [0, 1, 0, 0];

/// Adds what a message tells to `bindings`. Whether it is DNS at all.
pub(super) fn take(feed: &Feed, bytes: &[u8], bindings: &mut Vec<NameBinding>) -> bool {
    let Some(has_answers) = dns::may_have_answers(bytes) else { return false };
    let client = feed.destination().ip();
    // Answers to a group speak of the local network, in names that mean nothing elsewhere.
    if has_answers
        && !client.is_multicast()
        && let Some(message) = dns::parse(bytes)
    {
        bind(feed, client, &message, bindings);
    }
    true
}

fn bind(feed: &Feed, client: IpAddr, message: &Message<'_>, bindings: &mut Vec<NameBinding>) {
    let mut answers = message.answers.as_slice();
    while let Some(first) = answers.first() {
        let length = answers.iter().take_while(|answer| answer.name.is_identical(first.name)).count();
        let (same, rest) = answers.split_at_checked(length).unwrap_or((answers, &[]));
        answers = rest;
        let mut names = Vec::new();
        for name in chain(first.name, &message.aliases).filter_map(|name| name.with_text(normalise)) {
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
            names: names.into(),
            addresses: same.iter().map(|answer| answer.address).collect(),
            time: feed.time,
            ttl: Duration::from_secs(ttl.into()),
            packet: feed.packet,
        });
    }
}

/// A name and those it is an alias of, in order (RFC 1034 section 3.6.2). Aliases that go round end at the bound.
fn chain<'a>(name: Name<'a>, aliases: &[Alias<'a>]) -> impl Iterator<Item = Name<'a>> {
    let next = |name: &Name<'a>| Some(aliases.iter().find(|alias| alias.name.is_same(*name))?.target);
    std::iter::successors(Some(name), next).take(MAX_NAMES)
}
