//! A row a call.

use super::Get::{Count, Counts, Flag, Text, Texts, Time};
use super::{Column, column, shown, word, words};
use crate::report::{SessionEndpoint, SessionReport};

pub(super) const COLUMNS: &[Column<SessionReport>] = &[
    column("id", "Its name in findings and flows.", Text(|row, _| word(row.id.as_str()))),
    column("service", "The service.", Text(|row, _| word(row.service.id()))),
    column("client", "Whose call it is.", Text(|row, _| shown(row.client))),
    column(
        "client_countries",
        "The countries that the client may be in; none where nothing is known of that.",
        Texts(|row, _| row.client_countries.iter().map(shown).collect()),
    ),
    column(
        "client_country_via",
        "What says so: `address`, `vantage` or `home`.",
        Text(|row, _| row.client_country_via.and_then(word)),
    ),
    column(
        "processes_name",
        "Programs that have its sockets, where a live capture could see them.",
        Texts(|row, _| words(row.processes.iter().map(|process| process.name.as_str()))),
    ),
    column(
        "processes_pid",
        "Number of the process of each.",
        Counts(|row| row.processes.iter().map(|process| Some(u64::from(process.pid))).collect()),
    ),
    column("start", "Time of the first packet.", Time(|row| Some(row.start))),
    column("end", "Time of the last packet.", Time(|row| Some(row.end))),
    column("media_seen", "Whether media was seen.", Flag(|row| Some(row.media_seen))),
    column(
        "began_before_capture",
        "It was under way when the capture began.",
        Flag(|row| Some(row.began_before_capture)),
    ),
    column(
        "continues_after_capture",
        "It was under way when the capture ended.",
        Flag(|row| Some(row.continues_after_capture)),
    ),
    column(
        "one_direction",
        "Only packets of one direction were captured.",
        Flag(|row| Some(row.one_direction)),
    ),
    column("verdict", "The worst verdict of its far ends.", Text(|row, _| word(row.verdict.name()))),
    column(
        "packets_sent",
        "Frames to its far ends, in all.",
        Count(|row, _| sum(row, |end| end.packets_sent)),
    ),
    column("bytes_sent", "Bytes to them.", Count(|row, _| sum(row, |end| end.bytes_sent))),
    column("packets_received", "Frames from them.", Count(|row, _| sum(row, |end| end.packets_received))),
    column("bytes_received", "Bytes from them.", Count(|row, _| sum(row, |end| end.bytes_received))),
    column(
        "countries_country",
        "Countries of the far ends that answered.",
        Texts(|row, _| row.countries.iter().map(|touched| shown(touched.country)).collect()),
    ),
    column(
        "countries_bytes",
        "Bytes to and from each.",
        Counts(|row| row.countries.iter().map(|touched| Some(touched.bytes)).collect()),
    ),
    column(
        "endpoints_address",
        "The far ends.",
        Texts(|row, _| row.endpoints.iter().map(|end| shown(end.address)).collect()),
    ),
    column(
        "endpoints_role",
        "What each did, the most telling.",
        Texts(|row, _| {
            row.endpoints.iter().map(|end| end.roles.first().and_then(|role| word(role.name()))).collect()
        }),
    ),
    column(
        "endpoints_contact",
        "How far contact with each went.",
        Texts(|row, _| words(row.endpoints.iter().map(|end| end.contact.name()))),
    ),
    column(
        "endpoints_country",
        "Where each is.",
        Texts(|row, _| row.endpoints.iter().map(|end| end.country.and_then(shown)).collect()),
    ),
    column(
        "endpoints_confidence",
        "How sure that is.",
        Texts(|row, _| words(row.endpoints.iter().map(|end| end.confidence.name()))),
    ),
    column(
        "endpoints_verdict",
        "The verdict on each.",
        Texts(|row, _| words(row.endpoints.iter().map(|end| end.verdict.name()))),
    ),
    column(
        "endpoints_bytes",
        "Bytes to and from each.",
        Counts(|row| row.endpoints.iter().map(|end| Some(both_ways(end))).collect()),
    ),
    column(
        "failovers_reached",
        "Addresses that stood in for others which failed.",
        Texts(|row, _| row.failovers.iter().map(|failover| shown(failover.reached)).collect()),
    ),
    column(
        "failovers_country_before",
        "Where the first place that failed is, for each.",
        Texts(|row, _| {
            row.failovers.iter().map(|failover| failover.country_before.and_then(shown)).collect()
        }),
    ),
    column(
        "failovers_country_after",
        "Where the place that stood in is.",
        Texts(|row, _| row.failovers.iter().map(|failover| failover.country_after.and_then(shown)).collect()),
    ),
    column(
        "failovers_leaves_home",
        "Whether that is outside of home: `true`, `false`, or not known.",
        Texts(|row, _| row.failovers.iter().map(|failover| failover.leaves_home.and_then(shown)).collect()),
    ),
    column(
        "findings",
        "Rows of its findings in their table, from 0.",
        Counts(|row| row.findings.iter().map(|place| u64::try_from(*place).ok()).collect()),
    ),
];

#[expect(clippy::unnecessary_wraps, reason = "what a column asks for")]
fn sum(row: &SessionReport, of: impl Fn(&SessionEndpoint) -> u64) -> Option<u64> {
    Some(row.endpoints.iter().map(of).fold(0, u64::saturating_add))
}

const fn both_ways(end: &SessionEndpoint) -> u64 {
    end.bytes_sent.saturating_add(end.bytes_received)
}
