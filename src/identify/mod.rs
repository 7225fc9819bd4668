//! Identify: what a flow is: its service, what the far end does, and how far the contact went.
//!
//! Dissectors (one protocol a file) read facts off bytes; the catalogue and rules infer.

#[cfg(test)]
mod acceptance;
#[cfg(test)]
mod captures;
pub mod catalogue;
pub mod certificate;
mod contact;
#[cfg(test)]
mod cross_check;
mod cursor;
pub mod dingtalk;
pub mod discord;
pub mod dns;
pub mod dtls;
pub mod evidence;
pub mod facetime;
pub mod facts;
pub mod h323;
pub mod http;
pub mod infer;
pub mod inspect;
pub mod ja3;
pub mod line;
pub mod named;
pub mod names;
pub mod pairing;
mod pieces;
pub mod pseudo_tls;
pub mod quic;
pub mod rtcp;
pub mod rtp;
pub mod sdp;
mod service;
pub mod signature;
pub mod sip;
pub mod skype;
pub mod socks;
pub mod stun;
pub mod teams;
pub mod telegram;
pub mod tls;
pub mod viber;
pub mod viber_chat;
pub mod webex;
pub mod whatsapp;
pub mod whatsapp_chat;
mod wire;
pub mod zoom;

pub use catalogue::Catalogue;
pub use evidence::Evidence;
pub use facts::FlowFacts;
pub use infer::{Identity, Inference, infer, infer_on};
pub use inspect::{Feed, FlowInspector};
pub use service::Service;

/// What a cheap look at the first bytes says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// The bytes are this protocol with great probability.
    Match,
    /// They may be: more bytes will tell.
    NeedMore,
    /// They are not.
    NoMatch,
}

/// What the far end of a flow does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Audio, video or screen share through a server.
    Media,
    /// TURN relay (RFC 8656).
    Relay,
    /// A participant, directly.
    Peer,
    /// Control and keys.
    Signaling,
    /// Latency or NAT test, zone controller.
    Probe,
    /// Web pages and files.
    Web,
    /// Logs and measurements.
    Telemetry,
    /// Not known.
    Unknown,
}

/// How far contact with an address went, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Contact {
    /// Only named in DNS or STUN.
    Mentioned,
    /// We sent, nothing came back.
    Attempted,
    /// Something came back.
    Answered,
    /// A handshake was completed.
    Established,
    /// Application data went both ways.
    Control,
    /// Media.
    Media,
}

impl Role {
    /// Every role, in the order of [`Role`].
    pub const ALL: [Self; 8] = [
        Self::Media,
        Self::Relay,
        Self::Peer,
        Self::Signaling,
        Self::Probe,
        Self::Web,
        Self::Telemetry,
        Self::Unknown,
    ];
}

macro_rules! names {
    ($type:ident { $($variant:ident => $name:literal),* $(,)? }) => {
        #[cfg(test)]
        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({"type": "string", "enum": [$($name),*]})
            }
        }
        impl $type {
            /// The word for it in reports.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }
        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.name())
            }
        }
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
                match &*word {
                    $($name => Ok(Self::$variant),)*
                    unknown => Err(serde::de::Error::unknown_variant(unknown, &[$($name),*])),
                }
            }
        }
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }
    };
}

names!(Role { Media => "media", Relay => "relay", Peer => "peer", Signaling => "signaling", Probe => "probe",
    Web => "web", Telemetry => "telemetry", Unknown => "unknown" });
names!(Contact { Mentioned => "mentioned", Attempted => "attempted", Answered => "answered",
    Established => "established", Control => "control", Media => "media" });
