//! Which captures belong together: a folder, a list of paths, or a manifest.

use super::CorpusError;
use crate::locate::Vantage;
use crate::policy::CountrySet;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// Bytes of a manifest or a list of paths. Above it, it is most likely a capture given by mistake.
const MAX_MANIFEST: u64 = 64 << 20;
/// Campaigns of a corpus.
const MAX_CAMPAIGNS: usize = 1 << 20;
/// Files found in a folder, however deep.
const MAX_FILES: usize = 1 << 20;
/// Folders inside of folders that are looked into.
const MAX_DEPTH: usize = 64;

/// Captures that are read as one stream: the rotated files of one vantage point.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Campaign {
    /// What it is called in every table; of a corpus that is a folder, the path of its one file in there.
    pub name: String,
    /// Its captures and folders of captures.
    pub files: Vec<Capture>,
    /// Where they were taken: `LAT,LON` or a country's code.
    #[serde(default)]
    pub vantage: Option<String>,
    /// Countries and groups that its calls should stay in.
    #[serde(default)]
    pub home: Vec<String>,
    /// What else the manifest says of it, for the tables.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Whether it was found in a folder and not named: what is no capture is left out then.
    #[serde(default)]
    pub found: bool,
}

/// A capture, or a folder of captures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Capture {
    /// What the tables call it: its path as the corpus has it, the same wherever the corpus lies.
    pub name: String,
    /// Where it is opened.
    pub path: PathBuf,
}

/// The campaigns of a corpus, by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Corpus {
    /// The campaigns, sorted by name; no name comes twice.
    pub campaigns: Vec<Campaign>,
    /// What a person should know about the choice of captures.
    pub notes: Vec<String>,
}

/// The I-th of N parts of a corpus: every N-th campaign, from the I-th on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    part: usize,
    of: usize,
}

impl Shard {
    /// The only part of one.
    pub const WHOLE: Self = Self { part: 1, of: 1 };
}

impl std::str::FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers =
            text.split_once('/').and_then(|(part, of)| Some((part.parse().ok()?, of.parse().ok()?)));
        match numbers {
            Some((part, of)) if (1..=of).contains(&part) => Ok(Self { part, of }),
            _ => Err("not of the form I/N with I from 1 to N: 3/16 is the third of sixteen parts".to_owned()),
        }
    }
}

impl Corpus {
    /// Finds the campaigns at `path`: every file of a folder is one, so is every line of a list of paths, and a TOML
    /// manifest names its own.
    pub fn open(path: &Path) -> Result<Self, CorpusError> {
        let mut notes = Vec::new();
        let mut campaigns = if path.is_dir() { of_folder(path, &mut notes)? } else { of_file(path)? };
        campaigns.sort_by(|one, other| one.name.cmp(&other.name));
        if let Some([one, _]) = campaigns.array_windows().find(|[one, other]| one.name == other.name) {
            return Err(CorpusError::TwoOfOneName { path: path.to_owned(), name: one.name.clone() });
        }
        if campaigns.is_empty() {
            return Err(CorpusError::Empty { path: path.to_owned() });
        }
        if campaigns.len() > MAX_CAMPAIGNS {
            return Err(CorpusError::TooMany { path: path.to_owned(), limit: MAX_CAMPAIGNS });
        }
        notes.extend(shared(&campaigns));
        Ok(Self { campaigns, notes })
    }

    /// Leaves only the campaigns of one part.
    #[must_use]
    pub fn shard(self, shard: Shard) -> Self {
        let campaigns = self.campaigns.into_iter().skip(shard.part - 1).step_by(shard.of).collect();
        Self { campaigns, ..self }
    }
}

impl Campaign {
    /// Where its captures were taken, or what is wrong with what is said of that.
    pub fn vantage(&self) -> Result<Option<Vantage>, String> {
        self.vantage.as_deref().map(str::parse::<Vantage>).transpose().map_err(|error| error.to_string())
    }

    /// What is wrong with it, apart from its captures.
    pub fn check(&self) -> Result<(), String> {
        if self.name.is_empty() {
            return Err("its name is empty".to_owned());
        }
        if self.files.is_empty() {
            return Err("it has no files".to_owned());
        }
        self.vantage()?;
        let is_list = |list: &String| list.parse::<CountrySet>().map(drop).map_err(|error| error.to_string());
        self.home.iter().try_for_each(is_list)
    }

