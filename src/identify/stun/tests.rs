use super::*;
use crate::identify::captures::{self, Payload, Transport};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

const ID: [u8; 12] = *b"abcdefghijkl";

/// A message with the cookie; attributes are padded.
fn message(kind: u16, attributes: &[(u16, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (number, value) in attributes {
        body.extend(number.to_be_bytes());
        body.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
        body.extend(*value);
        body.resize(body.len().next_multiple_of(4), 0);
    }
    header(kind, &body)
}

fn header(kind: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = kind.to_be_bytes().to_vec();
    bytes.extend(u16::try_from(body.len()).unwrap().to_be_bytes());
    bytes.extend(MAGIC_COOKIE.to_be_bytes());
    bytes.extend(ID);
    bytes.extend(body);
    bytes
}

fn whole(bytes: &[u8]) -> Option<Message<'_>> {
    parse(bytes, bytes.len())
}

/// Every message in a payload, with those inside other messages.
fn messages<'a>(payload: &'a [u8], length: usize, found: &mut Vec<Message<'a>>) {
    if let Some(message) = parse(payload, length) {
        if let Some(data) = message.data {
            messages(data, data.len(), found);
        }
        found.push(message);
    } else if let Some(envelope) = Envelope::open(payload, length) {
        let (payload, length) = envelope.contents();
        messages(payload, length, found);
    }
}

fn messages_of(payload: &Payload) -> Vec<Message<'_>> {
    let mut found = Vec::new();
    match payload.transport {
        Transport::Udp => messages(&payload.bytes, payload.length, &mut found),
        Transport::Tcp => {
            for unit in Stream::new(&payload.bytes).into_iter().flatten() {
                messages(unit.payload, unit.length, &mut found);
            }
        }
    }
    found
}

/// RFC 5769 section 2.2.
const SAMPLE_RESPONSE: &str = "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a643000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96";

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().map(|digit| digit.to_digit(16).unwrap()).collect();
    digits.chunks_exact(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap()).collect()
}

#[test]
fn the_sample_response_of_rfc_5769_is_read() {
    let bytes = unhex(SAMPLE_RESPONSE);
    let message = whole(&bytes).unwrap();
    assert_eq!((message.class, message.method), (Class::Success, Method::BINDING));
    assert_eq!(message.software, Some(b"test vector".as_slice()));
    assert_eq!(message.mapped(), Some("192.0.2.1:32853".parse().unwrap()));
    assert_eq!(message.fingerprint(), Some(true));
    assert!(message.complete);
}

#[test]
fn a_changed_byte_breaks_the_fingerprint() {
    let mut bytes = unhex(SAMPLE_RESPONSE);
    bytes[26] ^= 1;
    assert_eq!(whole(&bytes).unwrap().fingerprint(), Some(false));
}

#[test]
fn an_ipv6_address_is_unmasked_with_the_transaction_identifier() {
    let address: SocketAddr = "[2001:db8::1]:32853".parse().unwrap();
    let mut value = vec![0, 2];
    value.extend((address.port() ^ 0x2112).to_be_bytes());
    let mask: Vec<u8> = MAGIC_COOKIE.to_be_bytes().into_iter().chain(ID).collect();
    let IpAddr::V6(ip) = address.ip() else { panic!() };
    value.extend(ip.octets().iter().zip(mask).map(|(byte, mask)| byte ^ mask));
    assert_eq!(whole(&message(0x0101, &[(0x0020, &value)])).unwrap().mapped(), Some(address));
}

#[test]
fn a_connectivity_check_is_told_from_a_question_to_a_server() {
    let check = message(
        0x0001,
        &[(0x0006, b"them:us"), (0x0024, &[0x6e, 0, 0, 1]), (0x0025, &[]), (0x802A, &[0; 8])],
    );
    let check = whole(&check).unwrap();
    assert!(check.is_connectivity_check());
    assert_eq!(check.username, Some(b"them:us".as_slice()));
    assert_eq!((check.priority, check.use_candidate), (Some(0x6e00_0001), true));
    assert_eq!(check.ice_role, Some(IceRole::Controlling));
    assert!(!whole(&message(0x0001, &[])).unwrap().is_connectivity_check());
}

