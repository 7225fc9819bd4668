//! Flow: both directions of one five-tuple, until it closes or falls idle by the packets' own time.
//!
//! A flow that began before the capture is as good as any: who opened it is then guessed
//! ([`Flow::client_side`]) and said to be ([`Flow::opened_by_client`]).

mod arrival;
mod blocks;
mod key;
mod stream;
mod table;
mod tally;
mod tcp;

pub use arrival::Arrival;
pub use blocks::Blocks;
pub use key::{FlowKey, Side};
pub use stream::{Budget, Read, Stream};
pub use table::{Bound, Table};
pub use tally::{Coverage, Tally};
pub use tcp::TcpFacts;

use crate::capture::Timestamp;
use crate::decode::Reassembled;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU64;
use std::time::Duration;

/// What carries a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// RFC 9293.
    Tcp,
    /// RFC 768.
    Udp,
    /// Another protocol without ports, by its IP protocol number.
    Other(u8),
}

impl Transport {
    /// The IP protocol number.
    pub const fn protocol(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
            Self::Other(protocol) => protocol,
        }
    }

    /// The word for it in reports.
    pub fn name(self) -> String {
        match self {
            Self::Tcp => "tcp".to_owned(),
            Self::Udp => "udp".to_owned(),
            Self::Other(1) => "icmp".to_owned(),
            Self::Other(47) => "gre".to_owned(),
            Self::Other(50) => "esp".to_owned(),
            Self::Other(58) => "icmpv6".to_owned(),
            Self::Other(132) => "sctp".to_owned(),
            Self::Other(protocol) => format!("ip-{protocol}"),
        }
    }
}

/// A frame's place in the inputs, in one word: flows and what is known of them have many of these.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PacketRef(NonZeroU64);

impl PacketRef {
    /// Bits of the number within the input. A capture of so many packets would take years at the fastest link there is.
    const NUMBER_BITS: u32 = 48;
    const LAST_NUMBER: u64 = (1 << Self::NUMBER_BITS) - 1;

    /// The frame with `number` (from 1) within the input with the index `input` (0 for the first).
    pub const fn new(input: u16, number: u64) -> Self {
        let number = if number > Self::LAST_NUMBER { Self::LAST_NUMBER } else { number };
        Self(NonZeroU64::MIN.saturating_add((input as u64) << Self::NUMBER_BITS | number))
    }

    /// Index of the input (0 for the first).
    pub const fn input(self) -> u16 {
        ((self.0.get() - 1) >> Self::NUMBER_BITS) as u16
    }

    /// Number within the input, from 1.
    pub const fn number(self) -> u64 {
        (self.0.get() - 1) & Self::LAST_NUMBER
    }
}

impl fmt::Debug for PacketRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "packet {} of input {}", self.number(), self.input())
    }
}

/// Frames and their bytes on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames.
    pub packets: u64,
    /// Bytes on the wire.
    pub bytes: u64,
}

impl Counters {
    /// No frames.
    pub const ZERO: Self = Self { packets: 0, bytes: 0 };

    /// Counts one frame.
    pub const fn count(&mut self, bytes: u64) {
        self.add(Self { packets: 1, bytes });
    }

    /// Adds `other`.
    pub const fn add(&mut self, other: Self) {
        self.packets = self.packets.saturating_add(other.packets);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }

    /// What remains without `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self {
            packets: self.packets.saturating_sub(other.packets),
            bytes: self.bytes.saturating_sub(other.bytes),
        }
    }
}

/// What became of a flow, as far as the capture shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Packets went both ways.
    Answered,
    /// TCP: ended by FIN from both sides, or by FIN and then RST.
    Closed,
    /// TCP: handshake done, no end seen.
    Open,
    /// TCP: the answer to the SYN was RST.
    Refused,
    /// TCP: ended by RST.
    Reset,
    /// Only packets of the server are in the capture.
    ServerOnly,
    /// Nothing came back.
    Unanswered,
    /// An ICMP error says that the server, its port or the way to it cannot be reached.
    Unreachable,
}

