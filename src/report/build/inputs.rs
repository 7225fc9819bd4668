//! The inputs of the report.

use super::super::model::{DamageReport, InputReport, Report, Time};
use super::Builder;
use crate::capture::{Compression, Format, Input, LinkType};
use std::collections::BTreeMap;
use std::fmt::Write as _;

impl Builder<'_> {
    pub(super) fn inputs(&self) -> Vec<InputReport> {
        let none = BTreeMap::new();
        let frames = self.material.anomalies.iter().chain(std::iter::repeat(&none));
        self.material.inputs.iter().zip(frames).map(|(input, frames)| report(input, frames)).collect()
    }
}

impl Report {
    /// Adds the hashes of `inputs`, those that the report was made of, which take longer to work out than the rest.
    pub fn add_hashes(&mut self, inputs: &[Input]) {
        for (report, input) in self.inputs.iter_mut().zip(inputs) {
            report.sha256 = input.sha256.as_ref().map(|hash| hexadecimal(hash));
        }
    }
}

fn report(input: &Input, frames: &BTreeMap<&'static str, u64>) -> InputReport {
    let mut anomalies = input.anomalies.clone();
    for (kind, count) in frames {
        *anomalies.entry(kind).or_default() += count;
    }
    let damage = input.damage.as_ref();
    InputReport {
        path: input.path.clone(),
        sha256: input.sha256.as_ref().map(|hash| hexadecimal(hash)),
        size: input.size,
        format: match input.format {
            Format::Pcap => "pcap",
            Format::Pcapng => "pcapng",
            Format::Live => "live",
        },
        compression: input.compression.map(compression_name),
        link_types: input.link_types.iter().copied().map(link_type_name).collect(),
        packets: input.packets,
        bytes: input.bytes,
        first_packet: input.first_packet.map(|at| Time { at, precision: input.precision }),
        last_packet: input.last_packet.map(|at| Time { at, precision: input.precision }),
        truncated_packets: input.truncated_packets,
        dropped_packets: input.dropped_packets,
        anomalies,
        damage: damage.map(|damage| DamageReport { offset: damage.offset, reason: damage.reason.clone() }),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

const fn compression_name(compression: Compression) -> &'static str {
    match compression {
        Compression::Gzip => "gzip",
        Compression::Zstd => "zstd",
        Compression::Xz => "xz",
        Compression::Bzip2 => "bzip2",
        Compression::Lz4 => "lz4",
    }
}

/// The name that libpcap gives a link type, in lower case; its number where it has none here.
fn link_type_name(link_type: LinkType) -> String {
    let name = match link_type.0 {
        0 => "null",
        1 => "ethernet",
        8 => "slip",
        9 => "ppp",
        12 | 14 | 101 => "raw",
        50 => "ppp-hdlc",
        51 => "ppp-ether",
        104 => "c-hdlc",
        105 => "ieee802-11",
        107 => "frelay",
        108 => "loop",
        113 => "linux-sll",
        119 => "ieee802-11-prism",
        127 => "ieee802-11-radiotap",
        163 => "ieee802-11-avs",
        166 => "ppp-pppd",
        192 => "ppi",
        204 => "ppp-with-dir",
        228 => "ipv4",
        229 => "ipv6",
        239 => "nflog",
        247 => "infiniband",
        276 => "linux-sll2",
        other => return format!("linktype-{other}"),
    };
    name.to_owned()
}
