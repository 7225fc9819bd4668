//! SIP and the descriptions of media in it: what messages say becomes facts of the flow.

use super::Feed;
use crate::identify::FlowFacts;
use crate::identify::facts::{Direction, MentionKind, Protocol};
use crate::identify::names::Via;
use crate::identify::sdp::{self, CandidateType, Description, MentionSource};
use crate::identify::sip::{Host, HostSource, Message};
use std::net::SocketAddr;

/// Adds to `facts` what `message` says.
pub(super) fn take(feed: &Feed, message: &Message<'_>, facts: &mut FlowFacts) {
    facts.protocol(Protocol::Sip);
    for host in &message.hosts {
        match (host.source, host.host) {
            (HostSource::Target, Host::Name(name)) if feed.direction == Direction::FromClient => {
                facts.name(name, Via::Sip, feed.packet);
            }
            (HostSource::ViaReceived, Host::Address(address)) if feed.direction == Direction::FromServer => {
                facts.mention(
                    SocketAddr::new(address, host.port.unwrap_or(0)),
                    MentionKind::Mapped,
                    feed.packet,
                );
            }
            _ => {}
        }
    }
    if let Some(body) = message.description {
        description(feed, &sdp::parse(body), facts);
    }
}

fn description(feed: &Feed, description: &Description, facts: &mut FlowFacts) {
    for mention in &description.mentions {
        let kind = match mention.source {
            MentionSource::Candidate(CandidateType::Relayed) => MentionKind::Relayed,
            MentionSource::Candidate(_) => MentionKind::Candidate,
            MentionSource::Connection | MentionSource::Rtcp => MentionKind::MediaAddress,
            MentionSource::CandidateBase | MentionSource::Origin => continue,
        };
        let ports = description.media.iter().map(|line| line.port).filter(|port| *port != 0);
        match mention.port {
            Some(port) => facts.mention(SocketAddr::new(mention.address, port), kind, feed.packet),
            None => ports
                .for_each(|port| facts.mention(SocketAddr::new(mention.address, port), kind, feed.packet)),
        }
    }
}
