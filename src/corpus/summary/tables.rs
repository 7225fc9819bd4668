//! The tables of a paper, from the counts.

use super::tally::{Group, Tally};
use std::collections::BTreeMap;

/// A table with what stands above it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sheet {
    /// A word for it, for file names.
    pub name: &'static str,
    /// What it shows, in a sentence.
    pub title: &'static str,
    /// Names of the columns.
    pub columns: &'static [&'static str],
    /// Its rows.
    pub rows: Vec<Vec<String>>,
}

/// Every table: calls by service, countries touched in all and by day and region, failovers, servers that moved.
pub fn sheets(tally: &Tally) -> Vec<Sheet> {
    vec![services(tally), touched(tally), by_day(tally), failovers(tally), moved(tally)]
}

fn services(tally: &Tally) -> Sheet {
    let mut sums: BTreeMap<&str, [u64; 3]> = BTreeMap::new();
    for (group, verdicts) in &tally.calls {
        let sum = sums.entry(&group.service).or_default();
        let parts = [verdicts.calls, verdicts.denied, verdicts.indeterminate];
        sum.iter_mut().zip(parts).for_each(|(sum, part)| *sum += part);
    }
    let row = |(service, [calls, denied, indeterminate]): (&str, [u64; 3])| {
        let allowed = calls - denied - indeterminate;
        [service.to_owned()]
            .into_iter()
            .chain([calls, allowed, denied, indeterminate].map(|n| n.to_string()))
            .collect()
    };
    Sheet {
        name: "services",
        title: "Calls by service and verdict.",
        columns: &["service", "calls", "allowed", "denied", "indeterminate"],
        rows: sums.into_iter().map(row).collect(),
    }
}

fn touched(tally: &Tally) -> Sheet {
    let mut all: BTreeMap<&str, u64> = BTreeMap::new();
    for (group, verdicts) in &tally.calls {
        *all.entry(&group.service).or_default() += verdicts.calls;
    }
    let mut sums: BTreeMap<(&str, &str, &str), u64> = BTreeMap::new();
    for ((group, country, role), calls) in &tally.touched {
        *sums.entry((&group.service, country, role)).or_default() += calls;
    }
    let row = |((service, country, role), calls): ((&str, &str, &str), u64)| {
        let of = all.get(service).copied().unwrap_or_default();
        vec![service.into(), country.into(), role.into(), calls.to_string(), of.to_string(), share(calls, of)]
    };
    Sheet {
        name: "countries",
        title: "Share of the calls of a service that touched a country, by what the servers there did. \
                A call that touched several countries or roles stands in several rows.",
        columns: &["service", "country", "role", "calls", "of_calls", "share"],
        rows: sums.into_iter().map(row).collect(),
    }
}

fn by_day(tally: &Tally) -> Sheet {
    let row = |((group, country, role), calls): (&(Group, String, String), &u64)| {
        let of = tally.calls.get(group).map_or(0, |verdicts| verdicts.calls);
        let Group { service, day, region } = group.clone();
        let (country, role) = (country.clone(), role.clone());
        vec![day, region, service, country, role, calls.to_string(), of.to_string(), share(*calls, of)]
    };
    let mut rows: Vec<Vec<String>> = tally.touched.iter().map(row).collect();
    rows.sort();
    Sheet {
        name: "countries-by-day",
        title: "The same by day (UTC) of a call's first packet and by where its client is.",
        columns: &["day", "client_region", "service", "country", "role", "calls", "of_calls", "share"],
        rows,
    }
}

fn failovers(tally: &Tally) -> Sheet {
    let rows = tally.failovers.iter().map(|((service, before, after), count)| {
        let counts = [count.failovers, count.leave_home].map(|number| number.to_string());
        [service, before, after].into_iter().cloned().chain(counts).collect()
    });
    Sheet {
        name: "failovers",
        title: "Where calls went when the places they tried first failed.",
        columns: &["service", "from", "to", "failovers", "leave_home"],
        rows: rows.collect(),
    }
}

fn moved(tally: &Tally) -> Sheet {
    let rows = tally.moved().flat_map(|(address, server)| {
        let services: Vec<_> = server.services.iter().map(String::as_str).collect();
        let services = services.join(" ");
        let mut countries: Vec<_> = server.countries.iter().collect();
        countries.sort_by_key(|(_, days)| *days);
        countries.into_iter().map(move |(country, (first, last))| {
            vec![address.clone(), services.clone(), country.clone(), first.clone(), last.clone()]
        })
    });
    Sheet {
        name: "servers-moved",
        title: "Servers that were concluded to be in more than one country. The databases may have changed, \
                or the servers.",
        columns: &["address", "services", "country", "first_seen", "last_seen"],
        rows: rows.collect(),
    }
}

/// A share in per cent with one decimal place.
fn share(part: u64, of: u64) -> String {
    if of == 0 {
        return String::new();
    }
    // In tenths of a per cent, to the nearest.
    let tenths = (u128::from(part) * 2000 + u128::from(of)) / (2 * u128::from(of));
    format!("{}.{}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::super::tally::{Call, End};
    use super::*;

    #[test]
    fn shares_are_of_the_calls_of_the_service() {
        let mut tally = Tally::default();
        let end = |country: &str| End { role: "media".into(), answered: true, country: Some(country.into()) };
        let call = |service: &str, verdict: &str, countries: &[&str]| Call {
            service: service.into(),
            day: "2020-04-03".into(),
            verdict: verdict.into(),
            ends: countries.iter().map(|country| end(country)).collect(),
            ..Call::default()
        };
        for (service, verdict, countries) in [
            ("zoom", "deny", &["US", "CN"][..]),
            ("zoom", "allow", &["US"]),
            ("zoom", "allow", &["US"]),
            ("meet", "indeterminate", &["IT"]),
        ] {
            tally.call(&call(service, verdict, countries));
        }
        let sheets = sheets(&tally);
        assert_eq!(sheets[0].rows, [["meet", "1", "0", "0", "1"], ["zoom", "3", "2", "1", "0"]]);
        assert_eq!(
            sheets[1].rows,
            [
                ["meet", "IT", "media", "1", "1", "100.0"],
                ["zoom", "CN", "media", "1", "3", "33.3"],
                ["zoom", "US", "media", "3", "3", "100.0"]
            ]
        );
        assert_eq!(sheets[2].rows[1][..4], ["2020-04-03", "unknown", "zoom", "CN"]);
    }

    #[test]
    fn rows_are_as_long_as_their_heads() {
        let mut tally = Tally::default();
        tally.call(&Call {
            failovers: vec![super::super::tally::Failover::default()],
            ends: vec![End { answered: true, ..End::default() }],
            ..Call::default()
        });
        for country in ["A", "B"] {
            let sighting = super::super::tally::Sighting { country: country.into(), ..Default::default() };
            tally.server(sighting);
        }
        for sheet in sheets(&tally) {
            assert!(!sheet.rows.is_empty(), "{}", sheet.name);
            assert!(sheet.rows.iter().all(|row| row.len() == sheet.columns.len()), "{}", sheet.name);
        }
    }
}
