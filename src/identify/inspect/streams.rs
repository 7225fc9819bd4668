//! TCP: which dissector the first bytes of a connection go to.

use super::datagrams::Datagrams;
use super::outer::{MAX_OUTER, Outer};
use super::secure::FirstWords;
use super::tls::Tls;
use super::{Feed, answers, sip as sip_facts};
use crate::flow::Read;
use crate::identify::facts::{Direction, MentionKind, PerDirection, Protocol, ProxyKind, Tunnel};
use crate::identify::names::{NameBinding, Via};
use crate::identify::signature::Signature;
use crate::identify::{
    FlowFacts, Probe, dingtalk, dns, h323, http, pseudo_tls, sip, skype, stun, tls, viber_chat, whatsapp_chat,
};

/// Bytes after which a direction that nothing is recognised in is given up.
const MAX_UNRECOGNISED: usize = 4096;

/// Bytes of H.323 that are read in each direction: the set-up of a call has some ten messages.
const MAX_H323: usize = 16 * 1024;

/// Bytes of SIP that are read in each direction: some ten messages.
const MAX_SIP: usize = 16 * 1024;

/// What is kept of what a TCP connection says while it goes on.
#[derive(Clone, Debug, Default)]
pub(super) struct Streams {
    content: Content,
    done: PerDirection<bool>,
    /// Directions whose first bytes begin nothing that is known, whatever follows them.
    strange: PerDirection<bool>,
    words: FirstWords,
    facts: Option<Box<FlowFacts>>,
    around: Option<Box<Around>>,
}

/// What lies around the content, and where the content begins in what is at hand of each stream (0 where it has not).
#[derive(Clone, Debug)]
struct Around {
    outer: Outer,
    begins: PerDirection<usize>,
}

#[derive(Clone, Debug, Default)]
enum Content {
    #[default]
    Unknown,
    Dns(Box<Questions>),
    H323(PerDirection<usize>),
    Http,
    Sip,
    Stun(Box<Relay>),
    Tls(Box<Tls>),
}

/// DNS, and how many bytes of each direction are read.
#[derive(Clone, Debug, Default)]
struct Questions {
    read: PerDirection<usize>,
    bindings: Vec<NameBinding>,
}

/// STUN and what goes through a relay.
#[derive(Clone, Debug)]
struct Relay {
    packets: Datagrams,
    units: PerDirection<usize>,
    /// The streams begin with hellos that only look like TLS.
    behind_hello: bool,
}

impl Streams {
    /// Whether more bytes of `direction` can tell anything.
    pub(super) const fn wants(&self, direction: Direction) -> bool {
        !*self.done.of(direction)
    }

    /// Whether nothing more can be learnt, and nothing is left to hand over.
    pub(super) fn is_over(&self) -> bool {
        let hands_over = matches!(&self.content, Content::Dns(dns) if !dns.bindings.is_empty());
        self.done == PerDirection { client: true, server: true } && !hands_over
    }

    /// Takes bytes of a direction: those that it was not done with before, and what follows them.
    pub(super) fn take(&mut self, feed: &Feed, bytes: &[u8]) -> Read {
        if *self.done.of(feed.direction) {
            return Read { done: bytes.len(), ..Read::default() };
        }
        if self.around.is_none() {
            return self.content(feed, bytes);
        }
        match self.begin(feed.direction, bytes) {
            Some((begin, inner)) => {
                let read = self.content(feed, inner);
                if let Some(around) = &mut self.around {
                    *around.begins.of_mut(feed.direction) = begin.saturating_add(read.done);
                }
            }
            None => *self.done.of_mut(feed.direction) = bytes.len() >= MAX_OUTER,
        }
        Read::default()
    }

