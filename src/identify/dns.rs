//! DNS, RFC 1035, over UDP and TCP; multicast DNS (RFC 6762) and LLMNR (RFC 4795), which share its format.
//!
//! What matters is which name led to which address. A message that is cut by the capture or malformed
//! gives every record before the fault.

use simple_dns::rdata::{RData, SVCB, SVCParam};
use simple_dns::{Name, Packet, PacketFlag, QTYPE};
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use super::Probe;
use super::wire::be16;

/// Bytes of the header, RFC 1035 section 4.1.1.
const HEADER_LENGTH: usize = 12;
/// The shortest question: the root, type and class.
const SHORTEST_QUESTION: usize = 5;
/// The shortest record: the root, type, class, time to live and length.
const SHORTEST_RECORD: usize = 11;
/// Addresses kept from one message. The largest answers seen hold some twenty.
const MOST_ANSWERS: usize = 512;
/// Aliases kept from one message: they are searched for each name that the answers have, and a real chain has ten.
const MOST_ALIASES: usize = 64;
/// QR in the third byte, RFC 1035 section 4.1.1.
const RESPONSE_BIT: u8 = 0x80;
/// A bit that must be zero; the library refuses messages that set it.
const RESERVED_BIT: u8 = 0x40;

/// One DNS message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Pairs a question with its response.
    pub id: u16,
    /// Whether it is a response.
    pub is_response: bool,
    /// RCODE, RFC 1035 section 4.1.1: 0 no error, 2 server failure, 3 no such name.
    pub response_code: u8,
    /// What is asked, or was.
    pub questions: Vec<Question>,
    /// The addresses of a response, in order; none of a query.
    pub answers: Vec<Answer>,
    /// The aliases of a response (CNAME), in order. Their targets often carry a provider's region.
    pub aliases: Vec<Alias>,
    /// Whether every record was read.
    pub complete: bool,
}

/// One question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The name.
    pub name: Arc<str>,
    /// The type: 1 is A, 28 is AAAA, 65 is HTTPS.
    pub kind: u16,
}

/// A name and an address that it has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Answer {
    /// The name that was asked for, if the record belongs to the question, through aliases or directly; else the
    /// record's own.
    pub name: Arc<str>,
    /// The address.
    pub address: IpAddr,
    /// Seconds for which it may be used.
    pub ttl: u32,
    /// The kind of record.
    pub kind: AnswerKind,
}

/// What record gave an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AnswerKind {
    /// A or AAAA.
    Address,
    /// A hint in HTTPS or SVCB (RFC 9460): a client may use it without asking for the address.
    Hint,
}

/// A name that stands for another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    /// The name.
    pub name: Arc<str>,
    /// What it stands for.
    pub target: Arc<str>,
}

/// Whether bytes on a port of DNS look like a message.
pub fn probe(message: &[u8]) -> Probe {
    if message.len() < HEADER_LENGTH {
        return Probe::NeedMore;
    }
    let opcode = message.get(2).map_or(0, |flags| (flags >> 3) & 0x0F);
    let counts = counts(message).unwrap_or_default();
    let is_plausible = opcode <= 6 && counts != [0; 4] && fits(counts, message.len());
    if is_plausible { Probe::Match } else { Probe::NoMatch }
}

/// Whether bytes on a port of DNS are a message that has records, such as those with addresses; `None` if they are
/// no message.
pub fn may_have_answers(message: &[u8]) -> Option<bool> {
    let [_, records @ ..] = counts(message)?;
    let is_response = message.get(2).is_some_and(|flags| flags & RESPONSE_BIT != 0);
    Some(is_response && records != [0; 3])
}

/// Reads one message.
pub fn parse(message: &[u8]) -> Option<Message> {
    let counts = counts(message)?;
    let flags = be16(message, 2)?;
    if fits(counts, message.len())
        && let Ok(packet) = Packet::parse(message)
    {
        return Some(facts(&packet, flags, true));
    }
    parse_part(message, counts, flags)
}

/// The messages of a TCP stream, each after its length in two bytes (RFC 1035 section 4.2.2). The last may be cut.
pub fn tcp_messages(stream: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = stream;
    std::iter::from_fn(move || {
        let length = usize::from(be16(rest, 0)?);
        let message = rest.get(2..)?;
        let (message, after) = message.split_at_checked(length).unwrap_or((message, &[]));
        rest = after;
        Some(message)
    })
}

/// How many questions, answers, authorities and additional records the header announces.
fn counts(message: &[u8]) -> Option<[u16; 4]> {
    Some([be16(message, 4)?, be16(message, 6)?, be16(message, 8)?, be16(message, 10)?])
}

/// Whether a message of `length` bytes can hold that much. The library reserves memory by these numbers.
fn fits([questions, records @ ..]: [u16; 4], length: usize) -> bool {
    let records: usize = records.into_iter().map(usize::from).sum();
    usize::from(questions) * SHORTEST_QUESTION + records * SHORTEST_RECORD + HEADER_LENGTH <= length
}

