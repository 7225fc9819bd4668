//! Tests that hold for frames of every kind.

use super::sample::{
    self, ETHERNET, RAW, ethernet, ethernet4, in_udp, in4, in6, join, snap, tcp4, udp4, udp6,
};
use super::{Content, Control, Packet, plain};
use etherparse::{LaxNetSlice, LaxSlicedPacket, PacketBuilder, TransportSlice};
use proptest::prelude::*;

/// Link types that are decoded.
const LINKS: &[u16] = &[
    0, 1, 6, 8, 9, 10, 12, 14, 50, 51, 99, 100, 101, 104, 105, 106, 107, 108, 109, 112, 113, 117, 119, 122,
    127, 138, 163, 166, 167, 178, 179, 180, 181, 192, 204, 226, 228, 229, 239, 242, 258, 276,
];

/// One frame of each kind: link type and bytes.
fn frames() -> Vec<(u16, Vec<u8>)> {
    let vxlan = join(&[&[8, 0, 0, 0, 0, 0, 1, 0], &ethernet4()]);
    let gtp_length = u16::try_from(udp4().len() + 8).unwrap().to_be_bytes();
    let gtp = join(&[&[0x34, 255], &gtp_length, &[0; 4], &[0, 0, 0, 0x85, 1, 0x10, 9, 0], &udp4()]);
    let options = [17, 0, 1, 4, 0, 0, 0, 0];
    let udp = &udp6()[40..];
    let data = [8, 2, 0, 0, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 3, 0, 0];
    vec![
        (ETHERNET, ethernet4()),
        (ETHERNET, ethernet(0x0800, &tcp4())),
        (ETHERNET, ethernet(0x86dd, &udp6())),
        (ETHERNET, ethernet(0x8100, &join(&[&[0, 5, 0x81, 0, 0, 6, 8, 0], &udp4()]))),
        (ETHERNET, ethernet(0x8847, &join(&[&[0, 1, 0, 64, 0, 2, 1, 64], &udp4()]))),
        (ETHERNET, ethernet(0x8864, &join(&[&[0x11, 0, 0, 1, 0, 42, 0, 0x21], &udp4()]))),
        (ETHERNET, ethernet(0x86dd, &in6(0, &join(&[&options, udp])))),
        (ETHERNET, ethernet(0x86dd, &in6(44, &join(&[&[17, 0, 0, 1, 0, 0, 0, 9], udp])))),
        (RAW, in4(4, &udp4())),
        (RAW, in4(41, &udp6())),
        (RAW, in6(4, &udp4())),
        (RAW, in6(41, &udp6())),
        (RAW, in4(47, &join(&[&[0x30, 0, 0x88, 0xbe, 0, 0, 0, 1, 0, 0, 0, 2], &ethernet4()]))),
        (RAW, in4(1, &join(&[&[3, 1, 0, 0, 0, 0, 0, 0], &udp4()]))),
        (RAW, in4(51, &join(&[&[17, 1], &[0; 10], &udp4()[20..]]))),
        (RAW, in_udp(4789, &vxlan)),
        (RAW, in_udp(2152, &gtp)),
        (RAW, in_udp(3544, &join(&[&[0, 0, 1, 2, 3, 4, 5, 6], &udp6()]))),
        (RAW, in_udp(6081, &join(&[&[1, 0, 0x65, 0x58, 0, 0, 1, 0, 0, 0, 0, 0], &ethernet4()]))),
        (RAW, in_udp(37008, &join(&[&[1, 0, 0, 1, 0, 10, 1, 5, 1], &ethernet4()]))),
        (105, join(&[&data, &snap(0x0800, &udp4())])),
        (127, join(&[&[0, 0, 9, 0, 2, 0, 0, 0, 0x10], &data, &snap(0x86dd, &udp6()), &[1, 2, 3, 4]])),
        (113, join(&[&[0; 14], &[8, 0], &udp4()])),
        (276, join(&[&[8, 0], &[0; 18], &udp4()])),
        (0, join(&[&[30, 0, 0, 0], &udp6()])),
        (9, join(&[&[0xff, 3, 0, 0x21], &udp4()])),
        (104, join(&[&[0x0f, 0, 8, 0], &udp4()])),
        (107, join(&[&[0x18, 0x41, 3, 0xcc], &udp4()])),
        (239, join(&[&[2, 0, 0, 0, 44, 0, 9, 0], &udp4()])),
    ]
}

