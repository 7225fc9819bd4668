//! `landfall policy`.

use super::Format;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// What is done with policies.
#[derive(Debug, Args)]
pub struct Policy {
    /// What to do.
    #[command(subcommand)]
    pub command: PolicyCommand,
}

/// What is done with policies.
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Check policy files: every mistake with its line and cure, and rules that never decide
    #[command(after_help = EXIT_STATUS)]
    Check(PolicyCheck),
    /// Say in sentences what a policy means
    #[command(after_help = EXIT_STATUS)]
    Show(PolicyShow),
    /// List the policies that landfall carries
    List,
    /// List the built-in groups of countries: members, source and date
    Groups(PolicyGroups),
    /// Say which rule decided each server of each call of a report, and what would have changed it
    ///
    /// The report is one of landfall inspect --format json. It is judged again, by the policy that is given.
    #[command(after_help = EXIT_STATUS)]
    Explain(PolicyExplain),
    /// Print the JSON Schema of policy files, for editors
    Schema,
}

const EXIT_STATUS: &str = "\
Exit status:
  2  it could not be done, or a policy has mistakes
  0  otherwise";

/// What `policy check` is asked for.
#[derive(Debug, Args)]
pub struct PolicyCheck {
    /// Policy files, or @NAME of those that landfall carries
    #[arg(value_name = "FILE|@NAME", required = true)]
    pub files: Vec<String>,

    /// Services of this TOML file may be named too (repeatable)
    #[arg(long, value_name = "FILE")]
    pub services: Vec<PathBuf>,
}

/// What `policy show` is asked for.
#[derive(Debug, Args)]
pub struct PolicyShow {
    /// A policy file, or @NAME of one that landfall carries
    #[arg(value_name = "FILE|@NAME")]
    pub file: String,

    /// Services of this TOML file may be named too (repeatable)
    #[arg(long, value_name = "FILE")]
    pub services: Vec<PathBuf>,
}

/// What `policy groups` is asked for.
#[derive(Debug, Args)]
pub struct PolicyGroups {
    /// How the list is written
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

/// What `policy explain` is asked for.
#[derive(Debug, Args)]
pub struct PolicyExplain {
    /// A policy file, or @NAME of one that landfall carries
    #[arg(value_name = "FILE|@NAME")]
    pub file: String,

    /// The report
    #[arg(value_name = "REPORT.json")]
    pub report: PathBuf,

    /// Countries and groups that the policy calls @home, and in which clients are of which the report knows nothing
    #[arg(long, value_name = "LIST")]
    pub home: Vec<String>,

    /// Services of this TOML file may be named too (repeatable)
    #[arg(long, value_name = "FILE")]
    pub services: Vec<PathBuf>,
}
