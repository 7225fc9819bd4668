//! Where the addresses of a capture are, by what its packets say of each: when it was seen, its names, its round-trip
//! time.

use super::Analysis;
use crate::capture::Timestamp;
use crate::identify::Inference;
use crate::identify::facts::{Rtt, RttVia};
use crate::identify::infer::Subject;
use crate::locate::{Context, Locator, Placement, RoundTrip};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

/// Servers of a client that must contradict their TCP handshakes before these are set aside.
const PROXIED_SERVERS: usize = 3;
/// How many times as long as a TCP handshake the first answer of TLS takes where something nearer answers for TCP.
const PROXIED_FACTOR: u32 = 8;
/// And by how much longer: a server may be busy.
const PROXIED_EXCESS: Duration = Duration::from_millis(25);

/// Places the addresses of one capture.
#[derive(Debug)]
pub struct Places<'a> {
    locator: &'a Locator,
    analysis: &'a Analysis,
    inference: &'a Inference,
    recorded: BTreeMap<IpAddr, Vec<&'a str>>,
    round_trips: BTreeMap<IpAddr, RoundTrip>,
}

impl<'a> Places<'a> {
    /// Gathers what packets say of each address.
    pub fn new(
        locator: &'a Locator,
        analysis: &'a Analysis,
        subjects: &[Subject<'_>],
        inference: &'a Inference,
    ) -> Self {
        let mut recorded: BTreeMap<IpAddr, Vec<&str>> = BTreeMap::new();
        for name in analysis.inputs.iter().flat_map(|input| &input.recorded_names) {
            recorded.entry(name.address).or_default().push(&name.name);
        }
        Self { locator, analysis, inference, recorded, round_trips: round_trips(subjects) }
    }

    /// Where `address` is.
    pub fn locate(&self, address: IpAddr) -> Placement {
        let tally = self.analysis.endpoints.get(&address);
        let known = self.inference.endpoints.get(&address);
        let names = known.into_iter().flat_map(|known| &known.names).map(|(name, _)| name.as_str());
        let recorded = self.recorded.get(&address).into_iter().flatten().copied();
        let names: Vec<&str> = names.chain(recorded).collect();
        self.locator.locate_in(
            address,
            &Context {
                time: tally.and_then(|tally| Some((time(tally.first)?, time(tally.last)?))),
                names: &names,
                round_trip: self.round_trips.get(&address).copied(),
            },
        )
    }
}

fn time(at: Timestamp) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_nanosecond(i128::from(at.nanoseconds())).ok()
}

/// The least round-trip time to each server, without those that something nearer answered.
fn round_trips(subjects: &[Subject<'_>]) -> BTreeMap<IpAddr, RoundTrip> {
    let proxied = proxied(subjects);
    let mut least: BTreeMap<IpAddr, RoundTrip> = BTreeMap::new();
    for subject in subjects {
        let is_proxied = proxied.contains(&subject.client.ip());
        for rtt in times(subject) {
            if is_proxied && matches!(rtt.via, RttVia::Tcp | RttVia::Tls) {
                continue;
            }
            let new = RoundTrip { min: rtt.min, samples: rtt.samples, via: rtt.via.name() };
            let known = least.entry(subject.server.ip()).or_insert(RoundTrip { samples: 0, ..new });
            if (new.min, new.via) < (known.min, known.via) {
                *known = RoundTrip { samples: known.samples, ..new };
            }
            known.samples = known.samples.saturating_add(new.samples);
        }
    }
    least
}

fn times<'a>(subject: &Subject<'a>) -> impl Iterator<Item = Rtt> + use<'a> {
    let tcp = subject.handshake.map(|min| Rtt { via: RttVia::Tcp, min, samples: 1 });
    tcp.into_iter().chain(subject.facts.map_or(&[][..], |facts| &facts.rtts).iter().copied())
}

/// Clients behind something that answers TCP handshakes in the place of servers: a local proxy, a VPN app. The first
/// answer of TLS comes from the server itself, and takes many times as long with one server after the other.
fn proxied(subjects: &[Subject<'_>]) -> BTreeSet<IpAddr> {
    let mut servers: BTreeMap<(IpAddr, IpAddr), [Option<Duration>; 2]> = BTreeMap::new();
    for subject in subjects {
        let [tcp, tls] = servers.entry((subject.client.ip(), subject.server.ip())).or_default();
        for rtt in times(subject) {
            let place = match rtt.via {
                RttVia::Tcp => &mut *tcp,
                RttVia::Tls => &mut *tls,
                _ => continue,
            };
            *place = Some(place.map_or(rtt.min, |known| known.min(rtt.min)));
        }
    }
    let mut counts: BTreeMap<IpAddr, (usize, usize)> = BTreeMap::new();
    for ((client, _), times) in servers {
        let [Some(tcp), Some(tls)] = times else { continue };
        let (both, strange) = counts.entry(client).or_default();
        *both += 1;
        let longer = tls > tcp.saturating_mul(PROXIED_FACTOR) && tls > tcp.saturating_add(PROXIED_EXCESS);
        *strange += usize::from(longer);
    }
    let is_proxied = |(both, strange): (usize, usize)| strange >= PROXIED_SERVERS && strange * 2 > both;
    counts.into_iter().filter(|(_, count)| is_proxied(*count)).map(|(client, _)| client).collect()
}