fn headers(packets: &[Packet<'_>]) -> usize {
    packets.iter().map(|packet| packet.outer.len() + 1).sum()
}

#[test]
fn a_frame_cut_anywhere_never_has_more_headers_than_the_whole() {
    for (link, bytes) in frames() {
        let whole = headers(&sample::packets(link, &bytes, bytes.len()).0);
        assert!(whole > 0, "nothing in a frame of link type {link}");
        for cut in 0..bytes.len() {
            for wire_length in [cut, bytes.len()] {
                let (packets, _) = sample::packets(link, &bytes[..cut], wire_length);
                assert!(headers(&packets) <= whole, "link type {link} cut to {cut}");
                assert!(packets.iter().all(|packet| payload(packet).len() <= cut));
            }
        }
    }
}

/// The bytes that a packet carries.
fn payload<'a>(packet: &Packet<'a>) -> &'a [u8] {
    match packet.content {
        Content::Tcp(tcp) => tcp.payload,
        Content::Udp(udp) => udp.payload,
        Content::Fragment(piece) => piece.payload,
        Content::Icmp(_) | Content::Other(_) | Content::Unreadable => &[],
    }
}

#[test]
fn a_frame_of_nothing_but_headers_ends() {
    let mut packet = udp4();
    for _ in 0..1000 {
        packet = in4(4, &packet);
    }
    let (packets, anomalies) = sample::packets(RAW, &packet, packet.len());
    assert_eq!(packets.len(), 1);
    assert!(headers(&packets) < 100);
    assert_eq!(anomalies.counts()["too_many_layers"], 1);
    let tags = ethernet(0x8100, &[0, 1, 0x81, 0].repeat(10_000));
    assert_eq!(sample::odd(ETHERNET, &tags), ["too_many_layers"]);
}

