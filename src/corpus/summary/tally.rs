//! What a corpus says as a whole: counts over calls and servers, one at a time.

use std::collections::{BTreeMap, BTreeSet};

/// What is not known, in a table.
pub const UNKNOWN: &str = "unknown";

/// A call, as far as the tables need it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// The service.
    pub service: String,
    /// The day of its first packet, UTC: `2020-04-03`.
    pub day: String,
    /// Where its client is, if that is known.
    pub region: Option<String>,
    /// `allow`, `deny` or `indeterminate`.
    pub verdict: String,
    /// Its far ends.
    pub ends: Vec<End>,
    /// Places that stood in for others.
    pub failovers: Vec<Failover>,
}

/// A far end of a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct End {
    /// What it did.
    pub role: String,
    /// Whether it answered; what did not was not touched.
    pub answered: bool,
    /// Where it is concluded to be (`confirmed` or `likely`).
    pub country: Option<String>,
}

/// A place stood in for another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failover {
    /// Where the first place that failed is.
    pub before: Option<String>,
    /// Where the one is that stood in.
    pub after: Option<String>,
    /// Whether that is outside of where the call should stay.
    pub leaves_home: Option<bool>,
}

/// A server at a time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sighting {
    /// Its address.
    pub address: String,
    /// Services it was used for.
    pub services: Vec<String>,
    /// Where it is concluded to be.
    pub country: String,
    /// The first day it was seen.
    pub first: String,
    /// The last.
    pub last: String,
}

/// Calls of a service on a day by clients of a region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group {
    /// The service.
    pub service: String,
    /// The day.
    pub day: String,
    /// Where the clients are.
    pub region: String,
}

/// Calls by verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdicts {
    /// All calls.
    pub calls: u64,
    /// Those that were denied.
    pub denied: u64,
    /// Those of which it cannot be said.
    pub indeterminate: u64,
    /// Those in which no far end was seen to answer: they touched no country that is known of.
    pub unanswered: u64,
}

/// Failovers from one place to another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failovers {
    /// How many.
    pub failovers: u64,
    /// Those seen to leave home.
    pub leave_home: u64,
    /// Those seen to stay in it. Of the rest it is not known.
    pub stay_home: u64,
}

/// What is known of a server over time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Server {
    /// Services it was used for.
    pub services: BTreeSet<String>,
    /// The first and last day in each country.
    pub countries: BTreeMap<String, (String, String)>,
}

/// What a corpus says as a whole. The order in which things are added makes no difference.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Calls.
    pub calls: BTreeMap<Group, Verdicts>,
    /// Calls that touched a country with a role: a call counts once for each pair, however many servers it used.
    pub touched: BTreeMap<(Group, String, String), u64>,
    /// Calls that touched a country, whatever the servers there did: a call counts once.
    pub reached: BTreeMap<(Group, String), u64>,
    /// Failovers of a service, from where to where.
    pub failovers: BTreeMap<(String, String, String), Failovers>,
    /// Servers.
    pub servers: BTreeMap<String, Server>,
}

impl Failovers {
    /// Adds what others come to.
    pub const fn add(&mut self, other: Self) {
        self.failovers += other.failovers;
        self.leave_home += other.leave_home;
        self.stay_home += other.stay_home;
    }
}

impl Verdicts {
    /// Those that were allowed.
    pub const fn allowed(&self) -> u64 {
        self.calls.saturating_sub(self.denied).saturating_sub(self.indeterminate)
    }

    /// Adds what others come to.
    pub const fn add(&mut self, other: Self) {
        self.calls += other.calls;
        self.denied += other.denied;
        self.indeterminate += other.indeterminate;
        self.unanswered += other.unanswered;
    }
}

impl Tally {
    /// Counts a call.
    pub fn call(&mut self, call: &Call) {
        let known = |text: Option<&String>| text.map_or(UNKNOWN, String::as_str).to_owned();
        let named = |text: &String| if text.is_empty() { UNKNOWN.to_owned() } else { text.clone() };
        let group = Group {
            service: named(&call.service),
            day: named(&call.day),
            region: known(call.region.as_ref()),
        };
        let verdicts = self.calls.entry(group.clone()).or_default();
        verdicts.calls += 1;
        verdicts.denied += u64::from(call.verdict == "deny");
        verdicts.indeterminate += u64::from(call.verdict == "indeterminate");
        let answered = call.ends.iter().filter(|end| end.answered);
        let touched: BTreeSet<_> =
            answered.map(|end| (known(end.country.as_ref()), end.role.clone())).collect();
        verdicts.unanswered += u64::from(touched.is_empty());
        let reached: BTreeSet<_> = touched.iter().map(|(country, _)| country).collect();
        for country in reached {
            *self.reached.entry((group.clone(), country.clone())).or_default() += 1;
        }
        for (country, role) in touched {
            *self.touched.entry((group.clone(), country, role)).or_default() += 1;
        }
        for failover in &call.failovers {
            let way = (call.service.clone(), known(failover.before.as_ref()), known(failover.after.as_ref()));
            let count = self.failovers.entry(way).or_default();
            count.failovers += 1;
            count.leave_home += u64::from(failover.leaves_home == Some(true));
            count.stay_home += u64::from(failover.leaves_home == Some(false));
        }
    }

