//! Zoom calls: one that stays at home, in several wrappings, and one whose keys come from Beijing.

use super::certificate::Certificate;
use super::link::Link;
use super::tcp::{self, PATIENCE, Tcp};
use super::tls::{self, Host};
use super::trace::Trace;
use super::zoom::{self, Generation, Kind, MediaFlow};
use super::{MILLISECOND, Micros, Path, SECOND, dns};
use rustls::version::{TLS12, TLS13};
use std::net::{IpAddr, Ipv4Addr};

const MADE: &str = "Made by landfall's examples/make-samples. No such call took place.";

/// 2020-04-03 14:02:11 UTC.
const BEIJING_START: Micros = 1_585_922_531 * SECOND;
/// 2022-01-23 10:15:00 UTC.
const HOME_START: Micros = 1_642_932_900 * SECOND;

/// How long after a call the client does something else, so that the capture does not end with the call.
const AFTERWARDS: Micros = 90 * SECOND;

const WILDCARD: Certificate = Certificate {
    common_name: "*.zoom.us",
    organization: None,
    alternative_names: &["*.zoom.us", "zoom.us"],
    issuer: "Sample Certificate Authority",
    validity: ["190301000000Z", "210301000000Z"],
};
const SAN_JOSE: Certificate = Certificate {
    common_name: "*.sjc.zoom.us",
    organization: Some("Zoom Video Communications, Inc."),
    alternative_names: &["*.sjc.zoom.us", "*.zoom.us", "zoom.us"],
    issuer: "Sample Certificate Authority",
    validity: ["211001000000Z", "221031000000Z"],
};

const fn web(name: &'static str) -> Host {
    Host { name, certificate: WILDCARD, version: &TLS12 }
}

/// The client's machine, as the source of everything in a call.
struct Client {
    address: IpAddr,
    resolver: &'static str,
    /// The port of the next flow.
    port: u16,
}

impl Client {
    const fn new(address: Ipv4Addr, resolver: &'static str) -> Self {
        Self { address: IpAddr::V4(address), resolver, port: 49_600 }
    }

    fn path(&mut self, server: &str, round_trip_ms: u64) -> Path {
        self.port += 1;
        Path::new(self.address, self.port, server, round_trip_ms)
    }

    fn look_up(&mut self, trace: &mut Trace, time: Micros, name: &str, address: &str) {
        let path = self.path(self.resolver, 8);
        dns::look_up(trace, time, path, name, &[], &[address]);
    }

    /// Asks for the address, connects, talks TLS and closes.
    fn visit(
        &mut self,
        trace: &mut Trace,
        time: Micros,
        host: Host,
        address: &str,
        round_trip_ms: u64,
        exchanges: &[(usize, usize)],
    ) {
        self.look_up(trace, time, host.name, address);
        let path = self.path(&format!("{address}:443"), round_trip_ms);
        let mut tcp = Tcp::open(trace, time + 10 * MILLISECOND, path);
        tcp.play(&tls::converse(u64::from(path.client.port()), host, exchanges), 5 * MILLISECOND);
        tcp.close();
    }
}

/// A call of which every server is in the United States, with so much media.
fn home_call(trace: &mut Trace, media: Micros) {
    let mut client = Client::new(Ipv4Addr::new(198, 51, 100, 23), "198.51.100.1:53");
    let page = Host { version: &TLS13, ..web("zoom.us") };
    client.visit(trace, HOME_START, page, "170.114.52.2", 14, &[(900, 5200)]);

    let router = Host { name: "zoomsjccv154mmr.sjc.zoom.us", certificate: SAN_JOSE, version: &TLS12 };
    client.look_up(trace, HOME_START + SECOND, router.name, "144.195.73.154");
    let control = client.path("144.195.73.154:443", 19);
    let mut tcp = Tcp::open(trace, HOME_START + SECOND + 12 * MILLISECOND, control);
    let talk: Vec<_> = std::iter::repeat_n((420, 1600), (media / SECOND) as usize + 1).collect();
    tcp.play(&tls::converse(154, router, &talk), 900 * MILLISECOND);
    tcp.close();

    let nat = client.path("162.255.37.14:3478", 23);
    zoom::nat_test(trace, HOME_START + 1_200 * MILLISECOND, nat, 37);
    trace.interface = trace.links() - 1;
    for (number, kind) in [(0, Kind::Audio), (1, Kind::Video)] {
        let path = client.path("144.195.73.154:8801", 19);
        let flow = MediaFlow { path, generation: Generation::Long, kind, connection: 0x004f_8378 + number };
        flow.play(trace, HOME_START + 2 * SECOND + u64::from(number) * 60 * MILLISECOND, media);
    }
    trace.interface = 0;
    client.look_up(trace, HOME_START + 2 * SECOND + media + AFTERWARDS, "example.org", "203.0.113.80");
}

