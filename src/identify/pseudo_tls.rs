//! Hellos that only look like TLS: TURN over TCP port 443 that middleboxes shall take for TLS. What follows them is
//! not encrypted.
//!
//! Microsoft's form is that of MS-TURN section 2.1.1: the one cipher suite is an anonymous one, and the server says
//! `ServerHello` and `ServerHelloDone` in one record, which no TLS does. Google's ("SSLTCP") is two fixed messages,
//! the same in libjingle, WebRTC and libnice. Neither is in the captures at hand.

use super::Probe;

/// Whose form it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PseudoTls {
    /// Google's, of libjingle.
    Google,
    /// MS-TURN section 2.1.1.
    Microsoft,
}

/// A hello byte by byte.
type Template = &'static [Run];

/// Bytes of a template.
#[derive(Debug)]
enum Run {
    /// These.
    Fixed(&'static [u8]),
    /// So many of any value.
    Free(usize),
}

use Run::{Fixed, Free};

/// The record and the beginning of a `ClientHello`: no session, the suite 0x0018 (`DH_anon_WITH_RC4_128_MD5`) alone, no
/// compression, no extension.
const MICROSOFT_CLIENT: Template = &[
    Fixed(&[0x16, 0x03, 0x01, 0x00, 0x2d, 0x01, 0x00, 0x00, 0x29, 0x03, 0x01]),
    Free(32),
    Fixed(&[0x00, 0x00, 0x02, 0x00, 0x18, 0x01, 0x00]),
];
/// A `ServerHello` that chooses that suite, and `ServerHelloDone`, in one record.
const MICROSOFT_SERVER: Template = &[
    Fixed(&[0x16, 0x03, 0x01, 0x00, 0x4e, 0x02, 0x00, 0x00, 0x46, 0x03, 0x01]),
    Free(32),
    Fixed(&[0x20]),
    Free(32),
    Fixed(&[0x00, 0x18, 0x00, 0x0e, 0x00, 0x00, 0x00]),
];
/// A hello in the form of SSL 2.0; its challenge is always the same.
const GOOGLE_CLIENT: Template = &[
    Fixed(&[0x80, 0x46, 0x01, 0x03, 0x01, 0x00, 0x2d, 0x00, 0x00, 0x00, 0x10]),
    Free(45),
    Fixed(&[0x1f, 0x17, 0x0c, 0xa6, 0x2f, 0x00, 0x78, 0xfc, 0x46, 0x55, 0x2e, 0xb1, 0x83, 0x39, 0xf1, 0xea]),
];
/// A `ServerHello` whose random is always the same.
const GOOGLE_SERVER: Template = &[
    Fixed(&[0x16, 0x03, 0x01, 0x00, 0x4a, 0x02, 0x00, 0x00, 0x46, 0x03, 0x01]),
    Fixed(&[
        0x42, 0x85, 0x45, 0xa7, 0x27, 0xa9, 0x5d, 0xa0, 0xb3, 0xc5, 0xe7, 0x53, 0xda, 0x48, 0x2b, 0x3f, 0xc6,
        0x5a, 0xca, 0x89, 0xc1, 0x58, 0x52, 0xa1, 0x78, 0x3c, 0x5b, 0x17, 0x46, 0x00, 0x85, 0x3f,
    ]),
    Free(36),
];

const TEMPLATES: [(PseudoTls, Template); 4] = [
    (PseudoTls::Microsoft, MICROSOFT_CLIENT),
    (PseudoTls::Microsoft, MICROSOFT_SERVER),
    (PseudoTls::Google, GOOGLE_CLIENT),
    (PseudoTls::Google, GOOGLE_SERVER),
];

/// Whether a stream begins with such a hello.
pub fn probe(stream: &[u8]) -> Probe {
    let each = TEMPLATES.iter().map(|(_, template)| compare(stream, template));
    each.fold(Probe::NoMatch, |best, next| match (best, next) {
        (Probe::Match, _) | (_, Probe::Match) => Probe::Match,
        (Probe::NeedMore, _) | (_, Probe::NeedMore) => Probe::NeedMore,
        _ => Probe::NoMatch,
    })
}

/// Whose hello a stream begins with, and what follows it.
pub fn open(stream: &[u8]) -> Option<(PseudoTls, &[u8])> {
    let (whose, template) =
        TEMPLATES.iter().find(|(_, template)| compare(stream, template) == Probe::Match)?;
    Some((*whose, stream.get(length(template)..)?))
}

fn compare(stream: &[u8], template: Template) -> Probe {
    let mut rest = stream;
    for run in template {
        let (fits, length) = match run {
            Fixed(bytes) => (rest.iter().zip(*bytes).all(|(a, b)| a == b), bytes.len()),
            Free(length) => (true, *length),
        };
        if !fits {
            return Probe::NoMatch;
        }
        let Some(after) = rest.get(length..) else { return Probe::NeedMore };
        rest = after;
    }
    Probe::Match
}

fn length(template: Template) -> usize {
    let of = |run: &Run| match run {
        Fixed(bytes) => bytes.len(),
        Free(length) => *length,
    };
    template.iter().map(of).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hello(template: Template, filler: u8) -> Vec<u8> {
        let run = |run: &Run| match run {
            Fixed(bytes) => bytes.to_vec(),
            Free(length) => vec![filler; *length],
        };
        template.iter().flat_map(run).collect()
    }

    #[test]
    fn each_hello_is_known_and_what_follows_is_given() {
        // Bytes of the four messages with their record headers: MS-TURN section 2.1.1 and libjingle.
        for ((whose, template), length) in TEMPLATES.iter().zip([50, 83, 72, 79]) {
            let stream = [hello(template, 0xa7), b"rest".to_vec()].concat();
            assert_eq!(open(&stream), Some((*whose, &b"rest"[..])));
            assert_eq!(stream.len() - 4, length);
        }
    }

    #[test]
    fn a_cut_hello_asks_for_more() {
        for (_, template) in TEMPLATES {
            let hello = hello(template, 0);
            for cut in 0..hello.len() {
                assert_eq!((probe(&hello[..cut]), open(&hello[..cut])), (Probe::NeedMore, None), "{cut}");
            }
            assert_eq!(open(&hello).unwrap().1, b"");
        }
    }

    #[test]
    fn a_hello_of_tls_is_none() {
        // The same lengths, with a suite that keys can be agreed on by.
        let mut client = hello(MICROSOFT_CLIENT, 0);
        client[47] = 0x2f;
        let mut server = hello(MICROSOFT_SERVER, 0);
        server[77] = 0x2f;
        let random = [&hello(GOOGLE_SERVER, 0)[..11], &[7; 68]].concat();
        for other in [client, server, random, b"\x16\x03\x01\x02\x00\x01".to_vec()] {
            assert_eq!((probe(&other), open(&other)), (Probe::NoMatch, None));
        }
    }

    proptest! {
        #[test]
        fn no_bytes_do_harm(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            prop_assert_eq!(open(&bytes).is_some(), probe(&bytes) == Probe::Match);
        }
    }
}
