//! Any text as a catalogue of services; one that is understood is asked.

#![no_main]

use landfall::identify::Catalogue;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Catalogue::with(text) {
        Ok(catalogue) => {
            for name in [
                "zoomsjc7mmr.zoom.us",
                "*.example.org",
                "a",
                "",
                "..",
                text.lines().next().unwrap_or_default(),
            ] {
                let _ = (catalogue.name(name), catalogue.certificate(name));
            }
            for address in ["52.81.151.250", "::1", "255.255.255.255"] {
                let _ = catalogue.address(address.parse().unwrap(), None);
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
