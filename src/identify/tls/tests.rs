use super::build::{
    CERTIFICATE, alpn, bytes, certificate, client_hello, client_hello_for, extension, message, record,
    server_hello, server_name, vector,
};
use super::*;
use proptest::prelude::*;
use std::sync::Arc;

fn hello_stream(name: &[u8]) -> Vec<u8> {
    record(HANDSHAKE, &message(CLIENT_HELLO, &client_hello_for(name)))
}

/// A reader whose stream comes in pieces.
#[derive(Default)]
struct Cut {
    reader: TlsReader,
    rest: Vec<u8>,
}

impl Cut {
    fn take(&mut self, piece: &[u8]) {
        self.rest.extend(piece);
        let read = self.reader.read(&self.rest);
        self.rest.drain(..read.done);
        assert!(self.reader.is_done() || read.wanted > self.rest.len(), "{read:?}");
    }

    fn finish(mut self) -> Flight {
        self.reader.finish(&self.rest);
        self.reader.into_flight()
    }
}

fn name_of(flight: &Flight) -> Option<&str> {
    flight.client_hello.as_ref()?.server_name.as_ref().map(ServerName::as_str)
}

/// What a server of TLS 1.2 sends up to its first encrypted record, in one record a message.
fn server_stream() -> Vec<u8> {
    let hello = server_hello(0x0303, &[alpn(&[b"h2"])]);
    let handshake = [message(SERVER_HELLO, &hello), message(11, &certificate()), message(14, &[])];
    let mut stream: Vec<u8> = handshake.iter().flat_map(|message| record(HANDSHAKE, message)).collect();
    stream.extend(record(CHANGE_CIPHER_SPEC, &[1]));
    stream.extend(record(HANDSHAKE, &[0x5e; 40]));
    stream
}

#[test]
fn a_client_hello_gives_its_names() {
    let flight = parse(&hello_stream(b"zoom.example"));
    let hello = flight.client_hello.as_ref().unwrap();
    assert_eq!(name_of(&flight), Some("zoom.example"));
    assert_eq!(hello.alpn, ["h2", "http/1.1"]);
    assert_eq!(hello.supported_versions, [TlsVersion(0x0304), TlsVersion(0x0303)]);
    assert_eq!((hello.version(), hello.legacy_version), (TlsVersion::TLS13, TlsVersion(0x0303)));
    assert!(hello.complete);
    assert_eq!(hello.ja3.as_ref().unwrap().text(), "771,4865-49199,10-0-16-43,4588-29,");
}

#[test]
fn a_server_flight_gives_version_cipher_and_certificate() {
    let mut reader = TlsReader::default();
    let stream = server_stream();
    assert_eq!((reader.read(&stream).done, reader.is_done()), (stream.len(), true));
    let flight = reader.into_flight();
    let hello = flight.server_hello.as_ref().unwrap();
    assert_eq!((hello.version, hello.cipher, hello.retry), (TlsVersion(0x0303), Some(0xc02f), false));
    assert_eq!(hello.alpn.as_deref(), Some("h2"));
    assert_eq!(hello.ja3s.as_ref().unwrap().text(), "771,49199,16");
    let names = flight.certificate.as_ref().unwrap();
    assert_eq!(names.common_name.as_deref(), Some("media.example.com"));
    assert_eq!(names.issuer_organization.as_deref(), Some("Example Calls"));
    assert_eq!(names.dns_names, ["media.example.com", "*.media.example.com"]);
    assert_eq!(
        names.addresses,
        ["192.0.2.7".parse::<std::net::IpAddr>().unwrap(), "2001:db8::7".parse().unwrap()]
    );
    assert_eq!((flight.change_cipher_spec, flight.first_protected), (true, Some(40)));
}

