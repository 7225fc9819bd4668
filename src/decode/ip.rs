//! IPv4 (RFC 791) and IPv6 (RFC 8200) with its extension headers.

use super::anomaly::Anomaly;
use super::extension::{Walk, is_extension, walk};
use super::icmp::Version;
use super::layers::Layers;
use super::view::View;
use super::{AddressPair, Content, Fragment};
use etherparse::{Ipv4HeaderSlice, Ipv6HeaderSlice, err};
use std::net::{IpAddr, Ipv4Addr};

/// Protocol numbers, <https://www.iana.org/assignments/protocol-numbers>.
pub(super) const HOP_BY_HOP: u8 = 0;
const ICMP: u8 = 1;
const IPV4: u8 = 4;
pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;
pub(super) const DCCP: u8 = 33;
const IPV6: u8 = 41;
pub(super) const ROUTING: u8 = 43;
pub(super) const FRAGMENT: u8 = 44;
const GRE: u8 = 47;
pub(super) const AUTHENTICATION: u8 = 51;
const SWIPE: u8 = 53;
const ICMP_V6: u8 = 58;
pub(super) const DESTINATION: u8 = 60;
const ETHERIP: u8 = 97;
const PIM: u8 = 103;
pub(super) const SCTP: u8 = 132;
pub(super) const UDP_LITE: u8 = 136;
const MPLS: u8 = 137;
pub(super) const SHIM6: u8 = 140;
const ETHERNET: u8 = 143;

/// Bytes of an IPv6 header.
const IPV6_HEADER: usize = 40;

