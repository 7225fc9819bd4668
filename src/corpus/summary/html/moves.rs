//! Servers that were concluded to be in more than one country: when each was where.

use super::words::Place;
use crate::corpus::summary::tally::{Server, Tally};
use jiff::civil::Date;
use std::cmp::Reverse;

/// Servers that are drawn; the table has all.
const MAX_SERVERS: usize = 40;
/// Countries of a server that are drawn.
const MAX_COUNTRIES: usize = 8;
/// Height of a bar with what is between it and the next.
const LINE: usize = 20;
/// The whole of the axis, in tenths of a per cent.
const WHOLE: i64 = 1000;

/// What is drawn.
pub(super) struct Moves {
    pub(super) first: String,
    pub(super) last: String,
    pub(super) servers: Vec<Moved>,
    /// Servers that are not drawn.
    pub(super) more: usize,
}

/// A server.
pub(super) struct Moved {
    pub(super) address: String,
    pub(super) services: String,
    pub(super) height: usize,
    pub(super) spans: Vec<Span>,
    /// Countries without a bar.
    pub(super) more: usize,
}

/// When it was in a country.
pub(super) struct Span {
    pub(super) place: Place,
    /// In per cent.
    pub(super) x: String,
    pub(super) width: String,
    pub(super) y: usize,
    pub(super) is_late: bool,
    pub(super) title: String,
}

/// The picture; `None` where no server moved.
pub(super) fn moves(tally: &Tally) -> Option<Moves> {
    let days = || tally.moved().flat_map(|(_, server)| server.countries.values());
    let (first, last) =
        (days().map(|(first, _)| first).min()?.clone(), days().map(|(_, last)| last).max()?.clone());
    let mut servers: Vec<(&String, &Server)> = tally.moved().collect();
    servers.sort_by_key(|(_, server)| Reverse(server.countries.len()));
    let more = servers.len().saturating_sub(MAX_SERVERS);
    servers.truncate(MAX_SERVERS);
    let scale = Scale::new(&first, &last);
    let servers = servers.into_iter().map(|(address, server)| Moved::new(address, server, &scale)).collect();
    Some(Moves { first, last, servers, more })
}

impl Moved {
    fn new(address: &str, server: &Server, scale: &Scale) -> Self {
        let mut countries: Vec<_> = server.countries.iter().collect();
        countries.sort_by_key(|(_, days)| *days);
        let more = countries.len().saturating_sub(MAX_COUNTRIES);
        countries.truncate(MAX_COUNTRIES);
        let span = |(line, (country, (first, last))): (usize, (&String, &(String, String)))| {
            let (from, to) = (scale.place(first), scale.place(last) + scale.day());
            let place = Place::of(country);
            Span {
                x: tenths(from.min(WHOLE - 1)),
                width: tenths((to - from).clamp(6, WHOLE)),
                y: line * LINE,
                // Its name has no room behind where it begins.
                is_late: from > WHOLE * 4 / 5,
                title: format!("{} {}: {first} to {last}", place.code, place.name),
                place,
            }
        };
        let services: Vec<&str> = server.services.iter().map(String::as_str).collect();
        Self {
            address: address.to_owned(),
            services: services.join(", "),
            height: countries.len() * LINE,
            spans: countries.into_iter().enumerate().map(span).collect(),
            more,
        }
    }
}

/// From days to places.
struct Scale {
    first: Option<Date>,
    days: i64,
}

impl Scale {
    fn new(first: &str, last: &str) -> Self {
        let first = first.parse::<Date>().ok();
        let days = first.zip(last.parse::<Date>().ok()).map_or(0, |(first, last)| days(first, last));
        Self { first, days: days + 1 }
    }

    /// Where a day begins; what is no day is at the beginning.
    fn place(&self, day: &str) -> i64 {
        let since = self.first.zip(day.parse::<Date>().ok()).map_or(0, |(first, day)| days(first, day));
        since * WHOLE / self.days
    }

    /// How long a day is.
    fn day(&self) -> i64 {
        WHOLE / self.days
    }
}

fn days(first: Date, last: Date) -> i64 {
    first.until(last).map_or(0, |span| i64::from(span.get_days()).max(0))
}

fn tenths(number: i64) -> String {
    format!("{}.{}", number / 10, number % 10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::summary::tally::Sighting;

    fn seen(tally: &mut Tally, address: &str, country: &str, first: &str, last: &str) {
        let [address, country, first, last] = [address, country, first, last].map(ToOwned::to_owned);
        tally.server(Sighting { address, services: vec!["zoom".to_owned()], country, first, last });
    }

    #[test]
    fn bars_lie_between_the_first_and_the_last_day() {
        let mut tally = Tally::default();
        seen(&mut tally, "192.0.2.1", "NL", "2020-01-01", "2020-01-04");
        seen(&mut tally, "192.0.2.1", "DE", "2020-01-05", "2020-01-10");
        seen(&mut tally, "192.0.2.2", "DE", "2020-01-05", "2030-01-10");
        let moves = moves(&tally).unwrap();
        assert_eq!(
            (moves.first.as_str(), moves.last.as_str(), moves.servers.len()),
            ("2020-01-01", "2020-01-10", 1)
        );
        let told: Vec<_> =
            moves.servers[0].spans.iter().map(|span| (&*span.place.code, &*span.x, &*span.width)).collect();
        assert_eq!(told, [("NL", "0.0", "40.0"), ("DE", "40.0", "60.0")]);
    }

    #[test]
    fn many_servers_and_strange_days_are_drawn_in_bounds() {
        let mut tally = Tally::default();
        for number in 0..500 {
            for (place, country) in ["A", "B", "C", "D", "E", "F", "G", "H", "I"].into_iter().enumerate() {
                let day = if place == 3 { "x".to_owned() } else { format!("{:04}-01-01", 1 + place * 1100) };
                seen(&mut tally, &format!("192.0.2.{number}"), country, &day, &day);
            }
        }
        let moves = moves(&tally).unwrap();
        assert_eq!((moves.servers.len(), moves.more), (MAX_SERVERS, 460));
        for span in moves.servers.iter().flat_map(|server| &server.spans) {
            assert!(span.x.parse::<f64>().unwrap() < 100.0 && span.width.parse::<f64>().unwrap() > 0.0);
        }
    }
}
