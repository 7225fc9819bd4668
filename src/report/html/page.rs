//! The page: verdict, calls, addresses, what was read and what it rests on.

use super::call::{self, Call};
use super::context::Context;
use super::endpoint::Endpoint;
use super::map;
use super::words::{self, Mark};
use crate::locate::{CountryCode, Database};
use crate::policy::Verdict;
use crate::report::model::{EndpointReport, Finding, InputReport, Report, SessionReport, Share};
use crate::report::text::{bytes, number};
use askama::Template;
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Calls told in full, those with the worst verdict first. At some 20 kB each a browser still opens them at once.
const MAX_CALLS: usize = 1_000;
/// Addresses with a row.
const MAX_ENDPOINTS: usize = 20_000;
/// Calls that are unfolded when the page opens. What is folded lies in a `noscript`: without a script it is simply there,
/// with one it is a text until it is unfolded, so that a thousand calls do not become two million elements.
const MAX_OPEN: usize = 3;
/// Calls listed before the rest is folded.
const CALLS_A_FOLD: usize = 50;
/// Rows of a table before the rest is folded; the script turns folds into pages.
const ROWS_A_FOLD: usize = 100;
/// Findings told at the top.
const MAX_FINDINGS: usize = 5;
/// Findings outside of calls.
const MAX_OUTSIDE: usize = 200;
/// Inputs named at the top.
const MAX_NAMED: usize = 3;
/// Inputs with a row.
const MAX_INPUTS: usize = 500;

/// The whole file.
#[derive(Template)]
#[template(path = "page.html")]
pub(super) struct Page<'a> {
    pub(super) policy: String,
    pub(super) style: &'static str,
    pub(super) script: &'static str,
    report: &'a Report,
    context: &'a Context<'a>,
    calls: Vec<&'a SessionReport>,
    endpoints: Vec<&'a EndpointReport>,
    mark: Mark,
    title: String,
    lead: String,
    edge: String,
    top: Vec<&'a Finding>,
    outside: Vec<&'a Finding>,
    first: Option<String>,
}

struct Overview {
    mark: Mark,
    id: String,
    what: String,
    start: String,
    length: String,
    length_key: u128,
    countries: String,
    bytes: String,
    bytes_key: u64,
}

impl<'a> Page<'a> {
    pub(super) fn new(
        context: &'a Context<'a>,
        style: &'static str,
        script: &'static str,
        policy: String,
    ) -> Self {
        let report = context.report;
        let mut calls: Vec<&SessionReport> = report.sessions.iter().collect();
        calls.sort_by_key(|call| Reverse(call.verdict));
        let mut top: Vec<&Finding> = report.findings.iter().collect();
        top.sort_by_key(|finding| Reverse(finding.verdict));
        let outside =
            top.iter().copied().filter(|finding| finding.session.is_none()).take(MAX_OUTSIDE).collect();
        // Of a single call the reasons stand right below.
        top.truncate(if calls.len() > 1 { MAX_FINDINGS } else { 0 });
        Self {
            policy,
            style,
            script,
            report,
            context,
            endpoints: endpoints(context),
            mark: words::mark(report.verdict),
            title: title(report),
            lead: lead(report),
            edge: map::edge(),
            top,
            outside,
            first: span_of(&report.inputs),
            calls,
        }
    }

    fn overview(&self) -> impl Iterator<Item = Overview> {
        self.calls.iter().take(MAX_CALLS).map(|call| {
            let total: u64 =
                call.endpoints.iter().map(|end| end.bytes_sent.saturating_add(end.bytes_received)).sum();
            let length = call.end.at.since(call.start.at);
            Overview {
                mark: words::mark(call.verdict),
                id: call.id.clone(),
                what: format!("{} call of {}", call.service_name, call.client),
                start: words::second(call.start),
                length: words::duration(length),
                length_key: length.as_nanos(),
                countries: call::countries(call),
                bytes: bytes(total),
                bytes_key: total,
            }
        })
    }

    /// Groups of rows, and whether each is unfolded.
    fn overview_folds(&self) -> Vec<Fold<Overview>> {
        fold(self.overview(), ROWS_A_FOLD)
    }

    fn call_folds(&self) -> Vec<Fold<(usize, &'a SessionReport)>> {
        fold(self.calls.iter().copied().take(MAX_CALLS).enumerate(), CALLS_A_FOLD)
    }

    fn endpoint_folds(&self) -> Vec<Fold<&'a EndpointReport>> {
        fold(self.endpoints.iter().copied().take(MAX_ENDPOINTS), ROWS_A_FOLD)
    }

    fn call(&self, place: usize, call: &'a SessionReport) -> Call<'a> {
        Call::new(self.context, call, self.calls.len() <= MAX_OPEN || place == 0)
    }

    fn endpoint(&self, endpoint: &'a EndpointReport) -> Endpoint<'a> {
        Endpoint::new(self.context, endpoint, self.endpoints.len() > ROWS_A_FOLD)
    }

    fn inputs(&self) -> &'a [InputReport] {
        self.report.inputs.get(..MAX_INPUTS).unwrap_or(&self.report.inputs)
    }

    /// The inputs that are named at the top.
    fn few(&self) -> &'a [InputReport] {
        self.report.inputs.get(..MAX_NAMED).unwrap_or(&self.report.inputs)
    }

    fn more(&self, what: &str) -> usize {
        match what {
            "calls" => self.calls.len().saturating_sub(MAX_CALLS),
            "endpoints" => self.endpoints.len().saturating_sub(MAX_ENDPOINTS),
            "names" => self.report.inputs.len().saturating_sub(MAX_NAMED),
            "inputs" => self.report.inputs.len().saturating_sub(MAX_INPUTS),
            "findings" => self.report.findings.len().saturating_sub(MAX_FINDINGS),
            _ => 0,
        }
    }
}

