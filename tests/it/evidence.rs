//! Evidence bundles: what is in them, that standard tools read them, and that no change goes unseen.

use crate::golden::compare;
use crate::program::{Run, run, run_in, run_with_input, sample_names, samples};
use landfall::capture::{Batch, Options, Reader};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const FILES: [&str; 5] = ["README.txt", "SHA256SUMS", "manifest.json", "packets.pcapng", "report.json"];

/// What a standard tool prints; `None`, and a line that says so, where it is not installed.
pub fn tool(name: &str, arguments: &[&str], folder: &Path) -> Option<String> {
    let Ok(output) = Command::new(name).args(arguments).current_dir(folder).env("TZ", "UTC").output() else {
        eprintln!("left out: {name} is not installed, so it was not asked what it makes of the bundle");
        return None;
    };
    assert!(output.status.success(), "{name} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A bundle of a sample.
struct Made {
    _folder: tempfile::TempDir,
    path: PathBuf,
    run: Run,
}

fn bundle_of(folder: &Path, arguments: &[&str]) -> Made {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("bundle");
    let all = [&["inspect", "--evidence", path.to_str().unwrap()], arguments].concat();
    let run = run_in(folder, &all);
    assert!(path.is_dir(), "{arguments:?}: {}", run.stderr);
    Made { _folder: parent, path, run }
}

fn bundle(arguments: &[&str]) -> Made {
    bundle_of(&samples(), arguments)
}

fn contents(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap());
    entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())).collect()
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn verify(path: &Path, more: &[&str]) -> Run {
    run(&[&["evidence", "verify", path.to_str().unwrap()], more].concat())
}

fn has_findings(name: &str) -> bool {
    let report = run(&["inspect", "--deny", "CN", "--format", "json", name]).json();
    !report["findings"].as_array().unwrap().is_empty()
}

#[test]
fn bundles_of_samples_are_as_kept() {
    let mut count = 0;
    for name in sample_names().iter().filter(|name| has_findings(name)) {
        count += 1;
        let made = bundle(&["--deny", "CN", name]);
        compare(&format!("{name}.evidence.txt"), &fs::read(made.path.join("README.txt")).unwrap());
        let fields = [
            "frame.number",
            "frame.time_epoch",
            "frame.len",
            "frame.cap_len",
            "ip.src",
            "ip.dst",
            "frame.comment",
        ];
        let mut arguments = vec!["-n", "-r", "packets.pcapng", "-T", "fields"];
        arguments.extend(fields.iter().flat_map(|field| ["-e", field]));
        if let Some(shown) = tool("tshark", &arguments, &made.path) {
            compare(&format!("{name}.packets.txt"), shown.as_bytes());
        }
    }
    assert!(count > 1);
}

#[test]
fn the_packets_are_those_of_the_capture() {
    let made = bundle(&["--deny", "CN", "zoom-beijing-keys.pcapng"]);
    let read = |path: PathBuf| {
        let mut reader = Reader::open(&[path], Options::default()).unwrap();
        let (mut batch, mut frames) = (Batch::default(), Vec::new());
        while reader.next_batch(&mut batch).unwrap() {
            frames.extend(
                batch
                    .frames()
                    .map(|frame| (frame.time, frame.link_type, frame.wire_length, frame.bytes.to_vec())),
            );
        }
        frames
    };
    let all = read(samples().join("zoom-beijing-keys.pcapng"));
    let kept = read(made.path.join("packets.pcapng"));
    assert!(kept.len() > 20 && kept.len() < all.len());
    assert!(kept.iter().all(|frame| all.contains(frame)));
    let report = json(&made.path.join("report.json"));
    for number in report["findings"][0]["packets"].as_array().unwrap() {
        let place = usize::try_from(number.as_u64().unwrap()).unwrap() - 1;
        assert!(kept.contains(&all[place]), "packet {number} of the finding");
    }
}

#[test]
fn fragments_and_every_input_are_in_the_bundle() {
    let (first, second) = ("zoom-beijing-keys.pcapng", "sll2-gtp.pcap");
    let made = bundle(&["--allow", "AQ", "--scope", "all", first, second]);
    let report = json(&made.path.join("report.json"));
    let inputs: Vec<&str> =
        report["inputs"].as_array().unwrap().iter().map(|input| input["path"].as_str().unwrap()).collect();
    assert_eq!(inputs.len(), 2);
    if let Some(shown) = tool("capinfos", &["-I", "packets.pcapng"], &made.path) {
        for input in inputs {
            assert!(shown.contains(&format!("Description = {input}")), "{shown}");
        }
    }
}

