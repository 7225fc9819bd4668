//! A row a flow, with what is known of the place of its two ends.

use super::Get::{Count, Counts, Flag, Real, Text, Texts, Time};
use super::{Column, column, shown, word, words};
use crate::report::{EndpointReport, FlowReport, HandshakeReport, Report};
use std::borrow::Cow;

pub(super) const COLUMNS: &[Column<FlowReport>] = &[
    column("transport", "`tcp`, `udp` or another protocol.", Text(|row, _| word(row.transport.as_str()))),
    column("client_address", "Who opened it.", Text(|row, _| shown(row.client.address))),
    column(
        "client_port",
        "Its port, where the transport has one.",
        Count(|row, _| row.client.port.map(u64::from)),
    ),
    column("server_address", "The other side.", Text(|row, _| shown(row.server.address))),
    column("server_port", "Its port.", Count(|row, _| row.server.port.map(u64::from))),
    column(
        "opened_by_client",
        "True where the capture shows who opened it; empty where that is a guess.",
        Flag(|row| row.opened_by_client),
    ),
    column("start", "Time of the first packet.", Time(|row| Some(row.start))),
    column("end", "Time of the last packet.", Time(|row| Some(row.end))),
    column("packets_sent", "Frames from the client.", Count(|row, _| Some(row.packets_sent))),
    column("bytes_sent", "Bytes from the client.", Count(|row, _| Some(row.bytes_sent))),
    column("packets_received", "Frames from the server.", Count(|row, _| Some(row.packets_received))),
    column("bytes_received", "Bytes from the server.", Count(|row, _| Some(row.bytes_received))),
    column("outcome", "What became of it.", Text(|row, _| word(row.outcome))),
    column(
        "handshake_rtt_s",
        "First request to first answer, in seconds.",
        Real(|row| row.handshake_rtt_s.map(|span| span.as_secs_f64())),
    ),
    column(
        "names",
        "Names of the server read in it.",
        Texts(|row, _| words(row.names.iter().map(|name| name.name.as_str()))),
    ),
    column("names_via", "Where each was read.", Texts(|row, _| words(row.names.iter().map(|name| name.via)))),
    column("service", "The service.", Text(|row, _| row.service.as_ref().and_then(|it| word(it.id())))),
    column("role", "What the server did.", Text(|row, _| word(row.role.name()))),
    column("contact", "How far contact went.", Text(|row, _| word(row.contact.name()))),
    column(
        "protocols",
        "Protocols that were recognised.",
        Texts(|row, _| words(row.protocols.iter().copied())),
    ),
    column(
        "handshake_version",
        "Version of TLS, DTLS or QUIC.",
        Text(|row, _| row.handshake.as_ref()?.version.as_deref().and_then(word)),
    ),
    column(
        "handshake_alpn",
        "Application protocols, the one taken last.",
        Texts(|row, _| words(row.handshake.iter().flat_map(|it| &it.alpn).map(String::as_str))),
    ),
    column(
        "handshake_ja3",
        "JA3 of the client's first hello.",
        Text(|row, _| row.handshake.as_ref()?.ja3.as_deref().and_then(word)),
    ),
    column(
        "handshake_further_ja3",
        "JA3 of its further hellos, where they differ.",
        Texts(|row, _| words(row.handshake.iter().flat_map(|it| &it.further_ja3).map(String::as_str))),
    ),
    column(
        "handshake_encrypted_client_hello",
        "Whether the client's hello has an encrypted part, which may hold the true name.",
        Flag(|row| of_handshake(row, |it| it.encrypted_client_hello)),
    ),
    column(
        "handshake_completed",
        "Whether both sides are seen to use the keys.",
        Flag(|row| of_handshake(row, |it| it.completed)),
    ),
    column(
        "handshake_alerts",
        "Alerts in clear.",
        Texts(|row, _| words(row.handshake.iter().flat_map(|it| &it.alerts).map(String::as_str))),
    ),
    column(
        "handshake_close",
        "Who ended a QUIC connection and why, where an Initial packet says it.",
        Text(|row, _| row.handshake.as_ref()?.close.as_deref().and_then(word)),
    ),
    column(
        "media_direction",
        "Media streams: `from-client` or `from-server`.",
        Texts(|row, _| words(row.media.iter().map(|stream| stream.direction))),
    ),
    column(
        "media_ssrc",
        "RTP synchronisation source of each.",
        Counts(|row| row.media.iter().map(|stream| Some(u64::from(stream.ssrc))).collect()),
    ),
    column(
        "media_payload_type",
        "RTP payload type.",
        Counts(|row| row.media.iter().map(|stream| Some(u64::from(stream.payload_type))).collect()),
    ),
    column(
        "media_kind",
        "`audio`, `video`, `screen`, where the packets tell.",
        Texts(|row, _| row.media.iter().map(|stream| stream.kind.and_then(word)).collect()),
    ),
    column(
        "media_packets",
        "Packets.",
        Counts(|row| row.media.iter().map(|stream| Some(stream.packets)).collect()),
    ),
    column(
        "media_bytes",
        "Bytes of their payload.",
        Counts(|row| row.media.iter().map(|stream| Some(stream.bytes)).collect()),
    ),
    column(
        "evidence_kind",
        "What service and role rest on, strongest first.",
        Texts(|row, _| words(row.evidence.iter().map(|it| it.kind))),
    ),
    column(
        "evidence_rule",
        "The rule that fired.",
        Texts(|row, _| words(row.evidence.iter().map(|it| it.rule))),
    ),
    column(
        "evidence_service",
        "The service it speaks for.",
        Texts(|row, _| {
            row.evidence.iter().map(|it| it.service.as_ref().and_then(|it| word(it.id()))).collect()
        }),
    ),
    column(
        "evidence_packet",
        "Number of the packet that shows it.",
        Counts(|row| row.evidence.iter().map(|it| it.packet).collect()),
    ),
    column(
        "evidence_detail",
        "What was seen.",
        Texts(|row, _| words(row.evidence.iter().map(|it| it.detail.as_str()))),
    ),
    column("session", "The call that it is a part of.", Text(|row, _| row.session.as_deref().and_then(word))),
    column(
        "verdict",
        "The verdict on its far end; empty where it was not judged.",
        Text(|row, _| row.verdict.and_then(|verdict| word(verdict.name()))),
    ),
    column(
        "process_name",
        "The program that has the client's socket, or the server's if only that is here, where a live capture could see it.",
        Text(|row, _| row.process.as_ref().and_then(|process| word(process.name.as_str()))),
    ),
    column(
        "process_pid",
        "Number of the process.",
        Count(|row, _| row.process.as_ref().map(|process| u64::from(process.pid))),
    ),
    column("client_scope", "What kind of address the client has.", Text(|row, all| scope(client(row, all)))),
    column("client_country", "Where the client is.", Text(|row, all| country(client(row, all)))),
    column("client_confidence", "How sure that is.", Text(|row, all| confidence(client(row, all)))),
    column(
        "client_operator_asn",
        "Number of the autonomous system that announces it.",
        Count(|row, all| asn(client(row, all))),
    ),
    column(
        "client_operator_organization",
        "Name of that system.",
        Text(|row, all| organization(client(row, all))),
    ),
    column("server_scope", "What kind of address the server has.", Text(|row, all| scope(server(row, all)))),
    column("server_country", "Where the server is.", Text(|row, all| country(server(row, all)))),
    column("server_confidence", "How sure that is.", Text(|row, all| confidence(server(row, all)))),
    column(
        "server_operator_asn",
        "Number of the autonomous system that announces it.",
        Count(|row, all| asn(server(row, all))),
    ),
    column(
        "server_operator_organization",
        "Name of that system.",
        Text(|row, all| organization(server(row, all))),
    ),
];

fn of_handshake(row: &FlowReport, of: impl Fn(&HandshakeReport) -> bool) -> Option<bool> {
    row.handshake.as_ref().map(of)
}

fn client<'a>(row: &FlowReport, report: &'a Report) -> Option<&'a EndpointReport> {
    report.endpoint(row.client.address)
}

fn server<'a>(row: &FlowReport, report: &'a Report) -> Option<&'a EndpointReport> {
    report.endpoint(row.server.address)
}

fn scope(end: Option<&EndpointReport>) -> Option<Cow<'_, str>> {
    word(end?.scope.name())
}

fn country(end: Option<&EndpointReport>) -> Option<Cow<'_, str>> {
    end?.location.country.and_then(shown)
}

fn confidence(end: Option<&EndpointReport>) -> Option<Cow<'_, str>> {
    word(end?.location.confidence.name())
}

fn asn(end: Option<&EndpointReport>) -> Option<u64> {
    Some(u64::from(end?.operator.as_ref()?.asn.number()))
}

fn organization(end: Option<&EndpointReport>) -> Option<Cow<'_, str>> {
    end?.operator.as_ref()?.organization.as_deref().and_then(word)
}
