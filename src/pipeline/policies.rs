//! Policies by name: files, and those that the program carries.

use crate::identify::{Catalogue, Service};
use crate::policy::{Checked, MAX_POLICY_BYTES, Policy, PolicyMistakes, ready_made};
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

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
