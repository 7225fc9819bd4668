//! Makes a bundle again from the captures and compares: the same input gives the same bytes.

use super::bundle::Bundle;
use super::manifest::{self, GivenAs, KeyEntry, Manifest, REPORT};
use super::names::{EMBEDDED, FileNames};
use super::verify::{Verification, VerifyRequest, by_hash, read_own};
use super::{EvidenceError, task};
use crate::capture::Progress;
use crate::pipeline::{self, Request};
use crate::report::Format;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes of a file of a bundle that is compared: a report on a million flows has less.
const MAX_REPORT: u64 = 1 << 30;

/// Makes the bundle again and compares.
pub(super) fn again(
    request: &VerifyRequest,
    manifest: &Manifest,
    captures: Vec<PathBuf>,
    progress: &Arc<Progress>,
    found: &mut Verification,
) -> Result<(), EvidenceError> {
    let Some(mut rerun) = files_for(request, manifest, found)? else { return Ok(()) };
    rerun.paths = captures;
    rerun.threads = request.threads;
    let version = env!("CARGO_PKG_VERSION");
    if manifest.tool.version != version {
        found.unchecked.push(format!(
            "the bundle was made with version {} of the program, and this is {version}",
            manifest.tool.version
        ));
    }
    let mut inspected = pipeline::inspect(&rerun, progress)?;
    for (entry, database) in manifest.databases.iter().zip(&inspected.report.databases) {
        let hash = database.sha256.map(|hash| manifest::hexadecimal(&hash)).unwrap_or_default();
        if entry.sha256 != hash {
            found.unchecked.push(format!(
                "the bundle was made with {} (sha256 {}), and this program has {} (sha256 {hash})",
                entry.id, entry.sha256, database.id
            ));
        }
    }
    let names = FileNames {
        inputs: manifest.inputs.iter().map(|input| input.name.clone()).collect(),
        databases: manifest
            .databases
            .iter()
            .map(|database| database.name.clone().unwrap_or_else(|| EMBEDDED.to_owned()))
            .collect(),
        services: manifest.services.iter().map(|file| file.name.clone()).collect(),
    };
    if manifest.pseudonyms.is_some() && request.key.is_none() {
        if manifest.pseudonyms == Some(KeyEntry::Given) {
            found.unchecked.push("the pseudonyms: name the key with --key-file".to_owned());
        } else {
            found.lines.push("the pseudonyms cannot be made again: their key was random".to_owned());
        }
        names.write_to(&mut inspected.report);
        let report = inspected.report.render(Format::Json);
        return compare_outline(&request.folder, &report, found);
    }
    let key = request.key.as_ref().filter(|_| manifest.pseudonyms.is_some());
    let each = usize::try_from(manifest.settings.evidence_packets).unwrap_or(usize::MAX);
    let (bundle, _) = task::make(&rerun, each, key, &names, &mut inspected)?;
    compare(&request.folder, &bundle, found)
}

/// The request that the manifest asks for, with the files that are at hand; `None` if one is missing.
fn files_for(
    request: &VerifyRequest,
    manifest: &Manifest,
    found: &mut Verification,
) -> Result<Option<Request>, EvidenceError> {
    let at_hand = by_hash(&request.with)?;
    let mut rerun = manifest.settings.request().map_err(|reason| EvidenceError::Manifest { reason })?;
    let mut missing = Vec::new();
    let mut take = |name: &str, hash: &str, list: Option<&mut Vec<PathBuf>>| {
        let Some(list) = list else { return };
        match at_hand.get(hash) {
            // Claims name a database by its file.
            Some(path) if !is_called(path, name) => {
                missing.push(format!("'{}' has to be called {name}", path.display()));
            }
            Some(path) => list.push(path.clone()),
            None => missing.push(format!("{name} (sha256 {hash}) is not at hand: name its file with --with")),
        }
    };
    for database in &manifest.databases {
        let list = match database.given_as {
            GivenAs::Anycast => Some(&mut rerun.anycast),
            GivenAs::Db => Some(&mut rerun.databases),
            GivenAs::Ranges => Some(&mut rerun.ranges),
            GivenAs::Embedded => None,
        };
        take(database.name.as_deref().unwrap_or(&database.id), &database.sha256, list);
    }
    for file in &manifest.services {
        take(&file.name, &file.sha256, Some(&mut rerun.services));
    }
    if let Some(name) = manifest.settings.policy_file() {
        let hash = &manifest.policy.sha256;
        match at_hand.get(hash) {
            Some(path) => rerun.policy = Some(path.to_string_lossy().into_owned()),
            None => missing.push(format!("{name} (sha256 {hash}) is not at hand: name its file with --with")),
        }
    }
    let is_whole = missing.is_empty();
    found.unchecked.append(&mut missing);
    Ok(is_whole.then_some(rerun))
}

