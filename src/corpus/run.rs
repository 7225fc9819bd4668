//! Inspects the campaigns of a corpus, a bounded number at once, and goes on where it stopped.

use super::record::{Record, Settings, Status, file_stem};
use super::{Campaign, Capture, Corpus, CorpusError, parts};
use crate::capture::{CaptureError, Progress};
use crate::pipeline::{self, InspectError, Inspected, Request};
use crate::report::Report;
use crate::report::text::{chain, counted};
use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

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
    /// threads for one.
    pub jobs: NonZeroUsize,
}

/// How far a run is; another thread may look at any time.
#[derive(Debug, Default)]
pub struct Watch {
    /// Campaigns of the corpus, or of the part of it.
    pub campaigns: AtomicU64,
    /// Those that are over, those of earlier runs among them.
    pub over: AtomicU64,
    /// Those of earlier runs.
    pub earlier: AtomicU64,
    /// Bytes of captures read by this run.
    pub bytes: AtomicU64,
}

/// What came of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Campaigns by what came of them.
    pub statuses: BTreeMap<Status, usize>,
    /// Those among them that an earlier run had done.
    pub earlier: u64,
    /// Campaigns that failed or are damaged, and why, by name.
    pub troubles: Vec<(String, String)>,
}

/// Inspects what of `corpus` has no record yet.
pub fn run(corpus: &Corpus, plan: &Plan, watch: &Watch) -> Result<Tally, CorpusError> {
    settle(plan)?;
    watch.campaigns.store(corpus.campaigns.len() as u64, Ordering::Relaxed);
    let next = AtomicUsize::new(0);
    let stopped = AtomicBool::new(false);
    let tally = Mutex::new(Tally::default());
    let work = |_| -> Result<(), CorpusError> {
        while let Some(campaign) = corpus.campaigns.get(next.fetch_add(1, Ordering::Relaxed)) {
            if stopped.load(Ordering::Relaxed) {
                break;
            }
            let (record, earlier) =
                one(campaign, plan, watch).inspect_err(|_| stopped.store(true, Ordering::Relaxed))?;
            watch.over.fetch_add(1, Ordering::Relaxed);
            watch.earlier.fetch_add(u64::from(earlier), Ordering::Relaxed);
            tally.lock().unwrap_or_else(PoisonError::into_inner).add(record, earlier);
        }
        Ok(())
    };
    let jobs = plan.jobs.get().min(corpus.campaigns.len());
    crate::parallel::at_once(0..jobs, work).into_iter().collect::<Result<(), _>>()?;
    let mut tally = tally.into_inner().unwrap_or_else(PoisonError::into_inner);
    tally.troubles.sort();
    Ok(tally)
}

/// Sees to it that all results in a folder were made in one way.
fn settle(plan: &Plan) -> Result<(), CorpusError> {
    let Some(before) = Settings::read(&plan.out)? else { return plan.settings.write(&plan.out) };
    let differences = plan.settings.differences(&before);
    if differences.is_empty() {
        return Ok(());
    }
    Err(CorpusError::OtherSettings { folder: plan.out.clone(), what: differences.join(" and ") })
}

/// The record of a campaign, and whether an earlier run had made it.
fn one(campaign: &Campaign, plan: &Plan, watch: &Watch) -> Result<(Record, bool), CorpusError> {
    if let Some(record) = Record::read(&plan.out, &campaign.name)? {
        return Ok((record, true));
    }
    let mut record = Record::new(campaign, &plan.settings);
    match inspect(campaign, &plan.request, watch) {
        Ok(report) => {
            record.describe(&report);
            let stem = file_stem(&campaign.name);
            record.parts = parts::write(&plan.out, &stem, campaign, &report)?;
        }
        Err(Failure { status, reason }) => {
            record.status = status;
            record.reason = Some(reason);
        }
    }
    record.write(&plan.out)?;
    Ok((record, false))
}

/// Why there is no report of a campaign.
pub(super) struct Failure {
    pub(super) status: Status,
    pub(super) reason: String,
}

/// The report of a campaign, in which inputs have the names that the corpus gives them.
pub(super) fn inspect(campaign: &Campaign, request: &Request, watch: &Watch) -> Result<Report, Failure> {
    let failed = |reason| Failure { status: Status::Failed, reason };
    let request = Request {
        paths: campaign.files.iter().map(|capture| capture.path.clone()).collect(),
        vantage: campaign.vantage().map_err(failed)?.or(request.vantage),
        home: if campaign.home.is_empty() { request.home.clone() } else { campaign.home.clone() },
        threads: Some(NonZeroUsize::MIN),
        hash: true,
        ..request.clone()
    };
    let progress = Arc::new(Progress::default());
    // What one campaign does to the program must not take the others with it.
    let inspected = catch_unwind(AssertUnwindSafe(|| pipeline::inspect(&request, &progress)));
    watch.bytes.fetch_add(progress.read(), Ordering::Relaxed);
    match inspected {
        Ok(Ok(Inspected { mut report, .. })) => {
            rename(&mut report, campaign);
            Ok(report)
        }
        Ok(Err(error)) => {
            let is_no_capture = matches!(
                error,
                InspectError::Capture(CaptureError::NotACapture { .. } | CaptureError::Empty { .. })
            );
            let status = if campaign.found && is_no_capture { Status::LeftOut } else { Status::Failed };
            Err(Failure { status, reason: named(chain(&error), campaign) })
        }
        Err(_) => Err(failed("landfall has a fault: it panicked".to_owned())),
    }
}

/// Gives inputs the names that the corpus gives them, so that results are the same wherever it lies.
fn rename(report: &mut Report, campaign: &Campaign) {
    let rename = |path: &mut String| {
        for capture in &campaign.files {
            let is = capture.path.to_string_lossy();
            // What is in a folder keeps its path in there.
            if let Some(rest) =
                path.strip_prefix(&*is).filter(|rest| rest.is_empty() || rest.starts_with('/'))
            {
                *path = format!("{}{rest}", capture.name);
                return;
            }
        }
    };
    report.for_each_input_path(rename);
}

/// Has a message name captures as the corpus does: where it lies, or which pipe a capture came by, is not its concern.
fn named(mut message: String, campaign: &Campaign) -> String {
    for Capture { name, path } in &campaign.files {
        message = message.replace(&format!("'{}'", path.display()), &format!("'{name}'"));
    }
    message
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
        Ok(())
    }
}

impl Tally {
    fn add(&mut self, record: Record, earlier: bool) {
        *self.statuses.entry(record.status).or_default() += 1;
        self.earlier += u64::from(earlier);
        if let Some(reason) = record.reason.filter(|_| record.status != Status::LeftOut) {
            self.troubles.push((record.campaign, reason));
        }
    }
}
