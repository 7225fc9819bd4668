//! Which packets of a wanted flow are kept: its whole handshake, then so many more.

use super::select::{Fact, Plan};
use crate::decode::{Content, Packet, TcpFlags, TcpSegment, UdpDatagram};
use crate::flow::{FlowKey, PacketRef, Side, Transport};
use std::collections::HashMap;
use std::net::SocketAddr;

/// Packets of one handshake. One with a long chain of certificates, each segment lost once, has some fifty.
const MAX_HANDSHAKE: usize = 256;
/// Packets kept for one address that no flow stands for.
const MAX_LOOSE: usize = 16;

/// First bytes of records of TLS and DTLS (RFC 8446 section 5.1, RFC 9147 section 4).
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;
const TLS_MAJOR: u8 = 3;
const DTLS_MAJOR: u8 = 0xfe;
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;

/// Whether a packet is kept.
pub(super) enum Kept<'a> {
    No,
    /// It shows this, and its flow is kept for that.
    Yes {
        shows: String,
        wish: &'a [Fact],
    },
}

/// Counts the packets of wanted flows.
pub(super) struct Keeper<'a> {
    plan: &'a Plan,
    each: usize,
    progress: HashMap<(FlowKey, PacketRef), Progress>,
    loose: HashMap<std::net::IpAddr, usize>,
}

/// How far a flow is.
#[derive(Debug, Default)]
struct Progress {
    handshake: usize,
    others: usize,
    ended: bool,
    is_tls: Option<bool>,
    /// Whether each side has sent application data of TLS.
    data: [bool; 2],
}

impl<'a> Keeper<'a> {
    pub(super) fn new(plan: &'a Plan, each: usize) -> Self {
        Self { plan, each, progress: HashMap::new(), loose: HashMap::new() }
    }

