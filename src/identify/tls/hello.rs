//! The two hellos of TLS and DTLS, read as far as their bytes go.

use super::name::{ServerName, text};
use crate::identify::cursor::{Cursor, numbers};
use crate::identify::ja3::{ClientFields, Ja3, is_grease};
use std::borrow::Cow;
use std::fmt;

/// Protocols of the ALPN extension that are kept. Clients offer two or three.
const MAX_ALPN: usize = 16;
/// Versions and SRTP profiles that are kept.
const MAX_VALUES: usize = 32;

/// `server_name`, RFC 6066 section 3.
const SERVER_NAME: u16 = 0;
/// `use_srtp`, RFC 5764 section 4.1.1.
const USE_SRTP: u16 = 14;
/// `application_layer_protocol_negotiation`, RFC 7301 section 3.1.
const ALPN: u16 = 16;
/// `supported_versions`, RFC 8446 section 4.2.1.
const SUPPORTED_VERSIONS: u16 = 43;
/// `encrypted_client_hello`, RFC 9849 section 5.
const ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;
/// `encrypted_server_name` of the drafts that came before it.
const ENCRYPTED_SERVER_NAME: u16 = 0xffce;

/// The random of a server hello that is a hello retry request, RFC 8446 section 4.1.3.
const HELLO_RETRY: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2,
    0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// A protocol version as it is on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TlsVersion(pub u16);

impl TlsVersion {
    /// TLS 1.3, RFC 8446.
    pub const TLS13: Self = Self(0x0304);
    /// DTLS 1.3, RFC 9147.
    pub const DTLS13: Self = Self(0xfefc);

    /// Whether the certificates of this version are encrypted (1.3 and its drafts, which have numbers of their own).
    pub const fn hides_certificates(self) -> bool {
        let [high, _] = self.0.to_be_bytes();
        matches!(self, Self::TLS13 | Self::DTLS13) || is_draft(high)
    }
}

/// First byte of the version of TLS 1.3 drafts, the IETF's and Facebook's.
const fn is_draft(high: u8) -> bool {
    matches!(high, 0x7f | 0xfb | 0xfa)
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.0 {
            0x0002 => "SSL 2.0",
            0x0300 => "SSL 3.0",
            0x0301 => "TLS 1.0",
            0x0302 => "TLS 1.1",
            0x0303 => "TLS 1.2",
            0x0304 => "TLS 1.3",
            0x0100 | 0xfeff => "DTLS 1.0",
            0xfefd => "DTLS 1.2",
            0xfefc => "DTLS 1.3",
            other => return write!(f, "0x{other:04x}"),
        };
        f.pad(name)
    }
}

/// Which layout a hello has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// RFC 8446 section 4.1.2; also inside QUIC.
    Tls,
    /// With a cookie, RFC 9147 section 5.3.
    Dtls,
}

/// What a client hello says of encrypting itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncryptedHello {
    /// RFC 9849. Chrome sends this form also without meaning it (GREASE), with the true name outside.
    Outer,
    /// The inner hello of RFC 9849, which should not be seen in clear.
    Inner,
    /// The encrypted server name of the earlier drafts.
    ServerName,
}

/// A client hello.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientHello {
    /// The version field, which TLS 1.3 leaves at 1.2.
    pub legacy_version: TlsVersion,
    /// The versions extension; empty where there is none.
    pub supported_versions: Vec<TlsVersion>,
    /// The server's name, RFC 6066 section 3. It may be false: see [`Self::encrypted_hello`].
    pub server_name: Option<ServerName>,
    /// Application protocols offered, RFC 7301.
    pub alpn: Vec<Cow<'static, str>>,
    /// Whether (part of) the true hello is encrypted.
    pub encrypted_hello: Option<EncryptedHello>,
    /// Protection profiles of the `use_srtp` extension (RFC 5764): keys for media are wanted.
    pub srtp_profiles: Vec<u16>,
    /// The fingerprint; `None` where the hello is not whole.
    pub ja3: Option<Ja3>,
    /// Whether every byte of the hello was there and made sense.
    pub complete: bool,
}

