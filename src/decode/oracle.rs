//! Test helper: counts the addresses of a capture as `tshark -z endpoints,ip -z endpoints,ipv6` does.

use crate::capture::{Frame, LinkType, Timestamp};
use crate::decode::{Anomalies, Content, Packet, Reassembler, decode};
use pcap_parser::traits::PcapNGPacketBlock;
use pcap_parser::{Block, PcapBlockOwned, create_reader};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Packets and bytes sent, packets and bytes received.
pub(super) type Counts = BTreeMap<IpAddr, [u64; 4]>;

/// Decodes a whole capture file and counts.
pub(super) fn count(file: &[u8]) -> (Counts, Anomalies) {
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
pub(super) fn frames(file: &[u8], mut each: impl FnMut(&Frame<'_>)) {
    // The reader wants room for the largest block.
    let Ok(mut reader) = create_reader(file.len().max(1 << 16), std::io::Cursor::new(file)) else { return };
    let mut interfaces: Vec<Interface> = Vec::new();
    let mut number = 0;
    while let Ok((used, block)) = reader.next() {
        let found = match &block {
            PcapBlockOwned::LegacyHeader(header) => {
                let units = if header.is_nanosecond_precision() { 1_000_000_000 } else { 1_000_000 };
                interfaces = vec![(link_type(header.network.0), units)];
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
            interfaces.push((link_type(interface.linktype.0), units));
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

/// The lower half of the field; the upper half of some files says how long checksums are.
fn link_type(field: i32) -> LinkType {
    let [low, high, ..] = field.to_le_bytes();
    LinkType(u16::from_le_bytes([low, high]))
}

fn nanoseconds(seconds: u32, fraction: u32, units: u64) -> i64 {
    let nanoseconds = u64::from(fraction) * 1_000_000_000 / units.max(1);
    i64::from(seconds) * 1_000_000_000 + i64::try_from(nanoseconds).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};
    use std::fmt::Write;
    use std::path::{Path, PathBuf};

    /// Addresses that are not in the frames: Wireshark decrypts them with keys that the capture file has.
    const DECRYPTED: &[(&str, &[&str])] =
        &[("wireguard-ping-tcp-dsb.pcapng", &["1.1.1.1", "10.10.0.1", "10.10.0.2", "178.21.112.251"])];

    fn files(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { files(&path, found) } else { found.push(path) }
        }
    }

    /// What the reference says of a capture file; `None` for other files.
    fn expected(path: &Path, file: &[u8], truth: &Path) -> Option<Counts> {
        let mut hash = String::new();
        for byte in Sha256::digest(file) {
            write!(hash, "{byte:02x}").unwrap();
        }
        let text = std::fs::read(truth.join(hash + ".json")).ok()?;
        let document: serde_json::Value = serde_json::from_slice(&text).unwrap();
        let name = path.file_name()?.to_str()?;
        let left_out =
            DECRYPTED.iter().find(|(file, _)| *file == name).map_or(&[][..], |(_, addresses)| addresses);
        let counts = document["endpoints"].as_object()?.iter();
        let counts = counts.filter(|(address, _)| !left_out.contains(&address.as_str()));
        let fields = ["packets_sent", "bytes_sent", "packets_received", "bytes_received"];
        let row = |value: &serde_json::Value| fields.map(|field| value[field].as_u64().unwrap());
        Some(counts.map(|(address, value)| (address.parse().unwrap(), row(value))).collect())
    }

    fn unpacked(file: Vec<u8>) -> Vec<u8> {
        #[cfg(feature = "compress")]
        if file.starts_with(&[0x1f, 0x8b]) {
            let mut unpacked = Vec::new();
            std::io::Read::read_to_end(&mut flate2::read::MultiGzDecoder::new(&file[..]), &mut unpacked)
                .unwrap();
            return unpacked;
        }
        file
    }

    #[test]
    fn every_address_of_every_reference_capture_counts_as_wireshark_counts() {
        let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
        let truth = shared.join("truth/tshark");
        if !truth.is_dir() {
            return println!("skipped: no reference captures at {}", shared.display());
        }
        let mut paths = Vec::new();
        files(&shared.join("captures"), &mut paths);
        let (mut compared, mut wrong) = (0, Vec::new());
        for path in paths {
            let file = std::fs::read(&path).unwrap();
            let Some(expected) = expected(&path, &file, &truth) else { continue };
            compared += 1;
            let (found, _) = count(&unpacked(file));
            if found != expected {
                let different = found.iter().filter(|(address, row)| expected.get(address) != Some(row));
                wrong.push(format!(
                    "{}: {:?}, of {}",
                    path.display(),
                    different.collect::<Vec<_>>(),
                    expected.len()
                ));
            }
        }
        assert!(compared > 0 && wrong.is_empty(), "{compared} compared\n{}", wrong.join("\n"));
    }
}
