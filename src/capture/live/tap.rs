//! An open interface, by libpcap.

use super::super::filter::Filter;
use super::super::{Batch, CaptureError, Format, Input, LinkType, Precision, Record, Timestamp};
use super::{Drops, InterfaceInfo, TapOptions};
use pcap::{Active, Capture, Device, Error, Stat};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::collections::BTreeMap;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

/// Bytes of a batch after which it is handed on, as those of a file.
const BATCH_BYTES: usize = 256 << 10;

/// Milliseconds after which the kernel hands over a block of its buffer that is not full.
const BLOCK_TIMEOUT: i32 = 100;

/// On Linux the kernel's times have nanoseconds and libpcap gives them. Elsewhere it may refuse, which the crate does
/// not tell.
const PRECISION: (pcap::Precision, Precision, i64) = if cfg!(target_os = "linux") {
    (pcap::Precision::Nano, Precision::NANOSECONDS, 1)
} else {
    (pcap::Precision::Micro, Precision::MICROSECONDS, 1000)
};

/// Nanoseconds of a second.
const SECOND: i64 = 1_000_000_000;

/// An interface that frames are captured from.
pub struct Tap {
    name: String,
    capture: Capture<Active>,
    link_type: LinkType,
    frames: u64,
    drops: Drops,
    last: Option<Stat>,
}

/// The interfaces of this machine, as libpcap lists them: those most likely wanted first.
pub fn interfaces() -> Result<Vec<InterfaceInfo>, CaptureError> {
    let devices = Device::list().map_err(|source| CaptureError::Interfaces { source: Box::new(source) })?;
    Ok(devices
        .into_iter()
        .map(|device| InterfaceInfo {
            loopback: device.flags.is_loopback(),
            wireless: device.flags.is_wireless(),
            running: device.flags.is_up() && device.flags.is_running(),
            addresses: device.addresses.iter().map(|address| address.addr).collect(),
            description: device.desc,
            name: device.name,
        })
        .collect())
}

impl Tap {
    /// Opens the interface `name`. From then on the kernel keeps its frames.
    pub fn open(name: &str, options: &TapOptions) -> Result<Self, CaptureError> {
        if let Some(expression) = &options.filter {
            // Says what is wrong with it, and refuses names, before libpcap looks one up.
            Filter::new(expression)?;
        }
        let fail = |source: Error| failure(name, source);
        let inactive = Capture::from_device(name).map_err(fail)?;
        let clamp = |value: u32| i32::try_from(value).unwrap_or(i32::MAX);
        let inactive = inactive
            .promisc(options.promiscuous)
            .snaplen(clamp(options.snap_length))
            .buffer_size(clamp(options.buffer_bytes))
            .timeout(BLOCK_TIMEOUT)
            .precision(PRECISION.0);
        // To ask for it where it is not offered is an error, to ask for nothing is none.
        let inactive = if options.monitor { inactive.rfmon(true) } else { inactive };
        let mut capture = inactive.open().and_then(Capture::setnonblock).map_err(fail)?;
        if let Some(expression) = &options.filter {
            capture.filter(expression, true).map_err(|source| CaptureError::Filter {
                expression: expression.clone(),
                source: Box::new(source),
            })?;
        }
        let link_type = link_type(capture.get_datalink().0);
        Ok(Self { name: name.to_owned(), capture, link_type, frames: 0, drops: Drops::default(), last: None })
    }

    /// The interface as an input of which nothing has been read.
    pub fn input(&self) -> Input {
        Input {
            path: self.name.clone(),
            sha256: None,
            size: None,
            format: Format::Live,
            compression: None,
            link_types: vec![self.link_type],
            interfaces: vec![self.name.clone()],
            packets: 0,
            bytes: 0,
            first_packet: None,
            last_packet: None,
            precision: PRECISION.1,
            truncated_packets: 0,
            dropped_packets: Some(0),
            anomalies: BTreeMap::new(),
            recorded_names: Vec::new(),
            damage: None,
        }
    }

    /// The socket that frames come from. Frames could also be sent by it.
    pub fn descriptor(&self) -> i32 {
        self.capture.as_fd().as_raw_fd()
    }

    /// Tries to send a frame, for tests of what should prevent it.
    pub fn send(&mut self, frame: &[u8]) -> Result<(), String> {
        self.capture.sendpacket(frame).map_err(|error| error.to_string())
    }

