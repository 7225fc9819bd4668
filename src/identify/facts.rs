//! Facts of a flow: what its packets say, before anything is made of it.
//!
//! Every list is bounded; what a bound kept out is counted.

use super::ja3::Ja3;
use super::named::Names;
use super::names::{MAX_NAME_LENGTH, Via, normalise};
use super::quic::QuicClose;
use super::signature::Signature;
use super::skype;
use super::tls::TlsVersion;
use crate::capture::Timestamp;
use crate::flow::PacketRef;
use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Names kept of one flow. A certificate of a video service has one to thirty, of a content network hundreds.
const MAX_NAMES: usize = 32;
/// Addresses kept of one flow. ICE offers some ten candidates a side.
const MAX_MENTIONS: usize = 64;
/// Media streams kept of one flow. A conference of fifty with simulcast has fewer.
const MAX_STREAMS: usize = 256;
/// Alerts kept of one flow. One ends a connection.
const MAX_ALERTS: usize = 4;
/// STUN errors kept of one flow, one of each code.
const MAX_ERRORS: usize = 8;
/// Fingerprints kept of one flow's client hellos. A retry request makes two, a port that is used again more.
const MAX_JA3: usize = 4;

/// A protocol that was recognised in a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// RFC 1035.
    Dns,
    /// RFC 9147 and before.
    Dtls,
    /// H.225.0 and H.245 of ITU-T.
    H323,
    /// RFC 9112.
    Http,
    /// RFC 9000.
    Quic,
    /// RTCP, RFC 3550.
    Rtcp,
    /// RTP, RFC 3550.
    Rtp,
    /// RFC 3261.
    Sip,
    /// RFC 8489 and its dialects.
    Stun,
    /// RFC 8446 and before.
    Tls,
}

impl Protocol {
    /// The word for it in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Dtls => "dtls",
            Self::H323 => "h323",
            Self::Http => "http",
            Self::Quic => "quic",
            Self::Rtcp => "rtcp",
            Self::Rtp => "rtp",
            Self::Sip => "sip",
            Self::Stun => "stun",
            Self::Tls => "tls",
        }
    }
}

impl Protocol {
    /// All of them, in order.
    const ALL: [Self; 10] = [
        Self::Dns,
        Self::Dtls,
        Self::H323,
        Self::Http,
        Self::Quic,
        Self::Rtcp,
        Self::Rtp,
        Self::Sip,
        Self::Stun,
        Self::Tls,
    ];
}

/// Protocols, each once.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Protocols(u16);

impl Protocols {
    /// Adds one.
    pub const fn insert(&mut self, protocol: Protocol) {
        self.0 |= 1 << protocol as u16;
    }

    /// Whether it is among them.
    pub const fn contains(self, protocol: Protocol) -> bool {
        self.0 & (1 << protocol as u16) != 0
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Each of them, in order.
    pub fn iter(self) -> impl Iterator<Item = Protocol> {
        Protocol::ALL.into_iter().filter(move |protocol| self.contains(*protocol))
    }
}

impl fmt::Debug for Protocols {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// What named an address in a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MentionKind {
    /// Another server to turn to (STUN ALTERNATE-SERVER).
    AlternateServer,
    /// A candidate for a path (SDP, Zoom's peer set-up).
    Candidate,
    /// The client, as the server sees it.
    Mapped,
    /// Where media is to be sent (SDP `c=` and `m=`, H.245): a participant or a server.
    MediaAddress,
    /// Another address of the server (STUN OTHER-ADDRESS, RESPONSE-ORIGIN).
    OtherServer,
    /// The far party of a relay: a participant, its NAT, or its relay.
    Peer,
    /// Whom a proxy is asked to connect to: the server behind it, of which nothing is in the capture.
    ProxyTarget,
    /// What a relay reserved for the client.
    Relayed,
}

impl MentionKind {
    /// The word for it in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AlternateServer => "alternate-server",
            Self::Candidate => "candidate",
            Self::Mapped => "mapped",
            Self::MediaAddress => "media-address",
            Self::OtherServer => "other-server",
            Self::Peer => "peer",
            Self::ProxyTarget => "proxy-target",
            Self::Relayed => "relayed",
        }
    }
}

