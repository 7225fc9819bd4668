//! Pulls frames and pushes them through the stages: the only module that knows them all.
//!
//! Every thread does the same: it reads the next piece of a file and decodes it (all at once; in between they take turns
//! to find where records begin), and counts its packets at their flows, share by share. A share takes the batches in the
//! order of the capture, so the result does not depend on how many threads there are.

mod flows;
mod gather;
mod inspect;
pub mod live;
mod lookup;
pub mod policies;
mod shard;
mod state;
mod turns;

pub use flows::Flows;
pub use inspect::{InspectError, Inspected, Inspector, Request, inspect};
pub use lookup::{LookedUp, LookupError, LookupRequest, lookup};
pub use policies::{PolicyFileError, read_policy};
pub use state::FlowState;

use crate::capture::{Batch, CaptureError, Claim, Filter, Hashes, Input, Reader, Turnstile};
use crate::decode::{self, Anomalies, Content, Datagram, Packet, Reassembler};
use crate::flow::{Arrival, Coverage, PacketRef, Tally};
use crate::identify::names::NameTable;
use crate::parallel::at_once;
use crate::sandbox;
use gather::{Concluded, put_together};
use shard::{Arriving, Depth, SHARDS, Shard, share_out, share_out_plain};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use turns::Turns;

/// How often a thread looks again for a share that is due before it sleeps: some microseconds, about what another needs
/// for its part of one share. To be woken takes several times as long.
const MAX_SPINS: usize = 256;

/// Everything that packets say.
#[derive(Debug)]
pub struct Analysis {
    /// The inputs, in the order in which they were read.
    pub inputs: Vec<Input>,
    /// The flows, in the order of their first packets.
    pub flows: Flows,
    /// What names were looked up, and by whom; put together when it is first asked for.
    pub names: Names,
    /// Every address that packets were sent from or to, and what it sent and received.
    pub endpoints: BTreeMap<IpAddr, Tally>,
    /// Addresses that stand in a header around the innermost one, or have packets that belong to no flow.
    pub loose: BTreeMap<IpAddr, Tally>,
    /// Frames and bytes.
    pub coverage: Coverage,
    /// Oddities of frames by kind, counted, for each input.
    pub anomalies: Vec<BTreeMap<&'static str, u64>>,
}

/// What names were looked up.
pub type Names = LazyLock<NameTable, Box<dyn FnOnce() -> NameTable + Send>>;

/// Reads everything `reader` has on `threads` threads, with the frames that `filter` lets through.
pub fn analyze(reader: Reader, filter: Option<&Filter>, threads: usize) -> Result<Analysis, CaptureError> {
    let (mut analysis, hashes) = read(reader, filter, threads, Depth::Payloads)?;
    hashes.wait(&mut analysis.inputs);
    Ok(analysis)
}

/// As [`analyze`], but for the hashes of the inputs: to work them out takes longer than all the rest.
fn read(
    reader: Reader,
    filter: Option<&Filter>,
    threads: usize,
    depth: Depth,
) -> Result<(Analysis, Hashes), CaptureError> {
    let shared = Shared::new(reader, depth);
    let workers = std::iter::repeat_with(|| Worker::new(filter)).take(threads.max(1));
    let done = at_once(workers, |worker| {
        let worker = worker.run(&shared);
        (worker, shared.conclude())
    });
    let (workers, parts): (Vec<Worker>, Vec<Concluded>) = done.into_iter().unzip();
    let mut coverage = Coverage { headers_only: depth == Depth::Headers, ..Coverage::default() };
    let mut anomalies: Vec<Anomalies> = Vec::new();
    for worker in &workers {
        coverage.add(&worker.coverage);
        let inputs = anomalies.len().max(worker.anomalies.len());
        anomalies.resize_with(inputs, Anomalies::default);
        for (sum, part) in anomalies.iter_mut().zip(&worker.anomalies) {
            sum.merge(part);
        }
    }
    let source = shared.source.into_value();
    if let Some(failure) = source.failure {
        return Err(failure);
    }
    let (inputs, hashes) = source.reader.into_inputs_and_hashes();
    Ok((put_together(inputs, parts, Vec::new(), threads, coverage, &anomalies), hashes))
}

