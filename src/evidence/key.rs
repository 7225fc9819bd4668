//! The key of pseudonyms: random, or given so that several reports agree.

use super::EvidenceError;
use std::fmt;
use std::io::Read;
use std::path::Path;

/// Bytes of a key: two of AES-128, as ipcrypt-pfx wants.
const LENGTH: usize = 32;

/// A key file is one line; what is longer is another file.
const MAX_FILE: u64 = 1024;

/// The key of pseudonyms. It is never written anywhere.
#[derive(Clone)]
pub struct Key {
    bytes: [u8; LENGTH],
    is_given: bool,
}

impl Key {
    /// The key in the file at `path`: 64 hexadecimal digits.
    pub fn read(path: &Path) -> Result<Self, EvidenceError> {
        let unreadable = |source| EvidenceError::Read { path: path.to_owned(), source };
        let file = std::fs::File::open(path).map_err(unreadable)?;
        let mut text = String::new();
        file.take(MAX_FILE).read_to_string(&mut text).map_err(unreadable)?;
        let bytes = parse(text.trim()).ok_or_else(|| EvidenceError::BadKey { path: path.to_owned() })?;
        if !is_usable(&bytes) {
            return Err(EvidenceError::WeakKey { path: path.to_owned() });
        }
        Ok(Self { bytes, is_given: true })
    }

    /// A key that nobody knows, the next one another.
    pub fn random() -> Result<Self, EvidenceError> {
        let mut bytes = [0; LENGTH];
        getrandom::fill(&mut bytes).map_err(|_| EvidenceError::NoRandomness)?;
        if !is_usable(&bytes) {
            return Err(EvidenceError::NoRandomness);
        }
        Ok(Self { bytes, is_given: false })
    }

    /// Whether it came from a file, so that another run may have the same.
    pub const fn is_given(&self) -> bool {
        self.is_given
    }

    /// A key for tests.
    #[cfg(test)]
    pub(super) const fn of(bytes: [u8; LENGTH]) -> Self {
        Self { bytes, is_given: true }
    }

    pub(super) const fn bytes(&self) -> &[u8; LENGTH] {
        &self.bytes
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// With two equal halves the pseudonym of an address would be the address.
fn is_usable(bytes: &[u8; LENGTH]) -> bool {
    let (first, second) = bytes.split_at(LENGTH / 2);
    first != second
}

fn parse(text: &str) -> Option<[u8; LENGTH]> {
    let digits: Vec<u8> = text
        .chars()
        .map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()?;
    let bytes: Vec<u8> =
        digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |sum, digit| sum << 4 | digit)).collect();
    if digits.len() == 2 * LENGTH { bytes.try_into().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Key, EvidenceError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, text).unwrap();
        Key::read(&path)
    }

    #[test]
    fn a_key_is_64_digits() {
        let text = "000102030405060708090a0b0c0d0e0F101112131415161718191a1b1c1d1e1f";
        let key = read(&format!("{text}\n")).unwrap();
        assert_eq!(key.bytes()[15..17], [0x0f, 0x10]);
        assert!(key.is_given());
        assert_eq!(format!("{key:?}"), "Key(..)");
        for wrong in [
            "",
            "00",
            text.trim_start_matches('0'),
            &format!("{text}0"),
            &text.replace('a', "g"),
            &"ü".repeat(32),
        ] {
            assert!(matches!(read(wrong), Err(EvidenceError::BadKey { .. })), "{wrong}");
        }
        assert!(matches!(read(&"07".repeat(32)), Err(EvidenceError::WeakKey { .. })));
    }

    #[test]
    fn two_random_keys_differ() {
        assert_ne!(Key::random().unwrap().bytes(), Key::random().unwrap().bytes());
    }
}
