//! What is known of the place of addresses, without a capture.

use crate::locate::{Context, LocateError, Locator, Sources};
use crate::report::{EndpointReport, Placed};
use jiff::Timestamp;
use std::io::{self, BufRead, Read, Write};
use std::net::IpAddr;
use std::num::NonZeroUsize;

/// Bytes of a line that are read: an IPv6 address has 45 at most.
const MAX_LINE_BYTES: u64 = 256;
/// Addresses that a thread takes at a time.
const BATCH: usize = 8192;
/// Lines that are no address and that the result names.
const MAX_NAMED: usize = 8;

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
    mut input: impl BufRead,
    out: &mut impl Write,
) -> Result<LookedUp, LookupError> {
    let locator = Locator::with(&request.sources)?;
    let threads = request.threads.or_else(|| std::thread::available_parallelism().ok());
    let threads = threads.map_or(1, NonZeroUsize::get);
    let mut result = LookedUp::default();
    let mut is_first = true;
    if request.json {
        head(&locator, out).map_err(LookupError::Write)?;
    }
    loop {
        let addresses = read(&mut input, BATCH * threads, &mut result).map_err(LookupError::Read)?;
        if addresses.is_empty() {
            break;
        }
        let work = Work { locator: &locator, request };
        for text in work.share(&addresses, threads) {
            let text = if std::mem::take(&mut is_first) { text.trim_start_matches(",\n") } else { &text };
            out.write_all(text.as_bytes()).map_err(LookupError::Write)?;
        }
    }
    if request.json {
        out.write_all(b"\n]}\n").map_err(LookupError::Write)?;
    }
    out.flush().map_err(LookupError::Write)?;
    Ok(result)
}

fn head(locator: &Locator, out: &mut impl Write) -> io::Result<()> {
    out.write_all(b"{\"schema_version\":\"1\",\"databases\":")?;
    out.write_all(serde_json::to_string(locator.databases())?.as_bytes())?;
    out.write_all(b",\"endpoints\":[\n")
}

/// Up to `count` addresses; none at the end.
fn read(input: &mut impl BufRead, count: usize, result: &mut LookedUp) -> io::Result<Vec<IpAddr>> {
    let mut addresses = Vec::with_capacity(count.min(BATCH));
    let mut line = Vec::new();
    while addresses.len() < count {
        line.clear();
        if input.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim();
        match text.parse() {
            Ok(address) => addresses.push(address),
            Err(_) if text.is_empty() || text.starts_with('#') => {}
            Err(_) => {
                result.not_understood += 1;
                if result.named.len() < MAX_NAMED {
                    result.named.push(text.to_owned());
                }
            }
        }
    }
    Ok(addresses)
}

struct Work<'a> {
    locator: &'a Locator,
    request: &'a LookupRequest,
}

impl Work<'_> {
    /// The texts of `addresses`, in their order, made by several threads.
    fn share(&self, addresses: &[IpAddr], threads: usize) -> Vec<String> {
        let share = addresses.len().div_ceil(threads).max(1);
        if share == addresses.len() {
            return vec![self.text(addresses)];
        }
        std::thread::scope(|scope| {
            let shares = addresses.chunks(share);
            let handles: Vec<_> = shares.map(|share| scope.spawn(|| self.text(share))).collect();
            let finished = handles.into_iter().map(std::thread::ScopedJoinHandle::join);
            finished.map(|text| text.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
        })
    }

    fn text(&self, addresses: &[IpAddr]) -> String {
        let context = Context { time: self.request.at.map(|at| (at, at)), ..Context::default() };
        let mut text = String::new();
        let mut placed = Placed::default();
        for address in addresses {
            let placement = self.locator.locate_in(*address, &context);
            if self.request.json {
                text.push_str(",\n");
                let endpoint = EndpointReport::of_placement(*address, placement);
                text.push_str(&serde_json::to_string(&endpoint).unwrap_or_default());
            } else {
                placed.table(&mut text, *address, &placement);
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let input: String =
            (0..50_000_u32).map(|n| format!("{}\n", std::net::Ipv4Addr::from_bits(n * 85_899))).collect();
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
        let long = "9".repeat(100_000);
        assert!(looked_up(&long, false, 1).1.not_understood > 100);
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
}
