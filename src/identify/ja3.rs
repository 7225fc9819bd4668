//! JA3 and JA3S: the shape of a TLS hello as a line of numbers and its MD5, as first described at
//! <https://github.com/salesforce/ja3>.

use crate::identify::cursor::{Cursor, numbers};
use md5::{Digest, Md5};
use std::fmt::Write;

/// Extensions and cipher suites that are written out. Clients have below 100 of each; a hello with more than this
/// is built to make its reader work.
const MAX_ITEMS: usize = 1024;

/// `supported_groups`, RFC 8422 section 5.1.1.
const SUPPORTED_GROUPS: u16 = 10;
/// `ec_point_formats`, RFC 8422 section 5.1.2.
const EC_POINT_FORMATS: u16 = 11;

/// A fingerprint of a hello.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ja3 {
    /// The fields in decimal: version, cipher suites, extensions, and of a client groups and point formats.
    pub text: String,
    /// MD5 of the text.
    pub md5: [u8; 16],
}

impl Ja3 {
    /// JA3 of a client hello; `extensions` is the whole block, each with type and length.
    pub(crate) fn of_client(version: u16, ciphers: &[u8], extensions: &[u8]) -> Option<Self> {
        if ciphers.len() / 2 > MAX_ITEMS || extensions_of(extensions).nth(MAX_ITEMS).is_some() {
            return None;
        }
        let mut text = String::with_capacity(256);
        push_list(&mut text, std::iter::once(version));
        text.push(',');
        push_list(&mut text, numbers(ciphers));
        text.push(',');
        push_list(&mut text, extensions_of(extensions).map(|(kind, _)| kind));
        text.push(',');
        if let Some(groups) = find(extensions, SUPPORTED_GROUPS) {
            push_list(&mut text, numbers(Cursor::new(groups).vector16().unwrap_or_default()).take(MAX_ITEMS));
        }
        text.push(',');
        if let Some(formats) = find(extensions, EC_POINT_FORMATS) {
            let formats = Cursor::new(formats).vector8().unwrap_or_default();
            push_list(&mut text, formats.iter().map(|format| u16::from(*format)));
        }
        Some(Self::of_text(text))
    }

    /// JA3S of a server hello.
    pub(crate) fn of_server(version: u16, cipher: u16, extensions: &[u8]) -> Option<Self> {
        if extensions_of(extensions).nth(MAX_ITEMS).is_some() {
            return None;
        }
        let mut text = String::with_capacity(32);
        push_list(&mut text, std::iter::once(version));
        text.push(',');
        push_list(&mut text, std::iter::once(cipher));
        text.push(',');
        push_list(&mut text, extensions_of(extensions).map(|(kind, _)| kind));
        Some(Self::of_text(text))
    }

    /// The MD5 in hexadecimal.
    pub fn hash(&self) -> String {
        self.md5.iter().fold(String::with_capacity(32), |mut hash, byte| {
            let _ = write!(hash, "{byte:02x}");
            hash
        })
    }

    fn of_text(text: String) -> Self {
        let md5 = Md5::digest(text.as_bytes()).into();
        Self { text, md5 }
    }
}

/// Whether a value is one that clients strew in so that servers stay tolerant, RFC 8701.
pub(crate) const fn is_grease(value: u16) -> bool {
    let [high, low] = value.to_be_bytes();
    high == low && low & 0x0f == 0x0a
}

/// The extensions of a block: type and content, up to the first that is not whole.
pub(crate) fn extensions_of(block: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut cursor = Cursor::new(block);
    std::iter::from_fn(move || Some((cursor.u16()?, cursor.vector16()?)))
}

fn find(extensions: &[u8], wanted: u16) -> Option<&[u8]> {
    extensions_of(extensions).find(|(kind, _)| *kind == wanted).map(|(_, content)| content)
}

fn push_list(text: &mut String, values: impl Iterator<Item = u16>) {
    let mut separator = None;
    for value in values.filter(|value| !is_grease(*value)) {
        text.extend(separator);
        push_number(text, value);
        separator = Some('-');
    }
}

/// Writes a number in decimal. Hellos are full of numbers, and the formatting machinery takes ten times as long.
fn push_number(text: &mut String, value: u16) {
    let mut unit = 10_000;
    while unit > 1 && value < unit {
        unit /= 10;
    }
    while unit > 0 {
        text.extend(char::from_digit(u32::from(value / unit % 10), 10));
        unit /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_authors_has_their_hash() {
        // First example of the README at the address above.
        let text = "769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0";
        assert_eq!(Ja3::of_text(text.into()).hash(), "ada70206e40642a3e4461f35503241d5");
    }

    #[test]
    fn every_number_is_written_as_the_standard_library_writes_it() {
        for value in 0..=u16::MAX {
            let mut text = String::new();
            push_number(&mut text, value);
            assert_eq!(text, value.to_string());
        }
    }

    #[test]
    fn grease_is_left_out() {
        let extensions = [
            0x1a, 0x1a, 0, 0, // GREASE
            0, 10, 0, 6, 0, 4, 0x2a, 0x2a, 0, 29, // supported_groups
            0, 11, 0, 2, 1, 0, // ec_point_formats
        ];
        let ja3 = Ja3::of_client(0x0303, &[0x0a, 0x0a, 0x13, 0x01], &extensions).unwrap();
        assert_eq!(ja3.text, "771,4865,10-11,29,0");
        assert!(!is_grease(0x0a1a) && is_grease(0xfafa) && !is_grease(0x0b0b));
    }

    #[test]
    fn a_server_hello_without_extensions_ends_in_a_comma() {
        assert_eq!(Ja3::of_server(0x0301, 5, &[]).unwrap().text, "769,5,");
    }

    #[test]
    fn a_hello_with_absurdly_many_ciphers_has_no_fingerprint() {
        assert_eq!(Ja3::of_client(0x0303, &[0; 2 * MAX_ITEMS + 2], &[]), None);
    }
}
