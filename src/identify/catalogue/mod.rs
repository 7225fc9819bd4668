//! The catalogue: facts by which call services are known, with the source and the date of each.
//!
//! The embedded file `data/services.toml` says what the facts are and how a file of one's own adds to them.

mod date;
mod file;
mod pattern;
mod port;
mod ranges;

pub use date::FactDate;
pub use file::{CatalogueError, Entry, Group};
pub use port::{Port, Ports};

use super::{Role, Service};
use crate::capture::Timestamp;
use hashbrown::HashMap;
use ipnet::IpNet;
use ranges::Ranges;
use std::net::IpAddr;
use std::sync::Arc;

const EMBEDDED: &str = include_str!("../../../data/services.toml");
/// Prefixes in all files together: an index fits in 16 bits.
const MAX_PREFIXES: usize = 1 << 16;

/// Facts by which services are known, laid out for fast matching.
#[derive(Debug)]
pub struct Catalogue {
    entries: Vec<Entry>,
    /// For each service, by its place among all: where its entry is.
    places: Vec<Option<u16>>,
    suffixes: HashMap<Arc<str>, Vec<Domain>, foldhash::fast::RandomState>,
    prefixes: Vec<Prefix>,
    ranges: Ranges,
}

#[derive(Clone, Copy, Debug)]
struct Domain {
    entry: usize,
    group: usize,
    shared: bool,
}

#[derive(Clone, Copy, Debug)]
struct Prefix {
    entry: usize,
    group: usize,
    net: IpNet,
}

/// A name that fits what the catalogue knows of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameMatch<'a> {
    /// The service.
    pub service: &'a Service,
    /// What such a host does, where that is known.
    pub role: Option<Role>,
    /// The domain or pattern that fits, as the file has it: what to cite.
    pub pattern: &'a Arc<str>,
    /// Set where a pattern for just such hosts fits, and not only the domain.
    pub specific: bool,
    /// Set where the name serves others too: it does not name the service by itself.
    pub shared: bool,
}

/// A prefix of a service that holds an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrefixMatch<'a> {
    /// Which of the catalogue's prefixes it is.
    pub place: u16,
    /// The service.
    pub service: &'a Service,
    /// The prefix.
    pub prefix: IpNet,
    /// Who lists it, and as of when.
    pub source: &'a Arc<str>,
    /// The date the source speaks for.
    pub as_of: FactDate,
    /// Set where the prefix serves others too: it does not name the service by itself.
    pub shared: bool,
}

impl Catalogue {
    /// The catalogue that comes with landfall.
    pub fn embedded() -> Result<Self, CatalogueError> {
        Ok(Self::build(file::parse(EMBEDDED)?))
    }

    /// The embedded catalogue with what `text`, a file of the same form, adds to it.
    pub fn with(text: &str) -> Result<Self, CatalogueError> {
        Self::with_all([text])
    }

    /// The embedded catalogue with what files of the same form add to it, later ones last.
    pub fn with_all<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, CatalogueError> {
        let mut entries = file::parse(EMBEDDED)?;
        for text in texts {
            for entry in file::parse(text)? {
                merge(&mut entries, entry);
            }
        }
        Ok(Self::build(entries))
    }

