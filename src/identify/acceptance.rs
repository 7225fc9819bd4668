//! For tests only: real captures beside the repository, read by the stages before this one and identified.

use super::facts::Direction;
use super::infer::Subject;
use super::names::{NameBinding, NameTable};
use super::{Catalogue, Contact, Feed, FlowInspector, Identity, Inference, Role, infer};
use crate::capture::{Batch, Options, Reader};
use crate::decode::{self, Anomalies, Content, Packet};
use crate::flow::{Bound, Budget, Flow, FlowKey, PacketRef, Side, Stream, Table, Transport};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

#[derive(Debug, Default)]
struct State {
    inspector: FlowInspector,
    streams: [Stream; 2],
}

/// A capture with what was inferred from it.
struct Case {
    flows: Vec<Flow<State>>,
    inference: Inference,
}

fn place(side: Side) -> usize {
    usize::from(side == Side::High)
}

fn direction(flow: &Flow<State>, side: Side) -> Direction {
    if flow.client_side() == side { Direction::FromClient } else { Direction::FromServer }
}

fn feed(flow: &Flow<State>, side: Side, packet: &Packet<'_>, at: PacketRef, length: u32) -> Feed {
    let end = |side| {
        let (address, port) = flow.key().end(side);
        SocketAddr::new(address, port.unwrap_or(0))
    };
    Feed {
        direction: direction(flow, side),
        time: packet.time,
        packet: at,
        source: end(side),
        destination: end(side.other()),
        length: length as usize,
    }
}

fn take(table: &mut Table<State>, packet: &Packet<'_>, at: PacketRef, budget: &mut Budget) {
    let (transport, ports) = match &packet.content {
        Content::Tcp(segment) => (Transport::Tcp, (segment.source_port, segment.destination_port)),
        Content::Udp(datagram) => (Transport::Udp, (datagram.source_port, datagram.destination_port)),
        _ => return,
    };
    let (key, side) = FlowKey::new(packet.addresses, ports.0, ports.1, transport);
    let Some(flow) = table.packet(&key, side, packet, at) else { return };
    match &packet.content {
        Content::Udp(datagram) => {
            let feed = feed(flow, side, packet, at, datagram.payload_length);
            flow.state.inspector.datagram(&feed, datagram.payload);
        }
        Content::Tcp(segment) => {
            let feed = feed(flow, side, packet, at, segment.payload_length);
            if !flow.state.inspector.wants(feed.direction) {
                return;
            }
            let stream = &mut flow.state.streams[place(side)];
            let mut sequence = segment.sequence;
            if segment.flags.has(decode::TcpFlags::SYN) {
                stream.synchronize(sequence);
                sequence = sequence.wrapping_add(1);
            }
            let before = stream.bytes().len();
            if stream.push(sequence, segment.payload, segment.payload_length, budget) {
                flow.state.inspector.stream(&feed, stream.bytes(), before);
            }
            if stream.has_ended() {
                flow.state.inspector.end_of_stream(feed.direction, stream.bytes());
            }
        }
        _ => {}
    }
}

fn read(path: &Path) -> Vec<Flow<State>> {
    let mut reader = Reader::open(&[path.to_owned()], Options::default()).unwrap();
    let mut table = Table::new(Bound(1 << 20));
    let mut budget = Budget::new(1 << 30);
    let mut batch = Batch::default();
    while reader.next_batch(&mut batch).unwrap() {
        for (frame, index) in batch.frames().zip(0..) {
            let mut packets = Vec::new();
            decode::decode(&frame, index, &mut Anomalies::default(), &mut packets);
            for packet in &packets {
                let at = PacketRef { input: frame.input, number: frame.number };
                take(&mut table, packet, at, &mut budget);
            }
        }
    }
    table.into_flows()
}

