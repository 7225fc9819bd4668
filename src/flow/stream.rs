//! The first bytes of one direction of a TCP connection, put in order within a bound.

/// Bytes kept of one direction. A TLS ClientHello may take 64 KiB by its own length field, a server's first
/// flight with its certificates is rarely above 16 KiB.
const MAX_BYTES: usize = 64 * 1024;

/// Segments kept that arrived ahead of a gap.
const MAX_AHEAD: usize = 32;

/// How many bytes all streams that share it may hold together.
#[derive(Debug)]
pub struct Budget {
    left: usize,
    refused: u64,
}

impl Budget {
    /// Room for `bytes`.
    pub const fn new(bytes: usize) -> Self {
        Self { left: bytes, refused: 0 }
    }

    /// Segments that were not kept because there was no room.
    pub const fn refused(&self) -> u64 {
        self.refused
    }

    const fn take(&mut self, bytes: usize) -> bool {
        if let Some(left) = self.left.checked_sub(bytes) {
            self.left = left;
            true
        } else {
            self.refused = self.refused.saturating_add(1);
            false
        }
    }
}

/// The first bytes of one direction, in order.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    /// Sequence number of the first byte.
    base: Option<u32>,
    bytes: Vec<u8>,
    ahead: Vec<(u32, Vec<u8>)>,
    /// Bytes after those at hand are not in the capture, or are too many.
    ended: bool,
}

impl Stream {
    /// Notes the sequence number of the SYN: the stream begins with the one after it.
    pub const fn synchronize(&mut self, sequence: u32) {
        if self.base.is_none() {
            self.base = Some(sequence.wrapping_add(1));
        }
    }

    /// Takes a segment: `captured` of its `length` bytes. Whether [`Self::bytes`] has grown.
    ///
    /// Where no SYN was seen, the stream begins with the first segment that comes.
    pub fn push(&mut self, sequence: u32, captured: &[u8], length: u32, budget: &mut Budget) -> bool {
        if self.ended || captured.is_empty() {
            return false;
        }
        let base = *self.base.get_or_insert(sequence);
        let offset = sequence.wrapping_sub(base);
        let Some(fresh) = self.beyond(offset, captured) else { return false };
        if fresh.is_empty() {
            return false;
        }
        let start = offset.max(self.held());
        if start > self.held() {
            self.keep_ahead(start, fresh, budget);
            return false;
        }
        if !self.append(fresh, budget) {
            return false;
        }
        if captured.len() < length as usize {
            self.ended = true;
        }
        self.join_ahead(budget);
        true
    }

    /// The bytes at hand, from the first on, without a gap.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether no more bytes can come: what follows is not in the capture, or beyond the bound.
    pub const fn has_ended(&self) -> bool {
        self.ended
    }

    /// Forgets the bytes and takes no more.
    pub fn release(&mut self, budget: &mut Budget) {
        let ahead: usize = self.ahead.iter().map(|(_, bytes)| bytes.len()).sum();
        budget.left = budget.left.saturating_add(self.bytes.len()).saturating_add(ahead);
        *self = Self { base: self.base, ended: true, ..Self::default() };
    }

    /// Whether nothing is held and nothing more is taken.
    pub const fn is_released(&self) -> bool {
        self.ended && self.bytes.is_empty() && self.ahead.is_empty()
    }

    fn held(&self) -> u32 {
        u32::try_from(self.bytes.len()).unwrap_or(u32::MAX)
    }

