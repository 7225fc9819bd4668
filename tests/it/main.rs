//! Tests of the whole program.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::print_stderr,
    clippy::string_slice,
    missing_docs,
    unreachable_pub,
    reason = "a failed unwrap in a test is a failed test, and what is not tested here is said on stderr"
)]

mod browser;
mod calls;
#[cfg(feature = "parquet")]
mod corpus;
#[cfg(feature = "parquet")]
mod corpus_pages;
mod evidence;
mod exit_status;
mod frames;
mod golden;
mod honest;
mod hostile;
mod html;
mod inputs;
mod layers;
mod live;
mod locate;
mod names;
mod output;
#[cfg(all(feature = "tui", unix))]
mod pictures;
mod policy;
mod program;
mod readme;
mod real_captures;
mod samples;
mod scenes;
mod schema;
mod share;
mod shell;
mod tables;
mod tools;
#[cfg(feature = "update")]
mod update;
mod webdriver;
mod webrtc;

#[path = "../../examples/make-samples/samples/mod.rs"]
mod made;
