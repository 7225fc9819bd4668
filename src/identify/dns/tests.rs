use super::*;
use crate::identify::captures::{self, Transport};
use proptest::prelude::*;
use simple_dns::rdata::{A, AAAA, CNAME, HTTPS, RData, SVCB, SVCParam};
use simple_dns::{
    CLASS, Label, Name as WrittenName, Packet, Question as AskedQuestion, ResourceRecord, TYPE,
};
use std::collections::BTreeSet;

fn name(text: &'static str) -> WrittenName<'static> {
    WrittenName::new(text).unwrap()
}

fn record(owner: &'static str, data: RData<'static>) -> ResourceRecord<'static> {
    ResourceRecord::new(name(owner), CLASS::IN, 60, data)
}

fn reply(asked: &'static str, records: Vec<ResourceRecord<'static>>) -> Vec<u8> {
    let mut packet = Packet::new_reply(7);
    packet.questions.push(AskedQuestion::new(name(asked), TYPE::A.into(), CLASS::IN.into(), false));
    packet.answers = records;
    packet.build_bytes_vec_compressed().unwrap()
}

fn chain() -> Vec<u8> {
    reply(
        "meet.example",
        vec![
            record("meet.example", RData::CNAME(CNAME(name("eu-west.example.net")))),
            record("eu-west.example.net", RData::A(A { address: 0xC000_0201 })),
            record("eu-west.example.net", RData::AAAA(AAAA { address: 0x2001_0db8 << 96 | 1 })),
            record("ns.example.net", RData::A(A { address: 0xC000_0235 })),
        ],
    )
}

#[test]
fn an_address_at_the_end_of_aliases_belongs_to_the_name_asked_for() {
    let bytes = chain();
    let message = parse(&bytes).unwrap();
    assert!(message.is_response && message.complete);
    let question = message.question.unwrap();
    assert_eq!((question.name.to_string(), question.kind), ("meet.example".to_owned(), TYPE_A));
    let found: Vec<_> = message.answers.iter().map(|a| (a.name.to_string(), a.address.to_string())).collect();
    let expected =
        [("meet.example", "192.0.2.1"), ("meet.example", "2001:db8::1"), ("ns.example.net", "192.0.2.53")];
    assert_eq!(found, expected.map(|(name, address)| (name.to_owned(), address.to_owned())));
    assert_eq!(message.aliases[0].target.to_string(), "eu-west.example.net");
}

#[test]
fn hints_of_https_records_are_marked_as_such() {
    let mut service = SVCB::new(1, name("svc.example"));
    service.set_ipv4hint(&[0xC000_0209]);
    let bytes = reply("svc.example", vec![record("svc.example", RData::HTTPS(HTTPS(service)))]);
    let message = parse(&bytes).unwrap();
    assert_eq!(message.answers[0].kind, AnswerKind::Hint);
    assert_eq!(message.answers[0].address.to_string(), "192.0.2.9");
}

#[test]
fn a_cut_response_gives_the_records_before_the_cut() {
    let bytes = chain();
    let mut most = 0;
    for captured in 0..bytes.len() {
        let Some(message) = parse(&bytes[..captured]) else {
            assert!(captured < HEADER_LENGTH);
            continue;
        };
        assert!(!message.complete);
        assert!(message.answers.len() >= most, "{captured}");
        most = message.answers.len();
    }
    assert_eq!(most, 2);
}

#[test]
fn a_header_that_announces_too_much_reserves_no_memory_and_loses_no_record() {
    let mut bytes = chain();
    bytes[6..12].fill(0xFF);
    let message = parse(&bytes).unwrap();
    assert_eq!((message.answers.len(), message.complete), (3, false));
}

#[test]
fn the_reserved_bit_does_not_hide_a_message() {
    let mut bytes = chain();
    bytes[3] |= 0x40;
    assert_eq!(parse(&bytes).unwrap().answers.len(), 3);
}

#[test]
fn a_query_names_no_addresses_and_an_error_has_its_code() {
    let mut bytes = reply("nowhere.example", Vec::new());
    bytes[3] |= 3;
    let message = parse(&bytes).unwrap();
    assert_eq!((message.response_code, message.answers.len()), (3, 0));
    let mut query = chain();
    query[2] &= 0x7F;
    assert!(parse(&query).unwrap().answers.is_empty());
}

