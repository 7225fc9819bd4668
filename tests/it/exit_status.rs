//! Exit statuses, as `--help` has them.

use crate::program::run;

const DENIED: &str = "zoom-beijing-keys.pcapng";
const ALLOWED: &str = "zoom-home-region.pcapng";

#[test]
fn nothing_denied_is_0() {
    assert_eq!(run(&["inspect", ALLOWED]).status, 0);
    assert_eq!(run(&["inspect", "--deny", "CN", ALLOWED]).status, 0);
    assert_eq!(run(&["inspect", "--allow", "US", ALLOWED]).status, 0);
}

#[test]
fn something_denied_is_1() {
    assert_eq!(run(&["inspect", "--deny", "CN", DENIED]).status, 1);
    assert_eq!(run(&["inspect", "--deny", "US", ALLOWED]).status, 1);
    assert_eq!(run(&["inspect", "--allow", "US", DENIED]).status, 1);
}

#[test]
fn denied_comes_before_damaged() {
    assert_eq!(run(&["inspect", "--deny", "US", "cut-mid-packet.pcap"]).status, 1);
}

#[test]
fn a_damaged_capture_is_2_and_what_could_be_read_is_reported() {
    let run = run(&["inspect", "--format", "json", "cut-mid-packet.pcap"]);
    assert_eq!(run.status, 2);
    let report = run.json();
    assert!(report["coverage"]["packets"].as_u64().unwrap() > 100);
    assert!(report["inputs"][0]["damage"]["offset"].as_u64().unwrap() > 0);
    assert!(!report["endpoints"].as_array().unwrap().is_empty());
}

#[test]
fn what_cannot_be_done_is_2_and_says_why() {
    for (arguments, word) in [
        (&["inspect", "no-such-file.pcap"][..], "no-such-file.pcap"),
        (&["inspect", "README.md"], "README.md"),
        (&["inspect", "--deny", "ZZZ", ALLOWED], "ZZZ"),
        (&["inspect", "--db", "README.md", ALLOWED], "README.md"),
        (&["inspect", "--no-such-flag", ALLOWED], "--no-such-flag"),
        (&["inspect"], "FILE"),
    ] {
        let run = run(arguments);
        assert_eq!(run.status, 2, "{arguments:?}: {}", run.stderr);
        assert!(run.stdout.is_empty(), "{arguments:?}");
        assert!(run.stderr.contains(word), "{arguments:?}: {}", run.stderr);
    }
}

#[test]
fn something_indeterminate_is_3() {
    assert_eq!(run(&["inspect", "--deny", "CN", "dropped-frames.pcapng"]).status, 3);
}

#[test]
fn headers_alone_show_what_is_denied_and_allow_nothing() {
    let denied = run(&["inspect", "--headers-only", "--format", "json", "--deny", "CN", DENIED]);
    assert_eq!(denied.status, 1);
    let report = denied.json();
    assert_eq!(report["sessions"], serde_json::json!([]));
    assert!(!denied.text().contains("zoom.us"), "names stand in payloads");
    assert_eq!(report["findings"][0]["endpoint"], "52.81.151.250");
    let open = run(&["inspect", "--headers-only", "--deny", "CN", ALLOWED]);
    assert_eq!(open.status, 3);
    assert!(open.text().contains("Only headers were looked at"), "{}", open.text());
}

#[test]
fn help_has_the_exit_statuses() {
    for arguments in [&["--help"][..], &["inspect", "--help"]] {
        let run = run(arguments);
        assert_eq!(run.status, 0);
        let text = run.text();
        let (_, table) = text.split_once("Exit status").unwrap();
        for line in
            ["1  something is denied", "2  it could not be done", "3  nothing is denied", "0  everything"]
        {
            assert!(table.contains(line), "{line} is not in {table}");
        }
    }
}
