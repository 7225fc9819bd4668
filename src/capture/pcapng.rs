//! The block format, <https://datatracker.ietf.org/doc/draft-ietf-opsawg-pcapng/>.

use super::blocks::{read_names, read_statistics};
use super::bytes::Order;
use super::interface::Interface;
use super::tally::Tally;
use super::walk::{MAX_PACKET_LARGE, Start, Stop, Walked, Walker, max_packet};
use super::{Format, Record, Timestamp};

/// Section header block; the same number in either byte order.
const SECTION_HEADER: u32 = 0x0a0d_0d0a;
/// Interface description block.
const INTERFACE_DESCRIPTION: u32 = 1;
/// Packet block, obsolete.
const PACKET: u32 = 2;
/// Simple packet block.
const SIMPLE_PACKET: u32 = 3;
/// Name resolution block.
const NAME_RESOLUTION: u32 = 4;
/// Interface statistics block.
const INTERFACE_STATISTICS: u32 = 5;
/// Enhanced packet block.
const ENHANCED_PACKET: u32 = 6;

/// Tells the byte order of a section.
const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;

/// Bytes of a block that holds nothing: type, length, length.
const EMPTY_BLOCK: usize = 12;

/// Bytes of the smallest section header block: byte-order magic, version and section length.
const SECTION_HEADER_BLOCK: usize = EMPTY_BLOCK + 16;

/// Largest block that is read into memory: the largest packet and a megabyte of options.
/// A block of another kind, which is passed over, may be larger.
const MAX_BLOCK: usize = MAX_PACKET_LARGE as usize + (1 << 20);

/// Interfaces of one section. Bounds the memory that a hostile file can take; packets of more are counted as odd.
const MAX_INTERFACES: usize = 65_536;

/// Reads the blocks of a pcapng file.
#[derive(Debug)]
pub(super) struct Pcapng {
    order: Order,
    interfaces: Vec<Interface>,
    /// Length of the block that is being passed over: it must stand at its end as well.
    passing: Option<u32>,
    /// Time of the latest frame read, for those that have none.
    last_time: Timestamp,
}

/// A frame in a block: interface, where the time is, offset of the data, captured and wire length.
struct Packet {
    interface: u32,
    ticks: Option<u64>,
    data: usize,
    captured: u32,
    wire_length: u32,
}

/// What one block was.
enum Step {
    /// Dealt with: so many bytes.
    Past(usize),
    Stop(Stop),
}

impl Pcapng {
    /// Recognises a block format capture by its first bytes.
    pub(super) fn start(bytes: &[u8]) -> Start {
        if Order::Little.u32(bytes, 0) != Some(SECTION_HEADER) {
            return Start::Unknown;
        }
        if bytes.len() < 12 {
            return Start::Short(Format::Pcapng);
        }
        let Some(order) = section_order(bytes) else { return Start::Unknown };
        if bytes.len() < SECTION_HEADER_BLOCK {
            return Start::Short(Format::Pcapng);
        }
        if let Some(reason) = unsupported_version(order, bytes) {
            return Start::Unsupported(reason);
        }
        Start::Capture(Walker::Pcapng(Self {
            order,
            interfaces: Vec::new(),
            passing: None,
            last_time: Timestamp::from_nanoseconds(0),
        }))
    }

    /// Appends the frames in `data` to `records`.
    pub(super) fn walk(
        &mut self,
        data: &[u8],
        from: usize,
        records: &mut Vec<Record>,
        tally: &mut Tally,
    ) -> Walked {
        let mut used = from;
        if let Some(length) = self.passing {
            match self.order.u32(data, used) {
                None => return Walked { used, stop: Stop::Want(4) },
                Some(trailer) if trailer != length => {
                    return Walked { used, stop: mismatch(length, trailer) };
                }
                Some(_) => used += 4,
            }
            self.passing = None;
        }
        loop {
            let rest = data.get(used..).unwrap_or_default();
            match self.block(rest, used, records, tally) {
                Step::Past(length) => used += length,
                Step::Stop(stop) => return Walked { used, stop },
            }
        }
    }

