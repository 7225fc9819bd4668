//! What is counted of a whole capture: frames, and what each address sent and received.

use super::Counters;
use crate::capture::Timestamp;

/// How much of the input was read and understood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Frames that passed the filter.
    pub packets: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
    /// Those with an IP packet in them.
    pub ip_packets: u64,
    /// Packets that could not be followed because a bound was reached: nothing is known of their flows.
    pub unfollowed_packets: u64,
    /// TCP segments whose bytes were not looked at because a bound was reached: names in them are not known.
    pub unread_segments: u64,
    /// Whether no payload was looked at, because nobody asked for it.
    pub headers_only: bool,
}

impl Coverage {
    /// Adds `other`.
    pub const fn add(&mut self, other: &Self) {
        self.packets = self.packets.saturating_add(other.packets);
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.ip_packets = self.ip_packets.saturating_add(other.ip_packets);
        self.unfollowed_packets = self.unfollowed_packets.saturating_add(other.unfollowed_packets);
        self.unread_segments = self.unread_segments.saturating_add(other.unread_segments);
        self.headers_only |= other.headers_only;
    }
}

/// What an address sent and received.
#[derive(Clone, Copy, Debug)]
pub struct Tally {
    /// Frames with the address as source.
    pub sent: Counters,
    /// Frames with the address as destination.
    pub received: Counters,
    /// The first of them.
    pub first: Timestamp,
    /// The last of them.
    pub last: Timestamp,
    /// Whether anything but ICMP errors is among them. Any router on the way may send those.
    pub beyond_errors: bool,
}

impl Tally {
    /// Nothing yet, at `time`.
    pub const fn new(time: Timestamp) -> Self {
        Self { sent: Counters::ZERO, received: Counters::ZERO, first: time, last: time, beyond_errors: false }
    }

    /// Adds `other`.
    pub fn add(&mut self, other: &Self) {
        self.sent.add(other.sent);
        self.received.add(other.received);
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.beyond_errors |= other.beyond_errors;
    }
}
