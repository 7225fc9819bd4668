//! One input being read: bytes come from its source, frames go into batches.

use std::io::{ErrorKind, Read};
use std::ops::RangeInclusive;

use super::tally::Tally;
use super::walk::{Start, Stop, Walked, Walker};
use super::{Batch, Damage, Format, Record};

/// Bytes looked at to recognise a file; the mark of a tar archive, at 257, lies furthest from the start.
const SAMPLE: usize = 512;

/// What the first bytes of a source turned out to be.
pub(super) enum Recognised {
    /// A capture, ready to be read.
    Capture(Box<Stream>),
    /// Something else; the bytes seen, empty if the source has none.
    Other(Vec<u8>),
    /// A capture that cannot be read: why.
    Unsupported(String),
    /// The source could not be read.
    Unreadable(std::io::Error),
}

/// One input being read.
pub(super) struct Stream {
    source: Box<dyn Read + Send>,
    /// Frames are wanted as they come, not when a buffer is full.
    live: bool,
    format: Format,
    walker: Option<Walker>,
    tally: Tally,
    /// Bytes read and not done with.
    carry: Vec<u8>,
    /// Where in the capture `carry` starts.
    offset: u64,
    /// Bytes, from `offset`, without which the walker cannot go on.
    want: usize,
    /// Bytes to pass over.
    skip: u64,
    /// Where the block starts that is being passed over.
    skipped_from: Option<u64>,
    damage: Option<Damage>,
    ended: bool,
    exhausted: bool,
}

/// Why a source gives no more.
enum End {
    Reached,
    Failed(std::io::Error),
}

/// What was found in an input.
pub(super) struct Account {
    pub(super) format: Format,
    pub(super) tally: Tally,
    pub(super) damage: Option<Damage>,
}

impl Stream {
    /// Recognises the capture that `source` gives.
    pub(super) fn recognise(mut source: Box<dyn Read + Send>, live: bool) -> Recognised {
        let mut sample = vec![0; SAMPLE];
        let mut filled = 0;
        loop {
            let enough = if live { filled + 1 } else { SAMPLE };
            let (present, end) = fill(&mut *source, &mut sample, filled, enough..=SAMPLE);
            filled = present;
            let end = match end {
                Some(End::Failed(error)) if filled == 0 => return Recognised::Unreadable(error),
                end => end.is_some(),
            };
            let seen = sample.get(..filled).unwrap_or_default();
            let (format, walker) = match Walker::start(seen) {
                Start::Capture(walker) => (walker.format(), Some(walker)),
                Start::Unsupported(reason) => return Recognised::Unsupported(reason),
                Start::Short(format) if end => (format, None),
                Start::Unknown if end || filled >= Walker::START => return Recognised::Other(seen.to_vec()),
                Start::Short(_) | Start::Unknown => continue,
            };
            sample.truncate(filled);
            return Recognised::Capture(Box::new(Self::new(source, live, format, walker, sample)));
        }
    }

    fn new(
        source: Box<dyn Read + Send>,
        live: bool,
        format: Format,
        walker: Option<Walker>,
        carry: Vec<u8>,
    ) -> Self {
        let mut stream = Self {
            source,
            live,
            format,
            walker,
            tally: Tally::new(),
            carry,
            offset: 0,
            want: 0,
            skip: 0,
            skipped_from: None,
            damage: None,
            ended: false,
            exhausted: false,
        };
        if stream.walker.is_none() {
            stream.stop("the file ends within its header".to_owned());
        }
        stream
    }

    /// Fills `batch` with the next frames; reads `size` bytes at a time, or more where one frame needs it.
    /// False if there are none left.
    pub(super) fn fill(&mut self, batch: &mut Batch, size: usize) -> bool {
        batch.clear();
        batch.first_number = self.tally.frames.packets + 1;
        while batch.records.is_empty() && !self.ended {
            self.step(batch, size);
        }
        !batch.records.is_empty()
    }

