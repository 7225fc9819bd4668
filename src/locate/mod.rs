//! Locate: where an address is, from claims of several sources, and how sure that is.
//!
//! A [`Locator`] holds the databases. [`Locator::locate`] first asks what kind of address it is ([`Scope`]): only an
//! address of the Internet can be in a country. Every database then gives its [`Claim`]; claims stand side by side
//! and in the order of their sources. [`conclude`] makes a [`Location`] of them.
//!
//! This stage uses no other one.

mod claim;
mod conclusion;
mod country;
mod database;
mod embedded;
mod error;
mod schema;
mod scope;
mod transition;

pub use claim::{Asn, Claim, ClaimKind, Confidence, Contradiction, Location, Operator};
pub use conclusion::conclude;
pub use country::{Country, CountryCode, UnknownCountry, countries};
pub use database::{Database, DatabaseKind};
pub use error::LocateError;
pub use scope::Scope;
pub use transition::{EmbeddedIpv4, Embedding};

use database::Source;
use serde::Serialize;
use std::net::IpAddr;
use std::path::PathBuf;

/// What is known of the place of an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Placement {
    /// What kind of address it is.
    pub scope: Scope,
    /// The IPv4 address that it carries and by which it was placed.
    pub embedded_ipv4: Option<EmbeddedIpv4>,
    /// Where it is; unknown without a claim unless the scope is [`Scope::Global`].
    pub location: Location,
    /// Who announces it to the Internet: the answer of the first database that has one.
    pub operator: Option<Operator>,
}

/// The database that the program carries.
pub fn embedded_database() -> Database {
    embedded::description()
}

/// Places addresses. Threads may share it.
#[derive(Debug)]
pub struct Locator {
    databases: Vec<Database>,
    sources: Vec<Source>,
}

impl Locator {
    /// Opens the database files in `paths`, after the embedded one if `use_default` is set.
    ///
    /// Without any database every address of the Internet has an unknown location.
    pub fn open(paths: &[PathBuf], use_default: bool) -> Result<Self, LocateError> {
        let mut locator = Self { databases: Vec::new(), sources: Vec::new() };
        if use_default {
            locator.add(Source::embedded()?);
        }
        for path in paths {
            locator.add(Source::open(path, &locator.databases)?);
        }
        Ok(locator)
    }

    fn add(&mut self, (database, source): (Database, Source)) {
        self.databases.push(database);
        self.sources.push(source);
    }

    /// The databases, in the order in which they are asked.
    pub fn databases(&self) -> &[Database] {
        &self.databases
    }

    /// Databases that turned out to be damaged, with the number of look-ups that met the damage. Such a look-up
    /// gives no claim.
    pub fn damaged(&self) -> impl Iterator<Item = (&Database, u64)> {
        let counts = self.sources.iter().map(Source::unreadable);
        self.databases.iter().zip(counts).filter(|(_, count)| *count > 0)
    }

    /// Where `address` is.
    pub fn locate(&self, address: IpAddr) -> Placement {
        let scope = Scope::of(address);
        let embedded_ipv4 = EmbeddedIpv4::of(address);
        if scope != Scope::Global {
            return Placement { scope, embedded_ipv4, location: Location::unknown(), operator: None };
        }
        let address = embedded_ipv4.map_or(address, |embedded| IpAddr::V4(embedded.address));
        let mut claims = Vec::new();
        let mut operator = None;
        for source in &self.sources {
            let answer = source.look_up(address);
            claims.extend(answer.claim);
            operator = operator.or(answer.operator);
        }
        Placement { scope, embedded_ipv4, location: conclude(claims), operator }
    }
}
