//! Why a verdict changed: the judge is asked again, with one thing as it is and the others as they were.

use super::super::past::{PastEndpoint, PastReport, PastSession, PastSessionEndpoint, Place};
use crate::policy::{Evidence, Verdict};
use serde::Serialize;

/// What a verdict rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// The rules are others.
    Policy,
    /// The address is placed elsewhere, or with another confidence.
    Location,
    /// What packets show of the contact differs.
    Traffic,
    /// None of these: the program judges otherwise, or the report was not what the judge says of it.
    Program,
}

impl Cause {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Location => "location",
            Self::Traffic => "traffic",
            Self::Program => "program",
        }
    }
}

/// A server of a call of a report.
#[derive(Clone, Copy)]
pub(super) struct Side<'a> {
    pub(super) report: &'a PastReport,
    pub(super) call: &'a PastSession,
    pub(super) endpoint: &'a PastSessionEndpoint,
}

impl<'a> Side<'a> {
    /// What the report says of its address.
    pub(super) fn known(self) -> Option<&'a PastEndpoint> {
        self.report.endpoints.get(&self.endpoint.address)
    }
}

const CAUSES: [Cause; 3] = [Cause::Policy, Cause::Location, Cause::Traffic];

/// What alone turns the old verdict into the new one; if nothing does, the smallest number of things that do together.
pub(super) fn why(old: Side<'_>, new: Side<'_>) -> Vec<Cause> {
    let wanted = new.endpoint.verdict;
    if judge(old, new, &[]) == old.endpoint.verdict {
        let alone: Vec<Cause> =
            CAUSES.into_iter().filter(|cause| judge(old, new, &[*cause]) == wanted).collect();
        if !alone.is_empty() {
            return alone;
        }
        let pairs = [
            [Cause::Policy, Cause::Location],
            [Cause::Policy, Cause::Traffic],
            [Cause::Location, Cause::Traffic],
        ];
        if let Some(pair) = pairs.into_iter().find(|pair| judge(old, new, pair) == wanted) {
            return pair.to_vec();
        }
        if judge(old, new, &CAUSES) == wanted {
            return CAUSES.to_vec();
        }
    }
    vec![Cause::Program]
}

/// The verdict with these things as they are in the later report and the others as they were.
fn judge(old: Side<'_>, new: Side<'_>, later: &[Cause]) -> Verdict {
    let of = |cause| if later.contains(&cause) { new } else { old };
    let (policy, place, traffic) = (of(Cause::Policy), of(Cause::Location), of(Cause::Traffic));
    let place: Place = place.report.place(place.endpoint);
    let names = traffic.endpoint.names();
    let evidence: Evidence<'_> = traffic.call.evidence(traffic.endpoint, &names, &place);
    traffic.call.verdict(&policy.report.policy, &evidence)
}
