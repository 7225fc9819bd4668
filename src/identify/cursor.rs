//! Reading numbers and length-prefixed vectors off the front of a byte slice, big-endian.

/// What is left to read of a slice. A read that does not fit gives `None` and takes nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The bytes that are left.
    pub(crate) const fn rest(self) -> &'a [u8] {
        self.0
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    /// Takes `length` bytes, or what there is of them.
    pub(crate) fn take_up_to(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at_checked(length).unwrap_or((self.0, &[]));
        self.0 = rest;
        taken
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u24(&mut self) -> Option<u32> {
        self.array().map(|[a, b, c]| u32::from_be_bytes([0, a, b, c]))
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// A vector with a length of one byte in front.
    pub(crate) fn vector8(&mut self) -> Option<&'a [u8]> {
        let mut after = *self;
        let length = after.u8()?;
        let vector = after.take(length.into())?;
        *self = after;
        Some(vector)
    }

    /// A vector with a length of two bytes in front.
    pub(crate) fn vector16(&mut self) -> Option<&'a [u8]> {
        let mut after = *self;
        let length = after.u16()?;
        let vector = after.take(length.into())?;
        *self = after;
        Some(vector)
    }

    /// A vector with a length of three bytes in front.
    pub(crate) fn vector24(&mut self) -> Option<&'a [u8]> {
        let mut after = *self;
        let length = after.u24()?;
        let vector = after.take(usize::try_from(length).ok()?)?;
        *self = after;
        Some(vector)
    }
}

/// The big-endian 16-bit numbers of `bytes`; an odd byte at the end is left out.
pub(crate) fn numbers(bytes: &[u8]) -> impl Iterator<Item = u16> {
    bytes.chunks_exact(2).filter_map(|pair| pair.first_chunk().copied()).map(u16::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_that_does_not_fit_takes_nothing() {
        let mut cursor = Cursor::new(&[0, 3, 1, 2]);
        assert_eq!(cursor.vector16(), None);
        assert_eq!(cursor.rest(), [0, 3, 1, 2]);
        assert_eq!(cursor.vector8(), Some(&[][..]));
        assert_eq!(cursor.u24(), Some(0x03_0102));
        assert_eq!(cursor.u8(), None);
    }

    #[test]
    fn an_odd_byte_is_no_number() {
        assert_eq!(numbers(&[0, 1, 2, 3, 4]).collect::<Vec<_>>(), [1, 0x0203]);
    }
}
