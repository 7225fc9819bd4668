//! An address of the capture as a row, whether it belongs to a call or not.

use super::context::Context;
use super::far;
use super::place::Place;
use super::words::{self, Mark};
use crate::identify::Contact;
use crate::locate::{Confidence, Scope};
use crate::policy::Verdict;
use crate::report::model::EndpointReport;
use crate::report::text::bytes;
use askama::Template;

/// A row and what is under it.
#[derive(Template)]
#[template(path = "endpoint.html")]
#[expect(clippy::struct_field_names, reason = "the endpoint of the report is what the rest is made of")]
pub(super) struct Endpoint<'a> {
    endpoint: &'a EndpointReport,
    /// Whether what is under the row is made only when it is unfolded, where there is a script to do so.
    folded: bool,
    /// `None` where no policy was asked.
    mark: Option<Mark>,
    address: String,
    place: String,
    confidence: &'static str,
    roles: String,
    contact: &'static str,
    class: &'static str,
    sent: String,
    received: String,
    summary: String,
    seen: Option<String>,
    named: Vec<String>,
    known: Place<'a>,
}

impl<'a> Endpoint<'a> {
    pub(super) fn new(context: &Context<'a>, endpoint: &'a EndpointReport, folded: bool) -> Self {
        let is_client = context.clients.contains(&endpoint.address);
        let contact = match endpoint.contact {
            _ if is_client => "client of a call",
            None => "client",
            // The client of a flow that nothing else is known of is mentioned where its address is told.
            Some(Contact::Mentioned) if endpoint.packets > 0 => "no flow to it",
            Some(contact) => words::contact(contact, false),
        };
        let class = match endpoint.contact {
            Some(Contact::Mentioned) if endpoint.packets == 0 => "named",
            Some(Contact::Attempted) => "silent",
            _ => "",
        };
        let (place, confidence) = place(endpoint);
        Self {
            mark: context.verdicts.get(&endpoint.address).map(|verdict| match verdict {
                Verdict::Allow if endpoint.contact < Some(Contact::Answered) => words::silent(),
                verdict => words::mark(*verdict),
            }),
            address: endpoint.address.to_string(),
            place,
            confidence,
            roles: words::roles(&endpoint.roles),
            contact,
            class,
            sent: bytes(endpoint.bytes_received),
            received: bytes(endpoint.bytes_sent),
            summary: summary(endpoint),
            seen: endpoint.first_seen.zip(endpoint.last_seen).map(|(first, last)| {
                format!("{}, {}", words::span(first, last), words::many(endpoint.packets, "packet"))
            }),
            named: endpoint.mentioned.iter().map(far::mention).collect(),
            known: Place::of(endpoint),
            endpoint,
            folded,
        }
    }
}

fn place(endpoint: &EndpointReport) -> (String, &'static str) {
    let location = &endpoint.location;
    match (endpoint.scope, location.confidence, location.country) {
        (Scope::Global, Confidence::Disputed, Some(country)) => {
            (format!("{} ?", words::country(country)), "disputed")
        }
        (Scope::Global, Confidence::Disputed, None) => ("place disputed".to_owned(), ""),
        (Scope::Global, confidence, Some(country)) => (words::country(country), confidence.name()),
        (Scope::Global, _, None) => ("place unknown".to_owned(), ""),
        (scope, ..) => (scope.name().to_owned(), ""),
    }
}

fn summary(endpoint: &EndpointReport) -> String {
    let mut parts: Vec<String> = words::best_name(&endpoint.names).map(str::to_owned).into_iter().collect();
    parts.extend(endpoint.operator.as_ref().map(|operator| operator.asn.to_string()));
    parts.push(words::many(endpoint.location.claims.len() as u64, "claim"));
    if !endpoint.location.contradictions.is_empty() {
        parts.push("contradicted".to_owned());
    }
    parts.join(" · ")
}
