//! Tests of the inspector on packets made for them.

use super::*;
use crate::decode::AddressPair;
use crate::flow::Transport;
use crate::identify::facts::{MentionKind, PerDirection, Protocol, ProxyKind, RttVia};
use crate::identify::names::Via;
use crate::identify::signature::Signature;
use proptest::prelude::*;
use std::sync::Arc;
use std::time::Duration;

fn feed(direction: Direction, milliseconds: i64, port: u16, length: usize) -> Feed {
    let server = SocketAddr::new("198.51.100.1".parse().unwrap(), port);
    let number = u64::try_from(milliseconds).unwrap() + 1;
    feed_between("192.0.2.1:50000".parse().unwrap(), server, direction, number, length)
}

/// A packet at so many milliseconds as its number says.
pub(super) fn feed_between(
    client: SocketAddr,
    server: SocketAddr,
    direction: Direction,
    number: u64,
    length: usize,
) -> Feed {
    let (source, destination) = match direction {
        Direction::FromClient => (client, server),
        Direction::FromServer => (server, client),
    };
    let addresses = AddressPair { source: source.ip(), destination: destination.ip() };
    let (key, side) = FlowKey::new(addresses, source.port(), destination.port(), Transport::Udp);
    let time = Timestamp::from_nanoseconds(i64::try_from(number).unwrap() * 1_000_000);
    Feed { direction, time, packet: PacketRef::new(0, number), key, side, length }
}

/// What becomes of datagrams to and from `port`, a millisecond apart.
fn inspect(port: u16, datagrams: &[(Direction, Vec<u8>)]) -> (FlowInspector, Vec<NameBinding>) {
    let mut inspector = FlowInspector::default();
    for ((direction, payload), milliseconds) in datagrams.iter().zip(0..) {
        inspector.datagram(&feed(*direction, milliseconds, port, payload.len()), payload);
    }
    let bindings = inspector.finish();
    (inspector, bindings)
}

fn rtp(sequence: u16) -> Vec<u8> {
    let mut packet = vec![0x80, 111];
    packet.extend(sequence.to_be_bytes());
    packet.extend((u32::from(sequence) * 960).to_be_bytes());
    packet.extend(7u32.to_be_bytes());
    packet.extend([0x5a; 80]);
    packet
}

/// A Binding of RFC 8489; the answer names 192.0.2.200:4242.
fn binding(kind: u16) -> Vec<u8> {
    let mut message = kind.to_be_bytes().to_vec();
    let attribute: &[u8] = if kind == 0x0101 {
        // 4242 ^ 0x2112, 192.0.2.200 ^ 0x2112A442.
        &[0, 0x20, 0, 8, 0, 1, 0x31, 0x80, 0xe1, 0x12, 0xa6, 0x8a]
    } else {
        &[]
    };
    message.extend(u16::try_from(attribute.len()).unwrap().to_be_bytes());
    message.extend(0x2112_A442u32.to_be_bytes());
    message.extend([9; 12]);
    message.extend(attribute);
    message
}

#[test]
fn an_inspector_that_knows_nothing_is_small() {
    assert!(size_of::<FlowInspector>() <= 64, "{}", size_of::<FlowInspector>());
}

#[test]
fn a_flow_of_nothing_known_is_given_up() {
    let mut inspector = FlowInspector::default();
    for milliseconds in 0..=i64::from(MAX_UNRECOGNISED) {
        assert!(inspector.wants(Direction::FromClient));
        inspector.datagram(&feed(Direction::FromClient, milliseconds, 4000, 3), b"\x4fab");
    }
    assert!(!inspector.wants(Direction::FromClient));
    inspector.finish();
    assert_eq!(inspector.facts(), None);
}

#[test]
fn bytes_that_only_look_like_rtp_are_given_up_too() {
    let mut inspector = FlowInspector::default();
    for milliseconds in 0..200 {
        let mut payload = rtp(0);
        payload[2..12].copy_from_slice(&blake(milliseconds));
        inspector.datagram(&feed(Direction::FromClient, milliseconds, 4000, payload.len()), &payload);
    }
    assert!(!inspector.wants(Direction::FromClient));
}

/// Ten bytes without a pattern.
fn blake(seed: i64) -> [u8; 10] {
    let mixed = seed.wrapping_mul(0x5851_f42d_4c95_7f2d).rotate_left(23).to_be_bytes();
    std::array::from_fn(|i| mixed[i % 8] ^ u8::try_from(i).unwrap())
}

