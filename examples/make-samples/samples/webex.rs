//! A Webex call in the United States: data centres tried for their latency, one kept, media on UDP 5004.

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
use std::net::Ipv4Addr;

/// 2024-09-03 16:00:00 UTC.
const START: Micros = 1_725_379_200 * SECOND;
const MEDIA: Micros = 4 * SECOND;

/// Cisco's attribute CISCO-WEBEX-FLOW-INFO of STUN.
const FLOW_INFO: u16 = 0xc003;

const WILDCARD: Certificate = Certificate {
    common_name: "*.webex.com",
    organization: Some("Cisco Systems, Inc."),
    alternative_names: &["*.webex.com"],
    issuer: "Sample Certificate Authority",
    validity: ["240101000000Z", "241231000000Z"],
};

const fn host(name: &'static str) -> Host {
    Host { name, certificate: WILDCARD, version: &TLS12 }
}

pub(crate) fn region() -> Vec<u8> {
    let mut capture = Trace::new(Link::Ethernet);
    let trace = &mut capture;
    let random = Random::new(13);
    let mut client = Client::new(Ipv4Addr::new(203, 0, 113, 90), "203.0.113.1:53");

    // Each data centre is greeted and left; the site of the meeting is the one that is talked to.
    let centres = [
        ("sample1.webex.com", "66.163.36.189", 31),
        ("sample2.webex.com", "64.68.105.103", 48),
        ("sample3.webex.com", "173.243.4.76", 62),
        ("sample4.webex.com", "209.197.213.83", 70),
    ];
    for (number, (name, address, round_trip_ms)) in (0..).zip(centres) {
        let time = START + number * 12 * MILLISECOND;
        client.visit(trace, time, host(name), address, round_trip_ms, &[]);
    }
    let talk = [(1800, 6200), (600, 400), (600, 400)];
    client.visit(trace, START + SECOND, host("sample.webex.com"), "66.163.36.190", 31, &talk);

    let path = client.path("66.163.36.201:5004", 32);
    let checked = START + 2 * SECOND;
    for time in [checked, checked + 2 * SECOND, checked + 4 * SECOND] {
        check(trace, time, path, &random);
    }
    for outgoing in [true, false] {
        stream(trace, checked + 100 * MILLISECOND, path, &random, outgoing);
    }
    client.look_up(trace, START + 7 * SECOND + AFTERWARDS, "example.org", "203.0.113.80");
    capture.pcapng(MADE, 0)
}

fn check(trace: &mut Trace, time: Micros, path: Path, random: &Random) {
    let transaction = random.bytes(12);
    let request = Message::new(stun::BINDING_REQUEST, &transaction)
        .with(FLOW_INFO, &random.bytes(8))
        .with(stun::MESSAGE_INTEGRITY, &random.bytes(20))
        .with_fingerprint();
    trace.ask(time, path, &request.bytes());
    let answer = Message::new(stun::BINDING_SUCCESS, &transaction)
        .with_address(stun::XOR_MAPPED_ADDRESS, path.client)
        .with(stun::MESSAGE_INTEGRITY, &random.bytes(20))
        .with_fingerprint();
    trace.answer(time + path.round_trip, path, &answer.bytes());
}

fn stream(trace: &mut Trace, start: Micros, path: Path, random: &Random, outgoing: bool) {
    let ssrc = if outgoing { 0x2b11_90d4 } else { 0x60e2_0c5f };
    let mut audio = Stream { payload_type: 101, ssrc, sequence: 900, timestamp: 0x0020_0000, step: 960 };
    for time in (start..start + MEDIA).step_by(20_000) {
        let packet = audio.packet(random, random.between(60, 120) as usize);
        if outgoing {
            trace.ask(time, path, &packet);
        } else {
            trace.answer(time + 7 * MILLISECOND, path, &packet);
        }
    }
}
