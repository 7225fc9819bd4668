//! HTTP/1 (RFC 9112): the start line and the names in the head of a message.

use super::Probe;
use super::tls::{ServerName, text};

/// Bytes of a head that are looked at. Servers refuse more than 8 or 16 kB.
const MAX_HEAD: usize = 16 * 1024;
/// Bytes of a method; the longest registered one has 17.
const MAX_METHOD: usize = 20;
/// How the first line of a response begins, RFC 9112 section 4.
const RESPONSE: &[u8] = b"HTTP/1.";
/// Heads that are passed on the way to the tunnel of a CONNECT: each failed login has one.
const MAX_HEADS: usize = 4;

/// The head of a request or a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The start line.
    pub start: StartLine,
    /// What the `Host` header names, without the port.
    pub host: Option<ServerName>,
    /// The `Server` header of a response.
    pub server: Option<String>,
    /// Bytes of the body, by the `Content-Length` header.
    pub content_length: Option<u64>,
    /// Bytes of the head; `None` where its end is not there.
    pub length: Option<usize>,
}

/// The first line of a message, RFC 9112 section 2.1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartLine {
    /// Of a request.
    Request {
        /// The method, such as `GET` or `CONNECT`.
        method: String,
        /// The host in the target, where it is a URL or (of CONNECT) an authority.
        target_host: Option<ServerName>,
        /// The port next to it.
        target_port: Option<u16>,
    },
    /// Of a response.
    Response {
        /// The status code.
        status: u16,
    },
}

impl Head {
    /// The host a request is for: the one in its target before the header (RFC 9112 section 3.2.2).
    pub fn name(&self) -> Option<&ServerName> {
        let StartLine::Request { target_host, .. } = &self.start else { return None };
        target_host.as_ref().or(self.host.as_ref())
    }
}

/// Whether a stream begins like HTTP/1.
pub fn probe(stream: &[u8]) -> Probe {
    // The first word of a start line is short: what has none needs no search for the end of the line.
    let begin = stream.get(..=MAX_METHOD).unwrap_or(stream);
    let word = begin.split(|byte| matches!(byte, b' ' | b'\r' | b'\n')).next().unwrap_or_default();
    if !is_method(word) && !RESPONSE.starts_with(word) && !stream.starts_with(RESPONSE) {
        return Probe::NoMatch;
    }
    let line = line(stream).0;
    let whole = line.len() < stream.len();
    if start_line(line).is_some() {
        return if whole || line.starts_with(RESPONSE) { Probe::Match } else { Probe::NeedMore };
    }
    if !whole && stream.len() < MAX_HEAD && could_start(line) { Probe::NeedMore } else { Probe::NoMatch }
}

/// Reads the head that a stream begins with, as far as it is there; `None` if it is not HTTP/1.
pub fn parse(stream: &[u8]) -> Option<Head> {
    let bounded = stream.get(..MAX_HEAD).unwrap_or(stream);
    let (first, mut rest) = line(bounded);
    let mut head =
        Head { start: start_line(first)?, host: None, server: None, content_length: None, length: None };
    while !rest.is_empty() {
        let (field, after) = line(rest);
        if field.is_empty() && after.len() < rest.len() {
            head.length = bounded.len().checked_sub(after.len());
            break;
        }
        // A line without an end may be cut inside the value.
        if after.is_empty() && !rest.ends_with(b"\n") {
            break;
        }
        head.field(field);
        rest = after;
    }
    Some(head)
}

/// What a proxy carries after CONNECT: of a client's stream what follows the request, of a server's what follows
/// the answer that it is done. `None` where there is no tunnel (yet).
pub fn tunnelled(stream: &[u8]) -> Option<&[u8]> {
    let mut rest = stream;
    for _ in 0..MAX_HEADS {
        let head = parse(rest)?;
        rest = rest.get(head.length?..)?;
        match &head.start {
            StartLine::Request { method, .. } if method != "CONNECT" => return None,
            StartLine::Request { .. } if !is_connect(rest) => return Some(rest),
            StartLine::Response { status: 200..=299 } => return Some(rest),
            StartLine::Response { .. } => {
                let body = usize::try_from(head.content_length.unwrap_or_default()).ok()?;
                rest = rest.get(body..)?;
            }
            StartLine::Request { .. } => {}
        }
    }
    None
}

/// Whether another request to the proxy follows, or may: its first bytes are all there is.
fn is_connect(rest: &[u8]) -> bool {
    let connect = b"CONNECT ";
    rest.starts_with(connect) || connect.starts_with(rest)
}

