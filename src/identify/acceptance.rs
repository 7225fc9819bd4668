//! For tests only: real captures beside the repository, read by the stages before this one and identified.

use super::facts::{Direction, RttVia};
use super::infer::Subject;
use super::names::{NameBinding, NameTable};
use super::{Catalogue, Contact, Feed, FlowInspector, Identity, Inference, Role, Service, infer};
use crate::capture::{Batch, Options, Reader};
use crate::decode::{self, Anomalies, Content, Control, Packet};
use crate::flow::{Arrival, Bound, Budget, Flow, PacketRef, Side, Table};
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

/// A capture with what was inferred from it.
struct Case {
    flows: Vec<Flow<FlowInspector>>,
    inference: Inference,
}

fn direction(flow: &Flow<FlowInspector>, side: Side) -> Direction {
    if flow.client_side() == side { Direction::FromClient } else { Direction::FromServer }
}

fn feed(flow: &Flow<FlowInspector>, side: Side, packet: &Packet<'_>, at: PacketRef, length: u32) -> Feed {
    Feed {
        direction: direction(flow, side),
        time: packet.time,
        packet: at,
        key: *flow.key(),
        side,
        length: length as usize,
    }
}

fn take(table: &mut Table<FlowInspector>, packet: &Packet<'_>, at: PacketRef, budget: &mut Budget) {
    if !matches!(packet.content, Content::Tcp(_) | Content::Udp(_)) {
        return;
    }
    let Some(arrival) = Arrival::of(packet) else { return };
    let side = arrival.side;
    let Some(flow) = table.packet(&arrival, None, at) else { return };
    match &packet.content {
        Content::Udp(datagram) => {
            let feed = feed(flow, side, packet, at, datagram.payload_length);
            flow.state.datagram(&feed, datagram.payload);
        }
        Content::Tcp(segment) => {
            let feed = feed(flow, side, packet, at, segment.payload_length);
            let control = Control { sequence: segment.sequence, flags: segment.flags };
            flow.state.segment(&feed, control, segment.payload, budget);
        }
        _ => {}
    }
}

fn read(path: &Path) -> Vec<Flow<FlowInspector>> {
    let mut reader = Reader::open(&[path.to_owned()], Options::default()).unwrap();
    let mut table = Table::new(Bound(1 << 20));
    let mut budget = Budget::new(1 << 30);
    let mut batch = Batch::default();
    while reader.next_batch(&mut batch).unwrap() {
        for (frame, index) in batch.frames().zip(0..) {
            let mut packets = Vec::new();
            decode::decode(&frame, index, &mut Anomalies::default(), &mut packets);
            for packet in &packets {
                let at = PacketRef::new(frame.input, frame.number);
                take(&mut table, packet, at, &mut budget);
            }
        }
    }
    table.into_flows().into_iter().collect()
}

fn identify(path: &Path) -> Case {
    let mut flows = read(path);
    flows.sort_by_key(Flow::first_packet);
    let mut bindings: Vec<NameBinding> = Vec::new();
    for flow in &mut flows {
        bindings.extend(flow.state.finish());
    }
    bindings.sort_by_key(|binding| (binding.time, binding.packet));
    let mut names = NameTable::default();
    for binding in bindings {
        names.insert(binding);
    }
    let subjects: Vec<_> = flows.iter().map(|flow| Subject::new(flow, flow.state.facts())).collect();
    let inference = infer(&subjects, &names, &Catalogue::embedded().unwrap());
    Case { flows, inference }
}

/// The capture of this name, or `None` with a printed line where the folder is absent.
fn case(name: &str) -> Option<Case> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures").join(name);
    if path.is_file() {
        return Reader::open(std::slice::from_ref(&path), Options::default())
            .is_ok()
            .then(|| identify(&path));
    }
    println!("skipped: no {}", path.display());
    None
}

impl Case {
    fn identities(&self) -> impl Iterator<Item = (&Flow<FlowInspector>, &Identity)> {
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
            let names: Vec<_> = identity.names.iter().map(|name| &**name.name).collect();
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
            flow.first_packet().number(),
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
                evidence.packet.map(PacketRef::number),
                evidence.detail
            );
        }
        if std::env::var("FACTS").is_ok() {
            println!("      {:#?}", flow.state.facts());
        }
    }
    for (address, endpoint) in &case.inference.endpoints {
        if endpoint.contact == Contact::Mentioned {
            println!("{address} mentioned {:?} {:?}", endpoint.names, endpoint.mentioned.first());
        }
    }
}

fn roles(list: &[(&str, Role, Contact)]) -> BTreeSet<(String, Role, Contact)> {
    list.iter().map(|(service, role, contact)| ((*service).to_owned(), *role, *contact)).collect()
}

