//! Reads the parts of the tables again, row by row.

use super::tally::{Call, End, Failover, Sighting, Tally};
use crate::corpus::CorpusError;
use crate::corpus::parts::place;
use crate::corpus::record::{Record, Settings, Status, file_stem};
use crate::report::text::counted;
use jiff::Timestamp;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::fs::File;
use std::io;
use std::path::Path;

/// What results say, and what they were made from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The counts.
    pub tally: Tally,
    /// Campaigns by what came of them.
    pub statuses: BTreeMap<Status, usize>,
    /// What readers of the tables have to know: campaigns that are not in them, or in part.
    pub notes: Vec<String>,
    /// What decided what was found, where that is known.
    pub settings: Option<Settings>,
}

impl Found {
    /// What the tables rest on, in a line.
    pub fn line(&self) -> String {
        let count = |status| self.statuses.get(&status).copied().unwrap_or_default();
        let (done, damaged, failed) = (count(Status::Done), count(Status::Damaged), count(Status::Failed));
        let calls: u64 = self.tally.calls.values().map(|verdicts| verdicts.calls).sum();
        let calls = usize::try_from(calls).unwrap_or(usize::MAX);
        let (calls, campaigns) = (counted(calls, "call"), counted(done + damaged, "campaign"));
        let mut line = format!("{calls} in {campaigns}");
        // Writing to a string cannot fail.
        if damaged > 0 {
            let _ = write!(line, ", {damaged} of them damaged");
        }
        if failed > 0 {
            let _ = write!(line, "; {failed} more could not be read");
        }
        line
    }
}

/// Counts what the tables of every campaign in `out` say.
pub fn read(out: &Path) -> Result<Found, CorpusError> {
    let settings = Settings::read(out)?;
    if settings.is_none() {
        return Err(CorpusError::NoResults { folder: out.to_owned() });
    }
    let mut found = Found { settings, ..Found::default() };
    for record in Record::all(out)? {
        *found.statuses.entry(record.status).or_default() += 1;
        if record.status == Status::LeftOut {
            continue;
        }
        if record.status == Status::Failed {
            let reason = record.reason.unwrap_or_default();
            found.notes.push(format!("{}: not in the tables: {reason}", record.campaign));
            continue;
        }
        let stem = file_stem(&record.campaign);
        let tally = &mut found.tally;
        rows(&place(out, "sessions", &stem), |row| tally.call(&call(row)))?;
        rows(&place(out, "endpoints", &stem), |row| {
            if let Some(sighting) = sighting(row) {
                tally.server(sighting);
            }
        })?;
    }
    Ok(found)
}

fn rows(path: &Path, mut visit: impl FnMut(&Cells<'_>)) -> Result<(), CorpusError> {
    let failed = |source: io::Error| CorpusError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let reader = SerializedFileReader::new(file).map_err(|error| failed(io::Error::other(error)))?;
    let rows = reader.get_row_iter(None).map_err(|error| failed(io::Error::other(error)))?;
    for row in rows {
        let row: Row = row.map_err(|error| failed(io::Error::other(error)))?;
        visit(&Cells(row.get_column_iter().map(|(name, field)| (name.as_str(), field)).collect()));
    }
    Ok(())
}

/// The cells of a row by the names of their columns. What is not there, or of another kind, is not known.
struct Cells<'a>(HashMap<&'a str, &'a Field>);

impl Cells<'_> {
    fn text(&self, name: &str) -> Option<String> {
        text(self.0.get(name)?)
    }

    fn texts(&self, name: &str) -> Vec<Option<String>> {
        let Some(Field::ListInternal(list)) = self.0.get(name) else { return Vec::new() };
        list.elements().iter().map(text).collect()
    }

    /// The day of a time, in UTC.
    fn day(&self, name: &str) -> Option<String> {
        let Field::TimestampMicros(time) = self.0.get(name)? else { return None };
        let time = Timestamp::from_microsecond(*time).ok()?.to_string();
        time.get(..DAY).map(ToOwned::to_owned)
    }
}

/// Characters of `2020-04-03`.
const DAY: usize = 10;

fn text(field: &Field) -> Option<String> {
    match field {
        Field::Str(text) => Some(text.clone()),
        _ => None,
    }
}

fn call(row: &Cells<'_>) -> Call {
    let mut countries = row.texts("endpoints_country").into_iter();
    let mut confidences = row.texts("endpoints_confidence").into_iter();
    let mut contacts = row.texts("endpoints_contact").into_iter();
    let ends = row.texts("endpoints_role").into_iter().map(|role| {
        let is_sure = is_sure(confidences.next().flatten().as_deref());
        End {
            role: role.unwrap_or_else(|| "unknown".to_owned()),
            answered: !matches!(contacts.next().flatten().as_deref(), Some("mentioned" | "attempted") | None),
            country: countries.next().flatten().filter(|_| is_sure),
        }
    });
    let ends = ends.collect();
    let mut after = row.texts("failovers_country_after").into_iter();
    let mut leaves = row.texts("failovers_leaves_home").into_iter();
    let failovers = row.texts("failovers_country_before").into_iter().map(|before| Failover {
        before,
        after: after.next().flatten(),
        leaves_home: leaves.next().flatten().and_then(|text| text.parse().ok()),
    });
    Call {
        failovers: failovers.collect(),
        ends,
        service: row.text("service").unwrap_or_default(),
        day: row.day("start").unwrap_or_default(),
        region: client(row),
        verdict: row.text("verdict").unwrap_or_default(),
    }
}

/// Where the client of a call is: what the manifest says, else the country that packets or the vantage tell.
fn client(row: &Cells<'_>) -> Option<String> {
    let mut countries = row.texts("client_countries").into_iter().flatten();
    let only = || countries.next().filter(|_| countries.next().is_none());
    row.text("region").or_else(only)
}

/// A server that answered in some call and whose country is concluded; others say nothing about servers that moved.
fn sighting(row: &Cells<'_>) -> Option<Sighting> {
    let services: Vec<String> = row.texts("services").into_iter().flatten().collect();
    if services.is_empty() || !is_sure(row.text("location_confidence").as_deref()) {
        return None;
    }
    Some(Sighting {
        address: row.text("address")?,
        services,
        country: row.text("location_country")?,
        first: row.day("first_seen")?,
        last: row.day("last_seen")?,
    })
}

fn is_sure(confidence: Option<&str>) -> bool {
    matches!(confidence, Some("confirmed" | "likely"))
}
