//! Why a database cannot be used.

use super::schema::UNDERSTOOD;
use maxminddb::MaxMindDbError;
use std::io;
use std::path::PathBuf;

/// A database cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocateError {
    /// It is compressed.
    #[error("database '{}' is compressed; unpack it first", path.display())]
    Compressed {
        /// The file.
        path: PathBuf,
    },
    /// It is damaged, or no MaxMind DB file at all.
    #[error("database '{}' is damaged or no MaxMind DB file", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: MaxMindDbError,
    },
    /// It has no records.
    #[error("database '{}' has no records", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// It is a list of networks in no form that is understood.
    #[error(
        "'{}' is no list of ranges that landfall understands; those are Amazon's ip-ranges.json, Azure's service \
         tags, Google's cloud.json, Oracle's public_ip_ranges.json, a geofeed (RFC 8805) and lines of prefix,country",
        path.display()
    )]
    NoRanges {
        /// The file.
        path: PathBuf,
    },
    /// It is a folder without a database.
    #[error("there is no .mmdb file in folder '{}'", path.display())]
    NoDatabases {
        /// The folder.
        path: PathBuf,
    },
    /// A line of a list of anycast networks is no network.
    #[error("line {line} of '{}' is no prefix and no address", path.display())]
    NotAPrefix {
        /// The file.
        path: PathBuf,
        /// Its number, from 1.
        line: usize,
    },
    /// Its records have nothing that is understood.
    #[error(
        "database '{}' of type {database_type:?} has neither a country nor an AS number where landfall looks: \
         its records have the keys {keys:?}; understood are {UNDERSTOOD}", path.display()
    )]
    NotUnderstood {
        /// The file.
        path: PathBuf,
        /// What the file says it is.
        database_type: String,
        /// Keys of a record.
        keys: Vec<String>,
    },
    /// It cannot be read.
    #[error("cannot read database '{}'", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It is larger than a location database can be.
    #[error("database '{}' is larger than {limit} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Bytes that are accepted.
        limit: u64,
    },
}
