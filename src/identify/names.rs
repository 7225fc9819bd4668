//! Names: host names as they are compared, how they were learnt, and which name an address had for a client.

use crate::capture::Timestamp;
use crate::flow::PacketRef;
use hashbrown::HashMap;
use std::borrow::Cow;
use std::cell::RefCell;
use std::hash::BuildHasher;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

/// Longest host name, in bytes of its text form (RFC 1035 section 2.3.4 gives 255 octets on the wire).
pub const MAX_NAME_LENGTH: usize = 253;
/// Bindings kept for one client and address. A busy front end carries a handful of names; the oldest go.
const MAX_BINDINGS_EACH: usize = 16;
/// Bindings kept in all: a bound for captures of whole networks (some 300 MB).
const MAX_BINDINGS: usize = 1 << 20;
/// How long past its TTL an answer still names a new connection: programs keep addresses in pools of their own.
const GRACE: Duration = Duration::from_hours(1);

/// How a name was learnt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Via {
    /// An answer that the client got (RFC 1035).
    Dns,
    /// Server name indication of TLS (RFC 6066 section 3).
    Tls,
    /// Server name indication in QUIC's TLS (RFC 9001).
    Quic,
    /// Server name indication of DTLS (RFC 9147).
    Dtls,
    /// A name in the server's certificate (RFC 5280).
    Certificate,
    /// The `Host` of an HTTP request (RFC 9110 section 7.2), or what a `CONNECT` asks for.
    Http,
    /// A host in a SIP message (RFC 3261).
    Sip,
}

impl Via {
    /// The word for it in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Tls => "tls",
            Self::Quic => "quic",
            Self::Dtls => "dtls",
            Self::Certificate => "certificate",
            Self::Http => "http",
            Self::Sip => "sip",
        }
    }
}

impl serde::Serialize for Via {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// The form in which names are kept and compared: lower case, no final dot, no port.
///
/// `None` for what is no host name: empty, too long, an address, or with bytes that are neither letters, digits,
/// `-`, `_`, `.`, `*` nor of UTF-8 beyond ASCII.
pub fn normalise(name: &str) -> Option<Arc<str>> {
    thread_local! {
        static MEMORY: RefCell<Memory> = RefCell::default();
    }
    let name = name.strip_suffix('.').unwrap_or(name);
    MEMORY.with_borrow_mut(|memory| {
        if let Some(known) = memory.place(name)?.as_ref().filter(|known| ***known == *name) {
            return Some(Arc::clone(known));
        }
        let name = normal_form(name)?;
        let place = memory.place(&name)?;
        if place.as_ref().is_none_or(|known| **known != *name) {
            *place = Some(name.into());
        }
        place.clone()
    })
}

fn normal_form(name: &str) -> Option<Cow<'_, str>> {
    if name.is_empty() || name.len() > MAX_NAME_LENGTH || is_address(name) {
        return None;
    }
    let (mut before, mut has_capitals) = (b'.', false);
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'*' | 0x80.. => {}
            b'A'..=b'Z' => has_capitals = true,
            b'.' if before != b'.' => {}
            _ => return None,
        }
        before = byte;
    }
    if before == b'.' {
        return None;
    }
    Some(if has_capitals { name.to_ascii_lowercase().into() } else { name.into() })
}

/// Names of which a thread keeps a copy for all who ask. A network of many clients has some hundred that come again.
const REMEMBERED: usize = 1024;

/// Names in their normal form. The same ones come again and again, and to read each is to look at all its bytes and to
/// make a copy that no one else has at hand.
#[derive(Default)]
struct Memory {
    hasher: foldhash::fast::RandomState,
    /// Each at the place that its hash gives.
    places: Vec<Option<Arc<str>>>,
}

impl Memory {
    fn place(&mut self, name: &str) -> Option<&mut Option<Arc<str>>> {
        self.places.resize(REMEMBERED, None);
        let number = self.hasher.hash_one(name) % REMEMBERED as u64;
        self.places.get_mut(usize::try_from(number).ok()?)
    }
}

/// Whether it is an IPv4 address; what has the colons of IPv6 is no name anyway.
pub(super) fn is_address(name: &str) -> bool {
    name.ends_with(|last: char| last.is_ascii_digit()) && name.parse::<Ipv4Addr>().is_ok()
}

/// What a DNS answer tells a client: this name has these addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameBinding {
    /// Who asked.
    pub client: IpAddr,
    /// The name asked for, then the names it is an alias of, in order; each normalised.
    pub names: Arc<[Arc<str>]>,
    /// The addresses it was given.
    pub addresses: Vec<IpAddr>,
    /// When the answer came.
    pub time: Timestamp,
    /// How long the answer may be kept.
    pub ttl: Duration,
    /// The packet with the answer.
    pub packet: PacketRef,
}

type ByAddress<T> = HashMap<IpAddr, T, foldhash::fast::RandomState>;

/// Names of addresses for one client, by time.
#[derive(Clone, Copy, Debug, Default)]
pub struct ClientNames<'a> {
    bindings: &'a [NameBinding],
    /// For an address: indices into `bindings`.
    index: Option<&'a ByAddress<Vec<u32>>>,
}

