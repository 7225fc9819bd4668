//! QUIC v1, v2 and the drafts before them (RFC 9000, RFC 9001, RFC 9369), and Google's versions before those.
//!
//! The Initial packets of a connection are encrypted with keys that anyone who saw its first packet can work out; they
//! hold the same hellos as TLS.

mod frame;
mod google;
mod keys;
mod packet;
mod state;
mod version;

pub use frame::QuicClose;
pub use state::QuicState;
pub use version::QuicVersion;

use super::Probe;
use super::tls::{Flight, ServerName};
use packet::{FIXED, LONG, LongHeader, MAX_CONNECTION_ID};
use std::fmt;

/// Bytes of a datagram with a client's Initial, RFC 9000 section 14.1.
const MIN_INITIAL: usize = 1200;

/// Bytes of the connection id that a client makes up for the server, RFC 9000 section 7.2.
const MIN_FIRST_DESTINATION: usize = 8;

/// Whether a datagram begins like QUIC. Later packets of a connection have nothing to tell them by.
pub fn probe(datagram: &[u8]) -> Probe {
    let Some(first) = datagram.first() else { return Probe::NoMatch };
    if google::version(datagram).is_some() {
        return Probe::Match;
    }
    if first & LONG == 0 {
        return Probe::NoMatch;
    }
    let Some(header) = LongHeader::read(datagram) else {
        let fits = datagram.get(5).is_none_or(|length| usize::from(*length) <= MAX_CONNECTION_ID);
        let cut = datagram.len() < 1 + 4 + 1 + MAX_CONNECTION_ID + 1 + MAX_CONNECTION_ID;
        return if cut && fits && first & FIXED != 0 { Probe::NeedMore } else { Probe::NoMatch };
    };
    match header.version {
        QuicVersion(0) if header.offered_versions().is_some() => Probe::Match,
        QuicVersion(0) => Probe::NoMatch,
        _ if first & FIXED == 0 => Probe::NoMatch,
        version if version.is_known() || is_first_initial(&header, datagram) => Probe::Match,
        _ => Probe::NoMatch,
    }
}

/// Whether a datagram of a version that is not known is as a client's first has to be: long enough, with an id long
/// enough (RFC 9000 sections 7.2 and 14.1), and a length that leads to its end, to padding or to another packet.
fn is_first_initial(header: &LongHeader<'_>, datagram: &[u8]) -> bool {
    if datagram.len() < MIN_INITIAL || header.destination.len() < MIN_FIRST_DESTINATION {
        return false;
    }
    let lengths = header.lengths(packet::Kind::Initial, datagram);
    let end = lengths.and_then(|(number_offset, length)| number_offset.checked_add(length));
    let rest = end.and_then(|end| datagram.get(end..));
    rest.is_some_and(|rest| rest.first().is_none_or(|first| *first == 0 || first & LONG != 0))
}

/// A connection id, RFC 9000 section 5.1: up to 20 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConnectionId {
    bytes: [u8; MAX_CONNECTION_ID],
    length: usize,
}

impl ConnectionId {
    fn new(id: &[u8]) -> Option<Self> {
        let mut bytes = [0; MAX_CONNECTION_ID];
        bytes.get_mut(..id.len())?.copy_from_slice(id);
        Some(Self { bytes, length: id.len() })
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

impl fmt::Debug for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_slice().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// How far a side came, by the kinds of packets it sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reached {
    /// It sent Initial packets.
    Initial,
    /// It has the keys of the handshake.
    Handshake,
    /// It sent packets with a short header: it has the keys for data.
    OneRtt,
}

/// What is known of one connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuicFacts {
    /// The versions of long headers, in order of appearance.
    pub versions: Vec<QuicVersion>,
    /// The versions that the server offered instead (version negotiation, RFC 9000 section 17.2.1).
    pub offered_versions: Vec<QuicVersion>,
    /// What the client said in its Initial packets.
    pub client: Flight,
    /// What the server said in its Initial packets.
    pub server: Flight,
    /// The server's name in the hello of Google's own handshake.
    pub google_server_name: Option<ServerName>,
    /// The id that the client first gave to the server.
    pub first_destination: Option<ConnectionId>,
    /// The id that the client chose for itself.
    pub client_id: Option<ConnectionId>,
    /// The id that the server chose for itself.
    pub server_id: Option<ConnectionId>,
    /// Whether the server asked for the client's address to be proven (RFC 9000 section 17.2.5).
    pub retry: bool,
    /// Whether the client sent data ahead of the handshake (RFC 9000 section 17.2.3).
    pub zero_rtt: bool,
    /// How far the client came; `None` where it sent no QUIC.
    pub client_reached: Option<Reached>,
    /// How far the server came.
    pub server_reached: Option<Reached>,
    /// Why the connection ended, where an Initial packet says it.
    pub close: Option<QuicClose>,
    /// Whether the side taken for the server turned out to be the client.
    pub swapped: bool,
}

impl QuicFacts {
    /// The server's name, from either kind of handshake.
    pub fn server_name(&self) -> Option<&ServerName> {
        let hello = self.client.client_hello.as_ref();
        hello.and_then(|hello| hello.server_name.as_ref()).or(self.google_server_name.as_ref())
    }

    /// Whether any datagram was QUIC.
    pub const fn is_quic(&self) -> bool {
        !self.versions.is_empty() || !self.offered_versions.is_empty()
    }

    /// Whether the handshake came to its end on the client's side, which then has keys for data.
    pub fn is_established(&self) -> bool {
        self.client_reached == Some(Reached::OneRtt) && self.server_reached >= Some(Reached::Handshake)
    }
}

#[cfg(test)]
pub(super) mod tests;
