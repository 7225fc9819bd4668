//! Packets made again: what is in them, what is not, and that the decoder reads them as before.

use super::*;
use crate::capture::Timestamp;
use crate::decode::{self, Anomalies, Content};
use crate::evidence::pseudonyms::tests::pseudonyms;
use crate::identify::{dns as read_dns, stun as read_stun};
use etherparse::PacketBuilder;
use proptest::prelude::*;
use std::net::IpAddr;

const CLIENT: [u8; 4] = [10, 1, 2, 3];
const SERVER: [u8; 4] = [52, 81, 151, 250];
const CLIENT_MAC: [u8; 6] = [0, 0x1a, 0x2b, 0x3c, 0x4d, 0x5e];
const SERVER_MAC: [u8; 6] = [0, 0x1a, 0x2b, 0x3c, 0x4d, 0x5f];

fn people() -> Pseudonyms {
    pseudonyms(5, &["10.1.2.3", "198.51.100.7", "fd00::7"], &["52.81.151.250"])
}

fn frame(link_type: LinkType, bytes: &[u8]) -> Frame<'_> {
    Frame {
        input: 0,
        number: 1,
        time: Timestamp::from_nanoseconds(0),
        link_type,
        wire_length: u32::try_from(bytes.len()).unwrap(),
        bytes,
    }
}

fn decoded<'a>(frame: &Frame<'a>) -> Vec<Packet<'a>> {
    let mut packets = Vec::new();
    decode::decode(frame, 0, &mut Anomalies::default(), &mut packets);
    packets
}

fn rebuilt(link_type: LinkType, bytes: &[u8]) -> (LinkType, Vec<u8>) {
    let frame = frame(link_type, bytes);
    rebuild(&frame, &decoded(&frame), &people()).unwrap()
}

fn udp(payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let builder = PacketBuilder::ethernet2(CLIENT_MAC, SERVER_MAC).ipv4(CLIENT, SERVER, 64).udp(40_000, 3478);
    builder.write(&mut bytes, payload).unwrap();
    bytes
}

