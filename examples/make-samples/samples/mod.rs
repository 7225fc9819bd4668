//! The sample captures, as bytes.
//!
//! Nothing here was recorded: every packet is built from the RFCs and from what is known of the services'
//! formats. TLS is spoken by two ends of rustls with each other, with seeded randomness.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::panic,
    reason = "this makes test data from constants: it meets no input, and a failure here is a failed test"
)]

mod certificate;
mod citizen_lab;
mod client;
mod dns;
mod dtls;
mod link;
mod meet;
mod random;
mod rtp;
#[cfg(test)]
pub(crate) mod strange;
mod stun;
mod tcp;
mod teams;
mod tls;
mod trace;
mod webex;
mod whatsapp;
mod zoom;
mod zoom_calls;

use std::net::{IpAddr, SocketAddr};

/// Microseconds since the start of 1970, or a length of time in microseconds.
pub(crate) type Micros = u64;

const MILLISECOND: Micros = 1_000;
const SECOND: Micros = 1_000_000;

/// A client, a server and the time a packet takes there and back.
#[derive(Clone, Copy)]
struct Path {
    client: SocketAddr,
    server: SocketAddr,
    round_trip: Micros,
}

impl Path {
    fn new(client: IpAddr, client_port: u16, server: &str, round_trip_ms: u64) -> Self {
        let server = server.parse().expect("a socket address");
        Self { client: SocketAddr::new(client, client_port), server, round_trip: round_trip_ms * MILLISECOND }
    }
}

/// Every capture by file name.
pub(crate) fn all() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("cut-mid-packet.pcap", zoom_calls::cut_mid_packet()),
        ("denied-probe-unanswered.pcap", whatsapp::denied_probe_unanswered()),
        ("dropped-frames.pcapng", zoom_calls::dropped_frames()),
        ("empty.pcap", trace::Trace::new(link::Link::Ethernet).pcap()),
        ("ipv6-call.pcap", meet::ipv6_call()),
        ("meet-region.pcap", meet::region()),
        ("qinq-vlan.pcap", zoom_calls::vlan()),
        ("sll2-gtp.pcap", zoom_calls::gtp()),
        ("teams-region.pcapng", teams::region()),
        ("two-links.pcapng", zoom_calls::two_links()),
        ("webex-region.pcapng", webex::region()),
        ("zoom-beijing-keys.pcapng", citizen_lab::beijing_keys()),
        ("zoom-controller-race.pcapng", citizen_lab::controller_race()),
        ("zoom-healthy-primary.pcapng", citizen_lab::healthy_primary()),
        ("zoom-home-region.pcapng", zoom_calls::home_region()),
        ("zoom-peer-denied.pcapng", zoom_calls::peer_denied()),
    ]
}
