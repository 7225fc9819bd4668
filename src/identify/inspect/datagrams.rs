//! UDP: which dissector a datagram goes to.
//!
//! Protocols that share a port are told apart by their first byte (RFC 7983, RFC 9443), and by the forms that
//! applications put around or in the place of them.

use super::media::MediaWatch;
use super::products::{self, Products};
use super::secure::{self, FirstWords};
use super::stun::StunWatch;
use super::{Feed, answers, sip as sip_facts};
use crate::flow::PacketRef;
use crate::identify::facts::{Direction, MentionKind, PerDirection, Protocol, RttVia};
use crate::identify::names::NameBinding;
use crate::identify::quic::{QuicClose, QuicState, Reached};
use crate::identify::signature::Signature;
use crate::identify::stun::{self, Envelope, TransactionId};
use crate::identify::tls::Progress;
use crate::identify::zoom::{self, Contents, MediaType};
use crate::identify::{FlowFacts, Probe, dtls, facetime, quic, rtcp, rtp, sip, skype};
use std::net::SocketAddr;

/// Packets inside packets: a relay's frame around a message that holds a packet.
const MAX_DEPTH: u8 = 3;
/// Ports of Zoom's routers, where packets that elsewhere prove nothing are read as Zoom's.
const ZOOM_PORTS: std::ops::RangeInclusive<u16> = 8801..=8810;

/// What is kept of a flow over UDP while it goes on.
#[derive(Clone, Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is an independent fact of the flow")]
pub(super) struct Datagrams {
    facts: FlowFacts,
    count: u8,
    /// The ports of the flow are those of DNS for what a side sends.
    is_dns: PerDirection<bool>,
    /// The ports of the flow are none of protocols whose packets look like RTP.
    is_for_media: bool,
    /// The server's port is one of Zoom's routers.
    at_zoom: bool,
    /// The first datagram that was recognised is a question of DNS.
    asks: bool,
    /// RTP is confirmed: packets that look like it need no other look.
    carries_rtp: bool,
    /// Packets of the client that may be Skype's: all, until one is not.
    skype: skype::Frames,
    is_no_skype: bool,
    stun: StunWatch,
    zoom: Option<Box<zoom::RoundTrips>>,
    products: Option<Box<Products>>,
    media: Option<Box<MediaWatch>>,
    dtls: Option<Box<Dtls>>,
    quic: Option<Box<Quic>>,
    bindings: Vec<NameBinding>,
    /// The packets come out of a TCP stream, where only relays put frames around them.
    of_stream: bool,
}

#[derive(Clone, Debug, Default)]
struct Dtls {
    readers: PerDirection<dtls::DtlsReader>,
    words: FirstWords,
    data: PerDirection<bool>,
}

#[derive(Clone, Debug, Default)]
struct Quic {
    state: QuicState,
    words: FirstWords,
    /// The first packet that says why the connection ended.
    close_packet: Option<PacketRef>,
    done: bool,
    /// Datagrams with a short header after both sides had the keys.
    data: PerDirection<bool>,
}

/// Whether a datagram could be something that is read at all: cheap, and before anything is allocated.
pub(super) fn may_be_known(feed: &Feed, payload: &[u8]) -> bool {
    let Some(first) = payload.first() else { return false };
    let by_first = match first {
        b'A'..=b'Z' if sip::probe(payload) == Probe::Match => true,
        0..=3 => stun::probe(payload, feed.length) != Probe::NoMatch || is_zoom_like(feed, payload),
        4..=0x23 if is_zoom_like(feed, payload) => true,
        20..=63 if dtls::probe(payload) != Probe::NoMatch => true,
        128..=191 if may_carry_media(feed) && is_media(payload, feed.length) => true,
        _ => quic::probe(payload) == Probe::Match || is_multiplexed(payload, feed.length),
    };
    by_first
        || is_dns(feed)
        || (feed.direction == Direction::FromClient && skype::parse(payload, feed.length).is_some())
        || products::may_be_known(feed, payload)
        || answers::is_question(feed, payload)
}

fn is_dns(feed: &Feed) -> bool {
    answers::is_port(feed.source().port())
        || (feed.direction == Direction::FromClient && answers::is_port(feed.destination().port()))
}

fn may_carry_media(feed: &Feed) -> bool {
    rtp::may_carry_media(feed.destination()) && rtp::may_carry_media(feed.source())
}

