//! Where the client of a call is, as far as that is known.

use super::{Place, Point, world};
use crate::locate::{Confidence, CountryCode, Vantage};
use crate::report::model::{EndpointReport, SessionReport};
use crate::report::words;
use std::collections::BTreeSet;

/// The client of a call.
pub(crate) struct Client {
    pub(crate) address: String,
    /// Where it is and how that is known, or why it is not.
    pub(crate) words: String,
    /// The country that it is somewhere in.
    pub(crate) country: Option<CountryCode>,
    /// A point that the user gave.
    point: Option<Place>,
}

impl Client {
    /// What the user says of the place of the capture goes first (`vantage`), then the places of its address and of
    /// those that servers call it by (`seen`).
    pub(crate) fn of(vantage: Option<&str>, seen: &[&EndpointReport], call: &SessionReport) -> Self {
        let address = call.client.to_string();
        if let Some((vantage, text)) = vantage.and_then(|text| Some((text.parse().ok()?, text))) {
            let words = format!("The client is drawn where the capture was taken, as given: {text}.");
            let (country, point) = match vantage {
                Vantage::Country(code) => (Some(code), None),
                Vantage::Point { latitude, longitude } => (None, Some(Place { latitude, longitude })),
            };
            return Self { address, words, country, point };
        }
        let placed = |endpoint: &&&EndpointReport| endpoint.location.confidence >= Confidence::Likely;
        let countries: BTreeSet<CountryCode> =
            seen.iter().filter(placed).filter_map(|endpoint| endpoint.location.country).collect();
        let Some(code) = countries.first().copied().filter(|_| countries.len() == 1) else {
            let why = if countries.len() > 1 {
                "servers tell addresses in several countries"
            } else {
                "no packet tells a public address of it that can be placed"
            };
            let words = format!("Where the client is, is not known ({why}).");
            return Self { address, words, country: None, point: None };
        };
        let source = seen.iter().filter(placed).find(|endpoint| endpoint.location.country == Some(code));
        let how = match source.map(|endpoint| endpoint.address) {
            Some(public) if public != call.client => format!("servers call its public address {public}"),
            _ => "by its address".to_owned(),
        };
        let words =
            format!("The client is placed in {} ({how}), at no point within it.", words::country(code));
        Self { address, words, country: Some(code), point: None }
    }

    /// Its place, or the one that stands for its country.
    pub(crate) fn place(&self) -> Option<Place> {
        self.point.or_else(|| Some(world::country(self.country?)?.place))
    }

    /// Where that is on the sheet.
    pub(crate) fn point(&self) -> Option<Point> {
        self.place().map(Place::point)
    }
}
