//! JA3 and JA3S: the shape of a TLS hello as a line of numbers and its MD5, as first described at
//! <https://github.com/salesforce/ja3>.

use crate::identify::cursor::{Cursor, numbers};
use md5::{Digest, Md5};
use std::fmt::Write;

/// Numbers that are kept of a hello. Clients have below 150; a hello with more than this is built to make its reader
/// work.
const MAX_ITEMS: usize = 512;

/// `supported_groups`, RFC 8422 section 5.1.1.
const SUPPORTED_GROUPS: u16 = 10;
/// `ec_point_formats`, RFC 8422 section 5.1.2.
const EC_POINT_FORMATS: u16 = 11;

/// Stands between two fields: a value of GREASE, which no field has.
const FIELD_END: u16 = 0x0a0a;

/// A fingerprint of a hello. It is kept as numbers: few are ever asked for their text or hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ja3 {
    /// The fields: version, cipher suites, extensions, and of a client groups and point formats.
    fields: Box<[u16]>,
}

impl Ja3 {
    /// JA3 of a client hello; `extensions` is the whole block, each with type and length.
    pub(crate) fn of_client(version: u16, ciphers: &[u8], extensions: &[u8]) -> Option<Self> {
        let mut fields = Fields::new();
        fields.field(std::iter::once(version))?;
        fields.field(numbers(ciphers))?;
        let (mut groups, mut formats) = (None, None);
        let kinds = extensions_of(extensions).map(|(kind, content)| {
            match kind {
                SUPPORTED_GROUPS => groups = groups.or(Some(content)),
                EC_POINT_FORMATS => formats = formats.or(Some(content)),
                _ => {}
            }
            kind
        });
        fields.field(kinds)?;
        let groups = groups.and_then(|content| Cursor::new(content).vector16());
        let formats = formats.and_then(|content| Cursor::new(content).vector8());
        fields.field(numbers(groups.unwrap_or_default()))?;
        fields.field(formats.unwrap_or_default().iter().map(|format| u16::from(*format)))?;
        Some(fields.finish())
    }

    /// JA3S of a server hello.
    pub(crate) fn of_server(version: u16, cipher: u16, extensions: &[u8]) -> Option<Self> {
        let mut fields = Fields::new();
        fields.field(std::iter::once(version))?;
        fields.field(std::iter::once(cipher))?;
        fields.field(extensions_of(extensions).map(|(kind, _)| kind))?;
        Some(fields.finish())
    }

    /// The fields in decimal: items of a field with hyphens between them, fields with commas.
    pub fn text(&self) -> String {
        let mut text = String::with_capacity(self.fields.len().saturating_mul(5));
        for (index, field) in self.fields.split(|item| *item == FIELD_END).enumerate() {
            text.push_str(if index == 0 { "" } else { "," });
            for (index, item) in field.iter().enumerate() {
                let _ = write!(text, "{}{item}", if index == 0 { "" } else { "-" });
            }
        }
        text
    }

    /// MD5 of the text.
    pub fn md5(&self) -> [u8; 16] {
        md5(&self.text())
    }

    /// The MD5 in hexadecimal.
    pub fn hash(&self) -> String {
        hexadecimal(self.md5())
    }
}

/// The fields as they are read.
struct Fields {
    items: [u16; MAX_ITEMS],
    length: usize,
}

impl Fields {
    const fn new() -> Self {
        Self { items: [0; MAX_ITEMS], length: 0 }
    }

    /// Adds a field, without GREASE, and its end. What stands in it is never [`FIELD_END`]. `None` where there is no
    /// more room.
    fn field(&mut self, values: impl Iterator<Item = u16>) -> Option<()> {
        let values = values.filter(|value| !is_grease(*value));
        for value in values.chain(std::iter::once(FIELD_END)) {
            *self.items.get_mut(self.length)? = value;
            self.length += 1;
        }
        Some(())
    }

    /// The fingerprint: all but the last end.
    fn finish(&self) -> Ja3 {
        let fields = self.items.get(..self.length.saturating_sub(1)).unwrap_or_default();
        Ja3 { fields: fields.into() }
    }
}

fn md5(text: &str) -> [u8; 16] {
    Md5::digest(text.as_bytes()).into()
}

fn hexadecimal(bytes: [u8; 16]) -> String {
    bytes.iter().fold(String::with_capacity(32), |mut hash, byte| {
        let _ = write!(hash, "{byte:02x}");
        hash
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_authors_has_their_hash() {
        // First example of the README at the address above.
        let text = "769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0";
        assert_eq!(hexadecimal(md5(text)), "ada70206e40642a3e4461f35503241d5");
    }

    #[test]
    fn grease_is_left_out() {
        let extensions = [
            0x1a, 0x1a, 0, 0, // GREASE
            0, 10, 0, 6, 0, 4, 0x2a, 0x2a, 0, 29, // supported_groups
            0, 11, 0, 2, 1, 0, // ec_point_formats
        ];
        let ja3 = Ja3::of_client(0x0303, &[0x0a, 0x0a, 0x13, 0x01], &extensions).unwrap();
        assert_eq!(ja3.text(), "771,4865,10-11,29,0");
        assert!(!is_grease(0x0a1a) && is_grease(0xfafa) && !is_grease(0x0b0b));
    }

    #[test]
    fn a_server_hello_without_extensions_ends_in_a_comma() {
        assert_eq!(Ja3::of_server(0x0301, 5, &[]).unwrap().text(), "769,5,");
    }

    #[test]
    fn a_hello_with_absurdly_many_ciphers_has_no_fingerprint() {
        assert_eq!(Ja3::of_client(0x0303, &[0; 2 * MAX_ITEMS + 2], &[]), None);
    }
}
