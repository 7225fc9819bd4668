//! The store of databases and lists of ranges under the user's data directory, and where geoipupdate puts its files.
//!
//! Files keep the date in their names, so that several builds of one database stand side by side: which of them is asked
//! depends on the time of the packets. Nothing here is used unless the user names it, and only `update` uses the network.

mod error;
#[cfg(feature = "update")]
pub mod fetch;
mod index;
pub mod run;
mod source;
mod update;

pub use error::StoreError;
pub use source::{Kind, Source, sources};
pub use update::{Fetch, Today, Updated};

use crate::locate::{self, Database};
use crate::report::text::chain;
use index::{Entry, Index};
use serde::Serialize;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Files of a folder that are looked at.
const MAX_FILES: usize = 4096;
/// Endings of the files that count.
const ENDINGS: [&str; 4] = ["mmdb", "json", "csv", "txt"];
/// What is known of the licence of MaxMind's files, which landfall may read but not keep or pass on.
const MAXMIND_LICENCE: &str =
    "GeoLite2/GeoIP2 EULA: not to be passed on; delete within 30 days of a newer build";

/// A folder of databases and lists.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
}

/// One file of the store, or of geoipupdate.
#[derive(Clone, Debug, Serialize)]
pub struct Item {
    /// Its name without the ending, by which `--db` and `--ranges` find it.
    pub name: String,
    /// Where it lies.
    pub path: PathBuf,
    /// What it is; `null` where it is nothing that is understood.
    pub database: Option<Database>,
    /// Why not.
    pub problem: Option<String>,
    /// Its licence, where that is known.
    pub licence: Option<String>,
    /// What its maker wants to be named as.
    pub attribution: Option<String>,
    /// Where it was fetched from.
    pub url: Option<String>,
    /// Bytes.
    pub size: u64,
}

impl Store {
    /// The store in `folder`, which need not be there.
    pub const fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The user's store: `$XDG_DATA_HOME/landfall`, else `~/.local/share/landfall`.
    pub fn of_user() -> Result<Self, StoreError> {
        let set = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let data = set("XDG_DATA_HOME").or_else(|| set("HOME").map(|home| home.join(".local/share")));
        data.map(|data| Self::new(data.join("landfall"))).ok_or(StoreError::NoHome)
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its files, by name, and those of geoipupdate in `elsewhere`.
    pub fn list(&self, elsewhere: &[PathBuf]) -> Result<Vec<Item>, StoreError> {
        let index = Index::read(&self.folder)?;
        let mut items: Vec<Item> =
            files(&self.folder)?.into_iter().map(|path| item(path, Some(&index))).collect();
        for folder in elsewhere.iter().filter(|folder| **folder != self.folder) {
            let databases =
                files(folder)?.into_iter().filter(|path| path.extension().is_some_and(|e| e == "mmdb"));
            items.extend(databases.map(|path| item(path, None)));
        }
        Ok(items)
    }

    /// Copies a file into the store once it has been understood. A file of that name there is replaced.
    pub fn add(&self, path: &Path) -> Result<Item, StoreError> {
        let database = locate::describe(path)?;
        let name = path.file_name().ok_or_else(|| StoreError::NoName { path: path.to_owned() })?;
        let bytes = fs::read(path).map_err(|source| StoreError::Read { path: path.to_owned(), source })?;
        let target = self.folder.join(name);
        self.put(&target, &bytes)?;
        let mut index = Index::read(&self.folder)?;
        index.set(&target, Entry { sha256: hexadecimal(&database), ..Entry::default() });
        index.write(self)?;
        Ok(item(target, Some(&index)))
    }

    /// Looks through every file: whether it is what it was when it came, and can be read to its end.
    pub fn verify(&self) -> Result<Vec<Item>, StoreError> {
        let index = Index::read(&self.folder)?;
        let mut items = self.list(&[])?;
        for found in &mut items {
            let expected = index.get(&found.path).and_then(|entry| entry.sha256.as_deref());
            let is = found.database.as_ref().and_then(hexadecimal);
            if expected.is_some() && is.as_deref() != expected {
                found.problem.get_or_insert_with(|| "it is not what it was when it came".to_owned());
            }
            if found.problem.is_none() {
                found.problem = locate::verify(&found.path).err().map(|error| chain(&error));
            }
        }
        Ok(items)
    }

    /// Writes a file so that whoever looks sees the old one or the new one, whole.
    fn put(&self, target: &Path, bytes: &[u8]) -> Result<(), StoreError> {
        let failed = |source| StoreError::Write { path: target.to_owned(), source };
        fs::create_dir_all(&self.folder).map_err(failed)?;
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let part = self.folder.join(format!(".{name}.{}.part", std::process::id()));
        let written = fs::File::create(&part).and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        });
        let moved = written.and_then(|()| fs::rename(&part, target));
        moved.map_err(|source| {
            // What is left of a file that could not be written is of no use.
            let _ = fs::remove_file(&part);
            failed(source)
        })
    }
}

