//! The report for people: per call what was touched where, what was refused and why, then the rest in a line.

mod call;
mod claims;
mod servers;

use super::model::{Finding, InputReport, Report, SessionReport, Time};
use super::text::{bytes, counted, escape, number};
use crate::locate::Database;
use crate::policy::{DEFAULT_RULE, Verdict};
use anstyle::{AnsiColor, Style};
use std::fmt::Write as _;

/// Inputs named before the rest is only counted.
const MAX_INPUTS: usize = 4;

/// Calls shown before the rest is only counted; denied ones come first.
pub(super) const MAX_CALLS: usize = 24;

/// Findings outside of calls shown before the rest is only counted.
const MAX_FINDINGS: usize = 20;

/// Columns that a person's terminal has at least.
const WIDTH: usize = 80;

/// The report as text; with terminal colours if `colour`.
pub(super) fn render(report: &Report, colour: bool) -> String {
    let mut table = Table { text: String::new(), colour };
    table.inputs(&report.inputs);
    table.calls(report);
    table.outside_findings(report);
    if report.sessions.is_empty() || report.outside.judged {
        table.servers(report);
    }
    table.summary(report);
    if report.pseudonymized {
        table.wrapped("Addresses and names that tell who took part are pseudonyms.", 0);
    }
    table.text
}

/// What the table says of one call.
pub(super) fn call(report: &Report, call: &SessionReport) -> String {
    let mut table = Table { text: String::new(), colour: false };
    table.call(report, call);
    table.text
}

/// What the table says of one finding.
pub(super) fn finding(finding: &Finding) -> String {
    let mut table = Table { text: String::new(), colour: false };
    table.reason(finding);
    table.text
}

struct Table {
    text: String,
    colour: bool,
}

impl Table {
    fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    fn styled(&self, style: Style, text: &str) -> String {
        if self.colour { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    /// The word for a verdict in four columns, padded before it is coloured so that columns stay in line.
    fn verdict(&self, verdict: Verdict) -> String {
        let (word, colour) = match verdict {
            Verdict::Allow => ("  ok", AnsiColor::Green),
            Verdict::Deny => ("DENY", AnsiColor::Red),
            Verdict::Indeterminate => ("   ?", AnsiColor::Yellow),
        };
        self.styled(Style::new().fg_color(Some(colour.into())).bold(), word)
    }

    fn inputs(&mut self, inputs: &[InputReport]) {
        for input in inputs.iter().take(MAX_INPUTS) {
            self.input(input);
        }
        if let Some(rest) = inputs.get(MAX_INPUTS..).filter(|rest| !rest.is_empty()) {
            let packets: u64 = rest.iter().map(|input| input.packets).sum();
            self.line(&format!("and {}, {} packets", counted(rest.len(), "more input"), number(packets)));
        }
    }

    fn input(&mut self, input: &InputReport) {
        let path = escape(&input.path);
        let packets = format!("{} packets", number(input.packets));
        let mut line = format!("{path}   {packets}");
        if line.chars().count() > WIDTH {
            self.line(&path);
            line = format!("  {packets}");
        }
        if let (Some(first), Some(last)) = (input.first_packet, input.last_packet) {
            let when = format!("{} UTC", span(first, last));
            if line.chars().count() + 3 + when.len() > WIDTH {
                self.line(&line);
                line = format!("  {when}");
            } else {
                let _ = write!(line, "   {when}");
            }
        }
        self.line(&line);
        if let Some(damage) = &input.damage {
            let reason = escape(&damage.reason);
            let text = match input.format {
                // An interface that went away.
                "live" => reason,
                _ => format!("damaged at byte {}: {reason}", number(damage.offset)),
            };
            self.wrapped(&text, 2);
        }
        if let Some(dropped) = input.dropped_packets.filter(|&dropped| dropped > 0) {
            self.line(&format!("  {} packets were dropped while capturing", number(dropped)));
        }
    }

    fn calls(&mut self, report: &Report) {
        let mut calls: Vec<&SessionReport> = report.sessions.iter().collect();
        calls.sort_by_key(|call| std::cmp::Reverse(call.verdict));
        for call in calls.iter().take(MAX_CALLS) {
            self.line("");
            self.call(report, call);
        }
        let more = calls.len().saturating_sub(MAX_CALLS) + report.sessions_left_out;
        if more > 0 {
            self.line("");
            self.line(&format!("and {}; --format json lists them all", counted(more, "more call")));
        }
    }

    fn outside_findings(&mut self, report: &Report) {
        let mut findings: Vec<&Finding> =
            report.findings.iter().filter(|finding| finding.session.is_none()).collect();
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.verdict));
        for finding in findings.iter().take(MAX_FINDINGS) {
            self.line("");
            let verdict = self.verdict(finding.verdict);
            self.line(&format!("{verdict}  {}", finding.endpoint));
            self.reason(finding);
        }
        if let Some(more) = findings.len().checked_sub(MAX_FINDINGS).filter(|&more| more > 0) {
            self.line("");
            self.line(&format!("and {}; --format json lists them all", counted(more, "more finding")));
        }
    }

