//! Zoom's packets and those of other products, whole and cut by the capture.
#![no_main]

use landfall::capture::Timestamp;
use landfall::identify::{dingtalk, discord, facetime, line, teams, telegram, viber, webex, whatsapp, zoom};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut times = zoom::RoundTrips::default();
    for length in [data.len(), data.len() + 40] {
        if let Some(packet) = zoom::parse(data, length) {
            let _ = times.update(&packet, Timestamp::from_nanoseconds(0));
        }
        let _ = (zoom::probe(data, length), zoom::probe_peer(data, length));
        let _ = (discord::probe(data, length), facetime::probe(data, length), line::probe(data, length));
        let _ = (teams::probe(data, length), telegram::probe(data, length), viber::probe(data, length));
        let _ = (webex::probe(data, length), whatsapp::probe(data, length), dingtalk::probe(data));
    }
});
