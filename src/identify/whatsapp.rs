//! `WhatsApp`'s check of a path in plain text: "health", answered by "OK".
//!
//! Measured in a capture of 2019. Its relays are in [`super::stun`] and its media is RTP whose extensions have
//! the profile [`EXTENSION_PROFILE`].

use super::Probe;

/// The profile of RTP header extensions (measured 2023): that of RFC 8285 with its bytes swapped.
pub const EXTENSION_PROFILE: u16 = 0xDEBE;

/// What one datagram says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packet {
    /// "OK". It proves nothing unless "health" came before it.
    HealthReply,
    /// "health".
    HealthRequest,
}

/// Whether a datagram of `length` bytes on the wire is one of these.
pub fn probe(payload: &[u8], length: usize) -> Probe {
    match parse(payload, length) {
        Some(Packet::HealthRequest) => Probe::Match,
        Some(Packet::HealthReply) => Probe::NeedMore,
        None => Probe::NoMatch,
    }
}

/// Reads a datagram of `length` bytes on the wire.
pub fn parse(payload: &[u8], length: usize) -> Option<Packet> {
    match payload {
        b"health" if length == 6 => Some(Packet::HealthRequest),
        b"OK" if length == 2 => Some(Packet::HealthReply),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identify::captures;

    #[test]
    fn only_the_whole_words_count() {
        assert_eq!(parse(b"health", 6), Some(Packet::HealthRequest));
        assert_eq!(parse(b"OK", 2), Some(Packet::HealthReply));
        assert_eq!((probe(b"OK", 2), probe(b"health", 6)), (Probe::NeedMore, Probe::Match));
        assert_eq!((parse(b"healt", 6), parse(b"OK", 3), parse(b"OKAY", 4)), (None, None, None));
    }

    #[test]
    fn a_real_call_has_request_and_reply() {
        let payloads = captures::payloads("ndpi42/wa_video.pcap");
        let found: Vec<_> =
            payloads.iter().filter_map(|payload| parse(&payload.bytes, payload.length)).collect();
        if !payloads.is_empty() {
            assert!(found.contains(&Packet::HealthRequest) && found.contains(&Packet::HealthReply));
        }
    }
}
