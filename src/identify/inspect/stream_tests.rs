//! Tests of what lies around protocols over TCP, and of DNS on ports of its own.

use super::tests::{Said, feed_between};
use super::*;
use crate::identify::facts::{MentionKind, Protocol, ProxyKind};
use crate::identify::names::Via;
use crate::identify::quic;
use crate::identify::signature::Signature;
use crate::identify::tls::build;
use Direction::{FromClient, FromServer};
use std::sync::Arc;

const CLIENT: &str = "192.0.2.1:50000";

fn feed(direction: Direction, number: u64, server: &str, length: usize) -> Feed {
    feed_between(CLIENT.parse().unwrap(), server.parse().unwrap(), direction, number, length)
}

/// What becomes of a connection in which the two sides say so, a segment every millisecond of at most `size` bytes.
fn connection(server: &str, said: &[(Direction, &[u8])], size: usize) -> (FlowInspector, Vec<NameBinding>) {
    let mut connection = Said::default();
    let pieces =
        said.iter().flat_map(|(direction, bytes)| bytes.chunks(size).map(|piece| (*direction, piece)));
    for ((direction, piece), number) in pieces.zip(1..) {
        connection.take(&feed(direction, number, server, piece.len()), piece);
    }
    let mut inspector = connection.inspector;
    let bindings = inspector.finish();
    (inspector, bindings)
}

/// The same, however the bytes are cut.
fn facts(server: &str, said: &[(Direction, &[u8])]) -> FlowFacts {
    let whole = connection(server, said, usize::MAX).0.facts().unwrap().clone();
    let cut = connection(server, said, 7).0.facts().unwrap().clone();
    assert_eq!((&whole.protocols, whole.names.len()), (&cut.protocols, cut.names.len()));
    assert_eq!((whole.mentions.len(), whole.media.len()), (cut.mentions.len(), cut.media.len()));
    assert_eq!(whole.tunnel.as_ref().map(|t| &t.host), cut.tunnel.as_ref().map(|t| &t.host));
    whole
}

fn client_hello(name: &str) -> Vec<u8> {
    let config = rustls::ClientConfig::builder()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let name = rustls::pki_types::ServerName::try_from(name.to_owned()).unwrap();
    let mut bytes = Vec::new();
    rustls::ClientConnection::new(Arc::new(config), name).unwrap().write_tls(&mut bytes).unwrap();
    bytes
}

fn stun(kind: u16, attributes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(attributes.len()).unwrap().to_be_bytes();
    [&kind.to_be_bytes()[..], &length, &0x2112_a442_u32.to_be_bytes(), &[9; 12], attributes].concat()
}

/// RTP of one source.
fn rtp(sequence: u8) -> Vec<u8> {
    [&[0x80, 111, 0, sequence, 0, 0, sequence << 2, 0, 0, 0, 0, 7][..], &[0x5a; 40]].concat()
}

fn frame(header: &[u8], packet: &[u8]) -> Vec<u8> {
    [header, &u16::try_from(packet.len()).unwrap().to_be_bytes(), packet].concat()
}

const MICROSOFT: [u8; 8] = [0x00, 0x0f, 0x00, 0x04, 0x72, 0xc6, 0x4b, 0xc6];

#[test]
fn turn_behind_microsofts_hello_is_read() {
    let fixed = [0x16, 0x03, 0x01, 0x00, 0x2d, 0x01, 0x00, 0x00, 0x29, 0x03, 0x01];
    let hello = [&fixed[..], &[7; 32], &[0, 0, 2, 0, 0x18, 1, 0]].concat();
    let fixed = [0x16, 0x03, 0x01, 0x00, 0x4e, 0x02, 0x00, 0x00, 0x46, 0x03, 0x01];
    let answer = [&fixed[..], &[7; 32], &[0x20], &[8; 32], &[0, 0x18, 0, 0x0e, 0, 0, 0]].concat();
    let ask = frame(&[2, 0], &stun(3, &MICROSOFT));
    let relay = [&MICROSOFT[..], &[0x00, 0x01, 0x00, 0x08, 0, 1, 0x0d, 0x98, 198, 51, 100, 9]].concat();
    let tell = frame(&[2, 0], &stun(0x0103, &relay));
    let media: Vec<u8> = (0..12).flat_map(|sequence| frame(&[3, 0], &rtp(sequence))).collect();
    let said: [(Direction, &[u8]); 5] = [
        (FromClient, &hello),
        (FromServer, &answer),
        (FromClient, &ask),
        (FromServer, &tell),
        (FromServer, &media),
    ];
    let facts = facts("198.51.100.1:443", &said);
    assert!(facts.protocols.iter().eq([Protocol::Rtp, Protocol::Stun]), "the hellos are none");
    assert!(facts.has_signature(Signature::MsTurn) && facts.stun.as_ref().unwrap().allocated);
    assert_eq!(facts.media[0].packets, 12);
    let relayed = facts.mentions.iter().find(|mention| mention.kind == MentionKind::Relayed).unwrap();
    assert_eq!(relayed.address.to_string(), "198.51.100.9:3480");
    assert_eq!(facts.first_answer.map(|time| time.as_millis()), Some(1));
}

