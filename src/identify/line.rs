//! LINE's call servers over UDP.
//!
//! Measured in captures of two calls (2022, 2023); no description is public. All but RTP and RTCP begin with 16 bits
//! of which the highest four are 0xd and the lowest eleven the bytes that follow the first four, then a
//! counter, then a type. What follows is encrypted.

use super::Probe;
use super::wire::{be16, be32};

const HEADER_LENGTH: usize = 4;
const LENGTH_BITS: u16 = 0x07FF;
/// Set in packets that set up a call.
const SETUP_BIT: u16 = 0x0800;
/// The type of packets that set up a call.
const SETUP_TYPE: u16 = 0x0602;
/// Versions of QUIC whose long headers can begin like these packets.
const QUIC_VERSIONS: [u32; 2] = [0x0000_0001, 0x6B33_43CF];

/// What one datagram says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Counts the packets of one direction.
    pub counter: u16,
    /// Whether it sets up a call.
    pub is_setup: bool,
}

/// Whether a datagram of `length` bytes on the wire is one of these: that the length agrees is one chance in
/// 32,768 with other bytes, so only packets that set up a call prove it alone.
pub fn probe(payload: &[u8], length: usize) -> Probe {
    match parse(payload, length) {
        Some(packet) if packet.is_setup => Probe::Match,
        Some(_) => Probe::NeedMore,
        None => Probe::NoMatch,
    }
}

/// Reads a datagram of `length` bytes on the wire.
pub fn parse(payload: &[u8], length: usize) -> Option<Packet> {
    let first = be16(payload, 0)?;
    let version = be32(payload, 1)?;
    let fits = first >> 12 == 0xD
        && usize::from(first & LENGTH_BITS) + HEADER_LENGTH == length
        && !QUIC_VERSIONS.contains(&version);
    let is_setup = first & SETUP_BIT != 0;
    let kind = be16(payload, 4)?;
    (fits && is_setup == (kind == SETUP_TYPE)).then_some(Packet { counter: be16(payload, 2)?, is_setup })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identify::captures;
    use crate::identify::rtp;
    use proptest::prelude::*;

    #[test]
    fn the_length_in_the_first_bytes_must_agree() {
        let mut setup = vec![0xD8, 0x26, 0x00, 0xb9, 0x06, 0x02];
        setup.resize(42, 0xAA);
        assert_eq!(parse(&setup, 42), Some(Packet { counter: 0xb9, is_setup: true }));
        assert_eq!(probe(&setup, 43), Probe::NoMatch);
        setup[0] = 0xD0;
        setup[4] = 0x4A;
        assert_eq!(probe(&setup, 42), Probe::NeedMore);
        let quic = [0xD4, 0, 0, 0, 1, 8, 0, 0];
        assert_eq!(probe(&quic, 1028), Probe::NoMatch);
        for captured in 0..6 {
            assert_eq!(probe(&setup[..captured], 42), Probe::NoMatch);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..12), length in 0usize..2100) {
            let _ = probe(&bytes, length);
        }
    }

    #[test]
    fn every_packet_of_real_calls_is_one_of_these_or_rtp() {
        let mut packets = 0;
        for payload in captures::payloads("ndpi/line.pcap") {
            if payload.source.port() == 443 || payload.destination.port() == 443 {
                continue;
            }
            if payload.bytes.first().is_some_and(|first| first >> 6 == rtp::VERSION) {
                continue;
            }
            packets += 1;
            assert!(parse(&payload.bytes, payload.length).is_some(), "{}", payload.number);
        }
        println!("{packets} packets");
    }
}
