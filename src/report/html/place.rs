//! Why an address is placed where it is: what each source claims, what speaks against it, what follows.

use super::words;
use crate::locate::{Claim, Scope};
use crate::report::model::EndpointReport;
use crate::report::text::number;
use askama::Template;
use std::fmt::Write as _;

/// Claims of other builds of a database that are shown of one address.
const MAX_HISTORY: usize = 24;

/// The claims of one address.
#[derive(Template)]
#[template(path = "place.html")]
pub(super) struct Place<'a> {
    scope: Option<&'static str>,
    claims: Vec<Row>,
    history: Vec<Row>,
    against: Vec<&'a str>,
    because: String,
    reach: Option<String>,
    operator: Option<String>,
}

struct Row {
    says: String,
    kind: &'static str,
    source: String,
    more: String,
}

impl<'a> Place<'a> {
    pub(super) fn of(endpoint: &'a EndpointReport) -> Self {
        let location = &endpoint.location;
        let operator = endpoint.operator.as_ref().map(|operator| {
            format!("{} {}", operator.asn, operator.organization.as_deref().unwrap_or_default())
        });
        let reach = location.latency.as_ref().map(|bound| {
            format!(
                "Seen from {}, {:.1} ms ({}) let light go {:.0} km at most, and light in a fibre {:.0} km.",
                bound.vantage, bound.min_ms, bound.via, bound.impossible_beyond_km, bound.unlikely_beyond_km
            )
        });
        Self {
            scope: (endpoint.scope != Scope::Global).then(|| endpoint.scope.name()),
            claims: location.claims.iter().map(row).collect(),
            history: location.history.iter().take(MAX_HISTORY).map(row).collect(),
            against: location.contradictions.iter().map(|found| found.reason.as_str()).collect(),
            because: location.explanation().into_owned(),
            reach,
            operator,
        }
    }
}

fn row(claim: &Claim) -> Row {
    let mut says = claim.country.map_or_else(|| "no country".to_owned(), words::country);
    if let Some(registered) = claim.registered_country.filter(|_| claim.country != claim.registered_country) {
        let _ = write!(says, " (registered in {registered})");
    }
    let made = claim.built.map(|built| {
        let mut made = format!("made {}", built.strftime("%Y-%m-%d"));
        if let Some(days) = claim.days_off.filter(|_| claim.far_in_time) {
            let side = if days < 0 { "before" } else { "after" };
            let _ = write!(made, ", {} days {side} the packets", number(days.unsigned_abs()));
        }
        made
    });
    let round_trip = claim.latency.map(|reach| {
        format!("by round-trip time {}: {:.0} km away at least", reach.verdict.name(), reach.distance_km)
    });
    let parts =
        [claim.region.as_deref().map(str::to_owned), claim.network.map(|network| network.to_string())];
    let parts: Vec<String> = parts.into_iter().chain([made, round_trip]).flatten().collect();
    Row { says, kind: claim.kind.name(), source: claim.source.to_string(), more: parts.join(", ") }
}