#[test]
fn interfaces_and_link_types_stay() {
    let made = bundle(&["--allow", "AQ", "--scope", "all", "two-links.pcapng"]);
    let Some(shown) = tool("capinfos", &["-I", "packets.pcapng"], &made.path) else { return };
    let of = |mark: &str| -> Vec<&str> {
        shown.lines().filter_map(|line| line.trim().strip_prefix(mark)).collect()
    };
    let mut found: Vec<_> = of("Name = ").into_iter().zip(of("Encapsulation = ")).collect();
    found.sort_unstable();
    assert_eq!(found, [("sample0", "Ethernet (1 - ether)"), ("sample1", "Raw IP (7 - rawip)")], "{shown}");
}

#[test]
fn standard_tools_agree() {
    let made = bundle(&["--deny", "CN", "zoom-beijing-keys.pcapng"]);
    let manifest = json(&made.path.join("manifest.json"));
    let outputs = manifest["outputs"].as_array().unwrap();
    let of =
        |name: &str| outputs.iter().find(|file| file["name"] == name).unwrap()["sha256"].as_str().unwrap();
    if let Some(shown) = tool("capinfos", &["-H", "packets.pcapng"], &made.path) {
        assert!(shown.contains(of("packets.pcapng")), "{shown}");
    }
    if let Some(shown) = tool("sha256sum", &["-c", "SHA256SUMS"], &made.path) {
        assert_eq!(shown.lines().filter(|line| line.ends_with(": OK")).count(), 4, "{shown}");
    }
    if let Some(shown) =
        tool("tshark", &["-r", "packets.pcapng", "-T", "fields", "-e", "frame.comment"], &made.path)
    {
        assert_eq!(shown.lines().count() as u64, manifest["packets"]["kept"].as_u64().unwrap());
        assert!(shown.lines().all(|line| line.contains("finding 1 (deny, deny-1): ")), "{shown}");
    }
}

#[test]
fn the_same_input_gives_the_same_bytes_wherever_it_lies() {
    let capture = "zoom-beijing-keys.pcapng";
    let one = bundle(&["--deny", "CN", "--threads", "1", capture]);
    let absolute = samples().join(capture);
    let elsewhere = tempfile::tempdir().unwrap();
    let two = bundle_of(elsewhere.path(), &["--deny", "CN", "--threads", "3", absolute.to_str().unwrap()]);
    let (one, two) = (contents(&one.path), contents(&two.path));
    assert_eq!(one.keys().collect::<Vec<_>>(), FILES);
    assert!(one == two);
    let folder = samples();
    let is_in = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(folder.to_str().unwrap());
    assert!(!two.values().any(|bytes| is_in(bytes)));
}

#[test]
fn the_report_beside_a_bundle_is_the_one_without() {
    let arguments = ["--deny", "CN", "--format", "json", "zoom-beijing-keys.pcapng"];
    let made = bundle(&arguments);
    let without = run(&[&["inspect"], &arguments[..]].concat());
    assert_eq!((made.run.status, made.run.text()), (without.status, without.text()));
}

#[test]
fn any_changed_byte_is_found_and_named() {
    let made = bundle(&["--deny", "CN", "zoom-beijing-keys.pcapng"]);
    assert_eq!(verify(&made.path, &[]).status, 0);
    for name in FILES {
        let path = made.path.join(name);
        let bytes = fs::read(&path).unwrap();
        for place in [0, bytes.len() / 3, bytes.len() / 2, bytes.len() - 1] {
            for bit in [1, 0x80] {
                let mut changed = bytes.clone();
                changed[place] ^= bit;
                fs::write(&path, &changed).unwrap();
                let found = verify(&made.path, &[]);
                assert_eq!(found.status, 1, "{name} at {place}: {}", found.text());
                let told = found.text();
                assert!(
                    told.lines().any(|line| line.starts_with("DIFF") && line.contains(name)),
                    "{name}: {told}"
                );
            }
        }
        for cut in [&bytes[..bytes.len() - 1], &[]] {
            fs::write(&path, cut).unwrap();
            assert_eq!(verify(&made.path, &[]).status, 1, "{name} cut");
        }
        fs::write(&path, &bytes).unwrap();
    }
    assert_eq!(verify(&made.path, &[]).status, 0);
}

