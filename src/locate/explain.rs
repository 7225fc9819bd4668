//! Why a location is what it is, in one sentence.

use super::{Claim, ClaimKind, Confidence, Location, Plausibility};
use std::borrow::Cow;

impl Location {
    /// Why the country is what it is, and how sure that is, in one sentence.
    pub fn explanation(&self) -> Cow<'static, str> {
        match self.confidence {
            Confidence::Unknown => self.reason.map_or("", super::Gap::name).into(),
            Confidence::Confirmed => "independent sources agree, and none names another country".into(),
            Confidence::Likely => self.why_likely(),
            Confidence::Disputed => self.why_disputed().into(),
        }
    }

    fn why_likely(&self) -> Cow<'static, str> {
        let best = self.deciding().map(|claim| claim.kind);
        match best {
            Some(kind) if self.disagreement().is_some() => {
                format!("{} goes before other sources", kind.authority()).into()
            }
            _ => "one witness, and no source names another country".into(),
        }
    }

    fn why_disputed(&self) -> String {
        let unlikely = self
            .deciding()
            .filter(|claim| claim.latency.is_some_and(|reach| reach.verdict == Plausibility::Unlikely));
        if let (Some(claim), Some(country)) = (unlikely, self.country) {
            return format!("{} names {country}, for which the round-trip time is too short", claim.source);
        }
        self.disagreement().map_or_else(String::new, |says| match self.country {
            Some(_) => {
                format!("sources disagree, and a country that is denied is among those named ({says})")
            }
            None => format!("sources disagree ({says})"),
        })
    }

    /// A claim of the kind that decides.
    fn deciding(&self) -> Option<&Claim> {
        let standing = self.claims.iter().filter(|claim| claim.country.is_some() && !claim.is_refuted());
        standing.max_by_key(|claim| claim.kind)
    }

    fn disagreement(&self) -> Option<&str> {
        let several = self.contradictions.iter().find(|found| found.sources.len() > 1);
        several.map(|found| found.reason.as_str())
    }
}

impl ClaimKind {
    /// What decides, as the subject of a sentence.
    const fn authority(self) -> &'static str {
        match self {
            Self::Provider => "what the provider says of its own network",
            Self::Geofeed => "the operator's list",
            Self::Database => "a location database",
            Self::Registry => "a registration",
            Self::Hint => "a name",
        }
    }
}
