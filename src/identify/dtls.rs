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
    /// Whether a plain record has come.
    started: bool,
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
            // Six bits say little: datagrams of DNS and NTP have them too. A handshake begins with plain records.
            self.started.then_some(())?;
            self.protected(unified_length(kind, *cursor)?);
            return None; // the connection id, whose length the other side chose, hides where the next one begins
        }
        let [high, low] = cursor.array()?;
        if !(CHANGE_CIPHER_SPEC..=ACK).contains(&kind) || !is_version(high, low) {
            return None;
        }
        let epoch = cursor.u16()?;
        cursor.take(6)?; // sequence number
        self.started = true;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identify::tls::build::{
        alpn, certificate, client_hello, extension, server_hello, server_name, vector,
    };
    use crate::identify::tls::{CLIENT_HELLO, SERVER_HELLO, TlsVersion};
    use proptest::prelude::*;

    fn record(kind: u8, epoch: u8, content: &[u8]) -> Vec<u8> {
        [&[kind, 0xfe, 0xfd, 0, epoch, 0, 0, 0, 0, 0, 1][..], &vector(2, content)].concat()
    }

    fn fragment(kind: u8, sequence: u8, body: &[u8], from: usize, to: usize) -> Vec<u8> {
        let number = |value: usize| u32::try_from(value).unwrap().to_be_bytes()[1..].to_vec();
        let header =
            [&[kind][..], &number(body.len()), &[0, sequence], &number(from), &number(to - from)].concat();
        record(HANDSHAKE, 0, &[&header, &body[from..to]].concat())
    }

    fn whole(kind: u8, sequence: u8, body: &[u8]) -> Vec<u8> {
        fragment(kind, sequence, body, 0, body.len())
    }

    fn hello() -> Vec<u8> {
        let srtp = extension(14, &[0, 4, 0, 7, 0, 1, 0]);
        client_hello(
            0xfefd,
            Some(b"cookie"),
            &[server_name(b"call.example"), alpn(&[b"webrtc", b"c-webrtc"]), srtp],
        )
    }

    fn assert_is_hello(flight: &Flight) {
        let hello = flight.client_hello.as_ref().unwrap();
        assert_eq!(hello.server_name.as_ref().unwrap().as_str(), "call.example");
        assert_eq!(
            (hello.alpn.as_slice(), hello.srtp_profiles.as_slice()),
            (&["webrtc".into(), "c-webrtc".into()][..], &[7, 1][..])
        );
        assert_eq!(hello.version().to_string(), "DTLS 1.2");
        assert!(hello.complete);
    }

    #[test]
    fn a_client_hello_in_one_piece_gives_its_names() {
        let mut reader = DtlsReader::default();
        assert_eq!(reader.datagram(&whole(CLIENT_HELLO, 1, &hello())), Progress::NeedMore);
        assert_is_hello(reader.flight());
    }

    #[test]
    fn a_fragmented_hello_reads_the_same_in_any_order_and_with_repetitions() {
        let hello = hello();
        let pieces = [(90, hello.len()), (0, 40), (30, 60), (0, 40), (60, 90)];
        let mut reader = DtlsReader::default();
        for (from, to) in pieces {
            assert!(reader.flight().client_hello.is_none());
            reader.datagram(&fragment(CLIENT_HELLO, 1, &hello, from, to));
        }
        assert_is_hello(reader.flight());
    }

    #[test]
    fn a_hello_whose_end_is_missing_gives_its_name() {
        let hello = hello();
        let mut reader = DtlsReader::default();
        reader.datagram(&fragment(CLIENT_HELLO, 0, &hello, 0, hello.len() - 10));
        reader.finish();
        let hello = reader.into_flight().client_hello.unwrap();
        assert_eq!((hello.server_name.unwrap().as_str(), hello.complete), ("call.example", false));
    }

    #[test]
    fn a_server_flight_in_one_datagram_gives_all_that_is_in_clear() {
        let hello = server_hello(0xfefd, &[extension(14, &[0, 2, 0, 7, 0])]);
        let flight = [
            whole(3, 0, &[0xfe, 0xff, 2, 1, 2]),
            whole(SERVER_HELLO, 1, &hello),
            whole(11, 2, &certificate()),
            record(CHANGE_CIPHER_SPEC, 0, &[1]),
            record(HANDSHAKE, 1, &[0x5e; 40]),
        ];
        let mut reader = DtlsReader::default();
        reader.datagram(&flight.concat());
        let flight = reader.into_flight();
        assert!(flight.hello_verify_request && flight.change_cipher_spec);
        assert_eq!(flight.server_hello.unwrap().srtp_profile, Some(7));
        assert_eq!(flight.certificate.unwrap().common_name.as_deref(), Some("media.example.com"));
        assert_eq!(flight.first_protected, Some(40));
    }

    #[test]
    fn dtls_13_and_connection_ids_end_what_is_in_clear() {
        let hello = server_hello(0xfefd, &[extension(43, &[0xfe, 0xfc])]);
        let mut reader = DtlsReader::default();
        reader.datagram(&[&[0x2c, 0, 1, 0, 9][..], &[0; 9]].concat());
        assert_eq!(reader.flight().first_protected, None, "no plain record came before");
        reader.datagram(&whole(SERVER_HELLO, 0, &hello));
        reader.datagram(&[&[0x2c, 0, 1, 0, 9][..], &[0; 9]].concat());
        assert_eq!(reader.flight().first_protected, Some(9));
        assert_eq!(reader.flight().server_hello.as_ref().unwrap().version, TlsVersion::DTLS13);

        let mut reader = DtlsReader::default();
        reader.datagram(&[&[25, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 1, 0xaa, 0xbb, 0, 4][..], &[0; 4]].concat());
        assert_eq!(reader.flight().first_protected, Some(8));
    }

    #[test]
    fn every_version_is_told() {
        let of_13 = extension(43, &[2, 0xfe, 0xfc]);
        for (hello, version) in [
            (client_hello(0xfeff, Some(b""), &[]), "DTLS 1.0"),
            (client_hello(0xfefd, Some(b""), &[]), "DTLS 1.2"),
            (client_hello(0xfefd, Some(b""), &[of_13]), "DTLS 1.3"),
        ] {
            let mut reader = DtlsReader::default();
            reader.datagram(&whole(CLIENT_HELLO, 0, &hello));
            assert_eq!(reader.into_flight().client_hello.unwrap().version().to_string(), version);
        }
    }

    #[test]
    fn an_alert_in_clear_is_read() {
        let mut reader = DtlsReader::default();
        reader.datagram(&record(ALERT, 0, &[2, 48]));
        assert_eq!(reader.flight().alerts, [Alert { level: 2, description: 48 }]);
    }

    #[test]
    fn a_side_that_encrypts_is_done_after_a_few_datagrams() {
        let mut reader = DtlsReader::default();
        let datagram = record(23, 1, &[0; 30]);
        let done = (1..20).find(|_| reader.datagram(&datagram) == Progress::Done);
        assert_eq!(done, Some(usize::from(MAX_PROTECTED)));
    }

    #[test]
    fn fragments_of_messages_that_never_end_do_not_pile_up() {
        let mut reader = DtlsReader::default();
        for sequence in 0..=255 {
            let mut datagram = fragment(11, sequence, &[0; 200], 0, 100);
            datagram[14] = 0xff; // sixteen million bytes
            reader.datagram(&datagram);
            assert!(reader.partial.len() <= MAX_PARTIAL);
        }
        let mut datagram = fragment(11, 0, &[0; 200], 100, 200);
        datagram[14] = 0xff;
        datagram[19] = 0xfe;
        let mut reader = DtlsReader::default();
        reader.datagram(&datagram);
        assert!(reader.partial[0].pieces.prefix().is_empty());
    }

    #[test]
    fn probing_tells_dtls_from_what_shares_its_ports() {
        let datagram = whole(CLIENT_HELLO, 0, &hello());
        assert_eq!(probe(&datagram), Probe::Match);
        for cut in 3..13 {
            assert_eq!(probe(&datagram[..cut]), Probe::NeedMore, "cut at {cut}");
        }
        assert_eq!(probe(&[0x2c, 0, 1]), Probe::NeedMore);
        let stun = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[0; 12]].concat();
        for other in [
            &stun[..],
            &[0x80, 0x60, 0, 1],
            &[22, 3, 3, 0, 1],
            &[22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0],
            b"",
        ] {
            assert_eq!(probe(other), Probe::NoMatch);
        }
    }

    proptest! {
        #[test]
        fn any_fragmentation_gives_the_hello(cuts in proptest::collection::vec(1_usize..120, 0..8), seed: u64) {
            let hello = hello();
            let mut ends: Vec<usize> = cuts.into_iter().chain([0, hello.len()]).collect();
            ends.sort_unstable();
            ends.dedup();
            let mut pieces: Vec<_> = ends.windows(2).map(|ends| (ends[0], ends[1])).collect();
            let turn = usize::try_from(seed % 8).unwrap() % pieces.len();
            pieces.rotate_left(turn);
            let mut reader = DtlsReader::default();
            for (from, to) in pieces {
                reader.datagram(&fragment(CLIENT_HELLO, 1, &hello, from, to));
            }
            assert_is_hello(reader.flight());
        }

        #[test]
        fn no_datagram_does_harm(
            mut datagram in prop_oneof![Just(whole(CLIENT_HELLO, 1, &hello())), proptest::collection::vec(any::<u8>(), 0..200)],
            change in proptest::option::of((any::<prop::sample::Index>(), any::<u8>())),
            cut: prop::sample::Index,
        ) {
            if let Some((place, byte)) = change.filter(|_| !datagram.is_empty()) {
                let place = place.index(datagram.len());
                datagram[place] = byte;
            }
            let mut reader = DtlsReader::default();
            reader.datagram(&datagram[..cut.index(datagram.len() + 1)]);
            reader.datagram(&datagram);
            reader.finish();
            let _ = probe(&datagram);
        }
    }
}