    /// Whether `packet`, which stands at `at`, is kept for the flow that it belongs to.
    pub(super) fn keep(&mut self, packet: &Packet<'_>, at: PacketRef) -> Kept<'a> {
        let Some((key, side)) = flow_of(packet) else { return Kept::No };
        let wishes = self.plan.flows.get(&key).map_or(&[][..], Vec::as_slice);
        let Some(wish) = wishes.iter().find(|wish| (wish.first..=wish.last).contains(&at)) else {
            return Kept::No;
        };
        let progress = self.progress.entry((key, wish.first)).or_default();
        let is_handshake = progress.is_handshake(packet, side);
        let (count, most) = if is_handshake {
            (&mut progress.handshake, MAX_HANDSHAKE)
        } else {
            (&mut progress.others, self.each)
        };
        if *count >= most {
            return Kept::No;
        }
        *count += 1;
        let (address, port) = key.end(side);
        let from_client = wish.client == SocketAddr::new(address, port.unwrap_or(0));
        Kept::Yes { shows: shown(packet, from_client), wish: &wish.facts }
    }

    /// The finding for which `packet` is kept because of an address in its headers alone.
    pub(super) fn keep_loose(&mut self, packet: &Packet<'_>) -> Option<&'a Fact> {
        if self.plan.loose.is_empty() {
            return None;
        }
        let pairs = packet.outer.iter().chain([&packet.addresses]);
        let mut addresses = pairs.flat_map(|pair| [pair.source, pair.destination]);
        let (address, fact) =
            addresses.find_map(|address| self.plan.loose.get(&address).map(|fact| (address, fact)))?;
        let count = self.loose.entry(address).or_default();
        *count += 1;
        (*count <= MAX_LOOSE).then_some(fact)
    }
}

impl Progress {
    /// Whether the packet belongs to the opening of the flow. TLS over TCP is open when both sides have sent
    /// application data, TCP without it with the first byte; QUIC and DTLS mark what belongs to it.
    fn is_handshake(&mut self, packet: &Packet<'_>, side: Side) -> bool {
        match &packet.content {
            Content::Tcp(segment) => !self.ended && self.opens(segment, side),
            Content::Udp(datagram) => is_quic_long(datagram.payload) || is_dtls_handshake(datagram.payload),
            _ => false,
        }
    }

    fn opens(&mut self, segment: &TcpSegment<'_>, side: Side) -> bool {
        let Some(first) = segment.payload.first() else { return true };
        let is_tls =
            *self.is_tls.get_or_insert(*first == HANDSHAKE && segment.payload.get(1) == Some(&TLS_MAJOR));
        if !is_tls {
            self.ended = true;
            return false;
        }
        let [low, high] = &mut self.data;
        let sent = if side == Side::Low { low } else { high };
        *sent |= *first == APPLICATION_DATA;
        self.ended = self.data == [true, true];
        true
    }
}

/// The flow that a packet is counted at, and the side that sent it.
fn flow_of(packet: &Packet<'_>) -> Option<(FlowKey, Side)> {
    let (transport, source, destination) = match &packet.content {
        Content::Tcp(segment) => (Transport::Tcp, segment.source_port, segment.destination_port),
        Content::Udp(datagram) => (Transport::Udp, datagram.source_port, datagram.destination_port),
        Content::Icmp(message) if message.quoted.is_none() => {
            (Transport::Other(if packet.addresses.source.is_ipv4() { 1 } else { 58 }), 0, 0)
        }
        Content::Other(protocol) => (Transport::Other(*protocol), 0, 0),
        Content::Icmp(_) | Content::Fragment(_) | Content::Unreadable => return None,
    };
    Some(FlowKey::new(packet.addresses, source, destination, transport))
}

/// A long header of QUIC, RFC 9000 section 17.2.
fn is_quic_long(payload: &[u8]) -> bool {
    const LONG: u8 = 0xc0;
    let version = payload.get(1..5).and_then(<[u8]>::first_chunk).map(|bytes| u32::from_be_bytes(*bytes));
    // Versions 1 and 2, drafts, and Google's.
    let is_known = |version: u32| {
        matches!(version, 1 | 0x6b33_43cf | 0xff00_0000..=0xff00_00ff) || version >> 24 == 0x51
    };
    payload.first().is_some_and(|first| first & LONG == LONG) && version.is_some_and(is_known)
}

fn is_dtls_handshake(payload: &[u8]) -> bool {
    matches!(payload, [20..=HANDSHAKE, DTLS_MAJOR, ..])
}

/// What a packet shows by itself, in words; empty where there is nothing to say.
fn shown(packet: &Packet<'_>, from_client: bool) -> String {
    let who = if from_client { "client" } else { "server" };
    match &packet.content {
        Content::Tcp(segment) => tcp(segment, who),
        Content::Udp(datagram) => udp(datagram, who),
        _ => format!("from the {who}"),
    }
}

fn tcp(segment: &TcpSegment<'_>, who: &str) -> String {
    let flags = segment.flags;
    let what = if flags.has(TcpFlags::SYN | TcpFlags::ACK) {
        "SYN/ACK"
    } else if flags.has(TcpFlags::SYN) {
        "SYN"
    } else if flags.has(TcpFlags::RST) {
        "RST"
    } else if segment.payload_length == 0 {
        if flags.has(TcpFlags::FIN) { "FIN" } else { "ACK" }
    } else {
        match segment.payload {
            [HANDSHAKE, TLS_MAJOR, _, _, _, CLIENT_HELLO, ..] => "TLS ClientHello",
            [HANDSHAKE, TLS_MAJOR, _, _, _, SERVER_HELLO, ..] => "TLS ServerHello",
            [HANDSHAKE, TLS_MAJOR, ..] => "TLS handshake",
            [ALERT, TLS_MAJOR, ..] => "TLS alert",
            [APPLICATION_DATA, TLS_MAJOR, ..] => "encrypted data",
            _ => "data",
        }
    };
    format!("{what} from the {who}")
}

fn udp(datagram: &UdpDatagram<'_>, who: &str) -> String {
    let what = match datagram.payload {
        payload if is_quic_long(payload) => "QUIC handshake",
        payload if is_dtls_handshake(payload) => "DTLS handshake",
        [_, _, _, _, 0x21, 0x12, 0xa4, 0x42, ..] => "STUN message",
        _ => "datagram",
    };
    format!("{what} from the {who}")
}

#[cfg(test)]
mod tests {
    use super::super::select::Wish;
    use super::*;
    use crate::capture::{Frame, LinkType, Timestamp};
    use crate::decode::{self, AddressPair, Anomalies};
    use etherparse::PacketBuilder;

    const CLIENT: [u8; 4] = [10, 0, 0, 1];
    const SERVER: [u8; 4] = [52, 81, 151, 250];

    fn plan(transport: Transport) -> Plan {
        let pair = AddressPair { source: CLIENT.into(), destination: SERVER.into() };
        let (key, _) = FlowKey::new(pair, 1000, 443, transport);
        let at = |number| PacketRef::new(0, number);
        let facts = vec![Fact { finding: 1, shows: "flow".to_owned() }];
        let wish = Wish { first: at(2), last: at(100), facts, client: (CLIENT, 1000).into() };
        Plan { flows: HashMap::from([(key, vec![wish])]), ..Plan::default() }
    }

    /// What is said of each packet that is kept; packets are told by sender and payload.
    fn kept(transport: Transport, each: usize, first: u64, packets: &[(bool, &[u8])]) -> Vec<String> {
        let plan = plan(transport);
        let mut keeper = Keeper::new(&plan, each);
        let mut kept = Vec::new();
        for ((from_client, payload), number) in packets.iter().zip(first..) {
            let (from, to, source, destination) =
                if *from_client { (CLIENT, SERVER, 1000, 443) } else { (SERVER, CLIENT, 443, 1000) };
            let mut bytes = Vec::new();
            let builder = PacketBuilder::ipv4(from, to, 64);
            match transport {
                Transport::Tcp => builder.tcp(source, destination, 1, 1).write(&mut bytes, payload).unwrap(),
                _ => builder.udp(source, destination).write(&mut bytes, payload).unwrap(),
            }
            let frame = Frame {
                input: 0,
                number,
                time: Timestamp::from_nanoseconds(0),
                link_type: LinkType(101),
                wire_length: u32::try_from(bytes.len()).unwrap(),
                bytes: &bytes,
            };
            let mut decoded = Vec::new();
            decode::decode(&frame, 0, &mut Anomalies::default(), &mut decoded);
            if let Kept::Yes { shows, .. } = keeper.keep(&decoded[0], PacketRef::new(0, number)) {
                kept.push(format!("{number} {shows}"));
            }
        }
        kept
    }

    #[test]
    fn the_opening_of_tls_ends_when_both_sides_have_sent_data() {
        let hello: &[u8] = &[22, 3, 1, 0, 4, 1];
        let answer: &[u8] = &[22, 3, 3, 0, 4, 2];
        let middle: &[u8] = &[0x55; 8];
        let data: &[u8] = &[23, 3, 3, 0, 1, 0];
        let packets = [
            (true, &b""[..]),
            (true, hello),
            (false, answer),
            (false, middle),
            (true, data),
            (false, data),
            (true, data),
        ];
        assert_eq!(
            kept(Transport::Tcp, 0, 2, &packets),
            [
                "2 ACK from the client",
                "3 TLS ClientHello from the client",
                "4 TLS ServerHello from the server",
                "5 data from the server",
                "6 encrypted data from the client",
                "7 encrypted data from the server",
            ]
        );
        assert_eq!(kept(Transport::Tcp, 1, 2, &packets).len(), 7);
    }

    #[test]
    fn without_tls_the_opening_ends_with_the_first_byte() {
        let packets = [(true, &b""[..]), (false, b""), (true, b"GET"), (false, b"HTTP"), (true, b"GET")];
        assert_eq!(kept(Transport::Tcp, 2, 2, &packets).len(), 4);
    }

    #[test]
    fn quic_and_dtls_mark_their_openings() {
        let long: &[u8] = &[0xc3, 0, 0, 0, 1, 8];
        let dtls: &[u8] = &[22, 0xfe, 0xfd, 0];
        let other: &[u8] = &[0x45, 1, 2, 3];
        let packets = [(true, other), (true, long), (false, long), (true, dtls), (true, other)];
        assert_eq!(
            kept(Transport::Udp, 1, 2, &packets),
            [
                "2 datagram from the client",
                "3 QUIC handshake from the client",
                "4 QUIC handshake from the server",
                "5 DTLS handshake from the client",
            ]
        );
    }

    #[test]
    fn another_flow_of_the_same_ports_is_not_kept() {
        assert_eq!(kept(Transport::Udp, 9, 1, &[(true, b"x"), (true, b"y")]), ["2 datagram from the client"]);
        assert!(kept(Transport::Udp, 9, 101, &[(true, b"x")]).is_empty());
    }
}
