//! Any bytes as a report that is read back, compared with itself and explained.

#![no_main]

use landfall::policy::{CountrySet, Policy};
use landfall::report::{PastReport, compare, explain};
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|data: &[u8]| {
    let Ok(report) = PastReport::parse(Path::new("fuzz.json"), data) else { return };
    let diff = compare(&report, &report);
    let _ = (diff.table(), diff.json());
    let policy = Policy::from_lists(&["CN".to_owned()], &[]).unwrap();
    let shown = explain(&policy, &report, &CountrySet::new());
    assert!(shown.chars().all(|letter| letter == '\n' || !letter.is_control()), "{shown:?}");
});
