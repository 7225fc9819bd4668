//! From paths and rules to a report.

use super::policies::{PolicyFileError, at_home, read_policy, services};
use super::shard::Depth;
use super::{Analysis, read};
use crate::capture::{CaptureError, Filter, Input, Options, Progress, Reader};
use crate::identify::catalogue::CatalogueError;
use crate::identify::infer::Clients;
use crate::identify::{Catalogue, Inference, infer_on};
use crate::locate::{Database, LocateError, Locator, Sources, Vantage, countries};
use crate::parallel::both;
use crate::policy::{CountrySet, Policy, PolicyError};
use crate::report::{self, PastError, Places, Report};
use crate::sandbox::{self, Allowed};
use crate::session::{self, Calls, Session};
use std::borrow::Cow;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What is to be inspected, and how.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each stands for a flag of the command line")]
pub struct Request {
    /// Capture files, folders, or `-`.
    pub paths: Vec<PathBuf>,
    /// Lists of countries and groups to deny.
    pub deny: Vec<String>,
    /// Lists of countries and groups to allow.
    pub allow: Vec<String>,
    /// A policy file, or `@name` of one that the program carries, in the place of the two lists.
    pub policy: Option<String>,
    /// MMDB files to ask where addresses are.
    pub databases: Vec<PathBuf>,
    /// Whether the embedded database is not asked.
    pub without_default_database: bool,
    /// Lists of ranges of providers, geofeeds and tables of prefixes.
    pub ranges: Vec<PathBuf>,
    /// Lists of anycast networks.
    pub anycast: Vec<PathBuf>,
    /// Where the captures were taken.
    pub vantage: Option<Vantage>,
    /// Whether the claims of every build of a database are reported.
    pub all_dates: bool,
    /// A capture filter.
    pub filter: Option<String>,
    /// Threads; as many as there are processors where it is not said.
    pub threads: Option<NonZeroUsize>,
    /// Whether inputs are hashed. Hashing takes several times as long as all the rest.
    pub hash: bool,
    /// Whether the report is only for a table: what that does not show is left out, as timelines, coverage and, where
    /// no rule may find fault with them, all calls but the first.
    pub brief: bool,
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
    /// Whether only headers of packets are looked at: no call is told and no name is known. Not when capturing.
    pub headers_only: bool,
    /// Whether the process gives up, before it reads a capture, all that it needs no more: everything but reading
    /// `paths` and writing in `writes`. It stays so for the rest of its life.
    pub sandbox: bool,
    /// Folders in which files will be made when the report is done.
    pub writes: Vec<PathBuf>,
}

impl Request {
    /// The files that it names besides captures: rules, databases, lists and catalogues.
    pub fn files(&self) -> Vec<PathBuf> {
        let policy = self.policy.iter().filter(|name| !name.starts_with('@')).map(PathBuf::from);
        let others = [&self.databases, &self.ranges, &self.anycast, &self.services];
        others.into_iter().flatten().cloned().chain(policy).collect()
    }
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
    /// A policy file cannot be used.
    #[error(transparent)]
    PolicyFile(#[from] PolicyFileError),
    /// A report cannot be read back.
    #[error(transparent)]
    Past(#[from] PastError),
    /// A policy file and lists are both given.
    #[error(
        "a policy file and lists of countries to deny or allow do not go together; write them into the file"
    )]
    TwoPolicies,
    /// A catalogue of services could not be read.
    #[error("cannot read '{}'", path.display())]
    Services {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A catalogue of services is not understood.
    #[error("'{}' is no catalogue of services", path.display())]
    Catalogue {
        /// The file.
        path: PathBuf,
        /// What is wrong in it, and where.
        source: CatalogueError,
    },
    /// The catalogue that the program carries is not understood.
    #[error("the embedded catalogue of services is broken")]
    Embedded(#[source] CatalogueError),
}

/// Reads, follows, places and judges what `request` names, and tells `progress` how far it is.
pub fn inspect(request: &Request, progress: &Arc<Progress>) -> Result<Inspected, InspectError> {
    let inspector = Inspector::new(request)?;
    let mut lacks = Vec::new();
    if request.sandbox {
        let mut read = request.paths.clone();
        if request.filter.is_some() {
            // Each thread compiles the filter for each link type, and libpcap looks names of ports up.
            read.extend(sandbox::NAMES_OF_PORTS.iter().map(PathBuf::from));
        }
        if !request.writes.is_empty() {
            // What is written tells the hashes of catalogues.
            read.extend_from_slice(&request.services);
        }
        let allowed = Allowed { write: request.writes.clone(), ..Allowed::reading(&read) };
        lacks = sandbox::enter(&allowed);
        // Each thread compiles the filter anew. One that no longer can would let no frame through and say nothing.
        request.filter.as_deref().map(Filter::new).transpose()?;
    }
    let options = Options { hash: request.hash, progress: Some(Arc::clone(progress)), ..Options::default() };
    let mut inspected = inspector.inspect(Reader::open(&request.paths, options)?)?;
    inspected.notes.extend(lacks.into_iter().filter(|_| sandbox::AVAILABLE));
    Ok(inspected)
}

/// What turns captures into reports.
#[derive(Debug)]
pub struct Inspector<'a> {
    request: Cow<'a, Request>,
    threads: usize,
    policy: Policy,
    home: CountrySet,
    catalogue: Catalogue,
    locator: Locator,
    filter: Option<Filter>,
}

impl<'a> Inspector<'a> {
    /// Reads the rules and opens the sources that `request` names, but no capture.
    pub fn new(request: &'a Request) -> Result<Self, InspectError> {
        Self::of(Cow::Borrowed(request))
    }

