//! `landfall corpus`: what is found does not depend on how the work was shared out, or how often it was begun.

use crate::program::{self, command, sample_names, samples};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

fn landfall(folder: &Path, arguments: &[&str]) -> program::Run {
    program::run_in(folder, arguments)
}

/// A corpus of the sample captures, several of them twice, one damaged, and what is no capture.
fn corpus() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in sample_names() {
        fs::create_dir_all(folder.path().join("in/again")).unwrap();
        fs::copy(samples().join(&name), folder.path().join("in").join(&name)).unwrap();
        fs::copy(samples().join(&name), folder.path().join("in/again").join(&name)).unwrap();
    }
    fs::write(folder.path().join("in/notes.txt"), "no capture").unwrap();
    folder
}

/// Every file below a folder and what is in it.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_owned();
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    found
}

#[test]
fn parts_of_a_corpus_make_the_same_files_as_one_run() {
    let folder = corpus();
    let once = landfall(folder.path(), &["corpus", "run", "in", "--out", "once", "--deny", "CN", "--flows"]);
    assert_eq!(once.status, 2, "{}", once.stderr);
    assert!(once.stderr.contains("cut-mid-packet.pcap: "), "{}", once.stderr);
    assert!(once.text().contains("1 file left out"), "{}", once.text());
    for part in ["1/3", "2/3", "3/3"] {
        let more = ["--deny", "CN", "--flows", "--jobs", "1"];
        landfall(
            folder.path(),
            &[&["corpus", "run", "in", "--out", "parts", "--shard", part], &more[..]].concat(),
        );
    }
    let (once, parts) = (contents(&folder.path().join("once")), contents(&folder.path().join("parts")));
    assert!(once.len() > 5 * sample_names().len());
    assert!(once == parts, "{:?}", once.keys().zip(parts.keys()).find(|(one, other)| one != other));
    assert!(once.keys().all(|path| !path.to_string_lossy().contains(".part")));
}

#[test]
fn a_run_that_was_killed_goes_on() {
    let folder = corpus();
    let arguments = ["corpus", "run", "in", "--out", "out", "--jobs", "1"];
    let mut child =
        command(folder.path(), &arguments).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    let records = folder.path().join("out/campaigns");
    while !fs::read_dir(&records).is_ok_and(|entries| entries.count() > 2) {
        if child.try_wait().unwrap().is_some() {
            break;
        }
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let done = fs::read_dir(&records).unwrap().count();
    let rest = landfall(folder.path(), &arguments);
    assert!(rest.text().contains("of all by an earlier run"), "{done} done: {}", rest.text());
    landfall(folder.path(), &["corpus", "run", "in", "--out", "whole"]);
    let whole = |name: &str| {
        let mut files = contents(&folder.path().join(name));
        // What was being written when the process was killed is under another name, and nobody's.
        files.retain(|path, _| path.extension().is_none_or(|ending| ending != "part"));
        files
    };
    assert!(whole("out") == whole("whole"));
}

#[test]
fn results_of_two_policies_are_kept_apart() {
    let folder = corpus();
    let run = |deny| landfall(folder.path(), &["corpus", "run", "in", "--out", "out", "--deny", deny]);
    run("CN");
    let other = run("HK");
    assert_eq!(other.status, 2);
    assert!(other.stderr.contains("results made with another policy"), "{}", other.stderr);
}

#[test]
fn verify_names_what_is_missing_changed_or_gone() {
    let folder = corpus();
    landfall(folder.path(), &["corpus", "run", "in", "--out", "out"]);
    let verify = || landfall(folder.path(), &["corpus", "verify", "out", "--corpus", "in"]);
    assert_eq!(verify().status, 0, "{}", verify().stderr);

    let part = fs::read_dir(folder.path().join("out/sessions")).unwrap().next().unwrap().unwrap().path();
    let mut bytes = fs::read(&part).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&part, bytes).unwrap();
    fs::copy(samples().join("ipv6-call.pcap"), folder.path().join("in/added.pcap")).unwrap();
    fs::remove_file(folder.path().join("in/meet-region.pcap")).unwrap();
    fs::copy(samples().join("ipv6-call.pcap"), folder.path().join("in/qinq-vlan.pcap")).unwrap();
    let found = verify();
    assert_eq!(found.status, 2);
    for words in [
        "its part of sessions is not what it was",
        "added.pcap: missing",
        "meet-region.pcap: the corpus has no such campaign",
        "qinq-vlan.pcap: 'in/qinq-vlan.pcap' is not what was inspected",
    ] {
        assert!(found.stderr.contains(words), "{words}: {}", found.stderr);
    }
    assert!(found.text().contains("4 faults"), "{}", found.text());
}

