//! Finds addresses in text, in whatever form they are written.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Longest text form of an address: IPv6 with IPv4 at its end, RFC 4291 section 2.2.
const MAX_ADDRESS: usize = 45;

/// Something found in text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Piece {
    /// An address, in any form.
    Address(IpAddr),
    /// A MAC address.
    Mac([u8; 6]),
}

impl Piece {
    /// The address that a word is, with what stands before and after it: a port, a full stop.
    pub(super) fn address_of(word: &str) -> Option<(IpAddr, &str, &str)> {
        if let Ok(address) = word.parse::<IpAddr>() {
            return Some((address, "", ""));
        }
        let trimmed = word.trim_end_matches(['.', ',', ':']);
        let after = word.strip_prefix(trimmed).unwrap_or_default();
        if let Ok(address) = trimmed.parse::<IpAddr>() {
            return Some((address, "", after));
        }
        let (address, _) = trimmed.rsplit_once(':')?;
        trimmed.parse::<SocketAddr>().ok()?;
        let after = word.strip_prefix(address).unwrap_or_default();
        address.parse::<IpAddr>().ok().map(|address| (address, "", after))
    }
}

/// Cuts `text` into words that may be addresses or names, and what lies between.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    let is_part = |character: char| {
        character.is_alphanumeric()
            || matches!(character, '.' | ':' | '-' | '_' | '*')
            || !character.is_ascii()
    };
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let end = rest.find(|character| is_part(character) != is_part(first)).unwrap_or(rest.len());
        let (word, after) = rest.split_at_checked(end)?;
        rest = after;
        Some(word)
    })
}

/// Goes through bytes and finds what reads like an address: IPv4 with dots, dashes or underscores, forwards and
/// backwards as in names made of addresses; IPv6 in any form; MAC addresses in theirs.
pub(in super::super) struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    found: Vec<Piece>,
    /// Where the word lies that [`Self::found`] is from.
    start: usize,
}

impl<'a> Scanner<'a> {
    pub(in super::super) fn new(text: &'a str) -> Self {
        Self::of_bytes(text.as_bytes())
    }

    pub(in super::super) const fn of_bytes(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, found: Vec::new(), start: 0 }
    }

    /// The next thing found and where its word begins.
    pub(in super::super) fn next_at(&mut self) -> Option<(usize, Piece)> {
        loop {
            if let Some(piece) = self.found.pop() {
                return Some((self.start, piece));
            }
            let rest = self.bytes.get(self.at..)?;
            let skip = rest.iter().position(|byte| is_address_byte(*byte))?;
            let word = rest.get(skip..)?;
            let length = word.iter().position(|byte| !is_address_byte(*byte)).unwrap_or(word.len());
            let word = word.get(..length)?;
            self.start = self.at + skip;
            self.at = self.start + length;
            pieces(word, &mut self.found);
        }
    }
}

impl Iterator for Scanner<'_> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        self.next_at().map(|(_, piece)| piece)
    }
}

const fn is_address_byte(byte: u8) -> bool {
    byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':' | b'-' | b'_')
}

/// What a word of digits and separators can be read as.
fn pieces(word: &[u8], found: &mut Vec<Piece>) {
    let Ok(word) = std::str::from_utf8(word) else { return };
    if word.len() < 2 {
        return;
    }
    let parts = parts(word);
    ipv4(&parts, found);
    if word.contains(':') {
        ipv6(word, found);
    }
    macs(&parts, found);
}

/// The parts of a word, each with the separator after it.
fn parts(word: &str) -> Vec<(&str, char)> {
    let separated = word.split_inclusive(['.', ':', '-', '_']);
    let part = |part: &'_ str| part.char_indices().next_back().map_or((0, ' '), |(end, last)| (end, last));
    separated
        .map(|text| match part(text) {
            (end, separator @ ('.' | ':' | '-' | '_')) => (text.get(..end).unwrap_or_default(), separator),
            _ => (text, ' '),
        })
        .collect()
}

/// `count` parts in a row with one separator between them, which is given too.
fn rows<'a, 'b>(
    parts: &'b [(&'a str, char)],
    count: usize,
) -> impl Iterator<Item = (&'b [(&'a str, char)], char)> {
    parts.windows(count).filter_map(|row| {
        let (_, separator) = row.first()?;
        let between = row.get(..row.len().checked_sub(1)?)?;
        between.iter().all(|(_, other)| other == separator).then_some((row, *separator))
    })
}

/// Any four numbers in a row, forwards and backwards.
fn ipv4(parts: &[(&str, char)], found: &mut Vec<Piece>) {
    for (row, separator) in rows(parts, 4) {
        let [(a, _), (b, _), (c, _), (d, _)] = row else { continue };
        // Letters may stand before the first and after the last.
        let first = a.trim_start_matches(|letter: char| letter.is_ascii_alphabetic());
        let last = d.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
        if let (true, Some(a), Some(b), Some(c), Some(d)) =
            (separator != ':', number(first), number(b), number(c), number(last))
        {
            found.push(Piece::Address(Ipv4Addr::new(a, b, c, d).into()));
            found.push(Piece::Address(Ipv4Addr::new(d, c, b, a).into()));
        }
    }
}

