//! What is known of the files of the store that they do not say themselves: `index.json`.

use super::{Store, StoreError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

const NAME: &str = ".index.json";

/// What is known of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// Its SHA-256 when it came.
    pub(super) sha256: Option<String>,
    pub(super) licence: Option<String>,
    pub(super) attribution: Option<String>,
    pub(super) url: Option<String>,
}

/// Entries by file name.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Index(BTreeMap<String, Entry>);

impl Index {
    /// The index of the store in `folder`; empty where there is none.
    pub(super) fn read(folder: &Path) -> Result<Self, StoreError> {
        let path = folder.join(NAME);
        match fs::read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            bytes => {
                let bytes = bytes.map_err(|source| StoreError::Read { path: path.clone(), source })?;
                let bad = |error: serde_json::Error| StoreError::Read { path, source: error.into() };
                serde_json::from_slice(&bytes).map_err(bad)
            }
        }
    }

    pub(super) fn get(&self, path: &Path) -> Option<&Entry> {
        self.0.get(&*path.file_name()?.to_string_lossy())
    }

    pub(super) fn set(&mut self, path: &Path, entry: Entry) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.0.insert(name, entry);
    }

    pub(super) fn write(&self, store: &Store) -> Result<(), StoreError> {
        let text = serde_json::to_vec_pretty(self).unwrap_or_default();
        store.put(&store.folder().join(NAME), &text)
    }
}
