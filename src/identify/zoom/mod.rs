//! Zoom's media protocol over UDP, to its routers and between two participants.
//!
//! Measured in captures of 2019, 2021, 2022 and 2023; layouts agree with Michel et al., "Enabling passive
//! measurement of Zoom performance in production networks" (IMC 2022). Numbers are big-endian. The
//! address test of Zoom's zone controllers is in [`super::stun`].

mod media;

pub use media::{Contents, Media, MediaType};

use super::Probe;
use super::pairing::Pairer;
use super::wire::{array, be16, be32, byte};
use crate::capture::Timestamp;
use std::net::IpAddr;
use std::time::Duration;

/// Requests remembered for one client.
const MOST_REQUESTS: usize = 64;

/// Joins packets of one participant's connection to one router.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u32);

/// What one datagram between a client and a router says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// 0x07 from the client: it leaves.
    Close {
        /// Which connection ends.
        connection: ConnectionId,
    },
    /// 0x02 from the router.
    ConnectReply {
        /// The token of the request.
        token: [u8; 16],
        /// The client's clock of the request, in ms.
        clock: u32,
        /// The new connection.
        connection: ConnectionId,
    },
    /// 0x01 from the client.
    ConnectRequest {
        /// Chosen by the client for this connection.
        token: [u8; 16],
        /// The client's clock, in ms.
        clock: u32,
    },
    /// 0x05: media and control.
    Data {
        /// The outer header; the version of 2019 had none beyond its type.
        outer: Option<Outer>,
        /// What it carries.
        media: Media<'a>,
    },
    /// 0x04, either way.
    EchoReply(Echo),
    /// 0x03, either way.
    EchoRequest(Echo),
}

/// An echo request, or the same numbers in its reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Echo {
    /// Counts the sender's requests.
    pub counter: u32,
    /// The sender's clock, in ms.
    pub clock: u32,
    /// The connection.
    pub connection: ConnectionId,
}

/// The outer header of data since 2021.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outer {
    /// Counts the packets of one direction.
    pub sequence: u16,
    /// The connection.
    pub connection: ConnectionId,
    /// Whether it goes to the router or comes from it.
    pub direction: Direction,
}

/// Which way a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// From the router to the client.
    FromRouter,
    /// From the client to the router.
    ToRouter,
}

/// The first byte of what carries media and control.
const DATA: u8 = 5;
/// Bytes before the media encapsulation: since 2021, and in 2019.
const OUTER_LENGTH: usize = 8;
const OLD_OUTER_LENGTH: usize = 1;

/// Whether a datagram of `length` bytes on the wire is one between a Zoom client and a router.
pub fn probe(payload: &[u8], length: usize) -> Probe {
    match parse(payload, length) {
        Some(packet) if packet.is_certain() => Probe::Match,
        Some(_) => Probe::NeedMore,
        None => Probe::NoMatch,
    }
}

impl Packet<'_> {
    /// Whether fields inside prove that this is Zoom's.
    pub fn is_certain(&self) -> bool {
        !matches!(self, Self::Data { media, .. } if !media.is_certain())
    }
}

/// Reads a datagram of `length` bytes on the wire between a client and a router.
pub fn parse(payload: &[u8], length: usize) -> Option<Packet<'_>> {
    match byte(payload, 0)? {
        1 => connect_request(payload, length),
        2 => connect_reply(payload, length),
        3 => echo(payload, length).map(Packet::EchoRequest),
        4 => echo(payload, length).map(Packet::EchoReply),
        DATA => data(payload, length, |outer, media| Packet::Data { outer, media }),
        7 => close(payload, length),
        _ => None,
    }
}

/// `01 00 vv`, token, eight bytes whose last is a small number, the clock twice (a retry may change one
/// of them by a few ms), the length 64 of what follows.
fn connect_request(payload: &[u8], length: usize) -> Option<Packet<'_>> {
    let clock = be32(payload, 27)?;
    let skew = be32(payload, 31)?.wrapping_sub(clock);
    let fits = (100..=160).contains(&length)
        && matches!(payload.get(1..3)?, [0, 2 | 3])
        && payload.get(19..26)?.iter().all(|&byte| byte == 0)
        && skew < 10_000
        && be32(payload, 35)? == 64;
    fits.then_some(Packet::ConnectRequest { token: array(payload, 3)?, clock })
}

/// `02 00 vv`, the token, the connection, the clock, eight zeros; vv was 01 in 2019.
fn connect_reply(payload: &[u8], length: usize) -> Option<Packet<'_>> {
    let fits = matches!(length, 35 | 44)
        && matches!(payload.get(1..3)?, [0, 1..=3])
        && payload.get(27..35)?.iter().all(|&byte| byte == 0);
    fits.then_some(Packet::ConnectReply {
        token: array(payload, 3)?,
        connection: ConnectionId(be32(payload, 19)?),
        clock: be32(payload, 23)?,
    })
}

/// Counter, clock and connection; in 2019 nothing more, since then fields to the end, see [`fields_fill`].
fn echo(payload: &[u8], length: usize) -> Option<Echo> {
    let counter = be32(payload, 1)?;
    let connection = be32(payload, 9)?;
    // A counter that grows by one in seconds stays small through any call.
    let fits = counter != 0 && counter < 1 << 20 && connection != 0;
    (fits && fields_fill(payload, 13, length)).then_some(Echo {
        counter,
        clock: be32(payload, 5)?,
        connection: ConnectionId(connection),
    })
}

