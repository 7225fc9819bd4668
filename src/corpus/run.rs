//! Inspects the campaigns of a corpus, a bounded number at once, and goes on where it stopped.

use super::engine::{Engines, Failure};
use super::lock::Lock;
use super::record::{Record, Settings, Status, file_stem};
use super::{Campaign, Corpus, CorpusError, Watch, parts};
use crate::pipeline::Request;
use crate::report::text::counted;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// What is done with every campaign.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where results go.
    pub out: PathBuf,
    /// How a campaign is inspected: without paths, which are the campaign's, as are vantage and home where it has them.
    pub request: Request,
    /// What decides what is found.
    pub settings: Settings,
    /// Campaigns that are inspected at once, each on one thread: they share nothing, so that is faster than several
    /// threads for one. Where there are fewer campaigns, each has several threads.
    pub jobs: NonZeroUsize,
    /// Whether other runs may be at work on other parts of the corpus.
    pub is_part: bool,
}

/// What came of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Campaigns by what came of them.
    pub statuses: BTreeMap<Status, usize>,
    /// Those among them that an earlier run had done.
    pub earlier: u64,
    /// Those that an earlier run had done and that have changed since, so that they were inspected again.
    pub again: u64,
    /// Campaigns that failed or are damaged, and why, by name.
    pub troubles: Vec<(String, String)>,
}

/// Makes the folder of the results, if it is not there.
pub fn prepare(out: &Path) -> Result<(), CorpusError> {
    fs::create_dir_all(out).map_err(|source| CorpusError::Write { path: out.to_owned(), source })
}

/// Inspects what of `corpus` has no record yet, could not be read when it was its turn, or has changed since.
pub fn run(corpus: &Corpus, plan: &Plan, watch: &Watch) -> Result<Tally, CorpusError> {
    let lock = Lock::of(plan)?;
    settle(plan)?;
    if lock.is_exclusive() {
        parts::sweep(&plan.out);
    }
    let mut tally = Tally::default();
    let mut tasks = tasks(corpus, plan, &mut tally)?;
    // The longest first: what is begun last then keeps few waiting.
    tasks.sort_by_key(|task| Reverse(task.size));
    watch.begin(
        corpus.campaigns.len(),
        corpus.campaigns.len() - tasks.len(),
        tasks.iter().map(|task| task.size).sum(),
    );
    let jobs = plan.jobs.min(NonZeroUsize::new(tasks.len()).unwrap_or(NonZeroUsize::MIN));
    // Processors that no campaign is left for help with the others.
    let threads = NonZeroUsize::new(plan.jobs.get() / jobs).unwrap_or(NonZeroUsize::MIN);
    let (next, stopped, shared) = (AtomicUsize::new(0), AtomicBool::new(false), Mutex::new(&mut tally));
    let work = |_| -> Result<(), CorpusError> {
        let mut engines = Engines::new(&plan.request, threads);
        while let Some(task) = tasks.get(next.fetch_add(1, Ordering::Relaxed)) {
            if stopped.load(Ordering::Relaxed) {
                break;
            }
            let record = one(task, plan, &mut engines, watch)
                .inspect_err(|_| stopped.store(true, Ordering::Relaxed))?;
            shared.lock().unwrap_or_else(PoisonError::into_inner).add(record);
        }
        Ok(())
    };
    crate::parallel::at_once(0..jobs.get(), work).into_iter().collect::<Result<(), _>>()?;
    tally.troubles.sort();
    Ok(tally)
}

/// A campaign that is to be inspected.
struct Task<'a> {
    campaign: &'a Campaign,
    /// Bytes of its captures, as far as that is known.
    size: u64,
    /// Whether there are results of it, which no longer hold.
    has_record: bool,
}

/// What is to be done; what an earlier run has done is added to `tally`.
fn tasks<'a>(corpus: &'a Corpus, plan: &Plan, tally: &mut Tally) -> Result<Vec<Task<'a>>, CorpusError> {
    let mut tasks = Vec::new();
    for campaign in &corpus.campaigns {
        let files = campaign.sizes();
        let size = files.iter().filter_map(|(_, size)| *size).sum();
        let (record, has_record) = match Record::read(&plan.out, &campaign.name) {
            // What is no record, whatever has become of it, is made again.
            Err(CorpusError::Read { source, .. }) if is_broken(&source) => (None, true),
            record => record.map(|record| {
                let has_record = record.is_some();
                (record, has_record)
            })?,
        };
        match record {
            Some(record) if record.stands(campaign, &files) && record.is_whole(&plan.out) => {
                tally.earlier += 1;
                tally.add(record);
                continue;
            }
            Some(record) if !matches!(record.status, Status::Failed | Status::LeftOut) => tally.again += 1,
            _ => {}
        }
        tasks.push(Task { campaign, size, has_record });
    }
    Ok(tasks)
}

/// Whether a file was read and does not hold what it should.
fn is_broken(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
}

/// Sees to it that all results in a folder were made in one way.
fn settle(plan: &Plan) -> Result<(), CorpusError> {
    let before = match Settings::read(&plan.out)? {
        Some(before) => before,
        // Of two runs that begin at once one is first.
        None if plan.settings.write_first(&plan.out)? => return Ok(()),
        None => Settings::read(&plan.out)?.unwrap_or_else(|| plan.settings.clone()),
    };
    let differences = plan.settings.differences(&before);
    if differences.is_empty() {
        return Ok(());
    }
    Err(CorpusError::OtherSettings { folder: plan.out.clone(), what: differences.join(" and ") })
}

/// Inspects a campaign. Its record is removed first and written last: a campaign with a record is whole.
fn one(task: &Task<'_>, plan: &Plan, engines: &mut Engines, watch: &Watch) -> Result<Record, CorpusError> {
    let campaign = task.campaign;
    let mut record = Record::new(campaign, &plan.settings);
    let inspected = engines.inspect(campaign, watch, task.size);
    let stem = file_stem(&campaign.name);
    if task.has_record {
        Record::remove(&plan.out, &campaign.name)?;
        parts::remove(&plan.out, &stem)?;
    }
    match inspected {
        Ok(inspected) => {
            record.describe(&inspected);
            record.parts = parts::write(&plan.out, &stem, campaign, &inspected.report)?;
        }
        Err(Failure { status, reason }) => {
            record.status = status;
            record.reason = Some(reason);
        }
    }
    record.write(&plan.out)?;
    Ok(record)
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |status| self.statuses.get(&status).copied().unwrap_or_default();
        let (done, damaged, failed) = (count(Status::Done), count(Status::Damaged), count(Status::Failed));
        let all = counted(done + damaged + failed, "campaign");
        write!(f, "{all}: {done} read to the end, {damaged} damaged, {failed} failed")?;
        let left_out = count(Status::LeftOut);
        if left_out > 0 {
            write!(f, "; {} left out that are no captures", counted(left_out, "file"))?;
        }
        if self.earlier > 0 {
            write!(f, "; {} of all by an earlier run", self.earlier)?;
        }
        if self.again > 0 {
            write!(f, "; {} inspected again, for the corpus or the results had changed", self.again)?;
        }
        Ok(())
    }
}

impl Tally {
    fn add(&mut self, record: Record) {
        *self.statuses.entry(record.status).or_default() += 1;
        if let Some(reason) = record.reason.filter(|_| record.status != Status::LeftOut) {
            self.troubles.push((record.campaign, reason));
        }
    }
}
