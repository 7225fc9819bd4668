//! TCP: which dissector the first bytes of a connection go to.

use super::media::MediaWatch;
use super::secure::{self, FirstWords};
use super::stun::StunWatch;
use super::{Feed, answers, sip as sip_facts};
use crate::identify::facts::{Direction, PerDirection, Protocol};
use crate::identify::names::{NameBinding, Via};
use crate::identify::signature::Signature;
use crate::identify::tls::{Progress, TlsReader};
use crate::identify::{
    FlowFacts, Probe, dingtalk, dns, http, sip, skype, stun, tls, viber_chat, whatsapp_chat,
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

/// Bytes of SIP that are read in each direction: some ten messages.
const MAX_SIP: usize = 16 * 1024;

/// What is kept of a TCP connection while it goes on.
#[derive(Clone, Debug, Default)]
pub(super) struct Streams {
    facts: Box<FlowFacts>,
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
    Http,
    Sip,
    Stun(Box<Relay>),
    Tls(Box<Tls>),
}

#[derive(Clone, Debug, Default)]
struct Relay {
    stun: StunWatch,
    media: MediaWatch,
    units: PerDirection<usize>,
}

#[derive(Clone, Debug, Default)]
struct Tls {
    readers: PerDirection<TlsReader>,
    records: PerDirection<Records>,
    /// Where the handshake begins in each stream: behind a proxy's greeting.
    offset: PerDirection<usize>,
    data: PerDirection<bool>,
    /// A proxy carries the connection: the streams begin with its greeting.
    tunnel: bool,
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
        self.words.note(feed);
        if matches!(self.content, Content::Unknown) && !self.recognise(feed, prefix) {
            if prefix.len() >= MAX_UNRECOGNISED {
                *self.done.of_mut(feed.direction) = true;
            }
            return;
        }
        if feed.direction == Direction::FromServer && skype::is_server_hello(prefix) {
            self.facts.signature(Signature::SkypeHello, feed.packet);
        }
        let done = match &mut self.content {
            Content::Unknown => false,
            Content::Dns(read) => take_dns(feed, prefix, read.of_mut(feed.direction), &mut self.bindings),
            Content::Http => self.http(feed, prefix),
            Content::Sip => take_sip(feed, prefix, &mut self.facts),
            Content::Stun(relay) => relay.take(feed, prefix, &mut self.facts),
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
        if answers::is_port(feed.server().port()) {
            self.content = Content::Dns(PerDirection::default());
            self.facts.protocol(Protocol::Dns);
        } else if tls::probe(prefix) == Probe::Match {
            self.content = Content::Tls(Box::default());
        } else if http::probe(prefix) == Probe::Match {
            self.content = Content::Http;
            self.facts.protocol(Protocol::Http);
        } else if sip::probe(prefix) == Probe::Match {
            self.content = Content::Sip;
        } else if let Some(signature) = product(feed, prefix) {
            self.facts.signature(signature, feed.packet);
            self.done = PerDirection { client: true, server: true };
        } else if stun::Stream::new(prefix).is_some() {
            self.content = Content::Stun(Box::default());
        }
        !matches!(self.content, Content::Unknown)
    }

    /// Reads the head of a request; what a proxy's tunnel carries is read in its turn.
    fn http(&mut self, feed: &Feed, prefix: &[u8]) -> bool {
        let Some(head) = http::parse(prefix) else { return true };
        if let Some(name) = head.name()
            && feed.direction == Direction::FromClient
            && head.length.is_some()
        {
            if prefix.starts_with(b"CONNECT ") {
                self.facts.proxied_to.get_or_insert_with(|| name.as_str().to_owned());
            } else {
                self.facts.name(name.as_str(), Via::Http, feed.packet);
            }
        }
        if let Some(inner) = http::tunnelled(prefix)
            && tls::probe(inner) == Probe::Match
        {
            let mut tls = Box::<Tls>::default();
            let offset = prefix.len().saturating_sub(inner.len());
            *tls.offset.of_mut(feed.direction) = offset;
            tls.tunnel = true;
            let done = tls.take(feed.direction, prefix);
            self.content = Content::Tls(tls);
            return done;
        }
        head.length.is_some() && !prefix.starts_with(b"CONNECT ") && self.facts.proxied_to.is_none()
    }

    /// Takes note that no more bytes of `direction` come.
    pub(super) fn end(&mut self, direction: Direction, prefix: &[u8]) {
        if let Content::Tls(tls) = &mut self.content {
            let offset = *tls.offset.of(direction);
            tls.readers.of_mut(direction).finish(prefix.get(offset..).unwrap_or_default());
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
            Content::Stun(relay) => relay.media.finish(&mut self.facts),
            Content::Unknown | Content::Dns(_) | Content::Http | Content::Sip => {}
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

impl Relay {
    /// Reads the packets that were not read before. Whether nothing more can be learnt.
    fn take(&mut self, feed: &Feed, prefix: &[u8], facts: &mut FlowFacts) -> bool {
        let Some(stream) = stun::Stream::new(prefix) else { return true };
        let read = self.units.of_mut(feed.direction);
        let fresh: Vec<_> = stream.skip(*read).take_while(|unit| unit.payload.len() == unit.length).collect();
        *read = read.saturating_add(fresh.len());
        for unit in fresh {
            self.unit(feed, unit.payload, unit.length, facts);
        }
        false
    }

    fn unit(&mut self, feed: &Feed, payload: &[u8], length: usize, facts: &mut FlowFacts) {
        if let Some(message) = stun::parse(payload, length) {
            self.stun.take(feed, &message, facts);
            let data = message.data.unwrap_or_default();
            self.media.rtp(feed, data, data.len());
            return;
        }
        if let Some(envelope) = stun::Envelope::open(payload, length) {
            facts.stun_mut().relayed = true;
            let (inner, length) = envelope.contents();
            self.media.rtp(feed, inner, length);
        }
    }
}

impl Tls {
    /// Takes all bytes of a direction. Whether nothing more can be learnt from it.
    fn take(&mut self, direction: Direction, prefix: &[u8]) -> bool {
        if self.tunnel && *self.offset.of(direction) == 0 {
            let Some(inner) = http::tunnelled(prefix) else { return false };
            *self.offset.of_mut(direction) = prefix.len().saturating_sub(inner.len());
        }
        let stream = prefix.get(*self.offset.of(direction)..).unwrap_or_default();
        self.readers.of_mut(direction).read(stream) == Progress::Done && self.records(direction, stream)
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
