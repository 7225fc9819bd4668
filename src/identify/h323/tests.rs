//! Tests of H.323 on messages written by hand from the recommendations.

use super::*;
use proptest::prelude::*;

/// A Setup for 198.51.100.7:1720, from 192.0.2.10:32803 with the identifier `me`, with a vendor and a terminal.
fn setup() -> Vec<u8> {
    let user = [
        &[0x05, 0x20, 0xa8, 0x06, 0x00, 0x08, 0x91, 0x4a, 0x00, 0x04][..],
        &[0x01, 0x40, 0x01, 0, b'm', 0, b'e'],
        &[0x22, 0xc0, 0x09, 0x00, 0x00, 0x3d, 0x01, b'a', b'b', 0x00, b'c'],
        &[0x00, 198, 51, 100, 7, 0x06, 0xb8],
        &[0x00],
        &[7; 16],
        // One extension: the caller.
        &[0x00, 0x04, 0x07, 0x00, 192, 0, 2, 10, 0x80, 0x23],
        &[0x02, 0x80, 0x01, 0x00],
    ]
    .concat();
    q931(5, &user)
}

/// A Connect that sends the caller to 198.51.100.7:1232.
fn connect() -> Vec<u8> {
    q931(7, &[0x05, 0x22, 0x40, 0x06, 0x00, 0x08, 0x91, 0x4a, 0x00, 0x03, 0x00, 198, 51, 100, 7, 0x04, 0xd0])
}

fn q931(kind: u8, user: &[u8]) -> Vec<u8> {
    let display = [0x28, 2, b'M', b'E'];
    let length = u16::try_from(user.len()).unwrap().to_be_bytes();
    tpkt(&[&[8, 2, 0x77, 0xf4, kind, 0xa1][..], &display, &[0x7e], &length, user].concat())
}

fn tpkt(message: &[u8]) -> Vec<u8> {
    let length = u16::try_from(message.len() + 4).unwrap().to_be_bytes();
    [&[3, 0][..], &length, message].concat()
}

/// A capability set, as H.245 begins.
fn capabilities() -> Vec<u8> {
    tpkt(&[0x02, 0x30, 0x01, 0x06, 0x00, 0x08, 0x81, 0x75, 0x00, 0x05, 0x00])
}

/// An acknowledgement: media to 192.0.2.10:5000, reports to 192.0.2.10:5001.
fn acknowledgement() -> Vec<u8> {
    let parameters =
        [0x5c, 0x00, 0x00, 192, 0, 2, 10, 0x13, 0x88, 0x00, 192, 0, 2, 10, 0x13, 0x89, 0x01, 0x01, 0x00];
    tpkt(&[&[0x22, 0xc0, 0x00, 0x3c, 0x02, 0x80, 0x13][..], &parameters].concat())
}

fn found(stream: &[u8]) -> Vec<(AddressKind, String)> {
    let all = messages(stream).flat_map(addresses);
    all.map(|named| (named.kind, named.address.to_string())).collect()
}

#[test]
fn the_addresses_of_a_call_are_found() {
    use AddressKind::{Called, Caller, Control, Media};
    let text = |kind, address: &str| (kind, address.to_owned());
    assert_eq!(found(&setup()), [text(Called, "198.51.100.7:1720"), text(Caller, "192.0.2.10:32803")]);
    assert_eq!(found(&connect()), [text(Control, "198.51.100.7:1232")]);
    let stream = [capabilities(), acknowledgement()].concat();
    assert_eq!(found(&stream), [text(Media, "192.0.2.10:5000"), text(Media, "192.0.2.10:5001")]);
}

#[test]
fn a_cut_message_asks_for_more_and_names_nothing() {
    for message in [setup(), connect(), capabilities()] {
        assert_eq!(probe(&message), Probe::Match);
        for cut in 0..message.len() {
            assert_eq!((probe(&message[..cut]), found(&message[..cut])), (Probe::NeedMore, vec![]), "{cut}");
        }
    }
}

#[test]
fn a_message_that_ends_early_names_what_came_before() {
    let whole = setup();
    for length in 0..whole.len() - 4 {
        let short = tpkt(&whole[4..4 + length]);
        let expected = found(&whole);
        assert!(expected.starts_with(&found(&short)), "{length}");
    }
}

#[test]
fn other_streams_are_none() {
    // Remote desktops have the same outer header.
    let others: [&[u8]; 4] = [
        b"\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x00\x00\x00\x00",
        b"\x16\x03\x01\x00\x05",
        b"\x03\x01\x00\x05",
        b"\x03\x00\xff\xff",
    ];
    for other in others {
        assert_eq!(probe(other), Probe::NoMatch, "{other:?}");
    }
    let mut other_oid = connect();
    let place = other_oid.windows(2).position(|pair| pair == [0x91, 0x4a]).unwrap();
    other_oid[place] = 0x92;
    assert_eq!(probe(&other_oid), Probe::NoMatch);
}

proptest! {
    #[test]
    fn no_bytes_do_harm(
        start in prop::sample::select(vec![setup(), connect(), capabilities(), acknowledgement()]),
        places in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
    ) {
        let mut stream = start;
        for (place, byte) in places {
            let place = place.index(stream.len());
            stream[place] = byte;
        }
        let _ = probe(&stream);
        for message in messages(&stream) {
            prop_assert!(addresses(message).len() <= MAX_ADDRESSES);
        }
    }
}