/// An address that a packet names, which need not be where any packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mention {
    /// The address and port.
    pub address: SocketAddr,
    /// What it is said to be.
    pub kind: MentionKind,
    /// The first packet that names it.
    pub packet: PacketRef,
}

/// Who sent something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// The client.
    FromClient,
    /// The server.
    FromServer,
}

impl Direction {
    /// The word for it in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FromClient => "from-client",
            Self::FromServer => "from-server",
        }
    }

    /// The other way.
    #[must_use]
    pub const fn reverse(self) -> Self {
        match self {
            Self::FromClient => Self::FromServer,
            Self::FromServer => Self::FromClient,
        }
    }
}

/// A value for each direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerDirection<T> {
    /// Of the client.
    pub client: T,
    /// Of the server.
    pub server: T,
}

impl<T> PerDirection<T> {
    /// The value for `direction`.
    pub const fn of(&self, direction: Direction) -> &T {
        match direction {
            Direction::FromClient => &self.client,
            Direction::FromServer => &self.server,
        }
    }

    /// The value for `direction`, to change.
    pub const fn of_mut(&mut self, direction: Direction) -> &mut T {
        match direction {
            Direction::FromClient => &mut self.client,
            Direction::FromServer => &mut self.server,
        }
    }
}

/// One stream of media: an RTP synchronisation source in one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaStream {
    /// Who sends it.
    pub direction: Direction,
    /// SSRC of RFC 3550.
    pub ssrc: u32,
    /// Payload type of the latest packet.
    pub payload_type: u8,
    /// What it is, where the bytes around it say so: `audio`, `video`, `screen`.
    pub kind: Option<&'static str>,
    /// Packets.
    pub packets: u64,
    /// Bytes of the RTP packets on the wire.
    pub bytes: u64,
    /// Packets that were sent and did not come, as far as the sequence numbers tell.
    pub lost: u64,
    /// The first packet.
    pub first: PacketRef,
    /// Time of the first packet.
    pub start: Timestamp,
    /// Time of the latest packet.
    pub end: Timestamp,
}

/// What a round-trip time was measured with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RttVia {
    /// An echo of Discord's.
    Discord,
    /// DTLS `ClientHello` to the first answer.
    Dtls,
    /// First QUIC Initial to the first answer.
    Quic,
    /// RTCP receiver reports.
    Rtcp,
    /// STUN request to its answer.
    Stun,
    /// SYN to SYN/ACK.
    Tcp,
    /// A question to Telegram's reflectors.
    Telegram,
    /// TLS `ClientHello` to `ServerHello`.
    Tls,
    /// An echo of Viber's.
    Viber,
    /// An echo of WhatsApp's.
    WhatsApp,
    /// An echo of Zoom's.
    Zoom,
}

impl RttVia {
    /// The word for it in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Discord => "discord",
            Self::Dtls => "dtls",
            Self::Quic => "quic",
            Self::Rtcp => "rtcp",
            Self::Stun => "stun",
            Self::Tcp => "tcp",
            Self::Telegram => "telegram",
            Self::Tls => "tls",
            Self::Viber => "viber",
            Self::WhatsApp => "whatsapp",
            Self::Zoom => "zoom",
        }
    }
}

/// Round-trip times of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rtt {
    /// What they were measured with.
    pub via: RttVia,
    /// The least.
    pub min: Duration,
    /// How many there are.
    pub samples: u64,
}

impl Rtt {
    /// Adds it to `sums`, which has one entry a kind.
    pub fn add(sums: &mut Vec<Self>, rtt: Self) {
        match sums.iter_mut().find(|known| known.via == rtt.via) {
            Some(known) => {
                known.min = known.min.min(rtt.min);
                known.samples = known.samples.saturating_add(rtt.samples);
            }
            None => push(sums, rtt),
        }
    }
}