/// Whose turn it will be.
struct Queue {
    /// Batches that threads have begun to read.
    begun: u64,
    turnstile: Arc<Turnstile>,
}

struct Source {
    reader: Reader,
    /// How many there were.
    batches: u64,
    failure: Option<CaptureError>,
}

/// What the threads have in common.
struct Shared {
    queue: Mutex<Queue>,
    source: Turns<Source>,
    stages: Stages,
}

/// What packets change, batch by batch.
#[derive(Debug)]
struct Stages {
    fragments: Turns<Reassembler>,
    shards: Vec<Turns<Shard>>,
    /// The first share that no thread has begun to conclude.
    unconcluded: AtomicUsize,
}

impl Stages {
    fn new(depth: Depth) -> Self {
        Self {
            fragments: Turns::new(Reassembler::default()),
            shards: std::iter::repeat_with(|| Turns::new(Shard::new(depth))).take(SHARDS).collect(),
            unconcluded: AtomicUsize::new(0),
        }
    }

    fn abandon(&self) {
        self.fragments.abandon();
        for shard in &self.shards {
            shard.abandon();
        }
    }
}

impl Shared {
    fn new(reader: Reader, depth: Depth) -> Self {
        Self {
            queue: Mutex::new(Queue { begun: 0, turnstile: reader.claims() }),
            source: Turns::new(Source { reader, batches: 0, failure: None }),
            stages: Stages::new(depth),
        }
    }

    /// Concludes shares that no other thread concludes. Where another is still at its last batch, that takes its turn.
    fn conclude(&self) -> Concluded {
        let batches = self.source.with(|source| source.batches);
        Concluded::new(std::iter::from_fn(|| {
            let number = self.stages.unconcluded.fetch_add(1, Ordering::Relaxed);
            let share = self.stages.shards.get(number)?.take(batches, Shard::take_all)?;
            Some((number, share))
        }))
    }

    /// Fills `batch` with the next frames, or none, and gives its number. `None` at the end.
    fn next(&self, batch: &mut Batch) -> Option<u64> {
        let (number, mut claim) = self.queue.lock().unwrap_or_else(PoisonError::into_inner).next();
        claim.read(batch);
        self.source.take(number, |source| source.fill(claim, batch))?.then_some(number)
    }

    fn abandon(&self) {
        self.source.abandon();
        self.stages.abandon();
    }
}

impl Queue {
    fn next(&mut self) -> (u64, Claim) {
        let number = self.begun;
        self.begun = number.saturating_add(1);
        (number, self.turnstile.next())
    }
}

impl Source {
    /// Fills `batch` with what `claim` has read. False if nothing is left or reading has failed.
    fn fill(&mut self, claim: Claim, batch: &mut Batch) -> bool {
        let filled = self.failure.is_none()
            && self.reader.take(claim, batch).unwrap_or_else(|failure| {
                self.failure = Some(failure);
                false
            });
        self.batches += u64::from(filled);
        filled
    }
}

/// Keeps the other threads from waiting for one that has panicked.
struct Watch<'a>(&'a Shared);

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.abandon();
        }
    }
}

/// One thread's part of the work.
#[derive(Debug)]
struct Worker {
    filter: Option<Filter>,
    coverage: Coverage,
    /// For each input.
    anomalies: Vec<Anomalies>,
    /// For each share, room for the packets of a batch that fall to it. To ask for so much with every batch makes the
    /// allocator tidy up each time.
    shares: Vec<Arriving<'static>>,
}

impl Worker {
    fn new(filter: Option<&Filter>) -> Self {
        Self {
            filter: filter.cloned(),
            coverage: Coverage::default(),
            anomalies: Vec::new(),
            shares: std::iter::repeat_with(Arriving::default).take(SHARDS).collect(),
        }
    }

    fn run(mut self, shared: &Shared) -> Self {
        let _watch = Watch(shared);
        sandbox::prove();
        let mut batch = Batch::default();
        while let Some(number) = shared.next(&mut batch) {
            if self.batch(&shared.stages, &batch, number).is_none() {
                break;
            }
        }
        self
    }

