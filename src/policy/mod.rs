//! Policy: what is allowed, and the verdict.
//!
//! A [`Policy`] is a list of [`Rule`]s. [`Policy::judge`] holds one endpoint of a call against them; the verdict on a
//! call is the greatest of the verdicts on its endpoints, and that on a capture the greatest of its calls.

mod conditions;
mod error;
mod group;
mod judge;
mod places;
mod rule;
mod set;
mod suggest;
mod window;

pub use conditions::{ClientCountries, Conditions};
pub use error::PolicyError;
pub use group::{Group, groups};
pub use judge::{Evidence, Judgement, Reason, Verdict};
pub use places::Places;
pub use rule::{Action, DEFAULT_RULE, Policy, Rule, Severity, Treatment};
pub use set::CountrySet;
pub use window::{Hours, Window};
