//! A row a finding.

use super::Get::{Count, Counts, Text, Time};
use super::{Column, column, shown, word};
use crate::report::Finding;

pub(super) const COLUMNS: &[Column<Finding>] = &[
    column("rule", "The rule that decided.", Text(|row, _| row.rule.as_deref().and_then(word))),
    column("verdict", "`deny` or `indeterminate`.", Text(|row, _| word(row.verdict.name()))),
    column(
        "session",
        "The call, if the endpoint belongs to one.",
        Text(|row, _| row.session.as_deref().and_then(word)),
    ),
    column("endpoint", "The address.", Text(|row, _| shown(row.endpoint))),
    column("country", "Where it is.", Text(|row, _| row.country.and_then(shown))),
    column("confidence", "How sure that is.", Text(|row, _| word(row.confidence.name()))),
    column("role", "What it did.", Text(|row, _| word(row.role.name()))),
    column("contact", "How far contact went.", Text(|row, _| word(row.contact.name()))),
    column("bytes_sent", "Bytes to it.", Count(|row, _| Some(row.bytes_sent))),
    column("bytes_received", "Bytes from it.", Count(|row, _| Some(row.bytes_received))),
    column(
        "reason",
        "One sentence that says no more than packets show.",
        Text(|row, _| word(row.reason.as_str())),
    ),
    column(
        "first_packet_input",
        "Path of the input with the first packet of the contact.",
        Text(|row, _| row.first_packet.as_ref().and_then(|packet| word(packet.input.as_str()))),
    ),
    column(
        "first_packet_number",
        "Its number in that, from 1.",
        Count(|row, _| row.first_packet.as_ref().map(|packet| packet.number)),
    ),
    column(
        "first_packet_time",
        "When it was captured.",
        Time(|row| row.first_packet.as_ref().map(|packet| packet.time)),
    ),
    column(
        "packets",
        "Numbers of packets that show the contact.",
        Counts(|row| row.packets.iter().copied().map(Some).collect()),
    ),
];