    /// Adds what `other` has counted.
    pub fn merge(&mut self, other: Self) {
        for (group, part) in other.calls {
            self.calls.entry(group).or_default().add(part);
        }
        for (key, calls) in other.touched {
            *self.touched.entry(key).or_default() += calls;
        }
        for (key, calls) in other.reached {
            *self.reached.entry(key).or_default() += calls;
        }
        for (way, part) in other.failovers {
            self.failovers.entry(way).or_default().add(part);
        }
        for (address, server) in other.servers {
            for (country, (first, last)) in server.countries {
                let (address, services) = (address.clone(), server.services.iter().cloned().collect());
                self.server(Sighting { address, services, country, first, last });
            }
        }
    }

    /// Notes where a server was.
    pub fn server(&mut self, sighting: Sighting) {
        let server = self.servers.entry(sighting.address).or_default();
        server.services.extend(sighting.services);
        let (first, last) = server
            .countries
            .entry(sighting.country)
            .or_insert_with(|| (sighting.first.clone(), sighting.last.clone()));
        if sighting.first < *first {
            *first = sighting.first;
        }
        if sighting.last > *last {
            *last = sighting.last;
        }
    }

    /// The servers that were concluded to be in more than one country.
    pub fn moved(&self) -> impl Iterator<Item = (&String, &Server)> {
        self.servers.iter().filter(|(_, server)| server.countries.len() > 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(role: &str, country: Option<&str>, answered: bool) -> End {
        End { role: role.to_owned(), answered, country: country.map(ToOwned::to_owned) }
    }

    fn zoom(ends: Vec<End>) -> Call {
        let (service, day, verdict) = ("zoom".to_owned(), "2020-04-03".to_owned(), "deny".to_owned());
        Call { service, day, verdict, ends, ..Call::default() }
    }

    #[test]
    fn a_call_touches_a_country_once_for_each_role_and_never_where_nothing_answered() {
        let mut tally = Tally::default();
        tally.call(&zoom(vec![
            end("media", Some("US"), true),
            end("media", Some("US"), true),
            end("signaling", Some("CN"), true),
            end("probe", Some("HK"), false),
            end("media", None, true),
        ]));
        let touched: Vec<_> = tally
            .touched
            .iter()
            .map(|((_, country, role), calls)| (country.as_str(), role.as_str(), *calls))
            .collect();
        assert_eq!(touched, [("CN", "signaling", 1), ("US", "media", 1), (UNKNOWN, "media", 1)]);
        let verdicts = tally.calls.values().next().unwrap();
        assert_eq!(*verdicts, Verdicts { calls: 1, denied: 1, ..Verdicts::default() });
        let reached: Vec<_> =
            tally.reached.iter().map(|((_, country), calls)| (country.as_str(), *calls)).collect();
        assert_eq!(reached, [("CN", 1), ("US", 1), (UNKNOWN, 1)]);
    }

    #[test]
    fn a_call_that_nobody_answered_is_counted_as_such() {
        let mut tally = Tally::default();
        tally.call(&zoom(vec![end("media", Some("US"), false)]));
        tally.call(&zoom(Vec::new()));
        let verdicts = tally.calls.values().next().unwrap();
        assert_eq!((verdicts.calls, verdicts.unanswered, tally.touched.len()), (2, 2, 0));
    }

    #[test]
    fn failovers_are_counted_by_where_they_lead() {
        let mut tally = Tally::default();
        let way = |leaves_home| Failover {
            before: Some("US".to_owned()),
            after: Some("CN".to_owned()),
            leaves_home,
        };
        let failovers = vec![way(Some(true)), way(Some(false)), way(None)];
        tally.call(&Call { failovers, ..zoom(Vec::new()) });
        let count = tally.failovers[&("zoom".to_owned(), "US".to_owned(), "CN".to_owned())];
        assert_eq!(count, Failovers { failovers: 3, leave_home: 1, stay_home: 1 });
    }

    #[test]
    fn parts_that_are_counted_apart_come_to_the_whole() {
        let call = |country: &str| Call {
            failovers: vec![Failover { leaves_home: Some(true), ..Failover::default() }],
            ..zoom(vec![end("media", Some(country), true)])
        };
        let seen = |country: &str| Sighting {
            address: "192.0.2.1".to_owned(),
            services: vec![country.to_lowercase()],
            country: country.to_owned(),
            ..Sighting::default()
        };
        let (mut whole, mut parts) = (Tally::default(), [Tally::default(), Tally::default()]);
        for (place, country) in ["US", "CN", "US"].into_iter().enumerate() {
            for tally in [&mut whole, &mut parts[place % 2]] {
                tally.call(&call(country));
                tally.server(seen(country));
            }
        }
        let [mut sum, other] = parts;
        sum.merge(other);
        assert_eq!(sum, whole);
    }

    #[test]
    fn a_server_that_moved_is_told_from_one_that_stayed() {
        let mut tally = Tally::default();
        let seen = |address: &str, country: &str, day: &str| Sighting {
            address: address.to_owned(),
            services: vec!["zoom".to_owned()],
            country: country.to_owned(),
            first: day.to_owned(),
            last: day.to_owned(),
        };
        for sighting in [
            seen("192.0.2.1", "NL", "2026-01-01"),
            seen("192.0.2.1", "DE", "2019-01-01"),
            seen("192.0.2.1", "NL", "2025-01-01"),
            seen("192.0.2.2", "DE", "2019-01-01"),
            seen("192.0.2.2", "DE", "2020-01-01"),
        ] {
            tally.server(sighting);
        }
        let moved: Vec<_> = tally.moved().collect();
        assert_eq!(moved.len(), 1);
        assert_eq!(moved[0].1.countries["NL"], ("2025-01-01".to_owned(), "2026-01-01".to_owned()));
    }
}
