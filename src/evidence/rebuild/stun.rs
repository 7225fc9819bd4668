//! STUN (RFC 8489): type, kinds of attributes, and of those the addresses, replaced where they are, and what is no
//! secret. User names and transaction identifiers have pseudonyms, so that requests and answers still go together;
//! everything else becomes zero. Lengths stay.

use crate::evidence::manifest::hexadecimal;
use crate::evidence::pseudonyms::Pseudonyms;
use crate::identify::stun::{HEADER_LENGTH, MAGIC_COOKIE, fingerprint};
use std::net::IpAddr;

/// Where the cookie and the transaction identifier stand.
const COOKIE: usize = 4;
const TRANSACTION: usize = 8;

const FAMILY_IPV4: u8 = 1;
const FAMILY_IPV6: u8 = 2;
const USERNAME: u16 = 0x0006;
const FINGERPRINT: u16 = 0x8028;

/// The message, as far as it was captured.
pub(super) fn keep(payload: &[u8], pseudonyms: &Pseudonyms) -> Vec<u8> {
    let cookie = MAGIC_COOKIE.to_be_bytes();
    if payload.len() < HEADER_LENGTH || payload.get(COOKIE..TRANSACTION) != Some(&cookie[..]) {
        // Without the cookie (RFC 3489) four bytes more are the identifier: only type and length are kept.
        return payload.get(..COOKIE).unwrap_or_default().to_vec();
    }
    let length = payload.get(2..COOKIE).map_or(0, number);
    let end = payload.len().min(HEADER_LENGTH.saturating_add(length));
    let mut kept = vec![0; end];
    let original = payload.get(TRANSACTION..HEADER_LENGTH).unwrap_or_default();
    put(&mut kept, 0, payload.get(..TRANSACTION).unwrap_or_default());
    put(&mut kept, TRANSACTION, pseudonyms.digest(b"transaction", original).get(..12).unwrap_or_default());
    let mut at = HEADER_LENGTH;
    while let Some(head) = payload.get(at..end).and_then(<[u8]>::first_chunk::<4>) {
        let [a, b, c, d] = *head;
        let (kind, length) = (u16::from_be_bytes([a, b]), usize::from(u16::from_be_bytes([c, d])));
        let Some(value) = payload.get(at + 4..(at + 4).saturating_add(length).min(end)) else { break };
        put(&mut kept, at, head);
        let shared = attribute(kind, value, original, &kept, at, pseudonyms);
        put(&mut kept, at + 4, &shared);
        at = (at + 4).saturating_add(length.next_multiple_of(4));
    }
    kept
}

/// What is kept of an attribute's value; the rest of it is zero.
fn attribute(
    kind: u16,
    value: &[u8],
    transaction: &[u8],
    before: &[u8],
    at: usize,
    pseudonyms: &Pseudonyms,
) -> Vec<u8> {
    let first_four = || value.get(..4).unwrap_or_default().to_vec();
    match kind {
        // MAPPED-ADDRESS, ALTERNATE-SERVER, RESPONSE-ORIGIN, OTHER-ADDRESS.
        0x0001 | 0x8023 | 0x802b | 0x802c => address(value, None, before, pseudonyms),
        // XOR-PEER-ADDRESS, XOR-RELAYED-ADDRESS, XOR-MAPPED-ADDRESS and its number in drafts.
        0x0012 | 0x0016 | 0x0020 | 0x8020 => address(value, Some(transaction), before, pseudonyms),
        // ERROR-CODE, LIFETIME, REQUESTED-TRANSPORT, PRIORITY.
        0x0009 | 0x000d | 0x0019 | 0x0024 => first_four(),
        USERNAME => {
            let digits = hexadecimal(&pseudonyms.digest(b"user", value));
            digits.bytes().cycle().take(value.len()).collect()
        }
        // REALM and SOFTWARE, where they are a host's name or a program's.
        0x0014 if is_public_name(value, pseudonyms) => value.to_vec(),
        FINGERPRINT if value.len() == 4 => {
            fingerprint(before.get(..at).unwrap_or_default()).to_be_bytes().to_vec()
        }
        _ => Vec::new(),
    }
}

fn is_public_name(value: &[u8], pseudonyms: &Pseudonyms) -> bool {
    std::str::from_utf8(value).is_ok_and(|name| {
        name.contains('.')
            && crate::identify::names::normalise(name).is_some()
            && !pseudonyms.hides_name(name)
    })
}

/// An address and port, masked anew where it was; nothing where it is of no family.
fn address(value: &[u8], transaction: Option<&[u8]>, message: &[u8], pseudonyms: &Pseudonyms) -> Vec<u8> {
    let Some(([zero, family, a, b], bytes)) = value.split_first_chunk::<4>() else { return Vec::new() };
    let cookie = MAGIC_COOKIE.to_be_bytes();
    let mask = |transaction: Option<&[u8]>| {
        transaction.map_or_else(|| vec![0; 16], |transaction| [&cookie[..], transaction].concat())
    };
    let xor = |bytes: &[u8], mask: &[u8]| {
        bytes.iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect::<Vec<u8>>()
    };
    let plain = xor(bytes, &mask(transaction));
    let original = match (*family, plain.as_slice()) {
        (FAMILY_IPV4, [a, b, c, d]) => IpAddr::from([*a, *b, *c, *d]),
        (FAMILY_IPV6, bytes) => match <[u8; 16]>::try_from(bytes) {
            Ok(bytes) => IpAddr::from(bytes),
            Err(_) => return Vec::new(),
        },
        _ => return Vec::new(),
    };
    let new = message.get(TRANSACTION..HEADER_LENGTH).filter(|_| transaction.is_some());
    let octets = match pseudonyms.address(original) {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    [&[*zero, *family, *a, *b], xor(&octets, &mask(new)).as_slice()].concat()
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    let end = bytes.len().min(at.saturating_add(value.len()));
    if let Some(place) = bytes.get_mut(at..end) {
        place.copy_from_slice(value.get(..end - at).unwrap_or_default());
    }
}

fn number(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte))
}
