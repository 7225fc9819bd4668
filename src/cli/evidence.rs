//! `landfall evidence`, and the options of `inspect` that say what is kept and what is replaced.

use clap::{Args, Subcommand};
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// The options of `inspect` for bundles and pseudonyms.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Evidence")]
pub struct EvidenceOptions {
    /// Write a folder that a reviewer can check: report, packets behind the findings, hashes, explanation
    ///
    /// It must not exist yet, or be empty. The captures are read twice, so standard input cannot be used.
    #[arg(long, value_name = "DIR")]
    pub evidence: Option<PathBuf>,

    /// Packets of each flow that the folder keeps after the flow's opening
    #[arg(long, value_name = "N", default_value_t = crate::evidence::PACKETS_EACH, requires = "evidence")]
    pub evidence_packets: usize,

    /// Replace what tells who took part: addresses of clients and participants, local names, MACs, user names
    ///
    /// In every output, after everything was located and judged. Addresses of one network stay in one; servers,
    /// countries, times and sizes stay. The key is random and forgotten, so that two runs differ.
    #[arg(long)]
    pub pseudonymize: bool,

    /// Take the key of pseudonyms from this file, so that several reports agree: 64 hexadecimal digits
    #[arg(long, value_name = "FILE", requires = "pseudonymize")]
    pub key_file: Option<PathBuf>,
}

/// What `evidence` is asked for.
#[derive(Debug, Args)]
pub struct Evidence {
    /// What to do.
    #[command(subcommand)]
    pub command: EvidenceCommand,
}

const VERIFY_STATUS: &str = "\
Exit status, the first that applies:
  1  something does not agree
  2  it could not be done, or not all could be checked
  0  everything agrees";

/// What to do with a bundle.
#[derive(Debug, Subcommand)]
pub enum EvidenceCommand {
    /// Check the hashes of a bundle and, with the captures, whether the same comes out again
    #[command(after_help = VERIFY_STATUS)]
    Verify(VerifyOptions),
}

/// What `evidence verify` is asked for.
#[derive(Debug, Args)]
pub struct VerifyOptions {
    /// The folder that inspect --evidence wrote
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,

    /// A capture that it was made from: make it again and compare (repeatable)
    #[arg(long, value_name = "FILE")]
    pub capture: Vec<PathBuf>,

    /// A database, list of ranges or catalogue that it was made with; told by its hash (repeatable)
    #[arg(long, value_name = "FILE")]
    pub with: Vec<PathBuf>,

    /// The key of its pseudonyms
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,

    /// How many threads work [default: one for each processor]
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,

    /// Keep what the program is allowed to do, though it needs nothing more
    #[arg(long, help_heading = "Safety")]
    pub no_sandbox: bool,
}
