//! All inputs as one stream of batches.

use std::collections::VecDeque;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::hash::{Files, Sum};
use super::inputs::{self, Candidate, Note};
use super::source::{self, Opened};
use super::stream::Account;
use super::{Batch, CaptureError, Input, Precision};

/// Bytes read at a time: what fits a core's second-level cache next to the work on it, and is still so much
/// that the calls cost nothing.
const BATCH: usize = 256 << 10;

/// Inputs that [`Frame::input`](super::Frame::input) can tell apart.
pub(super) const MAX_INPUTS: usize = u16::MAX as usize + 1;

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

    /// Bytes of all files, as they lie on disk; standard input and other pipes add nothing, for their size is not known.
    pub fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    pub(super) fn advance(&self, bytes: u64) {
        self.read.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// Reads captures, one after the other, in the order of their first packets.
pub struct Reader {
    options: Options,
    notes: Vec<Note>,
    pending: VecDeque<Candidate>,
    current: Option<Opened>,
    /// First frames of the current input, if they were read to find its place in the order.
    first: Option<Batch>,
    inputs: Vec<Input>,
    hashes: Option<Files>,
    /// Which hash of [`Self::hashes`] belongs to which input.
    hash_owners: Vec<usize>,
}

impl Reader {
    /// Opens captures: files, folders with captures in them however deep, or `-` for standard input.
    ///
    /// A file that is named and cannot be read is an error; one found in a folder is left out, see [`Self::notes`].
    pub fn open(paths: &[PathBuf], options: Options) -> Result<Self, CaptureError> {
        let mut notes = Vec::new();
        let pending = VecDeque::from(inputs::find(paths, &options, &mut notes)?);
        if let Some(progress) = &options.progress {
            let sizes = pending.iter().filter_map(|candidate| candidate.path.metadata().ok());
            let files = sizes.filter(std::fs::Metadata::is_file);
            progress.total.store(files.map(|data| data.len()).sum(), Ordering::Relaxed);
        }
        let hashes = if options.hash { Files::start().ok() } else { None };
        Ok(Self {
            options,
            notes,
            pending,
            current: None,
            first: None,
            inputs: Vec::new(),
            hashes,
            hash_owners: Vec::new(),
        })
    }

    /// What a person should know about the choice of inputs.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Fills `batch` with the next frames, all of one input. False if there are none left; the batch is then empty.
    ///
    /// Fails if a file has gone since it was first looked at.
    pub fn next_batch(&mut self, batch: &mut Batch) -> Result<bool, CaptureError> {
        loop {
            let Some(current) = &mut self.current else {
                if self.open_next()? {
                    continue;
                }
                batch.clear();
                return Ok(false);
            };
            let found = match self.first.take() {
                Some(first) => {
                    *batch = first;
                    !batch.records.is_empty()
                }
                None => current.stream.fill(batch, BATCH),
            };
            if found {
                batch.input = u16::try_from(self.inputs.len()).unwrap_or(u16::MAX);
                return Ok(true);
            }
            self.close();
        }
    }

    /// What is known of each input, in the order in which they were read. If not all has been read, the last one is
    /// the one that was being read, without hash; those after it are left out.
    pub fn into_inputs(mut self) -> Vec<Input> {
        let count = self.hash_owners.iter().filter(|index| **index < self.inputs.len()).count();
        self.close();
        if let Some(hashes) = self.hashes.take() {
            for (index, sum) in self.hash_owners.iter().zip(hashes.finish(count)) {
                if let Some(input) = self.inputs.get_mut(*index) {
                    input.sha256 = sum;
                }
            }
        }
        self.inputs
    }

    /// Opens the next input; false if there is none.
    fn open_next(&mut self) -> Result<bool, CaptureError> {
        let Some(Candidate { path, opened, .. }) = self.pending.pop_front() else { return Ok(false) };
        let (opened, first) = match opened {
            Some(opened) => opened,
            None => (source::open(&path, &self.options, true)?, None),
        };
        if let (Some(hashes), false) = (&self.hashes, opened.is_pipe())
            && let Ok(file) = File::open(&path)
        {
            hashes.add(file);
            self.hash_owners.push(self.inputs.len());
        }
        self.current = Some(opened);
        self.first = first;
        Ok(true)
    }

    /// Closes the account of the current input.
    fn close(&mut self) {
        let Some(opened) = self.current.take() else { return };
        let whole = opened.stream.ended();
        let sum = if whole { opened.finish_pipe() } else { None };
        let known = whole && (!opened.is_pipe() || opened.stream.exhausted() || sum.is_some());
        let size = if known { opened.size() } else { None };
        self.inputs.push(input(opened, size, sum));
    }
}

fn input(opened: Opened, size: Option<u64>, sha256: Option<Sum>) -> Input {
    let Account { format, tally, damage } = opened.stream.into_account();
    Input {
        path: opened.path.to_string_lossy().into_owned(),
        sha256,
        size,
        format,
        compression: opened.compression,
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
