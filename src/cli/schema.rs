//! `landfall schema`.

use crate::report::schema;
use clap::{Args, ValueEnum};

/// What `schema` is asked for.
#[derive(Debug, Args)]
pub struct Schema {
    /// Of what
    #[arg(value_enum)]
    pub of: SchemaOf,
}

/// What has a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// What inspect --format json prints
    Report,
    /// A line of what inspect --format jsonl prints
    Record,
}

impl Schema {
    /// The schema.
    pub const fn text(&self) -> &'static str {
        match self.of {
            SchemaOf::Report => schema::REPORT,
            SchemaOf::Record => schema::RECORD,
        }
    }
}
