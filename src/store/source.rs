//! What `db update` fetches: `data/sources.toml`, or a list of the user's.

use super::StoreError;
use serde::Deserialize;
use std::fs;
use std::path::Path;

const EMBEDDED: &str = include_str!("../../data/sources.toml");

/// One thing that can be fetched.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// What the file is called in the store, before its date.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Where it is, with `{year}`, `{month}` or `{monday}` for the date in it.
    pub url: String,
    /// Its licence.
    pub licence: Option<String>,
    /// What its maker wants to be named as.
    pub attribution: Option<String>,
}

/// What a source gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A MaxMind DB file, in gzip or not.
    Database,
    /// A list of ranges.
    Ranges,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    source: Vec<Source>,
}

/// The sources in the user's list `path`, or those that the program knows.
pub fn sources(path: Option<&Path>) -> Result<Vec<Source>, StoreError> {
    let not_understood =
        |path: &Path, source| StoreError::Toml { path: path.to_owned(), source: Box::new(source) };
    let Some(path) = path else {
        let list: List =
            toml::from_str(EMBEDDED).map_err(|error| not_understood(Path::new("embedded"), error))?;
        return Ok(list.source);
    };
    let text =
        fs::read_to_string(path).map_err(|source| StoreError::Read { path: path.to_owned(), source })?;
    let list: List = toml::from_str(&text).map_err(|error| not_understood(path, error))?;
    Ok(list.source)
}
