//! TLS over TCP (RFC 8446, RFC 5246 and before): what each side says in clear, out of the first bytes of its stream.

mod handshake;
mod hello;
mod name;
mod reader;

pub use handshake::{Alert, Flight, is_established};
pub use hello::{ClientHello, EncryptedHello, ServerHello, TlsVersion};
pub use name::{NameKind, ServerName};
pub use reader::TlsReader;

pub(crate) use handshake::{CLIENT_HELLO, SERVER_HELLO, alert_name};
pub(crate) use hello::Dialect;
pub(crate) use name::text;

use super::Probe;
use super::cursor::Cursor;

/// Bytes of a record's content, RFC 5246 section 6.2.3. TLS 1.3 allows less.
pub(crate) const MAX_RECORD: u16 = (1 << 14) + 2048;

/// `change_cipher_spec`, RFC 8446 section 5.1.
pub(crate) const CHANGE_CIPHER_SPEC: u8 = 20;
/// `alert`, RFC 8446 section 5.1.
pub(crate) const ALERT: u8 = 21;
/// `handshake`, RFC 8446 section 5.1.
pub(crate) const HANDSHAKE: u8 = 22;
/// `application_data`, RFC 8446 section 5.1.
pub(crate) const APPLICATION_DATA: u8 = 23;
/// `heartbeat`, RFC 6520 section 3.
pub(crate) const HEARTBEAT: u8 = 24;

/// Whether a reader wants more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There may be more to learn.
    NeedMore,
    /// There is nothing more to learn in this direction: its bytes can be let go.
    Done,
}

/// Whether a stream begins like TLS. It need not begin at the handshake.
pub fn probe(stream: &[u8]) -> Probe {
    if let Some([first, ..]) = stream.first_chunk::<1>()
        && first & 0x80 != 0
    {
        return probe_sslv2(stream);
    }
    match Header::read(stream) {
        Outcome::Cut => Probe::NeedMore,
        Outcome::Not => Probe::NoMatch,
        Outcome::Is(header) => probe_content(header, stream.get(Header::LENGTH..).unwrap_or_default()),
    }
}

/// Looks at the first bytes inside a record: those of hellos and alerts are known.
fn probe_content(header: Header, content: &[u8]) -> Probe {
    match (header.kind, content) {
        (HANDSHAKE | CHANGE_CIPHER_SPEC, []) | (HANDSHAKE, [CLIENT_HELLO | SERVER_HELLO]) => Probe::NeedMore,
        (HANDSHAKE, [CLIENT_HELLO | SERVER_HELLO, high, ..]) if *high != 0 => Probe::NoMatch,
        (CHANGE_CIPHER_SPEC, content) if header.length != 1 || !content.starts_with(&[1]) => Probe::NoMatch,
        _ => Probe::Match,
    }
}

fn probe_sslv2(stream: &[u8]) -> Probe {
    match sslv2_hello(stream) {
        Outcome::Cut => Probe::NeedMore,
        Outcome::Not => Probe::NoMatch,
        Outcome::Is(_) => Probe::Match,
    }
}

/// Bytes before a handshake that are searched: greetings of mail and chat servers, and requests to a proxy.
const MAX_PREAMBLE: usize = 4096;

/// Where a handshake begins in a stream that begins as another protocol: STARTTLS (RFC 3207), SOCKS (RFC 1928), HTTP
/// CONNECT, the PROXY protocol. `None` where there is no whole beginning of a hello.
pub fn find(stream: &[u8]) -> Option<usize> {
    let searched = stream.get(..MAX_PREAMBLE).unwrap_or(stream);
    let starts = searched.iter().enumerate().filter(|(_, byte)| **byte == HANDSHAKE).map(|(start, _)| start);
    starts.into_iter().find(|start| stream.get(*start..).is_some_and(is_hello))
}

/// Whether bytes begin with a record that begins with a hello, whose lengths and versions are possible.
fn is_hello(bytes: &[u8]) -> bool {
    let Outcome::Is(header) = Header::read(bytes) else { return false };
    let mut cursor = Cursor::new(bytes.get(Header::LENGTH..).unwrap_or_default());
    let (kind, length, version) = (cursor.u8(), cursor.u24(), cursor.u16());
    header.kind == HANDSHAKE
        && matches!(kind, Some(CLIENT_HELLO | SERVER_HELLO))
        && length.is_some_and(|length| length >= MIN_HELLO && length <= u32::from(MAX_RECORD))
        && matches!(version, Some(0x0300..=0x0303))
}

