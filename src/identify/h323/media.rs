//! H.245: where media shall be sent, in the answer to the opening of a channel.

use super::bits::Bits;
use super::{AddressKind, NamedAddress};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// Response, of `MultimediaSystemControlMessage`; `openLogicalChannelAck` of the responses.
const RESPONSE: u16 = 1;
const CHANNEL_ACKNOWLEDGED: u16 = 5;

/// Whether a message opens a connection of H.245: a capability set with the object identifier of a version of H.245,
/// {itu-t recommendation h 245 0}, in its place after the sequence number.
pub(super) const fn is_control(message: &[u8]) -> bool {
    matches!(message, [0x02, _, _, 6, 0x00, 0x08, 0x81, 0x75, 0x00, _, ..])
}

/// Reads the addresses in an acknowledgement, until it is not as expected. Other messages have none.
pub(super) fn read(message: &[u8], found: &mut Vec<NamedAddress>) -> Option<()> {
    let bits = &mut Bits::new(message);
    let (extended, kind) = (bits.flag()?, bits.number(2)?);
    if extended || kind != RESPONSE || bits.flag()? || bits.number(5)? != CHANNEL_ACKNOWLEDGED {
        return None;
    }
    let [extended, reverse] = bits.flags()?;
    bits.octets(2)?; // forwardLogicalChannelNumber
    if reverse {
        let [_, port, false] = bits.flags()? else { return None };
        bits.octets(if port { 4 } else { 2 })?;
    }
    let extensions = if extended { bits.extensions()? } else { return None };
    // separateStack, forwardMultiplexAckParameters
    let Some(Some(parameters)) = extensions.get(1) else { return None };
    channel(&mut Bits::new(parameters), found)
}

/// `H2250LogicalChannelAckParameters`.
fn channel(bits: &mut Bits<'_>, found: &mut Vec<NamedAddress>) -> Option<()> {
    let [false, _, false, session, media, reports, _] = bits.flags()? else { return None };
    if session {
        bits.number(8)?;
    }
    for _ in 0..u8::from(media) + u8::from(reports) {
        let address = unicast(bits)?;
        found.push(NamedAddress { kind: AddressKind::Media, address });
    }
    Some(())
}

/// `TransportAddress` with an IPv4 or IPv6 address of one receiver.
fn unicast(bits: &mut Bits<'_>) -> Option<SocketAddr> {
    let [false, false, false] = bits.flags()? else { return None };
    let kind = bits.number(3)?;
    if bits.flag()? {
        return None;
    }
    let ip = match kind {
        0 => IpAddr::from(bits.array::<4>()?),
        2 => Ipv6Addr::from(bits.array::<16>()?).into(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, u16::from_be_bytes(bits.array()?)))
}
