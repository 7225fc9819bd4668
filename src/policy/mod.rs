//! Policy: what is allowed, and the verdict.
//!
//! A [`Policy`] is a list of [`Rule`]s. [`Policy::judge`] holds one endpoint of a call against them; the verdict on a
//! call is the greatest of the verdicts on its endpoints, and that on a capture the greatest of its calls.

mod conditions;
mod error;
mod file;
mod group;
mod judge;
#[cfg(test)]
mod laws;
mod places;
mod possible;
mod rule;
mod set;
mod shadow;
mod suggest;
mod window;
mod words;

pub use conditions::{ClientCountries, Conditions};
pub use error::PolicyError;
pub use file::{Checked, MAX_POLICY_BYTES, Mistake, PolicyMistakes, ReadyMade, ready_made, schema};
pub use group::{Group, groups};
pub use judge::{Evidence, Judgement, Reason, Verdict};
pub use places::Places;
pub use rule::{Action, DEFAULT_RULE, Policy, Rule, Severity, Treatment};
pub use set::CountrySet;
pub use window::{Hours, Window};
