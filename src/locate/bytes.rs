//! The bytes of a database: embedded, read, or mapped into memory.

use super::{LocateError, database};
use memmap2::Mmap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// A file of at least this size is mapped: to read 8 MB takes two milliseconds, to read 60 MB takes as long as a run may.
const MAPPED_BYTES: u64 = 8 << 20;

/// The bytes of a database. A copy is of the same bytes.
#[derive(Clone, Debug)]
pub(super) enum Bytes {
    /// Part of the program.
    Static(&'static [u8]),
    /// Read from a file.
    Owned(Arc<Vec<u8>>),
    /// A file that is read as it is looked at.
    Mapped(Arc<Mmap>),
}

impl Bytes {
    /// The file at `path`, if it has at most `limit` bytes.
    pub(super) fn open(path: &Path, limit: u64) -> Result<Self, LocateError> {
        let unreadable = |source| LocateError::Read { path: path.to_owned(), source };
        let file = File::open(path).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        if metadata.len() > limit {
            return Err(LocateError::TooLarge { path: path.to_owned(), limit });
        }
        if metadata.is_file() && metadata.len() >= MAPPED_BYTES {
            return map(&file).map(Arc::new).map(Self::Mapped).map_err(unreadable);
        }
        database::read(path, limit).map(Self::owned)
    }

    /// Bytes that were read.
    pub(super) fn owned(bytes: Vec<u8>) -> Self {
        Self::Owned(Arc::new(bytes))
    }
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Static(bytes) => bytes,
            Self::Owned(bytes) => bytes,
            Self::Mapped(map) => map,
        }
    }
}

/// Maps a whole file.
#[expect(unsafe_code, reason = "opening five databases of 60 MB must not take the time to read them")]
fn map(file: &File) -> std::io::Result<Mmap> {
    // SAFETY: the map is read-only and private. What cannot be ruled out is that somebody writes to the file while it
    // is looked at: no look-up trusts what it reads (any bytes are refused or read within their bounds), and whoever
    // updates databases (geoipupdate, `landfall db update`) puts a new file in the place of the old one, which stays.
    unsafe { Mmap::map(file) }
}
