//! `landfall inspect`.

use super::resolve;
use crate::say;
use landfall::capture::Progress;
use landfall::cli::{Bar, EvidenceOptions, Inspect, Output, ReportFormat, Scope};
use landfall::evidence::{EvidenceError, Key, Target, Task};
use landfall::pipeline::{self, Request};
use landfall::report;
use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub(crate) fn inspect(options: Inspect) -> Result<u8, Box<dyn Error>> {
    let format = options.report_format()?;
    let task = task(&options.evidence, &options.paths)?;
    let output = Output::open(options.output.as_deref())?;
    options.format.fits(output.is_terminal())?;
    let page = options.html.as_deref().map(|path| Output::open(Some(path))).transpose()?;
    let format = format.coloured(output.has_colour());
    let progress = Arc::new(Progress::default());
    let bar = Bar::watch(&progress);
    let request = Request {
        writes: task.target.iter().map(|target| target.folder().to_owned()).collect(),
        ..request(options)
    };
    let inspected = pipeline::inspect(&request, &progress);
    drop(bar);
    let mut inspected = inspected?;
    for note in &inspected.notes {
        say(note);
    }
    let pseudonyms = task.run(&request, &mut inspected)?;
    if let Some(target) = &task.target {
        say(&format!("evidence is in '{}'", target.path().display()));
    }
    for (output, format) in [(page, report::Format::Html), (Some(output), format)] {
        let Some(output) = output else { continue };
        if pseudonyms.is_some() {
            // What may not be written has to be known before the first byte is.
            let report = inspected.report.render(format);
            Task::check(pseudonyms.as_ref(), "the report", &report)?;
            output.write(&report)?;
        } else {
            output.report(|out| inspected.report.write(format, out))?;
        }
    }
    let status = inspected.report.exit_status();
    // The process ends here: to give back each of some hundred thousand pieces of memory would only take time.
    std::mem::forget(inspected);
    Ok(status)
}

/// What is to be done besides the report. What cannot be done is said before any work.
fn task(options: &EvidenceOptions, paths: &[PathBuf]) -> Result<Task, EvidenceError> {
    let key = match (&options.key_file, options.pseudonymize) {
        (Some(path), _) => Some(Key::read(path)?),
        (None, true) => Some(Key::random()?),
        (None, false) => None,
    };
    let target = options.evidence.as_deref().map(|folder| Target::prepare(folder, paths)).transpose()?;
    Ok(Task { target, key, packets: options.evidence_packets })
}

fn request(options: Inspect) -> Request {
    // What is written beside a table has room for more than it.
    let has_more = options.evidence.evidence.is_some() || options.html.is_some();
    Request {
        with_flows: options.with_flows(),
        paths: options.paths,
        deny: options.deny,
        allow: options.allow,
        policy: options.policy,
        databases: resolve(&options.location.db),
        without_default_database: options.location.no_default_db,
        ranges: resolve(&options.location.ranges),
        anycast: resolve(&options.location.anycast),
        vantage: options.from.vantage,
        all_dates: options.location.all_dates,
        filter: options.filter,
        threads: options.threads,
        hash: options.format.has_hashes() || has_more,
        brief: options.format == ReportFormat::Table && !has_more,
        services: options.services,
        home: options.home,
        idle_gap: Some(Duration::from_secs(u64::from(options.idle_gap))),
        judge_all: options.scope == Scope::All || options.headers_only,
        headers_only: options.headers_only,
        sandbox: !options.no_sandbox,
        writes: Vec::new(),
    }
}
