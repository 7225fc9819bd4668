//! SIP, RFC 3261, over UDP and TCP: who calls whom through which hosts. Descriptions of media in its bodies are
//! read by [`super::sdp`].

use super::Probe;
use std::net::IpAddr;

/// Header lines read of one message. Real messages have some twenty.
const MOST_HEADERS: usize = 128;
/// Hosts kept of one message: each proxy on the way adds one.
const MOST_HOSTS: usize = 32;
/// Bytes of a line in which the name of a header that matters ends, spaces after it among them.
const LONGEST_FIELD: usize = 32;
const VERSION: &[u8] = b"SIP/2.0";
/// RFC 3261 and its extensions.
const METHODS: [&str; 14] = [
    "ACK",
    "BYE",
    "CANCEL",
    "INFO",
    "INVITE",
    "MESSAGE",
    "NOTIFY",
    "OPTIONS",
    "PRACK",
    "PUBLISH",
    "REFER",
    "REGISTER",
    "SUBSCRIBE",
    "UPDATE",
];

/// One SIP message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Request or response.
    pub start: StartLine<'a>,
    /// The body if it is a description of media, for [`super::sdp::parse`].
    pub description: Option<&'a [u8]>,
    /// What a request asks for.
    target: Option<&'a str>,
    lines: Lines<'a>,
}

/// The first line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartLine<'a> {
    /// Something is asked.
    Request {
        /// INVITE, REGISTER, ...
        method: &'a str,
    },
    /// The answer.
    Response {
        /// 100 to 699: 1xx goes on, 2xx granted, 3xx elsewhere, 4xx and above refused.
        code: u16,
    },
}

/// A host in a message and what named it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamedHost<'a> {
    /// What named it.
    pub source: HostSource,
    /// The host.
    pub host: Host<'a>,
    /// Its port, if one is given.
    pub port: Option<u16>,
}

/// What named a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HostSource {
    /// Contact: where the sender wants to be reached.
    Contact,
    /// From: the caller's identity.
    From,
    /// Record-Route or Route: a proxy on the way.
    Route,
    /// The request's target.
    Target,
    /// To: the called identity.
    To,
    /// Via: the sender's or a proxy's own idea of its address.
    Via,
    /// `received` and `rport` in Via: the address as the next host saw it.
    ViaReceived,
}

/// A host by address or by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host<'a> {
    /// An address.
    Address(IpAddr),
    /// A name.
    Name(&'a str),
}

/// Whether bytes begin a SIP message.
pub fn probe(bytes: &[u8]) -> Probe {
    let begins = |start: &[u8]| match bytes.len() >= start.len() {
        true if bytes.starts_with(start) => Probe::Match,
        false if start.starts_with(bytes) => Probe::NeedMore,
        _ => Probe::NoMatch,
    };
    let Some(first) = bytes.first() else { return Probe::NeedMore };
    if *first == b'S' && begins(b"SIP/2.0 ") != Probe::NoMatch {
        return begins(b"SIP/2.0 ");
    }
    let methods =
        METHODS.iter().map(|method| method.as_bytes()).filter(|method| method.first() == Some(first));
    let best = methods.map(begins).max_by_key(|probe| (*probe == Probe::Match, *probe == Probe::NeedMore));
    match best {
        Some(Probe::Match) => probe_request(bytes),
        other => other.unwrap_or(Probe::NoMatch),
    }
}

/// A method is also a common word: only the version at the end of the line proves SIP.
fn probe_request(bytes: &[u8]) -> Probe {
    match line_end(bytes) {
        Some(end) if bytes.get(..end).is_some_and(|line| line.ends_with(VERSION)) => Probe::Match,
        Some(_) => Probe::NoMatch,
        None => Probe::NeedMore,
    }
}

/// Reads the message at the start of `bytes`. A message that is cut gives the lines before the cut.
pub fn parse(bytes: &[u8]) -> Option<Message<'_>> {
    split(bytes).map(|(message, _)| message)
}

