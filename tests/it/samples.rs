//! The sample captures are what the repository's program makes, and show what their README says.

use crate::made;
use crate::program::{run, sample_names, samples};

#[test]
fn the_files_are_those_that_the_program_makes() {
    let made = made::all();
    for (name, bytes) in &made {
        let kept = std::fs::read(samples().join(name)).unwrap_or_default();
        assert!(kept == *bytes, "{name} differs from what `make samples` makes");
    }
    let names: Vec<&str> = made.iter().map(|(name, _)| *name).collect();
    assert_eq!(sample_names(), names, "files that no program makes, or the other way round");
}

/// A row of the table in `sample-captures/README.md`.
struct Row {
    file: String,
    command: String,
    verdict: String,
    exit_status: i32,
}

fn rows() -> Vec<Row> {
    let text = std::fs::read_to_string(samples().join("README.md")).unwrap();
    let cells = text.lines().filter(|line| line.starts_with("| `")).map(|line| {
        line.trim_matches('|')
            .split('|')
            .map(|cell| cell.trim().trim_matches('`').to_owned())
            .collect::<Vec<_>>()
    });
    cells
        .map(|row| match <[String; 5]>::try_from(row) {
            Ok([file, _, command, verdict, status]) => {
                Row { file, command, verdict, exit_status: status.parse().unwrap() }
            }
            Err(row) => panic!("a row of five cells: {row:?}"),
        })
        .collect()
}

#[test]
fn every_file_has_a_row() {
    let mut files: Vec<String> = rows().into_iter().map(|row| row.file).collect();
    files.sort();
    assert_eq!(files, sample_names());
}

#[test]
fn every_row_holds() {
    for row in rows() {
        let arguments: Vec<&str> = row.command.split(' ').skip(1).collect();
        let table = run(&arguments);
        assert_eq!(table.status, row.exit_status, "{}: {}{}", row.command, table.text(), table.stderr);
        let report = run(&[&arguments[..], &["--format", "json"]].concat()).json();
        assert_eq!(report["verdict"], row.verdict.as_str(), "{}", row.command);
    }
}
