//! Reading one direction of a connection, record by record and message by message, as its bytes come in.

use super::handshake::{Alert, CLIENT_HELLO, Flight, SERVER_HELLO};
use super::hello::Dialect;
use super::{ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, Header, Outcome, sslv2_hello};
use crate::flow::Read;
use crate::identify::cursor::Cursor;

/// Bytes of handshake messages that are held while one is not whole.
const MAX_HANDSHAKE: usize = 64 * 1024;
/// Bytes before the body of a handshake message: its kind and its length, RFC 8446 section 4.
const MESSAGE_HEADER: usize = 4;
/// Bytes of a record after a change of cipher that show whether it is a hello in clear.
const TELLING: usize = 5;

/// Reads one direction of a connection as its bytes come in.
#[derive(Clone, Debug, Default)]
pub struct TlsReader {
    flight: Flight,
    /// The beginning of a handshake message that goes on in the next record.
    pending: Vec<u8>,
    /// Bytes of handshake messages to come that tell nothing.
    passed: usize,
    place: Place,
    /// The header of the first record that is encrypted, once the record has come.
    sealed: Option<Header>,
    begun: bool,
    done: bool,
}

/// What the next bytes of a stream belong to.
#[derive(Clone, Copy, Debug, Default)]
enum Place {
    /// A record begins.
    #[default]
    Record,
    /// So many bytes of a record with handshake messages in clear.
    Clear(u16),
    /// So many bytes that tell nothing. If they are those of an encrypted record, it counts when it is whole.
    Opaque(u16, Option<Header>),
}

/// What becomes of the bytes at hand.
enum Step {
    /// So many of them are read.
    Took(usize),
    /// There have to be so many.
    Wants(usize),
}

use Step::{Took, Wants};

impl TlsReader {
    /// Takes in bytes of the direction: those that it was not done with before, and what follows them.
    pub fn read(&mut self, bytes: &[u8]) -> Read {
        let mut rest = bytes;
        let mut wanted = 0;
        while !self.done && wanted == 0 {
            match self.step(rest) {
                Took(length) => rest = rest.get(length..).unwrap_or_default(),
                Wants(length) => wanted = length,
            }
        }
        Read { done: bytes.len().saturating_sub(rest.len()), wanted, kept: self.pending.len() }
    }

    /// Takes in the last bytes and reads what there is of messages that are not whole.
    pub fn finish(&mut self, bytes: &[u8]) {
        let read = self.read(bytes).done;
        if let (Place::Clear(left), 0, false) = (self.place, self.passed, self.done) {
            let rest = bytes.get(read..).unwrap_or_default();
            self.pending.extend_from_slice(rest.get(..left.into()).unwrap_or(rest));
        }
        if !self.done
            && let Some((kind, _, body)) = message(&self.pending)
        {
            self.flight.message(kind, body, false, Dialect::Tls);
        }
        self.end();
    }

    /// Whether the direction has bytes that were read.
    pub const fn has_begun(&self) -> bool {
        self.begun
    }

    /// Whether there is nothing more to learn.
    pub const fn is_done(&self) -> bool {
        self.done
    }

    /// The kind and the length of the encrypted record that ended what is in clear, if one did, and how many bytes come
    /// before the next record.
    pub(crate) fn end_of_clear(&self) -> (Option<(u8, u16)>, u16) {
        let left = match self.place {
            Place::Record => 0,
            Place::Clear(left) | Place::Opaque(left, _) => left,
        };
        (self.sealed.map(|header| (header.kind, header.length)), left)
    }

    /// What is known so far.
    pub const fn flight(&self) -> &Flight {
        &self.flight
    }

    /// What is known, and nothing else.
    pub fn into_flight(self) -> Flight {
        self.flight
    }

    /// Takes out what is known.
    pub(crate) fn take_flight(&mut self) -> Flight {
        std::mem::take(&mut self.flight)
    }

    fn end(&mut self) {
        self.done = true;
        self.pending = Vec::new();
    }

    fn step(&mut self, rest: &[u8]) -> Step {
        match self.place {
            Place::Record => self.record(rest),
            Place::Clear(0) => self.goes_on(Place::Record, 0),
            Place::Clear(left) => self.handshake(rest, left),
            Place::Opaque(left, sealed) => self.opaque(rest, left, sealed),
        }
    }

    fn goes_on(&mut self, place: Place, took: usize) -> Step {
        self.place = place;
        Took(took)
    }

