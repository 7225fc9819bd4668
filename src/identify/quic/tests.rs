use super::frame::QuicClose;
use super::*;
use crate::identify::tls::build::{
    bytes, client_hello, client_hello_for, extension, message, server_hello, server_name,
};
use crate::identify::tls::{CLIENT_HELLO, Progress, SERVER_HELLO, TlsVersion};
use proptest::prelude::*;
use rustls::quic::{Keys, Version};
use rustls::{CipherSuite, Side, SupportedCipherSuite};

/// The connection id of RFC 9001 appendix A and RFC 9369 appendix A.
const DESTINATION: &str = "8394c8f03e515708";

/// The client's CRYPTO frame of both, without padding.
const CLIENT_FRAME: &str = "\
    060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e86804fe3a47f06a2b69484c\
    00000413011302010000c000000010000e00000b6578616d706c652e636f6dff01000100000a00080006\
    001d0017001800100007000504616c706e000500050100000000003300260024001d00209370b2c9caa4\
    7fbabaf4559fedba753de171fa71f50f1ce15d43e994ec74d748002b0003020304000d0010000e040305\
    0306030203080408050806002d00020101001c00024001003900320408ffffffffffffffff05048000ff\
    ff07048000ffff0801100104800075300901100f088394c8f03e51570806048000ffff";

/// The server's protected packet, RFC 9001 appendix A.3.
const SERVER_PACKET: &str = "\
    cf000000010008f067a5502a4262b5004075c0d95a482cd0991cd25b0aac406a5816b6394100f37a1c69\
    797554780bb38cc5a99f5ede4cf73c3ec2493a1839b3dbcba3f6ea46c5b7684df3548e7ddeb9c3bf9c73\
    cc3f3bded74b562bfb19fb84022f8ef4cdd93795d77d06edbb7aaf2f58891850abbdca3d20398c276456\
    cbc42158407dd074ee";

/// The server's protected packet, RFC 9369 appendix A.3.
const SERVER_PACKET_V2: &str = "\
    dc6b3343cf0008f067a5502a4262b5004075d92faaf16f05d8a4398c47089698baeea26b91eb761d9b89\
    237bbf87263017915358230035f7fd3945d88965cf17f9af6e16886c61bfc703106fbaf3cb4cfa52382d\
    d16a393e42757507698075b2c984c707f0a0812d8cd5a6881eaf21ceda98f4bd23f6fe1a3e2c43edd9ce\
    7ca84bed8521e2e140";

/// The Retry of RFC 9001 appendix A.4.
const RETRY: &str = "ff000000010008f067a5502a4262b5746f6b656e04a265ba2eff4d829058fb3f0f2496ba";

fn keys(version: Version, destination: &[u8], side: Side) -> Keys {
    let suites = &rustls::crypto::ring::default_provider().cipher_suites;
    let suite = suites.iter().find(|suite| suite.suite() == CipherSuite::TLS13_AES_128_GCM_SHA256).unwrap();
    let SupportedCipherSuite::Tls13(suite) = suite else { panic!() };
    Keys::initial(version, suite, suite.quic.unwrap(), destination, side)
}

/// An Initial packet to make, protected by rustls.
struct Initial<'a> {
    wire_version: u32,
    version: Version,
    /// What the keys come out of.
    secret: &'a [u8],
    side: Side,
    destination: &'a [u8],
    source: &'a [u8],
    token: &'a [u8],
    number: u32,
}

impl<'a> Initial<'a> {
    fn of_client(destination: &'a [u8], number: u32) -> Self {
        let (wire_version, version, side) = (1, Version::V1, Side::Client);
        Self {
            wire_version,
            version,
            secret: destination,
            side,
            destination,
            source: b"clnt",
            token: b"",
            number,
        }
    }

    fn of_server(secret: &'a [u8]) -> Self {
        let side = Side::Server;
        Self { side, secret, source: b"server", number: 0, ..Self::of_client(b"clnt", 0) }
    }

    /// The packet with `frames` and padding up to `length` bytes of content.
    fn seal(&self, frames: &[u8], length: usize) -> Vec<u8> {
        let mut content = frames.to_vec();
        content.resize(content.len().max(length), 0);
        let rotated = if matches!(self.version, Version::V2) { 0x10 } else { 0 };
        let mut header = vec![0xc3 | rotated];
        header.extend(self.wire_version.to_be_bytes());
        for id in [self.destination, self.source, self.token] {
            header.push(u8::try_from(id.len()).unwrap());
            header.extend(id);
        }
        header.extend(u16::try_from((content.len() + 20) | 0x4000).unwrap().to_be_bytes());
        let number_offset = header.len();
        header.extend(self.number.to_be_bytes());

        let keys = keys(self.version, self.secret, self.side).local;
        let tag = keys.packet.encrypt_in_place(self.number.into(), &header, &mut content).unwrap();
        content.extend(tag.as_ref());
        let (first, number) = header.split_at_mut(number_offset);
        keys.header.encrypt_in_place(&content[..16], &mut first[0], number).unwrap();
        [header, content].concat()
    }
}

