//! `landfall inspect`.

use super::{EvidenceOptions, FormatError, From, Location, ReportFormat, ReportTable};
use crate::report;
use clap::{Args, ValueEnum};
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// What is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Scope {
    /// Calls only; what belongs to none is counted
    Calls,
    /// Whatever else is in the capture too
    All,
}

/// What `inspect` is asked for.
#[derive(Debug, Args)]
pub struct Inspect {
    /// Capture files, folders of them, or - for standard input
    ///
    /// pcap and pcapng, plain or compressed (gzip, zstd, xz, bzip2, lz4), are told by their content. Several
    /// files are put in the order of their first packets and read as one capture.
    #[arg(value_name = "FILE|DIR|-", required = true)]
    pub paths: Vec<PathBuf>,

    /// Deny these countries and groups: CN,HK or @doj-countries-of-concern
    ///
    /// ISO 3166-1 alpha-2 codes and groups (@eu, @eea, @five-eyes, @asia, ...), separated by commas; ! takes
    /// one out again (@europe,!RU).
    #[arg(long, value_name = "LIST", help_heading = "Policy")]
    pub deny: Vec<String>,

    /// Allow only these countries and groups: @eu,CH
    #[arg(long, value_name = "LIST", help_heading = "Policy")]
    pub allow: Vec<String>,

    /// Judge by the rules of this TOML file, or of one that landfall carries: @no-mainland-china
    ///
    /// The first rule that matches an endpoint of a call decides. Instead of --deny and --allow, not together with them.
    /// landfall policy checks and shows such files and lists those that it carries.
    #[arg(long, value_name = "FILE|@NAME", conflicts_with_all = ["deny", "allow"], help_heading = "Policy")]
    pub policy: Option<String>,

    /// What is asked where addresses are.
    #[command(flatten)]
    pub location: Location,

    /// Where the capture was taken.
    #[command(flatten)]
    pub from: From,

    /// Countries and groups that calls should stay in: a failover that leaves them is marked
    ///
    /// Policies call them @home. Without it, a failover is marked that leaves the continent of the client's public
    /// address, where servers tell it.
    #[arg(long, value_name = "LIST", help_heading = "Policy")]
    pub home: Vec<String>,

    /// What is judged: calls, or all traffic
    #[arg(long, value_enum, default_value_t = Scope::Calls, help_heading = "Policy")]
    pub scope: Scope,

    /// Add to the catalogue of services from this TOML file (repeatable)
    #[arg(long, value_name = "FILE", help_heading = "Calls")]
    pub services: Vec<PathBuf>,

    /// A call is over when nothing happens for so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..), help_heading = "Calls")]
    pub idle_gap: u32,

    /// Only frames that match this capture filter: 'udp port 8801'
    #[arg(long, value_name = "BPF", help_heading = "Input")]
    pub filter: Option<String>,

    /// Look at no payload: addresses are placed and judged, but no call is told and no name is known
    ///
    /// All traffic is judged, as with --scope all; without a denied contact the verdict is indeterminate.
    #[arg(long, help_heading = "Input")]
    pub headers_only: bool,

    /// How many threads work [default: one for each processor]
    #[arg(long, value_name = "N", help_heading = "Input")]
    pub threads: Option<NonZeroUsize>,

    /// How the report is written
    #[arg(long, value_enum, default_value_t = ReportFormat::Table, help_heading = "Output")]
    pub format: ReportFormat,

    /// Write the report as a page for a browser, too
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub html: Option<PathBuf>,

    /// Which table of the report is written (csv, parquet)
    #[arg(long, value_enum, value_name = "TABLE", help_heading = "Output")]
    pub table: Option<ReportTable>,

    /// List every flow in the report (json, jsonl)
    #[arg(long, help_heading = "Output")]
    pub flows: bool,

    /// Write the report to this file instead of standard output
    #[arg(long, short, value_name = "FILE", help_heading = "Output")]
    pub output: Option<PathBuf>,

    /// Keep what the program is allowed to do, though it needs no more than to read the captures
    #[arg(long, help_heading = "Safety")]
    pub no_sandbox: bool,

    /// What is kept as evidence, and what is replaced.
    #[command(flatten)]
    pub evidence: EvidenceOptions,
}

impl Inspect {
    /// How the report is written, or why it cannot be.
    pub fn report_format(&self) -> Result<report::Format, FormatError> {
        self.format.to_report(self.table)
    }

    /// Whether every flow is listed.
    pub const fn with_flows(&self) -> bool {
        self.flows || self.format.has_flows(self.table)
    }
}