#[test]
fn a_refusal_names_its_reason_and_the_realm() {
    let bytes =
        message(0x0113, &[(0x0009, &[0, 0, 4, 86]), (0x0014, b"example.org"), (0x000D, &[0, 0, 2, 88])]);
    let message = whole(&bytes).unwrap();
    assert_eq!((message.class, message.method, message.error), (Class::Error, Method::ALLOCATE, Some(486)));
    assert_eq!((message.realm, message.lifetime), (Some(b"example.org".as_slice()), Some(600)));
}

#[test]
fn goog_ping_has_request_and_answer() {
    let request = message(0x0200, &[]);
    assert_eq!(whole(&request).map(|m| (m.class, m.method)), Some((Class::Request, Method::GOOG_PING)));
    let answer = message(0x0300, &[]);
    assert_eq!(whole(&answer).map(|m| (m.class, m.method)), Some((Class::Success, Method::GOOG_PING)));
}

#[test]
fn a_packet_inside_an_indication_is_handed_out() {
    let inner = message(0x0001, &[(0x0006, b"a:b")]);
    let outer = message(0x0017, &[(0x0012, &[0, 1, 0x21, 0x13, 0xE1, 0x12, 0xA6, 0x43]), (0x0013, &inner)]);
    let outer = whole(&outer).unwrap();
    assert_eq!((outer.class, outer.method), (Class::Indication, Method::DATA));
    assert_eq!(
        outer.addresses().next().unwrap(),
        NamedAddress { kind: AddressKind::Peer, address: "192.0.2.1:1".parse().unwrap() }
    );
    assert!(whole(outer.data.unwrap()).unwrap().is_connectivity_check());
}

#[test]
fn an_ms_turn_answer_names_the_relay_in_mapped_address_and_is_not_padded() {
    let mut body = unhex("000f000472c64bc6");
    body.extend(unhex("000100080001 0d98 c0000205".replace(' ', "").as_str()));
    body.extend(unhex("80220009322e302e312e323131"));
    body.extend(unhex("802000080001211 2e112a643".replace(' ', "").as_str()));
    let bytes = header(0x0103, &body);
    let message = whole(&bytes).unwrap();
    assert_eq!(message.dialect, Dialect::Microsoft);
    assert!(message.complete);
    let named = |kind| message.addresses().find(|named| named.kind == kind).map(|named| named.address);
    assert_eq!(named(AddressKind::Relayed), Some("192.0.2.5:3480".parse().unwrap()));
    assert_eq!(message.mapped(), Some("192.0.2.1:0".parse().unwrap()));
    assert_eq!(message.software, Some(b"2.0.1.211".as_slice()));
}

#[test]
fn an_ms_turn_data_indication_needs_no_cookie_and_names_the_peer_in_clear() {
    let mut body = unhex("000f000472c64bc6001200080001 3fcc c0000207".replace(' ', "").as_str());
    body.extend([0x00, 0x13, 0x00, 0x01, 0x55]);
    let mut bytes = header(0x0115, &body);
    bytes[4..8].copy_from_slice(&[1, 2, 3, 4]);
    let message = whole(&bytes).unwrap();
    assert_eq!((message.class, message.method), (Class::Indication, Method::DATA));
    assert_eq!(message.addresses().next().unwrap().address, "192.0.2.7:16332".parse().unwrap());
    assert_eq!(message.data, Some([0x55].as_slice()));
}

fn zoom_test(kind: u16, attribute: &[u8]) -> Vec<u8> {
    let mut bytes = header(kind, attribute);
    bytes[4..8].copy_from_slice(&[0xc1, 0x5d, 0xae, 0x63]);
    bytes
}

#[test]
fn zooms_address_test_is_read_with_its_own_answer_type() {
    let mut attribute = vec![0x01, 0x01, 0x00, 0x14];
    attribute.extend(b"1234567890123456789\0");
    let request = zoom_test(0x0001, &attribute);
    let request = whole(&request).unwrap();
    assert_eq!((request.dialect, request.class), (Dialect::Zoom, Class::Request));
    let answer = zoom_test(0x0002, &unhex("010300080001ff75c0000209"));
    let answer = whole(&answer).unwrap();
    assert_eq!((answer.dialect, answer.class), (Dialect::Zoom, Class::Success));
    assert_eq!(answer.mapped(), Some("192.0.2.9:65397".parse().unwrap()));
    assert_eq!(answer.transaction, request.transaction);
}

