//! How the capture goes: what was read and lost, and how much of it was understood.

use super::app::App;
use super::style::wrap;
use super::words::{rate, span};
use crate::pipeline::live::{Rate, Snapshot};
use crate::report::text::{bytes, counted, number};
use crate::report::{InputReport, Report, Share};
use std::fmt::Write as _;

/// Inputs that are listed before the rest is only counted.
const MAX_INPUTS: usize = 50;

/// What there is to say, in lines of so many columns.
pub(super) fn lines(app: &App, snapshot: &Snapshot, room: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let report = &snapshot.report;
    let rates = snapshot.interfaces.iter().copied().chain(std::iter::repeat(Rate::default()));
    for (input, rate) in report.inputs.iter().zip(rates).take(MAX_INPUTS) {
        of_input(&mut lines, app.origin.live, input, rate);
    }
    if let Some(more) = report.inputs.len().checked_sub(MAX_INPUTS).filter(|more| *more > 0) {
        lines.push(format!("and {}", counted(more, "more input")));
    }
    lines.push(String::new());
    lines.push("COVERAGE".to_owned());
    coverage(&mut lines, report);
    if app.origin.live {
        lines.push(format!("  {} followed now", counted(snapshot.flows, "flow")));
    }
    rules(&mut lines, report);
    let notes = report.lacks.iter().chain(&snapshot.notes).chain(&app.origin.notes);
    let notes: Vec<String> = notes.map(|note| format!("  {note}")).collect();
    if !notes.is_empty() {
        lines.push(String::new());
        lines.push("WHAT TO KNOW".to_owned());
        lines.extend(notes);
    }
    lines.iter().flat_map(|line| wrap(&app.look.shown(line), room)).collect()
}

fn of_input(lines: &mut Vec<String>, live: bool, input: &InputReport, now: Rate) {
    let mut head = format!("{}  {} packets, {}", input.path, number(input.packets), bytes(input.bytes));
    if live {
        let _ = write!(head, "; {} packets/s, {}", number(now.packets_per_s), rate(now.bytes_per_s));
    }
    lines.push(head);
    if let (Some(first), Some(last)) = (input.first_packet, input.last_packet) {
        lines.push(format!("  {} UTC", span(first, last)));
    }
    lines.push(match input.dropped_packets {
        Some(0) => "  no packets were dropped while capturing".to_owned(),
        Some(dropped) => format!("  {} packets were DROPPED while capturing", number(dropped)),
        None => "  whether packets were dropped while capturing is not known".to_owned(),
    });
    if input.truncated_packets > 0 {
        lines.push(format!("  {} packets were captured in part", number(input.truncated_packets)));
    }
    if let Some(damage) = &input.damage {
        let place =
            if live { "ENDED: ".to_owned() } else { format!("DAMAGED at byte {}: ", number(damage.offset)) };
        lines.push(format!("  {place}{}", damage.reason));
    }
    let odd: Vec<String> =
        input.anomalies.iter().map(|(kind, count)| format!("{} {kind}", number(*count))).collect();
    if !odd.is_empty() {
        lines.push(format!("  odd frames: {}", odd.join(", ")));
    }
}

fn coverage(lines: &mut Vec<String>, report: &Report) {
    let coverage = &report.coverage;
    let of = |share: Share| format!("{} packets, {}", number(share.packets), bytes(share.bytes));
    lines.push(format!("  {} packets, {}", number(coverage.packets), bytes(coverage.bytes)));
    lines.push(format!("  {} with IP in them", number(coverage.ip_packets)));
    for (role, share) in &coverage.roles {
        lines.push(format!("    {:10} {}", role.name(), of(*share)));
    }
    lines.push(format!("  service not known: {}", of(coverage.unidentified)));
    lines.push(format!("  country not known: {}", of(coverage.unlocated)));
    let lost = [
        (coverage.unfollowed_packets, "packets that could not be followed, as a bound was reached"),
        (coverage.unread_segments, "TCP segments that were not looked into, as a bound was reached"),
    ];
    for (count, what) in lost.into_iter().filter(|(count, _)| *count > 0) {
        lines.push(format!("  {} {what}", number(count)));
    }
    let outside = &report.outside;
    let judged = if outside.judged { "judged too" } else { "not judged" };
    let share = Share { packets: outside.packets, bytes: outside.bytes };
    let endpoints = counted(usize::try_from(outside.endpoints).unwrap_or(usize::MAX), "endpoint");
    lines.push(format!("  not part of a call: {endpoints}, {}, {judged}", of(share)));
}

fn rules(lines: &mut Vec<String>, report: &Report) {
    lines.push(String::new());
    lines.push("RULES AND SOURCES".to_owned());
    if report.policy.is_empty() {
        lines.push("  No rule was given, so nothing is denied: see --deny and --allow.".to_owned());
    } else {
        let name = report.policy.name.as_deref().unwrap_or("rules of the command line");
        lines.push(format!("  policy: {name}, {}", counted(report.policy.rules.len(), "rule")));
    }
    for database in &report.databases {
        let built = database.built.map(|built| built.strftime(" %Y-%m-%d").to_string()).unwrap_or_default();
        lines.push(format!("  {}{built}", database.id));
    }
}
