//! Whole reports of the sample captures, kept in `tests/golden/` and read like code.
//! `UPDATE_GOLDEN=1 cargo test --test it` writes them again.

use crate::program::{is_update, root, run, sample_names};

pub fn compare(name: &str, found: &[u8]) {
    let path = root().join("tests/golden").join(name);
    if is_update() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, found).unwrap();
        return;
    }
    let kept = std::fs::read(&path).unwrap_or_default();
    if kept == found {
        return;
    }
    let (kept, found) = (String::from_utf8_lossy(&kept), String::from_utf8_lossy(found));
    let line = kept.lines().zip(found.lines()).take_while(|(kept, found)| kept == found).count();
    let at = |text: &str| text.lines().skip(line).take(3).collect::<Vec<_>>().join("\n");
    panic!("{name} differs from line {} on:\n{}\nis now:\n{}", line + 1, at(&kept), at(&found));
}

#[test]
fn reports_of_samples_are_as_kept() {
    for name in sample_names() {
        let arguments = ["inspect", "--deny", "CN", &name];
        compare(&format!("{name}.txt"), &run(&arguments).stdout);
        compare(&format!("{name}.json"), &run(&[&arguments[..], &["--format", "json"]].concat()).stdout);
    }
}

#[test]
fn the_flows_of_the_fall_back_are_as_kept() {
    let arguments = ["inspect", "--deny", "CN", "--flows", "--format", "json", "zoom-beijing-keys.pcapng"];
    compare("zoom-beijing-keys.flows.json", &run(&arguments).stdout);
}

#[test]
fn the_fall_back_in_formats_for_programs_is_as_kept() {
    for (name, format) in [
        ("zoom-beijing-keys.conn.log", &["zeek"][..]),
        ("zoom-beijing-keys.ecs.jsonl", &["ecs"]),
        ("zoom-beijing-keys.endpoints.csv", &["csv", "--table", "endpoints"]),
        ("zoom-beijing-keys.findings.csv", &["csv", "--table", "findings"]),
        ("zoom-beijing-keys.sessions.csv", &["csv", "--table", "sessions"]),
    ] {
        let arguments =
            [&["inspect", "--deny", "CN", "zoom-beijing-keys.pcapng", "--format"], format].concat();
        compare(name, &run(&arguments).stdout);
    }
}

#[test]
fn every_kept_report_has_its_sample() {
    let names = sample_names();
    for entry in std::fs::read_dir(root().join("tests/golden")).unwrap() {
        let entry = entry.unwrap();
        if entry.path().is_dir() {
            continue;
        }
        let file = entry.file_name().into_string().unwrap();
        let stem = file.split_once(".pcap").map_or_else(|| file.split('.').next().unwrap(), |(stem, _)| stem);
        assert!(names.iter().any(|name| name.starts_with(stem)), "no sample for {file}");
    }
}