impl<'a> Layers<'a, '_> {
    /// An IP packet of the version that its first four bits say.
    #[inline]
    pub(super) fn ip(&mut self, view: View<'a>) {
        match view.u8(0).map(|byte| byte >> 4) {
            Some(4) => self.ipv4(view),
            Some(6) => self.ipv6(view),
            Some(_) => self.odd(Anomaly::IpVersion),
            None => self.odd(Anomaly::IpTruncated),
        }
    }

    /// An IPv4 packet.
    pub(super) fn ipv4(&mut self, view: View<'a>) {
        match Ipv4HeaderSlice::from_slice(view.bytes) {
            Ok(header) => self.ipv4_packet(&header, view),
            Err(error) => self.odd_ipv4(&error, view),
        }
    }

    /// Bytes announced as IPv4 that are not: some senders announce IPv6 so.
    #[cold]
    fn odd_ipv4(&mut self, error: &err::ipv4::HeaderSliceError, view: View<'a>) {
        use err::ipv4::{HeaderError, HeaderSliceError};
        match error {
            HeaderSliceError::Content(HeaderError::UnexpectedVersion { version_number: 6 }) => {
                self.ipv6(view);
            }
            HeaderSliceError::Content(HeaderError::UnexpectedVersion { .. }) => self.odd(Anomaly::IpVersion),
            HeaderSliceError::Content(_) => self.odd(Anomaly::Ipv4HeaderLength),
            HeaderSliceError::Len(_) => self.odd(Anomaly::IpTruncated),
        }
    }

    /// An IPv4 packet whose header is whole.
    #[expect(clippy::inline_always, reason = "one of the few steps that nearly every frame takes")]
    #[inline(always)]
    fn ipv4_packet(&mut self, header: &Ipv4HeaderSlice<'_>, view: View<'a>) {
        let header_length = header.slice().len();
        let Some(payload_length) = ipv4_payload_length(header, view) else {
            return self.odd(Anomaly::Ipv4TotalLength);
        };
        let Some(payload) = view.skip(header_length) else { return };
        let payload = payload.resize(payload_length);
        if header.is_fragmenting_payload() {
            return self.ipv4_fragment(header, payload);
        }
        self.payload(header, header.protocol().0, payload);
    }

    /// A piece of an IPv4 packet. The first one is decoded as far as it goes if it cannot be put together.
    #[cold]
    fn ipv4_fragment(&mut self, header: &Ipv4HeaderSlice<'_>, payload: View<'a>) {
        let offset = u32::from(header.fragments_offset().value()).saturating_mul(8);
        let protocol = header.protocol().0;
        if offset == 0 && !payload.is_whole() {
            self.odd(Anomaly::FragmentTruncated);
            return self.payload(header, protocol, payload);
        }
        let own = u32::from(header.identification());
        // Private addresses are used again from one VLAN to the next.
        let private = is_private(header.source_addr()) || is_private(header.destination_addr());
        let identification = if private { own | u32::from(self.vlan) << 16 } else { own };
        self.emit_rare(
            header.into(),
            Content::Fragment(Fragment {
                identification,
                protocol,
                offset,
                more: header.more_fragments(),
                payload: payload.bytes,
                payload_length: payload.length,
            }),
        );
    }

    /// An IPv6 packet.
    pub(super) fn ipv6(&mut self, view: View<'a>) {
        match Ipv6HeaderSlice::from_slice(view.bytes) {
            Ok(header) => self.ipv6_packet(&header, view),
            Err(err::ipv6::HeaderSliceError::Len(_)) => self.odd(Anomaly::IpTruncated),
            Err(err::ipv6::HeaderSliceError::Content(_)) => self.odd(Anomaly::IpVersion),
        }
    }

    /// An IPv6 packet whose fixed header is whole.
    #[expect(clippy::inline_always, reason = "one of the few steps that nearly every frame takes")]
    #[inline(always)]
    fn ipv6_packet(&mut self, header: &Ipv6HeaderSlice<'_>, view: View<'a>) {
        let protocol = header.next_header().0;
        let Some(rest) = view.skip(IPV6_HEADER) else { return };
        let rest = rest.resize(ipv6_payload_length(header, rest));
        if is_extension(protocol) {
            return self.extensions(header.into(), protocol, rest);
        }
        self.payload(header, protocol, rest);
    }

    /// A chain of extension headers, and what follows it.
    #[cold]
    pub(super) fn extensions(&mut self, addresses: AddressPair, protocol: u8, rest: View<'a>) {
        match walk(protocol, rest) {
            Walk::Upper { protocol, payload } => self.payload(addresses, protocol, payload),
            Walk::Fragment(fragment) => self.emit_rare(addresses, Content::Fragment(fragment)),
            Walk::Truncated => self.odd_extensions(addresses, protocol, Anomaly::IpTruncated),
            Walk::Malformed => self.odd_extensions(addresses, protocol, Anomaly::Ipv6Extension),
        }
    }

    /// An IPv6 packet counts where its chain of headers ends; in IPv4 such a header is content like any other.
    fn odd_extensions(&mut self, addresses: AddressPair, protocol: u8, kind: Anomaly) {
        self.odd(kind);
        if addresses.source.is_ipv4() {
            self.emit_rare(addresses, Content::Other(protocol));
        }
    }

    /// What an IP packet between `addresses` carries.
    #[expect(clippy::inline_always, reason = "one of the few steps that nearly every frame takes")]
    #[inline(always)]
    pub(super) fn payload(&mut self, addresses: impl Into<AddressPair>, protocol: u8, view: View<'a>) {
        match protocol {
            TCP => self.tcp(addresses, view),
            UDP => self.udp(addresses, view),
            ICMP => self.icmp(addresses.into(), Version::V4, view),
            ICMP_V6 => self.icmp(addresses.into(), Version::V6, view),
            _ => self.rare_payload(addresses.into(), protocol, view),
        }
    }

    /// Tunnels directly in IP, and what is not decoded.
    #[cold]
    fn rare_payload(&mut self, addresses: AddressPair, protocol: u8, view: View<'a>) {
        let found = match protocol {
            IPV4 => self.tunnel(addresses, |layers| layers.ip(view)),
            IPV6 => self.tunnel(addresses, |layers| layers.ipv6(view)),
            GRE => self.tunnel(addresses, |layers| layers.gre(view)),
            ETHERIP => self.tunnel(addresses, |layers| layers.after(view, 2, Self::ethernet)),
            PIM => self.tunnel(addresses, |layers| layers.multicast_register(view)),
            MPLS => self.tunnel(addresses, |layers| layers.mpls(view)),
            SWIPE => self.tunnel(addresses, |layers| layers.swipe(view)),
            ETHERNET => self.tunnel(addresses, |layers| layers.ethernet(view)),
            protocol if is_extension(protocol) => return self.extensions(addresses, protocol, view),
            _ => false,
        };
        if !found {
            self.emit_rare(addresses, Content::Other(protocol));
        }
    }

    /// An encrypting tunnel of old, as far as it does not encrypt: the length of its header is at 1.
    fn swipe(&mut self, view: View<'a>) {
        match view.u8(1).and_then(|length| view.skip(length.into())) {
            Some(packet) => self.ipv6(packet),
            None => self.odd(Anomaly::TunnelMalformed),
        }
    }

    /// A register message of PIM has the multicast packet in it, RFC 7761 section 4.9.3.
    fn multicast_register(&mut self, view: View<'a>) {
        const REGISTER: u8 = 0x21;
        let packet = view.skip(8).filter(|_| view.u8(0) == Some(REGISTER));
        if let Some(packet) = packet.filter(|packet| matches!(packet.u8(0), Some(0x40..=0x6f))) {
            self.ip(packet);
        }
    }
}

