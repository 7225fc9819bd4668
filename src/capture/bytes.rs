//! Fixed-width numbers of a capture file, in the byte order of the machine that wrote it.

/// The byte order of a file (pcap) or of a section (pcapng).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Most significant byte first.
    Big,
    /// Least significant byte first.
    Little,
}

impl Order {
    /// The 32-bit number that stands as `value` in a file of this byte order, read as little-endian.
    #[inline]
    const fn fix(self, value: u32) -> u32 {
        match self {
            Self::Big => value.swap_bytes(),
            Self::Little => value,
        }
    }

    /// The first `N` 32-bit numbers of `bytes`; `None` if there are fewer.
    #[inline]
    pub(super) fn words<const N: usize>(self, bytes: &[u8]) -> Option<[u32; N]> {
        let (chunks, _) = bytes.as_chunks::<4>();
        let chunks = chunks.first_chunk::<N>()?;
        Some(chunks.map(|chunk| self.fix(u32::from_le_bytes(chunk))))
    }

    /// The 32-bit number at `at`; `None` past the end.
    #[inline]
    pub(super) fn u32(self, bytes: &[u8], at: usize) -> Option<u32> {
        bytes.get(at..)?.first_chunk::<4>().map(|chunk| self.fix(u32::from_le_bytes(*chunk)))
    }

    /// The 16-bit number at `at`; `None` past the end.
    pub(super) fn u16(self, bytes: &[u8], at: usize) -> Option<u16> {
        let chunk = *bytes.get(at..)?.first_chunk::<2>()?;
        Some(match self {
            Self::Big => u16::from_be_bytes(chunk),
            Self::Little => u16::from_le_bytes(chunk),
        })
    }

    /// `bytes` as a 64-bit number; `None` unless there are exactly eight.
    pub(super) fn u64(self, bytes: &[u8]) -> Option<u64> {
        let chunk = bytes.try_into().ok()?;
        Some(match self {
            Self::Big => u64::from_be_bytes(chunk),
            Self::Little => u64::from_le_bytes(chunk),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_either_byte_order() {
        let bytes = [1, 2, 3, 4, 5, 6, 7, 8];
        assert_eq!(Order::Big.words(&bytes), Some([0x0102_0304, 0x0506_0708]));
        assert_eq!(Order::Little.words(&bytes), Some([0x0403_0201]));
        assert_eq!(Order::Big.u32(&bytes, 4), Some(0x0506_0708));
        assert_eq!(Order::Little.u16(&bytes, 6), Some(0x0807));
        assert_eq!(Order::Big.u64(&bytes), Some(0x0102_0304_0506_0708));
    }

    #[test]
    fn nothing_is_read_past_the_end() {
        let bytes = [1, 2, 3, 4, 5, 6, 7];
        assert_eq!(Order::Big.words::<2>(&bytes), None);
        assert_eq!(Order::Big.u32(&bytes, 4), None);
        assert_eq!(Order::Big.u32(&bytes, 99), None);
        assert_eq!(Order::Big.u16(&bytes, 6), None);
        assert_eq!(Order::Big.u64(&bytes), None);
    }
}