    /// As [`Inspector::new`], for whoever has nowhere to keep the request.
    pub fn owned(request: Request) -> Result<Inspector<'static>, InspectError> {
        Inspector::of(Cow::Owned(request))
    }

    fn of(request: Cow<'a, Request>) -> Result<Self, InspectError> {
        let home = home(&request.home)?;
        let catalogue = catalogue(&request.services)?;
        let policy = policy(&request, &home, &catalogue)?;
        let threads = request.threads.or_else(|| std::thread::available_parallelism().ok());
        Ok(Self {
            threads: threads.map_or(1, NonZeroUsize::get),
            home,
            catalogue,
            locator: Locator::with(&sources(&request, &policy))?,
            filter: request.filter.as_deref().map(Filter::new).transpose()?,
            policy,
            request,
        })
    }

    /// What is allowed.
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// What is asked where addresses are.
    pub fn databases(&self) -> &[Database] {
        self.locator.databases()
    }

    /// Reads, follows, places and judges what `reader` has.
    pub fn inspect(&self, reader: Reader) -> Result<Inspected, InspectError> {
        let mut notes: Vec<String> = reader.notes().iter().map(ToString::to_string).collect();
        let depth = if self.request.headers_only { Depth::Headers } else { Depth::Payloads };
        let (mut analysis, hashes) = read(reader, self.filter.as_ref(), self.threads, depth)?;
        notes.extend(analysis.inputs.iter().filter_map(|input| {
            let damage = input.damage.as_ref()?;
            let Input { path, .. } = input;
            Some(format!(
                "'{path}' is damaged at byte {}: {}; what stands before it is reported",
                damage.offset, damage.reason
            ))
        }));
        let (mut report, inference, sessions) = self.report(&analysis);
        hashes.wait(&mut analysis.inputs);
        report.add_hashes(&analysis.inputs);
        Ok(Inspected { report, notes, analysis, inference, sessions })
    }

    pub(super) fn report(&self, analysis: &Analysis) -> (Report, Inference, Vec<Session>) {
        let clients = || Clients::new(analysis.flows.iter().map(|flow| flow.client().0));
        let (subjects, (names, clients)) =
            both(self.threads, || analysis.flows.subjects(), || (&*analysis.names, clients()));
        let inference = infer_on(self.threads, &subjects, &clients, names, &self.catalogue);
        let places = Places::new(&self.locator, &analysis.inputs, &analysis.endpoints, &inference);
        let country = |address: IpAddr| places.locate(address).location.country;
        let group = || {
            session::group(&session::Material {
                subjects: &subjects,
                identities: &inference.flows,
                names,
                country: &country,
                idle_gap: self.request.idle_gap.unwrap_or(session::IDLE_GAP),
                with_timelines: !self.request.brief,
                at_most: if self.request.brief && self.policy.is_empty() {
                    report::CALLS_IN_TABLE
                } else {
                    usize::MAX
                },
                threads: self.threads,
            })
        };
        // Without a look into packets no call can be told from other traffic to the same servers.
        let calls = if self.request.headers_only { Calls::default() } else { group() };
        let report = report::build(&report::Material {
            inputs: &analysis.inputs,
            anomalies: &analysis.anomalies,
            coverage: analysis.coverage,
            tallies: &analysis.endpoints,
            loose: &analysis.loose,
            subjects: &subjects,
            inference: &inference,
            calls: &calls,
            catalogue: &self.catalogue,
            locator: &self.locator,
            places: &places,
            policy: &self.policy,
            home: &self.home,
            vantage: match self.request.vantage {
                Some(Vantage::Country(country)) => Some(country),
                Some(Vantage::Point { .. }) | None => None,
            },
            judge_all: self.request.judge_all,
            with_flows: self.request.with_flows,
            brief: self.request.brief,
            threads: self.threads,
        });
        (report, inference, calls.sessions)
    }
}

