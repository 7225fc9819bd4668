//! The calls of the report, and what belongs to none.

use super::super::model::{
    CountryReport, EventReport, FailedReport, FailoverReport, Finding, NameReport, OutsideReport,
    SessionEndpoint, SessionReport,
};
use super::Builder;
use super::endpoints::least;
use super::finding::Seen;
use crate::flow::Transport;
use crate::identify::facts::{MentionKind, Rtt, RttVia};
use crate::identify::names::Via;
use crate::identify::{Contact, Role};
use crate::locate::{CountryCode, Scope};
use crate::policy::{Reason, Verdict, groups};
use crate::session::{Event, Failover, Failure, Leg, Session, What};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

/// Why there is no telling whether a server answered.
const UNHEARD: &str = "whether it answered is not known, as only one direction was captured";

impl Builder<'_> {
    pub(super) fn session(&mut self, session: &Session, number: usize) -> SessionReport {
        let id = format!("s{number}");
        let mut by_address: BTreeMap<IpAddr, Vec<&Leg>> = BTreeMap::new();
        for leg in &session.legs {
            by_address.entry(leg.far.ip()).or_default().push(leg);
        }
        let mut endpoints: Vec<SessionEndpoint> =
            by_address.iter().map(|(address, legs)| self.session_endpoint(*address, legs)).collect();
        let countries = countries(&endpoints);
        let seen = Seen::new(self, session, &endpoints);
        let first = self.findings.len();
        for endpoint in &mut endpoints {
            let mut judgement = self.judge(endpoint.address, endpoint.contact);
            let untouched = judgement.kind == Reason::NotTouched && judgement.rule.is_some();
            if untouched && session.lacks_answers() {
                judgement.verdict = Verdict::Indeterminate;
                UNHEARD.clone_into(&mut judgement.reason);
            } else if untouched {
                endpoint.untouched = Some(judgement.reason.clone());
            }
            endpoint.verdict = judgement.verdict;
            if judgement.verdict != Verdict::Allow {
                let legs = by_address.get(&endpoint.address).map_or(&[][..], Vec::as_slice);
                let finding = self.session_finding(&id, &seen, endpoint, legs, &judgement);
                self.findings.push(finding);
            }
        }
        endpoints.sort_by_key(|endpoint| {
            let role = endpoint.roles.first().copied().unwrap_or(Role::Unknown);
            (std::cmp::Reverse(endpoint.verdict), role, std::cmp::Reverse(endpoint.contact), endpoint.address)
        });
        let home = self.home(session);
        SessionReport {
            id,
            service: session.service.clone(),
            service_name: self.material.catalogue.display_name(&session.service).to_owned(),
            client: session.client,
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
            findings: (first..self.findings.len()).collect(),
        }
    }

    fn session_endpoint(&mut self, address: IpAddr, legs: &[&Leg]) -> SessionEndpoint {
        let proof = self.proof(legs);
        let placement = self.place(address);
        let mut endpoint = SessionEndpoint {
            address,
            ports: Vec::new(),
            transports: Vec::new(),
            names: Vec::new(),
            roles: Vec::new(),
            contact: Contact::Mentioned,
            country: placement.location.country,
            confidence: placement.location.confidence,
            scope: placement.scope,
            packets_sent: 0,
            bytes_sent: 0,
            packets_received: 0,
            bytes_received: 0,
            rtt: None,
            media: Vec::new(),
            media_spans: proof.media_spans,
            first_packet: proof.first_packet,
            evidence: proof.evidence,
            verdict: Verdict::Allow,
            untouched: None,
        };
        let (mut ports, mut transports) = (BTreeSet::new(), BTreeSet::new());
        let (mut roles, mut names, mut media) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let mut rtts: Vec<Rtt> = Vec::new();
        for leg in legs {
            let Some((subject, identity)) = self.flow(leg.flow) else { continue };
            endpoint.contact = endpoint.contact.max(identity.contact);
            endpoint.packets_sent += leg.sent.packets;
            endpoint.bytes_sent += leg.sent.bytes;
            endpoint.packets_received += leg.received.packets;
            endpoint.bytes_received += leg.received.bytes;
            if matches!(subject.transport, Transport::Tcp | Transport::Udp) {
                ports.insert(leg.far.port());
            }
            transports.insert(subject.transport);
            roles.insert(identity.role);
            names.extend(identity.names.iter().map(|name| (&*name.name, name.via.name())));
            let streams = subject.facts.map_or(&[][..], |facts| &facts.media);
            media.extend(streams.iter().map(|stream| stream.kind.unwrap_or("media")));
            if !leg.opened_by_far {
                // What a local proxy answers says nothing of the server.
                let proxied = self.material.inference.proxied_clients.contains(&subject.client.ip());
                let handshake = subject.handshake.filter(|_| !proxied);
                rtts.extend(handshake.map(|min| Rtt { via: RttVia::Tcp, min, samples: 1 }));
                rtts.extend(subject.facts.map_or(&[][..], |facts| &facts.rtts));
            }
        }
        if roles.len() > 1 {
            roles.remove(&Role::Unknown);
        }
        endpoint.ports = ports.into_iter().collect();
        endpoint.transports = transports.into_iter().map(Transport::name).collect();
        endpoint.roles = roles.into_iter().collect();
        endpoint.names =
            names.into_iter().map(|(name, via)| NameReport { name: name.to_owned(), via }).collect();
        endpoint.media = media.into_iter().collect();
        endpoint.rtt = least(&summed(&rtts));
        endpoint
    }

    fn event(&mut self, event: &Event) -> EventReport {
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
            packets: event.packets.iter().map(|packet| packet.number).collect(),
            detail: event.detail.clone(),
        }
    }

    fn failover(&mut self, failover: &Failover, home: &BTreeSet<CountryCode>) -> FailoverReport {
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
        let rank = |(name, via): &&(Arc<str>, Via)| (name.starts_with('*'), *via == Via::Certificate);
        identity.names.iter().min_by_key(rank).map(|(name, _)| name.to_string())
    }

    /// The countries that a call should stay in: those the user names, else the continent of the client's address
    /// as servers see it.
    fn home(&mut self, session: &Session) -> BTreeSet<CountryCode> {
        if !self.material.home.is_empty() {
            return self.material.home.clone();
        }
        let mapped = session
            .legs
            .iter()
            .filter(|leg| !leg.opened_by_far)
            .filter_map(|leg| self.flow(leg.flow))
            .flat_map(|(subject, _)| subject.facts.map_or(&[][..], |facts| &facts.mentions));
        let public =
            mapped.filter(|mention| mention.kind == MentionKind::Mapped).map(|mention| mention.address.ip());
        let candidates: BTreeSet<IpAddr> = public.chain([session.client]).collect();
        let countries: BTreeSet<CountryCode> =
            candidates.into_iter().filter_map(|address| self.country(address)).collect();
        // Where servers disagree on the client's address there is no telling where it is.
        match (countries.first(), countries.len()) {
            (Some(country), 1) => region(*country),
            _ => BTreeSet::new(),
        }
    }

    /// Counts, and if asked for judges, the servers that belong to no call, and the ends of tunnels.
    pub(super) fn outside(&mut self) -> OutsideReport {
        let mut outside = OutsideReport { judged: self.material.judge_all, ..OutsideReport::default() };
        let in_calls: BTreeSet<u32> =
            self.material.sessions.iter().flat_map(|session| &session.legs).map(|leg| leg.flow).collect();
        let mut servers: BTreeMap<IpAddr, Vec<u32>> = BTreeMap::new();
        for (subject, place) in self.material.subjects.iter().zip(0..) {
            if !in_calls.contains(&place) {
                outside.packets += subject.sent.packets + subject.received.packets;
                outside.bytes += subject.sent.bytes + subject.received.bytes;
                servers.entry(subject.server.ip()).or_default().push(place);
            }
        }
        outside.endpoints = servers.len() as u64;
        if self.material.judge_all {
            for (address, flows) in servers {
                self.judge_outside(address, &flows);
            }
            self.judge_loose();
        }
        outside
    }

    fn judge_outside(&mut self, address: IpAddr, flows: &[u32]) {
        let contact =
            flows.iter().filter_map(|flow| self.flow(*flow)).map(|(_, identity)| identity.contact).max();
        let contact = contact.unwrap_or(Contact::Mentioned);
        let judgement = self.judge(address, contact);
        if judgement.verdict != Verdict::Allow {
            let finding = self.outside_finding(address, flows, contact, &judgement);
            self.findings.push(finding);
        }
    }

    /// Judges addresses that no flow stands for: tunnel ends, and fragments that were never made whole.
    fn judge_loose(&mut self) {
        for (address, tally) in self.material.loose {
            let known = self.material.inference.endpoints.get(address).map(|known| known.contact);
            let contact = if tally.sent.packets > 0 { Contact::Answered } else { Contact::Attempted };
            if !tally.beyond_errors || known >= Some(contact) {
                continue;
            }
            let judgement = self.judge(*address, contact);
            if judgement.verdict != Verdict::Allow {
                let finding = self.loose_finding(*address, tally, contact, &judgement);
                self.findings.push(finding);
            }
        }
    }

    pub(super) fn finding(&mut self, address: IpAddr, contact: Contact, role: Role) -> Finding {
        let placement = self.place(address);
        Finding {
            rule: None,
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

/// The least time and the number of samples of each kind.
fn summed(rtts: &[Rtt]) -> Vec<Rtt> {
    let mut by_kind: BTreeMap<RttVia, Rtt> = BTreeMap::new();
    for rtt in rtts {
        let sum = by_kind.entry(rtt.via).or_insert(Rtt { samples: 0, ..*rtt });
        sum.min = sum.min.min(rtt.min);
        sum.samples = sum.samples.saturating_add(rtt.samples);
    }
    by_kind.into_values().collect()
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
