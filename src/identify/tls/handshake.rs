//! Handshake messages: what each adds to what is known of one side.

use super::hello::{ClientHello, Dialect, ServerHello};
use crate::identify::certificate::CertificateNames;
use crate::identify::cursor::Cursor;
use crate::identify::ja3::Ja3;
use std::sync::Arc;

/// Alerts that are kept of one side. A connection has one or two.
const MAX_ALERTS: usize = 8;
/// Fingerprints kept of hellos after the first. A server may ask for one more hello.
const MAX_FURTHER_JA3: usize = 3;

/// `client_hello`, RFC 8446 section 4.
pub(crate) const CLIENT_HELLO: u8 = 1;
/// `server_hello`, RFC 8446 section 4.
pub(crate) const SERVER_HELLO: u8 = 2;
/// `hello_verify_request`, RFC 6347 section 4.2.1.
const HELLO_VERIFY_REQUEST: u8 = 3;
/// `certificate`, RFC 5246 section 7.4.2.
const CERTIFICATE: u8 = 11;

/// Where the first certificate of a list begins: after the lengths of both, RFC 5246 section 7.4.2.
const LEAF: usize = 6;

/// An alert in clear, RFC 8446 section 6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alert {
    /// 1 warning, 2 fatal.
    pub level: u8,
    /// Why, by its IANA number.
    pub description: u8,
}

impl Alert {
    /// Reads the content of an alert record; `None` if it is encrypted or malformed.
    pub(crate) const fn read(content: &[u8]) -> Option<Self> {
        match content {
            [level @ 1..=2, description] => Some(Self { level: *level, description: *description }),
            _ => None,
        }
    }

    /// Whether the connection ends with it.
    pub const fn is_fatal(self) -> bool {
        self.level == 2
    }

    /// The name of the description in the IANA registry; `None` for a number without one.
    pub const fn name(self) -> Option<&'static str> {
        alert_name(self.description)
    }
}

/// The name of an alert description in the IANA registry of TLS alerts. QUIC has the same in its errors 0x100 to 0x1ff.
pub(crate) const fn alert_name(description: u8) -> Option<&'static str> {
    Some(match description {
        0 => "close_notify",
        10 => "unexpected_message",
        20 => "bad_record_mac",
        21 => "decryption_failed",
        22 => "record_overflow",
        30 => "decompression_failure",
        40 => "handshake_failure",
        41 => "no_certificate",
        42 => "bad_certificate",
        43 => "unsupported_certificate",
        44 => "certificate_revoked",
        45 => "certificate_expired",
        46 => "certificate_unknown",
        47 => "illegal_parameter",
        48 => "unknown_ca",
        49 => "access_denied",
        50 => "decode_error",
        51 => "decrypt_error",
        60 => "export_restriction",
        70 => "protocol_version",
        71 => "insufficient_security",
        80 => "internal_error",
        86 => "inappropriate_fallback",
        90 => "user_canceled",
        100 => "no_renegotiation",
        109 => "missing_extension",
        110 => "unsupported_extension",
        111 => "certificate_unobtainable",
        112 => "unrecognized_name",
        113 => "bad_certificate_status_response",
        114 => "bad_certificate_hash_value",
        115 => "unknown_psk_identity",
        116 => "certificate_required",
        120 => "no_application_protocol",
        121 => "ech_required",
        _ => return None,
    })
}

/// What one side of a TLS or DTLS connection has said in clear.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each seen or not")]
pub struct Flight {
    /// The first client hello. A side has one or the other hello, and holds no room for both.
    pub client_hello: Option<Box<ClientHello>>,
    /// Fingerprints of the client hellos after the first that differ from it and each other: what answers a retry
    /// request has other extensions (RFC 8446 section 4.1.2).
    pub further_ja3: Vec<Ja3>,
    /// The server hello that is not a retry request.
    pub server_hello: Option<Box<ServerHello>>,
    /// Whether the server asked for another client hello (RFC 8446 section 4.1.4).
    pub hello_retry_request: bool,
    /// Whether the server asked for the hello again with a cookie (DTLS, RFC 6347 section 4.2.1).
    pub hello_verify_request: bool,
    /// Names out of the side's own certificate; TLS 1.2 and DTLS 1.2 and before.
    pub certificate: Option<Arc<CertificateNames>>,
    /// Alerts in clear, in order.
    pub alerts: Vec<Alert>,
    /// Whether the side announced that it encrypts from here on (in TLS 1.3 without meaning).
    pub change_cipher_spec: bool,
    /// Bytes in the first encrypted record; `None` where there was no such record.
    pub first_protected: Option<u16>,
    /// Whether the side opened with a client hello in the form of SSL 2.0 (RFC 5246 appendix E.2).
    pub sslv2_hello: bool,
}

