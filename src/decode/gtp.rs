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