fn identify(path: &Path) -> Case {
    let mut flows = read(path);
    flows.sort_by_key(Flow::first_packet);
    let mut bindings: Vec<NameBinding> = Vec::new();
    for flow in &mut flows {
        for side in [Side::Low, Side::High] {
            let direction = direction(flow, side);
            let state = &mut flow.state;
            state.inspector.end_of_stream(direction, state.streams[place(side)].bytes());
        }
        bindings.extend(flow.state.inspector.finish());
    }
    bindings.sort_by_key(|binding| (binding.time, binding.packet));
    let mut names = NameTable::default();
    bindings.into_iter().for_each(|binding| names.insert(binding));
    let subjects: Vec<_> =
        flows.iter().map(|flow| Subject::new(flow, flow.state.inspector.facts())).collect();
    let inference = infer(&subjects, &names, &Catalogue::embedded().unwrap());
    Case { flows, inference }
}

/// The capture of this name, or `None` with a printed line where the folder is absent.
fn case(name: &str) -> Option<Case> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures").join(name);
    if path.is_file() {
        return Some(identify(&path));
    }
    println!("skipped: no {}", path.display());
    None
}

impl Case {
    fn identities(&self) -> impl Iterator<Item = (&Flow<State>, &Identity)> {
        self.flows.iter().zip(&self.inference.flows)
    }

    /// Service, role and contact of every flow to a server, each once.
    fn of(&self, server: &str) -> BTreeSet<(String, Role, Contact)> {
        let server: IpAddr = server.parse().unwrap();
        let to = self.identities().filter(|(flow, _)| flow.server().0 == server);
        let service =
            |identity: &Identity| identity.service.as_ref().map_or("-".to_owned(), ToString::to_string);
        to.map(|(_, identity)| (service(identity), identity.role, identity.contact)).collect()
    }
}

#[test]
#[ignore = "prints a line for each flow of each real capture, to compare with others' verdicts"]
fn table() {
    for capture in super::captures::all() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures").join(&capture.name);
        let Ok(case) = std::panic::catch_unwind(|| identify(&path)) else {
            println!("T\t{}\tpanic", capture.name);
            continue;
        };
        for (flow, identity) in case.identities() {
            let (client, server) = (flow.client(), flow.server());
            let kinds: BTreeSet<_> = identity.evidence.iter().map(|evidence| evidence.rule).collect();
            let names: Vec<_> = identity.names.iter().map(|name| &*name.name).collect();
            println!(
                "T\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}/{}",
                capture.name,
                capture.kind,
                flow.transport().name(),
                client.0,
                client.1.unwrap_or(0),
                server.0,
                server.1.unwrap_or(0),
                identity.service.as_ref().map_or("-", |service| service.id()),
                identity.role,
                identity.contact,
                kinds.into_iter().collect::<Vec<_>>().join(","),
                names.join(","),
                flow.sent().packets,
                flow.received().packets,
            );
        }
    }
}

#[test]
#[ignore = "prints what is made of the capture in the environment variable CAPTURE"]
fn print() {
    let path = std::env::var("CAPTURE").unwrap();
    let case = identify(Path::new(&path));
    for (flow, identity) in case.identities() {
        let service = identity.service.as_ref().map_or("-", |service| service.id());
        println!(
            "{} {:?} {} -> {:?} {}/{} {}  {service} {} {}{}",
            flow.first_packet().number,
            flow.transport(),
            flow.client_socket(),
            flow.server(),
            flow.sent().packets,
            flow.received().packets,
            flow.outcome().name(),
            identity.role,
            identity.contact,
            if identity.is_inherited() { " (inherited)" } else { "" },
        );
        let names: Vec<_> =
            identity.names.iter().map(|name| format!("{} ({})", name.name, name.via.name())).collect();
        if !names.is_empty() {
            println!("      names {}", names.join(", "));
        }
        for evidence in &identity.evidence {
            println!(
                "      {:?} {} {:?} {}",
                evidence.kind,
                evidence.rule,
                evidence.packet.map(|p| p.number),
                evidence.detail
            );
        }
        if std::env::var("FACTS").is_ok() {
            println!("      {:#?}", flow.state.inspector.facts());
        }
    }
    for (address, endpoint) in &case.inference.endpoints {
        if endpoint.contact == Contact::Mentioned {
            println!("{address} mentioned {:?} {:?}", endpoint.names, endpoint.mentioned.first());
        }
    }
}
