//! Evidence: a folder that a reviewer can check with standard tools, and output that can be shared.
//!
//! A [`Bundle`] has the report, the packets behind its findings, a manifest with hashes, and a text for people.
//! [`Pseudonyms`] replace what tells who took part, in the report as in the packets; [`verify()`] checks a bundle and,
//! given the captures, makes it again.

mod bundle;
mod check;
mod collect;
mod error;
mod kept;
mod key;
mod manifest;
mod names;
mod pcapng;
mod pseudonyms;
mod readme;
mod rebuild;
mod rerun;
mod select;
mod settings;
mod share;
mod target;
mod task;
mod verify;

pub use bundle::Bundle;
pub use error::EvidenceError;
pub use key::Key;
pub use manifest::{
    DatabaseEntry, FileEntry, GivenAs, KeyEntry, Manifest, PacketsEntry, PolicyEntry, ToolEntry,
};
pub use pseudonyms::Pseudonyms;
pub use settings::Settings;
pub use target::Target;
pub use task::Task;
pub use verify::{Verification, VerifyRequest, verify};

/// Packets of each flow that a bundle keeps after the opening, where the user does not say: enough to see that data
/// went both ways.
pub const PACKETS_EACH: usize = 16;
