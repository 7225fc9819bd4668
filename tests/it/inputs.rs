//! The same capture gives the same report, however it comes in.

use crate::program::{run, run_in, run_with_input, sample_names, samples};
use serde_json::Value;

const SAMPLE: &str = "zoom-beijing-keys.pcapng";

/// A report without its account of the inputs and their names, which differ where the file does.
fn without_inputs(mut report: Value) -> Value {
    fn forget(value: &mut Value) {
        match value {
            Value::Array(values) => values.iter_mut().for_each(forget),
            Value::Object(fields) => {
                fields.remove("input");
                fields.values_mut().for_each(forget);
            }
            _ => {}
        }
    }
    report["inputs"] = Value::Null;
    forget(&mut report);
    report
}

#[test]
fn the_report_does_not_depend_on_the_number_of_threads() {
    for name in sample_names() {
        for format in ["table", "json"] {
            let arguments = ["inspect", "--deny", "CN", "--flows", "--format", format, &name, "--threads"];
            let one = run(&[&arguments[..], &["1"]].concat());
            let four = run(&[&arguments[..], &["4"]].concat());
            assert!(one.stdout == four.stdout, "{name} as {format}");
        }
    }
}

#[test]
fn standard_input_is_read_like_a_file() {
    let bytes = std::fs::read(samples().join(SAMPLE)).unwrap();
    let file = run(&["inspect", "--deny", "CN", "--format", "json", SAMPLE]);
    let stdin = run_with_input(&["inspect", "--deny", "CN", "--format", "json", "-"], &bytes);
    assert_eq!(stdin.status, file.status, "{}", stdin.stderr);
    let (file, stdin) = (file.json(), stdin.json());
    assert_eq!(stdin["inputs"][0]["path"], "-");
    for key in ["sha256", "size", "packets", "bytes", "first_packet", "last_packet"] {
        assert_eq!(file["inputs"][0][key], stdin["inputs"][0][key], "{key}");
    }
    assert_eq!(without_inputs(file), without_inputs(stdin));
}

#[test]
fn a_folder_is_read_as_one_capture() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["ipv6-call.pcap", "zoom-home-region.pcapng", "zoom-beijing-keys.pcapng"];
    let mut packets = 0;
    for name in names {
        std::fs::copy(samples().join(name), folder.path().join(name)).unwrap();
        packets +=
            run(&["inspect", "--format", "json", name]).json()["coverage"]["packets"].as_u64().unwrap();
    }
    let report = run_in(folder.path(), &["inspect", "--format", "json", "."]).json();
    assert_eq!(report["coverage"]["packets"].as_u64(), Some(packets));
    let inputs = report["inputs"].as_array().unwrap();
    let paths: Vec<&str> = inputs.iter().map(|input| input["path"].as_str().unwrap()).collect();
    for (path, name) in
        paths.iter().zip(["zoom-beijing-keys.pcapng", "zoom-home-region.pcapng", "ipv6-call.pcap"])
    {
        assert!(path.ends_with(name), "in the order of their packets: {paths:?}");
    }
}

#[cfg(feature = "compress")]
#[test]
fn a_compressed_capture_gives_the_report_of_the_plain_one() {
    let plain = std::fs::read(samples().join(SAMPLE)).unwrap();
    let expected = run(&["inspect", "--deny", "CN", "--format", "json", SAMPLE]).json();
    let folder = tempfile::tempdir().unwrap();
    for (compression, bytes) in compressed(&plain) {
        // The name says nothing: the content decides.
        std::fs::write(folder.path().join("capture"), bytes).unwrap();
        let run = run_in(folder.path(), &["inspect", "--deny", "CN", "--format", "json", "capture"]);
        let report = run.json();
        assert_eq!(report["inputs"][0]["compression"], compression, "{}", run.stderr);
        assert_eq!(without_inputs(report), without_inputs(expected.clone()), "{compression}");
    }
}

#[cfg(feature = "compress")]
fn compressed(plain: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    use std::io::Write;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(plain).unwrap();
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    bzip2.write_all(plain).unwrap();
    let mut lz4 = lz4_flex::frame::FrameEncoder::new(Vec::new());
    lz4.write_all(plain).unwrap();
    let mut xz = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(0)).unwrap();
    xz.write_all(plain).unwrap();
    let zstd = ruzstd::encoding::compress_to_vec(plain, ruzstd::encoding::CompressionLevel::Fastest);
    vec![
        ("gzip", gzip.finish().unwrap()),
        ("bzip2", bzip2.finish().unwrap()),
        ("lz4", lz4.finish().unwrap()),
        ("xz", xz.finish().unwrap()),
        ("zstd", zstd),
    ]
}
