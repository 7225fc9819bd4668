//! Which files are meant where the user names databases.

use super::LocateError;
use super::database::{Database, Source};
use super::ranges::Ranges;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
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

/// What the file at `path` is: a database, or a list of ranges. It is hashed.
pub fn describe(path: &Path) -> Result<Database, LocateError> {
    if is_database(path)? {
        return Source::open(path, &[], true).map(|(database, _)| database);
    }
    Ranges::open(path, &[]).map(|(database, _)| database)
}

/// Reads the file at `path` to its end; an error is damage to it.
pub fn verify(path: &Path) -> Result<Database, LocateError> {
    if is_database(path)? {
        let (database, source) = Source::open(path, &[], true)?;
        let damaged = |source| LocateError::Damaged { path: path.to_owned(), source };
        return source.verify().map(|()| database).map_err(damaged);
    }
    describe(path)
}

/// Whether the file ends in what a MaxMind DB file ends in, or is called one.
fn is_database(path: &Path) -> Result<bool, LocateError> {
    const MARKER: &[u8] = b"\xab\xcd\xefMaxMind.com";
    /// The marker lies within the last 128 kB.
    const TAIL: i64 = 128 << 10;
    if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("mmdb")) {
        return Ok(true);
    }
    let unreadable = |source| LocateError::Read { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(unreadable)?;
    let length = file.seek(SeekFrom::End(0)).map_err(unreadable)?;
    let tail = TAIL.min(i64::try_from(length).unwrap_or(TAIL));
    file.seek(SeekFrom::End(-tail)).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes.windows(MARKER.len()).any(|window| window == MARKER))
}
