//! X.509 certificates (RFC 5280) that say what the samples need and are signed with noise.

use super::random::Random;

/// What a certificate says.
#[derive(Clone, Copy)]
pub(crate) struct Certificate {
    pub(crate) common_name: &'static str,
    pub(crate) organization: Option<&'static str>,
    pub(crate) alternative_names: &'static [&'static str],
    pub(crate) issuer: &'static str,
    /// `YYMMDDhhmmssZ`, first and last.
    pub(crate) validity: [&'static str; 2],
}

// Tags of DER, X.690.
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const OBJECT_IDENTIFIER: u8 = 0x06;
const UTF8_STRING: u8 = 0x0c;
const UTC_TIME: u8 = 0x17;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;

const COMMON_NAME: &[u8] = &[0x55, 4, 3];
const ORGANIZATION: &[u8] = &[0x55, 4, 10];
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
const SHA256_WITH_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11];

impl Certificate {
    /// The certificate in DER. Its key and signature are random bytes: they are nobody's.
    pub(crate) fn der(&self, random: &Random) -> Vec<u8> {
        let mut serial = random.bytes(16);
        serial[0] = 0x0b;
        let mut body = tagged(0xa0, &tagged(INTEGER, &[2]));
        body.extend(tagged(INTEGER, &serial));
        body.extend(algorithm(SHA256_WITH_RSA));
        body.extend(name(self.issuer, None));
        body.extend(tagged(SEQUENCE, &self.validity.map(|time| tagged(UTC_TIME, time.as_bytes())).concat()));
        body.extend(name(self.common_name, self.organization));
        body.extend(rsa_key(random));
        if !self.alternative_names.is_empty() {
            body.extend(tagged(0xa3, &tagged(SEQUENCE, &self.subject_alt_name())));
        }
        let signed = [tagged(SEQUENCE, &body), algorithm(SHA256_WITH_RSA), bits(&random.bytes(256))];
        tagged(SEQUENCE, &signed.concat())
    }

    fn subject_alt_name(&self) -> Vec<u8> {
        const DNS_NAME: u8 = 0x82;
        let names: Vec<u8> =
            self.alternative_names.iter().flat_map(|name| tagged(DNS_NAME, name.as_bytes())).collect();
        let value = tagged(OCTET_STRING, &tagged(SEQUENCE, &names));
        tagged(SEQUENCE, &[tagged(OBJECT_IDENTIFIER, SUBJECT_ALT_NAME), value].concat())
    }
}

fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut value = vec![tag];
    match length {
        0..=0x7f => value.push(length as u8),
        0x80..=0xff => value.extend_from_slice(&[0x81, length as u8]),
        _ => value.extend_from_slice(&[0x82, (length >> 8) as u8, length as u8]),
    }
    value.extend_from_slice(content);
    value
}

fn bits(content: &[u8]) -> Vec<u8> {
    tagged(BIT_STRING, &[&[0], content].concat())
}

fn algorithm(identifier: &[u8]) -> Vec<u8> {
    const NULL: &[u8] = &[0x05, 0];
    tagged(SEQUENCE, &[&tagged(OBJECT_IDENTIFIER, identifier), NULL].concat())
}

fn name(common_name: &str, organization: Option<&str>) -> Vec<u8> {
    let part = |kind: &[u8], text: &str| {
        let pair = [tagged(OBJECT_IDENTIFIER, kind), tagged(UTF8_STRING, text.as_bytes())].concat();
        tagged(SET, &tagged(SEQUENCE, &pair))
    };
    let mut parts = organization.map(|text| part(ORGANIZATION, text)).unwrap_or_default();
    parts.extend(part(COMMON_NAME, common_name));
    tagged(SEQUENCE, &parts)
}

fn rsa_key(random: &Random) -> Vec<u8> {
    let modulus = [&[0, 0xc3], &random.bytes(255)[..]].concat();
    let key = [tagged(INTEGER, &modulus), tagged(INTEGER, &[1, 0, 1])].concat();
    tagged(SEQUENCE, &[algorithm(RSA_ENCRYPTION), bits(&tagged(SEQUENCE, &key))].concat())
}
