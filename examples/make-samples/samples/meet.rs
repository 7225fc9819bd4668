//! Google Meet calls, over IPv6 and over IPv4: ICE, DTLS and SRTP with one server.

use super::certificate::Certificate;
use super::client::AFTERWARDS;
use super::link::Link;
use super::random::Random;
use super::rtp::Stream;
use super::stun::{self, Message};
use super::tcp::Tcp;
use super::tls::{self, Host};
use super::trace::Trace;
use super::{MILLISECOND, Micros, Path, SECOND, dns, dtls};
use rustls::version::{TLS12, TLS13};
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

/// 2024-03-17 09:30:00 UTC.
const START: Micros = 1_710_667_800 * SECOND;
const MEDIA: Micros = 6 * SECOND;

const PAGE: Certificate = Certificate {
    common_name: "*.google.com",
    organization: None,
    alternative_names: &["*.google.com", "google.com"],
    issuer: "Sample Certificate Authority",
    validity: ["240201000000Z", "240601000000Z"],
};
const MEDIA_SERVER: Certificate = Certificate {
    common_name: "hangouts",
    organization: None,
    alternative_names: &[],
    issuer: "hangouts",
    validity: ["240301000000Z", "240501000000Z"],
};

/// Where the participants of a call are, and its servers.
struct Call {
    client: &'static str,
    resolver: &'static str,
    page: &'static str,
    /// With the port.
    media: &'static str,
    media_round_trip_ms: u64,
    length: Micros,
}

pub(crate) fn ipv6_call() -> Vec<u8> {
    let call = Call {
        client: "2001:db8:4::17",
        resolver: "[2001:db8:4::1]:53",
        page: "2607:f8b0:4005:80b::200e",
        media: "[2001:4860:4864:5::81]:19305",
        media_round_trip_ms: 17,
        length: MEDIA,
    };
    call.capture()
}

/// A call of a client in the United States, whose servers are there too.
pub(crate) fn region() -> Vec<u8> {
    let call = Call {
        client: "198.51.100.140",
        resolver: "198.51.100.1:53",
        page: "142.250.72.206",
        media: "142.250.82.76:19305",
        media_round_trip_ms: 12,
        length: 3 * SECOND,
    };
    call.capture()
}

impl Call {
    fn capture(&self) -> Vec<u8> {
        let mut trace = Trace::new(Link::Ethernet);
        let random = Random::new(6);
        let client: IpAddr = self.client.parse().expect("an address");

        let host = Host { name: "meet.google.com", certificate: PAGE, version: &TLS13 };
        let resolver = Path::new(client, 53_411, self.resolver, 4);
        dns::look_up(&mut trace, START, resolver, host.name, &[], &[self.page]);
        let page = SocketAddr::new(self.page.parse().expect("an address"), 443);
        let page = Path::new(client, 53_412, &page.to_string(), 13);
        let mut tcp = Tcp::open(&mut trace, START + 6 * MILLISECOND, page);
        tcp.play(&tls::converse(66, host, &[(1300, 6100), (400, 900)]), 30 * MILLISECOND);
        tcp.close();

        let media = Path::new(client, 53_413, self.media, self.media_round_trip_ms);
        let checked = START + SECOND;
        connectivity_check(&mut trace, checked, media, &random, false);
        connectivity_check(&mut trace, checked + 40 * MILLISECOND, media, &random, true);
        let connected = handshake(&mut trace, checked + 80 * MILLISECOND, media, &random);
        for outgoing in [true, false] {
            stream(&mut trace, connected..connected + self.length, media, &random, outgoing);
        }
        // Consent is asked for every few seconds, RFC 7675.
        for time in (connected + 2 * SECOND..connected + self.length).step_by(2_500_000) {
            connectivity_check(&mut trace, time, media, &random, false);
        }
        let resolver = Path::new(client, 53_414, self.resolver, 4);
        let later = connected + self.length + AFTERWARDS;
        dns::look_up(&mut trace, later, resolver, "example.org", &[], &["2001:db8:80::80"]);
        trace.pcap()
    }
}

/// An ICE check and its answer.
fn connectivity_check(trace: &mut Trace, time: Micros, path: Path, random: &Random, nominate: bool) {
    let transaction = random.bytes(12);
    let mut request = Message::new(stun::BINDING_REQUEST, &transaction)
        .with(stun::USERNAME, b"Jw0EcqQ1xkPgKaAoKAAiKAiAD4A:Xm2Q")
        .with(stun::ICE_CONTROLLING, &random.bytes(8))
        .with(stun::PRIORITY, &0x6e7f_1eff_u32.to_be_bytes());
    if nominate {
        request = request.with(stun::USE_CANDIDATE, &[]);
    }
    let request = request.with(stun::MESSAGE_INTEGRITY, &random.bytes(20)).with_fingerprint();
    trace.ask(time, path, &request.bytes());
    let answer = Message::new(stun::BINDING_SUCCESS, &transaction)
        .with_address(stun::XOR_MAPPED_ADDRESS, path.client)
        .with(stun::MESSAGE_INTEGRITY, &random.bytes(20))
        .with_fingerprint();
    trace.answer(time + path.round_trip, path, &answer.bytes());
}

/// Says when the handshake is done.
fn handshake(trace: &mut Trace, time: Micros, path: Path, random: &Random) -> Micros {
    let host = Host { name: "meet.invalid", certificate: MEDIA_SERVER, version: &TLS12 };
    let mut now = time;
    for (from_client, datagram) in dtls::datagrams(&tls::converse(67, host, &[]), random) {
        if from_client {
            trace.ask(now, path, &datagram);
            now += path.round_trip;
        } else {
            trace.answer(now, path, &datagram);
            now += 2 * MILLISECOND;
        }
    }
    now
}

/// Audio with a report now and then.
fn stream(trace: &mut Trace, span: Range<Micros>, path: Path, random: &Random, outgoing: bool) {
    let ssrc = if outgoing { 0x3d2c_91b7 } else { 0x0000_1a0d };
    let mut audio = Stream { payload_type: 111, ssrc, sequence: 4711, timestamp: 0x00ab_0000, step: 960 };
    for (number, time) in span.step_by(20_000).enumerate() {
        let length = random.between(70, 130) as usize;
        let mut packets = vec![audio.packet(random, length)];
        if number % 50 == 49 {
            packets.push(audio.report(random));
        }
        for packet in packets {
            if outgoing {
                trace.ask(time, path, &packet);
            } else {
                trace.answer(time + 7 * MILLISECOND, path, &packet);
            }
        }
    }
}