/// Reads the longest run of records that the library accepts, by announcing fewer: if some number of
/// records can be read, so can any smaller one.
fn parse_part(message: &[u8], counts: [u16; 4], flags: u16) -> Option<Message> {
    let mut copy = message.to_vec();
    if let Some(byte) = copy.get_mut(3) {
        *byte &= !RESERVED_BIT;
    }
    let room = message.len() / SHORTEST_QUESTION;
    let announced: usize = counts.into_iter().map(usize::from).sum();
    let (mut readable, mut unreadable) = (0, announced.min(room) + 1);
    while readable + 1 < unreadable {
        let middle = usize::midpoint(readable, unreadable);
        announce(&mut copy, counts, middle);
        if Packet::parse(&copy).is_ok() {
            readable = middle;
        } else {
            unreadable = middle;
        }
    }
    announce(&mut copy, counts, readable);
    let packet = Packet::parse(&copy).ok()?;
    Some(facts(&packet, flags, readable == announced))
}

/// Writes a header that announces the first `records` questions and records of `counts`.
fn announce(message: &mut [u8], counts: [u16; 4], records: usize) {
    let mut left = u16::try_from(records).unwrap_or(u16::MAX);
    for (field, count) in message.get_mut(4..12).unwrap_or_default().chunks_exact_mut(2).zip(counts) {
        let announced = count.min(left);
        left -= announced;
        field.copy_from_slice(&announced.to_be_bytes());
    }
}

fn facts(packet: &Packet<'_>, flags: u16, complete: bool) -> Message {
    let questions: Vec<Question> = packet
        .questions
        .iter()
        .map(|question| Question { name: text(&question.qname), kind: number(question.qtype) })
        .collect();
    let is_response = packet.has_flags(PacketFlag::RESPONSE);
    let mut message = Message {
        id: packet.id(),
        is_response,
        response_code: u8::try_from(flags & 0x0F).unwrap_or_default(),
        questions,
        answers: Vec::new(),
        aliases: Vec::new(),
        complete,
    };
    if is_response {
        read_records(&mut message, packet);
    }
    message
}

fn number(kind: QTYPE) -> u16 {
    match kind {
        QTYPE::TYPE(kind) => kind.into(),
        other => other.into(),
    }
}

fn read_records(message: &mut Message, packet: &Packet<'_>) {
    let records = || packet.answers.iter().chain(&packet.name_servers).chain(&packet.additional_records);
    let asked = match (packet.questions.as_slice(), message.questions.as_slice()) {
        ([question], [read]) => Some((&question.qname, Arc::clone(&read.name))),
        _ => None,
    };
    // The names that the question leads to. Aliases come in order (RFC 1034 section 4.3.2).
    let mut chain: Vec<_> = asked.iter().map(|(name, _)| *name).collect();
    for record in records() {
        if let RData::CNAME(target) = &record.rdata {
            if message.aliases.len() == MOST_ALIASES {
                message.complete = false;
                break;
            }
            if chain.iter().any(|name| is_same(name, &record.name)) {
                chain.push(&target.0);
            }
            message.aliases.push(Alias { name: text(&record.name), target: text(&target.0) });
        }
    }
    for record in records() {
        let mut own_name = None;
        for (address, kind) in addresses(&record.rdata) {
            if message.answers.len() == MOST_ANSWERS {
                message.complete = false;
                return;
            }
            let is_asked_for = || chain.iter().any(|name| is_same(name, &record.name));
            let name = own_name.get_or_insert_with(|| match &asked {
                Some((_, asked)) if is_asked_for() => Arc::clone(asked),
                _ => text(&record.name),
            });
            message.answers.push(Answer { name: Arc::clone(name), address, ttl: record.ttl, kind });
        }
    }
}

/// Whether two names are the same: letters of ASCII count in either case (RFC 4343).
fn is_same(one: &Name<'_>, other: &Name<'_>) -> bool {
    one.iter().len() == other.iter().len()
        && one.iter().zip(other.iter()).all(|(one, other)| one.as_ref().eq_ignore_ascii_case(other.as_ref()))
}

/// The addresses in a record, with what they are there for.
fn addresses<'a>(data: &'a RData<'_>) -> impl Iterator<Item = (IpAddr, AnswerKind)> + 'a {
    let address = match data {
        RData::A(record) => Some(Ipv4Addr::from(record.address).into()),
        RData::AAAA(record) => Some(Ipv6Addr::from(record.address).into()),
        _ => None,
    };
    let service = match data {
        RData::SVCB(record) => Some(record),
        RData::HTTPS(record) => Some(&record.0),
        _ => None,
    };
    let hints = service.map(hints).unwrap_or_default();
    let hints = hints.into_iter().map(|address| (address, AnswerKind::Hint));
    address.map(|address| (address, AnswerKind::Address)).into_iter().chain(hints)
}

