//! `--format`.

use crate::report;
use clap::ValueEnum;

/// How a short result is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Table,
    /// One object, for programs
    Json,
}

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// For people
    Table,
    /// One object, for programs
    Json,
    /// One object a line: endpoints, calls, findings, flows
    Jsonl,
}

impl ReportFormat {
    /// The same, in the words of the report.
    pub const fn to_report(self) -> report::Format {
        match self {
            Self::Table => report::Format::Table { colour: false },
            Self::Json => report::Format::Json,
            Self::Jsonl => report::Format::JsonLines,
        }
    }

    /// Whether it has room for the hashes of the inputs. Hashing takes several times as long as all the rest.
    pub const fn has_hashes(self) -> bool {
        matches!(self, Self::Json | Self::Jsonl)
    }
}