fn addresses(text: &str) -> Vec<IpAddr> {
    text.split_whitespace().map(|address| address.parse().unwrap()).collect()
}

#[test]
fn the_zoom_call_of_2019_has_its_router_its_zones_and_its_telemetry() {
    let Some(case) = case("ndpi/zoom.pcap") else { return };
    let router = roles(&[
        ("zoom", Role::Signaling, Contact::Control),
        ("zoom", Role::Media, Contact::Control),
        ("zoom", Role::Media, Contact::Media),
    ]);
    let found = case.of("109.94.160.99");
    assert!(found.is_subset(&router) && found.len() >= 2, "{found:?}");
    for zone in ["213.19.144.104", "213.19.144.105", "213.244.140.84", "213.244.140.85"] {
        assert!(
            case.of(zone).iter().all(|(service, role, _)| service == "zoom" && *role == Role::Probe),
            "{zone}"
        );
    }
    assert_eq!(case.of("52.202.62.238"), roles(&[("zoom", Role::Telemetry, Contact::Control)]));
    assert_eq!(case.of("162.255.37.14"), roles(&[("zoom", Role::Probe, Contact::Answered)]));
    let public = &case.inference.endpoints[&"80.180.220.239".parse().unwrap()];
    assert_eq!(public.contact, Contact::Mentioned);
}

#[test]
fn the_web_client_of_zoom_is_known_by_its_certificate() {
    let Some(case) = case("ndpi/stun_zoom.pcapng") else { return };
    let found = case.of("134.224.90.111");
    assert!(found.iter().all(|(service, role, _)| service == "zoom" && *role == Role::Media), "{found:?}");
    let names = &case.inference.endpoints[&"134.224.90.111".parse().unwrap()].names;
    assert!(names.iter().any(|(name, _)| &**name == "*.cloud.zoom.us"), "{names:?}");
}

#[test]
fn a_direct_path_of_zoom_is_seen_in_a_capture_cut_at_128_bytes() {
    let Some(case) = case("zoom-analysis/zoom_test.pcap") else { return };
    assert_eq!(case.of("10.9.74.172"), roles(&[("zoom", Role::Peer, Contact::Attempted)]));
    assert!(case.of("144.195.52.3").contains(&("zoom".to_owned(), Role::Media, Contact::Media)));
}

#[test]
fn a_chinese_address_that_never_answered_is_only_attempted() {
    let Some(case) = case("ndpi42/wa_video.pcap") else { return };
    assert_eq!(case.of("1.60.78.64"), roles(&[("whatsapp", Role::Peer, Contact::Attempted)]));
    assert_eq!(case.of("91.252.56.51"), roles(&[("whatsapp", Role::Peer, Contact::Media)]));
    assert_eq!(case.of("31.13.86.48"), roles(&[("whatsapp", Role::Relay, Contact::Media)]));
    for tried in addresses("185.60.216.51 157.240.193.48 179.60.192.48 157.240.196.62") {
        assert_eq!(case.of(&tried.to_string()), roles(&[("whatsapp", Role::Probe, Contact::Established)]));
    }
}

#[test]
fn teams_has_its_relays_and_tells_the_clients_public_address() {
    let Some(case) = case("ndpi42/teams.pcap") else { return };
    for relay in addresses("52.114.250.123 52.114.250.137 52.114.250.141 52.114.250.152 52.114.250.153") {
        let found = case.of(&relay.to_string());
        assert!(
            found.iter().all(|(service, role, _)| service == "teams" && *role == Role::Relay),
            "{relay} {found:?}"
        );
    }
    assert_eq!(case.of("52.114.15.45"), roles(&[("teams", Role::Signaling, Contact::Control)]));
    assert!(
        case.of("93.71.110.205").iter().all(|(service, role, _)| service == "teams" && *role == Role::Peer)
    );
    assert_eq!(case.inference.endpoints[&"80.181.206.72".parse().unwrap()].contact, Contact::Mentioned);
}

#[test]
fn meet_has_its_media_on_port_19305_and_googles_public_stun_server_is_only_a_probe() {
    let Some(case) = case("ndpi/stun_google_meet.pcapng") else { return };
    let media: BTreeSet<_> = case
        .identities()
        .filter(|(_, identity)| identity.contact == Contact::Media)
        .map(|(flow, identity)| {
            (flow.server().1.unwrap(), identity.service.as_ref().map(Service::id), identity.role)
        })
        .collect();
    assert!(media.contains(&(19305, Some("meet"), Role::Media)), "{media:?}");
    assert!(media.iter().all(|(_, service, _)| *service == Some("meet")));
    assert!(case.of("74.125.128.127").iter().all(|(_, role, _)| *role == Role::Probe));
}

