//! `FaceTime`'s frame around RTP: 0x60, a type, 16 bits of length, then RTP.
//!
//! From the dissectors of RTC-Measurement-Project (2025); not seen in the captures at hand, so this is the least certain of
//! the signatures. `FaceTime` without the frame is RTP whose extensions have the profile
//! [`EXTENSION_PROFILE`] (measured, 2015).

use super::{Probe, rtp};

/// The profile of RTP header extensions.
pub const EXTENSION_PROFILE: u16 = 0x4400;
const HEADER_LENGTH: usize = 4;
const FIRST: u8 = 0x60;

/// An RTP packet in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The frame's type.
    pub kind: u8,
    /// The RTP packet.
    pub payload: &'a [u8],
    /// Its bytes on the wire.
    pub length: usize,
}

/// Whether a datagram of `length` bytes on the wire may be a frame.
pub fn probe(payload: &[u8], length: usize) -> Probe {
    if parse(payload, length).is_some() { Probe::NeedMore } else { Probe::NoMatch }
}

/// Reads a datagram of `length` bytes on the wire.
pub fn parse(payload: &[u8], length: usize) -> Option<Frame<'_>> {
    let ([FIRST, kind, high, low], inner) = payload.split_first_chunk::<HEADER_LENGTH>()? else {
        return None;
    };
    let declared = usize::from(u16::from_be_bytes([*high, *low]));
    if declared + HEADER_LENGTH != length {
        return None;
    }
    rtp::parse(inner, declared)?;
    Some(Frame { kind: *kind, payload: inner, length: declared })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_frame_holds_rtp_of_the_length_it_gives() {
        let rtp = [0x80, 0x68, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 9, 9];
        let frame = [&[0x60, 0x12, 0, 14][..], &rtp].concat();
        assert_eq!(parse(&frame, 18), Some(Frame { kind: 0x12, payload: &rtp, length: 14 }));
        assert_eq!(probe(&frame, 19), Probe::NoMatch);
        for captured in 0..16 {
            assert_eq!(parse(&frame[..captured], 18), None);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let frame = [&[0x60, 0x12, 0, u8::try_from(bytes.len()).unwrap()][..], &bytes].concat();
            let _ = probe(&frame, frame.len());
            let _ = probe(&bytes, bytes.len());
        }
    }
}