impl Flight {
    /// How many bytes of a message's body, which has `length` of them and begins with `body`, tell all that is read of it.
    /// Of a list of certificates these are the first one's.
    pub(super) fn needed(&self, kind: u8, length: usize, body: &[u8]) -> usize {
        match kind {
            CLIENT_HELLO | SERVER_HELLO | HELLO_VERIFY_REQUEST => length,
            CERTIFICATE if self.certificate.is_none() => length.min(end_of_leaf(body).unwrap_or(LEAF)),
            _ => 0,
        }
    }

    /// Takes in a handshake message. `whole` says that no bytes are missing at its end.
    pub(crate) fn message(&mut self, kind: u8, body: &[u8], whole: bool, dialect: Dialect) {
        match kind {
            CLIENT_HELLO if self.client_hello.as_ref().is_none_or(|hello| !hello.complete) => {
                if let Some(hello) = ClientHello::read(body, whole, dialect) {
                    self.client_hello = Some(Box::new(hello));
                }
            }
            CLIENT_HELLO if self.further_ja3.len() < MAX_FURTHER_JA3 => {
                let ja3 = ClientHello::read(body, whole, dialect).and_then(|hello| hello.ja3);
                let first = self.client_hello.as_ref().and_then(|hello| hello.ja3.as_ref());
                self.further_ja3
                    .extend(ja3.filter(|ja3| Some(ja3) != first && !self.further_ja3.contains(ja3)));
            }
            SERVER_HELLO => self.server_hello(body, whole),
            HELLO_VERIFY_REQUEST => self.hello_verify_request = true,
            CERTIFICATE if self.certificate.is_none() => {
                self.certificate = leaf(body).and_then(CertificateNames::recall);
            }
            _ => {}
        }
    }

    fn server_hello(&mut self, body: &[u8], whole: bool) {
        let Some(hello) = ServerHello::read(body, whole) else { return };
        if hello.retry {
            self.hello_retry_request = true;
        } else if self.server_hello.as_ref().is_none_or(|known| !known.complete) {
            self.server_hello = Some(Box::new(hello));
        }
    }

    pub(crate) fn alert(&mut self, alert: Alert) {
        if self.alerts.len() < MAX_ALERTS {
            self.alerts.push(alert);
        }
    }

    pub(crate) fn protected(&mut self, length: usize) {
        self.first_protected.get_or_insert(u16::try_from(length).unwrap_or(u16::MAX));
    }
}

/// The first certificate of a list, RFC 5246 section 7.4.2. The list itself may be cut after it.
fn leaf(body: &[u8]) -> Option<&[u8]> {
    let mut cursor = Cursor::new(body);
    cursor.u24()?;
    cursor.vector24()
}

/// Where the first certificate of a list ends; `None` where that takes more bytes.
fn end_of_leaf(body: &[u8]) -> Option<usize> {
    let mut cursor = Cursor::new(body);
    cursor.u24()?;
    LEAF.checked_add(usize::try_from(cursor.u24()?).ok()?)
}

/// Bytes of an encrypted record of TLS 1.3 that holds an alert: two, the content type and a tag of 16.
const PROTECTED_ALERT: u16 = 2 + 1 + 16;

/// Whether a handshake came to its end: both sides encrypt, and the client did not answer with an alert.
///
/// In TLS 1.3 the length of the client's first encrypted record is what tells; early data (RFC 8446 section 2.3)
/// looks the same as a finished handshake.
pub fn is_established(client: &Flight, server: &Flight) -> bool {
    let (Some(from_client), Some(_)) = (client.first_protected, server.first_protected) else { return false };
    match &server.server_hello {
        Some(hello) if hello.version.hides_certificates() => from_client != PROTECTED_ALERT,
        Some(_) => client.change_cipher_spec && server.change_cipher_spec,
        None => false,
    }
}
