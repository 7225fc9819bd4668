//! Keeps two runs from doing the same work in one folder.

use super::{CorpusError, Plan};
use std::fs::{self, File, OpenOptions, TryLockError};

/// The file that is locked. It stays: the system gives the lock back when a process ends, however it ends.
const NAME: &str = "run.lock";

/// Held while a run is at work. Runs of parts of a corpus may be at work at once, for they do different work; a run of the
/// whole is alone. File systems that know no locks give none: two runs at once then do the work twice and make the same
/// files.
pub(super) struct Lock {
    file: File,
    is_exclusive: bool,
}

impl Lock {
    /// Waits for nobody: a folder that is in use is an error.
    pub(super) fn of(plan: &Plan) -> Result<Self, CorpusError> {
        let path = plan.out.join(NAME);
        let failed = |source| CorpusError::Write { path: path.clone(), source };
        fs::create_dir_all(&plan.out).map_err(failed)?;
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        let taken = if plan.is_part { file.try_lock_shared() } else { file.try_lock() };
        match taken {
            Ok(()) => Ok(Self { file, is_exclusive: !plan.is_part }),
            Err(TryLockError::WouldBlock) => Err(CorpusError::InUse { folder: plan.out.clone() }),
            Err(TryLockError::Error(_)) => Ok(Self { file, is_exclusive: false }),
        }
    }

    /// Whether no other run is at work in the folder.
    pub(super) const fn is_exclusive(&self) -> bool {
        self.is_exclusive
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // The end of the process does it too.
        let _ = self.file.unlock();
    }
}
