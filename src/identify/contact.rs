//! How far contact with the server of a flow went, as far as its packets alone tell.

use super::Contact;
use crate::flow::{Flow, Outcome, Transport};

impl Contact {
    /// The contact that a flow shows by its transport alone.
    ///
    /// A refusal (RST) is an answer: the packet that refuses came from there. Datagrams that went both ways
    /// show an answer and no more, because nothing in UDP tells a handshake from data.
    pub fn of_flow<S>(flow: &Flow<S>) -> Self {
        match flow.outcome() {
            Outcome::Unanswered | Outcome::Unreachable => return Self::Attempted,
            Outcome::Refused => return Self::Answered,
            _ => {}
        }
        match (flow.transport(), flow.tcp()) {
            (Transport::Tcp, Some(tcp)) if tcp.has_data_both_ways() => Self::Control,
            (Transport::Tcp, Some(tcp)) if tcp.is_established() => Self::Established,
            _ => Self::Answered,
        }
    }
}
