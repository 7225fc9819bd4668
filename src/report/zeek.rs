//! The flows as Zeek's `conn.log`, for what reads that.
//!
//! What Zeek counts and landfall does not is `-`, Zeek's word for not known: `orig_bytes` and `resp_bytes` are bytes of
//! payload there, `orig_ip_bytes` and `resp_ip_bytes` bytes from the IP header on; landfall counts whole frames and
//! has columns of its own for them. `conn_state` is Zeek's word for the flow's outcome, where it has one.

use super::Report;
use super::model::{EndpointReport, FlowReport, Time};
use super::text::is_plain;
use crate::locate::Confidence;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::net::IpAddr;

/// Not known.
const UNSET: &str = "-";
/// A list without elements.
const EMPTY: &str = "(empty)";

/// A field, its type in Zeek, and how it comes from a flow.
struct Field {
    name: &'static str,
    kind: &'static str,
    get: for<'a> fn(&Line<'a>) -> Option<Cow<'a, str>>,
}

/// A flow and what is around it.
struct Line<'a> {
    flow: &'a FlowReport,
    client: Option<&'a EndpointReport>,
    server: Option<&'a EndpointReport>,
    number: u64,
}

const fn field(
    name: &'static str,
    kind: &'static str,
    get: for<'a> fn(&Line<'a>) -> Option<Cow<'a, str>>,
) -> Field {
    Field { name, kind, get }
}

/// Those of Zeek's in Zeek's order, then ours.
const FIELDS: &[Field] = &[
    field("ts", "time", |line| Some(seconds(line.flow.start).into())),
    field("uid", "string", |line| Some(uid(line).into())),
    field("id.orig_h", "addr", |line| shown(line.flow.client.address)),
    field("id.orig_p", "port", |line| line.flow.client.port.and_then(shown)),
    field("id.resp_h", "addr", |line| shown(line.flow.server.address)),
    field("id.resp_p", "port", |line| line.flow.server.port.and_then(shown)),
    field("proto", "enum", |line| Some(proto(line.flow).into())),
    field("service", "string", |line| service(line.flow)),
    field("duration", "interval", |line| Some(duration(line.flow).into())),
    field("orig_bytes", "count", |_| None),
    field("resp_bytes", "count", |_| None),
    field("conn_state", "string", |line| state(line.flow).map(Cow::from)),
    field("local_orig", "bool", |_| None),
    field("local_resp", "bool", |_| None),
    field("missed_bytes", "count", |_| None),
    field("history", "string", |_| None),
    field("orig_pkts", "count", |line| shown(line.flow.packets_sent)),
    field("orig_ip_bytes", "count", |_| None),
    field("resp_pkts", "count", |line| shown(line.flow.packets_received)),
    field("resp_ip_bytes", "count", |_| None),
    field("tunnel_parents", "set[string]", |_| None),
    field("ip_proto", "count", |line| protocol(&line.flow.transport).and_then(shown)),
    field("orig_cc", "string", |line| country(line.client?)),
    field("resp_cc", "string", |line| country(line.server?)),
    field("landfall.orig_frame_bytes", "count", |line| shown(line.flow.bytes_sent)),
    field("landfall.resp_frame_bytes", "count", |line| shown(line.flow.bytes_received)),
    field("landfall.outcome", "string", |line| text(line.flow.outcome)),
    field("landfall.service", "string", |line| text(line.flow.service.as_ref()?.id())),
    field("landfall.role", "string", |line| text(line.flow.role.name())),
    field("landfall.contact", "string", |line| text(line.flow.contact.name())),
    field("landfall.session", "string", |line| text(line.flow.session.as_deref()?)),
    field("landfall.verdict", "string", |line| text(line.flow.verdict?.name())),
    field("landfall.resp_confidence", "string", |line| text(line.server?.location.confidence.name())),
    field("landfall.resp_claimed_cc", "set[string]", |line| Some(claimed(line.server?).into())),
    field("landfall.resp_asn", "count", |line| shown(line.server?.operator.as_ref()?.asn.number())),
    field("landfall.resp_org", "string", |line| {
        text(line.server?.operator.as_ref()?.organization.as_deref()?)
    }),
    field("landfall.resp_names", "set[string]", |line| Some(names(line.flow).into())),
];

