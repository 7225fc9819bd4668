//! The differences, for people.

use super::super::paragraph::paragraph;
use super::super::text::{counted, escape};
use super::{CallChange, Change, Diff, OnlyIn, PolicyChange, ServerChange, What};
use crate::policy::Verdict;
use std::collections::BTreeSet;
use std::fmt::{Display, Write as _};
use std::net::IpAddr;

/// Calls, servers or databases shown before the rest is only counted.
const MAX_SHOWN: usize = 32;

impl Diff {
    /// The differences as text of 80 columns.
    pub fn table(&self) -> String {
        let mut out = String::new();
        if self.same {
            out.push_str("The reports say the same.\n");
            return out;
        }
        match &self.verdict {
            Some(Change { old, new }) => line(&mut out, "verdict", &format!("{old} -> {new}")),
            None => line(&mut out, "verdict", "the same"),
        }
        self.circumstances(&mut out);
        for call in self.calls.iter().take(MAX_SHOWN) {
            out.push('\n');
            call.show(&mut out);
        }
        more(&mut out, self.calls.len(), "call");
        self.rest(&mut out);
        out
    }

    fn circumstances(&self, out: &mut String) {
        match &self.inputs {
            Some(Change { old, new }) => {
                line(out, "inputs", "differ, so that calls and servers may, too");
                old.iter().take(MAX_SHOWN).for_each(|input| line(out, "  old", &escape(input)));
                new.iter().take(MAX_SHOWN).for_each(|input| line(out, "  new", &escape(input)));
            }
            None => line(out, "inputs", "the same"),
        }
        if let Some(Change { old, new }) = &self.tool {
            line(out, "landfall", &format!("{} -> {}", escape(old), escape(new)));
        }
        if let Some(Change { old, new }) = &self.lacks {
            old.iter().for_each(|lack| line(out, "lack, old", &escape(lack)));
            new.iter().for_each(|lack| line(out, "lack, new", &escape(lack)));
        }
        for database in self.databases.iter().take(MAX_SHOWN) {
            let built = |built: &Option<String>| match built.as_deref() {
                Some(built) => escape(built.get(..10).unwrap_or(built)),
                None => "of unknown date".to_owned(),
            };
            let (old, new) = (built(&database.built.old), built(&database.built.new));
            let change = match database.what {
                What::Added => format!("+ {new}"),
                What::Removed => format!("- {old}"),
                What::Changed => format!("{old} -> {new}"),
            };
            line(out, "database", &format!("{} {change}", escape(&database.id)));
        }
        if let Some(policy) = &self.policy {
            policy.show(out);
        }
    }

    fn rest(&self, out: &mut String) {
        let OnlyIn { old, new } = &self.countries;
        let codes = |codes: &[crate::locate::CountryCode]| {
            codes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        };
        let told: BTreeSet<IpAddr> =
            self.calls.iter().flat_map(|call| &call.servers).map(|server| server.address).collect();
        let others: Vec<&ServerChange> =
            self.servers.iter().filter(|server| !told.contains(&server.address)).collect();
        if !self.countries.is_empty() || !others.is_empty() {
            out.push('\n');
        }
        if !new.is_empty() {
            line(out, "countries", &format!("+ {}", codes(new)));
        }
        if !old.is_empty() {
            line(out, "countries", &format!("- {}", codes(old)));
        }
        for server in others.iter().take(MAX_SHOWN) {
            paragraph(out, "server      ", 12, &server.in_words());
        }
        more(out, others.len(), "server");
    }
}

fn line(out: &mut String, label: &str, text: &str) {
    paragraph(out, &format!("{label:12}"), 12, text);
}

fn more(out: &mut String, count: usize, noun: &str) {
    if let Some(more) = count.checked_sub(MAX_SHOWN).filter(|more| *more > 0) {
        let _ = writeln!(out, "and {}; --format json lists them all", counted(more, &format!("more {noun}")));
    }
}

