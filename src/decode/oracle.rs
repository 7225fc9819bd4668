//! Test helper: counts the addresses of a capture as `tshark -z endpoints,ip -z endpoints,ipv6` does.

use crate::capture::{Frame, LinkType, Timestamp};
use crate::decode::{Anomalies, Content, Packet, Reassembler, decode};
use pcap_parser::traits::PcapNGPacketBlock;
use pcap_parser::{Block, PcapBlockOwned, create_reader};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Packets and bytes sent, packets and bytes received.
pub(crate) type Counts = BTreeMap<IpAddr, [u64; 4]>;

/// Room for the largest block of a capture.
const BUFFER: usize = 1 << 24;

/// Decodes a whole capture file and counts.
pub(crate) fn count(file: &[u8]) -> (Counts, Anomalies) {
    let mut counter = Counter::default();
    frames(file, |frame| counter.frame(frame));
    (counter.counts, counter.anomalies)
}

#[derive(Default)]
struct Counter {
    counts: Counts,
    anomalies: Anomalies,
    reassembler: Reassembler,
}

impl Counter {
    fn frame(&mut self, frame: &Frame<'_>) {
        let mut packets = Vec::new();
        decode(frame, 0, &mut self.anomalies, &mut packets);
        for packet in &packets {
            self.packet(packet);
        }
    }

    fn packet(&mut self, packet: &Packet<'_>) {
        let length = u64::from(packet.wire_length);
        for pair in packet.counted() {
            for (address, first) in [(pair.source, 0), (pair.destination, 2)] {
                let entry = self.counts.entry(address).or_default();
                entry[first] += 1;
                entry[first + 1] += length;
            }
        }
        if !matches!(packet.content, Content::Fragment(_)) {
            return;
        }
        let Some(datagram) = self.reassembler.push(packet, &mut self.anomalies) else { return };
        let mut inner = Vec::new();
        datagram.decode(&mut self.anomalies, &mut inner);
        for packet in &inner {
            self.packet(packet);
        }
    }
}

/// Link type and units per second of an interface.
type Interface = (LinkType, u64);

/// Calls `each` with every frame of a capture file.
pub(crate) fn frames(file: &[u8], mut each: impl FnMut(&Frame<'_>)) {
    let Ok(mut reader) = create_reader(BUFFER, std::io::Cursor::new(file)) else { return };
    let mut interfaces: Vec<Interface> = Vec::new();
    let mut number = 0;
    while let Ok((used, block)) = reader.next() {
        let found = match &block {
            PcapBlockOwned::LegacyHeader(header) => {
                let units = if header.is_nanosecond_precision() { 1_000_000_000 } else { 1_000_000 };
                interfaces = vec![(LinkType((header.network.0 & 0xffff) as u16), units)];
                None
            }
            PcapBlockOwned::Legacy(packet) => interfaces.first().map(|interface| {
                let time = nanoseconds(packet.ts_sec, packet.ts_usec, interface.1);
                (interface.0, time, packet.origlen, packet.data.get(..packet.caplen as usize))
            }),
            PcapBlockOwned::NG(block) => block_frame(block, &mut interfaces),
        };
        if let Some((link_type, time, wire_length, Some(bytes))) = found {
            number += 1;
            let time = Timestamp::from_nanoseconds(time);
            each(&Frame { input: 0, number, time, link_type, wire_length, bytes });
        }
        reader.consume(used);
    }
}

type Found<'b> = (LinkType, i64, u32, Option<&'b [u8]>);

fn block_frame<'b>(block: &'b Block<'_>, interfaces: &mut Vec<Interface>) -> Option<Found<'b>> {
    match block {
        Block::SectionHeader(_) => interfaces.clear(),
        Block::InterfaceDescription(interface) => {
            let units = interface.ts_resolution().unwrap_or(1_000_000);
            interfaces.push((LinkType(interface.linktype.0 as u16), units));
        }
        Block::EnhancedPacket(packet) => {
            let interface = interfaces.get(packet.if_id as usize)?;
            let (seconds, fraction) = packet.decode_ts(0, interface.1);
            let bytes = packet.data.get(..packet.caplen as usize);
            return Some((interface.0, nanoseconds(seconds, fraction, interface.1), packet.origlen, bytes));
        }
        Block::SimplePacket(packet) => {
            let bytes = packet.packet_data();
            let captured = bytes.len().min(packet.origlen as usize);
            return Some((interfaces.first()?.0, 0, packet.origlen, bytes.get(..captured)));
        }
        _ => {}
    }
    None
}

fn nanoseconds(seconds: u32, fraction: u32, units: u64) -> i64 {
    let nanoseconds = u64::from(fraction) * 1_000_000_000 / units.max(1);
    i64::from(seconds) * 1_000_000_000 + i64::try_from(nanoseconds).unwrap_or(0)
}
