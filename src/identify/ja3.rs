//! JA3 and JA3S: the shape of a TLS hello as a line of numbers and its MD5, as first described at
//! <https://github.com/salesforce/ja3>.

use crate::identify::cursor::{Cursor, numbers};
use md5::{Digest, Md5};
use std::fmt::Write;

/// Extensions and cipher suites that are written out. Clients have below 100 of each; a hello with more than this
/// is built to make its reader work.
const MAX_ITEMS: usize = 1024;

/// Numbers in the fingerprint of a client besides those in lists: the version, and an end of each field.
const CLIENT_FIELDS: usize = 6;
/// Those of a server: version and cipher suite, and the ends.
const SERVER_FIELDS: usize = 5;

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
    fields: Vec<u16>,
}

impl Ja3 {
    /// JA3 of a client hello; `extensions` is the whole block, each with type and length.
    pub(crate) fn of_client(version: u16, ciphers: &[u8], extensions: &[u8]) -> Option<Self> {
        let kinds = extensions_of(extensions).count();
        if ciphers.len() / 2 > MAX_ITEMS || kinds > MAX_ITEMS {
            return None;
        }
        let groups = find(extensions, SUPPORTED_GROUPS).and_then(|content| Cursor::new(content).vector16());
        let formats = find(extensions, EC_POINT_FORMATS).and_then(|content| Cursor::new(content).vector8());
        let (groups, formats) = (groups.unwrap_or_default(), formats.unwrap_or_default());
        let most = ciphers.len() / 2 + kinds + (groups.len() / 2).min(MAX_ITEMS) + formats.len();
        let mut fields = Vec::with_capacity(most + CLIENT_FIELDS);
        push(&mut fields, std::iter::once(version));
        push(&mut fields, numbers(ciphers));
        push(&mut fields, extensions_of(extensions).map(|(kind, _)| kind));
        push(&mut fields, numbers(groups).take(MAX_ITEMS));
        push(&mut fields, formats.iter().map(|format| u16::from(*format)));
        Some(Self::of_fields(fields))
    }

    /// JA3S of a server hello.
    pub(crate) fn of_server(version: u16, cipher: u16, extensions: &[u8]) -> Option<Self> {
        let kinds = extensions_of(extensions).count();
        if kinds > MAX_ITEMS {
            return None;
        }
        let mut fields = Vec::with_capacity(kinds + SERVER_FIELDS);
        push(&mut fields, std::iter::once(version));
        push(&mut fields, std::iter::once(cipher));
        push(&mut fields, extensions_of(extensions).map(|(kind, _)| kind));
        Some(Self::of_fields(fields))
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

    fn of_fields(mut fields: Vec<u16>) -> Self {
        fields.pop();
        Self { fields }
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

fn find(extensions: &[u8], wanted: u16) -> Option<&[u8]> {
    extensions_of(extensions).find(|(kind, _)| *kind == wanted).map(|(_, content)| content)
}

/// Appends a field and its end. What stands in it is never [`FIELD_END`].
fn push(fields: &mut Vec<u16>, values: impl Iterator<Item = u16>) {
    fields.extend(values.filter(|value| !is_grease(*value)));
    fields.push(FIELD_END);
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