#[test]
fn media_becomes_a_stream_with_its_first_packet() {
    let packets: Vec<_> = (0..20).map(|sequence| (Direction::FromServer, rtp(sequence))).collect();
    let (inspector, _) = inspect(40_000, &packets);
    let facts = inspector.facts().unwrap();
    let [stream] = &facts.media[..] else { panic!("{facts:?}") };
    assert_eq!((stream.ssrc, stream.payload_type, stream.packets), (7, 111, 20));
    assert_eq!((stream.direction, stream.first.number()), (Direction::FromServer, 1));
    assert!(facts.has(Protocol::Rtp));
}

/// A packet with a long header: `first`, a version and two connection ids of eight bytes.
fn quic(first: u8, version: u32, rest: &[u8]) -> Vec<u8> {
    let ids = [&[8][..], &[0xd1; 8], &[8], &[0xd2; 8]].concat();
    [&[first][..], &version.to_be_bytes(), &ids, rest].concat()
}

#[test]
fn what_follows_in_a_connection_of_quic_is_not_taken_for_other_protocols() {
    // An Initial of v1 with an empty token, a version negotiation that begins like RTP, short headers that begin like
    // SIP and like a frame of FaceTime's around RTP.
    let initial = quic(0xc3, 1, &[&[0, 0x44, 0xb0][..], &[0x5a; 1200]].concat());
    let framed = [&[0x60, 0, 0, 92][..], &rtp(1)].concat();
    let mut datagrams = vec![(Direction::FromClient, initial)];
    datagrams.push((Direction::FromServer, quic(0x80, 0, &1u32.to_be_bytes())));
    for _ in 0..8 {
        datagrams.push((Direction::FromServer, b"SIP/2.0 200 OK\r\n\r\n".to_vec()));
        datagrams.push((Direction::FromClient, framed.clone()));
    }
    let (inspector, _) = inspect(443, &datagrams);
    let facts = inspector.facts().unwrap();
    assert!(facts.protocols.iter().eq([Protocol::Quic]));
    assert_eq!((facts.media.len(), facts.signatures.len()), (0, 0));
    assert_eq!(facts.handshake.as_ref().unwrap().data, PerDirection { client: true, server: true });
}

#[test]
fn a_stun_server_tells_the_clients_address_and_its_distance() {
    let exchange = [(Direction::FromClient, binding(1)), (Direction::FromServer, binding(0x0101))];
    let (inspector, _) = inspect(3478, &exchange);
    let facts = inspector.facts().unwrap();
    let mention = facts.mentions[0];
    assert_eq!(
        (mention.address.to_string().as_str(), mention.kind),
        ("192.0.2.200:4242", MentionKind::Mapped)
    );
    assert_eq!(facts.first_answer, Some(Duration::from_millis(1)));
    assert_eq!(facts.rtts[0].via, RttVia::Stun);
    let stun = facts.stun.as_ref().unwrap();
    assert_eq!((stun.requests.client, stun.successes.server), (1, 1));
}

#[test]
fn what_the_server_asks_tells_no_distance() {
    let exchange = [(Direction::FromServer, binding(1)), (Direction::FromClient, binding(0x0101))];
    let (inspector, _) = inspect(3478, &exchange);
    assert!(inspector.facts().unwrap().rtts.is_empty());
}

#[test]
fn media_inside_a_relays_frame_is_found_once_turn_was_seen() {
    let framed = |sequence| {
        let inner = rtp(sequence);
        let mut packet = 0x4001u16.to_be_bytes().to_vec();
        packet.extend(u16::try_from(inner.len()).unwrap().to_be_bytes());
        packet.extend(inner);
        (Direction::FromClient, packet)
    };
    let alone: Vec<_> = (0..10).map(framed).collect();
    assert!(inspect(3478, &alone).0.facts().is_none_or(|facts| facts.media.is_empty()));
    let mut relayed = vec![(Direction::FromClient, binding(3))];
    relayed.extend(alone);
    let (inspector, _) = inspect(3478, &relayed);
    let facts = inspector.facts().unwrap();
    assert_eq!(facts.media.len(), 1);
    assert!(facts.stun.as_ref().unwrap().relayed);
}

#[test]
fn a_discord_echo_is_a_signature_with_a_distance() {
    let ping = b"\x13\x37\xca\xfe\x01\0\0\0".to_vec();
    let (inspector, _) =
        inspect(50_001, &[(Direction::FromClient, ping.clone()), (Direction::FromServer, ping)]);
    let facts = inspector.facts().unwrap();
    assert!(facts.has_signature(Signature::DiscordPing));
    assert_eq!(facts.rtts[0].via, RttVia::Discord);
}

