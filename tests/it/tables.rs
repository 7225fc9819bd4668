//! Tables of the report: their cells are those of the JSON report, and every format has the same.

use crate::program::{is_update, root, sample_names, samples};
use landfall::capture::Progress;
use landfall::pipeline::{self, Request};
use landfall::report::tables::{Table, Value as Cell};
use landfall::report::{Format, ProcessReport, Report};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::sync::Arc;

/// Columns that are made of several places of the JSON report, or of none.
const MADE: [&str; 16] = [
    "client_confidence",
    "client_country",
    "client_operator_asn",
    "client_operator_organization",
    "client_scope",
    "endpoints_bytes",
    "endpoints_role",
    "sessions.bytes_received",
    "sessions.bytes_sent",
    "sessions.packets_received",
    "sessions.packets_sent",
    "server_confidence",
    "server_country",
    "server_operator_asn",
    "server_operator_organization",
    "server_scope",
];

pub fn reports() -> impl Iterator<Item = (String, Report)> {
    sample_names().into_iter().map(|name| {
        let request = Request {
            paths: vec![samples().join(&name)],
            deny: vec!["CN".to_owned()],
            with_flows: true,
            judge_all: true,
            ..Request::default()
        };
        (name, pipeline::inspect(&request, &Arc::new(Progress::default())).unwrap().report)
    })
}

pub fn rows(table: Table, report: &Report) -> Vec<Vec<Value>> {
    let mut rows = Vec::new();
    table
        .rows(report, &mut |row| {
            rows.push(row.iter().map(to_json).collect());
            Ok(())
        })
        .unwrap();
    rows
}

fn to_json(cell: &Cell<'_>) -> Value {
    match cell {
        Cell::Text(text) => json!(text),
        Cell::Count(count) => json!(count),
        Cell::Real(real) => json!(real),
        Cell::Flag(flag) => json!(flag),
        Cell::Time(time) => json!(time),
        Cell::Texts(texts) => json!(texts),
        Cell::Counts(counts) => json!(counts),
    }
}

/// What stands in the JSON report at the place that a column is named after.
fn at(object: &Value, name: &str) -> Option<Value> {
    let object = object.as_object()?;
    match object.get(name) {
        // Of what has a name, the name.
        Some(Value::Array(list)) if name == "names" => {
            return list.iter().map(|item| at(item, "name")).collect();
        }
        Some(value) => return Some(value.clone()),
        None => {}
    }
    object.iter().find_map(|(key, inner)| {
        let rest = name.strip_prefix(key.as_str())?.strip_prefix('_')?;
        match inner {
            Value::Null => Some(Value::Null),
            Value::Array(list) => {
                list.iter().map(|item| at(item, rest)).collect::<Option<Vec<_>>>().map(Value::from)
            }
            inner => at(inner, rest),
        }
    })
}

/// A list of what is not there is empty; what is true or false is a text in a list.
fn like(expected: Value, found: &Value) -> Value {
    match (expected, found) {
        (Value::Null, Value::Array(_)) => json!([]),
        (Value::Array(list), _) => list
            .into_iter()
            .map(|item| if let Value::Bool(flag) = item { json!(flag.to_string()) } else { item })
            .collect(),
        (other, _) => other,
    }
}