/// Writes the flows of the report, which must have been made with them.
pub(super) fn write(report: &Report, out: &mut (dyn Write + Send)) -> io::Result<()> {
    out.write_all(
        b"#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n",
    )?;
    let times = || report.inputs.iter().filter_map(|input| Some((input.first_packet?, input.last_packet?)));
    // Zeek writes when it was running; the same capture is to give the same bytes.
    mark(out, "open", times().map(|(first, _)| first).min())?;
    header(out, "fields", |field| field.name)?;
    header(out, "types", |field| field.kind)?;
    for (flow, number) in report.flows.iter().flatten().zip(0..) {
        let line = Line {
            flow,
            client: report.endpoint(flow.client.address),
            server: report.endpoint(flow.server.address),
            number,
        };
        let cells = FIELDS.iter().map(|field| (field.get)(&line).unwrap_or(Cow::Borrowed(UNSET)));
        writeln!(out, "{}", cells.collect::<Vec<_>>().join("\t"))?;
    }
    mark(out, "close", times().map(|(_, last)| last).max())
}

fn header(out: &mut dyn Write, name: &str, of: impl Fn(&Field) -> &'static str) -> io::Result<()> {
    writeln!(out, "#{name}\t{}", FIELDS.iter().map(of).collect::<Vec<_>>().join("\t"))
}

/// A line with a time of day, as `2020-04-03-14-02-11`.
fn mark(out: &mut dyn Write, name: &str, time: Option<Time>) -> io::Result<()> {
    let shown = time.map(|time| time.at.rfc3339(crate::capture::Precision::new(0)).replace(['T', ':'], "-"));
    writeln!(out, "#{name}\t{}", shown.as_deref().map_or(UNSET, |time| time.trim_end_matches('Z')))
}

#[expect(clippy::unnecessary_wraps, clippy::needless_pass_by_value, reason = "what a field asks for")]
fn shown<'a>(value: impl ToString) -> Option<Cow<'a, str>> {
    Some(Cow::Owned(value.to_string()))
}

/// Seconds since 1970, as precise as the capture.
fn seconds(time: Time) -> String {
    decimal(time.at.to_string(), time)
}

fn duration(flow: &FlowReport) -> String {
    let span = flow.end.at.since(flow.start.at);
    decimal(format!("{}.{:09}", span.as_secs(), span.subsec_nanos()), flow.end)
}

/// Without the decimal places that the capture's clock does not have; Zeek's own logs have six.
fn decimal(mut text: String, time: Time) -> String {
    const ZEEK: u8 = 6;
    let cut = 9_u8.saturating_sub(time.precision.places().max(ZEEK));
    text.truncate(text.len().saturating_sub(usize::from(cut)));
    text
}

/// An id of the form of Zeek's: `C` and 17 letters and digits. It depends on nothing but the flow and its place in the
/// report, so that it is the same each time.
fn uid(line: &Line<'_>) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    const LENGTH: usize = 17;
    let flow = line.flow;
    let mut hash = Sha256::new();
    for end in [&flow.client, &flow.server] {
        let octets = match end.address {
            IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
            IpAddr::V6(address) => address.octets(),
        };
        hash.update(octets);
        hash.update(end.port.unwrap_or_default().to_be_bytes());
    }
    hash.update(flow.transport.as_bytes());
    hash.update(flow.start.at.nanoseconds().to_be_bytes());
    hash.update(line.number.to_be_bytes());
    let digits = hash.finalize();
    let letters = digits.iter().take(LENGTH).filter_map(|byte| DIGITS.get(usize::from(*byte) % DIGITS.len()));
    std::iter::once('C').chain(letters.map(|letter| char::from(*letter))).collect()
}

/// Zeek's `transport_proto`.
fn proto(flow: &FlowReport) -> &'static str {
    match flow.transport.as_str() {
        "tcp" => "tcp",
        "udp" => "udp",
        "icmp" | "icmpv6" => "icmp",
        _ => "unknown_transport",
    }
}

/// The IP protocol number.
pub(super) fn protocol(transport: &str) -> Option<u8> {
    match transport {
        "icmp" => Some(1),
        "tcp" => Some(6),
        "udp" => Some(17),
        "gre" => Some(47),
        "esp" => Some(50),
        "icmpv6" => Some(58),
        "sctp" => Some(132),
        other => other.strip_prefix("ip-")?.parse().ok(),
    }
}

/// The protocols that were recognised, by Zeek's names of its analyzers where it has one.
fn service(flow: &FlowReport) -> Option<Cow<'_, str>> {
    let mut names: Vec<&str> =
        flow.protocols.iter().map(|name| if *name == "tls" { "ssl" } else { name }).collect();
    names.sort_unstable();
    (!names.is_empty()).then(|| names.join(",").into())
}

