//! What monitor-mode captures put before an 802.11 frame: radiotap, PPI, Prism and AVS headers.

use super::anomaly::Anomaly;
use super::ieee80211::Variant;
use super::layers::Layers;
use super::view::View;
use crate::capture::LinkType;

/// Message types of the Prism header; drivers write them in either byte order.
const PRISM: [u32; 2] = [0x0000_0044, 0x0000_0041];
/// Octets of the Prism header.
const PRISM_HEADER: usize = 144;
/// Magic numbers of the AVS header, big-endian.
const AVS: [u32; 2] = [0x8021_1001, 0x8021_1002];

/// Radiotap, <https://www.radiotap.org>: bits of a presence word.
const PRESENT_TIME: u32 = 1 << 0;
const PRESENT_FLAGS: u32 = 1 << 1;
const PRESENT_MORE: u32 = 1 << 31;
/// Bits of the flags field: checksum at the end; padding after the 802.11 header.
const FLAG_CHECKSUM: u8 = 0x10;
const FLAG_PADDING: u8 = 0x20;
/// Presence words in one header; drivers write one to four.
const MAX_PRESENCE_WORDS: usize = 16;
/// Octets of the frame's checksum.
const CHECKSUM: u32 = 4;

impl<'a> Layers<'a, '_> {
    /// A radiotap header, then an 802.11 frame.
    pub(super) fn radiotap(&mut self, view: View<'a>) {
        let length = view.array(2).map(|bytes| usize::from(u16::from_le_bytes(bytes)));
        let Some(frame) = length.filter(|&length| length >= 8).and_then(|length| view.skip(length)) else {
            return self.odd(Anomaly::LinkTruncated);
        };
        let flags = radiotap_flags(view).unwrap_or(0);
        let checksum = if flags & FLAG_CHECKSUM == 0 { 0 } else { CHECKSUM };
        let variant = if flags & FLAG_PADDING == 0 { Variant::Standard } else { Variant::PaddedHeader };
        self.wlan_variant(frame.resize(frame.length.saturating_sub(checksum)), variant);
    }

    /// A per-packet information header (CACE PPI 1.0.10): length and link type of what follows.
    pub(super) fn per_packet_information(&mut self, view: View<'a>) {
        let length = view.array(2).map(|bytes| usize::from(u16::from_le_bytes(bytes)));
        let link = view.array(4).map(u32::from_le_bytes).and_then(|link| u16::try_from(link).ok());
        let frame = length.filter(|&length| length >= 8).and_then(|length| view.skip(length));
        match link.zip(frame) {
            Some((link, frame)) => self.frame(LinkType(link), frame),
            None => self.odd(Anomaly::LinkTruncated),
        }
    }

    /// A Prism header, an AVS header instead of it, or none, then an 802.11 frame.
    pub(super) fn prism(&mut self, view: View<'a>) {
        let Some(magic) = view.u32(0) else { return self.odd(Anomaly::LinkTruncated) };
        if AVS.contains(&magic) {
            return self.avs(view);
        }
        if !PRISM.contains(&magic) && !PRISM.contains(&magic.swap_bytes()) {
            return self.wlan(view);
        }
        match view.skip(PRISM_HEADER) {
            Some(frame) => self.wlan(frame),
            None => self.odd(Anomaly::LinkTruncated),
        }
    }

    /// An AVS header: magic and length, then an 802.11 frame.
    pub(super) fn avs(&mut self, view: View<'a>) {
        let length = view.u32(4).and_then(|length| usize::try_from(length).ok());
        match length.and_then(|length| view.skip(length)) {
            Some(frame) => self.wlan(frame),
            None => self.odd(Anomaly::LinkTruncated),
        }
    }
}

/// The flags field, if there is one: after the presence words, and the time stamp, which is aligned to eight.
fn radiotap_flags(view: View<'_>) -> Option<u8> {
    let word = |index: usize| view.array(index.saturating_mul(4).saturating_add(4)).map(u32::from_le_bytes);
    let present = word(0)?;
    let last =
        (0..MAX_PRESENCE_WORDS).find(|&index| word(index).is_none_or(|word| word & PRESENT_MORE == 0))?;
    if present & PRESENT_FLAGS == 0 {
        return None;
    }
    let after_words = last.saturating_mul(4).saturating_add(8);
    let flags = if present & PRESENT_TIME == 0 {
        after_words
    } else {
        after_words.next_multiple_of(8).saturating_add(8)
    };
    view.u8(flags)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::sample::{INNER4, below, ethernet4, join, odd, read, snap, udp4};

    fn data() -> Vec<u8> {
        join(&[&[8, 0, 0, 0], &[2; 20], &snap(0x0800, &udp4())])
    }

    #[test]
    fn every_radio_header_leads_to_the_frame() {
        assert_eq!(read(127, &join(&[&[0, 0, 8, 0, 0, 0, 0, 0], &data()])), below("", INNER4));
        assert_eq!(read(192, &join(&[&[0, 0, 8, 0, 105, 0, 0, 0], &data()])), below("", INNER4));
        assert_eq!(read(192, &join(&[&[0, 0, 8, 0, 1, 0, 0, 0], &ethernet4()])), below("", INNER4));
        let prism = join(&[&[0x44, 0, 0, 0], &[0; 140]]);
        let avs = join(&[&[0x80, 0x21, 0x10, 1, 0, 0, 0, 64], &[0; 56]]);
        for header in [&prism[..], &avs, &[]] {
            assert_eq!(read(119, &join(&[header, &data()])), below("", INNER4));
        }
        assert_eq!(read(163, &join(&[&avs, &data()])), below("", INNER4));
        assert_eq!(odd(127, &[0, 0, 4, 0, 0, 0, 0, 0]), ["link_header_truncated"]);
    }

    #[test]
    fn the_flags_are_found_behind_time_and_further_presence_words() {
        let flags = |header: &[u8]| radiotap_flags(View::whole(header));
        assert_eq!(flags(&[0, 0, 9, 0, 2, 0, 0, 0, 0x10]), Some(0x10));
        assert_eq!(flags(&join(&[&[0, 0, 24, 0, 3, 0, 0, 0], &[9; 8], &[0x20]])), Some(0x20));
        assert_eq!(flags(&[0, 0, 13, 0, 2, 0, 0, 0x80, 0, 0, 0, 0, 0x30]), Some(0x30));
        assert_eq!(flags(&[0, 0, 8, 0, 0, 0, 0, 0]), None);
    }

    #[test]
    fn padding_behind_the_header_is_passed() {
        let header = join(&[&[0x88, 2, 0, 0], &[2; 20], &[5, 0], &[0, 0]]);
        let bytes = join(&[&[0, 0, 9, 0, 2, 0, 0, 0, 0x20], &header, &snap(0x0800, &udp4())]);
        assert_eq!(read(127, &bytes), below("", INNER4));
    }
}
