//! Files that appear whole or not at all, however a process ends.
//!
//! Nothing waits for the disk: that takes several times as long as to inspect a small campaign. What a power failure
//! leaves is a file that is gone or shorter than its record says, and that the next run sees.

use super::CorpusError;
use std::fs::{self, File};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};

/// How the names of files end that are not whole.
pub(super) const PART: &str = "part";

/// Has `fill` write the file at `path`.
pub(super) fn put<T>(path: &Path, fill: impl FnOnce(&mut File) -> io::Result<T>) -> Result<T, CorpusError> {
    let (draft, filled) = Draft::new(path, fill)?;
    fs::rename(&draft.part, path).map_err(|source| failed(path, source))?;
    Ok(filled)
}

/// As [`put`], unless there is a file at `path`, and says whether there was none.
pub(super) fn put_first(
    path: &Path,
    fill: impl FnOnce(&mut File) -> io::Result<()>,
) -> Result<bool, CorpusError> {
    let (draft, ()) = Draft::new(path, fill)?;
    match fs::hard_link(&draft.part, path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        // Some file systems have no links.
        Err(_) => fs::rename(&draft.part, path).map(|()| true).map_err(|source| failed(path, source)),
    }
}

/// Removes the file at `path`, if there is one.
pub(super) fn remove(path: &Path) -> Result<(), CorpusError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(failed(path, source)),
        _ => Ok(()),
    }
}

fn failed(path: &Path, source: io::Error) -> CorpusError {
    CorpusError::Write { path: path.to_owned(), source }
}

/// A file that has not its name yet. If it never gets it, it is removed.
struct Draft {
    part: PathBuf,
}

impl Draft {
    fn new<T>(path: &Path, fill: impl FnOnce(&mut File) -> io::Result<T>) -> Result<(Self, T), CorpusError> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|source| failed(path, source))?;
        }
        // Two processes that are at the same campaign have files of their own, and the same result. Processes of several
        // machines may have the same number.
        let chance = RandomState::new().build_hasher().finish();
        let part = path.with_extension(format!("{}-{chance:016x}.{PART}", std::process::id()));
        let mut file = File::create_new(&part).map_err(|source| failed(path, source))?;
        let draft = Self { part };
        let filled = fill(&mut file).map_err(|source| failed(path, source))?;
        Ok((draft, filled))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // It is not there if it has its name; what is left of one that could not be written is of no use.
        let _ = fs::remove_file(&self.part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn nothing_is_left_of_what_was_not_written_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/a.parquet");
        let broken = put(&path, |file| {
            file.write_all(b"half")?;
            Err::<(), _>(io::Error::other("full"))
        });
        assert!(broken.is_err());
        assert_eq!(fs::read_dir(folder.path().join("deep")).unwrap().count(), 0);
        assert_eq!(put(&path, |file| file.write(b"whole")).unwrap(), 5);
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(fs::read_dir(folder.path().join("deep")).unwrap().count(), 1);
        remove(&path).unwrap();
        remove(&path).unwrap();
    }

    #[test]
    fn of_two_that_are_first_one_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.json");
        let first = |text: &'static [u8]| put_first(&path, |file| file.write_all(text)).unwrap();
        assert_eq!((first(b"one"), first(b"other")), (true, false));
        assert_eq!(fs::read(&path).unwrap(), b"one");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
