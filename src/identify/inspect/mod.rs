//! Inspection: the payload of one flow, packet by packet in the order of the capture, becomes [`FlowFacts`].
//!
//! The inspector hands bytes to the dissectors and keeps what they find, within bounds. It costs two words until
//! something is recognised, and says when nothing more can be learnt ([`FlowInspector::wants`]).

mod answers;
mod datagrams;
mod media;
mod outer;
mod products;
mod secure;
mod sip;
mod streams;
mod stun;

use super::FlowFacts;
use super::facts::Direction;
use super::names::NameBinding;
use crate::capture::Timestamp;
use crate::flow::PacketRef;
use datagrams::Datagrams;
use std::net::SocketAddr;
use streams::Streams;

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
    /// The sender.
    pub source: SocketAddr,
    /// The receiver.
    pub destination: SocketAddr,
    /// Bytes of the payload on the wire, of which the capture may hold fewer.
    pub length: usize,
}

impl Feed {
    /// The server's end.
    const fn server(&self) -> &SocketAddr {
        match self.direction {
            Direction::FromClient => &self.destination,
            Direction::FromServer => &self.source,
        }
    }

    /// The client's end.
    const fn client(&self) -> &SocketAddr {
        match self.direction {
            Direction::FromClient => &self.source,
            Direction::FromServer => &self.destination,
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
    Datagrams(Box<Datagrams>),
    Streams(Box<Streams>),
    /// Nothing more is learnt.
    Over(Option<Box<FlowFacts>>),
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
            State::Idle(_) | State::Datagrams(_) => true,
            State::Streams(streams) => streams.wants(direction),
            State::Over(_) => false,
        }
    }

    /// Whether nothing more can be learnt, whatever comes.
    pub fn is_over(&self) -> bool {
        matches!(self.state, State::Over(_))
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
            State::Streams(_) | State::Over(_) => {}
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

    /// Takes the bytes of one direction of a TCP connection: `prefix` is all there is from its beginning without a gap,
    /// of which those from `new_from` on are new.
    pub fn stream(&mut self, feed: &Feed, prefix: &[u8], new_from: usize) {
        if matches!(self.state, State::Idle(_)) {
            self.state = State::Streams(Box::default());
        }
        if let State::Streams(streams) = &mut self.state
            && new_from < prefix.len()
        {
            streams.take(feed, prefix);
            self.settle();
        }
    }

    /// Takes note that no byte of `direction` will follow those in `prefix`: the connection ended, or what follows
    /// is not in the capture.
    pub fn end_of_stream(&mut self, direction: Direction, prefix: &[u8]) {
        if let State::Streams(streams) = &mut self.state {
            streams.end(direction, prefix);
            self.settle();
        }
    }

    /// Concludes a connection of which nothing more can be learnt: what its dissectors hold is let go.
    fn settle(&mut self) {
        if matches!(&self.state, State::Streams(streams) if streams.is_over()) {
            self.finish();
        }
    }

    /// Concludes: no packet of the flow will come. Gives the names that its DNS answers bound.
    pub fn finish(&mut self) -> Vec<NameBinding> {
        match std::mem::replace(&mut self.state, State::Over(None)) {
            State::Idle(_) => Vec::new(),
            State::Datagrams(mut datagrams) => {
                let bindings = datagrams.take_bindings();
                self.keep(Some(datagrams.into_facts()));
                bindings
            }
            State::Streams(streams) => {
                let (facts, bindings) = streams.finish();
                self.keep(facts);
                bindings
            }
            State::Over(facts) => {
                self.keep(facts);
                Vec::new()
            }
        }
    }

    /// Keeps what was learnt of a flow that is over.
    fn keep(&mut self, facts: Option<Box<FlowFacts>>) {
        if let State::Over(known) = &mut self.state {
            *known = facts.filter(|facts| !facts.is_empty());
        }
    }

    /// What was learnt; `None` while more may be, and where nothing was.
    pub fn facts(&self) -> Option<&FlowFacts> {
        match &self.state {
            State::Over(facts) => facts.as_deref(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod stream_tests;
#[cfg(test)]
mod tests;
