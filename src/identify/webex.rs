//! Webex's media protocol over UDP 9000, as old clients speak it.
//!
//! Measured in a capture of 2015: two small exchanges, then a longer packet that nobody answered. The bytes
//! prove little by themselves: the port, an answer that follows and Webex's names must come together.

use super::Probe;
use super::wire::{array, byte};

/// What one datagram says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packet {
    /// 0x04, five bytes: the client gives up.
    Close,
    /// 0x06, 42 bytes: the client asks to join.
    Join,
    /// 0x02, eight bytes: the server answers.
    TestReply,
    /// 0x01, eight bytes: the client tests the path.
    TestRequest,
}

/// Whether a datagram of `length` bytes on the wire may be one of these.
pub fn probe(payload: &[u8], length: usize) -> Probe {
    if parse(payload, length).is_some() { Probe::NeedMore } else { Probe::NoMatch }
}

/// Reads a datagram of `length` bytes on the wire.
pub fn parse(payload: &[u8], length: usize) -> Option<Packet> {
    match (byte(payload, 0)?, length) {
        (1, 8) if array(payload, 1)? == [0, 0, 0, 0, 0, 0, 1] => Some(Packet::TestRequest),
        (2, 8) if array(payload, 1)? == [0; 4] && byte(payload, 5)? != 0 => Some(Packet::TestReply),
        (4, 5) if array(payload, 1)? == [0; 4] => Some(Packet::Close),
        (6, 42) if array(payload, 1)? == [0, 0, 0, 0, 0, 0, 0, 0x21] => Some(Packet::Join),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identify::captures;
    use proptest::prelude::*;

    #[test]
    fn each_packet_has_its_length_and_zeros() {
        assert_eq!(parse(&[1, 0, 0, 0, 0, 0, 0, 1], 8), Some(Packet::TestRequest));
        assert_eq!(parse(&[2, 0, 0, 0, 0, 0xb8, 0x9d, 1], 8), Some(Packet::TestReply));
        assert_eq!(parse(&[4, 0, 0, 0, 0], 5), Some(Packet::Close));
        let mut join = vec![6, 0, 0, 0, 0, 0, 0, 0, 0x21];
        join.resize(42, 1);
        assert_eq!(parse(&join, 42), Some(Packet::Join));
        assert_eq!(parse(&join[..8], 42), None);
        assert_eq!(probe(&[1, 0, 0, 0, 0, 0, 0, 2], 8), Probe::NoMatch);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..12), length in 0usize..50) {
            let _ = probe(&bytes, length);
        }
    }

    #[test]
    fn every_packet_of_a_real_attempt_is_read() {
        for payload in captures::payloads("ndpi42/webex.pcap") {
            if [payload.source.port(), payload.destination.port()].contains(&9000) {
                assert!(parse(&payload.bytes, payload.length).is_some(), "{}", payload.number);
            }
        }
    }
}
