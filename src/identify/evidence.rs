//! Evidence: what an inference about a flow rests on, and how much each kind of it weighs.

use super::catalogue::FactDate;
use super::facts::{MentionKind, ProxyKind};
use super::names::Via;
use super::{Role, Service};
use crate::flow::PacketRef;
use ipnet::IpNet;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// What kind of reason it is, which is its weight.
    pub kind: Kind,
    /// Which rule fired: stable ids such as `zoom-media-header` or `name`.
    pub rule: &'static str,
    /// The service it speaks for; `None` where it speaks for a role only.
    pub service: Option<Service>,
    /// The packet that shows it; `None` where it is no single one.
    pub packet: Option<PacketRef>,
    /// What was seen.
    pub detail: Detail,
}

/// What was seen, for a person: `SNI zoomfrn99mmr.zoom.us fits *mmr*.zoom.us`. May hold text off the wire.
///
/// It is made into words where it is shown: of most flows nobody asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Detail {
    /// These words.
    Words(&'static str),
    /// A name fits what the catalogue knows of a service.
    Name(Arc<NameFit>),
    /// The realm of a TURN server fits what the catalogue knows of a service.
    Realm(Box<Fit>),
    /// The server's address lies in a prefix that the service lists.
    Prefix {
        /// The address.
        address: IpAddr,
        /// The prefix.
        prefix: Arc<Listed>,
        /// Whether other services have the prefix too.
        shared: bool,
    },
    /// Packets of one socket to several addresses are numbered in one sequence.
    Sequence {
        /// To how many.
        flows: usize,
    },
    /// The service has a port for a role.
    Port {
        /// The port.
        number: u16,
        /// The role.
        role: Role,
    },
    /// What another flow has to do with this one.
    /// What, before the address of that flow's server, and that server.
    OtherFlow(&'static str, Box<SocketAddr>),
    /// Another flow names this one's server: as what, and the server of the flow that names it.
    Mentioned(MentionKind, Box<SocketAddr>),
    /// What is said through a `proxy` or a `relay`, by or to whoever is behind it.
    Behind(Box<Self>, &'static str),
    /// A proxy is asked so for a host whose name fits what the catalogue knows of a service.
    Asked(ProxyKind, Box<Fit>),
    /// What several services share, and the server that the client turns to for one of them.
    Confirmed(Box<(Self, SocketAddr)>),
}

/// A name that fits what the catalogue knows of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fit {
    /// The name.
    pub name: Arc<str>,
    /// What it fits.
    pub pattern: Arc<str>,
}

/// A name of a server that fits what the catalogue knows of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameFit {
    /// What gave the name.
    pub via: Via,
    /// The name and what it fits.
    pub fit: Fit,
    /// Whether other services use such names too.
    pub shared: bool,
}

/// A prefix that a service lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The prefix.
    pub prefix: IpNet,
    /// Who lists it.
    pub source: Arc<str>,
    /// As of when.
    pub as_of: FactDate,
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let others = |shared: bool| if shared { ", which others use too" } else { "" };
        match self {
            Self::Words(words) => f.write_str(words),
            Self::Name(found) => {
                let NameFit { via, fit: Fit { name, pattern }, shared } = &**found;
                write!(f, "{} {name} fits {pattern}{}", words_for(*via), others(*shared))
            }
            Self::Realm(fit) => write!(f, "realm {} of a TURN server fits {}", fit.name, fit.pattern),
            Self::Prefix { address, prefix, shared } => {
                let Listed { prefix, source, as_of } = &**prefix;
                write!(f, "{address} is in {prefix} ({source}, {as_of}){}", others(*shared))
            }
            Self::Sequence { flows } => {
                write!(f, "packets of this socket to {flows} addresses are numbered in one sequence")
            }
            Self::Port { number, role } => write!(f, "port {number} is for {role}"),
            Self::OtherFlow(words, server) => write!(f, "{words} {server}"),
            Self::Mentioned(kind, server) => {
                write!(f, "named as {} in the flow with {server}", kind.name())
            }
            Self::Behind(detail, what) => {
                write!(f, "{detail}, through a {what}: no packet of this flow goes to the address behind it")
            }
            Self::Asked(kind, fit) => {
                let Fit { name, pattern } = &**fit;
                write!(f, "a proxy is asked ({}) for {name}, which fits {pattern}", kind.name())
            }
            Self::Confirmed(known) => write!(f, "{}; the client also uses {}", known.0, known.1),
        }
    }
}

const fn words_for(via: Via) -> &'static str {
    match via {
        Via::Dns => "DNS answer for",
        Via::Certificate => "certificate of",
        Via::Http => "HTTP host",
        Via::Sip => "SIP host",
        Via::Tls | Via::Quic | Via::Dtls => "SNI",
    }
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
        Evidence {
            kind,
            rule: "test",
            service: Some(service.clone()),
            packet: None,
            detail: Detail::Words(""),
        }
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