/// What the handshake of TLS, DTLS or QUIC shows.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is an independent fact of the bytes")]
pub struct HandshakeFacts {
    /// A client hello was seen.
    pub client_hello: bool,
    /// A server hello was seen.
    pub server_hello: bool,
    /// Both sides are seen to use the keys.
    pub completed: bool,
    /// Which sides sent application data.
    pub data: PerDirection<bool>,
    /// Protocols that the client offers in ALPN, and the one the server took, last.
    pub alpn: Vec<Cow<'static, str>>,
    /// The version that was agreed on, else the highest offered.
    pub version: Option<TlsVersion>,
    /// The fingerprints of the client's hellos, in order, each once: a second hello answers a retry request
    /// (RFC 8446 section 4.1.2).
    pub ja3: Vec<Ja3>,
    /// The server hello's fingerprint.
    pub ja3s: Option<Ja3>,
    /// The client hello has an encrypted part that may hold the true name.
    pub encrypted_hello: bool,
    /// Alerts in clear: who, what, where.
    pub alerts: Vec<(Direction, String, PacketRef)>,
    /// Why a connection of QUIC was ended before its keys hid it (RFC 9000 section 19.19): who, why, where.
    pub close: Option<(Direction, QuicClose, PacketRef)>,
    /// The packet with the client hello.
    pub hello_packet: Option<PacketRef>,
}

/// What STUN and TURN messages of a flow show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is an independent fact of the bytes")]
pub struct StunFacts {
    /// Requests by sender.
    pub requests: PerDirection<u32>,
    /// Answers that grant something, by sender.
    pub successes: PerDirection<u32>,
    /// Answers that refuse, by sender.
    pub refusals: PerDirection<u32>,
    /// Codes of refusals, each once, with the first packet.
    pub errors: Vec<(u16, PacketRef)>,
    /// A check of ICE was sent: a Binding with USERNAME or PRIORITY.
    pub connectivity_check: bool,
    /// A request asked for a relay.
    pub allocate: bool,
    /// A relay was given.
    pub allocated: bool,
    /// This pair was nominated.
    pub nominated: bool,
    /// The operator's realm (RFC 8489 section 14.9), with the first packet that has it.
    pub realm: Option<(String, PacketRef)>,
    /// The software of either side (RFC 8489 section 14.14), with the first packet that has it.
    pub software: Option<(String, PacketRef)>,
    /// Packets went through the relay: `ChannelData`, Send or Data.
    pub relayed: bool,
}

/// How a proxy is asked to connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProxyKind {
    /// CONNECT, RFC 9110 section 9.3.6.
    HttpConnect,
    /// A request with the whole address of what it is for, RFC 9112 section 3.2.2.
    HttpForward,
    /// SOCKS 4 and 4a.
    Socks4,
    /// RFC 1928.
    Socks5,
}

impl ProxyKind {
    /// The word for it in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::HttpConnect => "http-connect",
            Self::HttpForward => "http-forward",
            Self::Socks4 => "socks4",
            Self::Socks5 => "socks5",
        }
    }
}

/// What a client asks a proxy for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tunnel {
    /// How.
    pub kind: ProxyKind,
    /// The host that the proxy shall connect to, as it was asked for: a name or an address, off the wire.
    pub host: String,
    /// Its port.
    pub port: Option<u16>,
    /// The packet that asks.
    pub packet: PacketRef,
    /// Whether something went through the proxy.
    pub is_used: bool,
}

/// What the packets of one flow say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowFacts {
    /// Protocols that were recognised.
    pub protocols: Protocols,
    /// Byte patterns that only one protocol or product writes, each once, with the first packet.
    pub signatures: Vec<(Signature, PacketRef)>,
    /// Names of the server that the flow carries.
    pub names: Names,
    /// The handshake of TLS, DTLS or QUIC.
    pub handshake: Option<Box<HandshakeFacts>>,
    /// The handshake came through a relay: it is the participant's, and so are the names in it.
    pub handshake_of_peer: bool,
    /// STUN and TURN.
    pub stun: Option<Box<StunFacts>>,
    /// Addresses that packets name.
    pub mentions: Vec<Mention>,
    /// Media streams.
    pub media: Vec<MediaStream>,
    /// Packets with a header like RTP's, confirmed or not.
    pub rtp_headers: PerDirection<u64>,
    /// Round-trip times, one entry a kind.
    pub rtts: Vec<Rtt>,
    /// First request to its first answer, where the transport has no handshake of its own.
    pub first_answer: Option<Duration>,
    /// A proxy that carries the connection: the server of the flow is the proxy, and the names in the flow are those
    /// of the server behind it.
    pub tunnel: Option<Box<Tunnel>>,
    /// Packets of the client that may be Skype's of before 2016; `None` where one of them is not.
    pub skype_frames: Option<skype::Frames>,
    /// Names, addresses and streams that bounds kept out.
    pub left_out: u64,
}

