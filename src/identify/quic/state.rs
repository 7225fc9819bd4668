//! One connection, datagram by datagram.

use super::frame::{Frame, QuicClose, frames};
use super::keys::{Keys, Opened};
use super::packet::{FIXED, Kind, LONG, LongHeader};
use super::version::{Protection, QuicVersion};
use super::{ConnectionId, QuicFacts, Reached, google};
use crate::identify::cursor::Cursor;
use crate::identify::pieces::Pieces;
use crate::identify::tls::{Dialect, Progress, messages};

/// Packets of a datagram that are looked at; three kinds can share one.
const MAX_PACKETS: usize = 8;
/// Datagrams that are looked at. A handshake with retransmissions has thirty.
const MAX_DATAGRAMS: u16 = 200;
/// Attempts to take off protection. A handshake has some ten Initial packets; each attempt costs microseconds.
const MAX_ATTEMPTS: u8 = 64;
/// Bytes of a side's handshake that are put together. Hellos with post-quantum keys have 2 kB, the server's flight in
/// Initial packets is its hello alone.
const MAX_CRYPTO: usize = 16 * 1024;
/// Versions that are kept.
const MAX_VERSIONS: usize = 16;

/// Who sent a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sender {
    Client,
    Server,
}

/// What is kept of one side while the handshake goes on.
#[derive(Clone, Debug, Default)]
struct Side {
    crypto: Pieces,
    /// Bytes at the front of `crypto` whose messages have been read.
    read: usize,
    largest: Option<u64>,
}

/// The keys in use.
#[derive(Clone, Debug)]
struct Secrets {
    version: QuicVersion,
    protection: &'static Protection,
    client: Keys,
    server: Keys,
}

/// Reads both directions of a connection, datagram by datagram in order of arrival.
#[derive(Clone, Debug, Default)]
pub struct QuicState {
    facts: QuicFacts,
    client: Side,
    server: Side,
    /// The connection id that keys are worked out of.
    secret_id: Option<ConnectionId>,
    secrets: Option<Box<Secrets>>,
    attempts: u8,
    datagrams: u16,
    done: bool,
}

impl QuicState {
    /// Takes in a datagram of the side that is taken for the client.
    pub fn client_datagram(&mut self, datagram: &[u8]) -> Progress {
        self.datagram(Sender::Client, datagram)
    }

    /// Takes in a datagram of the other side.
    pub fn server_datagram(&mut self, datagram: &[u8]) -> Progress {
        self.datagram(Sender::Server, datagram)
    }

    /// Reads what there is of hellos that are not whole; no datagram will come any more.
    pub fn finish(&mut self) {
        let sides = [(&self.client, &mut self.facts.client), (&self.server, &mut self.facts.server)];
        for (side, flight) in sides {
            let mut cursor = Cursor::new(side.crypto.prefix().get(side.read..).unwrap_or_default());
            if let Some((kind, _)) = cursor.u8().zip(cursor.u24()) {
                flight.message(kind, cursor.rest(), false, Dialect::Tls);
            }
        }
        self.client.crypto.clear();
        self.server.crypto.clear();
        self.secrets = None;
        self.done = true;
    }

    /// What is known so far.
    pub const fn facts(&self) -> &QuicFacts {
        &self.facts
    }

    /// What is known, and nothing else.
    pub fn into_facts(self) -> QuicFacts {
        self.facts
    }

    fn datagram(&mut self, sender: Sender, datagram: &[u8]) -> Progress {
        if self.done {
            return Progress::Done;
        }
        self.datagrams = self.datagrams.saturating_add(1);
        let mut rest = datagram;
        for _ in 0..MAX_PACKETS {
            let Some(length) = self.packet(sender, rest) else { break };
            rest = rest.get(length..).unwrap_or_default();
        }
        let one_rtt = Some(Reached::OneRtt);
        let over = self.facts.client_reached == one_rtt && self.facts.server_reached == one_rtt;
        if over || self.facts.google_server_name.is_some() || self.datagrams >= MAX_DATAGRAMS {
            self.finish();
            return Progress::Done;
        }
        Progress::NeedMore
    }

