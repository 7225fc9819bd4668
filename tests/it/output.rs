//! Where the result goes, and what it may not hold.

use crate::program::{command, run, run_in, sample_names, samples};
use crate::real_captures::captures;
use std::process::Stdio;

#[test]
fn a_closed_pipe_is_success() {
    for format in ["table", "json"] {
        let arguments = ["inspect", "--flows", "--format", format, "zoom-home-region.pcapng"];
        let mut child =
            command(&samples(), &arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn what_is_not_a_terminal_gets_no_escape_codes() {
    for name in sample_names() {
        let run = run(&["inspect", "--deny", "CN", &name]);
        assert!(!run.stdout.contains(&0x1b), "{name}");
        assert!(!run.stderr.contains('\u{1b}'), "{name}");
    }
}

#[test]
fn no_color_is_obeyed_even_where_colour_is_forced() {
    let arguments = ["inspect", "--deny", "CN", "zoom-beijing-keys.pcapng"];
    let output = command(&samples(), &arguments).env("NO_COLOR", "1").output().unwrap();
    assert!(!output.stdout.contains(&0x1b));
}

#[test]
fn what_is_not_the_report_goes_to_standard_error() {
    // The folder holds a file that is no capture.
    let run = run(&["inspect", "--format", "json", "."]);
    assert_eq!(run.json()["inputs"].as_array().unwrap().len(), sample_names().len());
    assert!(run.stderr.contains("README.md"), "{}", run.stderr);
}

#[test]
fn output_writes_the_report_into_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let capture = samples().join("zoom-home-region.pcapng");
    let capture = capture.to_str().unwrap();
    let expected = run_in(folder.path(), &["inspect", "--format", "json", capture]);
    let run = run_in(folder.path(), &["inspect", "--format", "json", "--output", "report.json", capture]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert!(run.stdout.is_empty());
    assert!(std::fs::read(folder.path().join("report.json")).unwrap() == expected.stdout);
}

/// What cannot be broken, an address or a path, may stand alone in a line that is longer.
pub fn fits(line: &str) -> bool {
    line.chars().count() <= 80 || !line.trim().contains(' ')
}

#[test]
fn a_table_fits_a_narrow_terminal() {
    let made = sample_names().into_iter().map(|name| samples().join(name));
    for path in made.chain(captures()) {
        // What is denied is told at length.
        let path = path.to_str().unwrap();
        for options in [&["--deny", "CN"][..], &["--allow", "SE", "--scope", "all"]] {
            let run = run(&[&["inspect"], options, &[path]].concat());
            for line in run.text().lines() {
                assert!(fits(line), "{path}: {line}");
            }
        }
    }
}