    /// Deals with the block at the start of `data`, which stands at `at` in the batch.
    #[inline]
    fn block(&mut self, data: &[u8], at: usize, records: &mut Vec<Record>, tally: &mut Tally) -> Step {
        let Some([kind, length]) = self.order.words(data) else {
            return Step::Stop(Stop::Want(EMPTY_BLOCK));
        };
        if kind == SECTION_HEADER {
            return self.section(data, tally);
        }
        let size = length as usize;
        if size < EMPTY_BLOCK || !size.is_multiple_of(4) {
            return Step::Stop(impossible(length));
        }
        let Some(block) = data.get(..size) else { return Step::Stop(self.incomplete(kind, length)) };
        let Some((body, trailer)) = self.body(block) else { return Step::Stop(impossible(length)) };
        if trailer != length {
            return Step::Stop(mismatch(length, trailer));
        }
        match kind {
            ENHANCED_PACKET | SIMPLE_PACKET | PACKET => {
                let packet = match kind {
                    ENHANCED_PACKET => self.enhanced_packet(body),
                    SIMPLE_PACKET => self.simple_packet(body),
                    _ => self.obsolete_packet(body),
                };
                self.frame(packet, body.len(), at + 8, records, tally);
            }
            _ => self.other(kind, body, tally),
        }
        Step::Past(size)
    }

