//! Protocols of single products over UDP: what their datagrams say becomes facts of the flow.

use super::Feed;
use crate::identify::facts::{Direction, MentionKind, RttVia};
use crate::identify::signature::Signature;
use crate::identify::{FlowFacts, Probe, discord, line, teams, telegram, viber, webex, whatsapp};

/// The port of Webex's media, without which its bytes prove nothing.
const WEBEX_PORT: u16 = 9000;
/// Ports of Viber's relays, where packets that elsewhere prove nothing are read as Viber's.
const VIBER_PORTS: [u16; 2] = [7985, 7987];

/// Pairs requests with answers.
#[derive(Clone, Debug, Default)]
pub(super) struct Products {
    discord: Option<Box<discord::RoundTrips>>,
    telegram: Option<Box<telegram::RoundTrips>>,
    viber: Option<Box<viber::RoundTrips>>,
    asked_webex: bool,
}

/// Whether a datagram could be one of them.
pub(super) fn may_be_known(feed: &Feed, payload: &[u8]) -> bool {
    let length = feed.length;
    let port = feed.server().port();
    let is = |probe: Probe| probe == Probe::Match;
    // Most begin with bytes of their own.
    let by_first = match payload.first() {
        Some(0x00 | 0x13) => is(discord::probe(payload, length)),
        Some(0x03) => is(teams::probe(payload, length)),
        Some(b'h') => is(whatsapp::probe(payload, length)),
        Some(0xd0..=0xdf) => is(line::probe(payload, length)),
        _ => false,
    };
    by_first
        || is(telegram::probe(payload, length))
        || is(viber::probe(payload, length))
        || (VIBER_PORTS.contains(&port) && viber::probe(payload, length) != Probe::NoMatch)
        || (port == WEBEX_PORT && webex::probe(payload, length) != Probe::NoMatch)
}

impl Products {
    /// Takes a datagram. Whether it is one of them.
    pub(super) fn take(&mut self, feed: &Feed, payload: &[u8], length: usize, facts: &mut FlowFacts) -> bool {
        self.discord(feed, payload, length, facts)
            || self.telegram(feed, payload, length, facts)
            || self.viber(feed, payload, length, facts)
            || self.webex(feed, payload, length, facts)
            || plain(feed, payload, length, facts)
    }

    fn discord(&mut self, feed: &Feed, payload: &[u8], length: usize, facts: &mut FlowFacts) -> bool {
        let Some(packet) = discord::parse(payload, length) else { return false };
        let signature = match packet {
            discord::Packet::Ping { .. } => Signature::DiscordPing,
            discord::Packet::DiscoveryRequest { .. } => Signature::DiscordDiscovery,
            discord::Packet::DiscoveryResponse { address, .. } => {
                facts.mention(address, MentionKind::Mapped, feed.packet);
                Signature::DiscordDiscovery
            }
        };
        facts.signature(signature, feed.packet);
        let trips = self.discord.get_or_insert_default();
        if let Some(time) = trips.update(packet, feed.source(), feed.destination(), feed.time)
            && feed.direction == Direction::FromServer
        {
            facts.answered(RttVia::Discord, time);
        }
        true
    }

    fn telegram(&mut self, feed: &Feed, payload: &[u8], length: usize, facts: &mut FlowFacts) -> bool {
        let Some(packet) = telegram::parse(payload, length) else { return false };
        if telegram::probe(payload, length) != Probe::Match {
            return false;
        }
        facts.signature(Signature::TelegramCall, feed.packet);
        match packet {
            telegram::Packet::SelfInfo { address, .. } => {
                facts.mention(address, MentionKind::Mapped, feed.packet);
            }
            telegram::Packet::PeerInfo { own, peer } => {
                facts.mention(own, MentionKind::Mapped, feed.packet);
                facts.mention(peer, MentionKind::Peer, feed.packet);
            }
            telegram::Packet::PeerRequest
            | telegram::Packet::Relayed { .. }
            | telegram::Packet::SelfRequest { .. } => {}
        }
        let time = self.telegram.get_or_insert_default().update(&packet, feed.time);
        if let (Some(time), Direction::FromServer) = (time, feed.direction) {
            facts.answered(RttVia::Telegram, time);
        }
        true
    }

    fn viber(&mut self, feed: &Feed, payload: &[u8], length: usize, facts: &mut FlowFacts) -> bool {
        let expected = VIBER_PORTS.contains(&feed.server().port()) || self.viber.is_some();
        let Some(packet) = viber::parse(payload, length) else { return false };
        if !expected && viber::probe(payload, length) != Probe::Match {
            return false;
        }
        facts.signature(Signature::ViberCall, feed.packet);
        if let viber::Packet::RegisterReply { address, .. } | viber::Packet::TestReply { address, .. } =
            packet
        {
            facts.mention(address, MentionKind::Mapped, feed.packet);
        }
        let time = self.viber.get_or_insert_default().update(&packet, feed.time);
        if let (Some(time), Direction::FromServer) = (time, feed.direction) {
            facts.answered(RttVia::Viber, time);
        }
        true
    }

    /// Counts only with an answer to the test: each packet alone proves too little.
    fn webex(&mut self, feed: &Feed, payload: &[u8], length: usize, facts: &mut FlowFacts) -> bool {
        if feed.server().port() != WEBEX_PORT {
            return false;
        }
        let Some(packet) = webex::parse(payload, length) else { return false };
        match packet {
            webex::Packet::TestRequest => self.asked_webex = true,
            webex::Packet::TestReply if self.asked_webex && feed.direction == Direction::FromServer => {
                facts.signature(Signature::WebexMedia, feed.packet);
            }
            webex::Packet::TestReply | webex::Packet::Close | webex::Packet::Join => {}
        }
        true
    }
}

/// Those of which each packet stands for itself.
fn plain(feed: &Feed, payload: &[u8], length: usize, facts: &mut FlowFacts) -> bool {
    if let Some(packet) = whatsapp::parse(payload, length)
        && (packet == whatsapp::Packet::HealthRequest || facts.has_signature(Signature::WhatsAppHealth))
    {
        facts.signature(Signature::WhatsAppHealth, feed.packet);
        return true;
    }
    if teams::parse(payload, length).is_some() {
        facts.signature(Signature::TeamsControl, feed.packet);
        return true;
    }
    let known = facts.has_signature(Signature::LineCall);
    if line::probe(payload, length) == Probe::Match || (known && line::parse(payload, length).is_some()) {
        facts.signature(Signature::LineCall, feed.packet);
        return true;
    }
    false
}
