//! RTP streams and RTCP. The input is a list of packets, each after its length in one byte.
#![no_main]

use landfall::capture::Timestamp;
use landfall::identify::{rtcp, rtp};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let (mut tracker, mut times) = (rtp::Tracker::default(), rtcp::RoundTrips::default());
    let (mut rest, mut time) = (data, 0i64);
    while let [length, after @ ..] = rest {
        let length = usize::from(*length);
        let (packet, after) = after.split_at_checked(length).unwrap_or((after, &[]));
        time += 20_000_000;
        let time = Timestamp::from_nanoseconds(time);
        tracker.update(packet, length, time);
        if let Some(compound) = rtcp::parse(packet, length) {
            let _ = times.update(&compound, time);
        }
        rest = after;
    }
    for stream in tracker.confirmed() {
        let _ = (stream.kind(), stream.lost(), stream.clock_rate(), stream.packet_rate());
    }
});
