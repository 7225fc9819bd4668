//! What a policy may come to where the place of an endpoint cannot be told, and perhaps other things neither.
//!
//! What becomes of such a place is for the policy to say. What else is not known (where the client is, what the endpoint
//! did) may be so or so: a verdict is given only if it is the same either way.

use super::conditions::Doubt;
use super::rule::Ruling;
use super::{Action, Rule, Treatment, Verdict};
use std::collections::BTreeSet;

/// A rule that may match.
#[derive(Clone, Copy, Debug)]
pub(super) struct Doubted<'a> {
    pub(super) rule: &'a Rule,
    /// What is not known.
    pub(super) doubt: Doubt,
    /// Whether it matches is a matter of the place, too: whether the rule speaks of it, or how sure it is.
    pub(super) depends_on_place: bool,
}

/// What the rules come to, the place being what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outcome {
    /// They allow it, wherever it is.
    Allow,
    /// They deny it, wherever it is.
    Deny,
    /// They deny it in one of the places where it may be.
    DenySomewhere,
}

/// Every outcome that is possible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outcomes(BTreeSet<Outcome>);

/// What has been met on the way through the rules, in one of the cases that are possible.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Met {
    allows: bool,
    denies: bool,
}

impl Met {
    const fn with(self, action: Action) -> Self {
        match action {
            Action::Allow => Self { allows: true, ..self },
            Action::Deny => Self { denies: true, ..self },
        }
    }

    /// The outcome where `action` decides, of a rule that speaks of every place or of some.
    fn end(self, action: Action, is_anywhere: bool) -> Outcome {
        match (self.with(action), is_anywhere && self == Self::default()) {
            (Self { denies: false, .. }, _) => Outcome::Allow,
            (_, true) => Outcome::Deny,
            (_, false) => Outcome::DenySomewhere,
        }
    }
}

impl Outcomes {
    /// What rules come to in one place: `doubted` may match, in their order, and `decides` does if none of them.
    pub(super) fn of(doubted: &[Doubted<'_>], decides: Ruling<'_>) -> Self {
        let mut open = BTreeSet::from([Met::default()]);
        let mut outcomes = BTreeSet::new();
        for Doubted { rule, doubt, depends_on_place } in doubted {
            let passed: BTreeSet<Met> = open.iter().map(|met| met.with(rule.action)).collect();
            if doubt.is_of_place() {
                // Whether it matches depends on the place alone: all of the cases meet it.
                open = passed;
            } else if *depends_on_place {
                open.extend(passed);
            } else {
                outcomes.extend(open.iter().map(|met| met.end(rule.action, rule.anywhere)));
            }
        }
        let is_anywhere = decides.rule().is_some_and(|rule| rule.anywhere);
        outcomes.extend(open.iter().map(|met| met.end(decides.action(), is_anywhere)));
        Self(outcomes)
    }

    /// What it comes to where the place is one of both.
    pub(super) fn or(&self, other: &Self) -> Self {
        let both = self.0.iter().flat_map(|one| other.0.iter().map(move |other| (*one, *other)));
        Self(both.map(|(one, other)| if one == other { one } else { Outcome::DenySomewhere }).collect())
    }

    /// Whether nothing is denied.
    pub(super) fn allow(&self) -> bool {
        self.0.iter().all(|outcome| *outcome == Outcome::Allow)
    }

    /// The verdict, if it is the same in every case.
    pub(super) fn verdict(&self, treatment: Treatment) -> Option<Verdict> {
        let of = |outcome: &Outcome| match outcome {
            Outcome::Allow => Verdict::Allow,
            Outcome::Deny => Verdict::Deny,
            Outcome::DenySomewhere => treatment.verdict(),
        };
        let verdicts: BTreeSet<Verdict> = self.0.iter().map(of).collect();
        verdicts.first().copied().filter(|_| verdicts.len() == 1)
    }
}