#[test]
fn classic_stun_is_accepted_only_with_attributes_of_rfc_3489() {
    let with = |attribute: &[u8]| {
        let mut bytes = header(0x0101, attribute);
        bytes[4..8].copy_from_slice(&[9; 4]);
        parse(&bytes, bytes.len()).map(|message| message.dialect)
    };
    assert_eq!(with(&unhex("00010008000100c8c0000209")), Some(Dialect::Classic));
    assert_eq!(with(&unhex("01230008000100c8c0000209")), None);
    assert_eq!(with(&unhex("0001000c000100c8c0000209")), None);
    assert_eq!(with(&[]), None);
}

#[test]
fn channel_data_and_multiplexed_packets_are_opened() {
    let inner = message(0x0001, &[(0x0006, b"a:b")]);
    let size = u16::try_from(inner.len()).unwrap();
    let channel = [&[0x40, 0x03][..], &size.to_be_bytes(), &inner].concat();
    let opened = Envelope::open(&channel, channel.len()).unwrap();
    assert_eq!(opened.contents(), (inner.as_slice(), inner.len()));
    let multiplexed = [&[0xFF, 0x10][..], &(size + 8).to_be_bytes(), &[7; 8], &inner].concat();
    let opened = Envelope::open(&multiplexed, multiplexed.len()).unwrap();
    assert_eq!(opened.contents(), (inner.as_slice(), inner.len()));
    assert_eq!(Envelope::open(&channel, channel.len() + 9), None);
}

