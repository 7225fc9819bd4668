//! Telegram's call reflectors over UDP: relays of its own, beside which it uses TURN.
//!
//! Layout: the public-domain sources of libtgvoip (`VoIPController.cpp`, `MockReflector.cpp`), and tgcalls (`ReflectorPort`); measured in
//! captures of 2016 and 2024. Every packet begins with a tag of 16 bytes. A packet to or from the reflector itself
//! goes on with twelve bytes of ones. Others are for the far participant: until 2021 encrypted, since then a packet
//! of ICE or DTLS-SRTP after its length.

use super::pairing::Pairer;
use super::wire::{be32, be64, byte, ipv4, ipv6, le16, le32};
use super::{Probe, stun};
use crate::capture::Timestamp;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Requests remembered for one client.
const MOST_REQUESTS: usize = 64;
const TAG_LENGTH: usize = 16;
/// Where the twelve bytes of ones end and the number of the message begins.
const KIND: usize = 28;
const SELF_INFO: u32 = 0xC015_72C7;
const PEER_INFO: u32 = 0x27D9_371C;
const SELF_REQUEST: u32 = 0xFFFF_FFFE;
const PEER_REQUEST: u32 = 0xFFFF_FFFF;

/// What one datagram to or from a reflector says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// The reflector names the addresses of both participants.
    PeerInfo {
        /// The address of who asked.
        own: SocketAddr,
        /// The address of the other participant.
        peer: SocketAddr,
    },
    /// A client asks for them.
    PeerRequest,
    /// A packet for or from the other participant, to be dissected in its turn.
    Relayed {
        /// The packet.
        payload: &'a [u8],
        /// Its bytes on the wire.
        length: usize,
    },
    /// The reflector names the client's address as it sees it.
    SelfInfo {
        /// The token of the request.
        query: Query,
        /// The client's public address.
        address: SocketAddr,
    },
    /// A client asks for it.
    SelfRequest {
        /// The answer repeats it.
        query: Query,
    },
}

/// The tag and the number of a request, which the answer repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Query([u8; TAG_LENGTH], u64);

/// Whether a datagram of `length` bytes on the wire is one to or from a reflector. A relayed packet proves it
/// only if it is STUN.
pub fn probe(payload: &[u8], length: usize) -> Probe {
    match parse(payload, length) {
        Some(Packet::Relayed { payload, length }) if stun::probe(payload, length) != Probe::Match => {
            Probe::NeedMore
        }
        Some(_) => Probe::Match,
        None => Probe::NoMatch,
    }
}

/// Reads a datagram of `length` bytes on the wire.
pub fn parse(payload: &[u8], length: usize) -> Option<Packet<'_>> {
    let (&tag, after) = payload.split_first_chunk::<TAG_LENGTH>()?;
    if *after.first_chunk()? != [0xFF; 12] {
        return relayed(payload, length).filter(|_| tag != [0xFF; TAG_LENGTH]);
    }
    if tag == [0xFF; TAG_LENGTH] {
        return None;
    }
    match (le32(payload, KIND)?, length) {
        (SELF_REQUEST, 40) => Some(Packet::SelfRequest { query: Query(tag, be64(payload, 32)?) }),
        (PEER_REQUEST, 32) => Some(Packet::PeerRequest),
        (SELF_INFO, 64) => Some(Packet::SelfInfo {
            query: Query(tag, be64(payload, 36)?),
            address: SocketAddr::new(mapped(payload, 44)?, port(payload, 60)?),
        }),
        (PEER_INFO, 48) => Some(Packet::PeerInfo {
            own: SocketAddr::new(ipv4(payload, 32)?.into(), port(payload, 36)?),
            peer: SocketAddr::new(ipv4(payload, 40)?.into(), port(payload, 44)?),
        }),
        _ => None,
    }
}

/// The tag, four bytes that tell the sender's side, the length in network byte order, the packet, padding to a
/// multiple of four.
fn relayed(payload: &[u8], length: usize) -> Option<Packet<'_>> {
    const HEADER_LENGTH: usize = 24;
    let inner = payload.get(HEADER_LENGTH..)?;
    let declared = usize::try_from(be32(payload, 20)?).ok()?;
    let fits = declared > 0 && declared.checked_next_multiple_of(4)? == length.checked_sub(HEADER_LENGTH)?;
    fits.then(|| Packet::Relayed { payload: inner.get(..declared).unwrap_or(inner), length: declared })
}

/// An address as IPv6, where IPv4 is mapped into it.
fn mapped(payload: &[u8], offset: usize) -> Option<IpAddr> {
    ipv6(payload, offset).map(|address| address.to_canonical())
}

