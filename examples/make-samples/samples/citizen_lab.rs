//! The finding of April 2020 and its counterparts: a Zoom call of two participants in North America whose
//! primary servers fail, the same call where they do not, and one with nothing but the usual race.

use super::client::{AFTERWARDS, Client, MADE, web};
use super::link::Link;
use super::tcp::{self, PATIENCE, Tcp};
use super::tls;
use super::trace::Trace;
use super::zoom::{self, Generation, Kind, MediaFlow};
use super::{MILLISECOND, Micros, SECOND};
use std::net::Ipv4Addr;

/// 2020-04-03 14:02:11 UTC.
const START: Micros = 1_585_922_531 * SECOND;

/// How the client's address reads, and which resolver it asks.
const CLIENT: (Ipv4Addr, &str) = (Ipv4Addr::new(192, 0, 2, 10), "192.0.2.1:53");

/// The primary for control: name, address and round-trip time in milliseconds.
const PRIMARY: (&str, &str, u64) = ("zoomsjc7mmr.zoom.us", "144.195.27.7", 21);

/// Zone controllers of two zones: name, address and round-trip time in milliseconds.
const CONTROLLERS: [(&str, &str, u64); 4] = [
    ("zoomsjc14zc.zoom.us", "162.255.37.14", 22),
    ("zoomsjc15zc.zoom.us", "162.255.37.15", 23),
    ("zoomny14zc.zoom.us", "162.255.38.14", 68),
    ("zoomny15zc.zoom.us", "162.255.38.15", 69),
];

/// The primary does not answer, and keys come from Beijing.
pub(crate) fn beijing_keys() -> Vec<u8> {
    let mut capture = Trace::new(Link::Ethernet);
    let trace = &mut capture;
    let mut client = Client::new(CLIENT.0, CLIENT.1);
    pages(trace, &mut client);
    for (number, (name, address, round_trip_ms)) in (0..).zip(CONTROLLERS) {
        let time = START + 4 * SECOND + number * 9 * MILLISECOND;
        client.visit(trace, time, web(name), address, round_trip_ms, &[(310, 190)]);
    }
    nat_test(trace, &mut client);

    // The primary: three connections stay unanswered, the fourth is refused.
    let (name, address, round_trip_ms) = PRIMARY;
    let server = format!("{address}:443");
    let first = START + 7 * SECOND;
    client.look_up(trace, first - 10 * MILLISECOND, name, address);
    for attempt in 0..3 {
        let path = client.path(&server, round_trip_ms);
        tcp::unanswered(trace, first + attempt * PATIENCE, path);
    }
    let path = client.path(&server, round_trip_ms);
    tcp::refused(trace, first + 3 * PATIENCE, path);

    // The fall-back, thirteen seconds after the first attempt.
    let connected = START + 20 * SECOND;
    control(trace, &mut client, connected, ("zoombj12mmr.zoom.us", "52.81.151.250", 238), 10);
    media(trace, &mut client, connected + SECOND, 8 * SECOND);
    capture.pcapng(MADE, 0)
}

/// The same call where the primary answers: no place stands in for another.
pub(crate) fn healthy_primary() -> Vec<u8> {
    let mut capture = Trace::new(Link::Ethernet);
    let trace = &mut capture;
    let mut client = Client::new(CLIENT.0, CLIENT.1);
    pages(trace, &mut client);
    race(trace, &mut client);
    nat_test(trace, &mut client);
    let connected = START + 7 * SECOND;
    control(trace, &mut client, connected, PRIMARY, 6);
    media(trace, &mut client, connected + SECOND, 3 * SECOND);
    capture.pcapng(MADE, 0)
}

/// Controllers asked at once, of which the quickest is kept, in another zone than the server that carries the
/// call: there are resets, and nothing failed.
pub(crate) fn controller_race() -> Vec<u8> {
    let mut capture = Trace::new(Link::Ethernet);
    let trace = &mut capture;
    let mut client = Client::new(CLIENT.0, CLIENT.1);
    race(trace, &mut client);
    let connected = START + 5 * SECOND;
    control(trace, &mut client, connected, ("zoomny31mmr.zoom.us", "162.255.38.31", 67), 4);
    media(trace, &mut client, connected + SECOND, 2 * SECOND);
    capture.pcapng(MADE, 0)
}

fn pages(trace: &mut Trace, client: &mut Client) {
    client.visit(trace, START, web("zoom.us"), "52.202.62.196", 72, &[(1100, 7300)]);
    client.visit(trace, START + SECOND, web("log.zoom.us"), "52.202.62.238", 71, &[(1900, 240)]);
}

fn nat_test(trace: &mut Trace, client: &mut Client) {
    let path = client.path("162.255.37.14:3478", 22);
    zoom::nat_test(trace, START + 5 * SECOND, path, 14);
}

/// The client asks all controllers at once and keeps the first. It resets its connections to the others, at
/// whatever point they are.
fn race(trace: &mut Trace, client: &mut Client) {
    for (number, (name, address, round_trip_ms)) in (0..).zip(CONTROLLERS) {
        let time = START + 4 * SECOND + number * 9 * MILLISECOND;
        client.look_up(trace, time, name, address);
        let path = client.path(&format!("{address}:443"), round_trip_ms);
        let mut tcp = Tcp::open(trace, time + 10 * MILLISECOND, path);
        let talk = tls::converse(u64::from(path.client.port()), web(name), &[(310, 190)]);
        // The hello alone for the slowest, the handshake for the next ones.
        let flights = [talk.len(), 4, 3, 1];
        tcp.play(&talk[..flights[number as usize]], 5 * MILLISECOND);
        if number == 0 { tcp.close() } else { tcp.reset() }
    }
}

/// The control connection to a multimedia router.
fn control(
    trace: &mut Trace,
    client: &mut Client,
    time: Micros,
    router: (&'static str, &str, u64),
    rounds: usize,
) {
    let (name, address, round_trip_ms) = router;
    client.look_up(trace, time - 10 * MILLISECOND, name, address);
    let path = client.path(&format!("{address}:443"), round_trip_ms);
    let mut tcp = Tcp::open(trace, time, path);
    tcp.play(&tls::converse(250, web(name), &vec![(800, 3200); rounds]), 600 * MILLISECOND);
    tcp.close();
}

/// Audio and video through a server in the United States.
fn media(trace: &mut Trace, client: &mut Client, time: Micros, length: Micros) {
    client.look_up(trace, time, "zoomsjc24mmr.zoom.us", "144.195.27.24");
    for (number, kind) in [(0, Kind::Audio), (1, Kind::Video)] {
        let path = client.path("144.195.27.24:8801", 21);
        let flow = MediaFlow { path, generation: Generation::Short, kind, connection: 0x005a_0e3e + number };
        flow.play(trace, time + 100 * MILLISECOND + u64::from(number) * 40 * MILLISECOND, length);
    }
    client.look_up(trace, time + 9 * SECOND + AFTERWARDS, "example.org", "203.0.113.80");
}
