//! Any datagrams as a QUIC connection; each begins with its length in two bytes, the first bit of which is set for
//! datagrams of the server.
#![no_main]

use landfall::identify::quic::{self, QuicState};
use libfuzzer_sys::fuzz_target;

const FROM_SERVER: u16 = 0x8000;

fuzz_target!(|data: &[u8]| {
    let mut state = QuicState::default();
    let mut rest = data;
    while let Some((head, after)) = rest.split_first_chunk::<2>() {
        let head = u16::from_be_bytes(*head);
        let length = usize::from(head & !FROM_SERVER).min(after.len());
        let (datagram, next) = after.split_at(length);
        let _ = quic::probe(datagram);
        if head & FROM_SERVER == 0 {
            state.client_datagram(datagram);
        } else {
            state.server_datagram(datagram);
        }
        rest = next;
    }
    state.finish();
});
