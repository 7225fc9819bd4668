//! The flows and findings in the Elastic Common Schema (ECS), one JSON object a line.
//!
//! `source` is the client and `destination` the server; of a finding the call's client and the address it is about.
//! What ECS has no field for stands under `landfall`. A country stands under `geo` if it is settled (`likely`,
//! `confirmed`), as that has no room for a doubt; else only under `landfall`. ECS's `allowed` and `denied` are not
//! used: they say that a packet was let through or stopped, and nothing was.

use super::Report;
use super::json::write_line;
use super::model::{EndpointReport, Finding, FlowReport, HandshakeReport, NameReport, SessionReport, Time};
use super::zeek::protocol;
use crate::locate::{Confidence, CountryCode};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::net::IpAddr;

/// Version of the schema.
const ECS_VERSION: &str = "8.17.0";

/// Writes the flows of the report, which must have been made with them, then its findings.
pub(super) fn write(report: &Report, out: &mut (dyn Write + Send)) -> io::Result<()> {
    for flow in report.flows.iter().flatten() {
        write_line(&pruned(of_flow(report, flow)), out)?;
    }
    let sessions: BTreeMap<&str, &SessionReport> =
        report.sessions.iter().map(|session| (session.id.as_str(), session)).collect();
    for finding in &report.findings {
        let session = finding.session.as_deref().and_then(|id| sessions.get(id).copied());
        write_line(&pruned(of_finding(report, finding, session)), out)?;
    }
    Ok(())
}

fn of_flow(report: &Report, flow: &FlowReport) -> Value {
    let server = report.endpoint(flow.server.address);
    let source = json!({"port": flow.client.port, "packets": flow.packets_sent, "bytes": flow.bytes_sent});
    let destination = json!({
        "port": flow.server.port,
        "packets": flow.packets_received,
        "bytes": flow.bytes_received,
        "domain": domain(&flow.names),
    });
    json!({
        "@timestamp": flow.start,
        "ecs": {"version": ECS_VERSION},
        "event": {
            "kind": "event",
            "category": ["network"],
            "type": ["connection"],
            "action": "network_flow",
            "module": "landfall",
            "dataset": "landfall.flow",
            "start": flow.start,
            "end": flow.end,
            "duration": nanoseconds(flow),
        },
        "observer": observer(report),
        "network": network(flow),
        "source": merged(end(flow.client.address, report.endpoint(flow.client.address)), source),
        "destination": merged(end(flow.server.address, server), destination),
        "process": flow.process,
        "tls": flow.handshake.as_ref().map(|handshake| tls(handshake, &flow.names)),
        "related": {"ip": [flow.client.address, flow.server.address], "hosts": hosts(&flow.names)},
        "landfall": {
            "service": flow.service,
            "role": flow.role,
            "contact": flow.contact,
            "outcome": flow.outcome,
            "opened_by_client": flow.opened_by_client,
            "protocols": flow.protocols,
            "session": flow.session,
            "verdict": flow.verdict,
            "location": server.map(location),
        },
    })
}

fn network(flow: &FlowReport) -> Value {
    let protocol = if let [only] = flow.protocols.as_slice() { Some(*only) } else { None };
    json!({
        "type": version(flow.server.address),
        "transport": transport(&flow.transport),
        "iana_number": self::protocol(&flow.transport).map(|number| number.to_string()),
        "protocol": protocol,
        "application": flow.service,
        "packets": flow.packets_sent.saturating_add(flow.packets_received),
        "bytes": flow.bytes_sent.saturating_add(flow.bytes_received),
    })
}

fn of_finding(report: &Report, finding: &Finding, session: Option<&SessionReport>) -> Value {
    let client = session.map(|session| session.client);
    let endpoint = report.endpoint(finding.endpoint);
    let names = endpoint.map_or(&[][..], |endpoint| &endpoint.names);
    let source = json!({"bytes": finding.bytes_sent});
    let destination = json!({"bytes": finding.bytes_received, "domain": domain(names)});
    let rule = report.policy.rules.iter().find(|rule| Some(&rule.id) == finding.rule.as_ref());
    json!({
        "@timestamp": time(report, finding),
        "message": finding.reason,
        "ecs": {"version": ECS_VERSION},
        "event": {
            "kind": "alert",
            "category": ["network"],
            "type": ["info"],
            "action": "country_policy",
            "module": "landfall",
            "dataset": "landfall.finding",
            "reason": finding.reason,
        },
        "observer": observer(report),
        "network": {
            "type": version(finding.endpoint),
            "application": session.map(|session| &session.service),
            "bytes": finding.bytes_sent.saturating_add(finding.bytes_received),
        },
        "rule": {
            "id": finding.rule,
            "name": rule.map(|rule| &rule.text),
            "ruleset": report.policy.name,
        },
        "source": client.map(|client| merged(end(client, report.endpoint(client)), source)),
        "destination": merged(end(finding.endpoint, endpoint), destination),
        "related": {
            "ip": client.into_iter().chain([finding.endpoint]).collect::<Vec<_>>(),
            "hosts": hosts(names),
        },
        "landfall": {
            "service": session.map(|session| &session.service),
            "role": finding.role,
            "contact": finding.contact,
            "session": finding.session,
            "verdict": finding.verdict,
            "location": endpoint.map(location),
            "first_packet": finding.first_packet,
            "packets": finding.packets,
        },
    })
}