/// A CRYPTO frame with the bytes of `handshake` in `range`.
fn crypto(handshake: &[u8], range: std::ops::Range<usize>) -> Vec<u8> {
    let integer = |value: usize| u16::try_from(value | 0x4000).unwrap().to_be_bytes();
    [&[6][..], &integer(range.start), &integer(range.len()), &handshake[range]].concat()
}

fn whole_crypto(handshake: &[u8]) -> Vec<u8> {
    crypto(handshake, 0..handshake.len())
}

fn client_handshake() -> Vec<u8> {
    message(CLIENT_HELLO, &client_hello_for(b"call.example"))
}

fn server_handshake() -> Vec<u8> {
    message(SERVER_HELLO, &server_hello(0x0303, &[extension(43, &[3, 4])]))
}

fn name(state: &QuicState) -> Option<&str> {
    state.facts().server_name().map(ServerName::as_str)
}

#[test]
fn the_samples_of_rfc_9001_and_9369_open() {
    let destination = bytes(DESTINATION);
    for (version, wire_version, tag, server, end) in [
        (
            Version::V1,
            1,
            "e221af44860018ab0856972e194cd934",
            SERVER_PACKET,
            "c000000001088394c8f03e5157080000449e7b9aec34",
        ),
        (
            Version::V2,
            0x6b33_43cf,
            "a18b2faa745b6fe189cf772a9f84cbfc",
            SERVER_PACKET_V2,
            "d76b3343cf088394c8f03e5157080000449ea0c95e82",
        ),
    ] {
        let initial = Initial { version, wire_version, source: b"", ..Initial::of_client(&destination, 2) };
        let packet = initial.seal(&bytes(CLIENT_FRAME), 1162);
        assert!(
            packet.starts_with(&bytes(end)) && packet.ends_with(&bytes(tag)),
            "not the packet of the RFC"
        );

        let mut state = QuicState::default();
        state.client_datagram(&packet);
        state.server_datagram(&bytes(server));
        assert_eq!(name(&state), Some("example.com"));
        let facts = state.facts();
        assert_eq!(facts.client.client_hello.as_ref().unwrap().alpn, ["alpn"]);
        assert_eq!(facts.server.server_hello.as_ref().unwrap().version, TlsVersion::TLS13);
        assert_eq!(facts.versions, [QuicVersion(wire_version)]);
        assert_eq!(facts.first_destination.unwrap().as_slice(), destination);
        assert_eq!(facts.server_id.unwrap().as_slice(), bytes("f067a5502a4262b5"));
        assert_eq!(
            (facts.client_reached, facts.server_reached),
            (Some(Reached::Initial), Some(Reached::Initial))
        );
    }
}

#[test]
fn a_hello_in_pieces_over_several_packets_in_any_order_is_put_together() {
    let handshake = client_handshake();
    let end = handshake.len();
    let first = [crypto(&handshake, 120..end), vec![1], crypto(&handshake, 20..60)].concat();
    let second = [crypto(&handshake, 60..120), vec![0, 0], crypto(&handshake, 0..20)].concat();
    let mut state = QuicState::default();
    state.client_datagram(&Initial::of_client(b"12345678", 1).seal(&second, 1100));
    assert_eq!(name(&state), None);
    state.client_datagram(&Initial::of_client(b"12345678", 0).seal(&first, 1100));
    assert_eq!(name(&state), Some("call.example"));
    assert!(state.facts().client.client_hello.as_ref().unwrap().complete);
}

#[test]
fn packets_in_one_datagram_are_all_read() {
    let handshake = client_handshake();
    let token = b"a token from before";
    let first = Initial { token, ..Initial::of_client(b"12345678", 0) }.seal(&crypto(&handshake, 0..100), 0);
    let second = Initial::of_client(b"12345678", 1).seal(&crypto(&handshake, 100..handshake.len()), 0);
    let mut zero_rtt = first.clone();
    zero_rtt[0] = 0xd0;
    zero_rtt.splice(18..=18 + token.len(), []); // without a token
    let mut state = QuicState::default();
    state.client_datagram(&[first, zero_rtt, second, vec![0; 40]].concat());
    assert_eq!(name(&state), Some("call.example"));
    assert!(state.facts().zero_rtt);
    assert_eq!(state.facts().client_reached, Some(Reached::Initial));
}

