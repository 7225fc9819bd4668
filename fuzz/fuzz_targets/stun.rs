//! STUN messages, envelopes and TCP streams, with everything that they carry.
#![no_main]

use landfall::identify::stun::{self, Envelope, Stream};
use libfuzzer_sys::fuzz_target;

fn dissect(payload: &[u8], length: usize, depth: usize) {
    let _ = stun::probe(payload, length);
    if depth == 0 {
        return;
    }
    if let Some(message) = stun::parse(payload, length) {
        assert!(message.addresses().count() <= 16);
        if let Some(data) = message.data {
            dissect(data, data.len(), depth - 1);
        }
    }
    if let Some(envelope) = Envelope::open(payload, length) {
        let (payload, length) = envelope.contents();
        assert!(payload.len() <= length);
        dissect(payload, length, depth - 1);
    }
}

fuzz_target!(|data: &[u8]| {
    dissect(data, data.len(), 4);
    dissect(data, data.len() + 9, 4);
    for unit in Stream::new(data).into_iter().flatten() {
        assert!(unit.payload.len() <= unit.length);
        dissect(unit.payload, unit.length, 4);
    }
});
