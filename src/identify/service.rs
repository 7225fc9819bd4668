//! Services: the application that a flow or a call belongs to.

use std::borrow::Cow;
use std::fmt;

/// Longest id of a service, in bytes: long enough for any product, short enough for a column of a table.
const MAX_ID_LENGTH: usize = 32;

/// The application, by its id: `zoom`, or `webrtc` where only the technique is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Service(Cow<'static, str>);

macro_rules! services {
    ($($(#[$doc:meta])* $name:ident = $id:literal;)*) => {
        impl Service {
            $($(#[$doc])* pub const $name: Self = Self(Cow::Borrowed($id));)*
            /// The services that landfall knows by itself, generic ones last.
            pub const KNOWN: &'static [Self] = &[$(Self::$name),*];
        }
    };
}

services! {
    /// Zoom.
    ZOOM = "zoom";
    /// Microsoft Teams.
    TEAMS = "teams";
    /// Skype.
    SKYPE = "skype";
    /// Google Meet.
    MEET = "meet";
    /// Cisco Webex.
    WEBEX = "webex";
    /// `GoTo`, formerly `GoToMeeting`.
    GOTO = "goto";
    /// Jitsi Meet and 8x8.
    JITSI = "jitsi";
    /// Discord.
    DISCORD = "discord";
    /// WhatsApp.
    WHATSAPP = "whatsapp";
    /// Facebook Messenger.
    MESSENGER = "messenger";
    /// Apple FaceTime.
    FACETIME = "facetime";
    /// Signal.
    SIGNAL = "signal";
    /// Slack huddles.
    SLACK = "slack";
    /// Amazon Chime and what is built on its SDK.
    CHIME = "chime";
    /// `BlueJeans`.
    BLUEJEANS = "bluejeans";
    /// `RingCentral`.
    RINGCENTRAL = "ringcentral";
    /// Tencent Meeting, `VooV` Meeting.
    VOOV = "voov";
    /// `DingTalk`.
    DINGTALK = "dingtalk";
    /// Lark, Feishu.
    LARK = "lark";
    /// Zoho Meeting.
    ZOHO = "zoho";
    /// LINE.
    LINE = "line";
    /// Telegram.
    TELEGRAM = "telegram";
    /// Viber.
    VIBER = "viber";
    /// `WeChat`.
    WECHAT = "wechat";
    /// Snapchat.
    SNAPCHAT = "snapchat";
    /// `WebRTC` (ICE with DTLS) of an application that nothing names.
    WEBRTC = "webrtc";
    /// SIP of an application that nothing names.
    SIP = "sip";
    /// Two-way RTP that nothing names.
    UNKNOWN_MEDIA = "unknown-media";
}

impl Service {
    /// The service with this id: lower-case letters, digits and hyphens. `None` if `id` is none.
    pub fn new(id: &str) -> Option<Self> {
        if let Some(known) = Self::KNOWN.iter().find(|known| known.id() == id) {
            return Some(known.clone());
        }
        let fits = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
        let valid = !id.is_empty() && id.len() <= MAX_ID_LENGTH && id.bytes().all(fits);
        valid.then(|| Self(Cow::Owned(id.to_owned())))
    }

    /// The id.
    pub fn id(&self) -> &str {
        &self.0
    }

    /// Whether this is a technique (`webrtc`, `sip`, `unknown-media`) rather than an application.
    pub fn is_generic(&self) -> bool {
        [Self::WEBRTC, Self::SIP, Self::UNKNOWN_MEDIA].contains(self)
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

impl<'de> serde::Deserialize<'de> for Service {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let id = <Cow<'_, str>>::deserialize(deserializer)?;
        Self::new(&id).ok_or_else(|| serde::de::Error::custom(format!("{id:?} is no id of a service")))
    }
}

impl serde::Serialize for Service {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_id_gives_the_known_service() {
        assert_eq!(Service::new("zoom"), Some(Service::ZOOM));
        assert_eq!(Service::new("unknown-media"), Some(Service::UNKNOWN_MEDIA));
    }

    #[test]
    fn an_id_is_lower_case_and_short() {
        assert_eq!(Service::new("our-bridge2").map(|s| s.to_string()).as_deref(), Some("our-bridge2"));
        for id in ["", "Zoom", "a b", "a.b", &"x".repeat(MAX_ID_LENGTH + 1)] {
            assert_eq!(Service::new(id), None, "{id:?}");
        }
    }

    #[test]
    fn only_techniques_are_generic() {
        let generic: Vec<_> = Service::KNOWN.iter().filter(|s| s.is_generic()).map(Service::id).collect();
        assert_eq!(generic, ["webrtc", "sip", "unknown-media"]);
    }
}
