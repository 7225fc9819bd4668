//! Whether results are whole, and what they say they are.

use super::parts::place;
use super::record::{Record, Settings, Status, file_stem, hash};
use super::{Campaign, Capture, Corpus, CorpusError};
use crate::report::text::{chain, counted};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

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
    /// The corpus says another vantage, home or labels than when the record was made.
    Described {
        /// The campaign.
        campaign: String,
    },
    /// A record cannot be read.
    Record {
        /// Which, and why.
        what: String,
    },
    /// The results were made in another way than they would be made.
    Way {
        /// What is not the same.
        what: String,
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
            Self::Described { campaign } => {
                write!(f, "{campaign}: the corpus says another vantage, home or labels than when it was made")
            }
            Self::Record { what } => write!(f, "{what}: landfall corpus run makes it again"),
            Self::Way { what } => write!(f, "all results: {what}"),
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
    /// How the results were made, see [`Settings::words`].
    pub made_with: Vec<(&'static str, String)>,
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { campaigns, parts, captures, found, .. } = self;
        let checked = [(*campaigns, "campaign"), (*parts, "part"), (*captures, "capture")];
        let checked: Vec<String> = checked.iter().map(|(count, noun)| counted(*count, noun)).collect();
        let faults = if found.is_empty() { "no fault".to_owned() } else { counted(found.len(), "fault") };
        write!(f, "{} checked: {faults}", checked.join(", "))
    }
}

/// Checks the results in `out`; with `corpus`, also that all of it is there and the captures are what they were; with
/// `wanted`, also that they were made in that way, and without that it was this version that made them.
pub fn verify(
    out: &Path,
    corpus: Option<&Corpus>,
    wanted_settings: Option<&Settings>,
) -> Result<Checked, CorpusError> {
    let Some(settings) = Settings::read(out)? else {
        return Err(CorpusError::NoResults { folder: out.to_owned() });
    };
    let paths = Record::paths(out)?;
    let wanted: Option<BTreeMap<&str, &Campaign>> = corpus
        .map(|corpus| corpus.campaigns.iter().map(|campaign| (campaign.name.as_str(), campaign)).collect());
    let (next, id) = (AtomicUsize::new(0), settings.id());
    let work = |_| -> Result<Part, CorpusError> {
        let mut part = Part::default();
        while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
            match Record::at(path) {
                Ok(Some(record)) => part.record(out, &id, &record, wanted.as_ref()),
                Ok(None) => {}
                Err(error) => part.checked.found.push(Fault::Record { what: chain(&error) }),
            }
        }
        Ok(part)
    };
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let (mut checked, mut seen) = (Checked::default(), BTreeSet::new());
    for part in crate::parallel::at_once(0..threads, work) {
        let Part { checked: other, seen: names } = part?;
        checked.campaigns += other.campaigns;
        checked.parts += other.parts;
        checked.captures += other.captures;
        checked.found.extend(other.found);
        seen.extend(names);
    }
    let missing = wanted.iter().flat_map(BTreeMap::keys).filter(|name| !seen.contains(**name));
    checked.found.extend(missing.map(|name| Fault::Missing { campaign: (*name).to_owned() }));
    checked.found.extend(settings.unlike(wanted_settings).into_iter().map(|what| Fault::Way { what }));
    checked.found.sort();
    checked.made_with = settings.words();
    Ok(checked)
}

/// What one thread has checked.
#[derive(Default)]
struct Part {
    checked: Checked,
    /// Campaigns with a record.
    seen: BTreeSet<String>,
}

impl Part {
    fn record(&mut self, out: &Path, id: &str, record: &Record, wanted: Option<&BTreeMap<&str, &Campaign>>) {
        let (checked, campaign) = (&mut self.checked, record.campaign.clone());
        checked.campaigns += 1;
        if record.settings != id {
            checked.found.push(Fault::Settings { campaign: campaign.clone() });
        }
        if record.status == Status::Failed {
            let reason = record.reason.clone().unwrap_or_default();
            checked.found.push(Fault::Failed { campaign: campaign.clone(), reason });
        }
        checked.parts(out, record);
        match wanted.map(|wanted| wanted.get(campaign.as_str())) {
            None => {}
            Some(None) => checked.found.push(Fault::Unknown { campaign: campaign.clone() }),
            Some(Some(wanted)) => {
                if !record.is_described_by(wanted) {
                    checked.found.push(Fault::Described { campaign: campaign.clone() });
                }
                checked.captures(wanted, record);
            }
        }
        if wanted.is_some() {
            self.seen.insert(campaign);
        }
    }
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

    /// Hashes the captures of a campaign. Where they lie may be elsewhere on this machine: names and hashes have to be
    /// the same.
    fn captures(&mut self, campaign: &Campaign, record: &Record) {
        if matches!(record.status, Status::Failed | Status::LeftOut) {
            return;
        }
        let mut known: BTreeMap<&str, Option<&str>> =
            record.inputs.iter().map(|input| (input.path.as_str(), input.sha256.as_deref())).collect();
        let mut fault = |what: String| {
            self.found.push(Fault::Capture { campaign: record.campaign.clone(), what });
        };
        let mut read = 0;
        for Capture { name, path } in campaign.expanded() {
            let expected = match known.remove(name.as_str()) {
                None => {
                    fault(format!("'{}' was not inspected", path.display()));
                    continue;
                }
                // It was left out, for it is no capture.
                Some(None) => continue,
                Some(Some(hash)) => hash,
            };
            match hash(&path) {
                Err(error) => fault(format!("'{}' cannot be read: {error}", path.display())),
                Ok((hash, _)) if hash == expected => read += 1,
                Ok(_) => fault(format!("'{}' is not what was inspected", path.display())),
            }
        }
        // What is hidden in a folder is read and not looked for.
        for name in known.into_keys().filter(|name| !name.contains("/.")) {
            fault(format!("'{name}' is gone"));
        }
        self.captures += read;
    }
}