    /// Its files, those in folders among them, by the names that the tables have for them.
    pub(super) fn expanded(&self) -> Vec<Capture> {
        let mut files = Vec::new();
        for capture in &self.files {
            let (name, folder, mut inner) = (&capture.name, &capture.path, Vec::new());
            if folder.is_dir() && walk(folder, MAX_DEPTH, &mut inner, &mut Vec::new()).is_ok() {
                let named =
                    |path: PathBuf| Capture { name: format!("{name}/{}", name_in(folder, &path)), path };
                files.extend(inner.into_iter().map(named));
            } else {
                files.push(capture.clone());
            }
        }
        files
    }

    /// The names of its files, and their bytes where that is known.
    pub(super) fn sizes(&self) -> Vec<(String, Option<u64>)> {
        let size = |path: &Path| fs::metadata(path).ok().filter(fs::Metadata::is_file).map(|data| data.len());
        self.expanded().into_iter().map(|Capture { name, path }| (name, size(&path))).collect()
    }

    /// A campaign of one file.
    fn single(name: String, path: PathBuf, found: bool) -> Self {
        let files = vec![Capture { name: name.clone(), path }];
        Self { name, files, vantage: None, home: Vec::new(), labels: BTreeMap::new(), found }
    }
}

/// Captures that are part of several campaigns: their calls would be counted once for each.
fn shared(campaigns: &[Campaign]) -> Vec<String> {
    let mut owners: HashMap<&Path, &str> = HashMap::new();
    let mut notes = Vec::new();
    for campaign in campaigns {
        for capture in &campaign.files {
            let owner = *owners.entry(&capture.path).or_insert(&campaign.name);
            if owner != campaign.name {
                notes.push(format!(
                    "'{}' is part of both {owner:?} and {:?}: its calls are counted twice",
                    capture.name, campaign.name
                ));
            }
        }
    }
    notes
}

fn of_folder(folder: &Path, notes: &mut Vec<String>) -> Result<Vec<Campaign>, CorpusError> {
    let mut files = Vec::new();
    walk(folder, MAX_DEPTH, &mut files, notes)?;
    let name = |file: &Path| name_in(folder, file);
    Ok(files.into_iter().map(|file| Campaign::single(name(&file), file, true)).collect())
}

/// The path of a file in a folder, with `/` between its parts; bytes of it that are no text stand as `\\xff`.
fn name_in(folder: &Path, file: &Path) -> String {
    let inner = file.strip_prefix(folder).unwrap_or(file);
    let mut name = String::new();
    for part in inner {
        if !name.is_empty() {
            name.push('/');
        }
        for chunk in part.as_encoded_bytes().utf8_chunks() {
            name.push_str(chunk.valid());
            for byte in chunk.invalid() {
                // Writing to a string cannot fail.
                let _ = write!(name, "\\x{byte:02x}");
            }
        }
    }
    name
}

/// Every file in `folder`, however deep. Links to folders are not followed, for they may lead in a circle; pipes,
/// devices and results of a run are no captures.
fn walk(
    folder: &Path,
    depth: usize,
    files: &mut Vec<PathBuf>,
    notes: &mut Vec<String>,
) -> Result<(), CorpusError> {
    let failed = |source| CorpusError::Read { path: folder.to_owned(), source };
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let (kind, path) = (entry.file_type().map_err(failed)?, entry.path());
        let mut note = |what| notes.push(format!("left out: '{}' {what}", path.display()));
        if kind.is_dir() && is_results(&path) {
            note("has results of a corpus");
        } else if kind.is_dir() && depth == 0 {
            note("lies too deep");
        } else if kind.is_dir() {
            walk(&path, depth - 1, files, notes)?;
        } else if kind.is_symlink() && path.is_dir() {
            note("is a link to a folder");
        } else if kind.is_file() || (kind.is_symlink() && path.is_file()) {
            files.push(path);
        } else {
            note("is no file");
        }
        if files.len() > MAX_FILES {
            return Err(CorpusError::TooMany { path: folder.to_owned(), limit: MAX_FILES });
        }
    }
    Ok(())
}

