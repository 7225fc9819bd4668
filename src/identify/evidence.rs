//! Evidence: what an inference about a flow rests on, and how much each kind of it weighs.

use super::Service;
use super::names::Via;
use crate::flow::PacketRef;

/// The kind of a piece of evidence, weakest first.
///
/// Bytes that only one protocol writes beat a certificate, which beats a name; a name beats an address range,
/// and a range beats a port. Names that the flow itself gives beat those that DNS gave to the address, and both
/// beat what is only carried over from another flow of the same client and server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The server's port. Never enough to name a service.
    Port,
    /// The server's address lies in a prefix that the service lists.
    Prefix,
    /// Another flow of the same client, to the same server or in the same call, is known.
    Inherited,
    /// The client looked the name up and got this address.
    Resolved,
    /// A name that the flow itself carries: SNI, `Host`, SIP.
    Name,
    /// A name in the server's certificate.
    Certificate,
    /// Bytes that only this protocol writes.
    Signature,
}

impl Kind {
    /// The word for it in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Port => "port",
            Self::Prefix => "prefix",
            Self::Inherited => "inherited",
            Self::Resolved | Self::Name => "name",
            Self::Certificate => "certificate",
            Self::Signature => "signature",
        }
    }

    /// The kind of evidence that a name learnt this way is.
    pub const fn of_name(via: Via) -> Self {
        match via {
            Via::Dns => Self::Resolved,
            Via::Certificate => Self::Certificate,
            Via::Tls | Via::Quic | Via::Dtls | Via::Http | Via::Sip => Self::Name,
        }
    }
}

/// One reason for an inference, with the packet that shows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Evidence {
    /// What kind of reason it is, which is its weight.
    pub kind: Kind,
    /// Which rule fired: stable ids such as `zoom-media-header` or `name`.
    pub rule: &'static str,
    /// The service it speaks for; `None` where it speaks for a role only.
    pub service: Option<Service>,
    /// The packet that shows it; `None` where it is no single one.
    pub packet: Option<PacketRef>,
    /// What was seen, for a person: `SNI zoomfrn99mmr.zoom.us fits *mmr*.zoom.us`. May hold text off the wire.
    pub detail: String,
}

/// The service that `evidence` speaks for, and the strongest piece that says so.
///
/// A port alone never names a service. An application beats a technique (`webrtc`, `sip`, `unknown-media`)
/// whatever the kinds. Between applications the stronger kind wins, then the one with more pieces of that kind,
/// then the earlier piece.
pub fn weigh(evidence: &[Evidence]) -> Option<(&Service, &Evidence)> {
    let mut best: Option<(Weight, &Service, &Evidence)> = None;
    for piece in evidence {
        let Some(service) = &piece.service else { continue };
        if piece.kind == Kind::Port {
            continue;
        }
        let same = |other: &&Evidence| other.kind == piece.kind && other.service.as_ref() == Some(service);
        let weight = (rank(service), piece.kind, evidence.iter().filter(same).count());
        if best.as_ref().is_none_or(|(heaviest, ..)| weight > *heaviest) {
            best = Some((weight, service, piece));
        }
    }
    best.map(|(_, service, piece)| (service, piece))
}

/// An application before a technique, and any technique before media of which nothing is known.
fn rank(service: &Service) -> u8 {
    if *service == Service::UNKNOWN_MEDIA {
        0
    } else if service.is_generic() {
        1
    } else {
        2
    }
}

/// The rank of the service, the kind, and how many pieces agree.
type Weight = (u8, Kind, usize);

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(kind: Kind, service: &Service) -> Evidence {
        Evidence { kind, rule: "test", service: Some(service.clone()), packet: None, detail: String::new() }
    }

    #[test]
    fn a_signature_beats_a_name_beats_a_range() {
        let mut evidence = vec![piece(Kind::Prefix, &Service::TEAMS)];
        assert_eq!(weigh(&evidence).map(|(s, _)| s), Some(&Service::TEAMS));
        evidence.push(piece(Kind::Name, &Service::MEET));
        assert_eq!(weigh(&evidence).map(|(s, _)| s), Some(&Service::MEET));
        evidence.push(piece(Kind::Signature, &Service::ZOOM));
        assert_eq!(weigh(&evidence).map(|(s, _)| s), Some(&Service::ZOOM));
    }

    #[test]
    fn a_port_alone_never_names_a_service() {
        assert_eq!(weigh(&[piece(Kind::Port, &Service::ZOOM)]), None);
    }

    #[test]
    fn an_application_beats_a_technique() {
        let evidence = [piece(Kind::Signature, &Service::WEBRTC), piece(Kind::Prefix, &Service::MEET)];
        assert_eq!(weigh(&evidence).map(|(s, _)| s), Some(&Service::MEET));
    }

    #[test]
    fn of_equal_kinds_the_more_frequent_wins_then_the_earlier() {
        let tie = [piece(Kind::Name, &Service::SKYPE), piece(Kind::Name, &Service::TEAMS)];
        assert_eq!(weigh(&tie).map(|(s, _)| s), Some(&Service::SKYPE));
        let [a, b] = tie;
        let majority = [a, b.clone(), b];
        assert_eq!(weigh(&majority).map(|(s, _)| s), Some(&Service::TEAMS));
    }

    #[test]
    fn what_the_flow_says_beats_what_dns_said() {
        assert!(Kind::of_name(Via::Tls) > Kind::of_name(Via::Dns));
        assert!(Kind::of_name(Via::Certificate) > Kind::of_name(Via::Tls));
        assert!(Kind::Resolved > Kind::Inherited && Kind::Inherited > Kind::Prefix);
    }
}
