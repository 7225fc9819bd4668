//! Session: flows grouped into calls, what happened in each, and whether one place stood in for another.
//!
//! A session is one call: everything one client does for one service, from the first signaling to the last
//! packet, split where nothing happens for the idle gap. It is seen from the client: the *far end* of a flow is
//! a server, a relay or, of a direct path, the other participant, whoever opened it.

mod attempt;
mod failover;
mod group;
mod timeline;

pub use attempt::{Failure, failure};
pub use failover::{FailedAttempt, Failover};
pub use group::group;
pub use timeline::{Event, What};

use crate::capture::Timestamp;
use crate::flow::Counters;
use crate::identify::infer::Subject;
use crate::identify::names::NameTable;
use crate::identify::{Identity, Service};
use crate::locate::CountryCode;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Without a packet for so long, a call is over.
pub const IDLE_GAP: Duration = Duration::from_secs(90);

/// What sessions are made of.
#[derive(Clone, Copy)]
pub struct Material<'a> {
    /// The flows, in the order of their first packets.
    pub subjects: &'a [Subject<'a>],
    /// What each of them is.
    pub identities: &'a [Identity],
    /// What names were looked up.
    pub names: &'a NameTable,
    /// In which country an address is, as far as that is known.
    pub country: &'a (dyn Fn(IpAddr) -> Option<CountryCode> + Sync),
    /// Without a packet for so long, a call is over.
    pub idle_gap: Duration,
    /// Whether to tell what happened in each call.
    pub with_timelines: bool,
    /// Calls that are told, the first ones; of all others it is only said how many there are.
    pub at_most: usize,
    /// Threads that may work at once; the result is the same with any number.
    pub threads: usize,
}

/// The calls.
#[derive(Clone, Debug, Default)]
pub struct Calls {
    /// In the order of their first packets.
    pub sessions: Vec<Session>,
    /// How many there are beyond them.
    pub left_out: usize,
    /// Of each of [`Material::subjects`], whether it belongs to a call.
    pub in_calls: Vec<bool>,
}

/// One call.
#[derive(Clone, Debug)]
pub struct Session {
    /// The application, or the technique where nothing names the application.
    pub service: Service,
    /// Whose call it is.
    pub client: IpAddr,
    /// Time of the first packet.
    pub start: Timestamp,
    /// Time of the last packet.
    pub end: Timestamp,
    /// Its flows.
    pub legs: Vec<Leg>,
    /// Whether media was seen.
    pub has_media: bool,
    /// What the capture lacks of it.
    pub gaps: Gaps,
    /// What happened, in order; empty where that was not asked for.
    pub timeline: Vec<Event>,
    /// Events that are not in the timeline because there were too many.
    pub events_left_out: u64,
    /// Places that stood in for others.
    pub failovers: Vec<Failover>,
}

/// What the capture lacks of a call, as far as its packets tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gaps {
    /// It was under way when the capture began.
    pub began_before: bool,
    /// It was under way when the capture ended.
    pub went_on: bool,
    /// Only packets of one direction were captured.
    pub one_direction: bool,
}

impl Session {
    /// Whether what the far ends sent was not captured: that one of them did not answer is then not known.
    pub fn lacks_answers(&self) -> bool {
        self.gaps.one_direction && self.legs.iter().all(|leg| leg.received.packets == 0)
    }
}

/// A flow as part of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leg {
    /// Place of the flow in [`Material::subjects`].
    pub flow: u32,
    /// The other end, seen from the call's client.
    pub far: SocketAddr,
    /// Whether the far end opened the flow.
    pub opened_by_far: bool,
    /// What the call's client sent.
    pub sent: Counters,
    /// What the far end sent.
    pub received: Counters,
}

impl Leg {
    fn new(subject: &Subject<'_>, flow: u32, client: IpAddr) -> Self {
        let opened_by_far = subject.client.ip() != client && subject.server.ip() == client;
        if opened_by_far {
            Self { flow, far: subject.client, opened_by_far, sent: subject.received, received: subject.sent }
        } else {
            Self { flow, far: subject.server, opened_by_far, sent: subject.sent, received: subject.received }
        }
    }
}