#[test]
fn after_a_retry_the_keys_come_out_of_the_id_in_it() {
    let destination = bytes(DESTINATION);
    let new_destination = bytes("f067a5502a4262b5");
    let frames = whole_crypto(&client_handshake());
    let again = Initial { token: b"token", ..Initial::of_client(&new_destination, 1) }.seal(&frames, 1100);
    let mut state = QuicState::default();
    let mut cut = Initial::of_client(&destination, 0).seal(&frames, 1100);
    cut.truncate(30);
    state.client_datagram(&cut);
    state.server_datagram(&bytes(RETRY));
    assert!(state.facts().retry);
    state.client_datagram(&again);
    assert_eq!(name(&state), Some("call.example"));
    state.server_datagram(&Initial::of_server(&new_destination).seal(&whole_crypto(&server_handshake()), 0));
    assert!(state.facts().server.server_hello.is_some());

    let mut lost = QuicState::default();
    lost.client_datagram(&cut);
    lost.server_datagram(&bytes(RETRY));
    lost.server_datagram(&Initial::of_server(&new_destination).seal(&whole_crypto(&server_handshake()), 0));
    assert!(lost.facts().server.server_hello.is_some(), "what the client said again is not in the capture");

    let mut missed = QuicState::default();
    missed.client_datagram(
        &Initial::of_client(&destination, 0).seal(&crypto(&client_handshake(), 0..50), 1100),
    );
    missed.client_datagram(&again);
    assert_eq!(name(&missed), Some("call.example"), "the Retry is not in the capture");
}

#[test]
fn the_next_connection_between_the_same_ports_is_not_mixed_with_the_last() {
    let hello = |name| message(CLIENT_HELLO, &client_hello_for(name));
    let (last, next) = (hello(b"aaaa.example"), hello(b"bbbb.example"));
    let mut state = QuicState::default();
    state.client_datagram(&Initial::of_client(b"12345678", 0).seal(&crypto(&last, 0..last.len() - 1), 1100));
    state.client_datagram(&Initial::of_client(b"abcdefgh", 0).seal(&whole_crypto(&next), 1100));
    assert_eq!(name(&state), Some("bbbb.example"));
}

#[test]
fn a_cut_packet_under_other_keys_changes_nothing() {
    let handshake = client_handshake();
    let (start, end) = (crypto(&handshake, 0..80), crypto(&handshake, 80..handshake.len()));
    let mut state = QuicState::default();
    state.client_datagram(&Initial::of_client(b"12345678", 0).seal(&start, 1100));
    for number in 0..20 {
        let other = Initial { destination: b"server", ..Initial::of_client(b"87654321", number) };
        state.client_datagram(&other.seal(&start, 1100)[..200]);
    }
    state.client_datagram(&Initial::of_client(b"12345678", 1).seal(&end, 1100));
    assert_eq!(name(&state), Some("call.example"));
}

#[test]
fn a_server_may_answer_in_another_version() {
    let mut state = QuicState::default();
    state.client_datagram(&Initial::of_client(b"12345678", 0).seal(&whole_crypto(&client_handshake()), 1100));
    let answer =
        Initial { version: Version::V2, wire_version: 0x6b33_43cf, ..Initial::of_server(b"12345678") };
    state.server_datagram(&answer.seal(&whole_crypto(&server_handshake()), 0));
    assert!(state.facts().server.server_hello.is_some());
    assert_eq!(state.facts().versions, [QuicVersion::V1, QuicVersion::V2]);
}

#[test]
fn a_version_that_is_not_known_is_opened_as_the_one_it_is_like() {
    for (version, wire_version) in
        [(Version::V1, 0xface_b003), (Version::V2, 0x1234_5678), (Version::V1Draft, 0x5a6a_7a8a)]
    {
        let initial = Initial { wire_version, version, ..Initial::of_client(b"12345678", 0) };
        let packet = initial.seal(&whole_crypto(&client_handshake()), 1100);
        assert_eq!(probe(&[packet.clone(), vec![0; 100]].concat()), Probe::Match);
        let mut state = QuicState::default();
        state.client_datagram(&packet);
        assert_eq!(name(&state), Some("call.example"), "{version:?}");
        assert_eq!(state.facts().versions, [QuicVersion(wire_version)]);
    }
}

