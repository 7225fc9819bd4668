//! `landfall db`.

use super::Format;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// What is done with the store of databases.
#[derive(Debug, Args)]
pub struct Db {
    /// What to do.
    #[command(subcommand)]
    pub command: DbCommand,
}

/// What is done with the store of databases.
#[derive(Debug, Subcommand)]
pub enum DbCommand {
    /// List the files of the store, and those of geoipupdate
    ///
    /// MaxMind's licence forbids passing its files on and keeping old ones: landfall reads them where geoipupdate has
    /// put them and copies none.
    List(DbList),
    /// Copy a database or a list of ranges into the store
    Add(DbAdd),
    /// Fetch databases and lists of ranges over HTTPS
    ///
    /// Nothing else that landfall does uses the network. What is fetched is checked before it takes a place in the
    /// store, with its date in its name: older builds stay, for older captures.
    Update(DbUpdate),
    /// Check that the files of the store are what they were, and whole
    Verify(DbList),
}

/// What `db list` and `db verify` are asked for.
#[derive(Debug, Args)]
pub struct DbList {
    /// How the list is written
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

/// What `db add` is asked for.
#[derive(Debug, Args)]
pub struct DbAdd {
    /// MMDB files and lists of ranges
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
}

/// What the environment says of the network.
const ENVIRONMENT: &str = "\
Environment:
  HTTPS_PROXY    the proxy to ask, where there is one; NO_PROXY: what goes past it
  SSL_CERT_FILE  certificates to trust instead of the system's (PEM), where a
                 proxy opens TLS; on macOS and Windows the system's count";

/// What `db update` is asked for.
#[derive(Debug, Args)]
#[command(after_long_help = ENVIRONMENT)]
pub struct DbUpdate {
    /// What to fetch [default: everything]
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,

    /// Fetch what this TOML file lists instead, of the form of data/sources.toml
    #[arg(long, value_name = "FILE")]
    pub sources: Option<PathBuf>,
}
