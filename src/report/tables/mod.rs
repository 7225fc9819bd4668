//! The report as tables: what its columns are, and their values row by row.
//!
//! A column has the name of its place in the JSON report with `_` between the parts (`location_country`). Of a list
//! of objects each member is a list of its own; the lists of one such group have the same length. Formats that have
//! rows and columns (CSV, Parquet) know no column by name: they write what stands here.

mod endpoints;
mod findings;
mod flows;
mod sessions;

use super::Report;
use super::model::Time;
use std::borrow::Cow;
use std::fmt::Display;
use std::io;

/// A table of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// A row an address.
    Endpoints,
    /// A row a call.
    Sessions,
    /// A row a finding.
    Findings,
    /// A row a flow. The report must have been made with them.
    Flows,
}

/// What a cell of a column holds. Any may be empty, which stands for not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A text.
    Text,
    /// A number of things, from 0.
    Count,
    /// A number.
    Real,
    /// Yes or no.
    Flag,
    /// A time in UTC.
    Time,
    /// A list of texts.
    Texts,
    /// A list of numbers of things.
    Counts,
}

/// What is known of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColumnInfo {
    /// Its name.
    pub name: &'static str,
    /// What its cells hold.
    pub kind: Kind,
    /// What that is, in words.
    pub about: &'static str,
}

/// A cell. `None` is not known.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// Of [`Kind::Text`].
    Text(Option<Cow<'a, str>>),
    /// Of [`Kind::Count`].
    Count(Option<u64>),
    /// Of [`Kind::Real`].
    Real(Option<f64>),
    /// Of [`Kind::Flag`].
    Flag(Option<bool>),
    /// Of [`Kind::Time`].
    Time(Option<Time>),
    /// Of [`Kind::Texts`].
    Texts(Vec<Option<Cow<'a, str>>>),
    /// Of [`Kind::Counts`].
    Counts(Vec<Option<u64>>),
}

/// A column of rows of type `R`.
struct Column<R> {
    name: &'static str,
    about: &'static str,
    get: Get<R>,
}

/// How a cell comes from its row.
enum Get<R> {
    Text(for<'a> fn(&'a R, &'a Report) -> Option<Cow<'a, str>>),
    Count(fn(&R, &Report) -> Option<u64>),
    Real(fn(&R) -> Option<f64>),
    Flag(fn(&R) -> Option<bool>),
    Time(fn(&R) -> Option<Time>),
    Texts(for<'a> fn(&'a R, &'a Report) -> Vec<Option<Cow<'a, str>>>),
    Counts(fn(&R) -> Vec<Option<u64>>),
}

impl Table {
    /// Every table.
    pub const ALL: [Self; 4] = [Self::Endpoints, Self::Sessions, Self::Findings, Self::Flows];

    /// The word for it on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Endpoints => "endpoints",
            Self::Sessions => "sessions",
            Self::Findings => "findings",
            Self::Flows => "flows",
        }
    }

    /// Its columns, in their order.
    pub fn columns(self) -> Vec<ColumnInfo> {
        match self {
            Self::Endpoints => infos(endpoints::COLUMNS),
            Self::Sessions => infos(sessions::COLUMNS),
            Self::Findings => infos(findings::COLUMNS),
            Self::Flows => infos(flows::COLUMNS),
        }
    }

    /// Shows `visit` every row of `report`, cell by cell in the order of [`Self::columns`].
    pub fn rows(
        self,
        report: &Report,
        visit: &mut dyn FnMut(&[Value<'_>]) -> io::Result<()>,
    ) -> io::Result<()> {
        match self {
            Self::Endpoints => rows(endpoints::COLUMNS, &report.endpoints, report, visit),
            Self::Sessions => rows(sessions::COLUMNS, &report.sessions, report, visit),
            Self::Findings => rows(findings::COLUMNS, &report.findings, report, visit),
            Self::Flows => rows(flows::COLUMNS, report.flows.iter().flatten(), report, visit),
        }
    }
}

fn infos<R>(columns: &[Column<R>]) -> Vec<ColumnInfo> {
    let info =
        |column: &Column<R>| ColumnInfo { name: column.name, kind: column.get.kind(), about: column.about };
    columns.iter().map(info).collect()
}

fn rows<'a, R: 'a>(
    columns: &[Column<R>],
    items: impl IntoIterator<Item = &'a R>,
    report: &'a Report,
    visit: &mut dyn FnMut(&[Value<'_>]) -> io::Result<()>,
) -> io::Result<()> {
    let mut row = Vec::with_capacity(columns.len());
    for item in items {
        row.clear();
        row.extend(columns.iter().map(|column| column.get.value(item, report)));
        visit(&row)?;
    }
    Ok(())
}

impl<R> Get<R> {
    const fn kind(&self) -> Kind {
        match self {
            Self::Text(_) => Kind::Text,
            Self::Count(_) => Kind::Count,
            Self::Real(_) => Kind::Real,
            Self::Flag(_) => Kind::Flag,
            Self::Time(_) => Kind::Time,
            Self::Texts(_) => Kind::Texts,
            Self::Counts(_) => Kind::Counts,
        }
    }

    fn value<'a>(&self, row: &'a R, report: &'a Report) -> Value<'a> {
        match self {
            Self::Text(get) => Value::Text(get(row, report)),
            Self::Count(get) => Value::Count(get(row, report)),
            Self::Real(get) => Value::Real(get(row)),
            Self::Flag(get) => Value::Flag(get(row)),
            Self::Time(get) => Value::Time(get(row)),
            Self::Texts(get) => Value::Texts(get(row, report)),
            Self::Counts(get) => Value::Counts(get(row)),
        }
    }
}

impl Kind {
    /// The word for it in the documentation.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Count => "integer",
            Self::Real => "number",
            Self::Flag => "boolean",
            Self::Time => "time",
            Self::Texts => "list of texts",
            Self::Counts => "list of integers",
        }
    }
}

const fn column<R>(name: &'static str, about: &'static str, get: Get<R>) -> Column<R> {
    Column { name, about, get }
}

#[expect(clippy::unnecessary_wraps, reason = "what a column asks for")]
fn shown<'a>(value: impl Display) -> Option<Cow<'a, str>> {
    Some(Cow::Owned(value.to_string()))
}

#[expect(clippy::unnecessary_wraps, reason = "what a column asks for")]
const fn word(text: &str) -> Option<Cow<'_, str>> {
    Some(Cow::Borrowed(text))
}

fn words<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<Option<Cow<'a, str>>> {
    texts.into_iter().map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn columns_have_names_of_their_own_that_need_no_quotes_anywhere() {
        for table in Table::ALL {
            let columns = table.columns();
            let names: BTreeSet<&str> = columns.iter().map(|column| column.name).collect();
            assert_eq!(names.len(), columns.len(), "{}", table.name());
            let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
            assert!(names.iter().all(|name| name.bytes().all(plain)), "{names:?}");
            assert!(columns.iter().all(|column| column.about.ends_with('.')), "{}", table.name());
        }
    }
}
