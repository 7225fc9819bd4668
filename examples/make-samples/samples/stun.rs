//! STUN messages, RFC 8489.

use std::net::{IpAddr, SocketAddr};

const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

pub(crate) const BINDING_REQUEST: u16 = 0x0001;
pub(crate) const BINDING_SUCCESS: u16 = 0x0101;
pub(crate) const ALLOCATE_REQUEST: u16 = 0x0003;
pub(crate) const ALLOCATE_SUCCESS: u16 = 0x0103;

pub(crate) const USERNAME: u16 = 0x0006;
pub(crate) const MESSAGE_INTEGRITY: u16 = 0x0008;
pub(crate) const XOR_MAPPED_ADDRESS: u16 = 0x0020;
pub(crate) const PRIORITY: u16 = 0x0024;
pub(crate) const USE_CANDIDATE: u16 = 0x0025;
pub(crate) const ICE_CONTROLLING: u16 = 0x802a;
const FINGERPRINT: u16 = 0x8028;

/// A message being put together.
pub(crate) struct Message(Vec<u8>);

impl Message {
    /// `transaction` is twelve bytes.
    pub(crate) fn new(kind: u16, transaction: &[u8]) -> Self {
        Self([&kind.to_be_bytes()[..], &[0, 0], &COOKIE, transaction].concat())
    }

    /// Adds an attribute, filled up to a multiple of four bytes.
    pub(crate) fn with(self, kind: u16, value: &[u8]) -> Self {
        let mut message = self.with_unpadded(kind, value);
        message.0.resize(message.0.len().next_multiple_of(4), 0);
        message.sized(0)
    }

    /// Adds an attribute as WhatsApp does: not filled up.
    pub(crate) fn with_unpadded(mut self, kind: u16, value: &[u8]) -> Self {
        self.0.extend_from_slice(&kind.to_be_bytes());
        self.0.extend_from_slice(&(value.len() as u16).to_be_bytes());
        self.0.extend_from_slice(value);
        self.sized(0)
    }

    /// Adds an address, xor-ed with the cookie and, for IPv6, the transaction.
    pub(crate) fn with_address(self, kind: u16, address: SocketAddr) -> Self {
        let key: Vec<u8> = self.0[4..20].to_vec();
        let family = if address.is_ipv4() { 1 } else { 2 };
        let mut value = vec![0, family];
        let port = address.port().to_be_bytes();
        let octets = match address.ip() {
            IpAddr::V4(ip) => ip.octets().to_vec(),
            IpAddr::V6(ip) => ip.octets().to_vec(),
        };
        value.extend(port.iter().zip(&key).map(|(byte, key)| byte ^ key));
        value.extend(octets.iter().zip(&key).map(|(byte, key)| byte ^ key));
        self.with(kind, &value)
    }

    /// Adds the checksum of section 14.7, over a header that counts it already.
    pub(crate) fn with_fingerprint(self) -> Self {
        const XOR: u32 = 0x5354_554e;
        let message = self.sized(8);
        let checksum = crc32(&message.0) ^ XOR;
        message.with(FINGERPRINT, &checksum.to_be_bytes())
    }

    pub(crate) fn bytes(self) -> Vec<u8> {
        self.0
    }

    /// Sets the length in the header, with so many bytes still to come.
    fn sized(mut self, to_come: usize) -> Self {
        let length = (self.0.len() - 20 + to_come) as u16;
        self.0[2..4].copy_from_slice(&length.to_be_bytes());
        self
    }
}

/// The CRC of ITU V.42, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    const POLYNOMIAL: u32 = 0xedb8_8320;
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8)
            .fold(crc ^ u32::from(byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ POLYNOMIAL } else { crc >> 1 })
    })
}
