//! Frames with their times, and the two file formats they are written in.

use super::link::Link;
use super::{Micros, Path, SECOND};
use etherparse::{IpHeaders, PacketBuilder, PacketBuilderStep};
use std::net::{IpAddr, SocketAddr};

/// Hops as the client sends, and as they are left when a packet comes from a server.
const HOPS_SENT: u8 = 64;
const HOPS_LEFT: u8 = 52;

const SNAP_LENGTH: u32 = 262_144;

struct Frame {
    time: Micros,
    interface: usize,
    bytes: Vec<u8>,
}

/// What a capture on the client's machine saw. Frames may be added in any order.
pub(crate) struct Trace {
    links: Vec<Link>,
    /// The interface that frames are added to.
    pub(crate) interface: usize,
    frames: Vec<Frame>,
}

impl Trace {
    pub(crate) fn new(link: Link) -> Self {
        Self::on(vec![link])
    }

    /// A capture of several interfaces.
    pub(crate) const fn on(links: Vec<Link>) -> Self {
        Self { links, interface: 0, frames: Vec::new() }
    }

    /// How many interfaces there are.
    pub(crate) const fn links(&self) -> usize {
        self.links.len()
    }

    /// Adds an IP packet.
    pub(crate) fn add(&mut self, time: Micros, outgoing: bool, ip: &[u8]) {
        let bytes = self.links[self.interface].frame(outgoing, ip);
        self.frames.push(Frame { time, interface: self.interface, bytes });
    }

    /// Adds a UDP datagram from the client to the server.
    pub(crate) fn ask(&mut self, time: Micros, path: Path, payload: &[u8]) {
        self.add(time, true, &udp(path.client, path.server, HOPS_SENT, payload));
    }

    /// Adds a UDP datagram from the server to the client.
    pub(crate) fn answer(&mut self, time: Micros, path: Path, payload: &[u8]) {
        self.add(time, false, &udp(path.server, path.client, HOPS_LEFT, payload));
    }

    fn sorted(&self) -> Vec<&Frame> {
        let mut frames: Vec<&Frame> = self.frames.iter().collect();
        frames.sort_by_key(|frame| frame.time);
        frames
    }

    /// The classic format: little-endian, microseconds.
    pub(crate) fn pcap(&self) -> Vec<u8> {
        let mut file = 0xa1b2_c3d4_u32.to_le_bytes().to_vec();
        file.extend_from_slice(&[2, 0, 4, 0]);
        for field in [0, 0, SNAP_LENGTH, u32::from(self.links[0].number())] {
            file.extend_from_slice(&field.to_le_bytes());
        }
        for frame in self.sorted() {
            let length = frame.bytes.len() as u32;
            for field in [(frame.time / SECOND) as u32, (frame.time % SECOND) as u32, length, length] {
                file.extend_from_slice(&field.to_le_bytes());
            }
            file.extend_from_slice(&frame.bytes);
        }
        file
    }

    /// pcapng, with a comment and, at the end, how many frames the machine says it dropped.
    pub(crate) fn pcapng(&self, comment: &str, dropped: u64) -> Vec<u8> {
        const SECTION: u32 = 0x0a0d_0d0a;
        const INTERFACE: u32 = 1;
        const STATISTICS: u32 = 5;
        const ENHANCED_PACKET: u32 = 6;

        let mut file = Vec::new();
        let mut section = 0x1a2b_3c4d_u32.to_le_bytes().to_vec();
        section.extend_from_slice(&[1, 0, 0, 0]);
        section.extend_from_slice(&u64::MAX.to_le_bytes());
        section.extend_from_slice(&option(1, comment.as_bytes()));
        section.extend_from_slice(&option(4, b"landfall make-samples"));
        block(&mut file, SECTION, &section, true);
        for (number, link) in self.links.iter().enumerate() {
            let mut interface = link.number().to_le_bytes().to_vec();
            interface.extend_from_slice(&[0, 0]);
            interface.extend_from_slice(&SNAP_LENGTH.to_le_bytes());
            interface.extend_from_slice(&option(2, format!("sample{number}").as_bytes()));
            block(&mut file, INTERFACE, &interface, true);
        }
        let frames = self.sorted();
        for frame in &frames {
            let length = frame.bytes.len() as u32;
            let mut packet = Vec::new();
            let (high, low) = ((frame.time >> 32) as u32, frame.time as u32);
            for field in [frame.interface as u32, high, low, length, length] {
                packet.extend_from_slice(&field.to_le_bytes());
            }
            packet.extend_from_slice(&padded(&frame.bytes));
            block(&mut file, ENHANCED_PACKET, &packet, false);
        }
        let last = frames.last().map_or(0, |frame| frame.time);
        for number in 0..self.links.len() as u32 {
            let mut statistics = number.to_le_bytes().to_vec();
            statistics.extend_from_slice(&((last >> 32) as u32).to_le_bytes());
            statistics.extend_from_slice(&(last as u32).to_le_bytes());
            statistics.extend_from_slice(&option(5, &dropped.to_le_bytes()));
            block(&mut file, STATISTICS, &statistics, true);
        }
        file
    }
}

/// Starts an IP packet between two addresses of one family.
pub(crate) fn ip(from: IpAddr, to: IpAddr, hops: u8) -> PacketBuilderStep<IpHeaders> {
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => PacketBuilder::ipv4(from.octets(), to.octets(), hops),
        (IpAddr::V6(from), IpAddr::V6(to)) => PacketBuilder::ipv6(from.octets(), to.octets(), hops),
        _ => panic!("{from} and {to} are not of one family"),
    }
}

/// Starts an IP packet on a path, with the hops that are left of it where the client's capture sees it.
pub(crate) fn ip_on(path: Path, outgoing: bool) -> PacketBuilderStep<IpHeaders> {
    let (client, server) = (path.client.ip(), path.server.ip());
    if outgoing { ip(client, server, HOPS_SENT) } else { ip(server, client, HOPS_LEFT) }
}

fn udp(from: SocketAddr, to: SocketAddr, hops: u8, payload: &[u8]) -> Vec<u8> {
    let builder = ip(from.ip(), to.ip(), hops).udp(from.port(), to.port());
    let mut packet = Vec::with_capacity(builder.size(payload.len()));
    builder.write(&mut packet, payload).expect("a packet of a length that fits");
    packet
}

/// A pcapng block; a list of options ends with an empty one.
fn block(file: &mut Vec<u8>, kind: u32, body: &[u8], options: bool) {
    let end: &[u8] = if options { &[0; 4] } else { &[] };
    let length = (body.len() + end.len() + 12) as u32;
    for part in [&kind.to_le_bytes()[..], &length.to_le_bytes(), body, end, &length.to_le_bytes()] {
        file.extend_from_slice(part);
    }
}

fn option(code: u16, value: &[u8]) -> Vec<u8> {
    [&code.to_le_bytes()[..], &(value.len() as u16).to_le_bytes(), &padded(value)].concat()
}

/// Filled up with zeros to a multiple of four bytes.
fn padded(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}