/// A port in a 32-bit number.
fn port(payload: &[u8], offset: usize) -> Option<u16> {
    let fits = byte(payload, offset + 2)? == 0 && byte(payload, offset + 3)? == 0;
    if fits { le16(payload, offset) } else { None }
}

/// Round-trip times to reflectors.
#[derive(Clone, Debug)]
pub struct RoundTrips {
    sent: Pairer<Query>,
}

impl Default for RoundTrips {
    fn default() -> Self {
        Self { sent: Pairer::new(MOST_REQUESTS) }
    }
}

impl RoundTrips {
    /// Takes a packet of either direction; gives the time to its sender if it is an answer.
    pub fn update(&mut self, packet: &Packet<'_>, time: Timestamp) -> Option<Duration> {
        match packet {
            Packet::SelfRequest { query } => {
                self.sent.request(*query, time);
                None
            }
            Packet::SelfInfo { query, .. } => self.sent.response(query, time),
            Packet::PeerInfo { .. } | Packet::PeerRequest | Packet::Relayed { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identify::captures;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn packet(kind: u32, rest: &[u8]) -> Vec<u8> {
        [&[7; TAG_LENGTH][..], &[0xFF; 12], &kind.to_le_bytes(), rest].concat()
    }

    fn self_info() -> Vec<u8> {
        let mut rest = vec![1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 9];
        rest.extend([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 192, 0, 2, 1, 0x5d, 0xdc, 0, 0]);
        packet(SELF_INFO, &rest)
    }

    #[test]
    fn a_reflector_names_the_client_and_the_other_participant() {
        let query = Query([7; TAG_LENGTH], 9);
        let address = "192.0.2.1:56413".parse().unwrap();
        assert_eq!(parse(&self_info(), 64), Some(Packet::SelfInfo { query, address }));
        let request = packet(SELF_REQUEST, &9u64.to_be_bytes());
        assert_eq!(parse(&request, 40), Some(Packet::SelfRequest { query }));
        let peers = packet(PEER_INFO, &[192, 0, 2, 1, 0x5d, 0xdc, 0, 0, 198, 51, 100, 2, 1, 0, 0, 0]);
        let peer = "198.51.100.2:1".parse().unwrap();
        assert_eq!(parse(&peers, 48), Some(Packet::PeerInfo { own: address, peer }));
        assert_eq!(parse(&packet(PEER_REQUEST, &[]), 32), Some(Packet::PeerRequest));
        assert_eq!(parse(&[0xFF; 32], 32), None);
    }

    #[test]
    fn a_relayed_packet_is_handed_out_and_proves_itself_only_if_it_is_stun() {
        let mut bytes = [&[7; 20][..], &[0, 0, 0, 21], &[0x16; 21], &[0; 3]].concat();
        assert_eq!(parse(&bytes, 48), Some(Packet::Relayed { payload: &[0x16; 21], length: 21 }));
        assert_eq!((probe(&bytes, 48), probe(&bytes, 49)), (Probe::NeedMore, Probe::NoMatch));
        bytes[23] = 20;
        bytes.truncate(44);
        bytes[24..32].copy_from_slice(&[0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42]);
        assert_eq!(probe(&bytes, 44), Probe::Match);
    }

    #[test]
    fn every_truncation_is_refused() {
        let bytes = self_info();
        for captured in 0..bytes.len() {
            assert_eq!(probe(&bytes[..captured], bytes.len()), Probe::NoMatch);
        }
        assert_eq!(probe(&bytes, bytes.len()), Probe::Match);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60), kind in any::<u32>()) {
            let _ = parse(&bytes, bytes.len());
            let packet = packet(kind, &bytes);
            let _ = parse(&packet, packet.len());
        }
    }

    #[test]
    fn a_real_call_gives_addresses_and_times() {
        let (mut times, mut addresses, mut found) = (RoundTrips::default(), BTreeSet::new(), Vec::new());
        for payload in captures::payloads("ndpi/telegram.pcap") {
            let Some(packet) = parse(&payload.bytes, payload.length) else { continue };
            match packet {
                Packet::SelfInfo { address, .. } => _ = addresses.insert(address.ip().to_string()),
                Packet::PeerInfo { own, peer } => {
                    addresses.extend([own.ip().to_string(), peer.ip().to_string()]);
                }
                Packet::PeerRequest | Packet::Relayed { .. } | Packet::SelfRequest { .. } => {}
            }
            found.extend(times.update(&packet, payload.time));
        }
        if !found.is_empty() {
            assert_eq!(addresses.into_iter().collect::<Vec<_>>(), ["87.11.205.195"]);
            let least = found.iter().min().unwrap();
            assert!((Duration::from_millis(20)..Duration::from_millis(60)).contains(least), "{least:?}");
        }
    }
}
