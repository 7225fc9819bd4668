//! What a run leaves beside the tables: one file a campaign, written last, that says what came of it.

use super::{Campaign, CorpusError};
use crate::report::{InputReport, Report};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

/// Version of [`Record`] and [`Settings`] as files.
const SCHEMA_VERSION: &str = "1";
/// Bytes of a record. A greater file is none of ours.
const MAX_RECORD: u64 = 64 << 20;
/// The folder of the records.
const FOLDER: &str = "campaigns";
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
    /// Of the file as it lies on disk, in hexadecimal.
    pub sha256: Option<String>,
}

/// A campaign's part of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Rows in it.
    pub rows: u64,
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

    /// Writes them to `out`.
    pub fn write(&self, out: &Path) -> Result<(), CorpusError> {
        write(&out.join(SETTINGS), self)
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
            status: Status::Failed,
            reason: None,
            inputs: Vec::new(),
            parts: BTreeMap::new(),
        }
    }

    /// Takes over what a report says of the captures.
    pub(super) fn describe(&mut self, report: &Report) {
        let damage = |input: &InputReport| {
            let damage = input.damage.as_ref()?;
            Some(format!("'{}' is damaged at byte {}: {}", input.path, damage.offset, damage.reason))
        };
        self.reason = report.inputs.iter().find_map(damage);
        self.status = if self.reason.is_some() { Status::Damaged } else { Status::Done };
        let input = |input: &InputReport| InputRecord {
            path: input.path.clone(),
            size: input.size,
            sha256: input.sha256.clone(),
        };
        self.inputs = report.inputs.iter().map(input).collect();
    }

    /// The record of `campaign` in `out`, if there is one.
    pub fn read(out: &Path, campaign: &str) -> Result<Option<Self>, CorpusError> {
        read(&place(out, campaign))
    }

    /// Writes it to `out`, whole or not at all.
    pub fn write(&self, out: &Path) -> Result<(), CorpusError> {
        write(&place(out, &self.campaign), self)
    }

    /// All records in `out`, by campaign.
    pub fn all(out: &Path) -> Result<Vec<Self>, CorpusError> {
        let folder = out.join(FOLDER);
        let failed = |source| CorpusError::Read { path: folder.clone(), source };
        let mut records = Vec::new();
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.extension().is_some_and(|ending| ending == "json") {
                records.extend(read::<Self>(&path)?);
            }
        }
        records.sort_by(|one, other| one.campaign.cmp(&other.campaign));
        Ok(records)
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

fn write<T: Serialize>(path: &Path, value: &T) -> Result<(), CorpusError> {
    put(path, |file| {
        serde_json::to_writer_pretty(&mut *file, value)?;
        io::Write::write_all(file, b"\n")
    })
}

/// Has `fill` write a file so that whoever looks sees nothing of it, or all.
pub(super) fn put(path: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> Result<(), CorpusError> {
    let failed = |source| CorpusError::Write { path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    // Two processes that are at the same campaign have files of their own, and the same result.
    let part = path.with_extension(format!("{}.part", std::process::id()));
    let filled = File::create(&part).and_then(|mut file| {
        fill(&mut file)?;
        file.sync_all()
    });
    filled.and_then(|()| fs::rename(&part, path)).map_err(|source| {
        // What is left of a file that could not be written is of no use.
        let _ = fs::remove_file(&part);
        failed(source)
    })
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
