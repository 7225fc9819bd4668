//! `landfall corpus`.

use super::{From, Location};
use crate::corpus::Shard;
use clap::{Args, Subcommand, ValueEnum};
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// Seconds after which a call is over if nothing happens.
const IDLE_GAP: u32 = 90;

/// What is done with a corpus.
#[derive(Debug, Args)]
pub struct CorpusArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: CorpusCommand,
}

/// What is done with a corpus.
#[derive(Debug, Subcommand)]
pub enum CorpusCommand {
    /// Inspect every campaign of a corpus into tables; goes on where it stopped
    ///
    /// A campaign is what belongs together: the rotated files of one vantage point, read as one stream. A capture that
    /// is damaged or cannot be read is recorded with its reason and stops nothing.
    Run(Box<CorpusRun>),
    /// List the campaigns of a corpus, one JSON object a line, as `corpus rows` reads them
    List(CorpusList),
    /// Inspect one campaign, described on standard input, and write its rows as JSON lines
    ///
    /// For engines that share a corpus out among many machines. The description is one JSON object of the form that
    /// `corpus list` writes; a path in it may be a pipe (/dev/fd/5). Each line is {"table": ..., "row": {...}} with the
    /// columns of `corpus schema`; the last line has the table "campaigns" and says what came of it, so output without
    /// it is not whole.
    Rows(Box<CorpusRows>),
    /// Write the columns of the tables as JSON
    Schema,
    /// Write the tables of a paper from the results: calls, countries touched, failovers, servers that moved
    Report(CorpusReport),
    /// Say what is missing in results, changed since, or made in another way
    ///
    /// With the options of the run (--policy, --db and so on), also whether they were made with these; without any,
    /// whether this version has made them.
    Verify(Box<CorpusVerify>),
}

/// What `corpus run` is asked for.
#[derive(Debug, Args)]
pub struct CorpusRun {
    /// A folder of captures, a list of paths, or a TOML manifest of campaigns
    #[arg(value_name = "CORPUS")]
    pub corpus: PathBuf,

    /// Where results go; results that are there already are kept
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub out: PathBuf,

    /// Only every N-th campaign, from the I-th on: 3/16 in the third of sixteen jobs
    #[arg(long, value_name = "I/N", default_value = "1/1", help_heading = "Input")]
    pub shard: Shard,

    /// Campaigns that are inspected at once [default: one for each processor]
    #[arg(long, value_name = "N", help_heading = "Input")]
    pub jobs: Option<NonZeroUsize>,

    /// How campaigns are inspected.
    #[command(flatten)]
    pub inspection: Inspection,
}

/// How campaigns are inspected.
#[derive(Clone, Debug, Args)]
pub struct Inspection {
    /// Write a table of all flows too
    #[arg(long, help_heading = "Output")]
    pub flows: bool,

    /// Judge by this policy file, or by one that landfall carries: @no-mainland-china
    #[arg(long, value_name = "FILE|@NAME", conflicts_with_all = ["deny", "allow"], help_heading = "Policy")]
    pub policy: Option<String>,

    /// Deny these countries and groups: CN,HK or @doj-countries-of-concern
    #[arg(long, value_name = "LIST", help_heading = "Policy")]
    pub deny: Vec<String>,

    /// Allow only these countries and groups: @eu,CH
    #[arg(long, value_name = "LIST", help_heading = "Policy")]
    pub allow: Vec<String>,

    /// Countries and groups that calls should stay in, where a campaign does not say
    #[arg(long, value_name = "LIST", help_heading = "Policy")]
    pub home: Vec<String>,

    /// What is asked where addresses are.
    #[command(flatten)]
    pub location: Location,

    /// Where captures were taken, if a campaign does not say.
    #[command(flatten)]
    pub from: From,

    /// Add to the catalogue of services from this TOML file (repeatable)
    #[arg(long, value_name = "FILE", help_heading = "Calls")]
    pub services: Vec<PathBuf>,

    /// A call is over when nothing happens for so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = IDLE_GAP, value_parser = clap::value_parser!(u32).range(1..), help_heading = "Calls")]
    pub idle_gap: u32,

    /// Keep what the program is allowed to do, though it needs nothing more
    #[arg(long, help_heading = "Safety")]
    pub no_sandbox: bool,
}

impl Inspection {
    /// Whether any of it was typed that changes the results.
    pub fn is_said(&self) -> bool {
        let Self { flows, policy, deny, allow, home, location, from, services, idle_gap, no_sandbox: _ } =
            self;
        let lists = [deny, allow, home].into_iter().any(|list| !list.is_empty());
        let files = [&location.db, &location.ranges, &location.anycast, services].into_iter();
        let flags =
            [*flows, location.no_default_db, location.all_dates, policy.is_some(), from.vantage.is_some()];
        lists
            || files.into_iter().any(|files| !files.is_empty())
            || flags.contains(&true)
            || *idle_gap != IDLE_GAP
    }
}

/// What `corpus list` is asked for.
#[derive(Debug, Args)]
pub struct CorpusList {
    /// A folder of captures, a list of paths, or a TOML manifest of campaigns
    #[arg(value_name = "CORPUS")]
    pub corpus: PathBuf,

    /// Only every N-th campaign, from the I-th on
    #[arg(long, value_name = "I/N", default_value = "1/1", help_heading = "Input")]
    pub shard: Shard,
}

/// What `corpus rows` is asked for.
#[derive(Debug, Args)]
pub struct CorpusRows {
    /// Inspect nothing: write what decides, beside the captures, what is found (version, policy, databases, options)
    ///
    /// As one JSON object, with the name that records have for it.
    #[arg(long, help_heading = "Output")]
    pub settings: bool,

    /// How campaigns are inspected.
    #[command(flatten)]
    pub inspection: Inspection,
}

/// What `corpus verify` is asked for.
#[derive(Debug, Args)]
pub struct CorpusVerify {
    /// The folder of the results
    #[arg(value_name = "DIR")]
    pub out: PathBuf,

    /// The corpus they were made from: its captures are hashed again
    #[arg(long, value_name = "CORPUS")]
    pub corpus: Option<PathBuf>,

    /// How they should have been made; where nothing is said, only the version is compared.
    #[command(flatten)]
    pub inspection: Inspection,
}

/// What `corpus report` is asked for.
#[derive(Debug, Args)]
pub struct CorpusReport {
    /// The folder of the results
    #[arg(value_name = "DIR")]
    pub out: PathBuf,

    /// How the tables are written
    #[arg(long, value_enum, default_value_t = CorpusFormat::Text, help_heading = "Output")]
    pub format: CorpusFormat,

    /// Which table is written (csv): services, calls-by-day, countries, countries-by-region, countries-by-day, failovers,
    /// servers-moved
    #[arg(long, value_name = "TABLE", help_heading = "Output")]
    pub table: Option<String>,

    /// Write to this file instead of standard output
    #[arg(long, short, value_name = "FILE", help_heading = "Output")]
    pub output: Option<PathBuf>,
}

/// How the tables of a corpus are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CorpusFormat {
    /// All tables, for people
    Text,
    /// One table (--table), for spreadsheets and programs
    Csv,
    /// A page for a browser, with pictures and all tables
    Html,
}