    /// What of a segment at `offset` is not at hand yet. `None` if it lies before the stream or far beyond.
    fn beyond<'a>(&self, offset: u32, captured: &'a [u8]) -> Option<&'a [u8]> {
        let known = self.held();
        if offset <= known {
            return Some(captured.get((known - offset) as usize..).unwrap_or_default());
        }
        if (offset as usize) < MAX_BYTES {
            return Some(captured);
        }
        // A retransmission from before the first byte reaches into the stream, or it is of no use.
        let before = offset.wrapping_neg();
        if before as usize > MAX_BYTES {
            return None;
        }
        captured.get((before as usize).checked_add(self.bytes.len())?..)
    }

    fn append(&mut self, bytes: &[u8], budget: &mut Budget) -> bool {
        let room = MAX_BYTES.saturating_sub(self.bytes.len());
        let bytes = bytes.get(..bytes.len().min(room)).unwrap_or_default();
        if bytes.is_empty() || !budget.take(bytes.len()) {
            self.ended = true;
            return false;
        }
        self.bytes.extend_from_slice(bytes);
        self.ended = self.bytes.len() >= MAX_BYTES;
        true
    }

    fn keep_ahead(&mut self, offset: u32, bytes: &[u8], budget: &mut Budget) {
        let held_already =
            self.ahead.iter().any(|(other, kept)| *other == offset && kept.len() >= bytes.len());
        if !held_already
            && self.ahead.len() < MAX_AHEAD
            && bytes.len() <= MAX_BYTES
            && budget.take(bytes.len())
        {
            self.ahead.push((offset, bytes.to_vec()));
            self.ahead.sort_by_key(|(offset, _)| *offset);
        }
    }

    /// Appends what was kept, as far as there is no gap.
    fn join_ahead(&mut self, budget: &mut Budget) {
        while let Some((offset, _)) = self.ahead.first() {
            if self.ended || *offset > self.held() {
                return;
            }
            let (offset, bytes) = self.ahead.remove(0);
            budget.left = budget.left.saturating_add(bytes.len());
            let known = (self.held() - offset) as usize;
            if let Some(fresh) = bytes.get(known..).filter(|fresh| !fresh.is_empty()) {
                self.append(fresh, budget);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn push(stream: &mut Stream, sequence: u32, bytes: &[u8]) -> bool {
        stream.push(sequence, bytes, u32::try_from(bytes.len()).unwrap(), &mut Budget::new(1 << 20))
    }

    #[test]
    fn segments_in_any_order_give_the_bytes_in_order() {
        let mut stream = Stream::default();
        stream.synchronize(u32::MAX - 2);
        assert!(!push(&mut stream, 3, b"fgh"));
        assert!(!push(&mut stream, 1, b"def"));
        assert!(push(&mut stream, u32::MAX - 1, b"abc"));
        assert_eq!(stream.bytes(), b"abcdefgh");
    }

    #[test]
    fn a_cut_segment_ends_the_stream() {
        let mut stream = Stream::default();
        assert!(stream.push(7, b"abc", 5, &mut Budget::new(100)));
        assert!(stream.has_ended());
        assert!(!push(&mut stream, 12, b"x"));
        assert_eq!(stream.bytes(), b"abc");
    }

    #[test]
    fn a_stream_without_budget_takes_nothing() {
        let mut budget = Budget::new(2);
        let mut stream = Stream::default();
        assert!(!stream.push(0, b"abc", 3, &mut budget));
        assert_eq!(budget.refused(), 1);
        assert!(stream.has_ended());
    }

    #[test]
    fn a_released_stream_gives_its_room_back() {
        let mut budget = Budget::new(10);
        let mut stream = Stream::default();
        stream.push(0, b"abcd", 4, &mut budget);
        stream.push(6, b"gh", 2, &mut budget);
        stream.release(&mut budget);
        assert_eq!(budget.left, 10);
        assert!(!stream.push(4, b"ef", 2, &mut budget));
    }

    proptest! {
        #[test]
        fn any_cutting_and_order_gives_the_whole(
            text in proptest::collection::vec(any::<u8>(), 1..200),
            mut cuts in proptest::collection::vec(0_usize..200, 0..12),
            base: u32,
            seed in proptest::collection::vec(any::<u16>(), 16),
        ) {
            cuts.extend([0, text.len()]);
            cuts.retain(|&cut| cut <= text.len());
            cuts.sort_unstable();
            cuts.dedup();
            let mut pieces: Vec<_> = cuts.windows(2).zip(seed).map(|(w, key)| (key, w[0], w[1])).collect();
            pieces.sort_unstable();
            let mut stream = Stream::default();
            stream.synchronize(base.wrapping_sub(1));
            for (_, from, to) in pieces {
                push(&mut stream, base.wrapping_add(u32::try_from(from).unwrap()), &text[from..to]);
            }
            prop_assert_eq!(stream.bytes(), &text[..]);
        }
    }
}
