//! What is counted while an input is read.

use std::collections::{BTreeMap, BTreeSet};

use super::{LinkType, Precision, RecordedName, Timestamp};

/// Names kept from one input. A name resolution block of a busy network has some thousands;
/// without a bound a hostile file could fill the memory with them.
const MAX_RECORDED_NAMES: usize = 65_536;

/// Longest name kept, in bytes: RFC 1035 section 2.3.4 allows 255.
const MAX_NAME_LENGTH: usize = 255;

/// The counts of one input.
#[derive(Debug)]
pub(super) struct Tally {
    pub(super) frames: Totals,
    pub(super) link_types: Vec<LinkType>,
    pub(super) precision: Option<Precision>,
    pub(super) dropped: Option<u64>,
    pub(super) anomalies: BTreeMap<&'static str, u64>,
    pub(super) names: BTreeSet<RecordedName>,
    pub(super) interfaces: Vec<String>,
}

/// What is added up frame by frame: small, so that the loop over the records keeps it in registers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Totals {
    pub(super) packets: u64,
    pub(super) bytes: u64,
    pub(super) truncated: u64,
    pub(super) captured_longer: u64,
    earliest: i64,
    latest: i64,
}

impl Totals {
    pub(super) const NONE: Self =
        Self { packets: 0, bytes: 0, truncated: 0, captured_longer: 0, earliest: i64::MAX, latest: i64::MIN };

    /// Counts a frame, all but its time.
    #[inline]
    pub(super) fn add(&mut self, captured: u32, wire_length: u32) {
        self.packets += 1;
        self.bytes += u64::from(wire_length);
        self.truncated += u64::from(captured < wire_length);
        self.captured_longer += u64::from(captured > wire_length);
    }

    /// Counts the time of a frame.
    #[inline]
    pub(super) fn add_time(&mut self, time: Timestamp) {
        self.earliest = self.earliest.min(time.nanoseconds());
        self.latest = self.latest.max(time.nanoseconds());
    }

    /// Adds what was counted elsewhere.
    pub(super) fn merge(&mut self, other: &Self) {
        self.packets += other.packets;
        self.bytes += other.bytes;
        self.truncated += other.truncated;
        self.captured_longer += other.captured_longer;
        self.earliest = self.earliest.min(other.earliest);
        self.latest = self.latest.max(other.latest);
    }

    /// Time of the earliest frame; `None` if no frame had a time.
    pub(super) fn first(&self) -> Option<Timestamp> {
        (self.earliest <= self.latest).then(|| Timestamp::from_nanoseconds(self.earliest))
    }

    /// Time of the latest frame; `None` if no frame had a time.
    pub(super) fn last(&self) -> Option<Timestamp> {
        (self.earliest <= self.latest).then(|| Timestamp::from_nanoseconds(self.latest))
    }
}

impl Tally {
    pub(super) const fn new() -> Self {
        Self {
            frames: Totals::NONE,
            link_types: Vec::new(),
            precision: None,
            dropped: None,
            anomalies: BTreeMap::new(),
            names: BTreeSet::new(),
            interfaces: Vec::new(),
        }
    }

    /// Adds an interface by its name and gives its place. Those past the bound share the last place.
    pub(super) fn interface(&mut self, mut name: String) -> u16 {
        let place = u16::try_from(self.interfaces.len());
        if place.is_ok() {
            let end = name.floor_char_boundary(MAX_NAME_LENGTH);
            name.truncate(end);
            self.interfaces.push(name);
        }
        place.unwrap_or(u16::MAX)
    }

    /// Counts an oddity `times` times; zero leaves no trace.
    pub(super) fn anomaly(&mut self, kind: &'static str, times: u64) {
        if times > 0 {
            *self.anomalies.entry(kind).or_default() += times;
        }
    }

    /// Notes that frames of `link_type` appear.
    pub(super) fn link_type(&mut self, link_type: LinkType) {
        if !self.link_types.contains(&link_type) {
            self.link_types.push(link_type);
        }
    }

    /// Notes a clock; the finest one is the input's.
    pub(super) fn clock(&mut self, precision: Precision) {
        self.precision = self.precision.max(Some(precision));
    }

    /// Adds packets that the capturing machine lost.
    pub(super) fn drop_packets(&mut self, packets: u64) {
        self.dropped = Some(self.dropped.unwrap_or(0).saturating_add(packets));
    }

    /// Keeps a name that the file gives for an address.
    pub(super) fn name(&mut self, address: std::net::IpAddr, name: &[u8]) {
        if name.is_empty() {
            return;
        }
        if name.len() > MAX_NAME_LENGTH || self.names.len() >= MAX_RECORDED_NAMES {
            return self.anomaly("recorded_name_left_out", 1);
        }
        self.names.insert(RecordedName { address, name: String::from_utf8_lossy(name).into_owned() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_without_frames_has_no_times() {
        assert_eq!((Totals::NONE.first(), Totals::NONE.last()), (None, None));
    }

    #[test]
    fn names_are_bounded_and_the_bound_is_counted() {
        let mut tally = Tally::new();
        let address = std::net::IpAddr::from([192, 0, 2, 1]);
        tally.name(address, &[b'a'; 256]);
        tally.name(address, b"");
        for number in 0..=MAX_RECORDED_NAMES {
            tally.name(address, number.to_string().as_bytes());
        }
        assert_eq!(tally.names.len(), MAX_RECORDED_NAMES);
        assert_eq!(tally.anomalies.get("recorded_name_left_out"), Some(&2));
    }
}
