//! Filter expressions in the language of tcpdump (`pcap-filter`), compiled by libpcap.
//!
//! libpcap looks up host and network names while it compiles. A program that reads captures must not tell a name server
//! whom a capture is about, so an expression with such a name is refused before libpcap sees it.

mod words;

use pcap::{BpfProgram, Capture, Linktype};

use super::{CaptureError, Frame, LinkType};
use words::Words;

/// Programs kept, one a link type. A real capture has one or two; a hostile one could ask for thousands.
const MAX_PROGRAMS: usize = 64;

/// Largest frame that is padded to its length on the wire: what an IP packet can be, and some headers.
const MAX_PADDED: usize = 1 << 17;

/// Link types that an expression is tried on when it is given, the usual one first: an expression about the headers of
/// Wi-Fi frames is not valid on Ethernet.
const TRIED_FIRST: [LinkType; 4] = [
    LinkType(1),   // LINKTYPE_ETHERNET
    LinkType(113), // LINKTYPE_LINUX_SLL
    LinkType(101), // LINKTYPE_RAW
    LinkType(127), // LINKTYPE_IEEE802_11_RADIOTAP
];

/// Chooses frames. A filter belongs to one thread; a clone for another is cheap, and compiles for itself.
pub struct Filter {
    expression: String,
    asks_length: bool,
    programs: Vec<(LinkType, Option<BpfProgram>)>,
    undecided: u64,
    padded: Vec<u8>,
}

impl Filter {
    /// Checks `expression` and makes a filter of it.
    pub fn new(expression: &str) -> Result<Self, CaptureError> {
        let words = Words::check(expression)?;
        let mut filter = Self::unchecked(expression.to_owned(), words.asks_length);
        let mut first_error = None;
        for link_type in TRIED_FIRST {
            match filter.compile(link_type) {
                Ok(program) => {
                    filter.programs.push((link_type, Some(program)));
                    return Ok(filter);
                }
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        let source = first_error.unwrap_or(pcap::Error::InvalidString);
        Err(CaptureError::Filter { expression: filter.expression, source: Box::new(source) })
    }

    /// Whether the frame is chosen. A frame of a link type that the expression has no meaning for is not, and is counted.
    pub fn matches(&mut self, frame: &Frame<'_>) -> bool {
        let mut bytes = frame.bytes;
        let wire_length = frame.wire_length as usize;
        if self.asks_length && bytes.len() < wire_length && wire_length <= MAX_PADDED {
            // The length that a program compares is that of the bytes it is given.
            self.padded.clear();
            self.padded.extend_from_slice(bytes);
            self.padded.resize(wire_length, 0);
            bytes = &self.padded;
        }
        let program = match self.programs.iter().find(|(link_type, _)| *link_type == frame.link_type) {
            Some((_, program)) => program.as_ref(),
            None if self.programs.len() >= MAX_PROGRAMS => None,
            None => {
                let program = self.compile(frame.link_type).ok();
                self.programs.push((frame.link_type, program));
                self.programs.last().and_then(|(_, program)| program.as_ref())
            }
        };
        let Some(program) = program else {
            self.undecided += 1;
            return false;
        };
        program.filter(bytes)
    }

    /// Frames that were not chosen because the expression has no meaning for their link type.
    pub const fn undecided(&self) -> u64 {
        self.undecided
    }

    const fn unchecked(expression: String, asks_length: bool) -> Self {
        Self { expression, asks_length, programs: Vec::new(), undecided: 0, padded: Vec::new() }
    }

    fn compile(&self, link_type: LinkType) -> Result<BpfProgram, pcap::Error> {
        Capture::dead(Linktype(data_link_type(link_type)))?.compile(&self.expression, true)
    }
}

impl Clone for Filter {
    fn clone(&self) -> Self {
        Self::unchecked(self.expression.clone(), self.asks_length)
    }
}

impl std::fmt::Debug for Filter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Filter").field("expression", &self.expression).finish_non_exhaustive()
    }
}

/// `DLT_RAW`, the only such number that is not the same on all systems.
const RAW_IP: i32 = if cfg!(target_os = "openbsd") { 14 } else { 12 };

/// What libpcap calls the link type of a file within a program. The numbers differ only for a few that are older
/// than their numbers in files.
fn data_link_type(link_type: LinkType) -> i32 {
    match link_type.0 {
        100 => 11, // LINKTYPE_ATM_RFC1483
        101 => RAW_IP,
        other => i32::from(other),
    }
}

#[cfg(test)]
mod tests {
    use etherparse::PacketBuilder;

    use super::super::Timestamp;
    use super::*;

    fn udp(port: u16) -> Vec<u8> {
        let builder = PacketBuilder::ethernet2([2; 6], [4; 6])
            .ipv4([192, 0, 2, 1], [198, 51, 100, 1], 64)
            .udp(40_000, port);
        let mut bytes = Vec::new();
        builder.write(&mut bytes, &[0; 100]).unwrap();
        bytes
    }

    fn frame(bytes: &[u8], link_type: u16) -> Frame<'_> {
        let wire_length = u32::try_from(bytes.len()).unwrap();
        let time = Timestamp::from_nanoseconds(0);
        Frame { input: 0, number: 1, time, link_type: LinkType(link_type), wire_length, bytes }
    }

    #[test]
    fn frames_are_chosen_on_each_link_type() {
        let (dns, other) = (udp(53), udp(8801));
        let mut filter = Filter::new("udp port 53 and host 192.0.2.1").unwrap();
        for _ in 0..2 {
            assert!(filter.matches(&frame(&dns, 1)));
            assert!(filter.matches(&frame(&dns[14..], 101)));
            assert!(!filter.matches(&frame(&dns, 101)));
            assert!(!filter.matches(&frame(&other, 1)));
            assert!(!filter.matches(&frame(&other[14..], 101)));
            filter = filter.clone();
        }
    }

    #[test]
    fn a_link_type_that_libpcap_cannot_filter_is_counted() {
        let mut filter = Filter::new("udp").unwrap();
        let bytes = udp(53);
        assert!(filter.matches(&frame(&bytes, 1)));
        assert!(!filter.matches(&frame(&bytes, 0xfff0)));
        assert!(!filter.matches(&frame(&bytes, 0xfff0)));
        assert_eq!(filter.undecided(), 2);
    }

    #[test]
    fn lengths_are_those_on_the_wire() {
        let bytes = udp(53);
        let cut = Frame { bytes: &bytes[..60], ..frame(&bytes, 1) };
        assert!(Filter::new("greater 142 and udp port 53").unwrap().matches(&cut));
        assert!(!Filter::new("less 100").unwrap().matches(&cut));
        assert!(Filter::new("len = 142").unwrap().matches(&cut));
    }

    #[test]
    fn mistakes_are_found_when_the_filter_is_made() {
        for expression in ["udp port", "host 1.2.3.4.5", "tcp and (udp", "port 99999"] {
            let error = Filter::new(expression).unwrap_err();
            assert!(matches!(error, CaptureError::Filter { .. }), "{expression:?}: {error}");
        }
        assert!(Filter::new("wlan type mgt").is_ok());
    }

    #[test]
    fn a_filter_may_go_to_another_thread() {
        fn check<T: Send>() {}
        check::<Filter>();
    }
}
