//! What each command does: from the options typed to a library call, what is printed, and the exit status.

#[cfg(feature = "parquet")]
pub(crate) mod corpus;