#[test]
fn stun_behind_googles_hello_is_read() {
    let client = [&[0x80, 0x46, 1, 3, 1, 0, 0x2d, 0, 0, 0, 0x10][..], &[1; 45]].concat();
    let challenge =
        [0x1f, 0x17, 0x0c, 0xa6, 0x2f, 0, 0x78, 0xfc, 0x46, 0x55, 0x2e, 0xb1, 0x83, 0x39, 0xf1, 0xea];
    let hello = [&client[..], &challenge].concat();
    let ask = stun(1, &[]);
    let facts = facts("198.51.100.1:443", &[(FromClient, &hello), (FromClient, &ask)]);
    assert!(facts.protocols.iter().eq([Protocol::Stun]));
    assert_eq!(facts.stun.unwrap().requests.client, 1);
}

#[test]
fn turn_over_tcp_is_opened_to_the_handshake_inside() {
    let body = build::client_hello(0xfefd, Some(b""), &[build::server_name(b"call.example")]);
    let length = build::vector(3, &body);
    let message = [&[1][..], &length[..3], &[0; 5], &length[..3], &body].concat();
    let hello = [&[22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 1][..], &build::vector(2, &message)].concat();
    let data = [&[0x00, 0x13][..], &u16::try_from(hello.len()).unwrap().to_be_bytes(), &hello].concat();
    let padded = [&data[..], &vec![0; hello.len().next_multiple_of(4) - hello.len()]].concat();
    let (ask, send) = (stun(3, &[]), stun(0x0016, &padded));
    let facts = facts("198.51.100.1:3478", &[(FromClient, &ask), (FromClient, &send)]);
    assert!(facts.protocols.iter().eq([Protocol::Dtls, Protocol::Stun]));
    let name = facts.names.first().unwrap();
    assert_eq!((&**name.name, name.via), ("call.example", Via::Dtls));
    assert!(facts.handshake_of_peer, "and is the participant's");
}

#[test]
fn media_in_a_tcp_stream_is_media() {
    let media: Vec<u8> = (0..12).flat_map(|sequence| frame(&[], &rtp(sequence))).collect();
    let (inspector, _) = connection("198.51.100.1:9000", &[(FromClient, &media)], usize::MAX);
    assert_eq!(inspector.facts().unwrap().media[0].packets, 12, "RFC 4571");
}

#[test]
fn a_socks_proxy_is_asked_for_a_server_that_is_only_mentioned() {
    let request = b"\x05\x01\x00\x05\x01\x00\x01\xcb\x00\x71\x07\x01\xbb";
    let answer = b"\x05\x00\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00";
    let hello = client_hello("zoom.us");
    let said: [(Direction, &[u8]); 4] = [
        (FromClient, &request[..3]),
        (FromServer, answer),
        (FromClient, &request[3..]),
        (FromClient, &hello),
    ];
    let facts = facts("198.51.100.1:1080", &said);
    let tunnel = facts.tunnel.as_deref().unwrap();
    assert_eq!((tunnel.kind, &*tunnel.host, tunnel.port), (ProxyKind::Socks5, "203.0.113.7", Some(443)));
    assert!(tunnel.is_used);
    let mention = facts.mentions[0];
    assert_eq!(
        (mention.kind, mention.address.to_string().as_str()),
        (MentionKind::ProxyTarget, "203.0.113.7:443")
    );
    assert_eq!(&**facts.names.first().unwrap().name, "zoom.us");
}

