//! Local proxies: something near the client that answers every TCP handshake in the place of the servers.

use super::Subject;
use crate::identify::facts::RttVia;
use hashbrown::HashMap;
use std::net::IpAddr;
use std::time::Duration;

/// Servers whose times are compared. With fewer, a client near its servers looks alike.
const MIN_SERVERS: usize = 4;
/// The slowest TCP answer that something near the client gives.
const MAX_NEAR: Duration = Duration::from_millis(20);
/// How many times slower the servers themselves answer.
const MIN_RATIO: u32 = 8;

/// Whether the TCP handshakes of a client, whose flows these are, are answered near by: every one in next to no time,
/// while the first answers of the servers themselves (TLS) take many times as long. Its TCP times say nothing about the
/// servers.
pub(super) fn is_proxied(subjects: &[Subject<'_>]) -> bool {
    if subjects.len() < MIN_SERVERS {
        return false;
    }
    let mut least: HashMap<IpAddr, (Duration, Duration), foldhash::fast::RandomState> = HashMap::default();
    for subject in subjects {
        let rtts = subject.facts.map_or(&[][..], |facts| &facts.rtts);
        let tls = rtts.iter().find(|rtt| rtt.via == RttVia::Tls).map(|rtt| rtt.min);
        let Some((tcp, tls)) = subject.handshake.zip(tls) else { continue };
        let of_server = least.entry(subject.server.ip()).or_insert((tcp, tls));
        *of_server = (of_server.0.min(tcp), of_server.1.min(tls));
    }
    let mut servers = Servers::default();
    for (tcp, tls) in least.into_values() {
        servers.all = servers.all.saturating_add(1);
        servers.near = servers.near.saturating_add(usize::from(tcp <= MAX_NEAR));
        servers.slow = servers.slow.saturating_add(usize::from(tls >= tcp.saturating_mul(MIN_RATIO)));
    }
    servers.are_proxied()
}

/// How many servers of a client there are, answer TCP at once, and take many times as long for TLS.
#[derive(Debug, Default)]
struct Servers {
    all: usize,
    near: usize,
    slow: usize,
}

impl Servers {
    const fn are_proxied(&self) -> bool {
        let most_are_slow = self.slow.saturating_mul(4) >= self.all.saturating_mul(3);
        self.all >= MIN_SERVERS && self.near == self.all && most_are_slow
    }
}