#[test]
fn several_messages_in_a_record_read_as_in_records_of_their_own() {
    let hello = server_hello(0x0303, &[alpn(&[b"h2"])]);
    let together = [message(SERVER_HELLO, &hello), message(11, &certificate()), message(14, &[])].concat();
    let mut stream = record(HANDSHAKE, &together);
    stream.extend([record(CHANGE_CIPHER_SPEC, &[1]), record(HANDSHAKE, &[0x5e; 40])].concat());
    assert_eq!(parse(&stream), parse(&server_stream()));
}

#[test]
fn a_message_over_many_records_reads_as_in_one() {
    let whole = parse(&hello_stream(b"zoom.example"));
    let message = message(CLIENT_HELLO, &client_hello_for(b"zoom.example"));
    for size in [1, 2, 5, 39, 100] {
        let stream: Vec<u8> = message.chunks(size).flat_map(|piece| record(HANDSHAKE, piece)).collect();
        assert_eq!(parse(&stream), whole);
    }
}

#[test]
fn a_stream_that_comes_byte_by_byte_reads_as_in_one() {
    let stream = server_stream();
    let mut cut = Cut::default();
    for byte in &stream {
        assert!(!cut.reader.is_done());
        cut.take(&[*byte]);
    }
    assert!(cut.reader.is_done());
    assert_eq!(cut.finish(), parse(&stream));
}

#[test]
fn a_cut_hello_gives_the_name_once_its_bytes_are_there() {
    let stream = hello_stream(b"zoom.example");
    let start = stream.windows(12).position(|window| window == b"zoom.example").unwrap();
    for cut in 0..stream.len() {
        let flight = parse(&stream[..cut]);
        let there = cut >= start + 12;
        assert_eq!(name_of(&flight), there.then_some("zoom.example"), "cut at {cut}");
        assert!(flight.client_hello.is_none_or(|hello| !hello.complete && hello.ja3.is_none()));
    }
}

#[test]
fn a_cut_certificate_list_gives_the_leaf_once_its_bytes_are_there() {
    let stream = server_stream();
    let leaf = bytes(CERTIFICATE);
    let end = stream.windows(leaf.len()).position(|window| window == leaf).unwrap() + leaf.len();
    for cut in 0..stream.len() {
        assert_eq!(parse(&stream[..cut]).certificate.is_some(), cut >= end, "cut at {cut}");
    }
}

#[test]
fn a_second_hello_after_a_retry_request_is_read_although_it_follows_a_change_of_cipher() {
    let retry = [&[3, 3][..], &bytes(HELLO_RETRY_HEX), &[0, 0x13, 1, 0], &vector(2, &extension(43, &[3, 4]))]
        .concat();
    let hello = server_hello(0x0303, &[extension(43, &[3, 4])]);
    let stream = [
        record(HANDSHAKE, &message(SERVER_HELLO, &retry)),
        record(CHANGE_CIPHER_SPEC, &[1]),
        record(HANDSHAKE, &message(SERVER_HELLO, &hello)),
        record(APPLICATION_DATA, &[0; 50]),
    ];
    let flight = parse(&stream.concat());
    assert!(flight.hello_retry_request);
    assert_eq!(flight.server_hello.unwrap().version, TlsVersion::TLS13);
    assert_eq!(flight.first_protected, Some(50));
}

#[test]
fn each_hello_of_a_client_that_differs_has_its_fingerprint() {
    let first = message(CLIENT_HELLO, &client_hello_for(b"call.example"));
    let cookie =
        |n: u16| client_hello(0x0303, None, &[server_name(b"call.example"), extension(44 + n, &[0, 1, 7])]);
    let hellos: Vec<_> = (0..9_u16).map(|n| record(HANDSHAKE, &message(CLIENT_HELLO, &cookie(n)))).collect();
    let stream = [&record(HANDSHAKE, &first)[..], &record(CHANGE_CIPHER_SPEC, &[1]), &hellos[0], &hellos[0]];
    let flight = parse(&stream.concat());
    assert_eq!(flight.further_ja3.len(), 1);
    assert_ne!(flight.client_hello.unwrap().ja3.unwrap(), flight.further_ja3[0]);
    let many = parse(&[record(HANDSHAKE, &first), hellos.concat()].concat());
    assert_eq!(many.further_ja3.len(), 3, "there is an end to them");
    let same = parse(&[record(HANDSHAKE, &first), record(HANDSHAKE, &first)].concat());
    assert!(same.further_ja3.is_empty());
}

