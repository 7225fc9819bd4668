//! Any bytes as the first of a TCP connection: cutting them differently must not change what is read.
#![no_main]

use landfall::identify::tls::{self, TlsReader};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((&step, stream)) = data.split_first() else { return };
    let whole = tls::parse(stream);
    let mut reader = TlsReader::default();
    let mut rest = Vec::new();
    for piece in stream.chunks(usize::from(step) + 1) {
        rest.extend_from_slice(piece);
        let read = reader.read(&rest);
        rest.drain(..read.done);
    }
    reader.finish(&rest);
    assert_eq!(*reader.flight(), whole);
    let _ = (tls::probe(stream), tls::find(stream));
});
