//! A link type, then frames: a length in two bytes and as many bytes, decoded and put together in turn.

#![no_main]

use landfall::capture::{Frame, LinkType, Timestamp};
use landfall::decode::{Anomalies, Content, Packet, Reassembler, decode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((link, mut rest)) = data.split_first_chunk::<2>() else { return };
    let link_type = LinkType(u16::from_le_bytes(*link));
    let (mut reassembler, mut anomalies) = (Reassembler::default(), Anomalies::default());
    let mut number = 0;
    while let Some((length, after)) = rest.split_first_chunk::<2>() {
        let length = u16::from_le_bytes(*length);
        let (bytes, after) = after.split_at(after.len().min(usize::from(length)));
        rest = after;
        number += 1;
        let time = Timestamp::from_nanoseconds(i64::from(length) * 1_000_000_000);
        let frame = Frame { input: 0, number, time, link_type, wire_length: u32::from(length), bytes };
        let mut packets = Vec::new();
        decode(&frame, 0, &mut anomalies, &mut packets);
        put_together(&packets, &mut reassembler, &mut anomalies);
    }
});

fn put_together(packets: &[Packet<'_>], reassembler: &mut Reassembler, anomalies: &mut Anomalies) {
    for packet in packets {
        assert!(packet.counted().count() <= packet.outer.len() + 1);
        if !matches!(packet.content, Content::Fragment(_)) {
            continue;
        }
        if let Some(datagram) = reassembler.push(packet, anomalies) {
            let mut inner = Vec::new();
            datagram.decode(anomalies, &mut inner);
            put_together(&inner, reassembler, anomalies);
        }
    }
}
