//! Putting IP fragments together (RFC 791 section 3.2, RFC 8200 section 4.5).

use super::Packet;
use super::anomaly::Anomalies;

/// Puts IP fragments together, in the order of the capture, within a bound on memory.
#[derive(Debug, Default)]
pub struct Reassembler {}

impl Reassembler {
    /// Takes a packet whose content is a [`super::Fragment`]; gives the whole datagram when this was the last piece.
    pub fn push(&mut self, packet: &Packet<'_>, anomalies: &mut Anomalies) -> Option<Datagram> {
        let _ = (packet, anomalies);
        None
    }
}

/// An IP packet put together from fragments. It owns its bytes.
#[derive(Debug)]
pub struct Datagram {}

impl Datagram {
    /// Decodes the datagram as if it had come in one piece. It may turn out to be a fragment of another one.
    pub fn decode<'a>(&'a self, anomalies: &mut Anomalies, packets: &mut Vec<Packet<'a>>) {
        let _ = (anomalies, packets);
    }
}
