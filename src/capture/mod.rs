//! Capture: files and standard input become [`Frame`]s, in batches, with an account of each input.
//!
//! A format is recognised by its content, never by its name. A file that is cut short or damaged gives every
//! frame before the damage, and [`Damage`] says where that is.

mod batch;
mod blocks;
mod bytes;
mod compress;
#[cfg(feature = "compress")]
mod decoders;
mod error;
#[cfg(feature = "bpf")]
mod filter;
#[cfg(not(feature = "bpf"))]
#[path = "filter/absent.rs"]
mod filter;
mod foreign;
mod hash;
mod inputs;
mod interface;
#[cfg(test)]
mod laws;
pub mod live;
mod pcap;
mod pcapng;
mod piece;
mod reader;
#[cfg(test)]
mod real;
mod source;
mod stream;
mod tally;
#[cfg(test)]
mod testing;
mod time;
mod walk;
pub mod write;

pub use batch::{Batch, Frame, Record};
pub use error::CaptureError;
pub use filter::Filter;
pub use inputs::Note;
pub(crate) use reader::{Claim, Turnstile};
pub use reader::{Hashes, Options, Progress, Reader};
pub use time::{Precision, Timestamp};

use std::collections::BTreeMap;

/// A link type number as libpcap assigns them (`LINKTYPE_`), <https://www.tcpdump.org/linktypes.html>.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkType(pub u16);

/// The kind of capture file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The classic format of libpcap.
    Pcap,
    /// The block format of <https://datatracker.ietf.org/doc/draft-ietf-opsawg-pcapng/>.
    Pcapng,
    /// No file: frames as the kernel hands them over.
    Live,
}

/// How an input is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
    /// The .xz container.
    Xz,
    /// bzip2.
    Bzip2,
    /// The LZ4 frame format.
    Lz4,
}

/// Where an input stopped making sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Offset into the (decompressed) capture of the first byte that could not be used.
    pub offset: u64,
    /// What is wrong there, in words.
    pub reason: String,
}

/// A host name that a capture file itself gives for an address (pcapng name resolution block).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordedName {
    /// The address.
    pub address: std::net::IpAddr,
    /// The name, as the file has it.
    pub name: String,
}

/// What is known of one input once it has been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// The path as given, or `-`; below a folder, the folder as given and the path under it; of an interface its name.
    pub path: String,
    /// SHA-256 of the file as it lies on disk (before decompression); `None` if it was not asked for.
    pub sha256: Option<[u8; 32]>,
    /// Bytes as they lie on disk; `None` if reading stopped before the end.
    pub size: Option<u64>,
    /// The kind of capture file.
    pub format: Format,
    /// How it is compressed, if it is.
    pub compression: Option<Compression>,
    /// Link types of the frames, in order of appearance, without repetition.
    pub link_types: Vec<LinkType>,
    /// Frames.
    pub packets: u64,
    /// Bytes of the frames on the wire.
    pub bytes: u64,
    /// Time of the earliest frame.
    pub first_packet: Option<Timestamp>,
    /// Time of the latest frame.
    pub last_packet: Option<Timestamp>,
    /// Decimal places of the input's clock.
    pub precision: Precision,
    /// Frames of which the capture holds fewer bytes than were on the wire.
    pub truncated_packets: u64,
    /// Frames that the capturing machine reports as dropped; `None` where the file does not say.
    pub dropped_packets: Option<u64>,
    /// Oddities of the file by kind (`timestamp_out_of_range`, ...), counted.
    pub anomalies: BTreeMap<&'static str, u64>,
    /// Names that the file itself gives for addresses, sorted.
    pub recorded_names: Vec<RecordedName>,
    /// Names of the interfaces of a pcapng file, in the order of their descriptions, those of all sections; an empty
    /// name where the file gives none. No entry for the classic format.
    pub interfaces: Vec<String>,
    /// Where the input stopped making sense, if it did.
    pub damage: Option<Damage>,
}