/// Where geoipupdate puts its files: what its configuration says, else its defaults.
pub fn geoipupdate_folders() -> Vec<PathBuf> {
    const DEFAULTS: [&str; 3] = ["/usr/share/GeoIP", "/usr/local/share/GeoIP", "/var/lib/GeoIP"];
    let mut folders: Vec<PathBuf> =
        std::env::var_os("GEOIPUPDATE_DB_DIR").map(PathBuf::from).into_iter().collect();
    for file in ["/etc/GeoIP.conf", "/usr/local/etc/GeoIP.conf"] {
        let text = fs::read_to_string(file).unwrap_or_default();
        let set = text.lines().filter_map(|line| line.trim().strip_prefix("DatabaseDirectory"));
        folders.extend(set.map(|folder| PathBuf::from(folder.trim())));
    }
    folders.extend(DEFAULTS.map(PathBuf::from));
    folders.dedup();
    folders
}

/// The files that `paths` mean: what is no file is a name, of which every build in `folders` is meant.
pub fn resolve(paths: &[PathBuf], folders: &[PathBuf]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in paths {
        let is_name = path.components().count() == 1 && !path.exists();
        let name = path.to_string_lossy();
        let of_name = |file: &PathBuf| {
            let stem = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            let build = stem.strip_prefix(&*name);
            build.is_some_and(|date| date.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit()))
        };
        let before = found.len();
        if is_name {
            // What cannot be read has no file of that name; the missing file is then reported.
            let all = folders.iter().flat_map(|folder| files(folder).unwrap_or_default());
            found.extend(all.filter(of_name));
        }
        if found.len() == before {
            found.push(path.clone());
        }
    }
    found
}

/// The files of a folder that may be databases or lists, by name; none where there is no folder.
fn files(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let failed = |source| StoreError::Read { path: folder.to_owned(), source };
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut files = Vec::new();
    for entry in entries.take(MAX_FILES) {
        let path = entry.map_err(failed)?.path();
        let counts =
            |ending: &std::ffi::OsStr| ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known));
        let is_hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if !is_hidden && path.extension().is_some_and(counts) && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn item(path: PathBuf, index: Option<&Index>) -> Item {
    let described = locate::describe(&path);
    let entry = index.and_then(|index| index.get(&path)).cloned().unwrap_or_default();
    let (database, problem) = match described {
        Ok(database) => (Some(database), None),
        Err(error) => (None, Some(chain(&error))),
    };
    let is_maxmind = database.as_ref().is_some_and(|database| database.database_type.starts_with("Geo"));
    Item {
        name: path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default(),
        size: fs::metadata(&path).map_or(0, |metadata| metadata.len()),
        licence: entry.licence.or_else(|| is_maxmind.then(|| MAXMIND_LICENCE.to_owned())),
        attribution: entry.attribution,
        url: entry.url,
        path,
        database,
        problem,
    }
}

fn hexadecimal(database: &Database) -> Option<String> {
    use std::fmt::Write;
    let mut text = String::with_capacity(64);
    for byte in database.sha256? {
        let _ = write!(text, "{byte:02x}");
    }
    Some(text)
}

#[cfg(test)]
mod tests;
