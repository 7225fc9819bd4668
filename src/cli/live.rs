//! `landfall live` and `landfall interfaces`.

use super::{Format, FormatError, Judging, ReportFormat, ReportTable, Scope};
use crate::report;
use clap::{Args, Subcommand};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// What `live` is asked for.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Live {
    /// Capture from this interface (repeatable); any: from all
    ///
    /// landfall interfaces lists them.
    #[arg(long, short, value_name = "NAME", required = true, help_heading = "Capture")]
    pub interface: Vec<String>,

    /// Only frames that match this capture filter, which the kernel applies: 'udp port 8801'
    #[arg(long, value_name = "BPF", help_heading = "Capture")]
    pub filter: Option<String>,

    /// Most bytes kept of a frame
    #[arg(long, value_name = "BYTES", default_value_t = crate::capture::live::DEFAULT_SNAP_LENGTH, value_parser = clap::value_parser!(u32).range(64..=262_144), help_heading = "Capture")]
    pub snaplen: u32,

    /// Do not ask for frames that are for other machines
    #[arg(long, help_heading = "Capture")]
    pub no_promiscuous: bool,

    /// Have a Wi-Fi interface give every frame it hears, where it can
    #[arg(long, help_heading = "Capture")]
    pub monitor: bool,

    /// Room for frames that the kernel keeps until they are read, for each interface, in MiB
    #[arg(long, value_name = "MIB", default_value_t = crate::capture::live::DEFAULT_BUFFER_BYTES >> 20, value_parser = clap::value_parser!(u32).range(1..=1024), help_heading = "Capture")]
    pub buffer_size: u32,

    /// End after so many seconds
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Capture")]
    pub duration: Option<u64>,

    /// End after so many frames
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Capture")]
    pub packets: Option<u64>,

    /// Keep the frames in this file, as pcapng
    #[arg(long, value_name = "FILE", help_heading = "Keep")]
    pub write: Option<PathBuf>,

    /// Begin another file after so many MB; a number is added to their names
    #[arg(long, value_name = "MB", requires = "write", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Keep")]
    pub rotate_size: Option<u64>,

    /// Begin another file after so many seconds
    #[arg(long, value_name = "SECONDS", requires = "write", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Keep")]
    pub rotate_seconds: Option<u64>,

    /// Keep so many files, and remove older ones that this capture wrote
    #[arg(long, value_name = "N", requires = "write", help_heading = "Keep")]
    pub keep: Option<NonZeroUsize>,

    /// By what calls are judged.
    #[command(flatten)]
    pub judging: Judging,

    /// What is judged: calls, or all traffic
    #[arg(long, value_enum, default_value_t = Scope::Calls, help_heading = "Policy")]
    pub scope: Scope,

    /// Do not look which program of this machine has a socket
    #[arg(long, help_heading = "Calls")]
    pub no_processes: bool,

    /// Run this command for each finding, with the finding as JSON on its standard input
    ///
    /// It is run by sh, one at a time, and ended after 30 seconds. The capture never waits for it: findings that come
    /// while 64 wait are counted and left out.
    #[arg(long, value_name = "COMMAND", help_heading = "Alerts")]
    pub on_finding: Option<String>,

    /// Serve counts to Prometheus at this address: 9184 or 127.0.0.1:9184
    #[arg(long, value_name = "[ADDRESS:]PORT", value_parser = metrics_address, help_heading = "Alerts")]
    pub metrics: Option<SocketAddr>,

    /// How the final report is written [default: with pipes a last JSON line, else a table]
    #[arg(long, value_enum, help_heading = "Output")]
    pub format: Option<ReportFormat>,

    /// Which table of the final report is written (csv, parquet)
    #[arg(long, value_enum, value_name = "TABLE", help_heading = "Output")]
    pub table: Option<ReportTable>,

    /// List every flow in the final report (json, jsonl)
    #[arg(long, help_heading = "Output")]
    pub flows: bool,

    /// Write the final report to this file instead of standard output
    #[arg(long, short, value_name = "FILE", help_heading = "Output")]
    pub output: Option<PathBuf>,

    /// Tell what happens as JSON lines on a terminal too, instead of showing it
    #[arg(long, help_heading = "Output")]
    pub plain: bool,

    /// Keep what the program is allowed to do, though it needs nothing more
    #[arg(long, help_heading = "Safety")]
    pub no_sandbox: bool,
}

impl Live {
    /// How the final report is written, where it is not the last line of what is told.
    pub fn report_format(&self) -> ReportFormat {
        let default = if self.output.is_some() { ReportFormat::Json } else { ReportFormat::Table };
        self.format.unwrap_or(default)
    }

    /// The same in the words of the report, or why it cannot be written so.
    pub fn rendered(&self) -> Result<report::Format, FormatError> {
        self.report_format().to_report(self.table)
    }

    /// Whether every flow is listed.
    pub fn with_flows(&self) -> bool {
        self.flows || self.report_format().has_flows(self.table)
    }
}

/// What `interfaces` is asked for.
#[derive(Debug, Args)]
pub struct Interfaces {
    /// How the list is written
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

/// What a helper does: a program of our own outside of the sandbox.
#[derive(Debug, Subcommand)]
pub enum Helper {
    /// Find the programs that have sockets
    Find {
        /// Addresses of this machine, separated by commas
        addresses: String,
    },
    /// Run a command for each line
    Run {
        /// The command
        command: String,
    },
}

/// A port alone is one of this machine: nobody else need see what it does.
fn metrics_address(text: &str) -> Result<SocketAddr, String> {
    let port = || Some(SocketAddr::from(([127, 0, 0, 1], text.parse().ok()?)));
    text.parse().ok().or_else(port).ok_or_else(|| "neither a port nor an address with a port".to_owned())
}
