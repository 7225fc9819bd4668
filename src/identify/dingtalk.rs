//! `DingTalk`'s first packet over TCP.
//!
//! From nDPI's test captures (2024), which are not at hand here: a fixed pattern in bytes 2 to 13.

use super::Probe;

const START: usize = 2;
const PATTERN: [u8; 12] = [0x87, 0x80, 0x01, 0x00, 0x01, 0x00, 0x02, 0x00, 0x02, 0x64, 0x6B, 0x03];
const FIRST: u8 = 0x10;
/// The hello is longer than this.
const SHORTEST: usize = 90;

/// Whether a TCP stream begins with the hello.
pub fn probe(stream: &[u8]) -> Probe {
    let Some((first, rest)) = stream.split_first() else { return Probe::NeedMore };
    let seen = rest.get(START - 1..).unwrap_or_default();
    let expected = PATTERN.get(..seen.len()).unwrap_or(&PATTERN);
    if *first != FIRST || !seen.starts_with(expected) {
        return Probe::NoMatch;
    }
    if stream.len() > SHORTEST { Probe::Match } else { Probe::NeedMore }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pattern_is_found_behind_the_first_two_bytes() {
        let mut hello = vec![0x10, 0x44];
        hello.extend(PATTERN);
        hello.resize(100, 0);
        assert_eq!(probe(&hello), Probe::Match);
        for captured in 0..=SHORTEST {
            assert_eq!(probe(&hello[..captured]), Probe::NeedMore);
        }
        hello[5] ^= 1;
        assert_eq!(probe(&hello), Probe::NoMatch);
        assert_eq!(probe(b"\x16\x03\x01"), Probe::NoMatch);
    }
}