#[test]
fn a_cell_is_what_stands_in_json_at_the_place_its_column_is_named_after() {
    let mut compared = 0;
    for (capture, mut report) in reports() {
        add_programs(&mut report);
        let json: Value = serde_json::from_slice(&report.render(Format::Json)).unwrap();
        for table in Table::ALL {
            let objects = json[table.name()].as_array().unwrap();
            let rows = rows(table, &report);
            assert_eq!(rows.len(), objects.len(), "{capture}: {}", table.name());
            for (row, object) in rows.iter().zip(objects) {
                for (cell, column) in row.iter().zip(table.columns()) {
                    let full = format!("{}.{}", table.name(), column.name);
                    if MADE.contains(&column.name) || MADE.contains(&full.as_str()) {
                        continue;
                    }
                    let expected =
                        at(object, column.name).unwrap_or_else(|| panic!("{full} is not in {object}"));
                    assert_eq!(*cell, like(expected, cell), "{capture}: {full}");
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 5000, "{compared}");
}

/// As a live capture finds them.
fn add_programs(report: &mut Report) {
    let program = |pid| ProcessReport { name: "Web \u{1b}[2JContent".to_owned(), pid };
    for session in &mut report.sessions {
        session.processes = (1..7).map(program).collect();
    }
    for flow in report.flows.iter_mut().flatten() {
        flow.process = Some(program(7));
    }
}

#[test]
fn programs_are_named_wherever_calls_are_shown() {
    let (_, mut report) = reports().find(|(_, report)| !report.sessions.is_empty()).unwrap();
    add_programs(&mut report);
    let text = |format| String::from_utf8(report.render(format)).unwrap();
    let table = text(Format::Table { colour: false });
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    assert!(table.contains("      of the program Web \\u{1b}[2JContent (process 1), "), "{table}");
    assert!(table.contains("and 2 more processes\n"), "{table}");
    assert!(text(Format::Html).contains("(process 4), and 2 more processes.</p>"));
    let flow: Value = serde_json::from_str(text(Format::Ecs).lines().next().unwrap()).unwrap();
    assert_eq!(flow["process"]["pid"], 7);
}

/// The value of a column, by its name.
fn cell<'a>(table: Table, row: &'a [Value], name: &str) -> &'a Value {
    &row[table.columns().iter().position(|column| column.name == name).unwrap()]
}

#[test]
fn a_flow_has_the_places_of_its_two_ends() {
    let ends = ["scope", "country", "confidence", "operator_asn", "operator_organization"];
    for (capture, report) in reports() {
        let endpoints = rows(Table::Endpoints, &report);
        for flow in rows(Table::Flows, &report) {
            for side in ["client", "server"] {
                let address = cell(Table::Flows, &flow, &format!("{side}_address"));
                let end =
                    endpoints.iter().find(|end| cell(Table::Endpoints, end, "address") == address).unwrap();
                for what in ends {
                    let place = ["country", "confidence"].contains(&what);
                    let name = if place { format!("location_{what}") } else { what.to_owned() };
                    let found = cell(Table::Flows, &flow, &format!("{side}_{what}"));
                    assert_eq!(found, cell(Table::Endpoints, end, &name), "{capture}: {side}_{what}");
                }
            }
        }
    }
}

#[test]
fn a_call_has_the_sums_of_its_far_ends() {
    for (capture, report) in reports() {
        for (row, session) in rows(Table::Sessions, &report).iter().zip(&report.sessions) {
            let sum: u64 = session.endpoints.iter().map(|end| end.bytes_sent + end.bytes_received).sum();
            let number = |name| cell(Table::Sessions, row, name).as_u64().unwrap();
            assert_eq!(number("bytes_sent") + number("bytes_received"), sum, "{capture}");
            let each: u64 = cell(Table::Sessions, row, "endpoints_bytes")
                .as_array()
                .unwrap()
                .iter()
                .map(|bytes| bytes.as_u64().unwrap())
                .sum();
            assert_eq!(each, sum, "{capture}");
        }
    }
}

#[test]
fn comma_separated_values_read_back() {
    for (capture, report) in reports() {
        for table in Table::ALL {
            let file = report.render(Format::Csv(table));
            let mut reader = csv::Reader::from_reader(&*file);
            let expected: Vec<&str> = table.columns().iter().map(|column| column.name).collect();
            assert_eq!(reader.headers().unwrap().iter().collect::<Vec<_>>(), expected);
            let found: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
            let rows = rows(table, &report);
            assert_eq!(found.len(), rows.len());
            for (found, row) in found.iter().zip(&rows) {
                for ((found, cell), column) in found.iter().zip(row).zip(table.columns()) {
                    let expected = match cell {
                        Value::Null => String::new(),
                        Value::String(text) => text.clone(),
                        Value::Array(list) => list.iter().map(plain).collect::<Vec<_>>().join("|"),
                        other => other.to_string(),
                    };
                    let unmarked = found.strip_prefix('\'').unwrap_or(found);
                    assert_eq!(unmarked, expected, "{capture}: {}", column.name);
                }
            }
        }
    }
}

fn plain(element: &Value) -> String {
    element
        .as_str()
        .map_or_else(|| if element.is_null() { String::new() } else { element.to_string() }, str::to_owned)
}

/// The columns of every table, as the documentation has them.
fn documented() -> String {
    let mut text = String::new();
    for table in Table::ALL {
        writeln!(text, "\n### {}\n\n| column | kind | what |\n|---|---|---|", table.name()).unwrap();
        for column in table.columns() {
            writeln!(text, "| `{}` | {} | {} |", column.name, column.kind.name(), column.about).unwrap();
        }
    }
    text + "\n"
}

#[test]
fn the_columns_are_documented() {
    let path = root().join("docs/formats.md");
    let kept = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = kept.split_once("<!-- columns -->\n").unwrap();
    let (columns, after) = rest.split_once("<!-- end of columns -->\n").unwrap();
    if is_update() {
        let made = format!("{before}<!-- columns -->\n{}<!-- end of columns -->\n{after}", documented());
        std::fs::write(path, made).unwrap();
        return;
    }
    assert!(
        columns == documented(),
        "UPDATE_GOLDEN=1 cargo test --test it tables writes {} again",
        path.display()
    );
}

#[cfg(feature = "parquet")]
mod parquet {
    use super::*;
    use ::parquet::file::reader::{FileReader, SerializedFileReader};
    use ::parquet::record::Field;
    use landfall::report::parquet::{ExtraColumn, Writer};
    use landfall::report::tables::Kind;
    use std::io::Write as _;

    fn to_json(field: &Field) -> Value {
        match field {
            Field::Null => Value::Null,
            Field::Bool(flag) => json!(flag),
            Field::Long(number) => json!(number),
            Field::Double(real) => json!(real),
            Field::Str(text) => json!(text),
            Field::TimestampMicros(micros) => json!(micros),
            Field::ListInternal(list) => list.elements().iter().map(to_json).collect(),
            other => panic!("unexpected {other:?}"),
        }
    }

    fn read(bytes: &[u8]) -> (Vec<String>, Vec<Vec<Value>>) {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        let reader = SerializedFileReader::new(file).unwrap();
        let fields = reader.metadata().file_metadata().schema().get_fields().to_vec();
        let names = fields.iter().map(|field| field.name().to_owned()).collect();
        let rows = reader.get_row_iter(None).unwrap();
        (
            names,
            rows.map(|row| row.unwrap().get_column_iter().map(|(_, field)| to_json(field)).collect())
                .collect(),
        )
    }

    #[test]
    fn it_reads_back_as_it_was_written() {
        for (capture, report) in reports() {
            for table in Table::ALL {
                let file = report.render(Format::Parquet(table));
                assert!(file == report.render(Format::Parquet(table)), "{capture}: not the same bytes again");
                let (names, found) = read(&file);
                let expected: Vec<&str> = table.columns().iter().map(|column| column.name).collect();
                assert_eq!(names, expected);
                let rows = rows(table, &report);
                assert_eq!(found.len(), rows.len());
                for (found, row) in found.iter().zip(&rows) {
                    for ((found, cell), column) in found.iter().zip(row).zip(table.columns()) {
                        let cell = match (column.kind, cell) {
                            (Kind::Time, Value::String(time)) => {
                                json!(time.parse::<jiff::Timestamp>().unwrap().as_microsecond())
                            }
                            _ => cell.clone(),
                        };
                        assert_eq!(*found, cell, "{capture}: {}", column.name);
                    }
                }
            }
        }
    }

    #[test]
    fn a_group_of_rows_is_bounded() {
        const ROWS: usize = 1 << 16;
        let (_, report) = reports().find(|(_, report)| report.flows.as_ref().unwrap().len() > 20).unwrap();
        let mut file = tempfile::tempfile().unwrap();
        let mut writer = Writer::new(file.try_clone().unwrap(), Table::Flows, &[]).unwrap();
        let one = rows(Table::Flows, &report);
        let times = ROWS / one.len() + 1;
        for _ in 0..times {
            writer.append(&report, &[]).unwrap();
        }
        writer.finish().unwrap();
        file.flush().unwrap();
        let reader = SerializedFileReader::new(file).unwrap();
        let groups = reader.metadata().row_groups().iter();
        let rows: Vec<usize> = groups.map(|group| usize::try_from(group.num_rows()).unwrap()).collect();
        assert_eq!(rows.iter().sum::<usize>(), times * one.len());
        assert!(rows.len() == 2 && rows[0] <= ROWS && rows[0] > ROWS / 2, "{rows:?}");
    }

    #[test]
    fn an_extra_column_needs_a_value() {
        let extra = ExtraColumn { name: "campaign".to_owned(), kind: Kind::Text };
        let mut writer = Writer::new(Vec::new(), Table::Flows, &[extra]).unwrap();
        let (_, report) = reports().next().unwrap();
        assert!(writer.append(&report, &[]).is_err());
    }

    #[test]
    fn reports_of_a_campaign_go_into_one_file_with_columns_of_their_own() {
        let extra = ExtraColumn { name: "campaign".to_owned(), kind: Kind::Text };
        let mut file = Vec::new();
        let mut writer = Writer::new(&mut file, Table::Endpoints, std::slice::from_ref(&extra)).unwrap();
        let mut expected = 0;
        for (capture, report) in reports() {
            expected += report.endpoints.len();
            writer.append(&report, &[Cell::Text(Some(capture.into()))]).unwrap();
        }
        writer.finish().unwrap();
        let (names, rows) = read(&file);
        assert_eq!((names[0].as_str(), rows.len()), ("campaign", expected));
        assert!(rows.iter().any(|row| row[0] == "zoom-beijing-keys.pcapng" && row[1] == "52.81.151.250"));
    }
}
