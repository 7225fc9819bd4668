//! Checks a bundle: its hashes, and with the captures whether the same comes out again.

use super::bundle::read;
use super::manifest::{self, MANIFEST, Manifest, OUTPUTS, SUMS};
use super::{EvidenceError, Key, rerun};
use crate::capture::Progress;
use crate::report::text;
use crate::sandbox::{Allowed, NAMES_OF_PORTS};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Entries of the folder that are looked at; a bundle has five.
const MAX_ENTRIES: usize = 1000;
/// Bytes of `SHA256SUMS`: four lines.
const MAX_SUMS: u64 = 64 << 10;
/// Bytes hashed at a time.
const CHUNK: usize = 256 << 10;

/// What is to be checked.
#[derive(Clone, Debug, Default)]
pub struct VerifyRequest {
    /// The bundle.
    pub folder: PathBuf,
    /// The captures that it was made from.
    pub captures: Vec<PathBuf>,
    /// Databases, lists and catalogues that it was made with, in any order.
    pub with: Vec<PathBuf>,
    /// The key of its pseudonyms.
    pub key: Option<Key>,
    /// Threads; as many as there are processors where it is not said.
    pub threads: Option<NonZeroUsize>,
}

impl VerifyRequest {
    /// What has to be read for it. Nothing that links in the bundle lead to: whoever made it chose them.
    pub fn allowed(&self) -> Allowed {
        // The manifest may say a filter with names of ports.
        let ports = NAMES_OF_PORTS.map(PathBuf::from);
        let mut allowed = Allowed::reading(&[&self.captures[..], &self.with, &ports].concat());
        allowed.read.push(self.folder.clone());
        allowed
    }
}

/// What came of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verification {
    /// What was checked, a line each.
    pub lines: Vec<String>,
    /// What does not agree, a line each.
    pub differences: Vec<String>,
    /// What could not be checked, a line each.
    pub unchecked: Vec<String>,
}

impl Verification {
    /// 1 where something does not agree, else 2 where something could not be checked, else 0.
    pub const fn exit_status(&self) -> u8 {
        match (self.differences.is_empty(), self.unchecked.is_empty()) {
            (false, _) => 1,
            (true, false) => 2,
            (true, true) => 0,
        }
    }

    /// The result for people.
    pub fn render(&self) -> String {
        let mut out = String::new();
        for (mark, lines) in
            [("  ok  ", &self.lines), ("DIFF  ", &self.differences), ("   ?  ", &self.unchecked)]
        {
            for line in lines {
                out.push_str(mark);
                out.push_str(&text::escape(line));
                out.push('\n');
            }
        }
        out.push_str(match self.exit_status() {
            0 => "everything agrees\n",
            1 => "the bundle does not agree with what it says\n",
            _ => "what could be checked agrees\n",
        });
        out
    }
}

/// Checks the bundle that `request` names.
pub fn verify(request: &VerifyRequest, progress: &Arc<Progress>) -> Result<Verification, EvidenceError> {
    let mut found = Verification::default();
    let bytes = read_own(&request.folder.join(MANIFEST), "manifest", manifest::MAX_BYTES)?;
    let manifest = Manifest::parse(&bytes);
    files(&request.folder, &bytes, manifest.as_ref().ok(), &mut found)?;
    let manifest = match manifest {
        Ok(manifest) => manifest,
        Err(error) => {
            found.differences.push(error.to_string());
            return Ok(found);
        }
    };
    if request.captures.is_empty() {
        return Ok(found);
    }
    let Some(captures) = captures(request, &manifest, &mut found)? else { return Ok(found) };
    rerun::again(request, &manifest, captures, progress, &mut found)?;
    Ok(found)
}

/// Checks the files of the folder against the manifest and the list of hashes.
fn files(
    folder: &Path,
    manifest_bytes: &[u8],
    manifest: Option<&Manifest>,
    found: &mut Verification,
) -> Result<(), EvidenceError> {
    let manifest_hash = manifest::hash(manifest_bytes);
    for entry in manifest.map_or(&[][..], |manifest| &manifest.outputs) {
        match hash_of(&folder.join(&entry.name), entry.size) {
            Ok(Found::Hash(hash)) if hash == entry.sha256 => {
                found.lines.push(format!("{}  sha256 {}", entry.name, entry.sha256));
            }
            Ok(Found::Hash(hash)) => found.differences.push(format!(
                "{} is not what manifest.json says: sha256 {hash}, not {}",
                entry.name, entry.sha256
            )),
            Ok(Found::Size(size)) => found.differences.push(format!(
                "{} is not what manifest.json says: {size} bytes, not {}",
                entry.name, entry.size
            )),
            Ok(Found::Nothing) => found.differences.push(format!("{} is not there", entry.name)),
            Err(source) => return Err(EvidenceError::Read { path: folder.join(&entry.name), source }),
        }
    }
    sums(folder, &manifest_hash, manifest, found)?;
    extra(folder, found)
}

