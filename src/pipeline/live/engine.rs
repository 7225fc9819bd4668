//! The stages up to the flows, fed batch by batch; what they hold is copied for whoever looks at it.

use super::super::shard::{Copied, Depth};
use super::super::{FlowState, Stages, Worker};
use crate::capture::live::Drops;
use crate::capture::{Batch, Damage, Input, Timestamp};
use crate::decode::Anomalies;
use crate::flow::{Coverage, Flow, FlowKey, PacketRef};
use hashbrown::HashMap;
use std::net::SocketAddr;

/// One flow among all that there are and were: a five-tuple, and its first packet.
pub(super) type FlowId = (FlowKey, PacketRef);

/// The name of a flow.
pub(super) const fn id(flow: &Flow<FlowState>) -> FlowId {
    (*flow.key(), flow.first_packet())
}

/// Flows that are to leave together, each with its last packet as it was seen: one that has had another stays, and
/// so do the others.
pub(super) type Group = Vec<(FlowId, PacketRef)>;

/// A flow that has begun: whose program is to be found.
#[derive(Clone, Copy, Debug)]
pub struct NewFlow {
    pub(super) id: FlowId,
    /// Whether it is TCP, and not UDP.
    pub tcp: bool,
    /// The end that is taken for the client.
    pub client: SocketAddr,
    /// The other.
    pub server: SocketAddr,
}

/// What the stages hold at one time.
#[derive(Debug)]
pub(super) struct Holdings {
    pub(super) inputs: Vec<Input>,
    pub(super) shards: Vec<Copied>,
    pub(super) coverage: Coverage,
    pub(super) anomalies: Vec<Anomalies>,
    /// Which of the groups that were to leave have left, by their places.
    pub(super) left: Vec<usize>,
    /// The latest time of any packet.
    pub(super) latest: Option<Timestamp>,
}

impl Holdings {
    pub(super) fn flows(&self) -> usize {
        self.shards.iter().map(|shard| shard.flows.len()).sum()
    }
}

/// The stages up to the flows. It reads no clock and has no thread of its own.
#[derive(Debug)]
pub(super) struct Engine {
    stages: Stages,
    worker: Worker,
    inputs: Vec<Input>,
    batches: u64,
    /// Flows of each share that were told of.
    told: Vec<usize>,
    left: Vec<usize>,
    latest: Option<Timestamp>,
}

impl Engine {
    /// Stages that packets of `inputs` will come to.
    pub(super) fn new(inputs: Vec<Input>) -> Self {
        let stages = Stages::new(Depth::Payloads);
        Self {
            told: vec![0; stages.shards.len()],
            stages,
            worker: Worker::new(None),
            inputs,
            batches: 0,
            left: Vec::new(),
            latest: None,
        }
    }

    /// Takes the packets of a batch.
    pub(super) fn batch(&mut self, batch: &Batch) {
        if self.worker.batch(&self.stages, batch, self.batches).is_some() {
            self.batches = self.batches.saturating_add(1);
        }
        let Some(input) = self.inputs.get_mut(usize::from(batch.input)) else { return };
        for record in &batch.records {
            input.packets = input.packets.saturating_add(1);
            input.bytes = input.bytes.saturating_add(u64::from(record.wire_length));
            input.truncated_packets += u64::from(record.captured < record.wire_length);
            let time = Some(record.time);
            input.first_packet = input.first_packet.map_or(time, |first| Some(first.min(record.time)));
            input.last_packet = input.last_packet.max(time);
        }
        self.latest = self.latest.max(input.last_packet);
    }

    /// Packets so far.
    pub(super) fn packets(&self) -> u64 {
        self.inputs.iter().map(|input| input.packets).sum()
    }

    /// Notes how many frames of an input never came.
    pub(super) fn drops(&mut self, input: usize, drops: Drops) {
        if let Some(input) = self.inputs.get_mut(input) {
            input.dropped_packets = Some(drops.total());
        }
    }

    /// Notes that an input gives no more, and why.
    pub(super) fn failed(&mut self, input: usize, reason: String) {
        if let Some(input) = self.inputs.get_mut(input) {
            input.damage = Some(Damage { offset: input.bytes, reason });
        }
    }

    /// TCP and UDP flows that began since the last call.
    pub(super) fn new_flows(&mut self) -> Vec<NewFlow> {
        let mut new = Vec::new();
        for (shard, told) in self.stages.shards.iter().zip(&mut self.told) {
            shard.with(|shard| {
                let flows = shard.flows();
                new.extend(flows.iter().skip(*told).filter_map(new_flow));
                *told = flows.len();
            });
        }
        new
    }

    /// Lets flows leave, group by group; [`Holdings::left`] says which did.
    pub(super) fn retire(&mut self, groups: &[Group]) {
        let mut places: HashMap<FlowId, (PacketRef, usize), foldhash::fast::RandomState> = HashMap::default();
        for (group, place) in groups.iter().zip(0..) {
            places.extend(group.iter().map(|(id, last)| (*id, (*last, place))));
        }
        let mut unchanged = vec![0_usize; groups.len()];
        for shard in &self.stages.shards {
            shard.with(|shard| {
                for flow in shard.flows() {
                    if let Some((last, place)) = places.get(&id(flow))
                        && *last == flow.last_packet()
                        && let Some(count) = unchanged.get_mut(*place)
                    {
                        *count += 1;
                    }
                }
            });
        }
        let leaves: Vec<bool> =
            groups.iter().zip(&unchanged).map(|(group, unchanged)| group.len() == *unchanged).collect();
        let goes = |flow: &Flow<FlowState>| {
            places.get(&id(flow)).and_then(|(_, place)| leaves.get(*place)).copied().unwrap_or(false)
        };
        for (shard, told) in self.stages.shards.iter().zip(&mut self.told) {
            shard.with(|shard| {
                let gone = shard.take(goes).len();
                *told = told.saturating_sub(gone);
            });
        }
        self.left = leaves.iter().zip(0..).filter_map(|(leaves, place)| leaves.then_some(place)).collect();
    }

    /// What the stages hold; packets may go on coming.
    pub(super) fn copy(&mut self) -> Holdings {
        Holdings {
            inputs: self.inputs.clone(),
            shards: self.stages.shards.iter().map(|shard| shard.with(|shard| shard.copy())).collect(),
            coverage: self.worker.coverage,
            anomalies: self.worker.anomalies.clone(),
            left: std::mem::take(&mut self.left),
            latest: self.latest,
        }
    }
}

fn new_flow(flow: &Flow<FlowState>) -> Option<NewFlow> {
    use crate::flow::Transport;
    let socket = |(address, port): (std::net::IpAddr, Option<u16>)| Some(SocketAddr::new(address, port?));
    Some(NewFlow {
        id: id(flow),
        tcp: flow.transport() == Transport::Tcp,
        client: socket(flow.client())?,
        server: socket(flow.server())?,
    })
}
