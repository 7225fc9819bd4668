//! What goes on the map: countries with what servers did there, and the client.

use crate::identify::{Contact, Role};
use crate::locate::CountryCode;
use crate::policy::Verdict;
use crate::report::map::{self, Client, Shape};
use crate::report::{EndpointReport, Report, SessionReport, words};
use crate::view::ink::Tone;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// What servers of one kind did, and how many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sign {
    pub(super) verdict: Verdict,
    pub(super) role: Role,
    pub(super) answered: bool,
    pub(super) count: usize,
}

/// A country with servers.
pub(super) struct Land {
    pub(super) shape: &'static Shape,
    pub(super) tone: Tone,
    pub(super) signs: Vec<Sign>,
}

/// Servers that have no place, for one reason.
pub(super) struct Unplaced {
    pub(super) why: &'static str,
    pub(super) tone: Tone,
    pub(super) signs: Vec<Sign>,
}

/// All of it.
pub(super) struct Places {
    /// The gravest first.
    pub(super) lands: Vec<Land>,
    pub(super) unplaced: Vec<Unplaced>,
    /// `None` where there are several.
    pub(super) client: Option<Client>,
    /// Whether answers of some call were not captured.
    pub(super) one_direction: bool,
}

#[derive(Clone, Copy)]
struct Server {
    verdict: Verdict,
    contact: Contact,
    role: Role,
    place: Result<CountryCode, &'static str>,
}

impl Places {
    /// Of one call, or of all and of findings outside of calls.
    pub(super) fn of(report: &Report, selected: Option<&str>) -> Self {
        let calls: Vec<&SessionReport> =
            report.sessions.iter().filter(|call| selected.is_none_or(|id| call.id == id)).collect();
        let mut lands: BTreeMap<CountryCode, Vec<Server>> = BTreeMap::new();
        let mut unplaced: BTreeMap<&'static str, Vec<Server>> = BTreeMap::new();
        for server in servers(report, &calls, selected.is_none()).into_values() {
            match server.place {
                Ok(country) if map::country(country).is_some() => {
                    lands.entry(country).or_default().push(server);
                }
                Ok(country) => unplaced.entry(country.name()).or_default().push(server),
                Err(why) => unplaced.entry(why).or_default().push(server),
            }
        }
        let lands = lands.into_iter().filter_map(|(code, servers)| {
            Some(Land { shape: map::country(code)?, tone: tone(&servers), signs: signs(&servers) })
        });
        let mut lands: Vec<Land> = lands.collect();
        lands.sort_by_key(|land| (Reverse(land.tone), land.shape.code));
        let unplaced = unplaced.into_iter().map(|(why, servers)| Unplaced {
            why,
            tone: tone(&servers),
            signs: signs(&servers),
        });
        let mut unplaced: Vec<Unplaced> = unplaced.collect();
        unplaced.sort_by_key(|group| (Reverse(group.tone), group.why));
        let clients: BTreeSet<IpAddr> = calls.iter().map(|call| call.client).collect();
        Self {
            lands,
            unplaced,
            client: calls.first().filter(|_| clients.len() == 1).map(|call| client(report, call)),
            one_direction: calls.iter().any(|call| call.one_direction),
        }
    }
}

/// Every server once, with the worst that is said of it.
fn servers(report: &Report, calls: &[&SessionReport], with_findings: bool) -> BTreeMap<IpAddr, Server> {
    let ends = calls.iter().flat_map(|call| &call.endpoints).map(|end| {
        let place = words::off_map(end).map_or_else(|| end.country.ok_or("place unknown"), Err);
        let role = words::first_role(&end.roles);
        (end.address, Server { verdict: end.verdict, contact: end.contact, role, place })
    });
    let outside = report.findings.iter().filter(|found| with_findings && found.session.is_none());
    let outside = outside.filter_map(|found| {
        let scope = report.endpoint(found.endpoint)?.scope;
        let off = words::unplaced(scope, found.confidence);
        let place = off.map_or_else(|| found.country.ok_or("place unknown"), Err);
        let (verdict, contact, role) = (found.verdict, found.contact, found.role);
        Some((found.endpoint, Server { verdict, contact, role, place }))
    });
    let mut servers: BTreeMap<IpAddr, Server> = BTreeMap::new();
    for (address, server) in ends.chain(outside) {
        let kept = servers.entry(address).or_insert(server);
        if (server.verdict, server.contact) > (kept.verdict, kept.contact) {
            *kept = server;
        }
    }
    servers
}

fn tone(servers: &[Server]) -> Tone {
    servers.iter().map(|server| Tone::of(server.verdict, server.contact)).max().unwrap_or(Tone::Silent)
}

/// How many did what, those on which the verdict is gravest first.
fn signs(servers: &[Server]) -> Vec<Sign> {
    let mut kinds: BTreeMap<(Reverse<Verdict>, Reverse<bool>, Role), usize> = BTreeMap::new();
    for server in servers {
        let answered = server.contact >= Contact::Answered;
        *kinds.entry((Reverse(server.verdict), Reverse(answered), server.role)).or_default() += 1;
    }
    let kinds = kinds.into_iter();
    kinds
        .map(|((Reverse(verdict), Reverse(answered), role), count)| Sign { verdict, role, answered, count })
        .collect()
}

/// The client of a call, as the page of the report has it.
fn client(report: &Report, call: &SessionReport) -> Client {
    let bounds = report.endpoints.iter().filter_map(|endpoint| endpoint.location.latency.as_ref());
    let vantage = bounds.map(|bound| bound.vantage.as_str()).next();
    let tells = |endpoint: &&EndpointReport| {
        endpoint.mentioned.iter().any(|mention| mention.by == "mapped" && mention.client == call.client)
    };
    let told = report.endpoints.iter().filter(tells);
    let seen: Vec<&EndpointReport> = report.endpoint(call.client).into_iter().chain(told).collect();
    Client::of(vantage, &seen, call)
}
