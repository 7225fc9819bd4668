//! The data channel between wireless access points and their controller, RFC 5415.

use super::anomaly::Anomaly;
use super::ieee80211::Variant;
use super::layers::Layers;
use super::view::View;

/// Flags of the header, section 4.3: the payload is not 802.3; fragment; keep-alive.
const NATIVE: u32 = 0x0100;
const FRAGMENT: u32 = 0x0080;
const KEEP_ALIVE: u32 = 0x0008;
/// The binding of 802.11, RFC 5416.
const BINDING_80211: u32 = 1;

impl<'a> Layers<'a, '_> {
    /// A frame of the access point's network.
    pub(super) fn capwap_data(&mut self, view: View<'a>) {
        let Some(header) = view.u32(0) else { return self.odd(Anomaly::TunnelMalformed) };
        let encrypted = header >> 24 & 0x0f == 1;
        // One octet of preamble, then 24 bits: length (5), radio (5), binding (5), flags (9).
        let bits = header & 0x00ff_ffff;
        if encrypted || bits & KEEP_ALIVE != 0 {
            return;
        }
        if bits & FRAGMENT != 0 {
            return self.odd(Anomaly::CapwapFragment);
        }
        let length = usize::try_from(bits >> 19).unwrap_or(0).saturating_mul(4);
        if bits & NATIVE == 0 {
            self.after(view, length, Self::ethernet);
        } else if bits >> 9 & 0x1f == BINDING_80211 {
            self.after(view, length, Self::swapped_wlan);
        }
    }

    /// An 802.11 frame; Cisco's controllers, which nearly all captures are of, swap the octets
    /// of its frame control field.
    fn swapped_wlan(&mut self, view: View<'a>) {
        self.wlan_variant(view, Variant::SwappedControl);
    }
}
