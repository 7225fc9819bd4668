//! The classic capture format, <https://datatracker.ietf.org/doc/draft-ietf-opsawg-pcap/>, and its variants.

use super::bytes::Order;
use super::tally::{Tally, Totals};
use super::walk::{MAX_PACKET_LARGE, Start, Stop, Walked, Walker, max_packet, order_of};
use super::{Format, LinkType, Precision, Record, Timestamp};

/// Magic number of a file with microseconds.
const MICROSECONDS: u32 = 0xa1b2_c3d4;
/// Magic number of a file with nanoseconds.
const NANOSECONDS: u32 = 0xa1b2_3c4d;
/// Magic number of Kuznetsov's patches to libpcap: longer record headers, microseconds.
const KUZNETSOV: u32 = 0xa1b2_cd34;
/// Magic number of Ixia's hardware captures: nanoseconds, file header of 28 bytes.
const IXIA_HARDWARE: u32 = 0x1c00_01ac;
/// Magic number of Ixia's software captures: microseconds, file header of 28 bytes.
const IXIA_SOFTWARE: u32 = 0x1c00_01ab;

/// Bytes of the file header.
const FILE_HEADER: usize = 24;
/// Bytes of Ixia's file header: the sum of the record lengths follows.
const FILE_HEADER_IXIA: usize = 28;

/// Bytes of a record header.
const RECORD_HEADER: usize = 16;
/// Bytes of a record header of Nokia's firewalls: four of unknown meaning follow.
const RECORD_HEADER_NOKIA: usize = 20;
/// Bytes of a record header after Kuznetsov's patches: interface, protocol and packet type follow.
const RECORD_HEADER_KUZNETSOV: usize = 24;
/// Bytes of a record header after his patch of 1999-09-15 (S.u.S.E. 6.3): two processor numbers follow.
const RECORD_HEADER_SUSE: usize = 28;

/// Records that must make sense for a variant that no magic number tells, as in Wireshark.
const RECORDS_TO_TRY: usize = 3;

/// What is wrong with a capture that another one was appended to.
const JOINED: &str = "another capture starts here; captures are joined with `mergecap`, or given one by one";

/// Nanoseconds of a second.
const SECOND: i64 = 1_000_000_000;

/// Bytes among which the first record of a piece is looked for: as many as packets in use have.
const LOOKED_THROUGH: usize = 64 << 10;

/// Reads the records of a classic capture file.
#[derive(Debug)]
pub(super) struct Pcap {
    order: Order,
    link_type: LinkType,
    max_packet: u32,
    snap_length: u32,
    /// Bytes of the file header, until it has been passed over.
    file_header: usize,
    /// Bytes of a record header.
    record_header: usize,
    /// Other sizes that the record header may have, until the first records tell.
    variants: &'static [usize],
    /// Nanoseconds that the fraction of a time counts in.
    tick: u32,
    lengths: Lengths,
}

/// What was found in a piece of a file before it was known where its first record begins.
///
/// To look for records while the bytes have just come into the processor's cache takes half as long as later, and threads
/// do it at once.
#[derive(Debug)]
pub(super) struct Ahead {
    /// Where the first record was taken to begin.
    start: usize,
    /// The first byte that no record was found in.
    used: usize,
    totals: Totals,
    odd_fractions: u64,
    record_header: usize,
}

/// The order of the two lengths in a record header: it was turned round in version 2.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lengths {
    /// Captured, then wire.
    AsSpecified,
    /// Wire, then captured: before 2.3, and DG/UX (version 543.0).
    Swapped,
    /// Some programs wrote version 2.3 and kept the old order: the smaller one is the captured length.
    Either,
}

/// A record header, as it is meant.
struct Header {
    time: Timestamp,
    captured: u32,
    wire_length: u32,
    odd_fraction: bool,
}

