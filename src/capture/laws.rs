//! Laws that hold for every capture, checked on captures that are made up, and against another reader.

use std::io::{Cursor, Write};

use pcap_parser::{Block, PcapBlockOwned, PcapError, create_reader};
use proptest::prelude::*;

use super::bytes::Order;
use super::reader::{Options, Reader};
use super::testing::{Owned, Writer, owned, read, read_sized};
use super::{Batch, LinkType, Timestamp};

/// A packet to be written.
#[derive(Clone, Debug)]
struct Packet {
    seconds: u32,
    fraction: u32,
    interface: u32,
    more_on_the_wire: u32,
    data: Vec<u8>,
    /// Bytes of a block of no interest before it; pcap-parser does not read on after an empty one.
    junk: Option<usize>,
}

impl Packet {
    fn wire_length(&self) -> u32 {
        u32::try_from(self.data.len()).unwrap() + self.more_on_the_wire
    }
}

fn packet() -> impl Strategy<Value = Packet> {
    let data = prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..200),
        1 => (0..9000_usize, any::<u8>()).prop_map(|(length, byte)| vec![byte; length]),
    ];
    (any::<u32>(), 0..1_000_000_u32, 0..2_u32, 0..100_u32, data, prop::option::weighted(0.1, 1..6000_usize))
        .prop_map(|(seconds, fraction, interface, more_on_the_wire, data, junk)| Packet {
            seconds,
            fraction,
            interface,
            more_on_the_wire,
            data,
            junk,
        })
}

fn order() -> impl Strategy<Value = Order> {
    prop_oneof![Just(Order::Big), Just(Order::Little)]
}

/// The link types of the interfaces that are made up.
const LINK_TYPES: [u16; 2] = [1, 101];

/// A classic capture, and where each record ends.
fn pcap(order: Order, packets: &[Packet]) -> (Vec<u8>, Vec<usize>) {
    let mut writer = Writer::new(order);
    writer.pcap_header(0xa1b2_c3d4, (2, 4), 1);
    let mut ends = vec![writer.bytes.len()];
    for packet in packets {
        let lengths = (u32::try_from(packet.data.len()).unwrap(), packet.wire_length());
        writer.pcap_record((packet.seconds, packet.fraction), lengths, &[], &packet.data);
        ends.push(writer.bytes.len());
    }
    (writer.bytes, ends)
}

/// A pcapng capture, and where each packet's block ends.
fn pcapng(order: Order, packets: &[Packet]) -> (Vec<u8>, Vec<usize>) {
    let mut writer = Writer::new(order);
    writer.section();
    for link_type in LINK_TYPES {
        writer.interface(link_type, 0, |_| {});
    }
    let mut ends = vec![writer.bytes.len()];
    for packet in packets {
        if let Some(size) = packet.junk {
            writer.block(0xbad, |w| w.bytes.resize(size, 6));
        }
        let ticks = u64::from(packet.seconds) * 1_000_000 + u64::from(packet.fraction);
        writer.enhanced(packet.interface, ticks, packet.wire_length(), &packet.data);
        ends.push(writer.bytes.len());
    }
    (writer.bytes, ends)
}

/// What must be read of `packets`.
fn expected(packets: &[Packet], link_type: impl Fn(&Packet) -> u16) -> Vec<Owned> {
    let nanoseconds =
        |packet: &Packet| i64::from(packet.seconds) * 1_000_000_000 + i64::from(packet.fraction) * 1000;
    (1..)
        .zip(packets)
        .map(|(number, packet)| Owned {
            number,
            time: Timestamp::from_nanoseconds(nanoseconds(packet)),
            link_type: LinkType(link_type(packet)),
            wire_length: packet.wire_length(),
            bytes: packet.data.clone(),
        })
        .collect()
}