/// The messages of a TCP stream, by Content-Length (RFC 3261 section 18.3), up to the first that is not SIP.
pub fn stream(bytes: &[u8]) -> impl Iterator<Item = Message<'_>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        // Empty lines between messages keep a connection alive (RFC 5626 section 3.5.1).
        rest = rest.trim_ascii_start();
        let (message, after) = split(rest)?;
        rest = after;
        Some(message)
    })
}

/// The message at the start of `bytes` and what follows it.
fn split(bytes: &[u8]) -> Option<(Message<'_>, &[u8])> {
    let (first, rest) = next_line(bytes)?;
    let mut lines = Lines { rest, left: MOST_HEADERS, whole: false };
    let mut message = start_line(std::str::from_utf8(first).ok()?, lines.clone())?;
    let mut body_length = None;
    let mut has_description = false;
    for line in lines.by_ref() {
        // Only these two say what the body is.
        if may_tell_of_body(line) {
            match header(line) {
                Some((Field::ContentLength, value)) => body_length = value.parse::<usize>().ok(),
                Some((Field::ContentType, value)) => has_description |= is_description(value),
                _ => {}
            }
        }
    }
    if !lines.whole {
        return Some((message, &[]));
    }
    let end = body_length.unwrap_or(lines.rest.len()).min(lines.rest.len());
    let (body, after) = lines.rest.split_at_checked(end)?;
    message.description = (has_description && !body.is_empty()).then_some(body);
    Some((message, after))
}

/// Whether a header line may be Content-Length or Content-Type, in either of their forms.
fn may_tell_of_body(line: &[u8]) -> bool {
    match line {
        [b'c' | b'C' | b'l' | b'L', second, ..] if *second == b':' || second.is_ascii_whitespace() => true,
        [b'c' | b'C', _, _, _, b'e' | b'E', ..] => true,
        _ => false,
    }
}

fn is_description(media_type: &str) -> bool {
    let wanted = b"application/sdp";
    media_type.as_bytes().get(..wanted.len()).is_some_and(|start| start.eq_ignore_ascii_case(wanted))
}

fn start_line<'a>(line: &'a str, lines: Lines<'a>) -> Option<Message<'a>> {
    let mut message =
        Message { start: StartLine::Response { code: 0 }, description: None, target: None, lines };
    if let Some(rest) = line.strip_prefix("SIP/2.0 ") {
        let code = rest.get(..3)?.parse().ok().filter(|code| (100..700).contains(code))?;
        message.start = StartLine::Response { code };
        return Some(message);
    }
    let (method, rest) = line.split_once(' ')?;
    let (target, version) = rest.split_once(' ')?;
    if !METHODS.contains(&method) || version.as_bytes() != VERSION {
        return None;
    }
    message.start = StartLine::Request { method };
    message.target = Some(target);
    Some(message)
}

impl<'a> Message<'a> {
    /// Hosts that the message names, with what named them, in order.
    pub fn hosts(&self) -> Vec<NamedHost<'a>> {
        let mut hosts: Vec<_> = self.target().into_iter().collect();
        for (field, value) in self.headers() {
            let list = |source| value.split(',').filter_map(move |uri| of_uri(source, uri));
            match field {
                Field::Contact => hosts.extend(list(HostSource::Contact)),
                Field::From => hosts.extend(of_uri(HostSource::From, value)),
                Field::Route => hosts.extend(list(HostSource::Route)),
                Field::To => hosts.extend(of_uri(HostSource::To, value)),
                Field::Via => hosts.extend(value.split(',').flat_map(of_via)),
                _ => {}
            }
            hosts.truncate(MOST_HOSTS);
        }
        hosts
    }

    fn headers(&self) -> impl Iterator<Item = (Field, &'a str)> + use<'a> {
        self.lines.clone().filter_map(header)
    }

    /// Call-ID: the same in all messages of a call.
    pub fn call_id(&self) -> Option<&'a str> {
        self.last(Field::CallId)
    }

    /// `CSeq`: number and method; pairs a request with its responses.
    pub fn sequence(&self) -> Option<&'a str> {
        self.last(Field::Sequence)
    }

    /// User-Agent or Server: the sender's product.
    pub fn product(&self) -> Option<&'a str> {
        self.last(Field::Product)
    }

    fn last(&self, wanted: Field) -> Option<&'a str> {
        self.headers().filter(|(field, _)| *field == wanted).last().map(|(_, value)| value)
    }

    /// The host that a request is for.
    pub fn target(&self) -> Option<NamedHost<'a>> {
        self.target.and_then(|target| of_uri(HostSource::Target, target))
    }

    /// The addresses of senders as the next hosts on the way saw them, in order.
    pub fn received(&self) -> impl Iterator<Item = NamedHost<'a>> + use<'a> {
        let lines = self.lines.clone().filter(|line| matches!(line.first(), Some(b'v' | b'V')));
        let vias = lines.filter_map(header).filter(|(field, _)| *field == Field::Via);
        let hosts = vias.flat_map(|(_, value)| value.split(',')).flat_map(of_via);
        hosts.filter(|host| host.source == HostSource::ViaReceived).take(MOST_HOSTS)
    }
}