    /// Reads once and takes in what came.
    fn step(&mut self, batch: &mut Batch, size: usize) {
        let held = self.carry.len();
        let buffer = &mut batch.buffer;
        if buffer.len() < size.max(held) {
            buffer.resize(size.max(held), 0);
        }
        if let Some(start) = buffer.get_mut(..held) {
            start.copy_from_slice(&self.carry);
        }
        let enough = if self.live { self.want.max(held + 1) } else { self.want.max(size) };
        let (filled, end) = fill(&mut *self.source, buffer, held, enough..=enough.max(size));
        self.take_in(buffer.get(..filled).unwrap_or_default(), &mut batch.records);
        self.exhausted |= matches!(end, Some(End::Reached));
        match end {
            Some(_) if self.ended => {}
            Some(End::Failed(error)) => self.stop(format!("reading stopped: {error}")),
            Some(End::Reached) => self.end(),
            None => {}
        }
    }

    /// Takes in what is in `data`, and keeps what is not complete for the next time.
    fn take_in(&mut self, data: &[u8], records: &mut Vec<Record>) {
        let from = usize::try_from(self.skip).unwrap_or(usize::MAX).min(data.len());
        self.skip -= from as u64;
        let Walked { mut used, stop } = match &mut self.walker {
            Some(walker) if self.skip == 0 => walker.walk(data, from, records, &mut self.tally),
            _ => Walked { used: from, stop: Stop::Want(0) },
        };
        if used > from {
            self.skipped_from = None;
        }
        let mut damage = None;
        self.want = 0;
        match stop {
            Stop::Want(bytes) => self.want = bytes,
            Stop::Skip(bytes) => {
                self.skipped_from = Some(self.offset + used as u64);
                let here = bytes.min(data.len() - used);
                self.skip = (bytes - here) as u64;
                used += here;
            }
            Stop::Damaged(reason) => damage = Some(reason),
        }
        self.offset += used as u64;
        self.carry.clear();
        self.carry.extend_from_slice(data.get(used..).unwrap_or_default());
        if let Some(reason) = damage {
            self.stop(reason);
        }
    }

    /// The source has no more bytes.
    fn end(&mut self) {
        if !self.carry.is_empty() || self.skipped_from.is_some() {
            let present = self.offset + self.carry.len() as u64 - self.skipped_from.unwrap_or(self.offset);
            self.stop(format!("the capture is cut short: it ends {present} bytes into a record"));
        }
        self.ended = true;
    }

    /// Nothing more can be read.
    fn stop(&mut self, reason: String) {
        self.damage = Some(Damage { offset: self.skipped_from.unwrap_or(self.offset), reason });
        self.ended = true;
        self.carry = Vec::new();
    }

    /// Whether the source has been read to its end.
    pub(super) const fn exhausted(&self) -> bool {
        self.exhausted
    }

    /// Whether all that can be read has been read.
    pub(super) const fn ended(&self) -> bool {
        self.ended
    }

    /// Whether any of the frames read so far had a time.
    pub(super) fn has_times(&self) -> bool {
        self.tally.frames.first().is_some()
    }

    /// The account of what has been read so far.
    pub(super) fn into_account(mut self) -> Account {
        if let Some(walker) = &mut self.walker {
            walker.finish(&mut self.tally);
        }
        Account { format: self.format, tally: self.tally, damage: self.damage }
    }
}

/// Reads until `buffer` holds as many bytes as `wanted` starts with, never more than it ends with.
/// The buffer grows only as bytes come, so that a mere claim of a large record costs nothing.
fn fill(
    source: &mut dyn Read,
    buffer: &mut Vec<u8>,
    mut filled: usize,
    wanted: RangeInclusive<usize>,
) -> (usize, Option<End>) {
    while filled < *wanted.start() {
        if filled >= buffer.len() {
            buffer.resize(wanted.end().min(&(filled * 2)).max(&(filled + 1)).to_owned(), 0);
        }
        let end = buffer.len().min(*wanted.end());
        match source.read(buffer.get_mut(filled..end).unwrap_or_default()) {
            Ok(0) => return (filled, Some(End::Reached)),
            Ok(count) => filled += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return (filled, Some(End::Failed(error))),
        }
    }
    (filled, None)
}
