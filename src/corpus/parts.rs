//! A campaign's part of each table, as Parquet, and how parts are read again.

use super::record::{Part, hash, put};
use super::{Campaign, CorpusError};
use crate::report::Report;
use crate::report::parquet::{ExtraColumn, Writer};
use crate::report::tables::{Kind, Table, Value};
use std::borrow::Cow;
use std::collections::BTreeMap;
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
        let path = place(out, table.name(), stem);
        put(&path, |file| {
            let mut out = BufWriter::new(file);
            let mut writer = Writer::new(&mut out, table, &extra)?;
            writer.append(report, &values)?;
            writer.finish()?;
            out.flush()
        })?;
        let failed = |source| CorpusError::Read { path: path.clone(), source };
        let (sha256, _) = hash(&path).map_err(failed)?;
        let mut rows = 0;
        let counted = table.rows(report, &mut |_| {
            rows += 1;
            Ok::<_, io::Error>(())
        });
        counted.map_err(failed)?;
        parts.insert(table.name().to_owned(), Part { rows, sha256 });
    }
    Ok(parts)
}