#[test]
fn rows_of_a_campaign_are_those_of_the_tables() {
    let folder = corpus();
    landfall(folder.path(), &["corpus", "run", "in", "--out", "out", "--deny", "CN"]);
    let list = landfall(folder.path(), &["corpus", "list", "in"]).text();
    let schema = landfall(folder.path(), &["corpus", "schema"]).json();
    for campaign in list.lines() {
        let mut child = command(folder.path(), &["corpus", "rows", "--deny", "CN"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(campaign.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let lines: Vec<serde_json::Value> = String::from_utf8(output.stdout)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let (record, rows) = lines.split_last().unwrap();
        assert_eq!(record["table"], "campaigns");
        let name = record["row"]["campaign"].as_str().unwrap();
        let records = contents(&folder.path().join("out/campaigns"));
        let made: serde_json::Value = records
            .values()
            .map(|bytes| serde_json::from_slice(bytes).unwrap())
            .find(|made: &serde_json::Value| made["campaign"] == name)
            .unwrap();
        for field in ["settings", "status", "reason", "inputs"] {
            assert_eq!(record["row"][field], made[field], "{name} {field}");
        }
        for table in ["sessions", "endpoints", "findings"] {
            let of_table = rows.iter().filter(|line| line["table"] == table);
            let expected = made["parts"][table]["rows"].as_u64().unwrap_or_default();
            assert_eq!(of_table.clone().count() as u64, expected, "{name} {table}");
            for line in of_table {
                let columns = schema[table].as_array().unwrap();
                assert_eq!(line["row"].as_object().unwrap().len(), columns.len());
                assert!(
                    columns.iter().all(|column| line["row"].get(column["name"].as_str().unwrap()).is_some())
                );
            }
        }
    }
}

#[test]
fn rotated_files_of_a_campaign_are_one_capture() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = format!(
        "[[campaign]]\nname = \"both\"\nfiles = [{:?}, {:?}]\nvantage = \"US\"\nlabels = {{ network = \"home\" }}\n",
        samples().join("zoom-home-region.pcapng"),
        samples().join("zoom-healthy-primary.pcapng")
    );
    fs::write(folder.path().join("corpus.toml"), manifest).unwrap();
    let run = landfall(folder.path(), &["corpus", "run", "corpus.toml", "--out", "out"]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let report = landfall(folder.path(), &["corpus", "report", "out"]);
    assert!(report.text().starts_with("2 calls in 1 campaign\n"), "{}", report.text());
    let csv = landfall(
        folder.path(),
        &["corpus", "report", "out", "--format", "csv", "--table", "countries-by-day"],
    );
    assert!(csv.text().contains(",US,zoom,"), "{}", csv.text());
    let unknown = landfall(folder.path(), &["corpus", "report", "out", "--format", "csv", "--table", "x"]);
    assert_eq!(unknown.status, 2);
    assert!(unknown.stderr.contains("servers-moved"), "{}", unknown.stderr);
}

#[test]
fn a_manifest_is_refused_with_its_mistake() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("corpus.toml"), "[[campaign]]\nname = 'a'\nfiles = ['*.pcap']\n").unwrap();
    let run = landfall(folder.path(), &["corpus", "run", "corpus.toml", "--out", "out"]);
    assert_eq!(run.status, 2);
    assert!(run.stderr.contains("'corpus.toml', campaign \"a\": no file is '*.pcap'"), "{}", run.stderr);
    assert!(!folder.path().join("out").exists());
}

/// What a run over `in` says.
fn run(folder: &Path, more: &[&str]) -> String {
    let run = landfall(folder, &[&["corpus", "run", "in", "--out", "out"], more].concat());
    format!("{}{}", run.stderr, run.text())
}

#[test]
fn what_has_changed_or_failed_is_inspected_again_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let (input, out) = (folder.path().join("in"), folder.path().join("out"));
    fs::create_dir(&input).unwrap();
    for name in ["meet-region.pcap", "qinq-vlan.pcap"] {
        fs::copy(samples().join(name), input.join(name)).unwrap();
    }
    assert!(run(folder.path(), &[]).ends_with("2 campaigns: 2 read to the end, 0 damaged, 0 failed\n"));

    // A capture that has grown, as one that was being written.
    fs::copy(samples().join("zoom-home-region.pcapng"), input.join("meet-region.pcap")).unwrap();
    let again = run(folder.path(), &[]);
    assert!(again.contains("1 of all by an earlier run; 1 inspected again"), "{again}");

    // A part of a table that is gone, and a record that a power failure has emptied.
    fs::remove_file(fs::read_dir(out.join("sessions")).unwrap().next().unwrap().unwrap().path()).unwrap();
    assert!(run(folder.path(), &[]).contains("1 of all by an earlier run; 1 inspected again"));
    let record = fs::read_dir(out.join("campaigns")).unwrap().next().unwrap().unwrap().path();
    fs::write(&record, b"").unwrap();
    let verified = landfall(folder.path(), &["corpus", "verify", "out"]);
    assert!(verified.stderr.contains("landfall corpus run makes it again"), "{}", verified.stderr);
    assert!(run(folder.path(), &[]).ends_with("1 of all by an earlier run\n"));

    // What is no capture is left out, until it is one; rows of what is none any more do not stay.
    fs::write(input.join("late.pcap"), b"").unwrap();
    assert!(run(folder.path(), &[]).contains("1 file left out"));
    fs::copy(samples().join("ipv6-call.pcap"), input.join("late.pcap")).unwrap();
    fs::write(input.join("qinq-vlan.pcap"), b"no capture").unwrap();
    let last = run(folder.path(), &[]);
    assert!(last.contains("2 campaigns: 2 read to the end") && last.contains("1 file left out"), "{last}");
    assert_eq!(fs::read_dir(out.join("sessions")).unwrap().count(), 2);
    assert!(run(folder.path(), &[]).contains("2 of all by an earlier run\n"));
}

