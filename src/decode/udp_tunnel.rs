//! Tunnels in UDP, told by their port.

use super::AddressPair;
use super::anomaly::Anomaly;
use super::layers::Layers;
use super::view::View;

/// The port of control messages, which are sent from the port of data too.
const LISP_CONTROL: u16 = 4342;

/// A tunnelling protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UdpTunnel {
    /// Automatic multicast tunnelling, RFC 7450.
    Amt,
    /// Anything in anything, draft-massar-v6ops-ayiya.
    Ayiya,
    /// Data channel of wireless access points, RFC 5415.
    CapwapData,
    /// RFC 8926.
    Geneve,
    /// RFC 8086.
    Gre,
    /// User plane of mobile networks, 3GPP TS 29.281; also version 0 and prime.
    Gtp,
    /// Packets mirrored by a Juniper router.
    JuniperMirror,
    /// RFC 2661.
    L2tp,
    /// Locator/ID separation: control, RFC 9301 section 5.8.
    LispControl,
    /// Locator/ID separation: data, RFC 9300 section 5.
    LispData,
    /// Lightweight access points, RFC 5412.
    Lwapp,
    /// Their tunnel at layer 3.
    LwappLayer3,
    /// NAT traversal of mobile IP, RFC 3519.
    MobileIp,
    /// RFC 7510.
    Mpls,
    /// RFC 4380.
    Teredo,
    /// Tazmen sniffer protocol.
    Tzsp,
    /// RFC 7348.
    Vxlan,
    /// draft-ietf-nvo3-vxlan-gpe.
    VxlanGpe,
}

impl UdpTunnel {
    /// The tunnel that `port` is registered for, or that uses it by default.
    #[inline]
    const fn of(port: u16) -> Option<Self> {
        Some(match port {
            434 => Self::MobileIp,
            1701 => Self::L2tp,
            2123 | 2152 | 3386 => Self::Gtp,
            2268 => Self::Amt,
            3544 => Self::Teredo,
            4341 => Self::LispData,
            LISP_CONTROL => Self::LispControl,
            4754 => Self::Gre,
            // 8472 is what Linux used before the assignment, and still uses by default.
            4789 | 8472 => Self::Vxlan,
            4790 => Self::VxlanGpe,
            5072 => Self::Ayiya,
            5247 => Self::CapwapData,
            6081 => Self::Geneve,
            6635 => Self::Mpls,
            30030 => Self::JuniperMirror,
            12220 => Self::LwappLayer3,
            12222 | 12223 => Self::Lwapp,
            37008 => Self::Tzsp,
            _ => return None,
        })
    }

    /// The tunnel of a datagram. The lower of two registered ports is the likelier one.
    #[inline]
    pub(super) fn between(source_port: u16, destination_port: u16) -> Option<Self> {
        let (low, high) = if source_port < destination_port {
            (source_port, destination_port)
        } else {
            (destination_port, source_port)
        };
        Self::of(low).or_else(|| Self::of(high))
    }
}

