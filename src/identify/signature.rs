//! Signatures: byte patterns that only one protocol or product writes, and what they speak for.

use super::{Role, Service};

/// A byte pattern that was seen in a flow: a fact. What it speaks for is an inference ([`Signature::service`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Signature {
    /// STUN attribute CISCO-WEBEX-FLOW-INFO or CISCO-STUN-FLOWDATA.
    CiscoStun,
    /// `DingTalk`'s hello over TCP.
    DingTalkHello,
    /// Discord's exchange of the client's public address.
    DiscordDiscovery,
    /// Discord's latency echo.
    DiscordPing,
    /// `FaceTime`'s frames around RTP.
    FaceTimeMedia,
    /// LINE's call packets.
    LineCall,
    /// The user name of ICE that Google's media servers choose.
    MeetIce,
    /// The hello of Skype's servers of before 2016, which only looks like TLS.
    SkypeHello,
    /// STUN with the magic value of MS-TURN.
    MsTurn,
    /// Microsoft's multiplexing header of media relays.
    MsMultiplex,
    /// The UDP form of Microsoft's call control.
    TeamsControl,
    /// Telegram's call packets.
    TelegramCall,
    /// Viber's call packets.
    ViberCall,
    /// Webex's own UDP protocol.
    WebexMedia,
    /// Viber's own connection over TCP.
    ViberChat,
    /// `WhatsApp`'s own connection over TCP.
    WhatsAppChat,
    /// `WhatsApp`'s plain-text check of a path.
    WhatsAppHealth,
    /// `WhatsApp`'s relay messages.
    WhatsAppRelay,
    /// `WhatsApp`'s form of RTP header extensions.
    WhatsAppMedia,
    /// Zoom's connection request or reply to a router.
    ZoomConnect,
    /// Zoom's control and filler packets through a router.
    ZoomControl,
    /// Zoom's echo between client and router.
    ZoomEcho,
    /// Zoom's media through a router.
    ZoomMedia,
    /// Zoom's set-up of a direct path, with the other's address in clear.
    ZoomPeerConnect,
    /// Zoom's media between participants.
    ZoomPeerMedia,
    /// Zoom's address test.
    ZoomStun,
}

impl Signature {
    /// The service it speaks for.
    pub const fn service(self) -> Service {
        match self {
            Self::CiscoStun | Self::WebexMedia => Service::WEBEX,
            Self::DingTalkHello => Service::DINGTALK,
            Self::DiscordDiscovery | Self::DiscordPing => Service::DISCORD,
            Self::FaceTimeMedia => Service::FACETIME,
            Self::LineCall => Service::LINE,
            Self::MeetIce => Service::MEET,
            Self::MsTurn | Self::MsMultiplex | Self::TeamsControl => Service::TEAMS,
            Self::SkypeHello => Service::SKYPE,
            Self::TelegramCall => Service::TELEGRAM,
            Self::ViberCall | Self::ViberChat => Service::VIBER,
            Self::WhatsAppChat | Self::WhatsAppHealth | Self::WhatsAppRelay | Self::WhatsAppMedia => {
                Service::WHATSAPP
            }
            Self::ZoomConnect
            | Self::ZoomControl
            | Self::ZoomEcho
            | Self::ZoomMedia
            | Self::ZoomPeerConnect
            | Self::ZoomPeerMedia
            | Self::ZoomStun => Service::ZOOM,
        }
    }

    /// What the far end of such packets does; `None` where they do not tell.
    pub const fn role(self) -> Option<Role> {
        Some(match self {
            Self::DiscordPing | Self::DiscordDiscovery | Self::ZoomStun => Role::Probe,
            Self::WebexMedia
            | Self::ZoomConnect
            | Self::ZoomControl
            | Self::ZoomEcho
            | Self::ZoomMedia
            | Self::LineCall
            | Self::ViberCall
            | Self::TelegramCall => Role::Media,
            Self::MsMultiplex => Role::Relay,
            Self::TeamsControl | Self::DingTalkHello | Self::ViberChat | Self::WhatsAppChat => {
                Role::Signaling
            }
            Self::ZoomPeerConnect | Self::ZoomPeerMedia => Role::Peer,
            Self::CiscoStun
            | Self::FaceTimeMedia
            | Self::MeetIce
            | Self::MsTurn
            | Self::SkypeHello
            | Self::WhatsAppHealth
            | Self::WhatsAppMedia
            | Self::WhatsAppRelay => return None,
        })
    }