    fn batch(&mut self, stages: &Stages, batch: &Batch, number: u64) -> Option<()> {
        let mut anomalies = Anomalies::default();
        let mut shares = emptied(std::mem::take(&mut self.shares));
        let fragments = self.decode(batch, &mut shares, &mut anomalies);
        let datagrams = stages.fragments.take(number, |pool| reassemble(pool, &fragments, &mut anomalies))?;
        if !datagrams.is_empty() {
            let mut packets = Vec::new();
            for datagram in &datagrams {
                datagram.decode(&mut anomalies, &mut packets);
            }
            packets.into_iter().for_each(|packet| share_out(&mut shares, packet));
            shares.iter_mut().for_each(Arriving::sort);
        }
        self.note(batch.input, &anomalies);
        let mut left: Vec<_> = stages.shards.iter().zip(&shares).collect();
        while !left.is_empty() {
            let (turns, share) = left.remove(due(&left, number));
            let at = |index| PacketRef::new(batch.input, batch.first_number.saturating_add(u64::from(index)));
            turns.take(number, |shard| shard.packets(share, at))?;
        }
        self.shares = emptied(shares);
        Some(())
    }

    /// Decodes the frames of a batch and shares out what is in them. Gives the fragments among it.
    fn decode<'a>(
        &mut self,
        batch: &'a Batch,
        shares: &mut [Arriving<'a>],
        anomalies: &mut Anomalies,
    ) -> Vec<Packet<'a>> {
        let (mut packets, mut fragments) = (Vec::new(), Vec::new());
        let mut coverage = Coverage::default();
        for (frame, index) in batch.frames().zip(0..) {
            if self.filter.as_mut().is_some_and(|filter| !filter.matches(&frame)) {
                continue;
            }
            coverage.packets += 1;
            coverage.bytes += u64::from(frame.wire_length);
            if let Some(plain) = decode::plain(&frame) {
                coverage.ip_packets += 1;
                share_out_plain(shares, Arrival::of_plain(&plain, &frame, index));
                continue;
            }
            decode::decode(&frame, index, anomalies, &mut packets);
            coverage.ip_packets += u64::from(!packets.is_empty());
            fragments.extend(packets.iter().filter(|packet| is_fragment(packet)).cloned());
            packets.drain(..).for_each(|packet| share_out(shares, packet));
        }
        self.coverage.add(&coverage);
        fragments
    }

    fn note(&mut self, input: u16, anomalies: &Anomalies) {
        let input = usize::from(input);
        if self.anomalies.len() <= input {
            self.anomalies.resize_with(input + 1, Anomalies::default);
        }
        if let Some(sum) = self.anomalies.get_mut(input) {
            sum.merge(anomalies);
        }
    }
}

/// Which of `shards` to turn to with batch `number`. Where another thread is still at the batch before, that is one
/// that it is done with.
fn due<T>(shards: &[(&Turns<Shard>, T)], number: u64) -> usize {
    for _ in 0..MAX_SPINS {
        if let Some(due) = shards.iter().position(|(shard, _)| shard.is_due(number)) {
            return due;
        }
        std::hint::spin_loop();
    }
    0
}

fn emptied<'b>(shares: Vec<Arriving<'_>>) -> Vec<Arriving<'b>> {
    shares.into_iter().map(Arriving::emptied).collect()
}

const fn is_fragment(packet: &Packet<'_>) -> bool {
    matches!(packet.content, Content::Fragment(_))
}

/// The datagrams that the fragments among `packets` complete, and those that these complete in turn.
fn reassemble(pool: &mut Reassembler, packets: &[Packet<'_>], anomalies: &mut Anomalies) -> Vec<Datagram> {
    let mut whole = push_fragments(pool, packets, anomalies);
    let mut next = 0;
    while let Some(datagram) = whole.get(next) {
        let mut inside = Vec::new();
        datagram.decode(&mut Anomalies::default(), &mut inside);
        let more = push_fragments(pool, &inside, anomalies);
        whole.extend(more);
        next += 1;
    }
    whole
}

fn push_fragments(
    pool: &mut Reassembler,
    packets: &[Packet<'_>],
    anomalies: &mut Anomalies,
) -> Vec<Datagram> {
    packets
        .iter()
        .filter(|packet| is_fragment(packet))
        .filter_map(|packet| pool.push(packet, anomalies))
        .collect()
}
