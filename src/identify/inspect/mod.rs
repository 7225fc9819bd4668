//! Inspection: the payload of one flow, packet by packet in the order of the capture, becomes [`FlowFacts`].
//!
//! The inspector hands bytes to the dissectors and keeps what they find, within bounds. It costs two words until
//! something is recognised, and says when nothing more can be learnt ([`FlowInspector::wants`]).

mod answers;
mod connection;
mod datagrams;
mod media;
mod outer;
mod products;
mod secure;
mod sip;
mod streams;
mod stun;
mod tls;

use super::FlowFacts;
use super::facts::Direction;
use super::names::NameBinding;
use crate::capture::Timestamp;
use crate::decode::{Control, TcpFlags};
use crate::flow::{Budget, FlowKey, PacketRef, Side};
use connection::{Connection, Opening};
use datagrams::Datagrams;
use std::net::SocketAddr;

/// Datagrams of a flow that are looked at while nothing is recognised. Calls show themselves in their first packets;
/// a capture that begins within one needs a few more for RTP.
const MAX_UNRECOGNISED: u8 = 48;

/// Where the bytes come from that the inspector is given.
#[derive(Clone, Copy, Debug)]
pub struct Feed {
    /// Who sent them.
    pub direction: Direction,
    /// When.
    pub time: Timestamp,
    /// Where they stand.
    pub packet: PacketRef,
    /// The two ends of the flow.
    pub key: FlowKey,
    /// The end that sent them.
    pub side: Side,
    /// Bytes of the payload on the wire, of which the capture may hold fewer.
    pub length: usize,
}

impl Feed {
    /// The sender.
    fn source(&self) -> SocketAddr {
        self.key.socket(self.side)
    }

    /// The receiver.
    fn destination(&self) -> SocketAddr {
        self.key.socket(self.side.other())
    }

    /// The server's end.
    fn server(&self) -> SocketAddr {
        match self.direction {
            Direction::FromClient => self.destination(),
            Direction::FromServer => self.source(),
        }
    }

    /// The client's end.
    fn client(&self) -> SocketAddr {
        match self.direction {
            Direction::FromClient => self.source(),
            Direction::FromServer => self.destination(),
        }
    }
}

/// Reads the payload of one flow.
#[derive(Clone, Debug, Default)]
pub struct FlowInspector {
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    /// Nothing is recognised; how many datagrams came.
    Idle(u8),
    /// A TCP connection in which nothing was said.
    Opening(Opening),
    Datagrams(Box<Datagrams>),
    Connection(Box<Connection>),
    /// Nothing more is learnt.
    Over(Option<Box<FlowFacts>>),
    /// Nor here: datagrams that told something. They stay as they are, because there are many of them at the end.
    Told(Box<Datagrams>),
}

impl Default for State {
    fn default() -> Self {
        Self::Idle(0)
    }
}

impl FlowInspector {
    /// Whether more bytes of `direction` can tell anything.
    pub fn wants(&self, direction: Direction) -> bool {
        match &self.state {
            State::Idle(_) | State::Opening(_) | State::Datagrams(_) => true,
            State::Connection(connection) => connection.wants(direction),
            State::Over(_) | State::Told(_) => false,
        }
    }

    /// Whether nothing more can be learnt, whatever comes.
    pub const fn is_over(&self) -> bool {
        matches!(self.state, State::Over(_) | State::Told(_))
    }

    /// Takes the payload of a UDP datagram.
    pub fn datagram(&mut self, feed: &Feed, payload: &[u8]) {
        match &mut self.state {
            State::Datagrams(datagrams) => {
                datagrams.take(feed, payload);
                if datagrams.is_hopeless(MAX_UNRECOGNISED) {
                    self.state = State::Over(None);
                }
            }
            State::Idle(_) => self.first_datagram(feed, payload),
            State::Opening(_) | State::Connection(_) | State::Over(_) | State::Told(_) => {}
        }
    }

    /// Takes a datagram of a flow of which none was recognised.
    #[inline(never)]
    fn first_datagram(&mut self, feed: &Feed, payload: &[u8]) {
        let State::Idle(count) = &mut self.state else { return };
        *count = count.saturating_add(1);
        if *count > MAX_UNRECOGNISED {
            self.state = State::Over(None);
        } else if datagrams::may_be_known(feed, payload) {
            let mut datagrams = Box::<Datagrams>::default();
            datagrams.begin(feed);
            datagrams.take(feed, payload);
            self.state = State::Datagrams(datagrams);
        }
    }

    /// Takes a segment of a TCP connection. The bytes that it waits for others with take of `budget`.
    pub fn segment(&mut self, feed: &Feed, control: Control, payload: &[u8], budget: &mut Budget) {
        if let State::Idle(_) = self.state {
            self.state = State::Opening(Opening::default());
        }
        if let State::Opening(opening) = &mut self.state {
            if control.flags.has(TcpFlags::SYN) {
                return opening.synchronize(feed.direction, control.sequence);
            }
            if payload.is_empty() {
                return;
            }
            self.state = State::Connection(Box::new(Connection::new(opening)));
        }
        if let State::Connection(connection) = &mut self.state
            && connection.segment(feed, control, payload, budget)
        {
            self.finish();
        }
    }

    /// Gives back to `budget` what the bytes that are held take of it.
    pub fn release(&mut self, budget: &mut Budget) {
        if let State::Connection(connection) = &mut self.state {
            connection.release(budget);
        }
    }

    /// Concludes: no packet of the flow will come. Gives the names that its DNS answers bound.
    pub fn finish(&mut self) -> Vec<NameBinding> {
        // Of what is over long since nothing is looked at: it lies in far memory.
        if self.is_over() {
            return Vec::new();
        }
        match std::mem::replace(&mut self.state, State::Over(None)) {
            State::Idle(_) | State::Opening(_) | State::Over(_) | State::Told(_) => Vec::new(),
            State::Datagrams(mut datagrams) => {
                let bindings = datagrams.finish();
                if !datagrams.facts().is_empty() {
                    self.state = State::Told(datagrams);
                }
                bindings
            }
            State::Connection(mut connection) => {
                let (facts, bindings) = connection.finish();
                self.state = State::Over(facts.filter(|facts| !facts.is_empty()));
                bindings
            }
        }
    }

    /// What was learnt; `None` while more may be, and where nothing was.
    pub fn facts(&self) -> Option<&FlowFacts> {
        match &self.state {
            State::Over(facts) => facts.as_deref(),
            State::Told(datagrams) => Some(datagrams.facts()),
            State::Idle(_) | State::Opening(_) | State::Datagrams(_) | State::Connection(_) => None,
        }
    }
}

#[cfg(test)]
mod stream_tests;
#[cfg(test)]
mod tests;
