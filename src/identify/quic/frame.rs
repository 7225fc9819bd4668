//! The frames that Initial packets may have, RFC 9000 section 17.2.2.

use super::packet::integer;
use crate::identify::cursor::Cursor;
use crate::identify::tls::{alert_name, text};

/// `PADDING`, RFC 9000 section 19.1.
const PADDING: u64 = 0x00;
/// `PING`, RFC 9000 section 19.2.
const PING: u64 = 0x01;
/// `ACK`, RFC 9000 section 19.3.
const ACK: u64 = 0x02;
/// `ACK` with counts of congestion marks.
const ACK_ECN: u64 = 0x03;
/// `CRYPTO`, RFC 9000 section 19.6.
const CRYPTO: u64 = 0x06;
/// The same in Google's `Q050`.
const GOOGLE_CRYPTO: u64 = 0x08;
/// `CONNECTION_CLOSE` of the transport, RFC 9000 section 19.19.
const CLOSE: u64 = 0x1c;
/// `CONNECTION_CLOSE` of the application.
const APPLICATION_CLOSE: u64 = 0x1d;

/// Frames that are read of a packet, without padding. Shuffling clients send twenty.
const MAX_FRAMES: usize = 256;

/// Why a side ended the connection, RFC 9000 section 19.19.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuicClose {
    /// The error code, RFC 9000 section 20.1.
    pub code: u64,
    /// The reason in words, as the side gave it; `None` for an empty one.
    pub reason: Option<String>,
    /// Whether it came from the client.
    pub by_client: bool,
}

impl QuicClose {
    /// The TLS alert (RFC 9001 section 4.8) that the code stands for, by its number.
    pub fn alert(&self) -> Option<u8> {
        const CRYPTO_ERROR: u64 = 0x100;
        self.code.checked_sub(CRYPTO_ERROR).and_then(|alert| u8::try_from(alert).ok())
    }

    /// The code by its name or number, and the reason. May hold text off the wire.
    pub fn in_words(&self) -> String {
        let code = self.name().map_or_else(|| format!("error {:#x}", self.code), str::to_owned);
        self.reason.as_ref().map_or_else(|| code.clone(), |reason| format!("{code} ({reason})"))
    }

    /// The name of the code, RFC 9000 section 20.1, or of the alert; `None` for a number without one.
    pub fn name(&self) -> Option<&'static str> {
        Some(match self.code {
            0x00 => "NO_ERROR",
            0x01 => "INTERNAL_ERROR",
            0x02 => "CONNECTION_REFUSED",
            0x03 => "FLOW_CONTROL_ERROR",
            0x04 => "STREAM_LIMIT_ERROR",
            0x05 => "STREAM_STATE_ERROR",
            0x06 => "FINAL_SIZE_ERROR",
            0x07 => "FRAME_ENCODING_ERROR",
            0x08 => "TRANSPORT_PARAMETER_ERROR",
            0x09 => "CONNECTION_ID_LIMIT_ERROR",
            0x0a => "PROTOCOL_VIOLATION",
            0x0b => "INVALID_TOKEN",
            0x0c => "APPLICATION_ERROR",
            0x0d => "CRYPTO_BUFFER_EXCEEDED",
            0x0e => "KEY_UPDATE_ERROR",
            0x0f => "AEAD_LIMIT_REACHED",
            0x10 => "NO_VIABLE_PATH",
            0x11 => "VERSION_NEGOTIATION_ERROR",
            _ => return self.alert().and_then(alert_name),
        })
    }
}

/// A frame that says something.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame<'a> {
    /// A stretch of the handshake.
    Crypto {
        /// Where the stretch begins.
        offset: u64,
        /// Bytes of it on the wire.
        length: u64,
        /// Those that the capture holds.
        data: &'a [u8],
    },
    /// The end.
    Close { code: u64, reason: &'a [u8] },
}