    /// Reads the header of a record, or all of a short one.
    fn record(&mut self, rest: &[u8]) -> Step {
        if !self.begun
            && let Outcome::Is(hello) = sslv2_hello(rest)
        {
            (self.flight.sslv2_hello, self.begun) = (true, true);
            return self.goes_on(Place::Opaque(hello.length, None), 0);
        }
        if self.begun && rest.len() < Header::LENGTH {
            return Wants(Header::LENGTH);
        }
        let header = match Header::read(rest) {
            Outcome::Is(header) => header,
            Outcome::Not if self.begun || !matches!(sslv2_hello(rest), Outcome::Cut) => {
                self.end();
                return Took(0);
            }
            Outcome::Cut | Outcome::Not => return Wants(rest.len().saturating_add(1)),
        };
        let content = rest.get(Header::LENGTH..).unwrap_or_default();
        let opaque = |sealed| Place::Opaque(header.length, sealed);
        let place = match header.kind {
            HANDSHAKE => match self.is_clear(header, content) {
                Some(true) => Place::Clear(header.length),
                Some(false) => opaque(Some(header)),
                None => return Wants(Header::LENGTH.saturating_add(TELLING.min(header.length.into()))),
            },
            CHANGE_CIPHER_SPEC | ALERT if header.is_short() && rest.len() < header.end() => {
                return Wants(header.end());
            }
            CHANGE_CIPHER_SPEC => {
                self.flight.change_cipher_spec = true;
                opaque(None)
            }
            ALERT => match content.get(..header.length.into()).and_then(Alert::read) {
                Some(alert) => {
                    self.flight.alert(alert);
                    opaque(None)
                }
                None => opaque(Some(header)),
            },
            APPLICATION_DATA => opaque(Some(header)),
            _ => opaque(None),
        };
        self.begun = true;
        self.goes_on(place, Header::LENGTH)
    }

    /// Whether a handshake record is not encrypted. After a change of cipher it is, unless it is a hello that follows a
    /// retry request (RFC 8446 appendix D.4). `None` where that takes more bytes of its content.
    fn is_clear(&self, header: Header, content: &[u8]) -> Option<bool> {
        if !self.flight.change_cipher_spec {
            return Some(true);
        }
        let telling = content.get(..TELLING.min(header.length.into()))?;
        let mut cursor = Cursor::new(telling);
        let (kind, length, version) = (cursor.u8(), cursor.u24(), cursor.u8());
        Some(
            matches!(kind, Some(CLIENT_HELLO | SERVER_HELLO))
                && length.is_some_and(|length| length.checked_add(4) == Some(header.length.into()))
                && version == Some(3),
        )
    }

    /// Passes over bytes of a record. An encrypted one is what ends all that is in clear.
    fn opaque(&mut self, rest: &[u8], left: u16, sealed: Option<Header>) -> Step {
        let length = rest.len().min(left.into());
        let left = less(left, length);
        if left > 0 {
            self.place = Place::Opaque(left, sealed);
            return if length > 0 { Took(length) } else { Wants(1) };
        }
        if let Some(header) = sealed {
            self.flight.protected(header.length.into());
            self.sealed = sealed;
            self.end();
        }
        self.goes_on(Place::Record, length)
    }

    /// Reads the message that begins in a record with `left` bytes to come, or goes on with one.
    fn handshake(&mut self, rest: &[u8], left: u16) -> Step {
        let here = rest.get(..left.into()).unwrap_or(rest);
        if here.is_empty() {
            return Wants(1);
        }
        if self.passed > 0 {
            let length = here.len().min(self.passed);
            self.passed = self.passed.saturating_sub(length);
            return self.goes_on(Place::Clear(less(left, length)), length);
        }
        if !self.pending.is_empty() {
            return self.go_on(here, left);
        }
        let wanted = match message(here) {
            None => MESSAGE_HEADER,
            Some((kind, length, body)) => {
                let needed = self.flight.needed(kind, length, body);
                if let Some(part) = body.get(..needed) {
                    self.flight.message(kind, part, needed == length, Dialect::Tls);
                    self.passed = MESSAGE_HEADER.saturating_add(length);
                    return Took(0);
                }
                MESSAGE_HEADER.saturating_add(needed)
            }
        };
        match usize::from(left) {
            left if wanted <= left => Wants(wanted),
            left if here.len() < left => Wants(left),
            _ => {
                self.pending.extend_from_slice(here);
                self.goes_on(Place::Clear(0), here.len())
            }
        }
    }

    /// Goes on with a message that began in an earlier record.
    fn go_on(&mut self, here: &[u8], left: u16) -> Step {
        let missing = match message(&self.pending) {
            None => MESSAGE_HEADER.saturating_sub(self.pending.len()),
            Some((kind, length, body)) => self.flight.needed(kind, length, body).saturating_sub(body.len()),
        };
        let taken = here.get(..missing).unwrap_or(here);
        self.pending.extend_from_slice(taken);
        match message(&self.pending) {
            Some((kind, length, body)) if body.len() >= self.flight.needed(kind, length, body) => {
                self.flight.message(kind, body, body.len() == length, Dialect::Tls);
                self.passed = length.saturating_sub(body.len());
                self.pending = Vec::new();
            }
            _ if self.pending.len() > MAX_HANDSHAKE => self.end(),
            _ => {}
        }
        self.goes_on(Place::Clear(less(left, taken.len())), taken.len())
    }
}

/// The kind of a handshake message, the length of its body, and what there is of that and what follows it.
fn message(bytes: &[u8]) -> Option<(u8, usize, &[u8])> {
    let mut cursor = Cursor::new(bytes);
    Some((cursor.u8()?, usize::try_from(cursor.u24()?).ok()?, cursor.rest()))
}

/// What is left of a record once `taken` bytes of it are read.
fn less(left: u16, taken: usize) -> u16 {
    left.saturating_sub(u16::try_from(taken).unwrap_or(u16::MAX))
}
