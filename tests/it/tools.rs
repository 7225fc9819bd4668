//! Formats for programs: JSON lines, CSV, Parquet, Zeek, ECS.

use crate::program::{run, sample_names};
use serde_json::Value;

const FALL_BACK: &str = "zoom-beijing-keys.pcapng";

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
