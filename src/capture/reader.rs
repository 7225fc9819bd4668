//! All inputs as one stream of batches.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::source::{self, Opened};
use super::stream::Account;
use super::{Batch, CaptureError, Input, Precision};

/// Bytes read at a time: what fits a core's second-level cache next to the work on it, and is still so much
/// that the calls cost nothing.
const BATCH: usize = 256 << 10;

/// Inputs that [`Frame::input`](super::Frame::input) can tell apart.
const MAX_INPUTS: usize = u16::MAX as usize + 1;

/// How captures are read.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Whether the SHA-256 of each input is wanted.
    pub hash: bool,
    /// Is told how far reading has come.
    pub progress: Option<Arc<Progress>>,
}

/// How far reading has come; another thread may look at any time.
#[derive(Debug, Default)]
pub struct Progress {
    read: AtomicU64,
    total: AtomicU64,
}

impl Progress {
    /// Bytes read, as they lie on disk.
    pub fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// Bytes of all inputs, as they lie on disk; 0 if that cannot be known, as with standard input.
    pub fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    pub(super) fn advance(&self, bytes: usize) {
        self.read.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

/// Reads captures, one after the other.
pub struct Reader {
    options: Options,
    /// Inputs still to be read, the next one last.
    pending: Vec<PathBuf>,
    current: Option<Opened>,
    inputs: Vec<Input>,
}

impl Reader {
    /// Opens captures: files, or `-` for standard input.
    pub fn open(paths: &[PathBuf], options: Options) -> Result<Self, CaptureError> {
        if paths.len() > MAX_INPUTS {
            return Err(CaptureError::TooMany { count: paths.len(), limit: MAX_INPUTS });
        }
        let mut pending = paths.to_vec();
        pending.reverse();
        let mut reader = Self { options, pending, current: None, inputs: Vec::new() };
        reader.open_next()?;
        Ok(reader)
    }

    /// Fills `batch` with the next frames, all of one input. False if there are none left; the batch is then empty.
    pub fn next_batch(&mut self, batch: &mut Batch) -> Result<bool, CaptureError> {
        while let Some(opened) = &mut self.current {
            batch.input = u16::try_from(self.inputs.len()).unwrap_or(u16::MAX);
            if opened.stream.fill(batch, BATCH) {
                return Ok(true);
            }
            self.close();
            self.open_next()?;
        }
        batch.clear();
        Ok(false)
    }

    /// What is known of each input, in the order in which they were read. Inputs that have not been reached are left out.
    pub fn into_inputs(mut self) -> Vec<Input> {
        self.close();
        self.inputs
    }

    fn open_next(&mut self) -> Result<(), CaptureError> {
        if let Some(path) = self.pending.pop() {
            self.current = Some(source::open(&path, &self.options)?);
        }
        Ok(())
    }

    fn close(&mut self) {
        if let Some(opened) = self.current.take() {
            let ended = opened.stream.ended();
            let size = ended.then(|| opened.size()).flatten();
            self.inputs.push(input(&opened.path, size, opened.stream.into_account()));
        }
    }
}

fn input(path: &Path, size: Option<u64>, account: Account) -> Input {
    let Account { format, tally, damage } = account;
    Input {
        path: path.to_string_lossy().into_owned(),
        sha256: None,
        size,
        format,
        compression: None,
        link_types: tally.link_types,
        packets: tally.frames.packets,
        bytes: tally.frames.bytes,
        first_packet: tally.frames.first(),
        last_packet: tally.frames.last(),
        precision: tally.precision.unwrap_or(Precision::MICROSECONDS),
        truncated_packets: tally.frames.truncated,
        dropped_packets: tally.dropped,
        anomalies: tally.anomalies,
        recorded_names: tally.names.into_iter().collect(),
        damage,
    }
}
