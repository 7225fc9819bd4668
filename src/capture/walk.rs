//! One capture format behind another: bytes in, records out.

use super::bytes::Order;
use super::pcap::{Ahead, Pcap};
use super::pcapng::Pcapng;
use super::tally::Tally;
use super::{Format, LinkType, Record};

/// Most bytes that a packet can have, as in Wireshark (`WTAP_MAX_PACKET_SIZE_STANDARD`) and libpcap
/// (`MAXIMUM_SNAPLEN`). A record that claims more is damage.
const MAX_PACKET: u32 = 262_144;

/// Most bytes of a D-Bus message or of a transfer over USB, as in libpcap (`max_snaplen_for_dlt`).
pub(super) const MAX_PACKET_LARGE: u32 = 128 << 20;

/// `LINKTYPE_DBUS` and `LINKTYPE_USBPCAP`.
const LARGE: [LinkType; 2] = [LinkType(231), LinkType(249)];

/// Most bytes that a packet of `link_type` can have.
pub(super) fn max_packet(link_type: LinkType) -> u32 {
    if LARGE.contains(&link_type) { MAX_PACKET_LARGE } else { MAX_PACKET }
}

/// Reads the records of one input.
#[derive(Debug)]
pub(super) enum Walker {
    Pcap(Pcap),
    Pcapng(Pcapng),
}

/// How far a walk over some bytes came.
#[derive(Debug)]
pub(super) struct Walked {
    /// Where in the data the first byte stands that is not done with.
    pub(super) used: usize,
    /// Why the walk ended there.
    pub(super) stop: Stop,
}

/// Why a walk ended.
#[derive(Debug)]
pub(super) enum Stop {
    /// What stands at the end of the bytes is not complete: so many bytes are needed from there on.
    Want(usize),
    /// The next so many bytes, after those done with, are of no interest; they need not all be there.
    Skip(usize),
    /// Nothing can be made of what stands there.
    Damaged(String),
}

/// What the first bytes of an input are.
#[derive(Debug)]
pub(super) enum Start {
    /// A capture.
    Capture(Walker),
    /// A capture as far as it goes, but it ends within the file header.
    Short(Format),
    /// A capture of a kind or version that is not read: why not.
    Unsupported(String),
    /// Not a capture.
    Unknown,
}

impl Walker {
    /// Bytes from the start of a file that `start` needs to see, if the file has so many.
    pub(super) const START: usize = 28;

    /// Recognises a capture by its first bytes: all of the file, or at least [`Self::START`] bytes.
    pub(super) fn start(bytes: &[u8]) -> Start {
        match Pcap::start(bytes) {
            Start::Unknown => Pcapng::start(bytes),
            known => known,
        }
    }

    /// The format that is read.
    pub(super) const fn format(&self) -> Format {
        match self {
            Self::Pcap(_) => Format::Pcap,
            Self::Pcapng(_) => Format::Pcapng,
        }
    }

    /// Appends the frames that stand in `data` after its first `from` bytes to `records`, which hold what was found `ahead`
    /// in it: that stays if the frames before lead to the first of it.
    pub(super) fn walk(
        &mut self,
        data: &[u8],
        from: usize,
        ahead: Option<&Ahead>,
        records: &mut Vec<Record>,
        tally: &mut Tally,
    ) -> Walked {
        match self {
            Self::Pcap(pcap) => {
                let from = ahead.map_or(from, |ahead| pcap.adopt(ahead, data, from, records, tally));
                pcap.walk(data, from, records, tally)
            }
            Self::Pcapng(pcapng) => pcapng.walk(data, from, records, tally),
        }
    }

    /// What finds frames in the middle of the input; `None` where that takes what stands before them.
    pub(super) const fn scout(&self) -> Option<Pcap> {
        match self {
            Self::Pcap(pcap) => Some(pcap.scout()),
            Self::Pcapng(_) => None,
        }
    }

    /// Adds what is known only at the end of the input.
    pub(super) fn finish(&mut self, tally: &mut Tally) {
        if let Self::Pcapng(pcapng) = self {
            pcapng.end_section(tally);
        }
    }
}

/// The byte order in which `bytes` start with `magic`.
pub(super) fn order_of(bytes: &[u8], magic: u32) -> Option<Order> {
    [Order::Little, Order::Big].into_iter().find(|order| order.u32(bytes, 0) == Some(magic))
}
