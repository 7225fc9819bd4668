//! Names that the other side wrote, kept as text.

use std::fmt;
use std::net::IpAddr;

/// Bytes of a name that are kept. A host name has at most 253 (RFC 1035 section 2.3.4).
const MAX_NAME: usize = 255;

/// Whether a name is what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NameKind {
    /// Letters, digits, hyphens, underscores and dots.
    Host,
    /// An IP address in text, which RFC 6066 section 3 forbids and some clients send.
    Address,
    /// Anything else: kept with what is not printable escaped.
    Other,
}

/// A name as the other side wrote it, such as in the server name extension (RFC 6066 section 3).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerName {
    text: String,
    kind: NameKind,
}

impl ServerName {
    /// Reads a name off the wire; `None` for an empty one.
    pub fn from_wire(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() {
            return None;
        }
        let text = text(bytes);
        let is_host = bytes.len() <= MAX_NAME && bytes.iter().all(|byte| is_host_byte(*byte));
        // An IPv4 address ends with a digit, and no host name has the colons of IPv6.
        let may_be_address = !is_host || bytes.last().is_some_and(u8::is_ascii_digit);
        let kind = match (may_be_address && text.parse::<IpAddr>().is_ok(), is_host) {
            (true, _) => NameKind::Address,
            (false, true) => NameKind::Host,
            (false, false) => NameKind::Other,
        };
        Some(Self { text, kind })
    }

    /// The name; bytes that are not printable are escaped as `\x00`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is a host name, an address or neither.
    pub const fn kind(&self) -> NameKind {
        self.kind
    }

    /// The address, where the name is one.
    pub fn address(&self) -> Option<IpAddr> {
        self.text.parse().ok()
    }
}

impl fmt::Display for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

const fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

/// Bytes off the wire as text of bounded length: UTF-8 without control characters as it is, anything else with
/// what is not printable ASCII escaped.
pub(crate) fn text(bytes: &[u8]) -> String {
    let is_plain = |text: &str| bytes.iter().all(u8::is_ascii_graphic) || !text.contains(char::is_control);
    match std::str::from_utf8(bytes) {
        Ok(text) if text.len() <= MAX_NAME && is_plain(text) => text.to_owned(),
        _ => bytes.get(..MAX_NAME).unwrap_or(bytes).escape_ascii().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(name: &[u8]) -> (String, NameKind) {
        let name = ServerName::from_wire(name).unwrap();
        (name.as_str().to_owned(), name.kind())
    }

    #[test]
    fn names_are_told_apart() {
        assert_eq!(kind(b"zoom.us"), ("zoom.us".into(), NameKind::Host));
        assert_eq!(kind(b"52.114.250.152"), ("52.114.250.152".into(), NameKind::Address));
        assert_eq!(kind(b"2001:db8::1"), ("2001:db8::1".into(), NameKind::Address));
        assert_eq!(kind(b"a b"), ("a b".into(), NameKind::Other));
        assert_eq!(kind(b"a\x1b[2Jb\xff"), ("a\\x1b[2Jb\\xff".into(), NameKind::Other));
        assert_eq!(ServerName::from_wire(b""), None);
    }

    #[test]
    fn a_long_name_is_cut() {
        assert_eq!(kind(&vec![b'a'; 70_000]), ("a".repeat(MAX_NAME), NameKind::Other));
    }
}
