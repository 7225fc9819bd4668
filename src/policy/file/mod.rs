//! The policy file: TOML with a name and rules. Every mistake in it is told at once, with its line and its cure.

mod build;
mod form;
mod groups;
mod mistake;
mod read;
mod ready;
#[cfg(test)]
mod tests;
mod values;

pub use form::schema;
pub use mistake::{Mistake, PolicyMistakes};
pub use ready::{ReadyMade, ready_made};

use super::Policy;
use super::rule::sha256;
use super::shadow::shadowed;
use crate::identify::Service;
use build::Builder;
use form::PolicyForm;
use mistake::Mistakes;
use std::sync::Arc;
use toml::de::DeTable;

/// Bytes that a policy file may have: many times what a person writes, and read in a moment.
pub const MAX_POLICY_BYTES: usize = 1 << 20;

/// A policy that can be used, and what in its file is hardly meant.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The policy.
    pub policy: Policy,
    /// What to look at: rules that never decide, groups that nothing names.
    pub warnings: PolicyMistakes,
}

impl Policy {
    /// Reads a policy file. Messages call it `file`; `services` are those that rules may name beyond the known ones.
    pub fn from_toml(file: &str, bytes: &[u8], services: &[Service]) -> Result<Self, PolicyMistakes> {
        Self::check(file, bytes, services).map(|checked| checked.policy)
    }

    /// The same, and what in the file is hardly meant.
    pub fn check(file: &str, bytes: &[u8], services: &[Service]) -> Result<Checked, PolicyMistakes> {
        if bytes.len() > MAX_POLICY_BYTES {
            let mut mistakes = Mistakes::new("");
            let message = format!(
                "the file has more than {MAX_POLICY_BYTES} bytes, which is no policy that a person wrote"
            );
            mistakes.add(0..0, message);
            return Err(mistakes.finish(file));
        }
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let place = error.valid_up_to();
                let lossy = String::from_utf8_lossy(bytes);
                let mut mistakes = Mistakes::new(&lossy);
                let message = format!("byte {place} of the file is not UTF-8; save the file as UTF-8");
                mistakes.add(place..place + 1, message);
                return Err(mistakes.finish(file));
            }
        };
        read(file, text, services)
    }
}

fn read(file: &str, text: &str, services: &[Service]) -> Result<Checked, PolicyMistakes> {
    let mut mistakes = Mistakes::new(text);
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        mistakes.add(error.span().unwrap_or_default(), error.message().replace('\n', ", "));
    }
    if !errors.is_empty() {
        return Err(mistakes.finish(file));
    }
    let form = PolicyForm::read_table(table.get_ref(), &mut mistakes);
    let mut builder = Builder::new(&form, services, &mut mistakes);
    let mut policy = builder.policy(&form);
    let unused = builder.unused_groups();
    if !mistakes.is_empty() {
        return Err(mistakes.finish(file));
    }
    policy.sha256 = Some(sha256(text.as_bytes()));
    policy.text = Some(Arc::from(text));
    let mut warnings = Mistakes::new(text);
    for (name, span) in unused {
        warnings.add(span, format!("warning: no rule names the group @{name}; name it, or take it out"));
    }
    let spans = form.rule.iter().flat_map(|rules| &rules.value);
    for (rule, form) in policy.rules.iter().zip(spans) {
        if let Some(earlier) = shadowed(&policy.rules, &rule.id) {
            let span = form.value.id.as_ref().map_or(form.span.clone(), |id| id.span.clone());
            let message = format!(
                "warning: rule {:?} never decides, as {earlier} matches before it whatever it matches; put it first, \
                 or take it out",
                rule.id
            );
            warnings.add(span, message);
        }
    }
    Ok(Checked { policy, warnings: warnings.finish(file) })
}
