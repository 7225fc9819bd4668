//! Names and fingerprints in real captures, held against what tshark sees there.

use landfall::capture::{Batch, Options, Reader};
use landfall::decode::{Anomalies, Content, Packet, Reassembler, decode};
use landfall::flow::{Arrival, Bound, Budget, Flow, PacketRef, Read, Side, Stream, Table};
use landfall::identify::dtls::DtlsReader;
use landfall::identify::http::tunnelled;
use landfall::identify::ja3::Ja3;
use landfall::identify::quic::{QuicFacts, QuicState};
use landfall::identify::tls::{self, Flight};
use landfall::identify::{Probe, dtls, quic};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Names that tshark sees and this program cannot, by capture.
const BLIND: [(&str, &str, &str); 1] = [
    // Frame 20 is TLS inside WireGuard; the capture holds the keys.
    ("wireguard-ping-tcp-dsb.pcapng", "tls", "lekensteyn.nl"),
];

type Name = (String, u16, String, String);

#[derive(Default)]
struct Seen {
    streams: [Stream; 2],
    dtls: [DtlsReader; 2],
    quic: Option<Box<QuicState>>,
}

/// Everything the dissectors find in a capture.
#[derive(Default)]
struct Found {
    names: BTreeSet<Name>,
    ja3: BTreeSet<String>,
    ja3s: BTreeSet<String>,
}

impl Found {
    fn read(path: &Path) -> Self {
        let mut table = Table::<Seen>::new(Bound(1 << 20));
        let mut budget = Budget::new(1 << 30);
        let mut reassembler = Reassembler::default();
        let mut anomalies = Anomalies::default();
        let mut reader = Reader::open(&[path.to_owned()], Options::default()).unwrap();
        let mut batch = Batch::default();
        while reader.next_batch(&mut batch).unwrap() {
            for (frame, index) in batch.frames().zip(0..) {
                let mut packets = Vec::new();
                decode(&frame, index, &mut anomalies, &mut packets);
                let whole: Vec<_> =
                    packets.iter().filter_map(|packet| reassembler.push(packet, &mut anomalies)).collect();
                whole.iter().for_each(|datagram| datagram.decode(&mut anomalies, &mut packets));
                let at = PacketRef::new(0, frame.number);
                packets.iter().for_each(|packet| see(&mut table, &mut budget, packet, at));
            }
        }
        let mut found = Self::default();
        table.into_flows().into_iter().for_each(|flow| found.flow(flow));
        found
    }

    fn flow(&mut self, mut flow: Flow<Seen>) {
        let seen = std::mem::take(&mut flow.state);
        for (side, stream) in [Side::Low, Side::High].into_iter().zip(&seen.streams) {
            let bytes = tunnelled(stream.unread()).unwrap_or(stream.unread());
            if tls::probe(bytes) == Probe::Match {
                self.flight(&flow, side, "tls", &tls::parse(bytes));
            }
        }
        for (side, mut reader) in [Side::Low, Side::High].into_iter().zip(seen.dtls) {
            reader.finish();
            self.flight(&flow, side, "dtls", reader.flight());
        }
        if let Some(mut quic) = seen.quic {
            quic.finish();
            self.quic(&flow, quic.facts());
        }
    }

    fn quic(&mut self, flow: &Flow<Seen>, facts: &QuicFacts) {
        let client = if facts.swapped { flow.client_side().other() } else { flow.client_side() };
        self.flight(flow, client, "quic", &facts.client);
        self.flight(flow, client.other(), "quic", &facts.server);
        if let Some(name) = &facts.google_server_name {
            self.name(flow, client, "gquic", name.as_str());
        }
    }

    fn flight(&mut self, flow: &Flow<Seen>, side: Side, via: &str, flight: &Flight) {
        if let Some(hello) = &flight.client_hello {
            self.ja3.extend(hello.ja3.as_ref().map(Ja3::hash));
            if let Some(name) = &hello.server_name {
                self.name(flow, side, via, name.as_str());
            }
        }
        self.ja3s.extend(flight.server_hello.iter().filter_map(|hello| hello.ja3s.as_ref()).map(Ja3::hash));
    }

    fn name(&mut self, flow: &Flow<Seen>, client: Side, via: &str, name: &str) {
        let (address, port) = flow.key().end(client.other());
        self.names.insert((address.to_string(), port.unwrap_or(0), via.to_owned(), name.to_owned()));
    }
}

