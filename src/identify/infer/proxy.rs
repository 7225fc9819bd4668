//! Local proxies: something near the client that answers every TCP handshake in the place of the servers.

use super::Subject;
use crate::identify::facts::RttVia;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

/// Servers whose times are compared. With fewer, a client near its servers looks alike.
const MIN_SERVERS: usize = 4;
/// The slowest TCP answer that something near the client gives.
const MAX_NEAR: Duration = Duration::from_millis(20);
/// How many times slower the servers themselves answer.
const MIN_RATIO: u32 = 8;

/// Clients whose TCP handshakes are answered near by: every one in next to no time, while the first answers of the
/// servers themselves (TLS) take many times as long. Their TCP times say nothing about the servers.
pub(super) fn proxied(subjects: &[Subject<'_>]) -> BTreeSet<IpAddr> {
    let mut times: BTreeMap<IpAddr, BTreeMap<IpAddr, (Duration, Duration)>> = BTreeMap::new();
    for subject in subjects {
        let rtts = subject.facts.map_or(&[][..], |facts| &facts.rtts);
        let tls = rtts.iter().find(|rtt| rtt.via == RttVia::Tls).map(|rtt| rtt.min);
        let Some((tcp, tls)) = subject.handshake.zip(tls) else { continue };
        let servers = times.entry(subject.client.ip()).or_default();
        let least = servers.entry(subject.server.ip()).or_insert((tcp, tls));
        *least = (least.0.min(tcp), least.1.min(tls));
    }
    times.into_iter().filter(|(_, servers)| is_proxied(servers)).map(|(client, _)| client).collect()
}

fn is_proxied(servers: &BTreeMap<IpAddr, (Duration, Duration)>) -> bool {
    let near = servers.values().all(|(tcp, _)| *tcp <= MAX_NEAR);
    let slow = servers.values().filter(|(tcp, tls)| *tls >= tcp.saturating_mul(MIN_RATIO)).count();
    servers.len() >= MIN_SERVERS && near && slow.saturating_mul(4) >= servers.len().saturating_mul(3)
}