    fn build(entries: Vec<Entry>) -> Self {
        let mut suffixes: HashMap<Arc<str>, Vec<Domain>, foldhash::fast::RandomState> = HashMap::default();
        let mut prefixes = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            for (group, domains) in entry.domains.iter().enumerate() {
                for domain in &domains.list {
                    let known = Domain { entry: index, group, shared: domains.shared };
                    suffixes.entry(Arc::clone(domain)).or_default().push(known);
                }
            }
            for (group, nets) in entry.prefixes.iter().enumerate() {
                prefixes.extend(nets.list.iter().map(|net| Prefix { entry: index, group, net: *net }));
            }
        }
        prefixes.truncate(MAX_PREFIXES);
        let ranges = Ranges::new(&prefixes.iter().map(|prefix| prefix.net).collect::<Vec<_>>());
        Self { places: places(&entries), entries, suffixes, prefixes, ranges }
    }

    /// What is known of each service, by id.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// What people call `service`.
    pub fn display_name<'a>(&'a self, service: &'a Service) -> &'a str {
        self.entry(service).map_or(service.id(), |entry| &entry.name)
    }

    /// Services whose longest listed domain holds `name` (in the form of [`super::names::normalise`]): one that
    /// owns it first, then those that share it.
    pub fn name<'a>(&'a self, name: &str) -> Vec<NameMatch<'a>> {
        let mut rest = name.strip_prefix("*.").unwrap_or(name);
        loop {
            if let Some((suffix, domains)) = self.suffixes.get_key_value(rest) {
                let mut matches: Vec<_> =
                    domains.iter().filter_map(|domain| self.name_match(name, suffix, *domain)).collect();
                matches.sort_by_key(|found| found.shared);
                return matches;
            }
            let Some((_, parent)) = rest.split_once('.') else { return Vec::new() };
            rest = parent;
        }
    }

    fn name_match<'a>(&'a self, name: &str, suffix: &'a Arc<str>, domain: Domain) -> Option<NameMatch<'a>> {
        let entry = self.entries.get(domain.entry)?;
        let default = NameMatch {
            service: &entry.service,
            role: entry.domains.get(domain.group)?.role,
            pattern: suffix,
            specific: false,
            shared: domain.shared,
        };
        let host = first_fit(&entry.hosts, name);
        Some(host.map_or(default, |(role, pattern)| NameMatch { role, pattern, specific: true, ..default }))
    }

    /// Services that a name in a server's certificate speaks for. The name need not be a host name.
    pub fn certificate<'a>(&'a self, name: &str) -> Vec<NameMatch<'a>> {
        let fits = self.entries.iter().filter_map(|entry| {
            let (role, pattern) = first_fit(&entry.certificates, name)?;
            Some(NameMatch { service: &entry.service, role, pattern, specific: true, shared: false })
        });
        let found: Vec<_> = fits.collect();
        // A wildcard for a whole domain says whose host it is, not what it does.
        let without_role =
            |found: NameMatch<'a>| NameMatch { role: found.role.filter(|_| !name.contains('*')), ..found };
        if found.is_empty() { self.name(name).into_iter().map(without_role).collect() } else { found }
    }

    /// Services that list `address`, the narrowest prefix first. A prefix that the provider had taken off its list
    /// before `time` does not count.
    pub fn address(&self, address: IpAddr, time: Option<Timestamp>) -> impl Iterator<Item = PrefixMatch<'_>> {
        self.ranges.lookup(address).iter().rev().filter_map(move |index| {
            let prefix = self.prefixes.get(usize::from(*index))?;
            let entry = self.entries.get(prefix.entry)?;
            let group = entry.prefixes.get(prefix.group)?;
            let gone = group.removed.zip(time).is_some_and(|(removed, time)| removed.is_before(time));
            (!gone).then_some(PrefixMatch {
                place: *index,
                service: &entry.service,
                prefix: prefix.net,
                source: &group.source,
                as_of: group.as_of,
                shared: group.shared,
            })
        })
    }

    /// What a server of `service` does on `port`, where the port says so.
    pub fn port(&self, service: &Service, port: Port) -> Option<Role> {
        let groups = &self.entry(service)?.ports;
        groups.iter().find(|group| group.list.iter().any(|ports| ports.contains(port)))?.role
    }

    fn entry(&self, service: &Service) -> Option<&Entry> {
        self.entries.get(usize::from((*self.places.get(service.place())?)?))
    }
}

/// For each service, by its place among all: where its entry is. There are fewer services than 16 bits can number.
fn places(entries: &[Entry]) -> Vec<Option<u16>> {
    let count = entries.iter().map(|entry| entry.service.place() + 1).max().unwrap_or(0);
    let mut places = vec![None; count];
    for (entry, at) in entries.iter().zip(0..) {
        if let Some(place) = places.get_mut(entry.service.place()) {
            place.get_or_insert(at);
        }
    }
    places
}

fn first_fit<'a>(groups: &'a [Group<Arc<str>>], name: &str) -> Option<(Option<Role>, &'a Arc<str>)> {
    let each = groups.iter().flat_map(|group| group.list.iter().map(|pattern| (group.role, pattern)));
    each.into_iter().find(|(_, pattern)| pattern::fits(pattern, name))
}

/// Adds what a file says of a service. Its names win over those of services known before, its patterns are tried
/// first.
fn merge(entries: &mut Vec<Entry>, mut new: Entry) {
    let own: Vec<&Arc<str>> = new.domains.iter().filter(|g| !g.shared).flat_map(|g| &g.list).collect();
    for group in entries.iter_mut().flat_map(|entry| &mut entry.domains).filter(|group| !group.shared) {
        group.list.retain(|domain| !own.contains(&domain));
    }
    let Some(old) = entries.iter_mut().find(|entry| entry.service == new.service) else {
        entries.push(new);
        return;
    };
    if new.replace {
        *old = new;
        return;
    }
    new.domains.append(&mut old.domains);
    new.hosts.append(&mut old.hosts);
    new.certificates.append(&mut old.certificates);
    new.ports.append(&mut old.ports);
    new.prefixes.append(&mut old.prefixes);
    new.asns.append(&mut old.asns);
    new.notes = new.notes.or_else(|| old.notes.take());
    *old = new;
}

#[cfg(test)]
mod tests;
