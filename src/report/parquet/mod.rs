//! A table of the report as Apache Parquet: typed columns for `DuckDB`, pandas and Spark.
//!
//! Every column is optional, a list is a `LIST` of optional elements, texts are `STRING`, numbers of things `INT64`,
//! times `TIMESTAMP(MICROS, UTC)` because Spark reads no nanoseconds. Pages are compressed with Snappy, which every
//! reader has. The same report gives the same bytes.

mod buffer;

use super::tables::{Kind, Table, Value};
use super::{Report, SCHEMA_VERSION};
use buffer::Buffer;
use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{Type, TypePtr};
use std::io::{self, Write};
use std::sync::Arc;

/// Rows of a group. A group is in memory until it is written, and readers skip whole groups.
const MAX_GROUP_ROWS: usize = 1 << 16;
/// Bytes of values in a group, for tables with long texts.
const MAX_GROUP_BYTES: usize = 64 << 20;

/// A column that the tables of the report do not have and that has one value for each report: the name of a campaign,
/// of a place of measurement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtraColumn {
    /// Its name: none that the table has.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
}

/// Writes a table of one report after another into one file.
pub struct Writer<W: Write + Send> {
    table: Table,
    file: SerializedFileWriter<W>,
    extra: usize,
    /// Those of the extra columns first.
    buffers: Vec<Buffer>,
    rows: usize,
}

impl<W: Write + Send> Writer<W> {
    /// Begins a file with the columns of `table` after those of `extra`.
    pub fn new(out: W, table: Table, extra: &[ExtraColumn]) -> io::Result<Self> {
        let own = table.columns();
        let columns: Vec<(&str, Kind)> = extra
            .iter()
            .map(|column| (column.name.as_str(), column.kind))
            .chain(own.iter().map(|column| (column.name, column.kind)))
            .collect();
        let buffers = columns.iter().map(|(_, kind)| Buffer::new(*kind)).collect();
        let file = file(out, table, &columns).map_err(to_io)?;
        Ok(Self { table, file, extra: extra.len(), buffers, rows: 0 })
    }

    /// Adds the rows of `report`; `extra` has the values of the extra columns in their order.
    pub fn append(&mut self, report: &Report, extra: &[Value<'_>]) -> io::Result<()> {
        if extra.len() != self.extra {
            return Err(io::Error::other("an extra column of the table has no value"));
        }
        self.table.rows(report, &mut |row| {
            for (buffer, value) in self.buffers.iter_mut().zip(extra.iter().chain(row)) {
                buffer.push(value);
            }
            self.rows += 1;
            let is_full = self.rows >= MAX_GROUP_ROWS
                || self.buffers.iter().map(Buffer::bytes).sum::<usize>() >= MAX_GROUP_BYTES;
            if is_full {
                self.rows = 0;
                write_group(&mut self.file, &mut self.buffers).map_err(to_io)?;
            }
            Ok(())
        })
    }

    /// Writes what is left, and the end of the file, without which nobody can read it; returns how many rows it has.
    pub fn finish(mut self) -> io::Result<u64> {
        if self.rows > 0 {
            write_group(&mut self.file, &mut self.buffers).map_err(to_io)?;
        }
        let metadata = self.file.close().map_err(to_io)?;
        Ok(metadata.file_metadata().num_rows().unsigned_abs())
    }
}

/// Writes `table` of the report.
pub(super) fn write(report: &Report, table: Table, out: &mut (dyn Write + Send)) -> io::Result<()> {
    let mut writer = Writer::new(out, table, &[])?;
    writer.append(report, &[])?;
    writer.finish().map(drop)
}

fn file<W: Write + Send>(out: W, table: Table, columns: &[(&str, Kind)]) -> Result<SerializedFileWriter<W>> {
    let fields = columns.iter().map(|(name, kind)| field(name, *kind)).collect::<Result<Vec<_>>>()?;
    let schema = Type::group_type_builder(table.name()).with_fields(fields).build()?;
    let noted = |key: &str, value: &str| KeyValue::new(format!("landfall.{key}"), value.to_owned());
    let properties = WriterProperties::builder()
        .set_created_by(concat!("landfall version ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::SNAPPY)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_key_value_metadata(Some(vec![
            noted("table", table.name()),
            noted("schema_version", SCHEMA_VERSION),
        ]))
        .build();
    SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties))
}

fn field(name: &str, kind: Kind) -> Result<TypePtr> {
    let (physical, logical) = match kind {
        Kind::Text | Kind::Texts => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        Kind::Count | Kind::Counts => (Physical::INT64, None),
        Kind::Real => (Physical::DOUBLE, None),
        Kind::Flag => (Physical::BOOLEAN, None),
        Kind::Time => (Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::MICROS))),
    };
    let is_list = matches!(kind, Kind::Texts | Kind::Counts);
    let value = Type::primitive_type_builder(if is_list { "element" } else { name }, physical)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(logical)
        .build()?;
    if !is_list {
        return Ok(Arc::new(value));
    }
    let repeated = Type::group_type_builder("list")
        .with_repetition(Repetition::REPEATED)
        .with_fields(vec![Arc::new(value)])
        .build()?;
    let list = Type::group_type_builder(name)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(Some(LogicalType::List))
        .with_fields(vec![Arc::new(repeated)])
        .build()?;
    Ok(Arc::new(list))
}

fn write_group<W: Write + Send>(file: &mut SerializedFileWriter<W>, buffers: &mut [Buffer]) -> Result<()> {
    let mut group = file.next_row_group()?;
    for buffer in buffers {
        if let Some(mut column) = group.next_column()? {
            buffer.write(column.untyped())?;
            column.close()?;
        }
        buffer.clear();
    }
    group.close()?;
    Ok(())
}

/// The error of the file below, where it is one.
fn to_io(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(cause) => match cause.downcast::<io::Error>() {
            Ok(cause) => *cause,
            Err(cause) => io::Error::other(cause),
        },
        other => io::Error::other(other),
    }
}
