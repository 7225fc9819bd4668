//! `landfall diff`.

use super::Format;
use clap::Args;
use std::path::PathBuf;

/// What `diff` is asked for.
#[derive(Debug, Args)]
pub struct Diff {
    /// The earlier report, of landfall inspect --format json
    #[arg(value_name = "OLD.json")]
    pub old: PathBuf,

    /// The later one
    #[arg(value_name = "NEW.json")]
    pub new: PathBuf,

    /// How the differences are written
    #[arg(long, value_enum, default_value_t = Format::Table, help_heading = "Output")]
    pub format: Format,

    /// Write the differences to this file instead of standard output
    #[arg(long, short, value_name = "FILE", help_heading = "Output")]
    pub output: Option<PathBuf>,
}
