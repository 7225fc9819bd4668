//! Frame relay, as RFC 2427 and Cisco use it.

use super::anomaly::Anomaly;
use super::layers::Layers;
use super::llc;
use super::ppp;
use super::view::View;

/// Network layer protocol identifiers, ISO/IEC TR 9577.
const NLPID_SNAP: u8 = 0x80;
const NLPID_IPV4: u8 = 0xcc;
const NLPID_IPV6: u8 = 0x8e;
const NLPID_PPP: u8 = 0xcf;
/// The control field of unnumbered information.
const UNNUMBERED: u8 = 0x03;
/// The bit that marks the last octet of the address.
const LAST: u8 = 1;
/// The bits of the circuit's number in an address of two octets.
const CIRCUIT: u16 = 0xfcf0;
/// Octets of the longest address, ITU-T Q.922 section 3.2.
const MAX_ADDRESS: usize = 4;

/// Whether a network layer protocol identifier of some kind stands behind the control field, and padding.
fn has_identifier(view: View<'_>) -> bool {
    let padding = usize::from(view.u8(0) == Some(0));
    let control = view.u8(padding).map_or(1, llc::control_length);
    let identifier = view.u8(padding.saturating_add(control));
    // Null, Q.933, LMI, ISO's protocols, data compression, and those that are read.
    identifier.is_some_and(|identifier| {
        matches!(identifier, 0x00 | 0x08 | 0x09 | 0x81..=0x83 | 0xb0)
            || matches!(identifier, NLPID_SNAP | NLPID_IPV4 | NLPID_IPV6 | NLPID_PPP)
    })
}

impl<'a> Layers<'a, '_> {
    /// A frame: an address of two to four octets, then one of three encapsulations.
    pub(super) fn frame_relay(&mut self, view: View<'a>) {
        let address = view.bytes.iter().take(MAX_ADDRESS).position(|octet| octet & LAST == LAST);
        let rest = address.and_then(|last| view.skip(last.saturating_add(1)));
        let Some(rest) = rest else { return self.odd(Anomaly::LinkMalformed) };
        if rest.u8(0) == Some(UNNUMBERED) {
            return self.identified(rest.skip(1));
        }
        let Some(kind) = rest.u16(0) else { return self.odd(Anomaly::LinkTruncated) };
        if view.u16(0).is_some_and(|address| address & CIRCUIT == 0) {
            // The circuit of the link's own management.
            return;
        }
        if ppp::is_cisco_type(kind) {
            // Cisco's own encapsulation: an Ethernet type.
            return self.ether_type(kind, rest.skip(2).unwrap_or(rest));
        }
        if has_identifier(rest) {
            let control = rest.u8(0).map_or(1, llc::control_length);
            return self.identified(rest.skip(control));
        }
        // An Ethernet frame, as some bridges send.
        if rest.u16(12).is_some_and(Self::knows_ether_type) {
            self.descend(|layers| layers.ethernet(rest));
        }
    }

    /// RFC 2427 section 3: a network layer protocol identifier, which may follow an octet of padding.
    fn identified(&mut self, view: Option<View<'a>>) {
        let unpadded = view.and_then(|view| if view.u8(0) == Some(0) { view.skip(1) } else { Some(view) });
        let Some((identifier, rest)) = unpadded.and_then(|view| view.u8(0).zip(view.skip(1))) else {
            return self.odd(Anomaly::LinkTruncated);
        };
        match identifier {
            NLPID_IPV4 => self.ip(rest),
            NLPID_IPV6 => self.ipv6(rest),
            NLPID_SNAP => self.snap(rest, llc::is_information(UNNUMBERED), 0),
            NLPID_PPP => self.descend(|layers| layers.ppp(rest)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::decode::sample::{INNER4, INNER6, below, ethernet4, join, odd, read, udp4, udp6};

    const FRAME_RELAY: u16 = 107;

    #[test]
    fn both_encapsulations_are_read_behind_addresses_of_any_length() {
        for header in [
            &[0x18, 0x41, 3, 0xcc][..],
            &[0x18, 0x41, 3, 0, 0xcc],
            &[0x18, 0x40, 0x41, 3, 0xcc],
            &[0x18, 0x40, 0x40, 0x41, 3, 0xcc],
            &[0x18, 0x41, 3, 0, 0x80, 0, 0, 0, 8, 0],
            &[0x18, 0x41, 3, 0xcf, 0, 0x21],
            &[0x18, 0x41, 8, 0],
            &[0x18, 0x41, 0x0b, 0xcc],
        ] {
            assert_eq!(read(FRAME_RELAY, &join(&[header, &udp4()])), below("", INNER4), "{header:x?}");
        }
        assert_eq!(read(FRAME_RELAY, &join(&[&[0x18, 0x41, 3, 0x8e], &udp6()])), below("", INNER6));
        let bridged = join(&[&[0x18, 0x41, 3, 0, 0x80, 0, 0x80, 0xc2, 0, 7], &ethernet4()]);
        assert_eq!(read(FRAME_RELAY, &bridged), below("", INNER4));
    }

    #[test]
    fn management_and_addresses_without_end_lead_nowhere() {
        assert_eq!(read(FRAME_RELAY, &join(&[&[0, 1, 8, 0], &udp4()])), "");
        assert_eq!(odd(FRAME_RELAY, &[0x18, 0x40, 0x40, 0x40, 0x40, 0x41]), ["link_header_malformed"]);
    }
}