/// Bytes after the header; `None` if the total length is shorter than the header.
///
/// A total length of zero is what a capture shows of a packet that the network card will cut into segments
/// (TSO): it reaches to the end of the frame.
#[inline]
fn ipv4_payload_length(header: &Ipv4HeaderSlice<'_>, view: View<'_>) -> Option<u32> {
    let header_length = u32::from(header.ihl()).saturating_mul(4);
    match header.total_len() {
        0 => Some(view.length.saturating_sub(header_length)),
        total => u32::from(total).checked_sub(header_length),
    }
}

/// Bytes after the fixed header. Zero means a jumbogram (RFC 2675), nothing, or, as in IPv4, a packet that will
/// be cut into segments: those carry TCP or UDP.
#[inline]
fn ipv6_payload_length(header: &Ipv6HeaderSlice<'_>, rest: View<'_>) -> u32 {
    match (header.payload_length(), header.next_header().0) {
        (0, HOP_BY_HOP) => jumbo_length(rest).unwrap_or(0),
        (0, TCP | UDP) => rest.length,
        (length, _) => u32::from(length),
    }
}

/// The length in the jumbo payload option (0xc2, RFC 2675 section 2) of a hop-by-hop header.
fn jumbo_length(view: View<'_>) -> Option<u32> {
    let end = usize::from(view.u8(1)?).saturating_add(1).saturating_mul(8);
    let mut at: usize = 2;
    while at < end {
        at = match view.u8(at)? {
            0 => at.saturating_add(1),
            0xc2 => return view.u32(at.saturating_add(2)).filter(|&length| length > u32::from(u16::MAX)),
            _ => at.saturating_add(2).saturating_add(usize::from(view.u8(at.saturating_add(1))?)),
        };
    }
    None
}

impl From<&Ipv4HeaderSlice<'_>> for AddressPair {
    /// Of a packet with a source route the destination is the last stop, RFC 791 section 3.1: that is where it
    /// goes to.
    #[inline]
    fn from(header: &Ipv4HeaderSlice<'_>) -> Self {
        let destination = if header.options().is_empty() {
            header.destination_addr()
        } else {
            last_stop(header.options()).unwrap_or(header.destination_addr())
        };
        Self { source: IpAddr::V4(header.source_addr()), destination: IpAddr::V4(destination) }
    }
}

/// The last address of a source route that is not used up yet.
#[cold]
fn last_stop(options: &[u8]) -> Option<Ipv4Addr> {
    let mut rest = options;
    loop {
        rest = match *rest {
            [] | [0, ..] => return None,
            [1, ref next @ ..] => next,
            // Loose and strict source route: type, length, pointer, addresses.
            [0x83 | 0x89, length, pointer, ..] => {
                let used_up = pointer < 4 || pointer & 3 != 0 || pointer > length;
                let last = usize::from(length).checked_sub(4)?;
                let address = rest.get(last..)?.first_chunk::<4>().copied().map(Ipv4Addr::from);
                return if used_up { None } else { address };
            }
            [_, length, ..] if length >= 2 => rest.get(usize::from(length)..)?,
            _ => return None,
        };
    }
}

