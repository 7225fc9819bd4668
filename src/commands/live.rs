//! `landfall live`, `landfall interfaces`, and what helps them.

use super::resolve;
use crate::say;
use landfall::capture::live::TapOptions;
use landfall::capture::write::Rotation;
use landfall::cli::{self, Format, Interfaces, Output, Scope};
use landfall::live::{Surroundings, Telling, Wanted};
use landfall::pipeline::live::LiveRequest;
use landfall::pipeline::{self, Request};
use std::error::Error;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

pub(crate) fn live(options: cli::Live) -> Result<u8, Box<dyn Error>> {
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
    surroundings.enter_sandbox(&request, &live);
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

pub(crate) fn help(helper: &cli::Helper) -> Result<u8, Box<dyn Error>> {
    match helper {
        cli::Helper::Find { addresses } => landfall::live::find_processes(addresses)?,
        cli::Helper::Run { command } => landfall::live::run_command(command)?,
    }
    Ok(0)
}

pub(crate) fn interfaces(options: &Interfaces) -> Result<u8, Box<dyn Error>> {
    let list = landfall::live::interfaces(options.format == Format::Json)?;
    Output::open(None)?.write(list.as_bytes())?;
    Ok(0)
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