    /// Where the content begins in a stream, if it has, and what it is.
    fn begin<'a>(&mut self, direction: Direction, bytes: &'a [u8]) -> Option<(usize, &'a [u8])> {
        let around = self.around.as_mut()?;
        let begin = match *around.begins.of(direction) {
            0 => bytes.len().saturating_sub(around.outer.inner(direction, bytes)?.len()),
            known => known,
        };
        *around.begins.of_mut(direction) = begin;
        let inner = bytes.get(begin..).filter(|inner| !inner.is_empty())?;
        if let Some(tunnel) = self.facts.as_mut().and_then(|facts| facts.tunnel.as_mut()) {
            tunnel.is_used = true;
        }
        Some((begin, inner))
    }

    /// Takes bytes of the content in a direction.
    fn content(&mut self, feed: &Feed, bytes: &[u8]) -> Read {
        let direction = feed.direction;
        self.words.note(feed);
        if matches!(self.content, Content::Unknown)
            && (*self.strange.of(direction) || !self.recognise(feed, bytes))
        {
            return self.unrecognised(feed, bytes);
        }
        if direction == Direction::FromServer && self.is_at_start(direction) {
            match skype::probe_server_hello(bytes) {
                Probe::Match => _ = self.facts().signature(Signature::SkypeHello, feed.packet),
                Probe::NeedMore => return Read::default(),
                Probe::NoMatch => {}
            }
        }
        let done = match &mut self.content {
            Content::Unknown => false,
            Content::Dns(dns) => take_dns(feed, bytes, dns),
            Content::H323(read) => {
                take_h323(feed, bytes, read.of_mut(direction), self.facts.get_or_insert_default())
            }
            Content::Http => self.http(feed, bytes),
            Content::Sip => take_sip(feed, bytes, self.facts.get_or_insert_default()),
            Content::Stun(relay) => relay.take(feed, bytes),
            Content::Tls(tls) => {
                let read = tls.take(direction, bytes);
                *self.done.of_mut(direction) |= tls.is_done(direction);
                if tls.is_over() {
                    self.done = PerDirection { client: true, server: true };
                }
                return read;
            }
        };
        *self.done.of_mut(direction) |= done;
        Read::default()
    }

    /// Takes bytes of which nothing is known: something else may lie around the content, or more bytes tell.
    fn unrecognised(&mut self, feed: &Feed, bytes: &[u8]) -> Read {
        let direction = feed.direction;
        if !*self.strange.of(direction)
            && self.around.is_none()
            && let Some(outer) = self.outer(feed, bytes)
        {
            self.around = Some(Box::new(Around { outer, begins: PerDirection::default() }));
            // What is inside begins later.
            self.words = FirstWords::default();
            self.strange = PerDirection::default();
            return self.take(feed, bytes);
        }
        *self.done.of_mut(direction) |= bytes.len() >= MAX_UNRECOGNISED;
        *self.strange.of_mut(direction) |= is_strange(feed, bytes);
        if self.strange == (PerDirection { client: true, server: true }) {
            self.done = self.strange;
        }
        Read::default()
    }

    /// Whether the bytes that a direction is not done with are its first ones.
    const fn is_at_start(&self, direction: Direction) -> bool {
        !matches!(&self.content, Content::Tls(tls) if tls.has_begun(direction))
    }

    fn facts(&mut self) -> &mut FlowFacts {
        self.facts.get_or_insert_default()
    }

    /// Finds out what lies around the content. Notes whom a proxy is asked for.
    fn outer(&mut self, feed: &Feed, bytes: &[u8]) -> Option<Outer> {
        let (outer, tunnel) = Outer::find(feed, bytes)?;
        if let Some(tunnel) = tunnel {
            self.facts().tunnelled(tunnel);
        }
        Some(outer)
    }

    /// Finds out what the connection carries. Whether it is known.
    fn recognise(&mut self, feed: &Feed, prefix: &[u8]) -> bool {
        let is_dns = || answers::is_port(feed.server().port()) && self.around.is_none();
        if is_dns() || answers::is_tcp_question(feed, prefix) {
            self.content = Content::Dns(Box::default());
            self.facts().protocol(Protocol::Dns);
            return true;
        }
        match pseudo_tls::probe(prefix) {
            // More bytes tell such a hello from those of TLS.
            Probe::NeedMore => return false,
            Probe::Match => self.relay(true),
            Probe::NoMatch => self.recognise_other(feed, prefix),
        }
        !matches!(self.content, Content::Unknown)
    }

    /// Goes on as with a relay.
    fn relay(&mut self, behind_hello: bool) {
        let facts = self.facts.take().unwrap_or_default();
        let packets = Datagrams::of_stream(*facts);
        let relay = Relay { packets, units: PerDirection::default(), behind_hello };
        self.content = Content::Stun(Box::new(relay));
    }

    fn recognise_other(&mut self, feed: &Feed, prefix: &[u8]) {
        if tls::probe(prefix) == Probe::Match {
            self.content = Content::Tls(Box::default());
        } else if http::probe(prefix) == Probe::Match && !is_tunnel(feed, prefix) {
            self.content = Content::Http;
            self.facts().protocol(Protocol::Http);
        } else if sip::probe(prefix) == Probe::Match {
            self.content = Content::Sip;
        } else if h323::probe(prefix) == Probe::Match {
            self.content = Content::H323(PerDirection::default());
            self.facts().protocol(Protocol::H323);
        } else if let Some(signature) = product(feed, prefix) {
            self.facts().signature(signature, feed.packet);
            self.done = PerDirection { client: true, server: true };
        } else if stun::Stream::new(prefix).is_some() {
            self.relay(false);
        }
    }

    /// Reads the head of a request.
    fn http(&mut self, feed: &Feed, prefix: &[u8]) -> bool {
        let Some(head) = http::parse(prefix) else { return true };
        if let Some(name) = head.name()
            && feed.direction == Direction::FromClient
            && head.length.is_some()
        {
            self.forwarded(feed, &head.start);
            self.facts().name(name.as_str(), Via::Http, feed.packet);
        }
        head.length.is_some()
    }

    /// Notes that a request is for another server than the one that it goes to: a request with a whole address in it
    /// goes to a proxy (RFC 9112 section 3.2.2).
    fn forwarded(&mut self, feed: &Feed, start: &http::StartLine) {
        let http::StartLine::Request { target_host: Some(host), target_port: port, .. } = start else {
            return;
        };
        if host.as_str().parse() != Ok(feed.server().ip()) {
            let (kind, host) = (ProxyKind::HttpForward, host.as_str().to_owned());
            self.facts().tunnelled(Tunnel { kind, host, port: *port, packet: feed.packet, is_used: true });
        }
    }

    /// Takes note that no more bytes of `direction` come than those that it was not done with.
    pub(super) fn end(&mut self, direction: Direction, bytes: &[u8]) {
        if let Content::Tls(tls) = &mut self.content {
            let begin = self.around.as_ref().map_or(0, |around| *around.begins.of(direction));
            tls.end(direction, bytes.get(begin..).unwrap_or_default());
        }
        *self.done.of_mut(direction) = true;
    }

    /// Everything that was learnt.
    pub(super) fn finish(&mut self) -> (Option<Box<FlowFacts>>, Vec<NameBinding>) {
        let bindings = match std::mem::take(&mut self.content) {
            Content::Tls(mut tls) => {
                tls.finish(self.facts.get_or_insert_default(), &self.words);
                Vec::new()
            }
            Content::Stun(mut relay) => {
                let bindings = relay.packets.finish();
                return (Some(Box::new(relay.packets.into_facts())), bindings);
            }
            Content::Dns(dns) => dns.bindings,
            Content::Unknown | Content::H323(_) | Content::Http | Content::Sip => Vec::new(),
        };
        (self.facts.take(), bindings)
    }
}

