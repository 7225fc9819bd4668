//! `landfall inspect`.

use super::{EvidenceOptions, FormatError, Judging, ReportFormat, ReportTable};
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
#[cfg_attr(
    all(feature = "tui", unix),
    expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")
)]
pub struct Inspect {
    /// Capture files, folders of them, or - for standard input
    ///
    /// pcap and pcapng, plain or compressed (gzip, zstd, xz, bzip2, lz4), are told by their content. Several
    /// files are put in the order of their first packets and read as one capture.
    #[arg(value_name = "FILE|DIR|-", required = true)]
    pub paths: Vec<PathBuf>,

    /// By what calls are judged.
    #[command(flatten)]
    pub judging: Judging,

    /// What is judged: calls, or all traffic
    #[arg(long, value_enum, default_value_t = Scope::Calls, help_heading = "Policy")]
    pub scope: Scope,

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

    /// Show calls, servers, map, timeline and findings on the terminal, to look around in
    #[cfg(all(feature = "tui", unix))]
    #[arg(long, conflicts_with_all = ["format", "table", "output", "flows"], help_heading = "Output")]
    pub tui: bool,

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

    /// Whether the report is shown on the terminal to look around in.
    pub const fn is_shown(&self) -> bool {
        #[cfg(all(feature = "tui", unix))]
        return self.tui;
        #[cfg(not(all(feature = "tui", unix)))]
        return false;
    }

    /// Whether every flow is listed.
    pub const fn with_flows(&self) -> bool {
        self.flows || self.format.has_flows(self.table)
    }
}
