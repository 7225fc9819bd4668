//! Report: what was found, as one model, and the formats it is written in.
//!
//! Every format is a pure function from the [`Report`] to bytes.

mod build;
mod html;
mod json;
mod model;
mod placed;
mod places;
mod table;
pub mod text;

pub use build::{Material, build};
pub use model::*;
pub use placed::Placed;
pub use places::Places;

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
}

impl Report {
    /// The report in `format`.
    pub fn render(&self, format: Format) -> Vec<u8> {
        match format {
            Format::Html => {
                let mut bytes = Vec::new();
                // Writing into memory does not fail.
                let _ = html::write(self, &mut bytes);
                bytes
            }
            Format::Json => json::render(self),
            Format::Table { colour } => table::render(self, colour).into_bytes(),
        }
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
