//! Any bytes as the first of a TCP connection: what parses must not be refused by the probe.
#![no_main]

use landfall::identify::{Probe, http};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if http::parse(data).is_some() {
        assert_ne!(http::probe(data), Probe::NoMatch);
    }
    if let Some(inner) = http::tunnelled(data) {
        assert!(data.ends_with(inner));
    }
});
