//! The decompressors. Each reads all members, frames or streams of a file that has several one after the other.

use std::io::{self, BufRead, BufReader, Read};

use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;
use lz4_flex::frame::FrameDecoder as Lz4Decoder;
use lzma_rust2::{Action, Status, XzStream};
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder as ZstdDecoder};

use super::Compression;

/// Bytes of compressed data read at a time.
const BUFFER: usize = 128 << 10;

/// Most memory for what a later part of the data may refer back to: what `zstd` itself allows without being asked,
/// and twice what `xz -9` uses.
const MAX_WINDOW: u32 = 128 << 20;

/// Most bytes of a Zstandard block once decompressed, RFC 8878 section 3.1.1.2.3.
const ZSTD_BLOCK: usize = 128 << 10;

type Source = BufReader<Box<dyn Read + Send>>;

/// A decompressor for `source`.
pub(super) fn of(compression: Compression, source: Box<dyn Read + Send>) -> Box<dyn Read + Send> {
    let source = BufReader::with_capacity(BUFFER, source);
    match compression {
        Compression::Gzip => Box::new(MultiGzDecoder::new(source)),
        Compression::Bzip2 => Box::new(MultiBzDecoder::new(source)),
        Compression::Xz => Box::new(Xz { source, decoder: XzStream::new_mem_limit(true, MAX_WINDOW >> 10) }),
        Compression::Zstd => Box::new(Zstd::new(source)),
        Compression::Lz4 => Box::new(Lz4(Some(Lz4Decoder::new(Watched { source, ended: false })))),
    }
}

fn cut_short() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "cut short")
}

/// All streams of an .xz file.
struct Xz {
    source: Source,
    decoder: XzStream,
}

impl Read for Xz {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let input = self.source.fill_buf()?;
            let end = input.is_empty();
            let action = if end { Action::Finish } else { Action::Run };
            let result = self.decoder.process(input, buffer, action)?;
            self.source.consume(result.bytes_consumed);
            if result.bytes_produced > 0 || result.status == Status::StreamEnd || buffer.is_empty() {
                return Ok(result.bytes_produced);
            }
            if end {
                return Err(cut_short());
            }
        }
    }
}

/// Tells whether its source has been asked for more than it has.
struct Watched {
    source: Source,
    ended: bool,
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.ended |= count == 0 && !buffer.is_empty();
        Ok(count)
    }
}

/// All frames of an .lz4 file. A decoder takes a file cut between blocks for complete, and cannot go on to a frame
/// with smaller blocks: each frame has its own.
struct Lz4(Option<Lz4Decoder<Watched>>);

impl Read for Lz4 {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(decoder) = &mut self.0 {
            let count = decoder.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            let watched = decoder.get_mut();
            if watched.ended {
                return Err(cut_short());
            }
            if watched.source.fill_buf()?.is_empty() {
                break;
            }
            self.0 = self.0.take().map(|decoder| Lz4Decoder::new(decoder.into_inner()));
        }
        Ok(0)
    }
}

/// All frames of a .zst file.
struct Zstd {
    source: Source,
    decoder: ZstdDecoder,
    state: ZstdState,
}

enum ZstdState {
    Between,
    InFrame,
    /// So many more bytes can be had, then comes the error.
    Failing(usize, Option<io::Error>),
}

impl Zstd {
    fn new(source: Source) -> Self {
        let mut decoder = ZstdDecoder::new();
        decoder.set_max_window_size(u64::from(MAX_WINDOW));
        Self { source, decoder, state: ZstdState::Between }
    }

    /// Starts the next frame that has data; false if there is none.
    fn next_frame(&mut self) -> io::Result<bool> {
        while !self.source.fill_buf()?.is_empty() {
            match self.decoder.reset(&mut self.source) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let length = u64::from(length);
                    if io::copy(&mut self.source.by_ref().take(length), &mut io::sink())? < length {
                        return Err(cut_short());
                    }
                }
                Err(error) => return Err(io::Error::other(error)),
            }
        }
        Ok(false)
    }

    /// Decodes until there is something to hand out or the frame is at its end.
    fn decode(&mut self) -> Result<(), FrameDecoderError> {
        while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
            self.decoder.decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBlocks(1))?;
        }
        Ok(())
    }

    /// The decoder keeps back what later blocks may refer to, megabytes of good data. An empty last block (and a
    /// checksum, which is not looked at) makes it give them up. What a block that makes no sense has left there
    /// is not among them; a block that is cut short leaves nothing.
    fn fail(&mut self, error: FrameDecoderError) -> ZstdState {
        const LAST_BLOCK: [u8; 7] = [1, 0, 0, 0, 0, 0, 0];
        let end = self.decoder.decode_blocks(&LAST_BLOCK[..], BlockDecodingStrategy::UptoBlocks(1));
        let left = if end.is_ok() || self.decoder.is_finished() { self.decoder.can_collect() } else { 0 };
        let at_end = self.source.fill_buf().is_ok_and(<[u8]>::is_empty);
        let (doubtful, error) = if at_end { (0, cut_short()) } else { (ZSTD_BLOCK, io::Error::other(error)) };
        ZstdState::Failing(left.saturating_sub(doubtful), Some(error))
    }

    /// A frame may end with the sum of its contents.
    fn check_sum(&self) -> io::Result<()> {
        let expected = self.decoder.get_checksum_from_data();
        if expected.is_some() && expected != self.decoder.get_calculated_checksum() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a frame has the wrong checksum"));
        }
        Ok(())
    }
}

