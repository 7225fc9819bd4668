//! Rules in words: short for findings, in sentences for `policy show`.

use super::{Action, Conditions, Group, Policy, Rule, Treatment, groups, window};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Items of a list that a rule's text names before the rest is counted.
const MAX_NAMED: usize = 6;

impl Rule {
    /// `deny CN,HK (service zoom; contact at least control)`.
    pub(super) fn in_words(&self) -> String {
        let places: Vec<&str> = self.places.items().collect();
        let conditions = self.conditions.in_words();
        let mut text = format!("{} {}", self.action.name(), listed(&places, ","));
        if !conditions.is_empty() {
            let _ = write!(text, " ({})", conditions.join("; "));
        }
        text
    }

    /// What the rule does, as a sentence.
    pub fn sentence(&self) -> String {
        let places: Vec<&str> = self.places.items().collect();
        let (named, excluded): (Vec<&str>, Vec<&str>) =
            places.iter().partition(|item| !item.starts_with('!'));
        let verb = match self.action {
            Action::Allow => "is allowed",
            Action::Deny => "is denied",
        };
        let mut text = if self.anywhere {
            "A server anywhere, known or not,".to_owned()
        } else if named.contains(&"*") {
            "A server in any country".to_owned()
        } else {
            format!("A server in {}", listed(&named, ", "))
        };
        if !excluded.is_empty() {
            let excluded: Vec<&str> = excluded.iter().map(|item| item.trim_start_matches('!')).collect();
            let _ = write!(text, " except those in {},", listed(&excluded, ", "));
        }
        let _ = write!(text, " {verb}");
        let conditions = self.conditions.clauses();
        for (place, clause) in conditions.iter().enumerate() {
            text.push_str(if place == 0 { " if " } else { ", and " });
            text.push_str(clause);
        }
        text.push('.');
        text
    }
}

impl Conditions {
    /// Each condition in a few words.
    pub fn in_words(&self) -> Vec<String> {
        let mut words = Vec::new();
        let mut name = |what: &str, items: Vec<String>| {
            if !items.is_empty() {
                words.push(format!("{what} {}", listed(&items, ",")));
            }
        };
        name("service", shown(&self.services));
        name("role", shown(&self.roles));
        name("contact at least", shown(self.minimum_contact.as_slice()));
        name("confidence at least", shown(self.minimum_confidence.as_slice()));
        name(
            "client in",
            self.client.iter().flat_map(|client| client.places.items()).map(str::to_owned).collect(),
        );
        name("bytes at least", shown(self.minimum_bytes.as_slice()));
        name("bytes sent at least", shown(self.minimum_bytes_sent.as_slice()));
        name("bytes received at least", shown(self.minimum_bytes_received.as_slice()));
        name("from", self.window.from.into_iter().map(window::in_words).collect());
        name("before", self.window.until.into_iter().map(window::in_words).collect());
        name("hours", shown(self.window.hours.as_slice()));
        name("address in", shown(&self.prefixes));
        name("announced by", shown(&self.asns));
        name("name under", self.hosts.clone());
        words
    }

    /// Each condition as a clause of a sentence on a server.
    fn clauses(&self) -> Vec<String> {
        let mut clauses = Vec::new();
        let mut say = |items: Vec<String>, clause: &dyn Fn(&str) -> String| {
            if !items.is_empty() {
                clauses.push(clause(&listed(&items, " or ")));
            }
        };
        say(shown(&self.services), &|names| format!("the call is of {names}"));
        say(shown(&self.roles), &|roles| format!("its role in the call is {roles}"));
        say(shown(self.minimum_contact.as_slice()), &|contact| {
            format!("contact with it went as far as {contact}")
        });
        say(shown(self.minimum_confidence.as_slice()), &|least| format!("its country is at least {least}"));
        let client: Vec<&str> = self.client.iter().flat_map(|client| client.places.items()).collect();
        if !client.is_empty() {
            say(vec![listed(&client, ", ")], &|places| format!("the call's client is in {places}"));
        }
        say(shown(self.minimum_bytes.as_slice()), &|bytes| {
            format!("{bytes} bytes or more went both ways together")
        });
        say(shown(self.minimum_bytes_sent.as_slice()), &|bytes| format!("{bytes} bytes or more went to it"));
        say(shown(self.minimum_bytes_received.as_slice()), &|bytes| {
            format!("{bytes} bytes or more came from it")
        });
        let from = self.window.from.into_iter().map(window::in_words).collect();
        say(from, &|time| format!("a packet was captured at {time} or later"));
        let until = self.window.until.into_iter().map(window::in_words).collect();
        say(until, &|time| format!("a packet was captured before {time}"));
        say(shown(self.window.hours.as_slice()), &|hours| {
            format!("a packet was captured at {hours} UTC of some day")
        });
        say(shown(&self.prefixes), &|nets| format!("its address is in {nets}"));
        say(shown(&self.asns), &|asns| format!("its address is announced by {asns}"));
        say(self.hosts.clone(), &|hosts| format!("packets name it {hosts}, or a name under that"));
        clauses
    }
}

