//! Media: RTP and RTCP of a flow, bare or inside an application's own encapsulation.

use super::Feed;
use crate::flow::PacketRef;
use crate::identify::facts::{Direction, MediaStream, PerDirection, Protocol, RttVia};
use crate::identify::rtcp::{self, Protection};
use crate::identify::rtp::{self, MediaKind, Stream, Tracker};
use crate::identify::signature::Signature;
use crate::identify::{FlowFacts, facetime, whatsapp};

/// Sources whose first packet is remembered.
const MAX_ORIGINS: usize = 256;

/// Follows the media of both directions.
#[derive(Clone, Debug, Default)]
pub(super) struct MediaWatch {
    trackers: PerDirection<Tracker>,
    headers: PerDirection<u64>,
    origins: Vec<Origin>,
    reports: Option<Box<rtcp::RoundTrips>>,
    plain_reports: bool,
    /// RTP came in `FaceTime`'s frames.
    pub(super) framed: bool,
}

/// Where a source was first seen, and what it is.
#[derive(Clone, Copy, Debug)]
struct Origin {
    direction: Direction,
    ssrc: u32,
    first: PacketRef,
    kind: Option<&'static str>,
}

impl MediaWatch {
    /// Takes a packet that may be RTP, of `length` bytes on the wire. Whether it has such a header.
    #[inline]
    pub(super) fn rtp(&mut self, feed: &Feed, payload: &[u8], length: usize) -> bool {
        let Some(header) = rtp::parse(payload, length) else { return false };
        self.header(feed, &header, length, None);
        true
    }

    /// Takes a header of RTP.
    #[inline]
    pub(super) fn header(
        &mut self,
        feed: &Feed,
        header: &rtp::Header,
        length: usize,
        kind: Option<&'static str>,
    ) {
        let headers = self.headers.of_mut(feed.direction);
        *headers = headers.saturating_add(1);
        // A source that is followed has its origin.
        if !self.trackers.of_mut(feed.direction).take(header, length, feed.time) {
            self.origin(feed, header.ssrc, kind);
        }
    }

    fn origin(&mut self, feed: &Feed, ssrc: u32, kind: Option<&'static str>) {
        let same = |origin: &Origin| origin.ssrc == ssrc && origin.direction == feed.direction;
        if self.origins.len() < MAX_ORIGINS && !self.origins.iter().any(same) {
            self.origins.push(Origin { direction: feed.direction, ssrc, first: feed.packet, kind });
        }
    }

    /// Takes a datagram that may be RTCP. Whether it has such a header.
    pub(super) fn rtcp(&mut self, feed: &Feed, payload: &[u8], length: usize, facts: &mut FlowFacts) -> bool {
        let Some(compound) = rtcp::parse(payload, length) else { return false };
        if compound.protection == Protection::Plain {
            self.plain_reports = true;
            let times = self.reports.get_or_insert_default().update(&compound, feed.time);
            for time in times.into_iter().filter(|_| feed.direction == Direction::FromServer) {
                facts.rtt(RttVia::Rtcp, time);
            }
        }
        true
    }

    /// Whether a stream is RTP beyond doubt.
    pub(super) fn is_confirmed(&self) -> bool {
        let one = |tracker: &Tracker| tracker.confirmed().next().is_some();
        self.plain_reports || one(&self.trackers.client) || one(&self.trackers.server)
    }

    /// Whether the latest packet of `direction` put a stream beyond doubt.
    pub(super) fn confirms(&self, direction: Direction) -> bool {
        self.plain_reports || self.trackers.of(direction).latest().is_some_and(Stream::is_confirmed)
    }

    /// Adds the streams to `facts`.
    pub(super) fn finish(&self, facts: &mut FlowFacts) {
        for direction in [Direction::FromClient, Direction::FromServer] {
            for stream in self.trackers.of(direction).confirmed() {
                let same = |origin: &&Origin| origin.ssrc == stream.ssrc && origin.direction == direction;
                let Some(origin) = self.origins.iter().find(same) else { continue };
                facts.protocol(Protocol::Rtp);
                let by_profile = match stream.extension_profile {
                    Some(whatsapp::EXTENSION_PROFILE) => Some(Signature::WhatsAppMedia),
                    Some(facetime::EXTENSION_PROFILE) => Some(Signature::FaceTimeMedia),
                    _ => self.framed.then_some(Signature::FaceTimeMedia),
                };
                if let Some(signature) = by_profile {
                    facts.signature(signature, origin.first);
                }
                let by_pattern = stream.kind().map(|kind| match kind {
                    MediaKind::Audio => "audio",
                    MediaKind::Video => "video",
                });
                facts.stream(direction, stream.ssrc, || MediaStream {
                    direction,
                    ssrc: stream.ssrc,
                    payload_type: stream.payload_type,
                    kind: origin.kind.or(by_pattern),
                    packets: stream.packets,
                    bytes: stream.bytes,
                    lost: stream.lost(),
                    first: origin.first,
                    start: stream.first,
                    end: stream.last,
                });
            }
        }
        if self.plain_reports {
            facts.protocol(Protocol::Rtcp);
        }
        if !facts.media.is_empty() {
            facts.rtp_headers = self.headers;
        }
    }
}