#[test]
fn an_answer_of_dns_binds_its_name_and_aliases() {
    let mut message = vec![0, 7, 0x81, 0x80, 0, 1, 0, 2, 0, 0, 0, 1];
    message.extend(b"\x04zoom\x02us\0\0\x01\0\x01");
    // zoom.us is an alias of a.zoom.us, which has the address; that of a name server comes with it.
    message.extend(b"\xc0\x0c\0\x05\0\x01\0\0\0\x3c\0\x04\x01a\xc0\x0c");
    message.extend(b"\x01a\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xcb\0\x71\x09");
    message.extend(b"\x02ns\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xcb\0\x71\x35");
    let (inspector, bindings) = inspect(53, &[(Direction::FromServer, message)]);
    let [binding, name_server] = &bindings[..] else { panic!("{bindings:?}") };
    assert_eq!(*binding.names, ["zoom.us", "a.zoom.us"].map(Arc::from));
    assert_eq!(*name_server.names, ["ns.zoom.us"].map(Arc::from));
    assert_eq!(binding.addresses, ["203.0.113.9".parse::<std::net::IpAddr>().unwrap()]);
    assert_eq!((binding.client.to_string().as_str(), binding.ttl), ("192.0.2.1", Duration::from_mins(1)));
    assert!(inspector.facts().unwrap().has(Protocol::Dns));
}

/// The first flight of a TLS client.
fn client_hello(name: &str) -> Vec<u8> {
    let config = rustls::ClientConfig::builder()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let name = rustls::pki_types::ServerName::try_from(name.to_owned()).unwrap();
    let mut client = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
    let mut bytes = Vec::new();
    client.write_tls(&mut bytes).unwrap();
    bytes
}

/// A TCP connection whose segments come in order.
#[derive(Default)]
pub(super) struct Said {
    pub(super) inspector: FlowInspector,
    sequences: PerDirection<u32>,
}

impl Said {
    pub(super) fn take(&mut self, feed: &Feed, payload: &[u8]) {
        let sequence = self.sequences.of_mut(feed.direction);
        let control = Control { sequence: *sequence, flags: TcpFlags(TcpFlags::ACK) };
        *sequence += u32::try_from(payload.len()).unwrap();
        if self.inspector.wants(feed.direction) {
            self.inspector.segment(feed, control, payload, &mut Budget::new(1 << 20));
        }
    }
}

fn stream_facts(bytes: &[u8], cut: usize) -> FlowInspector {
    let mut said = Said::default();
    let mut before = 0;
    for (end, milliseconds) in [cut, bytes.len()].into_iter().zip(0..) {
        let piece = &bytes[before..end];
        said.take(&feed(Direction::FromClient, milliseconds, 443, piece.len()), piece);
        before = end;
    }
    let mut inspector = said.inspector;
    inspector.finish();
    inspector
}

#[test]
fn a_client_hello_names_the_server_wherever_its_segments_are_cut() {
    let hello = client_hello("zoomfrn99mmr.zoom.us");
    for cut in 1..hello.len() {
        let inspector = stream_facts(&hello, cut);
        let facts = inspector.facts().unwrap();
        let Some(name) = facts.names.first().filter(|_| facts.names.len() == 1) else { panic!("{facts:?}") };
        assert_eq!((&**name.name, name.via), ("zoomfrn99mmr.zoom.us", Via::Tls));
        let handshake = facts.handshake.as_ref().unwrap();
        assert!(handshake.client_hello && !handshake.server_hello && !handshake.completed);
    }
}

#[test]
fn a_hello_behind_a_proxys_greeting_is_read() {
    let mut bytes = b"CONNECT zoom.us:443 HTTP/1.1\r\nHost: zoom.us:443\r\n\r\n".to_vec();
    let greeting = bytes.len();
    bytes.extend(client_hello("zoomfrn99mmr.zoom.us"));
    let inspector = stream_facts(&bytes, greeting);
    let facts = inspector.facts().unwrap();
    let tunnel = facts.tunnel.as_deref().unwrap();
    assert_eq!((tunnel.kind, &*tunnel.host, tunnel.port), (ProxyKind::HttpConnect, "zoom.us", Some(443)));
    assert!(tunnel.is_used);
    assert_eq!(facts.names.iter().map(|name| &**name.name).collect::<Vec<_>>(), ["zoomfrn99mmr.zoom.us"]);
}

