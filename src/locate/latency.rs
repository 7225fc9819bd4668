//! What a round-trip time says of the distance: how far away a server can be at most.
//!
//! It only refutes. A long time proves nothing: packets queue, and cables take detours.

use super::outline::Outline;
use super::{Claim, CountryCode, Plausibility, Reach};
use serde::Serialize;
use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Kilometres out and back that light in a vacuum goes in a millisecond, halved: 299,792.458 km/s.
const VACUUM_KM_PER_MS: f64 = 149.9;
/// The same for light in a fibre, at two thirds of that speed. Microwave and satellites beat it.
const FIBRE_KM_PER_MS: f64 = 99.9;

/// By how much a distance may be overstated: the map leaves out islets and rounds coasts, and the sphere is no
/// ellipsoid (0.6 % at most). A country is only refuted if it is beyond reach by more.
const MARGIN_KM: f64 = 10.0;
/// The part of the margin that grows with the distance.
const MARGIN_SHARE: f64 = 0.006;

/// Where a capture was taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Vantage {
    /// Somewhere in a country: of its points always the one nearest to the claimed place.
    Country(CountryCode),
    /// At a point, in degrees.
    Point {
        /// North of the equator.
        latitude: f64,
        /// East of Greenwich.
        longitude: f64,
    },
}

/// A text is no vantage.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no place: write LATITUDE,LONGITUDE in degrees (45.07,7.69) or the code of a country (IT)")]
pub struct NoVantage(pub String);

impl FromStr for Vantage {
    type Err = NoVantage;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let no_vantage = || NoVantage(text.to_owned());
        let Some((latitude, longitude)) = text.split_once(',') else {
            let country = CountryCode::parse(text.trim()).ok_or_else(no_vantage)?;
            return Outline::of(country).map(|_| Self::Country(country)).ok_or_else(no_vantage);
        };
        let degrees = |text: &str, limit: f64| {
            text.trim()
                .parse::<f64>()
                .ok()
                .filter(|value| (-limit..=limit).contains(value))
                .ok_or_else(no_vantage)
        };
        Ok(Self::Point { latitude: degrees(latitude, 90.0)?, longitude: degrees(longitude, 180.0)? })
    }
}

impl fmt::Display for Vantage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Country(country) => write!(f, "{country}"),
            Self::Point { latitude, longitude } => write!(f, "{latitude},{longitude}"),
        }
    }
}

/// The smallest of several round-trip times to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoundTrip {
    /// The smallest.
    pub min: Duration,
    /// Of how many.
    pub samples: u64,
    /// What was timed.
    pub via: &'static str,
}

/// How far away an address can be at most.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LatencyBound {
    /// Where the capture was taken.
    pub vantage: String,
    /// The smallest round-trip time, in milliseconds.
    pub min_ms: f64,
    /// Of how many.
    pub samples: u64,
    /// What was timed.
    pub via: &'static str,
    /// Kilometres that no signal goes beyond.
    pub impossible_beyond_km: f64,
    /// Kilometres that no signal in a fibre goes beyond.
    pub unlikely_beyond_km: f64,
    /// How the two come about.
    pub formula: &'static str,
}

const FORMULA: &str = "impossible beyond min_ms x 149.9 km (light in a vacuum, there and back), unlikely beyond min_ms x \
                       99.9 km (light in a fibre); distances are to the nearest point of the country, less 10 km and 0.6 %";

/// Measures from one vantage.
#[derive(Debug)]
pub(super) struct Ruler {
    vantage: Vantage,
    /// From where the vantage is a country.
    outline: Option<Outline>,
    known: Mutex<HashMap<CountryCode, Option<f64>>>,
}

impl Ruler {
    pub(super) fn new(vantage: Vantage) -> Self {
        let outline = match vantage {
            Vantage::Country(country) => Outline::of(country),
            Vantage::Point { .. } => None,
        };
        Self { vantage, outline, known: Mutex::default() }
    }

    /// Marks each claim with what `time` makes of it.
    pub(super) fn measure(&self, claims: &mut [Claim], time: RoundTrip) -> LatencyBound {
        let bound = self.bound(time);
        for claim in claims {
            claim.latency = claim
                .country
                .and_then(|country| self.distance(country))
                .map(|distance_km| Reach { distance_km, verdict: bound.verdict(distance_km) });
        }
        bound
    }