    fn reason(&mut self, finding: &Finding) {
        let mut label = finding.rule.as_deref().map_or_else(String::new, escape);
        if let Some(severity) = finding.severity {
            let _ = write!(label, ", {}", severity.name());
        }
        if finding.rule.as_deref() == Some(DEFAULT_RULE) {
            label.push_str(" (no rule allows it)");
        }
        // In quotes: it is what the policy says, not what packets show.
        if let Some(reason) = &finding.rule_reason {
            let _ = write!(label, " (\"{}\")", escape(reason.trim_end_matches('.')));
        }
        if !label.is_empty() {
            label.push_str(": ");
        }
        self.wrapped(&format!("{label}{}", escape(&finding.reason)), 6);
    }

    fn summary(&mut self, report: &Report) {
        self.line("");
        let outside = &report.outside;
        if outside.endpoints > 0 {
            let endpoints = counted(usize::try_from(outside.endpoints).unwrap_or(usize::MAX), "endpoint");
            let judged = if outside.judged { "judged too" } else { "not judged (--scope all)" };
            self.line(&format!("not part of a call: {endpoints}, {}, {judged}", bytes(outside.bytes)));
        }
        let of = |verdict| report.sessions.iter().filter(|session| session.verdict == verdict).count();
        let word = match report.verdict {
            Verdict::Allow => "ALLOW",
            Verdict::Deny => "DENY",
            Verdict::Indeterminate => "INDETERMINATE",
        };
        let (denied, unclear) = (of(Verdict::Deny), of(Verdict::Indeterminate));
        self.line(&format!(
            "{word}: {}, {} denied, {} indeterminate",
            counted(report.sessions.len() + report.sessions_left_out, "call"),
            number(denied as u64),
            number(unclear as u64),
        ));
        if let Some(name) = &report.policy.name {
            let rules = counted(report.policy.rules.len(), "rule");
            self.wrapped(&format!("policy: {}, {rules}", escape(name)), 0);
        }
        for lack in &report.lacks {
            self.wrapped(lack, 0);
        }
        if report.policy.is_empty() {
            self.line("No rule was given, so nothing is denied: see --deny and --allow.");
        }
        for database in report.databases.iter().filter(|database| database.attribution.is_some()) {
            self.wrapped(&credit(database), 0);
        }
    }

    /// Breaks `text` at spaces; a word that is longer than a line stays whole.
    fn wrapped(&mut self, text: &str, indent: usize) {
        let mut line = " ".repeat(indent);
        for word in text.split(' ') {
            if line.len() > indent && line.chars().count() + 1 + word.chars().count() > WIDTH {
                self.line(&line);
                line = " ".repeat(indent);
            }
            if line.len() > indent {
                line.push(' ');
            }
            line.push_str(word);
        }
        self.line(&line);
    }
}

/// `dbip-country-lite 2026-06-01: IP Geolocation by DB-IP, https://db-ip.com`.
pub(super) fn credit(database: &Database) -> String {
    let mut text = escape(&database.id);
    if let Some(built) = database.built {
        let _ = write!(text, " {}", built.strftime("%Y-%m-%d"));
    }
    if let Some(attribution) = database.attribution {
        let _ = write!(text, ": {attribution}");
    }
    text
}

/// `2020-04-03 14:02:11 to 14:09:37`, with the second date where it is another.
pub(super) fn span(first: Time, last: Time) -> String {
    let (start, end) = (seconds(first), seconds(last));
    let same_day = start.get(..10).is_some_and(|day| end.starts_with(day));
    let shown = if same_day { end.get(11..).unwrap_or(&end) } else { &end };
    format!("{start} to {shown}")
}

/// `2020-04-03 14:02:11`.
fn seconds(time: Time) -> String {
    let text = time.at.rfc3339(crate::capture::Precision::new(0));
    text.replace('T', " ").trim_end_matches('Z').to_owned()
}

/// `14:02:11`.
fn clock(time: Time) -> String {
    seconds(time).get(11..).unwrap_or_default().to_owned()
}
