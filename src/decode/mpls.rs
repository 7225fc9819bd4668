//! MPLS label stacks (RFC 3032) and what is guessed to lie under them.

use super::anomaly::Anomaly;
use super::layers::Layers;
use super::view::View;

/// Labels in one stack; real ones have two to six.
const MAX_LABELS: usize = 64;
/// The bit that marks the last label.
const BOTTOM_OF_STACK: u32 = 0x100;
/// Label of the generic associated channel, RFC 5586.
const ASSOCIATED_CHANNEL: u32 = 13;
/// Label of operation and maintenance alerts, RFC 3429.
const ALERT: u32 = 14;
/// Channel types that carry IP, RFC 4385 and RFC 5085.
const CHANNEL_IPV4: u16 = 0x0021;
const CHANNEL_IPV6: u16 = 0x0057;
/// Octets of a pseudowire control word, RFC 4448 section 4.6.
const CONTROL_WORD: usize = 4;

impl<'a> Layers<'a, '_> {
    /// A stack of labels.
    pub(super) fn mpls(&mut self, view: View<'a>) {
        let mut rest = view;
        for _ in 0..MAX_LABELS {
            let Some((entry, next)) = rest.u32(0).zip(rest.skip(4)) else {
                return self.odd(Anomaly::LinkTruncated);
            };
            rest = next;
            if entry & BOTTOM_OF_STACK != 0 {
                return self.below_labels(entry >> 12, rest);
            }
        }
        self.odd(Anomaly::TooManyLayers);
    }

    /// Nothing says what follows the last label but the first four bits of it, BCP 128.
    fn below_labels(&mut self, label: u32, view: View<'a>) {
        match (label, view.u8(0).map(|byte| byte >> 4)) {
            (ALERT, _) => {}
            (ASSOCIATED_CHANNEL, _) | (_, Some(1)) => self.associated_channel(view),
            (_, Some(4 | 6)) => self.ip(view),
            (_, Some(0)) => self.pseudowire(view),
            (_, Some(_)) => {}
            (_, None) => self.odd(Anomaly::LinkTruncated),
        }
    }

    fn associated_channel(&mut self, view: View<'a>) {
        let Some((kind, rest)) = view.u16(2).zip(view.skip(4)) else {
            return self.odd(Anomaly::LinkTruncated);
        };
        match kind {
            CHANNEL_IPV4 => self.ip(rest),
            CHANNEL_IPV6 => self.ipv6(rest),
            _ => {}
        }
    }

    /// An Ethernet frame, after a control word (RFC 4448) or without: that is not announced either. The
    /// reading that has a known type in its type field is taken; a control word, if both or neither have.
    fn pseudowire(&mut self, view: View<'a>) {
        let known = |frame: View<'_>| frame.u16(12).is_some_and(Self::knows_ether_type);
        let Some(after_word) = view.skip(CONTROL_WORD) else {
            return self.odd(Anomaly::LinkTruncated);
        };
        let frame = if known(view) && !known(after_word) { view } else { after_word };
        self.descend(|layers| layers.ethernet(frame));
    }
}

#[cfg(test)]
mod tests {
    use crate::decode::sample::{
        ETHERNET, INNER4, INNER6, below, ethernet, ethernet4, join, odd, read, udp4, udp6,
    };

    const LAST: [u8; 4] = [0, 1, 1, 64];

    fn labelled(parts: &[&[u8]]) -> Vec<u8> {
        ethernet(0x8847, &join(parts))
    }

    #[test]
    fn the_first_bits_below_the_last_label_tell_ip() {
        assert_eq!(read(ETHERNET, &labelled(&[&[0, 1, 0, 64], &LAST, &udp4()])), below("", INNER4));
        assert_eq!(read(ETHERNET, &labelled(&[&LAST, &udp6()])), below("", INNER6));
        assert_eq!(read(ETHERNET, &labelled(&[&LAST, &[0x10, 0, 0, 0x21], &udp4()])), below("", INNER4));
        assert_eq!(
            read(ETHERNET, &labelled(&[&[0, 0, 0xd1, 64], &[0x10, 0, 0, 0x57], &udp6()])),
            below("", INNER6)
        );
        assert_eq!(read(ETHERNET, &labelled(&[&[0, 0, 0xe1, 64], &udp4()])), "", "an alert");
    }

    #[test]
    fn a_pseudowire_is_read_with_and_without_control_word() {
        assert_eq!(read(ETHERNET, &labelled(&[&LAST, &[0; 4], &ethernet4()])), below("", INNER4));
        assert_eq!(read(ETHERNET, &labelled(&[&LAST, &ethernet4()])), below("", INNER4));
    }

    #[test]
    fn a_stack_without_end_ends() {
        assert_eq!(odd(ETHERNET, &labelled(&[&[0, 1, 0, 64].repeat(100)])), ["too_many_layers"]);
        assert_eq!(odd(ETHERNET, &labelled(&[&[0, 1, 0, 64]])), ["link_header_truncated"]);
    }
}
