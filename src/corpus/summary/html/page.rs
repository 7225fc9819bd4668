//! The page: what the tables rest on, the pictures, the tables.

use super::axis::Axis;
use super::flow::{Flow, flows};
use super::moves::{Moves, moves};
use super::regions::{Matrix, matrices};
use super::time::{Chart, charts};
use super::words::{self, Role};
use crate::corpus::Status;
use crate::corpus::summary::tally::{Tally, Verdicts};
use crate::corpus::summary::{Found, Sheet};
use crate::report::text::{counted, number};
use askama::Template;
use std::collections::BTreeSet;

/// Services with pictures: what the catalogue has. The tables have all.
const MAX_SERVICES: usize = 32;
/// Services whose pictures are not folded away.
const MAX_OPEN: usize = 4;
/// Rows of a table on the page; a browser still opens that at once.
const MAX_ROWS: usize = 500;

/// The whole file.
#[derive(Template)]
#[template(path = "corpus.html")]
pub(super) struct Page<'a> {
    policy: String,
    style: &'static str,
    found: &'a Found,
    sheets: &'a [Sheet],
    title: String,
    lead: String,
    days: Option<String>,
    roles: Vec<Role>,
    unit: String,
    charts: Vec<Chart>,
    matrices: Vec<Matrix>,
    flows: Vec<Flow>,
    moves: Option<Moves>,
    /// Services without pictures.
    more: usize,
}

impl<'a> Page<'a> {
    pub(super) fn new(found: &'a Found, sheets: &'a [Sheet], style: &'static str, policy: String) -> Self {
        let tally = &found.tally;
        let axis = Axis::over(tally.calls.keys().map(|group| group.day.as_str()));
        let roles = roles(tally);
        let mut charts = axis.as_ref().map_or_else(Vec::new, |axis| charts(tally, axis, &roles));
        let mut matrices = matrices(tally, &roles);
        let mut flows = flows(tally);
        let more = matrices.len().saturating_sub(MAX_SERVICES);
        charts.truncate(MAX_SERVICES);
        matrices.truncate(MAX_SERVICES);
        flows.truncate(MAX_SERVICES);
        Self {
            policy,
            style,
            found,
            sheets,
            title: format!("Corpus: {}", found.line()),
            lead: lead(found),
            days: days(tally),
            unit: axis.as_ref().map_or_else(String::new, Axis::unit),
            roles,
            charts,
            matrices,
            flows,
            moves: moves(tally),
            more,
        }
    }

    fn calls(&self) -> Verdicts {
        sum(&self.found.tally)
    }

    /// What of the corpus is not in the tables, or in part, in sentences.
    fn lacks(&self) -> Vec<String> {
        let left_out = self.found.count(Status::LeftOut);
        let counts = [
            (self.found.missing, "campaign", "could not be read and is not in here"),
            (
                self.found.count(Status::Damaged),
                "campaign",
                "is damaged: what stands before the damage is in here",
            ),
            (left_out, "file", "was left out that is no capture"),
            (
                self.found.twice.len(),
                "campaign",
                "has a capture that another has, too: its calls are counted twice",
            ),
        ];
        let told = counts.iter().filter(|(count, ..)| *count > 0);
        told.map(|(count, noun, words)| format!("{}: each {words}.", counted(*count, noun))).collect()
    }
}

/// Rows of a table that are on the page.
fn few(sheet: &Sheet) -> &[Vec<String>] {
    sheet.rows.get(..MAX_ROWS).unwrap_or(&sheet.rows)
}

fn counted_calls(calls: u64) -> String {
    words::many(calls, "call")
}

/// Whether a cell has a number in it.
fn is_number(cell: &str) -> bool {
    !cell.is_empty() && cell.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

fn sum(tally: &Tally) -> Verdicts {
    let mut sum = Verdicts::default();
    tally.calls.values().for_each(|verdicts| sum.add(*verdicts));
    sum
}

/// The roles of servers that appear, after that for all.
fn roles(tally: &Tally) -> Vec<Role> {
    let seen: BTreeSet<&str> = tally.touched.keys().map(|(_, _, role)| role.as_str()).collect();
    let known = crate::identify::Role::ALL.into_iter().filter(|role| seen.contains(role.name()));
    [Role::ANY].into_iter().chain(known.filter_map(|role| Role::of(role.name()))).collect()
}

/// What came out, in a sentence.
fn lead(found: &Found) -> String {
    let calls = sum(&found.tally);
    if calls.calls == 0 {
        return "No call was found.".to_owned();
    }
    let services: BTreeSet<&str> = found.tally.calls.keys().map(|group| group.service.as_str()).collect();
    let countries: BTreeSet<&str> = found.tally.reached.keys().map(|(_, country)| country.as_str()).collect();
    let known = countries.iter().filter(|country| **country != crate::corpus::summary::UNKNOWN).count();
    let of = if known == 1 { "1 country".to_owned() } else { format!("{known} countries") };
    format!(
        "{}. Servers of {} that answered are in {of}.",
        words::verdicts(calls),
        counted(services.len(), "service")
    )
}

/// From the day of the first call to that of the last.
fn days(tally: &Tally) -> Option<String> {
    let days = || {
        tally
            .calls
            .keys()
            .map(|group| group.day.as_str())
            .filter(|day| day.parse::<jiff::civil::Date>().is_ok())
    };
    let (first, last) = (days().min()?, days().max()?);
    Some(if first == last { first.to_owned() } else { format!("{first} to {last}") })
}
