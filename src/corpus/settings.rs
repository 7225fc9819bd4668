//! What decides, beside the captures, what a run finds.

use super::CorpusError;
use super::record::{Settings, hash, hexadecimal};
use crate::pipeline::{Inspector, Request};
use std::collections::BTreeMap;
use std::path::PathBuf;

impl Settings {
    /// The settings of `request`, once everything that it names has been opened: a mistake in it shows before the first
    /// campaign is read.
    pub fn of(request: &Request) -> Result<Self, CorpusError> {
        let request = Request { hash: true, ..request.clone() };
        let inspector = Inspector::new(&request)?;
        let database = |database: &crate::locate::Database| {
            serde_json::json!({
                "id": &*database.id,
                "built": database.built.map(|built| built.to_string()),
                "sha256": database.sha256.map(|hash| hexadecimal(&hash)),
            })
        };
        let databases = inspector.databases().iter().map(database).collect();
        let policy = serde_json::to_value(inspector.policy()).unwrap_or_default();
        let options = options(&request)?;
        let (schema_version, tool) = (Self::VERSION.to_owned(), env!("CARGO_PKG_VERSION").to_owned());
        Ok(Self { schema_version, tool, policy, databases, options })
    }
}

/// The options that change results, as far as they are set; of files their hashes.
fn options(request: &Request) -> Result<BTreeMap<String, String>, CorpusError> {
    let mut options = BTreeMap::new();
    let mut set = |name: &str, value: String| {
        if !value.is_empty() {
            options.insert(name.to_owned(), value);
        }
    };
    set("home", request.home.join(" "));
    set("vantage", request.vantage.map(|vantage| vantage.to_string()).unwrap_or_default());
    set("idle_gap", request.idle_gap.map(|gap| gap.as_secs().to_string()).unwrap_or_default());
    set("all_dates", if request.all_dates { "yes".to_owned() } else { String::new() });
    set("flows", if request.with_flows { "yes".to_owned() } else { String::new() });
    set("anycast", hashes(&request.anycast)?);
    set("services", hashes(&request.services)?);
    Ok(options)
}

fn hashes(paths: &[PathBuf]) -> Result<String, CorpusError> {
    let hash = |path: &PathBuf| {
        let failed = |source| CorpusError::Read { path: path.clone(), source };
        hash(path).map(|(hash, _)| hash).map_err(failed)
    };
    Ok(paths.iter().map(hash).collect::<Result<Vec<_>, _>>()?.join(" "))
}