    /// Splits a whole block into what is between its lengths, and the second length.
    #[inline]
    fn body<'a>(&self, block: &'a [u8]) -> Option<(&'a [u8], u32)> {
        let (_, rest) = block.split_first_chunk::<8>()?;
        let (body, trailer) = rest.split_last_chunk::<4>()?;
        Some((body, self.order.u32(trailer, 0)?))
    }

    #[inline]
    fn enhanced_packet(&self, body: &[u8]) -> Option<Packet> {
        let [interface, high, low, captured, wire_length] = self.order.words(body)?;
        let ticks = Some(u64::from(high) << 32 | u64::from(low));
        Some(Packet { interface, ticks, data: 20, captured, wire_length })
    }

    /// A simple packet is of the first interface; how much of it was captured follows from the snap length.
    fn simple_packet(&self, body: &[u8]) -> Option<Packet> {
        let wire_length = self.order.u32(body, 0)?;
        let limit = match self.interfaces.first()?.snap_length {
            0 => u32::MAX,
            limit => limit,
        };
        Some(Packet { interface: 0, ticks: None, data: 4, captured: wire_length.min(limit), wire_length })
    }

    /// The obsolete packet block has a drop count next to a narrower interface number.
    fn obsolete_packet(&self, body: &[u8]) -> Option<Packet> {
        let interface = u32::from(self.order.u16(body, 0)?);
        Some(Packet { interface, ..self.enhanced_packet(body)? })
    }

    /// Takes in a frame. A block whose frame makes no sense between sound lengths is odd, no more.
    #[inline]
    fn frame(
        &mut self,
        packet: Option<Packet>,
        body: usize,
        at: usize,
        records: &mut Vec<Record>,
        tally: &mut Tally,
    ) {
        let Some(packet) = packet else { return tally.anomaly("packet_block_malformed", 1) };
        let Some(interface) = self.interfaces.get_mut(packet.interface as usize) else {
            return tally.anomaly("interface_unknown", 1);
        };
        let Packet { captured, wire_length, .. } = packet;
        let fits = packet.data + captured as usize <= body && captured <= max_packet(interface.link_type);
        let (Ok(offset), true) = (u32::try_from(at + packet.data), fits) else {
            return tally.anomaly("packet_block_malformed", 1);
        };
        if !interface.used {
            interface.used = true;
            tally.link_type(interface.link_type);
        }
        if let Some(ticks) = packet.ticks {
            let (time, in_range) = interface.clock.time(ticks);
            self.last_time = time;
            tally.frames.add_time(time);
            if !in_range {
                tally.anomaly("timestamp_out_of_range", 1);
            }
        } else {
            tally.anomaly("timestamp_missing", 1);
        }
        if captured > wire_length {
            tally.anomaly("captured_longer_than_wire", 1);
        }
        tally.frames.add(captured, wire_length);
        let link_type = interface.link_type;
        let interface = interface.place;
        records.push(Record { time: self.last_time, offset, captured, wire_length, link_type, interface });
    }

    /// Takes in a block that is neither a packet nor the start of a section.
    #[cold]
    fn other(&mut self, kind: u32, body: &[u8], tally: &mut Tally) {
        match kind {
            INTERFACE_DESCRIPTION => match Interface::parse(self.order, body) {
                Some(mut interface) if self.interfaces.len() < MAX_INTERFACES => {
                    tally.clock(interface.clock.precision());
                    interface.place = tally.interface(std::mem::take(&mut interface.name));
                    self.interfaces.push(interface);
                }
                _ => tally.anomaly("interface_left_out", 1),
            },
            NAME_RESOLUTION => read_names(self.order, body, tally),
            INTERFACE_STATISTICS => {
                if let Some((number, Some(dropped))) = read_statistics(self.order, body)
                    && let Some(interface) = self.interfaces.get_mut(number as usize)
                {
                    interface.dropped = Some(dropped);
                }
            }
            _ => {}
        }
    }

    /// Starts a section: its byte order and its interfaces are its own.
    #[cold]
    fn section(&mut self, data: &[u8], tally: &mut Tally) -> Step {
        if data.len() < SECTION_HEADER_BLOCK {
            return Step::Stop(Stop::Want(SECTION_HEADER_BLOCK));
        }
        let Some(order) = section_order(data) else {
            return Step::Stop(Stop::Damaged("a section header without a byte-order magic".to_owned()));
        };
        if let Some(reason) = unsupported_version(order, data) {
            return Step::Stop(Stop::Damaged(format!("a section that {reason}")));
        }
        let length = order.u32(data, 4).unwrap_or_default();
        let size = length as usize;
        if !(SECTION_HEADER_BLOCK..=MAX_BLOCK).contains(&size) || !size.is_multiple_of(4) {
            return Step::Stop(impossible(length));
        }
        let Some(trailer) = order.u32(data, size - 4) else { return Step::Stop(Stop::Want(size)) };
        if trailer != length {
            return Step::Stop(mismatch(length, trailer));
        }
        self.end_section(tally);
        self.order = order;
        Step::Past(size)
    }

    /// Closes the account of a section.
    pub(super) fn end_section(&mut self, tally: &mut Tally) {
        for dropped in self.interfaces.drain(..).filter_map(|interface| interface.dropped) {
            tally.drop_packets(dropped);
        }
    }

    /// What to do about a block that goes on past the end of the data.
    #[cold]
    fn incomplete(&mut self, kind: u32, length: u32) -> Stop {
        let size = length as usize;
        let read = matches!(
            kind,
            INTERFACE_DESCRIPTION
                | PACKET
                | SIMPLE_PACKET
                | NAME_RESOLUTION
                | INTERFACE_STATISTICS
                | ENHANCED_PACKET
        );
        if !read {
            self.passing = Some(length);
            return Stop::Skip(size - 4);
        }
        if size > MAX_BLOCK { impossible(length) } else { Stop::Want(size) }
    }
}

/// The byte order of the section whose header stands at the start of `bytes`.
fn section_order(bytes: &[u8]) -> Option<Order> {
    [Order::Little, Order::Big].into_iter().find(|order| order.u32(bytes, 8) == Some(BYTE_ORDER_MAGIC))
}

/// Only major version 1 has been published.
fn unsupported_version(order: Order, bytes: &[u8]) -> Option<String> {
    let major = order.u16(bytes, 12).filter(|major| *major != 1)?;
    Some(format!("is of pcapng version {major}, which is not known"))
}

