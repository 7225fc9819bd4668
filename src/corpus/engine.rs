//! One campaign: from its captures to a report.

use super::record::Status;
use super::watch::Campaigning;
use super::{Campaign, Capture, Watch};
use crate::capture::{CaptureError, Note, Options, Progress, Reader};
use crate::pipeline::{InspectError, Inspector, Request};
use crate::report::Report;
use crate::report::text::chain;
use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::SystemTime;

/// Ways of inspecting that are kept. A corpus has a few vantage points and homes, and each way has databases open.
const MAX_ENGINES: usize = 16;

/// What tells the ways of inspecting of a corpus apart: where captures were taken, and where calls should stay.
type Way = (Option<String>, Vec<String>);

/// Turns campaigns into reports, for one thread. What does not depend on the campaign is read once: to open and hash the databases takes
/// as long as to inspect some thousand packets.
pub(super) struct Engines {
    request: Request,
    open: Vec<(Way, Inspector<'static>)>,
}

/// Why there is no report of a campaign.
pub(super) struct Failure {
    pub(super) status: Status,
    pub(super) reason: String,
}

/// A report, and what of the captures is not in it.
pub(super) struct Inspected {
    pub(super) report: Report,
    pub(super) left_out: Vec<LeftOut>,
    /// Files that changed while they were read, and their bytes before: what was read is neither the one nor the other.
    pub(super) changed: Vec<(String, u64)>,
}

/// A file of a campaign that could not be opened, or is no capture.
pub(super) struct LeftOut {
    /// As the corpus names it.
    pub(super) name: String,
    /// Its bytes, where that is known.
    pub(super) size: Option<u64>,
    /// Why, where the corpus names it; what is in a folder may be anything.
    pub(super) reason: Option<String>,
}

impl Engines {
    /// Inspects as `request` says, each campaign on `threads` threads.
    pub(super) fn new(request: &Request, threads: NonZeroUsize) -> Self {
        let request = Request { threads: Some(threads), hash: true, ..request.clone() };
        Self { request, open: Vec::new() }
    }

    /// The report of a campaign, in which inputs have the names that the corpus gives them.
    pub(super) fn inspect(
        &mut self,
        campaign: &Campaign,
        watch: &Watch,
        size: u64,
    ) -> Result<Inspected, Failure> {
        let at = watch.campaign(size);
        // What one campaign does to the program must not take the others with it.
        let inspected = catch_unwind(AssertUnwindSafe(|| self.report(campaign, &at)));
        let error = match inspected {
            Ok(Ok(mut inspected)) => {
                rename(&mut inspected.report, campaign);
                return Ok(inspected);
            }
            Ok(Err(error)) => error,
            Err(_) => {
                let reason = "landfall has a fault: it panicked".to_owned();
                return Err(Failure { status: Status::Failed, reason });
            }
        };
        let is_no_capture = matches!(
            error,
            InspectError::Capture(CaptureError::NotACapture { .. } | CaptureError::Empty { .. })
        );
        let status = if campaign.found && is_no_capture { Status::LeftOut } else { Status::Failed };
        Err(Failure { status, reason: named(chain(&error), campaign) })
    }

    fn report(&mut self, campaign: &Campaign, at: &Campaigning<'_>) -> Result<Inspected, InspectError> {
        let way = (campaign.vantage.clone(), campaign.home.clone());
        // Were it to panic, what it was at may be half done, and is not used again.
        let inspector = match self.open.iter().position(|(other, _)| *other == way) {
            Some(place) => self.open.remove(place).1,
            None => self.inspector(campaign)?,
        };
        let inspected = report(&inspector, campaign, at);
        self.open.push((way, inspector));
        if self.open.len() > MAX_ENGINES {
            self.open.remove(0);
        }
        inspected
    }

    fn inspector(&self, campaign: &Campaign) -> Result<Inspector<'static>, InspectError> {
        Inspector::owned(Request {
            // What is wrong with it was said when the corpus was opened.
            vantage: campaign.vantage().ok().flatten().or(self.request.vantage),
            home: if campaign.home.is_empty() { self.request.home.clone() } else { campaign.home.clone() },
            ..self.request.clone()
        })
    }
}

fn report(
    inspector: &Inspector<'_>,
    campaign: &Campaign,
    at: &Campaigning<'_>,
) -> Result<Inspected, InspectError> {
    let paths: Vec<_> = campaign.files.iter().map(|capture| capture.path.clone()).collect();
    let progress: Option<Arc<Progress>> = Some(Arc::clone(&at.progress));
    // One bad file of many is no reason to lose the others.
    let options = Options { hash: true, progress, leave_out: paths.len() > 1 };
    let reader = Reader::open(&paths, options)?;
    let left_out = reader.notes().iter().filter_map(|note| LeftOut::of(note, campaign)).collect();
    let before = states(campaign);
    let report = inspector.inspect(reader)?.report;
    let changed = before.into_iter().zip(states(campaign)).filter(|(before, after)| before != after);
    let changed = changed.filter_map(|((name, state), _)| Some((name, state?.0))).collect();
    Ok(Inspected { report, left_out, changed })
}

/// The bytes of every file of a campaign, and when they were last written.
fn states(campaign: &Campaign) -> Vec<(String, Option<(u64, Option<SystemTime>)>)> {
    let state = |Capture { name, path }: Capture| {
        let data = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file);
        (name, data.map(|data| (data.len(), data.modified().ok())))
    };
    campaign.expanded().into_iter().map(state).collect()
}

impl LeftOut {
    fn of(note: &Note, campaign: &Campaign) -> Option<Self> {
        let Note::LeftOut(error) = note else { return None };
        let path = error.path()?;
        let is_named = campaign.files.iter().any(|capture| capture.path == *path);
        let size = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file).map(|data| data.len());
        let reason = is_named.then(|| named(chain(error), campaign));
        let mut name = path.to_string_lossy().into_owned();
        rename_one(&mut name, campaign);
        Some(Self { name, size, reason })
    }
}

/// A message in which captures have the names that the corpus gives them.
fn named(message: String, campaign: &Campaign) -> String {
    campaign.files.iter().fold(message, |message, capture| {
        let (path, name) = (format!("'{}'", capture.path.display()), format!("'{}'", capture.name));
        if message.contains(&path) { message.replace(&path, &name) } else { message }
    })
}

/// Gives inputs the names that the corpus gives them, so that results are the same wherever it lies.
fn rename(report: &mut Report, campaign: &Campaign) {
    let names: HashMap<_, _> =
        campaign.files.iter().map(|capture| (capture.path.to_string_lossy(), &capture.name)).collect();
    report.for_each_input_path(|path: &mut String| match names.get(path.as_str()) {
        Some(name) => path.clone_from(name),
        None => rename_one(path, campaign),
    });
}

/// The name of what may be in a folder of the campaign: it keeps its path in there.
fn rename_one(path: &mut String, campaign: &Campaign) {
    for capture in &campaign.files {
        let is = capture.path.to_string_lossy();
        if let Some(rest) = path.strip_prefix(&*is).filter(|rest| rest.is_empty() || rest.starts_with('/')) {
            *path = format!("{}{rest}", capture.name);
            return;
        }
    }
}
