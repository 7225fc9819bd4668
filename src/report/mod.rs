//! Report: what was found, as one model, and the formats it is written in.
//!
//! Every format is a pure function from the [`Report`] to bytes, which it writes bit by bit.

pub(crate) mod axis;
mod build;
pub(crate) mod csv;
mod diff;
mod ecs;
mod explain;
pub(crate) mod html;
mod json;
pub mod jsonl;
pub(crate) mod map;
mod model;
mod one_call;
mod paragraph;
#[cfg(feature = "parquet")]
pub mod parquet;
mod past;
mod placed;
mod places;
mod policies;
pub mod schema;
mod table;
pub mod tables;
pub mod text;
pub(crate) mod words;
mod zeek;

pub use build::{Material, build};
pub use diff::{Diff, compare};
pub use explain::explain;
pub use json::line as json_line;
pub use model::*;
pub use past::{MAX_REPORT_BYTES, PastError, PastReport};
pub use placed::Placed;
pub use places::Places;
pub use policies::{groups_json, list_groups, list_policies, show_policy};
pub use tables::Table;

use std::io::{self, Write};
use std::net::IpAddr;

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people, at most 80 columns where addresses allow.
    Table {
        /// Whether to colour it for a terminal.
        colour: bool,
    },
    /// One page for a browser, which needs nothing else.
    Html,
    /// One JSON object.
    Json,
    /// JSON objects, one a line.
    JsonLines,
    /// A table, as comma-separated values.
    Csv(Table),
    /// A table, as Apache Parquet.
    #[cfg(feature = "parquet")]
    Parquet(Table),
    /// The flows as Zeek's `conn.log`.
    Zeek,
    /// The flows and findings in the Elastic Common Schema, one JSON object a line.
    Ecs,
}

/// Calls that a table shows at most where no rule says which of them matter most: the first ones.
pub const CALLS_IN_TABLE: usize = table::MAX_CALLS;

/// Version of the report, and of everything that has its names: a number that rises when a name or meaning changes.
const SCHEMA_VERSION: &str = "1";

impl Format {
    /// The same format, with colour where it can have any.
    #[must_use]
    pub const fn coloured(self, colour: bool) -> Self {
        match self {
            Self::Table { .. } => Self::Table { colour },
            other => other,
        }
    }
}

impl Report {
    /// The report in `format`, in memory.
    pub fn render(&self, format: Format) -> Vec<u8> {
        let mut bytes = Vec::new();
        // Every value of the model has a form in every format, so that writing into memory cannot fail.
        let _ = self.write(format, &mut bytes);
        bytes
    }

    /// Writes the report in `format` to `out`.
    pub fn write(&self, format: Format, out: &mut (dyn Write + Send)) -> io::Result<()> {
        match format {
            Format::Csv(table) => csv::write(self, table, out),
            Format::Ecs => ecs::write(self, out),
            Format::Html => html::write(self, out),
            Format::Json => json::write(self, out),
            Format::JsonLines => jsonl::write(self, out),
            #[cfg(feature = "parquet")]
            Format::Parquet(table) => parquet::write(self, table, out),
            Format::Zeek => zeek::write(self, out),
            Format::Table { colour } => out.write_all(table::render(self, colour).as_bytes()),
        }
    }

    /// What is known of `address`, which the endpoints are sorted by.
    pub fn endpoint(&self, address: IpAddr) -> Option<&EndpointReport> {
        let place = self.endpoints.binary_search_by_key(&address, |endpoint| endpoint.address).ok()?;
        self.endpoints.get(place)
    }

    /// The exit status that the report asks for: the first that applies of 1 (something denied), 2 (a capture
    /// is damaged), 3 (something indeterminate) and 0.
    pub fn exit_status(&self) -> u8 {
        use crate::policy::Verdict;
        let damaged = self.inputs.iter().any(|input| input.damage.is_some());
        match self.verdict {
            Verdict::Deny => 1,
            _ if damaged => 2,
            Verdict::Indeterminate => 3,
            Verdict::Allow => 0,
        }
    }
}