/// RFC 8446 section 4.1.3.
const HELLO_RETRY_HEX: &str = "CF21AD74E59A6111BE1D8C021E65B891C2A211167ABB8C5E079E09E2C8A8339C";

#[test]
fn an_alert_in_clear_is_read_and_an_encrypted_one_is_not() {
    let stream = [record(ALERT, &[2, 40]), record(ALERT, &[0xd3; 26])].concat();
    let flight = parse(&stream);
    assert_eq!(flight.alerts, [Alert { level: 2, description: 40 }]);
    assert_eq!((flight.alerts[0].name(), flight.alerts[0].is_fatal()), (Some("handshake_failure"), true));
    assert_eq!(flight.first_protected, Some(26));
}

#[test]
fn a_handshake_is_established_when_both_sides_encrypt_and_the_client_sends_no_alert() {
    let server = parse(&server_stream());
    let mut stream = hello_stream(b"a.example");
    assert!(!is_established(&parse(&stream), &server));
    stream.extend([record(CHANGE_CIPHER_SPEC, &[1]), record(HANDSHAKE, &[0x5e; 40])].concat());
    assert!(is_established(&parse(&stream), &server));

    let hello = message(SERVER_HELLO, &server_hello(0x0303, &[extension(43, &[3, 4])]));
    let server = parse(&[record(HANDSHAKE, &hello), record(APPLICATION_DATA, &[0; 900])].concat());
    let client =
        |length| parse(&[hello_stream(b"a.example"), record(APPLICATION_DATA, &vec![0; length])].concat());
    assert!(is_established(&client(53), &server));
    assert!(!is_established(&client(19), &server));
}

#[test]
fn names_that_are_none_do_no_harm() {
    for name in [&b""[..], b"\xff\x00", b"a.example\n", b"198.51.100.7", &[b'x'; 3000]] {
        let flight = parse(&hello_stream(name));
        let read = flight.client_hello.unwrap().server_name;
        assert_eq!(read, ServerName::from_wire(name));
    }
    let hello = client_hello(0x0303, None, &[extension(0, &[])]);
    let flight = parse(&record(HANDSHAKE, &message(CLIENT_HELLO, &hello)));
    assert_eq!(name_of(&flight), None);
}

#[test]
fn encrypted_hellos_and_media_keys_are_noticed() {
    let read = |extensions: &[Vec<u8>]| {
        ClientHello::read(&client_hello(0x0303, None, extensions), true, Dialect::Tls)
    };
    let outer = read(&[server_name(b"public.example"), extension(0xfe0d, &[0, 0, 1])]).unwrap();
    assert_eq!(outer.encrypted_hello, Some(EncryptedHello::Outer));
    assert_eq!(read(&[extension(0xfe0d, &[1])]).unwrap().encrypted_hello, Some(EncryptedHello::Inner));
    assert_eq!(read(&[extension(0xffce, &[0])]).unwrap().encrypted_hello, Some(EncryptedHello::ServerName));
    let srtp = read(&[extension(14, &[0, 4, 0, 1, 0, 7, 0])]).unwrap();
    assert_eq!((srtp.srtp_profiles, srtp.encrypted_hello), (vec![1, 7], None));
}

#[test]
fn old_hellos_without_extensions_are_whole() {
    let body = client_hello(0x0301, None, &[]);
    let hello = ClientHello::read(&body[..body.len() - 2], true, Dialect::Tls).unwrap();
    assert!(hello.complete);
    assert_eq!(hello.ja3.unwrap().text(), "769,4865-49199,,,");
    let body = server_hello(0x0300, &[]);
    assert!(ServerHello::read(&body[..body.len() - 2], true).unwrap().complete);
}

