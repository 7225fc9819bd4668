//! What shows a far end of a call: the packet that turned to it, what its service and role rest on, and its media.

use super::super::model::{EvidenceReport, MediaSpanReport, PacketReport};
use super::Builder;
use super::flows::evidence;
use crate::flow::PacketRef;
use crate::identify::Evidence;
use crate::session::Leg;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Pieces of evidence of one far end: each rule speaks once, and what is weaker adds nothing.
const MAX_EVIDENCE: usize = 8;

/// What is known of one far end beyond its counters.
#[derive(Default)]
pub(super) struct Proof {
    pub(super) first_packet: Option<PacketReport>,
    pub(super) evidence: Vec<EvidenceReport>,
    pub(super) media_spans: Vec<MediaSpanReport>,
}

impl Builder<'_> {
    /// What the flows of `legs`, all with one far end, show of it.
    pub(super) fn proof(&self, legs: &[&Leg]) -> Proof {
        let flows = || legs.iter().filter_map(|leg| self.flow(leg.flow));
        let Some((first, _)) = flows().min_by_key(|(subject, _)| (subject.start, subject.first_packet))
        else {
            return Proof::default();
        };
        let found = flows().flat_map(|(_, identity)| &identity.evidence);
        Proof {
            first_packet: self.packet(first.first_packet, first.start),
            evidence: strongest(found, first.first_packet),
            media_spans: self.media_spans(legs),
        }
    }

    /// From when to when each kind of media went to or came from the far end.
    fn media_spans(&self, legs: &[&Leg]) -> Vec<MediaSpanReport> {
        let mut spans: BTreeMap<Option<&'static str>, MediaSpanReport> = BTreeMap::new();
        let flows = legs.iter().filter_map(|leg| self.flow(leg.flow));
        let streams = flows.flat_map(|(subject, _)| subject.facts.map_or(&[][..], |facts| &facts.media));
        for stream in streams {
            let span = spans.entry(stream.kind).or_insert_with(|| MediaSpanReport {
                kind: stream.kind,
                start: self.time(stream.start),
                end: self.time(stream.end),
                packets: 0,
                bytes: 0,
            });
            span.start = span.start.min(self.time(stream.start));
            span.end = span.end.max(self.time(stream.end));
            span.packets = span.packets.saturating_add(stream.packets);
            span.bytes = span.bytes.saturating_add(stream.bytes);
        }
        spans.into_values().collect()
    }
}

/// The first of what each rule found, the strongest kind first. Packets are numbered in the input of `first`; of one
/// in another input the number would mislead.
fn strongest<'a>(found: impl Iterator<Item = &'a Evidence>, first: PacketRef) -> Vec<EvidenceReport> {
    let mut rules: BTreeMap<_, &Evidence> = BTreeMap::new();
    for one in found {
        let kept = rules.entry((Reverse(one.kind), one.rule, &one.service)).or_insert(one);
        if one.packet.is_some_and(|packet| kept.packet.is_none_or(|known| packet < known)) {
            *kept = one;
        }
    }
    let shown = rules.into_values().take(MAX_EVIDENCE).map(|one| {
        let packet = one.packet.filter(|packet| packet.input() == first.input()).map(PacketRef::number);
        EvidenceReport { packet, ..evidence(one) }
    });
    shown.collect()
}