    /// Fills `batch` with the frames that are there; waits up to `wait` for the first. False if none came.
    pub fn fill(&mut self, batch: &mut Batch, wait: Duration) -> Result<bool, CaptureError> {
        batch.clear();
        batch.buffer.clear();
        batch.first_number = self.frames.saturating_add(1);
        if !self.take(batch)? && self.wait(wait)? {
            self.take(batch)?;
        }
        self.frames = self.frames.saturating_add(batch.records.len() as u64);
        Ok(!batch.records.is_empty())
    }

    /// Takes what the kernel has. False if that is nothing.
    fn take(&mut self, batch: &mut Batch) -> Result<bool, CaptureError> {
        while batch.buffer.len() < BATCH_BYTES {
            match self.capture.next_packet() {
                Ok(packet) => push(batch, &packet, self.link_type),
                Err(Error::TimeoutExpired | Error::NoMorePackets) => break,
                Err(source) => {
                    return Err(CaptureError::Interface {
                        name: self.name.clone(),
                        source: Box::new(source),
                    });
                }
            }
        }
        Ok(!batch.records.is_empty())
    }

    /// Waits until there are frames, at most for `wait`.
    fn wait(&self, wait: Duration) -> Result<bool, CaptureError> {
        let wait = Timespec::try_from(wait).ok();
        let mut descriptors = [PollFd::from_borrowed_fd(self.capture.as_fd(), PollFlags::IN)];
        match poll(&mut descriptors, wait.as_ref()) {
            Ok(ready) => Ok(ready > 0),
            // A signal: whoever asked looks whether it means the end.
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(source) => Err(CaptureError::Interface { name: self.name.clone(), source: Box::new(source) }),
        }
    }

    /// Frames that never came, since the interface was opened.
    pub fn drops(&mut self) -> Drops {
        if let Ok(stat) = self.capture.stats() {
            // The kernel counts in 32 bits, which a busy link goes through in hours.
            let since = |now: u32, before: Option<u32>| u64::from(now.wrapping_sub(before.unwrap_or(0)));
            let before = self.last;
            self.drops.kernel += since(stat.dropped, before.map(|stat| stat.dropped));
            self.drops.interface += since(stat.if_dropped, before.map(|stat| stat.if_dropped));
            self.last = Some(stat);
        }
        self.drops
    }
}

/// Why the interface `name` cannot be opened. The crate gives what libpcap says as a text, and nothing else.
fn failure(name: &str, source: Error) -> CaptureError {
    let said = source.to_string();
    let refused = ["permission", "CAP_NET_RAW", "not permitted"].iter().any(|words| said.contains(words));
    let (name, source) = (name.to_owned(), Box::new(source));
    if refused {
        CaptureError::NotPermitted { name, source }
    } else {
        CaptureError::Interface { name, source }
    }
}

fn push(batch: &mut Batch, packet: &pcap::Packet<'_>, link_type: LinkType) {
    let header = packet.header;
    let offset = u32::try_from(batch.buffer.len()).unwrap_or(u32::MAX);
    batch.buffer.extend_from_slice(packet.data);
    // What the fields hold is 32 or 64 bits wide, as the system has it.
    #[allow(clippy::useless_conversion, reason = "it is not everywhere")]
    let (seconds, fraction) = (i64::from(header.ts.tv_sec), i64::from(header.ts.tv_usec));
    let nanoseconds = seconds.saturating_mul(SECOND).saturating_add(fraction.saturating_mul(PRECISION.2));
    batch.records.push(Record {
        time: Timestamp::from_nanoseconds(nanoseconds),
        offset,
        captured: u32::try_from(packet.data.len()).unwrap_or(u32::MAX),
        wire_length: header.len,
        link_type,
        interface: 0,
    });
}

/// What files call a link type of this system. The numbers differ only for a few that are older than files.
fn link_type(number: i32) -> LinkType {
    match number {
        11 => LinkType(100),      // DLT_ATM_RFC1483
        12 | 14 => LinkType(101), // DLT_RAW
        other => LinkType(u16::try_from(other).unwrap_or(u16::MAX)),
    }
}

impl std::fmt::Debug for Tap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tap").field("name", &self.name).finish_non_exhaustive()
    }
}
