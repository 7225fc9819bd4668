//! Findings: why something is not simply allowed, in one sentence that says no more than packets show.

use super::super::model::{Finding, SessionEndpoint};
use super::super::text;
use super::Builder;
use crate::capture::Precision;
use crate::flow::{PacketRef, Tally, Transport};
use crate::identify::evidence::Kind;
use crate::identify::facts::Protocol;
use crate::identify::infer::Subject;
use crate::identify::{Contact, Identity, Role};
use crate::locate::{ClaimKind, CountryCode};
use crate::policy::{Judgement, Reason};
use crate::session::{Leg, Session};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::IpAddr;

/// Packets whose numbers a finding names.
const MAX_PACKETS: usize = 8;

/// What has to be said of a direct path, where the place of an address says nothing of the service's servers.
const PARTICIPANT: &str = " The address is a participant's, not a server's.";
/// What is said of a proxy.
const BEHIND: &str = " The address is a proxy's: what lies behind it is not in the capture.";

/// What a sentence about one far end says of the whole call.
pub(super) struct Seen {
    /// `Zoom call at 14:02`.
    call: String,
    /// Countries of far ends that carried media.
    media: BTreeSet<CountryCode>,
    has_media: bool,
}

impl Seen {
    pub(super) fn new(builder: &Builder<'_>, session: &Session, endpoints: &[SessionEndpoint]) -> Self {
        let start = session.start.rfc3339(Precision::new(0));
        let clock = start.get(11..16).unwrap_or_default();
        let name = builder.material.catalogue.display_name(&session.service);
        let carried = endpoints.iter().filter(|endpoint| endpoint.contact == Contact::Media);
        Self {
            call: format!("{name} call at {clock}"),
            media: carried.filter_map(|endpoint| endpoint.country).collect(),
            has_media: session.has_media,
        }
    }

    fn media_sentence(&self) -> String {
        if !self.has_media {
            return "no media of the call was seen".to_owned();
        }
        if self.media.is_empty() {
            return "where media of the call went is not known".to_owned();
        }
        let codes: Vec<String> = self.media.iter().map(ToString::to_string).collect();
        format!("media of the call went to {}", codes.join(", "))
    }
}