/// The header lines of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Lines<'a> {
    rest: &'a [u8],
    /// Lines that may still be read.
    left: usize,
    /// Whether the body begins where the lines end; not so where they are cut.
    whole: bool,
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<Self::Item> {
        if self.whole {
            return None;
        }
        let (line, after) = next_line(self.rest)?;
        self.rest = after;
        self.left = self.left.saturating_sub(1);
        self.whole = line.is_empty() || self.left == 0;
        (!line.is_empty()).then_some(line)
    }
}

/// A header that matters and its value; `None` for others, and for what is not UTF-8.
fn header(line: &[u8]) -> Option<(Field, &str)> {
    let (name, value) =
        line.split_at_checked(line.iter().take(LONGEST_FIELD).position(|byte| *byte == b':')?)?;
    let field = Field::of(name.trim_ascii_end())?;
    Some((field, std::str::from_utf8(value.get(1..)?).ok()?.trim()))
}

/// A line without its end, and what follows; `None` if the line does not end.
fn next_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (line, after) = bytes.split_at_checked(line_end(bytes)?)?;
    let after = after.strip_prefix(b"\r").unwrap_or(after);
    Some((line, after.strip_prefix(b"\n").unwrap_or(after)))
}

fn line_end(bytes: &[u8]) -> Option<usize> {
    let end = memchr::memchr(b'\n', bytes)?;
    Some(if end > 0 && bytes.get(end - 1) == Some(&b'\r') { end - 1 } else { end })
}

/// A header that matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    CallId,
    Contact,
    ContentLength,
    ContentType,
    From,
    Product,
    Route,
    Sequence,
    To,
    Via,
}

impl Field {
    /// The field of a name in any case, or of its one-letter form (RFC 3261 section 7.3.3).
    fn of(name: &[u8]) -> Option<Self> {
        let is = |wanted: &str, field| name.eq_ignore_ascii_case(wanted.as_bytes()).then_some(field);
        // The length tells nearly all of them apart.
        match name.len() {
            1 => match name.first()?.to_ascii_lowercase() {
                b'i' => Some(Self::CallId),
                b'm' => Some(Self::Contact),
                b'l' => Some(Self::ContentLength),
                b'c' => Some(Self::ContentType),
                b'f' => Some(Self::From),
                b't' => Some(Self::To),
                b'v' => Some(Self::Via),
                _ => None,
            },
            2 => is("to", Self::To),
            3 => is("via", Self::Via),
            4 => is("from", Self::From).or_else(|| is("cseq", Self::Sequence)),
            5 => is("route", Self::Route),
            6 => is("server", Self::Product),
            7 => is("call-id", Self::CallId).or_else(|| is("contact", Self::Contact)),
            10 => is("user-agent", Self::Product),
            12 => is("content-type", Self::ContentType).or_else(|| is("record-route", Self::Route)),
            14 => is("content-length", Self::ContentLength),
            _ => None,
        }
    }
}

