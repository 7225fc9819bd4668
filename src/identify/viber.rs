//! Viber's relays over UDP (ports 7985 and 7987).
//!
//! Measured in one capture of 2018 with two calls; no description is public, and which types there are agrees
//! with nDPI. Numbers are little-endian, addresses too. Bytes 0 and 1 are the same throughout a call.

use super::Probe;
use super::pairing::Pairer;
use super::wire::{array, byte, le16, le32};
use crate::capture::Timestamp;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// Requests remembered for one client.
const MOST_REQUESTS: usize = 64;

/// What one datagram says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packet {
    /// 0x0b: the relay echoes the client's clock.
    EchoReply(Token),
    /// 0x09.
    EchoRequest(Token),
    /// 0x0c: the relay answers 0x01 and names the client's address as it sees it.
    RegisterReply {
        /// Pairs it with its request.
        token: Token,
        /// The client's public address.
        address: SocketAddr,
    },
    /// 0x01: the client asks the relay to serve a call.
    RegisterRequest {
        /// Pairs it with its answer.
        token: Token,
        /// The client's own idea of its address.
        address: SocketAddr,
    },
    /// 0x1a: the relay answers 0x19 and names the client's address as it sees it.
    TestReply {
        /// Pairs it with its request.
        token: Token,
        /// The client's public address.
        address: SocketAddr,
    },
    /// 0x19: the client tests a path.
    TestRequest(Token),
}

/// Bytes of a request that the answer repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token {
    call: [u8; 2],
    value: [u8; 8],
}

/// Whether a datagram of `length` bytes on the wire is one of these. The tests of a path have little that
/// proves them.
pub fn probe(payload: &[u8], length: usize) -> Probe {
    match parse(payload, length) {
        Some(Packet::TestRequest(_) | Packet::TestReply { .. }) => Probe::NeedMore,
        Some(_) => Probe::Match,
        None => Probe::NoMatch,
    }
}

/// Reads a datagram of `length` bytes on the wire.
pub fn parse(payload: &[u8], length: usize) -> Option<Packet> {
    let call = array(payload, 0)?;
    let token = |offset| Some(Token { call, value: array(payload, offset)? });
    // In echoes and registrations the token is the client's clock, in ms since 1970.
    let clock = |offset| token(offset).filter(|token| is_clock(token.value));
    if byte(payload, 3)? != 0 {
        return None;
    }
    match (byte(payload, 2)?, length) {
        (0x01, 257) if le16(payload, 4)? == 5 => {
            Some(Packet::RegisterRequest { token: clock(34)?, address: address(payload, 18)? })
        }
        (0x09, 20) => Some(Packet::EchoRequest(clock(4)?)),
        (0x0B, 34) => Some(Packet::EchoReply(clock(4)?)),
        (0x0C, 76) => Some(Packet::RegisterReply { token: clock(20)?, address: address(payload, 14)? }),
        (0x19, 34) => Some(Packet::TestRequest(token(4)?)),
        (0x1A, 20) => Some(Packet::TestReply { token: token(4)?, address: address(payload, 12)? }),
        _ => None,
    }
}

fn address(payload: &[u8], offset: usize) -> Option<SocketAddr> {
    let address = Ipv4Addr::from_bits(le32(payload, offset)?);
    Some(SocketAddr::new(address.into(), le16(payload, offset + 4)?))
}

/// Whether a clock lies between 2008 and 2050.
fn is_clock(value: [u8; 8]) -> bool {
    (1_200_000_000_000..2_524_608_000_000).contains(&u64::from_le_bytes(value))
}

/// Round-trip times to relays.
#[derive(Clone, Debug)]
pub struct RoundTrips {
    sent: Pairer<(u8, Token)>,
}

impl Default for RoundTrips {
    fn default() -> Self {
        Self { sent: Pairer::new(MOST_REQUESTS) }
    }
}

impl RoundTrips {
    /// Takes a packet of either direction; gives the time to its sender if it is an answer.
    pub fn update(&mut self, packet: &Packet, time: Timestamp) -> Option<Duration> {
        match *packet {
            Packet::EchoRequest(token) => self.sent.request((0x09, token), time),
            Packet::RegisterRequest { token, .. } => self.sent.request((0x01, token), time),
            Packet::TestRequest(token) => self.sent.request((0x19, token), time),
            Packet::EchoReply(token) => return self.sent.response(&(0x09, token), time),
            Packet::RegisterReply { token, .. } => return self.sent.response(&(0x01, token), time),
            Packet::TestReply { token, .. } => return self.sent.response(&(0x19, token), time),
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identify::captures::{self, Transport};
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    const CLOCK: [u8; 8] = [0xb3, 0x39, 0x92, 0x91, 0x63, 0x01, 0, 0];

    fn packet(kind: u8, parts: &[(usize, &[u8])], length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        bytes[..4].copy_from_slice(&[0xed, 0xf6, kind, 0]);
        for (offset, part) in parts {
            bytes[*offset..offset + part.len()].copy_from_slice(part);
        }
        bytes
    }

    #[test]
    fn requests_and_answers_share_a_token_and_name_addresses() {
        let token = Token { call: [0xed, 0xf6], value: CLOCK };
        let local = [1, 2, 0, 192, 0x43, 0xb8];
        let request = packet(0x01, &[(4, &[5, 0]), (18, &local), (34, &CLOCK)], 257);
        let address = "192.0.2.1:47171".parse().unwrap();
        assert_eq!(parse(&request, 257), Some(Packet::RegisterRequest { token, address }));
        let reply = packet(0x0C, &[(14, &local), (20, &CLOCK)], 76);
        assert_eq!(parse(&reply, 76), Some(Packet::RegisterReply { token, address }));
        let echo = packet(0x09, &[(4, &CLOCK)], 20);
        assert_eq!(parse(&echo, 20), Some(Packet::EchoRequest(token)));
        assert_eq!(parse(&packet(0x0B, &[(4, &CLOCK)], 34), 34), Some(Packet::EchoReply(token)));
        assert_eq!(probe(&packet(0x09, &[], 20), 20), Probe::NoMatch);
        assert_eq!(probe(&packet(0x19, &[], 34), 34), Probe::NeedMore);
        for captured in 0..40 {
            assert_eq!(parse(&request[..captured], 257), None);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(kind in 0u8..32, bytes in proptest::collection::vec(any::<u8>(), 0..80), length in 0usize..260) {
            let _ = parse(&bytes, length);
            let _ = parse(&[&[1, 2, kind, 0][..], &bytes].concat(), length);
        }
    }

    #[test]
    fn a_real_capture_gives_the_address_and_the_times() {
        let (mut times, mut addresses, mut found) = (RoundTrips::default(), BTreeSet::new(), Vec::new());
        for payload in captures::payloads("ndpi/viber.pcap") {
            let packet =
                parse(&payload.bytes, payload.length).filter(|_| payload.transport == Transport::Udp);
            let Some(packet) = packet else { continue };
            if let Packet::RegisterReply { address, .. } | Packet::TestReply { address, .. } = packet {
                addresses.insert(address.ip().to_string());
            }
            found.extend(times.update(&packet, payload.time));
        }
        if let Some(least) = found.iter().min() {
            assert_eq!(addresses.into_iter().collect::<Vec<_>>(), ["94.124.67.50"]);
            assert!((Duration::from_millis(25)..Duration::from_millis(40)).contains(least), "{least:?}");
        }
    }
}
