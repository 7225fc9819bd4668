//! DTLS 1.0, 1.2 and 1.3 (RFC 4347, RFC 6347, RFC 9147), also with connection ids (RFC 9146): what one side says in
//! clear, datagram by datagram.

use super::Probe;
use super::cursor::Cursor;
use super::pieces::Pieces;
use super::tls::{ALERT, Alert, CHANGE_CIPHER_SPEC, Dialect, Flight, HANDSHAKE, MAX_RECORD, Progress};

/// `ack`, RFC 9147 section 7; the last content type of plain records.
const ACK: u8 = 26;
/// `tls12_cid`, RFC 9146 section 4: an encrypted record with a connection id.
const TLS12_CID: u8 = 25;
/// The first bits of a record that DTLS 1.3 encrypts, RFC 9147 section 4.
const UNIFIED: std::ops::RangeInclusive<u8> = 0x20..=0x3f;

/// Bytes of a handshake message that is put together. A long certificate chain has 8 kB.
const MAX_MESSAGE: usize = 32 * 1024;
/// Messages of one side that are put together at the same time; a flight has six.
const MAX_PARTIAL: usize = 6;
/// Datagrams of one side that are looked at. A handshake with many losses has thirty.
const MAX_DATAGRAMS: u8 = 100;
/// Encrypted records after which no part of the handshake is waited for: those that came out of order are there.
const MAX_PROTECTED: u8 = 4;

/// Whether a datagram begins like DTLS. Other protocols share its ports: RFC 7983 tells them apart by the first byte.
pub fn probe(datagram: &[u8]) -> Probe {
    match datagram {
        [first, ..] if UNIFIED.contains(first) => Probe::NeedMore,
        [CHANGE_CIPHER_SPEC..=ACK, high, low, rest @ ..] if is_version(*high, *low) => {
            probe_record(datagram, rest)
        }
        _ => Probe::NoMatch,
    }
}

fn probe_record(datagram: &[u8], after_version: &[u8]) -> Probe {
    let mut cursor = Cursor::new(after_version);
    let Some(_epoch_and_sequence) = cursor.take(8) else { return Probe::NeedMore };
    if datagram.starts_with(&[TLS12_CID]) {
        return Probe::Match;
    }
    match cursor.u16() {
        Some(1..=MAX_RECORD) => Probe::Match,
        Some(_) => Probe::NoMatch,
        None => Probe::NeedMore,
    }
}

/// DTLS 1.0, the form of it that OpenSSL had before the RFC (Cisco's clients still have), 1.2 and 1.3.
const fn is_version(high: u8, low: u8) -> bool {
    matches!((high, low), (0xfe, 0xff | 0xfd | 0xfc) | (0x01, 0x00))
}

/// Reads what one side sends, datagram by datagram.
#[derive(Clone, Debug, Default)]
pub struct DtlsReader {
    flight: Flight,
    partial: Vec<Partial>,
    datagrams: u8,
    protected: u8,
    done: bool,
}

/// A handshake message of which some fragments have come.
#[derive(Clone, Debug)]
struct Partial {
    sequence: u16,
    kind: u8,
    length: usize,
    pieces: Pieces,
}

impl DtlsReader {
    /// Takes in the next datagram in order of arrival. One that is not DTLS says nothing.
    pub fn datagram(&mut self, datagram: &[u8]) -> Progress {
        if self.done {
            return Progress::Done;
        }
        let mut cursor = Cursor::new(datagram);
        while self.record(&mut cursor).is_some() {}
        self.datagrams = self.datagrams.saturating_add(1);
        if self.protected >= MAX_PROTECTED || self.datagrams >= MAX_DATAGRAMS {
            self.finish();
            return Progress::Done;
        }
        Progress::NeedMore
    }

    /// Reads what there is of messages that are not whole; no datagram will come any more.
    pub fn finish(&mut self) {
        for message in std::mem::take(&mut self.partial) {
            self.flight.message(message.kind, message.pieces.prefix(), false, Dialect::Dtls);
        }
        self.done = true;
    }

    /// What is known so far.
    pub const fn flight(&self) -> &Flight {
        &self.flight
    }

    /// What is known, and nothing else.
    pub fn into_flight(self) -> Flight {
        self.flight
    }

