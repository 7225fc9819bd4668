//! The command line: what can be typed, and where output goes. Nothing of what is done about it.

#[cfg(feature = "parquet")]
mod corpus;
mod db;
mod diff;
mod evidence;
mod format;
mod inspect;
mod live;
mod location;
mod lookup;
mod output;
mod policy;
mod progress;
mod schema;
mod shell;

#[cfg(feature = "parquet")]
pub use corpus::{
    CorpusArgs, CorpusCommand, CorpusFormat, CorpusReport, CorpusRows, CorpusRun, CorpusVerify, Inspection,
};
pub use db::{Db, DbCommand};
pub use diff::Diff;
pub use evidence::{Evidence, EvidenceCommand, EvidenceOptions, VerifyOptions};
pub use format::{Format, FormatError, ReportFormat, ReportTable};
pub use inspect::{Inspect, Scope};
pub use live::{Helper, Interfaces, Live};
pub use location::{From, Location};
pub use lookup::Lookup;
pub use output::{Output, OutputError};
pub use policy::{Policy, PolicyCheck, PolicyCommand, PolicyExplain, PolicyGroups, PolicyShow};
pub use progress::Bar;
pub use schema::{Schema, SchemaOf};
pub use shell::{Completions, Manual};

use clap::{Parser, Subcommand};

const EXIT_STATUS: &str = "\
Exit status, the first that applies:
  1  something is denied
  2  it could not be done, or a capture is damaged (what could be read is reported)
  3  nothing is denied, but something is indeterminate
  0  everything is allowed";

#[cfg(feature = "parquet")]
const CORPUS_STATUS: &str = "\
Exit status:
  2  it could not be done, or not with every campaign; what could be read is in the tables
  0  every campaign was read to its end, or everything is as it was";
const DIFF_EXIT_STATUS: &str = "\
Exit status:
  0  nothing differs
  1  something differs
  2  a report could not be read";

/// In which countries did this video call touch down, and was that allowed?
#[derive(Debug, Parser)]
#[command(name = "landfall", version, long_version = long_version(), max_term_width = 100, after_help = EXIT_STATUS)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Inspect captures: who was contacted, in which countries, and whether that is allowed
    #[command(after_help = EXIT_STATUS)]
    Inspect(Box<Inspect>),
    /// Watch the calls of network interfaces as they happen
    ///
    /// Tells when a call begins, where its servers are, and within a second when it touches a denied country; at the
    /// end, by Ctrl-C or --duration, the whole report. Needs the capability `CAP_NET_RAW` (docs/live.md).
    #[command(after_help = EXIT_STATUS)]
    Live(Box<Live>),
    /// List the network interfaces that live can capture from
    Interfaces(Interfaces),
    /// Does for `live` what its sandbox forbids
    #[command(subcommand, hide = true)]
    Helper(Helper),
    /// Look addresses up: every claim of where each is, the conclusion, and why
    Lookup(Lookup),
    /// Check, show and explain policies; list groups of countries
    Policy(Policy),
    /// Compare two reports: what changed, and why the verdict did
    #[command(after_help = DIFF_EXIT_STATUS)]
    Diff(Diff),
    /// Keep databases and lists of ranges: list, add, update, verify
    Db(Db),
    /// Inspect thousands of captures into tables: run, report, verify
    #[cfg(feature = "parquet")]
    #[command(after_help = CORPUS_STATUS)]
    Corpus(CorpusArgs),
    /// Check a folder that inspect --evidence wrote
    Evidence(Evidence),
    /// Print the JSON Schema of a report
    Schema(Schema),
    /// Print a script that completes commands and options in a shell
    Completions(Completions),
    /// Print the manual page, or write those of all commands
    Man(Manual),
}

/// The version and the data that the program carries.
fn long_version() -> String {
    let mut text = env!("CARGO_PKG_VERSION").to_owned();
    for data in crate::locate::embedded_data() {
        let credit = [data.attribution, data.licence].into_iter().flatten().collect::<Vec<_>>().join(", ");
        text.push('\n');
        text.push_str(&data.id);
        if !credit.is_empty() {
            text.push_str(" (");
            text.push_str(&credit);
            text.push(')');
        }
    }
    text
}