/// Data and wire length of each packet, as pcap-parser reads them.
fn oracle(bytes: &[u8]) -> Vec<(Vec<u8>, u32)> {
    let mut reader = create_reader(64 << 10, Cursor::new(bytes)).unwrap();
    let mut packets = Vec::new();
    loop {
        match reader.next() {
            Ok((length, block)) => {
                let of = |data: &[u8], captured: u32, wire| (data[..captured as usize].to_vec(), wire);
                match block {
                    PcapBlockOwned::Legacy(b) => packets.push(of(b.data, b.caplen, b.origlen)),
                    PcapBlockOwned::NG(Block::EnhancedPacket(b)) => {
                        packets.push(of(b.data, b.caplen, b.origlen));
                    }
                    _ => {}
                }
                reader.consume(length);
            }
            Err(PcapError::Incomplete(_)) => reader.refill().unwrap(),
            Err(_) => return packets,
        }
    }
}

fn pairs(frames: &[Owned]) -> Vec<(Vec<u8>, u32)> {
    frames.iter().map(|frame| (frame.bytes.clone(), frame.wire_length)).collect()
}

proptest! {
    #[test]
    fn what_was_written_is_read(
        order in order(),
        packets in prop::collection::vec(packet(), 0..40),
        size in 64..20_000_usize,
        live in any::<bool>(),
    ) {
        let (bytes, _) = pcap(order, &packets);
        let (frames, account) = read_sized(&bytes, size, live);
        prop_assert_eq!(&frames, &expected(&packets, |_| 1));
        prop_assert_eq!(account.damage, None);
        prop_assert_eq!(pairs(&frames), oracle(&bytes));

        let (bytes, _) = pcapng(order, &packets);
        let (frames, account) = read_sized(&bytes, size, live);
        prop_assert_eq!(&frames, &expected(&packets, |packet| LINK_TYPES[packet.interface as usize]));
        prop_assert_eq!(account.damage, None);
        prop_assert_eq!(pairs(&frames), oracle(&bytes));
    }

    #[test]
    fn damaged_captures_are_read_up_to_the_damage(
        order in order(),
        packets in prop::collection::vec(packet(), 1..10),
        ng in any::<bool>(),
        at in any::<prop::sample::Index>(),
        damage in prop::collection::vec(any::<u8>(), 1..20),
    ) {
        let (mut bytes, ends) = if ng { pcapng(order, &packets) } else { pcap(order, &packets) };
        let start = ends[0] + at.index(bytes.len() - ends[0]);
        let end = (start + damage.len()).min(bytes.len());
        bytes[start..end].copy_from_slice(&damage[..end - start]);
        let whole = ends.iter().filter(|end| **end <= start).count() - 1;
        let (frames, account) = read(&bytes);
        let link_type = |packet: &Packet| if ng { LINK_TYPES[packet.interface as usize] } else { 1 };
        prop_assert_eq!(&frames[..whole], &expected(&packets[..whole], link_type));
        if let Some(damage) = account.damage {
            prop_assert!((ends[whole] as u64..=bytes.len() as u64).contains(&damage.offset));
        }
        prop_assert_eq!(frames, read_sized(&bytes, 64, true).0);
    }

    #[test]
    fn anything_at_all_can_be_read_behind_a_header(
        ng in any::<bool>(),
        noise in prop::collection::vec(prop_oneof![3 => 0..8_u8, 1 => any::<u8>()], 0..600),
    ) {
        let (mut bytes, _) = if ng { pcapng(Order::Little, &[]) } else { pcap(Order::Little, &[]) };
        bytes.extend(noise);
        let (frames, account) = read(&bytes);
        prop_assert_eq!(account.tally.frames.packets, frames.len() as u64);
    }
}

