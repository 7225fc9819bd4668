//! The addresses of the report.

use super::super::model::{EndpointReport, MentionReport, NameReport, RttReport, SessionReport};
use super::Builder;
use crate::flow::Tally;
use crate::identify::facts::Rtt;
use crate::identify::infer::{EndpointIdentity, MentionedBy};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Mentions listed of one address: enough to find them all with a display filter.
const MAX_MENTIONS: usize = 8;

impl Builder<'_> {
    /// Every address that packets went from or to, and every one that was only named. A table of calls asks only for
    /// their far ends.
    pub(super) fn endpoints(&mut self, sessions: &[SessionReport]) -> Vec<EndpointReport> {
        let mut recorded: BTreeMap<IpAddr, BTreeSet<NameReport>> = BTreeMap::new();
        for name in self.material.inputs.iter().flat_map(|input| &input.recorded_names) {
            let report = NameReport { name: name.name.clone(), via: "capture" };
            recorded.entry(name.address).or_default().insert(report);
        }
        let identities = &self.material.inference.endpoints;
        let shows_calls = self.material.brief && !self.material.judge_all && !sessions.is_empty();
        let addresses: BTreeSet<IpAddr> = if shows_calls {
            sessions.iter().flat_map(|session| &session.endpoints).map(|endpoint| endpoint.address).collect()
        } else {
            self.material.tallies.keys().chain(identities.keys()).copied().collect()
        };
        let mut reports = Vec::with_capacity(addresses.len());
        for address in addresses {
            let names = recorded.remove(&address).unwrap_or_default();
            reports.push(self.endpoint(
                address,
                self.material.tallies.get(&address),
                identities.get(&address),
                names,
            ));
        }
        reports
    }

    fn endpoint(
        &mut self,
        address: IpAddr,
        tally: Option<&Tally>,
        identity: Option<&EndpointIdentity>,
        mut names: BTreeSet<NameReport>,
    ) -> EndpointReport {
        // Nothing asks for it again: of two million addresses a second copy of each takes a gigabyte.
        let placement = self.placements.remove(&address);
        let placement = placement.unwrap_or_else(|| self.material.places.locate(address));
        let (sent, received) = tally.map(|tally| (tally.sent, tally.received)).unwrap_or_default();
        let known = identity.into_iter();
        names.extend(
            known
                .clone()
                .flat_map(|known| &known.names)
                .map(|(name, via)| NameReport { name: name.to_string(), via: via.name() }),
        );
        EndpointReport {
            address,
            scope: placement.scope,
            packets: sent.packets.saturating_add(received.packets),
            bytes: sent.bytes.saturating_add(received.bytes),
            packets_sent: sent.packets,
            bytes_sent: sent.bytes,
            packets_received: received.packets,
            bytes_received: received.bytes,
            first_seen: tally.map(|tally| self.time(tally.first)),
            last_seen: tally.map(|tally| self.time(tally.last)),
            names: names.into_iter().collect(),
            operator: placement.operator,
            services: known.clone().flat_map(|known| known.services.iter().cloned()).collect(),
            roles: known.clone().flat_map(|known| known.roles.iter().copied()).collect(),
            contact: identity.map(|known| known.contact),
            location: placement.location,
            rtt: identity.and_then(|known| least(&known.rtts)),
            mentioned: known
                .flat_map(|known| &known.mentioned)
                .take(MAX_MENTIONS)
                .map(|by| self.mention(by))
                .collect(),
        }
    }

    fn mention(&self, by: &MentionedBy) -> MentionReport {
        let (by, client, server, packet) = match by {
            MentionedBy::Dns { client, packet } => ("dns", *client, None, *packet),
            MentionedBy::Flow { kind, client, server, packet } => {
                (kind.name(), *client, Some(*server), *packet)
            }
        };
        let input = self.material.inputs.get(usize::from(packet.input()));
        let input = input.map(|input| input.path.clone()).unwrap_or_default();
        MentionReport { by, client, server, input, packet: packet.number() }
    }
}

/// The least of round-trip times of several kinds.
pub(super) fn least(rtts: &[Rtt]) -> Option<RttReport> {
    let least = rtts.iter().min_by_key(|rtt| rtt.min)?;
    Some(RttReport { min_s: least.min, samples: least.samples, via: least.via.name() })
}