impl From<&Ipv6HeaderSlice<'_>> for AddressPair {
    /// A routing header names further stops, which are not these.
    #[inline]
    fn from(header: &Ipv6HeaderSlice<'_>) -> Self {
        Self { source: IpAddr::V6(header.source_addr()), destination: IpAddr::V6(header.destination_addr()) }
    }
}

/// Whether an address may stand for different hosts in different VLANs.
fn is_private(address: Ipv4Addr) -> bool {
    address.is_private() || address.is_link_local()
}

/// An IP header and what lies behind it, found without handing out anything.
#[derive(Debug)]
pub(super) struct Found<'a> {
    pub(super) addresses: AddressPair,
    /// The protocol of the upper layer.
    pub(super) protocol: u8,
    /// Whether `payload` begins with the upper layer's header.
    pub(super) first_piece: bool,
    pub(super) payload: View<'a>,
}

/// Reads the IP header, and its chain of extension headers, that `view` begins with.
pub(super) fn find(view: View<'_>) -> Option<Found<'_>> {
    if view.u8(0)? >> 4 == 4 {
        let header = Ipv4HeaderSlice::from_slice(view.bytes).ok()?;
        return Some(Found {
            addresses: (&header).into(),
            protocol: header.protocol().0,
            first_piece: header.fragments_offset().value() == 0,
            payload: view.skip(header.slice().len())?,
        });
    }
    let header = Ipv6HeaderSlice::from_slice(view.bytes).ok()?;
    let addresses = (&header).into();
    let rest = view.skip(IPV6_HEADER)?;
    match walk(header.next_header().0, rest) {
        Walk::Upper { protocol, payload } => Some(Found { addresses, protocol, first_piece: true, payload }),
        Walk::Fragment(Fragment { protocol, offset, payload, payload_length, .. }) => Some(Found {
            addresses,
            protocol,
            first_piece: offset == 0,
            payload: View::new(payload, payload_length),
        }),
        Walk::Truncated | Walk::Malformed => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::sample::{
        self, INNER4, INNER6, OUTER4, OUTER6, RAW, below, ethernet4, in4, in6, join, odd, read, tcp4, udp4,
        udp6,
    };

    #[test]
    fn ip_in_ip_is_read_in_all_four_ways() {
        assert_eq!(read(RAW, &in4(4, &udp4())), below(OUTER4, INNER4));
        assert_eq!(read(RAW, &in4(41, &udp6())), below(OUTER4, INNER6));
        assert_eq!(read(RAW, &in6(4, &udp4())), below(OUTER6, INNER4));
        assert_eq!(read(RAW, &in6(41, &udp6())), below(OUTER6, INNER6));
        assert_eq!(read(RAW, &in4(41, &udp4())), format!("{OUTER4} / protocol 41"));
    }

    #[test]
    fn other_tunnels_directly_in_ip_are_read() {
        assert_eq!(read(RAW, &in4(97, &join(&[&[0x30, 0], &ethernet4()]))), below(OUTER4, INNER4));
        assert_eq!(read(RAW, &in4(137, &join(&[&[0, 1, 1, 64], &udp4()]))), below(OUTER4, INNER4));
        assert_eq!(read(RAW, &in6(143, &ethernet4())), below(OUTER6, INNER4));
        assert_eq!(read(RAW, &in4(53, &join(&[&[0, 8, 0, 0, 0, 0, 0, 0], &udp6()]))), below(OUTER4, INNER6));
        assert_eq!(
            read(RAW, &in4(103, &join(&[&[0x21, 0, 0, 0, 0, 0, 0, 0], &udp4()]))),
            below(OUTER4, INNER4)
        );
        assert_eq!(
            read(RAW, &in4(103, &join(&[&[0x20, 0, 0, 0], &udp4()]))),
            format!("{OUTER4} / protocol 103")
        );
        assert_eq!(read(RAW, &in4(132, &udp4())), format!("{OUTER4} / protocol 132"));
    }

    #[test]
    fn a_payload_ends_where_the_header_says_and_what_was_cut_is_known() {
        let padded = join(&[&tcp4(), &[0; 9]]);
        assert_eq!(read(RAW, &padded), format!("{INNER4} / tcp 40000>443 5"));
        let whole = tcp4();
        let (packets, _) = sample::packets(RAW, &whole[..42], whole.len());
        let Content::Tcp(segment) = packets[0].content else { panic!() };
        assert_eq!((segment.payload, segment.payload_length), (&b"he"[..], 5));
    }

    #[test]
    fn a_total_length_of_zero_reaches_to_the_end_of_the_frame() {
        let mut packet = tcp4();
        packet[2..4].fill(0);
        packet.extend([0; 1000]);
        assert_eq!(read(RAW, &packet), format!("{INNER4} / tcp 40000>443 1005"));
        let mut packet = udp6();
        packet[4..6].fill(0);
        assert_eq!(read(RAW, &packet), below("", INNER6));
    }

    #[test]
    fn headers_that_contradict_themselves_are_counted() {
        let with = |at: usize, value: u8| {
            let mut packet = udp4();
            packet[at] = value;
            odd(228, &packet)
        };
        assert_eq!(with(0, 0x44), ["ipv4_header_length_wrong"]);
        assert_eq!(with(0, 0x55), ["ip_version_wrong"]);
        assert_eq!(with(3, 19), ["ipv4_total_length_wrong"]);
        assert_eq!(with(0, 0x4f), ["ip_header_truncated"]);
        assert_eq!(odd(RAW, &udp4()[..19]), ["ip_header_truncated"]);
        assert_eq!(odd(RAW, &udp6()[..39]), ["ip_header_truncated"]);
    }

    #[test]
    fn a_source_route_leads_to_its_last_stop() {
        let stops = |options: &[u8]| last_stop(options).map(|address| address.octets());
        assert_eq!(stops(&[0x83, 11, 4, 9, 9, 9, 1, 9, 9, 9, 2, 0]), Some([9, 9, 9, 2]));
        assert_eq!(stops(&[1, 0x89, 7, 4, 9, 9, 9, 1]), Some([9, 9, 9, 1]));
        assert_eq!(stops(&[7, 3, 4, 0x83, 7, 4, 9, 9, 9, 1, 0, 0]), Some([9, 9, 9, 1]));
        assert_eq!(stops(&[0x83, 7, 8, 9, 9, 9, 1, 0]), None, "used up");
        assert_eq!(stops(&[0x83, 7, 5, 9, 9, 9, 1, 0]), None, "no pointer");
        assert_eq!(stops(&[0x83, 40, 4, 9, 9, 9, 1, 0]), None, "too long");
        assert_eq!(stops(&[0, 0x83, 7, 4, 9, 9, 9, 1]), None, "behind the end");
    }

    #[test]
    fn a_jumbogram_has_its_length_in_an_option() {
        let options = [17, 0, 0xc2, 4, 0, 1, 0x11, 0x70];
        let mut packet = in6(0, &join(&[&options, &[0, 1, 0, 2, 0, 0, 0, 0], b"part of it"]));
        packet[4..6].fill(0);
        let (packets, _) = sample::packets(RAW, &packet, 70_040);
        let Content::Udp(datagram) = packets[0].content else { panic!() };
        assert_eq!((datagram.payload, datagram.payload_length), (&b"part of it"[..], 69_984));
        packet[44..48].copy_from_slice(&[0, 0, 0, 70]);
        assert_eq!(odd(RAW, &packet), ["ip_header_truncated"], "a jumbogram is longer than 65,535");
    }

    #[test]
    fn pieces_carry_what_tells_them_apart() {
        let mut packet = udp4();
        packet[6..8].copy_from_slice(&[0x20, 2]);
        assert_eq!(read(RAW, &packet), format!("{INNER4} / piece 16+20"));
        let tagged = sample::ethernet(0x8100, &join(&[&[0, 5, 8, 0], &packet]));
        let (packets, _) = sample::packets(1, &tagged, tagged.len());
        let Content::Fragment(piece) = packets[0].content else { panic!() };
        assert_eq!(piece.identification >> 16, 5, "private addresses are told apart by VLAN");
        packet[6..8].copy_from_slice(&[0x20, 0]);
        let (packets, anomalies) = sample::packets(RAW, &packet[..36], packet.len());
        assert!(matches!(packets[0].content, Content::Udp(_)), "the first piece is read as far as it goes");
        assert_eq!(anomalies.counts()["fragment_truncated"], 1);
    }
}
