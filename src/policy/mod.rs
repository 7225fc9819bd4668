//! Policy: what is allowed, and the verdict.
//!
//! A [`Policy`] is a list of [`Rule`]s. [`Policy::judge`] holds one endpoint of a call against them; the verdict on a
//! call is the greatest of the verdicts on its endpoints, and that on a capture the greatest of its calls.

mod error;
mod group;
mod judge;
mod rule;
mod set;
mod suggest;

pub use error::PolicyError;
pub use group::{Group, groups};
pub use judge::{Evidence, Judgement, Reason, Verdict};
pub use rule::{Action, Policy, Rule};
pub use set::CountrySet;