/// Whether a folder is the `--out` of a run.
fn is_results(folder: &Path) -> bool {
    folder.join("settings.json").is_file() && folder.join("campaigns").is_dir()
}

fn of_file(path: &Path) -> Result<Vec<Campaign>, CorpusError> {
    let failed = |source| CorpusError::Read { path: path.to_owned(), source };
    let size = fs::metadata(path).map_err(failed)?.len();
    if size > MAX_MANIFEST {
        return Err(CorpusError::NoManifest { path: path.to_owned() });
    }
    let bytes = fs::read(path).map_err(failed)?;
    let text = String::from_utf8(bytes).map_err(|_| CorpusError::NoManifest { path: path.to_owned() })?;
    let folder = path.parent().unwrap_or(Path::new(""));
    if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("toml")) {
        return of_manifest(path, folder, &text);
    }
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let campaign = |line: &str| {
        let file = folder.join(line);
        if file.exists() {
            return Ok(Campaign::single(line.to_owned(), file, false));
        }
        Err(CorpusError::NoFile {
            path: path.to_owned(),
            campaign: line.to_owned(),
            pattern: line.to_owned(),
        })
    };
    lines.map(campaign).collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    campaign: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    files: Vec<String>,
    vantage: Option<String>,
    #[serde(default)]
    home: Vec<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

fn of_manifest(path: &Path, folder: &Path, text: &str) -> Result<Vec<Campaign>, CorpusError> {
    let bad = |source| CorpusError::Toml { path: path.to_owned(), source: Box::new(source) };
    let manifest: Manifest = toml::from_str(text).map_err(bad)?;
    manifest.campaign.into_iter().map(|entry| entry.campaign(path, folder)).collect()
}

impl Entry {
    fn campaign(self, manifest: &Path, folder: &Path) -> Result<Campaign, CorpusError> {
        let wrong = |campaign: &str, what: String| CorpusError::Campaign {
            path: manifest.to_owned(),
            campaign: campaign.to_owned(),
            what,
        };
        let (mut files, mut seen) = (Vec::new(), BTreeSet::new());
        for pattern in &self.files {
            let found = matches(folder, pattern).map_err(|what| wrong(&self.name, what))?;
            if found.is_empty() {
                let (path, campaign) = (manifest.to_owned(), self.name.clone());
                return Err(CorpusError::NoFile { path, campaign, pattern: pattern.clone() });
            }
            // Of two names of one file the first counts: it is read once.
            let is_new =
                |path: &PathBuf| seen.insert(fs::canonicalize(path).unwrap_or_else(|_| path.clone()));
            let found = found.into_iter().filter(is_new);
            files.extend(found.map(|path| Capture { name: name_in(folder, &path), path }));
        }
        let Self { name, vantage, home, labels, .. } = self;
        let campaign = Campaign { name, files, vantage, home, labels, found: false };
        campaign.check().map_err(|what| wrong(&campaign.name, what))?;
        Ok(campaign)
    }
}

