//! What `landfall db` does, and says about it.

use super::{Item, Source, Store, StoreError, Today, Updated, geoipupdate_folders, sources};
use crate::report::text::{bytes, chain, escape};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// What came of a command: its result, what else is to be said, and whether all went well.
#[derive(Debug, Default)]
pub struct Outcome {
    /// For standard output.
    pub text: String,
    /// For standard error: what failed.
    pub failures: Vec<String>,
}

/// Lists the store and geoipupdate's files.
pub fn list(store: &Store, json: bool) -> Result<Outcome, StoreError> {
    Ok(shown(store, &store.list(&geoipupdate_folders())?, json))
}

/// Checks the store.
pub fn verify(store: &Store, json: bool) -> Result<Outcome, StoreError> {
    let items = store.verify()?;
    let mut outcome = shown(store, &items, json);
    let bad = items
        .iter()
        .filter_map(|item| Some(format!("'{}': {}", item.path.display(), item.problem.as_ref()?)));
    outcome.failures = bad.collect();
    Ok(outcome)
}

/// Copies files into the store.
pub fn add(store: &Store, files: &[PathBuf]) -> Result<Outcome, StoreError> {
    let mut outcome = Outcome::default();
    for file in files {
        let item = store.add(file)?;
        let _ = writeln!(outcome.text, "{}", line(&item));
    }
    Ok(outcome)
}

/// Fetches the sources of `names`, or all, in the list at `path`, or the program's own. One that fails is no reason to
/// leave the others.
pub fn update(
    store: &Store,
    names: &[String],
    path: Option<&Path>,
    today: Today,
) -> Result<Outcome, StoreError> {
    let all = sources(path)?;
    let chosen = chosen(&all, names)?;
    let mut outcome = Outcome::default();
    for source in chosen {
        match fetched(store, source, today) {
            Ok(Updated::New(item)) => {
                let _ = writeln!(outcome.text, "{}", line(&item));
            }
            Ok(Updated::Same(path)) => {
                let _ = writeln!(outcome.text, "{} is up to date", escape(&path.to_string_lossy()));
            }
            Err(error) => outcome.failures.push(format!("{}: {}", source.name, chain(&error))),
        }
    }
    Ok(outcome)
}

#[cfg(feature = "update")]
fn fetched(store: &Store, source: &Source, today: Today) -> Result<Updated, StoreError> {
    store.update(source, today, &super::fetch::Network::new())
}

#[cfg(not(feature = "update"))]
fn fetched(_: &Store, _: &Source, _: Today) -> Result<Updated, StoreError> {
    Err(StoreError::NotBuilt)
}

fn chosen<'a>(all: &'a [Source], names: &[String]) -> Result<Vec<&'a Source>, StoreError> {
    if names.is_empty() {
        return Ok(all.iter().collect());
    }
    let known = || all.iter().map(|source| source.name.as_str()).collect::<Vec<_>>().join(", ");
    let find = |name: &String| {
        let found = all.iter().find(|source| source.name == *name);
        found.ok_or_else(|| StoreError::NoSource { name: name.clone(), known: known() })
    };
    names.iter().map(find).collect()
}

fn shown(store: &Store, items: &[Item], json: bool) -> Outcome {
    let mut outcome = Outcome::default();
    if json {
        let object = serde_json::json!({"schema_version": "1", "folder": store.folder(), "files": items});
        outcome.text = serde_json::to_string_pretty(&object).unwrap_or_default();
        outcome.text.push('\n');
        return outcome;
    }
    for item in items {
        let _ = writeln!(outcome.text, "{}", line(item));
        let details = [
            Some(item.path.to_string_lossy().into_owned()),
            item.licence.clone(),
            item.attribution.clone(),
            item.database.as_ref().and_then(super::hexadecimal).map(|hash| format!("sha256 {hash}")),
            item.problem.as_ref().map(|problem| format!("PROBLEM: {problem}")),
        ];
        for detail in details.into_iter().flatten() {
            let _ = writeln!(outcome.text, "    {}", escape(&detail));
        }
    }
    if items.is_empty() {
        let _ = writeln!(
            outcome.text,
            "There is nothing in {} yet: see landfall db update",
            store.folder().display()
        );
    }
    outcome
}

/// Name, kind, type, date and size.
fn line(item: &Item) -> String {
    let kind = item.database.as_ref().map_or("unknown", |database| database.kind.name());
    let form = item.database.as_ref().map_or("", |database| database.database_type.as_str());
    let built = item.database.as_ref().and_then(|database| database.built);
    let built = built.map_or_else(
        || "no date".to_owned(),
        |time| time.to_string().get(..10).unwrap_or_default().to_owned(),
    );
    format!("{}  {kind}  {}  {built}  {}", escape(&item.name), escape(form), bytes(item.size))
}
