//! Reads the parts of the tables again, row by row.

use super::tally::{Call, End, Failover, Sighting, Tally};
use crate::corpus::CorpusError;
use crate::corpus::parts::place;
use crate::corpus::record::{Record, Settings, Status, file_stem};
use crate::report::text::{chain, counted};
use jiff::Timestamp;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use parquet::schema::types::Type;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;
use std::fs::File;
use std::io;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Notes of a kind that are kept: what a person still reads.
const MAX_NOTES: usize = 100;

/// What results say, and what they were made from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The counts.
    pub tally: Tally,
    /// Campaigns that are in the tables, as a whole or in part.
    pub campaigns: usize,
    /// Campaigns by what came of them.
    pub statuses: BTreeMap<Status, usize>,
    /// Campaigns that are not in the tables, and why, by name; the first of them.
    pub notes: Vec<String>,
    /// How many there are.
    pub missing: usize,
    /// Campaigns of which a part is in the tables, and why, by name; the first of them.
    pub damaged: Vec<String>,
    /// Campaigns with a capture that another one has, too: its calls are counted twice. By name; the first of them.
    pub twice: Vec<String>,
    /// What decided what was found, where that is known.
    pub settings: Option<Settings>,
}

impl Found {
    /// What the tables rest on, in a line.
    pub fn line(&self) -> String {
        let damaged = self.count(Status::Damaged);
        let calls: u64 = self.tally.calls.values().map(|verdicts| verdicts.calls).sum();
        let calls = usize::try_from(calls).unwrap_or(usize::MAX);
        let mut line = format!("{} in {}", counted(calls, "call"), counted(self.campaigns, "campaign"));
        // Writing to a string cannot fail.
        if damaged > 0 {
            let _ = write!(line, ", {damaged} of them damaged");
        }
        if self.missing > 0 {
            let _ = write!(line, "; {} more could not be read", self.missing);
        }
        let left_out = self.count(Status::LeftOut);
        if left_out > 0 {
            let _ = write!(line, "; {} left out that are no captures", counted(left_out, "file"));
        }
        line
    }

    /// What decided what was found, in lines: policy, databases, version, other options.
    pub fn made_with(&self) -> Vec<(&'static str, String)> {
        self.settings.as_ref().map(Settings::words).unwrap_or_default()
    }

    /// Campaigns of which that came.
    pub fn count(&self, status: Status) -> usize {
        self.statuses.get(&status).copied().unwrap_or_default()
    }

    fn add(&mut self, record: Record, out: &Path) {
        *self.statuses.entry(record.status).or_default() += 1;
        let Record { campaign, status, reason, .. } = record;
        let reason = reason.unwrap_or_default();
        let read = match status {
            Status::LeftOut => return,
            Status::Failed => Err(reason.clone()),
            Status::Done | Status::Damaged => rows_of(out, &campaign).map_err(|error| chain(&error)),
        };
        match read {
            Ok((calls, sightings)) => {
                self.campaigns += 1;
                calls.iter().for_each(|call| self.tally.call(call));
                sightings.into_iter().for_each(|sighting| self.tally.server(sighting));
                if status == Status::Damaged {
                    self.damaged.push(format!("{campaign}: only in part in the tables: {reason}"));
                }
            }
            Err(reason) => self.lose(format!("{campaign}: not in the tables: {reason}")),
        }
        self.cut();
    }

    fn lose(&mut self, note: String) {
        self.missing += 1;
        self.notes.push(note);
    }

    fn merge(&mut self, other: Self) {
        self.tally.merge(other.tally);
        for (status, count) in other.statuses {
            *self.statuses.entry(status).or_default() += count;
        }
        self.campaigns += other.campaigns;
        self.missing += other.missing;
        self.notes.extend(other.notes);
        self.damaged.extend(other.damaged);
        self.cut();
    }

    /// Of many notes keeps the first by name, whatever the order in which they come.
    fn cut(&mut self) {
        for notes in [&mut self.notes, &mut self.damaged] {
            if notes.len() > 2 * MAX_NOTES {
                notes.sort();
                notes.truncate(MAX_NOTES);
            }
        }
    }
}

