//! The threads of a live capture. The only place of the analysis that reads the clock.

use super::engine::{Engine, Group, Holdings};
use super::told::{CaptureStarted, InterfaceStatus, Status, Told, Whole};
use super::watcher::{Now, Processes, Watcher};
use super::{Ended, Event, Live, LiveError, NewFlow, Rate, Snapshot};
use crate::capture::live::{Drops, Tap};
use crate::capture::write::Rotating;
use crate::capture::{Batch, Input, Precision, Timestamp};
use crate::report::{ProcessReport, Time, Tool};
use crate::session;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

/// Batches that wait for the stages: 32 MB, a third of a second at 1 Gbit/s, on top of what the kernel keeps.
const WAITING: usize = 128;

/// Between two looks. With the tenth of a second that the kernel takes to hand frames over, and the look itself, what
/// happens is told within a second.
const INTERVAL: Duration = Duration::from_millis(400);

/// Between two looks where nothing comes: calls end by the clock.
const IDLE_INTERVAL: Duration = Duration::from_secs(2);

/// How long an interface is waited for before it is seen whether the capture is to end.
const PATIENCE: Duration = Duration::from_millis(100);

/// Between two questions for the drop counts.
const DROPS_INTERVAL: Duration = Duration::from_millis(500);

/// Between two records of how it goes.
const STATUS_INTERVAL: Duration = Duration::from_secs(10);

/// How long what the kernel still has is read after the end.
const DRAIN: Duration = Duration::from_secs(2);

/// Things told that wait for whoever polls.
const UNTOLD: usize = 1024;

/// New flows that wait for their programs to be found; of those beyond, the programs are not known.
const UNFOUND: usize = 64;

/// Flows whose programs are remembered.
const MAX_PROCESSES: usize = 1 << 16;

/// Finds the programs that have the sockets of flows. It runs on a thread of its own.
pub trait ProcessFinder: Send {
    /// The programs of `flows`, in their order.
    fn find(&mut self, flows: &[NewFlow]) -> Vec<Option<ProcessReport>>;
}

/// Is told of everything before it waits for [`Running::poll`]. It must not take long.
pub trait Observer: Send {
    /// Something is news.
    fn told(&mut self, told: &Told);
    /// Everything that is known.
    fn snapshot(&mut self, snapshot: &Snapshot);
}

/// What a live capture is given by its surroundings.
#[derive(Default)]
pub struct Hooks {
    /// Finds programs.
    pub finder: Option<Box<dyn ProcessFinder>>,
    /// Are told of everything.
    pub observers: Vec<Box<dyn Observer>>,
    /// What the threads that look into packets do first: give up what they do not need.
    pub confine: Option<fn()>,
}

/// A capture that goes on.
#[derive(Debug)]
pub struct Running {
    events: Receiver<Event>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Running {
    /// What is next; waits up to `wait` for it. `None` if nothing happened, or nothing ever will.
    pub fn poll(&self, wait: Duration) -> Option<Event> {
        self.events.recv_timeout(wait).ok()
    }

    /// Whether nothing will happen any more.
    pub fn is_over(&self) -> bool {
        self.threads.iter().all(JoinHandle::is_finished)
    }

    /// Asks for the end. What was captured before is still told of.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Waits for the threads to end.
    pub fn join(self) {
        self.stop();
        drop(self.events);
        for thread in self.threads {
            // A thread that panicked has said so.
            let _ = thread.join();
        }
    }
}

/// What the stages are given.
enum Given {
    Batch(Batch),
    Drops(usize, Drops),
    Failed(usize, String),
}

/// What goes round between the threads.
struct Shared {
    stop: Arc<AtomicBool>,
    /// Batches that were used.
    pool: Mutex<Vec<Batch>>,
    /// Frames that may still be taken.
    budget: Option<AtomicU64>,
    processes: Mutex<Processes>,
    failures: Mutex<Vec<String>>,
}

impl Shared {
    fn batch(&self) -> Batch {
        lock(&self.pool).pop().unwrap_or_default()
    }

    fn give_back(&self, batch: Batch) {
        let mut pool = lock(&self.pool);
        if pool.len() < WAITING {
            pool.push(batch);
        }
    }

