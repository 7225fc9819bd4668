//! What is known of the place of addresses, without a capture.

use crate::locate::{Claim, Context, LocateError, Locator, Sources};
use crate::parallel::part_size;
use crate::report::{EndpointReport, Placed};
use jiff::Timestamp;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroUsize;

/// Bytes of lines that a thread takes at a time. A line of more is no address, whatever is in it.
const BLOCK_BYTES: usize = 1 << 16;
/// Bytes that are not worth another thread.
const SMALL_BYTES: usize = 1 << 14;
/// Bytes of text that a line of input makes: to grow the text step by step would copy it as often.
const GROWTH: usize = 16;
/// Lines that are no address and that the result names.
const MAX_NAMED: usize = 8;
/// Letters of them.
const MAX_NAMED_LETTERS: usize = 80;

/// What is to be looked up, and how.
#[derive(Debug)]
pub struct LookupRequest {
    /// What is asked.
    pub sources: Sources,
    /// The time at which the address is of interest: of several builds of a database the nearest is asked.
    pub at: Option<Timestamp>,
    /// Whether to write JSON.
    pub json: bool,
    /// How many threads work; as many as there are processors where it is not said.
    pub threads: Option<NonZeroUsize>,
}

/// Why a look-up ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LookupError {
    /// A source cannot be used.
    #[error(transparent)]
    Locate(#[from] LocateError),
    /// Addresses cannot be read.
    #[error("cannot read addresses")]
    Read(#[source] io::Error),
    /// The result cannot be written.
    #[error("cannot write the result")]
    Write(#[source] io::Error),
}

/// What came of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct LookedUp {
    /// Texts that are no address: how many.
    pub not_understood: u64,
    /// The first of them.
    pub named: Vec<String>,
}

/// Looks up the addresses in `input`, one a line, and writes what is known of each in their order to `out`.
pub fn lookup(
    request: &LookupRequest,
    mut input: impl Read,
    out: &mut impl Write,
) -> Result<LookedUp, LookupError> {
    let locator = Locator::with(&request.sources)?;
    let threads = request.threads.or_else(|| std::thread::available_parallelism().ok());
    let threads = threads.map_or(1, NonZeroUsize::get);
    if request.json {
        head(&locator, out).map_err(LookupError::Write)?;
    }
    let mut result = LookedUp::default();
    let mut is_first = true;
    let mut blocks = Blocks::new(BLOCK_BYTES * threads);
    let work = Work { locator: &locator, request };
    while let Some(lines) = blocks.next(&mut input).map_err(LookupError::Read)? {
        if lines.len() > SMALL_BYTES {
            locator.prepare();
        }
        for part in work.share(lines, threads) {
            let text = if is_first { part.text.strip_prefix(b",\n") } else { None };
            is_first = is_first && part.text.is_empty();
            out.write_all(text.unwrap_or(&part.text)).map_err(LookupError::Write)?;
            result.add(part.result);
        }
        // Whoever types addresses sees each answer at once.
        out.flush().map_err(LookupError::Write)?;
    }
    if request.json {
        out.write_all(b"\n]}\n").map_err(LookupError::Write)?;
    }
    out.flush().map_err(LookupError::Write)?;
    Ok(result)
}

impl LookedUp {
    fn add(&mut self, other: Self) {
        self.not_understood = self.not_understood.saturating_add(other.not_understood);
        let room = MAX_NAMED.saturating_sub(self.named.len());
        self.named.extend(other.named.into_iter().take(room));
    }

    fn refuse(&mut self, line: &[u8]) {
        self.not_understood += 1;
        if self.named.len() < MAX_NAMED {
            self.named.push(String::from_utf8_lossy(line).chars().take(MAX_NAMED_LETTERS).collect());
        }
    }
}

fn head(locator: &Locator, out: &mut impl Write) -> io::Result<()> {
    out.write_all(b"{\"schema_version\":\"1\",\"databases\":")?;
    out.write_all(serde_json::to_string(locator.databases())?.as_bytes())?;
    out.write_all(b",\"endpoints\":[\n")
}

/// Takes whole lines from an input, as many as there are.
struct Blocks {
    buffer: Vec<u8>,
    /// Bytes at the beginning that were read, and of these the ones that were given out.
    read: usize,
    given: usize,
}

impl Blocks {
    fn new(bytes: usize) -> Self {
        Self { buffer: vec![0; bytes], read: 0, given: 0 }
    }

    fn next(&mut self, input: &mut impl Read) -> io::Result<Option<&[u8]>> {
        self.buffer.copy_within(self.given..self.read, 0);
        self.read -= self.given;
        self.given = 0;
        while self.given == 0 {
            let room = self.buffer.get_mut(self.read..).unwrap_or_default();
            let count = if room.is_empty() { 0 } else { input.read(room)? };
            self.read += count;
            let lines = self.buffer.get(..self.read).unwrap_or_default();
            let last = lines.iter().rposition(|byte| *byte == b'\n').map(|place| place + 1);
            // At the end of the input, or of the room, what is there is a line.
            self.given = if count == 0 { self.read } else { last.unwrap_or(0) };
            if self.read == 0 {
                return Ok(None);
            }
        }
        Ok(self.buffer.get(..self.given))
    }
}

struct Work<'a> {
    locator: &'a Locator,
    request: &'a LookupRequest,
}