/// Whether it may be RTP, or RTCP, which has a port of its own where the two do not share one (RFC 3550 section 11).
fn is_media(payload: &[u8], length: usize) -> bool {
    rtp::probe(payload, length) != Probe::NoMatch || rtcp::probe(payload, length) == Probe::Match
}

fn is_multiplexed(payload: &[u8], length: usize) -> bool {
    matches!(Envelope::open(payload, length), Some(Envelope::Multiplexed { .. }))
}

fn is_zoom_like(feed: &Feed, payload: &[u8]) -> bool {
    let router = zoom::probe(payload, feed.length);
    router == Probe::Match
        || (router == Probe::NeedMore && ZOOM_PORTS.contains(&feed.server().port()))
        || zoom::probe_peer(payload, feed.length) == Probe::Match
}

impl Datagrams {
    /// Notes what the ports and addresses of the flow of `feed` say.
    pub(super) fn begin(&mut self, feed: &Feed) {
        let by_server = answers::is_port(feed.server().port());
        let by_client = by_server || answers::is_port(feed.client().port());
        self.is_dns = PerDirection { client: by_client, server: by_server };
        self.is_for_media = may_carry_media(feed);
        self.at_zoom = ZOOM_PORTS.contains(&feed.server().port());
    }

    /// Takes the payload of a datagram.
    #[inline]
    pub(super) fn take(&mut self, feed: &Feed, payload: &[u8]) {
        // As most packets of calls are.
        if self.carries_rtp && matches!(payload.first(), Some(128..=191)) {
            self.media(feed, payload, feed.length);
        } else {
            self.take_any(feed, payload);
        }
    }

    #[inline(never)]
    fn take_any(&mut self, feed: &Feed, payload: &[u8]) {
        self.count = self.count.saturating_add(1);
        if *self.is_dns.of(feed.direction) || self.odd_dns(feed, payload) {
            if answers::take(feed, payload, &mut self.bindings) {
                self.facts.protocol(Protocol::Dns);
            }
            return;
        }
        self.skype(feed, payload);
        self.open(feed, payload, feed.length, 0);
    }

    /// Whether the flow carries DNS on a port of its own: a whole question came first, from the client.
    fn odd_dns(&mut self, feed: &Feed, payload: &[u8]) -> bool {
        let begins = self.count == 1 && answers::is_question(feed, payload);
        self.asks |= begins;
        self.asks && (begins || answers::is_message(payload))
    }

    fn skype(&mut self, feed: &Feed, payload: &[u8]) {
        if feed.direction == Direction::FromServer || self.is_no_skype {
            return;
        }
        match skype::parse(payload, feed.length) {
            Some(number) => self.skype.add(number),
            None => self.is_no_skype = true,
        }
    }

    /// Whether the client sent packets that may be Skype's, and no others.
    const fn may_be_skype(&self) -> bool {
        self.skype.packets > 0 && !self.is_no_skype
    }

    /// Whether enough datagrams have passed without anything being recognised.
    pub(super) fn is_hopeless(&self, limit: u8) -> bool {
        self.count >= limit
            && !self.carries_rtp
            && self.facts.is_empty()
            && self.bindings.is_empty()
            && self.dtls.is_none()
            && self.quic.is_none()
            && !self.may_be_skype()
            && !self.media.as_ref().is_some_and(|media| media.is_confirmed())
    }

    /// For the packets in a TCP stream, of which `facts` are known.
    pub(super) fn of_stream(facts: FlowFacts) -> Self {
        Self { facts, of_stream: true, ..Self::default() }
    }

    /// Takes a packet out of a TCP stream.
    pub(super) fn take_out(&mut self, feed: &Feed, packet: &[u8], length: usize) {
        self.at_zoom = ZOOM_PORTS.contains(&feed.server().port());
        self.open(feed, packet, length, 1);
    }

    fn open(&mut self, feed: &Feed, payload: &[u8], length: usize, depth: u8) {
        let Some(first) = payload.first() else { return };
        let secured = self.dtls.is_some() || self.quic.is_some();
        if depth > MAX_DEPTH || (depth == 0 && secured && self.goes_on(feed, payload)) {
            return;
        }
        let known = match first {
            0..=63 => self.message(feed, payload, length, depth) || self.zoom(feed, payload, length),
            64..=127 | 255 => self.envelope(feed, payload, length, depth),
            _ => false,
        };
        if !known && !self.product(feed, payload, length, depth) {
            self.plain(*first, feed, payload, length, depth);
        }
    }

