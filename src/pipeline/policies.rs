//! Policies by name: files, and those that the program carries.

use super::inspect::{InspectError, catalogue, home as home_countries};
use crate::identify::{Catalogue, Service};
use crate::policy::{Checked, CountrySet, MAX_POLICY_BYTES, Policy, PolicyMistakes, ready_made};
use crate::report::text::{counted, escape};
use crate::report::{self, PastReport, list_policies, show_policy};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// A policy cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyFileError {
    /// Its file cannot be read.
    #[error("cannot read the policy '{}'", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The program carries no policy of that name.
    #[error("there is no policy {name:?}; those that landfall carries are {}", carried())]
    Unknown {
        /// The name as given.
        name: String,
    },
    /// There are mistakes in it.
    #[error(transparent)]
    Mistakes(#[from] PolicyMistakes),
    /// It speaks of `@home`, and nothing says what that is.
    #[error("the policy {name:?} speaks of @home; name those countries with --home, as in --home US,CA")]
    NoHome {
        /// The name that it gives itself.
        name: String,
    },
}

fn carried() -> String {
    ready_made().iter().map(|policy| format!("@{}", policy.name)).collect::<Vec<_>>().join(", ")
}

/// Reads the policy of the file `name`, or the one that the program carries as `@name`. `services` are ids that rules may
/// name beyond those that are known anyway.
pub fn read_policy(name: &str, services: &[Service]) -> Result<Checked, PolicyFileError> {
    let bytes = if let Some(carried) = name.strip_prefix('@') {
        let found = ready_made().iter().find(|policy| policy.name == carried);
        found.ok_or_else(|| PolicyFileError::Unknown { name: name.to_owned() })?.text.as_bytes().to_vec()
    } else {
        read_bounded(name).map_err(|source| PolicyFileError::Read { path: PathBuf::from(name), source })?
    };
    Ok(Policy::check(name, &bytes, services)?)
}

/// One byte more than a policy may have: enough to see that there are too many.
fn read_bounded(path: &str) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(MAX_POLICY_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The services of a catalogue.
pub(super) fn services(catalogue: &Catalogue) -> Vec<Service> {
    catalogue.entries().iter().map(|entry| entry.service.clone()).collect()
}

/// What came of checking policies.
#[derive(Debug, Default)]
pub struct CheckedPolicies {
    /// A line for each that can be used.
    pub text: String,
    /// Warnings, and what is wrong with the others. Nothing in them steers a terminal.
    pub messages: Vec<String>,
    /// Whether one of them cannot be used.
    pub failed: bool,
}

/// Checks policies. One that cannot be used is no reason to leave the others.
pub fn check_policies(names: &[String], files: &[PathBuf]) -> Result<CheckedPolicies, InspectError> {
    let services = services(&catalogue(files)?);
    let mut checked = CheckedPolicies::default();
    for name in names {
        match read_policy(name, &services) {
            Ok(Checked { policy, warnings }) => {
                let rules = counted(policy.rules.len(), "rule");
                let warned = match warnings.mistakes.len() + warnings.more {
                    0 => String::new(),
                    count => format!(", {}", counted(count, "warning")),
                };
                let _ = writeln!(checked.text, "{}: ok, {rules}{warned}", escape(name));
                if !warned.is_empty() {
                    checked.messages.push(warnings.to_string());
                }
            }
            Err(error) => {
                checked.failed = true;
                checked.messages.push(message(&error));
            }
        }
    }
    Ok(checked)
}

/// What is wrong, with nothing in it that steers a terminal. Mistakes have lines of their own, which begin with the name
/// of the file as those of compilers do.
pub fn message(error: &PolicyFileError) -> String {
    match error {
        PolicyFileError::Mistakes(mistakes) => mistakes.to_string(),
        PolicyFileError::Read { source, .. } => format!("landfall: {}: {source}", escape(&error.to_string())),
        _ => format!("landfall: {}", escape(&error.to_string())),
    }
}

/// What a policy means, in sentences.
pub fn show(name: &str, files: &[PathBuf]) -> Result<String, InspectError> {
    let services = services(&catalogue(files)?);
    Ok(show_policy(&read_policy(name, &services)?.policy))
}

/// Which rule of a policy decides each server of each call of a report, and what would change it.
pub fn explain(name: &str, files: &[PathBuf], home: &[String], path: &Path) -> Result<String, InspectError> {
    let services = services(&catalogue(files)?);
    let home = home_countries(home)?;
    let policy = at_home(read_policy(name, &services)?.policy, &home)?;
    Ok(report::explain(&policy, &PastReport::open(path)?, &home))
}

/// The policy with `@home` standing for `home`, which has to be there if the policy speaks of it.
pub(super) fn at_home(policy: Policy, home: &CountrySet) -> Result<Policy, PolicyFileError> {
    if policy.uses_home() && home.is_empty() {
        return Err(PolicyFileError::NoHome { name: policy.name.unwrap_or_default() });
    }
    Ok(policy.at_home(home))
}

/// The policies that the program carries.
pub fn list() -> String {
    list_policies(ready_made(), |policy| {
        let read = Policy::from_toml(policy.name, policy.text.as_bytes(), &[]).ok();
        read.and_then(|policy| policy.description).unwrap_or_default()
    })
}
