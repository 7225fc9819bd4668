//! TCP (RFC 9293) and UDP (RFC 768): the headers that end the way inwards, unless a tunnel goes on.

use super::anomaly::Anomaly;
use super::layers::Layers;
use super::udp_tunnel::UdpTunnel;
use super::view::View;
use super::{AddressPair, Content, TcpFlags, TcpSegment, UdpDatagram};
use etherparse::{TcpHeaderSlice, UdpHeaderSlice, err};

/// Bytes of the longest TCP header: the data offset is four bits wide.
const TCP_HEADER_MAX: usize = 60;
/// Bytes of a TCP header without options.
const TCP_HEADER_MIN: usize = 20;
/// Bytes of a UDP header.
const UDP_HEADER: usize = 8;

impl<'a> Layers<'a, '_> {
    /// A TCP segment in the IP packet between `addresses`.
    #[expect(clippy::inline_always, reason = "one of the few steps that nearly every frame takes")]
    #[inline(always)]
    pub(super) fn tcp(&mut self, addresses: impl Into<AddressPair>, view: View<'a>) {
        match TcpHeaderSlice::from_slice(view.bytes) {
            Ok(header) => self.emit(addresses, || segment(&header, view)),
            Err(error) => self.odd_tcp(addresses.into(), &error, view),
        }
    }

    /// A segment whose header is cut or wrong; the fixed part is enough to know the flow.
    #[cold]
    fn odd_tcp(&mut self, addresses: AddressPair, error: &err::tcp::HeaderSliceError, view: View<'a>) {
        if matches!(error, err::tcp::HeaderSliceError::Content(_)) {
            self.odd(Anomaly::TransportMalformed);
            return self.emit_rare(addresses, Content::Unreadable);
        }
        self.odd(Anomaly::TransportTruncated);
        let mut padded = [0; TCP_HEADER_MAX];
        padded.iter_mut().zip(view.bytes).for_each(|(to, from)| *to = *from);
        let content = match TcpHeaderSlice::from_slice(&padded) {
            Ok(header) if view.bytes.len() >= TCP_HEADER_MIN => segment(&header, view),
            _ => Content::Unreadable,
        };
        self.emit_rare(addresses, content);
    }

    /// A UDP datagram in the IP packet between `addresses`.
    #[expect(clippy::inline_always, reason = "one of the few steps that nearly every frame takes")]
    #[inline(always)]
    pub(super) fn udp(&mut self, addresses: impl Into<AddressPair>, view: View<'a>) {
        let Ok(header) = UdpHeaderSlice::from_slice(view.bytes) else {
            self.odd(Anomaly::TransportTruncated);
            return self.emit_rare(addresses.into(), Content::Unreadable);
        };
        let Some(payload) = udp_payload(header.length(), view) else {
            self.odd(Anomaly::TransportMalformed);
            return self.emit_rare(addresses.into(), Content::Unreadable);
        };
        match UdpTunnel::between(header.source_port(), header.destination_port()) {
            None => self.emit(addresses, || Content::Udp(datagram(&header, payload))),
            Some(tunnel) => self.tunnelled(tunnel, addresses.into(), &header, payload),
        }
    }

    /// A datagram on the port of a tunnel: what is in the tunnel, or else the datagram.
    #[cold]
    fn tunnelled(
        &mut self,
        tunnel: UdpTunnel,
        addresses: AddressPair,
        header: &UdpHeaderSlice<'_>,
        payload: View<'a>,
    ) {
        // In IPv4, which has no jumbograms, a length of zero may be anything.
        let is_sound = header.length() != 0 || addresses.source.is_ipv6();
        if !(is_sound && self.udp_tunnel(tunnel, addresses, header.destination_port(), payload)) {
            self.emit_rare(addresses, Content::Udp(datagram(header, payload)));
        }
    }
}