fn see(table: &mut Table<Seen>, budget: &mut Budget, packet: &Packet<'_>, at: PacketRef) {
    let Some(arrival) = Arrival::of(packet) else { return };
    let side = arrival.side;
    let Some(flow) = table.packet(&arrival, None, at) else { return };
    match &packet.content {
        Content::Tcp(tcp) => {
            let stream = &mut flow.state.streams[usize::from(side == Side::High)];
            if tcp.flags.has(landfall::decode::TcpFlags::SYN) {
                stream.synchronize(tcp.sequence);
            }
            stream.push(tcp.sequence, tcp.payload, tcp.payload_length as usize, budget, |_| Read::default());
        }
        Content::Udp(udp) => {
            let from_client = flow.client_side() == side;
            let state = &mut flow.state;
            if dtls::probe(udp.payload) != Probe::NoMatch {
                state.dtls[usize::from(side == Side::High)].datagram(udp.payload);
            }
            if quic::probe(udp.payload) != Probe::NoMatch || state.quic.is_some() {
                let quic = state.quic.get_or_insert_default();
                let take = if from_client { QuicState::client_datagram } else { QuicState::server_datagram };
                take(quic, udp.payload);
            }
        }
        _ => {}
    }
}

fn shared() -> Option<PathBuf> {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    if shared.is_dir() {
        return Some(shared);
    }
    eprintln!("skipped: {} is absent", shared.display());
    None
}

fn captures(shared: &Path) -> Vec<PathBuf> {
    let index = std::fs::read_to_string(shared.join("captures/INDEX.tsv")).unwrap();
    index
        .lines()
        .skip(1)
        .filter_map(|line| line.split('\t').next())
        .map(|path| shared.join("captures").join(path))
        .collect()
}

fn truth(shared: &Path, capture: &Path) -> Option<BTreeSet<Name>> {
    let mut hash = String::new();
    for byte in Sha256::digest(std::fs::read(capture).unwrap()) {
        write!(hash, "{byte:02x}").unwrap();
    }
    let truth = std::fs::read(shared.join(format!("truth/tshark/{hash}.json"))).ok()?;
    let truth: serde_json::Value = serde_json::from_slice(&truth).unwrap();
    Some(serde_json::from_value(truth["names"].clone()).unwrap())
}

#[test]
fn every_name_that_tshark_sees_is_found() {
    let Some(shared) = shared() else { return };
    let (mut missing, mut total) = (Vec::new(), 0);
    for capture in captures(&shared) {
        let Some(expected) = truth(&shared, &capture).filter(|names| !names.is_empty()) else { continue };
        let file = capture.file_name().unwrap().to_string_lossy().into_owned();
        let found = Found::read(&capture);
        total += expected.len();
        for name in expected.difference(&found.names) {
            if !BLIND.contains(&(&file, &name.2, &name.3)) {
                missing.push(format!("{file}: {name:?}"));
            }
        }
        for extra in found.names.difference(&expected) {
            println!("only here: {file}: {extra:?}");
        }
    }
    assert!(total > 0, "no capture has a name");
    assert!(missing.is_empty(), "{} of {total} names are missing:\n{}", missing.len(), missing.join("\n"));
}

/// The values that tshark sees of a field of TLS and DTLS; `None` where there is no tshark.
fn tshark(capture: &Path, field: &str) -> Option<BTreeSet<String>> {
    let (tls, dtls) = (format!("tls.handshake.{field}"), format!("dtls.handshake.{field}"));
    let filter = format!("{tls} || {dtls}");
    // Without the preference, tshark loses hellos whose segments came out of order (ndpi42/teams.pcap, frame 69).
    let in_order = "tcp.reassemble_out_of_order:TRUE";
    let arguments = ["-n", "-o", in_order, "-T", "fields", "-e", &tls, "-e", &dtls, "-Y", &filter, "-r"];
    let run = Command::new("tshark").args(arguments).arg(capture).output();
    let text = String::from_utf8(run.ok()?.stdout).unwrap();
    Some(text.split(['\n', '\t', ',']).filter(|value| !value.is_empty()).map(str::to_owned).collect())
}

#[test]
fn fingerprints_equal_those_of_tshark() {
    const CAPTURES: [&str; 9] = [
        "ndpi/dtls2.pcap",
        "ndpi/quic-v2.pcapng",
        "ndpi/stun_zoom.pcapng",
        "ndpi/tls_ech.pcapng",
        "ndpi/tls_with_huge_ch.pcapng",
        "ndpi/zoom.pcap",
        "ndpi42/skype.pcap",
        "ndpi42/teams.pcap",
        "zeek/quic_quic-multiple-initial-fragmented-crypto.pcap",
    ];
    let Some(shared) = shared() else { return };
    for name in CAPTURES {
        let capture = shared.join("captures").join(name);
        let (Some(ja3), Some(ja3s)) = (tshark(&capture, "ja3"), tshark(&capture, "ja3s")) else {
            println!("skipped: there is no tshark");
            return;
        };
        let found = Found::read(&capture);
        assert_eq!(found.ja3, ja3, "JA3 of {name}");
        assert_eq!(found.ja3s, ja3s, "JA3S of {name}");
    }
}
