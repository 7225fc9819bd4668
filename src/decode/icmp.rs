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