#[test]
fn a_file_that_is_no_capture_does_not_lose_the_others_of_its_campaign() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("in")).unwrap();
    fs::copy(samples().join("meet-region.pcap"), folder.path().join("in/a.pcap")).unwrap();
    fs::write(folder.path().join("in/b.pcap"), b"").unwrap();
    let manifest = "[[campaign]]\nname = 'one'\nfiles = ['in/*.pcap']\n[[campaign]]\nname = 'two'\nfiles = ['in/a.pcap']\n";
    fs::write(folder.path().join("c.toml"), manifest).unwrap();
    let corpus = |what: &[&str]| landfall(folder.path(), &[&["corpus"], what].concat());
    let run = corpus(&["run", "c.toml", "--out", "out"]);
    assert_eq!(run.status, 2);
    for words in [
        "'in/a.pcap' is part of both \"one\" and \"two\": its calls are counted twice",
        "one: 'in/b.pcap' is empty",
    ] {
        assert!(run.stderr.contains(words), "{words}: {}", run.stderr);
    }
    assert!(run.text().starts_with("2 campaigns: 1 read to the end, 1 damaged"), "{}", run.text());
    let verified = corpus(&["verify", "out", "--corpus", "c.toml"]);
    assert_eq!(verified.status, 0, "{}", verified.stderr);
    let report = corpus(&["report", "out"]);
    assert!(report.stderr.contains("one: only in part in the tables"), "{}", report.stderr);
    assert!(report.stderr.contains("one: has a capture that another campaign has too"), "{}", report.stderr);

    // The manifest says another thing of a campaign.
    fs::write(folder.path().join("c.toml"), format!("{manifest}labels = {{ region = 'IT' }}\n")).unwrap();
    let verified = corpus(&["verify", "out", "--corpus", "c.toml"]);
    assert!(
        verified.stderr.contains("two: the corpus says another vantage, home or labels"),
        "{}",
        verified.stderr
    );
    let run = corpus(&["run", "c.toml", "--out", "out"]);
    assert!(run.text().contains("1 of all by an earlier run; 1 inspected again"), "{}", run.text());
    let report = corpus(&["report", "out", "--format", "csv", "--table", "countries-by-region"]);
    assert!(report.text().contains("IT,meet,US,any,"), "{}", report.text());
}

