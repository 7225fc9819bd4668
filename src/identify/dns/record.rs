//! Questions and records of DNS, one after the other (RFC 1035 section 4.1).

use super::name::Name;
use super::{AnswerKind, TYPE_A, TYPE_AAAA};
use crate::identify::cursor::Cursor;
use crate::identify::wire::{be16, be32, ipv4, ipv6};
use std::net::IpAddr;

const TYPE_CNAME: u16 = 5;
/// RFC 9460 section 14.1.
const TYPE_SVCB: u16 = 64;
/// RFC 9460 section 14.1.
const TYPE_HTTPS: u16 = 65;
/// Types that clients ask for: A, NS, CNAME, SOA, PTR, MX, TXT, AAAA, SRV, NAPTR, DS, DNSKEY, SVCB, HTTPS, ANY.
const TYPES_ASKED_FOR: [u16; 15] =
    [TYPE_A, 2, TYPE_CNAME, 6, 12, 15, 16, TYPE_AAAA, 33, 35, 43, 48, 64, 65, 255];
/// The internet; the class of addresses.
const CLASS_IN: u16 = 1;
/// What multicast DNS puts into the class: not a part of it (RFC 6762 sections 5.4 and 10.2).
const CACHE_FLUSH: u16 = 0x8000;
/// `ipv4hint`, RFC 9460 section 14.3.2.
const IPV4_HINT: u16 = 4;
/// `ipv6hint`, RFC 9460 section 14.3.2.
const IPV6_HINT: u16 = 6;

/// One record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record<'a> {
    pub(super) name: Name<'a>,
    pub(super) ttl: u32,
    pub(super) data: Data<'a>,
}

/// What a record holds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Data<'a> {
    Address(IpAddr),
    Alias(Name<'a>),
    Other,
    /// The parameters of a service, RFC 9460 section 2.2.
    Service(&'a [u8]),
}

/// Reads a message from a place on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    message: &'a [u8],
    place: usize,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(message: &'a [u8], place: usize) -> Self {
        Self { message, place }
    }

    /// The name and the type of a question.
    pub(super) fn question(&mut self) -> Option<(Name<'a>, u16)> {
        let (name, place) = Name::read(self.message, self.place)?;
        let (kind, _class) = (be16(self.message, place)?, be16(self.message, place + 2)?);
        self.place = place + 4;
        Some((name, kind))
    }

    /// Takes a question, and tells whether it is one about a host of the Internet, for a type that is in use. Not so
    /// NetBIOS, whose form is the same with names of 32 letters from A to P (RFC 1001 section 14.1).
    pub(super) fn asks_the_internet(&mut self) -> bool {
        let place = self.place;
        let Some((name, kind)) = self.question() else { return false };
        let class = self.place.checked_sub(2).and_then(|place| be16(self.message, place));
        let label = usize::from(self.message.get(place).copied().unwrap_or_default());
        let first = self.message.get(place + 1..place + 1 + label).unwrap_or_default();
        let is_netbios = label == 32 && first.iter().all(|letter| (b'A'..=b'P').contains(letter));
        class.map(|class| class & !CACHE_FLUSH) == Some(CLASS_IN)
            && TYPES_ASKED_FOR.contains(&kind)
            && !is_netbios
            && name.is_plain()
    }

    /// Whether `announced` records follow, and then nothing.
    pub(super) fn ends_after(mut self, announced: u32) -> bool {
        (0..announced).all(|_| self.record().is_some()) && self.place == self.message.len()
    }

    /// Up to `announced` records, until one is not whole.
    pub(super) fn records(mut self, announced: u32) -> impl Iterator<Item = Record<'a>> {
        (0..announced).map_while(move |_| self.record())
    }

    fn record(&mut self) -> Option<Record<'a>> {
        let (name, place) = Name::read(self.message, self.place)?;
        let kind = be16(self.message, place)?;
        let class = be16(self.message, place + 2)? & !CACHE_FLUSH;
        let ttl = be32(self.message, place + 4)?;
        let start = place + 10;
        let end = start + usize::from(be16(self.message, place + 8)?);
        let bytes = self.message.get(start..end)?;
        self.place = end;
        let data = if class == CLASS_IN { self.data(kind, start, bytes) } else { None };
        Some(Record { name, ttl, data: data.unwrap_or(Data::Other) })
    }

    /// What stands in `bytes`, which begin at `start`.
    fn data(&self, kind: u16, start: usize, bytes: &'a [u8]) -> Option<Data<'a>> {
        Some(match (kind, bytes.len()) {
            (TYPE_A, 4) => Data::Address(ipv4(bytes, 0)?.into()),
            (TYPE_AAAA, 16) => Data::Address(ipv6(bytes, 0)?.into()),
            (TYPE_CNAME, _) => Data::Alias(Name::read(self.message, start)?.0),
            (TYPE_SVCB | TYPE_HTTPS, _) => {
                let (_target, place) = Name::read(self.message, start + 2)?;
                Data::Service(bytes.get(place.checked_sub(start)?..)?)
            }
            _ => return None,
        })
    }
}

impl<'a> Data<'a> {
    /// The addresses in it, with what they are there for.
    pub(super) fn addresses(self) -> impl Iterator<Item = (IpAddr, AnswerKind)> + use<'a> {
        let (address, parameters) = match self {
            Self::Address(address) => (Some(address), &[][..]),
            Self::Service(parameters) => (None, parameters),
            Self::Alias(_) | Self::Other => (None, &[][..]),
        };
        let hints = parameters_of(parameters).flat_map(|(key, value)| hints(key, value));
        let hints = hints.map(|address| (address, AnswerKind::Hint));
        address.map(|address| (address, AnswerKind::Address)).into_iter().chain(hints)
    }
}

/// Key and value of each parameter, up to the first that is not whole.
fn parameters_of(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut cursor = Cursor::new(bytes);
    std::iter::from_fn(move || Some((cursor.u16()?, cursor.vector16()?)))
}

fn hints(key: u16, value: &[u8]) -> impl Iterator<Item = IpAddr> {
    let size = match key {
        IPV4_HINT => 4,
        IPV6_HINT => 16,
        _ => usize::MAX,
    };
    value.chunks_exact(size).filter_map(move |address| match key {
        IPV4_HINT => ipv4(address, 0).map(IpAddr::from),
        _ => ipv6(address, 0).map(IpAddr::from),
    })
}
