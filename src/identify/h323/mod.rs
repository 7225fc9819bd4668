//! H.323: set-up of calls (H.225.0 over Q.931) and of their media (H.245), each message in a TPKT (RFC 1006) over TCP.
//!
//! Only what names addresses is read. Measured in one capture of 2002 (OpenH323 and a gateway); layouts of ITU-T H.225.0
//! version 4 and H.245 version 7 in aligned PER (X.691). A message that goes another way than that is read up to there.

mod bits;
mod media;
mod setup;

use super::Probe;
use super::cursor::Cursor;
use std::net::SocketAddr;

/// The largest message that is looked at: a Setup with fast start and tokens has some 2 kB.
const MAX_MESSAGE: usize = 8 * 1024;
/// Addresses kept from one message.
const MAX_ADDRESSES: usize = 8;
/// Bytes of a TPKT's header, RFC 1006 section 6.
const TPKT_HEADER: usize = 4;

/// What an address in a message stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AddressKind {
    /// Where to call instead (Facility).
    Alternative,
    /// Who is called, as the caller says.
    Called,
    /// The caller, as it says itself.
    Caller,
    /// Where the media is set up (H.245).
    Control,
    /// Where media, or reports on it, shall be sent.
    Media,
}

/// An address in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NamedAddress {
    /// What it stands for.
    pub kind: AddressKind,
    /// The address.
    pub address: SocketAddr,
}

/// Whether a stream begins like H.323: a whole message that has the number of its recommendation.
pub fn probe(stream: &[u8]) -> Probe {
    match first(stream) {
        First::Message(message) if setup::is_signalling(message) || media::is_control(message) => {
            Probe::Match
        }
        First::Cut => Probe::NeedMore,
        First::Message(_) | First::None => Probe::NoMatch,
    }
}

/// The whole messages that a stream begins with.
pub fn messages(stream: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = stream;
    std::iter::from_fn(move || {
        let First::Message(message) = first(rest) else { return None };
        rest = rest.get(TPKT_HEADER.saturating_add(message.len())..).unwrap_or_default();
        Some(message)
    })
}

/// The addresses in a message.
pub fn addresses(message: &[u8]) -> Vec<NamedAddress> {
    let mut found = Vec::new();
    // Where a message ends early, what came before stands.
    if setup::is_signalling(message) {
        let _ = setup::read(message, &mut found);
    } else {
        let _ = media::read(message, &mut found);
    }
    found.truncate(MAX_ADDRESSES);
    found
}

enum First<'a> {
    Message(&'a [u8]),
    Cut,
    None,
}

fn first(stream: &[u8]) -> First<'_> {
    let mut cursor = Cursor::new(stream);
    match (cursor.u8(), cursor.u8(), cursor.u16()) {
        (Some(3), Some(0), Some(length)) => {
            let length = usize::from(length);
            let Some(length) = length.checked_sub(TPKT_HEADER).filter(|length| *length <= MAX_MESSAGE) else {
                return First::None;
            };
            cursor.take(length).map_or(First::Cut, First::Message)
        }
        (None | Some(3), None | Some(0), None) => First::Cut,
        _ => First::None,
    }
}

#[cfg(test)]
mod tests;