impl<'a> Layers<'a, '_> {
    /// Looks for packets in the payload of a tunnel between `addresses`; says whether there were any.
    #[cold]
    pub(super) fn udp_tunnel(
        &mut self,
        kind: UdpTunnel,
        addresses: AddressPair,
        destination_port: u16,
        payload: View<'a>,
    ) -> bool {
        self.tunnel(addresses, |layers| match kind {
            UdpTunnel::CapwapData => layers.capwap_data(payload),
            UdpTunnel::Geneve => layers.geneve(payload),
            UdpTunnel::Gre => layers.gre(payload),
            UdpTunnel::Gtp => layers.gtp(payload),
            UdpTunnel::JuniperMirror => layers.after(payload, 8, Self::raw),
            UdpTunnel::L2tp => layers.l2tp(payload),
            UdpTunnel::Mpls => layers.mpls(payload),
            UdpTunnel::Teredo => layers.teredo(payload),
            UdpTunnel::Tzsp => layers.tzsp(payload),
            UdpTunnel::VxlanGpe => layers.vxlan_gpe(payload),
            UdpTunnel::Amt => layers.multicast_tunnel(payload),
            UdpTunnel::Ayiya => layers.ayiya(payload),
            UdpTunnel::LispData if destination_port == LISP_CONTROL => layers.lisp_control(payload),
            UdpTunnel::LispData => layers.after(payload, 8, Self::versioned),
            UdpTunnel::LispControl => layers.lisp_control(payload),
            UdpTunnel::Lwapp => layers.lwapp(destination_port, payload),
            UdpTunnel::LwappLayer3 => layers.ethernet(payload),
            UdpTunnel::MobileIp if payload.u8(0) == Some(4) => layers.after(payload, 4, Self::ip),
            UdpTunnel::MobileIp => {}
            UdpTunnel::Vxlan => layers.after(payload, 8, Self::ethernet),
        })
    }

    /// What follows a header of `length` octets.
    pub(super) fn after(&mut self, view: View<'a>, length: usize, inside: fn(&mut Self, View<'a>)) {
        match view.skip(length) {
            Some(rest) => inside(self, rest),
            None => self.odd(Anomaly::TunnelMalformed),
        }
    }

    /// An IP packet, if the first four bits say so.
    fn versioned(&mut self, view: View<'a>) {
        if matches!(view.u8(0).map(|byte| byte >> 4), Some(4 | 6)) {
            self.ip(view);
        }
    }

    /// What a next protocol number of VXLAN-GPE or of a network service header announces.
    fn next_protocol(&mut self, number: u8, view: View<'a>) {
        match number {
            1 => self.ip(view),
            2 => self.ipv6(view),
            3 => self.ethernet(view),
            4 => self.descend(|layers| layers.service_header(view)),
            5 => self.mpls(view),
            _ => {}
        }
    }

    fn vxlan_gpe(&mut self, view: View<'a>) {
        match view.u8(3).zip(view.skip(8)) {
            Some((number, rest)) => self.next_protocol(number, rest),
            None => self.odd(Anomaly::TunnelMalformed),
        }
    }

    /// A network service header, RFC 8300 section 2: length in units of four octets, which the first type of
    /// metadata fixes to 24, type at 2, next protocol at 3.
    pub(super) fn service_header(&mut self, view: View<'a>) {
        let length = view.u16(0).map(|bits| usize::from(bits & 0x3f).saturating_mul(4));
        let rest = match view.u8(2) {
            Some(1) => view.skip(24),
            _ => length.and_then(|length| view.skip(length.max(8))),
        };
        match view.u8(3).zip(rest) {
            Some((number, rest)) => self.next_protocol(number, rest),
            None => self.odd(Anomaly::TunnelMalformed),
        }
    }

    /// RFC 8926 section 3.4: options in units of four octets, an Ethernet type at 2.
    fn geneve(&mut self, view: View<'a>) {
        let options = view.u8(0).map(|bits| usize::from(bits & 0x3f).saturating_mul(4));
        let rest = options.and_then(|options| view.skip(options.saturating_add(8)));
        match view.u16(2).zip(rest) {
            Some((kind, rest)) => self.ether_type(kind, rest),
            None => self.odd(Anomaly::TunnelMalformed),
        }
    }

    /// RFC 4380 section 5.1.1: authentication and origin may come before the IPv6 packet.
    fn teredo(&mut self, view: View<'a>) {
        const AUTHENTICATION: u16 = 1;
        const ORIGIN: u16 = 0;
        let mut rest = Some(view);
        if view.u16(0) == Some(AUTHENTICATION) {
            let lengths =
                view.u8(2).zip(view.u8(3)).map(|(id, value)| usize::from(id).saturating_add(value.into()));
            rest = lengths.and_then(|lengths| view.skip(lengths.saturating_add(13)));
        }
        if rest.and_then(|rest| rest.u16(0)) == Some(ORIGIN) {
            rest = rest.and_then(|rest| rest.skip(8));
        }
        match rest {
            Some(packet) => self.ipv6(packet),
            None => self.odd(Anomaly::TunnelMalformed),
        }
    }

    /// RFC 2661 section 3.1, data messages of version 2: PPP after optional length, sequence and offset.
    /// What version 3 carries is only agreed upon in its control messages.
    fn l2tp(&mut self, view: View<'a>) {
        const CONTROL: u16 = 0x8000;
        const LENGTH: u16 = 0x4000;
        const SEQUENCE: u16 = 0x0800;
        const OFFSET: u16 = 0x0200;
        let Some(flags) = view.u16(0) else { return self.odd(Anomaly::TunnelMalformed) };
        if flags & 0x0f != 2 || flags & CONTROL != 0 {
            return;
        }
        let mut message = view;
        let mut header: usize = 6;
        if flags & LENGTH != 0 {
            message = view.resize(view.length.min(view.u16(2).unwrap_or(0).into()));
            header = header.saturating_add(2);
        }
        if flags & SEQUENCE != 0 {
            header = header.saturating_add(4);
        }
        if flags & OFFSET != 0 {
            let pad = view.u16(header).unwrap_or(u16::MAX);
            header = header.saturating_add(2).saturating_add(pad.into());
        }
        self.after(message, header, Self::ppp_hdlc);
    }

    /// Tags until the end tag, then a frame of the announced kind.
    fn tzsp(&mut self, view: View<'a>) {
        const KEEP_ALIVE: u8 = 4;
        const PORT_OPENER: u8 = 5;
        const PADDING: u8 = 0;
        const END: u8 = 1;
        let Some((kind, content)) = view.u8(1).zip(view.u16(2)) else {
            return self.odd(Anomaly::TunnelMalformed);
        };
        if matches!(kind, KEEP_ALIVE | PORT_OPENER) {
            return;
        }
        let mut rest = view.skip(4);
        let frame = loop {
            let Some(tag) = rest.and_then(|rest| rest.u8(0)) else { break None };
            let length = rest.and_then(|rest| rest.u8(1)).map(|length| usize::from(length).saturating_add(2));
            rest = match (tag, length) {
                (END, _) => break rest.and_then(|rest| rest.skip(1)),
                (PADDING, _) => rest.and_then(|rest| rest.skip(1)),
                (_, length) => rest.zip(length).and_then(|(rest, length)| rest.skip(length)),
            };
        };
        let Some(frame) = frame else { return self.odd(Anomaly::TunnelMalformed) };
        match content {
            1 => self.ethernet(frame),
            4 => self.ppp(frame),
            7 => self.raw(frame),
            18 => self.wlan(frame),
            119 => self.prism(frame),
            126 => self.radiotap(frame),
            127 => self.avs(frame),
            _ => {}
        }
    }

    /// Membership queries and updates have 12 octets before the packet, data has two.
    fn multicast_tunnel(&mut self, view: View<'a>) {
        // The version, 0, and the type, RFC 7450 section 5.1.
        match view.u8(0) {
            Some(4 | 5) => self.after(view, 12, Self::ip),
            Some(6) => self.after(view, 2, Self::ip),
            _ => {}
        }
    }

    /// Length of identity and signature, operation code 1 for forwarding, a next header.
    fn ayiya(&mut self, view: View<'a>) {
        const FORWARD: u8 = 1;
        const IPV4: u8 = 4;
        const IPV6: u8 = 41;
        let Some([identity, signature, operation, next]) = view.array::<4>(0) else {
            return self.odd(Anomaly::TunnelMalformed);
        };
        let signature = usize::from(signature >> 4).saturating_mul(4);
        let header = (1_usize << (identity >> 4)).saturating_add(signature).saturating_add(8);
        match (operation & 0x0f, next) {
            (FORWARD, IPV4) => self.after(view, header, Self::ip),
            (FORWARD, IPV6) => self.after(view, header, Self::ipv6),
            _ => {}
        }
    }

    /// An encapsulated control message has a whole packet in it.
    fn lisp_control(&mut self, view: View<'a>) {
        const ENCAPSULATED: u8 = 8;
        if view.u8(0).map(|byte| byte >> 4) == Some(ENCAPSULATED) {
            self.after(view, 4, Self::versioned);
        }
    }

    /// RFC 5412 section 3: six octets, before which messages to the access point have its address.
    fn lwapp(&mut self, destination_port: u16, view: View<'a>) {
        const TO_ACCESS_POINT: u16 = 12223;
        const CONTROL: u8 = 0x04;
        let address = if destination_port == TO_ACCESS_POINT { 6 } else { 0 };
        if view.u8(address).is_some_and(|flags| flags & CONTROL == 0) {
            self.after(view, address.saturating_add(6), Self::wlan);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::sample::{
        INNER4, INNER6, OUTER4, RAW, below, ethernet4, in_udp, in4, join, odd, read, snap, udp4, udp6,
    };

    fn in_tunnel(port: u16, header: &[u8], rest: &[u8]) -> String {
        read(RAW, &in_udp(port, &join(&[header, rest])))
    }

    #[test]
    fn the_lower_port_decides() {
        assert_eq!(UdpTunnel::between(50000, 4789), Some(UdpTunnel::Vxlan));
        assert_eq!(UdpTunnel::between(6081, 2152), Some(UdpTunnel::Gtp));
        assert_eq!(UdpTunnel::between(443, 50000), None);
    }

    #[test]
    fn tunnels_of_data_centres_are_read() {
        let four = below(OUTER4, INNER4);
        assert_eq!(in_tunnel(4789, &[8, 0, 0, 0, 0, 0, 1, 0], &ethernet4()), four);
        assert_eq!(in_tunnel(8472, &[8, 0, 0, 0, 0, 0, 1, 0], &ethernet4()), four);
        for (number, rest) in [(1, udp4()), (3, ethernet4()), (5, join(&[&[0, 1, 1, 64], &udp4()]))] {
            assert_eq!(in_tunnel(4790, &[12, 0, 0, number, 0, 0, 1, 0], &rest), four);
        }
        let chain = [12, 0, 0, 4, 0, 0, 1, 0, 0x0f, 0xc2, 2, 2, 0, 0, 0, 1];
        assert_eq!(in_tunnel(4790, &chain, &udp6()), below(OUTER4, INNER6));
        assert_eq!(in_tunnel(6081, &[0, 0, 0x65, 0x58, 0, 0, 1, 0], &ethernet4()), four);
        assert_eq!(in_tunnel(6081, &[1, 0, 8, 0, 0, 0, 1, 0, 9, 9, 9, 9], &udp4()), four);
        assert_eq!(in_tunnel(4754, &[0, 0, 8, 0], &udp4()), four);
        assert_eq!(in_tunnel(6635, &[0, 1, 1, 64], &udp4()), four);
    }

    #[test]
    fn tunnels_to_ipv6_and_of_dial_up_are_read() {
        let six = below(OUTER4, INNER6);
        assert_eq!(in_tunnel(3544, &[], &udp6()), six);
        assert_eq!(in_tunnel(3544, &[0, 0, 1, 2, 3, 4, 5, 6], &udp6()), six);
        let authenticated = join(&[&[0, 1, 1, 2], &[9; 12], &[0, 0, 1, 2, 3, 4, 5, 6]]);
        assert_eq!(in_tunnel(3544, &authenticated, &udp6()), six);
        assert_eq!(in_tunnel(5072, &join(&[&[0x41, 0x52, 0x11, 41], &[0; 40]]), &udp6()), six);
        assert_eq!(in_tunnel(1701, &[0, 2, 0, 1, 0, 2, 0xff, 3, 0, 0x57], &udp6()), six);
        let all_fields = [0x4a, 2, 0, 18 + 60, 0, 1, 0, 2, 0, 3, 0, 4, 0, 2, 0, 0, 0, 0x57];
        assert_eq!(in_tunnel(1701, &all_fields, &udp6()), six);
        let control = in_tunnel(1701, &[0xc8, 2, 0, 12, 0, 1, 0, 2, 0, 3, 0, 4], &udp6());
        assert_eq!(control, format!("{OUTER4} / udp 50000>1701 72"));
    }

    #[test]
    fn tunnels_of_routers_and_mirrors_are_read() {
        let four = below(OUTER4, INNER4);
        assert_eq!(in_tunnel(4341, &[0xc0, 0, 0, 0, 0, 0, 0, 0], &udp4()), four);
        assert_eq!(in_tunnel(4342, &[0x80, 0, 0, 0], &udp4()), four);
        assert_eq!(in_tunnel(2268, &[6, 0], &udp4()), four);
        assert_eq!(in_tunnel(434, &[4, 4, 0, 0], &udp4()), four);
        assert_eq!(in_tunnel(30030, &[0; 8], &udp4()), four);
        assert_eq!(in_tunnel(37008, &[1, 0, 0, 1, 0, 10, 1, 5, 1], &ethernet4()), four);
        assert_eq!(in_tunnel(37008, &[1, 0, 0, 7, 1], &udp4()), four);
        let data = join(&[&[8, 0, 0, 0], &[2; 20], &snap(0x0800, &udp4())]);
        assert_eq!(in_tunnel(12222, &[0; 6], &data), four);
        assert_eq!(in_tunnel(12223, &[0; 12], &data), four);
        assert_eq!(in_tunnel(12220, &[], &ethernet4()), four);
    }

    #[test]
    fn a_port_does_not_make_a_tunnel() {
        assert_eq!(
            in_tunnel(4789, &[8, 0, 0, 0, 0, 0, 1, 0], &[7; 30]),
            format!("{OUTER4} / udp 50000>4789 38")
        );
        assert_eq!(in_tunnel(3544, &[], &[0x16; 50]), format!("{OUTER4} / udp 50000>3544 50"));
        let other_version = [&[0xb6, 0][..], &udp4()].concat();
        assert_eq!(
            in_tunnel(2268, &[0xb6, 0], &udp4()),
            format!("{OUTER4} / udp 50000>2268 {}", other_version.len())
        );
        assert_eq!(odd(RAW, &in_udp(37008, &[1, 0, 0, 1, 9, 200])), ["tunnel_header_malformed"]);
        let mut no_length = in_udp(4789, &join(&[&[8, 0, 0, 0, 0, 0, 1, 0], &ethernet4()]));
        no_length[24..26].fill(0);
        assert_eq!(read(RAW, &no_length), format!("{OUTER4} / udp 50000>4789 62"));
        assert_eq!(read(RAW, &in4(4, &in_udp(9, b""))), format!("{OUTER4} / {OUTER4} / udp 50000>9 0"));
    }
}
