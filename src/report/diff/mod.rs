//! Two reports compared: what changed, and why the verdict did.
//!
//! Calls are matched by service, client and time, servers by their address. Why a verdict changed is found by asking the
//! judge again, with one of the three things that it rests on, policy, location and traffic, as it was and the others as
//! they are.

mod calls;
mod table;
mod why;

use super::past::{PastDatabase, PastEndpoint, PastInput, PastReport};
use crate::identify::{Contact, Service};
use crate::locate::{Confidence, CountryCode};
use crate::policy::{Policy, Rule, Verdict};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use why::Cause;

/// What differs between two reports.
#[derive(Debug, Serialize)]
pub struct Diff {
    /// Version of this structure.
    pub schema_version: &'static str,
    /// Whether nothing differs of what is compared.
    pub same: bool,
    /// The verdict on the whole.
    pub verdict: Option<Change<Verdict>>,
    /// Whether both are of the same captures: of the same SHA-256, or where that is not known, of the same path and
    /// number of packets.
    pub same_inputs: bool,
    /// The captures.
    pub inputs: Option<Change<Vec<String>>>,
    /// The program's version.
    pub tool: Option<Change<String>>,
    /// What the captures lack.
    pub lacks: Option<Change<Vec<String>>>,
    /// Databases that came, went or are of another build.
    pub databases: Vec<DatabaseChange>,
    /// What differs between the policies.
    pub policy: Option<PolicyChange>,
    /// Calls that came, went or changed.
    pub calls: Vec<CallChange>,
    /// Countries that servers of calls answered from in one of the reports only.
    pub countries: OnlyIn<CountryCode>,
    /// Addresses that something was sent to and that came, went, moved or were contacted otherwise.
    pub servers: Vec<ServerChange>,
}

/// What was, and what is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change<T> {
    /// In the earlier report.
    pub old: T,
    /// In the later one.
    pub new: T,
}

/// What one report has and the other has not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct OnlyIn<T> {
    /// In the earlier report.
    pub old: Vec<T>,
    /// In the later one.
    pub new: Vec<T>,
}

/// A database that came, went or is of another build.
#[derive(Debug, Serialize)]
pub struct DatabaseChange {
    /// Its id.
    pub id: String,
    /// Whether it came, went or changed.
    pub what: What,
    /// When it was built.
    pub built: Change<Option<String>>,
}

/// What became of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// Only the later report has it.
    Added,
    /// Only the earlier one has it.
    Removed,
    /// Both have it, and it differs.
    Changed,
}

/// What differs between two policies.
#[derive(Debug, Serialize)]
pub struct PolicyChange {
    /// Their names.
    pub name: Change<Option<String>>,
    /// SHA-256 of their files.
    pub sha256: Change<Option<String>>,
    /// Rules, in words, of the one and the other, and whether others differ but in their order, conditions or reason.
    pub rules: OnlyIn<String>,
    /// Ids of rules that both have and that differ.
    pub changed: Vec<String>,
    /// Whether the default, or what becomes of places that are not known, differs, or the order of rules.
    pub settings: bool,
}

/// A call that came, went or changed.
#[derive(Debug, Serialize)]
pub struct CallChange {
    /// Whether it came, went or changed.
    pub what: What,
    /// Its service.
    pub service: Service,
    /// Whose call it is.
    pub client: IpAddr,
    /// When it began.
    pub start: String,
    /// Its id in the reports.
    pub id: Change<Option<String>>,
    /// The verdict on it.
    pub verdict: Change<Option<Verdict>>,
    /// Its servers that came, went or changed.
    pub servers: Vec<ServerChange>,
}

/// A server that came, went or changed.
#[derive(Debug, Serialize)]
pub struct ServerChange {
    /// Its address.
    pub address: IpAddr,
    /// Whether it came, went or changed.
    pub what: What,
    /// Where it is.
    pub country: Change<Option<CountryCode>>,
    /// How sure that is.
    pub confidence: Change<Option<Confidence>>,
    /// How far contact went.
    pub contact: Change<Option<Contact>>,
    /// The verdict on it, of a server of a call.
    pub verdict: Change<Option<Verdict>>,
    /// The rule that a finding names for it.
    pub rule: Change<Option<String>>,
    /// Why the verdict on it changed: what alone would have sufficed, else what it took together.
    pub why: Vec<Cause>,
    /// What sources said of its place, where one of them says something else.
    pub claims: OnlyIn<String>,
}

