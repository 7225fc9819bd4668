//! What of a snapshot is listed, and in what order.

use super::filter::Filter;
use super::order::{By, Order};
use crate::capture::Timestamp;
use crate::identify::Role;
use crate::locate::CountryCode;
use crate::pipeline::live::Snapshot;
use crate::report::{Finding, SessionEndpoint, SessionReport};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// A far end: the place of its call among the sessions, and its own among the call's endpoints.
pub(super) type FarEnd = (usize, usize);

/// Places in a snapshot's report, in the order in which they are shown.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows {
    pub(super) calls: Vec<usize>,
    pub(super) servers: Vec<FarEnd>,
    pub(super) findings: Vec<usize>,
}

/// How a list is chosen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Orders {
    pub(super) calls: Order,
    pub(super) servers: Order,
    pub(super) findings: Order,
}

/// A key to sort by; the variants of one list are all alike.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum SortKey {
    Address(IpAddr),
    Country(Option<CountryCode>),
    Down(Reverse<u128>),
    Gravity(Reverse<crate::policy::Verdict>),
    Role(Role),
    Text(String),
    Time(Reverse<Option<Timestamp>>),
    Up(Duration),
}

/// The calls that `filter` lets pass, in `order`.
pub(super) fn calls(snapshot: &Snapshot, filter: &Filter, order: Order) -> Vec<usize> {
    let passing = snapshot.report.sessions.iter().zip(0..);
    let passing = passing.filter(|(session, _)| filter.far_ends(session).is_some());
    let keyed = passing.map(|(session, place)| (call_key(session, order.by()), place));
    sorted(keyed.collect(), order, |place| {
        snapshot.report.sessions.get(*place).map(|call| (Reverse(call.start), Reverse(call.id.clone())))
    })
}

/// The far ends of the calls at `sessions` that `filter` lets pass, in `order`.
pub(super) fn servers(snapshot: &Snapshot, sessions: &[usize], filter: &Filter, order: Order) -> Vec<FarEnd> {
    let mut keyed = Vec::new();
    for place in sessions {
        let Some(session) = snapshot.report.sessions.get(*place) else { continue };
        for far in filter.far_ends(session).unwrap_or_default() {
            let key = session.endpoints.get(far).map(|end| server_key(snapshot, end, order.by()));
            keyed.extend(key.map(|key| (key, (*place, far))));
        }
    }
    sorted(keyed, order, |at| far_end(snapshot, *at).map(|(_, end)| SessionEndpoint::order(end)))
}

/// The findings that `filter` lets pass, in `order`.
pub(super) fn findings(snapshot: &Snapshot, filter: &Filter, order: Order) -> Vec<usize> {
    let report = &snapshot.report;
    let calls: BTreeMap<&str, &SessionReport> =
        report.sessions.iter().map(|session| (session.id.as_str(), session)).collect();
    let of = |finding: &Finding| finding.session.as_deref().and_then(|id| calls.get(id).copied());
    let passing = report.findings.iter().zip(0..);
    let passing = passing.filter(|(finding, _)| filter.is_empty() || filter.finding(of(finding), finding));
    let keyed = passing.map(|(finding, place)| (finding_key(finding, order.by()), place));
    sorted(keyed.collect(), order, |place| *place)
}

/// A call and its far end.
pub(super) fn far_end(snapshot: &Snapshot, at: FarEnd) -> Option<(&SessionReport, &SessionEndpoint)> {
    let session = snapshot.report.sessions.get(at.0)?;
    Some((session, session.endpoints.get(at.1)?))
}

/// What was sorted by key, in the order wanted; what is alike stays in the order that `tie` gives, whichever way round.
fn sorted<T, K: Ord>(mut keyed: Vec<(SortKey, T)>, order: Order, tie: impl Fn(&T) -> K) -> Vec<T> {
    keyed.sort_by_cached_key(|(_, row)| tie(row));
    if order.reversed {
        keyed.sort_by(|one, other| other.0.cmp(&one.0));
    } else {
        keyed.sort_by(|one, other| one.0.cmp(&other.0));
    }
    keyed.into_iter().map(|(_, row)| row).collect()
}

fn call_key(session: &SessionReport, by: By) -> SortKey {
    match by {
        By::Bytes => SortKey::Down(Reverse(bytes_of_call(session).into())),
        By::Client => SortKey::Address(session.client),
        By::Country => SortKey::Country(session.countries.iter().map(|touched| touched.country).min()),
        By::Lasted => SortKey::Down(Reverse(session.end.at.since(session.start.at).as_nanos())),
        By::Service => SortKey::Text(session.service_name.to_lowercase()),
        By::Time => SortKey::Time(Reverse(Some(session.start.at))),
        By::Gravity | By::Rate | By::Role | By::Rtt => SortKey::Gravity(Reverse(session.verdict)),
    }
}

fn server_key(snapshot: &Snapshot, far: &SessionEndpoint, by: By) -> SortKey {
    let rate = || snapshot.rates.get(&far.address).copied().unwrap_or(0);
    match by {
        By::Bytes => SortKey::Down(Reverse(far.bytes_sent.saturating_add(far.bytes_received).into())),
        By::Country => SortKey::Country(far.country),
        By::Rate => SortKey::Down(Reverse(rate().into())),
        By::Role => SortKey::Role(far.roles.first().copied().unwrap_or(Role::Unknown)),
        // A round trip that was not seen is not a short one.
        By::Rtt => SortKey::Up(far.rtt.map_or(Duration::MAX, |rtt| rtt.min_s)),
        By::Time => SortKey::Time(Reverse(far.last_seen.map(|time| time.at))),
        By::Client | By::Gravity | By::Lasted | By::Service => SortKey::Gravity(Reverse(far.verdict)),
    }
}

fn finding_key(finding: &Finding, by: By) -> SortKey {
    match by {
        By::Country => SortKey::Country(finding.country),
        By::Gravity => SortKey::Gravity(Reverse(finding.verdict)),
        By::Role => SortKey::Role(finding.role),
        _ => SortKey::Time(Reverse(finding.first_packet.as_ref().map(|packet| packet.time.at))),
    }
}

/// Bytes both ways of all far ends of a call.
pub(super) fn bytes_of_call(session: &SessionReport) -> u64 {
    let ends = session.endpoints.iter();
    ends.map(|end| end.bytes_sent.saturating_add(end.bytes_received)).fold(0, u64::saturating_add)
}
