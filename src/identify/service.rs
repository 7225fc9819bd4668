//! Services: the application that a flow or a call belongs to.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::sync::{PoisonError, RwLock};

/// Longest id of a service, in bytes: long enough for any product, short enough for a column of a table.
const MAX_ID_LENGTH: usize = 32;

/// The application, by its id: `zoom`, or `webrtc` where only the technique is known.
///
/// It is compared for every flow again and again, so it is a number: the place of the id among those of
/// [`Service::KNOWN`], and after them among those that files have added. Services are ordered by id.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Service(u16);

/// Ids that files have added, in the order in which they came. They stay for as long as the program runs.
static ADDED: RwLock<Vec<&'static str>> = RwLock::new(Vec::new());

/// Ids that files may add: many times as many as there are products, and no more than fit in the number.
const MAX_ADDED: usize = 1 << 14;

macro_rules! services {
    ($($(#[$doc:meta])* $name:ident = $place:literal, $id:literal;)*) => {
        /// The ids of [`Service::KNOWN`].
        const KNOWN_IDS: &[&str] = &[$($id),*];

        impl Service {
            $($(#[$doc])* pub const $name: Self = Self($place);)*
            /// The services that landfall knows by itself, generic ones last.
            pub const KNOWN: &'static [Self] = &[$(Self::$name),*];
        }
    };
}

services! {
    /// Zoom.
    ZOOM = 0, "zoom";
    /// Microsoft Teams.
    TEAMS = 1, "teams";
    /// Skype.
    SKYPE = 2, "skype";
    /// Google Meet.
    MEET = 3, "meet";
    /// Cisco Webex.
    WEBEX = 4, "webex";
    /// `GoTo`, formerly `GoToMeeting`.
    GOTO = 5, "goto";
    /// Jitsi Meet and 8x8.
    JITSI = 6, "jitsi";
    /// Discord.
    DISCORD = 7, "discord";
    /// WhatsApp.
    WHATSAPP = 8, "whatsapp";
    /// Facebook Messenger.
    MESSENGER = 9, "messenger";
    /// Apple FaceTime.
    FACETIME = 10, "facetime";
    /// Signal.
    SIGNAL = 11, "signal";
    /// Slack huddles.
    SLACK = 12, "slack";
    /// Amazon Chime and what is built on its SDK.
    CHIME = 13, "chime";
    /// `BlueJeans`.
    BLUEJEANS = 14, "bluejeans";
    /// `RingCentral`.
    RINGCENTRAL = 15, "ringcentral";
    /// Tencent Meeting, `VooV` Meeting.
    VOOV = 16, "voov";
    /// `DingTalk`.
    DINGTALK = 17, "dingtalk";
    /// Lark, Feishu.
    LARK = 18, "lark";
    /// Zoho Meeting.
    ZOHO = 19, "zoho";
    /// LINE.
    LINE = 20, "line";
    /// Telegram.
    TELEGRAM = 21, "telegram";
    /// Viber.
    VIBER = 22, "viber";
    /// `WeChat`.
    WECHAT = 23, "wechat";
    /// Snapchat.
    SNAPCHAT = 24, "snapchat";
    /// `WebRTC` (ICE with DTLS) of an application that nothing names.
    WEBRTC = 25, "webrtc";
    /// SIP of an application that nothing names.
    SIP = 26, "sip";
    /// Two-way RTP that nothing names.
    UNKNOWN_MEDIA = 27, "unknown-media";
    /// H.323 of an application that nothing names.
    H323 = 28, "h323";
}

impl Service {
    /// The service with this id: lower-case letters, digits and hyphens. `None` if `id` is none.
    pub fn new(id: &str) -> Option<Self> {
        if let Some(known) = KNOWN_IDS.iter().position(|known| *known == id) {
            return Self::KNOWN.get(known).cloned();
        }
        let fits = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
        let valid = !id.is_empty() && id.len() <= MAX_ID_LENGTH && id.bytes().all(fits);
        if valid { Self::added(id) } else { None }
    }

    /// The service of an id that is not among the known ones.
    fn added(id: &str) -> Option<Self> {
        let mut added = ADDED.write().unwrap_or_else(PoisonError::into_inner);
        let place = added.iter().position(|known| *known == id).unwrap_or(added.len());
        if place == added.len() {
            if place >= MAX_ADDED {
                return None;
            }
            added.push(id.to_owned().leak());
        }
        u16::try_from(KNOWN_IDS.len() + place).ok().map(Self)
    }

    /// The id.
    pub fn id(&self) -> &'static str {
        let place = usize::from(self.0);
        let own = || {
            let added = ADDED.read().unwrap_or_else(PoisonError::into_inner);
            added.get(place - KNOWN_IDS.len()).copied().unwrap_or_default()
        };
        KNOWN_IDS.get(place).copied().unwrap_or_else(own)
    }

    /// Its place among all: small, and the same for as long as the program runs.
    pub(super) fn place(&self) -> usize {
        usize::from(self.0)
    }

    /// Whether this is a technique (`webrtc`, `sip`, `h323`, `unknown-media`) rather than an application.
    pub fn is_generic(&self) -> bool {
        [Self::WEBRTC, Self::SIP, Self::H323, Self::UNKNOWN_MEDIA].contains(self)
    }
}

impl Ord for Service {
    fn cmp(&self, other: &Self) -> Ordering {
        if self == other { Ordering::Equal } else { self.id().cmp(other.id()) }
    }
}

impl PartialOrd for Service {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Service").field(&self.id()).finish()
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
    fn every_known_service_has_its_id() {
        let ids: Vec<_> = Service::KNOWN.iter().map(Service::id).collect();
        assert_eq!(ids, KNOWN_IDS);
        assert_eq!((Service::ZOOM.id(), Service::UNKNOWN_MEDIA.id()), ("zoom", "unknown-media"));
    }

    #[test]
    fn an_added_service_is_the_same_each_time_and_ordered_by_its_id() {
        let (b, a) = (Service::new("b-bridge").unwrap(), Service::new("a-bridge").unwrap());
        assert_eq!(Service::new("b-bridge"), Some(b.clone()));
        assert!(a < b && b < Service::ZOOM && Service::CHIME > b);
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
        assert_eq!(generic, ["webrtc", "sip", "unknown-media", "h323"]);
    }
}