#[test]
fn a_packet_that_the_capture_cut_gives_the_name_once_its_bytes_are_there() {
    let handshake = client_handshake();
    let packet = Initial::of_client(b"12345678", 0).seal(&whole_crypto(&handshake), 1100);
    let header = packet.len() - 1100 - 16;
    let name_end =
        header + 5 + handshake.windows(12).position(|window| window == b"call.example").unwrap() + 12;
    for cut in 0..packet.len() {
        let mut state = QuicState::default();
        state.client_datagram(&packet[..cut]);
        state.finish();
        assert_eq!(name(&state), (cut >= name_end).then_some("call.example"), "cut at {cut}");
    }
}

/// A hello, and the end of the connection with error 0x178.
pub(in crate::identify) fn refused() -> [Vec<u8>; 2] {
    let hello = Initial::of_client(b"12345678", 0).seal(&whole_crypto(&client_handshake()), 1100);
    let close = [&[0x1c, 0x41, 0x78, 6, 4][..], b"alpn"].concat();
    [hello, Initial::of_server(b"12345678").seal(&close, 20)]
}

#[test]
fn a_second_hello_in_a_connection_has_a_fingerprint_of_its_own() {
    let second = client_hello(0x0303, None, &[server_name(b"call.example"), extension(44, &[0, 1, 7])]);
    let both = [client_handshake(), message(CLIENT_HELLO, &second)].concat();
    let mut state = QuicState::default();
    for (number, part) in [(0, 0..both.len() - 9), (1, 0..both.len())] {
        let crypto = whole_crypto(&both[part]);
        state.client_datagram(&Initial::of_client(b"12345678", number).seal(&crypto, 1100));
    }
    let client = &state.facts().client;
    assert_eq!((client.client_hello.as_ref().unwrap().ja3.is_some(), client.further_ja3.len()), (true, 1));
}

#[test]
fn a_connection_that_the_server_refuses_says_why() {
    let mut state = QuicState::default();
    let [hello, close] = refused();
    state.client_datagram(&hello);
    state.server_datagram(&close);
    let close = state.facts().close.as_ref().unwrap();
    assert_eq!(*close, QuicClose { code: 0x178, reason: Some("alpn".into()), by_client: false });
    assert_eq!(close.name(), Some("no_application_protocol"));
}

#[test]
fn a_version_negotiation_lists_what_the_server_has() {
    let mut state = QuicState::default();
    let initial = Initial { wire_version: 0x5a6a_7a8a, ..Initial::of_client(b"12345678", 0) };
    state.client_datagram(&initial.seal(&whole_crypto(&client_handshake()), 1100));
    let answer =
        [&[0xca, 0, 0, 0, 0, 4][..], b"clnt", &[8], b"12345678", &[0, 0, 0, 1, 0xff, 0, 0, 29]].concat();
    assert_eq!(probe(&answer), Probe::Match);
    state.server_datagram(&answer);
    assert_eq!(state.facts().offered_versions, [QuicVersion::V1, QuicVersion(0xff00_001d)]);
    let names: Vec<String> = state.facts().offered_versions.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["QUIC v1", "QUIC draft-29"]);
}

#[test]
fn sides_taken_for_each_other_are_put_right() {
    let mut state = QuicState::default();
    state.server_datagram(&Initial::of_client(b"12345678", 0).seal(&whole_crypto(&client_handshake()), 1100));
    assert!(state.facts().swapped);
    assert_eq!(name(&state), Some("call.example"));
    state.client_datagram(&Initial::of_server(b"12345678").seal(&whole_crypto(&server_handshake()), 0));
    assert!(state.facts().server.server_hello.is_some());
}

#[test]
fn data_both_ways_ends_the_handshake() {
    let mut state = QuicState::default();
    let data = [&[0x41][..], &[0; 40]].concat();
    assert_eq!(state.client_datagram(&data), Progress::NeedMore);
    assert!(!state.facts().is_quic(), "a short header alone says nothing");
    state.client_datagram(&Initial::of_client(b"12345678", 0).seal(&whole_crypto(&client_handshake()), 1100));
    assert_eq!(state.server_datagram(&data), Progress::NeedMore);
    assert!(!state.facts().is_established());
    assert_eq!(state.client_datagram(&data), Progress::Done);
    assert!(state.facts().is_established());
}