#[cold]
fn impossible(length: u32) -> Stop {
    Stop::Damaged(format!("a block claims a length of {length} bytes, which no block has"))
}

#[cold]
fn mismatch(length: u32, trailer: u32) -> Stop {
    Stop::Damaged(format!("a block has {length} bytes by its start and {trailer} by its end"))
}

#[cfg(test)]
mod tests {
    use super::super::LinkType;
    use super::super::testing::{Writer, read, read_sized};
    use super::*;

    const ORDERS: [Order; 2] = [Order::Big, Order::Little];

    fn file(order: Order) -> Writer {
        let mut writer = Writer::new(order);
        writer.section();
        writer
    }

    #[test]
    fn each_interface_has_its_link_type_and_clock() {
        for order in ORDERS {
            let mut file = file(order);
            file.interface(1, 0, |_| {});
            file.interface(101, 0, |w| {
                w.option(9, &[9]).option(0, &[]);
            });
            file.enhanced(1, 5_000_000_007, 60, b"abcde").enhanced(0, 7_000_001, 3, b"abc");
            let (frames, account) = read(&file.bytes);
            let read: Vec<_> = frames
                .iter()
                .map(|frame| {
                    (
                        frame.number,
                        frame.link_type.0,
                        frame.time.nanoseconds(),
                        frame.wire_length,
                        &*frame.bytes,
                    )
                })
                .collect();
            let expected: [(_, _, _, _, &[u8]); 2] =
                [(1, 101, 5_000_000_007, 60, b"abcde"), (2, 1, 7_000_001_000, 3, b"abc")];
            assert_eq!(read, expected);
            assert_eq!(account.format, Format::Pcapng);
            assert_eq!(account.damage, None);
            assert_eq!(account.tally.link_types, [LinkType(101), LinkType(1)]);
            assert_eq!(account.tally.precision.unwrap().places(), 9);
            assert_eq!(account.tally.frames.truncated, 1);
        }
    }

    #[test]
    fn each_section_has_its_byte_order_and_interfaces() {
        let mut bytes = Vec::new();
        for order in ORDERS {
            let mut part = file(order);
            part.interface(if order == Order::Big { 1 } else { 113 }, 0, |_| {}).enhanced(0, 1, 1, b"a");
            part.enhanced(1, 1, 1, b"a");
            bytes.extend(part.bytes);
        }
        let (frames, account) = read(&bytes);
        assert_eq!(frames.iter().map(|frame| frame.link_type.0).collect::<Vec<_>>(), [1, 113]);
        assert_eq!(account.tally.anomalies.get("interface_unknown"), Some(&2));
        assert_eq!(account.damage, None);
    }

    #[test]
    fn simple_and_obsolete_packets_are_read() {
        for order in ORDERS {
            let mut file = file(order);
            file.interface(1, 4, |_| {}).enhanced(0, 9_000_000, 4, b"full");
            file.block(SIMPLE_PACKET, |w| {
                w.u32(60).raw(b"abcd");
            });
            file.block(SIMPLE_PACKET, |w| {
                w.u32(3).raw(b"abc");
            });
            file.block(PACKET, |w| {
                w.u16(0).u16(7).u32(0).u32(10_000_000).u32(2).u32(2).raw(b"ab");
            });
            let (frames, account) = read(&file.bytes);
            let read: Vec<_> = frames.iter().map(|frame| (&*frame.bytes, frame.time.nanoseconds())).collect();
            let seconds = 1_000_000_000;
            let expected: [(&[u8], _); 4] = [
                (b"full", 9 * seconds),
                (b"abcd", 9 * seconds),
                (b"abc", 9 * seconds),
                (b"ab", 10 * seconds),
            ];
            assert_eq!(read, expected);
            assert_eq!(account.tally.anomalies.get("timestamp_missing"), Some(&2));
            assert_eq!(account.damage, None);
        }
    }

