//! Tests on the real captures beside the repository, and a measurement.

use std::path::{Path, PathBuf};
use std::time::Instant;

use super::{Batch, CaptureError, Options, Reader};

/// The folder of real captures; `None`, with a line that says so, where it is absent.
fn captures() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures");
    if !folder.join("INDEX.tsv").is_file() {
        println!("skipped: there is no folder {}", folder.display());
        return None;
    }
    Some(folder)
}

/// Frames in the captures at `paths`, and the first damage if there is any.
fn count(paths: &[PathBuf]) -> Result<(u64, Option<String>), CaptureError> {
    let mut reader = Reader::open(paths, Options::default())?;
    let mut batch = Batch::default();
    let mut frames = 0;
    while reader.next_batch(&mut batch).unwrap() {
        frames += batch.records.len() as u64;
    }
    let inputs = reader.into_inputs();
    assert_eq!(inputs.iter().map(|input| input.packets).sum::<u64>(), frames);
    Ok((frames, inputs.into_iter().find_map(|input| input.damage).map(|damage| damage.reason)))
}

/// Captures whose frames the index counts otherwise: tshark 4.0 counts custom blocks as frames, does not know the link
/// type of the fourth, and reads the fifth.
const COUNTED_OTHERWISE: [(&str, Option<u64>); 5] = [
    ("pcapng-testgen/output_le_advanced_test102.pcapng", Some(5)),
    ("pcapng-testgen/output_le_basic_test017.pcapng", Some(0)),
    ("pcapng-testgen/output_le_basic_test018.pcapng", Some(4)),
    ("tcpdump/brcm-tag.pcap", Some(23)),
    ("pcapplusplus/solaris.snoop", None),
];

#[test]
fn the_frames_of_real_captures_are_all_found() {
    let Some(folder) = captures() else { return };
    let index = std::fs::read_to_string(folder.join("INDEX.tsv")).unwrap();
    let mut lines = index.lines();
    let columns: Vec<_> = lines.next().unwrap().split('\t').collect();
    let column = |name| columns.iter().position(|column| *column == name).unwrap();
    let (path, packets) = (column("path"), column("packets"));
    let mut differ = Vec::new();
    for line in lines {
        let fields: Vec<_> = line.split('\t').collect();
        if cfg!(not(feature = "compress")) && fields[path].contains(".gz") {
            continue;
        }
        let read = count(&[folder.join(fields[path])]);
        let otherwise = COUNTED_OTHERWISE.iter().find(|(name, _)| *name == fields[path]);
        let expected = otherwise.map_or_else(|| fields[packets].parse().ok(), |(_, frames)| *frames);
        if read.as_ref().ok().map(|(frames, _)| *frames) != expected {
            differ.push(format!("{}: {read:?}, not {}", fields[path], fields[packets]));
        }
    }
    assert_eq!(differ, [] as [String; 0]);
}

/// `CAPTURE=FILE cargo test --release --lib -- --ignored --nocapture how_long_reading_takes`
#[test]
#[ignore = "a measurement"]
fn how_long_reading_takes() {
    let path = PathBuf::from(std::env::var_os("CAPTURE").unwrap());
    for _ in 0..5 {
        let start = Instant::now();
        let mut file = std::fs::File::open(&path).unwrap();
        let mut buffer = vec![0; 256 << 10];
        while std::io::Read::read(&mut file, &mut buffer).unwrap() > 0 {}
        let bare = start.elapsed();
        let start = Instant::now();
        let mut reader = Reader::open(std::slice::from_ref(&path), Options::default()).unwrap();
        let mut batch = Batch::default();
        while reader.next_batch(&mut batch).unwrap() {}
        let whole = start.elapsed();
        let packets = reader.into_inputs()[0].packets;
        let each = whole.saturating_sub(bare).as_nanos() / u128::from(packets);
        println!(
            "bare read {bare:?}, reader {whole:?}, {packets} packets, {each} ns a packet over the bare read"
        );
    }
}