impl PolicyChange {
    fn show(&self, out: &mut String) {
        let name = |name: &Option<String>| {
            name.as_deref().map_or_else(|| "rules of the command line".to_owned(), escape)
        };
        let (old, new) = (name(&self.name.old), name(&self.name.new));
        if old == new {
            line(out, "policy", &format!("{old}: changed"));
        } else {
            line(out, "policy", &format!("{old} -> {new}"));
        }
        self.rules.old.iter().take(MAX_SHOWN).for_each(|rule| line(out, "  - rule", &escape(rule)));
        self.rules.new.iter().take(MAX_SHOWN).for_each(|rule| line(out, "  + rule", &escape(rule)));
        if !self.changed.is_empty() {
            let ids: Vec<String> = self.changed.iter().take(MAX_SHOWN).map(|id| escape(id)).collect();
            line(out, "  changed", &ids.join(", "));
        }
        if self.settings {
            line(out, "  changed", "the order of rules, the default, or what is made of unknown places");
        }
    }
}

impl CallChange {
    fn show(&self, out: &mut String) {
        let sign = self.what.sign();
        let title = format!("{sign} {} call of {}, {}: ", escape(self.service.id()), self.client, self.start);
        paragraph(out, "", 2, &format!("{title}{}", verdict(&self.verdict)));
        for server in self.servers.iter().take(MAX_SHOWN) {
            paragraph(out, "  ", 6, &server.in_words());
        }
        if let Some(more) = self.servers.len().checked_sub(MAX_SHOWN).filter(|more| *more > 0) {
            let _ = writeln!(out, "  and {}", counted(more, "more server"));
        }
    }
}

fn verdict(change: &Change<Option<Verdict>>) -> String {
    match (change.old, change.new) {
        (Some(old), Some(new)) if old != new => format!("{old} -> {new}"),
        (Some(old), Some(_)) => format!("still {old}"),
        (Some(only), None) | (None, Some(only)) => only.to_string(),
        (None, None) => String::new(),
    }
}

impl What {
    const fn sign(self) -> &'static str {
        match self {
            Self::Added => "+",
            Self::Removed => "-",
            Self::Changed => "~",
        }
    }
}

impl ServerChange {
    fn in_words(&self) -> String {
        let mut text = format!("{} {}", self.what.sign(), self.address);
        let mut parts = Vec::new();
        if self.verdict.old.is_some() || self.verdict.new.is_some() {
            parts.push(verdict(&self.verdict));
        }
        if self.what == What::Changed {
            parts.extend(both(&self.rule, "none", self.what).map(|rule| format!("rule {}", escape(&rule))));
        }
        parts.extend(both(&self.country, "??", self.what));
        parts.extend(both(&self.confidence, "unknown", self.what));
        parts.extend(both(&self.contact, "none", self.what));
        let _ = write!(text, ": {}", parts.join("; "));
        if self.what == What::Changed && !self.why.is_empty() {
            let causes: Vec<&str> = self.why.iter().map(|cause| cause.name()).collect();
            let _ = write!(text, ". Why: {}", causes.join(" and "));
        }
        for said in &self.claims.old {
            let _ = write!(text, ". Before: {}", escape(said));
        }
        for said in &self.claims.new {
            let _ = write!(text, ". After: {}", escape(said));
        }
        text
    }
}

/// `CN -> US`, or the one that there is; nothing of what both have.
fn both<T: Display + PartialEq>(change: &Change<Option<T>>, none: &str, what: What) -> Option<String> {
    let shown = |value: &Option<T>| value.as_ref().map_or_else(|| none.to_owned(), ToString::to_string);
    match what {
        What::Added => Some(shown(&change.new)),
        What::Removed => Some(shown(&change.old)),
        What::Changed if change.old == change.new => None,
        What::Changed => Some(format!("{} -> {}", shown(&change.old), shown(&change.new))),
    }
}
