//! The threads around the stages: they take frames, keep frames, and find programs.

use super::NewFlow;
use super::engine::FlowId;
use super::run::ProcessFinder;
use super::watcher::Processes;
use crate::capture::Batch;
use crate::capture::live::{Drops, Tap};
use crate::capture::write::{Rotating, WriteError};
use crate::report::ProcessReport;
use crate::sandbox;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Batches that wait for the stages: 32 MB, a third of a second at 1 Gbit/s, on top of what the kernel keeps.
pub(super) const WAITING: usize = 128;

/// How long an interface is waited for before it is seen whether the capture is to end.
pub(super) const PATIENCE: Duration = Duration::from_millis(100);

/// Between two questions for the drop counts.
const DROPS_INTERVAL: Duration = Duration::from_millis(500);

/// How long what the kernel still has is read after the end.
const DRAIN: Duration = Duration::from_secs(2);

/// Flows whose programs are remembered.
const MAX_PROCESSES: usize = 1 << 16;

/// What the stages are given.
pub(super) enum Given {
    Batch(Batch),
    Drops(usize, Drops),
    Failed(usize, String),
}

/// What is kept in a file.
pub(super) enum Kept {
    Batch(Batch),
    Drops(usize, Drops),
}

/// Programs by flow; the oldest go.
#[derive(Default)]
struct Found {
    by_flow: Processes,
    order: VecDeque<FlowId>,
}

impl Found {
    fn add(&mut self, flow: FlowId, process: ProcessReport) {
        if self.by_flow.insert(flow, process).is_none() {
            self.order.push_back(flow);
        }
        while self.order.len() > MAX_PROCESSES {
            if let Some(oldest) = self.order.pop_front() {
                self.by_flow.remove(&oldest);
            }
        }
    }
}

/// What goes round between the threads.
pub(super) struct Shared {
    pub(super) stop: Arc<AtomicBool>,
    /// Batches that were used.
    pool: Mutex<Vec<Batch>>,
    /// Frames that may still be taken.
    budget: Option<AtomicU64>,
    processes: Mutex<Found>,
    failures: Mutex<Vec<String>>,
}

impl Shared {
    /// What the threads of a capture share; `packets` are the frames that may be taken.
    pub(super) fn new(stop: Arc<AtomicBool>, packets: Option<u64>) -> Self {
        Self {
            stop,
            pool: Mutex::new(Vec::new()),
            budget: packets.map(AtomicU64::new),
            processes: Mutex::new(Found::default()),
            failures: Mutex::new(Vec::new()),
        }
    }

    /// The programs that were found.
    pub(super) fn processes(&self) -> Processes {
        lock(&self.processes).by_flow.clone()
    }

    /// What could not be done.
    pub(super) fn failures(&self) -> Vec<String> {
        lock(&self.failures).clone()
    }

    fn batch(&self) -> Batch {
        lock(&self.pool).pop().unwrap_or_default()
    }

    pub(super) fn give_back(&self, batch: Batch) {
        let mut pool = lock(&self.pool);
        if pool.len() < WAITING {
            pool.push(batch);
        }
    }

    pub(super) fn fail(&self, failure: String) {
        lock(&self.failures).push(failure);
    }

    /// How many of `wanted` frames may be taken.
    fn take(&self, wanted: usize) -> usize {
        let Some(budget) = &self.budget else { return wanted };
        let wanted = wanted as u64;
        let left = budget
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| Some(left.saturating_sub(wanted)))
            .unwrap_or(0);
        if left <= wanted {
            self.stop.store(true, Ordering::Relaxed);
        }
        usize::try_from(left.min(wanted)).unwrap_or(usize::MAX)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes frames from the kernel until the end.
pub(super) fn capture(
    mut tap: Tap,
    number: usize,
    shared: &Shared,
    give: &SyncSender<Given>,
    deadline: Option<Instant>,
) {
    sandbox::prove_sending(|| tap.send(&[0; 60]));
    let mut asked = Instant::now();
    let mut ending: Option<Instant> = None;
    loop {
        let now = Instant::now();
        if ending.is_none() && (shared.stop.load(Ordering::Relaxed) || deadline.is_some_and(|end| now >= end))
        {
            ending = Some(now);
            shared.stop.store(true, Ordering::Relaxed);
        }
        let wait = if ending.is_some() { Duration::ZERO } else { PATIENCE };
        let mut batch = shared.batch();
        batch.input = u16::try_from(number).unwrap_or(u16::MAX);
        let came = match tap.fill(&mut batch, wait) {
            Ok(came) => came,
            Err(error) => {
                let _ = give.send(Given::Failed(number, said(&error)));
                break;
            }
        };
        if came {
            batch.records.truncate(shared.take(batch.records.len()));
            if give.send(Given::Batch(batch)).is_err() {
                return;
            }
        } else {
            shared.give_back(batch);
        }
        if now.duration_since(asked) >= DROPS_INTERVAL {
            asked = now;
            let _ = give.send(Given::Drops(number, tap.drops()));
        }
        if ending.is_some_and(|since| !came || now.duration_since(since) > DRAIN) {
            break;
        }
    }
    let _ = give.send(Given::Drops(number, tap.drops()));
}

/// An error and its causes in one line.
fn said(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// Writes frames to files.
pub(super) fn write(mut writer: Rotating, kept: &Receiver<Kept>, shared: &Shared) {
    let mut failed = false;
    let note = |result: Result<(), WriteError>, failed: &mut bool| {
        if let Err(error) = result
            && !*failed
        {
            *failed = true;
            shared.fail(said(&error));
        }
    };
    while let Ok(next) = kept.recv() {
        match next {
            Kept::Batch(batch) => {
                if !failed {
                    note(writer.batch(&batch), &mut failed);
                }
                shared.give_back(batch);
            }
            Kept::Drops(input, drops) => writer.drops(input, drops),
        }
    }
    if !failed {
        note(writer.finish(), &mut failed);
    }
}

/// Has the programs of new flows found.
pub(super) fn find(finder: &mut dyn ProcessFinder, asked: &Receiver<Vec<NewFlow>>, shared: &Shared) {
    while let Ok(mut flows) = asked.recv() {
        // What has come meanwhile is found in one go.
        flows.extend(asked.try_iter().flatten());
        let found = finder.find(&flows);
        let mut processes = lock(&shared.processes);
        for (flow, process) in flows.iter().zip(found) {
            if let Some(process) = process {
                processes.add(flow.id, process);
            }
        }
    }
}
