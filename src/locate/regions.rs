//! Where the regions of cloud providers are: `data/cloud_regions.tsv`.

use super::CountryCode;
use std::collections::HashMap;
use std::sync::LazyLock;

const TABLE: &str = include_str!("../../data/cloud_regions.tsv");

static REGIONS: LazyLock<HashMap<(&str, &str), Region>> = LazyLock::new(|| {
    let rows = TABLE.lines().filter(|line| !line.starts_with('#'));
    rows.filter_map(|line| {
        let mut columns = line.split('\t');
        let key = (columns.next()?, columns.next()?);
        let country = CountryCode::parse(columns.next()?)?;
        Some((key, Region { country, city: columns.next().filter(|city| !city.is_empty()) }))
    })
    .collect()
});

/// Where a region is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Region {
    pub(super) country: CountryCode,
    pub(super) city: Option<&'static str>,
}

/// Where `provider` has `region`, of which Amazon's are network border groups.
///
/// A border group may end in a letter that its name in the table lacks (`us-west-2-las-1b`).
pub(super) fn region(provider: &str, region: &str) -> Option<Region> {
    let lower = region.to_ascii_lowercase();
    let shorter = lower.trim_end_matches(|letter: char| letter.is_ascii_lowercase());
    let found = REGIONS.get(&(provider, lower.as_str())).or_else(|| REGIONS.get(&(provider, shorter)));
    found.copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(provider: &str, name: &str) -> Option<(String, Option<&'static str>)> {
        region(provider, name).map(|found| (found.country.to_string(), found.city))
    }

    #[test]
    fn every_row_of_the_table_is_read() {
        let rows = TABLE.lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(REGIONS.len(), rows);
        assert!(rows > 300);
    }

    #[test]
    fn regions_and_border_groups_have_a_country() {
        assert_eq!(place("aws", "cn-north-1"), Some(("CN".to_owned(), Some("Beijing"))));
        assert_eq!(place("aws", "us-east-1-bue-1"), Some(("AR".to_owned(), None)));
        assert_eq!(place("aws", "us-west-2-las-1b").unwrap().0, "US");
        assert_eq!(place("azure", "ChinaEast2"), Some(("CN".to_owned(), Some("Shanghai"))));
        assert_eq!(place("gcp", "asia-east2").unwrap().0, "HK");
        assert_eq!(place("oci", "uk-london-1").unwrap().0, "GB");
        for (provider, name) in [("aws", "GLOBAL"), ("gcp", "global"), ("aws", ""), ("azure", "cn-north-1")] {
            assert_eq!(place(provider, name), None, "{provider} {name}");
        }
    }
}
