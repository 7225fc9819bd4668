//! Skype of before 2016: packets of one socket to many addresses, numbered in one sequence.

use super::{Draft, Subject};
use crate::flow::Transport;
use crate::identify::evidence::{Detail, Kind};
use crate::identify::{Evidence, Service};
use hashbrown::HashMap;
use std::net::SocketAddr;

/// Flows of one socket before their numbers say anything.
const MIN_FLOWS: usize = 8;
/// The largest step from one flow's first number to the next one's. Numbers grow by two with each packet.
const MAX_STEP: u16 = 512;

/// Flows whose numbers prove them, and of how many flows their sequences are.
#[derive(Debug, Default)]
pub(super) struct Numbered(HashMap<usize, usize, foldhash::fast::RandomState>);

impl Numbered {
    /// Looks through all flows.
    pub(super) fn new(subjects: &[Subject<'_>]) -> Self {
        if subjects.len() < MIN_FLOWS {
            return Self::default();
        }
        let mut sockets: HashMap<SocketAddr, Vec<(usize, u16)>, foldhash::fast::RandomState> =
            HashMap::default();
        for (place, subject) in
            subjects.iter().enumerate().filter(|(_, subject)| subject.transport == Transport::Udp)
        {
            if let Some(frames) = subject.facts.and_then(|facts| facts.skype_frames) {
                sockets.entry(subject.client).or_default().push((place, frames.first));
            }
        }
        let sequences = sockets.into_values().filter(|flows| is_sequence(flows));
        Self(
            sequences
                .flat_map(|flows| {
                    let count = flows.len();
                    flows.into_iter().map(move |(place, _)| (place, count))
                })
                .collect(),
        )
    }

    /// Adds evidence to the flow at `place`, if its numbers prove it.
    pub(super) fn add(&self, place: usize, subject: &Subject<'_>, draft: &mut Draft) {
        let Some(flows) = self.0.get(&place) else { return };
        draft.numbered = true;
        draft.evidence.push(Evidence {
            kind: Kind::Signature,
            rule: "skype-frames",
            service: Some(Service::SKYPE),
            packet: Some(subject.first_packet),
            detail: Detail::Sequence { flows: *flows },
        });
    }
}

/// Whether the numbers of flows, in the order of their first packets, grow by small steps: chance does so once in
/// 128 steps.
fn is_sequence(flows: &[(usize, u16)]) -> bool {
    let steps = || flows.windows(2).filter_map(|pair| pair.first().zip(pair.get(1)));
    let fits = steps().filter(|((_, a), (_, b))| (1..=MAX_STEP).contains(&b.wrapping_sub(*a))).count();
    flows.len() >= MIN_FLOWS && fits.saturating_mul(10) >= steps().count().saturating_mul(9)
}
