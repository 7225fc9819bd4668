//! What an IP packet carries: TCP, UDP, ICMP, or a fragment.

use super::Built;
use super::checksum::{checksum, of_transport};
use super::headers::{self, Header};
use crate::decode::{AddressPair, Content, Fragment, IcmpMessage, TcpSegment, UdpDatagram};
use crate::evidence::pseudonyms::Pseudonyms;

const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const FRAGMENT: u8 = 44;
const ICMP_V6: u8 = 58;

/// Bytes of a TCP header without options.
const TCP_HEADER: usize = 20;
/// Where checksums stand in TCP, UDP and ICMP.
const TCP_CHECKSUM: usize = 16;
const UDP_CHECKSUM: usize = 6;
const ICMP_CHECKSUM: usize = 2;

/// The packet between `pair` with `content`, of whose payload `kept` is to be there.
pub(super) fn packet(
    content: &Content<'_>,
    original: Option<&Header<'_>>,
    pair: AddressPair,
    kept: &[u8],
    pseudonyms: &Pseudonyms,
) -> Built {
    match content {
        Content::Tcp(segment) => tcp(segment, original, pair, kept),
        Content::Udp(datagram) => udp(datagram, original, pair, kept),
        Content::Icmp(message) => icmp(message, original, pair, pseudonyms),
        Content::Fragment(fragment) => piece(fragment, original, pair),
        Content::Other(protocol) => {
            headers::packet(pair, original, *protocol, original.map_or(0, Header::payload_length), &[])
        }
        Content::Unreadable => {
            let (protocol, length) =
                original.map_or((0, 0), |header| (header.protocol(), header.payload_length()));
            headers::packet(pair, original, protocol, length, &[])
        }
    }
}

fn tcp(segment: &TcpSegment<'_>, original: Option<&Header<'_>>, pair: AddressPair, kept: &[u8]) -> Built {
    let header = original.and_then(Header::payload).and_then(|bytes| tcp_header(bytes, segment));
    let mut bytes = header.unwrap_or_else(|| plain_tcp_header(segment));
    let length = segment.payload_length.saturating_add(u32::try_from(bytes.len()).unwrap_or(0));
    bytes.extend(kept);
    put_checksum(&mut bytes, TCP_CHECKSUM, |bytes| of_transport(pair, TCP, length, bytes));
    headers::packet(pair, original, TCP, length, &bytes)
}

/// The segment's header as captured, with the options that say nothing of addresses.
fn tcp_header(bytes: &[u8], segment: &TcpSegment<'_>) -> Option<Vec<u8>> {
    let ports = [segment.source_port.to_be_bytes(), segment.destination_port.to_be_bytes()].concat();
    let length = usize::from(bytes.get(12)? >> 4) * 4;
    let is_it = bytes.starts_with(&ports) && bytes.get(4..8)? == segment.sequence.to_be_bytes();
    let mut header = bytes.get(..length).filter(|_| is_it && length >= TCP_HEADER)?.to_vec();
    clean_options(header.get_mut(TCP_HEADER..)?);
    Some(header)
}

/// A header with what the decoder read; the window is not known.
fn plain_tcp_header(segment: &TcpSegment<'_>) -> Vec<u8> {
    let mut header = Vec::with_capacity(TCP_HEADER);
    header.extend(segment.source_port.to_be_bytes());
    header.extend(segment.destination_port.to_be_bytes());
    header.extend(segment.sequence.to_be_bytes());
    header.extend(segment.acknowledgment.to_be_bytes());
    header.extend([0x50, segment.flags.0, 0, 0, 0, 0, 0, 0]);
    header
}

