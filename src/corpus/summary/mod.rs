//! What a corpus says as a whole, read off its tables.

mod html;
mod read;
mod tables;
mod tally;
mod text;

pub use html::html;
pub use read::{Found, read};
pub use tables::{Sheet, sheets};
pub use tally::{Call, End, Failover, Failovers, Group, Server, Sighting, Tally, UNKNOWN, Verdicts};
pub use text::{csv, text};