/// Checks the list of hashes: it is made of the manifest and nothing else.
fn sums(
    folder: &Path,
    manifest_hash: &str,
    manifest: Option<&Manifest>,
    found: &mut Verification,
) -> Result<(), EvidenceError> {
    let path = folder.join(SUMS);
    let is_there = fs::symlink_metadata(&path).is_ok_and(|data| data.is_file());
    if !is_there {
        found.differences.push(format!("{SUMS} is not there"));
        return Ok(());
    }
    let sums = read_own(&path, "list of hashes", MAX_SUMS)?;
    let outputs = manifest.map_or(&[][..], |manifest| &manifest.outputs);
    let line = format!("{manifest_hash}  {MANIFEST}");
    if sums == manifest::sums(manifest_hash, outputs).as_bytes() {
        found.lines.push(format!("{MANIFEST}  sha256 {manifest_hash}"));
    } else if String::from_utf8_lossy(&sums).lines().any(|other| other == line) {
        found.differences.push(format!("{SUMS} is not what {MANIFEST} says"));
    } else {
        let what = format!("{MANIFEST} does not have the hash that {SUMS} has");
        found.differences.push(format!("{what}: one of the two changed"));
    }
    Ok(())
}

/// Names what does not belong to a bundle.
fn extra(folder: &Path, found: &mut Verification) -> Result<(), EvidenceError> {
    let unreadable = |source| EvidenceError::Read { path: folder.to_owned(), source };
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)?.take(MAX_ENTRIES) {
        let name = entry.map_err(unreadable)?.file_name();
        let known = OUTPUTS.iter().chain(&[MANIFEST, SUMS]).any(|known| name == *known);
        if !known {
            names.push(name.to_string_lossy().into_owned());
        }
    }
    names.sort();
    found.differences.extend(names.iter().map(|name| format!("'{name}' does not belong to the bundle")));
    Ok(())
}

/// Reads a file of the bundle. It must be a file: a link may lead anywhere, and a pipe may never end.
pub(super) fn read_own(path: &Path, what: &'static str, limit: u64) -> Result<Vec<u8>, EvidenceError> {
    let unreadable = |source| EvidenceError::Read { path: path.to_owned(), source };
    if !fs::symlink_metadata(path).map_err(unreadable)?.is_file() {
        return Err(unreadable(io::Error::new(io::ErrorKind::InvalidInput, "it is no file")));
    }
    read(path, what, limit)
}

/// What is at a path.
enum Found {
    /// No file. A link is none: it may lead anywhere.
    Nothing,
    /// A file of another size than was wanted, which need not be read.
    Size(u64),
    /// A file with this hash.
    Hash(String),
}

fn hash_of(path: &Path, size: u64) -> io::Result<Found> {
    match fs::symlink_metadata(path) {
        Ok(data) if !data.is_file() => Ok(Found::Nothing),
        Ok(data) if data.len() != size => Ok(Found::Size(data.len())),
        Ok(_) => hash_file(path).map(Found::Hash),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Found::Nothing),
        Err(error) => Err(error),
    }
}

fn hash_file(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; CHUNK];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(manifest::hexadecimal(&hasher.finalize())),
            Ok(count) => hasher.update(buffer.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Hashes the files at `paths`.
pub(super) fn by_hash(paths: &[PathBuf]) -> Result<BTreeMap<String, PathBuf>, EvidenceError> {
    let mut files = BTreeMap::new();
    for path in paths {
        let hash = hash_file(path).map_err(|source| EvidenceError::Read { path: path.clone(), source })?;
        files.insert(hash, path.clone());
    }
    Ok(files)
}

/// The captures in the order of the manifest; `None` if one is missing.
fn captures(
    request: &VerifyRequest,
    manifest: &Manifest,
    found: &mut Verification,
) -> Result<Option<Vec<PathBuf>>, EvidenceError> {
    let mut given = by_hash(&request.captures)?;
    let mut paths = Vec::new();
    for input in &manifest.inputs {
        if let Some(path) = given.get(&input.sha256) {
            found.lines.push(format!("capture {}  sha256 {}", input.name, input.sha256));
            paths.push(path.clone());
        } else {
            let what = format!("capture {} (sha256 {}) was not given", input.name, input.sha256);
            found.unchecked.push(format!("{what}: name it with --capture"));
        }
    }
    given.retain(|hash, _| manifest.inputs.iter().all(|input| input.sha256 != *hash));
    let others = given.iter().map(|(hash, path)| {
        format!("'{}' is none of the captures that the bundle was made from: sha256 {hash}", path.display())
    });
    found.differences.extend(others);
    Ok((paths.len() == manifest.inputs.len()).then_some(paths))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_is_that_of_the_worst() {
        let mut found = Verification::default();
        assert_eq!(found.exit_status(), 0);
        found.unchecked.push(String::new());
        assert_eq!(found.exit_status(), 2);
        found.differences.push(String::new());
        assert_eq!(found.exit_status(), 1);
    }
}
