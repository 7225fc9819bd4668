//! What a run leaves beside the tables: one file a campaign, written last, that says what came of it.

use super::engine::Inspected;
use super::whole::{put, put_first, remove};
use super::{Campaign, CorpusError};
use crate::report::InputReport;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};

/// Version of [`Record`] and [`Settings`] as files.
const SCHEMA_VERSION: &str = "1";
/// Bytes of a record. A greater file is none of ours.
const MAX_RECORD: u64 = 64 << 20;
/// The folder of the records.
pub(super) const FOLDER: &str = "campaigns";
/// The file of the settings.
const SETTINGS: &str = "settings.json";

/// What decides, beside the captures, what a run finds. Results under other settings do not belong in one table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Version of this structure.
    pub schema_version: String,
    /// Version of landfall.
    pub tool: String,
    /// What was allowed: name and hash, or the rules.
    pub policy: serde_json::Value,
    /// What was asked where addresses are: name, date, hash.
    pub databases: serde_json::Value,
    /// The other options that change results, by name.
    pub options: BTreeMap<String, String>,
}

/// What came of a campaign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Version of this structure.
    pub schema_version: String,
    /// The campaign.
    pub campaign: String,
    /// [`Settings::id`] of the run.
    pub settings: String,
    /// Where its captures were taken, as the corpus says.
    pub vantage: Option<String>,
    /// Countries and groups that its calls should stay in, as the corpus says.
    pub home: Vec<String>,
    /// What else the corpus says of it.
    pub labels: BTreeMap<String, String>,
    /// What came of it.
    pub status: Status,
    /// Why it failed, or what is damaged.
    pub reason: Option<String>,
    /// Its captures.
    pub inputs: Vec<InputRecord>,
    /// Its part of each table.
    pub parts: BTreeMap<String, Part>,
}

/// What came of a campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It was read to its end.
    Done,
    /// A capture of it is damaged; what stands before the damage is in the tables.
    Damaged,
    /// It could not be read; nothing of it is in the tables.
    Failed,
    /// A file that was found in a folder and is no capture.
    #[serde(rename = "left-out")]
    LeftOut,
}

/// A capture as it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputRecord {
    /// As the corpus names it.
    pub path: String,
    /// Bytes on disk; `null` where reading ended before.
    pub size: Option<u64>,
    /// Of the file as it lies on disk, in hexadecimal; `null` where it was left out, for it is no capture.
    pub sha256: Option<String>,
}

/// A campaign's part of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Rows in it.
    pub rows: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
}

impl Settings {
    /// Version of the structure, for those who make one.
    pub const VERSION: &'static str = SCHEMA_VERSION;

    /// Sixteen hexadecimal digits that no other settings have.
    pub fn id(&self) -> String {
        let bytes = serde_json::to_vec(self).unwrap_or_default();
        hexadecimal(&Sha256::digest(bytes)).chars().take(16).collect()
    }

    /// The settings that the results in `out` were made with; `None` where there are none yet.
    pub fn read(out: &Path) -> Result<Option<Self>, CorpusError> {
        read(&out.join(SETTINGS))
    }

    /// Writes them to `out` unless there are some, and says whether there were none.
    pub(super) fn write_first(&self, out: &Path) -> Result<bool, CorpusError> {
        put_first(&out.join(SETTINGS), |file| fill(file, self))
    }

    /// What is another than in `wanted`, in words that name both; without it, whether this version has made them.
    pub(super) fn unlike(&self, wanted: Option<&Self>) -> Vec<String> {
        let Some(wanted) = wanted else {
            let this = env!("CARGO_PKG_VERSION");
            let other =
                (self.tool != this).then(|| format!("made with landfall {}, and this is {this}", self.tool));
            return other.into_iter().collect();
        };
        let same = [
            self.policy == wanted.policy,
            self.databases == wanted.databases,
            self.tool == wanted.tool,
            self.options == wanted.options,
        ];
        let words = self.words().into_iter().zip(wanted.words()).zip(same);
        let unlike = words.filter(|(_, is_same)| !is_same).map(|(((what, made), (_, wanted)), _)| {
            if made == wanted {
                return format!("made with other {what} of the same name: {made}");
            }
            format!("made with {what} '{made}', not '{wanted}'")
        });
        unlike.collect()
    }

