//! Versions of QUIC: their names, and how each protects its Initial packets.

use std::fmt;

/// A version as it is on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QuicVersion(pub u32);

impl QuicVersion {
    /// RFC 9000.
    pub const V1: Self = Self(1);
    /// RFC 9369.
    pub const V2: Self = Self(0x6b33_43cf);

    /// Whether it is a version that somebody uses.
    pub(super) fn is_known(self) -> bool {
        self.is_google() || self.is_meta() || self.is_reserved() || matches!(self.protections(), [_])
    }

    /// Meta's variants of the drafts and of v1.
    const fn is_meta(self) -> bool {
        matches!(self.0, 0xface_b000..=0xface_b0ff)
    }

    /// Reserved to force a version negotiation, RFC 9000 section 15.
    pub(super) const fn is_reserved(self) -> bool {
        self.0 & 0x0f0f_0f0f == 0x0a0a_0a0a
    }

    /// Google's versions before the IETF's: `Q025` to `Q050` with a handshake of their own, `T050` and `T051` with TLS.
    pub(super) const fn is_google(self) -> bool {
        let [family, hundreds, tens, units] = self.0.to_be_bytes();
        matches!(family, b'Q' | b'T') && hundreds == b'0' && tens.is_ascii_digit() && units.is_ascii_digit()
    }

    /// Whether the client's hello is there in clear: Google's versions up to `Q046`.
    pub(super) fn is_google_clear(self) -> bool {
        self.is_google() && self < Self::Q050
    }

    const Q050: Self = Self(u32::from_be_bytes(*b"Q050"));
    const T050: Self = Self(u32::from_be_bytes(*b"T050"));
    const T051: Self = Self(u32::from_be_bytes(*b"T051"));

    /// How Initial packets may be protected. A version that is not known may be any of the common ones: the
    /// authentication of the packet tells.
    pub(super) fn protections(self) -> &'static [Protection] {
        match self {
            Self::V1 | Self(0xff00_0021..=0xff00_0022) => &[V1],
            Self::V2 => &[V2],
            Self(0xff00_0016) => &[DRAFT_22],
            Self(0xff00_0017..=0xff00_001c) => &[DRAFT_23],
            Self(0xff00_001d..=0xff00_0020) => &[DRAFT_29],
            Self(0xff02_0000 | 0x709a_50c4) => &[V2_DRAFT],
            Self::Q050 => &[Q050],
            Self::T050 => &[T050],
            Self::T051 => &[T051],
            // Drafts before the 22nd, and Google's versions without this protection.
            Self(0xff00_0000..=0xff00_0015 | 0x5130_3030..=0x5130_3439) => &[],
            _ => &[V1, DRAFT_29, DRAFT_23, DRAFT_22, V2],
        }
    }
}

impl fmt::Display for QuicVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("QUIC v1"),
            0x6b33_43cf => f.write_str("QUIC v2"),
            0xff00_0000..=0xff00_0022 => write!(f, "QUIC draft-{}", self.0 & 0xff),
            0xff02_0000 | 0x709a_50c4 => f.write_str("QUIC v2 draft"),
            _ if self.is_meta() => write!(f, "Meta QUIC 0x{:08x}", self.0),
            _ if self.is_google() => write!(f, "Google QUIC {}", self.0.to_be_bytes().escape_ascii()),
            other => write!(f, "QUIC 0x{other:08x}"),
        }
    }
}

/// What of the Initial's protection differs from version to version, RFC 9001 section 5.2 and RFC 9369 section 3.3.
#[derive(Clone, Copy, Debug)]
pub(super) struct Protection {
    /// Salt of the extraction from the connection id.
    pub(super) salt: [u8; 20],
    /// Labels of key, initialisation vector and header protection.
    pub(super) labels: [&'static str; 3],
    /// Whether the type bits of the long header are those of RFC 9369 section 3.2.
    pub(super) rotated_types: bool,
}

const LABELS: [&str; 3] = ["quic key", "quic iv", "quic hp"];
const LABELS_V2: [&str; 3] = ["quicv2 key", "quicv2 iv", "quicv2 hp"];

const fn protection(salt: [u8; 20]) -> Protection {
    Protection { salt, labels: LABELS, rotated_types: false }
}

/// RFC 9001 section 5.2, and drafts from the 33rd on.
const V1: Protection = protection([
    0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc,
    0xbb, 0x7f, 0x0a,
]);
/// draft-ietf-quic-tls-29 to -32.
const DRAFT_29: Protection = protection([
    0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97, 0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0, 0x43,
    0x90, 0xa8, 0x99,
]);
/// draft-ietf-quic-tls-23 to -28.
const DRAFT_23: Protection = protection([
    0xc3, 0xee, 0xf7, 0x12, 0xc7, 0x2e, 0xbb, 0x5a, 0x11, 0xa7, 0xd2, 0x43, 0x2b, 0xb4, 0x63, 0x65, 0xbe,
    0xf9, 0xf5, 0x02,
]);
/// draft-ietf-quic-tls-22.
const DRAFT_22: Protection = protection([
    0x7f, 0xbc, 0xdb, 0x0e, 0x7c, 0x66, 0xbb, 0xe9, 0x19, 0x3a, 0x96, 0xcd, 0x21, 0x51, 0x9e, 0xbd, 0x7a,
    0x02, 0x64, 0x4a,
]);
/// RFC 9369 section 3.3.1.
const V2: Protection = Protection {
    labels: LABELS_V2,
    rotated_types: true,
    ..protection([
        0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9,
        0xbd, 0x2e, 0xd9,
    ])
};
/// draft-ietf-quic-v2-00 to -04.
const V2_DRAFT: Protection = Protection {
    labels: LABELS_V2,
    rotated_types: true,
    ..protection([
        0xa7, 0x07, 0xc2, 0x03, 0xa5, 0x9b, 0x47, 0x18, 0x4a, 0x1d, 0x62, 0xca, 0x57, 0x04, 0x06, 0xea, 0x7a,
        0xe3, 0xe5, 0xd3,
    ])
};
/// Salts of Google's versions, as Chromium and Wireshark have them.
const Q050: Protection = protection([
    0x50, 0x45, 0x74, 0xef, 0xd0, 0x66, 0xfe, 0x2f, 0x9d, 0x94, 0x5c, 0xfc, 0xdb, 0xd3, 0xa7, 0xf0, 0xd3,
    0xb5, 0x6b, 0x45,
]);
const T050: Protection = protection([
    0x7f, 0xf5, 0x79, 0xe5, 0xac, 0xd0, 0x72, 0x91, 0x55, 0x80, 0x30, 0x4c, 0x43, 0xa2, 0x36, 0x7c, 0x60,
    0x48, 0x83, 0x10,
]);
const T051: Protection = protection([
    0x7a, 0x4e, 0xde, 0xf4, 0xe7, 0xcc, 0xee, 0x5f, 0xa4, 0x50, 0x6c, 0x19, 0x12, 0x4f, 0xc8, 0xcc, 0xda,
    0x6e, 0x03, 0x3d,
]);
