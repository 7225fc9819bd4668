//! For tests only: the payloads of the real captures beside the repository, and what tshark says of them.
//!
//! A deliberately small reader that shares no code with the stages under test.

use crate::capture::Timestamp;
use etherparse::{LaxNetSlice, LaxSlicedPacket, TransportSlice};
use pcap_parser::{Block, PcapBlockOwned, PcapError, create_reader};
use std::fs::File;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

/// Transport of a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Tcp,
    Udp,
}

/// The payload of one TCP segment or UDP datagram, of any layer of a tunnel.
#[derive(Clone, Debug)]
pub(crate) struct Payload {
    pub(crate) number: u64,
    pub(crate) time: Timestamp,
    pub(crate) transport: Transport,
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
    pub(crate) bytes: Vec<u8>,
    /// Bytes on the wire.
    pub(crate) length: usize,
}

/// One line of INDEX.tsv.
#[derive(Clone, Debug)]
pub(crate) struct Capture {
    pub(crate) name: String,
    pub(crate) kind: String,
    path: PathBuf,
}

fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no real captures at {}", folder.display());
    None
}

/// Every capture of INDEX.tsv; none (with a printed line) where the folder is absent.
pub(crate) fn all() -> Vec<Capture> {
    let Some(folder) = folder() else { return Vec::new() };
    let index = std::fs::read_to_string(folder.join("INDEX.tsv")).unwrap();
    let columns = index.lines().skip(1).filter_map(|line| line.split_once('\t'));
    columns
        .map(|(name, rest)| Capture {
            name: name.to_owned(),
            kind: rest.split('\t').next().unwrap().to_owned(),
            path: folder.join(name),
        })
        .filter(|capture| capture.path.is_file())
        .collect()
}

/// The payloads of one capture; none (with a printed line) where the folder is absent.
pub(crate) fn payloads(name: &str) -> Vec<Payload> {
    let Some(folder) = folder() else { return Vec::new() };
    read(&folder.join(name))
}

impl Capture {
    pub(crate) fn payloads(&self) -> Vec<Payload> {
        read(&self.path)
    }

    /// What tshark says of the capture.
    pub(crate) fn truth(&self) -> Option<serde_json::Value> {
        use sha2::Digest;
        let hash = sha2::Sha256::digest(std::fs::read(&self.path).unwrap());
        let name = hash.iter().fold(String::new(), |name, byte| name + &format!("{byte:02x}"));
        let folder = folder()?.join("../truth/tshark").join(name + ".json");
        serde_json::from_slice(&std::fs::read(folder).ok()?).ok()
    }
}

fn read(path: &Path) -> Vec<Payload> {
    let mut payloads = Vec::new();
    let Ok(mut reader) = create_reader(1 << 20, File::open(path).unwrap()) else { return payloads };
    let (mut number, mut link, mut nanoseconds, mut interfaces) = (0, 0, false, Vec::new());
    loop {
        match reader.next() {
            Ok((consumed, block)) => {
                match block {
                    PcapBlockOwned::LegacyHeader(header) => {
                        link = header.network.0;
                        nanoseconds = header.is_nanosecond_precision();
                    }
                    PcapBlockOwned::Legacy(frame) => {
                        number += 1;
                        let scale = if nanoseconds { 1 } else { 1000 };
                        let time = i64::from(frame.ts_sec) * 1_000_000_000 + i64::from(frame.ts_usec) * scale;
                        take(link, frame.data, number, Timestamp::from_nanoseconds(time), &mut payloads);
                    }
                    PcapBlockOwned::NG(Block::SectionHeader(_)) => interfaces.clear(),
                    PcapBlockOwned::NG(Block::InterfaceDescription(interface)) => interfaces.push((
                        interface.linktype.0,
                        interface.if_tsoffset,
                        interface.ts_resolution().unwrap_or(1_000_000),
                    )),
                    PcapBlockOwned::NG(Block::EnhancedPacket(frame)) => {
                        number += 1;
                        let (link, offset, resolution) = interfaces[usize::try_from(frame.if_id).unwrap()];
                        let ticks = i128::from((u64::from(frame.ts_high) << 32) | u64::from(frame.ts_low));
                        let time = i128::from(offset) * 1_000_000_000
                            + ticks * 1_000_000_000 / i128::from(resolution);
                        let time = Timestamp::from_nanoseconds(i64::try_from(time).unwrap_or(0));
                        let data = &frame.data[..usize::try_from(frame.caplen).unwrap()];
                        take(link, data, number, time, &mut payloads);
                    }
                    PcapBlockOwned::NG(Block::SimplePacket(frame)) => {
                        number += 1;
                        take(
                            interfaces[0].0,
                            frame.data,
                            number,
                            Timestamp::from_nanoseconds(0),
                            &mut payloads,
                        );
                    }
                    PcapBlockOwned::NG(_) => {}
                }
                reader.consume(consumed);
            }
            Err(PcapError::Incomplete(_)) => {
                if reader.refill().is_err() || reader.reader_exhausted() && reader.data().is_empty() {
                    break;
                }
            }
            Err(_) => break,
        }
    }
    payloads
}