fn sources(request: &Request, policy: &Policy) -> Sources {
    Sources {
        databases: request.databases.clone(),
        without_embedded: request.without_default_database,
        ranges: request.ranges.clone(),
        anycast: request.anycast.clone(),
        vantage: request.vantage,
        denied: countries().iter().map(|country| country.code).filter(|code| policy.denies(*code)).collect(),
        all_dates: request.all_dates,
        hash: request.hash,
    }
}

fn policy(request: &Request, home: &CountrySet, catalogue: &Catalogue) -> Result<Policy, InspectError> {
    let Some(name) = &request.policy else { return Ok(Policy::from_lists(&request.deny, &request.allow)?) };
    if !request.deny.is_empty() || !request.allow.is_empty() {
        return Err(InspectError::TwoPolicies);
    }
    Ok(at_home(read_policy(name, &services(catalogue))?.policy, home)?)
}

pub(super) fn home(lists: &[String]) -> Result<CountrySet, PolicyError> {
    let mut home = CountrySet::default();
    for list in lists {
        home.extend(list.parse::<CountrySet>()?.iter());
    }
    Ok(home)
}

pub(super) fn catalogue(paths: &[PathBuf]) -> Result<Catalogue, InspectError> {
    let read = |path: &PathBuf| {
        std::fs::read_to_string(path).map_err(|source| InspectError::Services { path: path.clone(), source })
    };
    let texts = paths.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    for (path, text) in paths.iter().zip(&texts) {
        Catalogue::with(text).map_err(|source| InspectError::Catalogue { path: path.clone(), source })?;
    }
    Catalogue::with_all(texts.iter().map(String::as_str)).map_err(InspectError::Embedded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Format;
    use std::path::Path;

    fn inspected(brief: bool, judge_all: bool, deny: &[&str]) -> Inspected {
        let request = Request {
            paths: vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-captures")],
            deny: deny.iter().map(ToString::to_string).collect(),
            // Few captures make many calls.
            idle_gap: Some(Duration::ZERO),
            brief,
            judge_all,
            ..Request::default()
        };
        inspect(&request, &Arc::default()).unwrap()
    }

    #[test]
    fn a_brief_report_makes_the_table_that_a_full_one_makes() {
        for (judge_all, deny) in [(false, &[][..]), (true, &[]), (false, &["CN"]), (true, &["CN"])] {
            let table = |brief| {
                let bytes = inspected(brief, judge_all, deny).report.render(Format::Table { colour: false });
                String::from_utf8(bytes).unwrap()
            };
            assert_eq!(table(true), table(false), "{judge_all} {deny:?}");
        }
    }

    #[test]
    fn calls_beyond_those_that_are_told_are_counted_and_their_flows_known() {
        let inspected = inspected(false, false, &[]);
        let subjects = inspected.analysis.flows.subjects();
        let group = |at_most, threads| {
            session::group(&session::Material {
                subjects: &subjects,
                identities: &inspected.inference.flows,
                names: &inspected.analysis.names,
                country: &|_| None,
                idle_gap: Duration::ZERO,
                with_timelines: false,
                at_most,
                threads,
            })
        };
        let (all, few) = (group(usize::MAX, 1), group(3, 2));
        let ids = |calls: &Calls| {
            let calls = calls.sessions.iter().take(3);
            calls.map(|call| (call.start, call.client, call.service.clone())).collect::<Vec<_>>()
        };
        assert_eq!(ids(&few), ids(&all));
        assert_eq!((few.sessions.len(), few.left_out), (3, all.sessions.len() - 3));
        assert_eq!(all.left_out, 0);
        let mut legs = vec![false; subjects.len()];
        all.sessions.iter().flat_map(|call| &call.legs).for_each(|leg| legs[leg.flow as usize] = true);
        assert_eq!((&few.in_calls, &all.in_calls), (&legs, &legs));
    }

    #[test]
    fn a_table_counts_calls_that_are_left_out() {
        let mut report = inspected(true, false, &[]).report;
        let told = report.sessions.len();
        report.sessions_left_out = 5;
        let table = String::from_utf8(report.render(Format::Table { colour: false })).unwrap();
        assert!(table.contains("\nand 5 more calls; --format json lists them all\n"), "{table}");
        assert!(table.contains(&format!("\nALLOW: {} calls, 0 denied", told + 5)), "{table}");
    }
}
