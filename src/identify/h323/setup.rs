//! H.225.0 call signalling: the addresses in Setup, Call Proceeding, Connect, Alerting and Facility.

use super::bits::Bits;
use super::{AddressKind, NamedAddress};
use crate::identify::cursor::Cursor;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// Q.931, section 4.2 of that recommendation.
const Q931: u8 = 0x08;
/// The information element that holds H.225.0.
const USER_USER: u8 = 0x7e;
/// In it: what follows is ASN.1 (Q.931 section 4.5.30).
const ASN1: u8 = 0x05;
/// The object identifier of every version of H.225.0: {itu-t recommendation h 2250 0}.
const H225: [u8; 5] = [0x00, 0x08, 0x91, 0x4a, 0x00];

/// Whether a message is call signalling.
pub(super) fn is_signalling(message: &[u8]) -> bool {
    let user = user_information(message).unwrap_or_default();
    // The first field of each message, whatever comes before it.
    user.windows(H225.len()).take(8).any(|window| window == H225)
}

/// The H.225.0 part of a message of Q.931.
fn user_information(message: &[u8]) -> Option<&[u8]> {
    let mut cursor = Cursor::new(message);
    if cursor.u8()? != Q931 {
        return None;
    }
    cursor.vector8().filter(|reference| reference.len() == 2)?;
    cursor.u8()?;
    loop {
        match cursor.u8()? {
            USER_USER => {
                let content = cursor.vector16()?;
                return content.split_first().filter(|(kind, _)| **kind == ASN1).map(|(_, user)| user);
            }
            0x80.. => {} // an element of one byte
            _ => {
                cursor.vector8()?;
            }
        }
    }
}

/// Reads the addresses in a message, until it is not as expected.
pub(super) fn read(message: &[u8], found: &mut Vec<NamedAddress>) -> Option<()> {
    let bits = &mut Bits::new(user_information(message)?);
    // H323-UserInformation, then h323-uu-pdu: extended?, is there an optional field?
    let [_, false, _, false] = bits.flags()? else { return None };
    if bits.flag()? {
        return None; // a message of a later version
    }
    let body = bits.number(3)?;
    let extended = bits.flag()?;
    match body {
        0 => setup(bits, extended, found),
        1 | 3 => {
            // Call Proceeding and Alerting.
            let has_control = bits.flag()?;
            bits.counted()?;
            endpoint_type(bits)?;
            control(bits, has_control, found)
        }
        2 => {
            // Connect.
            let has_control = bits.flag()?;
            bits.counted()?;
            control(bits, has_control, found)
        }
        6 => {
            // Facility.
            let [alternative, ..] = bits.flags::<3>()?;
            bits.counted()?;
            address(bits, alternative, AddressKind::Alternative, found)
        }
        _ => None,
    }
}

fn setup(bits: &mut Bits<'_>, extended: bool, found: &mut Vec<NamedAddress>) -> Option<()> {
    let [has_control, source, destination, called, extra, references, services] = bits.flags()?;
    bits.counted()?;
    control(bits, has_control, found)?;
    aliases(bits, source)?;
    endpoint_type(bits)?;
    aliases(bits, destination)?;
    address(bits, called, AddressKind::Called, found)?;
    aliases(bits, extra)?;
    if references {
        let count = bits.octet()?;
        bits.octets(count.checked_mul(2)?)?;
    }
    bits.flag()?; // activeMC
    bits.octets(16)?; // conferenceID
    let [false, _, _] = bits.flags()? else { return None }; // conferenceGoal
    if services {
        return None;
    }
    let [false, _, _] = bits.flags()? else { return None }; // callType
    if extended && let Some(Some(caller)) = bits.extensions()?.first() {
        address(&mut Bits::new(caller), true, AddressKind::Caller, found)?;
    }
    Some(())
}

fn control(bits: &mut Bits<'_>, present: bool, found: &mut Vec<NamedAddress>) -> Option<()> {
    address(bits, present, AddressKind::Control, found)
}

/// `TransportAddress`, H.225.0 section 7.6: an IPv4 or IPv6 address; of other kinds there is no more to read.
fn address(
    bits: &mut Bits<'_>,
    present: bool,
    kind: AddressKind,
    found: &mut Vec<NamedAddress>,
) -> Option<()> {
    if !present {
        return Some(());
    }
    if bits.flag()? {
        return None;
    }
    let ip = match bits.number(3)? {
        0 => IpAddr::from(bits.array::<4>()?),
        3 => {
            let extended = bits.flag()?;
            let ip = Ipv6Addr::from(bits.array::<16>()?);
            if extended {
                return None;
            }
            IpAddr::from(ip)
        }
        _ => return None,
    };
    let address = SocketAddr::new(ip, u16::from_be_bytes(bits.array()?));
    found.push(NamedAddress { kind, address });
    Some(())
}

/// A list of `AliasAddress`.
fn aliases(bits: &mut Bits<'_>, present: bool) -> Option<()> {
    let count = if present { bits.octet()? } else { 0 };
    for _ in 0..count {
        if bits.flag()? {
            bits.number(7)?;
            bits.counted()?;
        } else if bits.flag()? {
            // h323-ID: up to 256 characters of two bytes.
            let length = bits.octet()? + 1;
            bits.octets(length * 2)?;
        } else {
            // dialedDigits: up to 128 characters of four bits.
            let length = u32::from(bits.number(7)?) + 1;
            bits.octets(0)?;
            (0..length).try_for_each(|_| bits.number(4).map(|_| ()))?;
        }
    }
    Some(())
}

fn endpoint_type(bits: &mut Bits<'_>) -> Option<()> {
    let extended = bits.flag()?;
    let [non_standard, vendor, gatekeeper, gateway, mcu, terminal] = bits.flags()?;
    if non_standard {
        parameter(bits)?;
    }
    if vendor {
        let [extended, product, version] = bits.flags()?;
        manufacturer(bits)?;
        for _ in 0..u8::from(product) + u8::from(version) {
            let length = bits.octet()? + 1;
            bits.octets(length)?;
        }
        bits.skip_extensions(extended)?;
    }
    if gatekeeper {
        information(bits)?;
    }
    if gateway {
        let extended = bits.flag()?;
        let [protocols, non_standard] = bits.flags()?;
        if protocols {
            return None;
        }
        if non_standard {
            parameter(bits)?;
        }
        bits.skip_extensions(extended)?;
    }
    for _ in 0..u8::from(mcu) + u8::from(terminal) {
        information(bits)?;
    }
    bits.flags::<2>()?; // mc, undefinedNode
    bits.skip_extensions(extended)
}

/// `GatekeeperInfo`, `McuInfo`, `TerminalInfo`: nothing but a parameter that need not be there.
fn information(bits: &mut Bits<'_>) -> Option<()> {
    let [extended, non_standard] = bits.flags()?;
    if non_standard {
        parameter(bits)?;
    }
    bits.skip_extensions(extended)
}

/// `NonStandardParameter`.
fn parameter(bits: &mut Bits<'_>) -> Option<()> {
    let [false, by_country] = bits.flags()? else { return None };
    if by_country {
        manufacturer(bits)?;
    } else {
        bits.counted()?;
    }
    bits.counted().map(|_| ())
}

/// `H221NonStandard`: country, extension, manufacturer.
fn manufacturer(bits: &mut Bits<'_>) -> Option<()> {
    let extended = bits.flag()?;
    bits.octets(4)?;
    bits.skip_extensions(extended)
}
