//! GTP, the tunnel between the nodes of mobile networks: version 1 (3GPP TS 29.281), version 0 and prime
//! (3GPP TS 29.060, TS 32.295).

use super::anomaly::Anomaly;
use super::ethernet;
use super::layers::Layers;
use super::view::View;

/// The message that carries a packet of the user.
const USER_PACKET: u8 = 255;
/// Bits of the first octet: GTP, not prime; one of the optional fields; an extension header.
const NOT_PRIME: u8 = 0x10;
const OPTIONAL: u8 = 0x07;
const EXTENSION: u8 = 0x04;
/// Octets of the headers: version 0, version 1, and its optional fields.
const HEADER_0: usize = 20;
const HEADER_1: usize = 8;
const OPTIONAL_FIELDS: usize = 4;
/// Extension headers in one message; there are about ten kinds.
const MAX_EXTENSIONS: usize = 64;
/// ARP, which together with IP tells an Ethernet frame.
const ARP: u16 = 0x0806;

impl<'a> Layers<'a, '_> {
    /// A message; only those that carry a user's packet lead further.
    pub(super) fn gtp(&mut self, view: View<'a>) {
        let Some((flags, kind)) = view.u8(0).zip(view.u8(1)) else {
            return self.odd(Anomaly::TunnelMalformed);
        };
        if kind != USER_PACKET || flags >> 5 > 1 {
            return;
        }
        match user_packet(flags, view) {
            Some(packet) => self.user_packet(packet),
            None => self.odd(Anomaly::TunnelMalformed),
        }
    }

    /// Nothing says whether a packet is IP or Ethernet.
    fn user_packet(&mut self, view: View<'a>) {
        match view.u8(0) {
            // A header of 60 octets is less likely than something else.
            Some(0x45..=0x4e) => self.ipv4(view),
            Some(0x60..=0x6f) => self.ipv6(view),
            Some(_) if matches!(view.u16(12), Some(ethernet::IPV4 | ethernet::IPV6 | ARP)) => {
                self.ethernet(view);
            }
            _ => {}
        }
    }
}

/// The user's packet behind the header.
fn user_packet(flags: u8, view: View<'_>) -> Option<View<'_>> {
    let length = u32::from(view.u16(2)?);
    let header = match (flags & NOT_PRIME == 0, flags >> 5) {
        (true, 0) if flags & 1 == 0 => HEADER_0,
        (true, _) => 6,
        (false, 0) => HEADER_0,
        (false, _) => HEADER_1,
    };
    let rest = view.skip(header)?;
    let rest = rest.resize(rest.length.min(length));
    if header != HEADER_1 || flags & OPTIONAL == 0 {
        return Some(rest);
    }
    let fields = rest.skip(OPTIONAL_FIELDS)?;
    if flags & EXTENSION == 0 { Some(fields) } else { after_extensions(rest.u8(3)?, fields) }
}

/// Extension headers: a length in units of four octets, and the type of the next one at the end.
fn after_extensions(first: u8, view: View<'_>) -> Option<View<'_>> {
    let (mut kind, mut rest) = (first, view);
    for _ in 0..MAX_EXTENSIONS {
        if kind == 0 {
            return Some(rest);
        }
        let length = usize::from(rest.u8(0)?).saturating_mul(4);
        kind = rest.u8(length.checked_sub(1)?)?;
        rest = rest.skip(length)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::decode::sample::{
        INNER4, INNER6, OUTER4, RAW, below, ethernet4, in_udp, join, odd, read, udp4, udp6,
    };

    /// A message of version 1.
    fn message(flags: u8, kind: u8, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).unwrap().to_be_bytes();
        in_udp(2152, &join(&[&[flags, kind], &length, &[0, 0, 0, 1], content]))
    }

    #[test]
    fn a_users_packet_is_read_behind_optional_fields_and_extensions() {
        let four = below(OUTER4, INNER4);
        assert_eq!(read(RAW, &message(0x30, 255, &udp4())), four);
        assert_eq!(read(RAW, &message(0x30, 255, &udp6())), below(OUTER4, INNER6));
        assert_eq!(read(RAW, &message(0x30, 255, &ethernet4())), four);
        assert_eq!(read(RAW, &message(0x32, 255, &join(&[&[0, 1, 0, 0], &udp4()]))), four);
        let extended = join(&[&[0, 0, 0, 0xc0, 1, 0, 1, 0x85, 1, 0x10, 9, 0], &udp4()]);
        assert_eq!(read(RAW, &message(0x34, 255, &extended)), four);
        let old = join(&[&[0x1e, 255, 0, 40], &[0; 16], &udp4()]);
        assert_eq!(read(RAW, &in_udp(3386, &old)), four);
    }

    #[test]
    fn other_messages_and_versions_lead_nowhere() {
        for bytes in [message(0x32, 1, &udp4()), message(0x50, 255, &udp4()), message(0x30, 255, &[0xff; 20])]
        {
            assert!(read(RAW, &bytes).starts_with(&format!("{OUTER4} / udp 50000>2152 ")));
        }
        let no_length = join(&[&[0, 0, 0, 0x85, 0, 0x10, 9, 0], &udp4()]);
        assert_eq!(odd(RAW, &message(0x34, 255, &no_length)), ["tunnel_header_malformed"]);
        let endless = join(&[&[0, 0, 0, 0x85], &[1, 0x10, 9, 0x85].repeat(100)]);
        assert_eq!(odd(RAW, &message(0x34, 255, &endless)), ["tunnel_header_malformed"]);
    }
}
