//! SOCKS: how a client asks a proxy for a connection, versions 4, 4a and 5 (RFC 1928, RFC 1929).

use super::Probe;
use super::cursor::Cursor;
use super::facts::ProxyKind;
use super::tls::text;
use std::net::{Ipv4Addr, Ipv6Addr};

/// `CONNECT`, the command for connections.
const CONNECT: u8 = 1;
/// Methods that a client offers. Two are usual; more than there are registered (RFC 1928 section 3) is something else.
const MAX_METHODS: u8 = 10;
/// Bytes of a user's name or a host's in version 4, which ends it with a zero.
const MAX_TEXT: usize = 255;

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Which version.
    pub kind: ProxyKind,
    /// The host, a name or an address.
    pub host: String,
    /// Its port.
    pub port: u16,
}

/// Whether a client's stream begins like SOCKS.
pub fn probe(stream: &[u8]) -> Probe {
    match stream {
        [] | [5] => Probe::NeedMore,
        [5, 1..=MAX_METHODS, ..] | [4, CONNECT, ..] => match read_request(stream) {
            Read::Is(_) => Probe::Match,
            Read::Cut => Probe::NeedMore,
            Read::Not => Probe::NoMatch,
        },
        [4] => Probe::NeedMore,
        _ => Probe::NoMatch,
    }
}

/// The request in a client's stream, and what it sends through the proxy.
pub fn request(stream: &[u8]) -> Option<(Request, &[u8])> {
    match read_request(stream) {
        Read::Is(found) => Some(found),
        Read::Cut | Read::Not => None,
    }
}

/// What comes through a proxy: of its stream what follows the answer that the connection is there.
pub fn answered(stream: &[u8], kind: ProxyKind) -> Option<&[u8]> {
    let mut cursor = Cursor::new(stream);
    if kind == ProxyKind::Socks4 {
        let [0, 0x5a, ..] = cursor.array::<8>()? else { return None };
        return Some(cursor.rest());
    }
    let [5, method] = cursor.array()? else { return None };
    // RFC 1929: name and password were right.
    if method == 2 && !matches!(cursor.array()?, [1, 0]) {
        return None;
    }
    let [5, 0, 0] = cursor.array()? else { return None };
    host(&mut cursor)?;
    cursor.u16()?;
    Some(cursor.rest())
}

/// The outcome of reading what more bytes may come for.
enum Read<T> {
    Is(T),
    Cut,
    Not,
}

fn read_request(stream: &[u8]) -> Read<(Request, &[u8])> {
    let mut cursor = Cursor::new(stream);
    match cursor.u8() {
        Some(4) => version_4(cursor),
        Some(5) => version_5(cursor),
        Some(_) => Read::Not,
        None => Read::Cut,
    }
}

fn version_4(mut cursor: Cursor<'_>) -> Read<(Request, &[u8])> {
    if cursor.u8() != Some(CONNECT) {
        return Read::Not;
    }
    let (Some(port), Some(address)) = (cursor.u16(), cursor.array::<4>()) else { return Read::Cut };
    let user = match terminated(&mut cursor) {
        Read::Is(user) => user,
        Read::Cut => return Read::Cut,
        Read::Not => return Read::Not,
    };
    if !user.iter().all(u8::is_ascii_graphic) || port == 0 {
        return Read::Not;
    }
    // Version 4a: an address that is none says that a name follows.
    let host = match address {
        [0, 0, 0, 1..=u8::MAX] => match terminated(&mut cursor) {
            Read::Is(name) if !name.is_empty() => text(name),
            Read::Cut => return Read::Cut,
            _ => return Read::Not,
        },
        _ => Ipv4Addr::from(address).to_string(),
    };
    Read::Is((Request { kind: ProxyKind::Socks4, host, port }, cursor.rest()))
}

/// The bytes before the next zero.
fn terminated<'a>(cursor: &mut Cursor<'a>) -> Read<&'a [u8]> {
    let rest = cursor.rest();
    let searched = rest.get(..=MAX_TEXT).unwrap_or(rest);
    let Some(end) = searched.iter().position(|byte| *byte == 0) else {
        return if rest.len() > MAX_TEXT { Read::Not } else { Read::Cut };
    };
    let found = cursor.take_up_to(end);
    cursor.take_up_to(1);
    Read::Is(found)
}

