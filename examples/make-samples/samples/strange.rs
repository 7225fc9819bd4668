//! Captures for tests alone: names that are made to do something where they are shown, and calls in great number.

use super::client::{Client, WILDCARD};
use super::link::Link;
use super::tcp::{self, Tcp};
use super::tls::{self, Host};
use super::trace::Trace;
use super::zoom::{Generation, Kind, MediaFlow};
use super::{MILLISECOND, Micros, SECOND};
use rustls::version::TLS12;
use std::net::{IpAddr, Ipv4Addr};

/// 2022-03-01 12:00:00 UTC.
const START: Micros = 1_646_136_000 * SECOND;

/// What a name server may answer with: markup, terminal escapes, turned writing, formulas.
pub(crate) const NAMES: [&str; 8] = [
    "<script>document.title='owned'</script>.zoom.us",
    "\"><img src=x onerror=document.title='owned'>.zoom.us",
    "\u{1b}]0;owned\u{7}\u{1b}[31m.zoom.us",
    "\u{202e}su.mooz.\u{2066}\u{200b}.zoom.us",
    "=cmd|' /C calc'!A0.zoom.us",
    "javascript:alert(1)//.zoom.us",
    "</style></svg></title><svg onload=alert(1)>.zoom.us",
    "{{7*7}}${7*7}<%= 7*7 %>.zoom.us",
];

/// A Zoom call whose servers have such names, in DNS and in HTTP.
pub(crate) fn names() -> Vec<u8> {
    let mut trace = Trace::new(Link::Ethernet);
    let mut client = Client::new(Ipv4Addr::new(192, 0, 2, 77), "192.0.2.1:53");
    let host = Host { name: "zoomsjc7mmr.zoom.us", certificate: WILDCARD, version: &TLS12 };
    client.visit(&mut trace, START, host, "144.195.27.7", 20, &[(500, 900)]);
    for (number, name) in (0..).zip(NAMES) {
        let time = START + SECOND + number * 200 * MILLISECOND;
        let address = format!("52.81.151.{}", 10 + number);
        client.look_up(&mut trace, time, name, &address);
        let path = client.path(&format!("{address}:80"), 200);
        let request = format!("GET /{name} HTTP/1.1\r\nHost: {name}\r\nUser-Agent: {name}\r\n\r\n");
        let flight = |from_client, text: &str| tls::Flight { from_client, bytes: text.as_bytes().to_vec() };
        let mut tcp = Tcp::open(&mut trace, time + 20 * MILLISECOND, path);
        tcp.play(&[flight(true, &request), flight(false, "HTTP/1.1 200 OK\r\n\r\n")], MILLISECOND);
        tcp.close();
    }
    let path = client.path("144.195.27.24:8801", 20);
    let media = MediaFlow { path, generation: Generation::Long, kind: Kind::Video, connection: 7 };
    media.play(&mut trace, START + 2 * SECOND, 2 * SECOND);
    trace.pcapng(NAMES[0], 0)
}

/// So many calls, each of a client of its own with so many servers all over the world. A few get no answer.
pub(crate) fn many(calls: u32, servers: u32) -> Vec<u8> {
    let mut trace = Trace::new(Link::Raw);
    for call in 0..calls {
        let mut client = Client::new(Ipv4Addr::from(0x0a00_0001 + call), "192.0.2.1:53");
        let start = START + u64::from(call) * 5 * SECOND;
        for server in 0..servers {
            // Spread over the address space by a number that shares no factor with it, within 11.0.0.0 to 100.0.0.0.
            let place = (call * servers + server).wrapping_mul(0x9e37_79b1) % 0x5900_0000;
            let address = IpAddr::V4(Ipv4Addr::from(0x0b00_0000 + place)).to_string();
            let time = start + u64::from(server) * 300 * MILLISECOND;
            client.look_up(&mut trace, time, &format!("zoom{server}mmr.zoom.us"), &address);
            let path = client.path(&format!("{address}:443"), 20 + u64::from(server));
            if server % 7 == 3 {
                tcp::unanswered(&mut trace, time + 10 * MILLISECOND, path);
                continue;
            }
            let flight = |from_client| tls::Flight { from_client, bytes: vec![0x17; 900] };
            let mut tcp = Tcp::open(&mut trace, time + 10 * MILLISECOND, path);
            tcp.play(&[flight(true), flight(false)], 10 * MILLISECOND);
            tcp.close();
        }
    }
    trace.pcap()
}
