//! `landfall lookup`.

use super::{Format, Location};
use clap::Args;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// What `lookup` is asked for.
#[derive(Debug, Args)]
pub struct Lookup {
    /// Addresses; without any, or with -, one a line from standard input
    #[arg(value_name = "ADDRESS|-")]
    pub addresses: Vec<String>,

    /// What is asked where addresses are.
    #[command(flatten)]
    pub location: Location,

    /// Ask the builds of databases nearest to this day (2020-04-03) or time (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = time, help_heading = "Location")]
    pub at: Option<Timestamp>,

    /// How many threads work [default: one for each processor]
    #[arg(long, value_name = "N", help_heading = "Input")]
    pub threads: Option<NonZeroUsize>,

    /// How the result is written
    #[arg(long, value_enum, default_value_t = Format::Table, help_heading = "Output")]
    pub format: Format,

    /// Write the result to this file instead of standard output
    #[arg(long, short, value_name = "FILE", help_heading = "Output")]
    pub output: Option<PathBuf>,
}

fn time(text: &str) -> Result<Timestamp, String> {
    let day = || text.parse::<Date>().ok()?.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    text.parse()
        .ok()
        .or_else(day)
        .ok_or_else(|| "neither a day (2020-04-03) nor a time (RFC 3339)".to_owned())
}
