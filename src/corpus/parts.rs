//! A campaign's part of each table, as Parquet, and how parts are read again.

use super::record::{Part, hexadecimal};
use super::whole::{PART, put, remove as remove_file};
use super::{Campaign, CorpusError};
use crate::report::Report;
use crate::report::parquet::{ExtraColumn, Writer};
use crate::report::tables::{Kind, Table, Value};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// The label that says where the clients of a campaign are.
const REGION: &str = "region";

/// Columns that every table of a corpus has before those of the report.
pub(super) fn extra_columns() -> Vec<ExtraColumn> {
    let columns = [
        ("campaign", Kind::Text),
        ("region", Kind::Text),
        ("labels", Kind::Texts),
        ("input_sha256", Kind::Texts),
        ("tool_version", Kind::Text),
    ];
    columns.map(|(name, kind)| ExtraColumn { name: name.to_owned(), kind }).into()
}

/// Their values for a campaign.
pub(super) fn extra_values<'a>(campaign: &'a Campaign, report: &'a Report) -> Vec<Value<'a>> {
    let labels = campaign.labels.iter().map(|(name, value)| Some(Cow::Owned(format!("{name}={value}"))));
    let hashes = report.inputs.iter().map(|input| input.sha256.as_deref().map(Cow::Borrowed));
    vec![
        Value::Text(Some(Cow::Borrowed(&campaign.name))),
        Value::Text(region(campaign)),
        Value::Texts(labels.collect()),
        Value::Texts(hashes.collect()),
        Value::Text(Some(Cow::Borrowed(report.tool.version))),
    ]
}

/// Where the clients of a campaign are, as the manifest says.
fn region(campaign: &Campaign) -> Option<Cow<'_, str>> {
    campaign.labels.get(REGION).map(|region| Cow::Borrowed(region.as_str()))
}

/// The tables that a report has.
pub(super) fn tables(report: &Report) -> impl Iterator<Item = Table> {
    let has_flows = report.flows.is_some();
    Table::ALL.into_iter().filter(move |table| *table != Table::Flows || has_flows)
}

/// Where a part of a table lies.
pub(super) fn place(out: &Path, table: &str, stem: &str) -> PathBuf {
    out.join(table).join(stem).with_extension("parquet")
}

/// Bytes that are gathered before they are written.
const BUFFER_BYTES: usize = 1 << 18;

/// A file, and the hash of what was written to it. The writer of Parquet flushes after every column, which would make
/// hundreds of small writes: that is for whoever owns the file.
struct Digesting<'a> {
    file: BufWriter<&'a mut File>,
    hash: Sha256,
    bytes: u64,
}

impl Write for Digesting<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.hash.update(bytes.get(..count).unwrap_or_default());
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Removes what parts a campaign has, so that readers of the tables meet no rows that belong to no record.
pub(super) fn remove(out: &Path, stem: &str) -> Result<(), CorpusError> {
    Table::ALL.into_iter().try_for_each(|table| remove_file(&place(out, table.name(), stem)))
}

/// Removes what processes left that were killed while they wrote.
pub(super) fn sweep(out: &Path) {
    let folders = Table::ALL.map(Table::name).into_iter().chain([super::record::FOLDER]);
    for entry in folders.filter_map(|folder| fs::read_dir(out.join(folder)).ok()).flatten().flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|ending| ending == PART) {
            // What cannot be removed only takes room.
            let _ = fs::remove_file(path);
        }
    }
}

/// Writes a campaign's part of each table; each appears whole or not at all.
pub(super) fn write(
    out: &Path,
    stem: &str,
    campaign: &Campaign,
    report: &Report,
) -> Result<BTreeMap<String, Part>, CorpusError> {
    let (extra, values) = (extra_columns(), extra_values(campaign, report));
    let mut parts = BTreeMap::new();
    for table in tables(report) {
        let part = put(&place(out, table.name(), stem), |file| {
            let mut out = Digesting {
                file: BufWriter::with_capacity(BUFFER_BYTES, file),
                hash: Sha256::new(),
                bytes: 0,
            };
            let mut writer = Writer::new(&mut out, table, &extra)?;
            writer.append(report, &values)?;
            let rows = writer.finish()?;
            out.file.flush()?;
            Ok(Part { rows, bytes: out.bytes, sha256: hexadecimal(&out.hash.finalize()) })
        })?;
        parts.insert(table.name().to_owned(), part);
    }
    Ok(parts)
}
