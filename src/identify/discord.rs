//! Discord's voice servers over UDP: IP discovery and the latency echo.
//!
//! Layout of discovery: Discord's documentation of voice connections; both: measured in a capture of 2022. The
//! rest of a voice connection is RTP (payload type 120) and RTCP.

use super::Probe;
use super::pairing::Pairer;
use super::wire::{be16, be32, le32};
use crate::capture::Timestamp;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Requests remembered for one client.
const MOST_REQUESTS: usize = 64;
/// Bytes of a discovery packet.
const DISCOVERY_LENGTH: usize = 74;
/// What its length field counts: all but type and length.
const DISCOVERY_COUNTED: u16 = 70;
const ADDRESS: std::ops::Range<usize> = 8..72;
const PING: [u8; 4] = [0x13, 0x37, 0xCA, 0xFE];
const PING_LENGTH: usize = 8;

/// What one datagram says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Packet {
    /// The client asks for its own address as the server sees it.
    DiscoveryRequest {
        /// The client's RTP source.
        ssrc: u32,
    },
    /// The server names it.
    DiscoveryResponse {
        /// The client's RTP source.
        ssrc: u32,
        /// The client's public address.
        address: SocketAddr,
    },
    /// An echo, the same both ways. A client sends one to a server in each of several regions without any
    /// call.
    Ping {
        /// Counts the client's echoes.
        counter: u32,
    },
}

/// Whether a datagram of `length` bytes on the wire is one of these.
pub fn probe(payload: &[u8], length: usize) -> Probe {
    if parse(payload, length).is_some() { Probe::Match } else { Probe::NoMatch }
}

/// Reads a datagram of `length` bytes on the wire.
pub fn parse(payload: &[u8], length: usize) -> Option<Packet> {
    if length == PING_LENGTH && payload.starts_with(&PING) {
        return Some(Packet::Ping { counter: le32(payload, 4)? });
    }
    if length != DISCOVERY_LENGTH || be16(payload, 2)? != DISCOVERY_COUNTED {
        return None;
    }
    let ssrc = be32(payload, 4)?;
    let field = payload.get(ADDRESS)?;
    match be16(payload, 0)? {
        1 => field.iter().all(|&byte| byte == 0).then_some(Packet::DiscoveryRequest { ssrc }),
        2 => {
            let end = field.iter().position(|&byte| byte == 0)?;
            let (text, rest) = field.split_at_checked(end)?;
            let address: IpAddr = std::str::from_utf8(text).ok()?.parse().ok()?;
            let port = be16(payload, ADDRESS.end)?;
            rest.iter()
                .all(|&byte| byte == 0)
                .then(|| Packet::DiscoveryResponse { ssrc, address: SocketAddr::new(address, port) })
        }
        _ => None,
    }
}

/// Round-trip times from both exchanges, of any number of flows.
#[derive(Clone, Debug)]
pub struct RoundTrips {
    /// By asker, asked and what the answer repeats.
    sent: Pairer<(SocketAddr, SocketAddr, u32)>,
}

impl Default for RoundTrips {
    fn default() -> Self {
        Self { sent: Pairer::new(MOST_REQUESTS) }
    }
}

impl RoundTrips {
    /// Takes a packet; gives the time to its source if it is an answer.
    pub fn update(
        &mut self,
        packet: Packet,
        source: SocketAddr,
        target: SocketAddr,
        time: Timestamp,
    ) -> Option<Duration> {
        let (token, is_answer) = match packet {
            Packet::DiscoveryRequest { ssrc } => (ssrc, false),
            Packet::DiscoveryResponse { ssrc, .. } => (ssrc, true),
            // Question and answer are the same bytes: the one that comes second is the answer.
            Packet::Ping { counter } => (counter, self.sent.knows(&(target, source, counter))),
        };
        if is_answer {
            return self.sent.response(&(target, source, token), time);
        }
        self.sent.request((source, target, token), time);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identify::captures;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn discovery(kind: u8, address: &str, port: u16) -> Vec<u8> {
        let mut bytes = vec![0, kind, 0, 70, 0, 0, 0xac, 0xe3];
        bytes.extend(address.as_bytes());
        bytes.resize(72, 0);
        bytes.extend(port.to_be_bytes());
        bytes
    }

    #[test]
    fn discovery_names_the_clients_public_address() {
        let response = discovery(2, "198.51.100.7", 57955);
        let address = "198.51.100.7:57955".parse().unwrap();
        assert_eq!(parse(&response, 74), Some(Packet::DiscoveryResponse { ssrc: 0xace3, address }));
        assert_eq!(parse(&discovery(1, "", 0), 74), Some(Packet::DiscoveryRequest { ssrc: 0xace3 }));
        assert_eq!(parse(&discovery(2, "nowhere", 1), 74), None);
        assert_eq!(parse(&discovery(1, "x", 1), 74), None);
        for captured in 0..74 {
            assert_eq!(probe(&response[..captured], 74), Probe::NoMatch);
        }
    }

    #[test]
    fn the_second_of_two_equal_echoes_is_the_answer() {
        let ping = parse(b"\x13\x37\xca\xfe\x0e\0\0\0", 8).unwrap();
        let (client, server) = ("192.0.2.1:5".parse().unwrap(), "198.51.100.2:6".parse().unwrap());
        let mut times = RoundTrips::default();
        let at = |milliseconds: i64| Timestamp::from_nanoseconds(milliseconds * 1_000_000);
        assert_eq!(times.update(ping, client, server, at(0)), None);
        assert_eq!(times.update(ping, client, server, at(10)), None);
        assert_eq!(times.update(ping, server, client, at(30)), Some(Duration::from_millis(30)));
        // A second copy of the answer is not a question.
        assert_eq!(times.update(ping, server, client, at(31)), None);
        assert_eq!(times.update(ping, client, server, at(32)), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100), length in 0usize..100) {
            let _ = parse(&bytes, length);
            let _ = parse(&[&[0, 2, 0, 70][..], &bytes].concat(), 74);
        }
    }

    #[test]
    fn a_real_capture_gives_the_address_and_the_times() {
        let (mut times, mut addresses, mut found) = (RoundTrips::default(), BTreeSet::new(), Vec::new());
        for payload in captures::payloads("ndpi/discord.pcap") {
            let Some(packet) = parse(&payload.bytes, payload.length) else { continue };
            if let Packet::DiscoveryResponse { address, .. } = packet {
                addresses.insert(address.ip().to_string());
            }
            found.extend(times.update(packet, payload.source, payload.destination, payload.time));
        }
        if let Some(least) = found.iter().min() {
            assert_eq!(addresses.into_iter().collect::<Vec<_>>(), ["84.59.132.100"]);
            assert!((Duration::from_millis(20)..Duration::from_millis(30)).contains(least), "{least:?}");
            assert!(found.len() >= 30, "{}", found.len());
        }
    }
}