fn close(payload: &[u8], length: usize) -> Option<Packet<'_>> {
    let connection = be32(payload, 5)?;
    (connection != 0 && be32(payload, 1)? == 0 && length > 9 && fields_fill(payload, 9, length))
        .then_some(Packet::Close { connection: ConnectionId(connection) })
}

/// Whether what begins at `position` fills the packet: nothing, or a zero byte, or a one, fields of type,
/// length and value, and a zero byte.
fn fields_fill(payload: &[u8], position: usize, length: usize) -> bool {
    if position == length {
        return true;
    }
    match byte(payload, position) {
        Some(0) => return position + 1 == length,
        Some(1) => {}
        // Cut by the capture before the field began.
        None => return position >= payload.len() && length > payload.len(),
        Some(_) => return false,
    }
    let mut position = position + 1;
    while position < length {
        match (byte(payload, position), byte(payload, position + 1)) {
            (Some(0), _) => return position + 1 == length,
            (Some(_), Some(field)) => position += 2 + usize::from(field),
            _ => return payload.len() < length,
        }
    }
    false
}

/// Reads a datagram of `length` bytes on the wire that carries media or control between a client and a router, without
/// its outer header.
pub fn media(payload: &[u8], length: usize) -> Option<Media<'_>> {
    if byte(payload, 0)? == DATA { data(payload, length, |_, media| media) } else { None }
}

/// The outer header of 2021 if its direction and the encapsulation after it make sense, else that of 2019.
fn data<'a, T>(
    payload: &'a [u8],
    length: usize,
    make: impl FnOnce(Option<Outer>, Media<'a>) -> T,
) -> Option<T> {
    let direction = match byte(payload, 7)? {
        0 | 1 => Some(Direction::ToRouter),
        4 | 5 => Some(Direction::FromRouter),
        _ => None,
    };
    if let Some(direction) = direction
        && let Some(media) = Media::parse(payload.get(OUTER_LENGTH..)?, length.checked_sub(OUTER_LENGTH)?)
    {
        let outer =
            Outer { sequence: be16(payload, 1)?, connection: ConnectionId(be32(payload, 3)?), direction };
        return Some(make(Some(outer), media));
    }
    let media = Media::parse(payload.get(OLD_OUTER_LENGTH..)?, length.checked_sub(OLD_OUTER_LENGTH)?)?;
    Some(make(None, media))
}

/// What one datagram directly between two participants says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerPacket<'a> {
    /// `1f 02 01`: it names in clear the address at which the sender believes the other one to be (nDPI; not
    /// seen in the captures at hand).
    Connect {
        /// That address.
        address: IpAddr,
    },
    /// The same encapsulation as with a router, without an outer header.
    Media(Media<'a>),
}

/// Whether a datagram of `length` bytes on the wire is one between two Zoom participants.
pub fn probe_peer(payload: &[u8], length: usize) -> Probe {
    if parse_peer(payload, length).is_some() { Probe::Match } else { Probe::NoMatch }
}

/// Reads a datagram of `length` bytes on the wire between two participants. Only packets that prove
/// themselves are read.
pub fn parse_peer(payload: &[u8], length: usize) -> Option<PeerPacket<'_>> {
    if !matches!(payload.first(), Some(0x07..=0x23)) {
        return None;
    }
    if payload.starts_with(&[0x1F, 0x02, 0x01]) {
        return peer_connect(payload);
    }
    Media::parse(payload, length).filter(|media| media.is_certain() && media.is_marked).map(PeerPacket::Media)
}

/// 24 bytes, then two texts after their 32-bit lengths: an address and a UUID.
fn peer_connect(payload: &[u8]) -> Option<PeerPacket<'_>> {
    const LONGEST_ADDRESS: usize = 45;
    const UUID_LENGTH: usize = 36;
    let (address, after) = text(payload.get(24..)?, LONGEST_ADDRESS)?;
    let (uuid, _) = text(after, UUID_LENGTH)?;
    (uuid.len() == UUID_LENGTH).then_some(PeerPacket::Connect { address: address.parse().ok()? })
}

fn text(bytes: &[u8], longest: usize) -> Option<(&str, &[u8])> {
    let length = usize::try_from(be32(bytes, 0)?).ok().filter(|&length| length <= longest)?;
    let (text, after) = bytes.get(4..)?.split_at_checked(length)?;
    Some((std::str::from_utf8(text).ok()?, after))
}

/// Round-trip times from connect and echo packets. Each is the time between the place of the capture and
/// whoever sent the reply: for an echo that the router asked for, that is the client.
#[derive(Clone, Debug)]
pub struct RoundTrips {
    connects: Pairer<([u8; 16], u32)>,
    echoes: Pairer<Echo>,
}

impl Default for RoundTrips {
    fn default() -> Self {
        Self { connects: Pairer::new(MOST_REQUESTS), echoes: Pairer::new(MOST_REQUESTS) }
    }
}

impl RoundTrips {
    /// Takes a packet of either direction; gives the time to its sender if it is a reply.
    pub fn update(&mut self, packet: &Packet<'_>, time: Timestamp) -> Option<Duration> {
        match *packet {
            Packet::ConnectRequest { token, clock } => self.connects.request((token, clock), time),
            Packet::ConnectReply { token, clock, .. } => {
                return self.connects.response(&(token, clock), time);
            }
            Packet::EchoRequest(echo) => self.echoes.request(echo, time),
            Packet::EchoReply(echo) => return self.echoes.response(&echo, time),
            Packet::Close { .. } | Packet::Data { .. } => {}
        }
        None
    }
}

#[cfg(test)]
mod tests;
