//! Which reading of the bytes applies: RFC 8489 or one of the forms that are not it.

use super::super::wire::{be32, byte};
use super::attribute::{Attributes, Padding};
use super::{Class, HEADER_LENGTH, Method, has_cookie};

/// Which reading of the bytes applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dialect {
    /// RFC 3489: no cookie, a 128-bit identifier.
    Classic,
    /// MS-TURN: begins with attribute 0x000F of value 0x72C64BC6; attributes are not padded and some have
    /// meanings of their own (measured: Teams 2020).
    Microsoft,
    /// RFC 8489 and what is built on it.
    Standard,
    /// Types 0x0800 to 0x0805 with the cookie (measured: WhatsApp 2019 and 2023).
    WhatsApp,
    /// The address test of Zoom's zone controllers: no cookie, attributes 0x0101 and 0x0103, answer type
    /// 0x0002 (measured: Zoom 2019).
    Zoom,
}

const MICROSOFT_COOKIE: [u8; 8] = [0x00, 0x0F, 0x00, 0x04, 0x72, 0xC6, 0x4B, 0xC6];
const ZOOM_REQUEST_ATTRIBUTE: [u8; 4] = [0x01, 0x01, 0x00, 0x14];
const ZOOM_RESPONSE_ATTRIBUTE: [u8; 4] = [0x01, 0x03, 0x00, 0x08];
const WHATSAPP_TYPES: std::ops::RangeInclusive<u16> = 0x0800..=0x0805;

/// The dialect of a message that fills a datagram of `length` bytes; `None` if it is not STUN.
#[inline]
pub(super) fn detect(payload: &[u8], length: usize) -> Option<Dialect> {
    let (header, attributes) = payload.split_first_chunk::<HEADER_LENGTH>()?;
    let [k0, k1, l0, l1, ..] = *header;
    let (kind, declared) = (u16::from_be_bytes([k0, k1]), usize::from(u16::from_be_bytes([l0, l1])));
    if kind >= 0x4000 || declared + HEADER_LENGTH != length {
        return None;
    }
    if attributes.first_chunk() == Some(&MICROSOFT_COOKIE) {
        return Some(Dialect::Microsoft);
    }
    if has_cookie(payload) {
        return Some(if WHATSAPP_TYPES.contains(&kind) { Dialect::WhatsApp } else { Dialect::Standard });
    }
    if is_zoom(kind, declared, attributes) {
        return Some(Dialect::Zoom);
    }
    is_classic(kind, declared, attributes, payload).then_some(Dialect::Classic)
}

fn is_zoom(kind: u16, declared: usize, attributes: &[u8]) -> bool {
    match (kind, declared) {
        (0x0001, 24) => attributes.first_chunk() == Some(&ZOOM_REQUEST_ATTRIBUTE),
        (0x0002, 12) => {
            attributes.first_chunk() == Some(&ZOOM_RESPONSE_ATTRIBUTE) && byte(attributes, 5) == Some(1)
        }
        _ => false,
    }
}

/// Without a cookie nothing but the shape of the message tells it from other protocols: a type of RFC 3489,
/// attributes of RFC 3489 that fill it exactly, and an identifier that is not all zeros.
fn is_classic(kind: u16, declared: usize, attributes: &[u8], payload: &[u8]) -> bool {
    if !matches!(kind, 0x0001 | 0x0002 | 0x0101 | 0x0102 | 0x0111 | 0x0112) || !declared.is_multiple_of(4) {
        return false;
    }
    if be32(payload, 4) == Some(0) && be32(payload, 8) == Some(0) && declared == 0 {
        return false;
    }
    if declared == 0 {
        return kind == 0x0001;
    }
    if attributes.len() < declared {
        return false;
    }
    let mut walk = Attributes::new(attributes, Padding::TO_FOUR);
    let known = walk.by_ref().all(|attribute| match attribute.kind {
        0x0001 | 0x0002 | 0x0004 | 0x0005 | 0x000B => attribute.value.len() == 8,
        0x0003 => attribute.value.len() == 4,
        0x0006..=0x000A | 0x0020 | 0x8020 | 0x8022 => true,
        _ => false,
    });
    known && walk.ended_well()
}

impl Dialect {
    /// Class and method of a message type, RFC 8489 section 5 where the dialect has no numbers of its own.
    pub(super) fn class_and_method(self, kind: u16) -> (Class, Method) {
        match (self, kind) {
            (Self::Zoom, 0x0002) => (Class::Success, Method::BINDING),
            // Send is a request by its number but is never answered.
            (Self::Microsoft, 0x0004) => (Class::Indication, Method::SEND),
            (Self::Microsoft, 0x0115) => (Class::Indication, Method::DATA),
            (Self::Microsoft, 0x0006) => (Class::Request, Method::SET_ACTIVE_DESTINATION),
            (Self::Microsoft, 0x0106) => (Class::Success, Method::SET_ACTIVE_DESTINATION),
            (Self::Microsoft, 0x0116) => (Class::Error, Method::SET_ACTIVE_DESTINATION),
            (Self::WhatsApp, 0x0801) => (Class::Request, Method::WHATSAPP_PING),
            (Self::WhatsApp, 0x0802) => (Class::Success, Method::WHATSAPP_PING),
            (Self::WhatsApp, 0x0804) => (Class::Request, Method(0x204)),
            (Self::WhatsApp, 0x0805) => (Class::Success, Method(0x204)),
            (Self::WhatsApp, _) => (Class::Indication, Method(0x200 | (kind & 0x0F))),
            _ => standard(kind),
        }
    }
}

fn standard(kind: u16) -> (Class, Method) {
    let class = match kind & 0x0110 {
        0x0000 => Class::Request,
        0x0010 => Class::Indication,
        0x0100 => Class::Success,
        _ => Class::Error,
    };
    (class, Method((kind & 0x000F) | ((kind & 0x00E0) >> 1) | ((kind & 0x3E00) >> 2)))
}
