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
    /// JA3S of a server hello.
    pub(crate) fn of_server(version: u16, cipher: u16, extensions: &[u8]) -> Option<Self> {
        let mut fields = Fields::new();
        fields.field([version]);
        fields.field([cipher]);
        fields.field(extensions_of(extensions).map(|(kind, _)| kind));
        fields.finish()
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

/// JA3 of a client hello whose extensions are read one after the other.
pub(crate) struct ClientFields<'a> {
    fields: Fields,
    groups: Option<&'a [u8]>,
    formats: Option<&'a [u8]>,
}

impl<'a> ClientFields<'a> {
    pub(crate) fn new(version: u16, ciphers: &[u8]) -> Self {
        let mut fields = Fields::new();
        fields.field([version]);
        fields.field(numbers(ciphers));
        Self { fields, groups: None, formats: None }
    }

    /// Takes the next extension.
    pub(crate) fn extension(&mut self, kind: u16, content: &'a [u8]) {
        self.fields.value(kind);
        match kind {
            SUPPORTED_GROUPS if self.groups.is_none() => self.groups = Some(content),
            EC_POINT_FORMATS if self.formats.is_none() => self.formats = Some(content),
            _ => {}
        }
    }

    /// The fingerprint, after the last extension; `None` where there are too many numbers.
    pub(crate) fn finish(&mut self) -> Option<Ja3> {
        self.fields.push(FIELD_END);
        let groups = self.groups.and_then(|content| Cursor::new(content).vector16());
        let formats = self.formats.and_then(|content| Cursor::new(content).vector8());
        self.fields.field(numbers(groups.unwrap_or_default()));
        self.fields.field(formats.unwrap_or_default().iter().map(|format| u16::from(*format)));
        self.fields.finish()
    }
}

/// The fields as they are read.
struct Fields {
    items: [u16; MAX_ITEMS],
    /// Numbers that were read; there may be more than there is room for.
    length: usize,
}

impl Fields {
    const fn new() -> Self {
        Self { items: [0; MAX_ITEMS], length: 0 }
    }

    /// Adds a field and its end.
    fn field(&mut self, values: impl IntoIterator<Item = u16>) {
        values.into_iter().for_each(|value| self.value(value));
        self.push(FIELD_END);
    }

    /// Adds a number, if it is none of GREASE. What stands in a field is never [`FIELD_END`].
    fn value(&mut self, value: u16) {
        if !is_grease(value) {
            self.push(value);
        }
    }

    fn push(&mut self, item: u16) {
        if let Some(place) = self.items.get_mut(self.length) {
            *place = item;
        }
        self.length = self.length.saturating_add(1);
    }

    /// The fingerprint: all but the last end. `None` where there was no room for all.
    fn finish(&self) -> Option<Ja3> {
        let fields = self.items.get(..self.length)?.split_last()?.1;
        Some(Ja3 { fields: fields.into() })
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

    fn of_client(ciphers: &[u8], extensions: &[u8]) -> Option<Ja3> {
        let mut fields = ClientFields::new(0x0303, ciphers);
        extensions_of(extensions).for_each(|(kind, content)| fields.extension(kind, content));
        fields.finish()
    }

    #[test]
    fn grease_is_left_out() {
        let extensions = [
            0x1a, 0x1a, 0, 0, // GREASE
            0, 10, 0, 6, 0, 4, 0x2a, 0x2a, 0, 29, // supported_groups
            0, 11, 0, 2, 1, 0, // ec_point_formats
        ];
        let ja3 = of_client(&[0x0a, 0x0a, 0x13, 0x01], &extensions).unwrap();
        assert_eq!(ja3.text(), "771,4865,10-11,29,0");
        assert!(!is_grease(0x0a1a) && is_grease(0xfafa) && !is_grease(0x0b0b));
    }

    #[test]
    fn a_server_hello_without_extensions_ends_in_a_comma() {
        assert_eq!(Ja3::of_server(0x0301, 5, &[]).unwrap().text(), "769,5,");
    }

    #[test]
    fn a_hello_with_absurdly_many_ciphers_has_no_fingerprint() {
        assert_eq!(of_client(&[0; 2 * MAX_ITEMS + 2], &[]), None);
        let most = [7; 2 * (MAX_ITEMS - 6)];
        assert!(of_client(&most, &[]).is_some());
        assert_eq!(of_client(&[&most[..], &[7, 7]].concat(), &[]), None);
    }
}
