//! A live capture that runs: what starts its threads and gives what they tell. The only place of the analysis that reads
//! the clock.

use super::engine::Engine;
use super::stages::Stages;
use super::teller::Teller;
use super::threads::{Kept, Shared, WAITING, capture, find, write};
use super::told::{CaptureStarted, Told};
use super::watcher::Watcher;
use super::{Event, Live, LiveError, LiveRequest, NewFlow, Snapshot};
use crate::capture::live::Tap;
use crate::capture::write::Rotating;
use crate::capture::{Input, Precision, Timestamp};
use crate::report::{ProcessReport, Time, Tool};
use crate::session;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

/// Things told that wait for whoever polls.
const UNTOLD: usize = 1024;

/// New flows that wait for their programs to be found; of those beyond, the programs are not known.
const UNFOUND: usize = 64;

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

/// Starts the threads of `live`.
pub(super) fn start(live: Live, hooks: Hooks) -> Result<Running, LiveError> {
    let Live { request, inspector, taps, writer } = live;
    let stop = Arc::new(AtomicBool::new(false));
    let shared = Arc::new(Shared::new(Arc::clone(&stop), request.packets));
    let inputs: Vec<Input> = taps.iter().map(Tap::input).collect();
    let (give, given) = sync_channel(WAITING);
    let (show, shown) = sync_channel(1);
    let (retire, retired) = sync_channel(1);
    let (tell, events) = sync_channel(UNTOLD);
    let mut threads = Threads(Vec::new());
    let deadline = request.duration.and_then(|duration| Instant::now().checked_add(duration));
    for (tap, number) in taps.into_iter().zip(0_usize..) {
        let (shared, give) = (Arc::clone(&shared), give.clone());
        threads.spawn("capture", move || capture(tap, number, &shared, &give, deadline))?;
    }
    // The stages end when the last interface does.
    drop(give);
    let stages = Stages {
        engine: Engine::new(inputs.clone()),
        given,
        show,
        retired,
        ask: hooks.finder.map(|finder| threads.find(finder, &shared)).transpose()?,
        keep: writer.map(|writer| threads.write(writer, &shared)).transpose()?,
        shared: Arc::clone(&shared),
        confine: hooks.confine,
    };
    threads.spawn("stages", move || stages.run())?;
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
        losses: 0,
        confine: hooks.confine,
    };
    let started = started(&request, &inputs);
    threads.spawn("tell", move || teller.run(started))?;
    Ok(Running { events, stop, threads: threads.0 })
}

fn started(request: &LiveRequest, inputs: &[Input]) -> Told {
    let precision = inputs.iter().map(|input| input.precision).max();
    Told::CaptureStarted(CaptureStarted {
        schema_version: "1",
        tool: Tool { name: "landfall", version: env!("CARGO_PKG_VERSION") },
        time: Time { at: clock(), precision: precision.unwrap_or(Precision::MICROSECONDS) },
        interfaces: request.interfaces.clone(),
        filter: request.tap.filter.clone(),
    })
}

struct Threads(Vec<JoinHandle<()>>);

impl Threads {
    fn spawn(&mut self, name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), LiveError> {
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(work);
        self.0.push(thread.map_err(LiveError::Thread)?);
        Ok(())
    }

    fn find(
        &mut self,
        mut finder: Box<dyn ProcessFinder>,
        shared: &Arc<Shared>,
    ) -> Result<SyncSender<Vec<NewFlow>>, LiveError> {
        let (ask, asked) = sync_channel(UNFOUND);
        let shared = Arc::clone(shared);
        self.spawn("processes", move || find(&mut *finder, &asked, &shared)).map(|()| ask)
    }

    fn write(&mut self, writer: Rotating, shared: &Arc<Shared>) -> Result<SyncSender<Kept>, LiveError> {
        let (keep, kept) = sync_channel(WAITING);
        let shared = Arc::clone(shared);
        self.spawn("write", move || write(writer, &kept, &shared)).map(|()| keep)
    }
}

/// The time by the clock of this machine.
pub(super) fn clock() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_nanoseconds(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}
