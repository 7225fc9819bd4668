//! Putting a stretch of bytes together from pieces that come in any order, twice, or overlapping.

use std::ops::Range;

/// Gaps that are remembered. An honest sender leaves a few; each costs a step of every later insertion.
const MAX_RANGES: usize = 64;

/// Bytes put together so far. Where two pieces disagree about a byte, the one that came first counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pieces {
    bytes: Vec<u8>,
    /// What has arrived: in order, neither touching nor overlapping.
    ranges: Vec<Range<usize>>,
}

impl Pieces {
    /// Adds a piece; what of it lies beyond `limit` bytes, or would need one range too many, is dropped.
    pub(crate) fn insert(&mut self, offset: usize, piece: &[u8], limit: usize) {
        let end = offset.saturating_add(piece.len()).min(limit);
        if offset >= end {
            return;
        }
        let first = self.ranges.partition_point(|range| range.end < offset);
        let last = self.ranges.partition_point(|range| range.start <= end);
        if first == last && self.ranges.len() >= MAX_RANGES {
            return;
        }
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        let known = self.ranges.get(first..last).unwrap_or_default();
        let mut gap = offset;
        for range in known.iter().chain(std::iter::once(&(end..end))) {
            copy(&mut self.bytes, piece, offset, gap..range.start.min(end));
            gap = gap.max(range.end);
        }
        let start = known.first().map_or(offset, |range| range.start.min(offset));
        let end = known.last().map_or(end, |range| range.end.max(end));
        self.ranges.splice(first..last, std::iter::once(start..end));
    }

    /// The bytes from the start to the first gap.
    pub(crate) fn prefix(&self) -> &[u8] {
        let end = self.ranges.first().filter(|range| range.start == 0).map_or(0, |range| range.end);
        self.bytes.get(..end).unwrap_or_default()
    }

    /// Forgets everything and gives the memory back.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// Copies the part of `piece` (which starts at `offset`) that lies in `gap`.
fn copy(bytes: &mut [u8], piece: &[u8], offset: usize, gap: Range<usize>) {
    let Some(source) = gap.start.checked_sub(offset).zip(gap.end.checked_sub(offset)) else { return };
    if let (Some(to), Some(from)) = (bytes.get_mut(gap), piece.get(source.0..source.1)) {
        to.copy_from_slice(from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_first_copy_of_a_byte_counts() {
        let mut pieces = Pieces::default();
        pieces.insert(2, b"cd", 100);
        pieces.insert(0, b"ABCDEF", 100);
        assert_eq!(pieces.prefix(), b"ABcdEF");
    }

    #[test]
    fn nothing_lies_beyond_the_limit() {
        let mut pieces = Pieces::default();
        pieces.insert(0, b"abcdef", 4);
        pieces.insert(usize::MAX, b"x", 4);
        pieces.insert(4, b"x", 4);
        assert_eq!(pieces.prefix(), b"abcd");
    }

    #[test]
    fn the_number_of_gaps_is_bounded() {
        let mut pieces = Pieces::default();
        for offset in 0..10_000 {
            pieces.insert(offset * 2, b"x", usize::MAX);
        }
        assert_eq!(pieces.ranges.len(), MAX_RANGES);
        pieces.insert(1, b"y", usize::MAX);
        assert_eq!(pieces.prefix(), b"xyx");
    }

    proptest! {
        #[test]
        fn pieces_in_any_order_give_the_whole(
            whole in proptest::collection::vec(any::<u8>(), 1..300),
            cuts in proptest::collection::vec((0_usize..300, 1_usize..80), 0..30),
        ) {
            let mut pieces = Pieces::default();
            let mut model = vec![false; whole.len()];
            for (offset, length) in cuts {
                let start = offset.min(whole.len());
                let end = (offset + length).min(whole.len());
                pieces.insert(start, &whole[start..end], whole.len());
                model[start..end].fill(true);
                let expected = model.iter().take_while(|known| **known).count();
                prop_assert_eq!(pieces.prefix(), &whole[..expected]);
            }
            pieces.insert(0, &whole, whole.len());
            prop_assert_eq!(pieces.prefix(), &whole[..]);
        }
    }
}