    /// Reads one packet; its length where another may follow.
    fn packet(&mut self, sender: Sender, bytes: &[u8]) -> Option<usize> {
        let first = *bytes.first()?;
        let sender = if self.facts.swapped { sender.other() } else { sender };
        if let Some(version) = google::version(bytes) {
            self.note_version(version);
            self.reached(sender, Reached::Initial);
            self.facts.google_server_name = google::find_hello(bytes).and_then(google::server_name);
            return None;
        }
        if first & LONG == 0 {
            if first & FIXED != 0 && !self.facts.versions.is_empty() {
                self.reached(sender, Reached::OneRtt);
            }
            return None;
        }
        let header = LongHeader::read(bytes)?;
        if header.version == QuicVersion(0) {
            self.version_negotiation(&header);
            return None;
        }
        self.long(sender, &header, bytes)
    }

    fn version_negotiation(&mut self, header: &LongHeader<'_>) {
        let answers = self.facts.client_id.is_none_or(|id| id.as_slice() == header.destination);
        if answers
            && let Some(versions) =
                header.offered_versions().filter(|_| self.facts.offered_versions.is_empty())
        {
            self.facts.offered_versions = versions.collect();
        }
    }

    fn long(&mut self, sender: Sender, header: &LongHeader<'_>, bytes: &[u8]) -> Option<usize> {
        let protections = match &self.secrets {
            Some(secrets) if secrets.version == header.version => std::slice::from_ref(secrets.protection),
            _ => header.version.protections(),
        };
        if let [protection] = protections {
            let kind = header.kind(protection);
            if kind == Kind::Retry {
                self.retry(sender, header);
                return None;
            }
            let (number_offset, length) = header.lengths(kind, bytes)?;
            let end = number_offset.checked_add(length)?;
            self.note(sender, header, kind);
            if kind == Kind::Initial {
                self.initial(sender, header, &Protected { bytes, number_offset, end }, protections);
            }
            return Some(end);
        }
        // A version that is not known: the first Initial that opens tells which one it is like.
        let (number_offset, length) = header.lengths(Kind::Initial, bytes)?;
        let end = number_offset.checked_add(length)?;
        self.initial(sender, header, &Protected { bytes, number_offset, end }, protections).then_some(end)
    }

    fn note(&mut self, sender: Sender, header: &LongHeader<'_>, kind: Kind) {
        self.note_version(header.version);
        match kind {
            Kind::Initial => self.reached(sender, Reached::Initial),
            Kind::Handshake => self.reached(sender, Reached::Handshake),
            Kind::ZeroRtt => self.facts.zero_rtt = true,
            Kind::Retry => {}
        }
        let source = ConnectionId::new(header.source);
        match sender {
            Sender::Client => {
                self.facts.client_id = self.facts.client_id.or(source);
                self.facts.first_destination =
                    self.facts.first_destination.or_else(|| ConnectionId::new(header.destination));
            }
            Sender::Server => self.facts.server_id = self.facts.server_id.or(source),
        }
    }

    fn note_version(&mut self, version: QuicVersion) {
        let versions = &mut self.facts.versions;
        if versions.len() < MAX_VERSIONS && !versions.contains(&version) {
            versions.push(version);
        }
    }

    fn reached(&mut self, sender: Sender, reached: Reached) {
        let side = match sender {
            Sender::Client => &mut self.facts.client_reached,
            Sender::Server => &mut self.facts.server_reached,
        };
        *side = (*side).max(Some(reached));
    }

    /// After a Retry the keys come out of the id that the server chose in it, RFC 9001 section 5.2.
    fn retry(&mut self, sender: Sender, header: &LongHeader<'_>) {
        if sender == Sender::Server && header.is_whole_retry() && !self.facts.retry {
            self.facts.retry = true;
            self.note_version(header.version);
            self.secret_id = ConnectionId::new(header.source);
            self.restart();
        }
    }

    /// Forgets what came under other keys: the client says it all again.
    fn restart(&mut self) {
        self.client = Side::default();
        self.server = Side::default();
        self.secrets = None;
    }

    /// Opens an Initial packet and reads its frames; whether it could be opened.
    fn initial(
        &mut self,
        sender: Sender,
        header: &LongHeader<'_>,
        packet: &Protected<'_>,
        protections: &'static [Protection],
    ) -> bool {
        let known = self.secret_id;
        if let Some(id) = known
            && self.open(sender, header, packet, protections, id)
        {
            return true;
        }
        // The first packet of a connection, or of the next one between the same two ports, or a Retry was missed.
        let Some(id) = ConnectionId::new(header.destination).filter(|id| Some(*id) != known) else {
            return false;
        };
        // These keys are a guess. A whole packet proves it; what speaks against it must not come in twos.
        let doubts = [known.is_some(), sender == Sender::Server, !packet.is_whole()];
        if doubts.into_iter().filter(|doubt| *doubt).count() > 1 {
            return false;
        }
        if !self.open(Sender::Client, header, packet, protections, id) {
            return false;
        }
        self.facts.swapped ^= sender == Sender::Server;
        self.note_version(header.version);
        true
    }

