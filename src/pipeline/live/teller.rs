//! The thread that makes reports and tells what is news.

use super::engine::{Group, Holdings};
use super::run::Observer;
use super::stages::{IDLE_INTERVAL, INTERVAL};
use super::threads::Shared;
use super::told::{InterfaceStatus, Status, Told, Whole};
use super::watcher::{Now, Watcher};
use super::{Ended, Event, Rate, Snapshot};
use crate::capture::Timestamp;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::{Duration, Instant};

/// Between two records of how it goes.
const STATUS_INTERVAL: Duration = Duration::from_secs(10);

/// The thread that makes reports and tells what is news.
pub(super) struct Teller {
    pub(super) watcher: Watcher,
    pub(super) shown: Receiver<(Holdings, Now)>,
    pub(super) retire: SyncSender<Vec<Group>>,
    pub(super) tell: SyncSender<Event>,
    pub(super) observers: Vec<Box<dyn Observer>>,
    pub(super) shared: Arc<Shared>,
    pub(super) status: Timestamp,
    pub(super) drops: u64,
    /// Interfaces that are gone, and other things that failed.
    pub(super) losses: usize,
    pub(super) confine: Option<fn()>,
}

impl Teller {
    pub(super) fn run(mut self, started: Told) {
        if let Some(confine) = self.confine {
            confine();
        }
        if !self.tell(started) {
            return;
        }
        while let Ok((holdings, now)) = self.shown.recv() {
            let begun = Instant::now();
            let processes = self.shared.processes();
            let looked = self.watcher.look(holdings, &processes, now);
            let snapshot = Arc::new(looked.snapshot);
            let drops = snapshot.report.inputs.iter().filter_map(|input| input.dropped_packets).sum();
            let failures = self.shared.failures();
            let gone = snapshot.report.inputs.iter().filter(|input| input.damage.is_some()).count();
            let losses = gone + failures.len();
            let mut told = looked.told;
            let is_worse = drops > self.drops || losses > self.losses;
            if now.last || is_worse || now.time.since(self.status) >= STATUS_INTERVAL {
                (self.drops, self.losses, self.status) = (drops, losses, now.time);
                told.push(Told::Status(status(&snapshot, failures)));
            }
            for observer in &mut self.observers {
                observer.snapshot(&snapshot);
            }
            if !told.into_iter().all(|told| self.tell(told)) {
                return;
            }
            if now.last {
                self.end(&snapshot);
                return;
            }
            if self.tell.send(Event::Snapshot(snapshot)).is_err() {
                return;
            }
            // Looks take at most half of a processor.
            std::thread::sleep(begun.elapsed().saturating_sub(INTERVAL).min(IDLE_INTERVAL));
            if self.retire.send(looked.groups).is_err() && !now.last {
                return;
            }
        }
    }

    fn end(&mut self, snapshot: &Arc<Snapshot>) {
        let whole = Whole { report: snapshot.report.clone() };
        self.tell(Told::Report(Box::new(whole)));
        let failures = self.shared.failures();
        let _ = self.tell.send(Event::Ended(Arc::new(Ended { snapshot: Arc::clone(snapshot), failures })));
    }

    /// Tells everybody. False if nobody polls any more.
    fn tell(&mut self, told: Told) -> bool {
        for observer in &mut self.observers {
            observer.told(&told);
        }
        self.tell.send(Event::Told(Box::new(told))).is_ok()
    }
}

fn status(snapshot: &Snapshot, failures: Vec<String>) -> Status {
    let inputs = &snapshot.report.inputs;
    let rates = snapshot.interfaces.iter().copied().chain(std::iter::repeat(Rate::default()));
    Status {
        time: snapshot.time,
        packets: inputs.iter().map(|input| input.packets).sum(),
        bytes: inputs.iter().map(|input| input.bytes).sum(),
        sessions: snapshot.calls as u64,
        flows: snapshot.flows as u64,
        interfaces: inputs
            .iter()
            .zip(rates)
            .map(|(input, rate)| InterfaceStatus {
                name: input.path.clone(),
                packets: input.packets,
                rate,
                dropped: input.dropped_packets.unwrap_or(0),
                failure: input.damage.as_ref().map(|damage| damage.reason.clone()),
            })
            .collect(),
        failures,
    }
}