impl ClientHello {
    /// The highest version the client offers.
    pub fn version(&self) -> TlsVersion {
        // Versions of DTLS count downwards.
        let rank = |version: &TlsVersion| if version.0 >= 0xfe00 { !version.0 } else { version.0 };
        self.supported_versions.iter().copied().max_by_key(rank).unwrap_or(self.legacy_version)
    }

    /// Reads the body of a hello. `whole` says that no bytes are missing at its end.
    pub(crate) fn read(body: &[u8], whole: bool, dialect: Dialect) -> Option<Self> {
        let mut cursor = Cursor::new(body);
        let mut hello = Self {
            legacy_version: TlsVersion(cursor.u16()?),
            supported_versions: Vec::new(),
            server_name: None,
            alpn: Vec::new(),
            encrypted_hello: None,
            srtp_profiles: Vec::new(),
            ja3: None,
            complete: false,
        };
        if let Some((ciphers, extensions, end)) = split_client_hello(&mut cursor, dialect) {
            let mut fields = ClientFields::new(hello.legacy_version.0, ciphers);
            let walked = walk(extensions, |kind, content| {
                fields.extension(kind, content);
                hello.extension(kind, content);
            });
            hello.complete = whole && end && walked;
            if hello.complete {
                hello.ja3 = fields.finish();
            }
        }
        Some(hello)
    }

    fn extension(&mut self, kind: u16, content: &[u8]) {
        let mut cursor = Cursor::new(content);
        match kind {
            SERVER_NAME if self.server_name.is_none() => self.server_name = server_name(content),
            ALPN if self.alpn.is_empty() => self.alpn = protocols(content),
            SUPPORTED_VERSIONS => {
                let length = cursor.u8().unwrap_or_default();
                let versions =
                    numbers(cursor.take_up_to(length.into())).filter(|version| !is_grease(*version));
                self.supported_versions = versions.take(MAX_VALUES).map(TlsVersion).collect();
            }
            USE_SRTP => {
                let length = cursor.u16().unwrap_or_default();
                self.srtp_profiles = numbers(cursor.take_up_to(length.into())).take(MAX_VALUES).collect();
            }
            ENCRYPTED_CLIENT_HELLO => {
                let inner = cursor.u8() == Some(1);
                self.encrypted_hello =
                    Some(if inner { EncryptedHello::Inner } else { EncryptedHello::Outer });
            }
            ENCRYPTED_SERVER_NAME => self.encrypted_hello = Some(EncryptedHello::ServerName),
            _ => {}
        }
    }
}

/// A server hello, or a hello retry request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerHello {
    /// The version chosen: the versions extension where there is one, else the version field.
    pub version: TlsVersion,
    /// The cipher suite chosen, by its IANA number; `None` where the hello is cut before it.
    pub cipher: Option<u16>,
    /// The application protocol chosen, where it is said in clear (TLS 1.2 and before).
    pub alpn: Option<Cow<'static, str>>,
    /// The protection profile chosen (RFC 5764).
    pub srtp_profile: Option<u16>,
    /// Whether it asks for another client hello (RFC 8446 section 4.1.4).
    pub retry: bool,
    /// The fingerprint; `None` where the hello is not whole.
    pub ja3s: Option<Ja3>,
    /// Whether every byte of the hello was there and made sense.
    pub complete: bool,
}

impl ServerHello {
    /// Reads the body of a hello. `whole` says that no bytes are missing at its end.
    pub(crate) fn read(body: &[u8], whole: bool) -> Option<Self> {
        let mut cursor = Cursor::new(body);
        let version = cursor.u16()?;
        let mut hello = Self {
            version: TlsVersion(version),
            cipher: None,
            alpn: None,
            srtp_profile: None,
            retry: false,
            ja3s: None,
            complete: false,
        };
        hello.retry = cursor.take(HELLO_RETRY.len()) == Some(&HELLO_RETRY);
        if let Some((cipher, extensions, end)) = split_server_hello(&mut cursor, version) {
            hello.cipher = Some(cipher);
            let walked = walk(extensions, |kind, content| hello.extension(kind, content));
            hello.complete = whole && end && walked;
            if hello.complete {
                hello.ja3s = Ja3::of_server(version, cipher, extensions);
            }
        }
        Some(hello)
    }

