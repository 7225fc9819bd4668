//! Times, spans and names, as short as a column wants them.

use crate::capture::Precision;
use crate::identify::{Contact, Role};
use crate::locate::{Confidence, Scope};
use crate::report::text::bytes;
use crate::report::{SessionEndpoint, SessionReport, Time};
use std::time::Duration;

/// Hours of a day, in seconds.
const DAY: u64 = 24 * 60 * 60;

/// `2020-04-03 14:02:11`, in UTC.
fn seconds(time: Time) -> String {
    time.at.rfc3339(Precision::new(0)).replace('T', " ").trim_end_matches('Z').to_owned()
}

/// `14:02:11`, in UTC.
pub(super) fn clock(time: Time) -> String {
    seconds(time).get(11..).unwrap_or_default().to_owned()
}

/// `2020-04-03`, in UTC.
pub(super) fn day(time: Time) -> String {
    seconds(time).get(..10).unwrap_or_default().to_owned()
}

/// `14:02:11`, or `2020-04-03 14:02` where there are several days.
pub(super) fn when(time: Time, days: bool) -> String {
    if days { seconds(time).get(..16).unwrap_or_default().to_owned() } else { clock(time) }
}

/// Columns that [`when`] takes.
pub(super) const fn when_width(days: bool) -> usize {
    if days { 16 } else { 8 }
}

/// `2020-04-03 14:02:11 to 14:09:37`, with the second date where it is another.
pub(super) fn span(first: Time, last: Time) -> String {
    let (start, end) = (seconds(first), seconds(last));
    let same_day = start.get(..10).is_some_and(|day| end.starts_with(day));
    let shown = if same_day { end.get(11..).unwrap_or(&end) } else { &end };
    format!("{start} to {shown}")
}

/// `42 s`, `3:07`, `1:02:03`, `2 d 03 h`.
pub(super) fn lasted(span: Duration) -> String {
    let seconds = span.as_secs();
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{minutes}:{rest:02}"),
        3600..DAY => format!("{hours}:{minutes:02}:{rest:02}"),
        _ => format!("{} d {:02} h", seconds / DAY, hours % 24),
    }
}

/// `120 kB/s`.
pub(super) fn rate(bytes_per_s: u64) -> String {
    format!("{}/s", bytes(bytes_per_s))
}

/// Where a far end is and how sure that is: `CN confirmed`, `not known`, `private`.
pub(super) fn place(far: &SessionEndpoint) -> String {
    match (far.scope, far.country, far.confidence) {
        (Scope::Global, Some(country), confidence) => format!("{country} {confidence}"),
        (Scope::Global, None, Confidence::Disputed) => "disputed".to_owned(),
        (Scope::Global, None, _) => "not known".to_owned(),
        (scope, _, _) => scope.name().to_owned(),
    }
}

/// What a far end does first of all.
pub(super) fn role(far: &SessionEndpoint) -> &'static str {
    far.roles.first().copied().unwrap_or(Role::Unknown).name()
}

/// How far contact went, and that nothing came back where nothing did.
pub(super) fn contact(call: &SessionReport, far: &SessionEndpoint) -> &'static str {
    match far.contact {
        Contact::Attempted if call.one_direction => "not seen",
        Contact::Attempted => "no answer",
        contact => contact.name(),
    }
}

/// The countries that a call touched, those with most bytes first.
pub(super) fn countries(call: &SessionReport) -> Vec<String> {
    let mut touched: Vec<_> = call.countries.iter().collect();
    touched.sort_by_key(|touched| (std::cmp::Reverse(touched.bytes), touched.country));
    touched.into_iter().map(|touched| touched.country.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::NameReport;
    use crate::report::words::best_name;

    #[test]
    fn spans_are_as_exact_as_matters() {
        let shown = [0, 42, 187, 3_723, 183_600].map(|seconds| lasted(Duration::from_secs(seconds)));
        assert_eq!(shown, ["0 s", "42 s", "3:07", "1:02:03", "2 d 03 h"]);
    }

    #[test]
    fn a_name_that_was_asked_for_says_most() {
        let read = |name: &str, via| NameReport { name: name.to_owned(), via };
        let names = [read("*.a.example", "tls"), read("b.example", "certificate"), read("c.example", "dns")];
        assert_eq!(best_name(&names), Some("c.example"));
    }
}
