//! What of a look at the capture is news.

use super::told::{FindingTold, ServerTold, SessionGone, SessionOver, SessionTold, Told};
use crate::identify::Service;
use crate::report::{Finding, ProcessReport, Report, SessionReport, Time};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// Findings outside of calls that are remembered though their flows have left. One of those beyond may be told again.
const MAX_TOLD: usize = 65_536;

/// What was told.
#[derive(Debug, Default)]
pub(super) struct Telling {
    sessions: BTreeMap<String, Known>,
    findings: BTreeMap<Key, Finding>,
}

/// What a finding is about: the call, the address and the rule.
type Key = (Option<String>, IpAddr, Option<String>);

#[derive(Debug)]
struct Known {
    service: Service,
    processes: Vec<ProcessReport>,
    servers: BTreeMap<IpAddr, ServerTold>,
    over: bool,
}

/// A look at the capture.
pub(super) struct Look<'a> {
    /// The calls and findings of flows that are followed.
    pub(super) report: &'a Report,
    pub(super) now: Time,
    /// Without a packet for so long, a call is over.
    pub(super) idle_gap: Duration,
    /// Which call took the flows of one that is no more.
    pub(super) merged: &'a BTreeMap<String, String>,
    /// Calls whose flows have left.
    pub(super) left: &'a [String],
    /// Whether the capture is over, and all calls with it.
    pub(super) last: bool,
}

impl Telling {
    /// What is to be told after `look`.
    pub(super) fn tell(&mut self, look: &Look<'_>) -> Vec<Told> {
        let mut told = Vec::new();
        for id in look.left {
            self.sessions.remove(id);
        }
        for session in &look.report.sessions {
            self.session(look, session, &mut told);
        }
        self.findings(look, &mut told);
        for session in &look.report.sessions {
            self.end(look, session, &mut told);
        }
        self.withdraw(look, &mut told);
        told
    }

    fn session(&mut self, look: &Look<'_>, session: &SessionReport, told: &mut Vec<Told>) {
        let telling = || SessionTold {
            time: session.start,
            session: session.id.clone(),
            service: session.service.clone(),
            service_name: session.service_name.clone(),
            client: session.client,
            processes: session.processes.clone(),
        };
        let known = self.sessions.entry(session.id.clone()).or_insert_with(|| {
            told.push(Told::SessionStarted(telling()));
            Known {
                service: session.service.clone(),
                processes: session.processes.clone(),
                servers: BTreeMap::new(),
                over: false,
            }
        });
        if known.service != session.service || known.processes != session.processes {
            known.service = session.service.clone();
            known.processes.clone_from(&session.processes);
            told.push(Told::SessionChanged(telling()));
        }
        if known.over && !is_over(look, session) {
            known.over = false;
            told.push(Told::SessionResumed(telling()));
        }
        for endpoint in &session.endpoints {
            let server = ServerTold {
                time: look.now,
                session: session.id.clone(),
                address: endpoint.address,
                ports: endpoint.ports.clone(),
                names: endpoint.names.clone(),
                roles: endpoint.roles.clone(),
                contact: endpoint.contact,
                country: endpoint.country,
                confidence: endpoint.confidence,
                verdict: endpoint.verdict,
            };
            let before = known.servers.get(&endpoint.address);
            if before.is_none_or(|before| ServerTold { time: server.time, ..before.clone() } != server) {
                known.servers.insert(endpoint.address, server.clone());
                told.push(Told::Server(server));
            }
        }
    }

    fn findings(&mut self, look: &Look<'_>, told: &mut Vec<Told>) {
        for finding in &look.report.findings {
            let key = (finding.session.clone(), finding.endpoint, finding.rule.clone());
            let before = self.findings.get(&key);
            if before.is_none_or(|before| differs(before, finding)) {
                let again = before.is_some_and(|before| before.verdict == finding.verdict);
                told.push(Told::Finding(finding_told(look, finding, again)));
                self.findings.insert(key, finding.clone());
            }
        }
    }

    fn end(&mut self, look: &Look<'_>, session: &SessionReport, told: &mut Vec<Told>) {
        let Some(known) = self.sessions.get_mut(&session.id) else { return };
        if known.over || !(look.last || is_over(look, session)) {
            return;
        }
        known.over = true;
        let findings: Vec<Finding> =
            session.findings.iter().filter_map(|place| look.report.findings.get(*place)).cloned().collect();
        let session = SessionReport { findings: (0..findings.len()).collect(), ..session.clone() };
        told.push(Told::SessionEnded(SessionOver { time: session.end, session, findings }));
    }

    /// Calls and findings that there are no more, though their flows have not left.
    fn withdraw(&mut self, look: &Look<'_>, told: &mut Vec<Told>) {
        let gone: Vec<String> = self
            .sessions
            .keys()
            .filter(|id| !look.report.sessions.iter().any(|session| session.id == **id))
            .cloned()
            .collect();
        for id in gone {
            self.sessions.remove(&id);
            let part_of = look.merged.get(&id).cloned();
            told.push(Told::SessionWithdrawn(SessionGone { time: look.now, session: id, part_of }));
        }
        let present: std::collections::BTreeSet<Key> = look
            .report
            .findings
            .iter()
            .map(|finding| (finding.session.clone(), finding.endpoint, finding.rule.clone()))
            .collect();
        let crowded = self.findings.len() > MAX_TOLD;
        self.findings.retain(|key, finding| {
            if present.contains(key) {
                return true;
            }
            // Those of a call that has left stand, and nothing more is told of them; those outside of calls are told
            // once, for their flows come and go.
            let Some(id) = &key.0 else { return !crowded };
            if !look.left.contains(id) {
                told.push(Told::FindingWithdrawn(finding_told(look, finding, true)));
            }
            false
        });
    }
}

fn is_over(look: &Look<'_>, session: &SessionReport) -> bool {
    look.now.at.since(session.end.at) > look.idle_gap
}

/// Whether more is known than was told: counts alone are no news.
fn differs(before: &Finding, finding: &Finding) -> bool {
    (before.verdict, before.country, before.confidence, before.role, before.contact)
        != (finding.verdict, finding.country, finding.confidence, finding.role, finding.contact)
}

fn finding_told(look: &Look<'_>, finding: &Finding, again: bool) -> FindingTold {
    let of_session = |session: &&SessionReport| Some(&session.id) == finding.session.as_ref();
    let session = look.report.sessions.iter().find(of_session);
    FindingTold {
        time: look.now,
        again,
        service_name: session.map(|session| session.service_name.clone()),
        finding: finding.clone(),
    }
}
