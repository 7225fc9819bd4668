//! `WhatsApp`'s own connection over TCP (ports 5222 and 443), on which calls are set up.
//!
//! Measured in captures of 2013, 2022 and others: `WA`, two bytes of version, then messages after a length of
//! three bytes, the first of which is below 64 kB. Newer clients put `ED`, `00 01` and routing data with a length of three
//! bytes before it.

use super::Probe;

const EDGE: [u8; 4] = *b"ED\x00\x01";
const LENGTH: usize = 3;
/// Routing data that is believed. Four bytes were seen.
const MAX_ROUTING: usize = 1024;
/// The highest number of a version that is believed; seen were 1.5 and 5.2.
const MAX_VERSION: u8 = 31;

/// Whether a client's stream begins like this.
pub fn probe(stream: &[u8]) -> Probe {
    let Some(after) = stream.strip_prefix(&EDGE) else {
        return if EDGE.starts_with(stream) { Probe::NeedMore } else { probe_hello(stream) };
    };
    let Some(([zero, high, low], routing)) = after.split_first_chunk::<LENGTH>() else {
        return Probe::NeedMore;
    };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    if *zero != 0 || length > MAX_ROUTING {
        return Probe::NoMatch;
    }
    routing.get(length..).map_or(Probe::NeedMore, probe_hello)
}

fn probe_hello(stream: &[u8]) -> Probe {
    match stream {
        [b'W', b'A', major, minor, 0, ..] if *major <= MAX_VERSION && *minor <= MAX_VERSION => Probe::Match,
        []
        | [b'W']
        | [b'W', b'A']
        | [b'W', b'A', 0..=MAX_VERSION]
        | [b'W', b'A', 0..=MAX_VERSION, 0..=MAX_VERSION] => Probe::NeedMore,
        _ => Probe::NoMatch,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hello_is_known_with_and_without_routing_data() {
        let plain = b"WA\x05\x02\x00\x01\x0e\x12";
        let routed = [&b"ED\x00\x01\x00\x00\x04\x08\x09\x08\x02"[..], plain].concat();
        assert_eq!(probe(plain), Probe::Match);
        assert_eq!(probe(&routed), Probe::Match);
        for captured in 0..routed.len() - 3 {
            assert_eq!(probe(&routed[..captured]), Probe::NeedMore, "{captured}");
        }
    }

    #[test]
    fn text_that_begins_alike_is_none() {
        for text in [
            &b"WAIT for it"[..],
            b"EDITOR",
            b"ED\x00\x01\xff\xff\xff",
            b"W ",
            b"\x16\x03\x01",
            b"WA\x05\x02\x01",
        ] {
            assert_eq!(probe(text), Probe::NoMatch, "{text:?}");
        }
    }
}
