//! The program: parses the command line, runs, prints, chooses the exit status.

use clap::Parser;
use landfall::capture::Progress;
use landfall::cli::{Bar, Cli, Command, DbCommand, Format, Inspect, Lookup, Output, ReportFormat, Scope};
use landfall::locate::Sources;
use landfall::pipeline::{self, LookupError, LookupRequest, Request};
use landfall::report;
use landfall::store::{self, Store, run};
use std::error::Error;
use std::io::{self, BufRead, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// The exit status where something could not be done.
const FAILURE: u8 = 2;

fn main() -> ExitCode {
    let status = match Cli::parse().command {
        Command::Inspect(options) => inspect(options),
        Command::Lookup(options) => lookup(&options),
        Command::Db(options) => db(&options.command),
    };
    ExitCode::from(status.unwrap_or_else(|error| {
        say(&chain(error.as_ref()));
        FAILURE
    }))
}

fn inspect(options: Inspect) -> Result<u8, Box<dyn Error>> {
    let output = Output::open(options.output.as_deref())?;
    let page = options.html.as_deref().map(|path| Output::open(Some(path))).transpose()?;
    let format = match options.format {
        ReportFormat::Table => report::Format::Table { colour: output.has_colour() },
        ReportFormat::Json => report::Format::Json,
        ReportFormat::Html => report::Format::Html,
    };
    let progress = Arc::new(Progress::default());
    let bar = Bar::watch(&progress);
    let inspected = pipeline::inspect(&request(options), &progress);
    drop(bar);
    let inspected = inspected?;
    for note in &inspected.notes {
        say(note);
    }
    if let Some(page) = page {
        page.write(&inspected.report.render(report::Format::Html))?;
    }
    output.write(&inspected.report.render(format))?;
    let status = inspected.report.exit_status();
    // The process ends here: to give back each of some hundred thousand pieces of memory would only take time.
    std::mem::forget(inspected);
    Ok(status)
}

fn lookup(options: &Lookup) -> Result<u8, Box<dyn Error>> {
    let output = Output::open(options.output.as_deref())?;
    let request = LookupRequest {
        sources: Sources {
            databases: resolve(&options.location.db),
            without_embedded: options.location.no_default_db,
            ranges: resolve(&options.location.ranges),
            anycast: resolve(&options.location.anycast),
            all_dates: options.location.all_dates,
            hash: options.format == Format::Json,
            ..Sources::default()
        },
        at: options.at,
        json: options.format == Format::Json,
        threads: options.threads,
    };
    let given = options.addresses.join("\n");
    let input: Box<dyn BufRead> = match options.addresses.as_slice() {
        [] => Box::new(io::stdin().lock()),
        [only] if only == "-" => Box::new(io::stdin().lock()),
        _ => Box::new(given.as_bytes()),
    };
    let closed = |error: &LookupError| matches!(error, LookupError::Write(cause) if cause.kind() == io::ErrorKind::BrokenPipe);
    let result = output.stream(|out| pipeline::lookup(&request, input, out), closed)?;
    let result = result.unwrap_or_default();
    for text in &result.named {
        say(&format!("{text:?} is no address"));
    }
    if result.not_understood > result.named.len() as u64 {
        say(&format!("{} lines are no addresses", result.not_understood));
    }
    Ok(if result.not_understood > 0 { FAILURE } else { 0 })
}

fn db(command: &DbCommand) -> Result<u8, Box<dyn Error>> {
    let store = Store::of_user()?;
    let outcome = match command {
        DbCommand::List(options) => run::list(&store, options.format == Format::Json),
        DbCommand::Add(options) => run::add(&store, &options.files),
        DbCommand::Update(options) => {
            let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
            run::update(&store, &options.names, options.sources.as_deref(), today)
        }
        DbCommand::Verify(options) => run::verify(&store, options.format == Format::Json),
    }?;
    Output::open(None)?.write(outcome.text.as_bytes())?;
    for failure in &outcome.failures {
        say(failure);
    }
    Ok(if outcome.failures.is_empty() { 0 } else { FAILURE })
}

/// Paths as given; a name that is no file is looked for in the store and where geoipupdate puts its files.
fn resolve(paths: &[PathBuf]) -> Vec<PathBuf> {
    let own = Store::of_user().ok().map(|store| store.folder().to_owned());
    let folders: Vec<PathBuf> = own.into_iter().chain(store::geoipupdate_folders()).collect();
    store::resolve(paths, &folders)
}

fn request(options: Inspect) -> Request {
    Request {
        paths: options.paths,
        deny: options.deny,
        allow: options.allow,
        databases: resolve(&options.location.db),
        without_default_database: options.location.no_default_db,
        ranges: resolve(&options.location.ranges),
        anycast: resolve(&options.location.anycast),
        vantage: options.from.vantage,
        all_dates: options.location.all_dates,
        filter: options.filter,
        threads: options.threads,
        hash: options.format != ReportFormat::Table || options.html.is_some(),
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