fn version_5(mut cursor: Cursor<'_>) -> Read<(Request, &[u8])> {
    let Some(count) = cursor.u8() else { return Read::Cut };
    if !(1..=MAX_METHODS).contains(&count) {
        return Read::Not;
    }
    if cursor.take(count.into()).is_none() {
        return Read::Cut;
    }
    // The client's turn of RFC 1929.
    if cursor.rest().first() == Some(&1) {
        cursor.u8();
        if cursor.vector8().and_then(|_| cursor.vector8()).is_none() {
            return Read::Cut;
        }
    }
    match (cursor.u8(), cursor.u8(), cursor.u8()) {
        (Some(5), Some(CONNECT), Some(0)) => {}
        (Some(5), Some(CONNECT), None) | (Some(5), None, _) | (None, ..) => return Read::Cut,
        _ => return Read::Not,
    }
    if !matches!(cursor.rest().first(), None | Some(1 | 3 | 4)) {
        return Read::Not;
    }
    let Some((host, port)) = host(&mut cursor).zip(cursor.u16()) else { return Read::Cut };
    Read::Is((Request { kind: ProxyKind::Socks5, host, port }, cursor.rest()))
}

/// An address or a name, RFC 1928 section 5.
fn host(cursor: &mut Cursor<'_>) -> Option<String> {
    Some(match cursor.u8()? {
        1 => Ipv4Addr::from(cursor.array::<4>()?).to_string(),
        3 => text(cursor.vector8()?),
        4 => Ipv6Addr::from(cursor.array::<16>()?).to_string(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NAME: &[u8] = b"\x05\x02\x00\x02\x01\x02me\x02pw\x05\x01\x00\x03\x07zoom.us\x01\xbb";
    const ADDRESS: &[u8] = b"\x05\x01\x00\x05\x01\x00\x01\xc0\x00\x02\x07\x01\xbb";
    const FOUR_A: &[u8] = b"\x04\x01\x01\xbb\x00\x00\x00\x01me\x00zoom.us\x00";
    const FOUR: &[u8] = b"\x04\x01\x01\xbb\xc0\x00\x02\x07\x00";

    fn asked(kind: ProxyKind, host: &str) -> Request {
        Request { kind, host: host.into(), port: 443 }
    }

    #[test]
    fn a_request_names_a_host_and_a_port() {
        let table = [
            (NAME, asked(ProxyKind::Socks5, "zoom.us")),
            (ADDRESS, asked(ProxyKind::Socks5, "192.0.2.7")),
            (FOUR_A, asked(ProxyKind::Socks4, "zoom.us")),
            (FOUR, asked(ProxyKind::Socks4, "192.0.2.7")),
        ];
        for (bytes, expected) in table {
            let stream = [bytes, b"\x16\x03"].concat();
            assert_eq!(request(&stream), Some((expected, &b"\x16\x03"[..])));
            for cut in 0..bytes.len() {
                assert_eq!((request(&bytes[..cut]), probe(&bytes[..cut])), (None, Probe::NeedMore), "{cut}");
            }
            assert_eq!(probe(bytes), Probe::Match);
        }
    }

    #[test]
    fn other_streams_are_none() {
        let others: [&[u8]; 6] = [
            b"\x16\x03\x01",
            b"\x05\x00\x05\x01",
            b"\x05\x01\x00\x05\x02\x00\x01\xc0\x00\x02\x07\x01\xbb",
            b"\x05\x01\x00\x05\x01\x00\x09",
            b"\x04\x01\x00\x00\xc0\x00\x02\x07\x00",
            b"\x04\x02\x01\xbb\xc0\x00\x02\x07\x00",
        ];
        for other in others {
            assert_eq!((probe(other), request(other)), (Probe::NoMatch, None), "{other:?}");
        }
    }

    #[test]
    fn what_a_server_says_begins_behind_the_proxys_answer() {
        let five = b"\x05\x02\x01\x00\x05\x00\x00\x01\xc0\x00\x02\x01\x12\x34\x16";
        assert_eq!(answered(five, ProxyKind::Socks5), Some(&b"\x16"[..]));
        let refused = b"\x05\x00\x05\x05\x00\x01\xc0\x00\x02\x01\x12\x34\x16";
        assert_eq!(answered(refused, ProxyKind::Socks5), None);
        let four = b"\x00\x5a\x00\x00\x00\x00\x00\x00\x16";
        assert_eq!(answered(four, ProxyKind::Socks4), Some(&b"\x16"[..]));
        assert_eq!(answered(b"\x00\x5b\x00\x00\x00\x00\x00\x00\x16", ProxyKind::Socks4), None);
        for cut in 0..five.len() - 1 {
            assert_eq!(answered(&five[..cut], ProxyKind::Socks5), None);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_do_harm(
            start in prop::sample::select(vec![NAME, ADDRESS, FOUR_A, FOUR, b""]),
            rest in proptest::collection::vec(any::<u8>(), 0..300),
            place: prop::sample::Index,
            byte: u8,
        ) {
            let mut stream = [start, &rest].concat();
            let place = place.index(stream.len().max(1));
            stream.get_mut(place).into_iter().for_each(|at| *at = byte);
            prop_assert_eq!(request(&stream).is_some(), probe(&stream) == Probe::Match);
            let _ = (answered(&stream, ProxyKind::Socks4), answered(&stream, ProxyKind::Socks5));
        }
    }
}
