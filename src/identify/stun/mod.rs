//! STUN and TURN: RFC 8489, RFC 8656, ICE (RFC 8445), classic STUN (RFC 3489) and the dialects of Zoom,
//! Microsoft (MS-TURN) and WhatsApp, none of which is RFC 8489 and all of which name addresses.
//!
//! [`parse`] takes one message, [`Envelope::open`] what may lie around it in a datagram, and [`Stream`] cuts a TCP stream
//! into messages. A message that carries a packet for or from a relay's peer gives it as [`Message::data`],
//! to be dissected in its turn.

mod address;
mod attribute;
mod crc32;
mod dialect;
mod envelope;
mod round_trips;
mod stream;

pub(crate) use attribute::fingerprint;

pub use address::{AddressKind, NamedAddress};
pub use dialect::Dialect;
pub use envelope::Envelope;
pub use round_trips::RoundTrips;
pub use stream::{Stream, Unit};

use super::Probe;
use super::wire::{be16, be32};

/// Bytes of the header, RFC 8489 section 5.
pub const HEADER_LENGTH: usize = 20;
/// The fixed value of bytes 4 to 7, RFC 8489 section 5.
pub const MAGIC_COOKIE: u32 = 0x2112_A442;

/// The class of a message, RFC 8489 section 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Asks for an answer with the same transaction identifier.
    Request,
    /// Asks for none.
    Indication,
    /// The answer to a request that was granted.
    Success,
    /// The answer to a request that was refused.
    Error,
}

/// What a message is about, as numbered in the IANA registry of STUN methods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Method(pub u16);

impl Method {
    /// RFC 8489 section 3.
    pub const BINDING: Self = Self(0x001);
    /// RFC 8656 section 7.
    pub const ALLOCATE: Self = Self(0x003);
    /// RFC 8656 section 8.
    pub const REFRESH: Self = Self(0x004);
    /// RFC 8656 section 11.
    pub const SEND: Self = Self(0x006);
    /// RFC 8656 section 11.
    pub const DATA: Self = Self(0x007);
    /// RFC 8656 section 9.
    pub const CREATE_PERMISSION: Self = Self(0x008);
    /// RFC 8656 section 12.
    pub const CHANNEL_BIND: Self = Self(0x009);
    /// The short connectivity check of Google's WebRTC (IANA: GOOG-PING).
    pub const GOOG_PING: Self = Self(0x080);
    /// MS-TURN's Set Active Destination, whose number on the wire (6) means Send elsewhere.
    pub const SET_ACTIVE_DESTINATION: Self = Self(0x1006);
    /// WhatsApp's check of a relay, types 0x0801 and 0x0802 (measured).
    pub const WHATSAPP_PING: Self = Self(0x201);
}

/// Cookie and transaction identifier, or the 128-bit identifier of dialects without a cookie: the token by
/// which an answer is paired with its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransactionId(pub [u8; 16]);

/// Which side of an ICE session decides, RFC 8445 section 6.1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IceRole {
    /// ICE-CONTROLLED.
    Controlled,
    /// ICE-CONTROLLING.
    Controlling,
}

/// One STUN message. Everything in it is a fact of the bytes; absent attributes are `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Which reading of the bytes applies.
    pub dialect: Dialect,
    /// Request, indication or answer.
    pub class: Class,
    /// What it is about.
    pub method: Method,
    /// Pairs request and answer.
    pub transaction: TransactionId,
    /// USERNAME: in ICE `fragment of the receiver:fragment of the sender`.
    pub username: Option<&'a [u8]>,
    /// REALM: the operator's domain.
    pub realm: Option<&'a [u8]>,
    /// SOFTWARE: the sender's product.
    pub software: Option<&'a [u8]>,
    /// ERROR-CODE, 300 to 699.
    pub error: Option<u16>,
    /// PRIORITY of a candidate.
    pub priority: Option<u32>,
    /// USE-CANDIDATE: this pair is nominated.
    pub use_candidate: bool,
    /// ICE-CONTROLLED or ICE-CONTROLLING.
    pub ice_role: Option<IceRole>,
    /// LIFETIME of an allocation, in seconds; 0 ends it.
    pub lifetime: Option<u32>,
    /// REQUESTED-TRANSPORT: an IP protocol number.
    pub requested_transport: Option<u8>,
    /// CHANNEL-NUMBER being bound.
    pub channel: Option<u16>,
    /// DATA: the packet for or from the peer of a relay.
    pub data: Option<&'a [u8]>,
    checksum: Option<Checksum<'a>>,
    /// The attributes from the first to the last that may be an address.
    addresses: attribute::Attributes<'a>,
    /// Attributes that only certain products send.
    pub vendor: VendorAttributes,
    /// Whether every attribute was read; not so if the capture cut the message or its lengths disagree.
    pub complete: bool,
}