/// Reads the frames of a packet; what fits no frame ends it. Whether every frame was read to its end comes last.
pub(super) fn frames<'a>(content: &'a [u8], mut each: impl FnMut(Frame<'a>)) -> bool {
    let mut cursor = Cursor::new(content);
    for _ in 0..MAX_FRAMES {
        let padding = cursor.rest().iter().take_while(|byte| u64::from(**byte) == PADDING).count();
        cursor.take_up_to(padding);
        if cursor.is_empty() {
            return true;
        }
        match frame(&mut cursor) {
            Some(Some(frame)) => each(frame),
            Some(None) => {}
            None => return false,
        }
    }
    false
}

/// Reads one frame; `Some(None)` for one that says nothing, `None` for one that does not fit.
#[expect(clippy::option_option, reason = "the two say different things and never leave this file")]
fn frame<'a>(cursor: &mut Cursor<'a>) -> Option<Option<Frame<'a>>> {
    match integer(cursor)? {
        PING => {}
        kind @ (ACK | ACK_ECN) => acknowledgment(cursor, kind == ACK_ECN)?,
        CRYPTO | GOOGLE_CRYPTO => {
            let offset = integer(cursor)?;
            let length = integer(cursor)?;
            let data = cursor.take_up_to(usize::try_from(length).ok()?);
            return Some(Some(Frame::Crypto { offset, length, data }));
        }
        kind @ (CLOSE | APPLICATION_CLOSE) => {
            let code = integer(cursor)?;
            if kind == CLOSE {
                integer(cursor)?; // the type of the frame that was wrong
            }
            let length = usize::try_from(integer(cursor)?).ok()?;
            return Some(Some(Frame::Close { code, reason: cursor.take_up_to(length) }));
        }
        _ => return None,
    }
    Some(None)
}

/// Passes over an acknowledgment.
fn acknowledgment(cursor: &mut Cursor<'_>, with_counts: bool) -> Option<()> {
    integer(cursor)?; // largest
    integer(cursor)?; // delay
    let ranges = integer(cursor)?;
    integer(cursor)?; // first range
    let rest = ranges.checked_mul(2)?.checked_add(if with_counts { 3 } else { 0 })?;
    // Every integer takes a byte at least.
    if rest > u64::try_from(cursor.rest().len()).ok()? {
        return None;
    }
    for _ in 0..rest {
        integer(cursor)?;
    }
    Some(())
}

impl QuicClose {
    pub(super) fn new(code: u64, reason: &[u8], by_client: bool) -> Self {
        Self { code, reason: (!reason.is_empty()).then(|| text(reason)), by_client }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &[u8]) -> (Vec<Frame<'_>>, bool) {
        let mut all = Vec::new();
        let whole = frames(content, |frame| all.push(frame));
        (all, whole)
    }

    #[test]
    fn acknowledgments_and_padding_are_passed_over() {
        let content = [0, 0, 2, 5, 0, 1, 1, 0, 1, 1, 3, 5, 0, 0, 0, 1, 2, 3, 6, 0x40, 3, 2, b'h', b'i', 0];
        let (all, whole) = read(&content);
        assert_eq!(all, [Frame::Crypto { offset: 3, length: 2, data: b"hi" }]);
        assert!(whole);
        for cut in 0..content.len() {
            let _ = read(&content[..cut]);
        }
    }

    #[test]
    fn a_close_has_code_and_reason() {
        let (all, _) = read(&[0x1c, 0x41, 0x28, 6, 2, b'n', b'o']);
        assert_eq!(all, [Frame::Close { code: 0x128, reason: b"no" }]);
        let close = QuicClose::new(0x128, b"no", false);
        assert_eq!((close.alert(), close.name()), (Some(40), Some("handshake_failure")));
        assert_eq!(QuicClose::new(0x0a, b"", true).name(), Some("PROTOCOL_VIOLATION"));
    }

    #[test]
    fn an_acknowledgment_that_claims_more_ranges_than_bytes_ends_the_packet() {
        assert_eq!(read(&[2, 5, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0]), (vec![], false));
    }
}
