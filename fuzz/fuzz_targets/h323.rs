//! Any bytes as the first of a TCP connection of H.323, and each message for itself.
#![no_main]

use landfall::identify::{Probe, h323};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut before = 0;
    for message in h323::messages(data) {
        before += message.len() + 4;
        assert!(before <= data.len() && h323::addresses(message).len() <= 8);
    }
    if before == 0 {
        assert_ne!(h323::probe(data), Probe::Match);
    }
    let _ = h323::addresses(data);
});