impl Head {
    fn field(&mut self, field: &[u8]) {
        let Some(colon) = field.iter().position(|byte| *byte == b':') else { return };
        let Some((name, value)) = field.split_at_checked(colon) else { return };
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        if name.eq_ignore_ascii_case(b"host") && self.host.is_none() {
            self.host = host_and_port(value).0;
        } else if name.eq_ignore_ascii_case(b"server") && self.server.is_none() && !value.is_empty() {
            self.server = Some(text(value));
        } else if name.eq_ignore_ascii_case(b"content-length") {
            self.content_length = std::str::from_utf8(value).ok().and_then(|value| value.parse().ok());
        }
    }
}

/// The first line without its end, and what follows it.
fn line(bytes: &[u8]) -> (&[u8], &[u8]) {
    let bounded = bytes.get(..MAX_HEAD).unwrap_or(bytes);
    let Some(end) = memchr::memchr(b'\n', bounded) else { return (bytes, &[]) };
    let (line, rest) = bytes.split_at_checked(end).unwrap_or_default();
    (line.strip_suffix(b"\r").unwrap_or(line), rest.get(1..).unwrap_or_default())
}

fn start_line(line: &[u8]) -> Option<StartLine> {
    if let Some(rest) = line.strip_prefix(RESPONSE) {
        let [b'0' | b'1', b' ', code @ ..] = rest else { return None };
        let (code, after) = code.split_first_chunk::<3>()?;
        let ends = matches!(after, [] | [b' ', ..]);
        let status =
            std::str::from_utf8(code).ok()?.parse().ok().filter(|status| (100..1000).contains(status))?;
        return ends.then_some(StartLine::Response { status });
    }
    let line = line.strip_suffix(b" HTTP/1.1").or_else(|| line.strip_suffix(b" HTTP/1.0"))?;
    let mut parts = line.splitn(2, |byte| *byte == b' ');
    let (method, target) = (parts.next()?, parts.next()?);
    if !is_method(method) || method.is_empty() || target.is_empty() {
        return None;
    }
    let (target_host, target_port) = target_authority(method, target).map(host_and_port).unwrap_or_default();
    Some(StartLine::Request { method: text(method), target_host, target_port })
}

/// Whether a line that is not whole may become a start line.
fn could_start(line: &[u8]) -> bool {
    let method = line.split(|byte| *byte == b' ').next().unwrap_or_default();
    RESPONSE.starts_with(line) || line.starts_with(RESPONSE) || is_method(method)
}

/// Methods are tokens (RFC 9110 section 9.1); all that are registered have capitals and hyphens alone.
fn is_method(method: &[u8]) -> bool {
    method.len() <= MAX_METHOD && method.iter().all(|byte| byte.is_ascii_uppercase() || *byte == b'-')
}

/// The authority in the target of a request, RFC 9112 section 3.2.
fn target_authority<'a>(method: &[u8], target: &'a [u8]) -> Option<&'a [u8]> {
    if method == b"CONNECT" {
        return Some(target);
    }
    let scheme = target.windows(3).take(MAX_METHOD).position(|window| window == b"://")?;
    if target.starts_with(b"/") {
        return None;
    }
    let rest = target.get(scheme.saturating_add(3)..)?;
    let authority = rest.split(|byte| matches!(byte, b'/' | b'?' | b'#')).next()?;
    authority.rsplit(|byte| *byte == b'@').next()
}

