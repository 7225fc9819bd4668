//! Pseudonyms: what tells who took part is replaced, the same by the same, prefixes by prefixes.
//!
//! An address of a private network stays in its block. A public one becomes an address in 240.0.0.0/4 or
//! `2001:db8::/32`: a pseudonym must not be somebody else's address, nor lie in a country.

mod block;
mod classify;
mod hosts;
mod scan;

pub(super) use hosts::is_local;
pub(super) use scan::{Piece, Scanner};

use super::{EvidenceError, Key};
use crate::locate::{EmbeddedIpv4, Embedding};
use crate::pipeline::Inspected;
use block::Block;
use classify::Classes;
use ipcrypt_rs::IpcryptPfx;
use sha2::{Digest, Sha256};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

/// Steps taken to find a pseudonym that is nobody's before giving up: blocks are larger than captures.
const MAX_STEPS: usize = 1 << 16;

const BROADCAST: IpAddr = IpAddr::V4(Ipv4Addr::BROADCAST);

/// Bytes of a digest that a name's pseudonym shows: no two of a million names will be the same.
const NAME_BYTES: usize = 5;

/// Replaces what tells who took part.
pub struct Pseudonyms {
    key: Key,
    cipher: IpcryptPfx,
    classes: Classes,
    /// Every address that the captures have and that is replaced, with what replaces it.
    addresses: BTreeMap<IpAddr, IpAddr>,
    /// Names that are replaced for what they are bound to, in small letters.
    names: BTreeSet<String>,
    /// MAC addresses that were replaced so far, twice as many as packets at most.
    macs: RefCell<BTreeSet<[u8; 6]>>,
}

impl fmt::Debug for Pseudonyms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pseudonyms").field("addresses", &self.addresses.len()).finish_non_exhaustive()
    }
}

impl Pseudonyms {
    /// Pseudonyms for what `inspected` has. Its report must be as it was made.
    pub fn new(key: Key, inspected: &Inspected) -> Result<Self, EvidenceError> {
        let cipher = IpcryptPfx::new(*key.bytes());
        let classes = Classes::new(inspected);
        let hidden: BTreeSet<IpAddr> =
            classify::known(inspected).into_iter().filter(|address| classes.hides(*address)).collect();
        let names = hosts::bound(inspected, &classes);
        let mut pseudonyms =
            Self { key, cipher, classes, addresses: BTreeMap::new(), names, macs: RefCell::default() };
        pseudonyms.addresses = pseudonyms.assign(&hidden)?;
        Ok(pseudonyms)
    }

    /// The key.
    pub const fn key(&self) -> &Key {
        &self.key
    }

    /// Whether `address` is replaced.
    pub fn hides(&self, address: IpAddr) -> bool {
        self.addresses.contains_key(&address) || self.classes.hides(address)
    }

    /// What stands for `address`: itself, where it is a server's.
    pub fn address(&self, address: IpAddr) -> IpAddr {
        if let Some(pseudonym) = self.addresses.get(&address) {
            return *pseudonym;
        }
        if self.classes.hides(address) { self.step(address) } else { address }
    }

    /// The addresses that are replaced.
    pub(super) fn originals(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.addresses.keys().copied()
    }

    /// Names that are replaced for what they are bound to.
    pub(super) fn hidden_names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// Whether a host name is replaced.
    pub fn hides_name(&self, name: &str) -> bool {
        let name = name.trim_end_matches('.').to_lowercase();
        self.names.contains(&name)
            || is_local(&name)
            || Scanner::new(&name).any(|piece| self.is_hidden_piece(&piece))
    }

    /// What stands for a host name.
    pub fn name(&self, name: &str) -> String {
        if !self.hides_name(name) {
            return name.to_owned();
        }
        let digest = self.digest(b"name", name.trim_end_matches('.').to_lowercase().as_bytes());
        let shown = digest.get(..NAME_BYTES).unwrap_or_default();
        // RFC 6761 section 6.4: no host has such a name.
        format!("host-{}.invalid", super::manifest::hexadecimal(shown))
    }

    /// `text` with every address and name in it that is replaced.
    pub fn text(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        for word in scan::words(text) {
            out.push_str(&self.word(word));
        }
        out
    }

