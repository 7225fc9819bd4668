//! What of a payload is kept: the fields that findings rest on, and nothing that was not looked at.

use super::{dns, stun, tls};
use crate::decode::Content;
use crate::evidence::pseudonyms::Pseudonyms;

const DNS_PORT: u16 = 53;
/// Bytes of an RTP header without sources and extension, RFC 3550 section 5.1.
const RTP_HEADER: usize = 12;
/// Bytes of an RTCP header with the sender, RFC 3550 section 6.4. What follows can be a name (SDES).
const RTCP_HEADER: usize = 8;
/// Bytes of a record header of DTLS and the type of the handshake message, RFC 6347 section 4.1.
const DTLS_HEADER: usize = 14;
/// First byte and version of a long header of QUIC, RFC 9000 section 17.2; connection identifiers follow.
const QUIC_HEADER: usize = 5;
/// Number and length of `ChannelData`, RFC 8656 section 12.4.
const CHANNEL_DATA_HEADER: usize = 4;

/// The beginning of the payload of `content`, as it can be shared. What does not begin like anything known is empty.
pub(super) fn keep(content: &Content<'_>, pseudonyms: &Pseudonyms) -> Vec<u8> {
    match content {
        Content::Tcp(segment) => tls::keep(segment.payload, pseudonyms),
        Content::Udp(datagram) => {
            if [datagram.source_port, datagram.destination_port].contains(&DNS_PORT) {
                return dns::keep(datagram.payload, pseudonyms);
            }
            udp(datagram.payload, pseudonyms)
        }
        _ => Vec::new(),
    }
}

/// Told apart by the first byte, RFC 7983.
fn udp(payload: &[u8], pseudonyms: &Pseudonyms) -> Vec<u8> {
    let first = |count: usize| payload.get(..count).unwrap_or_default().to_vec();
    match payload {
        [0..=3, ..] => stun::keep(payload, pseudonyms),
        [20..=23, 0xfe, ..] => first(DTLS_HEADER.min(payload.len())),
        [64..=79, _, ..] => first(CHANNEL_DATA_HEADER),
        // RTCP has these packet types, RFC 5761 section 4.
        [128..=191, 192..=223, ..] => first(RTCP_HEADER),
        [128..=191, ..] => first(RTP_HEADER),
        [192..=255, _, _, _, _, ..] => first(QUIC_HEADER),
        _ => Vec::new(),
    }
}
