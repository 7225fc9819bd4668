//! The program: parses the command line, runs, prints, chooses the exit status.

use clap::Parser;
use landfall::capture::Progress;
use landfall::cli::{Bar, Cli, Command, Format, Inspect, Output, Scope};
use landfall::pipeline::{self, Request};
use landfall::report;
use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// The exit status where something could not be done.
const FAILURE: u8 = 2;

fn main() -> ExitCode {
    let status = match Cli::parse().command {
        Command::Inspect(options) => inspect(options),
    };
    ExitCode::from(status.unwrap_or_else(|error| {
        say(&chain(error.as_ref()));
        FAILURE
    }))
}

fn inspect(options: Inspect) -> Result<u8, Box<dyn Error>> {
    let output = Output::open(options.output.as_deref())?;
    let format = match options.format {
        Format::Table => report::Format::Table { colour: output.has_colour() },
        Format::Json => report::Format::Json,
    };
    let progress = Arc::new(Progress::default());
    let bar = Bar::watch(&progress);
    let inspected = pipeline::inspect(&request(options), &progress);
    drop(bar);
    let inspected = inspected?;
    for note in &inspected.notes {
        say(note);
    }
    output.write(&inspected.report.render(format))?;
    let status = inspected.report.exit_status();
    // The process ends here: to give back each of some hundred thousand pieces of memory would only take time.
    std::mem::forget(inspected);
    Ok(status)
}

fn request(options: Inspect) -> Request {
    Request {
        paths: options.paths,
        deny: options.deny,
        allow: options.allow,
        databases: options.db,
        without_default_database: options.no_default_db,
        filter: options.filter,
        threads: options.threads,
        hash: options.format == Format::Json,
        with_flows: options.flows,
        services: options.services,
        home: options.home,
        idle_gap: Some(Duration::from_secs(u64::from(options.idle_gap))),
        judge_all: options.scope == Scope::All,
    }
}

/// An error and its causes, from the outermost in: `landfall: a: b: c`.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

/// Tells the user something that is not the result. If standard error is closed, nobody wants to know.
fn say(text: &str) {
    let _ = writeln!(io::stderr(), "landfall: {}", report::text::escape(text));
}
