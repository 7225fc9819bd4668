//! The program: parses the command line, runs, prints the error, chooses the exit status.

mod commands;

use clap::Parser;
#[cfg(feature = "parquet")]
use commands::corpus;
use commands::{db, evidence, inspect, live, lookup, policy, shell};
use landfall::cli::{Cli, Command, EvidenceCommand};
use landfall::pipeline::{InspectError, policies};
use landfall::report;
use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

/// Flows come and go in the hundred thousands, and the allocator of the C library takes a sixth longer over all of it.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The exit status where something could not be done.
const FAILURE: u8 = 2;

fn main() -> ExitCode {
    let status = match Cli::parse().command {
        Command::Inspect(options) => inspect::inspect(*options),
        Command::Live(options) => live::live(*options),
        Command::Interfaces(options) => live::interfaces(&options),
        Command::Helper(helper) => live::help(&helper),
        Command::Lookup(options) => lookup::lookup(&options),
        Command::Policy(options) => policy::policy(&options.command),
        Command::Diff(options) => policy::diff(&options),
        Command::Db(options) => db::db(&options.command),
        #[cfg(feature = "parquet")]
        Command::Corpus(options) => corpus::corpus(options.command),
        Command::Evidence(options) => match options.command {
            EvidenceCommand::Verify(options) => evidence::verify(options),
        },
        Command::Schema(options) => shell::print(options.text().as_bytes()),
        Command::Completions(options) => shell::print(&options.script()),
        Command::Man(options) => shell::manual(&options),
    };
    let status = status.unwrap_or_else(|error| {
        fail(error.as_ref());
        FAILURE
    });
    leave(status)
}

/// Ends the process. When the C library does, mimalloc looks at each of its pages once more, to give back what is free in
/// it: after a large capture that takes a hundredth of the whole run.
#[cfg(feature = "mimalloc")]
fn leave(status: u8) -> ExitCode {
    let _ = io::stdout().flush();
    signal_hook::low_level::exit(status.into())
}

#[cfg(not(feature = "mimalloc"))]
fn leave(status: u8) -> ExitCode {
    ExitCode::from(status)
}

/// Tells why it could not be done. Mistakes in a policy have lines of their own.
fn fail(error: &(dyn Error + 'static)) {
    let policy = match error.downcast_ref::<InspectError>() {
        Some(InspectError::PolicyFile(error)) => Some(error),
        _ => None,
    };
    match policy {
        Some(error) => print_error(&policies::message(error)),
        None => say(&report::text::chain(error)),
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