/// `"Display name" <sip:user:password@host:port;parameters?headers>`, or without the brackets.
fn of_uri(source: HostSource, value: &str) -> Option<NamedHost<'_>> {
    let uri = value
        .split_once('<')
        .map_or(value, |(_, rest)| rest.split_once('>').map_or(rest, |(uri, _)| uri))
        .trim();
    let (scheme, rest) = uri.split_once(':')?;
    if !scheme.eq_ignore_ascii_case("sip") && !scheme.eq_ignore_ascii_case("sips") {
        return None;
    }
    let rest = rest.split(['?', ';']).next().unwrap_or_default();
    let authority = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    of_authority(source, authority)
}

/// `SIP/2.0/UDP host:port;received=address;rport=port;branch=...`: the host as it sees itself, and as the next one saw it.
fn of_via(value: &str) -> impl Iterator<Item = NamedHost<'_>> {
    let rest = value.trim().split_once(char::is_whitespace).map_or("", |(_, rest)| rest);
    let mut parts = rest.split(';').map(str::trim);
    let own = of_authority(HostSource::Via, parts.next().unwrap_or_default());
    let (mut received, mut port) = (None, None);
    for part in parts {
        match part.split_once('=') {
            Some(("received", address)) => received = address_of(address),
            Some(("rport", number)) => port = number.parse().ok(),
            _ => {}
        }
    }
    let seen = received.map(|address| NamedHost {
        source: HostSource::ViaReceived,
        host: Host::Address(address),
        port,
    });
    own.into_iter().chain(seen)
}

/// `host`, `host:port`, `[address]` or `[address]:port`.
fn of_authority(source: HostSource, authority: &str) -> Option<NamedHost<'_>> {
    let authority = authority.trim();
    let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, rest)) => (host, rest.strip_prefix(':')),
        None => authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
    };
    let host = match address_of(host) {
        Some(address) => Host::Address(address),
        None if is_name(host) => Host::Name(host),
        None => return None,
    };
    Some(NamedHost { source, host, port: port.and_then(|port| port.trim().parse().ok()) })
}

