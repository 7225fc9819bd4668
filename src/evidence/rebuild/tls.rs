//! Hellos of TLS (RFC 8446 section 4.1): versions, cipher suites, the server's name, what is offered. Random bytes,
//! session identifiers, tickets and keys become zero; lengths stay, so that any reader can read it.

use crate::evidence::pseudonyms::Pseudonyms;
use std::ops::Range;

const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
/// Bytes of a record header, and of a handshake message's.
const RECORD: usize = 5;
const MESSAGE: usize = 4;
const RANDOM: usize = 32;
/// Bytes of an alert in clear.
const ALERT_BODY: usize = 2;

const SERVER_NAME: u16 = 0;
/// Extensions whose contents are the same for every user of a program: groups, point formats, signature algorithms,
/// application protocols, versions.
const HARMLESS: [u16; 5] = [10, 11, 13, 16, 43];

/// The beginning of a segment that begins with a record; empty for anything else.
pub(super) fn keep(payload: &[u8], pseudonyms: &Pseudonyms) -> Vec<u8> {
    match payload {
        [HANDSHAKE, 3, _, _, _, kind @ (CLIENT_HELLO | SERVER_HELLO), ..] => {
            hello(payload, *kind, pseudonyms)
        }
        [ALERT, 3, _, 0, 2, ..] => payload.get(..RECORD + ALERT_BODY).unwrap_or_default().to_vec(),
        [20..=23, 3, ..] => payload.get(..RECORD.min(payload.len())).unwrap_or_default().to_vec(),
        _ => Vec::new(),
    }
}

/// A hello with what was not looked at set to zero, as far as it was captured in this segment.
fn hello(payload: &[u8], kind: u8, pseudonyms: &Pseudonyms) -> Vec<u8> {
    let length = payload.get(RECORD + 1..RECORD + MESSAGE).map_or(0, number);
    let end = payload.len().min(RECORD + MESSAGE + length);
    let mut reader = Reader { from: payload.get(..end).unwrap_or_default(), kept: vec![0; end], at: 0 };
    if reader.walk(kind, pseudonyms).is_none() {
        // Cut short: what follows the last field that was read is not there.
        let at = reader.at;
        reader.kept.truncate(at);
    }
    reader.kept
}

/// Goes through a message and copies what may be kept.
struct Reader<'a> {
    from: &'a [u8],
    kept: Vec<u8>,
    at: usize,
}

impl Reader<'_> {
    fn walk(&mut self, kind: u8, pseudonyms: &Pseudonyms) -> Option<()> {
        self.copy(RECORD + MESSAGE + 2)?;
        self.pass(RANDOM)?;
        let session = self.length(1)?;
        self.pass(session)?;
        if kind == CLIENT_HELLO {
            let suites = self.length(2)?;
            self.copy(suites)?;
            let compression = self.length(1)?;
            self.copy(compression)?;
        } else {
            self.copy(3)?;
        }
        self.length(2)?;
        while self.at < self.from.len() {
            let extension = self.length(2)?;
            let length = self.length(2)?;
            let contents = self.at..self.at.checked_add(length)?;
            let extension = u16::try_from(extension).ok()?;
            if HARMLESS.contains(&extension)
                || extension == SERVER_NAME && self.is_public(contents, pseudonyms)
            {
                self.copy(length)?;
            } else {
                self.pass(length)?;
            }
        }
        Some(())
    }

    /// Whether a server name extension names what may be named, RFC 6066 section 3.
    fn is_public(&self, contents: Range<usize>, pseudonyms: &Pseudonyms) -> bool {
        let name = self.from.get(contents).and_then(|list| list.get(5..));
        name.and_then(|name| std::str::from_utf8(name).ok()).is_some_and(|name| !pseudonyms.hides_name(name))
    }

    /// Keeps a number of `size` bytes and gives it.
    fn length(&mut self, size: usize) -> Option<usize> {
        let value = number(self.from.get(self.at..self.at.checked_add(size)?)?);
        self.copy(size)?;
        Some(value)
    }

    fn copy(&mut self, count: usize) -> Option<()> {
        let range = self.at..self.at.checked_add(count)?;
        let from = self.from.get(range.clone())?;
        self.kept.get_mut(range)?.copy_from_slice(from);
        self.at += count;
        Some(())
    }

    fn pass(&mut self, count: usize) -> Option<()> {
        let end = self.at.checked_add(count).filter(|end| *end <= self.from.len())?;
        self.at = end;
        Some(())
    }
}

fn number(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte))
}
