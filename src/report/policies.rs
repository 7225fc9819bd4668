//! Policies and groups of countries, for people and as JSON.

use super::paragraph::paragraph;
use super::text::escape;
use crate::policy::{Group, Policy, ReadyMade};
use std::fmt::Write as _;

/// What a policy means, in sentences.
pub fn show_policy(policy: &Policy) -> String {
    let mut out = String::new();
    let sentences = policy.sentences();
    let about = 1 + usize::from(policy.description.is_some());
    for (place, sentence) in sentences.iter().enumerate() {
        if place == about || place == about + policy.rules.len() {
            out.push('\n');
        }
        let indent = if (about..about + policy.rules.len()).contains(&place) { 3 } else { 0 };
        paragraph(&mut out, "", indent, &escape(sentence));
    }
    if let Some(digest) = &policy.sha256 {
        let _ = writeln!(out, "\nsha256 {digest}");
    }
    out
}

/// The policies that the program carries, a line or two each. `describe` says what one is.
pub fn list_policies(policies: &[ReadyMade], describe: impl Fn(&ReadyMade) -> String) -> String {
    let mut out = String::new();
    for policy in policies {
        paragraph(&mut out, &format!("@{:26} ", policy.name), 28, &escape(&describe(policy)));
    }
    out
}

/// Every group: its label, members, source and date.
pub fn list_groups(groups: &[Group]) -> String {
    let mut out = String::new();
    for group in groups {
        let countries = match group.members.len() {
            1 => "1 country".to_owned(),
            count => format!("{count} countries"),
        };
        paragraph(&mut out, &format!("@{}  ", group.name), 6, &format!("{}, {countries}", group.label));
        let members: Vec<String> = group.members.iter().map(|code| code.to_string()).collect();
        paragraph(&mut out, "      ", 6, &members.join(" "));
        paragraph(&mut out, "      ", 6, &format!("as of {}: {}", group.as_of, group.source));
        for note in &group.notes {
            paragraph(&mut out, "      - ", 8, note);
        }
    }
    out
}

/// The same as JSON.
pub fn groups_json(groups: &[Group]) -> String {
    let mut text =
        serde_json::to_string_pretty(&serde_json::json!({"schema_version": "1", "groups": groups}))
            .unwrap_or_default();
    text.push('\n');
    text
}
