//! SIP messages, streams of them and session descriptions.
#![no_main]

use landfall::identify::{sdp, sip};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = sip::probe(data);
    let _ = sdp::parse(data);
    for message in sip::stream(data) {
        assert!(message.hosts().len() <= 32 && message.received().count() <= 32);
        if let Some(description) = message.description {
            let _ = sdp::parse(description);
        }
    }
});