fn hints(record: &SVCB<'_>) -> Vec<IpAddr> {
    let mut found = Vec::new();
    for parameter in record.iter_params() {
        match parameter {
            SVCParam::Ipv4Hint(hints) => {
                found.extend(hints.iter().map(|&bits| IpAddr::from(Ipv4Addr::from(bits))));
            }
            SVCParam::Ipv6Hint(hints) => {
                found.extend(hints.iter().map(|&bits| IpAddr::from(Ipv6Addr::from(bits))));
            }
            _ => {}
        }
    }
    found
}

/// A name as text, without the last dot. Dots and backslashes within a label are escaped, and so are bytes
/// that are not UTF-8 (RFC 1035 section 5.1, RFC 6763 section 4.3).
fn text(name: &Name<'_>) -> Arc<str> {
    let mut bytes = [0; LONGEST_NAME];
    match plain(name, &mut bytes) {
        Some(plain) => plain.into(),
        None => escaped(name).into(),
    }
}

/// Bytes of the longest name with its lengths, RFC 1035 section 2.3.4.
const LONGEST_NAME: usize = 255;

/// Writes a name in which nothing has to be escaped, as in nearly all.
fn plain<'a>(name: &Name<'_>, bytes: &'a mut [u8; LONGEST_NAME]) -> Option<&'a str> {
    let mut length = 0_usize;
    for label in name.iter() {
        let label = label.as_ref();
        let start = if length > 0 { length + 1 } else { 0 };
        let end = start.checked_add(label.len())?;
        if label.iter().any(|byte| !byte.is_ascii() || matches!(byte, b'.' | b'\\')) {
            return None;
        }
        if let Some(dot) = bytes.get_mut(length..start).and_then(<[u8]>::first_mut) {
            *dot = b'.';
        }
        bytes.get_mut(start..end)?.copy_from_slice(label);
        length = end;
    }
    std::str::from_utf8(bytes.get(..length)?).ok()
}

fn escaped(name: &Name<'_>) -> String {
    let mut text = String::new();
    for (index, label) in name.iter().enumerate() {
        if index > 0 {
            text.push('.');
        }
        for chunk in label.as_ref().utf8_chunks() {
            for character in chunk.valid().chars() {
                match character {
                    '.' | '\\' => text.extend(['\\', character]),
                    _ => text.push(character),
                }
            }
            for byte in chunk.invalid() {
                let _ = write!(text, "\\{byte:03}");
            }
        }
    }
    text
}

/// The type number of A.
pub const TYPE_A: u16 = 1;
/// The type number of AAAA.
pub const TYPE_AAAA: u16 = 28;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identify::captures::{self, Transport};
    use proptest::prelude::*;
    use simple_dns::rdata::{A, AAAA, CNAME, HTTPS};
    use simple_dns::{CLASS, Label, Question as AskedQuestion, ResourceRecord, TYPE};
    use std::collections::BTreeSet;

    fn name(text: &'static str) -> Name<'static> {
        Name::new(text).unwrap()
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
        let message = parse(&chain()).unwrap();
        assert!(message.is_response && message.complete);
        assert_eq!(message.questions, [Question { name: "meet.example".into(), kind: TYPE_A }]);
        let found: Vec<_> =
            message.answers.iter().map(|a| (&*a.name, a.address.to_string())).collect();
        let expected = [
            ("meet.example", "192.0.2.1"),
            ("meet.example", "2001:db8::1"),
            ("ns.example.net", "192.0.2.53"),
        ];
        assert_eq!(found, expected.map(|(name, address)| (name, address.to_owned())));
        assert_eq!(&*message.aliases[0].target, "eu-west.example.net");
    }

    #[test]
    fn hints_of_https_records_are_marked_as_such() {
        let mut service = SVCB::new(1, name("svc.example"));
        service.set_ipv4hint(&[0xC000_0209]);
        let message =
            parse(&reply("svc.example", vec![record("svc.example", RData::HTTPS(HTTPS(service)))])).unwrap();
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
        bytes[3] |= RESERVED_BIT;
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
        assert_eq!(parse(&query).unwrap().answers, []);
    }

    #[test]
    fn names_are_escaped_so_that_they_read_back() {
        let odd = Name::new_with_labels(&[
            Label::new_unchecked(&b"a.b"[..]),
            Label::new_unchecked(&b"\xFFc\\"[..]),
        ]);
        assert_eq!(&*text(&odd), r"a\.b.\255c\\");
        let labels = [&b"a"[..], b"b-c", b"example"].map(Label::new_unchecked);
        assert_eq!(&*text(&Name::new_with_labels(&labels)), "a.b-c.example");
        assert_eq!(&*text(&Name::new_with_labels(&[])), "");
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
        let message = parse(&reply("a.example", std::iter::repeat_with(alias).take(4000).collect())).unwrap();
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
                        found.insert((answer.name.to_lowercase(), answer.address.to_string()));
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
}