    fn extension(&mut self, kind: u16, content: &[u8]) {
        let mut cursor = Cursor::new(content);
        match kind {
            ALPN => self.alpn = protocols(content).pop(),
            SUPPORTED_VERSIONS => self.version = cursor.u16().map_or(self.version, TlsVersion),
            USE_SRTP => {
                self.srtp_profile = cursor.vector16().and_then(|profiles| numbers(profiles).next());
            }
            _ => {}
        }
    }
}

/// Cipher suites, extensions and whether the extensions reach as far as they should, after the version.
fn split_client_hello<'a>(cursor: &mut Cursor<'a>, dialect: Dialect) -> Option<(&'a [u8], &'a [u8], bool)> {
    cursor.take(HELLO_RETRY.len())?;
    cursor.vector8()?; // session id
    if dialect == Dialect::Dtls {
        cursor.vector8()?; // cookie
    }
    let ciphers = cursor.vector16()?;
    cursor.vector8()?; // compression methods
    let (extensions, end) = extension_block(cursor);
    Some((ciphers, extensions, end))
}

/// Cipher suite, extensions and whether the extensions reach as far as they should, after the random.
fn split_server_hello<'a>(cursor: &mut Cursor<'a>, version: u16) -> Option<(u16, &'a [u8], bool)> {
    let [high, _] = version.to_be_bytes();
    // Drafts of TLS 1.3 before the 22nd had neither session id nor compression method here.
    if !is_draft(high) {
        cursor.vector8()?;
    }
    let cipher = cursor.u16()?;
    if !is_draft(high) {
        cursor.u8()?;
    }
    let (extensions, end) = extension_block(cursor);
    Some((cipher, extensions, end))
}

/// The extensions, as far as they are there, and whether that is all of them. Old hellos have none.
fn extension_block<'a>(cursor: &mut Cursor<'a>) -> (&'a [u8], bool) {
    if cursor.is_empty() {
        return (&[], true);
    }
    let Some(length) = cursor.u16() else { return (&[], false) };
    let extensions = cursor.take_up_to(length.into());
    (extensions, extensions.len() == usize::from(length))
}

/// Calls `each` with type and content of every extension, also of one that is cut; whether none was.
fn walk<'a>(extensions: &'a [u8], mut each: impl FnMut(u16, &'a [u8])) -> bool {
    let mut cursor = Cursor::new(extensions);
    while !cursor.is_empty() {
        let Some((kind, length)) = cursor.u16().zip(cursor.u16()) else { return false };
        let content = cursor.take_up_to(length.into());
        each(kind, content);
        if content.len() < usize::from(length) {
            return false;
        }
    }
    true
}

/// The first host name of a server name list that is there to its end.
fn server_name(content: &[u8]) -> Option<ServerName> {
    const HOST_NAME: u8 = 0;
    let mut cursor = Cursor::new(content);
    let length = cursor.u16()?;
    let mut list = Cursor::new(cursor.take_up_to(length.into()));
    loop {
        let (kind, name) = (list.u8()?, list.vector16()?);
        if kind == HOST_NAME {
            return ServerName::from_wire(name);
        }
    }
}

/// A protocol by its name. Those that nearly every hello has are not copied.
fn protocol(name: &[u8]) -> Cow<'static, str> {
    const USUAL: [&str; 6] = ["h2", "http/1.1", "h3", "http/1.0", "webrtc", "c-webrtc"];
    let usual = USUAL.into_iter().find(|usual| usual.as_bytes() == name);
    usual.map_or_else(|| text(name).into(), Cow::Borrowed)
}

/// The names of a protocol name list, without GREASE.
fn protocols(content: &[u8]) -> Vec<Cow<'static, str>> {
    let mut cursor = Cursor::new(content);
    let length = cursor.u16().unwrap_or_default();
    let mut list = Cursor::new(cursor.take_up_to(length.into()));
    let names = std::iter::from_fn(|| list.vector8());
    let is_grease_name =
        |name: &[u8]| matches!(name, [high, low] if is_grease(u16::from_be_bytes([*high, *low])));
    names.filter(|name| !name.is_empty() && !is_grease_name(name)).take(MAX_ALPN).map(protocol).collect()
}