#[test]
fn discord_has_probes_in_several_regions_and_one_busy_media_server() {
    let Some(case) = case("ndpi/discord.pcap") else { return };
    for probe in addresses("66.22.244.154 66.22.244.139 66.22.237.138 66.22.241.7 66.22.241.5 66.22.237.11") {
        assert_eq!(
            case.of(&probe.to_string()),
            roles(&[("discord", Role::Probe, Contact::Answered)]),
            "{probe}"
        );
    }
    assert!(case.of("66.22.196.173").contains(&("discord".to_owned(), Role::Media, Contact::Media)));
}

#[test]
fn no_call_service_is_named_where_there_is_no_call() {
    for capture in super::captures::all().into_iter().filter(|capture| capture.kind == "noncall") {
        let Some(case) = case(&capture.name) else { continue };
        for (flow, identity) in case.identities() {
            assert_eq!(
                identity.service,
                None,
                "{} {:?} {:?}",
                capture.name,
                flow.server(),
                identity.evidence
            );
        }
    }
}

/// Our ids for the application in a verdict of nDPI, which has names of its own; none for what is no call service.
fn ids_of(verdict: &str) -> &'static [&'static str] {
    match verdict.rsplit('.').next().unwrap_or_default() {
        "Zoom" => &["zoom"],
        "Skype_Teams" | "SkypeCall" | "Skype_TeamsCall" | "Teams" => &["teams", "skype"],
        "WhatsApp" | "WhatsAppCall" => &["whatsapp"],
        "Webex" => &["webex"],
        "Discord" => &["discord"],
        "WeChat" => &["wechat"],
        "Signal" | "SignalVoip" => &["signal"],
        "Telegram" | "TelegramVoip" => &["telegram"],
        "Viber" | "ViberVoip" => &["viber"],
        "GoogleCall" => &["meet", "webrtc"],
        "Line" | "LineCall" => &["line"],
        "FacebookVoip" => &["messenger"],
        "SnapchatCall" => &["snapchat"],
        "SIP" => &["sip"],
        _ => &[],
    }
}

/// nDPI's verdicts on a capture, by transport and the two ends.
fn verdicts(text: &str, capture: &str) -> Vec<(String, BTreeSet<SocketAddr>, &'static [&'static str])> {
    let rows = text.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let row = |row: Vec<&str>| {
        let [name, transport, a, a_port, b, b_port, verdict] = row[..] else { return None };
        let end = |address: &str, port: &str| {
            let address: IpAddr = address.trim_matches(['[', ']']).parse().ok()?;
            Some(SocketAddr::new(address, port.parse().ok()?))
        };
        let ends = BTreeSet::from([end(a, a_port)?, end(b, b_port)?]);
        (name == capture).then(|| (transport.to_owned(), ends, ids_of(verdict)))
    };
    rows.filter_map(row).collect()
}

#[test]
fn where_ndpi_names_a_call_service_we_name_the_same_or_none() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/truth/ndpi-flows.tsv");
    let Ok(text) = std::fs::read_to_string(&path) else { return println!("skipped: no {}", path.display()) };
    let (mut same, mut others) = (0, Vec::new());
    for capture in super::captures::all() {
        let (Some(case), verdicts) = (case(&capture.name), verdicts(&text, &capture.name)) else { continue };
        for (flow, identity) in case.identities() {
            let Some(service) = &identity.service else { continue };
            let server = flow.server_socket();
            let ends = BTreeSet::from([flow.client_socket(), server]);
            let expected = verdicts
                .iter()
                .find(|(transport, of, _)| *transport == flow.transport().name() && *of == ends);
            match expected {
                Some((.., ids)) if ids.contains(&service.id()) => same += 1,
                Some((.., ids)) if !ids.is_empty() => {
                    others.push((capture.name.clone(), server, service.clone(), *ids));
                }
                _ => {}
            }
        }
    }
    assert_eq!(others, []);
    assert!(same >= 380, "only {same} flows agree");
}

#[test]
fn a_local_proxy_that_answers_every_handshake_is_noticed() {
    let Some(case) = case("ndpi42/webex.pcap") else { return };
    let client: IpAddr = "10.8.0.1".parse().unwrap();
    assert!(case.inference.proxied_clients.contains(&client));
    let server = &case.inference.endpoints[&"64.68.105.103".parse().unwrap()];
    assert!(
        server.rtts.iter().all(|rtt| rtt.via != RttVia::Tcp) && !server.rtts.is_empty(),
        "{:?}",
        server.rtts
    );
    let Some(honest) = self::case("ndpi/zoom.pcap") else { return };
    assert!(honest.inference.proxied_clients.is_empty());
}
