//! The client's machine, as the source of everything in a call, and what the samples share of Zoom's servers.

use super::certificate::Certificate;
use super::tcp::Tcp;
use super::tls::{self, Host};
use super::trace::Trace;
use super::{MILLISECOND, Micros, Path, SECOND, dns};
use rustls::version::TLS12;
use std::net::{IpAddr, Ipv4Addr};

pub(crate) const MADE: &str = "Made by landfall's examples/make-samples. No such call took place.";

/// How long after a call the client does something else, so that the capture does not end with the call.
pub(crate) const AFTERWARDS: Micros = 90 * SECOND;

pub(crate) const WILDCARD: Certificate = Certificate {
    common_name: "*.zoom.us",
    organization: None,
    alternative_names: &["*.zoom.us", "zoom.us"],
    issuer: "Sample Certificate Authority",
    validity: ["190301000000Z", "210301000000Z"],
};

/// A server that speaks TLS 1.2 and shows the certificate that all of Zoom's had in 2020.
pub(crate) const fn web(name: &'static str) -> Host {
    Host { name, certificate: WILDCARD, version: &TLS12 }
}

/// The client's machine, as the source of everything in a call.
pub(crate) struct Client {
    address: IpAddr,
    resolver: &'static str,
    /// The port of the next flow.
    port: u16,
}

impl Client {
    pub(crate) const fn new(address: Ipv4Addr, resolver: &'static str) -> Self {
        Self { address: IpAddr::V4(address), resolver, port: 49_600 }
    }

    /// A new socket of the client, and where it leads.
    pub(crate) fn path(&mut self, server: &str, round_trip_ms: u64) -> Path {
        self.port += 1;
        Path::new(self.address, self.port, server, round_trip_ms)
    }

    /// Asks for the address of a name.
    pub(crate) fn look_up(&mut self, trace: &mut Trace, time: Micros, name: &str, address: &str) {
        let path = self.path(self.resolver, 8);
        dns::look_up(trace, time, path, name, &[], &[address]);
    }

    /// Asks for the address, connects, talks TLS and closes.
    pub(crate) fn visit(
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
