//! Where a report goes: standard output or a file.

use anstream::{AutoStream, ColorChoice};
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// The report could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write '{}'", path.display())]
pub struct OutputError {
    path: PathBuf,
    source: io::Error,
}

/// Bytes that are gathered before they are written.
const BUFFER_BYTES: usize = 1 << 18;

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

    /// Makes a folder for several outputs, if there is none.
    pub fn make_folder(path: &Path) -> Result<(), OutputError> {
        std::fs::create_dir_all(path).map_err(|source| OutputError { path: path.to_owned(), source })
    }

    /// Whether colours are wanted there: on a terminal, unless `NO_COLOR` is set.
    pub fn has_colour(&self) -> bool {
        self.0.is_none() && AutoStream::choice(&io::stdout()) != ColorChoice::Never
    }

    /// Whether a person would see the bytes as they are.
    pub fn is_terminal(&self) -> bool {
        self.0.is_none() && io::stdout().is_terminal()
    }

    /// Has `write` write the report, bit by bit. A reader that has closed the pipe has seen enough: that is success.
    pub fn report(
        self,
        write: impl FnOnce(&mut (dyn Write + Send)) -> io::Result<()>,
    ) -> Result<(), OutputError> {
        let (path, target): (_, Box<dyn Write + Send>) = match self.0 {
            Some((path, file)) => (path, Box::new(file)),
            None => (PathBuf::from("standard output"), Box::new(io::stdout())),
        };
        let mut out = io::BufWriter::with_capacity(BUFFER_BYTES, target);
        match write(&mut out).and_then(|()| out.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Err(source) => Err(OutputError { path, source }),
            Ok(()) => Ok(()),
        }
    }

    /// Has `write` write, bit by bit, what is too long to keep. A reader that has closed the pipe has seen enough, so
    /// that ends the writing and is success.
    pub fn stream<T, E>(
        self,
        write: impl FnOnce(&mut io::BufWriter<Box<dyn Write>>) -> Result<T, E>,
        is_closed: impl Fn(&E) -> bool,
    ) -> Result<Option<T>, E> {
        let target: Box<dyn Write> = match self.0 {
            Some((_, file)) => Box::new(file),
            None => Box::new(io::stdout().lock()),
        };
        match write(&mut io::BufWriter::with_capacity(BUFFER_BYTES, target)) {
            Err(error) if is_closed(&error) => Ok(None),
            result => result.map(Some),
        }
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