/// FINGERPRINT and the bytes that it covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Checksum<'a> {
    covered: &'a [u8],
    value: u32,
}

/// Attributes that only certain products send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is an independent fact of the bytes")]
pub struct VendorAttributes {
    /// GOOG-NETWORK-INFO (0xC057), of every client built on Google's WebRTC.
    pub google_network_info: bool,
    /// GOOG-MISC-INFO (0xC059).
    pub google_misc_info: bool,
    /// 0x8070 MS-IMPLEMENTATION-VERSION, of Skype and Teams.
    pub microsoft_implementation: bool,
    /// 0xC000 CISCO-STUN-FLOWDATA or 0xC003 CISCO-WEBEX-FLOW-INFO (IANA).
    pub cisco_flow: bool,
    /// 0x4000 to 0x4024, of WhatsApp's relays.
    pub whatsapp: bool,
}

/// Whether `payload`, of `length` bytes on the wire, is a STUN message.
pub fn probe(payload: &[u8], length: usize) -> Probe {
    if payload.len() < HEADER_LENGTH {
        let may_be = payload.first().is_none_or(|&first| first < 0x40) && length > payload.len();
        return if may_be { Probe::NeedMore } else { Probe::NoMatch };
    }
    if dialect::detect(payload, length).is_some() { Probe::Match } else { Probe::NoMatch }
}

/// What the header of a message says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    dialect: Dialect,
    class: Class,
    method: Method,
    transaction: TransactionId,
}

impl Head {
    /// Reads the header of a message that fills `payload`, which had `length` bytes on the wire.
    #[inline]
    pub(crate) fn read(payload: &[u8], length: usize) -> Option<Self> {
        let dialect = dialect::detect(payload, length)?;
        let (class, method) = dialect.class_and_method(be16(payload, 0)?);
        Some(Self { dialect, class, method, transaction: TransactionId(super::wire::array(payload, 4)?) })
    }
}

/// Reads one message: all of `payload`, which had `length` bytes on the wire.
pub fn parse(payload: &[u8], length: usize) -> Option<Message<'_>> {
    let mut message = Message::of(Head::read(payload, length)?);
    message.read(payload, length);
    Some(message)
}

impl<'a> Message<'a> {
    /// Reads the attributes that follow the head of the message in `payload`, which had `length` bytes on the wire.
    pub(crate) fn read(&mut self, payload: &'a [u8], length: usize) {
        attribute::read(self, payload, length);
    }
}

impl Message<'_> {
    /// A message without attributes.
    #[inline]
    pub(crate) const fn of(head: Head) -> Self {
        let Head { dialect, class, method, transaction } = head;
        let whatsapp = matches!(dialect, Dialect::WhatsApp);
        Self {
            dialect,
            class,
            method,
            transaction,
            username: None,
            realm: None,
            software: None,
            error: None,
            priority: None,
            use_candidate: false,
            ice_role: None,
            lifetime: None,
            requested_transport: None,
            channel: None,
            data: None,
            checksum: None,
            addresses: attribute::Attributes::NONE,
            vendor: VendorAttributes {
                google_network_info: false,
                google_misc_info: false,
                microsoft_implementation: false,
                cisco_flow: false,
                whatsapp,
            },
            complete: false,
        }
    }

    /// Every address in the message with what named it, in order of appearance; the first sixteen.
    #[inline]
    pub fn addresses(&self) -> impl Iterator<Item = NamedAddress> {
        self.addresses.clone().addresses(self)
    }

    /// What stands in the header.
    const fn head(&self) -> Head {
        let Self { dialect, class, method, transaction, .. } = *self;
        Head { dialect, class, method, transaction }
    }

    /// The client's address as the other side saw it: what a Binding or Allocate answer reports.
    pub fn mapped(&self) -> Option<std::net::SocketAddr> {
        let of = |kind| self.addresses().find(|named| named.kind == kind);
        of(AddressKind::XorMapped).or_else(|| of(AddressKind::Mapped)).map(|named| named.address)
    }

    /// Whether FINGERPRINT is right; `None` where there is none or it cannot be checked.
    pub fn fingerprint(&self) -> Option<bool> {
        self.checksum.map(|checksum| checksum.value == fingerprint(checksum.covered))
    }

    /// Whether this is a request of ICE: a Binding with USERNAME or PRIORITY, so a check of a path to a peer
    /// and not a question to a STUN server.
    pub fn is_connectivity_check(&self) -> bool {
        self.method == Method::BINDING
            && self.class == Class::Request
            && (self.priority.is_some() || self.username.is_some())
    }
}

/// Whether the header carries the cookie of RFC 8489.
fn has_cookie(payload: &[u8]) -> bool {
    be32(payload, 4) == Some(MAGIC_COOKIE)
}

#[cfg(test)]
mod tests;
