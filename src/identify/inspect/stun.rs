//! STUN and TURN: what messages say becomes facts of the flow.

use super::Feed;
use crate::identify::FlowFacts;
use crate::identify::facts::{Direction, MentionKind, Protocol, RttVia};
use crate::identify::pairing::Pairer;
use crate::identify::signature::Signature;
use crate::identify::stun::{AddressKind, Class, Dialect, Message, Method, TransactionId};

/// Requests of one flow that wait for their answers.
const MAX_WAITING: usize = 32;
/// Bytes kept of a realm or a product's name.
const MAX_TEXT: usize = 128;

/// Pairs requests with answers and keeps what messages say.
#[derive(Clone, Debug)]
pub(super) struct StunWatch {
    /// One for each side that asks.
    client: Pairer<TransactionId>,
    server: Pairer<TransactionId>,
}

impl Default for StunWatch {
    fn default() -> Self {
        // A constant, as the facts of a flow are.
        const NOTHING: StunWatch =
            StunWatch { client: Pairer::new(MAX_WAITING), server: Pairer::new(MAX_WAITING) };
        NOTHING
    }
}

impl StunWatch {
    /// Adds to `facts` what `message` says.
    pub(super) fn take(&mut self, feed: &Feed, message: &Message<'_>, facts: &mut FlowFacts) {
        if facts.stun.is_none() {
            facts.protocol(Protocol::Stun);
        }
        vendor(feed, message, facts);
        let direction = feed.direction;
        let stun = facts.stun_mut();
        match message.class {
            Class::Request => {
                count(stun.requests.of_mut(direction));
                stun.connectivity_check |= message.is_connectivity_check();
                stun.allocate |= message.method == Method::ALLOCATE;
                stun.nominated |= message.use_candidate;
                stun.relayed |= is_relayed(message.method);
                self.of(direction).request(message.transaction, feed.time);
            }
            Class::Indication => stun.relayed |= is_relayed(message.method),
            Class::Success => {
                count(stun.successes.of_mut(direction));
                stun.allocated |= message.method == Method::ALLOCATE;
                self.answer(feed, message, facts);
            }
            Class::Error => {
                count(stun.refusals.of_mut(direction));
                if let Some(code) = message.error {
                    stun.error(code, feed.packet);
                }
                self.answer(feed, message, facts);
            }
        }
        if message.has_addresses() {
            mentions(feed, message, facts);
        }
    }

    /// Only what the server answers tells how far the server is.
    fn answer(&mut self, feed: &Feed, message: &Message<'_>, facts: &mut FlowFacts) {
        let time = self.of(feed.direction.reverse()).response(&message.transaction, feed.time);
        if let (Direction::FromServer, Some(time)) = (feed.direction, time) {
            let via = if message.method == Method::WHATSAPP_PING { RttVia::WhatsApp } else { RttVia::Stun };
            facts.answered(via, time);
        }
    }

    const fn of(&mut self, direction: Direction) -> &mut Pairer<TransactionId> {
        match direction {
            Direction::FromClient => &mut self.client,
            Direction::FromServer => &mut self.server,
        }
    }
}

const fn count(counter: &mut u32) {
    *counter = counter.saturating_add(1);
}

const fn is_relayed(method: Method) -> bool {
    matches!(method, Method::SEND | Method::DATA)
}

fn vendor(feed: &Feed, message: &Message<'_>, facts: &mut FlowFacts) {
    let signature = match message.dialect {
        Dialect::Microsoft => Some(Signature::MsTurn),
        Dialect::WhatsApp => Some(Signature::WhatsAppRelay),
        Dialect::Zoom => Some(Signature::ZoomStun),
        _ if message.vendor.microsoft_implementation => Some(Signature::MsTurn),
        _ if message.vendor.whatsapp => Some(Signature::WhatsAppRelay),
        _ if message.vendor.cisco_flow => Some(Signature::CiscoStun),
        _ if message.username.is_some_and(is_of_meet) => Some(Signature::MeetIce),
        _ => None,
    };
    if let Some(signature) = signature {
        facts.signature(signature, feed.packet);
    }
    if let Some(realm) = message.realm {
        keep(&mut facts.stun_mut().realm, realm, feed);
    }
    if let Some(software) = message.software {
        keep(&mut facts.stun_mut().software, software, feed);
    }
}

/// How the user fragments of Google's media servers end, and how long they are: base64 of a message whose last fields are
/// always the same. Measured in three captures of 2022 and 2023, over IPv4 and IPv6.
const MEET_FRAGMENT: (&[u8], usize) = (b"oKAAiKAiADEA", 26);

/// Whether one of the two fragments of a user name (RFC 8445 section 7.2.2) is a media server's of Google.
fn is_of_meet(username: &[u8]) -> bool {
    let (end, length) = MEET_FRAGMENT;
    // Others' are shorter.
    username.len() >= length
        && username.split(|byte| *byte == b':').any(|part| part.len() == length && part.ends_with(end))
}

fn keep(slot: &mut Option<(String, crate::flow::PacketRef)>, bytes: &[u8], feed: &Feed) {
    if slot.is_some() || bytes.is_empty() || bytes.len() > MAX_TEXT {
        return;
    }
    let text = String::from_utf8_lossy(bytes).trim_matches(['\0', '"', ' ']).to_owned();
    *slot = Some((text, feed.packet));
}

#[inline(never)]
fn mentions(feed: &Feed, message: &Message<'_>, facts: &mut FlowFacts) {
    for named in message.addresses() {
        let kind = match named.kind {
            AddressKind::AlternateServer => MentionKind::AlternateServer,
            AddressKind::Mapped | AddressKind::MappedAlternate | AddressKind::XorMapped => {
                // What the client tells the server about the server's address is not the client's.
                if feed.direction == Direction::FromClient {
                    MentionKind::OtherServer
                } else {
                    MentionKind::Mapped
                }
            }
            AddressKind::Peer => MentionKind::Peer,
            AddressKind::Relayed => MentionKind::Relayed,
            AddressKind::Changed | AddressKind::Other | AddressKind::ResponseOrigin => {
                MentionKind::OtherServer
            }
            AddressKind::ReflectedFrom | AddressKind::Response => continue,
        };
        if kind != MentionKind::OtherServer || named.address != feed.server() {
            facts.mention(named.address, kind, feed.packet);
        }
    }
}