fn sslv2_stream() -> Vec<u8> {
    [&[0x80, 9 + 6 + 16, 1, 3, 1, 0, 6, 0, 0, 0, 16, 1, 0, 128, 0, 0, 4], &[0x55; 16][..]].concat()
}

#[test]
fn a_hello_whose_lengths_disagree_is_not_whole() {
    let longer = |mut body: Vec<u8>, place: usize| {
        let place = body.len() - place;
        body[place] += 1;
        ClientHello::read(&body, true, Dialect::Tls).unwrap()
    };
    let body = client_hello(0x0303, None, &[server_name(b"a.example"), extension(23, &[])]);
    let (extension_too_long, block_too_long) = (longer(body.clone(), 1), longer(body, 4 + 18 + 1));
    for hello in [extension_too_long, block_too_long] {
        assert_eq!(hello.server_name.unwrap().as_str(), "a.example");
        assert!(!hello.complete && hello.ja3.is_none());
    }
}

#[test]
fn a_hello_of_sslv2_is_recognised_and_what_follows_is_read() {
    let mut stream = sslv2_stream();
    for cut in 0..11 {
        assert_eq!(probe(&stream[..cut]), Probe::NeedMore, "cut at {cut}");
    }
    assert_eq!(probe(&stream), Probe::Match);
    stream.extend(record(ALERT, &[2, 70]));
    let mut cut = Cut::default();
    stream.chunks(1).for_each(|piece| cut.take(piece));
    assert!(cut.reader.flight().sslv2_hello);
    assert_eq!(cut.reader.flight().alerts, [Alert { level: 2, description: 70 }]);
}

#[test]
fn probing_has_three_answers() {
    let stream = hello_stream(b"zoom.example");
    for cut in 0..7 {
        assert_eq!(probe(&stream[..cut]), Probe::NeedMore, "cut at {cut}");
    }
    assert_eq!(probe(&stream[..7]), Probe::Match);
    assert_eq!(probe(&record(APPLICATION_DATA, &[1; 9])), Probe::Match);
    assert_eq!(probe(&record(CHANGE_CIPHER_SPEC, &[1])), Probe::Match);
    assert_eq!(probe(&record(CHANGE_CIPHER_SPEC, &[2])), Probe::NoMatch);
    assert_eq!(probe(&[HANDSHAKE, 3, 3, 0, 9, CLIENT_HELLO, 1]), Probe::NoMatch);
    for other in
        [&b"GET / HTTP/1.1\r\n"[..], b"SSH-2.0-x", &[0x16, 2], &[0x17, 3, 3, 0xff, 0], &[0x80, 0x2e, 2]]
    {
        assert_eq!(probe(other), Probe::NoMatch);
    }
}

#[test]
fn a_hello_behind_the_greeting_of_another_protocol_is_found() {
    let greeting = b"EHLO a\x16.example\r\nSTARTTLS\r\n";
    let stream = [greeting, hello_stream(b"mail.example").as_slice()].concat();
    let start = find(&stream).unwrap();
    assert_eq!(start, greeting.len());
    assert_eq!(name_of(&parse(&stream[start..])), Some("mail.example"));
    assert_eq!(find(&stream[..start + 8]), None);
    assert_eq!(find(&[HANDSHAKE; 9000]), None);
}

#[test]
fn a_stream_that_stops_being_tls_is_done() {
    let stream = [hello_stream(b"a.example"), b"HTTP/1.1 200 OK".to_vec()].concat();
    let mut reader = TlsReader::default();
    reader.read(&stream);
    assert!(reader.is_done());
    assert_eq!(name_of(reader.flight()), Some("a.example"));
}