/// The datagram that `header` begins.
#[inline]
fn datagram<'a>(header: &UdpHeaderSlice<'_>, payload: View<'a>) -> UdpDatagram<'a> {
    UdpDatagram {
        source_port: header.source_port(),
        destination_port: header.destination_port(),
        payload: payload.bytes,
        payload_length: payload.length,
    }
}

/// What a UDP header covers. A length of zero stands for more than 65,535 bytes (RFC 2675 section 4).
#[inline]
fn udp_payload(length: u16, view: View<'_>) -> Option<View<'_>> {
    let payload = view.skip(UDP_HEADER)?;
    match length {
        0 => Some(payload),
        1..8 => None,
        _ => Some(payload.resize(payload.length.min(u32::from(length).saturating_sub(8)))),
    }
}

/// The segment that `header` begins; its payload lies in `view`.
#[inline]
fn segment<'a>(header: &TcpHeaderSlice<'_>, view: View<'a>) -> Content<'a> {
    let header_length = header.slice().len();
    let flags = header.slice().get(13).copied().unwrap_or(0);
    let header_on_wire = u32::from(header.data_offset()).saturating_mul(4);
    Content::Tcp(TcpSegment {
        source_port: header.source_port(),
        destination_port: header.destination_port(),
        sequence: header.sequence_number(),
        acknowledgment: header.acknowledgment_number(),
        flags: TcpFlags(flags),
        payload: view.bytes.get(header_length..).unwrap_or_default(),
        payload_length: view.length.saturating_sub(header_on_wire),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::sample::{self, INNER4, INNER6, RAW, below, odd, read, tcp4, udp4, udp6};

    #[test]
    fn the_fields_of_a_segment_are_read() {
        let bytes = tcp4();
        let (packets, _) = sample::packets(RAW, &bytes, bytes.len());
        let Content::Tcp(segment) = packets[0].content else { panic!() };
        assert_eq!((segment.source_port, segment.destination_port), (40000, 443));
        assert_eq!((segment.sequence, segment.acknowledgment), (1, 2));
        assert!(segment.flags.has(TcpFlags::ACK) && !segment.flags.has(TcpFlags::SYN));
        assert_eq!(segment.payload, b"hello");
    }

    #[test]
    fn a_segment_cut_within_its_options_is_still_known() {
        let mut bytes = tcp4();
        bytes[32] = 0x80;
        bytes.splice(40..40, [1; 12]);
        bytes[3] = u8::try_from(bytes.len()).unwrap();
        let (packets, anomalies) = sample::packets(RAW, &bytes[..45], bytes.len());
        let Content::Tcp(segment) = packets[0].content else { panic!() };
        assert_eq!((segment.destination_port, segment.payload, segment.payload_length), (443, &b""[..], 5));
        assert_eq!(anomalies.counts()["transport_header_truncated"], 1);
        assert_eq!(
            sample::line(&sample::packets(RAW, &bytes[..39], bytes.len()).0[0]),
            format!("{INNER4} / unreadable")
        );
    }

    #[test]
    fn an_offset_within_the_fixed_header_is_malformed() {
        let mut bytes = tcp4();
        bytes[32] = 0x40;
        assert_eq!(read(RAW, &bytes), format!("{INNER4} / unreadable"));
        assert_eq!(odd(RAW, &bytes), ["transport_header_malformed"]);
    }

    #[test]
    fn a_datagram_has_the_length_that_fits() {
        let with_length = |packet: Vec<u8>, at: usize, length: u8| {
            let mut packet = packet;
            packet[at..at + 2].copy_from_slice(&[0, length]);
            read(RAW, &packet)
        };
        assert_eq!(with_length(udp4(), 24, 10), format!("{INNER4} / udp 40000>40001 2"));
        assert_eq!(with_length(udp4(), 24, 200), below("", INNER4));
        assert_eq!(with_length(udp6(), 44, 0), below("", INNER6));
        assert_eq!(with_length(udp4(), 24, 7), format!("{INNER4} / unreadable"));
    }
}