/// Whether the file at `path` has this name, apart from the number that tells files of one name apart.
fn is_called(path: &Path, name: &str) -> bool {
    let own = path.file_name().map(|own| own.to_string_lossy());
    own.is_some_and(|own| {
        name.strip_prefix(&*own).is_some_and(|rest| rest.is_empty() || rest.starts_with(" ("))
    })
}

/// Compares each file with what came out again.
fn compare(folder: &Path, bundle: &Bundle, found: &mut Verification) -> Result<(), EvidenceError> {
    let mut same = true;
    for (name, bytes) in &bundle.files {
        let kept = read_own(&folder.join(name), "file of a bundle", MAX_REPORT)?;
        if kept != *bytes {
            same = false;
            found.differences.push(format!("{name} comes out otherwise{}", place(name, &kept, bytes)));
        }
    }
    if same {
        found.lines.push("made again from the captures: the same bytes".to_owned());
    }
    Ok(())
}

/// Where two files begin to differ.
fn place(name: &str, kept: &[u8], bytes: &[u8]) -> String {
    let first = kept.iter().zip(bytes).take_while(|(kept, made)| kept == made).count();
    if name == manifest::PACKETS {
        return format!(", from byte {first} on");
    }
    let line = kept.iter().take(first).filter(|byte| **byte == b'\n').count() + 1;
    format!(", from line {line} on")
}

/// Where pseudonyms cannot be made again: compares verdicts and what findings say besides addresses and names.
fn compare_outline(folder: &Path, made: &[u8], found: &mut Verification) -> Result<(), EvidenceError> {
    let kept = read_own(&folder.join(REPORT), "report", MAX_REPORT)?;
    let outline_of = |bytes: &[u8]| serde_json::from_slice(bytes).map(|report: Value| outline(&report)).ok();
    if outline_of(&kept).is_some_and(|kept| Some(kept) == outline_of(made)) {
        found.lines.push("made again from the captures: the same verdicts, findings and sums".to_owned());
    } else {
        found.differences.push(format!("{REPORT}: verdicts or findings come out otherwise"));
    }
    Ok(())
}

/// What a report says without naming anybody.
fn outline(report: &Value) -> Value {
    const OF_FINDING: [&str; 8] =
        ["rule", "verdict", "session", "country", "confidence", "role", "contact", "packets"];
    let pick = |value: &Value, names: &[&str]| {
        names.iter().map(|name| value.get(name).cloned().unwrap_or_default()).collect::<Value>()
    };
    let each = |list: &str, names: &[&str]| {
        let list = report.get(list).and_then(Value::as_array);
        list.into_iter().flatten().map(|value| pick(value, names)).collect::<Value>()
    };
    let sessions = each("sessions", &["id", "service", "start", "end", "countries", "verdict"]);
    let whole = pick(report, &["schema_version", "verdict", "policy", "coverage"]);
    Value::from(vec![whole, sessions, each("findings", &OF_FINDING)])
}
