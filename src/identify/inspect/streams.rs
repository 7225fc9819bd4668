//! TCP: which dissector the first bytes of a connection go to.

use super::datagrams::Datagrams;
use super::outer::{MAX_OUTER, Outer};
use super::secure::{self, FirstWords};
use super::{Feed, answers, sip as sip_facts};
use crate::identify::facts::{Direction, MentionKind, PerDirection, Protocol, ProxyKind, Tunnel};
use crate::identify::names::{NameBinding, Via};
use crate::identify::signature::Signature;
use crate::identify::tls::{Progress, TlsReader};
use crate::identify::{
    FlowFacts, Probe, dingtalk, dns, h323, http, pseudo_tls, sip, skype, stun, tls, viber_chat, whatsapp_chat,
};

/// Encrypted records that are looked at after the handshake, to see whether data goes both ways.
const MAX_RECORDS: u8 = 16;
/// Bytes of the header of a TLS record, RFC 8446 section 5.1.
const RECORD_HEADER: usize = 5;
/// Bytes of an encrypted record that holds no more than an alert: two, with a content type and a tag of 16 in TLS 1.3,
/// with an eight-byte nonce or with padding and a hash in TLS 1.2.
const MAX_ALERT: usize = 32;
/// `application_data`, RFC 8446 section 5.1.
const APPLICATION_DATA: u8 = 23;
/// Bytes after which a direction that nothing is recognised in is given up.
const MAX_UNRECOGNISED: usize = 4096;

/// Bytes of H.323 that are read in each direction: the set-up of a call has some ten messages.
const MAX_H323: usize = 16 * 1024;

/// Bytes of SIP that are read in each direction: some ten messages.
const MAX_SIP: usize = 16 * 1024;

/// What is kept of a TCP connection while it goes on.
#[derive(Clone, Debug, Default)]
pub(super) struct Streams {
    facts: Box<FlowFacts>,
    /// What lies around the content, and where the content begins in each stream (0 where it has not).
    outer: Option<Outer>,
    begins: PerDirection<usize>,
    content: Content,
    done: PerDirection<bool>,
    words: FirstWords,
    bindings: Vec<NameBinding>,
}

#[derive(Clone, Debug, Default)]
enum Content {
    #[default]
    Unknown,
    Dns(PerDirection<usize>),
    H323(PerDirection<usize>),
    Http,
    Sip,
    Stun(Box<Relay>),
    Tls(Box<Tls>),
}

/// STUN and what goes through a relay.
#[derive(Clone, Debug)]
struct Relay {
    packets: Box<Datagrams>,
    units: PerDirection<usize>,
    /// The streams begin with hellos that only look like TLS.
    behind_hello: bool,
}

#[derive(Clone, Debug, Default)]
struct Tls {
    readers: PerDirection<TlsReader>,
    records: PerDirection<Records>,
    data: PerDirection<bool>,
}

/// Walks the records of one direction by their headers.
#[derive(Clone, Copy, Debug, Default)]
struct Records {
    position: usize,
    encrypted: u8,
}

impl Streams {
    /// Whether more bytes of `direction` can tell anything.
    pub(super) const fn wants(&self, direction: Direction) -> bool {
        !*self.done.of(direction)
    }

    /// Whether nothing more can be learnt, and nothing is left to hand over.
    pub(super) fn is_over(&self) -> bool {
        self.done == PerDirection { client: true, server: true } && self.bindings.is_empty()
    }

    /// Takes all bytes of a direction from its beginning.
    pub(super) fn take(&mut self, feed: &Feed, prefix: &[u8]) {
        if *self.done.of(feed.direction) {
            return;
        }
        match self.outer {
            None => self.content(feed, prefix),
            Some(outer) => {
                let begin = self.begin(outer, feed.direction, prefix);
                match begin.and_then(|begin| prefix.get(begin..)) {
                    Some(inner) => self.content(feed, inner),
                    None => *self.done.of_mut(feed.direction) = prefix.len() >= MAX_OUTER,
                }
            }
        }
    }

