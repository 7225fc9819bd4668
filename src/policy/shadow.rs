//! Rules that never decide, because those before them match whatever they match.

use super::{CountrySet, Rule};

/// Of a policy as it was read, before `@home` is known: the rules before `id` that leave it nothing, as a part of a sentence; `None` if it may decide.
pub(super) fn shadowed(rules: &[Rule], id: &str) -> Option<String> {
    let place = rules.iter().position(|rule| rule.id == id)?;
    let (earlier, rule) = (rules.get(..place)?, rules.get(place)?);
    let wider = || earlier.iter().filter(|earlier| earlier.conditions.cover(&rule.conditions));
    if let Some(one) =
        wider().find(|earlier| earlier.places.covers(&earlier.countries, &rule.places, &rule.countries))
    {
        return Some(format!("rule {:?}", one.id));
    }
    // Which countries @home are is not known, so nothing is said of them.
    if rule.anywhere || rule.places.uses_home() {
        return None;
    }
    let mut left: CountrySet = rule.countries.clone();
    let mut takers = Vec::new();
    for earlier in wider().filter(|earlier| !earlier.places.uses_home()) {
        let rest: CountrySet = left.iter().filter(|country| !earlier.countries.contains(*country)).collect();
        if rest.len() < left.len() {
            takers.push(format!("{:?}", earlier.id));
        }
        left = rest;
    }
    left.is_empty().then(|| format!("one of rules {}", takers.join(", ")))
}