/// Compares two reports.
pub fn compare(old: &PastReport, new: &PastReport) -> Diff {
    let same_inputs = inputs(&old.inputs) == inputs(&new.inputs);
    let mut diff = Diff {
        schema_version: "1",
        same: false,
        verdict: changed(old.verdict, new.verdict),
        same_inputs,
        inputs: (!same_inputs).then(|| Change { old: shown(&old.inputs), new: shown(&new.inputs) }),
        tool: changed(old.tool.version.clone(), new.tool.version.clone()),
        lacks: changed(old.lacks.clone(), new.lacks.clone()),
        databases: databases(&old.databases, &new.databases),
        policy: policy(&old.policy, &new.policy),
        calls: calls::compare(old, new),
        countries: only_in(&countries(old), &countries(new)),
        servers: servers(old, new),
    };
    diff.same = diff.is_same();
    diff
}

impl Diff {
    fn is_same(&self) -> bool {
        let circumstances = self.inputs.is_none() && self.tool.is_none() && self.lacks.is_none();
        let lists = self.databases.is_empty() && self.calls.is_empty() && self.servers.is_empty();
        circumstances && lists && self.verdict.is_none() && self.policy.is_none() && self.countries.is_empty()
    }

    /// The differences as one JSON object.
    pub fn json(&self) -> String {
        let mut bytes = Vec::new();
        // Memory takes whatever is written.
        let _ = super::json::pretty(self, &mut bytes);
        bytes.push(b'\n');
        String::from_utf8(bytes).unwrap_or_default()
    }
}

impl<T> OnlyIn<T> {
    /// Whether neither has anything that the other has not.
    pub const fn is_empty(&self) -> bool {
        self.old.is_empty() && self.new.is_empty()
    }
}

fn changed<T: PartialEq>(old: T, new: T) -> Option<Change<T>> {
    (old != new).then_some(Change { old, new })
}

fn only_in<T: Ord + Clone>(old: &BTreeSet<T>, new: &BTreeSet<T>) -> OnlyIn<T> {
    OnlyIn { old: old.difference(new).cloned().collect(), new: new.difference(old).cloned().collect() }
}

/// What tells captures apart. A report for people has no digest, but a path may be another on each machine.
fn inputs(inputs: &[PastInput]) -> BTreeSet<String> {
    let key = |input: &PastInput| match &input.sha256 {
        Some(digest) => digest.clone(),
        None => format!("{} {}", input.packets, input.path),
    };
    inputs.iter().map(key).collect()
}

fn shown(inputs: &[PastInput]) -> Vec<String> {
    let digest =
        |input: &PastInput| input.sha256.as_deref().and_then(|digest| digest.get(..12)).map(str::to_owned);
    let digest =
        |input: &PastInput| digest(input).map_or_else(String::new, |digest| format!(", sha256 {digest}..."));
    inputs
        .iter()
        .map(|input| format!("{} ({} packets{})", input.path, input.packets, digest(input)))
        .collect()
}

fn databases(old: &[PastDatabase], new: &[PastDatabase]) -> Vec<DatabaseChange> {
    let by_id = |list: &[PastDatabase]| -> BTreeMap<String, (Option<String>, Option<String>)> {
        list.iter().map(|base| (base.id.clone(), (base.built.clone(), base.sha256.clone()))).collect()
    };
    let (old, new) = (by_id(old), by_id(new));
    let ids: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let change = |id: &String| {
        let (before, after) = (old.get(id), new.get(id));
        let built =
            |found: Option<&(Option<String>, Option<String>)>| found.and_then(|(built, _)| built.clone());
        let what = What::of(before, after)?;
        // A report for people has no digests: the date has to do.
        let same_build = before.zip(after).is_some_and(|(before, after)| {
            before.0 == after.0 && (before.1.is_none() || after.1.is_none() || before.1 == after.1)
        });
        let built = Change { old: built(before), new: built(after) };
        (!same_build).then(|| DatabaseChange { id: id.clone(), what, built })
    };
    ids.into_iter().filter_map(change).collect()
}

impl What {
    /// What became of it; `None` if it is the same.
    fn of<T: PartialEq>(old: Option<T>, new: Option<T>) -> Option<Self> {
        match (old, new) {
            (None, None) => None,
            (None, Some(_)) => Some(Self::Added),
            (Some(_), None) => Some(Self::Removed),
            (Some(old), Some(new)) => (old != new).then_some(Self::Changed),
        }
    }
}