    /// Where the content begins in a stream, if it has.
    fn begin(&mut self, outer: Outer, direction: Direction, prefix: &[u8]) -> Option<usize> {
        let begin = self.begins.of_mut(direction);
        if *begin == 0 {
            *begin = prefix.len().saturating_sub(outer.inner(direction, prefix)?.len());
        }
        if *begin >= prefix.len() {
            return None;
        }
        if let Some(tunnel) = &mut self.facts.tunnel {
            tunnel.is_used = true;
        }
        Some(*begin)
    }

    /// Takes all bytes of the content in a direction.
    fn content(&mut self, feed: &Feed, prefix: &[u8]) {
        self.words.note(feed);
        if matches!(self.content, Content::Unknown) && !self.recognise(feed, prefix) {
            if self.outer.is_none() {
                self.outer = Outer::find(feed, prefix, &mut self.facts);
                if self.outer.is_some() {
                    // The handshake inside begins later.
                    self.words = FirstWords::default();
                    return self.take(feed, prefix);
                }
            }
            *self.done.of_mut(feed.direction) = prefix.len() >= MAX_UNRECOGNISED;
            return;
        }
        if feed.direction == Direction::FromServer && skype::is_server_hello(prefix) {
            self.facts.signature(Signature::SkypeHello, feed.packet);
        }
        let done = match &mut self.content {
            Content::Unknown => false,
            Content::Dns(read) => take_dns(feed, prefix, read.of_mut(feed.direction), &mut self.bindings),
            Content::H323(read) => take_h323(feed, prefix, read.of_mut(feed.direction), &mut self.facts),
            Content::Http => self.http(feed, prefix),
            Content::Sip => take_sip(feed, prefix, &mut self.facts),
            Content::Stun(relay) => relay.take(feed, prefix),
            Content::Tls(tls) => tls.take(feed.direction, prefix),
        };
        *self.done.of_mut(feed.direction) |= done;
        if let Content::Tls(tls) = &self.content
            && tls.is_over()
        {
            self.done = PerDirection { client: true, server: true };
        }
    }

    /// Finds out what the connection carries. Whether it is known.
    fn recognise(&mut self, feed: &Feed, prefix: &[u8]) -> bool {
        let is_dns = || answers::is_port(feed.server().port()) && self.outer.is_none();
        if is_dns() || answers::is_tcp_question(feed, prefix) {
            self.content = Content::Dns(PerDirection::default());
            self.facts.protocol(Protocol::Dns);
        } else if pseudo_tls::probe(prefix) == Probe::NeedMore {
            // More bytes tell such a hello from those of TLS.
            return false;
        } else if let Some(behind_hello) = relay(prefix) {
            let facts = std::mem::take(&mut self.facts);
            let packets = Box::new(Datagrams::of_stream(facts));
            let relay = Relay { packets, units: PerDirection::default(), behind_hello };
            self.content = Content::Stun(Box::new(relay));
        } else if tls::probe(prefix) == Probe::Match {
            self.content = Content::Tls(Box::default());
        } else if http::probe(prefix) == Probe::Match && !is_tunnel(feed, prefix) {
            self.content = Content::Http;
            self.facts.protocol(Protocol::Http);
        } else if sip::probe(prefix) == Probe::Match {
            self.content = Content::Sip;
        } else if h323::probe(prefix) == Probe::Match {
            self.content = Content::H323(PerDirection::default());
            self.facts.protocol(Protocol::H323);
        } else if let Some(signature) = product(feed, prefix) {
            self.facts.signature(signature, feed.packet);
            self.done = PerDirection { client: true, server: true };
        }
        !matches!(self.content, Content::Unknown)
    }

    /// Reads the head of a request.
    fn http(&mut self, feed: &Feed, prefix: &[u8]) -> bool {
        let Some(head) = http::parse(prefix) else { return true };
        if let Some(name) = head.name()
            && feed.direction == Direction::FromClient
            && head.length.is_some()
        {
            self.forwarded(feed, &head.start);
            self.facts.name(name.as_str(), Via::Http, feed.packet);
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
            self.facts.tunnelled(Tunnel { kind, host, port: *port, packet: feed.packet, is_used: true });
        }
    }