impl Read for Zstd {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match &mut self.state {
                ZstdState::Between => {
                    if !self.next_frame()? {
                        return Ok(0);
                    }
                    self.state = ZstdState::InFrame;
                }
                ZstdState::InFrame => {
                    if let Err(error) = self.decode() {
                        self.state = self.fail(error);
                        continue;
                    }
                    let count = self.decoder.read(buffer)?;
                    if count > 0 || buffer.is_empty() {
                        return Ok(count);
                    }
                    self.check_sum()?;
                    self.state = ZstdState::Between;
                }
                ZstdState::Failing(0, error) => return error.take().map_or(Ok(0), Err),
                ZstdState::Failing(left, _) => {
                    let end = buffer.len().min(*left);
                    let count = self.decoder.read(buffer.get_mut(..end).unwrap_or_default())?;
                    *left -= count;
                    return Ok(count);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};
    use std::sync::Arc;
    use std::sync::atomic::AtomicU64;

    use super::*;

    const ALL: [Compression; 5] =
        [Compression::Gzip, Compression::Zstd, Compression::Xz, Compression::Bzip2, Compression::Lz4];

    /// Bytes that can be compressed to about a half.
    fn data(length: u32) -> Vec<u8> {
        (0..length)
            .map(|at| if at % 64 < 32 { 7 } else { at.wrapping_mul(2_654_435_761).to_be_bytes()[0] })
            .collect()
    }

    fn compress(compression: Compression, data: &[u8]) -> Vec<u8> {
        match compression {
            Compression::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(data).unwrap();
                encoder.finish().unwrap()
            }
            Compression::Zstd => {
                ruzstd::encoding::compress_to_vec(data, ruzstd::encoding::CompressionLevel::Fastest)
            }
            Compression::Xz => {
                let options = lzma_rust2::XzOptions::with_preset(0);
                let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
                encoder.write_all(data).unwrap();
                encoder.finish().unwrap()
            }
            Compression::Bzip2 => {
                let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
                encoder.write_all(data).unwrap();
                encoder.finish().unwrap()
            }
            Compression::Lz4 => {
                let info = lz4_flex::frame::FrameInfo::new().content_checksum(true);
                let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
                encoder.write_all(data).unwrap();
                encoder.finish().unwrap()
            }
        }
    }

    /// What comes out, and the error that ended it.
    fn decompress(compression: Compression, bytes: &[u8]) -> (Vec<u8>, Option<io::Error>) {
        let source = Box::new(Cursor::new(bytes.to_vec()));
        let mut decoder = compression.decompress(source, Arc::new(AtomicU64::new(u64::MAX))).unwrap();
        let mut out = Vec::new();
        let mut buffer = vec![0; 5000];
        loop {
            match decoder.read(&mut buffer) {
                Ok(0) => return (out, None),
                Ok(count) => out.extend(&buffer[..count]),
                Err(error) => return (out, Some(error)),
            }
        }
    }

    #[test]
    fn all_members_of_a_file_are_read() {
        let parts = [data(300_000), Vec::new(), data(10), data(70_000)];
        for compression in ALL {
            let file: Vec<u8> = parts.iter().flat_map(|part| compress(compression, part)).collect();
            assert_eq!(Compression::of(&file), Some(compression));
            let (out, error) = decompress(compression, &file);
            assert!(error.is_none(), "{compression:?}: {error:?}");
            assert!(out == parts.concat(), "{compression:?}: {} bytes", out.len());
        }
    }

    #[test]
    fn a_file_that_is_cut_gives_what_came_before_and_says_so() {
        let data = data(200_000);
        for compression in ALL {
            let file = compress(compression, &data);
            for end in (1..file.len()).step_by(9973).chain(file.len() - 5..file.len()) {
                let (out, error) = decompress(compression, &file[..end]);
                assert!(data.starts_with(&out), "{compression:?} cut at {end}");
                let error = error.unwrap_or_else(|| panic!("{compression:?} cut at {end} is not noticed"));
                assert!(
                    error.to_string().starts_with(compression.program())
                        || error.to_string().contains("data")
                );
            }
            let (out, _) = decompress(compression, &file[..file.len() - 1]);
            let kept = out.len() * 100 / data.len();
            assert!(kept >= 95, "{compression:?} keeps {kept} % when the last byte is missing");
        }
    }

    #[test]
    fn damaged_bytes_never_make_more_than_there_was() {
        let data = data(150_000);
        for compression in ALL {
            let file = compress(compression, &data);
            for at in (0..file.len()).step_by(file.len() / 20) {
                let mut damaged = file.clone();
                damaged[at] ^= 0x55;
                let (out, error) = decompress(compression, &damaged);
                assert!(out.len() <= data.len() + 70_000, "{compression:?} damaged at {at}: {}", out.len());
                assert!(error.is_some() || out == data, "{compression:?} damaged at {at} is not noticed");
            }
        }
    }

    #[test]
    fn a_skippable_zstandard_frame_is_passed_over() {
        let mut file = vec![0x53, 0x2a, 0x4d, 0x18, 5, 0, 0, 0, 1, 2, 3, 4, 5];
        file.extend(compress(Compression::Zstd, b"abc"));
        assert_eq!(Compression::of(&file), Some(Compression::Zstd));
        assert_eq!(decompress(Compression::Zstd, &file).0, b"abc");
        assert!(decompress(Compression::Zstd, &file[..10]).1.is_some());
    }
}
