//! `manifest.json`: what a bundle was made of and what is in it, by SHA-256. Read back, it is hostile input.

use super::{EvidenceError, Settings};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Version of the structure.
const SCHEMA_VERSION: &str = "1";
/// Bytes of a manifest. A thousand captures and databases take half a megabyte.
pub(super) const MAX_BYTES: u64 = 16 << 20;
/// Files of one kind that a manifest may name.
const MAX_FILES: usize = 1 << 16;

/// The report of the run.
pub(super) const REPORT: &str = "report.json";
/// The packets behind the findings.
pub(super) const PACKETS: &str = "packets.pcapng";
/// What a person reads first.
pub(super) const README: &str = "README.txt";
/// This file.
pub(super) const MANIFEST: &str = "manifest.json";
/// Hashes in the form that `sha256sum -c` checks.
pub(super) const SUMS: &str = "SHA256SUMS";
/// The files of a bundle whose hashes the manifest has, sorted.
pub(super) const OUTPUTS: [&str; 3] = [README, PACKETS, REPORT];

/// What a bundle was made of and what is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of this structure.
    pub schema_version: String,
    /// The program that made it.
    pub tool: ToolEntry,
    /// The command, for people; file names are without folders.
    pub command: String,
    /// The same for programs.
    pub settings: Settings,
    /// The captures, in the order in which they were read.
    pub inputs: Vec<FileEntry>,
    /// Databases, lists of ranges and what the program carries, as in the report.
    pub databases: Vec<DatabaseEntry>,
    /// Files that add to the catalogue of services.
    pub services: Vec<FileEntry>,
    /// The rules.
    pub policy: PolicyEntry,
    /// Whether addresses were replaced, and by what kind of key; `null` where they were not.
    pub pseudonyms: Option<KeyEntry>,
    /// The packets of `packets.pcapng`.
    pub packets: PacketsEntry,
    /// The files beside this one.
    pub outputs: Vec<FileEntry>,
}

/// The program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolEntry {
    /// `landfall`.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Its name, without folders.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
}

/// A database or list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseEntry {
    /// What claims in the report call it.
    pub id: String,
    /// The flag that named it: `db`, `ranges` or `anycast`; `embedded` for what the program carries.
    pub given_as: GivenAs,
    /// Its file's name, without folders.
    pub name: Option<String>,
    /// When it was built, where it says.
    pub built: Option<String>,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
}

/// How a database came to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GivenAs {
    /// `--anycast`.
    Anycast,
    /// `--db`.
    Db,
    /// The program carries it.
    Embedded,
    /// `--ranges`.
    Ranges,
}

/// The rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyEntry {
    /// The name that it gives itself.
    pub name: Option<String>,
    /// Its rules, a line each.
    pub text: String,
    /// SHA-256 of its file; of rules of the command line, of `text`.
    pub sha256: String,
}

/// Where the key of pseudonyms came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyEntry {
    /// A file: whoever has it can make the bundle again.
    Given,
    /// Chance: nobody can.
    Random,
}

/// The packets of a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PacketsEntry {
    /// How many there are.
    pub kept: u64,
    /// How many a bound kept out, or could not be made safe to share.
    pub left_out: u64,
}

impl Manifest {
    /// The version of the structure that this program writes.
    pub(super) fn version() -> String {
        SCHEMA_VERSION.to_owned()
    }

    /// Reads a manifest. Nothing in it is believed to be a path.
    pub fn parse(bytes: &[u8]) -> Result<Self, EvidenceError> {
        let wrong = |reason: String| EvidenceError::Manifest { reason };
        if bytes.len() as u64 > MAX_BYTES {
            return Err(wrong(format!("it has more than {MAX_BYTES} bytes")));
        }
        let manifest: Self = serde_json::from_slice(bytes).map_err(|error| wrong(error.to_string()))?;
        manifest.check().map_err(wrong)?;
        Ok(manifest)
    }

