//! Numbers in the tables that the program carries, which are searched as they lie. All are little-endian.

/// The first place from `first` on, and before `after`, for which `is_before` does not hold.
pub(super) fn partition(
    first: usize,
    after: usize,
    is_before: impl Fn(usize) -> Option<bool>,
) -> Option<usize> {
    let (mut low, mut high) = (first, after);
    while low < high {
        let middle = low.midpoint(high);
        if is_before(middle)? {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Some(low)
}

/// Takes the parts of a table one after the other.
pub(super) struct Parts<'a>(pub(super) &'a [u8]);

impl<'a> Parts<'a> {
    /// The next `count` pieces of `size` bytes.
    pub(super) fn take(&mut self, count: usize, size: usize) -> Option<&'a [u8]> {
        let (part, after) = self.0.split_at_checked(count.checked_mul(size)?)?;
        self.0 = after;
        Some(part)
    }
}

/// The `place`-th piece of `N` bytes.
pub(super) fn chunk<const N: usize>(bytes: &[u8], place: usize) -> Option<[u8; N]> {
    bytes.get(place.checked_mul(N)?..)?.first_chunk::<N>().copied()
}

/// The `place`-th number of 16 bits.
pub(super) fn u16_at(bytes: &[u8], place: usize) -> Option<usize> {
    chunk(bytes, place).map(|bytes| usize::from(u16::from_le_bytes(bytes)))
}

/// The `place`-th number of 24 bits.
pub(super) fn u24_at(bytes: &[u8], place: usize) -> Option<usize> {
    let [a, b, c] = chunk(bytes, place)?;
    usize::try_from(u32::from_le_bytes([a, b, c, 0])).ok()
}

/// The `place`-th number of 32 bits.
pub(super) fn u32_at(bytes: &[u8], place: usize) -> Option<u32> {
    chunk(bytes, place).map(u32::from_le_bytes)
}

/// The `place`-th number of 32 bits, for a place or a count.
pub(super) fn place_at(bytes: &[u8], place: usize) -> Option<usize> {
    usize::try_from(u32_at(bytes, place)?).ok()
}
