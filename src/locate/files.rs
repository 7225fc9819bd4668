//! Which files are meant where the user names databases.

use super::LocateError;
use std::path::{Path, PathBuf};

/// Files of a folder that are opened at most.
const MAX_FILES: usize = 1024;

/// The database files that `paths` stand for; of a folder the `.mmdb` files in it, by name.
pub(super) fn databases(paths: &[PathBuf]) -> Result<Vec<PathBuf>, LocateError> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            files.extend(in_folder(path)?);
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

fn in_folder(folder: &Path) -> Result<Vec<PathBuf>, LocateError> {
    let unreadable = |source| LocateError::Read { path: folder.to_owned(), source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)?.take(MAX_FILES) {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("mmdb")) && path.is_file()
        {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(LocateError::NoDatabases { path: folder.to_owned() });
    }
    files.sort();
    Ok(files)
}