    /// Takes a packet that is told by its `first` byte alone, and is no relay's.
    fn plain(&mut self, first: u8, feed: &Feed, payload: &[u8], length: usize, depth: u8) {
        match first {
            20..=63 => {
                self.dtls(feed, payload);
                // What a relay passes on comes from its other side.
                let relayed = self.facts.stun.as_ref().is_some_and(|stun| stun.relayed);
                self.facts.handshake_of_peer |= depth > 0 && relayed && self.dtls.is_some();
            }
            128..=191 if depth > 0 || self.is_for_media => self.media(feed, payload, length),
            b'A'..=b'Z' => self.sip(feed, payload, depth),
            _ if depth == 0 => self.quic(feed, payload),
            _ => {}
        }
    }

    fn sip(&mut self, feed: &Feed, payload: &[u8], depth: u8) {
        if sip::probe(payload) == Probe::Match {
            if let Some(message) = sip::parse(payload) {
                sip_facts::take(feed, &message, &mut self.facts);
            }
        } else if depth == 0 {
            self.quic(feed, payload);
        }
    }

    /// Takes a datagram that goes on with what the flow is known to carry: a record of DTLS (RFC 6347 section 4.1), or
    /// a packet of QUIC, where no relay or peer shares the port (RFC 9443 section 3).
    fn goes_on(&mut self, feed: &Feed, payload: &[u8]) -> bool {
        match payload {
            [20..=26, 0xfe, 0xfc..=0xff, ..] if self.dtls.is_some() => self.dtls(feed, payload),
            // In a version negotiation all bits of the first byte but the highest are free (RFC 9000 section 17.2.1).
            [64..=127 | 192.., ..] | [128..=191, 0, 0, 0, 0, ..]
                if self.quic.is_some() && self.facts.stun.is_none() =>
            {
                self.quic(feed, payload);
            }
            _ => return false,
        }
        true
    }

    fn message(&mut self, feed: &Feed, payload: &[u8], length: usize, depth: u8) -> bool {
        let Some(head) = stun::Head::read(payload, length) else { return false };
        self.message_of(head, feed, payload, length, depth);
        true
    }

    fn message_of(&mut self, head: stun::Head, feed: &Feed, payload: &[u8], length: usize, depth: u8) {
        let Some(transaction) = stun::transaction(payload) else { return };
        // Made here and filled in: a message that is handed over is copied right after it was written, which the
        // processor has to wait for.
        let mut message = stun::Message::new(head, TransactionId(*transaction));
        message.read(payload, length);
        self.stun.take(feed, &message, &mut self.facts);
        if let Some(data) = message.data {
            self.open(feed, data, data.len(), depth + 1);
        }
    }

    /// A relay's frame around a packet: `ChannelData` where TURN was seen, Microsoft's form anywhere.
    fn envelope(&mut self, feed: &Feed, payload: &[u8], length: usize, depth: u8) -> bool {
        let turn =
            self.of_stream || self.facts.stun.as_ref().is_some_and(|stun| stun.allocate || stun.relayed);
        let Some(envelope) = Envelope::open(payload, length) else { return false };
        match envelope {
            Envelope::ChannelData { .. } if !turn => return false,
            Envelope::ChannelData { .. } => self.facts.stun_mut().relayed = true,
            Envelope::Multiplexed { .. } => {
                self.facts.signature(Signature::MsMultiplex, feed.packet);
            }
        }
        let (inner, length) = envelope.contents();
        self.open(feed, inner, length, depth + 1);
        true
    }

    fn product(&mut self, feed: &Feed, payload: &[u8], length: usize, depth: u8) -> bool {
        if self.facetime(feed, payload, length) {
            return true;
        }
        let expected = self.products.is_some() || (depth == 0 && products::may_be_known(feed, payload));
        if !expected {
            return false;
        }
        self.products.get_or_insert_default().take(feed, payload, length, &mut self.facts)
    }

    fn facetime(&mut self, feed: &Feed, payload: &[u8], length: usize) -> bool {
        let Some(frame) = facetime::parse(payload, length) else { return false };
        let watch = self.media.get_or_insert_default();
        watch.framed = true;
        watch.rtp(feed, frame.payload, frame.length)
    }

