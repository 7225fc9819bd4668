//! What is said under the map: what is not on it, and what its signs mean.

use super::label;
use super::places::Places;
use crate::identify::{Contact, Role};
use crate::report::words;
use crate::view::ink::{self, Piece, Tone};
use crate::view::style::Look;
use ratatui::style::{Modifier, Style};

/// The sign at the point of a country.
pub(super) const fn point(tone: Tone, look: Look) -> char {
    match (tone, look.unicode) {
        (Tone::Denied, true) => '✖',
        (Tone::Denied, false) => 'X',
        (Tone::Open, _) => '?',
        (Tone::Allowed, true) => '•',
        (Tone::Allowed, false) => 'o',
        (Tone::Silent, true) => '◦',
        (Tone::Silent, false) => ',',
    }
}

/// The sign of the client.
pub(super) const fn client(look: Look) -> char {
    if look.unicode { '◎' } else { '@' }
}

/// What has no label on the map, in words, denied servers first where there are any: servers without a place, and `left_out`, labels for which there is no room on it.
pub(super) fn beside(places: &Places, left_out: Vec<Piece>, look: Look) -> Vec<Piece> {
    let unplaced = places.unplaced.iter().map(|group| {
        let mut piece = Vec::new();
        if group.tone >= Tone::Open {
            let style = group.tone.style(look).add_modifier(Modifier::BOLD);
            piece.push((format!("{} ", group.tone.word()), style));
        }
        piece.extend(label::signs(&group.signs, look));
        piece.push((format!(" {}", group.why), Style::new()));
        piece
    });
    let unplaced: Vec<Piece> = unplaced.collect();
    let denied = places.unplaced.iter().any(|group| group.tone == Tone::Denied);
    let groups = [("on the map:", left_out), ("not on the map:", unplaced)];
    let ordered: Vec<_> = if denied { groups.into_iter().rev().collect() } else { groups.into() };
    let mut pieces = Vec::new();
    for (heading, group) in ordered.into_iter().filter(|(_, group)| !group.is_empty()) {
        pieces.push(words(heading, look));
        pieces.extend(group);
    }
    pieces
}

/// What the signs mean, what matters most first.
pub(super) fn legend(places: &Places, look: Look) -> Vec<Piece> {
    let signs = || {
        let lands = places.lands.iter().flat_map(|land| &land.signs);
        lands.chain(places.unplaced.iter().flat_map(|group| &group.signs))
    };
    let mut pieces = Vec::new();
    if places.lands.iter().any(|land| land.tone == Tone::Denied) {
        let sign = format!("{} ", point(Tone::Denied, look));
        pieces.push(vec![(sign, Tone::Denied.style(look)), ("denied".to_owned(), Style::new())]);
    }
    let mut roles: Vec<Role> = signs().map(|sign| sign.role).collect();
    roles.sort();
    roles.dedup();
    for role in roles {
        pieces.push(words(&format!("{} {}", ink::sign(role, look), role.name()), look));
    }
    if signs().any(|sign| !sign.answered) {
        let silent = words::contact(Contact::Attempted, places.one_direction);
        pieces.push(words(&format!("( ) {silent}"), look));
    }
    pieces.extend(client_words(places, look));
    if !places.lands.is_empty() {
        pieces.push(words("a point stands for its whole country", look));
    }
    pieces
}

/// Where the client is, or that it is not known.
fn client_words(places: &Places, look: Look) -> Option<Piece> {
    let client = places.client.as_ref()?;
    let sign = self::client(look);
    Some(match (client.place(), client.country) {
        (Some(_), Some(country)) => words(&format!("{sign} client, somewhere in {country}"), look),
        (Some(_), None) => words(&format!("{sign} client, as given"), look),
        (None, _) => words("client: place not known", look),
    })
}

fn words(text: &str, look: Look) -> Piece {
    vec![(text.to_owned(), look.aside())]
}
