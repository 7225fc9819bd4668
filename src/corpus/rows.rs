//! One campaign at a time, as JSON lines, for engines that share a corpus out among many machines.

use super::engine::{Engines, Failure};
use super::parts::{extra_columns, extra_values, tables};
use super::record::{Record, Settings};
use super::{Campaign, Corpus, Watch};
use crate::pipeline::Request;
use crate::report::tables::{Table, Value};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use std::io::{self, Write};
use std::num::NonZeroUsize;

/// Writes the campaigns of `corpus`, one JSON object a line.
pub fn list(corpus: &Corpus, out: &mut dyn Write) -> io::Result<()> {
    let files = corpus.campaigns.iter().flat_map(|campaign| &campaign.files);
    if let Some(file) = files.map(|file| &file.path).find(|path| path.to_str().is_none()) {
        let name = file.display();
        return Err(io::Error::other(format!(
            "the name of '{name}' is no text, and JSON has no other: rename it"
        )));
    }
    corpus.campaigns.iter().try_for_each(|campaign| line(out, campaign))
}

/// Writes the columns of every table: `{"sessions": [{"name", "kind"}, ...], ...}`. Times are microseconds since 1970.
pub fn schema(out: &mut dyn Write) -> io::Result<()> {
    let columns = |table: Table| {
        let extra = extra_columns().into_iter().map(|column| (column.name, column.kind));
        let own = table.columns().into_iter().map(|column| (column.name.to_owned(), column.kind));
        let column = |(name, kind): (String, crate::report::tables::Kind)| serde_json::json!({"name": name, "kind": kind.name()});
        (table.name().to_owned(), extra.chain(own).map(column).collect())
    };
    let tables: serde_json::Map<String, serde_json::Value> = Table::ALL.into_iter().map(columns).collect();
    serde_json::to_writer_pretty(&mut *out, &tables)?;
    out.write_all(b"\n")
}

/// Writes the settings, and the name under which records refer to them.
pub fn settings(settings: &Settings, out: &mut dyn Write) -> io::Result<()> {
    line(out, &serde_json::json!({"id": settings.id(), "settings": settings}))
}

/// Inspects `campaign` and writes its rows, and last a record of what came of it.
pub fn rows(
    campaign: &Campaign,
    request: &Request,
    settings: &Settings,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut record = Record::new(campaign, settings);
    let report = match campaign.check() {
        Ok(()) => Engines::new(request, NonZeroUsize::MIN).inspect(campaign, &Watch::default(), 0),
        Err(reason) => Err(Failure { status: record.status, reason }),
    };
    match report {
        Ok(inspected) => {
            record.describe(&inspected);
            let report = inspected.report;
            let extra = extra_values(campaign, &report);
            let names: Vec<String> = extra_columns().into_iter().map(|column| column.name).collect();
            for table in tables(&report) {
                let own = table.columns();
                let names: Vec<&str> =
                    names.iter().map(String::as_str).chain(own.iter().map(|column| column.name)).collect();
                table.rows(&report, &mut |row| {
                    let cells = Cells { names: &names, values: [&extra, row] };
                    line(out, &Line { table: table.name(), row: cells })
                })?;
            }
        }
        Err(Failure { status, reason }) => {
            record.status = status;
            record.reason = Some(reason);
        }
    }
    line(out, &Line { table: "campaigns", row: record })
}

fn line(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

#[derive(Serialize)]
struct Line<'a, R> {
    table: &'a str,
    row: R,
}

/// A row as an object: names, and the values of the extra columns and of the table's own.
struct Cells<'a> {
    names: &'a [&'a str],
    values: [&'a [Value<'a>]; 2],
}

impl Serialize for Cells<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.names.len()))?;
        for (name, value) in self.names.iter().zip(self.values.iter().copied().flatten()) {
            map.serialize_entry(name, &Cell(value))?;
        }
        map.end()
    }
}

struct Cell<'a>(&'a Value<'a>);

impl Serialize for Cell<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const NANOSECONDS: i64 = 1000;
        match self.0 {
            Value::Text(text) => text.serialize(serializer),
            Value::Count(count) => count.serialize(serializer),
            Value::Real(real) => real.serialize(serializer),
            Value::Flag(flag) => flag.serialize(serializer),
            // As in Parquet.
            Value::Time(time) => {
                time.map(|time| time.at.nanoseconds().div_euclid(NANOSECONDS)).serialize(serializer)
            }
            Value::Texts(texts) => texts.serialize(serializer),
            Value::Counts(counts) => counts.serialize(serializer),
        }
    }
}