fn address_of(text: &str) -> Option<IpAddr> {
    text.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// A host name by RFC 1123: letters, digits, hyphens and dots.
fn is_name(host: &str) -> bool {
    !host.is_empty()
        && host.len() <= 253
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identify::captures;
    use crate::identify::sdp;
    use proptest::prelude::*;

    const INVITE: &str = "INVITE sip:bob@biloxi.example SIP/2.0\r\n\
        Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9;received=198.51.100.7;rport=40000, SIP/2.0/TCP [2001:db8::9]\r\n\
        f: \"Alice, A.\" <sip:alice@atlanta.example>;tag=1\r\n\
        To: sip:bob@biloxi.example;x=1\r\n\
        Call-ID: 3848276298220188511@atlanta.example\r\n\
        CSeq: 2 INVITE\r\n\
        Contact: <sip:alice@192.0.2.1:5061;transport=tcp>\r\n\
        Record-Route: <sip:p1.example;lr>,<sip:p2.example;lr>\r\n\
        User-Agent: example 1.0\r\n\
        Content-Type: application/sdp\r\n\
        Content-Length: 29\r\n\r\n\
        v=0\r\nc=IN IP4 192.0.2.101\r\n\r\nSIP/2.0 200 OK\r\n\r\n";

    fn hosts(message: &Message<'_>, source: HostSource) -> Vec<(String, Option<u16>)> {
        let hosts = message.hosts();
        let named = hosts.iter().filter(|named| named.source == source);
        named
            .map(|named| match named.host {
                Host::Address(address) => (address.to_string(), named.port),
                Host::Name(name) => (name.to_owned(), named.port),
            })
            .collect()
    }

    #[test]
    fn an_invitation_names_its_hosts() {
        let message = parse(INVITE.as_bytes()).unwrap();
        assert_eq!(message.start, StartLine::Request { method: "INVITE" });
        assert_eq!(message.call_id(), Some("3848276298220188511@atlanta.example"));
        assert_eq!((message.sequence(), message.product()), (Some("2 INVITE"), Some("example 1.0")));
        let expected = [
            (HostSource::Target, vec![("biloxi.example", None)]),
            (HostSource::Via, vec![("192.0.2.1", Some(5060)), ("2001:db8::9", None)]),
            (HostSource::ViaReceived, vec![("198.51.100.7", Some(40000))]),
            (HostSource::From, vec![("atlanta.example", None)]),
            (HostSource::To, vec![("biloxi.example", None)]),
            (HostSource::Contact, vec![("192.0.2.1", Some(5061))]),
            (HostSource::Route, vec![("p1.example", None), ("p2.example", None)]),
        ];
        for (source, names) in expected {
            let names: Vec<_> = names.into_iter().map(|(name, port)| (name.to_owned(), port)).collect();
            assert_eq!(hosts(&message, source), names, "{source:?}");
        }
        assert_eq!(message.target().into_iter().collect::<Vec<_>>(), message.hosts()[..1]);
        assert_eq!(message.received().collect::<Vec<_>>(), message.hosts()[2..3]);
        assert_eq!(message.description, Some(&b"v=0\r\nc=IN IP4 192.0.2.101\r\n\r\n"[..]));
    }

    #[test]
    fn a_stream_is_cut_by_content_length() {
        let codes: Vec<_> = stream(INVITE.as_bytes()).map(|message| message.start).collect();
        assert_eq!(codes, [StartLine::Request { method: "INVITE" }, StartLine::Response { code: 200 }]);
    }

    #[test]
    fn probing_has_three_answers() {
        assert_eq!(probe(INVITE.as_bytes()), Probe::Match);
        assert_eq!(probe(b"SIP/2.0 180 Ringing\r\n"), Probe::Match);
        assert_eq!(probe(b"INVI"), Probe::NeedMore);
        assert_eq!(probe(b"OPTIONS sip:a"), Probe::NeedMore);
        assert_eq!(probe(b"OPTIONS / HTTP/1.1\r\n"), Probe::NoMatch);
        assert_eq!(probe(b"HTTP/1.1 200 OK\r\n"), Probe::NoMatch);
    }

    #[test]
    fn every_truncation_gives_the_lines_before_the_cut() {
        let (mut most, first_line) = (0, INVITE.find('\n').unwrap());
        for captured in 0..INVITE.len() {
            let Some(message) = parse(&INVITE.as_bytes()[..captured]) else {
                assert!(captured <= first_line);
                continue;
            };
            assert!(message.hosts().len() >= most);
            most = message.hosts().len();
        }
        assert_eq!(most, 9);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = probe(&bytes);
            prop_assert!(stream(&bytes).count() <= bytes.len());
        }

        #[test]
        fn no_header_makes_it_panic(line in "(Via|Contact|f|To|Route|l): [\\[\\]<>:;,=@a-z0-9 ]{0,60}") {
            let text = format!("SIP/2.0 200 OK\r\n{line}\r\n\r\n");
            prop_assert!(parse(text.as_bytes()).is_some());
        }
    }

    #[test]
    fn real_calls_are_read() {
        for (name, messages, addresses) in [("ndpi/sip.pcap", 81, 10), ("zeek/sip_wireshark.pcap", 81, 10)] {
            let payloads = captures::payloads(name);
            if payloads.is_empty() {
                continue;
            }
            let found: Vec<_> = payloads.iter().filter_map(|payload| parse(&payload.bytes)).collect();
            assert_eq!(found.len(), messages, "{name}");
            let received = found.iter().flat_map(|message| hosts(message, HostSource::ViaReceived));
            assert!(received.count() >= addresses, "{name}");
            let descriptions: Vec<_> =
                found.iter().filter_map(|message| message.description).map(sdp::parse).collect();
            assert!(!descriptions.is_empty());
            assert!(
                descriptions.iter().all(|description| !description.mentions.is_empty()),
                "{descriptions:?}"
            );
        }
    }
}