/// A number of up to three digits, with zeros before it or not.
fn number(text: &str) -> Option<u8> {
    if (1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().ok()
    } else {
        None
    }
}

/// Every part of the word between colons, dots and dashes that is an address.
fn ipv6(word: &str, found: &mut Vec<Piece>) {
    let is_edge = |place: &usize| {
        let byte = |place: usize| word.as_bytes().get(place).copied();
        let separates = |byte: Option<u8>| byte.is_none_or(|byte| !byte.is_ascii_hexdigit());
        *place == 0 || separates(byte(*place)) || separates(byte(*place - 1))
    };
    let edges: Vec<usize> = (0..=word.len()).filter(is_edge).collect();
    for (index, start) in edges.iter().enumerate() {
        for end in edges.iter().skip(index + 1).take_while(|end| **end - start <= MAX_ADDRESS) {
            let Some(part) = word.get(*start..*end).filter(|part| part.matches(':').count() > 1) else {
                continue;
            };
            if let Ok(address) = part.parse::<Ipv6Addr>() {
                found.push(Piece::Address(address.into()));
                found.extend(address.to_ipv4_mapped().map(|inner| Piece::Address(inner.into())));
            }
        }
    }
}

/// `00:11:22:33:44:55`, with dashes, and `0011.2233.4455`.
fn macs(parts: &[(&str, char)], found: &mut Vec<Piece>) {
    for (count, digits, separators) in [(6, 2, [':', '-']), (3, 4, ['.', '.'])] {
        for (row, separator) in rows(parts, count) {
            let is_mac = separators.contains(&separator) && row.iter().all(|(part, _)| part.len() == digits);
            let joined: String = row.iter().map(|(part, _)| *part).collect();
            if let (true, Ok(bits)) = (is_mac, u64::from_str_radix(&joined, 16)) {
                let [_, _, mac @ ..] = bits.to_be_bytes();
                found.push(Piece::Mac(mac));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finds(text: &str, address: &str) -> bool {
        let address: IpAddr = address.parse().unwrap();
        Scanner::new(text).any(|piece| piece == Piece::Address(address))
    }

    #[test]
    fn addresses_are_found_in_every_form() {
        for text in [
            "192.168.1.7",
            "x192.168.1.7:443.",
            "(192.168.001.007)",
            "ip-192-168-1-7.ec2",
            "7.1.168.192.in-addr.arpa",
            "1.192.168.1.7",
            "::ffff:192.168.1.7",
            "::ffff:c0a8:107",
            "a_192_168_1_7",
            "abc192.168.1.7de",
        ] {
            assert!(finds(text, "192.168.1.7"), "{text}");
        }
        for text in [
            "2001:db8::1",
            "[2001:db8::1]:443",
            "2001:DB8:0:0:0:0:0:1",
            "2001:db8:0::0:1",
            "from:2001:db8::1.",
        ] {
            assert!(finds(text, "2001:db8::1"), "{text}");
        }
        assert!(!finds("192.168.1.70", "192.168.1.7") && !finds("2001:db8::12", "2001:db8::1"));
        assert!(!finds("192.168.1", "192.168.1.7"));
    }

    #[test]
    fn mac_addresses_are_found() {
        let mac = Piece::Mac([0, 0x1a, 0x2b, 0x3c, 0x4d, 0x5e]);
        for text in ["00:1a:2b:3c:4d:5e", "x 00-1A-2B-3C-4D-5E.", "001a.2b3c.4d5e"] {
            assert!(Scanner::new(text).any(|piece| piece == mac), "{text}");
        }
    }

    #[test]
    fn a_word_may_have_a_port_or_a_full_stop() {
        let of = |word| {
            Piece::address_of(word).map(|(address, before, after)| format!("{before}<{address}>{after}"))
        };
        assert_eq!(of("10.0.0.1:443").as_deref(), Some("<10.0.0.1>:443"));
        assert_eq!(of("10.0.0.1,").as_deref(), Some("<10.0.0.1>,"));
        assert_eq!(of("2001:db8::1:").as_deref(), Some("<2001:db8::1>:"));
        assert_eq!(of("zoom.us"), None);
        assert_eq!(words("a [2001:db8::1]:443, b").collect::<Vec<_>>().concat(), "a [2001:db8::1]:443, b");
    }

    proptest::proptest! {
        #[test]
        fn any_form_of_any_address_is_found(bits: u128, small: u32, text in "[ -~]{0,8}") {
            let (v6, v4) = (Ipv6Addr::from_bits(bits), Ipv4Addr::from_bits(small));
            let around = |address: &str| format!("{text} {address} {text}");
            proptest::prop_assert!(finds(&around(&v6.to_string()), &v6.to_string()));
            let long = v6.segments().map(|part| format!("{part:04X}")).join(":");
            proptest::prop_assert!(finds(&around(&long), &v6.to_string()));
            proptest::prop_assert!(finds(&around(&v4.to_string()), &v4.to_string()));
        }

        #[test]
        fn any_bytes_are_gone_through(bytes: Vec<u8>) {
            let mut scanner = Scanner::of_bytes(&bytes);
            while scanner.next_at().is_some() {}
        }
    }
}
