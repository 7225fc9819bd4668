//! The program: parses the command line, runs, prints, chooses the exit status.

mod commands;

use clap::Parser;
use landfall::capture::Progress;
use landfall::capture::live::TapOptions;
use landfall::capture::write::Rotation;
use landfall::cli::{
    self, Bar, Cli, Command, DbCommand, Diff, EvidenceCommand, EvidenceOptions, Format, Inspect, Interfaces,
    Lookup, Manual, Output, PolicyCommand, ReportFormat, Scope, VerifyOptions,
};
use landfall::evidence::{self, EvidenceError, Key, Target, Task, VerifyRequest};
use landfall::live::{Surroundings, Telling, Wanted};
use landfall::locate::Sources;
use landfall::pipeline::live::LiveRequest;
use landfall::pipeline::{self, InspectError, LookupError, LookupRequest, Request, policies};
use landfall::report;
use landfall::store::{self, Store, run};
use std::error::Error;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// The exit status where something could not be done.
const FAILURE: u8 = 2;

fn main() -> ExitCode {
    let status = match Cli::parse().command {
        Command::Inspect(options) => inspect(*options),
        Command::Live(options) => live(*options),
        Command::Interfaces(options) => interfaces(&options),
        Command::Helper(helper) => help(&helper),
        Command::Lookup(options) => lookup(&options),
        Command::Policy(options) => policy(&options.command),
        Command::Diff(options) => diff(&options),
        Command::Db(options) => db(&options.command),
        #[cfg(feature = "parquet")]
        Command::Corpus(options) => commands::corpus::corpus(options.command),
        Command::Evidence(options) => match options.command {
            EvidenceCommand::Verify(options) => verify(options),
        },
        Command::Schema(options) => print(options.text().as_bytes()),
        Command::Completions(options) => print(&options.script()),
        Command::Man(options) => manual(&options),
    };
    ExitCode::from(status.unwrap_or_else(|error| {
        fail(error.as_ref());
        FAILURE
    }))
}