/// Whether first bytes begin nothing that is known, whatever follows them.
pub(super) fn is_strange(feed: &Feed, bytes: &[u8]) -> bool {
    let probes: [fn(&[u8]) -> Probe; 7] = [
        pseudo_tls::probe,
        tls::probe,
        http::probe,
        sip::probe,
        h323::probe,
        dingtalk::probe,
        whatsapp_chat::probe,
    ];
    !Outer::may_begin(feed.direction, bytes)
        && !stun::Stream::may_begin(bytes)
        && !answers::may_be_tcp_question(feed, bytes)
        && !viber_chat::PORTS.contains(&feed.server().port())
        && probes.into_iter().all(|probe| probe(bytes) == Probe::NoMatch)
}

/// Connections of single products that nothing more can be read of.
fn product(feed: &Feed, prefix: &[u8]) -> Option<Signature> {
    let from_client = feed.direction == Direction::FromClient;
    if dingtalk::probe(prefix) == Probe::Match {
        return Some(Signature::DingTalkHello);
    }
    if from_client && whatsapp_chat::probe(prefix) == Probe::Match {
        return Some(Signature::WhatsAppChat);
    }
    let viber =
        viber_chat::PORTS.contains(&feed.server().port()) && viber_chat::probe(prefix) == Probe::Match;
    viber.then_some(Signature::ViberChat)
}

