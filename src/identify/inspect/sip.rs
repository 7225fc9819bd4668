//! SIP and the descriptions of media in it: what messages say becomes facts of the flow.

use super::Feed;
use crate::identify::FlowFacts;
use crate::identify::facts::{Direction, MentionKind, Protocol};
use crate::identify::names::Via;
use crate::identify::sdp::{self, CandidateType, Description, MentionSource};
use crate::identify::sip::{Host, Message};
use std::net::SocketAddr;

/// Adds to `facts` what `message` says.
pub(super) fn take(feed: &Feed, message: &Message<'_>, facts: &mut FlowFacts) {
    facts.protocol(Protocol::Sip);
    match feed.direction {
        Direction::FromClient => {
            if let Some(Host::Name(name)) = message.target().map(|target| target.host) {
                facts.name(name, Via::Sip, feed.packet);
            }
        }
        Direction::FromServer => {
            for host in message.received() {
                if let Host::Address(address) = host.host {
                    let address = SocketAddr::new(address, host.port.unwrap_or(0));
                    facts.mention(address, MentionKind::Mapped, feed.packet);
                }
            }
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
