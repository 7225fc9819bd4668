//! Any bytes as the manifest of a bundle; one that is understood comes back as it was.

#![no_main]

use landfall::evidence::Manifest;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    match Manifest::parse(data) {
        Ok(manifest) => {
            let again = Manifest::parse(&manifest.render()).unwrap();
            assert_eq!(again, manifest);
            let names = manifest.inputs.iter().chain(&manifest.outputs).map(|file| &file.name);
            assert!(names.into_iter().all(|name| !name.contains('/') && name != ".."));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