    /// Whether such packets are media.
    pub const fn is_media(self) -> bool {
        matches!(self, Self::ZoomMedia | Self::ZoomPeerMedia | Self::FaceTimeMedia | Self::WhatsAppMedia)
    }

    /// Whether the protocol's media cannot be read as RTP.
    pub const fn is_opaque(self) -> bool {
        matches!(self, Self::LineCall | Self::TelegramCall | Self::ViberCall | Self::WebexMedia)
    }

    /// Whether such packets carry the application's control data.
    pub const fn is_data(self) -> bool {
        matches!(self, Self::TeamsControl | Self::ZoomControl)
    }

    /// Whether the server's packet completes a handshake.
    pub const fn is_handshake(self) -> bool {
        matches!(
            self,
            Self::ZoomConnect
                | Self::ZoomControl
                | Self::ZoomEcho
                | Self::DiscordDiscovery
                | Self::WebexMedia
        )
    }

    /// The id of the rule, and what the bytes are, for a person.
    pub const fn describe(self) -> (&'static str, &'static str) {
        match self {
            Self::CiscoStun => ("cisco-stun", "STUN attribute of Cisco's flow data"),
            Self::DingTalkHello => ("dingtalk-hello", "DingTalk's hello over TCP"),
            Self::DiscordDiscovery => ("discord-discovery", "Discord's address discovery"),
            Self::DiscordPing => ("discord-ping", "Discord's echo 13 37 ca fe"),
            Self::FaceTimeMedia => ("facetime-media", "FaceTime's frame around RTP"),
            Self::LineCall => ("line-call", "LINE's call packet"),
            Self::MeetIce => ("meet-ice", "ICE user name as Google's media servers have them"),
            Self::SkypeHello => {
                ("skype-hello", "server hello with the random that all servers of Skype sent")
            }
            Self::MsTurn => ("ms-turn", "STUN attribute 0x000f of MS-TURN, which Teams and Skype share"),
            Self::MsMultiplex => ("ms-multiplex", "multiplexing header ff 10 of Microsoft's relays"),
            Self::TeamsControl => ("teams-control", "call control of Teams over UDP"),
            Self::TelegramCall => ("telegram-call", "Telegram's call packet"),
            Self::ViberCall => ("viber-call", "Viber's call packet"),
            Self::WebexMedia => ("webex-media", "Webex's own UDP protocol"),
            Self::ViberChat => ("viber-chat", "Viber's own connection over TCP"),
            Self::WhatsAppChat => ("whatsapp-chat", "WhatsApp's own connection over TCP"),
            Self::WhatsAppHealth => ("whatsapp-health", "WhatsApp's plain-text check of a path"),
            Self::WhatsAppRelay => ("whatsapp-relay", "STUN types or attributes of WhatsApp's relays"),
            Self::WhatsAppMedia => ("whatsapp-media", "RTP with extension profile 0xdebe"),
            Self::ZoomConnect => ("zoom-connect", "Zoom's connection request or reply"),
            Self::ZoomControl => ("zoom-control", "Zoom's control packet through a router"),
            Self::ZoomEcho => ("zoom-echo", "Zoom's echo"),
            Self::ZoomMedia => ("zoom-media", "Zoom's media header around RTP"),
            Self::ZoomPeerConnect => ("zoom-peer-connect", "Zoom's set-up of a direct path"),
            Self::ZoomPeerMedia => ("zoom-peer-media", "Zoom's media between participants"),
            Self::ZoomStun => ("zoom-stun", "Zoom's form of STUN, attribute 0x0101 or 0x0103"),
        }
    }
}