/// Things that are shown together.
struct Fold<T> {
    first: usize,
    last: usize,
    items: Vec<T>,
}

fn fold<T>(items: impl Iterator<Item = T>, size: usize) -> Vec<Fold<T>> {
    let mut folds: Vec<Fold<T>> = Vec::new();
    for (place, item) in items.enumerate() {
        match folds.last_mut().filter(|fold| fold.items.len() < size) {
            Some(fold) => {
                fold.last = place + 1;
                fold.items.push(item);
            }
            None => folds.push(Fold { first: place + 1, last: place + 1, items: vec![item] }),
        }
    }
    folds
}

/// Addresses, those on which the worst verdict is and those with which contact went furthest first.
fn endpoints<'a>(context: &Context<'a>) -> Vec<&'a EndpointReport> {
    let mut endpoints: Vec<&EndpointReport> = context.report.endpoints.iter().collect();
    endpoints.sort_by_cached_key(|endpoint| {
        let verdict = context.verdicts.get(&endpoint.address).copied();
        Reverse((
            verdict.filter(|verdict| *verdict != Verdict::Allow),
            endpoint.packets > 0,
            endpoint.contact,
            endpoint.bytes,
        ))
    });
    endpoints
}

/// `Denied: call.pcapng`.
fn title(report: &Report) -> String {
    let name = match report.inputs.as_slice() {
        [] => "no input".to_owned(),
        [one] => one.path.rsplit(['/', '\\']).next().unwrap_or_default().to_owned(),
        several => words::many(several.len() as u64, "input"),
    };
    format!("{}: {name}", words::mark(report.verdict).long)
}

/// The answer in one or two sentences.
fn lead(report: &Report) -> String {
    let of = |verdict| report.sessions.iter().filter(|call| call.verdict == verdict).count() as u64;
    let calls = words::many(report.sessions.len() as u64, "call");
    let denied: BTreeSet<CountryCode> = report
        .findings
        .iter()
        .filter(|finding| finding.verdict == Verdict::Deny)
        .filter_map(|finding| finding.country)
        .collect();
    let elsewhere = report.findings.iter().filter(|finding| finding.session.is_none());
    let elsewhere = elsewhere.filter(|finding| finding.verdict == Verdict::Deny).count() as u64;
    let denied = named(&denied);
    let (deny, open) = (of(Verdict::Deny), of(Verdict::Indeterminate));
    let mut text = match (report.sessions.len(), deny, open) {
        (0, ..) => "No call was found.".to_owned(),
        (1, 1, _) => format!("The one call in the capture reached an address in {denied}."),
        (_, 0, 0) => format!("{calls}, none denied."),
        (_, 0, _) => format!("{calls}, none denied, {} that cannot be told.", number(open)),
        (_, _, 0) => format!("{} of {calls} reached addresses in {denied}.", number(deny)),
        (..) => format!(
            "{} of {calls} reached addresses in {denied}. {} cannot be told.",
            number(deny),
            number(open)
        ),
    };
    if elsewhere > 0 {
        let addresses = words::many(elsewhere, "address");
        let _ = if deny > 0 {
            write!(text, " Outside of calls, {addresses} in a denied country answered, too.")
        } else {
            write!(text, " Outside of calls, {addresses} answered in {denied}.")
        };
    }
    if report.policy.is_empty() {
        text.push_str(" No rule was given, so nothing is denied.");
    }
    text
}

/// `a denied country: China (CN)`, and the first few of several.
fn named(denied: &BTreeSet<CountryCode>) -> String {
    const MAX_NAMED: usize = 6;
    let names: Vec<String> =
        denied.iter().take(MAX_NAMED).map(|code| format!("{} ({code})", code.name())).collect();
    match denied.len() {
        0 => "a denied country".to_owned(),
        1 => format!("a denied country: {}", names.join("")),
        more if more > MAX_NAMED => {
            format!("denied countries: {} and {} more", names.join(", "), more - MAX_NAMED)
        }
        _ => format!("denied countries: {}", names.join(", ")),
    }
}

/// From the first packet of all inputs to the last.
fn span_of(inputs: &[InputReport]) -> Option<String> {
    let first = inputs.iter().filter_map(|input| input.first_packet).min()?;
    let last = inputs.iter().filter_map(|input| input.last_packet).max()?;
    Some(words::span(first, last))
}

fn share(share: &Share) -> String {
    format!("{} in {}", bytes(share.bytes), words::many(share.packets, "packet"))
}

fn of_finding(finding: &Finding) -> Mark {
    words::mark(finding.verdict)
}

/// `built 2026-06-01, CC-BY-4.0`.
fn licence(database: &Database) -> String {
    let built = database.built.map(|built| format!("built {}", built.strftime("%Y-%m-%d")));
    built.into_iter().chain(database.licence.map(str::to_owned)).collect::<Vec<_>>().join(", ")
}

fn hexadecimal(digest: &[u8; 32]) -> String {
    digest.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