#[test]
fn verify_says_which_policy_and_databases_made_results() {
    let folder = corpus();
    landfall(folder.path(), &["corpus", "run", "in", "--out", "out", "--deny", "CN"]);
    let verify = |more: &[&str]| landfall(folder.path(), &[&["corpus", "verify", "out"], more].concat());
    assert_eq!(verify(&[]).status, 0);
    assert!(verify(&[]).text().starts_with("policy: deny CN\ndatabases: "), "{}", verify(&[]).text());
    assert_eq!(verify(&["--deny", "CN"]).status, 0);
    let other = verify(&["--deny", "HK", "--no-default-db"]);
    assert_eq!(other.status, 2);
    assert!(other.stderr.contains("made with policy 'deny CN', not 'deny HK'"), "{}", other.stderr);
    assert!(other.stderr.contains(", not 'none'"), "{}", other.stderr);
    let settings = folder.path().join("out/settings.json");
    let text = fs::read_to_string(&settings).unwrap();
    fs::write(settings, text.replace(env!("CARGO_PKG_VERSION"), "0.0.1")).unwrap();
    let old = verify(&[]);
    assert!(old.stderr.contains("made with landfall 0.0.1, and this is"), "{}", old.stderr);
}

#[cfg(unix)]
#[test]
fn one_run_at_a_time_works_in_a_folder() {
    let folder = corpus();
    fs::create_dir(folder.path().join("out")).unwrap();
    let lock = fs::File::create(folder.path().join("out/run.lock")).unwrap();
    lock.lock().unwrap();
    let refused = run(folder.path(), &[]);
    assert!(refused.contains("another run is at work in 'out'"), "{refused}");
    lock.unlock().unwrap();
    // Parts of a corpus may be at work at once.
    lock.lock_shared().unwrap();
    assert!(run(folder.path(), &[]).contains("another run is at work"));
    assert!(!run(folder.path(), &["--shard", "1/2"]).contains("another run is at work"));
}

#[cfg(unix)]
#[test]
fn what_is_no_file_in_a_folder_is_told_and_waits_for_nobody() {
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("in");
    fs::create_dir(&input).unwrap();
    fs::copy(samples().join("meet-region.pcap"), input.join("a.pcap")).unwrap();
    let name = std::ffi::OsStr::from_bytes(b"not\xfftext.pcap");
    if fs::copy(samples().join("qinq-vlan.pcap"), input.join(name)).is_err() {
        println!("skipped: names of files are texts here");
        return;
    }
    std::os::unix::fs::symlink(".", input.join("circle")).unwrap();
    std::os::unix::fs::symlink("nowhere", input.join("dangling")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(input.join("pipe")).status();
    let all = run(folder.path(), &[]);
    assert!(
        all.contains("'in/circle' is a link to a folder") && all.contains("'in/dangling' is no file"),
        "{all}"
    );
    assert!(!made.is_ok_and(|status| status.success()) || all.contains("'in/pipe' is no file"), "{all}");
    assert!(all.ends_with("2 campaigns: 2 read to the end, 0 damaged, 0 failed\n"), "{all}");
    let list = landfall(folder.path(), &["corpus", "list", "in"]);
    assert_eq!((list.status, list.text().as_str()), (2, ""));
    assert!(list.stderr.contains("is no text"), "{}", list.stderr);
    // Results do not become captures of the next run.
    landfall(folder.path(), &["corpus", "run", "in", "--out", "in/results"]);
    let second = landfall(folder.path(), &["corpus", "run", "in", "--out", "in/results"]);
    assert!(second.text().contains("2 of all by an earlier run\n"), "{}", second.text());
}

#[test]
fn a_page_of_results_says_what_they_rest_on() {
    let folder = corpus();
    landfall(folder.path(), &["corpus", "run", "in", "--out", "out", "--deny", "CN"]);
    let page = landfall(folder.path(), &["corpus", "report", "out", "--format", "html"]).text();
    for words in
        ["<h1>", "deny CN", "dbip-country-lite of", "damaged: what stands before", "countries-by-region"]
    {
        assert!(page.contains(words), "{words}");
    }
}