impl Pcap {
    /// Recognises a classic capture by its first bytes.
    pub(super) fn start(bytes: &[u8]) -> Start {
        const MAGICS: [u32; 5] = [MICROSECONDS, NANOSECONDS, KUZNETSOV, IXIA_HARDWARE, IXIA_SOFTWARE];
        let known = MAGICS.into_iter().find_map(|magic| Some((magic, order_of(bytes, magic)?)));
        let Some((magic, order)) = known else { return Start::Unknown };
        let file_header =
            if matches!(magic, IXIA_HARDWARE | IXIA_SOFTWARE) { FILE_HEADER_IXIA } else { FILE_HEADER };
        let (Some([_, _, _, _, snap_length, link_type]), Some(major), Some(minor), true) =
            (order.words(bytes), order.u16(bytes, 4), order.u16(bytes, 6), bytes.len() >= file_header)
        else {
            return Start::Short(Format::Pcap);
        };
        if major < 2 {
            return Start::Unsupported(format!(
                "is a pcap file of version {major}.{minor}, from before 1990"
            ));
        }
        let mut pcap = Self {
            order,
            link_type: LinkType(u16::try_from(link_type & 0xffff).unwrap_or_default()),
            max_packet: 0,
            snap_length,
            file_header,
            record_header: if magic == KUZNETSOV { RECORD_HEADER_KUZNETSOV } else { RECORD_HEADER },
            variants: &[],
            tick: if matches!(magic, NANOSECONDS | IXIA_HARDWARE) { 1 } else { 1000 },
            lengths: Lengths::of_version(major, minor),
        };
        match (magic, major, minor) {
            (MICROSECONDS, 2, 2) => pcap.adopt_aix(),
            (MICROSECONDS, 2, 4) => pcap.variants = &[RECORD_HEADER_KUZNETSOV, RECORD_HEADER_NOKIA],
            (KUZNETSOV, 2, 4) => pcap.variants = &[RECORD_HEADER_SUSE],
            _ => {}
        }
        pcap.max_packet = max_packet(pcap.link_type);
        Start::Capture(Walker::Pcap(pcap))
    }

    /// AIX writes version 2.2 with interface types of RFC 1573 as link types, and nanoseconds.
    const fn adopt_aix(&mut self) {
        let link_type = match self.link_type.0 {
            6 => 1,
            9 => 6,
            15 => 10,
            24 => 0,
            _ => return,
        };
        self.link_type = LinkType(link_type);
        self.tick = 1;
        self.lengths = Lengths::AsSpecified;
    }

    /// Appends the frames in `data` to `records`.
    pub(super) fn walk(
        &mut self,
        data: &[u8],
        from: usize,
        records: &mut Vec<Record>,
        tally: &mut Tally,
    ) -> Walked {
        if self.file_header > 0 {
            tally.clock(if self.tick == 1 { Precision::NANOSECONDS } else { Precision::MICROSECONDS });
        }
        let from = from + std::mem::take(&mut self.file_header);
        if !self.variants.is_empty() && data.len() >= from + RECORD_HEADER {
            self.choose_variant(data.get(from..).unwrap_or_default());
        }
        let mut totals = Totals::NONE;
        let mut odd_fractions = 0;
        let walked = self.walk_records(data, from, records, &mut totals, &mut odd_fractions);
        self.count(&totals, odd_fractions, tally);
        walked
    }

    fn count(&self, totals: &Totals, odd_fractions: u64, tally: &mut Tally) {
        if totals.packets > 0 {
            tally.link_type(self.link_type);
        }
        tally.anomaly("captured_longer_than_wire", totals.captured_longer);
        tally.anomaly("timestamp_fraction_out_of_range", odd_fractions);
        tally.frames.merge(totals);
    }

    /// What finds records in the middle of the file.
    pub(super) const fn scout(&self) -> Self {
        Self { file_header: 0, variants: &[], ..*self }
    }

    /// Looks for records in `data`, whose first `from` bytes are none of it. `None` if nothing there looks like one.
    pub(super) fn look_ahead(&self, data: &[u8], from: usize) -> Option<Ahead> {
        let bytes = data.get(from..)?;
        let start = (0..LOOKED_THROUGH.min(bytes.len())).find(|at| self.looks_right(bytes, *at))? + from;
        let (totals, record_header) = (Totals::NONE, self.record_header);
        Some(Ahead { start, used: start, totals, odd_fractions: 0, record_header })
    }

