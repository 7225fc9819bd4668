//! Compressed captures: recognised by their first bytes, decompressed as they are read, bounded.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Compression;

/// Bytes that [`Compression::of`] looks at.
pub(super) const MAGIC_LENGTH: usize = 10;

/// How many times larger than the file its contents may be, once they exceed [`BOMB_FLOOR`]. DEFLATE cannot exceed 1032;
/// packets with their times and addresses stay far below, but a bomb in another format reaches millions.
const BOMB_RATIO: u64 = 2_000;

/// Bytes that may come out of any file, however small: takes seconds to read and no memory.
const BOMB_FLOOR: u64 = 1 << 30;

/// Bytes asked of a decompressor at a time. If it fails, what it had got ready for that call is lost.
const PORTION: usize = 16 << 10;

impl Compression {
    /// What data that start with `bytes` are compressed with, if they are.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0x1f, 0x8b, 0x08, ..] => Some(Self::Gzip),
            // The second form is a frame to be passed over (RFC 8878 section 3.1.2), with which some files start.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Self::Zstd),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Self::Xz),
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, ..]
            | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, 0x45, 0x38, 0x50, 0x90, ..] => Some(Self::Bzip2),
            [0x04, 0x22, 0x4d, 0x18, ..] => Some(Self::Lz4),
            _ => None,
        }
    }

    /// The name of the program that compresses so.
    pub(super) const fn program(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Xz => "xz",
            Self::Bzip2 => "bzip2",
            Self::Lz4 => "lz4",
        }
    }

    /// Decompresses `source`, of which `taken` counts the bytes read; `None` if this program was built without.
    pub(super) fn decompress(
        self,
        source: Box<dyn Read + Send>,
        taken: Arc<AtomicU64>,
    ) -> Option<Box<dyn Read + Send>> {
        let decoder = decoder(self, source)?;
        Some(Box::new(Bounded { decoder, program: self.program(), taken, produced: 0 }))
    }
}

#[cfg(feature = "compress")]
#[allow(clippy::unnecessary_wraps, reason = "there is none in a program built without")]
fn decoder(compression: Compression, source: Box<dyn Read + Send>) -> Option<Box<dyn Read + Send>> {
    Some(super::decoders::of(compression, source))
}

#[cfg(not(feature = "compress"))]
fn decoder(_: Compression, _: Box<dyn Read + Send>) -> Option<Box<dyn Read + Send>> {
    None
}

/// Stops a decompressor that makes too much of too little, and says whose error an error is.
struct Bounded {
    decoder: Box<dyn Read + Send>,
    program: &'static str,
    taken: Arc<AtomicU64>,
    produced: u64,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let taken = self.taken.load(Ordering::Relaxed);
        let Self { program, produced, .. } = *self;
        if produced > BOMB_FLOOR && produced / BOMB_RATIO > taken {
            return Err(io::Error::other(format!(
                "{produced} bytes came out of the first {taken}, more than {BOMB_RATIO} for each, as of no capture; \
                 if the file is sound, decompress it with {program} and give the result"
            )));
        }
        let portion = buffer.len().min(PORTION);
        match self.decoder.read(buffer.get_mut(..portion).unwrap_or_default()) {
            Ok(count) => {
                self.produced += count as u64;
                Ok(count)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => Err(io::Error::new(error.kind(), format!("the {program} data: {error}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Near the bound, so that the tests need not go all the way.
    fn bounded(decoder: Box<dyn Read + Send>, taken: u64) -> Bounded {
        let taken = Arc::new(AtomicU64::new(taken));
        Bounded { decoder, program: "gzip", taken, produced: BOMB_FLOOR - (1 << 20) }
    }

    #[test]
    fn a_bomb_is_stopped_and_the_message_says_what_to_do() {
        let mut bomb = bounded(Box::new(io::repeat(0)), 1000);
        let error = io::copy(&mut bomb, &mut io::sink()).unwrap_err();
        assert!((BOMB_FLOOR..=BOMB_FLOOR + PORTION as u64).contains(&bomb.produced));
        assert!(error.to_string().contains("decompress it with gzip"), "{error}");
    }

    #[test]
    fn a_large_file_that_is_well_compressed_is_no_bomb() {
        let more = 5 << 20;
        let mut large = bounded(Box::new(io::repeat(0).take(more)), BOMB_FLOOR / 1900);
        assert_eq!(io::copy(&mut large, &mut io::sink()).unwrap(), more);
    }
}
