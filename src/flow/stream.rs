//! The first bytes of one direction of a TCP connection, put in order within a bound and read as they come.

/// Bytes of one direction that are read. A TLS `ClientHello` may take 64 KiB by its own length field, a server's first
/// flight with its certificates is rarely above 16 KiB.
const MAX_BYTES: u32 = 64 * 1024;

/// Segments kept that arrived ahead of a gap.
const MAX_AHEAD: usize = 32;

/// How many times the bytes at hand room is made for, where the reader says how many it waits for: that length is a mere
/// claim of the sender's. A list that grows takes as much.
const MAX_FORESIGHT: usize = 2;

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

    const fn give(&mut self, bytes: usize) {
        self.left = self.left.saturating_add(bytes);
    }
}

/// What a reader has made of the bytes that it was given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// How many of them, from the front, it is done with. It gets the others again, with those that follow.
    pub done: usize,
    /// How many there have to be, without those that it is done with, before it can go on; 0 where any may do.
    pub wanted: usize,
    /// How many the reader holds itself.
    pub kept: usize,
}

/// The first bytes of one direction, in order. It holds those that its reader is not done with.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    /// Sequence number of the first byte.
    base: Option<u32>,
    /// Bytes that came in order.
    received: u32,
    /// Bytes after those that were received are not in the capture, or are too many.
    ended: bool,
    /// The last of the bytes that were received: the reader is not done with them.
    unread: Vec<u8>,
    /// How many of these the reader waits for.
    wanted: u32,
    /// Bytes that the reader holds.
    kept: u32,
    ahead: Option<Box<Ahead>>,
}

/// Segments that came ahead of a gap, in order. Few streams have any.
#[derive(Clone, Debug, Default)]
struct Ahead(Vec<(u32, Vec<u8>)>);

impl Stream {
    /// A stream that begins after a SYN with this sequence number; `None` where it was not seen.
    pub fn new(syn: Option<u32>) -> Self {
        Self { base: syn.map(|sequence| sequence.wrapping_add(1)), ..Self::default() }
    }

    /// Notes the sequence number of the SYN: the stream begins with the one after it.
    pub const fn synchronize(&mut self, sequence: u32) {
        if self.base.is_none() {
            self.base = Some(sequence.wrapping_add(1));
        }
    }

    /// Takes a segment: `captured` of its `length` bytes. `read` is given what has come in order and was not done with.
    ///
    /// Where no SYN was seen, the stream begins with the first segment that comes.
    pub fn push(
        &mut self,
        sequence: u32,
        captured: &[u8],
        length: usize,
        budget: &mut Budget,
        mut read: impl FnMut(&[u8]) -> Read,
    ) {
        if self.ended || captured.is_empty() {
            return;
        }
        let base = *self.base.get_or_insert(sequence);
        let offset = sequence.wrapping_sub(base);
        let Some((offset, fresh)) = self.beyond(offset, captured).filter(|(_, fresh)| !fresh.is_empty())
        else {
            return;
        };
        if offset > self.received {
            return self.keep_ahead(offset, fresh, budget);
        }
        let fresh = self.receive(fresh);
        self.ended |= captured.len() < length;
        if self.ahead.is_none() {
            self.take(fresh, budget, &mut read);
        } else {
            let mut fresh = fresh.to_vec();
            self.join_ahead(&mut fresh, budget);
            self.take(&fresh, budget, &mut read);
        }
    }

    /// The bytes at hand that the reader is not done with.
    pub fn unread(&self) -> &[u8] {
        &self.unread
    }

    /// Whether no more bytes can come: what follows is not in the capture, or beyond the bound.
    pub const fn has_ended(&self) -> bool {
        self.ended
    }

    /// Forgets the bytes and takes no more.
    pub fn release(&mut self, budget: &mut Budget) {
        let ahead: usize = self.ahead.iter().flat_map(|ahead| &ahead.0).map(|(_, bytes)| bytes.len()).sum();
        budget.give(self.unread.len().saturating_add(ahead).saturating_add(self.kept as usize));
        *self = Self { base: self.base, ended: true, ..Self::default() };
    }

