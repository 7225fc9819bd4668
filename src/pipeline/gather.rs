//! What the shares come to when no packet is left.

use super::Analysis;
use super::flows::Flows;
use super::shard::{Copied, Tallies};
use super::state::FlowState;
use crate::capture::Input;
use crate::decode::Anomalies;
use crate::flow::{Coverage, Flow, Side, Tally};
use crate::identify::names::{NameBinding, NameTable};
use crate::parallel::{at_once, both};

/// What some shares come to.
#[derive(Default)]
pub(super) struct Concluded {
    flows: Flows,
    /// Of each share, by its number.
    bindings: Vec<(usize, Vec<NameBinding>)>,
    loose: Tallies,
    endpoints: Tallies,
    unfollowed: u64,
    unread: u64,
}

impl Concluded {
    /// What `shares` come to, each of which has its number.
    pub(super) fn new(shares: impl IntoIterator<Item = (usize, Copied)>) -> Self {
        let mut concluded = Self::default();
        for (number, share) in shares {
            concluded.add(number, share);
        }
        concluded.flows.sort();
        concluded
    }

    fn add(&mut self, number: usize, share: Copied) {
        self.unfollowed = self.unfollowed.saturating_add(share.unfollowed);
        self.unread = self.unread.saturating_add(share.unread);
        merge(&mut self.loose, &share.tallies);
        merge(&mut self.endpoints, &share.tallies);
        let (flows, bindings) = share.conclude();
        for flow in &flows {
            tally_flow(&mut self.endpoints, flow);
        }
        self.flows.push(flows);
        self.bindings.push((number, bindings));
    }
}

/// Concludes `shares` and puts together what they hold; `bindings` are of flows that are no longer among them.
pub(super) fn gather(
    inputs: Vec<Input>,
    shares: Vec<Copied>,
    bindings: Vec<NameBinding>,
    threads: usize,
    coverage: Coverage,
    anomalies: &[Anomalies],
) -> Analysis {
    let each = shares.len().div_ceil(threads.max(1)).max(1);
    let mut shares = shares.into_iter().enumerate();
    let parts = std::iter::from_fn(|| {
        let part: Vec<(usize, Copied)> = shares.by_ref().take(each).collect();
        (!part.is_empty()).then_some(part)
    });
    let parts = at_once(parts, Concluded::new);
    put_together(inputs, parts, bindings, threads, coverage, anomalies)
}

/// Puts together what the shares come to.
pub(super) fn put_together(
    inputs: Vec<Input>,
    parts: Vec<Concluded>,
    mut left: Vec<NameBinding>,
    threads: usize,
    mut coverage: Coverage,
    anomalies: &[Anomalies],
) -> Analysis {
    let mut flows = Flows::default();
    let mut bindings = Vec::new();
    let (mut loose, mut endpoints) = (Vec::new(), Vec::new());
    for mut part in parts {
        coverage.unfollowed_packets = coverage.unfollowed_packets.saturating_add(part.unfollowed);
        coverage.unread_segments = coverage.unread_segments.saturating_add(part.unread);
        flows.append(part.flows);
        bindings.append(&mut part.bindings);
        loose.push(part.loose);
        endpoints.push(part.endpoints);
    }
    let sorted = || {
        flows.sort();
        flows
    };
    let others = || {
        bindings.sort_by_key(|(share, _)| *share);
        left.extend(bindings.into_iter().flat_map(|(_, bindings)| bindings));
        (table_of(left), sum(endpoints).into_iter().collect(), sum(loose).into_iter().collect())
    };
    let (flows, (names, endpoints, loose)) = both(threads, sorted, others);
    Analysis {
        inputs,
        flows,
        names,
        endpoints,
        loose,
        coverage,
        anomalies: anomalies.iter().map(Anomalies::counts).collect(),
    }
}

/// What the answers of name servers bound, in the order of the capture.
fn table_of(mut bindings: Vec<NameBinding>) -> NameTable {
    bindings.sort_by(|a, b| (a.packet, a.client, &a.names).cmp(&(b.packet, b.client, &b.names)));
    let mut names = NameTable::default();
    bindings.into_iter().for_each(|binding| names.insert(binding));
    names
}

fn sum(parts: Vec<Tallies>) -> Tallies {
    let mut parts = parts.into_iter();
    let mut sum = parts.next().unwrap_or_default();
    parts.for_each(|part| merge(&mut sum, &part));
    sum
}

fn merge(into: &mut Tallies, from: &Tallies) {
    for (address, tally) in from {
        into.entry(*address).or_insert_with(|| Tally::new(tally.first)).add(tally);
    }
}

/// Adds a flow's packets at its two addresses, but for those that its fragments have brought there already.
fn tally_flow(endpoints: &mut Tallies, flow: &Flow<FlowState>) {
    for side in [Side::Low, Side::High] {
        let sent = flow.sent_by(side).without(flow.sent_as_fragments_by(side));
        let received = flow.sent_by(side.other()).without(flow.sent_as_fragments_by(side.other()));
        if sent.packets == 0 && received.packets == 0 {
            continue;
        }
        let tally = Tally { sent, received, first: flow.start(), last: flow.end(), beyond_errors: true };
        endpoints.entry(flow.key().end(side).0).or_insert_with(|| Tally::new(flow.start())).add(&tally);
    }
}
