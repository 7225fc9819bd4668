//! Writes pseudonyms into a report. What is in no field that is named here stays: numbers, times, countries.

use super::names::FileNames;
use super::pseudonyms::Pseudonyms;
use crate::report::{
    EndpointReport, EventReport, EvidenceReport, FailoverReport, Finding, FlowReport, NameReport, Report,
    SessionEndpoint, SessionReport,
};
use std::net::IpAddr;

impl Pseudonyms {
    /// Replaces what tells who took part, and folders in paths. The verdicts are not made again.
    pub fn apply(&self, report: &mut Report) {
        FileNames::of(report, &[]).without_folders().write_to(report);
        report.pseudonymized = true;
        report.lacks.iter_mut().for_each(|lack| self.in_text(lack));
        report.endpoints.iter_mut().for_each(|endpoint| self.endpoint(endpoint));
        // In the order of the originals, the list would tell where they lie.
        report.endpoints.sort_by_key(|endpoint| endpoint.address);
        report.flows.iter_mut().flatten().for_each(|flow| self.flow(flow));
        report.sessions.iter_mut().for_each(|session| self.session(session));
        report.findings.iter_mut().for_each(|finding| self.finding(finding));
    }

    fn endpoint(&self, endpoint: &mut EndpointReport) {
        let is_hidden = self.hides(endpoint.address);
        self.in_address(&mut endpoint.address);
        self.in_names(&mut endpoint.names);
        for mention in &mut endpoint.mentioned {
            self.in_address(&mut mention.client);
            mention.server.iter_mut().for_each(|server| self.in_address(server));
        }
        endpoint.mentioned.sort();
        if is_hidden {
            // The network, the town and the provider of a participant tell nearly as much as the address.
            endpoint.operator = None;
            let location = &mut endpoint.location;
            for claim in location.claims.iter_mut().chain(&mut location.history) {
                claim.network = None;
                claim.region = None;
            }
        }
    }

    fn flow(&self, flow: &mut FlowReport) {
        let is_hidden = self.hides(flow.server.address);
        self.in_address(&mut flow.client.address);
        self.in_address(&mut flow.server.address);
        self.in_names(&mut flow.names);
        self.in_evidence(&mut flow.evidence, is_hidden);
    }

    fn session(&self, session: &mut SessionReport) {
        self.in_address(&mut session.client);
        session.endpoints.iter_mut().for_each(|endpoint| self.session_endpoint(endpoint));
        session.endpoints.sort_by_key(SessionEndpoint::order);
        session.timeline.iter_mut().for_each(|event| self.event(event));
        session.failovers.iter_mut().for_each(|failover| self.failover(failover));
    }

    fn session_endpoint(&self, endpoint: &mut SessionEndpoint) {
        self.in_evidence(&mut endpoint.evidence, self.hides(endpoint.address));
        self.in_address(&mut endpoint.address);
        self.in_names(&mut endpoint.names);
        endpoint.untouched.iter_mut().for_each(|text| self.in_text(text));
    }

    fn event(&self, event: &mut EventReport) {
        self.in_address(&mut event.endpoint);
        // These two say which name was looked up and tried.
        let is_name = matches!(event.event, "attempt" | "lookup");
        event.detail.iter_mut().for_each(|detail| {
            *detail = if is_name { self.name(detail) } else { self.text(detail) };
        });
    }

    fn failover(&self, failover: &mut FailoverReport) {
        self.in_address(&mut failover.reached);
        failover.reached_name.iter_mut().for_each(|name| *name = self.name(name));
        for failed in &mut failover.failed {
            self.in_address(&mut failed.endpoint);
            failed.name.iter_mut().for_each(|name| *name = self.name(name));
        }
    }

    fn finding(&self, finding: &mut Finding) {
        self.in_address(&mut finding.endpoint);
        self.in_text(&mut finding.reason);
    }

    fn in_evidence(&self, evidence: &mut [EvidenceReport], is_hidden: bool) {
        for evidence in evidence {
            if is_hidden && evidence.kind == "prefix" {
                "the address lies in a prefix of the service".clone_into(&mut evidence.detail);
            }
            self.in_text(&mut evidence.detail);
        }
    }

    fn in_names(&self, names: &mut Vec<NameReport>) {
        names.iter_mut().for_each(|name| name.name = self.name(&name.name));
        names.sort();
        names.dedup();
    }

    fn in_address(&self, address: &mut IpAddr) {
        *address = self.address(*address);
    }

    fn in_text(&self, text: &mut String) {
        *text = self.text(text);
    }
}
