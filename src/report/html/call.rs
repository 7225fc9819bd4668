//! One call: why, map, timeline, far ends.

use super::context::Context;
use super::far::Far;
use super::map::Map;
use super::timeline::Timeline;
use super::words::{self, Mark};
use crate::identify::Contact;
use crate::report::model::{FailoverReport, Finding, SessionEndpoint, SessionReport};
use crate::report::text::{bytes, programs};
use askama::Template;
use std::cmp::Reverse;

/// Far ends of one call that are told of; a call has some dozen.
const MAX_FAR_ENDS: usize = 500;
/// Far ends that are listed beside the map, of those that are not on it.
const MAX_OFF_MAP: usize = 12;
/// Findings of one call before the rest is folded.
const MAX_FINDINGS: usize = 4;
/// Attempts told of one failover.
const MAX_FAILED: usize = 8;

/// A call.
#[derive(Template)]
#[template(path = "call.html")]
#[expect(clippy::struct_field_names, reason = "the call of the report is what the rest is made of")]
pub(super) struct Call<'a> {
    context: &'a Context<'a>,
    call: &'a SessionReport,
    open: bool,
    mark: Mark,
    when: String,
    length: String,
    countries: String,
    findings: Vec<&'a Finding>,
    more_findings: Vec<&'a Finding>,
    programs: Option<String>,
    remarks: Vec<&'static str>,
    untouched: Vec<String>,
    map: Map,
    off_map: Vec<OffMap>,
    more_off_map: usize,
    timeline: Timeline<'a>,
    failovers: Vec<Failover>,
    more_ends: usize,
}

struct OffMap {
    mark: Mark,
    whom: String,
    why: String,
    role: String,
    bytes: String,
}

/// A failover in words.
struct Failover {
    failed: Vec<String>,
    more: usize,
    reached: String,
}

impl<'a> Call<'a> {
    pub(super) fn new(context: &'a Context<'a>, call: &'a SessionReport, open: bool) -> Self {
        let mut findings = findings(context, call);
        let off_map: Vec<&SessionEndpoint> =
            call.endpoints.iter().filter(|end| words::off_map(end).is_some()).collect();
        Self {
            context,
            call,
            open,
            mark: words::mark(call.verdict),
            when: words::span(call.start, call.end),
            length: words::duration(call.end.at.since(call.start.at)),
            countries: countries(call),
            more_findings: findings.split_off(findings.len().min(MAX_FINDINGS)),
            findings,
            programs: (!call.processes.is_empty()).then(|| programs(&call.processes)),
            remarks: remarks(call),
            untouched: untouched(call),
            map: Map::new(context, call),
            more_off_map: off_map.len().saturating_sub(MAX_OFF_MAP),
            off_map: off_map.iter().take(MAX_OFF_MAP).map(|end| beside(call, end)).collect(),
            timeline: Timeline::new(call),
            failovers: call.failovers.iter().map(failover).collect(),
            more_ends: call.endpoints.len().saturating_sub(MAX_FAR_ENDS),
        }
    }

    fn ends(&self) -> impl Iterator<Item = Far<'a>> {
        let (context, call) = (self.context, self.call);
        call.endpoints.iter().take(MAX_FAR_ENDS).map(move |end| Far::new(context, call, end))
    }
}

/// Codes of the countries whose far ends answered, most bytes first.
pub(super) fn countries(call: &SessionReport) -> String {
    call.countries.iter().map(|country| country.country.to_string()).collect::<Vec<_>>().join(" ")
}

/// Why it is not simply allowed, the worst first.
fn findings<'a>(context: &Context<'a>, call: &SessionReport) -> Vec<&'a Finding> {
    let mut findings: Vec<&Finding> =
        call.findings.iter().filter_map(|place| context.report.findings.get(*place)).collect();
    findings.sort_by_key(|finding| Reverse(finding.verdict));
    findings
}

fn remarks(call: &SessionReport) -> Vec<&'static str> {
    let remarks = [
        (!call.media_seen, "No media of this call was seen."),
        (call.began_before_capture, "It was under way when the capture began."),
        (call.continues_after_capture, "It was under way when the capture ended."),
        (call.one_direction, "Only one direction of it was captured."),
    ];
    remarks.into_iter().filter_map(|(holds, remark)| holds.then_some(remark)).collect()
}

/// What would have been denied had it answered.
fn untouched(call: &SessionReport) -> Vec<String> {
    const MAX_UNTOUCHED: usize = 5;
    let all = || call.endpoints.iter().filter_map(|end| Some((end, end.untouched.as_deref()?)));
    let told = all().take(MAX_UNTOUCHED).map(|(end, why)| format!("{}: {why}.", end.address));
    let more = all().count().saturating_sub(MAX_UNTOUCHED);
    let rest =
        (more > 0).then(|| format!("And {} that did not answer.", words::many(more as u64, "more address")));
    told.chain(rest).collect()
}

/// A far end that has no place on the map.
fn beside(call: &SessionReport, end: &SessionEndpoint) -> OffMap {
    let name = words::best_name(&end.names).map(|name| format!(" {name}")).unwrap_or_default();
    let why = words::off_map(end).unwrap_or_default();
    OffMap {
        mark: words::mark_of(end),
        whom: format!("{}{name}", end.address),
        why: end.country.map_or_else(|| why.to_owned(), |country| format!("{why}, maybe {country}")),
        role: words::roles(&end.roles),
        bytes: if end.contact >= Contact::Answered {
            bytes(end.bytes_sent.saturating_add(end.bytes_received))
        } else {
            words::contact(end.contact, call.one_direction).to_owned()
        },
    }
}

fn failover(failover: &FailoverReport) -> Failover {
    let code = |country: Option<crate::locate::CountryCode>| {
        country.map_or_else(|| "place unknown".to_owned(), |country| country.to_string())
    };
    let failed = failover.failed.iter().take(MAX_FAILED).map(|failed| {
        let name = failed.name.clone().unwrap_or_else(|| failed.endpoint.to_string());
        let tries = if failed.tries > 1 { format!(", {} packets", failed.tries) } else { String::new() };
        format!("{} {name} ({}): {}{tries}", words::clock(failed.time), code(failed.country), failed.words)
    });
    let leaves = match failover.leaves_home {
        Some(true) if failover.home.len() <= 6 => {
            let home: Vec<String> = failover.home.iter().map(ToString::to_string).collect();
            format!(", outside of home ({})", home.join(", "))
        }
        Some(true) => ", outside of the client's continent".to_owned(),
        _ => String::new(),
    };
    let name = failover.reached_name.clone().unwrap_or_else(|| failover.reached.to_string());
    Failover {
        failed: failed.collect(),
        more: failover.failed.len().saturating_sub(MAX_FAILED),
        reached: format!(
            "{} {name} ({}) was reached, {} after the first attempt{leaves}.",
            words::clock(failover.time),
            code(failover.country_after),
            words::duration(failover.gap_s)
        ),
    }
}