pub(crate) fn home_region() -> Vec<u8> {
    let mut trace = Trace::new(Link::Ethernet);
    home_call(&mut trace, 4 * SECOND);
    trace.pcapng(MADE, 0)
}

/// The capturing machine says that it lost frames.
pub(crate) fn dropped_frames() -> Vec<u8> {
    let mut trace = Trace::new(Link::Ethernet);
    home_call(&mut trace, 2 * SECOND);
    trace.pcapng(MADE, 57)
}

/// The file ends inside a packet, as when a disk is full.
pub(crate) fn cut_mid_packet() -> Vec<u8> {
    let mut trace = Trace::new(Link::Ethernet);
    home_call(&mut trace, 3 * SECOND);
    let mut file = trace.pcap();
    // The last packet closes a flow and is shorter than a hundred bytes: so the cut lies inside a longer one.
    file.truncate(file.len() - 20_011);
    file
}

pub(crate) fn vlan() -> Vec<u8> {
    let mut trace = Trace::new(Link::QinQ);
    home_call(&mut trace, 2 * SECOND);
    trace.pcap()
}

pub(crate) fn gtp() -> Vec<u8> {
    let mut trace = Trace::new(Link::Sll2Gtp);
    home_call(&mut trace, 2 * SECOND);
    trace.pcap()
}

/// Control on an Ethernet interface, media on one without link layer.
pub(crate) fn two_links() -> Vec<u8> {
    let mut trace = Trace::on(vec![Link::Ethernet, Link::Raw]);
    home_call(&mut trace, 2 * SECOND);
    trace.pcapng(MADE, 0)
}

/// The finding of April 2020: two participants in North America, and keys from a server in Beijing.
pub(crate) fn beijing_keys() -> Vec<u8> {
    let mut capture = Trace::new(Link::Ethernet);
    let trace = &mut capture;
    let start = BEIJING_START;
    let mut client = Client::new(Ipv4Addr::new(192, 0, 2, 10), "192.0.2.1:53");

    client.visit(trace, start, web("zoom.us"), "52.202.62.196", 72, &[(1100, 7300)]);
    client.visit(trace, start + SECOND, web("log.zoom.us"), "52.202.62.238", 71, &[(1900, 240)]);
    zone_controllers(trace, start + 4 * SECOND, &mut client);
    let nat = client.path("162.255.37.14:3478", 22);
    zoom::nat_test(trace, start + 5 * SECOND, nat, 14);

    // The primary: three connections stay unanswered, the fourth is refused.
    let first = start + 7 * SECOND;
    client.look_up(trace, first - 10 * MILLISECOND, "zoomsjc7mmr.zoom.us", "144.195.27.7");
    for attempt in 0..3 {
        let path = client.path("144.195.27.7:443", 21);
        tcp::unanswered(trace, first + attempt * PATIENCE, path);
    }
    let path = client.path("144.195.27.7:443", 21);
    tcp::refused(trace, first + 3 * PATIENCE, path);

    // The fall-back, thirteen seconds after the first attempt.
    let connected = start + 20 * SECOND;
    let key_server = web("zoombj12mmr.zoom.us");
    client.look_up(trace, connected - 10 * MILLISECOND, key_server.name, "52.81.151.250");
    let control = client.path("52.81.151.250:443", 238);
    let mut tcp = Tcp::open(trace, connected, control);
    tcp.play(&tls::converse(250, key_server, &[(800, 3200); 10]), 600 * MILLISECOND);
    tcp.close();

    // Audio and video through a server in the United States.
    client.look_up(trace, connected + SECOND, "zoomsjc24mmr.zoom.us", "144.195.27.24");
    for (number, kind) in [(0, Kind::Audio), (1, Kind::Video)] {
        let path = client.path("144.195.27.24:8801", 21);
        let flow = MediaFlow { path, generation: Generation::Short, kind, connection: 0x005a_0e3e + number };
        flow.play(trace, connected + 1_100 * MILLISECOND + u64::from(number) * 40 * MILLISECOND, 8 * SECOND);
    }
    client.look_up(trace, connected + 10 * SECOND + AFTERWARDS, "example.org", "203.0.113.80");
    capture.pcapng(MADE, 0)
}

/// Two zones of two controllers each, asked at once: the client keeps the quickest and closes the others.
fn zone_controllers(trace: &mut Trace, time: Micros, client: &mut Client) {
    let controllers = [
        ("zoomsjc14zc.zoom.us", "162.255.37.14", 22),
        ("zoomsjc15zc.zoom.us", "162.255.37.15", 23),
        ("zoomny14zc.zoom.us", "162.255.38.14", 68),
        ("zoomny15zc.zoom.us", "162.255.38.15", 69),
    ];
    for (number, (name, address, round_trip_ms)) in (0..).zip(controllers) {
        client.visit(
            trace,
            time + number * 9 * MILLISECOND,
            web(name),
            address,
            round_trip_ms,
            &[(310, 190)],
        );
    }
}
