//! The attributes of a message, RFC 8489 section 14.

use super::super::wire::{be16, be32, byte};
use super::address::{self, NamedAddress};
use super::crc32::crc32;
use super::{Checksum, Dialect, HEADER_LENGTH, IceRole, Message};

/// Addresses kept from one message. Real messages hold up to six.
const MOST_ADDRESSES: usize = 16;
/// FINGERPRINT is the checksum combined with this, RFC 8489 section 14.7.
const FINGERPRINT_MASK: u32 = 0x5354_554E;
/// Type and length before each value.
const ATTRIBUTE_HEADER: usize = 4;

/// How attributes follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Padding {
    /// Without a gap (MS-TURN).
    None,
    /// From multiples of four, RFC 8489 section 14. Some senders leave out the padding of the last one.
    ToFour,
}

/// One attribute.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attribute<'a> {
    pub(super) kind: u16,
    pub(super) value: &'a [u8],
    /// Offset from the first attribute.
    offset: usize,
}

/// Walks attributes until the end or the first one that does not fit.
#[derive(Clone, Debug)]
pub(super) struct Attributes<'a> {
    bytes: &'a [u8],
    position: usize,
    padding: Padding,
}

impl<'a> Attributes<'a> {
    pub(super) fn new(bytes: &'a [u8], padding: Padding) -> Self {
        Self { bytes, position: 0, padding }
    }

    /// Whether the attributes filled the bytes exactly.
    pub(super) fn ended_well(&self) -> bool {
        self.position >= self.bytes.len()
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Attribute<'a>;

    fn next(&mut self) -> Option<Attribute<'a>> {
        let kind = be16(self.bytes, self.position)?;
        let length = usize::from(be16(self.bytes, self.position + 2)?);
        let start = self.position + ATTRIBUTE_HEADER;
        let value = self.bytes.get(start..start + length)?;
        let attribute = Attribute { kind, value, offset: self.position };
        let end = start + length;
        self.position = match self.padding {
            Padding::None => end,
            Padding::ToFour => end.next_multiple_of(4),
        };
        Some(attribute)
    }
}

/// Fills in `message` from the attributes of `payload`, which had `length` bytes on the wire.
pub(super) fn read<'a>(message: &mut Message<'a>, payload: &'a [u8], length: usize) {
    let bytes = payload.get(HEADER_LENGTH..length.min(payload.len())).unwrap_or_default();
    let is_whole = payload.len() >= length;
    let (padding, fits) = padding_of(bytes, message.dialect);
    message.complete = is_whole && fits;
    message.vendor.whatsapp = message.dialect == Dialect::WhatsApp;
    for attribute in Attributes::new(bytes, padding) {
        take(message, &attribute);
        let is_last = attribute.offset + ATTRIBUTE_HEADER + 4 == bytes.len();
        if attribute.kind == 0x8028 && is_last && is_whole {
            message.checksum = checksum(payload, &attribute);
        }
    }
}

/// The padding with which the attributes fill the message, and whether there is one.
fn padding_of(bytes: &[u8], dialect: Dialect) -> (Padding, bool) {
    let order = match dialect {
        Dialect::Microsoft => [Padding::None, Padding::ToFour],
        _ => [Padding::ToFour, Padding::None],
    };
    let fitting = order.into_iter().find(|&padding| {
        let mut walk = Attributes::new(bytes, padding);
        walk.by_ref().for_each(drop);
        walk.ended_well()
    });
    let [usual, _] = order;
    (fitting.unwrap_or(usual), fitting.is_some())
}

fn checksum<'a>(payload: &'a [u8], attribute: &Attribute<'a>) -> Option<Checksum<'a>> {
    let covered = payload.get(..HEADER_LENGTH + attribute.offset)?;
    Some(Checksum { covered, value: be32(attribute.value, 0)? })
}

/// What FINGERPRINT has to be after `covered`.
pub(crate) fn fingerprint(covered: &[u8]) -> u32 {
    crc32(covered) ^ FINGERPRINT_MASK
}

fn take<'a>(message: &mut Message<'a>, attribute: &Attribute<'a>) {
    let value = attribute.value;
    let microsoft = message.dialect == Dialect::Microsoft;
    match attribute.kind {
        0x0006 => message.username = Some(value),
        0x0009 => message.error = error_code(value),
        0x000C => message.channel = be16(value, 0),
        0x000D => message.lifetime = be32(value, 0),
        0x0013 => message.data = Some(value),
        // MS-TURN has the numbers of REALM and NONCE the other way round.
        0x0014 if !microsoft => message.realm = Some(value),
        0x0015 if microsoft => message.realm = Some(value),
        0x0019 => message.requested_transport = byte(value, 0),
        0x0024 => message.priority = be32(value, 0),
        0x0025 => message.use_candidate = true,
        0x8022 => message.software = Some(value),
        0x8029 => message.ice_role = Some(IceRole::Controlled),
        0x802A => message.ice_role = Some(IceRole::Controlling),
        0x4000..=0x4024 => message.vendor.whatsapp = true,
        0x8070 => message.vendor.microsoft_implementation = true,
        0xC000 | 0xC003 => message.vendor.cisco_flow = true,
        0xC057 => message.vendor.google_network_info = true,
        0xC059 => message.vendor.google_misc_info = true,
        _ => take_address(message, attribute),
    }
}

fn take_address(message: &mut Message<'_>, attribute: &Attribute<'_>) {
    let Some((kind, masking)) = address::kind_of(attribute.kind, message.dialect, message.method) else {
        return;
    };
    if message.addresses.len() < MOST_ADDRESSES
        && let Some(address) = address::read(attribute.value, masking, message.transaction)
    {
        message.addresses.push(NamedAddress { kind, address });
    }
}

/// RFC 8489 section 14.8: the hundreds digit and the number below a hundred.
fn error_code(value: &[u8]) -> Option<u16> {
    let hundreds = u16::from(byte(value, 2)? & 0x07);
    let rest = u16::from(byte(value, 3)?);
    (matches!(hundreds, 3..=6) && rest < 100).then_some(hundreds * 100 + rest)
}
