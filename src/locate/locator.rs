//! The locator: holds the sources, asks each of them, and has the conclusion drawn.

use super::anycast::AnycastList;
use super::conclusion::{Circumstances, conclude};
use super::database::{Database, Source};
use super::latency::{RoundTrip, Ruler, Vantage};
use super::ranges::Ranges;
use super::{Claim, CountryCode, EmbeddedIpv4, LocateError, Location, Operator, Placement, Scope};
use super::{clouds, files, hints, operators};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// Which sources are asked.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// MMDB files, or folders of them. Of several builds of one database the nearest to the packets is asked.
    pub databases: Vec<PathBuf>,
    /// Whether nothing of what the program carries is asked.
    pub without_embedded: bool,
    /// Lists of ranges: of providers, geofeeds, tables.
    pub ranges: Vec<PathBuf>,
    /// Lists of anycast networks.
    pub anycast: Vec<PathBuf>,
    /// Where the captures were taken; without it round-trip times say nothing.
    pub vantage: Option<Vantage>,
    /// Countries that the policy denies.
    pub denied: BTreeSet<CountryCode>,
    /// Whether to give the claims of every build of a database, not of the nearest only.
    pub all_dates: bool,
    /// Whether database files are hashed.
    pub hash: bool,
}

/// What is known of an address from packets.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context<'a> {
    /// When its first and last packets were captured.
    pub time: Option<(Timestamp, Timestamp)>,
    /// Its names.
    pub names: &'a [&'a str],
    /// The round-trip time to it, where nothing speaks against that (a proxy that answers for others).
    pub round_trip: Option<RoundTrip>,
}

/// Places addresses. Threads may share it.
#[derive(Debug)]
pub struct Locator {
    databases: Vec<Database>,
    series: Vec<Series>,
    lists: Vec<AnycastList>,
    /// The id of the cloud regions that the program carries, where these are asked, and its operators with them.
    clouds: Option<Arc<str>>,
    ruler: Option<Ruler>,
    denied: BTreeSet<CountryCode>,
    all_dates: bool,
}

/// Builds of one database, the oldest first.
#[derive(Debug)]
struct Series {
    key: Option<Key>,
    builds: Vec<Build>,
}