    /// What they say, for people: policy, databases, version, options.
    pub fn words(&self) -> Vec<(&'static str, String)> {
        let text = |value: &serde_json::Value| value.as_str().map(ToOwned::to_owned);
        let texts = |list: &serde_json::Value, of: &dyn Fn(&serde_json::Value) -> Option<String>| {
            list.as_array().into_iter().flatten().filter_map(of).collect::<Vec<_>>()
        };
        let rules = texts(&self.policy["rules"], &|rule| text(&rule["text"])).join("; ");
        let rules = if rules.is_empty() { "no rules".to_owned() } else { rules };
        let name = text(&self.policy["name"]).map(|name| format!("{name}: ")).unwrap_or_default();
        let database = |database: &serde_json::Value| {
            let built = text(&database["built"]).and_then(|time| Some(format!(" of {}", time.get(..10)?)));
            Some(format!("{}{}", text(&database["id"])?, built.unwrap_or_default()))
        };
        let databases = texts(&self.databases, &database);
        let options: Vec<String> =
            self.options.iter().map(|(name, value)| format!("{name} {value}")).collect();
        vec![
            ("policy", format!("{name}{rules}")),
            ("databases", if databases.is_empty() { "none".to_owned() } else { databases.join(", ") }),
            ("landfall", self.tool.clone()),
            ("options", options.join(", ")),
        ]
    }

    /// What is not the same in `other`, in words; nothing if they are equal.
    pub fn differences(&self, other: &Self) -> Vec<&'static str> {
        let mut found = Vec::new();
        let mut note = |differs, what| {
            if differs {
                found.push(what);
            }
        };
        note(self.schema_version != other.schema_version, "form of the records");
        note(self.tool != other.tool, "version of landfall");
        note(self.policy != other.policy, "policy");
        note(self.databases != other.databases, "databases");
        note(self.options != other.options, "options");
        found
    }
}

impl Record {
    /// The record of a campaign of which nothing is known yet.
    pub(super) fn new(campaign: &Campaign, settings: &Settings) -> Self {
        Self {
            schema_version: SCHEMA_VERSION.to_owned(),
            campaign: campaign.name.clone(),
            settings: settings.id(),
            vantage: campaign.vantage.clone(),
            home: campaign.home.clone(),
            labels: campaign.labels.clone(),
            status: Status::Failed,
            reason: None,
            inputs: Vec::new(),
            parts: BTreeMap::new(),
        }
    }

    /// Takes over what a report says of the captures.
    pub(super) fn describe(&mut self, inspected: &Inspected) {
        let report = &inspected.report;
        let damage = |input: &InputReport| {
            let damage = input.damage.as_ref()?;
            Some(format!("'{}' is damaged at byte {}: {}", input.path, damage.offset, damage.reason))
        };
        let changed = || {
            let (name, _) = inspected.changed.first()?;
            Some(format!("'{name}' changed while it was read"))
        };
        let lacks = || inspected.left_out.iter().find_map(|left_out| left_out.reason.clone());
        self.reason = report.inputs.iter().find_map(damage).or_else(changed).or_else(lacks);
        self.status = if self.reason.is_some() { Status::Damaged } else { Status::Done };
        let input = |input: &InputReport| InputRecord {
            path: input.path.clone(),
            size: input.size,
            sha256: input.sha256.clone(),
        };
        let left_out = inspected.left_out.iter().map(|file| InputRecord {
            path: file.name.clone(),
            size: file.size,
            sha256: None,
        });
        self.inputs = report.inputs.iter().map(input).chain(left_out).collect();
        for (name, size) in &inspected.changed {
            // The next run sees that it is another, and reads it again.
            let inputs = self.inputs.iter_mut().filter(|input| input.path == *name);
            inputs.for_each(|input| input.size = Some(*size));
        }
    }

    /// The record of `campaign` in `out`, if there is one.
    pub fn read(out: &Path, campaign: &str) -> Result<Option<Self>, CorpusError> {
        let record: Option<Self> = read(&place(out, campaign))?;
        match record {
            Some(record) if record.campaign != campaign => {
                Err(CorpusError::SameFiles { one: record.campaign, other: campaign.to_owned() })
            }
            record => Ok(record),
        }
    }

    /// Removes the record of `campaign` in `out`, if there is one.
    pub(super) fn remove(out: &Path, campaign: &str) -> Result<(), CorpusError> {
        remove(&place(out, campaign))
    }

