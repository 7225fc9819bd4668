//! Where a report goes: standard output or a file.

use anstream::{AutoStream, ColorChoice};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The report could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write '{}'", path.display())]
pub struct OutputError {
    path: PathBuf,
    source: io::Error,
}

/// Where a report goes.
#[derive(Debug)]
pub struct Output(Option<(PathBuf, File)>);

impl Output {
    /// Opens the file, so that a bad path fails before the work and not after it.
    pub fn open(path: Option<&Path>) -> Result<Self, OutputError> {
        let Some(path) = path else { return Ok(Self(None)) };
        let file = File::create(path).map_err(|source| OutputError { path: path.to_owned(), source })?;
        Ok(Self(Some((path.to_owned(), file))))
    }

    /// Whether colours are wanted there: on a terminal, unless `NO_COLOR` is set.
    pub fn has_colour(&self) -> bool {
        self.0.is_none() && AutoStream::choice(&io::stdout()) != ColorChoice::Never
    }

    /// Writes the report. A reader that has closed the pipe has seen enough: that is success.
    pub fn write(self, report: &[u8]) -> Result<(), OutputError> {
        let (path, result) = if let Some((path, mut file)) = self.0 {
            (path, file.write_all(report))
        } else {
            let mut stdout = io::stdout().lock();
            (PathBuf::from("standard output"), stdout.write_all(report).and_then(|()| stdout.flush()))
        };
        match result {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Err(source) => Err(OutputError { path, source }),
            Ok(()) => Ok(()),
        }
    }
}
