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
    /// One page for a browser, which needs nothing else
    Html,
    /// One object, for programs
    Json,
    /// The same as one record a line
    Jsonl,
    /// A table (--table) for spreadsheets
    Csv,
    /// A table (--table) in the columnar Apache Parquet format
    #[cfg(feature = "parquet")]
    Parquet,
    /// The flows as Zeek's conn.log
    Zeek,
    /// The flows and findings in the Elastic Common Schema, one JSON object a line
    Ecs,
}

/// Which table of a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportTable {
    /// A row an address
    Endpoints,
    /// A row a call
    Sessions,
    /// A row a finding
    Findings,
    /// A row a flow
    Flows,
}

/// Why a report cannot be written as asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The format has tables and none was chosen.
    #[error("--format {format} writes one table: choose --table endpoints, sessions, findings or flows")]
    NoTable {
        /// The format.
        format: &'static str,
    },
    /// The format has no tables and one was chosen.
    #[error("--table {table} has no meaning with --format {format}, which has no tables; {with} have")]
    UnwantedTable {
        /// The table.
        table: &'static str,
        /// The format.
        format: &'static str,
        /// Formats with tables.
        with: &'static str,
    },
    /// Bytes that are no text would go to a terminal.
    #[error("--format {format} is no text for a terminal: name a file with --output FILE")]
    Terminal {
        /// The format.
        format: &'static str,
    },
}

/// Formats with tables, for messages.
const WITH_TABLES: &str = if cfg!(feature = "parquet") { "csv and parquet" } else { "csv" };

impl ReportFormat {
    /// The same, in the words of the report.
    pub fn to_report(self, table: Option<ReportTable>) -> Result<report::Format, FormatError> {
        let chosen = table.map(ReportTable::to_report);
        let named = chosen.ok_or(FormatError::NoTable { format: self.name() });
        let format = match self {
            Self::Csv => return Ok(report::Format::Csv(named?)),
            #[cfg(feature = "parquet")]
            Self::Parquet => return Ok(report::Format::Parquet(named?)),
            Self::Table => report::Format::Table { colour: false },
            Self::Html => report::Format::Html,
            Self::Json => report::Format::Json,
            Self::Jsonl => report::Format::JsonLines,
            Self::Zeek => report::Format::Zeek,
            Self::Ecs => report::Format::Ecs,
        };
        let refused = |table: report::Table| FormatError::UnwantedTable {
            table: table.name(),
            format: self.name(),
            with: WITH_TABLES,
        };
        chosen.map_or(Ok(format), |table| Err(refused(table)))
    }

    /// Refuses bytes that are no text where they would go to a terminal.
    pub const fn fits(self, is_terminal: bool) -> Result<(), FormatError> {
        let is_text = match self {
            #[cfg(feature = "parquet")]
            Self::Parquet => false,
            _ => true,
        };
        if is_text || !is_terminal { Ok(()) } else { Err(FormatError::Terminal { format: self.name() }) }
    }

    /// Whether it lists every flow even where nobody asks for them.
    pub const fn has_flows(self, table: Option<ReportTable>) -> bool {
        matches!(self, Self::Zeek | Self::Ecs) || matches!(table, Some(ReportTable::Flows))
    }

    /// Whether it has room for the hashes of the inputs. Hashing takes several times as long as all the rest.
    pub const fn has_hashes(self) -> bool {
        matches!(self, Self::Html | Self::Json | Self::Jsonl)
    }

    /// The word for it on the command line.
    const fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Html => "html",
            Self::Json => "json",
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
            Self::Zeek => "zeek",
            Self::Ecs => "ecs",
            #[cfg(feature = "parquet")]
            Self::Parquet => "parquet",
        }
    }
}

impl ReportTable {
    const fn to_report(self) -> report::Table {
        match self {
            Self::Endpoints => report::Table::Endpoints,
            Self::Sessions => report::Table::Sessions,
            Self::Findings => report::Table::Findings,
            Self::Flows => report::Table::Flows,
        }
    }
}
