//! The calls of the report.

use super::super::model::{
    CountryReport, EventReport, FailedReport, FailoverReport, Finding, NameReport, SessionEndpoint,
    SessionReport,
};
use super::super::text;
use super::client::Client;
use super::endpoints::least;
use super::finding::Seen;
use super::proof::Proof;
use super::{Builder, MIN_PART, Met};
use crate::flow::Transport;
use crate::identify::facts::{Rtt, RttVia, Tunnel};
use crate::identify::infer::Subject;
use crate::identify::named::Names;
use crate::identify::{Contact, Role};
use crate::locate::{CountryCode, Scope};
use crate::parallel::{at_once, part_size};
use crate::policy::{Judgement, Reason, Verdict, groups};
use crate::session::{Event, Failover, Failure, Leg, Session, What};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Why there is no telling whether a server answered.
const UNHEARD: &str = "whether it answered is not known, as only one direction was captured";

impl Builder<'_> {
    /// The calls, in their order. What rules find in them is added to the findings.
    pub(super) fn sessions(&mut self) -> Vec<SessionReport> {
        let numbered: Vec<(&Session, usize)> = self.material.calls.sessions.iter().zip(1..).collect();
        let part = part_size(numbered.len(), self.material.threads, MIN_PART);
        let told = at_once(numbered.chunks(part), |part| {
            part.iter().map(|(session, number)| self.session(session, *number)).collect::<Vec<_>>()
        });
        let mut reports = Vec::with_capacity(numbered.len());
        for (mut report, mut findings) in told.into_iter().flatten() {
            let first = self.findings.len();
            self.findings.append(&mut findings);
            report.findings = (first..self.findings.len()).collect();
            reports.push(report);
        }
        reports
    }

    /// A call, and what rules find in it.
    fn session(&self, session: &Session, number: usize) -> (SessionReport, Vec<Finding>) {
        let id = format!("s{number}");
        let mut legs: Vec<&Leg> = session.legs.iter().collect();
        legs.sort_by_key(|leg| leg.far.ip());
        let by_address = || legs.chunk_by(|a, b| a.far.ip() == b.far.ip());
        let mut endpoints: Vec<SessionEndpoint> =
            by_address().filter_map(|legs| self.session_endpoint(legs)).collect();
        let countries = countries(&endpoints);
        let client_seen = self.countries_seen(session);
        let client = self.client_of(client_seen);
        let judge = |endpoint: &mut SessionEndpoint| self.judge_far_end(session, &client, endpoint);
        let judgements: Vec<Judgement> = endpoints.iter_mut().map(judge).collect();
        let mut findings = Vec::new();
        if judgements.iter().any(|judgement| judgement.verdict != Verdict::Allow) {
            let seen = Seen::new(self, session, &endpoints);
            for ((endpoint, legs), judgement) in endpoints.iter().zip(by_address()).zip(&judgements) {
                if judgement.verdict != Verdict::Allow {
                    findings.push(self.session_finding(&id, &seen, endpoint, legs, judgement));
                }
            }
        }
        endpoints.sort_by_key(SessionEndpoint::order);
        let home = if session.failovers.is_empty() { BTreeSet::new() } else { self.home(session) };
        let report = SessionReport {
            id,
            service: session.service.clone(),
            service_name: self.material.catalogue.display_name(&session.service).to_owned(),
            client: session.client,
            client_countries: client.countries.iter().collect(),
            client_country_via: client.via,
            start: self.time(session.start),
            end: self.time(session.end),
            media_seen: session.has_media,
            began_before_capture: session.gaps.began_before,
            continues_after_capture: session.gaps.went_on,
            one_direction: session.gaps.one_direction,
            countries,
            verdict: endpoints.iter().map(|endpoint| endpoint.verdict).max().unwrap_or_default(),
            timeline: session.timeline.iter().map(|event| self.event(event)).collect(),
            events_left_out: session.events_left_out,
            failovers: session.failovers.iter().map(|failover| self.failover(failover, &home)).collect(),
            endpoints,
            processes: Vec::new(),
            findings: Vec::new(),
        };
        (report, findings)
    }

    /// Judges a far end, and notes where contact went too short a way for a rule to apply.
    fn judge_far_end(&self, session: &Session, client: &Client, endpoint: &mut SessionEndpoint) -> Judgement {
        let mut judgement = self.judge(
            endpoint.address,
            &Met {
                contact: endpoint.contact,
                lacks_answers: session.lacks_answers(),
                is_proxy: !endpoint.proxy_for.is_empty(),
                services: std::slice::from_ref(&session.service),
                roles: &endpoint.roles,
                names: endpoint.names.iter().map(|name| &*name.name).collect(),
                bytes_sent: endpoint.bytes_sent,
                bytes_received: endpoint.bytes_received,
                seen: endpoint.first_seen.zip(endpoint.last_seen).map(|(first, last)| (first.at, last.at)),
                client: &client.countries,
            },
        );
        let untouched = judgement.kind == Reason::NotTouched && judgement.rule.is_some();
        if untouched && session.lacks_answers() {
            judgement.verdict = Verdict::Indeterminate;
            UNHEARD.clone_into(&mut judgement.reason);
        } else if untouched {
            endpoint.untouched = Some(judgement.reason.clone());
        }
        endpoint.verdict = judgement.verdict;
        judgement
    }

    /// The far end of `legs`; `None` without any.
    fn session_endpoint(&self, legs: &[&Leg]) -> Option<SessionEndpoint> {
        let mut endpoint = self.unseen(legs.first()?.far.ip());
        let mut transports: Vec<Transport> = Vec::new();
        let mut names: Vec<(&str, &'static str)> = Vec::new();
        let mut listed: [&Names; 4] = [&Names::EMPTY; 4];
        let mut rtts: Vec<Rtt> = Vec::new();
        for leg in legs {
            let Some((subject, identity)) = self.flow(leg.flow) else { continue };
            endpoint.contact = endpoint.contact.max(identity.contact);
            let (start, end) = (self.time(subject.start), self.time(subject.end));
            endpoint.first_seen = Some(endpoint.first_seen.map_or(start, |first| first.min(start)));
            endpoint.last_seen = endpoint.last_seen.max(Some(end));
            endpoint.packets_sent += leg.sent.packets;
            endpoint.bytes_sent += leg.sent.bytes;
            endpoint.packets_received += leg.received.packets;
            endpoint.bytes_received += leg.received.bytes;
            if matches!(subject.transport, Transport::Tcp | Transport::Udp) {
                endpoint.ports.push(leg.far.port());
            }
            note(&mut transports, subject.transport);
            note(&mut endpoint.roles, identity.role);
            // Most flows to one server have the same names.
            if !listed.iter().any(|listed| identity.names.is_shared_with(listed)) {
                listed.rotate_right(1);
                listed[0] = &identity.names;
                names.extend(identity.names.iter().map(|name| (&**name.name, name.via.name())));
            }
            endpoint.proxy_for.extend(used_proxy(subject).map(|tunnel| tunnel.host.clone()));
            let streams = subject.facts.map_or(&[][..], |facts| &facts.media);
            streams.iter().for_each(|stream| note(&mut endpoint.media, stream.kind.unwrap_or("media")));
            if !leg.opened_by_far {
                // What a local proxy answers says nothing of the server.
                let proxied = self.material.inference.proxied_clients.contains(&subject.client.ip());
                let handshake = subject.handshake.filter(|_| !proxied);
                let tcp = handshake.map(|min| Rtt { via: RttVia::Tcp, min, samples: 1 });
                let others = subject.facts.map_or(&[][..], |facts| &facts.rtts);
                tcp.iter().chain(others).for_each(|rtt| Rtt::add(&mut rtts, *rtt));
            }
        }
        tidy(&mut endpoint.ports);
        tidy(&mut endpoint.proxy_for);
        tidy(&mut endpoint.roles);
        if endpoint.roles.len() > 1 {
            endpoint.roles.retain(|role| *role != Role::Unknown);
        }
        tidy(&mut endpoint.media);
        tidy(&mut transports);
        endpoint.transports = transports.into_iter().map(Transport::name).collect();
        tidy(&mut names);
        endpoint.names =
            names.into_iter().map(|(name, via)| NameReport { name: name.to_owned(), via }).collect();
        rtts.sort_by_key(|rtt| rtt.via);
        endpoint.rtt = least(&rtts);
        if !self.material.brief {
            let Proof { media_spans, first_packet, evidence } = self.proof(legs);
            (endpoint.media_spans, endpoint.first_packet, endpoint.evidence) =
                (media_spans, first_packet, evidence);
        }
        Some(endpoint)
    }

    /// A far end of which nothing is known but where it is.
    fn unseen(&self, address: IpAddr) -> SessionEndpoint {
        let placement = self.place(address);
        SessionEndpoint {
            address,
            ports: Vec::new(),
            transports: Vec::new(),
            names: Vec::new(),
            proxy_for: Vec::new(),
            roles: Vec::new(),
            contact: Contact::Mentioned,
            country: placement.location.country,
            confidence: placement.location.confidence,
            scope: placement.scope,
            packets_sent: 0,
            bytes_sent: 0,
            packets_received: 0,
            bytes_received: 0,
            first_seen: None,
            last_seen: None,
            rtt: None,
            media: Vec::new(),
            media_spans: Vec::new(),
            first_packet: None,
            evidence: Vec::new(),
            verdict: Verdict::Allow,
            untouched: None,
        }
    }

    fn event(&self, event: &Event) -> EventReport {
        let failure = match event.what {
            What::Failed(failure) => Some(failure),
            _ => None,
        };
        EventReport {
            time: self.time(event.time),
            event: event.what.name(),
            code: failure.map(Failure::code),
            words: failure.map(Failure::words),
            endpoint: event.far.ip(),
            port: Some(event.far.port()).filter(|port| *port != 0),
            country: self.country(event.far.ip()),
            role: event.role,
            packets: event.packets.iter().map(|packet| packet.number()).collect(),
            detail: event.detail.clone(),
        }
    }

    fn failover(&self, failover: &Failover, home: &BTreeSet<CountryCode>) -> FailoverReport {
        let failed = failover.failed.iter().map(|failed| FailedReport {
            endpoint: failed.address,
            name: self.name_of(failed.address),
            country: failed.country,
            code: failed.failure.code(),
            words: failed.failure.words(),
            tries: failed.tries,
            time: self.time(failed.time),
        });
        let region = if home.is_empty() {
            failover.country_before.map(region).unwrap_or_default()
        } else {
            home.clone()
        };
        FailoverReport {
            role: failover.role,
            failed: failed.collect(),
            time: self.time(failover.time),
            reached: failover.reached,
            reached_name: self.name_of(failover.reached),
            gap_s: failover.gap,
            country_before: failover.country_before,
            country_after: failover.country_after,
            leaves_home: failover
                .country_after
                .filter(|_| !region.is_empty())
                .map(|after| !region.contains(&after)),
            home: region.into_iter().collect(),
        }
    }

    fn name_of(&self, address: IpAddr) -> Option<String> {
        let identity = self.material.inference.endpoints.get(&address)?;
        text::best_name(identity.names.iter().map(|(name, via)| (&**name, via.name()))).map(str::to_owned)
    }

    /// The countries that a call should stay in: those the user names, else the continent of the client's address
    /// as servers see it.
    fn home(&self, session: &Session) -> BTreeSet<CountryCode> {
        if !self.material.home.is_empty() {
            return self.material.home.iter().collect();
        }
        let countries = self.countries_seen(session);
        // Where servers disagree on the client's address there is no telling where it is.
        match (countries.first(), countries.len()) {
            (Some(country), 1) => region(*country),
            _ => BTreeSet::new(),
        }
    }

    pub(super) fn finding(&self, address: IpAddr, contact: Contact, role: Role) -> Finding {
        let placement = self.place(address);
        Finding {
            rule: None,
            severity: None,
            rule_reason: None,
            verdict: Verdict::Allow,
            session: None,
            endpoint: address,
            country: placement.location.country,
            confidence: placement.location.confidence,
            role,
            contact,
            bytes_sent: 0,
            bytes_received: 0,
            reason: String::new(),
            first_packet: None,
            packets: Vec::new(),
        }
    }
}