fn has(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn payload_of(bytes: &[u8]) -> Vec<u8> {
    let frame = frame(ETHERNET, bytes);
    match decoded(&frame)[0].content {
        Content::Udp(datagram) => datagram.payload.to_vec(),
        Content::Tcp(segment) => segment.payload.to_vec(),
        _ => Vec::new(),
    }
}

#[test]
fn headers_are_as_before_with_other_addresses() {
    let mut bytes = Vec::new();
    let builder = PacketBuilder::ethernet2(CLIENT_MAC, SERVER_MAC)
        .ipv4(CLIENT, SERVER, 57)
        .tcp(40_000, 443, 7, 1000)
        .syn()
        .options(&[etherparse::TcpOptionElement::MaximumSegmentSize(1460)])
        .unwrap();
    builder.write(&mut bytes, &[]).unwrap();
    let (link_type, new) = rebuilt(ETHERNET, &bytes);
    assert_eq!((link_type, new.len()), (ETHERNET, bytes.len()));
    assert!(!has(&new, &CLIENT) && has(&new, &SERVER) && !has(&new, &CLIENT_MAC) && !has(&new, &SERVER_MAC));
    let sliced = etherparse::SlicedPacket::from_ethernet(&new).unwrap();
    let Some(etherparse::NetSlice::Ipv4(ip)) = sliced.net else { panic!("no IPv4") };
    assert_eq!(ip.header().to_header().calc_header_checksum(), ip.header().header_checksum());
    assert_eq!(ip.header().ttl(), 57);
    let Some(etherparse::TransportSlice::Tcp(tcp)) = sliced.transport else { panic!("no TCP") };
    assert_eq!(
        tcp.calc_checksum_ipv4(ip.header().source(), ip.header().destination()).unwrap(),
        tcp.checksum()
    );
    assert_eq!((tcp.window_size(), tcp.sequence_number(), tcp.syn()), (1000, 7, true));
    assert!(has(tcp.options(), &[2, 4, 5, 0xb4]));
}

#[test]
fn options_that_name_addresses_go() {
    let mut bytes = Vec::new();
    // ADD_ADDR of RFC 8684 section 3.4.1 with the client's address.
    let option = [30, 8, 0x34, 1, CLIENT[0], CLIENT[1], CLIENT[2], CLIENT[3]];
    let builder =
        PacketBuilder::ethernet2(CLIENT_MAC, SERVER_MAC).ipv4(CLIENT, SERVER, 64).tcp(40_000, 443, 7, 1000);
    builder.options_raw(&option).unwrap().write(&mut bytes, b"x").unwrap();
    assert!(!has(&rebuilt(ETHERNET, &bytes).1, &CLIENT));
}

#[test]
fn payload_that_is_not_known_is_not_there() {
    let bytes = udp(&[&[0x55; 8][..], &CLIENT, b"alice"].concat());
    let (_, new) = rebuilt(ETHERNET, &bytes);
    assert_eq!(new.len(), 14 + 20 + 8);
    let Content::Udp(datagram) = decoded(&frame(ETHERNET, &new))[0].content else { panic!("no UDP") };
    assert_eq!(datagram.payload_length, 17);
}

#[test]
fn the_ends_of_tunnels_and_what_errors_quote_are_replaced() {
    let mut inner = Vec::new();
    PacketBuilder::ipv4(CLIENT, SERVER, 64).udp(1000, 2000).write(&mut inner, b"inside").unwrap();
    let mut icmp = vec![3, 1, 0, 0, 0, 0, 0, 0];
    icmp.extend(&inner);
    let mut error = Vec::new();
    let builder = PacketBuilder::ipv4([198, 51, 100, 7], CLIENT, 64);
    builder.write(&mut error, etherparse::IpNumber::ICMP, &icmp).unwrap();
    let (link_type, new) = rebuilt(RAW, &error);
    assert_eq!(link_type, RAW);
    assert!(!has(&new, &CLIENT) && !has(&new, &[198, 51, 100, 7]) && has(&new, &SERVER));
    let frame_of = frame(RAW, &new);
    let Content::Icmp(message) = decoded(&frame_of)[0].content else { panic!("no ICMP") };
    assert_eq!(message.quoted.unwrap().ports, Some((1000, 2000)));

    let gre = [&[0, 0, 0x08, 0][..], &inner].concat();
    let mut tunnel = Vec::new();
    let builder =
        PacketBuilder::ipv6("fd00::7".parse::<std::net::Ipv6Addr>().unwrap().octets(), [0x20; 16], 64);
    builder.write(&mut tunnel, etherparse::IpNumber::GRE, &gre).unwrap();
    let (_, new) = rebuilt(RAW, &tunnel);
    assert!(!has(&new, &CLIENT) && has(&new, &SERVER));
    let frame_of = frame(RAW, &new);
    let packet = &decoded(&frame_of)[0];
    assert_eq!(packet.outer.len(), 1);
    assert_ne!(packet.outer[0].source, "fd00::7".parse::<IpAddr>().unwrap());
    assert_eq!(packet.addresses.destination, IpAddr::from(SERVER));
}

#[test]
fn stun_keeps_its_form_and_no_names() {
    let transaction = [7; 12];
    let cookie = 0x2112_a442_u32.to_be_bytes();
    let masked: Vec<u8> = CLIENT.iter().zip(cookie).map(|(byte, mask)| byte ^ mask).collect();
    let mut attributes = vec![0, 6, 0, 5];
    attributes.extend(b"alice\0\0\0");
    attributes.extend([0, 0x20, 0, 8, 0, 1, 0x9c, 0x40]);
    attributes.extend(&masked);
    attributes.extend([0, 9, 0, 8, 0, 0, 4, 1]);
    attributes.extend(b"bob!");
    attributes.extend([0x80, 0x28, 0, 4, 0, 0, 0, 0]);
    let mut message = vec![1, 1, 0, u8::try_from(attributes.len()).unwrap()];
    message.extend(cookie);
    message.extend(transaction);
    message.extend(&attributes);
    let (_, new) = rebuilt(ETHERNET, &udp(&message));
    for gone in [&b"alice"[..], b"bob!", &masked, &transaction, &CLIENT] {
        assert!(!has(&new, gone), "{gone:?}");
    }
    let payload = payload_of(&new);
    let parsed = read_stun::parse(&payload, payload.len()).unwrap();
    let mapped = parsed.mapped().unwrap();
    assert_eq!((mapped.ip(), mapped.port()), (people().address(CLIENT.into()), 0x9c40 ^ 0x2112));
    assert_eq!((parsed.error, parsed.username.map(<[u8]>::len)), (Some(401), Some(5)));
    assert_eq!(parsed.fingerprint(), Some(true));
}

#[test]
fn dns_keeps_public_names_and_replaces_addresses() {
    let mut message = vec![0, 1, 0x81, 0x80, 0, 1, 0, 2, 0, 0, 0, 1];
    message.extend(b"\x04zoom\x02us\0\0\x01\0\x01");
    message.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
    message.extend(SERVER);
    message.extend(b"\x03nas\x05local\0\0\x01\0\x01\0\0\0\x3c\0\x04");
    message.extend(CLIENT);
    // The client's network in EDNS (RFC 7871).
    message.extend([0, 0, 41, 4, 0, 0, 0, 0, 0, 0, 11, 0, 8, 0, 7, 0, 1, 24, 0, 10, 1, 2]);
    let mut bytes = Vec::new();
    let builder = PacketBuilder::ethernet2(CLIENT_MAC, SERVER_MAC).ipv4(SERVER, CLIENT, 64).udp(53, 40_000);
    builder.write(&mut bytes, &message).unwrap();
    let payload = payload_of(&rebuilt(ETHERNET, &bytes).1);
    assert_eq!(payload.len(), message.len());
    assert!(!has(&payload, b"nas") && !has(&payload, &CLIENT) && !has(&payload, &[10, 1, 2]));
    let parsed = read_dns::parse(&payload).unwrap();
    assert_eq!(parsed.question.unwrap().name.to_string(), "zoom.us");
    let addresses: Vec<IpAddr> = parsed.answers.iter().map(|answer| answer.address).collect();
    assert_eq!(addresses, [IpAddr::from(SERVER), people().address(CLIENT.into())]);
    for end in 0..message.len() {
        let cut = dns::keep(&message[..end], &people());
        assert!(cut.len() <= end && !has(&cut, &CLIENT) && !has(&cut, b"nas"), "cut at {end}");
    }
}

/// A client hello with this name in SNI, and tickets and keys that are all 0xee.
fn hello(name: &str) -> Vec<u8> {
    let sixteen = |number: usize| u16::try_from(number).unwrap().to_be_bytes();
    let mut server_name = sixteen(name.len() + 3).to_vec();
    server_name.push(0);
    server_name.extend(sixteen(name.len()));
    server_name.extend(name.bytes());
    let mut extensions = Vec::new();
    for (kind, contents) in
        [(0_u16, server_name), (35, vec![0xee; 20]), (43, vec![2, 3, 4]), (51, vec![0xee; 36])]
    {
        extensions.extend(kind.to_be_bytes());
        extensions.extend(sixteen(contents.len()));
        extensions.extend(contents);
    }
    let mut body = vec![3, 3];
    body.extend([0xee; 32]);
    body.push(32);
    body.extend([0xee; 32]);
    body.extend([0, 2, 0x13, 1, 1, 0]);
    body.extend(sixteen(extensions.len()));
    body.extend(extensions);
    let mut record = vec![22, 3, 1];
    record.extend(sixteen(body.len() + 4));
    record.extend([1, 0]);
    record.extend(sixteen(body.len()));
    record.extend(body);
    record
}

#[test]
fn hellos_keep_the_public_name_and_no_identifier() {
    for (name, stays) in [("zoombj12mmr.zoom.us", true), ("alice.example.org", false)] {
        let whole = hello(name);
        let kept = tls::keep(&whole, &people());
        assert_eq!((kept.len(), has(&kept, name.as_bytes())), (whole.len(), stays));
        assert!(!kept.contains(&0xee) && has(&kept, &[0x13, 1, 1, 0]) && has(&kept, &[0, 43, 0, 3, 2, 3, 4]));
        for end in 0..whole.len() {
            let cut = tls::keep(&whole[..end], &people());
            assert!(cut.len() <= end && !cut.contains(&0xee), "cut at {end}");
        }
    }
}

#[test]
fn what_looks_like_an_address_ends_the_payload() {
    // An RTP header whose SSRC is the client's address.
    let bytes = udp(&[&[0x80, 96, 0, 1, 0, 0, 0, 1][..], &CLIENT, &[0; 20]].concat());
    let (_, new) = rebuilt(ETHERNET, &bytes);
    assert_eq!(payload_of(&new), [0x80, 96, 0, 1, 0, 0, 0, 1]);
}

proptest! {
    #[test]
    fn any_payload_is_dealt_with_and_names_no_hidden_address(payload: Vec<u8>, port in prop::sample::select(vec![53_u16, 443, 3478])) {
        for is_tcp in [false, true] {
            let mut bytes = Vec::new();
            let builder = PacketBuilder::ethernet2(CLIENT_MAC, SERVER_MAC).ipv4(CLIENT, SERVER, 64);
            if is_tcp {
                builder.tcp(40_000, port, 7, 1000).write(&mut bytes, &payload).unwrap();
            } else {
                builder.udp(40_000, port).write(&mut bytes, &payload).unwrap();
            }
            let (_, new) = rebuilt(ETHERNET, &bytes);
            prop_assert!(new.len() <= bytes.len());
            prop_assert!(!has(&payload_of(&new), &CLIENT));
        }
    }

    #[test]
    fn any_frame_is_dealt_with(bytes: Vec<u8>, link_type in prop::sample::select(vec![0_u16, 1, 101, 105, 113, 276])) {
        let frame = frame(LinkType(link_type), &bytes);
        let people = people();
        if let Some((_, new)) = rebuild(&frame, &decoded(&frame), &people) {
            prop_assert!(new.len() <= bytes.len());
        }
    }
}
