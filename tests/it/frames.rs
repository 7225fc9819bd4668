//! Frames of a capture, to write other captures from.

use landfall::capture::{Batch, Options, Reader};
use std::fs;
use std::path::Path;

/// A frame as the capture has it.
#[derive(Clone)]
pub struct Frame {
    /// Nanoseconds since the start of 1970.
    pub time: i64,
    pub link_type: u16,
    wire_length: u32,
    bytes: Vec<u8>,
}

impl Frame {
    /// A frame that was captured whole.
    pub fn new(time: i64, link_type: u16, bytes: Vec<u8>) -> Self {
        Self { time, link_type, wire_length: u32::try_from(bytes.len()).unwrap(), bytes }
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// The frames of a capture, in the order of the file.
pub fn read(path: &Path) -> Vec<Frame> {
    let mut reader = Reader::open(&[path.to_owned()], Options::default()).unwrap();
    let mut frames = Vec::new();
    let mut batch = Batch::default();
    while reader.next_batch(&mut batch).unwrap() {
        frames.extend(batch.frames().map(|frame| Frame {
            time: frame.time.nanoseconds(),
            link_type: frame.link_type.0,
            wire_length: frame.wire_length,
            bytes: frame.bytes.to_vec(),
        }));
    }
    frames
}

/// Whether a file of the classic format can hold the frames: they are of one link type and of no odd time.
pub fn fit(frames: &[Frame]) -> bool {
    let second = 1_000_000_000;
    frames.first().is_some_and(|first| {
        frames.iter().all(|frame| {
            frame.link_type == first.link_type && u32::try_from(frame.time.div_euclid(second)).is_ok()
        })
    })
}

/// Writes frames in the classic format with nanoseconds.
pub fn write(path: &Path, frames: &[Frame]) {
    const NANOSECONDS: u32 = 0xa1b2_3c4d;
    const SNAP_LENGTH: u32 = 262_144;
    let second = 1_000_000_000;
    let mut file = NANOSECONDS.to_le_bytes().to_vec();
    file.extend_from_slice(&[2, 0, 4, 0]);
    for field in [0, 0, SNAP_LENGTH, u32::from(frames[0].link_type)] {
        file.extend_from_slice(&field.to_le_bytes());
    }
    for frame in frames {
        let [whole, rest] = [frame.time.div_euclid(second), frame.time.rem_euclid(second)]
            .map(|part| u32::try_from(part).unwrap());
        for field in [whole, rest, frame.bytes.len() as u32, frame.wire_length] {
            file.extend_from_slice(&field.to_le_bytes());
        }
        file.extend_from_slice(&frame.bytes);
    }
    fs::write(path, file).unwrap();
}
