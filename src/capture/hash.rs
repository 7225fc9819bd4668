//! SHA-256 of inputs as they lie on disk, worked out beside the reading.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{Builder, JoinHandle};

use sha2::{Digest, Sha256};

/// Bytes hashed at a time.
const CHUNK: usize = 256 << 10;

/// Files that may be open and wait for their turn; chunks of a stream that may wait.
const QUEUE: usize = 8;

/// A SHA-256.
pub(super) type Sum = [u8; 32];

/// Hashes files on a thread of its own, in the order in which they are given.
pub(super) struct Files {
    queue: SyncSender<File>,
    /// Hashes from this one on are not wanted any more.
    wanted: Arc<AtomicUsize>,
    thread: JoinHandle<Vec<Option<Sum>>>,
}

impl Files {
    pub(super) fn start() -> io::Result<Self> {
        let (queue, files) = sync_channel(QUEUE);
        let wanted = Arc::new(AtomicUsize::new(usize::MAX));
        let limit = Arc::clone(&wanted);
        let thread = Builder::new().name("hash".to_owned()).spawn(move || hash_files(&files, &limit))?;
        Ok(Self { queue, wanted, thread })
    }

    /// Adds a file. If the thread has died there will be no hash, and no harm.
    pub(super) fn add(&self, file: File) {
        drop(self.queue.send(file));
    }

    /// Waits for the hashes of the first `count` files; the others are given up.
    pub(super) fn finish(self, count: usize) -> Vec<Option<Sum>> {
        self.wanted.store(count, Ordering::Relaxed);
        drop(self.queue);
        self.thread.join().unwrap_or_default()
    }
}

fn hash_files(files: &Receiver<File>, wanted: &AtomicUsize) -> Vec<Option<Sum>> {
    let mut sums = Vec::new();
    let mut buffer = vec![0; CHUNK];
    for mut file in files {
        let mut hasher = Sha256::new();
        let sum = loop {
            if sums.len() >= wanted.load(Ordering::Relaxed) {
                break None;
            }
            match file.read(&mut buffer) {
                Ok(0) => break Some(hasher.finalize().into()),
                Ok(count) => hasher.update(buffer.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break None,
            }
        };
        sums.push(sum);
    }
    sums
}

/// Hashes a stream, which can be read only once: passes its bytes on and sends a copy to a thread.
pub(super) struct Tee<R> {
    source: R,
    count: u64,
    hashing: Option<Hashing>,
}

struct Hashing {
    chunks: SyncSender<Vec<u8>>,
    used: Receiver<Vec<u8>>,
    thread: JoinHandle<Sum>,
}

impl<R: Read> Tee<R> {
    /// Passes `source` on; with a hash of it, or without.
    pub(super) fn new(source: R, hash: bool) -> io::Result<Self> {
        let hashing = if hash { Some(Hashing::start()?) } else { None };
        Ok(Self { source, count: 0, hashing })
    }

    /// Bytes read so far.
    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    /// Reads what is left of the source, and waits for the hash.
    pub(super) fn finish(&mut self) -> Option<Sum> {
        self.hashing.as_ref()?;
        let end = io::copy(self, &mut io::sink());
        let Hashing { chunks, thread, .. } = self.hashing.take()?;
        drop(chunks);
        let sum = thread.join().ok();
        end.ok().and(sum)
    }
}

impl Hashing {
    fn start() -> io::Result<Self> {
        let (chunks, incoming) = sync_channel(QUEUE);
        let (outgoing, used) = channel();
        let thread =
            Builder::new().name("hash".to_owned()).spawn(move || hash_chunks(&incoming, &outgoing))?;
        Ok(Self { chunks, used, thread })
    }
}

fn hash_chunks(chunks: &Receiver<Vec<u8>>, used: &Sender<Vec<u8>>) -> Sum {
    let mut hasher = Sha256::new();
    for chunk in chunks {
        hasher.update(&chunk);
        drop(used.send(chunk));
    }
    hasher.finalize().into()
}

impl<R: Read> Read for Tee<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.count += count as u64;
        if let Some(hashing) = &self.hashing {
            let mut chunk = hashing.used.try_recv().unwrap_or_default();
            chunk.clear();
            chunk.extend_from_slice(buffer.get(..count).unwrap_or_default());
            drop(hashing.chunks.send(chunk));
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// The example of FIPS 180-2, appendix B.1.
    const ABC: Sum = [
        0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0,
        0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad,
    ];

    fn file(contents: &[u8]) -> File {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(contents).unwrap();
        file.reopen().unwrap()
    }

    /// A file that goes on until nobody reads it.
    #[cfg(unix)]
    fn endless() -> (File, JoinHandle<()>) {
        let (reader, mut writer) = io::pipe().unwrap();
        let thread = std::thread::spawn(move || while writer.write_all(&[7; 4096]).is_ok() {});
        (File::from(std::os::fd::OwnedFd::from(reader)), thread)
    }

    #[cfg(unix)]
    #[test]
    fn files_are_hashed_in_their_order_and_those_not_wanted_are_given_up() {
        let files = Files::start().unwrap();
        let (endless, writer) = endless();
        files.add(file(b"abc"));
        files.add(endless);
        files.add(file(b""));
        let sums = files.finish(1);
        writer.join().unwrap();
        assert_eq!(sums, [Some(ABC), None, None]);
    }

    #[test]
    fn a_stream_is_hashed_to_its_end_even_if_it_is_read_in_part() {
        let mut tee = Tee::new(&b"abc"[..], true).unwrap();
        let mut byte = [0];
        tee.read_exact(&mut byte).unwrap();
        assert_eq!(tee.finish(), Some(ABC));
        assert_eq!(Tee::new(&b"abc"[..], false).unwrap().finish(), None);
    }
}
