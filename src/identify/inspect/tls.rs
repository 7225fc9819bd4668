//! TLS over TCP: the handshake in clear, and whether data goes both ways after it.

use super::secure::{self, FirstWords};
use crate::flow::Read;
use crate::identify::FlowFacts;
use crate::identify::facts::{Direction, PerDirection, Protocol};
use crate::identify::tls::{APPLICATION_DATA, TlsReader};

/// Encrypted records that are looked at after the handshake, to see whether data goes both ways.
const MAX_RECORDS: u8 = 16;
/// Bytes of the header of a TLS record, RFC 8446 section 5.1.
const RECORD_HEADER: usize = 5;
/// Bytes of an encrypted record that holds no more than an alert: two, with a content type and a tag of 16 in TLS 1.3,
/// with an eight-byte nonce or with padding and a hash in TLS 1.2.
const MAX_ALERT: u16 = 32;

/// A connection of TLS.
#[derive(Clone, Debug, Default)]
pub(super) struct Tls {
    readers: PerDirection<TlsReader>,
    records: PerDirection<Records>,
    /// Which sides sent application data.
    data: PerDirection<bool>,
}

/// Walks the records of one direction by their headers, once nothing is in clear any more.
#[derive(Clone, Copy, Debug, Default)]
struct Records {
    /// Bytes before the next header.
    left: u16,
    encrypted: u8,
    begun: bool,
}

impl Tls {
    /// Takes bytes of a direction, those that it was not done with before and what follows them.
    pub(super) fn take(&mut self, direction: Direction, bytes: &[u8]) -> Read {
        let reader = self.readers.of_mut(direction);
        let read = reader.read(bytes);
        if !reader.is_done() {
            return read;
        }
        let rest = bytes.get(read.done..).unwrap_or_default();
        let left = self.records(direction, rest);
        Read { done: bytes.len().saturating_sub(left), wanted: RECORD_HEADER, kept: 0 }
    }

    /// Looks at the lengths of encrypted records for application data. How many bytes are left that begin a header.
    ///
    /// The client's second encrypted record, unless it is as short as an alert, is data: the first ends the
    /// handshake. What the server encrypts after the client has sent data answers it.
    fn records(&mut self, direction: Direction, bytes: &[u8]) -> usize {
        let client_spoke = self.data.client;
        let finished = self.finished_records();
        let records = self.records.of_mut(direction);
        let mut note = |records: &mut Records, kind: u8, length: u16| {
            let is_data = kind == APPLICATION_DATA && length > MAX_ALERT;
            records.encrypted = records.encrypted.saturating_add(u8::from(kind == APPLICATION_DATA));
            match direction {
                Direction::FromClient => self.data.client |= is_data && records.encrypted > finished,
                Direction::FromServer => self.data.server |= is_data && client_spoke,
            }
        };
        if !std::mem::replace(&mut records.begun, true) {
            let (sealed, left) = self.readers.of(direction).end_of_clear();
            records.left = left;
            if let Some((kind, length)) = sealed {
                note(records, kind, length);
            }
        }
        let mut rest = bytes;
        loop {
            let passed = rest.len().min(records.left.into());
            records.left = records.left.saturating_sub(u16::try_from(passed).unwrap_or(u16::MAX));
            rest = rest.get(passed..).unwrap_or_default();
            let Some(([kind, _, _, high, low], after)) = rest.split_first_chunk() else { return rest.len() };
            records.left = u16::from_be_bytes([*high, *low]);
            note(records, *kind, records.left);
            rest = after;
        }
    }

    /// Encrypted records of the client that look like data and end its handshake (RFC 8446 section 5.1).
    fn finished_records(&self) -> u8 {
        let hello = self.readers.server.flight().server_hello.as_ref();
        u8::from(hello.is_none_or(|hello| hello.version.hides_certificates()))
    }

    /// Whether the direction has bytes that were read.
    pub(super) const fn has_begun(&self, direction: Direction) -> bool {
        self.readers.of(direction).has_begun()
    }

    /// Whether nothing more can be learnt from `direction`.
    pub(super) const fn is_done(&self, direction: Direction) -> bool {
        *self.data.of(direction) || self.records.of(direction).encrypted >= MAX_RECORDS
    }

    /// Whether nothing more can be learnt.
    pub(super) const fn is_over(&self) -> bool {
        self.data.client && self.data.server
    }

    /// Takes in the last bytes of a direction.
    pub(super) fn end(&mut self, direction: Direction, rest: &[u8]) {
        self.readers.of_mut(direction).finish(rest);
    }

    /// Adds what was learnt to `facts`.
    pub(super) fn finish(&mut self, facts: &mut FlowFacts, words: &FirstWords) {
        let PerDirection { client, server } = &mut self.readers;
        let flights = PerDirection { client: client.take_flight(), server: server.take_flight() };
        secure::conclude(facts, Protocol::Tls, flights, words);
        facts.handshake_mut().data = self.data;
    }
}