/// What a flow's server was asked for, if it is a proxy and something went through it.
pub(super) fn used_proxy<'a>(subject: &Subject<'a>) -> Option<&'a Tunnel> {
    subject.facts.and_then(|facts| facts.tunnel.as_deref()).filter(|tunnel| tunnel.is_used)
}

/// Sorts `list` and leaves each item in it once.
fn tidy<T: Ord>(list: &mut Vec<T>) {
    list.sort_unstable();
    list.dedup();
}

/// Adds what may be one of a few things to `list`, unless it is there.
fn note<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if !list.contains(&item) {
        list.push(item);
    }
}

/// Countries of the far ends that answered, most bytes first.
fn countries(endpoints: &[SessionEndpoint]) -> Vec<CountryReport> {
    let mut by_country: BTreeMap<CountryCode, (BTreeSet<Role>, u64)> = BTreeMap::new();
    let touched = endpoints
        .iter()
        .filter(|endpoint| endpoint.contact >= Contact::Answered && endpoint.scope == Scope::Global);
    for endpoint in touched {
        if let Some(country) = endpoint.country {
            let (roles, bytes) = by_country.entry(country).or_default();
            roles.extend(&endpoint.roles);
            *bytes += endpoint.bytes_sent + endpoint.bytes_received;
        }
    }
    let mut countries: Vec<CountryReport> = by_country
        .into_iter()
        .map(|(country, (roles, bytes))| CountryReport { country, roles: roles.into_iter().collect(), bytes })
        .collect();
    countries.sort_by_key(|report| (std::cmp::Reverse(report.bytes), report.country));
    countries
}

/// The continent of a country, as the members of its group.
fn region(country: CountryCode) -> BTreeSet<CountryCode> {
    const CONTINENTS: [&str; 6] = ["africa", "asia", "europe", "north-america", "oceania", "south-america"];
    let continent = groups()
        .iter()
        .find(|group| CONTINENTS.contains(&group.name.as_str()) && group.members.contains(country));
    continent.map(|group| group.members.iter().collect()).unwrap_or_default()
}
