//! What belongs to no call.

use super::super::model::OutsideReport;
use super::sessions::used_proxy;
use super::{Builder, Material, Met};
use crate::identify::infer::Subject;
use crate::identify::{Contact, Identity, Role, Service};
use crate::locate::CountryCode;
use crate::parallel::{at_once, part_size};
use crate::policy::Verdict;
use hashbrown::HashMap;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Flows that a thread is worth.
const MIN_FLOWS: usize = 4096;

/// Where clients are: each has flows to many servers.
type Countries = HashMap<IpAddr, Option<CountryCode>, foldhash::fast::RandomState>;

/// Flows that belong to no call.
#[derive(Default)]
struct Apart {
    packets: u64,
    bytes: u64,
    /// The servers, with the flows in their order if they are judged.
    servers: HashMap<IpAddr, Vec<u32>, foldhash::fast::RandomState>,
}

impl Apart {
    fn of(material: &Material<'_>) -> Self {
        let part = part_size(material.subjects.len(), material.threads, MIN_FLOWS);
        let parts = at_once(material.subjects.chunks(part).zip(0..), |(subjects, number)| {
            let first = number * part;
            let in_calls = material.calls.in_calls.get(first..).unwrap_or_default();
            let in_calls = in_calls.iter().copied().chain(std::iter::repeat(false));
            let mut apart = Self::default();
            for ((subject, place), _) in
                subjects.iter().zip(first..).zip(in_calls).filter(|(_, in_call)| !in_call)
            {
                apart.add(subject, material.judge_all.then_some(place));
            }
            apart
        });
        parts.into_iter().reduce(Self::join).unwrap_or_default()
    }

    fn add(&mut self, subject: &Subject<'_>, place: Option<usize>) {
        self.packets += subject.sent.packets + subject.received.packets;
        self.bytes += subject.sent.bytes + subject.received.bytes;
        let flows = self.servers.entry(subject.server.ip()).or_default();
        flows.extend(place.and_then(|place| u32::try_from(place).ok()));
    }

    fn join(mut self, other: Self) -> Self {
        self.packets += other.packets;
        self.bytes += other.bytes;
        for (server, mut flows) in other.servers {
            self.servers.entry(server).or_default().append(&mut flows);
        }
        self
    }
}

impl Builder<'_> {
    /// Counts, and if asked for judges, the servers that belong to no call, and the ends of tunnels.
    pub(super) fn outside(&mut self) -> OutsideReport {
        let Apart { packets, bytes, servers } = Apart::of(self.material);
        let judged = self.material.judge_all;
        let outside = OutsideReport { judged, packets, bytes, endpoints: servers.len() as u64 };
        if judged {
            let mut servers: Vec<(IpAddr, Vec<u32>)> = servers.into_iter().collect();
            servers.sort_unstable();
            let mut countries = Countries::default();
            for (address, flows) in servers {
                self.judge_outside(address, &flows, &mut countries);
            }
            self.judge_loose();
        }
        outside
    }

    fn judge_outside(&mut self, address: IpAddr, flows: &[u32], countries: &mut Countries) {
        let met: Vec<(&Subject<'_>, &Identity)> = flows.iter().filter_map(|flow| self.flow(*flow)).collect();
        let contact = met.iter().map(|(_, identity)| identity.contact).max().unwrap_or(Contact::Mentioned);
        let services: BTreeSet<Service> =
            met.iter().filter_map(|(_, identity)| identity.service.clone()).collect();
        let roles: BTreeSet<Role> = met.iter().map(|(_, identity)| identity.role).collect();
        let mut country = |client| *countries.entry(client).or_insert_with(|| self.country(client));
        let clients = met.iter().filter_map(|(subject, _)| country(subject.client.ip())).collect();
        let client = self.client_of(clients);
        let judgement = self.judge(
            address,
            &Met {
                contact,
                lacks_answers: false,
                is_proxy: met.iter().any(|(subject, _)| used_proxy(subject).is_some()),
                services: &services.into_iter().collect::<Vec<_>>(),
                roles: &roles.into_iter().collect::<Vec<_>>(),
                names: met
                    .iter()
                    .flat_map(|(_, identity)| identity.names.iter())
                    .map(|name| &**name.name)
                    .collect(),
                bytes_sent: met.iter().map(|(subject, _)| subject.sent.bytes).sum(),
                bytes_received: met.iter().map(|(subject, _)| subject.received.bytes).sum(),
                seen: met
                    .iter()
                    .map(|(subject, _)| subject.start)
                    .min()
                    .zip(met.iter().map(|(subject, _)| subject.end).max()),
                client: &client.countries,
            },
        );
        if judgement.verdict != Verdict::Allow {
            let finding = self.outside_finding(address, flows, contact, &judgement);
            self.findings.push(finding);
        }
    }

    /// Judges addresses that no flow stands for: tunnel ends, and fragments that were never made whole.
    fn judge_loose(&mut self) {
        let client = self.client_of(BTreeSet::new());
        for (address, tally) in self.material.loose {
            let known = self.material.inference.endpoints.get(address).map(|known| known.contact);
            let contact = if tally.sent.packets > 0 { Contact::Answered } else { Contact::Attempted };
            if !tally.beyond_errors || known >= Some(contact) {
                continue;
            }
            let met = Met {
                contact,
                lacks_answers: false,
                is_proxy: false,
                services: &[],
                roles: &[],
                names: Vec::new(),
                bytes_sent: tally.received.bytes,
                bytes_received: tally.sent.bytes,
                seen: Some((tally.first, tally.last)),
                client: &client.countries,
            };
            let judgement = self.judge(*address, &met);
            if judgement.verdict != Verdict::Allow {
                let finding = self.loose_finding(*address, tally, contact, &judgement);
                self.findings.push(finding);
            }
        }
    }
}