#[test]
fn data_both_ways_ends_the_interest_in_a_tls_connection() {
    let record = |kind: u8, length: u16| {
        let mut record = vec![kind, 3, 3];
        record.extend(length.to_be_bytes());
        record.resize(record.len() + usize::from(length), 0);
        record
    };
    let client = [client_hello("zoom.us"), record(23, 53)].concat();
    let mut said = Said::default();
    said.take(&feed(Direction::FromClient, 0, 443, 0), &client);
    assert!(said.inspector.wants(Direction::FromClient), "the end of the handshake is not data");
    said.take(&feed(Direction::FromServer, 1, 443, 0), &record(23, 2000));
    said.take(&feed(Direction::FromClient, 2, 443, 0), &record(23, 300));
    assert!(!said.inspector.wants(Direction::FromClient) && said.inspector.wants(Direction::FromServer));
    said.take(&feed(Direction::FromServer, 3, 443, 0), &record(23, 900));
    assert!(!said.inspector.wants(Direction::FromServer));
    let mut inspector = said.inspector;
    inspector.finish();
    let data = inspector.facts().unwrap().handshake.as_ref().unwrap().data;
    assert!(data.client && data.server);
}

fn direction() -> impl Strategy<Value = Direction> {
    prop_oneof![Just(Direction::FromClient), Just(Direction::FromServer)]
}

/// Bytes that begin like one of the protocols, and any others.
fn payload() -> impl Strategy<Value = Vec<u8>> {
    let any = || proptest::collection::vec(any::<u8>(), 0..200);
    let start = prop_oneof![
        Just(binding(1)),
        Just(binding(0x0101)),
        Just(rtp(1)),
        Just(vec![0x05, 0x10, 0x01, 0x00, 0xfb, 0x90]),
        Just(vec![0x16, 0xfe, 0xfd]),
        Just(vec![0x16, 0x03, 0x01]),
        Just(vec![0xff, 0x10]),
        Just(vec![0xc0, 0, 0, 0, 1]),
        Just(b"INVITE sip:a@b SIP/2.0\r\n".to_vec()),
        Just(b"CONNECT a:1 HTTP/1.1\r\n\r\n".to_vec()),
    ];
    prop_oneof![any(), (start, any()).prop_map(|(start, rest)| [start, rest].concat())]
}

proptest! {
    #[test]
    fn no_datagrams_make_it_panic(
        packets in proptest::collection::vec((direction(), payload(), 0_usize..300), 0..30),
        port in prop_oneof![Just(53_u16), Just(443), Just(3478), Just(8801), Just(9000), any::<u16>()],
    ) {
        let mut inspector = FlowInspector::default();
        for ((direction, payload, beyond), milliseconds) in packets.iter().zip(0..) {
            inspector.datagram(&feed(*direction, milliseconds, port, payload.len() + beyond), payload);
        }
        inspector.finish();
        let _ = inspector.facts();
    }

    #[test]
    fn what_begins_nothing_known_is_nothing_known_whatever_follows(
        direction in direction(),
        bytes in payload(),
        change in any::<(prop::sample::Index, u8)>(),
        cut: prop::sample::Index,
        more in payload(),
    ) {
        let mut bytes = [bytes, vec![7]].concat();
        let place = change.0.index(bytes.len().min(16));
        bytes[place] = change.1;
        let feed = feed(direction, 0, 443, 0);
        let is_strange = streams::is_strange(&feed, &bytes[..cut.index(bytes.len())]);
        let whole = [bytes, more].concat();
        prop_assert!(!is_strange || streams::is_strange(&feed, &whole));
        let mut said = Said::default();
        said.take(&feed, &whole);
        said.inspector.finish();
        prop_assert!(!is_strange || said.inspector.facts().is_none());
    }

    #[test]
    fn no_streams_make_it_panic(
        segments in proptest::collection::vec((direction(), payload()), 0..20),
        port in prop_oneof![Just(53_u16), Just(443), any::<u16>()],
    ) {
        let mut said = Said::default();
        for ((direction, payload), milliseconds) in segments.iter().zip(0..) {
            said.take(&feed(*direction, milliseconds, port, payload.len()), payload);
        }
        said.inspector.finish();
    }
}

#[test]
#[ignore = "a measurement, for a release build"]
fn a_packet_of_media_costs_tens_of_nanoseconds() {
    const PACKETS: u32 = 2_000_000;
    let mut packet = rtp(0);
    let mut inspector = FlowInspector::default();
    let mut place = feed(Direction::FromClient, 0, 40_000, packet.len());
    let start = std::time::Instant::now();
    for number in 0..PACKETS {
        packet[2..4].copy_from_slice(&number.to_be_bytes()[2..]);
        packet[4..8].copy_from_slice(&(number * 960).to_be_bytes());
        place.time = Timestamp::from_nanoseconds(i64::from(number) * 20_000_000);
        inspector.datagram(&place, &packet);
    }
    println!("a packet of RTP: {:?}", start.elapsed() / PACKETS);
    inspector.finish();
    assert_eq!(inspector.facts().unwrap().media[0].packets, u64::from(PACKETS));
}
