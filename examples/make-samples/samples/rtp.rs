//! RTP streams, RFC 3550, with encrypted (random) payload.

use super::random::Random;

/// One direction of one stream.
pub(crate) struct Stream {
    pub(crate) payload_type: u8,
    pub(crate) ssrc: u32,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    /// Ticks of the media clock between two packets.
    pub(crate) step: u32,
}

impl Stream {
    /// The next packet, with a one-byte header extension (RFC 8285) and so many bytes of payload.
    pub(crate) fn packet(&mut self, random: &Random, payload: usize) -> Vec<u8> {
        const VERSION_2_EXTENDED: u8 = 0x90;
        const ONE_BYTE_EXTENSIONS: [u8; 4] = [0xbe, 0xde, 0, 1];
        let mut packet = vec![VERSION_2_EXTENDED, self.payload_type];
        packet.extend_from_slice(&self.sequence.to_be_bytes());
        packet.extend_from_slice(&self.timestamp.to_be_bytes());
        packet.extend_from_slice(&self.ssrc.to_be_bytes());
        packet.extend_from_slice(&ONE_BYTE_EXTENSIONS);
        packet.extend_from_slice(&[0x10, 0x30, 0, 0]);
        packet.extend_from_slice(&random.bytes(payload));
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(self.step);
        packet
    }

    /// A sender report with encrypted content (SRTCP, RFC 3711 section 3.4): only its header can be read.
    pub(crate) fn report(&self, random: &Random) -> Vec<u8> {
        const VERSION_2: u8 = 0x80;
        const SENDER_REPORT: u8 = 200;
        let mut packet = vec![VERSION_2, SENDER_REPORT, 0, 6];
        packet.extend_from_slice(&self.ssrc.to_be_bytes());
        packet.extend_from_slice(&random.bytes(20 + 4 + 10));
        packet
    }
}