impl<'a> ClientNames<'a> {
    /// As [`NameTable::lookup`].
    pub fn lookup(&self, address: IpAddr, time: Timestamp) -> Option<&'a NameBinding> {
        let positions = self.index?.get(&address)?;
        let known =
            positions.iter().filter_map(|position| self.bindings.get(usize::try_from(*position).ok()?));
        let fresh =
            known.filter(|binding| binding.time <= time && time.since(binding.time) <= binding.ttl + GRACE);
        // Of several in one packet the first counts.
        fresh.rev().max_by_key(|binding| (binding.time, binding.packet))
    }
}

/// Names of addresses, by client and time.
#[derive(Debug, Default)]
pub struct NameTable {
    bindings: Vec<NameBinding>,
    /// For a client and an address: indices into `bindings`.
    index: ByAddress<ByAddress<Vec<u32>>>,
    forgotten: u64,
}

impl NameTable {
    /// Adds what an answer tells. Past the bounds the binding is left out and counted.
    pub fn insert(&mut self, binding: NameBinding) {
        let position = u32::try_from(self.bindings.len());
        let (Ok(position), true) = (position, self.bindings.len() < MAX_BINDINGS) else {
            self.forgotten = self.forgotten.saturating_add(1);
            return;
        };
        let of_client = self.index.entry(binding.client).or_default();
        for address in &binding.addresses {
            let positions = of_client.entry(*address).or_default();
            if positions.len() >= MAX_BINDINGS_EACH {
                positions.remove(0);
                self.forgotten = self.forgotten.saturating_add(1);
            }
            positions.push(position);
        }
        self.bindings.push(binding);
    }

    /// What `address` was called when `client` turned to it at `time`: the latest answer from before that is not
    /// stale.
    pub fn lookup(&self, client: IpAddr, address: IpAddr, time: Timestamp) -> Option<&NameBinding> {
        self.of_client(client).lookup(address, time)
    }

    /// What was answered to `client`.
    pub fn of_client(&self, client: IpAddr) -> ClientNames<'_> {
        ClientNames { bindings: &self.bindings, index: self.index.get(&client) }
    }

    /// Every binding, in the order in which they were added.
    pub fn bindings(&self) -> &[NameBinding] {
        &self.bindings
    }

    /// Bindings that a bound kept out or pushed out.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1));

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_nanoseconds(seconds * 1_000_000_000)
    }

    fn binding(name: &str, seconds: i64) -> NameBinding {
        NameBinding {
            client: CLIENT,
            names: [name.into()].into(),
            addresses: vec![SERVER],
            time: at(seconds),
            ttl: Duration::from_mins(1),
            packet: PacketRef::new(0, 1),
        }
    }

    fn name(table: &NameTable, client: IpAddr, seconds: i64) -> Option<&str> {
        table.lookup(client, SERVER, at(seconds)).map(|binding| &*binding.names[0])
    }

    #[test]
    fn names_are_compared_in_lower_case_without_the_final_dot() {
        assert_eq!(normalise("Zoom.US.").as_deref(), Some("zoom.us"));
        assert_eq!(normalise("*.zoom.us").as_deref(), Some("*.zoom.us"));
    }

    #[test]
    fn a_name_that_comes_again_is_the_same_copy_and_no_other_name() {
        let names: Vec<String> = (0..4 * REMEMBERED).map(|i| format!("N{i}.example")).collect();
        for _ in 0..2 {
            for name in &names {
                let (first, again) = (normalise(name).unwrap(), normalise(&format!("{name}.")).unwrap());
                assert!(Arc::ptr_eq(&first, &again));
                assert_eq!(*first, name.to_lowercase());
            }
        }
    }

    #[test]
    fn addresses_and_rubbish_are_no_names() {
        let long = "a.".repeat(128);
        for text in ["", ".", "a..b", "52.114.250.152", "[2001:db8::1]", "a b", "a\u{7}b", "<b>", &long] {
            assert_eq!(normalise(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_latest_answer_before_the_connection_names_it() {
        let mut table = NameTable::default();
        table.insert(binding("a.example", 10));
        table.insert(binding("b.example", 20));
        assert_eq!(name(&table, CLIENT, 15), Some("a.example"));
        assert_eq!(name(&table, CLIENT, 25), Some("b.example"));
        assert_eq!(name(&table, CLIENT, 5), None, "an answer after the connection does not name it");
    }

    #[test]
    fn an_answer_names_nothing_for_another_client_or_when_stale() {
        let mut table = NameTable::default();
        table.insert(binding("a.example", 10));
        assert_eq!(name(&table, SERVER, 15), None);
        assert_eq!(name(&table, CLIENT, 10 + 60 + 3600), Some("a.example"));
        assert_eq!(name(&table, CLIENT, 11 + 60 + 3600), None);
    }

    #[test]
    fn a_name_server_that_floods_one_address_pushes_out_the_oldest() {
        let mut table = NameTable::default();
        for i in 0..40 {
            table.insert(binding(&format!("n{i}.example"), i));
        }
        assert_eq!(name(&table, CLIENT, 50), Some("n39.example"));
        assert_eq!(name(&table, CLIENT, 24), Some("n24.example"));
        assert_eq!(name(&table, CLIENT, 23), None);
        assert_eq!(table.forgotten(), 24);
    }
}
