//! A Microsoft Teams call in Europe: call control over TLS, media through a relay that speaks MS-TURN.

use super::certificate::Certificate;
use super::client::{AFTERWARDS, Client, MADE};
use super::link::Link;
use super::random::Random;
use super::rtp::Stream;
use super::stun::{self, Message};
use super::tls::Host;
use super::trace::Trace;
use super::{MILLISECOND, Micros, Path, SECOND};
use rustls::version::TLS12;
use std::net::{Ipv4Addr, SocketAddr};

/// 2024-05-14 08:30:00 UTC.
const START: Micros = 1_715_675_400 * SECOND;
const MEDIA: Micros = 4 * SECOND;

const fn host(name: &'static str, names: &'static [&'static str]) -> Host {
    let certificate = Certificate {
        common_name: names[0],
        organization: None,
        alternative_names: names,
        issuer: "Sample Certificate Authority",
        validity: ["240101000000Z", "241231000000Z"],
    };
    Host { name, certificate, version: &TLS12 }
}

pub(crate) fn region() -> Vec<u8> {
    let mut capture = Trace::new(Link::Ethernet);
    let trace = &mut capture;
    let random = Random::new(52);
    let mut client = Client::new(Ipv4Addr::new(192, 168, 44, 7), "192.168.44.1:53");

    let trouter = host(
        "go-eu.trouter.teams.microsoft.com",
        &["*.trouter.teams.microsoft.com", "*.teams.microsoft.com"],
    );
    client.visit(trace, START, trouter, "52.114.76.48", 41, &[(700, 900), (300, 200)]);
    let control = host("api.flightproxy.teams.microsoft.com", &["*.flightproxy.teams.microsoft.com"]);
    client.visit(trace, START + SECOND, control, "52.114.77.136", 43, &[(2400, 5100), (900, 700)]);

    let name = "euno.relay.teams.microsoft.com";
    let relay = SocketAddr::from((Ipv4Addr::new(52, 114, 250, 123), 3478));
    client.look_up(trace, START + 2 * SECOND, name, &relay.ip().to_string());
    let path = client.path(&relay.to_string(), 42);
    let asked = START + 2 * SECOND + 20 * MILLISECOND;
    allocate(trace, asked, path, &random, false);
    allocate(trace, asked + 60 * MILLISECOND, path, &random, true);

    // Audio has a port of the relay's to itself.
    let path = Path::new(path.client.ip(), path.client.port(), "52.114.250.123:3479", 42);
    let session = random.bytes(8);
    for outgoing in [true, false] {
        stream(trace, asked + 200 * MILLISECOND, path, &random, &session, outgoing);
    }
    client.look_up(trace, START + 7 * SECOND + AFTERWARDS, "example.org", "203.0.113.80");
    capture.pcapng(MADE, 0)
}

/// Asks for a relayed address: the first time the relay wants credentials, the second time it gives one.
fn allocate(trace: &mut Trace, time: Micros, path: Path, random: &Random, with_credentials: bool) {
    const ALLOCATE_ERROR: u16 = 0x0113;
    const ERROR_CODE: u16 = 0x0009;
    const LIFETIME: u16 = 0x000d;
    const MAPPED_ADDRESS: u16 = 0x0001;
    // MS-TURN has the numbers of REALM and NONCE the other way round, and its own XOR-MAPPED-ADDRESS.
    const NONCE: u16 = 0x0014;
    const REALM: u16 = 0x0015;
    const MS_XOR_MAPPED_ADDRESS: u16 = 0x8020;
    const MS_VERSION: u16 = 0x8008;

    let transaction = random.bytes(12);
    let message = |kind| {
        // The value that every message of MS-TURN begins with.
        let message = Message::new(kind, &transaction).with(0x000f, &[0x72, 0xc6, 0x4b, 0xc6]);
        message.with(MS_VERSION, &6u32.to_be_bytes())
    };
    let answer_at = time + path.round_trip;
    if !with_credentials {
        trace.ask(time, path, &message(stun::ALLOCATE_REQUEST).bytes());
        let answer = message(ALLOCATE_ERROR)
            .with_unpadded(ERROR_CODE, b"\0\0\x04\x01Unauthorized")
            .with_unpadded(REALM, b"\"rtcmedia\"")
            .with_unpadded(NONCE, &random.bytes(66));
        trace.answer(answer_at, path, &answer.bytes());
        return;
    }
    let request = message(stun::ALLOCATE_REQUEST)
        .with_unpadded(stun::USERNAME, &random.bytes(52))
        .with_unpadded(REALM, b"\"rtcmedia\"")
        .with_unpadded(stun::MESSAGE_INTEGRITY, &random.bytes(32));
    trace.ask(time, path, &request.bytes());
    // The plain address is the relayed one (measured: Teams 2020).
    let mut relayed = vec![0, 1];
    relayed.extend_from_slice(&3479u16.to_be_bytes());
    relayed.extend_from_slice(&[52, 114, 250, 123]);
    let mapped = SocketAddr::from((Ipv4Addr::new(192, 0, 2, 44), path.client.port()));
    let answer = message(stun::ALLOCATE_SUCCESS)
        .with(MAPPED_ADDRESS, &relayed)
        .with_address(MS_XOR_MAPPED_ADDRESS, mapped)
        .with(LIFETIME, &600u32.to_be_bytes());
    trace.answer(answer_at, path, &answer.bytes());
}

/// Audio in the relay's multiplexing header.
fn stream(trace: &mut Trace, start: Micros, path: Path, random: &Random, session: &[u8], outgoing: bool) {
    let ssrc = if outgoing { 0x1c30_44d2 } else { 0x77a0_1be5 };
    let mut audio = Stream { payload_type: 104, ssrc, sequence: 2100, timestamp: 0x0040_0000, step: 320 };
    for time in (start..start + MEDIA).step_by(20_000) {
        let packet = audio.packet(random, random.between(60, 110) as usize);
        let length = (packet.len() + session.len()) as u16;
        let datagram = [&[0xff, 0x10][..], &length.to_be_bytes(), session, &packet].concat();
        if outgoing {
            trace.ask(time, path, &datagram);
        } else {
            trace.answer(time + 9 * MILLISECOND, path, &datagram);
        }
    }
}