/// Bytes of a packet in which records seem to stand, or that have nothing in them.
fn lure(order: Order) -> impl Strategy<Value = Vec<u8>> {
    let records = prop::collection::vec((0..3_u32, 0..40_u32), 1..30).prop_map(move |records| {
        let mut writer = Writer::new(order);
        for (seconds, length) in records {
            writer.pcap_record((seconds, 5), (length, length), &[], &vec![0; length as usize]);
        }
        writer.bytes
    });
    prop_oneof![
        2 => prop::collection::vec(any::<u8>(), 0..400),
        1 => (0..3000_usize).prop_map(|length| vec![0; length]),
        2 => records,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn pieces_of_a_file_give_the_frames_that_reading_it_through_gives(
        (order, datas) in order().prop_flat_map(|order| (Just(order), prop::collection::vec(lure(order), 20..60))),
        packet in packet(),
        cut in 0..100_usize,
    ) {
        let count = 1 + 400_000 / datas.iter().map(|data| data.len() + 16).sum::<usize>();
        let datas = datas.iter().cycle().take(count * datas.len());
        let packets: Vec<Packet> = datas.map(|data| Packet { data: data.clone(), ..packet.clone() }).collect();
        let (mut bytes, _) = pcap(order, &packets);
        bytes.truncate(bytes.len() - cut);
        let (frames, account) = read_sized(&bytes, 10_000, false);
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&bytes).unwrap();
        let mut reader = Reader::open(&[file.path().to_owned()], Options::default()).unwrap();
        let (mut batch, mut found, mut pieces) = (Batch::default(), Vec::new(), 0);
        while reader.next_batch(&mut batch).unwrap() {
            found.extend(batch.frames().map(owned));
            pieces += 1;
        }
        prop_assert_eq!(found, frames);
        prop_assert!(pieces > 3, "{pieces} pieces");
        let input = reader.into_inputs().remove(0);
        let totals = account.tally.frames;
        prop_assert_eq!((input.packets, input.bytes), (totals.packets, totals.bytes));
        prop_assert_eq!((input.first_packet, input.last_packet), (totals.first(), totals.last()));
        prop_assert_eq!((input.truncated_packets, input.anomalies), (totals.truncated, account.tally.anomalies));
        prop_assert_eq!((input.damage, input.link_types), (account.damage, account.tally.link_types));
    }
}

/// Packets of many sizes.
fn sample() -> Vec<Packet> {
    (0..60_u32)
        .map(|number| Packet {
            seconds: 1_600_000_000 + number,
            fraction: number,
            interface: number % 2,
            more_on_the_wire: number % 3,
            data: vec![u8::try_from(number).unwrap(); (number * number % 1500) as usize],
            junk: number.is_multiple_of(7).then_some(number as usize * 40),
        })
        .collect()
}

#[test]
fn a_capture_cut_anywhere_gives_the_packets_before_the_cut_and_says_where_it_ends() {
    let packets = sample();
    for order in [Order::Big, Order::Little] {
        for (bytes, ends, header) in [pcap(order, &packets), pcapng(order, &packets)].map(|(b, e)| {
            let header = if e[0] == 24 { 24 } else { 28 };
            (b, e, header)
        }) {
            for cut in (4..bytes.len()).step_by(97).chain(4..200).chain(bytes.len() - 200..bytes.len()) {
                let (frames, account) = read_sized(&bytes[..cut], 1 + cut % 5000, cut % 2 == 0);
                let whole = ends.iter().filter(|end| **end <= cut).count().saturating_sub(1);
                assert_eq!(frames.len(), whole, "cut at {cut}");
                let Some(damage) = account.damage else { continue };
                let last = ends.iter().copied().take_while(|end| *end <= cut).last().unwrap_or(0);
                assert!((last as u64..cut as u64).contains(&damage.offset) || cut < ends[0], "cut at {cut}");
                assert!(cut < header || damage.offset >= header as u64 || cut < ends[0]);
                assert!(!ends.contains(&cut), "cut at {cut}: {damage:?}");
            }
        }
    }
}

#[test]
fn every_cut_within_a_record_is_damage() {
    let packets = sample();
    let (bytes, ends) = pcap(Order::Little, &packets);
    for cut in (4..bytes.len()).step_by(97) {
        let damage = read(&bytes[..cut]).1.damage;
        let boundary = ends.iter().copied().take_while(|end| *end <= cut).last().unwrap_or(0);
        let expected = (boundary != cut).then_some(boundary as u64);
        assert_eq!(damage.map(|damage| damage.offset), expected, "cut at {cut}");
    }
}