fn inspect(options: Inspect) -> Result<u8, Box<dyn Error>> {
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

fn live(options: cli::Live) -> Result<u8, Box<dyn Error>> {
    let output = Output::open(options.output.as_deref())?;
    let (to_file, as_json) = (options.output.is_some(), options.plain || !io::stdout().is_terminal());
    // Where the report has standard output to itself, what happens is told beside it.
    let beside = options.format.is_some() && !to_file;
    let telling = if as_json && !beside { Telling::Json } else { Telling::Words };
    let format = options.rendered()?;
    options.report_format().fits(output.is_terminal())?;
    let in_line = telling == Telling::Json && !to_file;
    let stop = landfall::live::on_signal()?;
    let mut surroundings = Surroundings::open(&wanted(&options))?;
    let request = live_request(options);
    let live = pipeline::live::Live::open(request.clone())?;
    surroundings.enter_sandbox(&request);
    surroundings.notes.iter().for_each(|note| say(note));
    let (hooks, pending) = surroundings.hooks()?;
    let running = live.start(hooks)?;
    let mut out: Box<dyn Write> = if beside { Box::new(io::stderr()) } else { Box::new(io::stdout()) };
    let Some(ended) = landfall::live::run(running, &stop, telling, in_line, &mut out)? else { return Ok(0) };
    for note in ended.failures.iter().chain(&ended.snapshot.notes) {
        say(note);
    }
    pending.wait().iter().for_each(|note| say(note));
    if !in_line {
        let format = format.coloured(output.has_colour());
        output.report(|out| ended.snapshot.report.write(format, out))?;
    }
    Ok(ended.exit_status())
}

fn wanted(options: &cli::Live) -> Wanted {
    Wanted {
        processes: !options.no_processes,
        on_finding: options.on_finding.clone(),
        metrics: options.metrics,
        sandbox: !options.no_sandbox,
    }
}

fn help(helper: &cli::Helper) -> Result<u8, Box<dyn Error>> {
    match helper {
        cli::Helper::Find { addresses } => landfall::live::find_processes(addresses)?,
        cli::Helper::Run { command } => landfall::live::run_command(command)?,
    }
    Ok(0)
}

fn interfaces(options: &Interfaces) -> Result<u8, Box<dyn Error>> {
    let list = landfall::live::interfaces(options.format == Format::Json)?;
    Output::open(None)?.write(list.as_bytes())?;
    Ok(0)
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

fn verify(options: VerifyOptions) -> Result<u8, Box<dyn Error>> {
    let request = VerifyRequest {
        folder: options.folder,
        captures: options.capture,
        with: options.with,
        key: options.key_file.as_deref().map(Key::read).transpose()?,
        threads: options.threads,
    };
    let progress = Arc::new(Progress::default());
    let bar = Bar::watch(&progress);
    let found = evidence::verify(&request, &progress);
    drop(bar);
    let found = found?;
    Output::open(None)?.write(found.render().as_bytes())?;
    Ok(found.exit_status())
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

fn policy(command: &PolicyCommand) -> Result<u8, Box<dyn Error>> {
    let text = match command {
        PolicyCommand::Check(options) => {
            let checked = policies::check_policies(&options.files, &options.services)?;
            Output::open(None)?.write(checked.text.as_bytes())?;
            checked.messages.iter().for_each(|message| print_error(message));
            return Ok(if checked.failed { FAILURE } else { 0 });
        }
        PolicyCommand::Show(options) => policies::show(&options.file, &options.services)?,
        PolicyCommand::List => policies::list(),
        PolicyCommand::Groups(options) => match options.format {
            Format::Table => report::list_groups(landfall::policy::groups()),
            Format::Json => report::groups_json(landfall::policy::groups()),
        },
        PolicyCommand::Explain(options) => {
            policies::explain(&options.file, &options.services, &options.home, &options.report)?
        }
        PolicyCommand::Schema => landfall::policy::schema(),
    };
    Output::open(None)?.write(text.as_bytes())?;
    Ok(0)
}

fn diff(options: &Diff) -> Result<u8, Box<dyn Error>> {
    let output = Output::open(options.output.as_deref())?;
    let (old, new) = (report::PastReport::open(&options.old)?, report::PastReport::open(&options.new)?);
    let diff = report::compare(&old, &new);
    let text = match options.format {
        Format::Table => diff.table(),
        Format::Json => diff.json(),
    };
    output.write(text.as_bytes())?;
    Ok(u8::from(!diff.same))
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

fn print(text: &[u8]) -> Result<u8, Box<dyn Error>> {
    Output::open(None)?.write(text)?;
    Ok(0)
}

fn manual(options: &Manual) -> Result<u8, Box<dyn Error>> {
    let Some(folder) = &options.output else { return print(&Manual::page()?) };
    Output::make_folder(folder)?;
    for (name, page) in Manual::pages()? {
        Output::open(Some(&folder.join(name)))?.write(&page)?;
    }
    Ok(0)
}

/// Paths as given; a name that is no file is looked for in the store and where geoipupdate puts its files.
fn resolve(paths: &[PathBuf]) -> Vec<PathBuf> {
    let own = Store::of_user().ok().map(|store| store.folder().to_owned());
    let folders: Vec<PathBuf> = own.into_iter().chain(store::geoipupdate_folders()).collect();
    store::resolve(paths, &folders)
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
        judge_all: options.scope == Scope::All,
        sandbox: !options.no_sandbox,
        writes: Vec::new(),
    }
}

fn live_request(options: cli::Live) -> LiveRequest {
    let rules = Request {
        with_flows: options.with_flows(),
        deny: options.deny,
        allow: options.allow,
        policy: options.policy,
        databases: resolve(&options.location.db),
        without_default_database: options.location.no_default_db,
        ranges: resolve(&options.location.ranges),
        anycast: resolve(&options.location.anycast),
        vantage: options.from.vantage,
        all_dates: options.location.all_dates,
        services: options.services,
        home: options.home,
        idle_gap: Some(Duration::from_secs(u64::from(options.idle_gap))),
        judge_all: options.scope == Scope::All,
        ..Request::default()
    };
    LiveRequest {
        rules,
        interfaces: options.interface,
        tap: TapOptions {
            snap_length: options.snaplen,
            promiscuous: !options.no_promiscuous,
            monitor: options.monitor,
            buffer_bytes: options.buffer_size << 20,
            filter: options.filter,
        },
        duration: options.duration.map(Duration::from_secs),
        packets: options.packets,
        write: options.write.map(|path| Rotation {
            path,
            size: options.rotate_size.map(|size| size.saturating_mul(1_000_000)),
            span: options.rotate_seconds.map(Duration::from_secs),
            keep: options.keep.map(std::num::NonZeroUsize::get),
        }),
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

/// Tells why it could not be done. Mistakes in a policy have lines of their own.
fn fail(error: &(dyn Error + 'static)) {
    let policy = match error.downcast_ref::<InspectError>() {
        Some(InspectError::PolicyFile(error)) => Some(error),
        _ => None,
    };
    match policy {
        Some(error) => print_error(&policies::message(error)),
        None => say(&chain(error)),
    }
}

/// Prints what has nothing in it that steers a terminal.
fn print_error(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Tells the user something that is not the result. If standard error is closed, nobody wants to know.
fn say(text: &str) {
    let _ = writeln!(io::stderr(), "landfall: {}", report::text::escape(text));
}