/// Zeek's `conn_state`. It has none for a reset of which it is not known whose it was. `SF` is also said of a
/// connection that ended by FIN and then RST.
fn state(flow: &FlowReport) -> Option<&'static str> {
    let is_tcp = flow.transport == "tcp";
    let is_opened = flow.opened_by_client == Some(true);
    match (flow.outcome, flow.transport.as_str()) {
        (_, transport) if transport != "tcp" && transport != "udp" => Some("OTH"),
        // A TCP connection whose beginning is not in the capture.
        ("open" | "closed" | "server-only" | "unanswered" | "unreachable", _) if is_tcp && !is_opened => {
            Some("OTH")
        }
        ("unanswered" | "unreachable", _) => Some("S0"),
        ("refused", _) => Some("REJ"),
        ("open", _) => Some("S1"),
        ("closed", _) | ("answered", "udp") => Some("SF"),
        ("server-only", "udp") => Some("SHR"),
        _ => None,
    }
}

/// The country, if it is settled: the column has no room for a doubt.
fn country(endpoint: &EndpointReport) -> Option<Cow<'static, str>> {
    let location = &endpoint.location;
    let is_settled = location.confidence >= Confidence::Likely;
    location.country.filter(|_| is_settled).and_then(shown)
}

fn claimed(endpoint: &EndpointReport) -> String {
    let countries = endpoint.location.claimed_countries();
    set(countries.iter().map(|country| Cow::Borrowed(country.as_str())))
}

fn names(flow: &FlowReport) -> String {
    let mut names: Vec<&str> = flow.names.iter().map(|name| name.name.as_str()).collect();
    names.dedup();
    set(names.into_iter().map(|name| escape(name, true)))
}

fn set<'a>(elements: impl Iterator<Item = Cow<'a, str>>) -> String {
    let joined = elements.collect::<Vec<_>>().join(",");
    if joined.is_empty() { EMPTY.to_owned() } else { joined }
}

#[expect(clippy::unnecessary_wraps, reason = "what a field asks for")]
fn text(text: &str) -> Option<Cow<'_, str>> {
    Some(escape(text, false))
}

/// What separates fields or elements, steers a terminal, begins an escape or would be taken for another word, as
/// `\x` and the hexadecimal digits of its bytes.
fn escape(text: &str, in_set: bool) -> Cow<'_, str> {
    if text.is_empty() {
        return Cow::Borrowed(EMPTY);
    }
    let is_word = text == UNSET || text == EMPTY || text.starts_with('#');
    let is_special = |c: char| c == '\\' || (in_set && c == ',') || !is_plain(c);
    if !is_word && !text.contains(is_special) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len());
    for (character, place) in text.chars().zip(0_usize..) {
        if is_special(character) || (is_word && place == 0) {
            for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                let _ = write!(escaped, "\\x{byte:02x}");
            }
        } else {
            escaped.push(character);
        }
    }
    escaped.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The reader's side, as Zeek documents it.
    fn unescape(text: &str) -> Vec<u8> {
        let mut bytes = text.bytes();
        let mut plain = Vec::new();
        while let Some(byte) = bytes.next() {
            let is_escape = byte == b'\\' && bytes.next() == Some(b'x');
            plain.push(if is_escape {
                let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                u8::from_str_radix(str::from_utf8(&digits).unwrap(), 16).unwrap()
            } else {
                byte
            });
        }
        plain
    }

    #[test]
    fn what_separates_or_stands_for_something_is_escaped() {
        assert_eq!(escape("a\tb\\c\n", false), "a\\x09b\\x5cc\\x0a");
        assert_eq!(escape("a,b", true), "a\\x2cb");
        assert_eq!(escape("a,b", false), "a,b");
        assert_eq!(escape("-", false), "\\x2d");
        assert_eq!(escape("(empty)", false), "\\x28empty)");
        assert_eq!(escape("", false), "(empty)");
        assert_eq!(escape("#close", false), "\\x23close");
        assert_eq!(escape("zoom-1.zoom.us", true), "zoom-1.zoom.us");
    }

    proptest! {
        #[test]
        fn what_is_escaped_reads_back(text in "[\\PC\t\n\u{1b}\u{202e},\\\\-]{1,12}", in_set: bool) {
            let escaped = escape(&text, in_set);
            prop_assert_eq!(unescape(&escaped), text.as_bytes());
            prop_assert!(escaped.chars().all(is_plain) && !(in_set && escaped.contains(',')));
        }
    }
}