    #[test]
    fn blocks_of_no_interest_are_passed_over_however_large() {
        let mut file = file(Order::Little);
        file.interface(1, 0, |_| {});
        for size in [0, 4, 3000, 90_000] {
            file.block(0x0bad, |w| {
                w.raw(&vec![6; size]);
            });
            file.enhanced(0, 1, 1, b"a");
        }
        for live in [false, true] {
            for size in [40, 64, 3000, 1 << 20] {
                let (frames, account) = read_sized(&file.bytes, size, live);
                assert_eq!((frames.len(), account.damage), (4, None), "{size} {live}");
            }
        }
    }

    #[test]
    fn lost_packets_are_the_last_count_of_each_interface() {
        let mut file = file(Order::Big);
        file.interface(1, 0, |_| {}).interface(1, 0, |_| {});
        for (interface, drops) in [(0, 5_u64), (0, 7), (1, 100), (9, 1000)] {
            file.block(INTERFACE_STATISTICS, |w| {
                w.u32(interface).u64(0).option(5, &drops.to_be_bytes()).option(0, &[]);
            });
        }
        assert_eq!(read(&file.bytes).1.tally.dropped, Some(107));
        file.section();
        assert_eq!(read(&file.bytes).1.tally.dropped, Some(107));
        assert_eq!(read(&Writer::new(Order::Big).section().bytes).1.tally.dropped, None);
    }

    #[test]
    fn names_of_the_file_are_kept() {
        let mut file = file(Order::Big);
        file.block(NAME_RESOLUTION, |w| {
            w.option(1, b"\xc0\x00\x02\x01zoom.example\0").option(0, &[]);
        });
        let names = read(&file.bytes).1.tally.names;
        assert_eq!(names.first().map(|name| &*name.name), Some("zoom.example"));
    }

    #[test]
    fn a_frame_that_makes_no_sense_in_a_sound_block_is_odd_and_passed_over() {
        let mut file = file(Order::Big);
        file.interface(1, 0, |_| {});
        file.block(ENHANCED_PACKET, |w| {
            w.u32(0).u32(0).u32(0).u32(100).u32(100).raw(b"abcd");
        });
        file.block(ENHANCED_PACKET, |w| {
            w.u32(0);
        });
        file.enhanced(0, 1, 1, b"a");
        let (frames, account) = read(&file.bytes);
        assert_eq!((frames.len(), account.damage), (1, None));
        assert_eq!(account.tally.anomalies.get("packet_block_malformed"), Some(&2));
    }

    type Write = fn(&mut Writer) -> &mut Writer;

    #[test]
    fn damage_is_told_with_the_offset_of_its_block() {
        let damages: [(&str, Write); 6] = [
            ("no block has", |w| w.u32(6).u32(8).raw(&[0; 40])),
            ("no block has", |w| w.u32(6).u32(45).raw(&[0; 40])),
            ("no block has", |w| w.u32(6).u32(0xffff_fff0).raw(&[0; 40])),
            ("by its end", |w| w.u32(6).u32(32).raw(&[0; 20]).u32(36)),
            ("byte-order magic", |w| w.u32(SECTION_HEADER).u32(28).raw(&[0; 20])),
            ("cut short", |w| w.u32(0xbad).u32(4_000_000_000).raw(&[0; 2000])),
        ];
        for (reason, write) in damages {
            let mut file = file(Order::Big);
            file.interface(1, 0, |_| {}).enhanced(0, 1, 1, b"a");
            let offset = file.bytes.len() as u64;
            write(&mut file);
            for size in [64, 1 << 16] {
                let (frames, account) = read_sized(&file.bytes, size, false);
                let damage = account.damage.unwrap();
                assert_eq!((frames.len(), damage.offset), (1, offset), "{reason}");
                assert!(damage.reason.contains(reason), "{}", damage.reason);
            }
        }
    }
}