    fn zoom(&mut self, feed: &Feed, payload: &[u8], length: usize) -> bool {
        // Elsewhere than on Zoom's ports only packets that prove themselves begin a flow of Zoom's.
        let expected = self.at_zoom || self.zoom.is_some();
        // As most of its packets are.
        if expected && self.router_data(feed, payload, length) {
            return true;
        }
        if let Some(packet) = zoom::parse(payload, length)
            && (expected || (packet.is_certain() && !is_echo(&packet)))
        {
            self.router_packet(feed, &packet);
            return true;
        }
        let Some(packet) = zoom::parse_peer(payload, length) else { return false };
        self.peer_packet(feed, &packet);
        true
    }

    fn router_packet(&mut self, feed: &Feed, packet: &zoom::Packet<'_>) {
        let signature = match packet {
            zoom::Packet::ConnectRequest { .. } | zoom::Packet::ConnectReply { .. } => {
                Some(Signature::ZoomConnect)
            }
            zoom::Packet::EchoRequest(_) | zoom::Packet::EchoReply(_) => Some(Signature::ZoomEcho),
            zoom::Packet::Data { media, .. } => return self.router_media(feed, media),
            zoom::Packet::Close { .. } => None,
        };
        if let Some(signature) = signature {
            self.facts.signature(signature, feed.packet);
        }
        let time = self.zoom.get_or_insert_default().update(packet, feed.time);
        if let (Direction::FromServer, Some(time)) = (feed.direction, time) {
            self.facts.answered(RttVia::Zoom, time);
        }
    }

    /// Takes what carries media or control. Whether it is such a packet.
    fn router_data(&mut self, feed: &Feed, payload: &[u8], length: usize) -> bool {
        for start in zoom::starts_of_media(payload).into_iter().flatten() {
            let media = zoom::Media::after(start, payload, length);
            // Not taken out: it would be copied right after it was written, which the processor has to wait for.
            if let Some(media) = &media {
                self.router_media(feed, media);
                return true;
            }
        }
        false
    }

    fn router_media(&mut self, feed: &Feed, media: &zoom::Media<'_>) {
        let signature = if carries_media(media) { Signature::ZoomMedia } else { Signature::ZoomControl };
        self.facts.signature(signature, feed.packet);
        self.zoom.get_or_insert_default();
        self.zoom_media(feed, media);
    }

    fn peer_packet(&mut self, feed: &Feed, packet: &zoom::PeerPacket<'_>) {
        self.zoom.get_or_insert_default();
        match packet {
            zoom::PeerPacket::Connect { address } => {
                self.facts.signature(Signature::ZoomPeerConnect, feed.packet);
                self.facts.mention(SocketAddr::new(*address, 0), MentionKind::Candidate, feed.packet);
            }
            zoom::PeerPacket::Media(media) => {
                self.facts.signature(Signature::ZoomPeerMedia, feed.packet);
                self.zoom_media(feed, media);
            }
        }
    }

    fn zoom_media(&mut self, feed: &Feed, media: &zoom::Media<'_>) {
        let kind = match media.media_type {
            MediaType::Audio => Some("audio"),
            MediaType::Video => Some("video"),
            MediaType::ScreenShare => Some("screen"),
            MediaType::Control | MediaType::Filler | MediaType::Reports => None,
        };
        let watch = self.media.get_or_insert_default();
        match media.contents {
            Contents::Rtp { header, length } => watch.header(feed, &header, length, kind),
            Contents::Rtcp { payload, length } => {
                watch.rtcp(feed, payload, length, &mut self.facts);
            }
            Contents::Opaque => {}
        }
    }

    fn media(&mut self, feed: &Feed, payload: &[u8], length: usize) {
        let watch = self.media.get_or_insert_default();
        // RFC 5761 section 4: the second byte tells them apart.
        if let Some(192..=223) = payload.get(1) {
            watch.rtcp(feed, payload, length, &mut self.facts);
        } else {
            watch.rtp(feed, payload, length);
        }
        if !self.carries_rtp {
            // Where all of it comes this way, the others are as they were.
            let is_all = self.zoom.is_none() && !watch.framed;
            self.carries_rtp = if is_all { watch.confirms(feed.direction) } else { watch.is_confirmed() };
        }
    }

