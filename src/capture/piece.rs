//! Pieces of a file that several threads read at once, to be taken in one after the other.
//!
//! To copy bytes out of the page cache takes as long as to look at the packets in them. Where one record ends and
//! the next begins is known only in order; so a thread claims the next piece, reads it on its own, and waits with
//! what it has read until all before it has been taken in.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Batch;
use super::pcap::{Ahead, Pcap};
use super::reader::Progress;
use super::stream::End;

/// Room in a buffer before a piece, for the beginning of a record that the piece before ends with: what a packet needs
/// that the network card cuts into segments only later, 64 KiB and headers. A longer beginning moves the piece.
pub(super) const ROOM: usize = 66 << 10;

/// Fewest bytes of a piece. What was the end of a file when it was opened may be it no more.
const MIN_PIECE: u64 = 64 << 10;

/// Bytes that are read in one go: they fit a core's second-level cache, where records are then found in them.
const STEP: usize = 256 << 10;

/// A file of which pieces can be claimed.
#[derive(Debug)]
pub(super) struct Claims {
    file: File,
    /// Bytes of it when it was opened: no room is made for more.
    length: u64,
    /// The first byte that nobody has claimed.
    next: AtomicU64,
    progress: Option<Arc<Progress>>,
    /// Finds records in pieces.
    scout: Option<Pcap>,
}

/// A piece of a file that somebody has claimed.
#[derive(Debug)]
pub(super) struct Piece {
    claims: Arc<Claims>,
    offset: u64,
    size: usize,
    read: Read,
}

/// What came of reading a piece.
#[derive(Debug)]
pub(super) struct Read {
    /// Bytes, which lie in the buffer from [`ROOM`] on.
    pub(super) length: usize,
    /// Set where the file gives no more.
    pub(super) end: Option<End>,
    /// Which records seem to be in it.
    pub(super) ahead: Option<Ahead>,
}

impl Claims {
    /// Of `file` from `offset` on.
    pub(super) fn new(file: File, offset: u64, progress: Option<Arc<Progress>>, scout: Option<Pcap>) -> Self {
        let length = file.metadata().map_or(0, |data| data.len());
        Self { file, length, next: AtomicU64::new(offset), progress, scout }
    }

    /// Claims the next bytes: at most `size` of them.
    pub(super) fn next(self: &Arc<Self>, size: usize) -> Piece {
        let claim = |offset| Some(offset + self.size_at(offset, size as u64));
        let (Ok(offset) | Err(offset)) = self.next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, claim);
        let size = usize::try_from(self.size_at(offset, size as u64)).unwrap_or(size);
        Piece { claims: Arc::clone(self), offset, size, read: Read { length: 0, end: None, ahead: None } }
    }

    /// How large the piece at `offset` is. Pieces begin small and grow, so that threads do not come to the same step at
    /// the same time from then on, and wait for each other; at the end they shrink, so that all are done at once.
    fn size_at(&self, offset: u64, largest: u64) -> u64 {
        let rest = self.length.saturating_sub(offset);
        offset.min(rest / 4).clamp(MIN_PIECE.min(largest), largest)
    }
}

impl Piece {
    /// Whether it is a piece of what `claims` are about.
    pub(super) fn is_of(&self, claims: Option<&Arc<Claims>>) -> bool {
        claims.is_some_and(|claims| Arc::ptr_eq(claims, &self.claims))
    }

    /// Reads the piece into the buffer of `batch`, from [`ROOM`] on, and looks for records in it.
    pub(super) fn read(&mut self, batch: &mut Batch) {
        batch.clear();
        let Batch { buffer, records, .. } = batch;
        if buffer.len() < ROOM + self.size {
            buffer.resize(ROOM + self.size, 0);
        }
        while self.read.length < self.size && self.read.end.is_none() {
            let from = ROOM + self.read.length;
            let room = buffer.get_mut(from..(ROOM + self.size).min(from + STEP)).unwrap_or_default();
            match read_at(&self.claims.file, room, self.offset + self.read.length as u64) {
                Ok(0) => self.read.end = Some(End::Reached),
                Ok(count) => self.read.length += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.read.end = Some(End::Failed(error)),
            }
            let Some(scout) = &self.claims.scout else { continue };
            let data = buffer.get(..ROOM + self.read.length).unwrap_or_default();
            if from == ROOM {
                self.read.ahead = scout.look_ahead(data, ROOM);
            }
            if let Some(ahead) = &mut self.read.ahead {
                scout.go_ahead(ahead, data, records);
            }
        }
    }

    /// What came of reading; it is told as progress.
    pub(super) fn finish(self) -> Read {
        if let Some(progress) = &self.claims.progress {
            progress.advance(self.read.length as u64);
        }
        self.read
    }
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn read(piece: &mut Piece) -> Vec<u8> {
        let mut batch = Batch::default();
        piece.read(&mut batch);
        batch.buffer[ROOM..ROOM + piece.read.length].to_vec()
    }

    #[test]
    fn pieces_follow_one_another_whoever_reads_first() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let bytes: Vec<u8> = (0..200_000_u32).map(|number| (number % 251) as u8).collect();
        file.write_all(&bytes).unwrap();
        let claims = Arc::new(Claims::new(file.reopen().unwrap(), 100, None, None));
        let mut pieces: Vec<Piece> = (0..4).map(|_| claims.next(90_000)).collect();
        let read: Vec<Vec<u8>> = pieces.iter_mut().rev().map(read).collect();
        assert_eq!(read.iter().map(Vec::len).collect::<Vec<_>>(), [3_292, 65_536, 65_536, 65_536]);
        assert_eq!(read.into_iter().rev().flatten().collect::<Vec<_>>(), bytes[100..]);
        // It was no longer than this when it was opened; it might be now.
        assert!(matches!(pieces[3].read.end, Some(End::Reached)) && pieces[2].read.end.is_none());
        assert_eq!(claims.next(90_000).size as u64, MIN_PIECE);
    }

    #[test]
    fn pieces_begin_small_and_end_small() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(10 << 20).unwrap();
        let claims = Arc::new(Claims::new(file.reopen().unwrap(), 512, None, None));
        let sizes = std::iter::from_fn(|| Some(claims.next(1 << 20)));
        let sizes: Vec<usize> =
            sizes.take_while(|piece| piece.offset < 10 << 20).map(|piece| piece.size >> 10).collect();
        assert_eq!(sizes[..6], [64, 64, 129, 258, 516, 1024]);
        assert_eq!(sizes.iter().max(), Some(&1024));
        assert!(sizes.len() > 20 && sizes.ends_with(&[64, 64, 64]), "{sizes:?}");
    }
}
