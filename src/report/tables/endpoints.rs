//! A row an address.

use super::Get::{Count, Real, Text, Texts, Time};
use super::{Column, column, shown, word, words};
use crate::identify::Service;
use crate::locate::Gap;
use crate::report::EndpointReport;

pub(super) const COLUMNS: &[Column<EndpointReport>] = &[
    column("address", "The address.", Text(|row, _| shown(row.address))),
    column(
        "scope",
        "What kind of address it is: `global`, `private`, ...",
        Text(|row, _| word(row.scope.name())),
    ),
    column(
        "packets",
        "Frames with it as source or destination of an IP header.",
        Count(|row, _| Some(row.packets)),
    ),
    column("bytes", "Bytes of those frames on the wire.", Count(|row, _| Some(row.bytes))),
    column("packets_sent", "Frames from it.", Count(|row, _| Some(row.packets_sent))),
    column("bytes_sent", "Bytes from it.", Count(|row, _| Some(row.bytes_sent))),
    column("packets_received", "Frames to it.", Count(|row, _| Some(row.packets_received))),
    column("bytes_received", "Bytes to it.", Count(|row, _| Some(row.bytes_received))),
    column("first_seen", "Time of the first of them.", Time(|row| row.first_seen)),
    column("last_seen", "Time of the last of them.", Time(|row| row.last_seen)),
    column(
        "names",
        "Its names; one that was read in two places stands twice.",
        Texts(|row, _| words(row.names.iter().map(|name| name.name.as_str()))),
    ),
    column(
        "names_via",
        "Where each was read: `dns`, `tls`, `certificate`, ...",
        Texts(|row, _| words(row.names.iter().map(|name| name.via))),
    ),
    column(
        "operator_asn",
        "Number of the autonomous system that announces it.",
        Count(|row, _| row.operator.as_ref().map(|operator| u64::from(operator.asn.number()))),
    ),
    column(
        "operator_organization",
        "Name of that system.",
        Text(|row, _| row.operator.as_ref()?.organization.as_deref().and_then(word)),
    ),
    column(
        "services",
        "Services it was used for.",
        Texts(|row, _| words(row.services.iter().map(Service::id))),
    ),
    column("roles", "What it did.", Texts(|row, _| words(row.roles.iter().map(|role| role.name())))),
    column(
        "contact",
        "How far contact went; empty for an address that only was a client.",
        Text(|row, _| row.contact.and_then(|contact| word(contact.name()))),
    ),
    column(
        "location_country",
        "Where it is, ISO 3166-1; of a disputed place what the best source says.",
        Text(|row, _| row.location.country.and_then(shown)),
    ),
    column(
        "location_confidence",
        "How sure that is: `confirmed`, `likely`, `disputed`, `unknown`.",
        Text(|row, _| word(row.location.confidence.name())),
    ),
    column(
        "location_reason",
        "Why the country is not known: `anycast`, `no-claim`, `refuted`.",
        Text(|row, _| row.location.reason.and_then(|reason| word(gap(reason)))),
    ),
    column(
        "location_claims_source",
        "The sources that were asked and know something.",
        Texts(|row, _| words(row.location.claims.iter().map(|claim| &*claim.source))),
    ),
    column(
        "location_claims_country",
        "The country that each names.",
        Texts(|row, _| row.location.claims.iter().map(|claim| claim.country.and_then(shown)).collect()),
    ),
    column(
        "location_contradictions_reason",
        "What speaks against it, in words.",
        Texts(|row, _| words(row.location.contradictions.iter().map(|against| against.reason.as_str()))),
    ),
    column(
        "rtt_min_s",
        "The smallest round-trip time to it, in seconds.",
        Real(|row| row.rtt.map(|rtt| rtt.min_s.as_secs_f64())),
    ),
    column("rtt_samples", "Of how many.", Count(|row, _| row.rtt.map(|rtt| rtt.samples))),
    column("rtt_via", "What was timed.", Text(|row, _| row.rtt.and_then(|rtt| word(rtt.via)))),
];

/// The word for it in JSON.
const fn gap(reason: Gap) -> &'static str {
    match reason {
        Gap::Anycast => "anycast",
        Gap::NoClaim => "no-claim",
        Gap::Refuted => "refuted",
    }
}