/// What builds of one database have in common: maker and product.
type Key = (&'static str, String);

/// Words in the types of databases that tell a maker's products apart; ip-location-db's `country ipvAll` and
/// `DBIP-Country-Lite` are builds of one.
const PRODUCTS: [&str; 6] = ["country", "city", "asn", "isp", "enterprise", "ip-ranges"];

fn key(database: &Database) -> Option<Key> {
    let name = database.database_type.to_ascii_lowercase();
    let product = PRODUCTS.iter().find(|product| name.contains(*product));
    Some((database.origin?, product.map_or(name.clone(), |product| (*product).to_owned())))
}

#[derive(Debug)]
struct Build {
    /// Its place in [`Locator::databases`].
    place: usize,
    built: Option<Timestamp>,
    witness: Witness,
}

#[derive(Debug)]
enum Witness {
    Database(Box<Source>),
    Ranges(Ranges),
}

impl Witness {
    fn ask(&self, address: IpAddr, claims: &mut Vec<Claim>) -> Option<Operator> {
        match self {
            Self::Database(source) => source.look_up(address, claims),
            Self::Ranges(ranges) => {
                ranges.claim(address, claims);
                None
            }
        }
    }
}

impl Series {
    /// The builds nearest to the first and the last packet; without packets the newest.
    fn chosen(&self, time: Option<(Timestamp, Timestamp)>) -> impl Iterator<Item = &Build> {
        let (first, last) = match time {
            Some((first, last)) => (self.nearest(first), self.nearest(last)),
            None => (self.builds.len().saturating_sub(1), self.builds.len().saturating_sub(1)),
        };
        let last = Some(last).filter(|last| *last != first);
        std::iter::once(first).chain(last).filter_map(|place| self.builds.get(place))
    }

    fn nearest(&self, time: Timestamp) -> usize {
        let away = |build: &Build| {
            build.built.map_or(i64::MAX, |built| (built.as_second() - time.as_second()).abs())
        };
        let places = self.builds.iter().enumerate();
        places.min_by_key(|(_, build)| away(build)).map_or(0, |(place, _)| place)
    }
}

impl Locator {
    /// Opens the database files in `paths`, after what the program carries if `use_default` is set.
    pub fn open(paths: &[PathBuf], use_default: bool) -> Result<Self, LocateError> {
        Self::with(&Sources {
            databases: paths.to_vec(),
            without_embedded: !use_default,
            hash: true,
            ..Sources::default()
        })
    }

    /// Opens `sources`. Without any every address of the Internet has an unknown location.
    pub fn with(sources: &Sources) -> Result<Self, LocateError> {
        let mut locator = Self {
            databases: Vec::new(),
            series: Vec::new(),
            lists: Vec::new(),
            clouds: None,
            ruler: sources.vantage.map(Ruler::new),
            denied: sources.denied.clone(),
            all_dates: sources.all_dates,
        };
        if !sources.without_embedded {
            let (database, source) = Source::embedded()?;
            locator.add(database, Witness::Database(Box::new(source)));
            let clouds = clouds::description();
            locator.clouds = Some(Arc::clone(&clouds.id));
            locator.databases.extend([clouds, operators::description()]);
        }
        for path in files::databases(&sources.databases)? {
            let (database, source) = Source::open(&path, &locator.databases, sources.hash)?;
            locator.add(database, Witness::Database(Box::new(source)));
        }
        for path in &sources.ranges {
            let (database, ranges) = Ranges::open(path, &locator.databases)?;
            locator.add(database, Witness::Ranges(ranges));
        }
        for path in &sources.anycast {
            let (database, list) = AnycastList::open(path, &locator.databases)?;
            locator.databases.push(database);
            locator.lists.push(list);
        }
        Ok(locator)
    }

    fn add(&mut self, database: Database, witness: Witness) {
        let key = key(&database);
        let build = Build { place: self.databases.len(), built: database.built, witness };
        self.databases.push(database);
        let is_of = |series: &&mut Series| {
            // Of the same day it is no other build but a copy, or another part of the same one.
            key.is_some() && series.key == key && series.builds.iter().all(|other| other.built != build.built)
        };
        match self.series.iter_mut().find(is_of) {
            Some(series) => {
                let place = series.builds.partition_point(|other| other.built <= build.built);
                series.builds.insert(place, build);
            }
            None => self.series.push(Series { key, builds: vec![build] }),
        }
    }

    /// Takes a millisecond for each database to make later look-ups of IPv4 addresses faster: worth it for thousands.
    pub fn prepare(&self) {
        for build in self.series.iter().flat_map(|series| &series.builds) {
            if let Witness::Database(source) = &build.witness {
                source.prepare();
            }
        }
    }

    /// The databases, in the order in which they are asked.
    pub fn databases(&self) -> &[Database] {
        &self.databases
    }

    /// Databases that turned out to be damaged, with the number of look-ups that met the damage. Such a look-up
    /// gives no claim.
    pub fn damaged(&self) -> impl Iterator<Item = (&Database, u64)> {
        let builds = self.series.iter().flat_map(|series| &series.builds);
        builds.filter_map(|build| match &build.witness {
            Witness::Database(source) if source.unreadable() > 0 => {
                Some((self.databases.get(build.place)?, source.unreadable()))
            }
            _ => None,
        })
    }

    /// Where `address` is, by what is known of the address alone.
    pub fn locate(&self, address: IpAddr) -> Placement {
        self.locate_in(address, &Context::default())
    }

    /// Where `address` is, with what packets say.
    pub fn locate_in(&self, address: IpAddr, context: &Context<'_>) -> Placement {
        let mut placement = self.locate_reusing(address, context, Vec::new());
        // Of millions of addresses, room for claims that do not come takes a gigabyte.
        placement.location.claims.shrink_to_fit();
        placement
    }

    /// As [`Self::locate_in`]. The claims take the memory of `room`, a list that is no longer wanted: to ask for memory
    /// and give it back for each of millions of addresses takes as long as to look them up.
    pub fn locate_reusing(&self, address: IpAddr, context: &Context<'_>, mut room: Vec<Claim>) -> Placement {
        room.clear();
        let scope = Scope::of(address);
        let embedded_ipv4 = EmbeddedIpv4::of(address);
        if scope != Scope::Global {
            let location = Location { claims: room, ..Location::unknown() };
            return Placement { scope, embedded_ipv4, location, operator: None };
        }
        let asked = embedded_ipv4.map_or(address, |embedded| IpAddr::V4(embedded.address));
        let mut claims = room;
        let operator = self.ask(asked, context, &mut claims);
        let latency = match (&self.ruler, context.round_trip) {
            (Some(ruler), Some(time)) => Some(ruler.measure(&mut claims, time)),
            _ => None,
        };
        let circumstances = Circumstances {
            anycast: self.lists.iter().find_map(|list| list.lists(asked)),
            denied: Some(&self.denied),
        };
        let mut location = conclude(claims, &circumstances);
        location.latency = latency;
        if self.all_dates {
            location.history = self.history(asked, context);
        }
        Placement { scope, embedded_ipv4, location, operator }
    }

    /// Adds every claim, and says who announces the address.
    fn ask(&self, address: IpAddr, context: &Context<'_>, claims: &mut Vec<Claim>) -> Option<Operator> {
        let mut operator = None;
        for build in self.series.iter().flat_map(|series| series.chosen(context.time)) {
            operator = operator.or(build.witness.ask(address, claims));
        }
        if let Some(clouds) = &self.clouds {
            embedded_ranges(address, clouds, claims);
            operator = operator.or_else(|| operators::operator(address));
        }
        if !context.names.is_empty() {
            claims.extend(hints::claims(context.names));
        }
        if let Some((first, last)) = context.time {
            for claim in claims {
                // The packet that is nearer counts: a source from between them is up to date.
                let at = claim.built.map_or(first, |built| built.clamp(first.min(last), first.max(last)));
                claim.compare_time(at);
            }
        }
        operator
    }

    /// The claims of every build of databases of which there are several, by date.
    fn history(&self, address: IpAddr, context: &Context<'_>) -> Vec<Claim> {
        let mut claims = Vec::new();
        for series in self.series.iter().filter(|series| series.builds.len() > 1) {
            for build in &series.builds {
                build.witness.ask(address, &mut claims);
            }
        }
        if let Some((first, _)) = context.time {
            claims.iter_mut().for_each(|claim| claim.compare_time(first));
        }
        claims.sort_by(|a, b| a.built.cmp(&b.built).then_with(|| a.source.cmp(&b.source)));
        claims
    }
}

/// What the embedded list says, unless a list of the user's has that provider say something.
fn embedded_ranges(address: IpAddr, id: &Arc<str>, claims: &mut Vec<Claim>) {
    let given = claims.len();
    clouds::claim(address, id, claims);
    let (before, embedded) = claims.split_at(given);
    let is_said = |claim: &Claim| {
        before
            .iter()
            .any(|other| other.kind == claim.kind && other.origin.is_some() && other.origin == claim.origin)
    };
    // The rows of one network are of one provider.
    if embedded.first().is_some_and(is_said) {
        claims.truncate(given);
    }
}
