//! Real captures in `../shared`, where there are any: whole, cut and altered, and against tshark's figures.
//! `LANDFALL_ALL_CAPTURES=1` takes all of them and more cuts of each.

use crate::hostile::{Seeded, Watchdog, altered, inspect};
use crate::program::shared;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Of larger captures only some cuts are tried, so that the test takes a minute at most.
const LARGE: usize = 300_000;

pub fn all() -> bool {
    std::env::var_os("LANDFALL_ALL_CAPTURES").is_some_and(|value| value == "1")
}

/// All of them, sorted.
pub fn captures() -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension != "tsv" && extension != "md") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    if let Some(shared) = shared() {
        walk(&shared.join("captures"), &mut found);
    }
    found.sort();
    found
}

#[test]
fn cut_and_altered_real_captures_end_well() {
    let watchdog = Watchdog::start();
    let folder = tempfile::tempdir().unwrap();
    let scratch = folder.path().join("capture");
    let copies = if all() { 60 } else { 2 };
    for path in captures() {
        let bytes = fs::read(&path).unwrap();
        if bytes.is_empty() || (bytes.len() > LARGE && !all()) {
            continue;
        }
        let whole = inspect(&path, &watchdog).unwrap_or(0);
        let mut seeded = Seeded(bytes.len() as u64);
        for _ in 0..copies {
            fs::write(&scratch, &bytes[..seeded.below(bytes.len())]).unwrap();
            let packets = inspect(&scratch, &watchdog).unwrap_or(0);
            assert!(packets <= whole, "{}: {packets} packets of {whole}", path.display());
            fs::write(&scratch, altered(&bytes, &mut seeded)).unwrap();
            inspect(&scratch, &watchdog);
        }
    }
}

const DECRYPTED: &str = "tshark decrypts the tunnel with keys that the file carries";
const LITERAL: &str = "an address is no host name (RFC 6066 section 3)";
const INVALID_TIME: &str = "a fraction of a second that is longer than a second";

/// Captures of which we know better than tshark 4.0, or want to know less, and why.
const EXPLAINED: [(&str, &str); 4] = [
    ("ndpi/1kxun.pcap: names", LITERAL),
    ("ndpi42/teams.pcap: names", LITERAL),
    ("tcpdump/timestamp_invalid_nano.pcap: tcp_rtt", INVALID_TIME),
    ("wireshark/wireguard-ping-tcp-dsb.pcapng", DECRYPTED),
];

#[test]
fn figures_are_those_of_tshark() {
    let Some(shared) = shared() else { return };
    let script = shared.join("check/compare.py");
    if !script.exists() || !shared.join("truth/tshark").is_dir() {
        eprintln!("left out: there are no figures of tshark's");
        return;
    }
    let output = Command::new("python3")
        .arg(script)
        .args(["--landfall", env!("CARGO_BIN_EXE_landfall")])
        .arg(shared.join("captures"))
        .output();
    let Ok(output) = output else {
        eprintln!("left out: there is no python3");
        return;
    };
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.contains("\ncaptures without a report: 0\n"),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let differing = text.lines().filter_map(|line| line.split_once("/captures/")).map(|(_, line)| line);
    // A name that tshark does not see may be right; a figure that it does not see is wrong.
    let wrong = differing.filter(|line| line.contains(": endpoints:") || !line.contains(": missing 0 "));
    let unexplained: Vec<&str> =
        wrong.filter(|line| !EXPLAINED.iter().any(|(capture, _)| line.starts_with(capture))).collect();
    assert!(unexplained.is_empty(), "{unexplained:#?}");
}
