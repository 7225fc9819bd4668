//! What several parts of the page ask of the report.

use crate::policy::Verdict;
use crate::report::model::{EndpointReport, Report};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// A report and indices into it.
pub(super) struct Context<'a> {
    pub(super) report: &'a Report,
    /// Where the capture was taken, if the user has said.
    pub(super) vantage: Option<&'a str>,
    /// The addresses that servers call a client by.
    pub(super) mapped: BTreeMap<IpAddr, Vec<&'a EndpointReport>>,
    /// The worst verdict on each address in any call; those outside of calls only where they were judged.
    pub(super) verdicts: BTreeMap<IpAddr, Verdict>,
    /// The clients of calls.
    pub(super) clients: BTreeSet<IpAddr>,
}

impl<'a> Context<'a> {
    pub(super) fn new(report: &'a Report) -> Self {
        let mut mapped: BTreeMap<IpAddr, Vec<&EndpointReport>> = BTreeMap::new();
        for endpoint in &report.endpoints {
            let clients: BTreeSet<IpAddr> = endpoint
                .mentioned
                .iter()
                .filter(|mention| mention.by == "mapped")
                .map(|mention| mention.client)
                .collect();
            for client in clients {
                mapped.entry(client).or_default().push(endpoint);
            }
        }
        let mut verdicts: BTreeMap<IpAddr, Verdict> = BTreeMap::new();
        let in_calls =
            report.sessions.iter().flat_map(|call| &call.endpoints).map(|end| (end.address, end.verdict));
        let found = report.findings.iter().map(|finding| (finding.endpoint, finding.verdict));
        for (address, verdict) in in_calls.chain(found) {
            let worst = verdicts.entry(address).or_insert(verdict);
            *worst = verdict.max(*worst);
        }
        let vantages = report.endpoints.iter().filter_map(|endpoint| endpoint.location.latency.as_ref());
        Self {
            report,
            vantage: vantages.map(|bound| bound.vantage.as_str()).next(),
            mapped,
            verdicts,
            clients: report.sessions.iter().map(|call| call.client).collect(),
        }
    }

    /// What is known of an address. Endpoints are sorted.
    pub(super) fn endpoint(&self, address: IpAddr) -> Option<&'a EndpointReport> {
        let endpoints = &self.report.endpoints;
        let place = endpoints.binary_search_by_key(&address, |endpoint| endpoint.address).ok()?;
        endpoints.get(place)
    }
}
