//! Text for people: strings off the wire made harmless, numbers made short.

use super::ProcessReport;
use super::model::SessionEndpoint;
use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// `text` with every character that could steer a terminal or turn the direction of writing written as an
/// escape (`\u{1b}`). Names and paths are untrusted wherever they come from.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if is_plain(character) {
            escaped.push(character);
        } else {
            let _ = write!(escaped, "\\u{{{:x}}}", u32::from(character));
        }
    }
    escaped
}

/// Whether a terminal shows the character and nothing else.
pub(super) fn is_plain(character: char) -> bool {
    !character.is_control() && !is_invisible(character)
}

/// Characters that show nothing themselves and change how others show: bidirectional controls (Unicode
/// Standard Annex 9), joiners, separators, the byte order mark, tags.
const fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// A number of bytes with a decimal unit: `812 B`, `48 kB`, `4.1 MB`.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if count < 1000 {
        return format!("{count} B");
    }
    let mut unit = 1_u64;
    for name in UNITS {
        let (whole, rest) = (count / 1000 / unit, count / 100 / unit % 10);
        if whole < 10 {
            return format!("{whole}.{rest} {name}");
        }
        if whole < 1000 {
            return format!("{whole} {name}");
        }
        unit = unit.saturating_mul(1000);
    }
    format!("{count} B")
}

/// A number with commas between thousands: `2,260,114`.
pub fn number(count: u64) -> String {
    let digits = count.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// An error and its causes in one line, from the outermost in: `a: b: c`.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

/// Programs that are named; a call has one or two.
const MAX_PROGRAMS: usize = 4;

/// `firefox (process 4711)`, with the names as the programs give them.
pub fn programs(all: &[ProcessReport]) -> String {
    let named = all.iter().take(MAX_PROGRAMS);
    let mut texts: Vec<String> =
        named.map(|program| format!("{} (process {})", program.name, program.pid)).collect();
    if let Some(more) = all.len().checked_sub(MAX_PROGRAMS).filter(|more| *more > 0) {
        texts.push(format!("and {}", counted(more, "more process")));
    }
    texts.join(", ")
}

/// `1 call`, `2 calls`.
pub fn counted(count: usize, noun: &str) -> String {
    let plural = match (count, noun.ends_with('s')) {
        (1, _) => "",
        (_, false) => "s",
        (_, true) => "es",
    };
    format!("{} {noun}{plural}", number(count as u64))
}

/// A time span as milliseconds: `3.2 ms`, `238 ms`.
pub fn milliseconds(span: Duration) -> String {
    let microseconds = span.as_micros();
    if microseconds < 10_000 {
        format!("{}.{} ms", microseconds / 1000, microseconds / 100 % 10)
    } else {
        format!("{} ms", (microseconds + 500) / 1000)
    }
}

/// `192.0.2.1:443`, `[2001:db8::1]:443`, or the bare address where there is no port.
pub fn socket(address: IpAddr, port: Option<u16>) -> String {
    port.map_or_else(|| address.to_string(), |port| SocketAddr::new(address, port).to_string())
}

/// `proxy for a.example and 2 more`; `None` of a far end that is none.
pub fn proxied(endpoint: &SessionEndpoint) -> Option<String> {
    let first = endpoint.proxy_for.first()?;
    let more = endpoint.proxy_for.len() - 1;
    let rest = if more > 0 { format!(" and {} more", number(more as u64)) } else { String::new() };
    Some(format!("a proxy, asked for {first}{rest}; what is behind it is not in the capture"))
}

/// Of names, each with how it was learnt, the one that tells a person most: what the client asked for before what a
/// certificate allows or the capture file says, and no pattern where there is a name.
pub(super) fn best_name<'a>(names: impl IntoIterator<Item = (&'a str, &'a str)>) -> Option<&'a str> {
    let rank =
        |(name, via): &(&str, &str)| (name.starts_with('*'), matches!(*via, "certificate" | "capture"));
    names.into_iter().min_by_key(rank).map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_steer_a_terminal_is_escaped() {
        assert_eq!(escape("a\u{1b}[31mb\u{202e}c\n"), "a\\u{1b}[31mb\\u{202e}c\\u{a}");
        assert_eq!(escape("zoom.us/ü"), "zoom.us/ü");
    }

    #[test]
    fn a_name_that_was_asked_for_comes_before_a_certificate_and_any_before_a_pattern() {
        let names = [("*.a.example", "tls"), ("b.example", "certificate"), ("c.example", "dns")];
        assert_eq!(best_name(names), Some("c.example"));
        assert_eq!(best_name(names.into_iter().take(2)), Some("b.example"));
        assert_eq!(best_name([]), None);
    }

    #[test]
    fn bytes_have_two_or_three_digits() {
        let shown = [0, 999, 1000, 9_949, 48_123, 999_999, 4_120_000, u64::MAX].map(bytes);
        assert_eq!(shown, ["0 B", "999 B", "1.0 kB", "9.9 kB", "48 kB", "999 kB", "4.1 MB", "18 EB"]);
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([1, 999, 1000, 2_260_114].map(number), ["1", "999", "1,000", "2,260,114"]);
    }

    #[test]
    fn spans_are_rounded_to_what_is_worth_showing() {
        let shown =
            [38, 3_249, 238_400].map(|microseconds| milliseconds(Duration::from_micros(microseconds)));
        assert_eq!(shown, ["0.0 ms", "3.2 ms", "238 ms"]);
    }
}
