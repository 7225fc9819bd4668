//! Calls of two reports, matched by service, client and time.

use super::super::past::{PastReport, PastSession, PastSessionEndpoint};
use super::why::{Cause, Side, why};
use super::{CallChange, Change, ServerChange, What, claims};
use crate::identify::Service;
use crate::policy::Verdict;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

type Calls<'a> = BTreeMap<(&'a Service, IpAddr), Vec<&'a PastSession>>;

/// Calls that came, went or changed, in the order of their services, clients and times.
pub(super) fn compare(old: &PastReport, new: &PastReport) -> Vec<CallChange> {
    let (before, after) = (by_owner(old), by_owner(new));
    let rules = Change { old: rules(old), new: rules(new) };
    let owners: BTreeSet<_> = before.keys().chain(after.keys()).copied().collect();
    let mut changes = Vec::new();
    for owner in owners {
        let (before, after) = (before.get(&owner), after.get(&owner));
        for pair in paired(before.map_or(&[], Vec::as_slice), after.map_or(&[], Vec::as_slice)) {
            changes.extend(change(old, new, pair, &rules));
        }
    }
    changes
}

/// The rules that findings name, by session and address.
type Rules<'a> = BTreeMap<(&'a str, IpAddr), &'a str>;

fn rules(report: &PastReport) -> Rules<'_> {
    let findings = report.findings.iter();
    findings
        .filter_map(|found| Some(((found.session.as_deref()?, found.endpoint), found.rule.as_deref()?)))
        .collect()
}

fn by_owner(report: &PastReport) -> Calls<'_> {
    let mut calls = Calls::new();
    for session in &report.sessions {
        calls.entry((&session.service, session.client)).or_default().push(session);
    }
    calls.values_mut().for_each(|calls| calls.sort_by_key(|call| (call.start, call.end)));
    calls
}

type Pair<'a> = (Option<&'a PastSession>, Option<&'a PastSession>);

/// Calls that share time are the same. Both lists are in the order of their times.
fn paired<'a>(old: &[&'a PastSession], new: &[&'a PastSession]) -> Vec<Pair<'a>> {
    let mut pairs = Vec::new();
    let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
    loop {
        match (old.peek().copied(), new.peek().copied()) {
            (None, None) => return pairs,
            (Some(before), Some(after)) if before.start <= after.end && after.start <= before.end => {
                pairs.push((Some(*before), Some(*after)));
                old.next();
                new.next();
            }
            (Some(before), after) if after.is_none_or(|after| before.start <= after.start) => {
                pairs.push((Some(*before), None));
                old.next();
            }
            (_, after) => {
                pairs.push((None, after.copied()));
                new.next();
            }
        }
    }
}

fn change(
    old: &PastReport,
    new: &PastReport,
    (before, after): Pair<'_>,
    rules: &Change<Rules<'_>>,
) -> Option<CallChange> {
    let one = after.or(before)?;
    let servers = servers(old, new, (before, after), rules);
    let verdict = Change { old: before.map(|call| call.verdict), new: after.map(|call| call.verdict) };
    let what = match (before, after) {
        (None, _) => What::Added,
        (_, None) => What::Removed,
        (Some(_), Some(_)) if servers.is_empty() && verdict.old == verdict.new => return None,
        (Some(_), Some(_)) => What::Changed,
    };
    Some(CallChange {
        what,
        service: one.service.clone(),
        client: one.client,
        start: one.start.shown(),
        id: Change { old: before.map(|call| call.id.clone()), new: after.map(|call| call.id.clone()) },
        verdict,
        servers,
    })
}

fn servers(
    old: &PastReport,
    new: &PastReport,
    (before, after): Pair<'_>,
    rules: &Change<Rules<'_>>,
) -> Vec<ServerChange> {
    let by_address = |call: Option<&'_ PastSession>| -> BTreeMap<IpAddr, usize> {
        let endpoints = call.map_or(&[][..], |call| &call.endpoints).iter().zip(0..);
        endpoints.map(|(endpoint, place)| (endpoint.address, place)).collect()
    };
    let (places_before, places_after) = (by_address(before), by_address(after));
    let addresses: BTreeSet<IpAddr> = places_before.keys().chain(places_after.keys()).copied().collect();
    let mut changes = Vec::new();
    for address in addresses {
        let before = side(old, before, places_before.get(&address));
        let after = side(new, after, places_after.get(&address));
        changes.extend(server(address, before, after, rules));
    }
    changes
}

fn side<'a>(
    report: &'a PastReport,
    call: Option<&'a PastSession>,
    place: Option<&usize>,
) -> Option<Side<'a>> {
    let call = call?;
    Some(Side { report, call, endpoint: call.endpoints.get(*place?)? })
}

fn server(
    address: IpAddr,
    before: Option<Side<'_>>,
    after: Option<Side<'_>>,
    rules: &Change<Rules<'_>>,
) -> Option<ServerChange> {
    let rule_in = |side: Option<Side<'_>>, rules: &Rules<'_>| {
        rules.get(&(side?.call.id.as_str(), address)).map(|rule| (*rule).to_owned())
    };
    let rule = Change { old: rule_in(before, &rules.old), new: rule_in(after, &rules.new) };
    let facts = |side: Side<'_>, rule: &Option<String>| {
        let endpoint = side.endpoint;
        (endpoint.country, endpoint.confidence, endpoint.contact, endpoint.verdict, rule.clone())
    };
    let what = What::of(before.map(|side| facts(side, &rule.old)), after.map(|side| facts(side, &rule.new)))?;
    let both = |get: fn(&PastSessionEndpoint) -> Verdict| Change {
        old: before.map(|side| get(side.endpoint)),
        new: after.map(|side| get(side.endpoint)),
    };
    let verdict = both(|endpoint| endpoint.verdict);
    Some(ServerChange {
        address,
        what,
        country: Change {
            old: before.and_then(|side| side.endpoint.country),
            new: after.and_then(|side| side.endpoint.country),
        },
        confidence: Change {
            old: before.map(|side| side.endpoint.confidence),
            new: after.map(|side| side.endpoint.confidence),
        },
        contact: Change {
            old: before.map(|side| side.endpoint.contact),
            new: after.map(|side| side.endpoint.contact),
        },
        why: reasons(before, after, &verdict),
        verdict,
        rule,
        claims: claims(before.and_then(Side::known), after.and_then(Side::known)),
    })
}

/// Why the verdict differs. A server that only one report has is a matter of traffic.
fn reasons(
    before: Option<Side<'_>>,
    after: Option<Side<'_>>,
    verdict: &Change<Option<Verdict>>,
) -> Vec<Cause> {
    match (before, after) {
        (Some(before), Some(after)) if verdict.old != verdict.new => why(before, after),
        (None, Some(_)) | (Some(_), None) => vec![Cause::Traffic],
        _ => Vec::new(),
    }
}