    /// What of a segment at `offset` has not come yet, and at which offset. `None` if it lies before the stream or far
    /// beyond.
    fn beyond<'a>(&self, offset: u32, captured: &'a [u8]) -> Option<(u32, &'a [u8])> {
        if offset > self.received && offset < MAX_BYTES {
            return Some((offset, captured));
        }
        // A retransmission from before the first byte reaches into the stream, or it is of no use.
        let known = self.received.wrapping_sub(offset);
        if known > 2 * MAX_BYTES {
            return None;
        }
        Some((self.received, captured.get(known as usize..)?))
    }

    /// Counts bytes that come next: those of them that are within the bound.
    fn receive<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let room = MAX_BYTES.saturating_sub(self.received);
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX).min(room);
        self.received = self.received.saturating_add(length);
        self.ended = self.received >= MAX_BYTES;
        bytes.get(..length as usize).unwrap_or_default()
    }

    /// Has bytes read that come next: where they are, or behind those that wait for them.
    fn take(&mut self, mut fresh: &[u8], budget: &mut Budget, read: &mut impl FnMut(&[u8]) -> Read) {
        while !fresh.is_empty() {
            if self.unread.is_empty() {
                let done = self.heed(read(fresh), budget);
                if let Some(left) = fresh.get(done..).filter(|left| !left.is_empty()) {
                    self.keep(left, budget);
                }
                return;
            }
            let missing = (self.wanted as usize).saturating_sub(self.unread.len());
            // What the reader does not wait for it can read where it is.
            let awaited = if missing == 0 { fresh.len() } else { fresh.len().min(missing) };
            let (awaited, others) = fresh.split_at_checked(awaited).unwrap_or((fresh, &[]));
            if !self.keep(awaited, budget) || self.unread.len() < self.wanted as usize {
                return;
            }
            let done = self.heed(read(&self.unread), budget);
            self.forget(done, budget);
            fresh = others;
        }
    }

    /// Takes note of what the reader has made of bytes. How many it is done with.
    fn heed(&mut self, read: Read, budget: &mut Budget) -> usize {
        budget.give(std::mem::take(&mut self.kept) as usize);
        match u32::try_from(read.kept) {
            Ok(kept) if budget.take(read.kept) => self.kept = kept,
            _ => self.ended = true,
        }
        self.wanted = u32::try_from(read.wanted).unwrap_or(u32::MAX);
        read.done
    }

    /// Keeps bytes until others follow. Whether there was room.
    fn keep(&mut self, bytes: &[u8], budget: &mut Budget) -> bool {
        if !budget.take(bytes.len()) {
            self.ended = true;
            return false;
        }
        if self.unread.is_empty() {
            let room = (self.wanted as usize).min(bytes.len().saturating_mul(MAX_FORESIGHT));
            self.unread.reserve_exact(room.max(bytes.len()));
        }
        self.unread.extend_from_slice(bytes);
        true
    }

    /// Lets go of bytes that the reader is done with.
    fn forget(&mut self, done: usize, budget: &mut Budget) {
        let done = done.min(self.unread.len());
        budget.give(done);
        if done == self.unread.len() {
            self.unread = Vec::new();
        } else {
            self.unread.drain(..done);
        }
    }

    fn keep_ahead(&mut self, offset: u32, bytes: &[u8], budget: &mut Budget) {
        let Ahead(ahead) = &mut **self.ahead.get_or_insert_default();
        let held_already = ahead.iter().any(|(other, kept)| *other == offset && kept.len() >= bytes.len());
        if !held_already
            && ahead.len() < MAX_AHEAD
            && bytes.len() <= MAX_BYTES as usize
            && budget.take(bytes.len())
        {
            ahead.push((offset, bytes.to_vec()));
            ahead.sort_by_key(|(offset, _)| *offset);
        }
    }

    /// Appends what was kept to `fresh`, the bytes received last, as far as there is no gap.
    fn join_ahead(&mut self, fresh: &mut Vec<u8>, budget: &mut Budget) {
        let Some(mut ahead) = self.ahead.take() else { return };
        while let Some((offset, _)) = ahead.0.first()
            && !self.ended
            && *offset <= self.received
        {
            let (offset, bytes) = ahead.0.remove(0);
            budget.give(bytes.len());
            let known = (self.received - offset) as usize;
            fresh.extend_from_slice(self.receive(bytes.get(known..).unwrap_or_default()));
        }
        self.ahead = (!ahead.0.is_empty()).then_some(ahead);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What a reader that is never done with anything has been given last.
    #[derive(Default)]
    struct Whole {
        stream: Stream,
        bytes: Vec<u8>,
    }

    impl Whole {
        fn push(&mut self, sequence: u32, bytes: &[u8]) {
            self.push_cut(sequence, bytes, bytes.len(), &mut Budget::new(1 << 20));
        }

        fn push_cut(&mut self, sequence: u32, bytes: &[u8], length: usize, budget: &mut Budget) {
            self.stream.push(sequence, bytes, length, budget, |bytes| {
                self.bytes = bytes.to_vec();
                Read::default()
            });
        }
    }

    #[test]
    fn segments_in_any_order_give_the_bytes_in_order() {
        let mut whole = Whole { stream: Stream::new(Some(u32::MAX - 2)), ..Whole::default() };
        whole.push(3, b"fgh");
        whole.push(1, b"def");
        assert_eq!(whole.bytes, b"");
        whole.push(u32::MAX - 1, b"abc");
        assert_eq!((&*whole.bytes, whole.stream.unread()), (&b"abcdefgh"[..], &b"abcdefgh"[..]));
    }

    #[test]
    fn a_repetition_from_before_the_first_byte_brings_what_is_new_in_it() {
        let mut whole = Whole::default();
        whole.push(5, b"ef");
        whole.push(3, b"cdefgh");
        whole.push(1, b"ab");
        assert_eq!(whole.bytes, b"efgh");
    }

    #[test]
    fn a_cut_segment_ends_the_stream() {
        let (mut whole, mut budget) = (Whole::default(), Budget::new(100));
        whole.push_cut(7, b"abc", 5, &mut budget);
        assert!(whole.stream.has_ended());
        whole.push_cut(12, b"x", 1, &mut budget);
        assert_eq!(whole.bytes, b"abc");
    }

    #[test]
    fn a_stream_without_budget_keeps_nothing() {
        let (mut whole, mut budget) = (Whole::default(), Budget::new(2));
        whole.push_cut(0, b"abc", 3, &mut budget);
        assert_eq!((budget.refused(), whole.stream.unread()), (1, &b""[..]));
        assert!(whole.stream.has_ended());
        let mut stream = Stream::default();
        stream.push(0, b"abc", 3, &mut budget, |bytes| Read { done: bytes.len(), ..Read::default() });
        assert!(!stream.has_ended(), "what is read at once takes no room");
        stream.push(3, b"d", 1, &mut budget, |_| Read { done: 1, wanted: 0, kept: 3 });
        assert!(stream.has_ended(), "what the reader keeps does");
    }

    #[test]
    fn a_released_stream_gives_its_room_back() {
        let (mut whole, mut budget) = (Whole::default(), Budget::new(10));
        whole.push_cut(0, b"abcd", 4, &mut budget);
        whole.push_cut(6, b"gh", 2, &mut budget);
        whole.stream.push(4, b"e", 1, &mut budget, |_| Read { done: 2, wanted: 0, kept: 1 });
        assert_eq!((budget.left, whole.stream.unread()), (4, &b"cde"[..]));
        whole.stream.release(&mut budget);
        assert_eq!(budget.left, 10);
        whole.bytes.clear();
        whole.push_cut(5, b"f", 1, &mut budget);
        assert_eq!(whole.bytes, b"");
    }

    /// Reads numbers that follow a byte with their length.
    fn read_pieces(bytes: &[u8], pieces: &mut Vec<Vec<u8>>) -> Read {
        let mut done = 0;
        loop {
            let rest = &bytes[done..];
            let length = rest.first().map_or(0, |length| usize::from(*length));
            match rest.get(1..=length) {
                Some(piece) if !rest.is_empty() => pieces.push(piece.to_vec()),
                _ => return Read { done, wanted: length + 1, kept: 0 },
            }
            done += length + 1;
        }
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
            let mut whole = Whole { stream: Stream::new(Some(base.wrapping_sub(1))), ..Whole::default() };
            for (_, from, to) in pieces {
                whole.push(base.wrapping_add(u32::try_from(from).unwrap()), &text[from..to]);
            }
            prop_assert_eq!(&whole.bytes, &text);
        }

        #[test]
        fn a_reader_that_is_done_with_pieces_gets_each_once_however_they_are_cut(
            said in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..12),
            steps in proptest::collection::vec(1_usize..50, 1..60),
        ) {
            let text: Vec<u8> =
                said.iter().flat_map(|piece| [&[u8::try_from(piece.len()).unwrap()], &piece[..]].concat()).collect();
            let (mut stream, mut budget, mut pieces) = (Stream::default(), Budget::new(1 << 20), Vec::new());
            let mut start = 0;
            for step in steps.into_iter().cycle().take_while(|_| !text.is_empty()) {
                let end = text.len().min(start + step);
                let (sequence, length) = (u32::try_from(start).unwrap(), end - start);
                stream.push(sequence, &text[start..end], length, &mut budget, |bytes| read_pieces(bytes, &mut pieces));
                start = end;
                if end == text.len() {
                    break;
                }
            }
            prop_assert_eq!(pieces, said);
            prop_assert_eq!((budget.left, stream.unread()), (1 << 20, &b""[..]));
        }
    }
}