fn take(link: i32, data: &[u8], number: u64, time: Timestamp, payloads: &mut Vec<Payload>) {
    let ip = match link {
        1 => None,
        0 | 108 => data.get(4..),
        12 | 14 | 101 | 228 | 229 => Some(data),
        113 => data.get(16..),
        276 => data.get(20..),
        127 => data.get(usize::from(data.get(2).copied().unwrap_or(0))..).and_then(|frame| frame.get(32..)),
        _ => return,
    };
    let packet = match ip {
        None => LaxSlicedPacket::from_ethernet(data).ok(),
        Some(ip) => LaxSlicedPacket::from_ip(ip).ok(),
    };
    if let Some(packet) = packet {
        open(&packet, number, time, payloads, 0);
    }
}

fn open(
    packet: &LaxSlicedPacket<'_>,
    number: u64,
    time: Timestamp,
    payloads: &mut Vec<Payload>,
    depth: usize,
) {
    let Some((source, destination)) = addresses(packet) else { return };
    let inner = |packet: Option<LaxSlicedPacket<'_>>, payloads: &mut Vec<Payload>| {
        if let Some(packet) = packet.filter(|_| depth < 4) {
            open(&packet, number, time, payloads, depth + 1);
        }
    };
    let (transport, source_port, destination_port, bytes, length) = match &packet.transport {
        Some(TransportSlice::Udp(udp)) => {
            let length = usize::from(udp.length()).saturating_sub(8);
            (Transport::Udp, udp.source_port(), udp.destination_port(), udp.payload(), length)
        }
        Some(TransportSlice::Tcp(tcp)) => {
            (Transport::Tcp, tcp.source_port(), tcp.destination_port(), tcp.payload(), tcp.payload().len())
        }
        None => {
            if let Some(payload) = packet.net.as_ref().and_then(LaxNetSlice::ip_payload_ref)
                && !payload.fragmented
                && [4, 41].contains(&payload.ip_number.0)
            {
                inner(LaxSlicedPacket::from_ip(payload.payload).ok(), payloads);
            }
            return;
        }
        Some(_) => return,
    };
    let ports = [source_port, destination_port];
    match bytes {
        [flags, 0xff, _, _, _, _, _, _, ..] if ports.contains(&2152) => {
            let header = if flags.trailing_zeros() >= 3 { 8 } else { 12 };
            inner(bytes.get(header..).and_then(|ip| LaxSlicedPacket::from_ip(ip).ok()), payloads);
        }
        [8, 0, 0, 0, _, _, _, _, frame @ ..] if ports.contains(&4789) => {
            inner(LaxSlicedPacket::from_ethernet(frame).ok(), payloads);
        }
        [] => {}
        _ => payloads.push(Payload {
            number,
            time,
            transport,
            source: SocketAddr::new(source, source_port),
            destination: SocketAddr::new(destination, destination_port),
            bytes: bytes.to_vec(),
            length: length.max(bytes.len()),
        }),
    }
}

fn addresses(packet: &LaxSlicedPacket<'_>) -> Option<(IpAddr, IpAddr)> {
    match packet.net.as_ref()? {
        LaxNetSlice::Ipv4(ip) => {
            Some((ip.header().source_addr().into(), ip.header().destination_addr().into()))
        }
        LaxNetSlice::Ipv6(ip) => {
            Some((ip.header().source_addr().into(), ip.header().destination_addr().into()))
        }
        LaxNetSlice::Arp(_) => None,
    }
}