#[test]
fn packets_that_do_not_open_cost_a_bounded_number_of_attempts() {
    let mut state = QuicState::default();
    for number in 0..100 {
        let mut packet = Initial::of_client(&[number; 8], 0).seal(&[1], 1100);
        packet.iter_mut().rev().take(1).for_each(|byte| *byte ^= 1);
        assert_eq!(state.client_datagram(&packet), Progress::NeedMore);
    }
    state.client_datagram(&Initial::of_client(b"12345678", 0).seal(&whole_crypto(&client_handshake()), 1100));
    assert_eq!(name(&state), None);
}

#[test]
fn googles_own_handshake_gives_its_name() {
    let packet = google::tests::packet(b"www.example.com");
    assert_eq!(probe(&packet), Probe::Match);
    let mut state = QuicState::default();
    assert_eq!(state.client_datagram(&packet), Progress::Done);
    assert_eq!(name(&state), Some("www.example.com"));
    assert_eq!(state.facts().versions[0].to_string(), "Google QUIC Q043");
}

#[test]
fn probing_has_three_answers() {
    let packet = Initial::of_client(b"12345678", 0).seal(&[1], 1162);
    assert_eq!(probe(&packet), Probe::Match);
    assert_eq!(probe(&packet[..12]), Probe::NeedMore);
    assert_eq!(probe(&[0x41; 50]), Probe::NoMatch);
    let unknown = Initial { wire_version: 0x1234_5678, ..Initial::of_client(b"12345678", 0) };
    let padding = |byte| [unknown.seal(&[1], 1100), vec![byte; 100]].concat();
    assert_eq!(
        (probe(&padding(0)), probe(&padding(0xc0)), probe(&padding(1))),
        (Probe::Match, Probe::Match, Probe::NoMatch)
    );
    assert_eq!(probe(&unknown.seal(&[1], 900)), Probe::NoMatch, "too short for a first packet");
    // A query of LLMNR: zeros where a version negotiation has them.
    let query = b"\xc1\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x06isatap\x00\x00\x01\x00\x01";
    assert_eq!(probe(query), Probe::NoMatch);
    for other in [&b""[..], &[0x80, 0x60, 0, 1, 0, 0, 0, 0], &[0xc0, 9, 9, 9, 9, 30]] {
        assert_eq!(probe(other), Probe::NoMatch);
    }
}

proptest! {
    #[test]
    fn no_datagram_does_harm(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in proptest::option::of(any::<prop::sample::Index>()),
        noise in proptest::collection::vec(any::<u8>(), 0..80),
        retry: bool,
    ) {
        let mut packet = Initial::of_client(b"12345678", 0).seal(&whole_crypto(&client_handshake()), 300);
        for (place, byte) in changes {
            let place = place.index(packet.len());
            packet[place] = byte;
        }
        packet.truncate(cut.map_or(packet.len(), |cut| cut.index(packet.len())));
        let mut state = QuicState::default();
        state.client_datagram(&packet);
        state.server_datagram(&noise);
        if retry {
            state.server_datagram(&bytes(RETRY));
        }
        state.server_datagram(&packet);
        state.client_datagram(&[packet.clone(), noise].concat());
        state.finish();
        let _ = probe(&packet);
    }

    #[test]
    fn any_frames_in_a_packet_that_opens_do_no_harm(frames in proptest::collection::vec(any::<u8>(), 1..60)) {
        let mut state = QuicState::default();
        state.client_datagram(&Initial::of_client(b"12345678", 0).seal(&frames, 20));
        prop_assert_eq!(&state.facts().versions, &[QuicVersion::V1]);
        state.finish();
    }

    #[test]
    fn any_cutting_of_a_hello_into_frames_and_packets_gives_its_name(
        cuts in proptest::collection::vec(0_usize..220, 0..12),
        turn: prop::sample::Index,
        split: prop::sample::Index,
    ) {
        let handshake = client_handshake();
        let mut ends: Vec<usize> = cuts.into_iter().map(|cut| cut.min(handshake.len())).chain([0, handshake.len()]).collect();
        ends.sort_unstable();
        ends.dedup();
        let mut frames: Vec<Vec<u8>> = ends.windows(2).map(|ends| crypto(&handshake, ends[0]..ends[1])).collect();
        let turn = turn.index(frames.len());
        frames.rotate_left(turn);
        let (first, second) = frames.split_at(split.index(frames.len()));
        let mut state = QuicState::default();
        state.client_datagram(&Initial::of_client(b"12345678", 0).seal(&first.concat(), 20));
        state.client_datagram(&Initial::of_client(b"12345678", 1).seal(&second.concat(), 20));
        prop_assert_eq!(name(&state), Some("call.example"));
    }
}