#[test]
fn names_are_escaped_so_that_they_read_back() {
    let text = |labels: &[&'static [u8]]| {
        let labels: Vec<_> = labels.iter().map(|label| Label::new_unchecked(*label)).collect();
        let mut packet = Packet::new_query(7);
        let name = WrittenName::new_with_labels(&labels);
        packet.questions.push(AskedQuestion::new(name, TYPE::A.into(), CLASS::IN.into(), false));
        parse(&packet.build_bytes_vec().unwrap()).unwrap().question.unwrap().name.to_string()
    };
    assert_eq!(text(&[b"a.b", b"\xFFc\\"]), r"a\.b.\255c\\");
    assert_eq!(text(&[b"a", b"b-c", b"example"]), "a.b-c.example");
    assert_eq!(text(&[]), "");
}

#[test]
fn a_name_that_goes_round_or_forward_ends_the_message() {
    for pointer in [[0xC0, 12], [0xC0, 14], [0xFF, 0xFF], [0x40, 1]] {
        let message = [&[0; 5][..], &[1, 0, 0, 0, 0, 0, 0, 1, b'a'], &pointer, &[0, 1, 0, 1]].concat();
        let message = parse(&message[..]).unwrap();
        assert!(message.question.is_none() && !message.complete);
    }
}

#[test]
fn messages_of_a_stream_are_cut_out() {
    let bytes = chain();
    let length = u16::try_from(bytes.len()).unwrap().to_be_bytes();
    let stream = [&length[..], &bytes, &length, &bytes[..20]].concat();
    let lengths: Vec<_> = tcp_messages(&stream).map(<[u8]>::len).collect();
    assert_eq!(lengths, [bytes.len(), 20]);
}

#[test]
fn probing_has_three_answers() {
    assert_eq!(probe(&chain()), Probe::Match);
    assert_eq!(probe(&chain()[..8]), Probe::NeedMore);
    assert_eq!(probe(&[0xFF; 60]), Probe::NoMatch);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..120), at in 0usize..150) {
        let _ = parse(&bytes);
        prop_assert!(tcp_messages(&bytes).count() <= bytes.len());
        let mut spoiled = chain();
        for (offset, byte) in bytes.iter().enumerate() {
            if let Some(place) = spoiled.get_mut(at + offset) {
                *place = *byte;
            }
        }
        if let Some(message) = parse(&spoiled) {
            prop_assert!(message.answers.len() <= MOST_ANSWERS);
        }
    }
}

#[test]
fn of_thousands_of_aliases_the_first_are_kept() {
    let alias = || record("a.example", RData::CNAME(CNAME(name("b.example"))));
    let bytes = reply("a.example", std::iter::repeat_with(alias).take(4000).collect());
    let message = parse(&bytes).unwrap();
    assert_eq!((message.aliases.len(), message.complete), (MOST_ALIASES, false));
}

/// Captures that the tests' reader cannot open: IP fragments, two link types, and a tunnel that tshark decrypts.
const BEYOND_REACH: [&str; 4] = [
    "ndpi/badpackets.pcap",
    "tcpdump/nflog.pcap",
    "zeek/radiotap.pcap",
    "wireshark/wireguard-ping-tcp-dsb.pcapng",
];

#[test]
fn real_captures_give_the_answers_that_tshark_gives() {
    for capture in captures::all() {
        let Some(truth) = capture.truth() else { continue };
        let pair = |pair: &serde_json::Value| {
            (pair[0].as_str().unwrap().to_lowercase(), pair[1].as_str().unwrap().to_owned())
        };
        let expected: BTreeSet<(String, String)> =
            truth["answers"].as_array().unwrap().iter().map(pair).collect();
        let mut found = BTreeSet::new();
        for payload in capture.payloads() {
            let ports = [payload.source.port(), payload.destination.port()];
            if !ports.iter().any(|port| [53, 5353, 5355].contains(port)) {
                continue;
            }
            let messages: Vec<_> = match payload.transport {
                Transport::Udp => parse(&payload.bytes).into_iter().collect(),
                Transport::Tcp => tcp_messages(&payload.bytes).filter_map(parse).collect(),
            };
            for answer in messages.into_iter().flat_map(|message| message.answers) {
                if answer.kind == AnswerKind::Address {
                    found.insert((answer.name.to_string().to_lowercase(), answer.address.to_string()));
                }
            }
        }
        let missing: Vec<_> = expected.difference(&found).collect();
        assert!(
            missing.is_empty() || BEYOND_REACH.contains(&capture.name.as_str()),
            "{} {missing:?}",
            capture.name
        );
        // tshark's table leaves out multicast answers in whose frames it lists other records' types too.
        let extra: Vec<_> = found
            .difference(&expected)
            .filter(|(name, _)| name.rsplit('.').next() != Some("local"))
            .collect();
        assert!(extra.is_empty(), "{} {extra:?}", capture.name);
    }
}

