//! Where the client of a call is, as far as that is known.

use super::projection::{HEIGHT, Place, Point, WIDTH};
use super::{BELOW, world};
use crate::locate::{Confidence, CountryCode, Vantage};
use crate::report::html::context::Context;
use crate::report::html::words;
use crate::report::model::{EndpointReport, SessionReport};
use std::collections::BTreeSet;

/// The client of a call.
pub(in crate::report::html) struct Client {
    /// Its place, if it is known.
    pub(super) place: Option<Place>,
    pub(in crate::report::html) address: String,
    /// The same in words, and how it is known.
    pub(in crate::report::html) words: String,
}

/// Where lines start that come from nowhere on the map.
pub(super) fn below() -> Point {
    Point { x: WIDTH / 2.0, y: HEIGHT + BELOW - 31.0 }
}

/// The middle of the label of a client that is nowhere on the map.
pub(super) fn label() -> Point {
    let start = below();
    Point { x: start.x, y: start.y + 12.0 }
}

impl Client {
    /// What the user says of the place of the capture goes first, then what servers call the client's address.
    pub(super) fn of(context: &Context<'_>, call: &SessionReport) -> Self {
        let address = call.client.to_string();
        if let Some((place, vantage)) = context.vantage.and_then(|text| Some((given(text)?, text))) {
            let words = format!("The client is drawn where the capture was taken, as given: {vantage}.");
            return Self { place: Some(place), address, words };
        }
        let own = context.endpoint(call.client);
        let told = context.mapped.get(&call.client).into_iter().flatten().copied();
        let seen: Vec<&EndpointReport> = own.into_iter().chain(told).collect();
        let placed = |endpoint: &&EndpointReport| endpoint.location.confidence >= Confidence::Likely;
        let countries: BTreeSet<CountryCode> = seen
            .iter()
            .filter(|endpoint| placed(endpoint))
            .filter_map(|endpoint| endpoint.location.country)
            .collect();
        let only = countries.first().copied().filter(|_| countries.len() == 1);
        let at = only.and_then(|code| Some((code, world::country(code)?.place)));
        let Some((code, place)) = at else {
            let why = if countries.len() > 1 {
                "servers tell addresses in several countries"
            } else {
                "no packet tells a public address of it that can be placed"
            };
            let words =
                format!("Where the client is, is not known ({why}), so that its lines begin below the map.");
            return Self { place: None, address, words };
        };
        let source = seen.iter().find(|endpoint| placed(endpoint) && endpoint.location.country == Some(code));
        let how = match source.map(|endpoint| endpoint.address) {
            Some(public) if public != call.client => format!("servers call its public address {public}"),
            _ => "by its address".to_owned(),
        };
        let words =
            format!("The client is placed in {} ({how}), at no point within it.", words::country(code));
        Self { place: Some(place), address, words }
    }

    pub(in crate::report::html) fn point(&self) -> Option<Point> {
        self.place.map(Place::point)
    }
}

fn given(text: &str) -> Option<Place> {
    match text.parse().ok()? {
        Vantage::Point { latitude, longitude } => Some(Place { latitude, longitude }),
        Vantage::Country(code) => world::country(code).map(|shape| shape.place),
    }
}
