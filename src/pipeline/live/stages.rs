//! The thread of the stages up to the flows.

use super::engine::{Engine, Group, Holdings};
use super::threads::{Given, Kept, PATIENCE, Shared};
use super::watcher::Now;
use super::{NewFlow, run};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError};
use std::time::{Duration, Instant};

/// Between two looks. With the tenth of a second that the kernel takes to hand frames over, and the look itself, what
/// happens is told within a second.
pub(super) const INTERVAL: Duration = Duration::from_millis(400);

/// Between two looks where nothing comes: calls end by the clock.
pub(super) const IDLE_INTERVAL: Duration = Duration::from_secs(2);

/// The thread of the stages up to the flows.
pub(super) struct Stages {
    pub(super) engine: Engine,
    pub(super) given: Receiver<Given>,
    pub(super) show: SyncSender<(Holdings, Now)>,
    pub(super) retired: Receiver<Vec<Group>>,
    pub(super) ask: Option<SyncSender<Vec<NewFlow>>>,
    pub(super) keep: Option<SyncSender<Kept>>,
    pub(super) shared: Arc<Shared>,
    pub(super) confine: Option<fn()>,
}

impl Stages {
    pub(super) fn run(mut self) {
        if let Some(confine) = self.confine {
            confine();
        }
        let mut looked = Instant::now();
        let mut packets = 0;
        // The first look comes as soon as there is something.
        let mut awaited = false;
        loop {
            match self.given.recv_timeout(PATIENCE) {
                Ok(given) => self.take(given),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            match self.retired.try_recv() {
                Ok(groups) => {
                    awaited = false;
                    if !groups.is_empty() {
                        self.engine.retire(&groups);
                    }
                }
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => break,
            }
            let since = looked.elapsed();
            let due = since >= IDLE_INTERVAL || (since >= INTERVAL && self.engine.packets() != packets);
            if due && !awaited {
                (looked, packets, awaited) = (Instant::now(), self.engine.packets(), true);
                let holdings = self.engine.copy();
                let time = holdings.latest.max(Some(run::clock())).unwrap_or_else(run::clock);
                if self.show.send((holdings, Now { time, last: false })).is_err() {
                    break;
                }
            }
        }
        self.shared.stop.store(true, Ordering::Relaxed);
        drop(self.keep);
        if awaited && let Ok(groups) = self.retired.recv() {
            self.engine.retire(&groups);
        }
        let holdings = self.engine.copy();
        let time = holdings.latest.unwrap_or_else(run::clock);
        let _ = self.show.send((holdings, Now { time, last: true }));
    }

    fn take(&mut self, given: Given) {
        match given {
            Given::Batch(batch) => {
                self.engine.batch(&batch);
                if let Some(ask) = &self.ask {
                    let new = self.engine.new_flows();
                    if !new.is_empty() {
                        // Whoever cannot keep up finds fewer programs.
                        let _ = ask.try_send(new);
                    }
                }
                match &self.keep {
                    Some(keep) => {
                        let _ = keep.send(Kept::Batch(batch));
                    }
                    None => self.shared.give_back(batch),
                }
            }
            Given::Drops(input, drops) => {
                self.engine.drops(input, drops);
                if let Some(keep) = &self.keep {
                    let _ = keep.send(Kept::Drops(input, drops));
                }
            }
            Given::Failed(input, reason) => {
                self.shared.fail(reason.clone());
                self.engine.failed(input, reason);
            }
        }
    }
}