/// Reads all messages again with each segment, which is bounded by giving up early.
fn take_sip(feed: &Feed, prefix: &[u8], facts: &mut FlowFacts) -> bool {
    for message in sip::stream(prefix) {
        sip_facts::take(feed, &message, facts);
    }
    prefix.len() >= MAX_SIP
}

/// Reads the messages that were not read before.
fn take_h323(feed: &Feed, prefix: &[u8], read: &mut usize, facts: &mut FlowFacts) -> bool {
    for message in h323::messages(prefix).skip(*read) {
        *read = read.saturating_add(1);
        for named in h323::addresses(message) {
            let kind = match named.kind {
                h323::AddressKind::Alternative => MentionKind::AlternateServer,
                h323::AddressKind::Called | h323::AddressKind::Control => MentionKind::OtherServer,
                h323::AddressKind::Caller => MentionKind::Candidate,
                h323::AddressKind::Media => MentionKind::MediaAddress,
            };
            // What a side says of the ends of the connection itself is nothing that is only mentioned.
            if named.address != feed.source() && named.address != feed.destination() {
                facts.mention(named.address, kind, feed.packet);
            }
        }
    }
    prefix.len() >= MAX_H323
}

fn take_dns(feed: &Feed, prefix: &[u8], dns: &mut Questions) -> bool {
    let read = dns.read.of_mut(feed.direction);
    let rest = prefix.get(*read..).unwrap_or_default();
    let mut used = 0_usize;
    for message in dns::tcp_messages(rest) {
        let end = used.saturating_add(2).saturating_add(message.len());
        let whole = rest.get(used..).and_then(|rest| rest.first_chunk::<2>());
        if whole.is_none_or(|length| usize::from(u16::from_be_bytes(*length)) != message.len()) {
            break;
        }
        answers::take(feed, message, &mut dns.bindings);
        used = end;
    }
    *read = read.saturating_add(used);
    false
}

/// Whether a request is one for a tunnel, or an answer that opens one to TLS.
fn is_tunnel(feed: &Feed, prefix: &[u8]) -> bool {
    match feed.direction {
        Direction::FromClient => prefix.starts_with(b"CONNECT "),
        Direction::FromServer => {
            http::tunnelled(prefix).is_some_and(|inner| tls::probe(inner) == Probe::Match)
        }
    }
}

impl Relay {
    /// Reads the packets that were not read before. Whether nothing more can be learnt.
    fn take(&mut self, feed: &Feed, prefix: &[u8]) -> bool {
        let prefix = match pseudo_tls::open(prefix) {
            Some((_, inner)) if self.behind_hello => inner,
            // The other side's hello is not whole, or its beginning is not in the capture.
            None if self.behind_hello => return pseudo_tls::probe(prefix) == Probe::NoMatch,
            _ => prefix,
        };
        let Some(stream) = stun::Stream::new(prefix) else { return prefix.len() >= MAX_UNRECOGNISED };
        let read = self.units.of_mut(feed.direction);
        let fresh: Vec<_> = stream.skip(*read).take_while(|unit| unit.payload.len() == unit.length).collect();
        *read = read.saturating_add(fresh.len());
        for unit in fresh {
            self.packets.take_out(feed, unit.payload, unit.length);
        }
        false
    }
}
