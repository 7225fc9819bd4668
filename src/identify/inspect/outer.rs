//! What lies around the protocol of a TCP connection: what a client says to a proxy, or the agreement to begin TLS.

use super::Feed;
use crate::identify::facts::{Direction, ProxyKind, Tunnel};
use crate::identify::{Probe, http, socks, tls};

/// Bytes before the inner protocol that are waited for: logins at a proxy, greetings of mail and chat servers.
pub(super) const MAX_OUTER: usize = 16 * 1024;
/// How clients ask to go on with TLS: SMTP, IMAP and XMPP (RFC 3207, RFC 9051, RFC 6120), POP3, FTP (RFC 2595, RFC 4217).
const START_TLS: [&[u8]; 3] = [b"STARTTLS", b"STLS\r\n", b"AUTH TLS"];

/// What lies around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outer {
    /// An HTTP proxy's tunnel.
    Http,
    /// A SOCKS proxy's.
    Socks(ProxyKind),
    /// The same server, before it goes over to TLS.
    StartTls,
}

impl Outer {
    /// Finds it in the first bytes of a stream, and whom a proxy is asked for.
    pub(super) fn find(feed: &Feed, stream: &[u8]) -> Option<(Self, Option<Tunnel>)> {
        let packet = feed.packet;
        match (stream.first()?, feed.direction) {
            (4 | 5, Direction::FromClient) => {
                let (asked, _) = socks::request(stream)?;
                let (kind, port) = (asked.kind, Some(asked.port));
                let tunnel = Tunnel { kind, host: asked.host, port, packet, is_used: false };
                Some((Self::Socks(kind), Some(tunnel)))
            }
            (b'A'..=b'Z', Direction::FromClient) if stream.starts_with(b"CONNECT ") => {
                let (kind, (host, port)) = (ProxyKind::HttpConnect, connect(stream)?);
                Some((Self::Http, Some(Tunnel { kind, host, port, packet, is_used: false })))
            }
            // The answer to a CONNECT that is not in the capture.
            (b'H', Direction::FromServer) => {
                let inner = http::tunnelled(stream)?;
                (tls::probe(inner) == Probe::Match).then_some((Self::Http, None))
            }
            (b' '..=b'~', Direction::FromClient) => {
                let start = tls::find(stream)?;
                asks_for_tls(stream.get(..start)?).then_some((Self::StartTls, None))
            }
            _ => None,
        }
    }

    /// Whether [`Self::find`] may find something in a stream with this beginning once more of it has come.
    pub(super) fn may_begin(direction: Direction, stream: &[u8]) -> bool {
        match direction {
            Direction::FromClient => matches!(stream, [] | [4 | 5 | b' '..=b'~', ..]),
            Direction::FromServer => matches!(stream, [] | [b'H', ..]),
        }
    }

    /// What lies inside; `None` where it has not begun.
    pub(super) fn inner(self, direction: Direction, stream: &[u8]) -> Option<&[u8]> {
        match (self, direction) {
            (Self::Http, _) => http::tunnelled(stream),
            (Self::Socks(_), Direction::FromClient) => socks::request(stream).map(|(_, inner)| inner),
            (Self::Socks(kind), Direction::FromServer) => socks::answered(stream, kind),
            (Self::StartTls, _) => stream.get(tls::find(stream)?..),
        }
    }
}

/// Whom an HTTP proxy is asked for, if it is.
fn connect(stream: &[u8]) -> Option<(String, Option<u16>)> {
    if http::probe(stream) != Probe::Match {
        return None;
    }
    match http::parse(stream)?.start {
        http::StartLine::Request { target_host: Some(host), target_port, .. } => {
            Some((host.as_str().to_owned(), target_port))
        }
        _ => None,
    }
}

fn asks_for_tls(preamble: &[u8]) -> bool {
    let says = |words: &[u8]| preamble.windows(words.len()).any(|window| window.eq_ignore_ascii_case(words));
    START_TLS.into_iter().any(says)
}
