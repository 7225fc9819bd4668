//! Tests of the inference on flows made up for them.

use super::*;
use crate::capture::Timestamp;
use crate::flow::{Counters, Outcome, PacketRef, Transport};
use crate::identify::FlowFacts;
use crate::identify::facts::{Direction, MediaStream, MentionKind, Protocol};
use crate::identify::names::{NameBinding, Via};
use crate::identify::signature::Signature;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

const PACKET: PacketRef = PacketRef::new(0, 1);
const CLIENT: &str = "192.0.2.10:50000";

fn at(seconds: i64) -> Timestamp {
    // 2024-01-01.
    Timestamp::from_nanoseconds((1_704_067_200 + seconds) * 1_000_000_000)
}

fn tcp<'a>(client: &str, server: &str, facts: &'a FlowFacts) -> Subject<'a> {
    let counters = Counters { packets: 10, bytes: 5000 };
    Subject {
        client: client.parse().unwrap(),
        server: server.parse().unwrap(),
        opened_by_client: None,
        transport: Transport::Tcp,
        start: at(0),
        end: at(5),
        sent: counters,
        received: counters,
        outcome: Outcome::Closed,
        contact: Contact::Control,
        handshake: None,
        first_packet: PACKET,
        last_packet: PACKET,
        facts: Some(facts),
    }
}

fn udp<'a>(client: &str, server: &str, facts: &'a FlowFacts) -> Subject<'a> {
    Subject {
        transport: Transport::Udp,
        outcome: Outcome::Answered,
        contact: Contact::Answered,
        ..tcp(client, server, facts)
    }
}

