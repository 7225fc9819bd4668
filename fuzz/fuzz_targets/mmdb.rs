//! Any bytes as a file that says where addresses are: a database, a list of ranges, a list of anycast networks.
//! They take the way through a file, in the folder for temporary ones: so do those of users.

#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use landfall::locate::{self, Locator, Sources};
use libfuzzer_sys::fuzz_target;

static FILE: LazyLock<PathBuf> =
    LazyLock::new(|| std::env::temp_dir().join(format!("landfall-fuzz-{}.mmdb", std::process::id())));
const ADDRESSES: [&str; 7] =
    ["0.0.0.1", "1.1.1.1", "8.8.8.8", "52.81.151.250", "223.255.255.1", "2001:4860::1", "2a00::1"];

fn ask(sources: Sources) {
    let sources = Sources { without_embedded: true, all_dates: true, ..sources };
    let Ok(locator) = Locator::with(&sources) else { return };
    for address in ADDRESSES {
        let _ = locator.locate(address.parse().unwrap());
    }
}

fuzz_target!(|data: &[u8]| {
    std::fs::write(&*FILE, data).unwrap();
    ask(Sources { databases: vec![FILE.clone()], ..Sources::default() });
    ask(Sources { ranges: vec![FILE.clone()], ..Sources::default() });
    ask(Sources { anycast: vec![FILE.clone()], ..Sources::default() });
    let _ = locate::verify(&FILE);
});
