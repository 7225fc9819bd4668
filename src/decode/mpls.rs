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
        if matches!(kind, CHANNEL_IPV4 | CHANNEL_IPV6) {
            self.ip(rest);
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
