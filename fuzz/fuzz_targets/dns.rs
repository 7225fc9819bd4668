//! DNS messages and TCP streams of them.
#![no_main]

use landfall::identify::dns;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = dns::probe(data);
    if let Some(message) = dns::parse(data) {
        assert!(message.is_response || message.answers.is_empty());
    }
    for message in dns::tcp_messages(data) {
        let _ = dns::parse(message);
    }
});
