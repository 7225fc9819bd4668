//! The tables of a paper, from the counts.

use super::tally::{Group, Tally, Verdicts};
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

/// What stands for every role in a table.
const ANY_ROLE: &str = "any";

/// Every table: calls by service and by day and region; countries touched in all, by region, and by day and region;
/// failovers; servers that moved.
pub fn sheets(tally: &Tally) -> Vec<Sheet> {
    vec![
        services(tally),
        calls(tally),
        touched(tally),
        by_region(tally),
        by_day(tally),
        failovers(tally),
        moved(tally),
    ]
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

fn calls(tally: &Tally) -> Sheet {
    let row = |(group, verdicts): (&Group, &Verdicts)| {
        let Group { service, day, region } = group.clone();
        let counts = [verdicts.calls, verdicts.denied, verdicts.indeterminate, verdicts.unanswered];
        [day, region, service].into_iter().chain(counts.map(|count| count.to_string())).collect()
    };
    let mut rows: Vec<Vec<String>> = tally.calls.iter().map(row).collect();
    rows.sort();
    Sheet {
        name: "calls-by-day",
        title: "Calls by day (UTC) of their first packet, by where the client is, and by verdict. Of calls that are \
                unanswered no far end was seen to answer, so they touched no country that is known of.",
        columns: &["day", "client_region", "service", "calls", "denied", "indeterminate", "unanswered"],
        rows,
    }
}

fn by_region(tally: &Tally) -> Sheet {
    let mut all: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for (group, verdicts) in &tally.calls {
        *all.entry((&group.region, &group.service)).or_default() += verdicts.calls;
    }
    let mut sums: BTreeMap<(&str, &str, &str, &str), u64> = BTreeMap::new();
    let any = tally.reached.iter().map(|((group, country), calls)| (group, country, ANY_ROLE, calls));
    let each =
        tally.touched.iter().map(|((group, country, role), calls)| (group, country, role.as_str(), calls));
    for (group, country, role, calls) in any.chain(each) {
        *sums.entry((&group.region, &group.service, country, role)).or_default() += calls;
    }
    let row = |((region, service, country, role), calls): ((&str, &str, &str, &str), u64)| {
        let of = all.get(&(region, service)).copied().unwrap_or_default();
        let texts = [region, service, country, role].map(ToOwned::to_owned);
        texts.into_iter().chain([calls.to_string(), of.to_string(), share(calls, of)]).collect()
    };
    Sheet {
        name: "countries-by-region",
        title: "Share of the calls of a service by clients of a region that touched a country; role 'any' counts a call \
                once, whatever the servers there did.",
        columns: &["client_region", "service", "country", "role", "calls", "of_calls", "share"],
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
                A call that touched several countries or roles stands in several rows; 'unknown' is a server of \
                which the country is not known, or disputed.",
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
        title: "Where calls went when the places they tried first failed. Those in leave_home are known to leave the \
                countries that calls should stay in; the others stay there, or it is not known.",
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
pub(super) fn share(part: u64, of: u64) -> String {
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
        let sheet = |name: &str| sheets.iter().find(|sheet| sheet.name == name).unwrap();
        assert_eq!(sheet("services").rows, [["meet", "1", "0", "0", "1"], ["zoom", "3", "2", "1", "0"]]);
        assert_eq!(
            sheet("countries").rows,
            [
                ["meet", "IT", "media", "1", "1", "100.0"],
                ["zoom", "CN", "media", "1", "3", "33.3"],
                ["zoom", "US", "media", "3", "3", "100.0"]
            ]
        );
        assert_eq!(sheet("countries-by-day").rows[1][..4], ["2020-04-03", "unknown", "zoom", "CN"]);
        assert_eq!(sheet("calls-by-day").rows[1], ["2020-04-03", "unknown", "zoom", "3", "1", "0", "0"]);
        assert_eq!(sheet("countries-by-region").rows[2], ["unknown", "zoom", "CN", "any", "1", "3", "33.3"]);
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