#[test]
fn an_endless_message_does_not_pile_up() {
    for kind in [CLIENT_HELLO, 11, 20] {
        let mut reader = TlsReader::default();
        reader.read(&record(HANDSHAKE, &[kind, 0xff, 0xff, 0xff]));
        let most = (0..8).map(|_| reader.read(&record(HANDSHAKE, &[0xa7; 16_000])).kept).max();
        assert!(most <= Some(64 * 1024 + usize::from(MAX_RECORD)), "{most:?}");
        assert_eq!(reader.is_done(), kind != 20, "what is passed over takes no room");
    }
}

/// The hello that rustls sends, an implementation that knows nothing of this one.
fn foreign_hello(name: &'static str) -> Vec<u8> {
    let roots = rustls::RootCertStore::empty();
    let mut config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"c-webrtc".to_vec()];
    let mut client = rustls::ClientConnection::new(Arc::new(config), name.try_into().unwrap()).unwrap();
    let mut stream = Vec::new();
    client.write_tls(&mut stream).unwrap();
    stream
}

#[test]
fn the_hello_of_another_implementation_reads_as_it_was_meant() {
    let flight = parse(&foreign_hello("zoom.example"));
    assert_eq!(name_of(&flight), Some("zoom.example"));
    let hello = flight.client_hello.unwrap();
    assert_eq!(hello.alpn, ["h2", "c-webrtc"]);
    assert_eq!(hello.version(), TlsVersion::TLS13);
    assert!(hello.complete);
}

/// The extension types of a client hello as tls-parser reads them.
fn types_by_tls_parser(stream: &[u8]) -> Vec<u16> {
    use tls_parser::{TlsExtensionType, TlsMessage, TlsMessageHandshake, parse_tls_client_hello_extensions};
    let (_, record) = tls_parser::parse_tls_plaintext(stream).unwrap();
    let TlsMessage::Handshake(TlsMessageHandshake::ClientHello(hello)) = &record.msg[0] else { panic!() };
    let (_, extensions) = parse_tls_client_hello_extensions(hello.ext.unwrap()).unwrap();
    extensions.iter().map(|extension| u16::from(TlsExtensionType::from(extension))).collect()
}

#[test]
fn extensions_are_those_that_tls_parser_reads() {
    let stream = foreign_hello("zoom.example");
    let types: Vec<String> = types_by_tls_parser(&stream).iter().map(u16::to_string).collect();
    let ja3 = parse(&stream).client_hello.unwrap().ja3.unwrap();
    assert_eq!(ja3.text().split(',').nth(2), Some(types.join("-").as_str()));
}

proptest! {
    #[test]
    fn no_bytes_do_harm_and_no_cutting_changes_the_outcome(
        start in prop_oneof![Just(Vec::new()), Just(server_stream()), Just(hello_stream(b"a.example"))],
        noise in proptest::collection::vec(any::<u8>(), 0..300),
        change in any::<Option<(prop::sample::Index, u8)>>(),
        steps in proptest::collection::vec(1_usize..80, 0..60),
    ) {
        let mut stream = [start, noise].concat();
        if let Some((place, byte)) = change.filter(|_| !stream.is_empty()) {
            let place = place.index(stream.len());
            stream[place] = byte;
        }
        let mut cut = Cut::default();
        let mut rest = &stream[..];
        for step in steps {
            let (piece, after) = rest.split_at(step.min(rest.len()));
            cut.take(piece);
            rest = after;
        }
        cut.take(rest);
        prop_assert_eq!(cut.finish(), parse(&stream));
        let _ = (probe(&stream), find(&stream));
    }

    #[test]
    fn what_a_probe_has_decided_more_bytes_do_not_change(
        sslv2: bool,
        change in proptest::option::of((0_usize..14, any::<u8>())),
    ) {
        let mut stream = if sslv2 { sslv2_stream() } else { server_stream() };
        if let Some((place, byte)) = change {
            stream[place] = byte;
        }
        for cut in 0..stream.len() {
            let early = probe(&stream[..cut]);
            prop_assert!(early == Probe::NeedMore || early == probe(&stream), "cut at {}: {:?}", cut, early);
        }
    }
}
