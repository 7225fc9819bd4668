//! A Zoom call that stays at home, in several wrappings, and one that goes over to a direct path.

use super::certificate::Certificate;
use super::client::{AFTERWARDS, Client, MADE, web};
use super::link::Link;
use super::tcp::Tcp;
use super::tls::{self, Host};
use super::trace::Trace;
use super::zoom::{self, Generation, Kind, MediaFlow};
use super::{MILLISECOND, Micros, Path, SECOND};
use rustls::version::{TLS12, TLS13};
use std::net::Ipv4Addr;

/// 2022-01-23 10:15:00 UTC.
const HOME_START: Micros = 1_642_932_900 * SECOND;

const SAN_JOSE: Certificate = Certificate {
    common_name: "*.sjc.zoom.us",
    organization: Some("Zoom Video Communications, Inc."),
    alternative_names: &["*.sjc.zoom.us", "*.zoom.us", "zoom.us"],
    issuer: "Sample Certificate Authority",
    validity: ["211001000000Z", "221031000000Z"],
};

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

/// A call of two participants, first through a server, then directly: the other one is in China.
pub(crate) fn peer_denied() -> Vec<u8> {
    let mut capture = Trace::new(Link::Ethernet);
    let trace = &mut capture;
    let start = HOME_START;
    let mut client = Client::new(Ipv4Addr::new(203, 0, 113, 66), "203.0.113.1:53");
    let router = Host { name: "zoomsjccv154mmr.sjc.zoom.us", certificate: SAN_JOSE, version: &TLS12 };
    client.look_up(trace, start, router.name, "144.195.73.154");
    let path = client.path("144.195.73.154:443", 19);
    let mut tcp = Tcp::open(trace, start + 10 * MILLISECOND, path);
    tcp.play(&tls::converse(66, router, &[(420, 1600); 4]), 900 * MILLISECOND);
    tcp.close();

    let path = client.path("144.195.73.154:8801", 19);
    let through =
        MediaFlow { path, generation: Generation::Long, kind: Kind::Audio, connection: 0x0051_22c0 };
    through.play(trace, start + SECOND, 3 * SECOND);

    // The socket that the address test was made from carries the direct path.
    let tested = client.path("162.255.37.14:3478", 23);
    zoom::nat_test(trace, start + 1_200 * MILLISECOND, tested, 66);
    let path = Path::new(tested.client.ip(), tested.client.port(), "36.110.220.15:51877", 181);
    let direct =
        MediaFlow { path, generation: Generation::Direct, kind: Kind::Audio, connection: 0x0051_22c1 };
    direct.play_direct(trace, start + 4 * SECOND, 5 * SECOND);
    client.look_up(trace, start + 10 * SECOND + AFTERWARDS, "example.org", "203.0.113.80");
    capture.pcapng(MADE, 0)
}
