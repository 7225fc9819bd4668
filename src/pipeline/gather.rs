//! What the shares come to when no packet is left.

use super::flows::Flows;
use super::shard::{Copied, Tallies};
use super::state::FlowState;
use super::{Analysis, Names};
use crate::capture::Input;
use crate::decode::Anomalies;
use crate::flow::{Coverage, Flow, Side, Tally};
use crate::identify::names::{NameBinding, NameTable};
use crate::parallel::{at_once, both, part_size};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// What an answer of a name server bound, and the share that has it; `None` of a flow that is in none.
type Binding = (Option<usize>, NameBinding);

/// What some shares come to.
#[derive(Default)]
pub(super) struct Concluded {
    /// In order.
    flows: Flows,
    /// Each with the number of its share, in order.
    bindings: Vec<Binding>,
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
        sort(&mut concluded.bindings);
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
        self.bindings.extend(bindings.into_iter().map(|binding| (Some(number), binding)));
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
    let each = part_size(shares.len(), threads, 1);
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
    left: Vec<NameBinding>,
    threads: usize,
    mut coverage: Coverage,
    anomalies: &[Anomalies],
) -> Analysis {
    let mut flows = Flows::default();
    let mut bindings: Vec<Binding> = left.into_iter().map(|binding| (None, binding)).collect();
    let (mut loose, mut endpoints) = (Vec::new(), Vec::new());
    for mut part in parts {
        coverage.unfollowed_packets = coverage.unfollowed_packets.saturating_add(part.unfollowed);
        coverage.unread_segments = coverage.unread_segments.saturating_add(part.unread);
        flows.append(part.flows);
        bindings.append(&mut part.bindings);
        loose.push(part.loose);
        endpoints.push(part.endpoints);
    }
    let ((), (endpoints, loose)) = both(threads, || flows.sort(), || (sum(endpoints), sum(loose)));
    Analysis {
        inputs,
        flows,
        names: Names::new(Box::new(|| table_of(bindings))),
        endpoints,
        loose,
        coverage,
        anomalies: anomalies.iter().map(Anomalies::counts).collect(),
    }
}

/// What the answers of name servers bound, in the order of the capture.
fn table_of(mut bindings: Vec<Binding>) -> NameTable {
    sort(&mut bindings);
    let mut names = NameTable::default();
    bindings.into_iter().for_each(|(_, binding)| names.insert(binding));
    names
}

/// Brings bindings in the order of the capture. To merge parts that are in order is what the stable sort does.
fn sort(bindings: &mut [Binding]) {
    bindings.sort_by(|(a_share, a), (b_share, b)| {
        (a.packet, a.client, &a.names, a_share).cmp(&(b.packet, b.client, &b.names, b_share))
    });
}

fn sum(parts: Vec<Tallies>) -> BTreeMap<IpAddr, Tally> {
    let mut parts = parts.into_iter();
    let mut sum = parts.next().unwrap_or_default();
    parts.for_each(|part| merge(&mut sum, &part));
    sum.into_iter().collect()
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