    /// Appends the frames to `records` that `data` has beyond what was found `ahead`.
    pub(super) fn go_ahead(&self, ahead: &mut Ahead, data: &[u8], records: &mut Vec<Record>) {
        let Ahead { used, totals, odd_fractions, .. } = ahead;
        *used = self.walk_records(data, *used, records, totals, odd_fractions).used;
    }

    /// Takes over what was found `ahead` in `data` and is in `records`, if the frames that stand in it after its first `from`
    /// bytes lead there; else it is dropped. Gives where to walk on from.
    pub(super) fn adopt(
        &mut self,
        ahead: &Ahead,
        data: &[u8],
        from: usize,
        records: &mut Vec<Record>,
        tally: &mut Tally,
    ) -> usize {
        let is_ready =
            self.file_header == 0 && self.variants.is_empty() && self.record_header == ahead.record_header;
        let Some(data) = data.get(..ahead.start).filter(|_| is_ready) else {
            records.clear();
            return from;
        };
        let mut before = Vec::new();
        let used = self.walk(data, from, &mut before, tally).used;
        let is_right = used == ahead.start;
        if is_right {
            self.count(&ahead.totals, ahead.odd_fractions, tally);
        } else {
            records.clear();
        }
        records.splice(..0, before);
        if is_right { ahead.used } else { used }
    }

    /// The loop over the records: every packet of a file goes through it.
    fn walk_records(
        &self,
        data: &[u8],
        mut used: usize,
        records: &mut Vec<Record>,
        totals: &mut Totals,
        odd_fractions: &mut u64,
    ) -> Walked {
        loop {
            let Some(header) = data.get(used..).and_then(|rest| self.header(rest)) else {
                return Walked { used, stop: Stop::Want(self.record_header) };
            };
            let Header { time, captured, wire_length, odd_fraction } = header;
            if captured > self.max_packet {
                return Walked { used, stop: self.too_long(captured) };
            }
            if captured == 0
                && let Some(stop) = file_header(data.get(used..).unwrap_or_default())
            {
                return Walked { used, stop };
            }
            let start = used + self.record_header;
            let end = start + captured as usize;
            let (Ok(offset), true) = (u32::try_from(start), end <= data.len()) else {
                return Walked { used, stop: Stop::Want(end - used) };
            };
            records.push(Record {
                time,
                offset,
                captured,
                wire_length,
                link_type: self.link_type,
                interface: 0,
            });
            totals.add(captured, wire_length);
            totals.add_time(time);
            *odd_fractions += u64::from(odd_fraction);
            used = end;
        }
    }

    #[inline]
    fn header(&self, bytes: &[u8]) -> Option<Header> {
        let [seconds, fraction, mut captured, mut wire_length] = self.order.words(bytes)?;
        match self.lengths {
            Lengths::AsSpecified => {}
            Lengths::Either if captured <= wire_length => {}
            Lengths::Swapped | Lengths::Either => std::mem::swap(&mut captured, &mut wire_length),
        }
        let nanoseconds = i64::from(fraction) * i64::from(self.tick);
        Some(Header {
            // No sum of two 32-bit numbers overflows here: the seconds end in the year 2106.
            time: Timestamp::from_nanoseconds(i64::from(seconds) * SECOND + nanoseconds),
            captured,
            wire_length,
            odd_fraction: nanoseconds >= SECOND,
        })
    }

    #[cold]
    fn too_long(&self, captured: u32) -> Stop {
        let limit = self.max_packet;
        Stop::Damaged(format!(
            "a packet record claims {captured} bytes, the most a packet can have is {limit}"
        ))
    }

    /// Old patched systems changed the record header and not the magic number. As Wireshark does, the first
    /// records are tried; a variant is taken only if they make sense in it and in the common form they do not.
    fn choose_variant(&mut self, records: &[u8]) {
        let variants = std::mem::take(&mut self.variants);
        if self.makes_sense(records, self.record_header) != Some(false) {
            return;
        }
        if let Some(size) = variants.iter().find(|size| self.makes_sense(records, **size) == Some(true)) {
            self.record_header = *size;
        }
    }

    /// Whether records look right that begin at `at`. Of some bytes, as of many zeros, no more can be said.
    fn looks_right(&self, bytes: &[u8], at: usize) -> bool {
        let records = bytes.get(at..).unwrap_or_default();
        let holds_bytes = self.header(records).is_some_and(|header| header.captured > 0);
        holds_bytes && self.makes_sense(records, self.record_header) == Some(true)
    }

