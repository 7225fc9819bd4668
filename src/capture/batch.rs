//! Frames in batches: the unit in which a capture is read, decoded and handed from thread to thread.

use super::{LinkType, Timestamp};

/// Bytes at the link layer, with the time and the place in the capture where they stand.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Index of the input (0 for the first).
    pub input: u16,
    /// Number within the input, from 1, as Wireshark counts.
    pub number: u64,
    /// When the frame was captured.
    pub time: Timestamp,
    /// What the first byte belongs to.
    pub link_type: LinkType,
    /// Bytes on the wire.
    pub wire_length: u32,
    /// The bytes that the capture holds.
    pub bytes: &'a [u8],
}

/// Where a frame lies in its batch.
#[derive(Clone, Copy, Debug)]
pub struct Record {
    /// When the frame was captured.
    pub time: Timestamp,
    /// Offset of the first byte in the batch's buffer.
    pub offset: u32,
    /// Bytes captured.
    pub captured: u32,
    /// Bytes on the wire.
    pub wire_length: u32,
    /// What the first byte belongs to.
    pub link_type: LinkType,
    /// Place of the interface in [`Input::interfaces`](super::Input::interfaces); 0 where the format has none.
    pub interface: u16,
}

/// Consecutive frames of one input and the buffer they lie in.
///
/// A batch is filled again and again, so that reading allocates nothing in its steady state.
#[derive(Debug, Default)]
pub struct Batch {
    /// Index of the input that all frames come from.
    pub input: u16,
    /// Number of the first frame within its input, from 1.
    pub first_number: u64,
    /// Bytes of the capture; frames lie in it.
    pub buffer: Vec<u8>,
    /// The frames, in the order of the capture.
    pub records: Vec<Record>,
}

impl Batch {
    /// Forgets the frames and keeps the memory.
    pub fn clear(&mut self) {
        self.records.clear();
    }

    /// The frames, in the order of the capture.
    pub fn frames(&self) -> impl Iterator<Item = Frame<'_>> {
        self.records.iter().zip(self.first_number..).map(|(record, number)| {
            let start = record.offset as usize;
            let end = start.saturating_add(record.captured as usize);
            Frame {
                input: self.input,
                number,
                time: record.time,
                link_type: record.link_type,
                wire_length: record.wire_length,
                bytes: self.buffer.get(start..end).unwrap_or_default(),
            }
        })
    }
}
