//! Names out of an X.509 certificate (RFC 5280).

use super::names::normalise;
use super::tls::text;
use std::cell::RefCell;
use std::hash::BuildHasher;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::x509::AttributeTypeAndValue;

/// Bytes of a certificate that is read. Real ones with a hundred names have 5 kB.
const MAX_CERTIFICATE: usize = 32 * 1024;
/// Names that are kept of each kind. Shared certificates of content networks have up to 250.
const MAX_NAMES: usize = 256;
/// Certificates that a thread remembers. A network of many clients sees some hundred, which should rarely share a place.
const REMEMBERED: usize = 1024;
/// Bytes at the end of a certificate that choose its place.
const SIGNATURE: usize = 16;
/// Bytes of a certificate that is remembered, as nearly all have: it bounds the memory to 4 MB a thread.
const MAX_REMEMBERED: usize = 4096;

/// The names in a certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateNames {
    /// Common name of the subject.
    pub common_name: Option<String>,
    /// Organisation of the subject.
    pub organization: Option<String>,
    /// Common name of the issuer.
    pub issuer_common_name: Option<String>,
    /// Organisation of the issuer.
    pub issuer_organization: Option<String>,
    /// DNS names the certificate is for, in its order; they may begin with `*.`.
    pub dns_names: Vec<String>,
    /// Addresses the certificate is for.
    pub addresses: Vec<IpAddr>,
    /// The common name and the DNS names that are host names, in the form of [`normalise`], each once.
    pub hosts: Arc<[Arc<str>]>,
}

impl CertificateNames {
    /// Reads the names out of a certificate in DER; `None` if it is not one.
    pub fn read(der: &[u8]) -> Option<Self> {
        if der.len() > MAX_CERTIFICATE {
            return None;
        }
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let (subject, issuer) = (certificate.subject(), certificate.issuer());
        let mut names = Self {
            common_name: first(subject.iter_common_name()),
            organization: first(subject.iter_organization()),
            issuer_common_name: first(issuer.iter_common_name()),
            issuer_organization: first(issuer.iter_organization()),
            ..Self::default()
        };
        if let Ok(Some(alternatives)) = certificate.subject_alternative_name() {
            alternatives.value.general_names.iter().take(MAX_NAMES).for_each(|name| names.add(name));
        }
        let all = names.common_name.iter().chain(&names.dns_names);
        let mut hosts: Vec<Arc<str>> = Vec::new();
        for host in all.filter_map(|name| normalise(name)) {
            if !hosts.contains(&host) {
                hosts.push(host);
            }
        }
        names.hosts = hosts.into();
        Some(names)
    }

    /// As [`Self::read`], but reads a certificate that the thread has seen lately only once.
    pub(crate) fn recall(der: &[u8]) -> Option<Arc<Self>> {
        thread_local! {
            static MEMORY: RefCell<Memory> = RefCell::default();
        }
        MEMORY.with_borrow_mut(|memory| memory.read(der))
    }

    fn add(&mut self, name: &GeneralName<'_>) {
        match name {
            GeneralName::DNSName(name) if !name.is_empty() => self.dns_names.push(text(name.as_bytes())),
            GeneralName::IPAddress(bytes) => self.addresses.extend(address(bytes)),
            _ => {}
        }
    }
}

/// Certificates and their names. Servers send the same ones again and again, and reading one takes as long as all
/// else in a handshake together. Its bytes, and not only their hash, have to be the same.
#[derive(Default)]
struct Memory {
    hasher: foldhash::fast::RandomState,
    /// Each at the place that its hash gives; a later one moves an earlier to the place beside it.
    places: Vec<Option<Remembered>>,
}

/// A certificate's bytes and its names.
type Remembered = (Box<[u8]>, Arc<CertificateNames>);

impl Memory {
    fn read(&mut self, der: &[u8]) -> Option<Arc<CertificateNames>> {
        // The signature at the end is as random as a hash of the whole.
        let end = der.get(der.len().saturating_sub(SIGNATURE)..)?;
        let number = self.hasher.hash_one(end) % REMEMBERED as u64;
        let place = usize::try_from(number).ok()?;
        for known in [place, place ^ 1].into_iter().filter_map(|place| self.places.get(place)?.as_ref()) {
            if *known.0 == *der {
                return Some(Arc::clone(&known.1));
            }
        }
        let names = Arc::new(CertificateNames::read(der)?);
        if der.len() > MAX_REMEMBERED {
            return Some(names);
        }
        self.places.resize(REMEMBERED, None);
        let known = self.places.get_mut(place)?.replace((der.into(), Arc::clone(&names)));
        if let (Some(neighbour), Some(_)) = (self.places.get_mut(place ^ 1), &known) {
            *neighbour = known;
        }
        Some(names)
    }
}

fn first<'a>(mut attributes: impl Iterator<Item = &'a AttributeTypeAndValue<'a>>) -> Option<String> {
    let bytes = attributes.next()?.as_slice();
    (!bytes.is_empty()).then(|| text(bytes))
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(|bytes| Ipv4Addr::from(bytes).into());
    let v6 = <[u8; 16]>::try_from(bytes).map(|bytes| Ipv6Addr::from(bytes).into());
    v4.or(v6).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identify::tls::build::{CERTIFICATE, bytes};
    use proptest::prelude::*;

    #[test]
    fn a_cut_certificate_has_no_names() {
        let der = bytes(CERTIFICATE);
        assert!(CertificateNames::read(&der).is_some());
        for cut in 0..der.len() {
            assert_eq!(CertificateNames::read(&der[..cut]), None);
        }
    }

    #[test]
    fn a_certificate_that_is_remembered_has_the_names_that_it_was_read_with() {
        let (mut memory, der) = (Memory::default(), bytes(CERTIFICATE));
        let changed: Vec<Vec<u8>> =
            (0..2 * REMEMBERED).map(|i| [&der, i.to_be_bytes().as_slice()].concat()).collect();
        for _ in 0..2 {
            let (first, again) = (memory.read(&der).unwrap(), memory.read(&der).unwrap());
            assert!(Arc::ptr_eq(&first, &again));
            assert_eq!(*first, CertificateNames::read(&der).unwrap());
            for other in &changed {
                assert_eq!(memory.read(other).as_deref(), CertificateNames::read(other).as_ref());
            }
            assert_eq!(memory.read(&der[..9]), None);
            assert_eq!(memory.places.len(), REMEMBERED);
        }
    }

    #[test]
    fn an_address_of_another_length_is_none() {
        assert_eq!(address(&[192, 0, 2, 1, 255, 255, 255, 0]), None);
    }

    proptest! {
        #[test]
        fn a_changed_certificate_does_no_harm(place: prop::sample::Index, byte: u8, tail: Vec<u8>) {
            let mut der = bytes(CERTIFICATE);
            let place = place.index(der.len());
            der[place] = byte;
            der.extend(tail);
            let names = CertificateNames::read(&der).unwrap_or_default();
            prop_assert!(names.dns_names.len() + names.addresses.len() <= MAX_NAMES);
        }
    }
}
