//! What may lie around a packet on its way through a relay.

use super::super::wire::{array, be16};

/// A packet and what its relay put before it. Open it only in flows that carried TURN messages: by their
/// first byte alone these cannot be told from QUIC (RFC 9443).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Envelope<'a> {
    /// `ChannelData`, RFC 8656 section 12.4.
    ChannelData {
        /// The number that CHANNEL-NUMBER bound to a peer.
        channel: u16,
        /// The packet.
        payload: &'a [u8],
        /// Bytes of the packet on the wire.
        length: usize,
    },
    /// The form that Teams uses towards its relays' ports 3479 to 3481 (measured 2020): 0xFF10, length, the session of
    /// attribute 0x8095.
    Multiplexed {
        /// Tells the sessions of one port apart.
        session: [u8; 8],
        /// The packet.
        payload: &'a [u8],
        /// Bytes of the packet on the wire.
        length: usize,
    },
}

const CHANNEL_HEADER: usize = 4;
const MULTIPLEX_HEADER: usize = 12;
/// Bytes of the multiplex header that its length does not count.
const MULTIPLEX_UNCOUNTED: usize = 4;

impl<'a> Envelope<'a> {
    /// Opens what fills a datagram of `length` bytes on the wire.
    pub fn open(payload: &'a [u8], length: usize) -> Option<Self> {
        let kind = be16(payload, 0)?;
        let declared = usize::from(be16(payload, 2)?);
        match kind {
            // RFC 5766 allowed up to 0x7FFF, RFC 8656 up to 0x4FFF. Padding is allowed over UDP too.
            0x4000..=0x7FFF => {
                let excess = length.checked_sub(declared + CHANNEL_HEADER)?;
                let padding = declared.next_multiple_of(4) - declared;
                (excess == 0 || excess == padding).then_some(Self::ChannelData {
                    channel: kind,
                    payload: inner(payload, CHANNEL_HEADER, declared)?,
                    length: declared,
                })
            }
            0xFF10 if declared + MULTIPLEX_UNCOUNTED == length => {
                let declared = length.checked_sub(MULTIPLEX_HEADER)?;
                Some(Self::Multiplexed {
                    session: array(payload, 4)?,
                    payload: inner(payload, MULTIPLEX_HEADER, declared)?,
                    length: declared,
                })
            }
            _ => None,
        }
    }

    /// The packet and its bytes on the wire.
    pub fn contents(&self) -> (&'a [u8], usize) {
        match *self {
            Self::ChannelData { payload, length, .. } | Self::Multiplexed { payload, length, .. } => {
                (payload, length)
            }
        }
    }
}

fn inner(payload: &[u8], start: usize, length: usize) -> Option<&[u8]> {
    payload.get(start..payload.len().min(start + length))
}
