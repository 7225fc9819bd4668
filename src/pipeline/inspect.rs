//! From paths and rules to a report.

use super::{Analysis, analyze};
use crate::capture::{CaptureError, Filter, Options, Progress, Reader};
use crate::identify::catalogue::CatalogueError;
use crate::identify::infer::Subject;
use crate::identify::{Catalogue, Inference, infer_on};
use crate::locate::{CountryCode, LocateError, Locator};
use crate::policy::{CountrySet, Policy, PolicyError};
use crate::report::{self, Report};
use crate::session::{self, Session};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

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
    /// Files that add to the catalogue of services.
    pub services: Vec<PathBuf>,
    /// Countries and groups that calls should stay in.
    pub home: Vec<String>,
    /// Without a packet for so long, a call is over; [`session::IDLE_GAP`] where it is not said.
    pub idle_gap: Option<Duration>,
    /// Whether what belongs to no call is judged too.
    pub judge_all: bool,
}

/// A report, what is worth saying about its making, and what it was made from.
#[derive(Debug)]
pub struct Inspected {
    /// The report.
    pub report: Report,
    /// Files that were passed over and why.
    pub notes: Vec<String>,
    /// What packets say, flow by flow.
    pub analysis: Analysis,
    /// What the flows are.
    pub inference: Inference,
    /// The calls.
    pub sessions: Vec<Session>,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InspectError {
    /// A capture could not be read.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// A database could not be used.
    #[error(transparent)]
    Locate(#[from] LocateError),
    /// A rule is not understood.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// A catalogue of services could not be read.
    #[error("cannot read '{}'", path.display())]
    Services {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A catalogue of services is not understood.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
}

/// Reads, follows, places and judges what `request` names, and tells `progress` how far it is.
pub fn inspect(request: &Request, progress: &Arc<Progress>) -> Result<Inspected, InspectError> {
    let policy = Policy::from_lists(&request.deny, &request.allow)?;
    let home = home(&request.home)?;
    let catalogue = catalogue(&request.services)?;
    let locator = Locator::open(&request.databases, !request.without_default_database)?;
    let filter = request.filter.as_deref().map(Filter::new).transpose()?;
    let options = Options { hash: request.hash, progress: Some(Arc::clone(progress)) };
    let reader = Reader::open(&request.paths, options)?;
    let notes = reader.notes().iter().map(ToString::to_string).collect();
    let threads = request.threads.or_else(|| std::thread::available_parallelism().ok());
    let threads = threads.map_or(1, NonZeroUsize::get);
    let analysis = analyze(reader, filter.as_ref(), threads)?;
    let judge =
        Judge { request, threads, policy: &policy, home: &home, catalogue: &catalogue, locator: &locator };
    let (report, inference, sessions) = judge.report(&analysis);
    Ok(Inspected { report, notes, analysis, inference, sessions })
}

fn home(lists: &[String]) -> Result<BTreeSet<CountryCode>, PolicyError> {
    let mut home = BTreeSet::new();
    for list in lists {
        home.extend(list.parse::<CountrySet>()?.iter());
    }
    Ok(home)
}

fn catalogue(paths: &[PathBuf]) -> Result<Catalogue, InspectError> {
    let read = |path: &PathBuf| {
        std::fs::read_to_string(path).map_err(|source| InspectError::Services { path: path.clone(), source })
    };
    let texts = paths.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    Ok(Catalogue::with_all(texts.iter().map(String::as_str))?)
}

/// What turns facts into a report.
struct Judge<'a> {
    request: &'a Request,
    threads: usize,
    policy: &'a Policy,
    home: &'a BTreeSet<CountryCode>,
    catalogue: &'a Catalogue,
    locator: &'a Locator,
}

impl Judge<'_> {
    fn report(&self, analysis: &Analysis) -> (Report, Inference, Vec<Session>) {
        let subjects: Vec<Subject<'_>> =
            analysis.flows.iter().map(|flow| Subject::new(flow, flow.state.facts())).collect();
        let inference = infer_on(self.threads, &subjects, &analysis.names, self.catalogue);
        let country = |address: IpAddr| self.locator.locate(address).location.country;
        let sessions = session::group(&session::Material {
            subjects: &subjects,
            identities: &inference.flows,
            names: &analysis.names,
            country: &country,
            idle_gap: self.request.idle_gap.unwrap_or(session::IDLE_GAP),
            threads: self.threads,
        });
        let report = report::build(&report::Material {
            analysis,
            subjects: &subjects,
            inference: &inference,
            sessions: &sessions,
            catalogue: self.catalogue,
            locator: self.locator,
            policy: self.policy,
            home: self.home,
            judge_all: self.request.judge_all,
            with_flows: self.request.with_flows,
        });
        (report, inference, sessions)
    }
}