#[test]
fn a_proxy_that_refuses_passes_nothing_on() {
    let ask = b"CONNECT zoom.us:443 HTTP/1.1\r\nHost: zoom.us\r\n\r\n";
    let said: [(Direction, &[u8]); 2] =
        [(FromClient, ask), (FromServer, b"HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno")];
    let facts = facts("198.51.100.1:3128", &said);
    assert!(!facts.tunnel.unwrap().is_used && facts.handshake.is_none());
    let forward = b"GET http://zoom.us/j/1 HTTP/1.1\r\nHost: zoom.us\r\n\r\n";
    let (inspector, _) = connection("198.51.100.1:3128", &[(FromClient, forward)], usize::MAX);
    assert_eq!(inspector.facts().unwrap().tunnel.as_ref().unwrap().kind, ProxyKind::HttpForward);
    let own = b"GET http://198.51.100.1/ HTTP/1.1\r\nHost: 198.51.100.1\r\n\r\n";
    let (inspector, _) = connection("198.51.100.1:80", &[(FromClient, own)], usize::MAX);
    assert_eq!(inspector.facts().unwrap().tunnel, None, "no proxy: the address is the server's");
}

#[test]
fn tls_after_starttls_is_the_same_servers() {
    let hello = client_hello("xmpp.example");
    let said: [(Direction, &[u8]); 4] = [
        (FromClient, b"<?xml version='1.0'?><stream:stream to='example'>"),
        (FromClient, b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
        (FromServer, b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
        (FromClient, &hello),
    ];
    let facts = facts("198.51.100.1:5222", &said);
    assert_eq!((facts.tunnel, &**facts.names.first().unwrap().name), (None, "xmpp.example"));
    assert!(facts.handshake.unwrap().client_hello);
    // A hello that is only quoted, in a mail for example.
    let quoted: [(Direction, &[u8]); 2] = [(FromClient, b"220 look at this: "), (FromClient, &hello)];
    assert!(connection("198.51.100.1:25", &quoted, usize::MAX).0.facts().is_none());
}

fn dns(kind: u8, answer: &[u8], is_answer: bool) -> Vec<u8> {
    let flags: &[u8] =
        if is_answer { &[0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0] } else { &[1, 0, 0, 1, 0, 0, 0, 0, 0, 0] };
    [&[0, 7][..], flags, b"\x04zoom\x02us\0", &[0, kind, 0, 1], answer].concat()
}

const ADDRESS: &[u8] = b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xcb\0\x71\x09";

/// What becomes of datagrams to and from a port.
fn datagrams(server: &str, packets: &[(Direction, &[u8])]) -> (FlowInspector, Vec<NameBinding>) {
    let mut inspector = FlowInspector::default();
    for ((direction, payload), number) in packets.iter().zip(1..) {
        inspector.datagram(&feed(*direction, number, server, payload.len()), payload);
    }
    let bindings = inspector.finish();
    (inspector, bindings)
}

#[test]
fn dns_is_known_on_any_port_once_a_question_came() {
    let (question, answer) = (dns(1, b"", false), dns(1, ADDRESS, true));
    let exchange: [(Direction, &[u8]); 2] = [(FromClient, &question), (FromServer, &answer)];
    let (inspector, bindings) = datagrams("198.51.100.1:5300", &exchange);
    assert!(inspector.facts().unwrap().has(Protocol::Dns));
    assert_eq!(
        (&*bindings[0].names[0], bindings[0].addresses[0].to_string()),
        ("zoom.us", "203.0.113.9".into())
    );
    let (_, unasked) = datagrams("198.51.100.1:5300", &[(FromServer, &answer)]);
    assert!(unasked.is_empty(), "anyone can send an answer");
    let over_tcp = [frame(&[], &question), frame(&[], &answer)];
    let (inspector, bindings) = connection(
        "198.51.100.1:5300",
        &[(FromClient, &over_tcp[0]), (FromServer, &over_tcp[1])],
        usize::MAX,
    );
    assert!(inspector.facts().unwrap().has(Protocol::Dns));
    assert_eq!(bindings.len(), 1);
}

#[test]
fn what_only_looks_like_dns_is_none() {
    let question = dns(1, b"", false);
    let answer = dns(1, ADDRESS, true);
    let mut wrong = vec![
        dns(0x20, b"", false),
        dns(1, b"\0", false),
        question[..question.len() - 1].to_vec(),
        [&[0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 32][..], &[b'A'; 32], &[0, 0, 33, 0, 1]].concat(),
    ];
    for (place, value) in [(2, 0x29), (3, 0x01), (3, 0x80), (5, 2), (9, 1)] {
        let mut other = question.clone();
        other[place] = value;
        wrong.push(other);
    }
    for other in &wrong {
        let (inspector, bindings) =
            datagrams("198.51.100.1:5300", &[(FromClient, other), (FromServer, &answer)]);
        let is_dns = inspector.facts().is_some_and(|facts| facts.has(Protocol::Dns));
        assert!(!is_dns && bindings.is_empty(), "{other:?}");
    }
    for server in ["198.51.100.1:137", "224.0.0.252:5300"] {
        assert!(datagrams(server, &[(FromClient, &question)]).0.facts().is_none(), "{server}");
    }
}

#[test]
fn addresses_of_h323_are_mentioned_and_those_of_the_connection_are_not() {
    let user = [0x05, 0x22, 0x40, 0x06, 0x00, 0x08, 0x91, 0x4a, 0x00, 0x03, 0x00, 203, 0, 113, 7, 0x04, 0xd0];
    let q931 = [&[8, 2, 0, 1, 7, 0x7e, 0, 17][..], &user].concat();
    let connect = [&[3, 0, 0, 29][..], &q931].concat();
    assert_eq!(connect.len(), 29);
    let facts = facts("198.51.100.1:1720", &[(FromServer, &connect)]);
    assert!(facts.protocols.iter().eq([Protocol::H323]));
    let [mention] = facts.mentions[..] else { panic!("{:?}", facts.mentions) };
    assert_eq!(
        (mention.kind, mention.address.to_string().as_str()),
        (MentionKind::OtherServer, "203.0.113.7:1232")
    );
    let facts = self::facts("203.0.113.7:1232", &[(FromServer, &connect)]);
    assert!(facts.mentions.is_empty());
}

#[test]
fn why_a_connection_of_quic_was_ended_is_a_fact_with_its_packet() {
    let [hello, close] = quic::tests::refused();
    let (inspector, _) = datagrams("198.51.100.1:443", &[(FromClient, &hello), (FromServer, &close)]);
    let handshake = inspector.facts().unwrap().handshake.as_deref().unwrap();
    let (from, why, packet) = handshake.close.as_ref().unwrap();
    assert_eq!((*from, why.in_words().as_str()), (FromServer, "no_application_protocol (alpn)"));
    assert_eq!(packet.number(), 2);
    assert!(!handshake.completed && !handshake.server_hello);
}

#[test]
fn a_nominated_pair_is_told_from_one_that_is_only_checked() {
    let checked = [0x00, 0x24, 0, 4, 0x6e, 0, 0x1e, 0xff];
    let nominating = [&checked[..], &[0x00, 0x25, 0, 0]].concat();
    let (check, nominate, answer) = (stun(1, &checked), stun(1, &nominating), stun(0x0101, &[]));
    for (asked, nominated) in [(&check, false), (&nominate, true)] {
        let (inspector, _) = datagrams("198.51.100.1:40000", &[(FromClient, asked), (FromServer, &answer)]);
        let stun = inspector.facts().unwrap().stun.as_deref().unwrap();
        assert!(stun.connectivity_check);
        assert_eq!((stun.nominated, stun.successes.server), (nominated, 1));
    }
}

#[test]
fn a_report_of_the_receiver_tells_the_distance() {
    // RFC 3550 sections 6.4.1 and 6.4.2: the report answers the sender's of 0x5678_9abc after half a second.
    let sender =
        [&[0x80, 200, 0, 6, 0, 0, 0, 1][..], &[0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0], &[0; 12]];
    let block = [&[0, 0, 0, 1][..], &[0; 12], &[0x56, 0x78, 0x9a, 0xbc], &[0, 0, 0x80, 0]].concat();
    let receiver = [&[0x81, 201, 0, 7, 0, 0, 0, 2][..], &block].concat();
    let mut inspector = FlowInspector::default();
    for (direction, number, payload) in [(FromClient, 1, sender.concat()), (FromServer, 541, receiver)] {
        inspector.datagram(&feed(direction, number, "198.51.100.1:40001", payload.len()), &payload);
    }
    inspector.finish();
    let rtt = inspector.facts().unwrap().rtts[0];
    assert_eq!((rtt.via, rtt.min.as_millis()), (crate::identify::facts::RttVia::Rtcp, 40));
}
