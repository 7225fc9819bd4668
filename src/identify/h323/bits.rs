//! Reading aligned PER (ITU-T X.691).

/// Extensions that are looked at of one type. Setup has some thirty.
const MAX_EXTENSIONS: u16 = 64;

/// What is left to read. A read that does not fit gives `None`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    /// In bits.
    at: usize,
}

impl<'a> Bits<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) fn flag(&mut self) -> Option<bool> {
        let byte = *self.bytes.get(self.at / 8)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Some(bit == 1)
    }

    /// A number of `count` bits, up to 16.
    pub(super) fn number(&mut self, count: u32) -> Option<u16> {
        (0..count).try_fold(0_u16, |number, _| Some(number << 1 | u16::from(self.flag()?)))
    }

    /// The presence of `N` optional fields.
    pub(super) fn flags<const N: usize>(&mut self) -> Option<[bool; N]> {
        let mut flags = [false; N];
        for flag in &mut flags {
            *flag = self.flag()?;
        }
        Some(flags)
    }

    /// Bytes from the next whole one on.
    pub(super) fn octets(&mut self, count: usize) -> Option<&'a [u8]> {
        let start = self.at.div_ceil(8);
        let end = start.checked_add(count)?;
        let octets = self.bytes.get(start..end)?;
        self.at = end.checked_mul(8)?;
        Some(octets)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.octets(N)?.try_into().ok()
    }

    /// The number of a byte, from the next whole one.
    pub(super) fn octet(&mut self) -> Option<usize> {
        self.array().map(|[octet]| usize::from(octet))
    }

    /// A length without bounds, X.691 section 11.9; none is as long as to need pieces.
    fn length(&mut self) -> Option<usize> {
        match self.octet()? {
            short @ 0..=0x7f => Some(short),
            long @ 0x80..=0xbf => Some((long & 0x3f) << 8 | self.octet()?),
            _ => None,
        }
    }

    /// Bytes after their length: an octet string without bounds, an object identifier, an open type.
    pub(super) fn counted(&mut self) -> Option<&'a [u8]> {
        let length = self.length()?;
        self.octets(length)
    }

    /// What was added to a type after its first version, `None` for what is absent (X.691 section 19.7).
    pub(super) fn extensions(&mut self) -> Option<Vec<Option<&'a [u8]>>> {
        if self.flag()? {
            return None; // more than 64
        }
        let count = self.number(6)?.checked_add(1)?.min(MAX_EXTENSIONS);
        let present: Option<Vec<bool>> = (0..count).map(|_| self.flag()).collect();
        present?
            .into_iter()
            .map(|present| if present { self.counted().map(Some) } else { Some(None) })
            .collect()
    }

    /// Passes over what was added to a type, if `extended` says that there is something.
    pub(super) fn skip_extensions(&mut self, extended: bool) -> Option<()> {
        if extended {
            self.extensions()?;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_come_first_and_octets_are_aligned() {
        let mut bits = Bits::new(&[0b1010_0110, 7, 0x81, 0x02]);
        assert_eq!((bits.flag(), bits.number(3)), (Some(true), Some(0b010)));
        assert_eq!((bits.octet(), bits.length()), (Some(7), Some(0x102)));
        assert_eq!((bits.flag(), bits.octets(1), bits.counted()), (None, None, None));
    }

    #[test]
    fn extensions_are_told_by_a_map() {
        // Two of them, of which the second is there.
        let mut bits = Bits::new(&[0b0000_0010, 0b1000_0000, 1, 0xab]);
        assert_eq!(bits.extensions(), Some(vec![None, Some(&[0xab][..])]));
    }
}