impl Builder<'_> {
    pub(super) fn session_finding(
        &self,
        id: &str,
        seen: &Seen,
        endpoint: &SessionEndpoint,
        legs: &[&Leg],
        judgement: &Judgement,
    ) -> Finding {
        let flows: Vec<(&Subject<'_>, &Identity)> =
            legs.iter().filter_map(|leg| self.flow(leg.flow)).collect();
        let shown = furthest(&flows);
        let role = shown.map_or(Role::Unknown, |(_, identity)| identity.role);
        let mut sentence = String::new();
        if let Some((subject, identity)) = shown {
            let _ = write!(
                sentence,
                "{} of the {} {} {}",
                what(subject, role),
                seen.call,
                way(endpoint.bytes_sent),
                endpoint.address
            );
            sentence.push_str(&how_known(subject, identity));
        }
        let _ = write!(
            sentence,
            ", {}; {}, {} sent, {} received; {}.{} What it carried is not visible in the capture.",
            self.placed(endpoint.address, judgement),
            if judgement.kind == Reason::NotTouched {
                &judgement.reason
            } else {
                degree(endpoint.contact, endpoint.bytes_sent)
            },
            text::bytes(endpoint.bytes_sent),
            text::bytes(endpoint.bytes_received),
            seen.media_sentence(),
            match role {
                _ if !endpoint.proxy_for.is_empty() => BEHIND,
                Role::Peer => PARTICIPANT,
                _ => "",
            },
        );
        let first = shown.map(|(subject, _)| subject.first_packet);
        Finding {
            rule: judgement.rule.clone(),
            severity: judgement.severity,
            rule_reason: judgement.rule_reason.clone(),
            verdict: judgement.verdict,
            session: Some(id.to_owned()),
            bytes_sent: endpoint.bytes_sent,
            bytes_received: endpoint.bytes_received,
            reason: sentence,
            first_packet: shown.and_then(|(subject, _)| self.packet(subject.first_packet, subject.start)),
            packets: packet_numbers(&flows, first),
            ..self.finding(endpoint.address, endpoint.contact, role)
        }
    }

    pub(super) fn outside_finding(
        &self,
        address: IpAddr,
        flows: &[u32],
        contact: Contact,
        judgement: &Judgement,
    ) -> Finding {
        let flows: Vec<(&Subject<'_>, &Identity)> =
            flows.iter().filter_map(|flow| self.flow(*flow)).collect();
        let shown = furthest(&flows);
        let role = shown.map_or(Role::Unknown, |(_, identity)| identity.role);
        let sent: u64 = flows.iter().map(|(subject, _)| subject.sent.bytes).sum();
        let received: u64 = flows.iter().map(|(subject, _)| subject.received.bytes).sum();
        let (what, known) = shown.map_or_else(
            || ("packets".to_owned(), String::new()),
            |(subject, identity)| (what(subject, role), how_known(subject, identity)),
        );
        let reason = format!(
            "{what} outside of any call {} {address}{known}, {}; {}, {} sent, {} received.",
            way(sent),
            self.placed(address, judgement),
            degree(contact, sent),
            text::bytes(sent),
            text::bytes(received),
        );
        let first = shown.map(|(subject, _)| subject.first_packet);
        Finding {
            rule: judgement.rule.clone(),
            severity: judgement.severity,
            rule_reason: judgement.rule_reason.clone(),
            verdict: judgement.verdict,
            bytes_sent: sent,
            bytes_received: received,
            reason,
            first_packet: shown.and_then(|(subject, _)| self.packet(subject.first_packet, subject.start)),
            packets: packet_numbers(&flows, first),
            ..self.finding(address, contact, role)
        }
    }

    pub(super) fn loose_finding(
        &self,
        address: IpAddr,
        tally: &Tally,
        contact: Contact,
        judgement: &Judgement,
    ) -> Finding {
        let reason = format!(
            "{address} is the end of a tunnel, or of packets that could not be followed, and sent {}; {}",
            text::bytes(tally.sent.bytes),
            self.placed(address, judgement),
        );
        Finding {
            rule: judgement.rule.clone(),
            severity: judgement.severity,
            rule_reason: judgement.rule_reason.clone(),
            verdict: judgement.verdict,
            bytes_sent: tally.received.bytes,
            bytes_received: tally.sent.bytes,
            reason,
            ..self.finding(address, contact, Role::Unknown)
        }
    }

    /// `which dbip-country-lite of 2026-06-01 places in CN (likely)`, or why there is no telling.
    fn placed(&self, address: IpAddr, judgement: &Judgement) -> String {
        let missing = matches!(judgement.kind, Reason::Disputed | Reason::Incomplete | Reason::Unlocated);
        if missing {
            return judgement.reason.clone();
        }
        let placement = self.place(address);
        let location = &placement.location;
        let Some(country) = location.country else { return judgement.reason.clone() };
        let agree = location.claims.iter().filter(|claim| {
            claim.country == Some(country) && !claim.is_refuted() && claim.kind > ClaimKind::Hint
        });
        let sources: Vec<String> = agree
            .map(|claim| match claim.built {
                Some(built) => format!("{} of {}", claim.source, built.strftime("%Y-%m-%d")),
                None => claim.source.to_string(),
            })
            .collect();
        let verb = if sources.len() == 1 { "places" } else { "place" };
        let placed = format!("which {} {verb} in {country} ({})", listed(&sources), location.confidence);
        if judgement.kind == Reason::Uncertain { format!("{placed}; {}", judgement.reason) } else { placed }
    }
}

/// The flow in which contact went furthest; of several, the first.
fn furthest<'a>(flows: &[(&'a Subject<'a>, &'a Identity)]) -> Option<(&'a Subject<'a>, &'a Identity)> {
    let reach = |(subject, identity): &(&Subject<'_>, &Identity)| {
        (identity.contact, std::cmp::Reverse(subject.first_packet))
    };
    flows.iter().copied().max_by_key(reach)
}

