//! Where bytes come from: files and standard input.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::CaptureError;
use super::reader::{Options, Progress};
use super::stream::{Recognised, Stream};

/// An input that has been opened and recognised.
pub(super) struct Opened {
    pub(super) path: PathBuf,
    pub(super) stream: Box<Stream>,
    file: Option<File>,
}

impl Opened {
    /// Bytes on disk.
    pub(super) fn size(&self) -> Option<u64> {
        self.file.as_ref().and_then(|file| file.metadata().ok()).map(|data| data.len())
    }
}

/// Opens the input at `path`, or standard input for `-`.
pub(super) fn open(path: &Path, options: &Options) -> Result<Opened, CaptureError> {
    let (reader, live, file): (Box<dyn Read + Send>, bool, _) = if path.as_os_str() == "-" {
        let input = io::stdin();
        if input.is_terminal() {
            return Err(CaptureError::Terminal);
        }
        (Box::new(input), true, None)
    } else {
        let fail = |source| CaptureError::Open { path: path.to_owned(), source };
        let file = File::open(path).map_err(fail)?;
        let live = !file.metadata().map_err(fail)?.is_file();
        let second = file.try_clone().map_err(fail)?;
        (Box::new(file), live, Some(second))
    };
    let counted = Counted { reader, progress: options.progress.clone() };
    match Stream::recognise(Box::new(counted), live) {
        Recognised::Capture(stream) => Ok(Opened { path: path.to_owned(), stream, file }),
        Recognised::Other(bytes) if bytes.is_empty() => Err(CaptureError::Empty { path: path.to_owned() }),
        Recognised::Other(_) => {
            let reason = "is not a capture file".to_owned();
            Err(CaptureError::NotACapture { path: path.to_owned(), reason })
        }
        Recognised::Unsupported(reason) => Err(CaptureError::NotACapture { path: path.to_owned(), reason }),
        Recognised::Unreadable(source) => Err(CaptureError::Read { path: path.to_owned(), source }),
    }
}

/// Counts what is read.
struct Counted<R> {
    reader: R,
    progress: Option<Arc<Progress>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        if let Some(progress) = &self.progress {
            progress.advance(count);
        }
        Ok(count)
    }
}
