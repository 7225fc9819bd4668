//! For tests only: every dissector over every payload of every real capture.
//!
//! A dissector that names a product must never match where that product is not in use.

use super::captures::{self, Capture, Payload, Transport};
use super::{
    Probe, dingtalk, discord, dns, facetime, line, rtcp, rtp, sdp, sip, stun, teams, telegram, viber, webex,
    whatsapp, zoom,
};
use crate::identify::stun::Dialect;
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;

type Dissector = (&'static str, fn(&[u8], usize) -> Probe);

const DISSECTORS: [Dissector; 14] = [
    ("discord", discord::probe),
    ("facetime", facetime::probe),
    ("line", line::probe),
    ("rtcp", rtcp::probe),
    ("sip", |bytes, _| sip::probe(bytes)),
    ("stun", stun::probe),
    ("stun in another dialect", other_dialect),
    ("teams", teams::probe),
    ("telegram", telegram::probe),
    ("viber", viber::probe),
    ("webex", webex::probe),
    ("whatsapp", whatsapp::probe),
    ("zoom", zoom::probe),
    ("zoom peer", zoom::probe_peer),
];

fn other_dialect(bytes: &[u8], length: usize) -> Probe {
    match stun::parse(bytes, length) {
        Some(message) if message.dialect != Dialect::Standard => Probe::Match,
        _ => Probe::NoMatch,
    }
}

/// Datagrams of the dissector's answer by capture and dissector.
fn answers(capture: &Capture, payloads: &[Payload], answer: Probe) -> BTreeMap<&'static str, Vec<u64>> {
    let mut found = BTreeMap::<_, Vec<u64>>::new();
    for payload in payloads.iter().filter(|payload| payload.transport == Transport::Udp) {
        for (name, probe) in DISSECTORS {
            if probe(&payload.bytes, payload.length) == answer {
                found.entry(name).or_default().push(payload.number);
            }
        }
    }
    let tcp = payloads.iter().filter(|payload| payload.transport == Transport::Tcp);
    for payload in tcp.filter(|payload| dingtalk::probe(&payload.bytes) == answer && answer == Probe::Match) {
        found.entry("dingtalk").or_default().push(payload.number);
    }
    assert!(found.values().all(|numbers| numbers.len() <= payloads.len()), "{}", capture.name);
    found
}

/// Where a product's packets are right to be found: dissector, then what the captures' names have in common.
const EXPECTED: [(&str, &[&str]); 14] = [
    ("dingtalk", &[]),
    ("discord", &["discord", "ndpi/rtp"]),
    ("facetime", &["Facetime"]),
    ("line", &["ndpi/line"]),
    // Also found in other calls, where it is what it claims to be.
    ("rtcp", &[""]),
    ("sip", &["sip", "webex", "gtp-iphone", "gre.pcapng", "fuzz-2006"]),
    ("stun", &[""]),
    ("stun in another dialect", &["zoom", "teams", "arkime/stun", "wa_", "skype", "ndpi/stun"]),
    ("teams", &["teams"]),
    ("telegram", &["telegram"]),
    ("viber", &["viber"]),
    ("webex", &["webex"]),
    ("whatsapp", &["wa_"]),
    ("zoom", &["zoom"]),
];

#[test]
fn products_match_only_in_captures_of_their_own() {
    for capture in captures::all() {
        let payloads = capture.payloads();
        for (name, numbers) in answers(&capture, &payloads, Probe::Match) {
            let product = name.split(' ').next().unwrap();
            let expected = EXPECTED.iter().find(|(known, _)| *known == name || *known == product).unwrap().1;
            let is_right = expected.iter().any(|part| capture.name.contains(part));
            println!("{} {name}: {} {:?}", capture.name, numbers.len(), numbers.first());
            assert!(is_right, "{} {name} {numbers:?}", capture.name);
            assert!(capture.kind != "noncall", "{} {name} {numbers:?}", capture.name);
        }
    }
}