fn unanswered(subject: Subject<'_>) -> Subject<'_> {
    let received = Counters::default();
    Subject { received, outcome: Outcome::Unanswered, contact: Contact::Attempted, ..subject }
}

fn sni(name: &str) -> FlowFacts {
    let mut facts = FlowFacts::default();
    facts.protocol(Protocol::Tls);
    facts.name(name, Via::Tls, PACKET);
    let handshake = facts.handshake_mut();
    (handshake.client_hello, handshake.completed) = (true, true);
    (handshake.data.client, handshake.data.server) = (true, true);
    facts
}

fn signed(signature: Signature) -> FlowFacts {
    let mut facts = FlowFacts::default();
    facts.signature(signature, PACKET);
    facts
}

fn with_media(mut facts: FlowFacts) -> FlowFacts {
    for direction in [Direction::FromClient, Direction::FromServer] {
        let stream = MediaStream {
            direction,
            ssrc: 7,
            payload_type: 120,
            kind: None,
            packets: 100,
            bytes: 10_000,
            lost: 0,
            first: PACKET,
            start: at(0),
            end: at(5),
        };
        facts.stream(direction, 7, || stream);
        *facts.rtp_headers.of_mut(direction) = 100;
    }
    facts
}

fn identify(subjects: &[Subject<'_>]) -> Vec<Identity> {
    infer(subjects, &NameTable::default(), &Catalogue::embedded().unwrap()).flows
}

fn summary(identity: &Identity) -> (Option<&str>, Role, Contact) {
    (identity.service.as_ref().map(Service::id), identity.role, identity.contact)
}

#[test]
fn a_router_is_signaling_over_tls_and_media_over_udp() {
    let (tls, media) = (sni("zoomfrn99mmr.zoom.us"), with_media(signed(Signature::ZoomMedia)));
    let flows = identify(&[tcp(CLIENT, "198.51.100.7:443", &tls), udp(CLIENT, "198.51.100.7:8801", &media)]);
    assert_eq!(summary(&flows[0]), (Some("zoom"), Role::Signaling, Contact::Control));
    assert_eq!(summary(&flows[1]), (Some("zoom"), Role::Media, Contact::Media));
    assert_eq!(flows[0].evidence[0].detail.to_string(), "SNI zoomfrn99mmr.zoom.us fits *mmr*.zoom.us");
}

#[test]
fn a_handshake_without_data_is_established_only() {
    let mut facts = sni("zoomfr84zc.zoom.us");
    facts.handshake_mut().data.client = false;
    let flows = identify(&[tcp(CLIENT, "213.244.140.84:443", &facts)]);
    assert_eq!(summary(&flows[0]), (Some("zoom"), Role::Probe, Contact::Established));
}

#[test]
fn flows_that_share_a_list_of_names_have_the_same_service_each_by_its_own_packets() {
    let listed: Arc<[Arc<str>]> = ["zoom.us", "*.zoom.us", "other.example"].map(Arc::from).into();
    let of = |hello, certificate, left_out| {
        let mut facts = sni("zoomfr84zc.zoom.us");
        facts.names = Names::EMPTY;
        facts.name("zoomfr84zc.zoom.us", Via::Tls, PacketRef::new(0, hello));
        facts.certificate_names(&listed, PacketRef::new(0, certificate));
        facts.left_out = left_out;
        facts
    };
    let all = [of(2, 3, 0), of(8, 8, 0), of(10, 12, 1)];
    let subjects = all.each_ref().map(|facts| tcp(CLIENT, "213.244.140.84:443", facts));
    let flows = identify(&subjects);
    let alone: Vec<Identity> = subjects.iter().map(|subject| identify(&[*subject]).remove(0)).collect();
    assert_eq!(flows, alone);
    let packets = |flow: &Identity| {
        let pieces =
            flow.evidence.iter().filter(|piece| matches!(piece.kind, Kind::Name | Kind::Certificate));
        pieces.filter_map(|piece| piece.packet).map(PacketRef::number).collect::<BTreeSet<u64>>()
    };
    assert_eq!(flows.iter().map(packets).collect::<Vec<_>>(), [[2, 3].into(), [8].into(), [10, 12].into()]);
}

#[test]
fn a_name_from_dns_counts_unless_the_flow_carries_another() {
    let (silent, other) = (FlowFacts::default(), sni("www.example.org"));
    let binding = NameBinding {
        client: "192.0.2.10".parse().unwrap(),
        names: ["zoomfrn99mmr.zoom.us".into()].into(),
        addresses: vec!["198.51.100.7".parse().unwrap()],
        time: at(-1),
        ttl: Duration::from_mins(1),
        packet: PACKET,
    };
    let mut names = NameTable::default();
    names.insert(binding);
    let subjects =
        [tcp(CLIENT, "198.51.100.7:443", &silent), tcp("192.0.2.10:50001", "198.51.100.7:443", &other)];
    let flows = infer(&subjects, &names, &Catalogue::embedded().unwrap()).flows;
    assert_eq!(summary(&flows[0]), (Some("zoom"), Role::Signaling, Contact::Control));
    assert_eq!(flows[0].evidence[0].rule, "dns-name");
    assert_eq!(flows[1].service, None);
}

#[test]
fn an_unnamed_flow_to_the_same_server_inherits_and_says_so() {
    let (named, silent) = (sni("zoomfrn99mmr.zoom.us"), FlowFacts::default());
    let flows =
        identify(&[tcp(CLIENT, "198.51.100.7:443", &named), udp(CLIENT, "198.51.100.7:8801", &silent)]);
    assert_eq!(summary(&flows[1]), (Some("zoom"), Role::Media, Contact::Answered));
    assert!(flows[1].is_inherited() && !flows[0].is_inherited());
    let other_client = identify(&[
        tcp(CLIENT, "198.51.100.7:443", &named),
        udp("192.0.2.99:50000", "198.51.100.7:8801", &silent),
    ]);
    assert_eq!(other_client[1].service, None, "nothing is inherited from another client");
}

#[test]
fn a_peer_is_known_by_the_socket_and_an_unanswered_one_is_attempted() {
    let relay = with_media(signed(Signature::WhatsAppRelay));
    let (direct, silent) = (with_media(FlowFacts::default()), FlowFacts::default());
    let flows = identify(&[
        udp(CLIENT, "203.0.113.5:3478", &relay),
        udp(CLIENT, "198.51.100.9:40000", &direct),
        unanswered(udp(CLIENT, "198.51.100.10:40000", &silent)),
    ]);
    assert_eq!(summary(&flows[0]), (Some("whatsapp"), Role::Relay, Contact::Media));
    assert_eq!(summary(&flows[1]), (Some("whatsapp"), Role::Peer, Contact::Media));
    assert_eq!(summary(&flows[2]), (Some("whatsapp"), Role::Peer, Contact::Attempted));
    assert!(flows[1].is_inherited());
}

#[test]
fn a_relay_that_was_only_tried_is_a_probe() {
    let flows = identify(&[udp(CLIENT, "203.0.113.5:3478", &signed(Signature::WhatsAppRelay))]);
    assert_eq!(summary(&flows[0]), (Some("whatsapp"), Role::Probe, Contact::Answered));
}

#[test]
fn an_echo_without_media_is_a_probe_and_with_it_a_media_server() {
    let (ping, media) = (signed(Signature::DiscordPing), with_media(signed(Signature::DiscordPing)));
    let flows =
        identify(&[udp(CLIENT, "203.0.113.5:50001", &ping), udp(CLIENT, "203.0.113.6:50004", &media)]);
    assert_eq!(summary(&flows[0]), (Some("discord"), Role::Probe, Contact::Answered));
    assert_eq!(summary(&flows[1]), (Some("discord"), Role::Media, Contact::Media));
}

#[test]
fn techniques_are_named_where_no_application_is() {
    let rtp = with_media(FlowFacts::default());
    let mut webrtc = FlowFacts::default();
    webrtc.protocol(Protocol::Dtls);
    webrtc.handshake_mut().alpn.push("webrtc".into());
    let mut sip = FlowFacts::default();
    sip.protocol(Protocol::Sip);
    let server = "203.0.113.5:40000";
    let flows = identify(&[udp(CLIENT, server, &rtp)]);
    assert_eq!(summary(&flows[0]), (Some("unknown-media"), Role::Media, Contact::Media));
    let flows = identify(&[udp(CLIENT, server, &with_media(webrtc))]);
    assert_eq!(summary(&flows[0]), (Some("webrtc"), Role::Media, Contact::Media));
    let flows = identify(&[udp(CLIENT, server, &sip)]);
    assert_eq!(flows[0].service, Some(Service::SIP));
}

#[test]
fn a_listed_prefix_names_a_service_and_a_port_does_not() {
    let silent = FlowFacts::default();
    let flows =
        identify(&[udp(CLIENT, "144.195.27.24:8801", &silent), udp(CLIENT, "203.0.113.5:8801", &silent)]);
    assert_eq!(summary(&flows[0]), (Some("zoom"), Role::Media, Contact::Answered));
    assert_eq!(flows[1].service, None);
}

#[test]
fn what_services_share_counts_only_where_the_client_uses_the_service() {
    let (shared, own) = (sni("login.microsoftonline.com"), sni("teams.microsoft.com"));
    let alone = identify(&[tcp(CLIENT, "198.51.100.7:443", &shared)]);
    assert_eq!(alone[0].service, None);
    let both = identify(&[tcp(CLIENT, "198.51.100.7:443", &shared), tcp(CLIENT, "198.51.100.8:443", &own)]);
    assert_eq!(both[0].service, Some(Service::TEAMS));
    assert!(both[0].is_inherited());
}

#[test]
fn chime_media_is_slacks_where_the_client_talks_to_slack_only() {
    let (silent, slack, chime) =
        (FlowFacts::default(), sni("edgeapi.slack.com"), sni("signal.m1.ue1.app.chime.aws"));
    let media = || udp(CLIENT, "99.77.150.7:3478", &silent);
    let service = |subjects: &[Subject<'_>]| identify(subjects)[0].service.clone();
    assert_eq!(service(&[media()]), Some(Service::CHIME));
    assert_eq!(service(&[media(), tcp(CLIENT, "198.51.100.7:443", &slack)]), Some(Service::SLACK));
    assert_eq!(service(&[media(), tcp(CLIENT, "198.51.100.7:443", &chime)]), Some(Service::CHIME));
}

#[test]
fn connections_that_only_took_part_in_a_race_are_probes() {
    let silent = FlowFacts::default();
    let servers: Vec<String> = (1..=6).map(|i| format!("64.68.96.{i}:443")).collect();
    let mut subjects: Vec<_> = servers.iter().map(|server| tcp(CLIENT, server, &silent)).collect();
    subjects[5].sent.packets = 400;
    let roles: Vec<_> = identify(&subjects).iter().map(|identity| identity.role).collect();
    assert_eq!(roles[..5], [Role::Probe; 5]);
    assert_eq!(roles[5], Role::Unknown, "the one that was kept is no probe");
    assert_eq!(identify(&subjects[..4])[0].role, Role::Unknown, "four connections are no race");
}

#[test]
fn voice_that_cannot_be_read_is_known_by_its_pace() {
    let facts = signed(Signature::TelegramCall);
    let mut fast = udp(CLIENT, "203.0.113.5:533", &facts);
    fast.received.packets = 276;
    assert_eq!(identify(&[fast])[0].contact, Contact::Media);
    fast.end = at(60);
    assert_eq!(identify(&[fast])[0].contact, Contact::Answered, "keep-alives are not media");
}

#[test]
fn an_address_that_is_only_mentioned_is_listed_as_that() {
    let mut facts = signed(Signature::ZoomStun);
    let public: SocketAddr = "198.51.100.200:4242".parse().unwrap();
    facts.mention(public, MentionKind::Mapped, PACKET);
    let subjects = [udp(CLIENT, "203.0.113.5:3478", &facts)];
    let inference = infer(&subjects, &NameTable::default(), &Catalogue::embedded().unwrap());
    let endpoint = &inference.endpoints[&public.ip()];
    assert_eq!(endpoint.contact, Contact::Mentioned);
    let by = endpoint.mentioned.first().unwrap();
    assert!(matches!(by, MentionedBy::Flow { kind: MentionKind::Mapped, .. }));
    assert_eq!(summary(&inference.flows[0]), (Some("zoom"), Role::Probe, Contact::Answered));
}

#[test]
fn an_address_named_as_peer_in_a_relays_flow_is_a_participant() {
    let mut relay = signed(Signature::WhatsAppRelay);
    relay.mention("198.51.100.9:40000".parse().unwrap(), MentionKind::Peer, PACKET);
    let silent = FlowFacts::default();
    let flows = identify(&[
        udp(CLIENT, "203.0.113.5:3478", &relay),
        udp("192.0.2.10:6000", "198.51.100.9:40000", &silent),
    ]);
    assert_eq!(summary(&flows[1]), (Some("whatsapp"), Role::Peer, Contact::Answered));
    assert_eq!(flows[1].evidence[0].rule, "mentioned-address");
}

#[test]
fn names_said_through_a_relay_are_not_the_relays() {
    let mut facts = FlowFacts { handshake_of_peer: true, ..FlowFacts::default() };
    facts.name("hangouts", Via::Certificate, PACKET);
    facts.stun_mut().relayed = true;
    let subjects = [udp(CLIENT, "198.51.100.7:3478", &facts)];
    let known = infer(&subjects, &NameTable::default(), &Catalogue::embedded().unwrap());
    let identity = &known.flows[0];
    assert_eq!((identity.service.as_ref(), identity.names.len()), (Some(&Service::MEET), 0));
    let words = identity.evidence[0].detail.to_string();
    assert!(
        words.contains("through a relay: no packet of this flow goes to the address behind it"),
        "{words}"
    );
    assert!(known.endpoints[&subjects[0].server.ip()].names.is_empty());
}