    /// Tries the keys out of `id`.
    fn open(
        &mut self,
        sender: Sender,
        header: &LongHeader<'_>,
        packet: &Protected<'_>,
        protections: &'static [Protection],
        id: ConnectionId,
    ) -> bool {
        let same_id = self.secret_id == Some(id);
        for protection in protections {
            if header.kind(protection) != Kind::Initial || self.attempts >= MAX_ATTEMPTS {
                continue;
            }
            self.attempts = self.attempts.saturating_add(1);
            let held = self.secrets.take().filter(|held| same_id && held.version == header.version);
            let secrets = held.or_else(|| {
                let (client, server) = Keys::pair(protection, id.as_slice())?;
                Some(Box::new(Secrets { version: header.version, protection, client, server }))
            });
            let Some(secrets) = secrets else { continue };
            let (keys, side) = match sender {
                Sender::Client => (&secrets.client, &self.client),
                Sender::Server => (&secrets.server, &self.server),
            };
            let largest = side.largest.filter(|_| same_id);
            if let Some(opened) = packet.open(keys, largest, protections.len() > 1) {
                if !same_id {
                    self.secret_id = Some(id);
                    self.restart();
                }
                self.secrets = Some(secrets);
                self.content(sender, &opened);
                return true;
            }
            self.secrets = Some(secrets).filter(|_| same_id);
        }
        false
    }

    fn content(&mut self, sender: Sender, opened: &Opened) {
        let (side, flight) = match sender {
            Sender::Client => (&mut self.client, &mut self.facts.client),
            Sender::Server => (&mut self.server, &mut self.facts.server),
        };
        side.largest = side.largest.max(Some(opened.number));
        let mut close = None;
        frames(opened.content(), |frame| match frame {
            Frame::Crypto { offset, data, .. } => {
                side.crypto.insert(usize::try_from(offset).unwrap_or(usize::MAX), data, MAX_CRYPTO);
            }
            Frame::Close { code, reason } => close = Some((code, reason)),
        });
        let prefix = side.crypto.prefix();
        if prefix.starts_with(google::HELLO) {
            self.facts.google_server_name = google::server_name(prefix);
        } else {
            let left = messages(flight, prefix.get(side.read..).unwrap_or_default()).len();
            side.read = prefix.len().saturating_sub(left);
        }
        if let Some((code, reason)) = close {
            self.facts.close.get_or_insert_with(|| QuicClose::new(code, reason, sender == Sender::Client));
        }
    }
}

impl Sender {
    const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// A packet with its protection on.
struct Protected<'a> {
    /// From the first byte of the packet to the end of the datagram.
    bytes: &'a [u8],
    /// Where the packet number starts.
    number_offset: usize,
    /// Where the packet ends, by its own length.
    end: usize,
}

impl Protected<'_> {
    fn is_whole(&self) -> bool {
        self.bytes.len() >= self.end
    }

    /// Whether the packet is long enough, on the wire, for a frame with `length` bytes.
    fn has_room_for(&self, length: u64) -> bool {
        usize::try_from(length).is_ok_and(|length| length <= self.end.saturating_sub(self.number_offset))
    }

    /// Takes the protection off. A packet that the capture cut cannot be authenticated: there the frames must make
    /// sense instead, and keys must not be a guess.
    fn open(&self, keys: &Keys, largest: Option<u64>, guess: bool) -> Option<Opened> {
        if guess && !self.is_whole() {
            return None;
        }
        let opened = keys.open(self.bytes, self.number_offset, self.end, largest)?;
        if self.is_whole() {
            return Some(opened);
        }
        let mut fits = Some(());
        let mut says_something = false;
        let sensible = frames(opened.content(), |frame| {
            says_something = true;
            if let Frame::Crypto { offset, length, .. } = frame {
                let end = offset.checked_add(length).and_then(|end| usize::try_from(end).ok());
                fits =
                    fits.filter(|()| end.is_some_and(|end| end <= MAX_CRYPTO) && self.has_room_for(length));
            }
        });
        (sensible && says_something && fits.is_some()).then_some(opened)
    }
}
