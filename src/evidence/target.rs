//! The folder of a bundle: looked at before any work, and there all at once or not at all.

use super::EvidenceError;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Where a bundle will go.
#[derive(Debug)]
pub struct Target {
    path: PathBuf,
}

impl Target {
    /// Refuses a folder with something in it, and inputs that cannot be read twice.
    pub fn prepare(path: &Path, inputs: &[PathBuf]) -> Result<Self, EvidenceError> {
        for input in inputs {
            let is_pipe = fs::metadata(input).is_ok_and(|data| !data.is_file() && !data.is_dir());
            if input.as_os_str() == "-" || is_pipe {
                let path = if is_pipe { input.clone() } else { PathBuf::from("standard input") };
                return Err(EvidenceError::ReadOnce { path });
            }
        }
        if path.file_name().is_none() {
            return Err(EvidenceError::NoName { path: path.to_owned() });
        }
        let target = Self { path: path.to_owned() };
        target.check_free()?;
        // That nothing can be written there should be known before the work is done.
        let scratch = target.scratch();
        let made = fs::create_dir(&scratch).and_then(|()| fs::remove_dir(&scratch));
        made.map_err(|source| EvidenceError::Write { path: scratch, source })?;
        Ok(target)
    }

    /// The folder that the bundle becomes.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder in which it is made.
    pub fn folder(&self) -> &Path {
        match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        }
    }

    /// Writes `files` beside the place, then moves them there at once.
    pub(super) fn write(&self, files: &[(&str, &[u8])]) -> Result<(), EvidenceError> {
        let scratch = self.scratch();
        let written = Self::fill(&scratch, files).and_then(|()| self.check_free()).and_then(|()| {
            // An empty folder gives way; on some systems nothing can be renamed onto it.
            let emptied = if self.path.is_dir() { fs::remove_dir(&self.path) } else { Ok(()) };
            let moved = emptied.and_then(|()| fs::rename(&scratch, &self.path));
            moved.map_err(|source| EvidenceError::Write { path: self.path.clone(), source })
        });
        if written.is_err() {
            // What cannot be removed either is left: the error is told already.
            let _ = fs::remove_dir_all(&scratch);
        }
        written
    }

    fn fill(folder: &Path, files: &[(&str, &[u8])]) -> Result<(), EvidenceError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| EvidenceError::Write { path, source }
        };
        fs::create_dir(folder).map_err(failed(folder))?;
        for (name, bytes) in files {
            let path = folder.join(name);
            fs::write(&path, bytes).map_err(failed(&path))?;
        }
        Ok(())
    }

    fn check_free(&self) -> Result<(), EvidenceError> {
        let path = self.path.clone();
        match fs::read_dir(&self.path) {
            Ok(mut entries) => match entries.next() {
                None => Ok(()),
                Some(_) => Err(EvidenceError::NotEmpty { path }),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                Err(EvidenceError::NotAFolder { path })
            }
            Err(source) => Err(EvidenceError::Read { path, source }),
        }
    }

    /// A folder beside the place, on the same file system, which no other run uses.
    fn scratch(&self) -> PathBuf {
        let mut name = self.path.file_name().map_or_else(|| "evidence".into(), std::ffi::OsStr::to_owned);
        name.push(format!(".{}.partial", std::process::id()));
        self.path.with_file_name(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_bundle_is_there_at_once_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["new", "empty"] {
            let path = folder.path().join(name);
            if name == "empty" {
                fs::create_dir(&path).unwrap();
            }
            let target = Target::prepare(&path, &[]).unwrap();
            target.write(&[("a", b"1"), ("b", b"2")]).unwrap();
            assert_eq!(names(&path), ["a", "b"]);
        }
        assert_eq!(names(folder.path()), ["empty", "new"]);
    }

    #[test]
    fn what_is_there_is_not_touched() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("full");
        fs::create_dir(&path).unwrap();
        let target = Target::prepare(&path, &[]).unwrap();
        fs::write(path.join("mine"), "x").unwrap();
        assert!(matches!(target.write(&[("a", b"1")]), Err(EvidenceError::NotEmpty { .. })));
        assert!(matches!(Target::prepare(&path, &[]), Err(EvidenceError::NotEmpty { .. })));
        assert!(matches!(Target::prepare(Path::new(".."), &[]), Err(EvidenceError::NoName { .. })));
        assert!(matches!(Target::prepare(&path.join("mine"), &[]), Err(EvidenceError::NotAFolder { .. })));
        assert!(matches!(Target::prepare(&path.join("no/where"), &[]), Err(EvidenceError::Write { .. })));
        assert_eq!((names(folder.path()), names(&path)), (vec!["full".to_owned()], vec!["mine".to_owned()]));
    }

    #[test]
    fn what_can_be_read_only_once_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let error = Target::prepare(&folder.path().join("x"), &["-".into()]).unwrap_err().to_string();
        assert!(error.starts_with("'standard input' can be read only once"), "{error}");
    }
}