#[test]
fn weak_matches_stay_rare_outside_calls() {
    for capture in captures::all().into_iter().filter(|capture| capture.kind == "noncall") {
        let payloads = capture.payloads();
        for (name, numbers) in answers(&capture, &payloads, Probe::NeedMore) {
            println!(
                "{} {name}: {} of {} {:?}",
                capture.name,
                numbers.len(),
                payloads.len(),
                numbers.first()
            );
        }
    }
}

/// Streams of RTP by flow and direction.
fn streams(payloads: &[Payload]) -> HashMap<(SocketAddr, SocketAddr), rtp::Tracker> {
    let mut trackers = HashMap::<_, rtp::Tracker>::new();
    for payload in payloads.iter().filter(|payload| payload.transport == Transport::Udp) {
        if rtp::may_carry_media(payload.destination) && rtp::may_carry_media(payload.source) {
            let tracker = trackers.entry((payload.source, payload.destination)).or_default();
            tracker.update(&payload.bytes, payload.length, payload.time);
        }
    }
    trackers
}

#[test]
fn streams_are_found_only_in_calls() {
    for capture in captures::all() {
        let payloads = capture.payloads();
        for ((source, destination), tracker) in streams(&payloads) {
            for stream in tracker.confirmed() {
                println!(
                    "{} {source} {destination} ssrc {:08x} pt {} n {} lost {} ooo {} dup {} rst {} kind {:?} clock {:?} rate {:?} ext {:04x?}",
                    capture.name,
                    stream.ssrc,
                    stream.payload_type,
                    stream.packets,
                    stream.lost(),
                    stream.out_of_order,
                    stream.duplicates,
                    stream.restarts,
                    stream.kind(),
                    stream.clock_rate(),
                    stream.packet_rate(),
                    stream.extension_profile,
                );
                assert!(capture.kind != "noncall", "{} {source} {destination} {stream:?}", capture.name);
            }
        }
    }
}

#[test]
fn tcp_streams_of_other_protocols_are_not_cut_as_stun_or_media() {
    for capture in captures::all() {
        let payloads = capture.payloads();
        let segments =
            payloads.iter().filter(|payload| payload.transport == Transport::Tcp && payload.bytes.len() > 8);
        let found: Vec<_> = segments.filter(|payload| stun::Stream::new(&payload.bytes).is_some()).collect();
        if let Some(first) = found.first() {
            println!("{} {} {}", capture.name, found.len(), first.number);
            assert!(capture.kind == "call", "{} {}", capture.name, first.number);
        }
    }
}

/// Every parser on one payload, as UDP and as TCP.
fn parse_all(bytes: &[u8], length: usize) {
    for (_, probe) in DISSECTORS {
        let _ = probe(bytes, length);
    }
    let _ = (dns::parse(bytes), sdp::parse(bytes), dingtalk::probe(bytes));
    let _ = (sip::stream(bytes).count(), dns::tcp_messages(bytes).filter_map(dns::parse).count());
    for unit in stun::Stream::new(bytes).into_iter().flatten().take(8) {
        let _ = stun::parse(unit.payload, unit.length);
    }
    if let Some(envelope) = stun::Envelope::open(bytes, length) {
        let (payload, length) = envelope.contents();
        let _ = stun::parse(payload, length);
    }
    if let Some(compound) = rtcp::parse(bytes, length) {
        let _ = compound.packets().count();
    }
}

#[test]
fn no_spoilt_real_payload_makes_a_dissector_panic() {
    // A generator of Lehmer's: the same numbers each time.
    let mut state = 1u64;
    let mut random = move |below: usize| {
        state = state * 48271 % 0x7FFF_FFFF;
        usize::try_from(state).unwrap() % below
    };
    for capture in captures::all() {
        for payload in capture.payloads().iter().filter(|payload| payload.bytes.len() < 600).take(60) {
            for _ in 0..12 {
                let mut bytes = payload.bytes.clone();
                for _ in 0..=random(4) {
                    let (place, value) = (random(bytes.len().min(80)), u8::try_from(random(256)).unwrap());
                    bytes[place] = value;
                }
                let length = if random(2) == 0 { bytes.len() } else { payload.length + random(8) };
                bytes.truncate(1 + random(bytes.len()));
                parse_all(&bytes, length.max(bytes.len()));
            }
        }
    }
}
