//! Captures made for a test, packet by packet.

use crate::frames::{self, Frame};
use etherparse::PacketBuilder;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

/// 2026-06-15 12:00:00 UTC.
const START: i64 = 1_781_524_800_000_000_000;
const ETHERNET: u16 = 1;
const MILLISECOND: i64 = 1_000_000;

/// Who sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Client,
    Server,
}

pub use Side::{Client, Server};

/// A capture that grows.
#[derive(Default)]
pub struct Scene {
    frames: Vec<Frame>,
    milliseconds: i64,
}

impl Scene {
    /// Lets time go by.
    pub fn wait(&mut self, milliseconds: i64) -> &mut Self {
        self.milliseconds += milliseconds;
        self
    }

    fn push(&mut self, bytes: Vec<u8>) {
        self.frames.push(Frame::new(START + self.milliseconds * MILLISECOND, ETHERNET, bytes));
        self.milliseconds += 5;
    }

    /// A datagram.
    pub fn datagram(&mut self, source: SocketAddr, destination: SocketAddr, payload: &[u8]) -> &mut Self {
        let ethernet = PacketBuilder::ethernet2([2; 6], [4; 6]);
        let ip = match (source.ip(), destination.ip()) {
            (IpAddr::V4(a), IpAddr::V4(b)) => ethernet.ipv4(a.octets(), b.octets(), 60),
            (IpAddr::V6(a), IpAddr::V6(b)) => ethernet.ipv6(a.octets(), b.octets(), 60),
            _ => panic!("{source} {destination}"),
        };
        let mut bytes = Vec::new();
        ip.udp(source.port(), destination.port()).write(&mut bytes, payload).unwrap();
        self.push(bytes);
        self
    }

    /// Datagrams between two sockets.
    pub fn udp(&mut self, client: &str, server: &str, datagrams: &[(Side, &[u8])]) -> &mut Self {
        let (client, server): (SocketAddr, SocketAddr) = (client.parse().unwrap(), server.parse().unwrap());
        for (from, payload) in datagrams {
            match from {
                Client => self.datagram(client, server, payload),
                Server => self.datagram(server, client, payload),
            };
        }
        self
    }

    /// A connection with its handshake, what the two sides say, and its end.
    pub fn tcp(&mut self, client: &str, server: &str, said: &[(Side, &[u8])]) -> &mut Self {
        let ends: [SocketAddr; 2] = [client.parse().unwrap(), server.parse().unwrap()];
        let mut next = [1000_u32, 5000];
        self.segment(ends, &mut next, Client, "S", b"");
        self.wait(20).segment(ends, &mut next, Server, "SA", b"");
        self.segment(ends, &mut next, Client, "A", b"");
        for (from, payload) in said {
            self.wait(20).segment(ends, &mut next, *from, "PA", payload);
        }
        self.segment(ends, &mut next, Client, "FA", b"");
        self.segment(ends, &mut next, Server, "FA", b"");
        self.segment(ends, &mut next, Client, "A", b"");
        self
    }

    /// A SYN and no more.
    pub fn syn(&mut self, client: &str, server: &str) -> &mut Self {
        let ends = [client.parse().unwrap(), server.parse().unwrap()];
        self.segment(ends, &mut [1000, 0], Client, "S", b"");
        self
    }

    fn segment(
        &mut self,
        ends: [SocketAddr; 2],
        next: &mut [u32; 2],
        from: Side,
        flags: &str,
        payload: &[u8],
    ) {
        let (own, other) = if from == Client { (0, 1) } else { (1, 0) };
        let ethernet = PacketBuilder::ethernet2([2; 6], [4; 6]);
        let ip = match (ends[own].ip(), ends[other].ip()) {
            (IpAddr::V4(a), IpAddr::V4(b)) => ethernet.ipv4(a.octets(), b.octets(), 60),
            (IpAddr::V6(a), IpAddr::V6(b)) => ethernet.ipv6(a.octets(), b.octets(), 60),
            _ => panic!("{ends:?}"),
        };
        let mut tcp = ip.tcp(ends[own].port(), ends[other].port(), next[own], 60_000);
        for flag in flags.chars() {
            tcp = match flag {
                'S' => tcp.syn(),
                'A' => tcp.ack(next[other]),
                'F' => tcp.fin(),
                'P' => tcp.psh(),
                _ => panic!("{flags}"),
            };
        }
        let mut bytes = Vec::new();
        tcp.write(&mut bytes, payload).unwrap();
        let control = flags.chars().filter(|flag| matches!(flag, 'S' | 'F')).count();
        next[own] += u32::try_from(payload.len() + control).unwrap();
        self.push(bytes);
    }

    /// An answer of the resolver 192.0.2.53 to `client`.
    pub fn resolved(&mut self, client: &str, name: &str, address: &str) -> &mut Self {
        let (question, answer) = (dns(name, None), dns(name, Some(address.parse().unwrap())));
        self.udp(client, "192.0.2.53:53", &[(Client, &question), (Server, &answer)])
    }

    /// What `address` sends of it.
    pub fn only(&self, address: &str) -> Self {
        let IpAddr::V4(address) = address.parse().unwrap() else { panic!("{address}") };
        let sends = |frame: &&Frame| frame.bytes()[26..30] == address.octets();
        Self { frames: self.frames.iter().filter(sends).cloned().collect(), milliseconds: self.milliseconds }
    }

    /// Writes it as a file.
    pub fn write(&self, path: &Path) {
        frames::write(path, &self.frames);
    }
}