    /// Whether the first records look right if their headers have `size` bytes; `None` if too few are there.
    fn makes_sense(&self, mut records: &[u8], size: usize) -> Option<bool> {
        for number in 0..RECORDS_TO_TRY {
            if records.is_empty() && number > 0 {
                break;
            }
            let header = self.header(records)?;
            let sane = !header.odd_fraction
                && header.captured <= self.max_packet.min(self.snap_length)
                && header.captured <= header.wire_length
                && header.wire_length <= MAX_PACKET_LARGE;
            if !sane {
                return Some(false);
            }
            records = records.get(size + header.captured as usize..)?;
        }
        Some(true)
    }
}

/// A file header reads like the header of a record without data: it has zeros where the length would be.
#[cold]
fn file_header(bytes: &[u8]) -> Option<Stop> {
    match Pcap::start(bytes) {
        Start::Capture(_) => Some(Stop::Damaged(JOINED.to_owned())),
        Start::Short(_) => Some(Stop::Want(FILE_HEADER_IXIA)),
        Start::Unsupported(_) | Start::Unknown => None,
    }
}

impl Lengths {
    /// As libpcap has it (`lengths_swapped` in sf-pcap.c).
    const fn of_version(major: u16, minor: u16) -> Self {
        match (major, minor) {
            (2, 0..=2) | (543, _) => Self::Swapped,
            (2, 3) => Self::Either,
            _ => Self::AsSpecified,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Writer, read};
    use super::*;

    const ORDERS: [Order; 2] = [Order::Big, Order::Little];

    fn file(order: Order, magic: u32, version: (u16, u16), link_type: u32) -> Writer {
        let mut writer = Writer::new(order);
        writer.pcap_header(magic, version, link_type);
        writer
    }

    fn times(bytes: &[u8]) -> Vec<i64> {
        read(bytes).0.iter().map(|frame| frame.time.nanoseconds()).collect()
    }

    #[test]
    fn both_byte_orders_and_both_clocks_are_read() {
        for order in ORDERS {
            for (magic, tick, places) in [(MICROSECONDS, 1000, 6), (NANOSECONDS, 1, 9)] {
                let mut file = file(order, magic, (2, 4), 1);
                file.pcap_record((7, 9), (3, 60), &[], b"abc").pcap_record((8, 0), (0, 0), &[], b"");
                let (frames, account) = read(&file.bytes);
                assert_eq!(frames[0].time.nanoseconds(), 7_000_000_000 + 9 * tick);
                assert_eq!(frames[0].bytes, b"abc");
                assert_eq!((frames[0].number, frames[0].wire_length), (1, 60));
                assert_eq!((frames[1].number, frames[1].bytes.len()), (2, 0));
                assert_eq!(account.format, Format::Pcap);
                assert_eq!(account.damage, None);
                assert_eq!(account.tally.precision.unwrap().places(), places);
                assert_eq!(account.tally.frames.truncated, 1);
                assert_eq!(account.tally.frames.bytes, 60);
                assert_eq!(account.tally.link_types, [LinkType(1)]);
            }
        }
    }

    #[test]
    fn the_upper_half_of_the_link_type_is_not_part_of_it() {
        let mut file = file(Order::Big, MICROSECONDS, (2, 4), 0x5400_0071);
        file.pcap_record((7, 9), (3, 3), &[], b"abc");
        assert_eq!(read(&file.bytes).0[0].link_type, LinkType(113));
    }

    #[test]
    fn the_lengths_are_swapped_where_old_versions_swapped_them() {
        for (version, lengths) in
            [((2, 2), (60, 3)), ((2, 3), (60, 3)), ((2, 3), (3, 60)), ((543, 0), (60, 3))]
        {
            let mut file = file(Order::Big, MICROSECONDS, version, 1);
            file.pcap_record((7, 9), lengths, &[], b"abc");
            let (frames, account) = read(&file.bytes);
            assert_eq!((&frames[0].bytes[..], frames[0].wire_length), (&b"abc"[..], 60), "{version:?}");
            assert_eq!(account.damage, None);
        }
    }

    #[test]
    fn longer_record_headers_are_recognised_by_magic_or_by_trial() {
        for (magic, extra) in [(KUZNETSOV, 8), (KUZNETSOV, 12), (MICROSECONDS, 8), (MICROSECONDS, 4)] {
            for order in ORDERS {
                let mut file = file(order, magic, (2, 4), 1);
                for number in 1..=5 {
                    file.pcap_record(
                        (1_000_000_000 + number, 9),
                        (30, 60),
                        &[0xee; 12][..extra],
                        &[0xdd; 30],
                    );
                }
                let (frames, account) = read(&file.bytes);
                assert_eq!(frames.len(), 5, "{magic:x} {extra}");
                assert!(frames.iter().all(|frame| frame.bytes == [0xdd; 30]));
                assert_eq!(account.damage, None);
            }
        }
    }

    #[test]
    fn the_file_header_of_ixia_is_longer() {
        for (magic, fraction) in [(IXIA_HARDWARE, 9), (IXIA_SOFTWARE, 9000)] {
            let mut file = file(Order::Little, magic, (2, 4), 1);
            file.u32(19).pcap_record((7, 9), (3, 3), &[], b"abc");
            assert_eq!(times(&file.bytes), [7_000_000_000 + fraction]);
        }
    }

    #[test]
    fn aix_has_interface_types_and_nanoseconds() {
        let mut file = file(Order::Big, MICROSECONDS, (2, 2), 6);
        file.pcap_record((7, 9), (3, 60), &[], b"abc");
        let (frames, _) = read(&file.bytes);
        assert_eq!(frames[0].link_type, LinkType(1));
        assert_eq!(frames[0].time.nanoseconds(), 7_000_000_009);
    }

    #[test]
    fn seconds_are_unsigned_and_a_fraction_may_be_more_than_a_second() {
        let mut file = file(Order::Big, MICROSECONDS, (2, 4), 1);
        file.pcap_record((u32::MAX, u32::MAX), (0, 0), &[], b"").pcap_record((1, 0), (0, 0), &[], b"");
        assert_eq!(times(&file.bytes), [4_294_967_295_000_000_000 + 4_294_967_295_000, 1_000_000_000]);
        let (_, account) = read(&file.bytes);
        assert_eq!(account.tally.anomalies.get("timestamp_fraction_out_of_range"), Some(&1));
    }

    #[test]
    fn a_length_that_no_packet_has_is_damage_at_its_record() {
        let mut file = file(Order::Big, MICROSECONDS, (2, 4), 1);
        file.pcap_record((1, 0), (1, 1), &[], b"a").pcap_record((1, 0), (262_145, 1), &[], b"");
        let (frames, account) = read(&file.bytes);
        let damage = account.damage.unwrap();
        assert_eq!((frames.len(), damage.offset), (1, 24 + 17));
        assert!(damage.reason.contains("262145 bytes"), "{}", damage.reason);
    }

    #[test]
    fn a_capture_appended_to_another_is_damage_with_advice() {
        let mut first = file(Order::Little, MICROSECONDS, (2, 4), 1);
        first.pcap_record((1, 0), (1, 1), &[], b"a").pcap_record((1, 0), (0, 0), &[], b"");
        let twice = [&*first.bytes, &*first.bytes].concat();
        let (frames, account) = read(&twice);
        let damage = account.damage.unwrap();
        assert_eq!((frames.len(), damage.offset), (2, first.bytes.len() as u64));
        assert!(damage.reason.contains("mergecap"));
    }

    #[test]
    fn the_largest_packet_is_read_whole_through_a_small_buffer() {
        let mut file = file(Order::Little, MICROSECONDS, (2, 4), 1);
        file.pcap_record((1, 0), (262_144, 262_144), &[], &vec![7; 262_144]);
        file.pcap_record((1, 0), (1, 1), &[], b"a");
        for live in [false, true] {
            let (frames, account) = super::super::testing::read_sized(&file.bytes, 100, live);
            assert_eq!(frames.iter().map(|frame| frame.bytes.len()).collect::<Vec<_>>(), [262_144, 1]);
            assert_eq!(account.damage, None);
        }
    }
}