// Constants, and not put together for each flow: what is stored field by field and then moved at once has to be waited
// for by the processor.
impl Default for FlowFacts {
    fn default() -> Self {
        const NOTHING: FlowFacts = FlowFacts {
            protocols: Protocols(0),
            signatures: Vec::new(),
            names: Names::EMPTY,
            handshake: None,
            handshake_of_peer: false,
            stun: None,
            mentions: Vec::new(),
            media: Vec::new(),
            rtp_headers: PerDirection { client: 0, server: 0 },
            rtts: Vec::new(),
            first_answer: None,
            tunnel: None,
            skype_frames: None,
            left_out: 0,
        };
        NOTHING
    }
}

impl Default for HandshakeFacts {
    fn default() -> Self {
        const NOTHING: HandshakeFacts = HandshakeFacts {
            client_hello: false,
            server_hello: false,
            completed: false,
            data: PerDirection { client: false, server: false },
            alpn: Vec::new(),
            version: None,
            ja3: Vec::new(),
            ja3s: None,
            encrypted_hello: false,
            alerts: Vec::new(),
            close: None,
            hello_packet: None,
        };
        NOTHING
    }
}

impl FlowFacts {
    /// Whether the packets say nothing.
    pub fn is_empty(&self) -> bool {
        let Self { protocols, signatures, names, handshake, stun, mentions, media, rtts, .. } = self;
        let no_list =
            protocols.is_empty() && signatures.is_empty() && names.is_empty() && mentions.is_empty();
        let no_measure = media.is_empty() && rtts.is_empty() && self.rtp_headers == PerDirection::default();
        let nothing_else = self.tunnel.is_none() && self.skype_frames.is_none() && self.left_out == 0;
        no_list
            && no_measure
            && nothing_else
            && handshake.is_none()
            && stun.is_none()
            && self.first_answer.is_none()
    }

    /// Notes that `protocol` was recognised.
    pub fn protocol(&mut self, protocol: Protocol) {
        self.protocols.insert(protocol);
    }

    /// Whether `protocol` was recognised.
    pub fn has(&self, protocol: Protocol) -> bool {
        self.protocols.contains(protocol)
    }

    /// Notes a byte pattern. True the first time.
    pub fn signature(&mut self, signature: Signature, packet: PacketRef) -> bool {
        let fresh = !self.has_signature(signature);
        if fresh {
            push(&mut self.signatures, (signature, packet));
        }
        fresh
    }

    /// Whether a byte pattern was seen.
    pub fn has_signature(&self, signature: Signature) -> bool {
        self.signatures.iter().any(|(seen, _)| *seen == signature)
    }

    /// Notes a name of the server; what is no host name is dropped.
    pub fn name(&mut self, name: &str, via: Via, packet: PacketRef) {
        // What a client writes where a host name belongs is a fact, and no less so if it is an address or rubbish.
        let as_sent = || {
            let indication = matches!(via, Via::Tls | Via::Quic | Via::Dtls);
            let text = || name.chars().take(MAX_NAME_LENGTH).collect::<String>();
            (indication && !name.is_empty()).then(|| Arc::from(text()))
        };
        if let Some(name) = normalise(name).or_else(as_sent) {
            self.host_name(&name, via, packet);
        }
    }

    /// Notes names of the server, each once, that are in the form of [`normalise`] and stand in a certificate.
    pub(super) fn certificate_names(&mut self, names: &Arc<[Arc<str>]>, packet: PacketRef) {
        let via = Via::Certificate;
        if self.names.iter().any(|known| known.via == via) {
            names.iter().for_each(|name| self.host_name(name, via, packet));
            return;
        }
        let kept = MAX_NAMES.saturating_sub(self.names.len()).min(names.len());
        self.names.extend(names, kept, via, packet);
        self.left_out = self.left_out.saturating_add((names.len() - kept) as u64);
    }