impl Outcome {
    /// The word for it in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Closed => "closed",
            Self::Open => "open",
            Self::Refused => "refused",
            Self::Reset => "reset",
            Self::ServerOnly => "server-only",
            Self::Unanswered => "unanswered",
            Self::Unreachable => "unreachable",
        }
    }
}

/// An ICMP error that quotes a packet of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IcmpError {
    /// Who sent the error.
    pub sender: IpAddr,
    /// `type` of its header.
    pub kind: u8,
    /// `code` of its header.
    pub code: u8,
    /// Which side sent the packet that the error is about.
    pub about: Side,
    /// Where it stands.
    pub packet: PacketRef,
}

/// Both directions of one five-tuple; `S` is what later stages attach to it.
#[derive(Clone, Debug)]
pub struct Flow<S> {
    pub(super) key: FlowKey,
    pub(super) end: Timestamp,
    pub(super) counters: [Counters; 2],
    pub(super) start: Timestamp,
    pub(super) first: PacketRef,
    pub(super) last: PacketRef,
    pub(super) opener: Opener,
    pub(super) first_sender: Side,
    pub(super) tcp: Option<TcpFacts>,
    pub(super) rare: Option<Box<Rare>>,
    /// What later stages keep about the flow.
    pub state: S,
}

/// What few flows have.
#[derive(Clone, Debug, Default)]
pub(super) struct Rare {
    pub(super) reassembled: [Counters; 2],
    pub(super) errors: Vec<IcmpError>,
}

/// What is known of who opened a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opener {
    /// Not seen.
    Unknown,
    /// Seen to be this side.
    Seen(Side),
}

impl<S> Flow<S> {
    /// The five-tuple, without direction.
    pub const fn key(&self) -> &FlowKey {
        &self.key
    }

    /// What carries it.
    pub const fn transport(&self) -> Transport {
        self.key.transport()
    }

    /// Time of the first packet.
    pub const fn start(&self) -> Timestamp {
        self.start
    }

    /// Time of the latest packet.
    pub const fn end(&self) -> Timestamp {
        self.end
    }

    /// The first packet.
    pub const fn first_packet(&self) -> PacketRef {
        self.first
    }

    /// The last packet, in the order of the capture.
    pub const fn last_packet(&self) -> PacketRef {
        self.last
    }

    /// What `side` sent.
    pub const fn sent_by(&self, side: Side) -> Counters {
        let [low, high] = self.counters;
        match side {
            Side::Low => low,
            Side::High => high,
        }
    }

    /// The part of [`Self::sent_by`] that came as IP fragments.
    ///
    /// Fragments count at their addresses when they arrive; whoever sums flows up by address leaves them out.
    pub fn sent_as_fragments_by(&self, side: Side) -> Counters {
        self.rare.as_ref().map_or_else(Counters::default, |rare| {
            let [low, high] = rare.reassembled;
            match side {
                Side::Low => low,
                Side::High => high,
            }
        })
    }

    /// Counts what `side` sent.
    #[inline]
    pub(super) const fn count(&mut self, side: Side, sent: Counters) {
        let [low, high] = &mut self.counters;
        match side {
            Side::Low => low.add(sent),
            Side::High => high.add(sent),
        }
    }

    /// Counts the fragments of a packet that `side` sent, which have counted at its addresses already.
    #[cold]
    pub(super) fn count_fragments(&mut self, side: Side, whole: Reassembled) {
        let sent = Counters { packets: u64::from(whole.frames), bytes: whole.bytes };
        self.count(side, sent);
        let [low, high] = &mut self.rare.get_or_insert_with(Box::<Rare>::default).reassembled;
        match side {
            Side::Low => low.add(sent),
            Side::High => high.add(sent),
        }
    }

    /// Facts of the TCP connection, if it is one.
    pub const fn tcp(&self) -> Option<&TcpFacts> {
        self.tcp.as_ref()
    }

