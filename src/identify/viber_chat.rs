//! Viber's own connection over TCP (ports 4244 and 5242), on which calls are set up.
//!
//! Measured in captures of 2018 and 2024: records, each with its length and a counter in little-endian, then two
//! bytes that are zero but for the first records of a connection. Without the port this would prove little.

use super::Probe;
use super::wire::le16;

/// The ports it was seen on, and the one beside them that nDPI knows.
pub const PORTS: [u16; 3] = [4244, 5242, 5243];
const HEADER_LENGTH: usize = 6;
/// Records that follow each other with a counter that grows by one.
const PROVING: usize = 3;

/// Whether the stream of either side on one of [`PORTS`] begins like this.
pub fn probe(stream: &[u8]) -> Probe {
    let mut rest = stream;
    let mut counter: Option<u16> = None;
    let mut proving = 0;
    loop {
        let Some(length) = le16(rest, 0).map(usize::from) else { return Probe::NeedMore };
        if length < HEADER_LENGTH {
            return Probe::NoMatch;
        }
        let (Some(number), Some(zero)) = (le16(rest, 2), le16(rest, 4)) else { return Probe::NeedMore };
        if zero == 0 {
            proving =
                if counter.is_none_or(|counter| counter.wrapping_add(1) == number) { proving + 1 } else { 0 };
            counter = Some(number);
        } else if proving > 0 {
            return Probe::NoMatch;
        }
        if proving >= PROVING {
            return Probe::Match;
        }
        let Some(after) = rest.get(length..) else { return Probe::NeedMore };
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(counter: u16, length: u16) -> Vec<u8> {
        let mut record = length.to_le_bytes().to_vec();
        record.extend(counter.to_le_bytes());
        record.extend([0; 2]);
        record.resize(usize::from(length), 0xa5);
        record
    }

    #[test]
    fn records_with_counters_in_order_are_it() {
        let stream = [record(10, 101), record(11, 56), record(12, 20)].concat();
        assert_eq!(probe(&stream), Probe::Match);
        for captured in 0..157 + HEADER_LENGTH {
            assert_eq!(probe(&stream[..captured]), Probe::NeedMore, "{captured}");
        }
        let first = [&[0x60, 0, 0xad, 0xd4, 0xdc, 0x17, 0xfc, 0xff][..], &[0; 88]].concat();
        assert_eq!(probe(&[first, record(9, 20), record(10, 20), record(11, 20)].concat()), Probe::Match);
    }

    #[test]
    fn tls_and_counters_out_of_order_are_not() {
        assert_ne!(probe(b"\x16\x03\x01\x02\x00\x01\x00\x01"), Probe::Match);
        assert_eq!(probe(&[3; 3]), Probe::NeedMore);
        assert_eq!(probe(&[0; 16]), Probe::NoMatch);
        assert_ne!(probe(&[record(10, 20), record(12, 20), record(14, 20)].concat()), Probe::Match);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            probe(&bytes);
        }
    }
}