    /// Notes a name of the server that is in the form of [`normalise`].
    fn host_name(&mut self, name: &Arc<str>, via: Via, packet: PacketRef) {
        if self.names.iter().any(|known| known.via == via && known.name == name) {
            return;
        }
        if self.names.len() < MAX_NAMES {
            self.names.push(Arc::clone(name), via, packet);
        } else {
            self.left_out = self.left_out.saturating_add(1);
        }
    }

    /// Notes an address that a packet names.
    pub fn mention(&mut self, address: SocketAddr, kind: MentionKind, packet: PacketRef) {
        if address.ip().is_unspecified()
            || self.mentions.iter().any(|m| m.kind == kind && m.address == address)
        {
            return;
        }
        if self.mentions.len() < MAX_MENTIONS {
            push(&mut self.mentions, Mention { address, kind, packet });
        } else {
            self.left_out = self.left_out.saturating_add(1);
        }
    }

    /// Notes a round-trip time.
    pub fn rtt(&mut self, via: RttVia, time: Duration) {
        Rtt::add(&mut self.rtts, Rtt { via, min: time, samples: 1 });
    }

    /// Notes a time from a request to its answer: the first of a flow is its handshake time too.
    pub fn answered(&mut self, via: RttVia, time: Duration) {
        self.first_answer.get_or_insert(time);
        self.rtt(via, time);
    }

    /// The stream of `ssrc` in `direction`, made with `make` when it is new. `None` when there are too many.
    pub fn stream(
        &mut self,
        direction: Direction,
        ssrc: u32,
        make: impl FnOnce() -> MediaStream,
    ) -> Option<&mut MediaStream> {
        let same = |stream: &MediaStream| stream.ssrc == ssrc && stream.direction == direction;
        if let Some(place) = self.media.iter().position(same) {
            return self.media.get_mut(place);
        }
        if self.media.len() >= MAX_STREAMS {
            self.left_out = self.left_out.saturating_add(1);
            return None;
        }
        self.media.push(make());
        self.media.last_mut()
    }

    /// Packets of media that `direction` has.
    pub fn media_packets(&self, direction: Direction) -> u64 {
        self.media.iter().filter(|stream| stream.direction == direction).map(|stream| stream.packets).sum()
    }

    /// Notes whom a proxy is asked for. The first counts: a client that is refused asks again.
    pub fn tunnelled(&mut self, tunnel: Tunnel) {
        if self.tunnel.is_some() {
            return;
        }
        if let Ok(address) = tunnel.host.parse() {
            let address = SocketAddr::new(address, tunnel.port.unwrap_or(0));
            self.mention(address, MentionKind::ProxyTarget, tunnel.packet);
        }
        self.tunnel = Some(Box::new(tunnel));
    }

    /// The handshake's facts, to change.
    pub fn handshake_mut(&mut self) -> &mut HandshakeFacts {
        self.handshake.get_or_insert_default()
    }

    /// The facts of STUN, to change.
    pub fn stun_mut(&mut self) -> &mut StunFacts {
        self.stun.get_or_insert_default()
    }
}

/// Appends `item`. Most lists have one item, and there are many lists: the first takes no room for more.
fn push<T>(list: &mut Vec<T>, item: T) {
    if list.is_empty() {
        list.reserve_exact(1);
    }
    list.push(item);
}

impl HandshakeFacts {
    /// Notes the fingerprint of a client hello.
    pub fn fingerprint(&mut self, ja3: Ja3) {
        if self.ja3.len() < MAX_JA3 && !self.ja3.contains(&ja3) {
            push(&mut self.ja3, ja3);
        }
    }

    /// Notes an alert in clear.
    pub fn alert(&mut self, direction: Direction, what: String, packet: PacketRef) {
        let known = self.alerts.iter().any(|(from, name, _)| *from == direction && *name == what);
        if !known && self.alerts.len() < MAX_ALERTS {
            self.alerts.push((direction, what, packet));
        }
    }
}