    /// As it is written: indented, with a line feed at the end.
    pub fn render(&self) -> Vec<u8> {
        // No map has keys that are not strings, and no type refuses to be written.
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    fn check(&self) -> Result<(), String> {
        if self.schema_version != SCHEMA_VERSION {
            return Err(format!(
                "it has schema version {:?}, and this program reads {SCHEMA_VERSION:?}",
                self.schema_version
            ));
        }
        let outputs: BTreeSet<&str> = self.outputs.iter().map(|file| file.name.as_str()).collect();
        if outputs != BTreeSet::from(OUTPUTS) || self.outputs.len() != OUTPUTS.len() {
            return Err(format!("its outputs are not {}", OUTPUTS.join(", ")));
        }
        for (kind, count) in [
            ("inputs", self.inputs.len()),
            ("databases", self.databases.len()),
            ("services", self.services.len()),
        ] {
            if count > MAX_FILES {
                return Err(format!("it has more than {MAX_FILES} {kind}"));
            }
        }
        let files = [&self.inputs, &self.services, &self.outputs].into_iter().flatten();
        let named = files.map(|file| (Some(file.name.as_str()), file.sha256.as_str()));
        let databases = self.databases.iter().map(|data| (data.name.as_deref(), data.sha256.as_str()));
        for (name, hash) in named.chain(databases).chain([(None, self.policy.sha256.as_str())]) {
            if name.is_some_and(|name| !is_base_name(name)) {
                return Err(format!("{:?} is not the name of a file", name.unwrap_or_default()));
            }
            if !is_hash(hash) {
                return Err(format!("{hash:?} is no SHA-256"));
            }
        }
        Ok(())
    }
}

impl FileEntry {
    /// The file `name` that consists of `bytes`.
    pub(super) fn of(name: &str, bytes: &[u8]) -> Self {
        Self { name: name.to_owned(), size: bytes.len() as u64, sha256: hash(bytes) }
    }
}

/// Whether it can be the name of a file in a folder, and of none elsewhere.
fn is_base_name(name: &str) -> bool {
    !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\0'])
}

fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// SHA-256 in hexadecimal.
pub(super) fn hash(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// Bytes as digits.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The file that `sha256sum -c` reads: the manifest and what it names.
pub(super) fn sums(manifest_hash: &str, outputs: &[FileEntry]) -> String {
    let mut lines: Vec<(&str, &str)> =
        outputs.iter().map(|file| (file.name.as_str(), file.sha256.as_str())).collect();
    lines.push((MANIFEST, manifest_hash));
    lines.sort_unstable();
    lines.iter().fold(String::new(), |mut text, (name, hash)| {
        let _ = writeln!(text, "{hash}  {name}");
        text
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn example() -> Manifest {
        let file = |name: &str| FileEntry::of(name, name.as_bytes());
        Manifest {
            schema_version: Manifest::version(),
            tool: ToolEntry { name: "landfall".to_owned(), version: "0".to_owned() },
            command: "landfall inspect a.pcap".to_owned(),
            settings: Settings::default(),
            inputs: vec![file("a.pcap")],
            databases: vec![DatabaseEntry {
                id: "x".to_owned(),
                given_as: GivenAs::Db,
                name: Some("x.mmdb".to_owned()),
                built: None,
                sha256: hash(b""),
            }],
            services: Vec::new(),
            policy: PolicyEntry { name: None, text: "deny CN".to_owned(), sha256: hash(b"deny CN") },
            pseudonyms: Some(KeyEntry::Random),
            packets: PacketsEntry { kept: 1, left_out: 0 },
            outputs: OUTPUTS.map(file).to_vec(),
        }
    }

    fn reason(manifest: &Manifest) -> String {
        Manifest::parse(&manifest.render()).unwrap_err().to_string()
    }

    #[test]
    fn what_is_written_is_read_back() {
        assert_eq!(Manifest::parse(&example().render()).unwrap(), example());
    }

    #[test]
    fn names_are_no_paths() {
        for name in ["../../etc/passwd", "/etc/passwd", "..", ".", "", "a/b", "a\0"] {
            let mut manifest = example();
            manifest.inputs[0].name = name.to_owned();
            assert!(reason(&manifest).contains("is not the name of a file"), "{name}");
            let mut manifest = example();
            manifest.databases[0].name = Some(name.to_owned());
            assert!(reason(&manifest).contains("is not the name of a file"), "{name}");
        }
        let mut manifest = example();
        manifest.outputs[0].name = "elsewhere".to_owned();
        assert!(reason(&manifest).contains("its outputs are not README.txt"));
        manifest = example();
        manifest.outputs.push(manifest.outputs[0].clone());
        assert!(reason(&manifest).contains("its outputs are not"));
    }

    #[test]
    fn hashes_versions_and_fields_are_checked() {
        let mut manifest = example();
        manifest.inputs[0].sha256 = "0".repeat(63);
        assert!(reason(&manifest).contains("is no SHA-256"));
        manifest = example();
        manifest.schema_version = "2".to_owned();
        assert!(reason(&manifest).contains("schema version"));
        let text = String::from_utf8(example().render()).unwrap();
        let further = text.replacen('{', "{\"further\": 1,", 1);
        assert!(Manifest::parse(further.as_bytes()).unwrap_err().to_string().contains("further"));
        assert!(Manifest::parse("[".repeat(100_000).as_bytes()).is_err());
    }

    #[test]
    fn every_cut_is_an_error() {
        let bytes = example().render();
        for end in 0..bytes.len() - 2 {
            assert!(Manifest::parse(&bytes[..end]).is_err());
        }
    }

    #[test]
    fn sums_are_sorted_and_have_the_manifest() {
        let text = sums(&hash(b"m"), &example().outputs);
        let names: Vec<&str> = text.lines().map(|line| line.split("  ").nth(1).unwrap()).collect();
        assert_eq!(names, [README, MANIFEST, PACKETS, REPORT]);
    }
}
