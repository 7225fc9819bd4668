//! Ethernet (IEEE 802.3) and what its type field leads to.

use super::anomaly::Anomaly;
use super::layers::Layers;
use super::view::View;

/// Type numbers, <https://www.iana.org/assignments/ieee-802-numbers>.
pub(super) const IPV4: u16 = 0x0800;
pub(super) const IPV6: u16 = 0x86dd;
const VLAN: u16 = 0x8100;
const PROVIDER_VLAN: u16 = 0x88a8;
const OLD_QINQ: u16 = 0x9100;

/// Bytes before the type field.
const ADDRESSES: usize = 12;
/// The identifier's bits of a VLAN tag.
const VLAN_ID: u16 = 0x0fff;

impl<'a> Layers<'a, '_> {
    /// An Ethernet frame.
    #[inline]
    pub(super) fn ethernet(&mut self, view: View<'a>) {
        let Some((kind, rest)) = view.u16(ADDRESSES).zip(view.skip(ADDRESSES + 2)) else {
            return self.odd(Anomaly::LinkTruncated);
        };
        self.ether_type(kind, rest);
    }

    /// What an Ethernet type announces.
    #[inline]
    pub(super) fn ether_type(&mut self, kind: u16, view: View<'a>) {
        match kind {
            IPV4 => self.ipv4(view),
            IPV6 => self.ipv6(view),
            _ => self.descend(|layers| layers.rare_ether_type(kind, view)),
        }
    }

    fn rare_ether_type(&mut self, kind: u16, view: View<'a>) {
        match kind {
            VLAN | PROVIDER_VLAN | OLD_QINQ => self.vlan(view),
            _ => {}
        }
    }

    /// A VLAN tag, IEEE 802.1Q section 9.6.
    fn vlan(&mut self, view: View<'a>) {
        let Some(((control, kind), rest)) = view.u16(0).zip(view.u16(2)).zip(view.skip(4)) else {
            return self.odd(Anomaly::LinkTruncated);
        };
        self.vlan = control & VLAN_ID;
        self.ether_type(kind, rest);
    }
}