impl StunFacts {
    /// Notes the code of a refusal.
    pub fn error(&mut self, code: u16, packet: PacketRef) {
        if self.errors.len() < MAX_ERRORS && self.errors.iter().all(|(known, _)| *known != code) {
            self.errors.push((code, packet));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::named::Name;
    use super::*;

    const PACKET: PacketRef = PacketRef::new(0, 1);

    #[test]
    fn facts_are_empty_until_something_is_learnt() {
        assert!(FlowFacts::default().is_empty());
        let mut facts = FlowFacts::default();
        facts.protocol(Protocol::Dns);
        assert!(!facts.is_empty());
        assert!(!FlowFacts { left_out: 1, ..FlowFacts::default() }.is_empty());
        let tunnel = Tunnel {
            kind: ProxyKind::HttpConnect,
            host: String::new(),
            port: None,
            packet: PACKET,
            is_used: false,
        };
        assert!(!FlowFacts { tunnel: Some(Box::new(tunnel)), ..FlowFacts::default() }.is_empty());
    }

    #[test]
    fn protocols_are_listed_in_order() {
        let mut protocols = Protocols::default();
        assert!(protocols.is_empty());
        Protocol::ALL.into_iter().rev().for_each(|protocol| protocols.insert(protocol));
        assert!(protocols.iter().eq(Protocol::ALL) && Protocol::ALL.is_sorted());
        assert_eq!(Protocol::Tls as usize + 1, Protocol::ALL.len(), "the last one");
    }

    #[test]
    fn every_list_is_bounded_and_what_is_left_out_is_counted() {
        let mut facts = FlowFacts::default();
        for i in 0..1000u16 {
            facts.name(&format!("n{i}.example"), Via::Certificate, PACKET);
            facts.mention(SocketAddr::from(([192, 0, 2, 1], i)), MentionKind::Candidate, PACKET);
        }
        assert_eq!((facts.names.len(), facts.mentions.len()), (MAX_NAMES, MAX_MENTIONS));
        assert_eq!(facts.left_out, 2000 - 96);
    }

    #[test]
    fn names_of_certificates_are_bounded_and_kept_once() {
        let mut facts = FlowFacts::default();
        facts.name("asked.example", Via::Tls, PACKET);
        let names: Arc<[Arc<str>]> = (0..40).map(|i| Arc::from(format!("n{i}.example"))).collect();
        facts.certificate_names(&names, PACKET);
        assert_eq!((facts.names.len(), facts.left_out), (MAX_NAMES, 9));
        let mut facts = FlowFacts::default();
        let (first, second) = (Arc::from(&names[..3]), Arc::from(&names[1..5]));
        facts.certificate_names(&first, PACKET);
        facts.certificate_names(&second, PACKET);
        assert!(facts.names.iter().map(|name| name.name).eq(&names[..5]));
        assert_eq!(facts.left_out, 0);
    }

    #[test]
    fn a_fact_is_kept_once_with_its_first_packet() {
        let mut facts = FlowFacts::default();
        let later = PacketRef::new(0, 9);
        for packet in [PACKET, later] {
            facts.name("Zoom.us.", Via::Tls, packet);
            facts.signature(Signature::ZoomMedia, packet);
            facts.protocol(Protocol::Stun);
            facts.protocol(Protocol::Dtls);
        }
        assert!(facts.names.iter().eq([Name { name: &"zoom.us".into(), via: Via::Tls, packet: PACKET }]));
        assert_eq!(facts.signatures, [(Signature::ZoomMedia, PACKET)]);
        assert!(facts.protocols.iter().eq([Protocol::Dtls, Protocol::Stun]));
    }

    #[test]
    fn the_least_round_trip_time_is_kept_and_the_first_is_the_handshake() {
        let mut facts = FlowFacts::default();
        for milliseconds in [30, 20, 25] {
            facts.answered(RttVia::Stun, Duration::from_millis(milliseconds));
        }
        assert_eq!(facts.first_answer, Some(Duration::from_millis(30)));
        assert_eq!(facts.rtts, [Rtt { via: RttVia::Stun, min: Duration::from_millis(20), samples: 3 }]);
    }
}