    /// What stands for a MAC address; one for many stations stays one, and so does that for all.
    pub fn mac(&self, mac: [u8; 6]) -> [u8; 6] {
        if mac == [0xff; 6] || mac == [0; 6] {
            return mac;
        }
        self.macs.borrow_mut().insert(mac);
        let [group, ..] = mac;
        let mut pseudonym: [u8; 6] = self.digest(b"mac", &mac).first_chunk().copied().unwrap_or_default();
        // Locally administered, IEEE 802c: no maker has given it to anything.
        let [first, ..] = &mut pseudonym;
        *first = *first & 0xfc | 2 | group & 1;
        pseudonym
    }

    /// Whether this MAC address was replaced somewhere.
    pub(super) fn is_original_mac(&self, mac: [u8; 6]) -> bool {
        let macs = self.macs.borrow();
        !macs.is_empty() && macs.contains(&mac)
    }

    /// Whether `address` is one of the captures' that is replaced.
    pub(super) fn is_original(&self, address: IpAddr) -> bool {
        self.addresses.contains_key(&address)
    }

    /// Bytes that stand for an identifier, such as a user name or a transaction's.
    pub(super) fn digest(&self, kind: &[u8], value: &[u8]) -> [u8; 32] {
        let mut hasher = Sha256::new();
        hasher.update(self.key.bytes());
        // The kind ends where the zero is, so that no two pairs are one text.
        hasher.update(kind);
        hasher.update([0]);
        hasher.update(value);
        hasher.finalize().into()
    }

    fn word(&self, word: &str) -> String {
        match Piece::address_of(word) {
            Some((address, before, after)) if self.hides(address) => {
                format!("{before}{}{after}", self.address(address))
            }
            Some(_) => word.to_owned(),
            None => self.name_in(word),
        }
    }

    /// A word that may be a name, with a port or a full stop after it.
    fn name_in(&self, word: &str) -> String {
        let name = word.trim_end_matches(['.', ',', ':']);
        let (name, _) = name.split_once(':').unwrap_or((name, ""));
        // A single label is a word like any other unless a host is known by it.
        let is_name = name.contains('.') || self.names.contains(&name.to_lowercase());
        if !is_name || !self.hides_name(name) {
            return word.to_owned();
        }
        let rest = word.strip_prefix(name).unwrap_or_default();
        format!("{}{rest}", self.name(name))
    }

    fn is_hidden_piece(&self, piece: &Piece) -> bool {
        match piece {
            Piece::Address(address) => self.addresses.contains_key(address),
            Piece::Mac(_) => false,
        }
    }

    /// Pseudonyms for `hidden`, no two the same and none an address of the captures.
    fn assign(&self, hidden: &BTreeSet<IpAddr>) -> Result<BTreeMap<IpAddr, IpAddr>, EvidenceError> {
        let mut taken: HashSet<IpAddr> = hidden.iter().copied().collect();
        let mut assigned = BTreeMap::new();
        for address in hidden {
            let mut pseudonym = self.step(*address);
            let mut steps = 0;
            // The last of the block means every host.
            while pseudonym == BROADCAST || self.classes.is_kept(pseudonym) || !taken.insert(pseudonym) {
                steps += 1;
                if steps > MAX_STEPS {
                    return Err(EvidenceError::TooManyAddresses);
                }
                pseudonym = self.step(pseudonym);
            }
            assigned.insert(*address, pseudonym);
        }
        Ok(assigned)
    }

    /// The address that the cipher gives, in the block of pseudonyms for such addresses.
    fn step(&self, address: IpAddr) -> IpAddr {
        if let Some(EmbeddedIpv4 { address: inner, via: Embedding::Mapped }) = EmbeddedIpv4::of(address) {
            return match self.step(IpAddr::V4(inner)) {
                IpAddr::V4(inner) => IpAddr::V6(inner.to_ipv6_mapped()),
                other @ IpAddr::V6(_) => other,
            };
        }
        Block::of(address).place(address, self.cipher.encrypt_ipaddr(address))
    }
}

#[cfg(test)]
pub(super) mod tests;