/// What a path or pattern (`*`, `?`, `[...]`, `**`) of a manifest means, sorted by name. What is there under that very
/// name is meant by it, whatever characters are in it.
fn matches(folder: &Path, pattern: &str) -> Result<Vec<PathBuf>, String> {
    let literal = folder.join(pattern);
    if literal.exists() {
        return Ok(vec![literal]);
    }
    let escaped = PathBuf::from(glob::Pattern::escape(&folder.to_string_lossy())).join(pattern);
    let found = glob::glob(&escaped.to_string_lossy()).map_err(|error| format!("'{pattern}': {error}"))?;
    found.take(MAX_FILES).map(|path| path.map_err(|error| error.to_string())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn corpus(
        files: &[&str],
        manifest: Option<(&str, &str)>,
    ) -> (tempfile::TempDir, Result<Corpus, CorpusError>) {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, b"").unwrap();
        }
        let path = manifest.map(|(name, text)| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            path
        });
        let opened = Corpus::open(path.as_deref().unwrap_or(folder.path()));
        (folder, opened)
    }

    fn names(corpus: &Corpus) -> Vec<&str> {
        corpus.campaigns.iter().map(|campaign| campaign.name.as_str()).collect()
    }

    #[test]
    fn every_file_of_a_folder_is_a_campaign_by_its_path_in_there() {
        let (_folder, corpus) = corpus(&["b.pcap", "a/z.pcap", "a/b/c.pcapng.gz", ".hidden/x", ".y"], None);
        assert_eq!(names(&corpus.unwrap()), ["a/b/c.pcapng.gz", "a/z.pcap", "b.pcap"]);
    }

    #[test]
    fn every_line_of_a_list_is_a_campaign() {
        let list = ("list.txt", "# mine\nb.pcap\n\n a.pcap \n");
        let (_folder, corpus) = corpus(&["a.pcap", "b.pcap", "c.pcap"], Some(list));
        assert_eq!(names(&corpus.unwrap()), ["a.pcap", "b.pcap"]);
    }

    #[test]
    fn a_manifest_says_what_belongs_together() {
        let text = r#"
            [[campaign]]
            name = "turin"
            files = ["t/2020-*.pcap", "odd[1].pcap"]
            vantage = "45.07,7.69"
            home = ["@eu"]
            labels = { network = "campus" }
            [[campaign]]
            name = "oslo"
            files = ["o.pcap"]
        "#;
        let files = ["t/2020-02.pcap", "t/2020-01.pcap", "t/2021-01.pcap", "odd[1].pcap", "o.pcap"];
        let (_folder, corpus) = corpus(&files, Some(("corpus.toml", text)));
        let corpus = corpus.unwrap();
        assert_eq!(names(&corpus), ["oslo", "turin"]);
        let turin = &corpus.campaigns[1];
        let files: Vec<_> = turin.files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(files, ["t/2020-01.pcap", "t/2020-02.pcap", "odd[1].pcap"]);
        assert_eq!(turin.vantage.as_deref(), Some("45.07,7.69"));
        assert_eq!(turin.labels["network"], "campus");
    }

    #[test]
    fn what_is_wrong_in_a_manifest_is_named() {
        let wrong = |text: &str| {
            let (_folder, corpus) = corpus(&["a.pcap"], Some(("c.toml", text)));
            let error = corpus.unwrap_err();
            let source = std::error::Error::source(&error).map(|source| format!(": {source}"));
            format!("{error}{}", source.unwrap_or_default())
        };
        let one = "[[campaign]]\nname = \"a\"\nfiles = [\"a.pcap\"]\n";
        for (text, words) in [
            (format!("{one}{one}"), "two campaigns named \"a\""),
            (format!("{one}vantage = \"nowhere\""), "campaign \"a\""),
            (format!("{one}home = [\"@e\"]"), "campaign \"a\""),
            (format!("{one}colour = 1"), "line 4"),
            (one.replace("a.pcap", "b*"), "no file is 'b*'"),
            (one.replace("\"a.pcap\"", ""), "it has no files"),
            (one.replace("= \"a\"", "= \"\""), "its name is empty"),
        ] {
            let message = wrong(&text);
            assert!(message.contains(words), "{message}");
        }
    }

    #[test]
    fn shards_share_a_corpus_out_without_loss_or_repetition() {
        let files = ["a", "b", "c", "d", "e", "f", "g"];
        let (_folder, corpus) = corpus(&files, None);
        let corpus = corpus.unwrap();
        for of in 1..9 {
            let part = |part| corpus.clone().shard(Shard { part, of });
            let mut all: Vec<_> = (1..=of).flat_map(|number| part(number).campaigns).collect();
            all.sort_by(|one, other| one.name.cmp(&other.name));
            assert_eq!(all, corpus.campaigns);
        }
        assert_eq!(names(&corpus.shard("2/3".parse().unwrap())), ["b", "e"]);
        for wrong in ["0/3", "4/3", "3", "a/b", "1/0", ""] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn nothing_to_read_is_an_error() {
        let (_folder, nothing) = corpus(&[], None);
        assert!(matches!(nothing, Err(CorpusError::Empty { .. })));
        let missing = corpus(&[], Some(("list", "gone.pcap"))).1;
        assert!(matches!(missing, Err(CorpusError::NoFile { .. })));
        let capture = tempfile::NamedTempFile::new().unwrap();
        fs::write(capture.path(), [0xd4, 0xc3, 0xb2, 0xa1]).unwrap();
        assert!(matches!(Corpus::open(capture.path()), Err(CorpusError::NoManifest { .. })));
    }
}
