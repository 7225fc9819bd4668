//! Formats for programs: JSON lines, CSV, Parquet, Zeek, ECS.

use crate::hostile::{Seeded, altered};
use crate::program::{root, run, sample_names, samples};
use crate::tables::reports;
use landfall::capture::Progress;
use landfall::pipeline::{self, Request};
use landfall::report::{Format, Table};
use serde_json::Value;
use std::io::{self, Write};
use std::sync::Arc;

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

/// What a sender can put into a name, each with what gives it away.
const HOSTILE: [&str; 12] = [
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    "=cmd|' /C calc'!A0",
    "+1+1",
    "@SUM(A1)",
    "-2+3",
    "\u{1b}[31mred\u{1b}]0;title\u{7}",
    "line\nfeed\r\nand\ttab",
    "gpj.\u{202e}exe\u{2066}",
    "a,b;c|d\\e\"f'g",
    "#close\t(empty)",
    "\u{feff}\u{e0041}\u{2028}\0",
];

/// A report in which every text off the wire is hostile.
fn hostile_report() -> landfall::report::Report {
    let (_, mut report) = reports().find(|(name, _)| name == FALL_BACK).unwrap();
    let mut next = HOSTILE.iter().cycle().map(|text| (*text).to_owned());
    let mut change = |text: &mut String| *text = next.next().unwrap();
    for input in &mut report.inputs {
        change(&mut input.path);
    }
    for endpoint in &mut report.endpoints {
        endpoint.names.iter_mut().for_each(|name| change(&mut name.name));
        endpoint.mentioned.iter_mut().for_each(|mention| change(&mut mention.input));
        for against in &mut endpoint.location.contradictions {
            change(&mut against.reason);
        }
        if let Some(operator) = &mut endpoint.operator {
            let mut name = String::new();
            change(&mut name);
            operator.organization = Some(name.into());
        }
    }
    for flow in report.flows.iter_mut().flatten() {
        flow.names.iter_mut().for_each(|name| change(&mut name.name));
        flow.evidence.iter_mut().for_each(|evidence| change(&mut evidence.detail));
        if let Some(handshake) = &mut flow.handshake {
            handshake.alpn.iter_mut().chain(&mut handshake.alerts).for_each(&mut change);
        }
    }
    for session in &mut report.sessions {
        for endpoint in &mut session.endpoints {
            endpoint.names.iter_mut().for_each(|name| change(&mut name.name));
        }
        session.timeline.iter_mut().filter_map(|event| event.detail.as_mut()).for_each(&mut change);
    }
    for finding in &mut report.findings {
        change(&mut finding.reason);
        finding.first_packet.iter_mut().for_each(|packet| change(&mut packet.input));
    }
    report
}

/// Whether a terminal that is shown the character does nothing but show it.
fn is_harmless(character: char) -> bool {
    let invisible = ['\u{ad}', '\u{feff}', '\u{2028}', '\u{202e}', '\u{2066}', '\u{e0041}'];
    !character.is_control() && !invisible.contains(&character)
}

#[test]
fn no_text_format_obeys_what_a_name_says() {
    let report = hostile_report();
    for format in formats() {
        #[cfg(feature = "parquet")]
        if matches!(format, Format::Parquet(_)) {
            continue;
        }
        let text = String::from_utf8(report.render(format)).unwrap();
        let allowed: &[char] = match format {
            Format::Csv(_) => &['\r', '\n'],
            Format::Zeek => &['\t', '\n'],
            _ => &['\n'],
        };
        let bad = text.chars().find(|character| !is_harmless(*character) && !allowed.contains(character));
        assert_eq!(bad, None, "{format:?}");
    }
}

#[test]
fn no_row_or_line_is_more_than_one() {
    let (report, plain) = (hostile_report(), reports().find(|(name, _)| name == FALL_BACK).unwrap().1);
    for format in
        [Format::JsonLines, Format::Zeek, Format::Ecs].into_iter().chain(Table::ALL.map(Format::Csv))
    {
        let count = |report: &landfall::report::Report| {
            let text = String::from_utf8(report.render(format)).unwrap();
            (text.lines().count(), text.lines().filter(|line| line.starts_with('#')).count())
        };
        assert_eq!(count(&report), count(&plain), "{format:?}");
    }
}

#[test]
fn every_cell_of_zeek_has_its_field() {
    let text = String::from_utf8(hostile_report().render(Format::Zeek)).unwrap();
    let fields = text.lines().find_map(|line| line.strip_prefix("#fields\t")).unwrap().split('\t').count();
    let rows: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(!rows.is_empty());
    for row in rows {
        assert_eq!(row.split('\t').count(), fields, "{row}");
        assert!(row.split('\t').all(|cell| !cell.is_empty()), "{row}");
    }
}

#[test]
fn no_cell_is_a_formula() {
    let report = hostile_report();
    let mut marked = 0;
    for table in Table::ALL {
        let file = report.render(Format::Csv(table));
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(&*file);
        for row in reader.records() {
            for cell in &row.unwrap() {
                assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell}");
                marked += usize::from(cell.starts_with('\''));
            }
        }
    }
    assert!(marked > 5, "{marked}");
}

#[test]
fn what_json_says_is_what_was_there() {
    let report = hostile_report();
    let json: Value = serde_json::from_slice(&report.render(Format::Json)).unwrap();
    let records = lines(&String::from_utf8(report.render(Format::JsonLines)).unwrap());
    assert_eq!(Value::from(of_type(&records, "endpoint")), json["endpoints"]);
    let names: std::collections::BTreeSet<&str> =
        report.endpoints.iter().flat_map(|endpoint| &endpoint.names).map(|name| name.name.as_str()).collect();
    for (found, endpoint) in json["endpoints"].as_array().unwrap().iter().zip(&report.endpoints) {
        for (found, name) in found["names"].as_array().unwrap().iter().zip(&endpoint.names) {
            assert_eq!(found["name"], name.name);
        }
    }
    assert!(names.len() >= 8, "{names:?}");
}

#[test]
fn altered_captures_have_a_form_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let scratch = folder.path().join("capture");
    let mut seeded = Seeded(0x70_01);
    for name in sample_names() {
        let bytes = std::fs::read(samples().join(&name)).unwrap();
        std::fs::write(&scratch, altered(&bytes, &mut seeded)).unwrap();
        let request = Request { paths: vec![scratch.clone()], with_flows: true, ..Request::default() };
        let Ok(inspected) = pipeline::inspect(&request, &Arc::new(Progress::default())) else { continue };
        for format in formats() {
            let bytes = inspected.report.render(format);
            // Without a flow there is no document.
            assert!(!bytes.is_empty() || format == Format::Ecs, "{name}: {format:?}");
        }
    }
}

#[test]
fn the_fields_of_zeek_are_documented() {
    let documentation = std::fs::read_to_string(root().join("docs/formats.md")).unwrap();
    let text = run(&["inspect", "--format", "zeek", FALL_BACK]).text();
    let fields = text.lines().find_map(|line| line.strip_prefix("#fields\t")).unwrap();
    let types = text.lines().find_map(|line| line.strip_prefix("#types\t")).unwrap();
    assert_eq!(fields.split('\t').count(), types.split('\t').count());
    let known = ["ts", "id.orig_p", "id.resp_p", "proto", "duration", "ip_proto"];
    for field in fields.split('\t').filter(|field| !known.contains(field)) {
        assert!(documentation.contains(&format!("`{field}`")), "{field}");
    }
}