    fn dtls(&mut self, feed: &Feed, payload: &[u8]) {
        if self.dtls.is_none() && dtls::probe(payload) != Probe::Match {
            return;
        }
        let dtls = self.dtls.get_or_insert_default();
        dtls.words.note(feed);
        dtls.readers.of_mut(feed.direction).datagram(payload);
        // `application_data`, RFC 8446 section 5.1; DTLS 1.3 hides it (RFC 9147 section 4).
        *dtls.data.of_mut(feed.direction) |= payload.first() == Some(&23);
    }

    fn quic(&mut self, feed: &Feed, payload: &[u8]) {
        if self.quic.is_none() && quic::probe(payload) != Probe::Match {
            return;
        }
        let quic = self.quic.get_or_insert_default();
        if quic.done {
            *quic.data.of_mut(feed.direction) |= payload.first().is_some_and(|first| first & 0x80 == 0);
            return;
        }
        quic.words.note(feed);
        let progress = match feed.direction {
            Direction::FromClient => quic.state.client_datagram(payload),
            Direction::FromServer => quic.state.server_datagram(payload),
        };
        quic.done = progress == Progress::Done;
        if quic.close_packet.is_none() && quic.state.facts().close.is_some() {
            quic.close_packet = Some(feed.packet);
        }
    }

    /// Concludes: no datagram will come. Gives the names that answers bound.
    pub(super) fn finish(&mut self) -> Vec<NameBinding> {
        if self.may_be_skype() {
            self.facts.skype_frames = Some(self.skype);
        }
        if let Some(media) = &self.media {
            media.finish(&mut self.facts);
        }
        if let Some(dtls) = self.dtls.take() {
            dtls.finish(&mut self.facts);
        }
        if let Some(quic) = self.quic.take() {
            quic.finish(&mut self.facts);
        }
        std::mem::take(&mut self.bindings)
    }

    /// What was learnt so far, and all of it at the end.
    pub(super) const fn facts(&self) -> &FlowFacts {
        &self.facts
    }

    /// The same, to go on with elsewhere.
    pub(super) fn into_facts(self) -> FlowFacts {
        self.facts
    }
}

/// A packet of which hardly a byte is fixed.
const fn is_echo(packet: &zoom::Packet<'_>) -> bool {
    matches!(packet, zoom::Packet::EchoRequest(_) | zoom::Packet::EchoReply(_) | zoom::Packet::Close { .. })
}

const fn carries_media(media: &zoom::Media<'_>) -> bool {
    matches!(media.media_type, MediaType::Audio | MediaType::Video | MediaType::ScreenShare)
        && matches!(media.contents, Contents::Rtp { .. })
}

impl Dtls {
    fn finish(mut self, facts: &mut FlowFacts) {
        self.readers.client.finish();
        self.readers.server.finish();
        let PerDirection { client, server } = self.readers;
        let flights = PerDirection { client: client.into_flight(), server: server.into_flight() };
        secure::conclude(facts, Protocol::Dtls, flights, &self.words);
        facts.handshake_mut().data = self.data;
    }
}

impl Quic {
    fn finish(mut self, facts: &mut FlowFacts) {
        self.state.finish();
        let mut known = std::mem::take(&mut self.state).into_facts();
        let (client, server) = (std::mem::take(&mut known.client), std::mem::take(&mut known.server));
        // A session that took the answering side for the client says so.
        let flights = if known.swapped {
            PerDirection { client: server, server: client }
        } else {
            PerDirection { client, server }
        };
        secure::conclude(facts, Protocol::Quic, flights, &self.words);
        if let Some(name) = &known.google_server_name
            && let Some(packet) = facts.handshake_mut().hello_packet.or(self.words.first())
        {
            facts.name(name.as_str(), crate::identify::names::Via::Quic, packet);
        }
        let completed = known.is_established();
        if let Some(close) = &known.close {
            self.closed(facts, close, known.swapped);
        }
        let handshake = facts.handshake_mut();
        handshake.completed |= completed;
        let reached =
            known.client_reached == Some(Reached::OneRtt) && known.server_reached == Some(Reached::OneRtt);
        handshake.data =
            PerDirection { client: reached || self.data.client, server: reached || self.data.server };
    }

    /// Notes why the connection ended, as an Initial packet says it.
    fn closed(&self, facts: &mut FlowFacts, close: &QuicClose, swapped: bool) {
        let from = if close.by_client == swapped { Direction::FromServer } else { Direction::FromClient };
        if let Some(packet) = self.close_packet.or(self.words.first()) {
            facts.handshake_mut().close = Some((from, close.clone(), packet));
        }
    }
}
