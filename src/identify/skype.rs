//! Skype's own protocol, as clients spoke it until 2016: over UDP, and over TCP 443 behind a hello that only looks like
//! TLS.
//!
//! Layout: Biondi and Desclaux, "Silver Needle in the Skype" (2006); measured in a capture of 2015. A packet begins with
//! two bytes of number and a byte of kind, all else is encrypted. One packet proves nothing; that packets
//! of one socket to many addresses are numbered in one sequence proves it, which is for
//! [`mod@super::infer`] to see.

use super::Probe;
use super::wire::{be16, byte};

/// The kind of packets that carry something.
const PAYLOAD: u8 = 0x02;
/// The shortest packet: number, kind, a checksum and some payload. The shortest seen has 18.
const SHORTEST: usize = 16;

/// The number of a packet that may be Skype's, of `length` bytes on the wire.
pub fn parse(payload: &[u8], length: usize) -> Option<u16> {
    (length >= SHORTEST && byte(payload, 2)? == PAYLOAD).then(|| be16(payload, 0)).flatten()
}

/// The hello with which every server answers: its random is always the same (measured 2015), so what follows is not
/// TLS.
const SERVER_HELLO: [u8; 27] = [
    0x16, 0x03, 0x01, 0x00, 0x4a, 0x02, 0x00, 0x00, 0x46, 0x03, 0x01, 0x40, 0x1b, 0xe4, 0x86, 0x02, 0xad,
    0xe0, 0x29, 0xe1, 0x77, 0x74, 0xe5, 0x44, 0xb9, 0xc9, 0x9c,
];

/// Whether a server's stream begins with Skype's hello.
pub fn probe_server_hello(stream: &[u8]) -> Probe {
    match stream {
        _ if stream.starts_with(&SERVER_HELLO) => Probe::Match,
        _ if SERVER_HELLO.starts_with(stream) => Probe::NeedMore,
        _ => Probe::NoMatch,
    }
}

/// What the packets of one flow show that may be Skype's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Frames {
    /// Number of the first packet.
    pub first: u16,
    /// Packets, all of which fit.
    pub packets: u32,
}

impl Frames {
    /// Adds a packet with this number.
    pub(super) const fn add(&mut self, number: u16) {
        if self.packets == 0 {
            self.first = number;
        }
        self.packets = self.packets.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_has_a_number_and_a_kind() {
        let packet = [0x9b, 0x90, 0x02, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
        assert_eq!(parse(&packet, packet.len()), Some(0x9b90));
        assert_eq!(parse(&packet, 15), None);
        for captured in 0..3 {
            assert_eq!(parse(&packet[..captured], packet.len()), None);
        }
        assert_eq!(parse(&[0x9b, 0x90, 0x03, 1], 18), None);
    }
}
