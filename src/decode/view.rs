//! A run of bytes that knows how long it was on the wire.

/// Bytes of a layer: those that the capture holds, and how many there were on the wire.
///
/// `bytes` is never longer than `length`.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    /// What the capture holds.
    pub(super) bytes: &'a [u8],
    /// Bytes on the wire.
    pub(super) length: u32,
}

impl<'a> View<'a> {
    /// `bytes` of a layer that had `length` bytes on the wire.
    #[inline]
    pub(super) fn new(bytes: &'a [u8], length: u32) -> Self {
        let captured = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        Self { bytes, length: length.max(captured) }
    }

    /// All of `bytes`, which were captured whole.
    pub(super) fn whole(bytes: &'a [u8]) -> Self {
        Self::new(bytes, 0)
    }

    /// What follows the first `count` bytes; `None` if the capture does not reach so far.
    #[inline]
    pub(super) fn skip(self, count: usize) -> Option<Self> {
        let bytes = self.bytes.get(count..)?;
        Some(Self::new(bytes, self.length.saturating_sub(u32::try_from(count).unwrap_or(u32::MAX))))
    }

    /// The first `length` bytes, for a layer whose header says how long it is.
    ///
    /// The header is believed even if it says more than the layer around it.
    #[inline]
    pub(super) fn resize(self, length: u32) -> Self {
        let most = usize::try_from(length).unwrap_or(usize::MAX);
        Self { bytes: self.bytes.get(..most).unwrap_or(self.bytes), length }
    }

    /// The byte at `offset`.
    #[inline]
    pub(super) fn u8(self, offset: usize) -> Option<u8> {
        self.bytes.get(offset).copied()
    }

    /// The big-endian number at `offset`.
    #[inline]
    pub(super) fn u16(self, offset: usize) -> Option<u16> {
        self.array(offset).map(u16::from_be_bytes)
    }

    /// The big-endian number at `offset`.
    #[inline]
    pub(super) fn u32(self, offset: usize) -> Option<u32> {
        self.array(offset).map(u32::from_be_bytes)
    }

    /// The `N` bytes at `offset`.
    #[inline]
    pub(super) fn array<const N: usize>(self, offset: usize) -> Option<[u8; N]> {
        self.bytes.get(offset..)?.first_chunk().copied()
    }

    /// Whether the capture holds everything there was.
    #[inline]
    pub(super) fn is_whole(self) -> bool {
        usize::try_from(self.length).is_ok_and(|length| length <= self.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_on_the_wire_survives_skipping_and_resizing() {
        let view = View::new(&[1, 2, 3, 4], 10);
        assert_eq!(view.skip(3).map(|rest| (rest.bytes, rest.length)), Some((&[4][..], 7)));
        assert!(view.skip(5).is_none());
        assert_eq!(view.resize(2).bytes, [1, 2]);
        assert_eq!((view.resize(20).bytes.len(), view.resize(20).length), (4, 20));
        assert!(!view.is_whole() && view.resize(4).is_whole());
    }

    #[test]
    fn a_wire_length_below_the_captured_length_is_corrected() {
        assert_eq!(View::new(&[1, 2, 3], 1).length, 3);
    }
}
