//! Formats for programs: JSON lines, CSV, Parquet, Zeek, ECS.

use crate::program::{run, sample_names};
use crate::tables::reports;
use landfall::report::{Format, Table};
use serde_json::Value;
use std::io::{self, Write};

const FALL_BACK: &str = "zoom-beijing-keys.pcapng";

/// Every format, with every table.
fn formats() -> Vec<Format> {
    let mut formats =
        vec![Format::Table { colour: false }, Format::Json, Format::JsonLines, Format::Zeek, Format::Ecs];
    for table in Table::ALL {
        formats.push(Format::Csv(table));
        #[cfg(feature = "parquet")]
        formats.push(Format::Parquet(table));
    }
    formats
}

fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: {line}")))
        .collect()
}

/// The records of `kind`, without their kind.
fn of_type(records: &[Value], kind: &str) -> Vec<Value> {
    let found = records.iter().filter(|record| record["record"] == kind).cloned();
    let bare = found.map(|mut record| {
        record.as_object_mut().unwrap().remove("record");
        record
    });
    bare.collect()
}

#[test]
fn json_lines_are_the_report_in_pieces() {
    for name in sample_names() {
        let arguments = ["inspect", "--deny", "CN", "--flows", &name, "--format"];
        let report = run(&[&arguments[..], &["json"]].concat()).json();
        let records = lines(&run(&[&arguments[..], &["jsonl"]].concat()).text());
        for (kind, list) in [
            ("database", "databases"),
            ("input", "inputs"),
            ("endpoint", "endpoints"),
            ("flow", "flows"),
            ("session", "sessions"),
            ("finding", "findings"),
        ] {
            assert_eq!(Value::from(of_type(&records, kind)), report[list], "{name}: {kind}");
        }
        for kind in ["policy", "coverage"] {
            assert_eq!(of_type(&records, kind), [report[kind].clone()], "{name}: {kind}");
        }
        let (first, last) = (records.first().unwrap(), records.last().unwrap());
        for (record, keys) in
            [(first, &["schema_version", "tool"][..]), (last, &["verdict", "lacks", "outside"])]
        {
            for key in keys {
                assert_eq!(record[key], report[key], "{name}: {key}");
            }
        }
        assert_eq!((&first["record"], &last["record"]), (&"report".into(), &"summary".into()));
    }
}

#[test]
fn a_flow_names_its_call_and_the_verdict_on_its_far_end() {
    let report = run(&["inspect", "--deny", "CN", "--flows", "--format", "json", FALL_BACK]).json();
    let flows = report["flows"].as_array().unwrap();
    let denied: Vec<&Value> = flows.iter().filter(|flow| flow["verdict"] == "deny").collect();
    assert!(!denied.is_empty() && denied.iter().all(|flow| flow["server"]["address"] == "52.81.151.250"));
    for flow in flows {
        assert_eq!(flow["session"].is_null(), flow["verdict"].is_null(), "{flow}");
    }
    let all = ["inspect", "--deny", "CN", "--scope", "all", "--flows", "--format", "json", FALL_BACK];
    assert!(run(&all).json()["flows"].as_array().unwrap().iter().all(|flow| flow["verdict"].is_string()));
}

/// A pipe that its reader has closed after some bytes.
struct Closed(usize);

impl Write for Closed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0 == 0 {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let taken = bytes.len().min(self.0);
        self.0 -= taken;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_pipe_that_is_closed_on_the_way_is_known_as_such() {
    let (_, report) = reports().find(|(name, _)| name == FALL_BACK).unwrap();
    for format in formats() {
        let whole = report.render(format).len();
        for room in [0, whole / 2, whole - 1] {
            let error = report.write(format, &mut Closed(room)).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::BrokenPipe, "{format:?} after {room} bytes: {error}");
        }
        report.write(format, &mut Closed(whole)).unwrap();
    }
}

#[test]
fn a_table_is_chosen_where_there_are_tables_and_nowhere_else() {
    let missing = run(&["inspect", "--format", "csv", FALL_BACK]);
    assert_eq!((missing.status, missing.stdout.len()), (2, 0));
    assert!(
        missing.stderr.contains("choose --table endpoints, sessions, findings or flows"),
        "{}",
        missing.stderr
    );
    for format in ["table", "json", "jsonl", "zeek", "ecs"] {
        let refused = run(&["inspect", "--format", format, "--table", "flows", FALL_BACK]);
        assert_eq!((refused.status, refused.stdout.len()), (2, 0), "{format}");
        assert!(refused.stderr.contains("--table flows has no meaning"), "{}", refused.stderr);
    }
}