#[test]
fn what_is_missing_or_does_not_belong_is_named() {
    let made = bundle(&["--deny", "CN", "zoom-beijing-keys.pcapng"]);
    let further = made.path.join("further\u{1b}");
    fs::write(&further, "x").unwrap();
    let found = verify(&made.path, &[]);
    assert!(
        found.status == 1 && found.text().contains("'further\\u{1b}' does not belong"),
        "{}",
        found.text()
    );
    fs::remove_file(further).unwrap();
    for name in ["README.txt", "SHA256SUMS", "packets.pcapng", "report.json"] {
        let aside = made.path.with_extension(name);
        fs::rename(made.path.join(name), &aside).unwrap();
        let found = verify(&made.path, &[]);
        assert!(
            found.status == 1 && found.text().contains(&format!("{name} is not there")),
            "{}",
            found.text()
        );
        fs::rename(&aside, made.path.join(name)).unwrap();
    }
    fs::remove_file(made.path.join("manifest.json")).unwrap();
    assert_eq!(verify(&made.path, &[]).status, 2);
}

#[cfg(unix)]
#[test]
fn a_link_is_not_followed() {
    let made = bundle(&["--deny", "CN", "zoom-beijing-keys.pcapng"]);
    for name in FILES {
        let path = made.path.join(name);
        let bytes = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
        assert_ne!(verify(&made.path, &[]).status, 0, "{name}");
        fs::remove_file(&path).unwrap();
        fs::write(&path, bytes).unwrap();
    }
}

#[test]
fn with_the_captures_the_same_comes_out_again() {
    let capture = "zoom-beijing-keys.pcapng";
    let made = bundle(&["--deny", "CN", "--flows", "--evidence-packets", "2", "--home", "@us-ca", capture]);
    let found = verify(&made.path, &["--capture", capture]);
    assert!(found.status == 0 && found.text().contains("the same bytes"), "{}", found.text());
    let found = verify(&made.path, &["--capture", "ipv6-call.pcap"]);
    assert!(found.status == 1 && found.text().contains("is none of the captures"), "{}", found.text());
    assert!(found.text().contains("was not given"));
}

#[test]
fn a_bundle_that_was_written_anew_with_other_contents_does_not_come_out_again() {
    let made = bundle(&["--deny", "CN", "zoom-beijing-keys.pcapng"]);
    let other = bundle(&["--deny", "US", "zoom-beijing-keys.pcapng"]);
    // Every hash is right, and the rule is not the one that the settings have.
    let manifest = fs::read_to_string(other.path.join("manifest.json")).unwrap();
    let forged = manifest.replace("\"US\"", "\"CN\"");
    assert_ne!(manifest, forged);
    for name in ["README.txt", "packets.pcapng", "report.json"] {
        fs::copy(other.path.join(name), made.path.join(name)).unwrap();
    }
    fs::write(made.path.join("manifest.json"), &forged).unwrap();
    let sums = fs::read_to_string(other.path.join("SHA256SUMS")).unwrap();
    let hash = |bytes: &[u8]| {
        use sha2::Digest;
        use std::fmt::Write;
        sha2::Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").unwrap();
            text
        })
    };
    let sums = sums.replace(&hash(manifest.as_bytes()), &hash(forged.as_bytes()));
    fs::write(made.path.join("SHA256SUMS"), sums).unwrap();
    assert_eq!(verify(&made.path, &[]).status, 0);
    let found = verify(&made.path, &["--capture", "zoom-beijing-keys.pcapng"]);
    assert!(
        found.status == 1 && found.text().contains("report.json comes out otherwise"),
        "{}",
        found.text()
    );
}

