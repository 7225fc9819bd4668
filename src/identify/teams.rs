//! The call control of Teams over UDP 3478, which is neither STUN nor QUIC.
//!
//! Measured in a capture of 2020: the client sends packets of type 0x06 and the server ones of 0x07, both
//! opaque; each side confirms with type 0x03 and the UUID of a packet as text. Media of Teams goes through
//! MS-TURN relays, see [`super::stun`].

use super::Probe;

/// Bytes of a UUID as text.
const UUID_LENGTH: usize = 36;
const CONFIRMATION_LENGTH: usize = 1 + UUID_LENGTH;

/// What one datagram says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// 0x03: the packet with this UUID has come.
    Confirmation {
        /// The UUID, as text.
        id: &'a str,
    },
}

/// Whether a datagram of `length` bytes on the wire is one of these. Types 0x06 and 0x07 prove nothing.
pub fn probe(payload: &[u8], length: usize) -> Probe {
    match payload.first() {
        Some(0x06 | 0x07) if length > CONFIRMATION_LENGTH => Probe::NeedMore,
        _ if parse(payload, length).is_some() => Probe::Match,
        _ => Probe::NoMatch,
    }
}

/// Reads a datagram of `length` bytes on the wire.
pub fn parse(payload: &[u8], length: usize) -> Option<Packet<'_>> {
    let [0x03, uuid @ ..] = payload else { return None };
    if length != CONFIRMATION_LENGTH || uuid.len() != UUID_LENGTH {
        return None;
    }
    let fits = uuid.iter().enumerate().all(|(index, byte)| match index {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    });
    fits.then_some(Packet::Confirmation { id: std::str::from_utf8(uuid).ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identify::captures;
    use proptest::prelude::*;

    const CONFIRMATION: &[u8] = b"\x036ba7b810-9dad-11d1-80b4-00c04fd430c8";

    #[test]
    fn a_confirmation_is_a_uuid_and_nothing_else() {
        let id = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";
        assert_eq!(parse(CONFIRMATION, 37), Some(Packet::Confirmation { id }));
        assert_eq!(probe(CONFIRMATION, 37), Probe::Match);
        assert_eq!(probe(CONFIRMATION, 38), Probe::NoMatch);
        assert_eq!(probe(&[6; 100], 100), Probe::NeedMore);
        for captured in 0..37 {
            assert_eq!(probe(&CONFIRMATION[..captured], 37), Probe::NoMatch);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..50), length in 0usize..50) {
            let _ = probe(&bytes, length);
        }
    }

    #[test]
    fn a_real_call_has_confirmations_both_ways() {
        let payloads = captures::payloads("ndpi42/teams.pcap");
        let found = payloads.iter().filter(|payload| parse(&payload.bytes, payload.length).is_some());
        let ports: std::collections::BTreeSet<_> =
            found.map(|payload| payload.source.port() == 3478).collect();
        assert_eq!(ports.len(), if payloads.is_empty() { 0 } else { 2 });
    }
}