    fn bound(&self, time: RoundTrip) -> LatencyBound {
        let min_ms = time.min.as_secs_f64() * 1000.0;
        LatencyBound {
            vantage: self.vantage.to_string(),
            min_ms,
            samples: time.samples,
            via: time.via,
            impossible_beyond_km: min_ms * VACUUM_KM_PER_MS,
            unlikely_beyond_km: min_ms * FIBRE_KM_PER_MS,
            formula: FORMULA,
        }
    }

    /// Kilometres to the nearest point of `country`; `None` if the map does not have it.
    fn distance(&self, country: CountryCode) -> Option<f64> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        *known.entry(country).or_insert_with(|| {
            let there = Outline::of(country)?;
            Some(match (self.vantage, &self.outline) {
                (Vantage::Point { latitude, longitude }, _) => there.distance_from_point(latitude, longitude),
                (Vantage::Country(here), _) if here == country => 0.0,
                (Vantage::Country(_), outline) => there.distance_from_country(outline.as_ref()?),
            })
        })
    }
}

impl LatencyBound {
    fn verdict(&self, distance_km: f64) -> Plausibility {
        let at_least = distance_km * (1.0 - MARGIN_SHARE) - MARGIN_KM;
        if at_least > self.impossible_beyond_km {
            Plausibility::Impossible
        } else if at_least > self.unlikely_beyond_km {
            Plausibility::Unlikely
        } else {
            Plausibility::Possible
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ClaimKind;
    use super::*;
    use std::sync::Arc;

    fn verdict(vantage: &str, milliseconds: f64, country: &str) -> &'static str {
        let ruler = Ruler::new(vantage.parse().unwrap());
        let mut claim = Claim::new(Arc::from("a"), ClaimKind::Database);
        claim.country = CountryCode::parse(country);
        let mut claims = [claim];
        let min = Duration::from_secs_f64(milliseconds / 1000.0);
        ruler.measure(&mut claims, RoundTrip { min, samples: 1, via: "tcp" });
        claims[0].latency.map_or("-", |reach| reach.verdict.name())
    }

    #[test]
    fn a_time_refutes_what_is_too_far_away() {
        for (vantage, milliseconds, country, expected) in [
            ("45.07,7.69", 17.4, "US", "impossible"),
            ("IT", 17.4, "US", "impossible"),
            ("45.07,7.69", 17.4, "IT", "possible"),
            ("IT", 17.4, "IT", "possible"),
            ("45.07,7.69", 17.4, "DE", "possible"),
            ("IT", 29.0, "US", "impossible"),
            ("50.11,8.68", 25.0, "US", "impossible"),
            // Frankfurt to Maine: 5,500 km.
            ("50.11,8.68", 53.0, "US", "unlikely"),
            ("50.11,8.68", 63.0, "US", "possible"),
            ("43.65,-79.38", 55.0, "CN", "impossible"),
            ("37.57,126.98", 6.0, "CN", "possible"),
            ("45.07,7.69", 0.1, "TK", "-"),
        ] {
            assert_eq!(
                verdict(vantage, milliseconds, country),
                expected,
                "{vantage} {milliseconds} {country}"
            );
        }
    }

    #[test]
    fn the_bound_shows_how_it_comes_about() {
        let ruler = Ruler::new("IT".parse().unwrap());
        let bound =
            ruler.measure(&mut [], RoundTrip { min: Duration::from_millis(20), samples: 3, via: "tcp" });
        assert_eq!((bound.vantage.as_str(), bound.samples, bound.min_ms), ("IT", 3, 20.0));
        assert!(
            (bound.impossible_beyond_km - 2998.0).abs() < 0.1
                && (bound.unlikely_beyond_km - 1998.0).abs() < 0.1
        );
        assert!(bound.formula.contains("149.9"));
    }

    #[test]
    fn places_are_read_in_two_forms() {
        for (text, shown) in [("it", "IT"), (" 45.07, 7.69 ", "45.07,7.69"), ("-90,180", "-90,180")] {
            assert_eq!(text.parse::<Vantage>().unwrap().to_string(), shown);
        }
        for text in ["", "Italy", "91,0", "0,181", "45", "45,", "nan,nan", "TK", "1,2,3"] {
            assert_eq!(text.parse::<Vantage>(), Err(NoVantage(text.to_owned())), "{text}");
        }
    }
}