/// Splits `host`, `host:port`, `[v6]` and `[v6]:port`.
fn host_and_port(authority: &[u8]) -> (Option<ServerName>, Option<u16>) {
    let parse = |port: &[u8]| std::str::from_utf8(port).ok().and_then(|port| port.parse().ok());
    if let Some(rest) = authority.strip_prefix(b"[") {
        let mut parts = rest.splitn(2, |byte| *byte == b']');
        let host = parts.next().unwrap_or_default();
        let port = parts.next().and_then(|port| port.strip_prefix(b":"));
        return (ServerName::from_wire(host), port.and_then(parse));
    }
    let mut parts = authority.splitn(2, |byte| *byte == b':');
    let host = parts.next().unwrap_or_default();
    (ServerName::from_wire(host), parts.next().and_then(parse))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const REQUEST: &[u8] = b"GET /a?b HTTP/1.1\r\nUser-Agent: x\r\nhOST:  zoom.example:8080 \r\n\r\nbody";

    fn name(stream: &[u8]) -> Option<String> {
        parse(stream)?.name().map(ToString::to_string)
    }

    #[test]
    fn a_request_is_for_the_host_of_its_header() {
        let head = parse(REQUEST).unwrap();
        assert_eq!(name(REQUEST).as_deref(), Some("zoom.example"));
        assert_eq!(head.length, Some(REQUEST.len() - 4));
        let start = StartLine::Request { method: "GET".into(), target_host: None, target_port: None };
        assert_eq!(head.start, start);
    }

    #[test]
    fn a_host_in_the_target_comes_before_the_header() {
        assert_eq!(
            name(b"GET http://u@a.example:81/x HTTP/1.1\r\nHost: b\r\n\r\n").as_deref(),
            Some("a.example")
        );
        assert_eq!(name(b"CONNECT [2001:db8::1]:443 HTTP/1.0\r\n\r\n").as_deref(), Some("2001:db8::1"));
        assert_eq!(name(b"GET /?u=http://c.example/ HTTP/1.1\r\nHost: d\r\n\r\n").as_deref(), Some("d"));
        let head = parse(b"CONNECT call.example:443 HTTP/1.1\r\n").unwrap();
        let StartLine::Request { method, target_host, target_port } = head.start else { panic!() };
        assert_eq!(
            (method.as_str(), target_host.unwrap().as_str(), target_port),
            ("CONNECT", "call.example", Some(443))
        );
    }

    #[test]
    fn a_response_has_status_and_server() {
        let head = parse(b"HTTP/1.1 503 No\r\nServer: nginx\r\nContent-Length: 7\r\n\r\n").unwrap();
        assert_eq!(head.start, StartLine::Response { status: 503 });
        assert_eq!((head.server.as_deref(), head.content_length), (Some("nginx"), Some(7)));
        assert_eq!(head.name(), None);
    }

    #[test]
    fn a_cut_head_gives_the_host_only_when_its_line_is_whole() {
        let end = REQUEST.windows(2).rposition(|window| window == b"\r\n").unwrap() - 1;
        for cut in 0..REQUEST.len() {
            let expected = (cut > end).then_some("zoom.example");
            assert_eq!(name(&REQUEST[..cut]).as_deref(), expected, "cut at {cut}");
        }
    }

    #[test]
    fn probing_has_three_answers() {
        for cut in 0..=REQUEST.len() {
            let expected = if cut < 19 { Probe::NeedMore } else { Probe::Match };
            assert_eq!(probe(&REQUEST[..cut]), expected, "cut at {cut}");
        }
        assert_eq!(probe(b"HTTP/1.1 200"), Probe::Match);
        assert_eq!(probe(b"HTTP/1."), Probe::NeedMore);
        for other in [
            &b"INVITE sip:a SIP/2.0\r\n"[..],
            b"get / HTTP/1.1\r\n",
            b"\x16\x03\x01",
            b"SSH-2.0-x",
            b"GET / HTTP/1.1x\r\n",
        ] {
            assert_eq!(probe(other), Probe::NoMatch);
        }
        assert_eq!(probe(&vec![b'A'; 2 * MAX_HEAD]), Probe::NoMatch);
    }

    #[test]
    fn a_tunnel_begins_behind_the_last_connect_and_the_answer_that_it_is_done() {
        let request = b"CONNECT a.example:443 HTTP/1.1\r\n\r\n";
        let client = [&request[..], request, b"\x16\x03\x01"].concat();
        assert_eq!(tunnelled(&client), Some(&b"\x16\x03\x01"[..]));
        assert_eq!(tunnelled(&client[..request.len() + 4]), None);
        let server = b"HTTP/1.1 407 Who\r\nContent-Length: 3\r\n\r\nwhoHTTP/1.1 200 OK\r\n\r\n\x16\x03\x03";
        assert_eq!(tunnelled(server), Some(&b"\x16\x03\x03"[..]));
        assert_eq!(tunnelled(REQUEST), None);
    }

    proptest! {
        #[test]
        fn no_bytes_do_harm(
            mut stream in prop_oneof![Just(REQUEST.to_vec()), proptest::collection::vec(any::<u8>(), 0..200)],
            place: prop::sample::Index,
            byte: u8,
        ) {
            let place = place.index(stream.len().max(1));
            stream.get_mut(place).into_iter().for_each(|at| *at = byte);
            let head = parse(&stream);
            let _ = tunnelled(&stream);
            prop_assert!(head.is_none() || probe(&stream) != Probe::NoMatch);
        }
    }
}