/// What came of some lines.
#[derive(Default)]
struct Part {
    text: Vec<u8>,
    result: LookedUp,
}

impl Work<'_> {
    /// What comes of `lines`, in their order, made by several threads.
    fn share(&self, lines: &[u8], threads: usize) -> Vec<Part> {
        let shares = shares(lines, threads);
        if let [only] = shares.as_slice() {
            return vec![self.part(only)];
        }
        std::thread::scope(|scope| {
            let handles: Vec<_> = shares.iter().map(|share| scope.spawn(|| self.part(share))).collect();
            let finished = handles.into_iter().map(std::thread::ScopedJoinHandle::join);
            finished.map(|part| part.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
        })
    }

    fn part(&self, lines: &[u8]) -> Part {
        let context = Context { time: self.request.at.map(|at| (at, at)), ..Context::default() };
        let mut part = Part { text: Vec::with_capacity(lines.len() * GROWTH), ..Part::default() };
        let mut placed = Placed::default();
        let mut room: Vec<Claim> = Vec::new();
        let mut rest = lines;
        while !rest.is_empty() {
            let (read, after) = first_line(rest);
            rest = after;
            let address = match read {
                Line::Address(address) => address,
                Line::Nothing => continue,
                Line::Other(line) => {
                    part.result.refuse(line);
                    continue;
                }
            };
            let placement = self.locator.locate_reusing(address, &context, std::mem::take(&mut room));
            if self.request.json {
                part.text.extend_from_slice(b",\n");
                let endpoint = EndpointReport::of_placement(address, placement);
                // Writing to memory does not fail, nor has the object keys that are no texts.
                let _ = serde_json::to_writer(&mut part.text, &endpoint);
            } else {
                placed.table(&mut part.text, address, &placement);
                room = placement.location.claims;
            }
        }
        part
    }
}

/// What a line says.
enum Line<'a> {
    Address(IpAddr),
    /// Nothing, or a comment.
    Nothing,
    Other(&'a [u8]),
}

/// The first line of `text`, and what comes after it.
fn first_line(text: &[u8]) -> (Line<'_>, &[u8]) {
    let (ipv4, rest) = leading_ipv4(text);
    match (ipv4, rest.split_first()) {
        (Some(address), None) => return (Line::Address(address.into()), rest),
        (Some(address), Some((b'\n', rest))) => return (Line::Address(address.into()), rest),
        _ => {}
    }
    let end = text.iter().position(|byte| *byte == b'\n').unwrap_or(text.len());
    let (line, rest) = text.split_at(end);
    let line = line.trim_ascii();
    let read = match str::from_utf8(line).map(str::parse) {
        _ if line.is_empty() || line.starts_with(b"#") => Line::Nothing,
        Ok(Ok(address)) => Line::Address(address),
        _ => Line::Other(line),
    };
    (read, rest.get(1..).unwrap_or_default())
}

/// The IPv4 address that `text` begins with, as the standard library reads it and in a third of its time, and the rest.
fn leading_ipv4(text: &[u8]) -> (Option<Ipv4Addr>, &[u8]) {
    let (mut bits, mut octet, mut digits, mut dots) = (0_u32, 0_u32, 0_u32, 0_u32);
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        match byte {
            // A zero before other digits is octal to some programs and nothing to others.
            b'0'..=b'9' if (digits == 0 || octet > 0) && octet <= 25 => {
                octet = octet * 10 + u32::from(byte - b'0');
                digits += 1;
            }
            b'.' if digits > 0 && octet <= 255 && dots < 3 => {
                bits = bits << 8 | octet;
                (octet, digits, dots) = (0, 0, dots + 1);
            }
            _ => break,
        }
        rest = after;
    }
    let is_whole = digits > 0 && dots == 3 && octet <= 255;
    (is_whole.then(|| Ipv4Addr::from_bits(bits << 8 | octet)), rest)
}