/// Bytes of the shortest hello: version, random, empty session id, cipher suite and compression method.
const MIN_HELLO: u32 = 2 + 32 + 1 + 2 + 1;

/// Reads everything out of the first bytes of one direction, of which no more will come.
pub fn parse(stream: &[u8]) -> Flight {
    let mut reader = TlsReader::default();
    reader.finish(stream);
    reader.into_flight()
}

/// Takes the whole messages off the front of `bytes`; what is left is the beginning of one.
pub(crate) fn messages<'a>(flight: &mut Flight, bytes: &'a [u8]) -> &'a [u8] {
    let mut cursor = Cursor::new(bytes);
    loop {
        let left = cursor.rest();
        let Some((kind, body)) = cursor.u8().zip(cursor.vector24()) else { return left };
        flight.message(kind, body, true, Dialect::Tls);
    }
}

/// The outcome of reading a fixed layout that more bytes may come for.
enum Outcome<T> {
    Is(T),
    Cut,
    Not,
}

/// The header of a record, RFC 8446 section 5.1.
#[derive(Clone, Copy, Debug)]
struct Header {
    kind: u8,
    length: u16,
}

impl Header {
    const LENGTH: usize = 5;

    /// Reads a header, and refuses as soon as a byte does not fit.
    fn read(bytes: &[u8]) -> Outcome<Self> {
        match *bytes {
            [] | [CHANGE_CIPHER_SPEC..=HEARTBEAT] | [CHANGE_CIPHER_SPEC..=HEARTBEAT, 3] => Outcome::Cut,
            [kind @ CHANGE_CIPHER_SPEC..=HEARTBEAT, 3, 0..=4, ref length @ ..] => {
                let &[high, low, ..] = length else { return Outcome::Cut };
                let length = u16::from_be_bytes([high, low]);
                // Only application data may be empty (RFC 5246 section 6.2.1).
                if length > MAX_RECORD || (length == 0 && kind != APPLICATION_DATA) {
                    return Outcome::Not;
                }
                Outcome::Is(Self { kind, length })
            }
            _ => Outcome::Not,
        }
    }

    fn end(self) -> usize {
        Self::LENGTH.saturating_add(self.length.into())
    }

    /// Whether it is of a record that is read when it is whole: a change of cipher, or an alert, which in clear has two
    /// bytes (RFC 8446 section 6).
    const fn is_short(self) -> bool {
        self.kind == CHANGE_CIPHER_SPEC || (self.kind == ALERT && self.length == 2)
    }
}

/// A client hello in the form of SSL 2.0.
struct Sslv2Hello {
    /// Bytes, with the length field.
    length: u16,
}

/// Reads a client hello in the form of SSL 2.0, RFC 5246 appendix E.2.
fn sslv2_hello(bytes: &[u8]) -> Outcome<Sslv2Hello> {
    const FIXED: u16 = 9;
    match *bytes {
        [] | [0x80..=0xff] | [0x80..=0xff, _] | [0x80..=0xff, _, 1] | [0x80..=0xff, _, 1, 0 | 3] => {
            Outcome::Cut
        }
        [high @ 0x80..=0xff, low, 1, version @ (0 | 3), minor, ref rest @ ..] => {
            if (version == 3 && minor > 4) || (version == 0 && minor != 2) {
                return Outcome::Not;
            }
            let mut cursor = Cursor::new(rest);
            let (Some(ciphers), Some(session), Some(challenge)) = (cursor.u16(), cursor.u16(), cursor.u16())
            else {
                return Outcome::Cut;
            };
            let length = u16::from_be_bytes([high & 0x7f, low]);
            let fields = [session, challenge, FIXED].into_iter().try_fold(ciphers, u16::checked_add);
            let fits =
                ciphers % 3 == 0 && ciphers > 0 && matches!(challenge, 16..=32) && fields == Some(length);
            if fits { Outcome::Is(Sslv2Hello { length: length.saturating_add(2) }) } else { Outcome::Not }
        }
        _ => Outcome::Not,
    }
}

#[cfg(test)]
pub(crate) mod build;
#[cfg(test)]
mod tests;