fn policy(old: &Policy, new: &Policy) -> Option<PolicyChange> {
    if old == new {
        return None;
    }
    let by_id = |policy: &Policy| -> BTreeMap<String, Rule> {
        policy.rules.iter().map(|rule| (rule.id.clone(), rule.clone())).collect()
    };
    let (before, after) = (by_id(old), by_id(new));
    let differs = |(id, rule): &(&String, &Rule)| after.get(*id).is_some_and(|other| other != *rule);
    let words = |rules: &BTreeMap<String, Rule>, others: &BTreeMap<String, Rule>| -> Vec<String> {
        let only =
            rules.iter().filter(|(id, rule)| others.get(*id).is_none_or(|other| other.text != rule.text));
        only.map(|(id, rule)| format!("{id}: {}", rule.text)).collect()
    };
    let order = |policy: &Policy, others: &BTreeMap<String, Rule>| -> Vec<String> {
        policy.rules.iter().map(|rule| rule.id.clone()).filter(|id| others.contains_key(id)).collect()
    };
    let settings = |policy: &Policy| (policy.default, policy.disputed, policy.unknown, policy.anycast);
    Some(PolicyChange {
        name: Change { old: old.name.clone(), new: new.name.clone() },
        sha256: Change { old: old.sha256.clone(), new: new.sha256.clone() },
        rules: OnlyIn { old: words(&before, &after), new: words(&after, &before) },
        changed: before.iter().filter(differs).map(|(id, _)| id.clone()).collect(),
        settings: settings(old) != settings(new) || order(old, &after) != order(new, &before),
    })
}

/// Countries from which servers of calls answered.
fn countries(report: &PastReport) -> BTreeSet<CountryCode> {
    let endpoints = report.sessions.iter().flat_map(|session| &session.endpoints);
    endpoints
        .filter(|endpoint| endpoint.contact >= Contact::Answered)
        .filter_map(|endpoint| endpoint.country)
        .collect()
}

fn servers(old: &PastReport, new: &PastReport) -> Vec<ServerChange> {
    let used = |endpoint: &&PastEndpoint| endpoint.contact >= Some(Contact::Attempted);
    let addresses: BTreeSet<IpAddr> = old.endpoints.keys().chain(new.endpoints.keys()).copied().collect();
    let change = |address: IpAddr| {
        let before = old.endpoints.get(&address).filter(used);
        let after = new.endpoints.get(&address).filter(used);
        let facts = |endpoint: &PastEndpoint| {
            (endpoint.location.country, endpoint.location.confidence, endpoint.contact)
        };
        let what = What::of(before.map(facts), after.map(facts))?;
        Some(ServerChange {
            address,
            what,
            country: both(before, after, |endpoint| endpoint.location.country),
            confidence: both(before, after, |endpoint| Some(endpoint.location.confidence)),
            contact: both(before, after, |endpoint| endpoint.contact),
            verdict: Change { old: None, new: None },
            rule: Change { old: None, new: None },
            why: Vec::new(),
            claims: claims(before, after),
        })
    };
    addresses.into_iter().filter_map(change).collect()
}

fn both<E, T>(old: Option<&E>, new: Option<&E>, get: impl Fn(&E) -> Option<T>) -> Change<Option<T>> {
    Change { old: old.and_then(&get), new: new.and_then(&get) }
}

/// What sources say of a place in one of the reports only, of an address that both have.
fn claims(old: Option<&PastEndpoint>, new: Option<&PastEndpoint>) -> OnlyIn<String> {
    let (Some(old), Some(new)) = (old, new) else { return OnlyIn { old: Vec::new(), new: Vec::new() } };
    let said = |endpoint: &PastEndpoint| -> BTreeSet<String> {
        let claims = endpoint.location.claims.iter().filter(|claim| claim.country.is_some());
        let words = claims.map(|claim| {
            let country = claim.country.map_or_else(String::new, |country| country.to_string());
            let date = claim.built.as_deref().and_then(|built| built.get(..10));
            let date = date.map_or_else(String::new, |date| format!(" of {date}"));
            format!("{}{date} says {country}", claim.source)
        });
        words.collect()
    };
    only_in(&said(old), &said(new))
}
