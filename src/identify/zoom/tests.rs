use super::*;
use crate::identify::captures::{self, Payload, Transport};
use proptest::prelude::*;

const TOKEN: [u8; 16] = *b"0123456789abcdef";

fn connect_request_bytes() -> Vec<u8> {
    let mut bytes = [&[1, 0, 3][..], &TOKEN, &[0, 0, 0, 0, 0, 0, 0, 2]].concat();
    bytes.extend([0, 0, 0x6f, 0x3f, 0, 0, 0x6f, 0x40, 0, 0, 0, 0x40]);
    bytes.resize(123, 0xAA);
    bytes
}

fn connect_reply_bytes() -> Vec<u8> {
    let mut bytes = [&[2, 0, 3][..], &TOKEN, &[0, 0x4f, 0x83, 0x78], &[0, 0, 0x6f, 0x3f]].concat();
    bytes.resize(44, 0);
    bytes
}

/// An audio packet as it lies behind the outer header.
fn audio() -> Vec<u8> {
    let rtp =
        [&[0x90, 0x70][..], &[0, 7], &[0, 0, 1, 0], &[1, 0, 4, 2], &[0xBE, 0xDE, 0, 1, 0, 0, 0, 0], &[9; 10]]
            .concat();
    let mut bytes = vec![0x0F, 0x01, 0x00, 0xFB, 0x90];
    bytes.resize(17, 0x11);
    bytes.extend(u16::try_from(rtp.len()).unwrap().to_be_bytes());
    bytes.extend(rtp);
    bytes
}

fn outer(direction: u8, inner: &[u8]) -> Vec<u8> {
    [&[5, 0, 9, 0, 0x4f, 0x83, 0x78, direction][..], inner].concat()
}

fn whole(bytes: &[u8]) -> Option<Packet<'_>> {
    parse(bytes, bytes.len())
}

#[test]
fn a_connect_request_and_its_reply_share_token_and_clock() {
    let request = connect_request_bytes();
    assert_eq!(whole(&request), Some(Packet::ConnectRequest { token: TOKEN, clock: 0x6f3f }));
    let reply = connect_reply_bytes();
    let connection = ConnectionId(0x004f_8378);
    assert_eq!(whole(&reply), Some(Packet::ConnectReply { token: TOKEN, clock: 0x6f3f, connection }));
    assert_eq!(probe(&request, request.len()), Probe::Match);
}

#[test]
fn echoes_of_both_generations_are_read() {
    let echo = Echo { counter: 1, clock: 0x762a_8d74, connection: ConnectionId(0x005a_0e3e) };
    let old = [3, 0, 0, 0, 1, 0x76, 0x2a, 0x8d, 0x74, 0, 0x5a, 0x0e, 0x3e];
    assert_eq!(whole(&old), Some(Packet::EchoRequest(echo)));
    let with_fields = [&[4][..], &old[1..], &[1, 2, 2, 0, 0, 5, 1, 7, 0]].concat();
    assert_eq!(whole(&with_fields), Some(Packet::EchoReply(echo)));
    let not_filled = [&with_fields[..], &[1]].concat();
    assert_eq!(whole(&not_filled), None);
}

#[test]
fn data_has_an_outer_header_since_2021_and_one_byte_before() {
    let recent = outer(4, &audio());
    let Some(Packet::Data { outer: Some(header), media }) = whole(&recent) else {
        panic!("{:?}", whole(&recent))
    };
    assert_eq!((header.direction, header.sequence), (Direction::FromRouter, 9));
    assert_eq!(media.media_type, MediaType::Audio);
    assert!(media.is_certain());
    let Contents::Rtp { header, .. } = media.contents else { panic!() };
    assert_eq!((header.payload_type, header.ssrc), (112, 0x0100_0402));
    let old = [&[5][..], &audio()].concat();
    assert!(matches!(whole(&old), Some(Packet::Data { outer: None, media }) if media.is_certain()));
}

#[test]
fn a_wrapped_encapsulation_is_opened() {
    let wrapped = [&[7, 0, 0, 0, 0, 0, 0][..], &audio()].concat();
    let bytes = outer(0, &wrapped);
    assert!(
        matches!(whole(&bytes), Some(Packet::Data { media, .. }) if media.media_type == MediaType::Audio)
    );
}

#[test]
fn audio_whose_length_disagrees_is_not_certain() {
    let mut bytes = outer(0, &audio());
    bytes.push(0);
    assert_eq!(probe(&bytes, bytes.len()), Probe::NeedMore);
}

