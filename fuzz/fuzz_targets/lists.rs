//! What a user types: lists of countries, a vantage, lines of addresses.

#![no_main]

use std::num::NonZeroUsize;

use landfall::locate::{Sources, Vantage};
use landfall::pipeline::{LookupRequest, lookup};
use landfall::policy::{CountrySet, Policy};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    if let Ok(set) = text.parse::<CountrySet>() {
        assert!(!set.is_empty());
        let policy = Policy::from_lists(&[text.to_string()], &[]).unwrap();
        assert!(set.iter().all(|country| policy.denies(country)));
    }
    if let Err(error) = Policy::from_lists(&[], &[text.to_string()]) {
        let _ = error.to_string();
    }
    let _ = text.parse::<Vantage>();
    let request = LookupRequest {
        sources: Sources::default(),
        at: None,
        json: data.len() % 2 == 0,
        threads: NonZeroUsize::new(1),
    };
    let mut out = Vec::new();
    let _ = lookup(&request, data, &mut out).unwrap();
    assert!(std::str::from_utf8(&out).is_ok());
});
