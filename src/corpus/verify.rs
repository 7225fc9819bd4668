//! Whether results are whole, and what they say they are.

use super::parts::place;
use super::record::{Record, Settings, Status, file_stem, hash};
use super::{Capture, Corpus, CorpusError};
use crate::report::text::counted;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

/// Something is not as the records say.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// A campaign of the corpus has no record.
    Missing {
        /// The campaign.
        campaign: String,
    },
    /// A campaign could not be read when it was its turn.
    Failed {
        /// The campaign.
        campaign: String,
        /// Why.
        reason: String,
    },
    /// A record is of a campaign that the corpus does not have.
    Unknown {
        /// The campaign.
        campaign: String,
    },
    /// A part of a table is not there, cannot be read, or is not what it was.
    Part {
        /// The campaign.
        campaign: String,
        /// The table.
        table: String,
        /// What is wrong with it.
        what: String,
    },
    /// A capture is not what it was.
    Capture {
        /// The campaign.
        campaign: String,
        /// What is wrong with it.
        what: String,
    },
    /// A record was made in another way than the settings of the folder say.
    Settings {
        /// The campaign.
        campaign: String,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { campaign } => write!(f, "{campaign}: missing: landfall corpus run makes it"),
            Self::Failed { campaign, reason } => write!(f, "{campaign}: could not be read: {reason}"),
            Self::Unknown { campaign } => write!(f, "{campaign}: the corpus has no such campaign"),
            Self::Part { campaign, table, what } => write!(f, "{campaign}: its part of {table} {what}"),
            Self::Capture { campaign, what } => write!(f, "{campaign}: {what}"),
            Self::Settings { campaign } => write!(
                f,
                "{campaign}: made with another version, policy or databases than settings.json says"
            ),
        }
    }
}

/// What was checked, and what is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Campaigns with a record.
    pub campaigns: usize,
    /// Parts of tables.
    pub parts: usize,
    /// Captures that were hashed again.
    pub captures: usize,
    /// What is wrong, by campaign.
    pub found: Vec<Fault>,
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { campaigns, parts, captures, found } = self;
        let checked = [(*campaigns, "campaign"), (*parts, "part"), (*captures, "capture")];
        let checked: Vec<String> = checked.iter().map(|(count, noun)| counted(*count, noun)).collect();
        let faults = if found.is_empty() { "no fault".to_owned() } else { counted(found.len(), "fault") };
        write!(f, "{} checked: {faults}", checked.join(", "))
    }
}

/// Checks the results in `out`; with `corpus`, also that all of it is there and the captures are what they were.
pub fn verify(out: &Path, corpus: Option<&Corpus>) -> Result<Checked, CorpusError> {
    let Some(settings) = Settings::read(out)? else {
        return Err(CorpusError::NoResults { folder: out.to_owned() });
    };
    let records = Record::all(out)?;
    let mut checked = Checked { campaigns: records.len(), ..Checked::default() };
    for record in &records {
        let campaign = record.campaign.clone();
        if record.settings != settings.id() {
            checked.found.push(Fault::Settings { campaign: campaign.clone() });
        }
        if record.status == Status::Failed {
            let reason = record.reason.clone().unwrap_or_default();
            checked.found.push(Fault::Failed { campaign, reason });
        }
        checked.parts(out, record);
    }
    if let Some(corpus) = corpus {
        checked.corpus(corpus, &records);
    }
    checked.found.sort();
    Ok(checked)
}

impl Checked {
    fn parts(&mut self, out: &Path, record: &Record) {
        let stem = file_stem(&record.campaign);
        for (table, part) in &record.parts {
            self.parts += 1;
            let what = match hash(&place(out, table, &stem)) {
                Ok((hash, _)) if hash == part.sha256 => continue,
                Ok(_) => "is not what it was when it was made".to_owned(),
                Err(error) => format!("cannot be read: {error}"),
            };
            self.found.push(Fault::Part { campaign: record.campaign.clone(), table: table.clone(), what });
        }
    }

    fn corpus(&mut self, corpus: &Corpus, records: &[Record]) {
        let records: BTreeMap<&str, &Record> =
            records.iter().map(|record| (record.campaign.as_str(), record)).collect();
        let wanted: BTreeSet<&str> = corpus.campaigns.iter().map(|campaign| campaign.name.as_str()).collect();
        for name in records.keys().filter(|name| !wanted.contains(*name)) {
            self.found.push(Fault::Unknown { campaign: (*name).to_owned() });
        }
        for campaign in &corpus.campaigns {
            match records.get(campaign.name.as_str()) {
                None => self.found.push(Fault::Missing { campaign: campaign.name.clone() }),
                Some(record) => self.captures(&campaign.files, record),
            }
        }
    }

    /// Hashes the captures of a campaign. Their paths may be others on this machine: the hashes have to be the same.
    fn captures(&mut self, files: &[Capture], record: &Record) {
        if matches!(record.status, Status::Failed | Status::LeftOut) {
            return;
        }
        let mut fault = |what: String| {
            self.found.push(Fault::Capture { campaign: record.campaign.clone(), what });
        };
        let mut expected: Vec<&str> =
            record.inputs.iter().filter_map(|input| input.sha256.as_deref()).collect();
        for file in files.iter().map(|file| &file.path).filter(|file| !file.is_dir()) {
            match hash(file) {
                Err(error) => fault(format!("'{}' cannot be read: {error}", file.display())),
                Ok((hash, _)) => match expected.iter().position(|known| *known == hash) {
                    Some(place) => {
                        expected.remove(place);
                        self.captures += 1;
                    }
                    None => fault(format!("'{}' is not what was inspected", file.display())),
                },
            }
        }
    }
}
