//! From paths and rules to a report.

use super::{Analysis, analyze};
use crate::capture::{CaptureError, Filter, FilterError, Options, Progress, Reader};
use crate::locate::{LocateError, Locator};
use crate::policy::{Policy, PolicyError};
use crate::report::{Material, Report, build};
use crate::session;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

/// What is to be inspected, and how.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Capture files, folders, or `-`.
    pub paths: Vec<PathBuf>,
    /// Lists of countries and groups to deny.
    pub deny: Vec<String>,
    /// Lists of countries and groups to allow.
    pub allow: Vec<String>,
    /// MMDB files to ask where addresses are.
    pub databases: Vec<PathBuf>,
    /// Whether the embedded database is not asked.
    pub without_default_database: bool,
    /// A capture filter.
    pub filter: Option<String>,
    /// Threads; as many as there are processors where it is not said.
    pub threads: Option<NonZeroUsize>,
    /// Whether inputs are hashed. Hashing takes several times as long as all the rest.
    pub hash: bool,
    /// Whether the report lists every flow.
    pub with_flows: bool,
}

/// A report, and what is worth saying about its making.
#[derive(Debug)]
pub struct Inspected {
    /// The report.
    pub report: Report,
    /// Files that were passed over and why.
    pub notes: Vec<String>,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InspectError {
    /// A capture could not be read.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// A filter is not understood.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// A database could not be used.
    #[error(transparent)]
    Locate(#[from] LocateError),
    /// A rule is not understood.
    #[error(transparent)]
    Policy(#[from] PolicyError),
}

/// Reads, follows, places and judges what `request` names, and tells `progress` how far it is.
pub fn inspect(request: &Request, progress: &Arc<Progress>) -> Result<Inspected, InspectError> {
    let policy = Policy::from_lists(&request.deny, &request.allow)?;
    let locator = Locator::open(&request.databases, !request.without_default_database)?;
    let filter = request.filter.as_deref().map(Filter::new).transpose()?;
    let options = Options { hash: request.hash, progress: Some(Arc::clone(progress)) };
    let reader = Reader::open(&request.paths, options)?;
    let notes = reader.notes().iter().map(ToString::to_string).collect();
    let threads = request.threads.or_else(|| std::thread::available_parallelism().ok());
    let analysis = analyze(reader, filter.as_ref(), threads.map_or(1, NonZeroUsize::get))?;
    Ok(Inspected { report: report(&analysis, &locator, &policy, request.with_flows), notes })
}

fn report(analysis: &Analysis, locator: &Locator, policy: &Policy, with_flows: bool) -> Report {
    let sessions = session::group(&analysis.flows);
    build(&Material { analysis, sessions: &sessions, locator, policy, with_flows })
}
