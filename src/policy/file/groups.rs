//! What the items of a list of places mean, own groups included.

use super::form::{GroupForm, PolicyForm};
use super::mistake::Mistakes;
use super::read::At;
use super::values::PlaceItem;
use crate::locate::CountryCode;
use crate::policy::places::{EVERY, HOME, Sign};
use crate::policy::set::countries_named;
use crate::policy::suggest::suggest_word;
use crate::policy::{CountrySet, Places, PolicyError, group, groups};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// The groups that a file defines.
#[derive(Debug, Default)]
pub(super) struct OwnGroups {
    /// Their countries; `None` where they could not be read, of which the file's mistakes tell.
    known: BTreeMap<String, Option<CountrySet>>,
    named: RefCell<BTreeSet<String>>,
    spans: BTreeMap<String, Range<usize>>,
}

impl OwnGroups {
    pub(super) fn read(form: &PolicyForm, mistakes: &mut Mistakes<'_>) -> Self {
        let mut groups = Self::default();
        let forms: Vec<&GroupForm> = form
            .groups
            .iter()
            .flat_map(|groups| &groups.value.0)
            .filter(|form| has_name(form, mistakes))
            .collect();
        for form in &forms {
            groups.spans.insert(form.name.value.clone(), form.name.span.clone());
        }
        let mut open = Vec::new();
        for form in &forms {
            groups.resolve(form, &forms, &mut open, mistakes);
        }
        groups
    }

    /// Their countries.
    pub(super) fn countries(&self) -> BTreeMap<String, CountrySet> {
        let known =
            self.known.iter().filter_map(|(name, countries)| Some((name.clone(), countries.clone()?)));
        known.collect()
    }

    /// Groups that nothing names, and where they are defined.
    pub(super) fn unused(&self) -> Vec<(String, Range<usize>)> {
        let named = self.named.borrow();
        let unused = self.spans.iter().filter(|(name, _)| !named.contains(*name));
        unused.map(|(name, span)| (name.clone(), span.clone())).collect()
    }

    /// Reads the group, after those that it names. `open` are the groups on the way to it.
    fn resolve<'a>(
        &mut self,
        form: &'a GroupForm,
        forms: &[&'a GroupForm],
        open: &mut Vec<&'a str>,
        mistakes: &mut Mistakes<'_>,
    ) {
        let name = form.name.value.as_str();
        if self.known.contains_key(name) {
            return;
        }
        open.push(name);
        let mut is_cyclic = false;
        for item in &form.items {
            let Some(inner) = own_name(&item.value.0) else { continue };
            if let Some(start) = open.iter().position(|group| *group == inner) {
                let way: Vec<String> =
                    open.iter().skip(start).chain([&inner]).map(|group| format!("@{group}")).collect();
                let message =
                    format!("group @{inner} contains itself ({}); take one of them out", way.join(" > "));
                mistakes.add(item.span.clone(), message);
                is_cyclic = true;
            } else if let Some(inner) = forms.iter().find(|form| form.name.value == inner) {
                self.resolve(inner, forms, open, mistakes);
            }
        }
        open.pop();
        let places = (!is_cyclic).then(|| self.group(form, mistakes)).flatten();
        self.known.insert(name.to_owned(), places);
    }

    fn group(&self, form: &GroupForm, mistakes: &mut Mistakes<'_>) -> Option<CountrySet> {
        let special = |item: &&At<PlaceItem>| {
            let text = bare(&item.value.0).1;
            text == EVERY || text.eq_ignore_ascii_case(HOME)
        };
        if let Some(item) = form.items.iter().find(special) {
            let message = format!("{:?} cannot be part of a group; name it in the rule", item.value.0);
            mistakes.add(item.span.clone(), message);
            return None;
        }
        // A list that could not be read has been told of.
        let first = form.items.first()?;
        let last = form.items.last()?;
        let places = self.places(&form.items, first.span.start..last.span.end, mistakes)?;
        Some(places.countries(&CountrySet::default()))
    }

