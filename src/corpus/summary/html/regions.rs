//! Which share of the calls of clients of a region touched a country, service by service.

use super::words::{self, Place, Role};
use crate::corpus::summary::tally::Tally;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Regions with a column: what a page is wide enough for.
const MAX_COLUMNS: usize = 6;
/// Countries with a row; the tables have all.
const MAX_ROWS: usize = 12;
/// Shades of a cell; the style sheet has one class for each.
const SHADES: u64 = 10;

/// What is shown of a service.
pub(super) struct Matrix {
    pub(super) service: String,
    /// Regions, and how many calls their clients made.
    pub(super) columns: Vec<(String, String)>,
    /// Regions without a column.
    pub(super) more: usize,
    pub(super) views: Vec<View>,
}

/// The countries touched with one role, or with any.
pub(super) struct View {
    pub(super) role: Role,
    pub(super) rows: Vec<Row>,
    /// Countries without a row.
    pub(super) more: usize,
}

/// A country.
pub(super) struct Row {
    pub(super) place: Place,
    pub(super) cells: Vec<Cell>,
}

/// The share of one region.
pub(super) struct Cell {
    pub(super) share: String,
    pub(super) shade: u64,
    pub(super) calls: u64,
}

/// Calls by region.
type Counts<'a> = BTreeMap<&'a str, u64>;

/// The matrices of all services, those with the most calls first.
pub(super) fn matrices(tally: &Tally, roles: &[Role]) -> Vec<Matrix> {
    let mut calls: BTreeMap<&str, Counts<'_>> = BTreeMap::new();
    for (group, verdicts) in &tally.calls {
        *calls.entry(&group.service).or_default().entry(&group.region).or_default() += verdicts.calls;
    }
    let mut touched: BTreeMap<(&str, Role), BTreeMap<&str, Counts<'_>>> = BTreeMap::new();
    for (group, country, role, calls) in words::touches(tally) {
        let countries = touched.entry((&group.service, role)).or_default();
        *countries.entry(country).or_default().entry(&group.region).or_default() += calls;
    }
    let mut services: Vec<_> = calls.into_iter().collect();
    services.sort_by_key(|(_, regions)| Reverse(regions.values().sum::<u64>()));
    let mut matrices = Vec::new();
    for (service, regions) in services {
        let views = roles.iter().map(|role| (*role, touched.remove(&(service, *role)).unwrap_or_default()));
        matrices.push(Matrix::new(service, &regions, views.collect()));
    }
    matrices
}

impl Matrix {
    fn new(service: &str, regions: &Counts<'_>, views: Vec<(Role, BTreeMap<&str, Counts<'_>>)>) -> Self {
        let mut columns: Vec<(&str, u64)> = regions.iter().map(|(region, calls)| (*region, *calls)).collect();
        columns.sort_by_key(|(_, calls)| Reverse(*calls));
        let more = columns.len().saturating_sub(MAX_COLUMNS);
        columns.truncate(MAX_COLUMNS);
        let views = views.into_iter().map(|(role, countries)| View::new(role, countries, &columns)).collect();
        let head = |(region, calls): &(&str, u64)| ((*region).to_owned(), words::many(*calls, "call"));
        Self { service: service.to_owned(), columns: columns.iter().map(head).collect(), more, views }
    }
}

impl View {
    fn new(role: Role, countries: BTreeMap<&str, Counts<'_>>, columns: &[(&str, u64)]) -> Self {
        let mut countries: Vec<_> =
            countries.into_iter().map(|(name, counts)| (Place::of(name), counts)).collect();
        let sum = |counts: &Counts<'_>| counts.values().sum::<u64>();
        countries.sort_by_key(|(place, counts)| (place.is_unknown(), Reverse(sum(counts))));
        let unknown = countries.pop_if(|(place, _)| place.is_unknown());
        let more = countries.len().saturating_sub(MAX_ROWS);
        countries.truncate(MAX_ROWS);
        let row = |(place, counts): (Place, Counts<'_>)| {
            let cell =
                |(region, of): &(&str, u64)| Cell::new(counts.get(region).copied().unwrap_or_default(), *of);
            Row { place, cells: columns.iter().map(cell).collect() }
        };
        Self { role, rows: countries.into_iter().chain(unknown).map(row).collect(), more }
    }
}

impl Cell {
    fn new(calls: u64, of: u64) -> Self {
        let shade = u128::from(calls) * u128::from(SHADES) / u128::from(of.max(1));
        let shade = u64::try_from(shade).unwrap_or(SHADES).clamp(u64::from(calls > 0), SHADES);
        Self { share: if calls == 0 { "–".to_owned() } else { words::share(calls, of) }, shade, calls }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::summary::tally::{Call, End};

    #[test]
    fn a_share_is_of_the_calls_of_its_region_and_what_has_no_room_is_counted() {
        let mut tally = Tally::default();
        let end = |country: &str| End {
            role: "media".to_owned(),
            answered: true,
            country: Some(country.to_owned()),
        };
        for region in ["IT", "IT", "IT", "NO", "a", "b", "c", "d", "e"] {
            let country = if region == "NO" { "US" } else { "DE" };
            let (service, region) = ("zoom".to_owned(), Some(region.to_owned()));
            tally.call(&Call { service, region, ends: vec![end(country), end("FR")], ..Call::default() });
        }
        let matrix = matrices(&tally, &[Role::ANY]).remove(0);
        assert_eq!((matrix.columns.len(), matrix.more), (6, 1));
        assert_eq!(matrix.columns[0], ("IT".to_owned(), "3 calls".to_owned()));
        let told: Vec<_> = matrix.views[0]
            .rows
            .iter()
            .map(|row| (row.place.code.as_str(), row.cells[0].share.as_str(), row.cells[0].shade))
            .collect();
        assert_eq!(told, [("FR", "100.0 %", 10), ("DE", "100.0 %", 10), ("US", "–", 0)]);
    }

    #[test]
    fn the_least_share_has_a_shade() {
        assert_eq!(Cell::new(1, 1_000_000).shade, 1);
        assert_eq!(Cell::new(0, 10).shade, 0);
    }
}
