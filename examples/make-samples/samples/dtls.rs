//! DTLS 1.2 (RFC 6347) handshakes: the messages of a TLS 1.2 handshake in DTLS records.

use super::random::Random;
use super::tls::Flight;

const CHANGE_CIPHER_SPEC: u8 = 20;
const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
const DTLS_1_2: [u8; 2] = [0xfe, 0xfd];

/// `use_srtp`, RFC 5764 section 4.1.1: one profile, `SRTP_AEAD_AES_128_GCM`, and no MKI.
const USE_SRTP: [u8; 9] = [0, 14, 0, 5, 0, 2, 0, 7, 0];

/// One datagram for each flight of a TLS 1.2 conversation's handshake.
pub(crate) fn datagrams(flights: &[Flight], random: &Random) -> Vec<(bool, Vec<u8>)> {
    let mut sequences = [[0u64; 2]; 2];
    let mut messages = [0u16; 2];
    flights
        .iter()
        .map(|flight| {
            let side = usize::from(flight.from_client);
            let mut epoch = 0;
            let mut datagram = Vec::new();
            for (kind, content) in records(&flight.bytes) {
                let mut add = |content: &[u8]| {
                    datagram.extend(record(kind, epoch, sequences[side][epoch], content));
                    sequences[side][epoch] += 1;
                };
                if kind == HANDSHAKE && epoch == 0 {
                    for message in handshake_messages(content) {
                        add(&handshake(message, messages[side]));
                        messages[side] += 1;
                    }
                } else if kind == CHANGE_CIPHER_SPEC {
                    add(content);
                    epoch = 1;
                } else {
                    add(&random.bytes(content.len()));
                }
            }
            (flight.from_client, datagram)
        })
        .collect()
}

/// Content type and content of each TLS record.
fn records(mut bytes: &[u8]) -> Vec<(u8, &[u8])> {
    let mut records = Vec::new();
    while bytes.len() >= 5 {
        let length = usize::from(u16::from_be_bytes([bytes[3], bytes[4]]));
        records.push((bytes[0], &bytes[5..5 + length]));
        bytes = &bytes[5 + length..];
    }
    records
}

/// The handshake messages of a record, each with its four bytes of header.
fn handshake_messages(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut messages = Vec::new();
    while bytes.len() >= 4 {
        let length = 4 + u32::from_be_bytes([0, bytes[1], bytes[2], bytes[3]]) as usize;
        messages.push(&bytes[..length]);
        bytes = &bytes[length..];
    }
    messages
}

fn record(kind: u8, epoch: usize, sequence: u64, content: &[u8]) -> Vec<u8> {
    let mut record = vec![kind];
    record.extend_from_slice(&DTLS_1_2);
    record.extend_from_slice(&(epoch as u16).to_be_bytes());
    record.extend_from_slice(&sequence.to_be_bytes()[2..]);
    record.extend_from_slice(&(content.len() as u16).to_be_bytes());
    record.extend_from_slice(content);
    record
}

/// A handshake message with the header of DTLS: it adds a number and the place of the fragment.
fn handshake(message: &[u8], number: u16) -> Vec<u8> {
    let body = match message[0] {
        CLIENT_HELLO => client_hello(&message[4..]),
        SERVER_HELLO => [&DTLS_1_2[..], &message[6..]].concat(),
        _ => message[4..].to_vec(),
    };
    let length = &(body.len() as u32).to_be_bytes()[1..];
    [&message[..1], length, &number.to_be_bytes(), &[0, 0, 0], length, &body].concat()
}

/// A `ClientHello` with DTLS's version, an empty cookie and the offer of SRTP; without a server's name, for media
/// servers have none.
fn client_hello(body: &[u8]) -> Vec<u8> {
    let session_end = 2 + 32 + 1 + usize::from(body[34]);
    let suites_end =
        session_end + 2 + usize::from(u16::from_be_bytes([body[session_end], body[session_end + 1]]));
    let compression_end = suites_end + 1 + usize::from(body[suites_end]);
    let mut extensions = without_name(&body[compression_end + 2..]);
    extensions.extend_from_slice(&USE_SRTP);
    let mut hello = DTLS_1_2.to_vec();
    hello.extend_from_slice(&body[2..session_end]);
    hello.push(0);
    hello.extend_from_slice(&body[session_end..compression_end]);
    hello.extend_from_slice(&(extensions.len() as u16).to_be_bytes());
    hello.extend_from_slice(&extensions);
    hello
}

/// Extensions except `server_name`, RFC 6066 section 3.
fn without_name(mut extensions: &[u8]) -> Vec<u8> {
    let mut kept = Vec::new();
    while extensions.len() >= 4 {
        let length = 4 + usize::from(u16::from_be_bytes([extensions[2], extensions[3]]));
        if extensions[..2] != [0, 0] {
            kept.extend_from_slice(&extensions[..length]);
        }
        extensions = &extensions[length..];
    }
    kept
}
