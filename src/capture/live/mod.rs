//! Live capture: frames of a network interface as the kernel hands them over, with its times and its drop counts.

#[cfg(not(all(feature = "live", unix)))]
#[path = "absent.rs"]
mod tap;
#[cfg(all(feature = "live", unix))]
mod tap;

pub use tap::{Tap, interfaces};

use std::net::IpAddr;

/// Room for frames that the kernel keeps until they are read: two thirds of a second of a link that is full of 1 Gbit/s,
/// for as long as the program may be kept waiting.
pub const DEFAULT_BUFFER_BYTES: u32 = 64 << 20;

/// Most bytes kept of a frame: what libpcap and tcpdump take for "all".
pub const DEFAULT_SNAP_LENGTH: u32 = 262_144;

/// How interfaces are opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TapOptions {
    /// Most bytes kept of a frame.
    pub snap_length: u32,
    /// Whether frames for other machines are wanted too.
    pub promiscuous: bool,
    /// Whether a Wi-Fi interface is to give every frame it hears, with its radio header.
    pub monitor: bool,
    /// Room for frames that the kernel keeps until they are read, in bytes.
    pub buffer_bytes: u32,
    /// Which frames the kernel hands over: an expression in the language of tcpdump.
    pub filter: Option<String>,
}

impl Default for TapOptions {
    fn default() -> Self {
        Self {
            snap_length: DEFAULT_SNAP_LENGTH,
            promiscuous: true,
            monitor: false,
            buffer_bytes: DEFAULT_BUFFER_BYTES,
            filter: None,
        }
    }
}

/// What is known of an interface of this machine.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct InterfaceInfo {
    /// Its name, as `live -i` takes it.
    pub name: String,
    /// What the system says it is.
    pub description: Option<String>,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// Whether it is the machine itself.
    pub loopback: bool,
    /// Whether it is a radio.
    pub wireless: bool,
    /// Whether it is switched on and has a carrier.
    pub running: bool,
}

/// Frames that never came: counted by the kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Drops {
    /// There was no room for them in the kernel's buffer.
    pub kernel: u64,
    /// The interface or its driver dropped them.
    pub interface: u64,
}

impl Drops {
    /// All of them.
    pub const fn total(self) -> u64 {
        self.kernel.saturating_add(self.interface)
    }
}