    /// Takes note that no more bytes of `direction` come.
    pub(super) fn end(&mut self, direction: Direction, prefix: &[u8]) {
        if let Content::Tls(tls) = &mut self.content {
            let begin = *self.begins.of(direction);
            tls.readers.of_mut(direction).finish(prefix.get(begin..).unwrap_or_default());
        }
        *self.done.of_mut(direction) = true;
    }

    /// Everything that was learnt.
    pub(super) fn finish(mut self) -> (Option<Box<FlowFacts>>, Vec<NameBinding>) {
        match self.content {
            Content::Tls(tls) => {
                let Tls { readers, data, .. } = *tls;
                let flights = PerDirection {
                    client: readers.client.into_flight(),
                    server: readers.server.into_flight(),
                };
                secure::conclude(&mut self.facts, Protocol::Tls, flights, &self.words);
                self.facts.handshake_mut().data = data;
            }
            Content::Stun(relay) => return relay.packets.finish(),
            Content::Unknown | Content::Dns(_) | Content::H323(_) | Content::Http | Content::Sip => {}
        }
        (Some(self.facts), self.bindings)
    }
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
            if named.address != feed.source && named.address != feed.destination {
                facts.mention(named.address, kind, feed.packet);
            }
        }
    }
    prefix.len() >= MAX_H323
}

fn take_dns(feed: &Feed, prefix: &[u8], read: &mut usize, bindings: &mut Vec<NameBinding>) -> bool {
    let rest = prefix.get(*read..).unwrap_or_default();
    let mut used = 0_usize;
    for message in dns::tcp_messages(rest) {
        let end = used.saturating_add(2).saturating_add(message.len());
        let whole = rest.get(used..).and_then(|rest| rest.first_chunk::<2>());
        if whole.is_none_or(|length| usize::from(u16::from_be_bytes(*length)) != message.len()) {
            break;
        }
        answers::take(feed, message, bindings);
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

/// Whether a stream carries packets to or from a relay: bare (`Some(false)`), or behind a hello that only looks like
/// TLS.
fn relay(prefix: &[u8]) -> Option<bool> {
    if stun::Stream::new(prefix).is_some() {
        return Some(false);
    }
    pseudo_tls::open(prefix).map(|_| true)
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

impl Tls {
    /// Takes all bytes of a direction. Whether nothing more can be learnt from it.
    fn take(&mut self, direction: Direction, prefix: &[u8]) -> bool {
        self.readers.of_mut(direction).read(prefix) == Progress::Done && self.records(direction, prefix)
    }

    /// Looks at the lengths of encrypted records for application data. Whether nothing more can be learnt.
    ///
    /// The client's second encrypted record, unless it is as short as an alert, is data: the first ends the
    /// handshake. What the server encrypts after the client has sent data answers it.
    fn records(&mut self, direction: Direction, stream: &[u8]) -> bool {
        let client_spoke = self.data.client;
        let finished = self.finished_records();
        let records = self.records.of_mut(direction);
        while let Some([kind, _, _, high, low]) =
            stream.get(records.position..).and_then(|rest| rest.first_chunk())
        {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            records.position = records.position.saturating_add(RECORD_HEADER).saturating_add(length);
            let is_data = *kind == APPLICATION_DATA && length > MAX_ALERT;
            records.encrypted = records.encrypted.saturating_add(u8::from(*kind == APPLICATION_DATA));
            match direction {
                Direction::FromClient => self.data.client |= is_data && records.encrypted > finished,
                Direction::FromServer => self.data.server |= is_data && client_spoke,
            }
        }
        *self.data.of(direction) || records.encrypted >= MAX_RECORDS
    }

    /// Encrypted records of the client that look like data and end its handshake (RFC 8446 section 5.1).
    fn finished_records(&self) -> u8 {
        let hello = self.readers.server.flight().server_hello.as_ref();
        u8::from(hello.is_none_or(|hello| hello.version.hides_certificates()))
    }

    const fn is_over(&self) -> bool {
        self.data.client && self.data.server
    }
}
