//! A TCP connection: its two streams, and what is read out of them as they come.

use super::Feed;
use super::streams::Streams;
use crate::decode::{Control, TcpFlags};
use crate::flow::{Budget, Stream};
use crate::identify::FlowFacts;
use crate::identify::facts::{Direction, PerDirection};
use crate::identify::names::NameBinding;

/// The sequence numbers of the first SYN that each side sent, all that is kept until one of them says something.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Opening {
    seen: PerDirection<bool>,
    sequences: PerDirection<u32>,
}

impl Opening {
    /// Notes a SYN.
    pub(super) fn synchronize(&mut self, direction: Direction, sequence: u32) {
        if !std::mem::replace(self.seen.of_mut(direction), true) {
            *self.sequences.of_mut(direction) = sequence;
        }
    }

    fn stream(&self, direction: Direction) -> Stream {
        Stream::new(self.seen.of(direction).then_some(*self.sequences.of(direction)))
    }
}

/// A connection in which something was said.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    streams: PerDirection<Stream>,
    content: Streams,
}

impl Connection {
    pub(super) fn new(opening: &Opening) -> Self {
        let streams = PerDirection {
            client: opening.stream(Direction::FromClient),
            server: opening.stream(Direction::FromServer),
        };
        Self { streams, content: Streams::default() }
    }

    /// Whether more bytes of `direction` can tell anything.
    pub(super) const fn wants(&self, direction: Direction) -> bool {
        self.content.wants(direction)
    }

    /// Takes a segment. Whether nothing more can be learnt, and nothing is left to hand over.
    pub(super) fn segment(
        &mut self,
        feed: &Feed,
        control: Control,
        payload: &[u8],
        budget: &mut Budget,
    ) -> bool {
        let Self { streams, content } = self;
        let stream = streams.of_mut(feed.direction);
        if control.flags.has(TcpFlags::SYN) {
            stream.synchronize(control.sequence);
            return false;
        }
        stream.push(control.sequence, payload, feed.length, budget, |bytes| content.take(feed, bytes));
        let is_last = stream.has_ended() || control.flags.0 & (TcpFlags::FIN | TcpFlags::RST) != 0;
        if is_last && content.wants(feed.direction) {
            content.end(feed.direction, stream.unread());
        }
        if !content.wants(feed.direction) {
            stream.release(budget);
        }
        let is_over = content.is_over();
        if is_over {
            self.release(budget);
        }
        is_over
    }

    /// Lets go of the bytes that are held.
    pub(super) fn release(&mut self, budget: &mut Budget) {
        self.streams.client.release(budget);
        self.streams.server.release(budget);
    }

    /// Concludes: no segment will come.
    pub(super) fn finish(&mut self) -> (Option<Box<FlowFacts>>, Vec<NameBinding>) {
        for direction in [Direction::FromClient, Direction::FromServer] {
            if self.content.wants(direction) {
                self.content.end(direction, self.streams.of(direction).unread());
            }
        }
        self.content.finish()
    }
}