/// Leaves maximum segment size, window scale, selective acknowledgment and time stamps (RFC 9293 section 3.2, RFC
/// 7323, RFC 2018); others, of which some name addresses (RFC 8684), become no-operations.
fn clean_options(mut options: &mut [u8]) {
    const NO_OPERATION: u8 = 1;
    while let Some(kind) = options.first().copied() {
        let length = match (kind, options.get(1)) {
            (0, _) => options.len(),
            (NO_OPERATION, _) => 1,
            (_, Some(length)) if (2..=options.len()).contains(&usize::from(*length)) => usize::from(*length),
            _ => options.len(),
        };
        let (option, rest) = std::mem::take(&mut options).split_at_mut(length.min(usize::from(u8::MAX)));
        if !matches!(kind, NO_OPERATION | 2..=5 | 8) {
            option.fill(if kind == 0 { 0 } else { NO_OPERATION });
        }
        options = rest;
    }
}

fn udp(datagram: &UdpDatagram<'_>, original: Option<&Header<'_>>, pair: AddressPair, kept: &[u8]) -> Built {
    let length = datagram.payload_length.saturating_add(8);
    let mut bytes = Vec::with_capacity(8 + kept.len());
    bytes.extend(datagram.source_port.to_be_bytes());
    bytes.extend(datagram.destination_port.to_be_bytes());
    bytes.extend(u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes());
    bytes.extend([0, 0]);
    bytes.extend(kept);
    // Zero would mean that there is none, RFC 768.
    put_checksum(&mut bytes, UDP_CHECKSUM, |bytes| match of_transport(pair, UDP, length, bytes) {
        0 => u16::MAX,
        sum => sum,
    });
    headers::packet(pair, original, UDP, length, &bytes)
}

/// A message with its type and code, and of an error the header that it quotes with its ports.
fn icmp(
    message: &IcmpMessage,
    original: Option<&Header<'_>>,
    pair: AddressPair,
    pseudonyms: &Pseudonyms,
) -> Built {
    let mut bytes = vec![message.kind, message.code, 0, 0, 0, 0, 0, 0];
    if let Some(quoted) = &message.quoted {
        let mut ports = Vec::new();
        if let Some((source, destination)) = quoted.ports {
            ports.extend(source.to_be_bytes());
            ports.extend(destination.to_be_bytes());
        }
        // As much of what is quoted as RFC 792 asks for.
        ports.resize(8, 0);
        let inner = AddressPair {
            source: pseudonyms.address(quoted.addresses.source),
            destination: pseudonyms.address(quoted.addresses.destination),
        };
        bytes.extend(headers::packet(inner, None, quoted.protocol, 8, &ports).bytes);
    }
    let length = u32::try_from(bytes.len()).unwrap_or(0);
    let protocol = if pair.source.is_ipv4() { ICMP } else { ICMP_V6 };
    put_checksum(&mut bytes, ICMP_CHECKSUM, |bytes| match protocol {
        ICMP => checksum(bytes),
        _ => of_transport(pair, ICMP_V6, length, bytes),
    });
    headers::packet(pair, original, protocol, length, &bytes)
}

/// A fragment without its payload, RFC 791 section 3.1 and RFC 8200 section 4.5.
fn piece(fragment: &Fragment<'_>, original: Option<&Header<'_>>, pair: AddressPair) -> Built {
    if pair.source.is_ipv4() {
        return headers::packet(pair, original, fragment.protocol, fragment.payload_length, &[]);
    }
    let place = u16::try_from(fragment.offset).unwrap_or(u16::MAX) & 0xfff8 | u16::from(fragment.more);
    let mut bytes = vec![fragment.protocol, 0];
    bytes.extend(place.to_be_bytes());
    bytes.extend(fragment.identification.to_be_bytes());
    headers::packet(pair, original, FRAGMENT, fragment.payload_length.saturating_add(8), &bytes)
}

fn put_checksum(bytes: &mut [u8], place: usize, sum: impl FnOnce(&[u8]) -> u16) {
    if let Some(field) = bytes.get_mut(place..place + 2) {
        field.fill(0);
    }
    let sum = sum(bytes).to_be_bytes();
    if let Some(field) = bytes.get_mut(place..place + 2) {
        field.copy_from_slice(&sum);
    }
}
