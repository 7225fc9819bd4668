//! The command line: what can be typed, and where output goes. Nothing of what is done about it.

mod db;
mod format;
mod inspect;
mod location;
mod lookup;
mod output;
mod progress;

pub use db::{Db, DbCommand};
pub use format::Format;
pub use inspect::{Inspect, ReportFormat, Scope};
pub use location::{From, Location};
pub use lookup::Lookup;
pub use output::{Output, OutputError};
pub use progress::Bar;

use clap::{Parser, Subcommand};

const EXIT_STATUS: &str = "\
Exit status, the first that applies:
  1  something is denied
  2  it could not be done, or a capture is damaged (what could be read is reported)
  3  nothing is denied, but something is indeterminate
  0  everything is allowed";

/// In which countries did this video call touch down, and was that allowed?
#[derive(Debug, Parser)]
#[command(name = "landfall", version, long_version = long_version(), max_term_width = 100, after_help = EXIT_STATUS)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Inspect captures: who was contacted, in which countries, and whether that is allowed
    #[command(after_help = EXIT_STATUS)]
    Inspect(Inspect),
    /// Look addresses up: every claim of where each is, the conclusion, and why
    Lookup(Lookup),
    /// Keep databases and lists of ranges: list, add, update, verify
    Db(Db),
}

/// The version and the data that the program carries.
fn long_version() -> String {
    let mut text = env!("CARGO_PKG_VERSION").to_owned();
    for data in crate::locate::embedded_data() {
        let credit = [data.attribution, data.licence].into_iter().flatten().collect::<Vec<_>>().join(", ");
        text.push('\n');
        text.push_str(&data.id);
        if !credit.is_empty() {
            text.push_str(" (");
            text.push_str(&credit);
            text.push(')');
        }
    }
    text
}
