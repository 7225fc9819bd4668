//! Names of DNS, which may end where an earlier one goes on (RFC 1035 section 4.1.4).

use std::fmt::{self, Write};

/// Bytes of the longest name with the lengths of its labels, RFC 1035 section 2.3.4.
const LONGEST_NAME: usize = 255;
/// The two highest bits of a length that is a pointer, RFC 1035 section 4.1.4.
const POINTER: u8 = 0xC0;
/// The longest label; higher bits have been given other meanings that nobody uses.
const LONGEST_LABEL: u8 = 63;

/// A name that is there to its end, in a message.
///
/// As text it has no last dot. Dots and backslashes within a label are escaped, and so are bytes that are not UTF-8
/// (RFC 1035 section 5.1, RFC 6763 section 4.3).
#[derive(Clone, Copy)]
pub struct Name<'a> {
    message: &'a [u8],
    /// Where its first label stands.
    start: usize,
}

/// What stands at a place of a name.
enum Part<'a> {
    /// A label, and the place after it.
    Label(&'a [u8], usize),
    /// The name goes on there.
    Pointer(usize),
    End,
}

impl<'a> Part<'a> {
    fn read(message: &'a [u8], at: usize) -> Option<Self> {
        let length = *message.get(at)?;
        Some(match length {
            0 => Self::End,
            1..=LONGEST_LABEL => {
                let start = at + 1;
                let end = start + usize::from(length);
                Self::Label(message.get(start..end)?, end)
            }
            POINTER.. => {
                Self::Pointer(usize::from(length & !POINTER) << 8 | usize::from(*message.get(at + 1)?))
            }
            _ => return None,
        })
    }
}

impl<'a> Name<'a> {
    /// Reads the name at a place; gives the place after it too.
    ///
    /// A pointer has to lead to a place before the labels that it ends, so that no name goes round.
    pub(super) fn read(message: &'a [u8], place: usize) -> Option<(Self, usize)> {
        let (mut at, mut run, mut length) = (place, place, 0);
        let (mut start, mut after) = (place, None);
        loop {
            match Part::read(message, at)? {
                Part::End => return Some((Self { message, start }, after.unwrap_or(at + 1))),
                Part::Label(label, end) => {
                    length += 1 + label.len();
                    if length >= LONGEST_NAME {
                        return None;
                    }
                    at = end;
                }
                Part::Pointer(target) if target < run => {
                    after = after.or(Some(at + 2));
                    (at, run) = (target, target);
                    if length == 0 {
                        start = target;
                    }
                }
                Part::Pointer(_) => return None,
            }
        }
    }

    fn labels(self) -> impl Iterator<Item = &'a [u8]> {
        let mut at = self.start;
        std::iter::from_fn(move || {
            loop {
                match Part::read(self.message, at)? {
                    Part::End => return None,
                    Part::Label(label, end) => {
                        at = end;
                        return Some(label);
                    }
                    Part::Pointer(target) => at = target,
                }
            }
        })
    }

    /// Whether it has labels, all of them of printable ASCII.
    pub(super) fn is_plain(self) -> bool {
        self.labels().next().is_some() && self.labels().all(|label| label.iter().all(u8::is_ascii_graphic))
    }

    /// Whether two names are the same: letters of ASCII count in either case (RFC 4343).
    pub fn is_same(self, other: Self) -> bool {
        self.is_alike(other, <[u8]>::eq_ignore_ascii_case)
    }

    /// Whether two names are written in the same way.
    pub fn is_identical(self, other: Self) -> bool {
        self.is_alike(other, |one, other| one == other)
    }

    fn is_alike(self, other: Self, is_same: impl Fn(&[u8], &[u8]) -> bool) -> bool {
        if self.start == other.start && std::ptr::eq(self.message, other.message) {
            return true;
        }
        let (mut ours, mut theirs) = (self.labels(), other.labels());
        loop {
            match (ours.next(), theirs.next()) {
                (None, None) => return true,
                (Some(one), Some(other)) if is_same(one, other) => {}
                _ => return false,
            }
        }
    }

    /// What `read` makes of the text.
    pub fn with_text<T>(self, read: impl FnOnce(&str) -> T) -> T {
        let mut bytes = [0; LONGEST_NAME];
        match self.plain(&mut bytes) {
            Some(plain) => read(plain),
            None => read(&self.escaped()),
        }
    }

    /// Writes a name in which nothing has to be escaped, as in nearly all.
    fn plain(self, bytes: &mut [u8; LONGEST_NAME]) -> Option<&str> {
        let (mut length, mut labels) = (0_usize, 0_u8);
        for label in self.labels() {
            let (place, after) = bytes.get_mut(length..)?.split_at_mut_checked(label.len())?;
            place.copy_from_slice(label);
            *after.first_mut()? = b'.';
            length += label.len() + 1;
            labels = labels.wrapping_add(1);
        }
        let text = bytes.get(..length)?;
        // Without a way out of the loops, many bytes are looked at at once.
        let dots = text.iter().fold(0_u8, |dots, byte| dots.wrapping_add(u8::from(*byte == b'.')));
        let odd = text.iter().fold(0, |odd, byte| odd | (byte & 0x80) | u8::from(*byte == b'\\'));
        if odd != 0 || dots != labels {
            return None;
        }
        std::str::from_utf8(text.get(..length.saturating_sub(1))?).ok()
    }

    fn escaped(self) -> String {
        let mut text = String::new();
        for (index, label) in self.labels().enumerate() {
            if index > 0 {
                text.push('.');
            }
            for chunk in label.utf8_chunks() {
                for character in chunk.valid().chars() {
                    match character {
                        '.' | '\\' => text.extend(['\\', character]),
                        _ => text.push(character),
                    }
                }
                for byte in chunk.invalid() {
                    let _ = write!(text, "\\{byte:03}");
                }
            }
        }
        text
    }
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_text(|text| f.write_str(text))
    }
}

impl fmt::Debug for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_text(|text| fmt::Debug::fmt(text, f))
    }
}