#[test]
fn databases_are_known_by_their_hashes() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("list.csv");
    fs::write(&list, "52.81.0.0/16,US\n").unwrap();
    let services = folder.path().join("own.toml");
    fs::write(&services, "").unwrap();
    let list = list.to_str().unwrap();
    let services = services.to_str().unwrap();
    let capture = "zoom-beijing-keys.pcapng";
    let made = bundle(&["--deny", "CN", "--ranges", list, "--services", services, capture]);
    let found = verify(&made.path, &["--capture", capture]);
    assert_eq!(found.status, 2, "{}", found.text());
    assert!(found.text().contains("list.csv (sha256 ") && found.text().contains("name its file with --with"));
    let moved = folder.path().join("moved");
    fs::create_dir(&moved).unwrap();
    for (name, status) in [("another.csv", 2), ("list.csv", 0)] {
        let path = moved.join(name);
        fs::copy(list, &path).unwrap();
        let found =
            verify(&made.path, &["--capture", capture, "--with", services, "--with", path.to_str().unwrap()]);
        assert_eq!(found.status, status, "{}", found.text());
        assert_eq!(found.text().contains("has to be called list.csv"), status == 2);
        assert_eq!(found.text().contains("the same bytes"), status == 0);
    }
}

#[test]
fn policies_are_known_by_their_hashes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("own.toml");
    let carried = samples().join("../data/policies/no-mainland-china.toml");
    fs::copy(carried, &file).unwrap();
    let file = file.to_str().unwrap();
    let capture = "zoom-beijing-keys.pcapng";
    let made = bundle(&["--policy", file, capture]);
    assert!(
        !fs::read_to_string(made.path.join("manifest.json"))
            .unwrap()
            .contains(folder.path().to_str().unwrap())
    );
    let found = verify(&made.path, &["--capture", capture]);
    assert!(found.status == 2 && found.text().contains("own.toml (sha256 "), "{}", found.text());
    let found = verify(&made.path, &["--capture", capture, "--with", file]);
    assert!(found.status == 0 && found.text().contains("the same bytes"), "{}", found.text());
    let made = bundle(&["--policy", "@no-mainland-china", capture]);
    let found = verify(&made.path, &["--capture", capture]);
    assert!(found.status == 0 && found.text().contains("the same bytes"), "{}", found.text());
}

#[test]
fn what_cannot_be_done_is_said_before_the_work() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    let refused = run_with_input(&["inspect", "--evidence", path.to_str().unwrap(), "-"], b"");
    assert_eq!(refused.status, 2);
    assert!(refused.stderr.contains("'standard input' can be read only once"), "{}", refused.stderr);
    let refused = run(&["inspect", "--evidence", samples().to_str().unwrap(), "no-such-file"]);
    assert!(refused.status == 2 && refused.stderr.contains("is not empty"), "{}", refused.stderr);
    let refused = run(&["inspect", "--evidence", path.to_str().unwrap(), "no-such-file"]);
    assert_eq!(refused.status, 2);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    assert_eq!(run(&["inspect", "--evidence-packets", "3", "empty.pcap"]).status, 2);
    assert_eq!(run(&["inspect", "--key-file", "x", "empty.pcap"]).status, 2);
}

#[test]
fn a_damaged_or_empty_capture_has_its_bundle() {
    for (name, status) in [("cut-mid-packet.pcap", 2), ("empty.pcap", 0)] {
        let made = bundle(&["--deny", "CN", name]);
        assert_eq!(made.run.status, run(&["inspect", "--deny", "CN", name]).status);
        assert!(made.run.status == status || made.run.status == 1, "{name}");
        let found = verify(&made.path, &["--capture", name]);
        assert_eq!(found.status, 0, "{name}: {}", found.text());
        tool("tshark", &["-r", "packets.pcapng"], &made.path);
    }
}

#[test]
fn a_hostile_manifest_reaches_nothing() {
    let made = bundle(&["--deny", "CN", "zoom-beijing-keys.pcapng"]);
    let path = made.path.join("manifest.json");
    let text = fs::read_to_string(&path).unwrap();
    for (from, to) in [
        ("\"report.json\"", "\"../../../../etc/passwd\""),
        ("\"zoom-beijing-keys.pcapng\"", "\"/etc/passwd\""),
        ("\"schema_version\": \"1\"", "\"schema_version\": \"9\""),
        ("\"size\": ", "\"size\": -"),
    ] {
        assert!(text.contains(from));
        fs::write(&path, text.replace(from, to)).unwrap();
        let found = verify(&made.path, &["--capture", "zoom-beijing-keys.pcapng"]);
        assert!(
            found.status == 1 && found.text().contains("manifest.json is not understood"),
            "{}",
            found.text()
        );
        assert!(!found.text().contains("root:"));
    }
}
