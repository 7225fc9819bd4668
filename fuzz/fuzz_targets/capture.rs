//! Whatever bytes are given as a capture, reading them ends, and the account fits what was read.

#![no_main]

use std::io::Cursor;

use landfall::capture::{Batch, Options, Reader};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let source = Box::new(Cursor::new(bytes.to_vec()));
    let Ok(mut reader) = Reader::from_source("fuzz", source, Options::default()) else { return };
    let mut batch = Batch::default();
    let mut packets = 0;
    let mut wire_bytes = 0;
    while reader.next_batch(&mut batch).unwrap() {
        for (frame, record) in batch.frames().zip(&batch.records) {
            packets += 1;
            wire_bytes += u64::from(frame.wire_length);
            assert_eq!(frame.number, packets);
            assert_eq!(frame.bytes.len(), record.captured as usize);
        }
    }
    let input = reader.into_inputs().remove(0);
    assert_eq!((input.packets, input.bytes), (packets, wire_bytes));
    assert!(input.first_packet <= input.last_packet);
});