/// Without what is not known: in Elastic a field that is missing is not known, and one that is null is nothing at all.
fn pruned(mut value: Value) -> Value {
    fn is_nothing(value: &Value) -> bool {
        match value {
            Value::Null => true,
            Value::Array(list) => list.is_empty(),
            Value::Object(object) => object.is_empty(),
            _ => false,
        }
    }
    if let Value::Object(object) = &mut value {
        for member in object.values_mut() {
            *member = pruned(member.take());
        }
        object.retain(|_, member| !is_nothing(member));
    }
    value
}

fn merged(mut object: Value, other: Value) -> Value {
    if let (Value::Object(object), Value::Object(other)) = (&mut object, other) {
        object.extend(other);
    }
    object
}

fn end(address: IpAddr, known: Option<&EndpointReport>) -> Value {
    let settled = known.map(|known| &known.location);
    let settled = settled.filter(|location| location.confidence >= Confidence::Likely);
    let country = settled.and_then(|location| location.country);
    let operator = known.and_then(|known| known.operator.as_ref());
    json!({
        "address": address,
        "ip": address,
        "geo": {
            "country_iso_code": country,
            "country_name": country.map(CountryCode::name),
        },
        "as": {
            "number": operator.map(|operator| operator.asn),
            "organization": {"name": operator.and_then(|operator| operator.organization.as_deref())},
        },
    })
}

fn location(endpoint: &EndpointReport) -> Value {
    let location = &endpoint.location;
    json!({
        "country": location.country,
        "confidence": location.confidence,
        "claimed_countries": location.claimed_countries(),
    })
}

fn observer(report: &Report) -> Value {
    json!({"product": report.tool.name, "version": report.tool.version, "type": "sensor"})
}

/// Of a finding without a packet, the beginning of what was read.
fn time(report: &Report, finding: &Finding) -> Option<Time> {
    let packet = finding.first_packet.as_ref().map(|packet| packet.time);
    packet.or_else(|| report.inputs.iter().filter_map(|input| input.first_packet).min())
}

fn nanoseconds(flow: &FlowReport) -> Option<u64> {
    u64::try_from(flow.end.at.since(flow.start.at).as_nanos()).ok()
}

const fn version(address: IpAddr) -> &'static str {
    if address.is_ipv4() { "ipv4" } else { "ipv6" }
}

/// The keyword of IANA's table of protocol numbers.
fn transport(name: &str) -> &str {
    if name == "icmpv6" { "ipv6-icmp" } else { name }
}

/// The name that was asked for, if it is one: what a certificate lists is not.
fn domain(names: &[NameReport]) -> Option<&str> {
    only(names.iter().filter(|name| name.via != "certificate"))
}

/// The name, if all are the same.
fn only<'a>(names: impl Iterator<Item = &'a NameReport>) -> Option<&'a str> {
    let distinct: BTreeSet<&str> = names.map(|name| name.name.as_str()).collect();
    if distinct.len() == 1 { distinct.into_iter().next() } else { None }
}

fn hosts(names: &[NameReport]) -> BTreeSet<&str> {
    names.iter().map(|name| name.name.as_str()).collect()
}

fn tls(handshake: &HandshakeReport, names: &[NameReport]) -> Value {
    let indicated = names.iter().filter(|name| ["tls", "quic", "dtls"].contains(&name.via));
    let version = handshake.version.as_deref().and_then(|version| version.split_once(' '));
    json!({
        "version": version.map(|(_, number)| number),
        "version_protocol": version.map(|(protocol, _)| protocol.to_ascii_lowercase()),
        "established": handshake.completed,
        "client": {"ja3": handshake.ja3, "server_name": only(indicated)},
    })
}
