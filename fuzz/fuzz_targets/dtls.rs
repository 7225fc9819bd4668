//! Any datagrams as one side of a DTLS connection; each begins with its length in two bytes.
#![no_main]

use landfall::identify::dtls::{self, DtlsReader};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut reader = DtlsReader::default();
    let mut rest = data;
    while let Some((length, after)) = rest.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes(*length)).min(after.len());
        let (datagram, next) = after.split_at(length);
        let _ = dtls::probe(datagram);
        reader.datagram(datagram);
        rest = next;
    }
    reader.finish();
});
