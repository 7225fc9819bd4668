//! Any bytes as the two sides of a TCP connection, in segments of any size: proxies' greetings, hellos that only look like
//! TLS, and all that may lie behind them.
#![no_main]

use landfall::capture::Timestamp;
use landfall::decode::{AddressPair, Control, TcpFlags};
use landfall::flow::{Budget, FlowKey, PacketRef, Transport};
use landfall::identify::facts::{Direction, ProxyKind};
use landfall::identify::{Feed, FlowInspector, Probe, pseudo_tls, socks};
use libfuzzer_sys::fuzz_target;

/// One of many ports for which there are rules.
const PORTS: [u16; 6] = [443, 53, 1080, 3478, 5222, 1720];

fuzz_target!(|data: &[u8]| {
    assert_eq!(pseudo_tls::open(data).is_some(), pseudo_tls::probe(data) == Probe::Match);
    assert_eq!(socks::request(data).is_some(), socks::probe(data) == Probe::Match);
    for kind in [ProxyKind::Socks4, ProxyKind::Socks5] {
        assert!(socks::answered(data, kind).is_none_or(|inner| data.ends_with(inner)));
    }
    let Some((first, mut rest)) = data.split_first() else { return };
    let addresses = AddressPair { source: [192, 0, 2, 1].into(), destination: [198, 51, 100, 1].into() };
    let port = PORTS[usize::from(*first) % PORTS.len()];
    let (key, client) = FlowKey::new(addresses, 50_000, port, Transport::Tcp);
    let mut inspector = FlowInspector::default();
    let (mut said, mut answered) = (0_u32, 0_u32);
    let mut budget = Budget::new(1 << 20);
    let mut number = 0;
    // Each segment after its length and direction.
    while let [head, after @ ..] = rest {
        let (bytes, next) = after.split_at(usize::from(head >> 1).min(after.len()));
        rest = next;
        number += 1;
        let from_client = head & 1 == 0;
        let (direction, side, sequence) = if from_client {
            (Direction::FromClient, client, &mut said)
        } else {
            (Direction::FromServer, client.other(), &mut answered)
        };
        let time = Timestamp::from_nanoseconds(number * 1_000_000);
        let packet = PacketRef::new(0, number.unsigned_abs());
        let feed = Feed { direction, time, packet, key, side, length: bytes.len() };
        let control = Control { sequence: *sequence, flags: TcpFlags(TcpFlags::ACK) };
        *sequence += bytes.len() as u32;
        if inspector.wants(direction) {
            inspector.segment(&feed, control, bytes, &mut budget);
        }
    }
    inspector.finish();
    assert!(inspector.facts().is_none_or(|facts| facts.mentions.len() <= 64 && facts.names.len() <= 32));
});