#[test]
fn both_framings_of_tcp_are_cut_into_messages() {
    let first = message(0x0003, &[(0x0019, &[17, 0, 0, 0])]);
    let channel = [0x40, 0x01, 0x00, 0x02, 0xAA, 0xBB, 0x00, 0x00];
    let bare = [&first[..], &channel, &first[..10]].concat();
    let units: Vec<_> = Stream::new(&bare).unwrap().map(|unit| (unit.payload.len(), unit.length)).collect();
    assert_eq!(units, [(first.len(), first.len()), (6, 6), (10, first.len())]);
    let size = u16::try_from(first.len()).unwrap().to_be_bytes();
    let framed = [&size[..], &first, &[0x00, 0x05, 0x80, 0x60, 0x00]].concat();
    let units: Vec<_> = Stream::new(&framed).unwrap().map(|unit| (unit.payload.len(), unit.length)).collect();
    assert_eq!(units, [(first.len(), first.len()), (3, 5)]);
    assert!(Stream::new(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03").is_none());
}

#[test]
fn probing_has_three_answers() {
    let bytes = message(0x0001, &[]);
    assert_eq!(probe(&bytes, bytes.len()), Probe::Match);
    assert_eq!(probe(&bytes[..10], bytes.len()), Probe::NeedMore);
    assert_eq!(probe(&bytes, bytes.len() + 1), Probe::NoMatch);
    assert_eq!(probe(&[0x80; 40], 40), Probe::NoMatch);
}

#[test]
fn every_truncation_of_a_message_gives_the_attributes_before_the_cut() {
    let bytes = unhex(SAMPLE_RESPONSE);
    for captured in 0..bytes.len() {
        match parse(&bytes[..captured], bytes.len()) {
            None => assert!(captured < HEADER_LENGTH),
            Some(message) => {
                assert!(!message.complete);
                assert_eq!(message.fingerprint(), None);
                assert_eq!(message.mapped().is_some(), captured >= 48, "{captured}");
            }
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), excess in 0usize..40) {
        let _ = probe(&bytes, bytes.len() + excess);
        let _ = Envelope::open(&bytes, bytes.len() + excess);
        if let Some(message) = parse(&bytes, bytes.len() + excess) {
            prop_assert!(message.addresses().count() <= 16);
        }
        prop_assert!(Stream::new(&bytes).into_iter().flatten().count() <= bytes.len());
    }

    #[test]
    fn no_attributes_make_it_panic(body in proptest::collection::vec(any::<u8>(), 0..200), kind in any::<u16>()) {
        let bytes = header(kind & 0x3FFF, &body);
        prop_assert!(parse(&bytes, bytes.len()).is_some());
        for unit in Stream::new(&bytes).into_iter().flatten() {
            prop_assert!(unit.payload.len() <= unit.length);
        }
    }
}

#[test]
fn every_address_that_tshark_finds_is_found_in_real_captures() {
    for capture in captures::all() {
        let Some(truth) = capture.truth() else { continue };
        let expected: Vec<IpAddr> = truth["stun_addresses"]
            .as_array()
            .unwrap()
            .iter()
            .map(|address| address.as_str().unwrap().parse().unwrap())
            .collect();
        if expected.is_empty() {
            continue;
        }
        let payloads = capture.payloads();
        let found: BTreeSet<IpAddr> = payloads
            .iter()
            .flat_map(messages_of)
            .flat_map(|message| message.addresses().collect::<Vec<_>>())
            .map(|named| named.address.ip())
            .collect();
        let missing: Vec<_> = expected.iter().filter(|address| !found.contains(address)).collect();
        assert!(missing.is_empty(), "{}: {missing:?} not among {found:?}", capture.name);
    }
}

#[test]
fn real_fingerprints_are_right() {
    let (mut right, mut wrong) = (0, 0);
    for capture in captures::all() {
        let payloads = capture.payloads();
        for message in payloads.iter().flat_map(messages_of) {
            match message.fingerprint() {
                Some(true) => right += 1,
                Some(false) => {
                    wrong += 1;
                    println!("{} {:?} {:?}", capture.name, message.dialect, message.vendor);
                }
                None => {}
            }
        }
    }
    println!("{right} right, {wrong} wrong");
    assert!(right >= wrong * 10);
}

#[test]
fn round_trips_are_paired_across_addresses_in_real_calls() {
    // Least time to the servers, from the same captures read by hand.
    for (name, server, milliseconds) in [
        ("ndpi/stun_google_meet.pcapng", "142.250.82.76", 17..19),
        ("ndpi42/teams.pcap", "52.114.250.123", 40..60),
        ("ndpi42/wa_video.pcap", "157.240.193.48", 28..36),
    ] {
        let payloads = captures::payloads(name);
        let mut times = RoundTrips::default();
        let mut least = None;
        for payload in &payloads {
            for message in messages_of(payload) {
                let time = times.update(&message, payload.time);
                if payload.source.ip() == server.parse::<IpAddr>().unwrap() {
                    least = [least, time].into_iter().flatten().min();
                }
            }
        }
        let expected = milliseconds.start * 1000..milliseconds.end * 1000;
        assert!(payloads.is_empty() || expected.contains(&least.unwrap().as_micros()), "{name} {least:?}");
    }
}

#[test]
fn rtp_in_a_tcp_stream_is_cut_into_packets() {
    let rtp = [&[0x80, 8, 0, 1][..], &[0; 8], &[7; 8]].concat();
    let framed = [&[0, 20][..], &rtp].concat();
    assert_eq!(Stream::new(&framed).unwrap().count(), 1);
    let two = [&framed[..], &framed].concat();
    assert_eq!(Stream::new(&two).unwrap().count(), 2);
    let other = [&framed[..], &[0x16, 3, 1, 0, 9, 9, 9]].concat();
    assert!(Stream::new(&other).is_none());
    let payloads = captures::payloads("ndpi/rtp.pcapng");
    let tcp =
        payloads.iter().filter(|payload| payload.transport == Transport::Tcp && payload.bytes.len() > 40);
    assert!(tcp.clone().all(|payload| Stream::new(&payload.bytes).is_some()), "{:?}", tcp.map(|p| p.number));
}

#[test]
fn every_attribute_with_an_address_is_known_as_such() {
    use super::address::{kind_of, may_be};
    let dialects =
        [Dialect::Classic, Dialect::Microsoft, Dialect::Standard, Dialect::WhatsApp, Dialect::Zoom];
    for attribute in 0..=u16::MAX {
        let holds = |dialect| kind_of(attribute, dialect, Method::ALLOCATE).is_some();
        assert_eq!(may_be(attribute), dialects.into_iter().any(holds), "{attribute:#06x}");
    }
}