/// Counts what the tables of every campaign in `out` say. What is kept in memory are the counts, not the campaigns.
pub fn read(out: &Path) -> Result<Found, CorpusError> {
    let settings = Settings::read(out)?;
    if settings.is_none() {
        return Err(CorpusError::NoResults { folder: out.to_owned() });
    }
    let paths = Record::paths(out)?;
    let (next, captures) = (AtomicUsize::new(0), Mutex::new(Captures::default()));
    let work = |_| -> Result<Found, CorpusError> {
        let mut found = Found::default();
        while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
            let record = match Record::at(path) {
                Ok(Some(record)) => record,
                Ok(None) => continue,
                Err(error) => {
                    found.lose(chain(&error));
                    continue;
                }
            };
            captures.lock().unwrap_or_else(PoisonError::into_inner).add(&record);
            found.add(record, out);
        }
        Ok(found)
    };
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let mut found = Found { settings, ..Found::default() };
    for part in crate::parallel::at_once(0..threads, work) {
        found.merge(part?);
    }
    found.notes.sort();
    found.notes.truncate(MAX_NOTES);
    found.damaged.sort();
    found.damaged.truncate(MAX_NOTES);
    found.twice = captures.into_inner().unwrap_or_else(PoisonError::into_inner).twice(out);
    Ok(found)
}

/// The captures of all campaigns, to tell those that are in two.
#[derive(Default)]
struct Captures {
    /// Half of each hash, which is enough to tell them apart, and the number of the first campaign that has it.
    owners: HashMap<u128, u64>,
    /// The numbers of campaigns that share one.
    twice: HashSet<u64>,
}

impl Captures {
    fn add(&mut self, record: &Record) {
        let campaign = u64::from_str_radix(&file_stem(&record.campaign), 16).unwrap_or_default();
        let hashes = record.inputs.iter().filter_map(|input| input.sha256.as_deref()?.get(..32));
        for hash in hashes.filter_map(|half| u128::from_str_radix(half, 16).ok()) {
            let owner = *self.owners.entry(hash).or_insert(campaign);
            if owner != campaign {
                self.twice.extend([owner, campaign]);
            }
        }
    }

    /// The names of campaigns that share a capture, which their records tell.
    fn twice(self, out: &Path) -> Vec<String> {
        let record = |campaign: u64| Record::by_stem(out, &format!("{campaign:016x}")).ok().flatten();
        let mut names: Vec<String> =
            self.twice.into_iter().filter_map(record).map(|record| record.campaign).collect();
        names.sort();
        names.truncate(MAX_NOTES);
        names
    }
}

type Rows = (Vec<Call>, Vec<Sighting>);

/// What the tables say of a campaign.
fn rows_of(out: &Path, campaign: &str) -> Result<Rows, CorpusError> {
    let stem = file_stem(campaign);
    let (mut calls, mut sightings) = (Vec::new(), Vec::new());
    rows(&place(out, "sessions", &stem), SESSIONS, |row| calls.push(call(row)))?;
    rows(&place(out, "endpoints", &stem), ENDPOINTS, |row| sightings.extend(sighting(row)))?;
    Ok((calls, sightings))
}

/// The columns that the counts need.
const SESSIONS: &[&str] = &[
    "region",
    "service",
    "client_countries",
    "start",
    "verdict",
    "endpoints_role",
    "endpoints_contact",
    "endpoints_country",
    "endpoints_confidence",
    "failovers_country_before",
    "failovers_country_after",
    "failovers_leaves_home",
];
const ENDPOINTS: &[&str] =
    &["address", "services", "location_country", "location_confidence", "first_seen", "last_seen"];

fn rows(path: &Path, columns: &[&str], mut visit: impl FnMut(&Cells<'_>)) -> Result<(), CorpusError> {
    let failed = |source: io::Error| CorpusError::Read { path: path.to_owned(), source };
    let broken = |error: ParquetError| failed(io::Error::other(error));
    let file = File::open(path).map_err(failed)?;
    let reader = SerializedFileReader::new(file).map_err(broken)?;
    let schema = reader.metadata().file_metadata().schema();
    let fields = schema.get_fields().iter().filter(|field| columns.contains(&field.name()));
    let wanted = Type::group_type_builder(schema.name()).with_fields(fields.cloned().collect()).build();
    for row in reader.get_row_iter(Some(wanted.map_err(broken)?)).map_err(broken)? {
        let row: Row = row.map_err(broken)?;
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
