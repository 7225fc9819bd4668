//! Answers of DNS (RFC 1035 section 4.1), changed in place: addresses and names that are replaced, and the contents of
//! every record but A, AAAA and CNAME set to zero. Lengths stay.

use crate::evidence::manifest::hexadecimal;
use crate::evidence::pseudonyms::Pseudonyms;
use crate::identify::dns::{TYPE_A, TYPE_AAAA};
use std::net::IpAddr;

const HEADER: usize = 12;
const TYPE_CNAME: u16 = 5;
/// Labels of a name, RFC 1035 section 2.3.4: 255 bytes of at least two each.
const MAX_LABELS: usize = 128;
/// A pointer to an earlier name, RFC 1035 section 4.1.4.
const POINTER: u8 = 0xc0;

/// The message as far as it can be read.
pub(super) fn keep(payload: &[u8], pseudonyms: &Pseudonyms) -> Vec<u8> {
    let mut message = Message { bytes: payload.to_vec(), original: payload, at: 0, pseudonyms };
    // What could not be read goes, and so does what follows the records.
    let _ = message.walk();
    let at = message.at;
    message.bytes.truncate(at);
    message.bytes
}

struct Message<'a> {
    bytes: Vec<u8>,
    original: &'a [u8],
    /// Everything before this place was looked at.
    at: usize,
    pseudonyms: &'a Pseudonyms,
}

impl Message<'_> {
    fn walk(&mut self) -> Option<()> {
        let count = |place: usize| {
            self.original.get(place..)?.first_chunk().map(|bytes| usize::from(u16::from_be_bytes(*bytes)))
        };
        let (questions, records) = (count(4)?, count(6)? + count(8)? + count(10)?);
        let mut next = HEADER;
        self.original.get(..HEADER)?;
        self.at = HEADER;
        for _ in 0..questions {
            next = self.name(next)?.checked_add(4).filter(|end| *end <= self.bytes.len())?;
            self.at = next;
        }
        for _ in 0..records {
            next = self.record(next)?;
            self.at = next;
        }
        Some(())
    }

    /// Changes the record at `start` and gives where it ends.
    fn record(&mut self, start: usize) -> Option<usize> {
        let fixed = self.name(start)?;
        let kind = u16::from_be_bytes(*self.original.get(fixed..)?.first_chunk()?);
        let length =
            usize::from(u16::from_be_bytes(*self.original.get(fixed.checked_add(8)?..)?.first_chunk()?));
        let data = fixed.checked_add(10)?;
        let end = data.checked_add(length).filter(|end| *end <= self.original.len())?;
        let address = match (kind, length) {
            (TYPE_A, 4) => self.original.get(data..)?.first_chunk::<4>().map(|bytes| IpAddr::from(*bytes)),
            (TYPE_AAAA, 16) => {
                self.original.get(data..)?.first_chunk::<16>().map(|bytes| IpAddr::from(*bytes))
            }
            _ => None,
        };
        match address.map(|address| self.pseudonyms.address(address)) {
            Some(IpAddr::V4(address)) if length == 4 => {
                self.bytes.get_mut(data..end)?.copy_from_slice(&address.octets());
            }
            Some(IpAddr::V6(address)) if length == 16 => {
                self.bytes.get_mut(data..end)?.copy_from_slice(&address.octets());
            }
            _ if kind == TYPE_CNAME => {
                self.name(data)?;
            }
            _ => self.bytes.get_mut(data..end)?.fill(0),
        }
        Some(end)
    }

    /// Changes the name at `start` if it is to be replaced, and gives where it ends.
    fn name(&mut self, start: usize) -> Option<usize> {
        let (labels, end) = self.labels(start)?;
        let text: Vec<String> = labels.iter().map(|label| self.label(label)).collect();
        if text.is_empty() || !self.pseudonyms.hides_name(&text.join(".")) {
            return Some(end);
        }
        for (label, text) in labels.iter().zip(&text) {
            let digits = hexadecimal(&self.pseudonyms.digest(b"label", text.to_lowercase().as_bytes()));
            // A label has 63 bytes at most, and there are 64 digits.
            let stand_in = digits.as_bytes().get(..label.len())?;
            self.bytes.get_mut(label.clone())?.copy_from_slice(stand_in);
        }
        Some(end)
    }

    fn label(&self, place: &std::ops::Range<usize>) -> String {
        String::from_utf8_lossy(self.original.get(place.clone()).unwrap_or_default()).into_owned()
    }

    /// Where the labels of the name at `start` lie, through pointers, and where the name ends.
    fn labels(&self, start: usize) -> Option<(Vec<std::ops::Range<usize>>, usize)> {
        let (mut labels, mut at, mut end) = (Vec::new(), start, None);
        for _ in 0..MAX_LABELS {
            let length = *self.original.get(at)?;
            match length {
                0 => return Some((labels, end.unwrap_or(at + 1))),
                _ if length & POINTER == POINTER => {
                    end = end.or(Some(at + 2));
                    at = usize::from(length & !POINTER) << 8 | usize::from(*self.original.get(at + 1)?);
                }
                1..=63 => {
                    let place = at + 1..at + 1 + usize::from(length);
                    self.original.get(place.clone())?;
                    at = place.end;
                    labels.push(place);
                }
                _ => return None,
            }
        }
        None
    }
}
