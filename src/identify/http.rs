//! HTTP/1 (RFC 9112): the start line and the names in the head of a message.

use super::Probe;
use super::tls::{ServerName, text};

/// Bytes of a head that are looked at. Servers refuse more than 8 or 16 kB.
const MAX_HEAD: usize = 16 * 1024;
/// Bytes of a method; the longest registered one has 17.
const MAX_METHOD: usize = 20;
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
    let line = line(stream).0;
    let whole = line.len() < stream.len();
    if start_line(line).is_some() {
        return if whole || line.starts_with(b"HTTP/1.") { Probe::Match } else { Probe::NeedMore };
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
            StartLine::Request { .. } if !rest.starts_with(b"CONNECT ") => return Some(rest),
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
    let Some(end) = bounded.iter().position(|byte| *byte == b'\n') else { return (bytes, &[]) };
    let (line, rest) = bytes.split_at_checked(end).unwrap_or_default();
    (line.strip_suffix(b"\r").unwrap_or(line), rest.get(1..).unwrap_or_default())
}

fn start_line(line: &[u8]) -> Option<StartLine> {
    if let Some(rest) = line.strip_prefix(b"HTTP/1.") {
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
    let response = b"HTTP/1.";
    let method = line.split(|byte| *byte == b' ').next().unwrap_or_default();
    response.starts_with(line) || line.starts_with(response) || is_method(method)
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
