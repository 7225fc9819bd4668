//! Pieces of a file that several threads read at once, to be taken in one after the other.
//!
//! To copy bytes out of the page cache takes as long as to look at the packets in them. Where one record ends and
//! the next begins is known only in order; so a thread claims the next piece, reads it on its own, and waits with
//! what it has read until all before it has been taken in.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::reader::Progress;
use super::stream::End;

/// Room in a buffer before a piece, for the beginning of a record that the piece before ends with: what a packet needs
/// that the network card cuts into segments only later, 64 KiB and headers. A longer beginning moves the piece.
pub(super) const ROOM: usize = 66 << 10;

/// Fewest bytes of a piece. What was the end of a file when it was opened may be it no more.
const MIN_PIECE: u64 = 64 << 10;

/// A file of which pieces can be claimed.
#[derive(Debug)]
pub(super) struct Claims {
    file: File,
    /// Bytes of it when it was opened: no room is made for more.
    length: u64,
    /// The first byte that nobody has claimed.
    next: AtomicU64,
    progress: Option<Arc<Progress>>,
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
}

impl Claims {
    /// Of `file` from `offset` on.
    pub(super) fn new(file: File, offset: u64, progress: Option<Arc<Progress>>) -> Self {
        let length = file.metadata().map_or(0, |data| data.len());
        Self { file, length, next: AtomicU64::new(offset), progress }
    }

    /// Claims the next bytes: at most `size` of them.
    pub(super) fn next(self: &Arc<Self>, size: usize) -> Piece {
        let claim = |offset| Some(offset + self.size_at(offset, size as u64));
        let (Ok(offset) | Err(offset)) = self.next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, claim);
        let size = usize::try_from(self.size_at(offset, size as u64)).unwrap_or(size);
        Piece { claims: Arc::clone(self), offset, size, read: Read { length: 0, end: None } }
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

    /// Reads the piece into `buffer`, from [`ROOM`] on.
    pub(super) fn read(&mut self, buffer: &mut Vec<u8>) {
        if buffer.len() < ROOM + self.size {
            buffer.resize(ROOM + self.size, 0);
        }
        let room = buffer.get_mut(ROOM..ROOM + self.size).unwrap_or_default();
        while let Some(rest) = room.get_mut(self.read.length..).filter(|rest| !rest.is_empty()) {
            match read_at(&self.claims.file, rest, self.offset + self.read.length as u64) {
                Ok(0) => self.read.end = Some(End::Reached),
                Ok(count) => self.read.length += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.read.end = Some(End::Failed(error)),
            }
            if self.read.end.is_some() {
                break;
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
        let mut buffer = Vec::new();
        piece.read(&mut buffer);
        buffer[ROOM..ROOM + piece.read.length].to_vec()
    }

    #[test]
    fn pieces_follow_one_another_whoever_reads_first() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let bytes: Vec<u8> = (0..200_000_u32).map(|number| (number % 251) as u8).collect();
        file.write_all(&bytes).unwrap();
        let claims = Arc::new(Claims::new(file.reopen().unwrap(), 100, None));
        let mut pieces: Vec<Piece> = (0..3).map(|_| claims.next(90_000)).collect();
        let read: Vec<Vec<u8>> = pieces.iter_mut().rev().map(read).collect();
        assert_eq!(read.iter().map(Vec::len).collect::<Vec<_>>(), [19_900, 90_000, 90_000]);
        assert_eq!(read.into_iter().rev().flatten().collect::<Vec<_>>(), bytes[100..]);
        // It was no longer than this when it was opened; it might be now.
        assert!(matches!(pieces[2].read.end, Some(End::Reached)) && pieces[1].read.end.is_none());
        assert_eq!(claims.next(90_000).size as u64, MIN_PIECE);
    }
}