    /// Reads one record; `None` where no other can follow.
    fn record(&mut self, cursor: &mut Cursor<'_>) -> Option<()> {
        let kind = cursor.u8()?;
        if UNIFIED.contains(&kind) {
            self.protected(unified_length(kind, *cursor)?);
            return None; // the connection id, whose length the other side chose, hides where the next one begins
        }
        let [high, low] = cursor.array()?;
        if !(CHANGE_CIPHER_SPEC..=ACK).contains(&kind) || !is_version(high, low) {
            return None;
        }
        let epoch = cursor.u16()?;
        cursor.take(6)?; // sequence number
        if kind == TLS12_CID {
            self.protected(cursor.rest().len());
            return None;
        }
        let length = cursor.u16()?;
        let content = cursor.take_up_to(length.into());
        match kind {
            _ if epoch > 0 => self.protected(length.into()),
            HANDSHAKE => self.handshake(content),
            ALERT => Alert::read(content).into_iter().for_each(|alert| self.flight.alert(alert)),
            CHANGE_CIPHER_SPEC => self.flight.change_cipher_spec = true,
            _ => {}
        }
        Some(())
    }

    fn protected(&mut self, length: usize) {
        self.flight.protected(length);
        self.protected = self.protected.saturating_add(1);
    }

    /// Reads the fragments in a handshake record, RFC 6347 section 4.2.2.
    fn handshake(&mut self, content: &[u8]) {
        let mut cursor = Cursor::new(content);
        while let Some(fragment) = Fragment::read(&mut cursor) {
            if fragment.offset == 0 && fragment.bytes.len() == fragment.length {
                self.flight.message(fragment.kind, fragment.bytes, true, Dialect::Dtls);
            } else {
                self.fragment(&fragment);
            }
        }
    }

    fn fragment(&mut self, fragment: &Fragment<'_>) {
        let same = |message: &Partial| {
            (message.sequence, message.kind, message.length)
                == (fragment.sequence, fragment.kind, fragment.length)
        };
        let place = self.partial.iter().position(same).unwrap_or_else(|| {
            if self.partial.len() >= MAX_PARTIAL {
                self.partial.remove(0);
            }
            let Fragment { sequence, kind, length, .. } = *fragment;
            self.partial.push(Partial { sequence, kind, length, pieces: Pieces::default() });
            self.partial.len().saturating_sub(1)
        });
        let Some(message) = self.partial.get_mut(place) else { return };
        message.pieces.insert(fragment.offset, fragment.bytes, message.length.min(MAX_MESSAGE));
        if message.pieces.prefix().len() == message.length {
            let message = self.partial.remove(place);
            self.flight.message(message.kind, message.pieces.prefix(), true, Dialect::Dtls);
        }
    }
}

/// Bytes of the encrypted record behind the first byte of a unified header, RFC 9147 section 4. Where a connection id
/// stands before them, it is counted in.
fn unified_length(first: u8, mut cursor: Cursor<'_>) -> Option<usize> {
    const CONNECTION_ID: u8 = 0x10;
    const LONG_SEQUENCE: u8 = 0x08;
    const LENGTH: u8 = 0x04;
    if first & CONNECTION_ID != 0 {
        return Some(cursor.rest().len());
    }
    cursor.take(if first & LONG_SEQUENCE == 0 { 1 } else { 2 })?;
    if first & LENGTH == 0 { Some(cursor.rest().len()) } else { cursor.u16().map(usize::from) }
}

/// A fragment of a handshake message.
struct Fragment<'a> {
    kind: u8,
    /// Bytes of the whole message.
    length: usize,
    sequence: u16,
    offset: usize,
    /// The fragment, as far as it was captured.
    bytes: &'a [u8],
}

impl<'a> Fragment<'a> {
    fn read(cursor: &mut Cursor<'a>) -> Option<Self> {
        let kind = cursor.u8()?;
        let length = usize::try_from(cursor.u24()?).ok()?;
        let sequence = cursor.u16()?;
        let offset = usize::try_from(cursor.u24()?).ok()?;
        let bytes = usize::try_from(cursor.u24()?).ok()?;
        if offset.checked_add(bytes)? > length {
            return None;
        }
        Some(Self { kind, length, sequence, offset, bytes: cursor.take_up_to(bytes) })
    }
}
