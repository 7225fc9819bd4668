//! A far end of a call as a row, which unfolds to all that is known of it.

use super::context::Context;
use super::place::Place;
use super::words::{self, Mark};
use crate::identify::{Contact, Role};
use crate::locate::Scope;
use crate::report::model::{EndpointReport, MentionReport, NameReport, SessionEndpoint, SessionReport};
use crate::report::text::{bytes, milliseconds, socket};
use askama::Template;

/// A row and what is under it.
#[derive(Template)]
#[template(path = "far.html")]
pub(super) struct Far<'a> {
    end: &'a SessionEndpoint,
    mark: Mark,
    address: String,
    place: String,
    confidence: &'static str,
    role: &'static str,
    others: String,
    contact: &'static str,
    answered: bool,
    rtt: String,
    rtt_key: u128,
    sent: String,
    received: String,
    summary: String,
    first: Option<String>,
    evidence: Vec<Evidence<'a>>,
    named: Vec<String>,
    rtt_words: Option<String>,
    ports: String,
    spans: Vec<String>,
    known: Option<Place<'a>>,
}

struct Evidence<'a> {
    kind: &'static str,
    rule: &'static str,
    detail: &'a str,
    packet: Option<u64>,
}

impl<'a> Far<'a> {
    pub(super) fn new(context: &Context<'a>, call: &SessionReport, end: &'a SessionEndpoint) -> Self {
        let known = context.endpoint(end.address);
        let (place, confidence) = place(end);
        let role = words::first_role(&end.roles);
        let mut address = socket(end.address, end.ports.first().copied());
        if end.ports.len() > 1 {
            address = format!("{address} +{}", end.ports.len() - 1);
        }
        let evidence = end.evidence.iter().map(|one| Evidence {
            kind: one.kind,
            rule: one.rule,
            detail: &one.detail,
            packet: one.packet,
        });
        Self {
            end,
            mark: words::mark_of(end),
            address,
            place,
            confidence,
            role: role.name(),
            others: others(end, role),
            contact: words::contact(end.contact, call.one_direction),
            answered: end.contact >= Contact::Answered,
            rtt: end.rtt.map(|rtt| milliseconds(rtt.min_s)).unwrap_or_default(),
            rtt_key: end.rtt.map_or(u128::MAX, |rtt| rtt.min_s.as_nanos()),
            sent: bytes(end.bytes_sent),
            received: bytes(end.bytes_received),
            summary: summary(end, known),
            first: end.first_packet.as_ref().map(|packet| {
                format!("packet {} of {}, {}", packet.number, packet.input, words::clock(packet.time))
            }),
            evidence: evidence.collect(),
            named: known.into_iter().flat_map(|known| &known.mentioned).map(mention).collect(),
            rtt_words: end.rtt.map(|rtt| {
                format!(
                    "{} at least ({}, {})",
                    milliseconds(rtt.min_s),
                    rtt.via,
                    words::many(rtt.samples, "sample")
                )
            }),
            ports: ports(end),
            spans: end.media_spans.iter().map(span).collect(),
            known: known.map(Place::of),
        }
    }
}

/// Where it is in a few words, and how sure that is.
fn place(end: &SessionEndpoint) -> (String, &'static str) {
    match (end.country, words::off_map(end)) {
        (Some(country), None) => (words::country(country), end.confidence.name()),
        (Some(country), Some(_)) if end.scope == Scope::Global => {
            (format!("{} ?", words::country(country)), end.confidence.name())
        }
        (_, Some(why)) => (why.to_owned(), ""),
        (None, None) => ("place unknown".to_owned(), ""),
    }
}

fn others(end: &SessionEndpoint, role: Role) -> String {
    let others: Vec<Role> = end.roles.iter().copied().filter(|other| *other != role).collect();
    words::roles(&others)
}

/// What the row unfolds to, in a line: name, number of claims, evidence, first packet.
fn summary(end: &SessionEndpoint, known: Option<&EndpointReport>) -> String {
    let mut parts: Vec<String> = words::best_name(&end.names).map(str::to_owned).into_iter().collect();
    if !end.media.is_empty() {
        parts.push(end.media.join(", "));
    }
    parts.extend(crate::report::text::proxied(end));
    let claims = known.map_or(0, |known| known.location.claims.len());
    parts.push(words::many(claims as u64, "claim"));
    if known.is_some_and(|known| !known.location.contradictions.is_empty()) {
        parts.push("contradicted".to_owned());
    }
    let mut kinds: Vec<&str> = end.evidence.iter().map(|one| one.kind).collect();
    kinds.dedup();
    if !kinds.is_empty() {
        parts.push(format!("known by {}", kinds.join(", ")));
    }
    parts.extend(end.first_packet.as_ref().map(|packet| format!("packet {}", packet.number)));
    parts.join(" · ")
}

/// `dns in packet 141 of call.pcap`.
pub(super) fn mention(mention: &MentionReport) -> String {
    let by = mention.server.map(|server| format!(" by {server}")).unwrap_or_default();
    format!("{}{by} for {}, packet {} of {}", mention.by, mention.client, mention.packet, mention.input)
}

/// `zoom.us (tls)`.
pub(super) fn name(name: &NameReport) -> String {
    format!("{} ({})", name.name, name.via)
}

fn ports(end: &SessionEndpoint) -> String {
    const MAX_PORTS: usize = 12;
    let shown: Vec<String> = end.ports.iter().take(MAX_PORTS).map(u16::to_string).collect();
    let more = end.ports.len().saturating_sub(MAX_PORTS);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{} {}{rest}", end.transports.join(", "), shown.join(", "))
}

fn span(span: &crate::report::model::MediaSpanReport) -> String {
    format!(
        "{}: {} to {}, {}, {}",
        span.kind.unwrap_or("media of unknown kind"),
        words::clock(span.start),
        words::clock(span.end),
        words::many(span.packets, "packet"),
        bytes(span.bytes)
    )
}