/// Owners in lower case and addresses, as the library reads them.
fn by_library(message: &[u8]) -> Option<Vec<(String, IpAddr)>> {
    let packet = Packet::parse(message).ok()?;
    let records = packet.answers.iter().chain(&packet.name_servers).chain(&packet.additional_records);
    let of = |service: &SVCB<'_>| -> Vec<IpAddr> {
        let address = |parameter: &SVCParam<'_>| match parameter {
            SVCParam::Ipv4Hint(hints) => {
                hints.iter().map(|bits| std::net::Ipv4Addr::from(*bits).into()).collect()
            }
            SVCParam::Ipv6Hint(hints) => {
                hints.iter().map(|bits| std::net::Ipv6Addr::from(*bits).into()).collect()
            }
            _ => Vec::new(),
        };
        service.iter_params().flat_map(address).collect()
    };
    let found = records.flat_map(|record| {
        let addresses: Vec<IpAddr> = match &record.rdata {
            RData::A(data) => vec![std::net::Ipv4Addr::from(data.address).into()],
            RData::AAAA(data) => vec![std::net::Ipv6Addr::from(data.address).into()],
            RData::HTTPS(data) => of(&data.0),
            RData::SVCB(data) => of(data),
            _ => Vec::new(),
        };
        let owner = record.name.to_string().to_lowercase();
        addresses.into_iter().map(move |address| (owner.clone(), address))
    });
    Some(found.collect())
}

fn by_us(message: &[u8]) -> Vec<(String, IpAddr)> {
    let [questions, records @ ..] = counts(message).unwrap();
    let mut reader = Reader::new(message, HEADER_LENGTH);
    assert!((0..questions).all(|_| reader.question().is_some()));
    let records = reader.records(records.into_iter().map(u32::from).sum());
    let found = records.flat_map(|record| {
        let owner = record.name.to_string().to_lowercase();
        record.data.addresses().map(move |(address, _)| (owner.clone(), address))
    });
    found.collect()
}

#[test]
fn real_messages_have_the_addresses_that_the_library_finds() {
    let (mut messages, mut addresses) = (0, 0);
    for capture in captures::all() {
        for payload in capture.payloads() {
            let ports = [payload.source.port(), payload.destination.port()];
            if payload.transport == Transport::Tcp
                || !ports.iter().any(|port| [53, 5353, 5355].contains(port))
            {
                continue;
            }
            let Some(expected) = by_library(&payload.bytes) else { continue };
            assert_eq!(by_us(&payload.bytes), expected, "{}", capture.name);
            messages += 1;
            addresses += expected.len();
        }
    }
    assert!(messages == 0 || (messages > 1000 && addresses > 400), "{messages} {addresses}");
}

proptest! {
    #[test]
    fn spoiled_messages_have_the_addresses_that_the_library_finds(
        changes in proptest::collection::vec((12usize..200, any::<u8>()), 0..4),
    ) {
        let mut service = SVCB::new(1, name("svc.example"));
        service.set_ipv4hint(&[0xC000_0209]);
        let mut records = vec![record("a.svc.example", RData::HTTPS(HTTPS(service)))];
        records.push(record("svc.example", RData::A(A { address: 0xC000_0201 })));
        let mut bytes = reply("meet.example", records);
        for (place, byte) in changes {
            if let Some(changed) = bytes.get_mut(place) {
                *changed = byte;
            }
        }
        if let Some(expected) = by_library(&bytes) {
            // Names that have to be escaped look different, and classes other than the internet's have no addresses.
            let expected: Vec<_> = expected.into_iter().map(|(_, address)| address).collect();
            for (_, address) in by_us(&bytes) {
                prop_assert!(expected.contains(&address), "{address} {expected:?}");
            }
        }
    }
}
