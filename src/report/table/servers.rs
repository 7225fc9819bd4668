//! Servers without calls: what a person wants to see where no call was found.

use super::super::model::{EndpointReport, Report};
use super::super::text::{bytes, counted, escape, milliseconds};
use super::super::words::best_name;
use super::{Table, claims};
use crate::identify::Contact;
use crate::locate::{Confidence, Scope};
use std::collections::BTreeSet;

/// Servers listed before the rest is only counted.
const MAX_SERVERS: usize = 16;

/// Columns of an address.
const ADDRESS_WIDTH: usize = 24;

impl Table {
    /// Addresses that something was sent to, the most talkative first.
    pub(super) fn servers(&mut self, report: &Report) {
        let mut servers: Vec<&EndpointReport> =
            report.endpoints.iter().filter(|endpoint| endpoint.contact >= Some(Contact::Attempted)).collect();
        if servers.is_empty() {
            return;
        }
        servers.sort_by_key(|server| {
            let answered = server.contact >= Some(Contact::Answered);
            (std::cmp::Reverse((server.scope == Scope::Global, answered, server.bytes)), server.address)
        });
        self.line("");
        self.line(&format!(
            "      {:ADDRESS_WIDTH$} {:3} {:12}{:>8}{:>9}{:>9}",
            "server", "in", "contact", "rtt", "out", "in"
        ));
        for server in servers.iter().take(MAX_SERVERS) {
            let has_finding = report.findings.iter().any(|finding| finding.endpoint == server.address);
            self.server(server, has_finding);
        }
        if let Some(rest) = servers.get(MAX_SERVERS..).filter(|rest| !rest.is_empty()) {
            let countries: BTreeSet<_> = rest.iter().filter_map(|server| server.location.country).collect();
            let codes: Vec<_> = countries.iter().take(12).map(ToString::to_string).collect();
            let more = if countries.len() > codes.len() { ", ..." } else { "" };
            let list =
                if codes.is_empty() { String::new() } else { format!(" in {}{more}", codes.join(", ")) };
            self.line(&format!("      and {}{list}", counted(rest.len(), "more server")));
        }
    }

    fn server(&mut self, server: &EndpointReport, has_finding: bool) {
        let country = match (server.location.country, server.scope) {
            (Some(country), _) => country.to_string(),
            (None, Scope::Global) => "??".to_owned(),
            (None, _) => "-".to_owned(),
        };
        let mut address = server.address.to_string();
        if address.len() > ADDRESS_WIDTH {
            self.line(&format!("      {address}"));
            address.clear();
        }
        let rtt = server.rtt.map_or_else(String::new, |rtt| milliseconds(rtt.min_s));
        let contact = server.contact.map_or("", Contact::name);
        let (sent, received) = (bytes(server.bytes_received), bytes(server.bytes_sent));
        self.line(&format!(
            "      {address:ADDRESS_WIDTH$} {country:3} {contact:12}{rtt:>8}{sent:>9}{received:>9}"
        ));
        if let Some(name) = best_name(&server.names) {
            self.wrapped(&escape(name), 8);
        }
        let location = &server.location;
        let is_refuted = location.confidence == Confidence::Unknown && !location.claims.is_empty();
        if has_finding || is_refuted || location.confidence == Confidence::Disputed {
            self.wrapped(&claims::told(location), 8);
        }
    }
}
