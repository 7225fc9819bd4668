//! The attributes of a message, RFC 8489 section 14.

use super::super::wire::{be16, be32, byte};
use super::address::{self, NamedAddress};
use super::crc32::crc32;
use super::{Checksum, Dialect, HEADER_LENGTH, IceRole, Message, Method, TransactionId};

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

/// How attributes follow each other: each begins at the next offset that has none of these bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Padding(usize);

impl Padding {
    /// Without a gap (MS-TURN).
    pub(super) const NONE: Self = Self(0);
    /// From multiples of four, RFC 8489 section 14. Some senders leave out the padding of the last one.
    pub(super) const TO_FOUR: Self = Self(3);
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Attributes<'a> {
    bytes: &'a [u8],
    position: usize,
    padding: Padding,
}

impl<'a> Attributes<'a> {
    pub(super) const fn new(bytes: &'a [u8], padding: Padding) -> Self {
        Self { bytes, position: 0, padding }
    }

    /// Whether the attributes filled the bytes exactly.
    pub(super) const fn ended_well(&self) -> bool {
        self.position >= self.bytes.len()
    }

    /// Passes attributes that are all zeros, which are four bytes each.
    fn skip_zeros(&mut self) {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        let zeros = rest.chunks_exact(ATTRIBUTE_HEADER).take_while(|header| *header == [0; ATTRIBUTE_HEADER]);
        self.position += zeros.count() * ATTRIBUTE_HEADER;
    }

    /// The same attributes from one of them on.
    const fn from(&self, attribute: &Attribute<'_>) -> Self {
        Self { bytes: self.bytes, position: attribute.offset, padding: self.padding }
    }

    /// The addresses among them.
    pub(super) fn addresses(self, message: &Message<'_>) -> impl Iterator<Item = NamedAddress> + use<'a> {
        let (dialect, method, transaction) = (message.dialect, message.method, message.transaction);
        self.filter_map(move |attribute| named_address(&attribute, dialect, method, transaction))
            .take(MOST_ADDRESSES)
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Attribute<'a>;

    fn next(&mut self) -> Option<Attribute<'a>> {
        let (header, rest) = self.bytes.get(self.position..)?.split_first_chunk::<ATTRIBUTE_HEADER>()?;
        let [kind @ .., high, low] = *header;
        let length = usize::from(u16::from_be_bytes([high, low]));
        let value = rest.get(..length)?;
        let attribute = Attribute { kind: u16::from_be_bytes(kind), value, offset: self.position };
        let end = self.position + ATTRIBUTE_HEADER + length;
        self.position = (end + self.padding.0) & !self.padding.0;
        Some(attribute)
    }
}

/// Fills in `message` from the attributes of `payload`, which had `length` bytes on the wire.
pub(super) fn read<'a>(message: &mut Message<'a>, payload: &'a [u8], length: usize) {
    let bytes = payload.get(HEADER_LENGTH..length.min(payload.len())).unwrap_or_default();
    let is_whole = payload.len() >= length;
    let [usual, other] = match message.dialect {
        Dialect::Microsoft => [Padding::NONE, Padding::TO_FOUR],
        _ => [Padding::TO_FOUR, Padding::NONE],
    };
    let mut fits = fill(message, Attributes::new(bytes, usual), payload, is_whole);
    if !fits && fills(Attributes::new(bytes, other)) {
        *message = Message::new(message.dialect, message.class, message.method, message.transaction);
        fits = fill(message, Attributes::new(bytes, other), payload, is_whole);
    }
    message.complete = is_whole && fits;
}

/// Takes one attribute after the other. Whether they fill the message.
fn fill<'a>(
    message: &mut Message<'a>,
    mut attributes: Attributes<'a>,
    payload: &'a [u8],
    is_whole: bool,
) -> bool {
    let size = attributes.bytes.len();
    while let Some(attribute) = attributes.next() {
        match attribute.kind {
            // Sent in every message, and of no use without the key (RFC 8489 sections 14.5 and 14.6).
            MESSAGE_INTEGRITY | MESSAGE_INTEGRITY_SHA256 => {}
            RESERVED => attributes.skip_zeros(),
            FINGERPRINT if is_whole && attribute.offset + ATTRIBUTE_HEADER + 4 == size => {
                message.checksum = checksum(payload, &attribute);
            }
            kind if address::may_be(kind) => {
                if message.addresses.is_none() {
                    message.addresses = Some(attributes.from(&attribute));
                }
            }
            _ => take(message, &attribute),
        }
    }
    attributes.ended_well()
}

/// Whether attributes fill a message.
fn fills(mut attributes: Attributes<'_>) -> bool {
    attributes.by_ref().for_each(drop);
    attributes.ended_well()
}

fn checksum<'a>(payload: &'a [u8], attribute: &Attribute<'a>) -> Option<Checksum<'a>> {
    let covered = payload.get(..HEADER_LENGTH + attribute.offset)?;
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

fn named_address(
    attribute: &Attribute<'_>,
    dialect: Dialect,
    method: Method,
    transaction: TransactionId,
) -> Option<NamedAddress> {
    let (kind, masking) = address::kind_of(attribute.kind, dialect, method)?;
    Some(NamedAddress { kind, address: address::read(attribute.value, masking, transaction)? })
}

/// RFC 8489 section 14.8: the hundreds digit and the number below a hundred.
fn error_code(value: &[u8]) -> Option<u16> {
    let hundreds = u16::from(byte(value, 2)? & 0x07);
    let rest = u16::from(byte(value, 3)?);
    (matches!(hundreds, 3..=6) && rest < 100).then_some(hundreds * 100 + rest)
}