    /// ICMP errors about packets of this flow, the first few.
    pub fn errors(&self) -> &[IcmpError] {
        self.rare.as_ref().map_or(&[], |rare| &rare.errors)
    }

    /// The side that opened the flow, or the best guess where that was not seen.
    ///
    /// The guess: a private address is the client of a public one, a system port is the server's, a port of
    /// the dynamic range is the client's, else the first sender is the client.
    pub fn client_side(&self) -> Side {
        match self.opener {
            Opener::Seen(side) => side,
            Opener::Unknown => self.key.likely_client().unwrap_or(self.first_sender),
        }
    }

    /// `Some(true)` where the capture shows that the client opened the flow, `None` where that is a guess.
    pub const fn opened_by_client(&self) -> Option<bool> {
        match self.opener {
            Opener::Seen(_) => Some(true),
            Opener::Unknown => None,
        }
    }

    /// Notes that a later stage has seen `side` open the flow (a ClientHello, a STUN request).
    pub const fn opened_by(&mut self, side: Side) {
        if matches!(self.opener, Opener::Unknown) {
            self.opener = Opener::Seen(side);
        }
    }

    /// Who opened it. The port is `None` where the transport has none.
    pub fn client(&self) -> (IpAddr, Option<u16>) {
        self.key.end(self.client_side())
    }

    /// The other side.
    pub fn server(&self) -> (IpAddr, Option<u16>) {
        self.key.end(self.client_side().other())
    }

    /// The client as a socket address, port 0 where the transport has none.
    pub fn client_socket(&self) -> SocketAddr {
        self.key.socket(self.client_side())
    }

    /// The other side as a socket address, port 0 where the transport has none.
    pub fn server_socket(&self) -> SocketAddr {
        self.key.socket(self.client_side().other())
    }

    /// What the client sent.
    pub fn sent(&self) -> Counters {
        self.sent_by(self.client_side())
    }

    /// What the server sent.
    pub fn received(&self) -> Counters {
        self.sent_by(self.client_side().other())
    }

    /// First SYN to first SYN/ACK.
    pub fn handshake_time(&self) -> Option<Duration> {
        self.tcp().and_then(TcpFacts::handshake_time)
    }

    /// What became of the flow, as far as the capture shows.
    pub fn outcome(&self) -> Outcome {
        if self.received().packets == 0 {
            let client = self.client_side();
            let about_client =
                |error: &&IcmpError| error.about == client && is_unreachable(error, self.key.is_ipv6());
            return if self.errors().iter().any(|error| about_client(&error)) {
                Outcome::Unreachable
            } else {
                Outcome::Unanswered
            };
        }
        if let Some(tcp) = self.tcp() {
            return tcp.outcome(self.sent().packets == 0);
        }
        if self.sent().packets == 0 { Outcome::ServerOnly } else { Outcome::Answered }
    }
}

/// Whether an ICMP error says that the destination cannot be reached: type 3 (RFC 792), type 1 (RFC 4443).
/// "Fragmentation needed" (type 3, code 4) asks for smaller packets and says nothing of the kind.
const fn is_unreachable(error: &IcmpError, ipv6: bool) -> bool {
    if ipv6 { error.kind == 1 } else { error.kind == 3 && error.code != 4 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_keeps_its_input_and_number_and_is_ordered_by_them() {
        let places = [(0, 0), (0, 1), (0, 1 << 40), (1, 1), (7, 3), (u16::MAX, 1), (u16::MAX, (1 << 48) - 2)];
        let packets = places.map(|(input, number)| PacketRef::new(input, number));
        assert_eq!(packets.map(|packet| (packet.input(), packet.number())), places);
        assert!(packets.is_sorted());
        assert_eq!(PacketRef::new(3, u64::MAX).input(), 3);
        assert_eq!(size_of::<Option<PacketRef>>(), 8);
    }
}
