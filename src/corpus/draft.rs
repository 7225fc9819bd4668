//! Files that appear whole or not at all, even if the power fails.

use super::CorpusError;
use super::record::Record;
use super::{parts, record::file_stem};
use std::fs::{self, File};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;

/// How the names of files end that are not whole.
pub(super) const PART: &str = "part";
/// Campaigns that are brought to the disk at once. To wait for the disk takes as long as to inspect a small campaign, and
/// hardly longer for many files than for one.
pub(super) const MAX_BATCH: usize = 16;

/// A file that is written and has not its name yet. If it never gets it, it is removed.
pub(super) struct Draft {
    file: File,
    part: PathBuf,
    path: PathBuf,
}

impl Draft {
    /// Has `fill` write what is to appear at `path`.
    pub(super) fn new<T>(
        path: PathBuf,
        fill: impl FnOnce(&mut File) -> io::Result<T>,
    ) -> Result<(Self, T), CorpusError> {
        let failed = |source| CorpusError::Write { path: path.clone(), source };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        // Two processes that are at the same campaign have files of their own, and the same result. Processes of several
        // machines may have the same number.
        let chance = RandomState::new().build_hasher().finish();
        let part = path.with_extension(format!("{}-{chance:016x}.{PART}", std::process::id()));
        let file = File::create_new(&part).map_err(failed)?;
        let mut draft = Self { file, part, path: path.clone() };
        let filled = fill(&mut draft.file).map_err(failed)?;
        Ok((draft, filled))
    }

    /// Waits until it is on the disk.
    pub(super) fn sync(&self) -> Result<(), CorpusError> {
        self.file.sync_all().map_err(|source| self.failed(source))
    }

    /// Gives it its name.
    pub(super) fn place(self) -> Result<(), CorpusError> {
        fs::rename(&self.part, &self.path).map_err(|source| self.failed(source))
    }

    /// Gives it its name unless there is a file of that name, and says whether there was none.
    pub(super) fn place_first(self) -> Result<bool, CorpusError> {
        match fs::hard_link(&self.part, &self.path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            // Some file systems have no links.
            Err(_) => self.place().map(|()| true),
        }
    }

    fn failed(&self, source: io::Error) -> CorpusError {
        CorpusError::Write { path: self.path.clone(), source }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // It is not there if it has its name; what is left of one that could not be written is of no use.
        let _ = fs::remove_file(&self.part);
    }
}

/// A campaign that is inspected, and its part of each table.
pub(super) struct Inspected {
    pub(super) record: Record,
    pub(super) parts: Vec<Draft>,
}

/// Gives the files of campaigns their names as they come, and shows each record to `placed`.
///
/// The record of a campaign is removed first and comes last: a campaign with a record is whole.
pub(super) fn place(
    out: &Path,
    incoming: &Receiver<Inspected>,
    mut placed: impl FnMut(Record),
) -> Result<(), CorpusError> {
    while let Ok(first) = incoming.recv() {
        let rest = incoming.try_iter().take(MAX_BATCH - 1);
        let batch: Vec<Inspected> = [first].into_iter().chain(rest).collect();
        for Inspected { record, parts } in &batch {
            Record::remove(out, &record.campaign)?;
            parts.iter().try_for_each(Draft::sync)?;
        }
        let (mut drafts, mut records) = (Vec::new(), Vec::new());
        for Inspected { record, parts } in batch {
            if parts.is_empty() {
                parts::remove(out, &file_stem(&record.campaign))?;
            }
            parts.into_iter().try_for_each(Draft::place)?;
            drafts.push(record.draft(out)?);
            records.push(record);
        }
        drafts.iter().try_for_each(Draft::sync)?;
        drafts.into_iter().try_for_each(Draft::place)?;
        records.into_iter().for_each(&mut placed);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn nothing_is_left_of_what_was_not_written_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/a.parquet");
        let broken = Draft::new(path.clone(), |file| {
            file.write_all(b"half")?;
            Err::<(), _>(io::Error::other("full"))
        });
        assert!(broken.is_err());
        let (unplaced, ()) = Draft::new(path.clone(), |file| file.write_all(b"whole")).unwrap();
        drop(unplaced);
        assert_eq!(fs::read_dir(folder.path().join("deep")).unwrap().count(), 0);
        let (draft, length) = Draft::new(path.clone(), |file| file.write(b"whole")).unwrap();
        draft.sync().unwrap();
        draft.place().unwrap();
        assert_eq!((fs::read(&path).unwrap(), length), (b"whole".to_vec(), 5));
        assert_eq!(fs::read_dir(folder.path().join("deep")).unwrap().count(), 1);
    }

    #[test]
    fn of_two_that_are_first_one_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.json");
        let draft = |text: &'static [u8]| Draft::new(path.clone(), |file| file.write_all(text)).unwrap().0;
        let (one, other) = (draft(b"one"), draft(b"other"));
        assert_eq!((one.place_first().unwrap(), other.place_first().unwrap()), (true, false));
        assert_eq!(fs::read(&path).unwrap(), b"one");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
