//! Test helper: builds frames, and says in a line what came out of one.

use super::{Anomalies, Content, Packet, decode};
use crate::capture::{Frame, LinkType, Timestamp};
use etherparse::{Ipv4Header, Ipv6Header, PacketBuilder};
use std::fmt::Write;

pub(super) const ETHERNET: u16 = 1;
pub(super) const RAW: u16 = 101;

/// The headers inside a tunnel in samples.
pub(super) const INNER4: &str = "10.0.0.1>10.0.0.2";
pub(super) const INNER6: &str = "2001:db8::1>2001:db8::2";
/// The headers around one.
pub(super) const OUTER4: &str = "192.0.2.1>192.0.2.2";
pub(super) const OUTER6: &str = "2001:db8:f::1>2001:db8:f::2";

fn address6(third: u8, last: u8) -> [u8; 16] {
    [0x20, 0x01, 0x0d, 0xb8, 0, third, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]
}

/// An IPv4 packet with a UDP datagram of twelve bytes.
pub(super) fn udp4() -> Vec<u8> {
    let mut packet = Vec::new();
    PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64)
        .udp(40000, 40001)
        .write(&mut packet, b"hello world!")
        .unwrap();
    packet
}

/// The same in IPv6.
pub(super) fn udp6() -> Vec<u8> {
    let mut packet = Vec::new();
    PacketBuilder::ipv6(address6(0, 1), address6(0, 2), 64)
        .udp(40000, 40001)
        .write(&mut packet, b"hello world!")
        .unwrap();
    packet
}

/// An IPv4 packet with a TCP segment of five bytes.
pub(super) fn tcp4() -> Vec<u8> {
    let mut packet = Vec::new();
    PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64)
        .tcp(40000, 443, 1, 1024)
        .ack(2)
        .write(&mut packet, b"hello")
        .unwrap();
    packet
}

/// `payload` as `protocol` in an outer IPv4 packet.
pub(super) fn in4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap();
    let header = Ipv4Header::new(length, 64, protocol.into(), [192, 0, 2, 1], [192, 0, 2, 2]).unwrap();
    join(&[&header.to_bytes(), payload])
}

/// `payload` as `protocol` in an outer IPv6 packet.
pub(super) fn in6(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let header = Ipv6Header {
        payload_length: u16::try_from(payload.len()).unwrap(),
        next_header: protocol.into(),
        hop_limit: 64,
        source: address6(15, 1),
        destination: address6(15, 2),
        ..Ipv6Header::default()
    };
    join(&[&header.to_bytes(), payload])
}

/// `payload` in a UDP datagram to `port` in an outer IPv4 packet.
pub(super) fn in_udp(port: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = Vec::new();
    PacketBuilder::ipv4([192, 0, 2, 1], [192, 0, 2, 2], 64)
        .udp(50000, port)
        .write(&mut packet, payload)
        .unwrap();
    packet
}

/// `payload` of an Ethernet type in an Ethernet frame.
pub(super) fn ethernet(kind: u16, payload: &[u8]) -> Vec<u8> {
    join(&[&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2], &kind.to_be_bytes(), payload])
}

/// An Ethernet frame with [`udp4`].
pub(super) fn ethernet4() -> Vec<u8> {
    ethernet(0x0800, &udp4())
}

/// `payload` of an Ethernet type behind SNAP.
pub(super) fn snap(kind: u16, payload: &[u8]) -> Vec<u8> {
    join(&[&[0xaa, 0xaa, 3, 0, 0, 0], &kind.to_be_bytes(), payload])
}

pub(super) fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// A frame that was captured up to `bytes` and had `wire_length` bytes.
pub(super) fn frame(link: u16, bytes: &[u8], wire_length: u32) -> Frame<'_> {
    let time = Timestamp::from_nanoseconds(0);
    Frame { input: 0, number: 1, time, link_type: LinkType(link), wire_length, bytes }
}

/// What comes out of a frame that was captured up to `bytes` and had `wire_length` bytes.
pub(super) fn packets(link: u16, bytes: &[u8], wire_length: usize) -> (Vec<Packet<'_>>, Anomalies) {
    let frame = frame(link, bytes, u32::try_from(wire_length).unwrap());
    let (mut anomalies, mut packets) = (Anomalies::default(), Vec::new());
    decode(&frame, 0, &mut anomalies, &mut packets);
    (packets, anomalies)
}

/// What comes out of a whole frame, in a line: packets are set apart by ` | `, layers by ` / `.
pub(super) fn read(link: u16, bytes: &[u8]) -> String {
    let (packets, _) = packets(link, bytes, bytes.len());
    packets.iter().map(line).collect::<Vec<_>>().join(" | ")
}

/// The oddities of a whole frame, by name.
pub(super) fn odd(link: u16, bytes: &[u8]) -> Vec<&'static str> {
    packets(link, bytes, bytes.len()).1.counts().into_keys().collect()
}

/// A packet in a line.
pub(super) fn line(packet: &Packet<'_>) -> String {
    let mut line = String::new();
    for pair in packet.outer.iter().chain([&packet.addresses]) {
        write!(line, "{}>{} / ", pair.source, pair.destination).unwrap();
    }
    match packet.content {
        Content::Tcp(tcp) => {
            write!(line, "tcp {}>{} {}", tcp.source_port, tcp.destination_port, tcp.payload_length)
        }
        Content::Udp(udp) => {
            write!(line, "udp {}>{} {}", udp.source_port, udp.destination_port, udp.payload_length)
        }
        Content::Icmp(icmp) => write!(line, "icmp {}.{}", icmp.kind, icmp.code),
        Content::Fragment(piece) => write!(line, "piece {}+{}", piece.offset, piece.payload_length),
        Content::Other(protocol) => write!(line, "protocol {protocol}"),
        Content::Unreadable => write!(line, "unreadable"),
    }
    .unwrap();
    line
}

/// The line of the inner UDP datagram of samples below `outer`.
pub(super) fn below(outer: &str, inner: &str) -> String {
    let separator = if outer.is_empty() { "" } else { " / " };
    format!("{outer}{separator}{inner} / udp 40000>40001 12")
}
