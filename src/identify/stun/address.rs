//! Addresses in STUN attributes, RFC 8489 sections 14.1 and 14.2.

use super::super::wire::{be16, be32, byte, ipv4, ipv6};
use super::{Dialect, Method, TransactionId};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// What an address in a message stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AddressKind {
    /// ALTERNATE-SERVER: the server asks to try this one instead.
    AlternateServer,
    /// CHANGED-ADDRESS of RFC 3489: the server's other address.
    Changed,
    /// The client, as the server saw it, written in clear.
    Mapped,
    /// MS-ALTERNATE-MAPPED-ADDRESS: another address of the client.
    MappedAlternate,
    /// OTHER-ADDRESS of RFC 5780: the server's other address.
    Other,
    /// XOR-PEER-ADDRESS and its MS-TURN equivalents: the far side of a relay: a participant, its NAT or
    /// its relay.
    Peer,
    /// REFLECTED-FROM of RFC 3489: who caused the message.
    ReflectedFrom,
    /// XOR-RELAYED-ADDRESS: the relay's address that was allocated for the client.
    Relayed,
    /// RESPONSE-ADDRESS of RFC 3489: where the answer shall be sent.
    Response,
    /// RESPONSE-ORIGIN of RFC 5780 and SOURCE-ADDRESS of RFC 3489: where the answer was sent from.
    ResponseOrigin,
    /// The client as the server (in an ICE answer: the peer) saw it, XOR-MAPPED-ADDRESS.
    XorMapped,
}

/// An address in a message and what named it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NamedAddress {
    /// What it stands for.
    pub kind: AddressKind,
    /// The address and port.
    pub address: SocketAddr,
}

const FAMILY_IPV4: u8 = 1;
const FAMILY_IPV6: u8 = 2;

/// Whether an attribute may hold an address, in one dialect or another.
pub(super) const fn may_be(attribute: u16) -> bool {
    matches!(
        attribute,
        0x0001
            | 0x0002
            | 0x0004
            | 0x0005
            | 0x000B
            | 0x000E
            | 0x0011
            | 0x0012
            | 0x0016
            | 0x0020
            | 0x0103
            | 0x8020
            | 0x8023
            | 0x802B
            | 0x802C
            | 0x8090
    )
}

/// The kind of address that an attribute holds and whether it is masked with the transaction identifier.
pub(super) fn kind_of(attribute: u16, dialect: Dialect, method: Method) -> Option<(AddressKind, Masking)> {
    use AddressKind as Kind;
    use Masking::{Clear, Xor};
    Some(match (attribute, dialect) {
        // An MS-TURN server reports the relay in MAPPED-ADDRESS, even in the answer that asks for credentials,
        // and the client in MS-XOR-MAPPED-ADDRESS.
        (0x0001, Dialect::Microsoft) if method == Method::ALLOCATE => (Kind::Relayed, Clear),
        (0x0103, Dialect::Zoom) | (0x0001, _) => (Kind::Mapped, Clear),
        (_, Dialect::Zoom) => return None,
        (0x0002, _) => (Kind::Response, Clear),
        (0x0005, _) => (Kind::Changed, Clear),
        (0x000B, _) => (Kind::ReflectedFrom, Clear),
        (0x000E | 0x8023, _) => (Kind::AlternateServer, Clear),
        // MS-TURN: DESTINATION-ADDRESS and REMOTE-ADDRESS, in clear.
        (0x0011, _) | (0x0012, Dialect::Microsoft) => (Kind::Peer, Clear),
        (0x0012, _) => (Kind::Peer, Xor),
        (0x0016, _) => (Kind::Relayed, Xor),
        (0x0020 | 0x8020, _) => (Kind::XorMapped, Xor),
        (0x0004 | 0x802B, _) => (Kind::ResponseOrigin, Clear),
        (0x802C, _) => (Kind::Other, Clear),
        (0x8090, _) => (Kind::MappedAlternate, Clear),
        _ => return None,
    })
}

/// How an address is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Masking {
    /// As it is.
    Clear,
    /// Combined with the cookie and the transaction identifier, RFC 8489 section 14.2.
    Xor,
}

/// Reads the value of an address attribute; `None` unless its length is that of its family.
pub(super) fn read(value: &[u8], masking: Masking, transaction: TransactionId) -> Option<SocketAddr> {
    let family = byte(value, 1)?;
    let port = be16(value, 2)?;
    let address = match (family, value.len()) {
        (FAMILY_IPV4, 8) => IpAddr::V4(ipv4(value, 4)?),
        (FAMILY_IPV6, 20) => IpAddr::V6(ipv6(value, 4)?),
        _ => return None,
    };
    Some(match masking {
        Masking::Clear => SocketAddr::new(address, port),
        Masking::Xor => unmask(address, port, transaction)?,
    })
}

/// The mask is the cookie and what follows it; the drafts before the cookie took the first bytes of the
/// transaction identifier, which is the same thing.
fn unmask(address: IpAddr, port: u16, transaction: TransactionId) -> Option<SocketAddr> {
    let mask = u128::from_be_bytes(transaction.0);
    let address = match address {
        IpAddr::V4(address) => IpAddr::V4((address.to_bits() ^ be32(&transaction.0, 0)?).into()),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() ^ mask)),
    };
    Some(SocketAddr::new(address, port ^ be16(&transaction.0, 0)?))
}
