//! ICMP (RFC 792) and ICMPv6 (RFC 4443). What an error quotes of the packet that caused it is a fact about
//! that packet's flow; the addresses in it were not on this wire.

use super::anomaly::Anomaly;
use super::ip::{self, Found};
use super::layers::Layers;
use super::view::View;
use super::{AddressPair, Content, IcmpMessage, Quoted};

/// Bytes before the quoted packet in an error message of either version.
const ERROR_HEADER: usize = 8;

/// Which of the two protocols a message belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// RFC 792.
    V4,
    /// RFC 4443.
    V6,
}

impl Version {
    /// Whether messages of type `kind` quote a packet: destination unreachable, source quench, redirect, time
    /// exceeded, parameter problem; in ICMPv6 all types below 128.
    const fn quotes(self, kind: u8) -> bool {
        match self {
            Self::V4 => matches!(kind, 3 | 4 | 5 | 11 | 12),
            Self::V6 => kind < 128,
        }
    }
}

impl<'a> Layers<'a, '_> {
    /// A message in the IP packet between `addresses`.
    pub(super) fn icmp(&mut self, addresses: AddressPair, version: Version, view: View<'a>) {
        let (Some(kind), Some(code)) = (view.u8(0), view.u8(1)) else {
            self.odd(Anomaly::TransportTruncated);
            return self.emit_rare(addresses, Content::Unreadable);
        };
        let quoted = if version.quotes(kind) { view.skip(ERROR_HEADER).and_then(quoted) } else { None };
        self.emit_rare(addresses, Content::Icmp(IcmpMessage { kind, code, quoted }));
    }
}

/// The five-tuple of the packet that begins in `view`; it is usually cut short.
fn quoted(view: View<'_>) -> Option<Quoted> {
    let Found { addresses, protocol, first_piece, payload } = ip::find(view)?;
    let carries_ports =
        first_piece && matches!(protocol, ip::TCP | ip::UDP | ip::SCTP | ip::DCCP | ip::UDP_LITE);
    let ports = if carries_ports { payload.u16(0).zip(payload.u16(2)) } else { None };
    Some(Quoted { addresses, protocol, ports })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::sample::{self, INNER4, OUTER4, OUTER6, RAW, in4, in6, join, odd, tcp4, udp4, udp6};
    use std::net::IpAddr;

    fn message(bytes: &[u8]) -> IcmpMessage {
        let (packets, _) = sample::packets(RAW, bytes, bytes.len());
        assert_eq!(packets.len(), 1);
        assert!(packets[0].outer.is_empty(), "a quoted header is not a layer");
        let Content::Icmp(message) = packets[0].content else { panic!("{packets:?}") };
        message
    }

    #[test]
    fn an_error_tells_of_the_flow_that_it_quotes() {
        let quoted = message(&in4(1, &join(&[&[3, 1, 0, 0, 0, 0, 0, 0], &tcp4()[..28]]))).quoted.unwrap();
        assert_eq!(quoted.addresses.destination, "10.0.0.2".parse::<IpAddr>().unwrap());
        assert_eq!((quoted.protocol, quoted.ports), (6, Some((40000, 443))));
        let quoted = message(&in6(58, &join(&[&[1, 4, 0, 0, 0, 0, 0, 0], &udp6()]))).quoted.unwrap();
        assert_eq!((quoted.protocol, quoted.ports), (17, Some((40000, 40001))));
    }

    #[test]
    fn a_quote_says_no_more_than_it_has() {
        let short = message(&in4(1, &join(&[&[11, 0, 0, 0, 0, 0, 0, 0], &udp4()[..22]])));
        assert_eq!(short.quoted.unwrap().ports, None);
        assert_eq!(message(&in4(1, &join(&[&[3, 1, 0, 0, 0, 0, 0, 0], &udp4()[..19]]))).quoted, None);
        let mut later_piece = udp4();
        later_piece[7] = 9;
        let later_piece = message(&in4(1, &join(&[&[3, 1, 0, 0, 0, 0, 0, 0], &later_piece])));
        assert_eq!(later_piece.quoted.unwrap().ports, None);
    }

    #[test]
    fn what_is_not_an_error_quotes_nothing() {
        assert_eq!(message(&in4(1, &join(&[&[8, 0, 0, 0, 0, 0, 0, 0], &udp4()]))).quoted, None);
        assert_eq!(message(&in6(58, &join(&[&[128, 0, 0, 0, 0, 0, 0, 0], &udp6()]))).quoted, None);
        assert_eq!(odd(RAW, &in4(1, &[8])), ["transport_header_truncated"]);
        assert!(INNER4 != OUTER4 && OUTER4 != OUTER6);
    }
}