/// `a`, `a and b`, `a, b and c`.
fn listed(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// `TLS control connection`, `UDP media flow`.
fn what(subject: &Subject<'_>, role: Role) -> String {
    let has = |protocol| subject.facts.is_some_and(|facts| facts.has(protocol));
    let carrier = match subject.transport {
        Transport::Tcp if has(Protocol::Tls) => "TLS".to_owned(),
        Transport::Udp if has(Protocol::Quic) => "QUIC".to_owned(),
        Transport::Udp if has(Protocol::Dtls) => "DTLS".to_owned(),
        transport => transport.name().to_uppercase(),
    };
    let kind = match role {
        Role::Media => "media flow",
        Role::Relay => "flow through a relay",
        Role::Peer => "direct path to a participant",
        Role::Signaling => "control connection",
        Role::Probe => "probe",
        Role::Web => "web connection",
        Role::Telemetry => "telemetry connection",
        Role::Unknown => "connection of unknown purpose",
    };
    format!("{carrier} {kind}")
}

/// ` (zoombj12mmr.zoom.us; name)`: the name and what the service rests on.
fn how_known(subject: &Subject<'_>, identity: &Identity) -> String {
    let tunnel = subject.facts.and_then(|facts| facts.tunnel.as_deref());
    let name = match tunnel {
        Some(tunnel) => Some(format!("a proxy, asked for {}", tunnel.host)),
        None => identity.names.first().map(|name| name.name.to_string()),
    };
    let kinds: BTreeSet<Kind> = identity.evidence.iter().map(|evidence| evidence.kind).collect();
    let kinds: Vec<&str> = kinds.iter().rev().map(|kind| kind.name()).collect();
    let mut words: Vec<&str> = Vec::new();
    kinds.into_iter().for_each(|kind| {
        if !words.contains(&kind) {
            words.push(kind);
        }
    });
    let parts: Vec<String> =
        name.into_iter().chain((!words.is_empty()).then(|| format!("by {}", words.join(", ")))).collect();
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join("; ")) }
}

/// Whether packets went there, or only came from there.
const fn way(bytes_sent: u64) -> &'static str {
    if bytes_sent == 0 { "came from" } else { "reached" }
}

const fn degree(contact: Contact, bytes_sent: u64) -> &'static str {
    match contact {
        Contact::Control | Contact::Established if bytes_sent == 0 => "data came from it",
        Contact::Media if bytes_sent == 0 => "media came from it",
        Contact::Answered if bytes_sent == 0 => "packets came from it",
        Contact::Mentioned => "it was only named",
        Contact::Attempted => "it did not answer",
        Contact::Answered => "it answered",
        Contact::Established => "a handshake was completed",
        Contact::Control => "data went both ways",
        Contact::Media => "media was exchanged",
    }
}

/// Numbers of packets that show the contact, in the input of the first.
fn packet_numbers(flows: &[(&Subject<'_>, &Identity)], first: Option<PacketRef>) -> Vec<u64> {
    let Some(first) = first else { return Vec::new() };
    let of_flow = flows.iter().map(|(subject, _)| subject.first_packet);
    let of_names = flows.iter().flat_map(|(_, identity)| identity.names.iter()).map(|name| name.packet);
    let of_evidence =
        flows.iter().flat_map(|(_, identity)| &identity.evidence).filter_map(|evidence| evidence.packet);
    let all = of_flow.chain(of_names).chain(of_evidence).filter(|packet| packet.input() == first.input());
    let numbers: BTreeSet<u64> = all.map(PacketRef::number).collect();
    numbers.into_iter().take(MAX_PACKETS).collect()
}