impl Policy {
    /// What the policy means, in sentences, a line or more each. The first is its name.
    pub fn sentences(&self) -> Vec<String> {
        let mut lines = vec![self.name.clone().unwrap_or_else(|| "rules of the command line".to_owned())];
        lines.extend(self.description.clone());
        for (rule, number) in self.rules.iter().zip(1..) {
            let mut line = format!("{number}. {}: {}", rule.id, rule.sentence());
            if let Some(reason) = &rule.reason {
                let _ = write!(line, " Reason: {}.", reason.trim_end_matches('.'));
            }
            if let Some(severity) = rule.severity {
                let _ = write!(line, " Severity: {}.", severity.name());
            }
            lines.push(line);
        }
        lines.extend(self.group_sentences());
        lines.push(match self.default {
            Action::Allow => {
                "The first rule that matches decides. Where none does, a server is allowed.".to_owned()
            }
            Action::Deny => {
                "The first rule that matches decides. Where none does, a server is denied.".to_owned()
            }
        });
        lines.push("A server that never answered is not denied, whatever the rules say.".to_owned());
        let of = |what: &str, treatment: Treatment| {
            let verdict = match treatment {
                Treatment::Allow => "allowed",
                Treatment::Deny => "denied",
                Treatment::Indeterminate => "indeterminate",
            };
            format!("{what} and a rule may deny it, a server is {verdict}.")
        };
        lines.push(of("Where sources disagree on the country", self.disputed));
        lines.push(of("Where no source knows the country", self.unknown));
        lines.push(of("Where the address is served from many places", self.anycast));
        lines.push(
            "Where it cannot be told whether a condition holds, and the verdict depends on it, it is indeterminate."
                .to_owned(),
        );
        if self.uses_home() {
            lines.push(
                "@home are the countries that --home names; without it, the policy cannot be used."
                    .to_owned(),
            );
        }
        lines
    }
}

impl Policy {
    /// The groups that rules name, own ones with their members, built-in ones with their date.
    fn group_sentences(&self) -> Vec<String> {
        let clients = self.rules.iter().filter_map(|rule| rule.conditions.client.as_ref());
        let items = self.rules.iter().flat_map(|rule| rule.places.items());
        let all: BTreeSet<&str> = items
            .chain(clients.flat_map(|client| client.places.items()))
            .map(|item| item.trim_start_matches('!'))
            .collect();
        let built_in = groups().iter().filter(|group| all.contains(format!("@{}", group.name).as_str()));
        let built_in = built_in.map(|group| {
            let Group { name, label, as_of, members, .. } = group;
            format!("@{name}: {label}, {} countries as of {as_of} (landfall policy groups).", members.len())
        });
        let own = self.groups.iter().map(|(name, members)| {
            let codes: Vec<String> = members.iter().map(|code| code.to_string()).collect();
            format!("@{name}: {}.", codes.join(" "))
        });
        own.chain(built_in).collect()
    }
}

fn shown<T: ToString>(items: &[T]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

/// The items, or the first few and how many more there are.
fn listed<T: AsRef<str>>(items: &[T], separator: &str) -> String {
    let named: Vec<&str> = items.iter().take(MAX_NAMED).map(AsRef::as_ref).collect();
    let mut text = named.join(separator);
    if items.len() > MAX_NAMED {
        let _ = write!(text, " and {} more", items.len() - MAX_NAMED);
    }
    text
}