    fn fail(&self, failure: String) {
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

pub(super) fn start(live: Live, hooks: Hooks) -> Result<Running, LiveError> {
    let Live { request, inspector, taps, writer } = live;
    let stop = Arc::new(AtomicBool::new(false));
    let shared = Arc::new(Shared {
        stop: Arc::clone(&stop),
        pool: Mutex::new(Vec::new()),
        budget: request.packets.map(AtomicU64::new),
        processes: Mutex::new(Processes::default()),
        failures: Mutex::new(Vec::new()),
    });
    let inputs: Vec<Input> = taps.iter().map(Tap::input).collect();
    let deadline = request.duration.and_then(|duration| Instant::now().checked_add(duration));
    let (give, given) = sync_channel(WAITING);
    let (show, shown) = sync_channel(1);
    let (retire, retired) = sync_channel(1);
    let (tell, events) = sync_channel(UNTOLD);
    let (ask, asked) = sync_channel(UNFOUND);
    let mut threads = Threads(Vec::new());
    for (tap, number) in taps.into_iter().zip(0_usize..) {
        let (shared, give) = (Arc::clone(&shared), give.clone());
        threads.spawn("capture", move || capture(tap, number, &shared, &give, deadline))?;
    }
    drop(give);
    let has_finder = hooks.finder.is_some();
    if let Some(mut finder) = hooks.finder {
        let shared = Arc::clone(&shared);
        threads.spawn("processes", move || find(&mut *finder, &asked, &shared))?;
    }
    let writer = writer.map(|writer| {
        let (keep, kept) = sync_channel(WAITING);
        let shared = Arc::clone(&shared);
        threads.spawn("write", move || write(writer, &kept, &shared)).map(|()| keep)
    });
    let stages = Stages {
        engine: Engine::new(inputs.clone()),
        given,
        show,
        retired,
        ask: has_finder.then_some(ask),
        keep: writer.transpose()?,
        shared: Arc::clone(&shared),
        confine: hooks.confine,
    };
    threads.spawn("stages", move || stages.run())?;
    let started = Told::CaptureStarted(CaptureStarted {
        schema_version: "1",
        tool: Tool { name: "landfall", version: env!("CARGO_PKG_VERSION") },
        time: Time { at: clock(), precision: precision(&inputs) },
        interfaces: request.interfaces.clone(),
        filter: request.tap.filter.clone(),
    });
    let idle_gap = request.rules.idle_gap.unwrap_or(session::IDLE_GAP);
    let workers = request.rules.threads.map_or(1, NonZeroUsize::get);
    let teller = Teller {
        watcher: Watcher::new(inspector, idle_gap, workers),
        shown,
        retire,
        tell,
        observers: hooks.observers,
        shared,
        status: Timestamp::from_nanoseconds(0),
        drops: 0,
        confine: hooks.confine,
    };
    threads.spawn("tell", move || teller.run(started))?;
    Ok(Running { events, stop, threads: threads.0 })
}

struct Threads(Vec<JoinHandle<()>>);

impl Threads {
    fn spawn(&mut self, name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), LiveError> {
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(work);
        self.0.push(thread.map_err(LiveError::Thread)?);
        Ok(())
    }
}

/// Takes frames from the kernel until the end.
fn capture(
    mut tap: Tap,
    number: usize,
    shared: &Shared,
    give: &SyncSender<Given>,
    deadline: Option<Instant>,
) {
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

/// The thread of the stages up to the flows.
struct Stages {
    engine: Engine,
    given: Receiver<Given>,
    show: SyncSender<(Holdings, Now)>,
    retired: Receiver<Vec<Group>>,
    ask: Option<SyncSender<Vec<NewFlow>>>,
    keep: Option<SyncSender<Kept>>,
    shared: Arc<Shared>,
    confine: Option<fn()>,
}

/// What is kept in a file.
enum Kept {
    Batch(Batch),
    Drops(usize, Drops),
}

impl Stages {
    fn run(mut self) {
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
                let time = holdings.latest.max(Some(clock())).unwrap_or_else(clock);
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
        let time = holdings.latest.unwrap_or_else(clock);
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

/// Writes frames to files.
fn write(mut writer: Rotating, kept: &Receiver<Kept>, shared: &Shared) {
    let mut failed = false;
    let note = |result: Result<(), crate::capture::write::WriteError>, failed: &mut bool| {
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
fn find(finder: &mut dyn ProcessFinder, asked: &Receiver<Vec<NewFlow>>, shared: &Shared) {
    while let Ok(mut flows) = asked.recv() {
        // What has come meanwhile is found in one go.
        flows.extend(asked.try_iter().flatten());
        let found = finder.find(&flows);
        let mut processes = lock(&shared.processes);
        if processes.len() > MAX_PROCESSES {
            processes.clear();
        }
        let known = flows.iter().zip(found).filter_map(|(flow, process)| Some((flow.id, process?)));
        processes.extend(known);
    }
}

/// The thread that makes reports and tells what is news.
struct Teller {
    watcher: Watcher,
    shown: Receiver<(Holdings, Now)>,
    retire: SyncSender<Vec<Group>>,
    tell: SyncSender<Event>,
    observers: Vec<Box<dyn Observer>>,
    shared: Arc<Shared>,
    status: Timestamp,
    drops: u64,
    confine: Option<fn()>,
}

impl Teller {
    fn run(mut self, started: Told) {
        if let Some(confine) = self.confine {
            confine();
        }
        if !self.tell(started) {
            return;
        }
        while let Ok((holdings, now)) = self.shown.recv() {
            let begun = Instant::now();
            let processes = lock(&self.shared.processes).clone();
            let looked = self.watcher.look(holdings, &processes, now);
            let snapshot = Arc::new(looked.snapshot);
            let drops = snapshot.report.inputs.iter().filter_map(|input| input.dropped_packets).sum();
            let mut told = looked.told;
            if now.last || drops > self.drops || now.time.since(self.status) >= STATUS_INTERVAL {
                (self.drops, self.status) = (drops, now.time);
                told.push(Told::Status(status(&snapshot)));
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
        let failures = lock(&self.shared.failures).clone();
        let _ = self.tell.send(Event::Ended(Arc::new(Ended { snapshot: Arc::clone(snapshot), failures })));
    }

    /// Tells everybody. False if nobody polls any more.
    fn tell(&mut self, told: Told) -> bool {
        for observer in &mut self.observers {
            observer.told(&told);
        }
        self.tell.send(Event::Told(told)).is_ok()
    }
}

fn status(snapshot: &Snapshot) -> Status {
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
    }
}

/// The finest precision of the inputs.
fn precision(inputs: &[Input]) -> Precision {
    inputs.iter().map(|input| input.precision).max().unwrap_or(Precision::MICROSECONDS)
}

/// The time by the clock of this machine.
fn clock() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_nanoseconds(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}
