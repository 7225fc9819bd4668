//! Words that people read, in one place so that every part of a report and of a view uses the same.

use super::model::{NameReport, SessionEndpoint, Time};
use super::text::{counted, milliseconds};
use crate::capture::Precision;
use crate::identify::{Contact, Role};
use crate::locate::{Confidence, CountryCode, Scope};
use crate::policy::Verdict;
use std::time::Duration;

/// A verdict as a mark before a line, and as the class of what it is about.
#[derive(Clone, Copy)]
pub(crate) struct Mark {
    pub(crate) class: &'static str,
    pub(crate) word: &'static str,
    pub(crate) long: &'static str,
}

pub(crate) const fn mark(verdict: Verdict) -> Mark {
    match verdict {
        Verdict::Allow => Mark { class: "ok", word: "ok", long: "Allowed" },
        Verdict::Deny => Mark { class: "deny", word: "DENY", long: "Denied" },
        Verdict::Indeterminate => Mark { class: "open", word: "?", long: "Indeterminate" },
    }
}

/// The mark of a far end: of one that never answered there is nothing to allow.
pub(crate) fn mark_of(end: &SessionEndpoint) -> Mark {
    if end.verdict == Verdict::Allow && end.contact < Contact::Answered {
        return silent();
    }
    mark(end.verdict)
}

/// The mark of what never answered.
pub(crate) const fn silent() -> Mark {
    Mark { class: "none", word: "–", long: "No answer" }
}

/// How far contact went. Where answers were not captured, that there is none says nothing.
pub(crate) const fn contact(contact: Contact, one_direction: bool) -> &'static str {
    match contact {
        Contact::Mentioned => "only named",
        Contact::Attempted if one_direction => "answers not captured",
        Contact::Attempted => "no answer",
        Contact::Answered => "answered",
        Contact::Established => "handshake done",
        Contact::Control => "data both ways",
        Contact::Media => "media",
    }
}

/// What a role is, for a legend.
pub(crate) const fn role(role: Role) -> &'static str {
    match role {
        Role::Media => "media: audio, video, screen",
        Role::Relay => "relay (TURN)",
        Role::Peer => "participant, reached directly",
        Role::Signaling => "signaling: control and keys",
        Role::Probe => "probe: latency or NAT test",
        Role::Web => "web",
        Role::Telemetry => "telemetry",
        Role::Unknown => "unknown purpose",
    }
}

/// What happened, for a person.
pub(crate) fn event(event: &str) -> &str {
    match event {
        "lookup" => "name looked up",
        "answer" => "answered",
        "handshake" => "handshake done",
        "media-start" => "first media",
        "media-end" => "last media",
        "server-change" => "media moved here",
        other => other,
    }
}

pub(crate) fn first_role(roles: &[Role]) -> Role {
    roles.first().copied().unwrap_or(Role::Unknown)
}

pub(crate) fn roles(roles: &[Role]) -> String {
    roles.iter().map(|role| role.name()).collect::<Vec<_>>().join(", ")
}

/// Why a far end is not on the map; `None` if it is.
pub(crate) const fn off_map(endpoint: &SessionEndpoint) -> Option<&'static str> {
    unplaced(endpoint.scope, endpoint.confidence)
}

/// Why an address has no place; `None` if it has.
pub(crate) const fn unplaced(scope: Scope, confidence: Confidence) -> Option<&'static str> {
    match (scope, confidence) {
        (Scope::Global, Confidence::Confirmed | Confidence::Likely) => None,
        (Scope::Global, Confidence::Disputed) => Some("place disputed"),
        (Scope::Global, Confidence::Unknown) => Some("place unknown"),
        (scope, _) => Some(scope.name()),
    }
}

/// `CN China`.
pub(crate) fn country(code: CountryCode) -> String {
    format!("{code} {}", code.name())
}

/// The name that tells a person most: what the client asked for before what a certificate allows, and no pattern
/// where there is a name.
pub(crate) fn best_name(names: &[NameReport]) -> Option<&str> {
    super::text::best_name(names.iter().map(|name| (name.name.as_str(), name.via)))
}

/// `2020-04-03 14:02:11`.
pub(crate) fn second(time: Time) -> String {
    time.at.rfc3339(Precision::new(0)).replace('T', " ").trim_end_matches('Z').to_owned()
}

/// `14:02:11.250`.
pub(crate) fn clock(time: Time) -> String {
    let text = time.at.rfc3339(Precision::new(3));
    text.get(11..).unwrap_or_default().trim_end_matches('Z').to_owned()
}

/// `2020-04-03 14:02:11 to 14:09:37 UTC`, with the second date where it is another.
pub(crate) fn span(first: Time, last: Time) -> String {
    format!("{} UTC", super::table::span(first, last))
}

/// `12 ms`, `31 s`, `4 min 10 s`, `2 h 5 min`.
pub(crate) fn duration(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0 => milliseconds(span),
        1..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// `packet 3` or `packets 3, 4`.
pub(crate) fn packets(numbers: &[u64]) -> String {
    let list: Vec<String> = numbers.iter().map(u64::to_string).collect();
    match list.as_slice() {
        [] => String::new(),
        [one] => format!("packet {one}"),
        _ => format!("packets {}", list.join(", ")),
    }
}

/// A length on the map with one decimal place.
pub(crate) fn px(length: f64) -> String {
    format!("{length:.1}")
}

/// `1 call`, `2 calls`, of numbers as they are counted in reports.
pub(crate) fn many(count: u64, noun: &str) -> String {
    counted(usize::try_from(count).unwrap_or(usize::MAX), noun)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_did_not_answer_is_never_said_to_have() {
        assert_eq!(contact(Contact::Attempted, false), "no answer");
        assert_eq!(contact(Contact::Attempted, true), "answers not captured");
        assert_eq!(contact(Contact::Mentioned, true), "only named");
    }

    #[test]
    fn spans_are_told_in_two_units_at_most() {
        let told = [0, 31, 250, 7500].map(|seconds| duration(Duration::from_secs(seconds)));
        assert_eq!(told, ["0.0 ms", "31 s", "4 min 10 s", "2 h 5 min"]);
    }
}
