//! Which inputs there are, and in which order they are read.

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use super::reader::{MAX_INPUTS, Options};
use super::source::{self, Opened, is_standard_input};
use super::{Batch, CaptureError, Timestamp};

/// Bytes read at a time to find an input's first packet.
const GLANCE: usize = 16 << 10;

/// Files in all folders given. Above it they are most likely given by mistake, as `/` would be.
const MAX_FILES: usize = 1 << 20;

/// Something about the choice of inputs that a person should know, and that does not keep them from being read.
#[derive(Debug)]
#[non_exhaustive]
pub enum Note {
    /// An input was given more than once; it is read once.
    GivenTwice {
        /// The input, as given the second time.
        path: PathBuf,
    },
    /// Something in a folder is not a capture that can be read, and is left out.
    LeftOut(CaptureError),
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GivenTwice { path } => write!(f, "'{}' is given twice and read once", path.display()),
            Self::LeftOut(error) => {
                write!(f, "left out: {error}")?;
                std::error::Error::source(error).map_or(Ok(()), |source| write!(f, ": {source}"))
            }
        }
    }
}

/// An input that will be read.
pub(super) struct Candidate {
    pub(super) path: PathBuf,
    /// Time of the first frame; `None` without frames, or if the order is not in question.
    first: Option<Timestamp>,
    /// The input itself if it has been opened, and its first frames if they have been read.
    pub(super) opened: Option<(Opened, Option<Batch>)>,
}

/// A path to look at.
struct Given {
    path: PathBuf,
    /// Named by the user, not found in a folder.
    explicit: bool,
}

/// Finds the captures at `paths`, in the order of their first packets.
pub(super) fn find(
    paths: &[PathBuf],
    options: &Options,
    notes: &mut Vec<Note>,
) -> Result<Vec<Candidate>, CaptureError> {
    let given = expand(paths, notes)?;
    let only = given.len() == 1;
    let mut candidates = Vec::new();
    for Given { path, explicit } in given {
        match look_at(&path, options, only) {
            Ok(candidate) => candidates.push(candidate),
            Err(error) if explicit && !options.leave_out => return Err(error),
            Err(error) => notes.push(Note::LeftOut(error)),
        }
    }
    if candidates.len() > MAX_INPUTS {
        return Err(CaptureError::TooMany { count: candidates.len(), limit: MAX_INPUTS });
    }
    if let ([], Some(path)) = (&*candidates, paths.first()) {
        return Err(CaptureError::NoCapture { path: path.clone() });
    }
    candidates.sort_by_key(|candidate| (candidate.first.is_none(), candidate.first));
    Ok(candidates)
}

/// Opens an input, and if it is not the only one looks at its first packet. A file is closed again, so that
/// thousands may be given; a pipe cannot be, and its first frames are kept.
fn look_at(path: &Path, options: &Options, only: bool) -> Result<Candidate, CaptureError> {
    let pipe = is_standard_input(path) || fs::metadata(path).is_ok_and(|data| !data.is_file());
    let mut opened = source::open(path, options, only || pipe)?;
    let path = path.to_owned();
    if only {
        return Ok(Candidate { path, first: None, opened: Some((opened, None)) });
    }
    let mut batch = Batch::default();
    opened.stream.fill(&mut batch, GLANCE);
    let first = batch.records.first().map(|record| record.time).filter(|_| opened.stream.has_times());
    let opened = opened.is_pipe().then_some((opened, Some(batch)));
    Ok(Candidate { path, first, opened })
}

/// Replaces folders by the files in them, however deep, sorted by name; leaves out what is given again.
fn expand(paths: &[PathBuf], notes: &mut Vec<Note>) -> Result<Vec<Given>, CaptureError> {
    let mut given = Vec::new();
    let mut seen = HashSet::new();
    for path in paths {
        let mut add = |path: PathBuf, explicit, notes: &mut Vec<Note>| {
            let identity = if is_standard_input(&path) { None } else { fs::canonicalize(&path).ok() };
            if seen.insert(identity.unwrap_or_else(|| path.clone())) {
                given.push(Given { path, explicit });
            } else {
                notes.push(Note::GivenTwice { path });
            }
            if given.len() > MAX_FILES {
                return Err(CaptureError::TooMany { count: given.len(), limit: MAX_FILES });
            }
            Ok(())
        };
        if is_standard_input(path) || !path.is_dir() {
            add(path.clone(), true, notes)?;
            continue;
        }
        let mut entries = VecDeque::from(list(path)?);
        while let Some((path, kind)) = entries.pop_front() {
            match kind {
                Kind::File => add(path, false, notes)?,
                Kind::Folder => match list(&path) {
                    Ok(inner) => inner.into_iter().rev().for_each(|entry| entries.push_front(entry)),
                    Err(error) => notes.push(Note::LeftOut(error)),
                },
            }
        }
    }
    Ok(given)
}

/// What a folder has in it.
enum Kind {
    File,
    Folder,
}

/// The files and folders in `folder`, sorted by name. Links to folders are not followed, for they may lead
/// in a circle; pipes and devices are not looked at, for they may wait for ever.
fn list(folder: &Path) -> Result<Vec<(PathBuf, Kind)>, CaptureError> {
    let fail = |source| CaptureError::Open { path: folder.to_owned(), source };
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let path = entry.path();
        if entry.file_type().map_err(fail)?.is_dir() {
            entries.push((path, Kind::Folder));
        } else if path.is_file() {
            entries.push((path, Kind::File));
        }
        if entries.len() > MAX_FILES {
            return Err(CaptureError::TooMany { count: entries.len(), limit: MAX_FILES });
        }
    }
    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(entries)
}
