//! A WhatsApp call through a relay that also tries an address in China, which never answers.

use super::link::Link;
use super::random::Random;
use super::rtp::Stream;
use super::stun::{self, Message};
use super::trace::Trace;
use super::{MILLISECOND, Micros, Path, SECOND, dns};
use std::net::{IpAddr, Ipv4Addr};

/// 2019-11-20 18:40:00 UTC.
const START: Micros = 1_574_275_200 * SECOND;
const MEDIA: Micros = 6 * SECOND;

/// The relay's token in an Allocate request.
const RELAY_TOKEN: u16 = 0x4000;

pub(crate) fn denied_probe_unanswered() -> Vec<u8> {
    let mut trace = Trace::new(Link::Ethernet);
    let random = Random::new(86);
    let client = IpAddr::V4(Ipv4Addr::new(10, 24, 8, 5));
    let resolver = Path::new(client, 51_300, "10.24.8.1:53", 3);
    dns::look_up(
        &mut trace,
        START,
        resolver,
        "g.whatsapp.net",
        &["chat.cdn.whatsapp.net"],
        &["157.240.20.52"],
    );

    // Several relays are asked at once; the first to answer is kept.
    let relays = [("31.13.86.48:3478", 13), ("157.240.196.62:3478", 24), ("185.60.216.51:3478", 25)];
    let relays = relays.map(|(server, round_trip)| Path::new(client, 53_688, server, round_trip));
    for (relay, number) in relays.into_iter().zip(0..) {
        allocate(&mut trace, START + SECOND + number * 300, relay, &random);
    }
    for outgoing in [true, false] {
        stream(&mut trace, START + 2 * SECOND, relays[0], &random, outgoing);
    }

    // The other side's candidate address: a check every half second, and nothing ever comes back.
    for number in 0..16 {
        let peer = Path::new(client, 53_688, "1.60.78.64:59491", 0);
        let check = Message::new(stun::BINDING_REQUEST, &random.bytes(12))
            .with(stun::MESSAGE_INTEGRITY, &random.bytes(20));
        trace.ask(START + 2 * SECOND + number * 500 * MILLISECOND, peer, &check.bytes());
    }
    trace.pcap()
}

fn allocate(trace: &mut Trace, time: Micros, path: Path, random: &Random) {
    let transaction = random.bytes(12);
    let request =
        Message::new(stun::ALLOCATE_REQUEST, &transaction).with_unpadded(RELAY_TOKEN, &random.bytes(102));
    trace.ask(time, path, &request.bytes());
    let mapped = "198.51.100.77:53688".parse().expect("a socket address");
    let answer =
        Message::new(stun::ALLOCATE_SUCCESS, &transaction).with_address(stun::XOR_MAPPED_ADDRESS, mapped);
    trace.answer(time + path.round_trip, path, &answer.bytes());
}

fn stream(trace: &mut Trace, start: Micros, path: Path, random: &Random, outgoing: bool) {
    let ssrc = if outgoing { 0x8a11_02c4 } else { 0x5e90_771f };
    let mut audio = Stream { payload_type: 120, ssrc, sequence: 30_000, timestamp: 0x0100_0000, step: 960 };
    for time in (start..start + MEDIA).step_by(60_000) {
        let length = random.between(60, 140) as usize;
        let packet = audio.packet(random, length);
        if outgoing {
            trace.ask(time, path, &packet);
        } else {
            trace.answer(time + 9 * MILLISECOND, path, &packet);
        }
    }
}
