//! The attributes of a message, RFC 8489 section 14.

use super::super::wire::{be16, be32, byte};
use super::address::{self, NamedAddress};
use super::crc32::crc32;
use super::{Checksum, Dialect, HEADER_LENGTH, IceRole, Message};

/// Addresses kept from one message. Real messages hold up to six.
const MOST_ADDRESSES: usize = 16;
/// FINGERPRINT is the checksum combined with this, RFC 8489 section 14.7.
const FINGERPRINT_MASK: u32 = 0x5354_554E;
/// No attribute, RFC 8489 section 18.3. `WhatsApp` fills messages of 512 bytes with it.
const RESERVED: u16 = 0x0000;
/// RFC 8489 section 14.5.
const MESSAGE_INTEGRITY: u16 = 0x0008;
/// RFC 8489 section 14.6.
const MESSAGE_INTEGRITY_SHA256: u16 = 0x001C;
/// FINGERPRINT, RFC 8489 section 14.7.
const FINGERPRINT: u16 = 0x8028;
/// Type and length before each value.
const ATTRIBUTE_HEADER: usize = 4;

/// How attributes follow each other: the value of each is filled up to a length that has none of these bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Padding(usize);

impl Padding {
    /// Without a gap (MS-TURN).
    pub(super) const NONE: Self = Self(0);
    /// To multiples of four, RFC 8489 section 14. Some senders leave out the padding of the last one.
    pub(super) const TO_FOUR: Self = Self(3);
}

/// One attribute.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attribute<'a> {
    pub(super) kind: u16,
    pub(super) value: &'a [u8],
}

/// Walks attributes until the end or the first one that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Attributes<'a> {
    rest: &'a [u8],
    padding: Padding,
}

impl<'a> Attributes<'a> {
    /// No attribute.
    pub(super) const NONE: Self = Self::new(&[], Padding::TO_FOUR);

    pub(super) const fn new(bytes: &'a [u8], padding: Padding) -> Self {
        Self { rest: bytes, padding }
    }

    /// Whether the attributes filled the bytes exactly.
    pub(super) const fn ended_well(&self) -> bool {
        self.rest.is_empty()
    }

    /// Passes attributes that are all zeros, which are four bytes each.
    fn skip_zeros(&mut self) {
        let (eights, _) = self.rest.as_chunks::<{ 2 * ATTRIBUTE_HEADER }>();
        let pairs = eights.iter().take_while(|pair| **pair == [0; 2 * ATTRIBUTE_HEADER]).count();
        let after = self.rest.get(pairs * 2 * ATTRIBUTE_HEADER..).unwrap_or_default();
        self.rest = after.strip_prefix(&[0; ATTRIBUTE_HEADER]).unwrap_or(after);
    }

    /// The addresses among them.
    #[inline]
    pub(super) fn addresses(self, message: &Message<'_>) -> impl Iterator<Item = NamedAddress> {
        self.filter_map(|attribute| named_address(&attribute, message)).take(MOST_ADDRESSES)
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Attribute<'a>;

    #[inline]
    fn next(&mut self) -> Option<Attribute<'a>> {
        let (header, after) = self.rest.split_first_chunk::<ATTRIBUTE_HEADER>()?;
        let [kind @ .., high, low] = *header;
        let length = usize::from(u16::from_be_bytes([high, low]));
        let value = after.get(..length)?;
        let padded = (length + self.padding.0) & !self.padding.0;
        self.rest = after.get(padded..).unwrap_or_default();
        Some(Attribute { kind: u16::from_be_bytes(kind), value })
    }
}

/// Fills in `message` from the attributes of `payload`, which had `length` bytes on the wire.
pub(super) fn read<'a>(message: &mut Message<'a>, payload: &'a [u8], length: usize) {
    let is_whole = payload.len() >= length;
    let payload = payload.get(..length).unwrap_or(payload);
    let bytes = payload.get(HEADER_LENGTH..).unwrap_or_default();
    let [usual, other] = match message.dialect {
        Dialect::Microsoft => [Padding::NONE, Padding::TO_FOUR],
        _ => [Padding::TO_FOUR, Padding::NONE],
    };
    let mut fits = fill(message, bytes, usual, payload, is_whole);
    if !fits && fills(Attributes::new(bytes, other)) {
        *message = Message::of(message.head());
        fits = fill(message, bytes, other, payload, is_whole);
    }
    message.complete = is_whole && fits;
}

/// Takes one attribute after the other. Whether they fill the message.
fn fill<'a>(
    message: &mut Message<'a>,
    bytes: &'a [u8],
    padding: Padding,
    payload: &'a [u8],
    is_whole: bool,
) -> bool {
    let mut attributes = Attributes::new(bytes, padding);
    // From the first attribute that may be an address, and what follows the last.
    let (mut from_first, mut after_last): (&[u8], &[u8]) = (&[], &[]);
    loop {
        let rest = attributes.rest;
        let Some(attribute) = attributes.next() else { break };
        match attribute.kind {
            // Sent in every message, and of no use without the key (RFC 8489 sections 14.5 and 14.6).
            MESSAGE_INTEGRITY | MESSAGE_INTEGRITY_SHA256 => {}
            RESERVED => attributes.skip_zeros(),
            FINGERPRINT if is_whole && rest.len() == ATTRIBUTE_HEADER + 4 => {
                message.checksum = checksum(payload, &attribute);
            }
            kind if address::may_be(kind) => {
                if from_first.is_empty() {
                    from_first = rest;
                }
                after_last = attributes.rest;
            }
            _ => take(message, &attribute),
        }
    }
    let addresses = from_first.get(..from_first.len().saturating_sub(after_last.len())).unwrap_or_default();
    message.addresses = Attributes::new(addresses, padding);
    attributes.ended_well()
}

/// Whether attributes fill a message.
fn fills(mut attributes: Attributes<'_>) -> bool {
    attributes.by_ref().for_each(drop);
    attributes.ended_well()
}

/// The value of FINGERPRINT, the last attribute of `payload`.
fn checksum<'a>(payload: &'a [u8], attribute: &Attribute<'a>) -> Option<Checksum<'a>> {
    let covered = payload.get(..payload.len().checked_sub(ATTRIBUTE_HEADER + attribute.value.len())?)?;
    Some(Checksum { covered, value: be32(attribute.value, 0)? })
}

/// What FINGERPRINT has to be after `covered`.
pub(crate) fn fingerprint(covered: &[u8]) -> u32 {
    crc32(covered) ^ FINGERPRINT_MASK
}

/// Takes an attribute that is no address.
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
        _ => {}
    }
}

fn named_address(attribute: &Attribute<'_>, message: &Message<'_>) -> Option<NamedAddress> {
    let (kind, masking) = address::kind_of(attribute.kind, message.dialect, message.method)?;
    Some(NamedAddress { kind, address: address::read(attribute.value, masking, message.transaction)? })
}

/// RFC 8489 section 14.8: the hundreds digit and the number below a hundred.
fn error_code(value: &[u8]) -> Option<u16> {
    let hundreds = u16::from(byte(value, 2)? & 0x07);
    let rest = u16::from(byte(value, 3)?);
    (matches!(hundreds, 3..=6) && rest < 100).then_some(hundreds * 100 + rest)
}