    /// What a list of places means. `whole` is where it stands.
    pub(super) fn places(
        &self,
        items: &[At<PlaceItem>],
        whole: Range<usize>,
        mistakes: &mut Mistakes<'_>,
    ) -> Option<Places> {
        let mut places = Places::default();
        let mut is_whole = true;
        for item in items {
            is_whole &= self.add(&mut places, item, mistakes);
        }
        if !is_whole {
            return None;
        }
        let places = places;
        if places.only_excludes() {
            let message =
                "the list only takes places out; name those it takes them out of, or \"*\" for every country";
            mistakes.add(whole, message);
            return None;
        }
        let home_or_every = places.uses_home() || places.is_anywhere();
        if !home_or_every && places.countries(&CountrySet::default()).is_empty() {
            mistakes.add(whole, "the list leaves no country; take out fewer");
            return None;
        }
        Some(places)
    }

    /// Adds an item; `false` if it means nothing.
    fn add(&self, places: &mut Places, item: &At<PlaceItem>, mistakes: &mut Mistakes<'_>) -> bool {
        let (sign, text) = bare(&item.value.0);
        places.write(&item.value.0);
        if text == EVERY && sign == Sign::Named {
            places.add_every();
            return true;
        }
        if text.eq_ignore_ascii_case(HOME) {
            places.add_home(sign);
            return true;
        }
        if let Some(own) = own_name(text).filter(|name| self.spans.contains_key(*name)) {
            self.named.borrow_mut().insert(own.to_owned());
            match self.known.get(own) {
                Some(Some(countries)) => places.add(sign, countries),
                // What is wrong with the group is told where it is defined.
                _ => return false,
            }
            return true;
        }
        let message = match text {
            "" => "the item is empty; leave it out".to_owned(),
            _ if mistakes.is_full() && !is_known(text) => format!("unknown country {text:?}"),
            EVERY => "\"!*\" takes everything out; leave it out".to_owned(),
            _ => match countries_named(text) {
                Ok(countries) => {
                    places.add(sign, &countries.into_iter().collect());
                    return true;
                }
                Err(error) => self.unknown(text, &error),
            },
        };
        mistakes.add(item.span.clone(), message);
        false
    }

    /// What an unknown item may have meant, own groups included.
    fn unknown(&self, text: &str, error: &PolicyError) -> String {
        let own = self.spans.keys().map(String::as_str);
        let Some(name) = text.strip_prefix('@') else {
            let meant = self.spans.contains_key(&text.to_ascii_lowercase());
            let near =
                || format!("unknown country code {text:?}; did you mean \"@{}\"?", text.to_ascii_lowercase());
            return if meant { near() } else { error.to_string() };
        };
        let built_in = groups().iter().map(|group| group.name.as_str());
        let near = suggest_word(name, own.chain(built_in).chain(["home"]));
        match near.filter(|_| CountryCode::parse(name).is_none()) {
            Some(near) => format!("unknown country group {text:?}; did you mean \"@{near}\"?"),
            None => error.to_string(),
        }
    }
}

/// Whether it is a country's code or a built-in group.
fn is_known(text: &str) -> bool {
    let group = text.strip_prefix('@').and_then(group::group);
    group.is_some() || CountryCode::parse(text).is_some()
}

/// An item without its sign.
fn bare(item: &str) -> (Sign, &str) {
    item.strip_prefix('!').map_or((Sign::Named, item), |rest| (Sign::Excluded, rest.trim_start()))
}

/// `offices` of `@offices` or `!@offices`.
fn own_name(item: &str) -> Option<&str> {
    bare(item).1.strip_prefix('@')
}

/// Whether the name of a group can be used.
fn has_name(form: &GroupForm, mistakes: &mut Mistakes<'_>) -> bool {
    let name = form.name.value.as_str();
    let plain = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'-';
    let fits = name.len() <= 64
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(plain);
    let message = if !fits {
        format!(
            "{name:?} cannot be the name of a group; use small letters, digits and -, with a letter first"
        )
    } else if group::group(name).is_some() || name == "home" {
        format!("@{name} is a built-in group; give this one another name")
    } else {
        return true;
    };
    mistakes.add(form.name.span.clone(), message);
    false
}