    /// The record in `out` of the campaign whose files have that name.
    pub(super) fn by_stem(out: &Path, stem: &str) -> Result<Option<Self>, CorpusError> {
        read(&out.join(FOLDER).join(stem).with_extension("json"))
    }

    /// Whether the campaign needs not be inspected again: it could be read, and it is what it was, as far as names and
    /// sizes tell. `files` are those of [`Campaign::sizes`]. What has gone since was read once, and is no reason.
    pub(super) fn stands(&self, campaign: &Campaign, files: &[(String, Option<u64>)]) -> bool {
        if matches!(self.status, Status::Failed | Status::LeftOut) || !self.is_described_by(campaign) {
            return false;
        }
        let known: HashMap<&str, Option<u64>> =
            self.inputs.iter().map(|input| (input.path.as_str(), input.size)).collect();
        let is_as_it_was = |(name, size): &(String, Option<u64>)| match (known.get(name.as_str()), size) {
            (Some(Some(before)), Some(size)) => before == size,
            (Some(_), _) | (None, None) => true,
            (None, Some(_)) => false,
        };
        let is_wanted = |path: &&str| {
            let is = |name: &str| {
                path.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            campaign.files.iter().any(|capture| is(&capture.name))
        };
        let wanted: HashSet<&str> = campaign.files.iter().map(|capture| capture.name.as_str()).collect();
        files.iter().all(is_as_it_was) && known.keys().all(|path| wanted.contains(path) || is_wanted(path))
    }

    /// Whether its part of each table in `out` is there, as far as names and sizes tell.
    pub(super) fn is_whole(&self, out: &Path) -> bool {
        let stem = file_stem(&self.campaign);
        let size = |table: &str| fs::metadata(super::parts::place(out, table, &stem)).map(|data| data.len());
        self.parts.iter().all(|(table, part)| size(table).is_ok_and(|bytes| bytes == part.bytes))
    }

    /// Whether the corpus says of the campaign what it said when the record was made.
    pub(super) fn is_described_by(&self, campaign: &Campaign) -> bool {
        (&self.vantage, &self.home, &self.labels) == (&campaign.vantage, &campaign.home, &campaign.labels)
    }

    /// Writes it to `out`, whole or not at all.
    pub(super) fn write(&self, out: &Path) -> Result<(), CorpusError> {
        put(&place(out, &self.campaign), |file| fill(file, self))
    }

    /// Where the records in `out` lie, in no order; none where there are none yet.
    pub(super) fn paths(out: &Path) -> Result<Vec<PathBuf>, CorpusError> {
        let folder = out.join(FOLDER);
        let failed = |source| CorpusError::Read { path: folder.clone(), source };
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(failed)?,
        };
        let mut paths = Vec::new();
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            if path.extension().is_some_and(|ending| ending == "json") {
                paths.push(path);
            }
        }
        Ok(paths)
    }

    /// The record at `path`; `None` if it is gone.
    pub(super) fn at(path: &Path) -> Result<Option<Self>, CorpusError> {
        read(path)
    }
}

/// The name that files of a campaign have: sixteen hexadecimal digits of the hash of its name, which may be no file name.
pub(super) fn file_stem(campaign: &str) -> String {
    hexadecimal(&Sha256::digest(campaign)).chars().take(16).collect()
}

fn place(out: &Path, campaign: &str) -> PathBuf {
    out.join(FOLDER).join(file_stem(campaign)).with_extension("json")
}

/// What the file at `path` holds; `None` where there is none.
fn read<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<Option<T>, CorpusError> {
    let failed = |source: io::Error| CorpusError::Read { path: path.to_owned(), source };
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(failed)?,
    };
    let value = serde_json::from_reader(BufReader::new(file.take(MAX_RECORD)));
    value.map(Some).map_err(|error| failed(error.into()))
}

fn fill<T: Serialize>(file: &mut File, value: &T) -> io::Result<()> {
    let mut text = serde_json::to_vec_pretty(value)?;
    text.push(b'\n');
    file.write_all(&text)
}

/// The SHA-256 of the file at `path`, in hexadecimal, and its size.
pub(super) fn hash(path: &Path) -> io::Result<(String, u64)> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    let mut size = 0;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok((hexadecimal(&hash.finalize()), size));
        }
        hash.update(buffer.get(..read).unwrap_or_default());
        size += read as u64;
    }
}

pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