/// Divides lines among threads.
fn shares(lines: &[u8], threads: usize) -> Vec<&[u8]> {
    let share = part_size(lines.len(), threads, SMALL_BYTES);
    let mut shares = Vec::with_capacity(threads);
    let mut rest = lines;
    while rest.len() > share {
        let (_, after) = rest.split_at(share);
        let to_end = after.iter().position(|byte| *byte == b'\n').map_or(after.len(), |place| place + 1);
        let (one, others) = rest.split_at(share + to_end);
        shares.push(one);
        rest = others;
    }
    shares.push(rest);
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn looked_up(input: &str, json: bool, threads: usize) -> (String, LookedUp) {
        let request = LookupRequest {
            sources: Sources::default(),
            at: None,
            json,
            threads: NonZeroUsize::new(threads),
        };
        let mut out = Vec::new();
        let result = lookup(&request, input.as_bytes(), &mut out).unwrap();
        (String::from_utf8(out).unwrap(), result)
    }

    #[test]
    fn the_order_is_that_of_the_input_whatever_the_number_of_threads() {
        let addresses = (0..50_000_u32).map(|n| Ipv4Addr::from_bits(n * 85_899).to_string());
        let input = addresses.collect::<Vec<_>>().join("\n");
        let (one, result) = looked_up(&input, false, 1);
        assert_eq!(result, LookedUp::default());
        let heads: Vec<_> = one.lines().filter(|line| !line.starts_with(' ')).collect();
        assert_eq!(heads.len(), 50_000);
        assert!(heads.iter().zip(input.lines()).all(|(head, line)| head.starts_with(line)));
        assert_eq!(looked_up(&input, false, 3).0, one);
    }

    #[test]
    fn json_is_one_object_with_the_objects_of_reports() {
        for input in ["", "52.81.151.250\n", "52.81.151.250\n10.0.0.1\n::1\n8.8.8.8"] {
            let (text, _) = looked_up(input, true, 2);
            let json: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(json["schema_version"], "1");
            assert_eq!(json["databases"].as_array().unwrap().len(), 3);
            let addresses: Vec<_> =
                json["endpoints"].as_array().unwrap().iter().map(|e| e["address"].clone()).collect();
            assert_eq!(addresses, input.lines().collect::<Vec<_>>());
            if let Some(first) = json["endpoints"].get(0) {
                assert_eq!(
                    (&first["location"]["country"], &first["contact"]),
                    (&"CN".into(), &serde_json::Value::Null)
                );
            }
        }
    }

    #[test]
    fn what_is_no_address_is_counted_and_named() {
        let (text, result) = looked_up("# comment\n\nexample.com\n8.8.8.8\r\n1.2.3\n", false, 1);
        assert!(text.starts_with("8.8.8.8  US United States"), "{text}");
        assert_eq!(
            result,
            LookedUp { not_understood: 2, named: vec!["example.com".to_owned(), "1.2.3".to_owned()] }
        );
        let long = "9".repeat(3 * BLOCK_BYTES);
        let (text, result) = looked_up(&format!("{long}\n8.8.8.8"), false, 1);
        assert!(text.starts_with("8.8.8.8  US"), "{text}");
        assert!(result.not_understood >= 3 && result.named[0].len() == MAX_NAMED_LETTERS);
    }

    #[test]
    fn people_see_every_claim_and_why() {
        assert_eq!(
            looked_up("52.81.151.250\n127.0.0.1\n", false, 1).0,
            "52.81.151.250  CN China  confirmed\n\
             \x20 operator  AS55960 Beijing Guanghuan Xinwang Digital\n\
             \x20 database  CN dbip-country-lite 2026-06-01 52.80.0.0/14\n\
             \x20 provider  CN cloud-regions 2026-08-22 52.80.0.0/15 cn-north-1\n\
             \x20 because   independent sources agree, and none names another country\n\
             127.0.0.1  loopback: in no country\n"
        );
    }

    proptest! {
        #[test]
        fn addresses_are_read_as_the_standard_library_reads_them(
            text in "[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}[0-9. a]?|[0-9.]{0,17}|[0-9a-f:]{0,20}|[^\n]{0,8}",
            bits: u32,
            end in "(\n(9.9.9.9)?)?",
        ) {
            let lines = format!("{text}{end}");
            let (line, rest) = first_line(lines.as_bytes());
            let found = if let Line::Address(address) = line { Some(address) } else { None };
            prop_assert_eq!(found, text.trim_ascii().parse().ok());
            prop_assert_eq!(rest, end.trim_start_matches('\n').as_bytes());
            let exact = Ipv4Addr::from_bits(bits);
            prop_assert_eq!(leading_ipv4(exact.to_string().as_bytes()).0, Some(exact));
        }
    }
}