#[test]
fn a_datagram_between_participants_names_an_address_or_carries_media() {
    let mut connect = vec![0x1F, 0x02, 0x01];
    connect.resize(24, 0);
    for text in ["192.0.2.77", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"] {
        connect.extend(u32::try_from(text.len()).unwrap().to_be_bytes());
        connect.extend(text.as_bytes());
    }
    connect.extend([0; 4]);
    let address = "192.0.2.77".parse().unwrap();
    assert_eq!(parse_peer(&connect, connect.len()), Some(PeerPacket::Connect { address }));
    for captured in 0..connect.len() - 4 {
        assert_eq!(parse_peer(&connect[..captured], connect.len()), None, "{captured}");
    }
    let media = audio();
    assert!(matches!(parse_peer(&media, media.len()), Some(PeerPacket::Media(_))));
    let mut unmarked = audio();
    unmarked[3] = 0;
    assert_eq!(parse_peer(&unmarked, unmarked.len()), None);
}

#[test]
fn times_are_paired_over_retries() {
    let at = |milliseconds: i64| Timestamp::from_nanoseconds(milliseconds * 1_000_000);
    let mut times = RoundTrips::default();
    let (request, reply) = (connect_request_bytes(), connect_reply_bytes());
    assert_eq!(times.update(&whole(&request).unwrap(), at(0)), None);
    assert_eq!(times.update(&whole(&request).unwrap(), at(100)), None);
    assert_eq!(times.update(&whole(&reply).unwrap(), at(178)), Some(Duration::from_millis(178)));
    assert_eq!(times.update(&whole(&reply).unwrap(), at(179)), None);
}

#[test]
fn every_truncation_is_read_as_far_as_it_goes() {
    for bytes in [connect_request_bytes(), connect_reply_bytes(), outer(0, &audio())] {
        for captured in 0..bytes.len() {
            // A cut packet may say less, but never something else.
            if let Some(cut) = parse(&bytes[..captured], bytes.len()) {
                match (cut, whole(&bytes).unwrap()) {
                    (Packet::Data { outer, .. }, Packet::Data { outer: full, .. }) => assert_eq!(outer, full),
                    (cut, full) => assert_eq!(cut, full),
                }
            }
        }
        assert!(parse(&bytes[..bytes.len().min(86)], bytes.len()).is_some());
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(kind in 0u8..9, bytes in proptest::collection::vec(any::<u8>(), 0..150), excess in 0usize..40) {
        let bytes = [&[kind][..], &bytes].concat();
        let _ = probe(&bytes, bytes.len() + excess);
        let _ = parse_peer(&bytes, bytes.len() + excess);
        let _ = parse_peer(&[&[0x1F, 2, 1][..], &bytes].concat(), bytes.len() + excess);
    }

    #[test]
    fn random_bytes_never_match(bytes in proptest::collection::vec(any::<u8>(), 14..150)) {
        prop_assert_ne!(probe(&bytes, bytes.len()), Probe::Match);
    }
}

fn zoom_payloads(name: &str) -> Vec<Payload> {
    let mut payloads = captures::payloads(name);
    payloads.retain(|payload| {
        let ports = [payload.source.port(), payload.destination.port()];
        payload.transport == Transport::Udp && ports.contains(&8801)
    });
    payloads
}

#[test]
fn every_packet_of_real_calls_is_read() {
    for (name, least) in [
        ("ndpi/zoom.pcap", 200),
        ("ndpi42/zoom2.pcap", 10_000),
        ("ndpi/zoom2.pcap", 300),
        ("zoom-analysis/zoom_test.pcap", 30),
    ] {
        let payloads = zoom_payloads(name);
        if payloads.is_empty() {
            continue;
        }
        let (mut certain, mut media, mut unread) = (0, std::collections::BTreeMap::new(), 0);
        for payload in &payloads {
            match parse(&payload.bytes, payload.length) {
                Some(Packet::Data { media: found, .. }) => {
                    *media.entry((found.media_type, found.is_certain())).or_insert(0) += 1;
                }
                Some(_) => certain += 1,
                None => {
                    unread += 1;
                    println!(
                        "{name} {} {:02x?}",
                        payload.number,
                        &payload.bytes[..payload.bytes.len().min(40)]
                    );
                }
            }
        }
        println!("{name}: {certain} others, {media:?}, {unread} unread");
        assert!(payloads.len() >= least, "{name}: {}", payloads.len());
        assert_eq!(unread, 0, "{name}");
    }
}

#[test]
fn round_trips_of_a_real_call_agree_with_its_tcp_round_trip() {
    let mut times = RoundTrips::default();
    let mut found = Vec::new();
    for payload in zoom_payloads("ndpi42/zoom2.pcap") {
        let time =
            parse(&payload.bytes, payload.length).and_then(|packet| times.update(&packet, payload.time));
        if payload.source.port() == 8801 {
            found.extend(time);
        }
    }
    if let Some(least) = found.iter().min() {
        println!("{} times, least {least:?}", found.len());
        // TCP to the same router took 174.7 ms.
        assert!((Duration::from_millis(150)..Duration::from_millis(185)).contains(least), "{least:?}");
    }
}
