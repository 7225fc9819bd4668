//! Session descriptions, RFC 8866, with the candidates of ICE (RFC 8839): which addresses a call may use.
//!
//! A scanner of single lines, so that a description that is cut or bends the grammar still gives the
//! addresses that it has.

use std::net::IpAddr;

/// Addresses kept of one description. WebRTC lists some tens of candidates.
const MOST_MENTIONS: usize = 128;

/// What a description says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    /// The streams of media (`m=`), in order.
    pub media: Vec<MediaLine>,
    /// The addresses, with what named them, in order.
    pub mentions: Vec<Mention>,
}

/// One `m=` line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaLine {
    /// What kind of media.
    pub media: MediaName,
    /// The port at which it is received; 0 refuses it, 9 stands for one that ICE will find.
    pub port: u16,
}

/// Kinds of media.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MediaName {
    /// `audio`.
    Audio,
    /// `video`.
    Video,
    /// `application` (data channels), `image` (fax) and others.
    Other,
}

/// An address in a description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mention {
    /// What named it.
    pub source: MentionSource,
    /// The address.
    pub address: IpAddr,
    /// The port, if the line gives one.
    pub port: Option<u16>,
}

/// What named an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MentionSource {
    /// A candidate of ICE.
    Candidate(CandidateType),
    /// `raddr` of a candidate: the sender's address from which it was learnt.
    CandidateBase,
    /// `c=`: where media is received.
    Connection,
    /// `o=`: the machine that made the description.
    Origin,
    /// `a=rtcp:` where reports are received.
    Rtcp,
}

/// Types of candidates, RFC 8445 section 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CandidateType {
    /// An address of the machine itself.
    Host,
    /// An address learnt from a peer's check.
    PeerReflexive,
    /// An address on a relay.
    Relayed,
    /// The address on the outer side of a NAT.
    ServerReflexive,
}

/// Reads a description as far as it goes.
pub fn parse(body: &[u8]) -> Description {
    let mut description = Description::default();
    // A line without an end may be cut within an address, so it is not read.
    for line in body.split_inclusive(|&byte| byte == b'\n').filter(|line| line.ends_with(b"\n")) {
        let Ok(line) = std::str::from_utf8(line) else { continue };
        let line = line.trim_end();
        if let Some((kind, value)) = line.split_once('=') {
            read_line(&mut description, kind, value);
        }
    }
    description
}

fn read_line(description: &mut Description, kind: &str, value: &str) {
    match kind {
        "c" => push(description, MentionSource::Connection, connection(value), None),
        // User, identifier and version come before the address.
        "o" => {
            let address = value.splitn(4, ' ').nth(3).and_then(connection);
            push(description, MentionSource::Origin, address, None);
        }
        "m" => read_media(description, value),
        "a" => {
            if let Some(candidate) = value.strip_prefix("candidate:") {
                read_candidate(description, candidate);
            } else if let Some(rtcp) = value.strip_prefix("rtcp:") {
                let (port, rest) = rtcp.split_once(' ').unwrap_or((rtcp, ""));
                push(description, MentionSource::Rtcp, connection(rest), port.parse().ok());
            }
        }
        _ => {}
    }
}

/// `IN IP4 address`, `IN IP4 address/ttl`, `IN IP6 address`.
fn connection(value: &str) -> Option<IpAddr> {
    let address = value.split_ascii_whitespace().nth(2)?;
    address.split('/').next()?.parse().ok()
}

/// `audio 49170 RTP/AVP 0`, `video 49170/2 ...`
fn read_media(description: &mut Description, value: &str) {
    let mut words = value.split_ascii_whitespace();
    let media = match words.next() {
        Some("audio") => MediaName::Audio,
        Some("video") => MediaName::Video,
        _ => MediaName::Other,
    };
    let port = words.next().and_then(|port| port.split('/').next()?.parse().ok());
    if let Some(port) = port.filter(|_| description.media.len() < MOST_MENTIONS) {
        description.media.push(MediaLine { media, port });
    }
}

/// `foundation component transport priority address port typ type [raddr address rport port] ...`
fn read_candidate(description: &mut Description, value: &str) {
    let words: Vec<&str> = value.split_ascii_whitespace().take(32).collect();
    let [_, _, _, _, address, port, "typ", kind, extensions @ ..] = words.as_slice() else { return };
    let kind = match *kind {
        "host" => CandidateType::Host,
        "prflx" => CandidateType::PeerReflexive,
        "relay" => CandidateType::Relayed,
        "srflx" => CandidateType::ServerReflexive,
        _ => return,
    };
    push(description, MentionSource::Candidate(kind), address.parse().ok(), port.parse().ok());
    let after = |name: &str| {
        let position = extensions.iter().position(|word| *word == name)?;
        extensions.get(position + 1).copied()
    };
    let base = after("raddr").and_then(|address| address.parse().ok());
    push(description, MentionSource::CandidateBase, base, after("rport").and_then(|port| port.parse().ok()));
}

/// Keeps an address; 0.0.0.0 and :: stand for none.
fn push(description: &mut Description, source: MentionSource, address: Option<IpAddr>, port: Option<u16>) {
    if let Some(address) = address.filter(|address| !address.is_unspecified())
        && description.mentions.len() < MOST_MENTIONS
    {
        description.mentions.push(Mention { source, address, port });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OFFER: &str = "v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.2/127\r\nm=audio 49170 RTP/AVP 0\r\n\
        a=rtcp:49171 IN IP6 2001:db8::5\r\nm=video 9/2 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\n\
        a=candidate:1 1 UDP 2130706431 10.0.1.1 8998 typ host\r\n\
        a=candidate:2 1 udp 16777 203.0.113.9 3478 typ relay raddr 198.51.100.3 rport 45664 generation 0\r\n\
        a=candidate:3 1 udp 1 6ba7b810-9dad-11d1-80b4-00c04fd430c8.local 5000 typ host\r\n";

    fn expected() -> Vec<Mention> {
        let mention =
            |source, address: &str, port| Mention { source, address: address.parse().unwrap(), port };
        vec![
            mention(MentionSource::Origin, "192.0.2.1", None),
            mention(MentionSource::Connection, "192.0.2.2", None),
            mention(MentionSource::Rtcp, "2001:db8::5", Some(49171)),
            mention(MentionSource::Candidate(CandidateType::Host), "10.0.1.1", Some(8998)),
            mention(MentionSource::Candidate(CandidateType::Relayed), "203.0.113.9", Some(3478)),
            mention(MentionSource::CandidateBase, "198.51.100.3", Some(45664)),
        ]
    }

    #[test]
    fn every_line_with_an_address_is_read() {
        let description = parse(OFFER.as_bytes());
        assert_eq!(description.mentions, expected());
        let media = [
            MediaLine { media: MediaName::Audio, port: 49170 },
            MediaLine { media: MediaName::Video, port: 9 },
        ];
        assert_eq!(description.media, media);
    }

    #[test]
    fn every_truncation_gives_addresses_in_the_same_order() {
        for end in 0..OFFER.len() {
            let found = parse(&OFFER.as_bytes()[..end]).mentions;
            assert_eq!(Some(found.as_slice()), expected().get(..found.len()), "{end}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "([acmo]=[a-z0-9:./ ]{0,40}\r?\n){0,9}", bytes in proptest::collection::vec(any::<u8>(), 0..90)) {
            let _ = parse(text.as_bytes());
            prop_assert!(parse(&bytes).mentions.len() <= MOST_MENTIONS);
        }
    }
}
