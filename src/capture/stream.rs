//! One input being read: bytes come from its source, frames go into batches.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::pcap::Ahead;
use super::piece::{Claims, Piece, ROOM};
use super::reader::Progress;
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
    source: Source,
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

/// Where the bytes of an input come from.
enum Source {
    /// Byte after byte, and who has asked first gets them first.
    Serial(Box<dyn Read + Send>),
    /// From any place of a file: several pieces of it may be read at once.
    File(Arc<Claims>),
}

/// Why a source gives no more.
#[derive(Debug)]
pub(super) enum End {
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
            source: Source::Serial(source),
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

    /// Goes on with the bytes of `file`, of which `offset` have been read, and not with what was there to recognise it.
    pub(super) fn go_on_in(&mut self, file: File, offset: u64, progress: Option<Arc<Progress>>) {
        let scout = self.walker.as_ref().and_then(Walker::scout);
        self.source = Source::File(Arc::new(Claims::new(file, offset, progress, scout)));
    }

    /// Where pieces of the input may be claimed that are to be read before it is their turn.
    pub(super) fn claims(&self) -> Option<&Arc<Claims>> {
        match &self.source {
            Source::File(claims) => Some(claims),
            Source::Serial(_) => None,
        }
    }

    /// Fills `batch` with the next frames; reads `size` bytes at a time, or more where one frame needs it.
    /// False if there are none left.
    pub(super) fn fill(&mut self, batch: &mut Batch, size: usize) -> bool {
        batch.clear();
        batch.first_number = self.tally.frames.packets + 1;
        while batch.records.is_empty() && !self.ended {
            if let Source::File(claims) = &self.source {
                let mut piece = claims.next(size);
                piece.read(batch);
                self.take(piece, batch);
            } else {
                self.step(batch, size);
            }
        }
        !batch.records.is_empty()
    }

    /// Fills `batch`, in whose buffer `piece` has been read, with the frames that end in it. All pieces that were
    /// claimed before must have been taken.
    pub(super) fn take_piece(&mut self, piece: Piece, batch: &mut Batch) {
        batch.first_number = self.tally.frames.packets + 1;
        if self.ended {
            batch.clear();
        } else {
            self.take(piece, batch);
        }
    }

    fn take(&mut self, piece: Piece, batch: &mut Batch) {
        let mut read = piece.finish();
        self.exhausted |= matches!(read.end, Some(End::Reached));
        let buffer = &mut batch.buffer;
        if self.carry.len() + read.length < self.want && read.end.is_none() {
            // Nothing can be made of it yet.
            batch.records.clear();
            self.carry.extend_from_slice(buffer.get(ROOM..ROOM + read.length).unwrap_or_default());
            return;
        }
        let mut from = ROOM.saturating_sub(self.carry.len());
        let mut until = ROOM + read.length;
        if let Some(before) = buffer.get_mut(from..ROOM).filter(|before| before.len() == self.carry.len()) {
            before.copy_from_slice(&self.carry);
        } else {
            buffer.splice(..ROOM, self.carry.iter().copied());
            read.ahead = None;
            batch.records.clear();
            (from, until) = (0, self.carry.len() + read.length);
        }
        let data = buffer.get(..until).unwrap_or_default();
        self.take_in(data, from, read.ahead.as_ref(), &mut batch.records);
        self.at_end(read.end);
    }

    /// Reads once and takes in what came.
    fn step(&mut self, batch: &mut Batch, size: usize) {
        let held = self.carry.len();
        let Source::Serial(source) = &mut self.source else { return };
        let buffer = &mut batch.buffer;
        if buffer.len() < size.max(held) {
            buffer.resize(size.max(held), 0);
        }
        if let Some(start) = buffer.get_mut(..held) {
            start.copy_from_slice(&self.carry);
        }
        let enough = if self.live { self.want.max(held + 1) } else { self.want.max(size) };
        let (filled, end) = fill(&mut **source, buffer, held, enough..=enough.max(size));
        self.exhausted |= matches!(end, Some(End::Reached));
        self.take_in(buffer.get(..filled).unwrap_or_default(), 0, None, &mut batch.records);
        self.at_end(end);
    }

    fn at_end(&mut self, end: Option<End>) {
        match end {
            Some(_) if self.ended => {}
            Some(End::Failed(error)) => self.stop(format!("reading stopped: {error}")),
            Some(End::Reached) => self.end(),
            None => {}
        }
    }

    /// Takes in what is in `data` from `start` on, and keeps what is not complete for the next time.
    ///
    /// What was found `ahead` is in `records` already.
    fn take_in(&mut self, data: &[u8], start: usize, ahead: Option<&Ahead>, records: &mut Vec<Record>) {
        let passed = usize::try_from(self.skip).unwrap_or(usize::MAX).min(data.len().saturating_sub(start));
        self.skip -= passed as u64;
        let from = start + passed;
        let Walked { mut used, stop } = match &mut self.walker {
            Some(walker) if self.skip == 0 => walker.walk(data, from, ahead, records, &mut self.tally),
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
                self.skipped_from = Some(self.offset + (used - start) as u64);
                let here = bytes.min(data.len() - used);
                self.skip = (bytes - here) as u64;
                used += here;
            }
            Stop::Damaged(reason) => damage = Some(reason),
        }
        self.offset += (used - start) as u64;
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
