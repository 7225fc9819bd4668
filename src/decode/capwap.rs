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

#[cfg(test)]
mod tests {
    use crate::decode::sample::{INNER4, OUTER4, RAW, below, ethernet4, in_udp, join, odd, read, snap, udp4};

    fn message(bits: [u8; 4], content: &[u8]) -> Vec<u8> {
        in_udp(5247, &join(&[&bits, &[0; 4], content]))
    }

    #[test]
    fn both_kinds_of_frames_are_read() {
        assert_eq!(read(RAW, &message([0, 0x10, 0, 0], &ethernet4())), below(OUTER4, INNER4));
        let swapped = join(&[&[0, 8, 0, 0], &[2; 20], &snap(0x0800, &udp4())]);
        assert_eq!(read(RAW, &message([0, 0x10, 3, 0], &swapped)), below(OUTER4, INNER4));
        let with_address = join(&[&[6, 1, 2, 3, 4, 5, 6, 0], &swapped]);
        assert_eq!(read(RAW, &message([0, 0x20, 3, 0x10], &with_address)), below(OUTER4, INNER4));
    }

    #[test]
    fn encrypted_kept_alive_and_fragmented_messages_are_not() {
        for bits in [[1, 0, 0, 0], [0, 0x10, 0, 8]] {
            assert!(read(RAW, &message(bits, &ethernet4())).starts_with(&format!("{OUTER4} / udp ")));
        }
        assert_eq!(odd(RAW, &message([0, 0x10, 0, 0x80], &ethernet4())), ["capwap_fragment"]);
    }
}