/// A question for an address, or its answer.
pub fn dns(name: &str, address: Option<IpAddr>) -> Vec<u8> {
    let mut message = vec![0x12, 0x34];
    message.extend(if address.is_some() { [0x81, 0x80] } else { [1, 0] });
    message.extend([0, 1, 0, u8::from(address.is_some()), 0, 0, 0, 0]);
    for label in name.split('.') {
        message.push(u8::try_from(label.len()).unwrap());
        message.extend(label.as_bytes());
    }
    let kind = if matches!(address, Some(IpAddr::V6(_))) { 28 } else { 1 };
    message.extend([0, 0, kind, 0, 1]);
    if let Some(address) = address {
        message.extend([0xc0, 0x0c, 0, kind, 0, 1, 0, 0, 0, 60, 0]);
        match address {
            IpAddr::V4(v4) => message.extend([&[4][..], &v4.octets()].concat()),
            IpAddr::V6(v6) => message.extend([&[16][..], &v6.octets()].concat()),
        }
    }
    message
}

/// Bytes with their length in `N` bytes before them.
fn vector<const N: usize>(content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    [&length[4 - N..], content].concat()
}

fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    [&[kind, 3, 3][..], &vector::<2>(content)].concat()
}

/// A client's hello of TLS 1.2 with a name.
pub fn client_hello(name: &str) -> Vec<u8> {
    let host = vector::<2>(&[&[0][..], &vector::<2>(name.as_bytes())].concat());
    let extensions = [&[0, 0][..], &vector::<2>(&host)].concat();
    let body = [&[3, 3][..], &[7; 32], &[0], &vector::<2>(&[0xc0, 0x2f]), &[1, 0], &vector::<2>(&extensions)];
    record(22, &[&[1][..], &vector::<3>(&body.concat())].concat())
}

/// A server's hello of TLS 1.2 with a certificate for `names`.
pub fn server_hello(names: &[&str]) -> Vec<u8> {
    let hello = [&[3, 3][..], &[8; 32], &[0], &[0xc0, 0x2f, 0]].concat();
    let certificate = certificate(names);
    let messages = [
        [&[2][..], &vector::<3>(&hello)].concat(),
        [&[11][..], &vector::<3>(&vector::<3>(&vector::<3>(&certificate)))].concat(),
        vec![14, 0, 0, 0],
    ];
    record(22, &messages.concat())
}

/// A certificate in DER with nothing in it but alternative names: none of it is ever verified.
fn certificate(names: &[&str]) -> Vec<u8> {
    let tagged = |tag: u8, content: &[u8]| [&[tag, 0x82][..], &vector::<2>(content)].concat();
    let names: Vec<u8> = names.iter().flat_map(|name| tagged(0x82, name.as_bytes())).collect();
    let alternative =
        tagged(0x30, &[tagged(6, &[0x55, 0x1d, 0x11]), tagged(4, &tagged(0x30, &names))].concat());
    let algorithm = tagged(0x30, &tagged(6, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]));
    let time = tagged(0x17, b"260101000000Z");
    let key = [algorithm.clone(), tagged(3, &[0, 4])].concat();
    let body = [
        tagged(0xa0, &tagged(2, &[2])),
        tagged(2, &[1]),
        algorithm.clone(),
        tagged(0x30, b""),
        tagged(0x30, &[time.clone(), time].concat()),
        tagged(0x30, b""),
        tagged(0x30, &key),
        tagged(0xa3, &tagged(0x30, &alternative)),
    ];
    tagged(0x30, &[tagged(0x30, &body.concat()), algorithm, tagged(3, &[0, 1])].concat())
}

/// What ends a handshake of TLS 1.2, with the first data.
pub fn finished() -> Vec<u8> {
    [record(20, &[1]), record(22, &[9; 40]), record(23, &[9; 300])].concat()
}

/// What the two sides of a TLS connection say.
pub fn tls<'a>(hello: &'a [u8], answer: &'a [u8], end: &'a [u8]) -> Vec<(Side, &'a [u8])> {
    vec![(Client, hello), (Server, answer), (Client, end), (Server, end), (Client, end), (Server, end)]
}

/// A packet of RTP.
pub fn rtp(ssrc: u32, sequence: u16) -> Vec<u8> {
    let timestamp = u32::from(sequence) * 960;
    [&[0x80, 111][..], &sequence.to_be_bytes(), &timestamp.to_be_bytes(), &ssrc.to_be_bytes(), &[0x5a; 90]]
        .concat()
}

/// A message of STUN with attributes.
pub fn stun(kind: u16, id: u8, attributes: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let mut content = Vec::new();
    for (kind, value) in attributes {
        content.extend([kind.to_be_bytes(), u16::try_from(value.len()).unwrap().to_be_bytes()].concat());
        content.extend(value);
        content.resize(content.len().next_multiple_of(4), 0);
    }
    [
        &kind.to_be_bytes()[..],
        &u16::try_from(content.len()).unwrap().to_be_bytes(),
        &0x2112_a442_u32.to_be_bytes(),
        &[id; 12],
        &content,
    ]
    .concat()
}

/// An address of IPv4 as STUN hides it.
pub fn hidden(address: &str) -> Vec<u8> {
    let SocketAddr::V4(address) = address.parse().unwrap() else { panic!("{address}") };
    let port = address.port() ^ 0x2112;
    let bits = address.ip().to_bits() ^ 0x2112_a442;
    [&[0, 1][..], &port.to_be_bytes(), &bits.to_be_bytes()].concat()
}
