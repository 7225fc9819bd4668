//! What an unknown country or group may have meant.

use super::group::{group, groups};
use crate::locate::{CountryCode, countries};

/// Codes that are no ISO codes but well known: the European Union writes `UK` and `EL`.
const OTHER_CODES: [(&str, &str); 2] = [("UK", "GB"), ("EL", "GR")];
/// Letters of an item that are compared: the longest name has fewer.
const MAX_LETTERS: usize = 64;

/// The code or `@group` that `item` is nearest to, unless nothing or too much is near.
pub(super) fn suggest_country(item: &str) -> Option<String> {
    let typed = fold(item);
    if let Some((_, code)) = OTHER_CODES.iter().find(|(other, _)| fold(other) == typed) {
        return Some((*code).to_owned());
    }
    let names = countries().iter().flat_map(|country| {
        let meaning = country.code.to_string();
        let is_rare = !is_often_named(country.code);
        [country.alpha3, country.name, country.iso_name].map(|text| Candidate {
            text: fold(text),
            meaning: meaning.clone(),
            is_rare,
        })
    });
    // Two letters are near to too much: only what they spell is suggested.
    nearest(&typed, typed.len() / 3, names.chain(group_names()))
}

/// The `@group` that `name` is nearest to, or the code if it is one.
pub(super) fn suggest_group(name: &str) -> Option<String> {
    if let Some(code) = CountryCode::parse(name) {
        return Some(code.to_string());
    }
    let typed = fold(name);
    nearest(&typed, typed.len().div_ceil(3), group_names())
}

/// Of `words` the one that `typed` is nearest to.
pub(super) fn suggest_word<'a>(typed: &str, words: impl Iterator<Item = &'a str>) -> Option<String> {
    let typed = fold(typed);
    let candidates =
        words.map(|word| Candidate { text: fold(word), meaning: word.to_owned(), is_rare: false });
    nearest(&typed, typed.len().div_ceil(3), candidates)
}

/// Something that may have been meant.
struct Candidate {
    /// Its letters, as [`fold`] leaves them.
    text: Vec<char>,
    /// What to type for it.
    meaning: String,
    /// Whether policies are seldom written about it.
    is_rare: bool,
}

fn group_names() -> impl Iterator<Item = Candidate> {
    groups().iter().map(|group| Candidate {
        text: fold(&group.name),
        meaning: format!("@{}", group.name),
        is_rare: true,
    })
}

/// Whether policies are often written about `country`.
fn is_often_named(country: CountryCode) -> bool {
    group("doj-countries-of-concern").is_some_and(|group| group.members.contains(country))
}

/// The meaning of the candidate nearest to `typed`, with at most `limit` edits. `None` if there is none, or if
/// candidates of different meaning are equally near.
fn nearest(typed: &[char], limit: usize, candidates: impl Iterator<Item = Candidate>) -> Option<String> {
    let mut best: Option<((usize, bool, bool), String)> = None;
    let mut is_tie = false;
    for Candidate { text, meaning, is_rare } in candidates {
        let distance = edit_distance(typed, &text);
        if distance > limit || distance >= text.len() {
            continue;
        }
        // Of equally near texts one of the same length is likelier: a wrong key rather than a missing one.
        let rank = (distance, text.len() != typed.len(), is_rare);
        match &best {
            Some((best_rank, _)) if rank > *best_rank => {}
            Some((best_rank, best_meaning)) if rank == *best_rank => is_tie |= *best_meaning != meaning,
            _ => {
                best = Some((rank, meaning));
                is_tie = false;
            }
        }
    }
    best.filter(|_| !is_tie).map(|(_, meaning)| meaning)
}

/// Letters and digits in small letters, without the marks that English keyboards lack.
fn fold(text: &str) -> Vec<char> {
    let letters = text.chars().take(MAX_LETTERS).flat_map(char::to_lowercase);
    let plain = letters.map(|letter| match letter {
        'å' => 'a',
        'ç' => 'c',
        'é' => 'e',
        'ô' => 'o',
        'ü' => 'u',
        other => other,
    });
    plain.filter(|letter| letter.is_alphanumeric()).collect()
}

/// Insertions, deletions, replacements and swaps of neighbours that make `b` of `a` (optimal string alignment).
fn edit_distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut previous: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, other) in b.iter().enumerate() {
            let at = |row: &[usize], column: usize| row.get(column).copied().unwrap_or(usize::MAX - 1);
            let replaced = at(&previous, j) + usize::from(letter != other);
            let mut distance = replaced.min(at(&previous, j + 1) + 1).min(at(&row, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(other) && b.get(j - 1) == Some(letter);
            if swapped {
                distance = distance.min(at(&before, j - 1) + 1);
            }
            row.push(distance);
        }
        before = std::mem::replace(&mut previous, row);
    }
    previous.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn distance(a: &str, b: &str) -> usize {
        edit_distance(&a.chars().collect::<Vec<_>>(), &b.chars().collect::<Vec<_>>())
    }

    #[test]
    fn the_distance_counts_the_edits() {
        let table = [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("china", "china", 0),
            ("germny", "germany", 1),
            ("ue", "eu", 1),
            ("kitten", "sitting", 3),
            ("ca", "abc", 3),
        ];
        for (a, b, edits) in table {
            assert_eq!(distance(a, b), edits, "{a} {b}");
        }
    }

    proptest! {
        #[test]
        fn the_distance_is_symmetric_and_bounded(a in "[a-d]{0,8}", b in "[a-d]{0,8}") {
            let there = distance(&a, &b);
            prop_assert_eq!(there, distance(&b, &a));
            prop_assert!(there <= a.len().max(b.len()) && there >= a.len().abs_diff(b.len()));
            prop_assert_eq!(there == 0, a == b);
        }
    }
}
