//! Where bytes come from: files and standard input, compressed or not.

use std::fs::File;
use std::io::{self, Cursor, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::compress::MAGIC_LENGTH;
use super::hash::{Sum, Tee};
use super::reader::{Options, Progress};
use super::stream::{Recognised, Stream};
use super::{CaptureError, Compression, foreign};

/// An input that has been opened and recognised.
pub(super) struct Opened {
    pub(super) path: PathBuf,
    pub(super) stream: Box<Stream>,
    pub(super) compression: Option<Compression>,
    raw: Raw,
}

/// The bytes as they lie on disk.
enum Raw {
    /// A file, that can be read again.
    File(File),
    /// Standard input or another pipe.
    Pipe(Pipe),
}

type Pipe = Arc<Mutex<Tee<Box<dyn Read + Send>>>>;

/// Whether `path` means standard input.
pub(super) fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Opens the input at `path`, or standard input for `-`. Progress is told only if `counted`.
pub(super) fn open(path: &Path, options: &Options, counted: bool) -> Result<Opened, CaptureError> {
    let (raw, reader) = open_raw(path, options.hash)?;
    recognise(path, raw, reader, options.progress.clone().filter(|_| counted))
}

/// Takes `source` for an input, under the name `path`.
pub(super) fn adopt(
    path: &Path,
    source: Box<dyn Read + Send>,
    options: &Options,
) -> Result<Opened, CaptureError> {
    let (raw, reader) = pipe(path, source, options.hash)?;
    recognise(path, raw, reader, options.progress.clone())
}

fn recognise(
    path: &Path,
    raw: Raw,
    reader: Box<dyn Read + Send>,
    progress: Option<Arc<Progress>>,
) -> Result<Opened, CaptureError> {
    let live = matches!(raw, Raw::Pipe(_));
    let taken = Arc::new(AtomicU64::new(0));
    let mut reader = Counted { reader, taken: Arc::clone(&taken), progress: progress.clone() };
    let mut head = Vec::with_capacity(MAGIC_LENGTH);
    let unreadable = |source| CaptureError::Read { path: path.to_owned(), source };
    reader.by_ref().take(MAGIC_LENGTH as u64).read_to_end(&mut head).map_err(unreadable)?;
    if head.is_empty() {
        return Err(CaptureError::Empty { path: path.to_owned() });
    }
    let compression = Compression::of(&head);
    let source: Box<dyn Read + Send> = Box::new(Cursor::new(head).chain(reader));
    let source = match compression {
        None => source,
        Some(compression) => compression
            .decompress(source, Arc::clone(&taken))
            .ok_or_else(|| not_a_capture(path, not_built_in(compression)))?,
    };
    match Stream::recognise(source, live) {
        Recognised::Capture(mut stream) => {
            if let (Raw::File(file), None) = (&raw, compression) {
                let file = file.try_clone().map_err(unreadable)?;
                stream.go_on_in(file, taken.load(Ordering::Relaxed), progress);
            }
            Ok(Opened { path: path.to_owned(), stream, compression, raw })
        }
        Recognised::Other(bytes) => Err(not_a_capture(path, describe(compression, &bytes))),
        Recognised::Unsupported(reason) => Err(not_a_capture(path, reason)),
        Recognised::Unreadable(source) => Err(unreadable(source)),
    }
}

fn open_raw(path: &Path, hash: bool) -> Result<(Raw, Box<dyn Read + Send>), CaptureError> {
    if is_standard_input(path) {
        if io::stdin().is_terminal() {
            return Err(CaptureError::Terminal);
        }
        return pipe(path, Box::new(io::stdin()), hash);
    }
    let fail = |source| CaptureError::Open { path: path.to_owned(), source };
    let file = File::open(path).map_err(fail)?;
    if file.metadata().map_err(fail)?.is_file() {
        let second = file.try_clone().map_err(fail)?;
        return Ok((Raw::File(file), Box::new(second)));
    }
    pipe(path, Box::new(file), hash)
}

fn pipe(
    path: &Path,
    source: Box<dyn Read + Send>,
    hash: bool,
) -> Result<(Raw, Box<dyn Read + Send>), CaptureError> {
    let fail = |source| CaptureError::Open { path: path.to_owned(), source };
    let pipe = Arc::new(Mutex::new(Tee::new(source, hash).map_err(fail)?));
    let reader = PipeReader(Arc::clone(&pipe));
    Ok((Raw::Pipe(pipe), Box::new(reader)))
}

fn not_a_capture(path: &Path, reason: String) -> CaptureError {
    CaptureError::NotACapture { path: path.to_owned(), reason }
}

fn not_built_in(compression: Compression) -> String {
    let program = compression.program();
    format!(
        "is compressed, and this program was built without decompression: give it what `{program} -dc FILE` writes"
    )
}

fn describe(compression: Option<Compression>, bytes: &[u8]) -> String {
    match (compression.map(Compression::program), Compression::of(bytes).map(Compression::program)) {
        (None, _) => foreign::describe(bytes),
        (Some(outer), Some(inner)) => {
            format!(
                "is compressed twice, with {inner} and then {outer}: decompress it once with `{outer} -d`"
            )
        }
        (Some(outer), None) if bytes.is_empty() => format!("is compressed with {outer} and empty"),
        (Some(outer), None) => {
            format!("is compressed with {outer}, and what comes out {}", foreign::describe(bytes))
        }
    }
}

impl Opened {
    /// Whether the input can be read only once.
    pub(super) const fn is_pipe(&self) -> bool {
        matches!(self.raw, Raw::Pipe(_))
    }

    /// The hash of a pipe, if it was wanted: for it, what is left there is read.
    pub(super) fn finish_pipe(&self) -> Option<Sum> {
        match &self.raw {
            Raw::File(_) => None,
            Raw::Pipe(pipe) => pipe.lock().unwrap_or_else(PoisonError::into_inner).finish(),
        }
    }

    /// Bytes on disk; of a pipe, bytes read from it.
    pub(super) fn size(&self) -> Option<u64> {
        match &self.raw {
            Raw::File(file) => file.metadata().ok().map(|data| data.len()),
            // What stands behind damage, too: it was read for the hash.
            Raw::Pipe(pipe) => Some(pipe.lock().unwrap_or_else(PoisonError::into_inner).count()),
        }
    }
}

/// Reads from a pipe that is looked at again when the capture is over.
struct PipeReader(Pipe);

impl Read for PipeReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).read(buffer)
    }
}

/// Counts what is read.
struct Counted {
    reader: Box<dyn Read + Send>,
    taken: Arc<AtomicU64>,
    progress: Option<Arc<Progress>>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.taken.fetch_add(count as u64, Ordering::Relaxed);
        if let Some(progress) = &self.progress {
            progress.advance(count as u64);
        }
        Ok(count)
    }
}