#[test]
fn a_packet_is_compact() {
    assert!(size_of::<Packet<'_>>() <= 160);
}

/// An Ethernet frame of a TCP segment or of a UDP datagram in IPv4.
fn plain_frame(is_tcp: bool, payload: &[u8]) -> Vec<u8> {
    let builder = PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4([192, 0, 2, 1], [198, 51, 100, 1], 9);
    let mut bytes = Vec::new();
    if is_tcp {
        builder.tcp(40_000, 443, 7, 8).write(&mut bytes, payload).unwrap();
    } else {
        builder.udp(40_000, 3478).write(&mut bytes, payload).unwrap();
    }
    bytes
}

#[test]
fn what_most_frames_are_goes_the_short_way() {
    for (is_tcp, payload) in [(true, &b""[..]), (true, b"a"), (false, b""), (false, b"abc")] {
        let mut bytes = plain_frame(is_tcp, payload);
        // Ethernet pads what is shorter than 60 bytes, which is no part of the payload.
        bytes.resize(60, 0);
        let plain = plain(&sample::frame(ETHERNET, &bytes, 60)).unwrap();
        assert_eq!((plain.payload, plain.control.is_some()), (payload, is_tcp));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn random_bytes_of_any_link_type_are_survived(
        link in prop::sample::select(LINKS),
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        beyond in 0_usize..2000,
    ) {
        let (packets, _) = sample::packets(link, &bytes, bytes.len() + beyond);
        prop_assert!(packets.iter().all(|packet| payload(packet).len() <= bytes.len()));
    }

    #[test]
    fn frames_with_a_few_bytes_changed_are_survived(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let frames = frames();
        let (link, mut bytes) = which.get(&frames).clone();
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        let (packets, _) = sample::packets(link, &bytes, bytes.len());
        prop_assert!(packets.iter().all(|packet| payload(packet).len() <= bytes.len()));
    }

    #[test]
    fn the_short_way_gives_what_the_general_one_does(
        is_tcp in any::<bool>(),
        payload in prop::collection::vec(any::<u8>(), 0..40),
        // Of the type, of both headers and of what follows them.
        changes in prop::collection::vec((12_usize..60, any::<u8>()), 0..4),
        cut in 0_usize..100,
        beyond in 0_u32..50,
    ) {
        let mut bytes = plain_frame(is_tcp, &payload);
        for (place, value) in changes {
            if let Some(byte) = bytes.get_mut(place) {
                *byte = value;
            }
        }
        bytes.truncate(cut);
        let wire_length = u32::try_from(bytes.len()).unwrap() + beyond;
        if let Some(plain) = plain(&sample::frame(ETHERNET, &bytes, wire_length)) {
            let (packets, anomalies) = sample::packets(ETHERNET, &bytes, wire_length as usize);
            let [packet] = &packets[..] else { panic!("{packets:?}") };
            prop_assert!(anomalies.counts().is_empty() && packet.outer.is_empty());
            prop_assert_eq!(packet.addresses.source, std::net::IpAddr::from(plain.source));
            prop_assert_eq!(packet.addresses.destination, std::net::IpAddr::from(plain.destination));
            let ports = (plain.source_port, plain.destination_port);
            let (theirs, control, payload, length) = match packet.content {
                Content::Tcp(tcp) => (
                    (tcp.source_port, tcp.destination_port),
                    Some(Control { sequence: tcp.sequence, flags: tcp.flags }),
                    tcp.payload,
                    tcp.payload_length,
                ),
                Content::Udp(udp) => {
                    ((udp.source_port, udp.destination_port), None, udp.payload, udp.payload_length)
                }
                other => panic!("{other:?}"),
            };
            prop_assert_eq!((ports, plain.control), (theirs, control));
            prop_assert_eq!((plain.payload, plain.payload_length), (payload, length));
        }
    }

    #[test]
    fn plain_packets_read_as_etherparse_reads_them(
        source in any::<[u8; 4]>(),
        destination in any::<[u8; 4]>(),
        ports in any::<(u16, u16)>(),
        content in prop::collection::vec(any::<u8>(), 0..100),
        padding in 0_usize..20,
        is_tcp in any::<bool>(),
    ) {
        let builder = PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4(source, destination, 9);
        let mut bytes = Vec::new();
        if is_tcp {
            builder.tcp(ports.0, ports.1, 7, 8).write(&mut bytes, &content).unwrap();
        } else {
            builder.udp(ports.0, ports.1).write(&mut bytes, &content).unwrap();
        }
        bytes.resize(bytes.len() + padding, 0);
        let (packets, anomalies) = sample::packets(ETHERNET, &bytes, bytes.len());
        let theirs = LaxSlicedPacket::from_ethernet(&bytes).unwrap();
        let Some(net) = theirs.net.map(|net| matches!(net, LaxNetSlice::Ipv4(_))) else { panic!() };
        prop_assert!(net);
        let [packet] = &packets[..] else { panic!("{packets:?}") };
        match (packet.content, theirs.transport) {
            (Content::Tcp(ours), Some(TransportSlice::Tcp(theirs))) => {
                prop_assert_eq!((ours.source_port, ours.destination_port), ports);
                prop_assert_eq!(ours.payload, theirs.payload());
            }
            (Content::Udp(ours), Some(TransportSlice::Udp(theirs))) => {
                prop_assert_eq!((ours.source_port, ours.destination_port), ports);
                prop_assert_eq!(ours.payload, theirs.payload());
            }
            (ours, theirs) => panic!("{ours:?} {theirs:?}"),
        }
        prop_assert_eq!(packet.addresses.source, std::net::IpAddr::from(source));
        prop_assert_eq!(packet.addresses.destination, std::net::IpAddr::from(destination));
        prop_assert!(anomalies.counts().is_empty() || !content.is_empty());
    }
}
