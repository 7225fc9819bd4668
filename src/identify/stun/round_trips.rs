//! Round-trip times from STUN transactions.

use super::super::pairing::Pairer;
use super::{Class, Message, TransactionId};
use crate::capture::Timestamp;
use std::time::Duration;

/// Transactions remembered for one client: ICE checks every pair of candidates at once.
const MOST_TRANSACTIONS: usize = 1024;

/// Pairs requests with answers by transaction identifier alone, over all flows: a relay may answer from
/// another address than the one that was asked (seen with Teams).
#[derive(Clone, Debug)]
pub struct RoundTrips {
    sent: Pairer<TransactionId>,
}

impl Default for RoundTrips {
    fn default() -> Self {
        Self { sent: Pairer::new(MOST_TRANSACTIONS) }
    }
}

impl RoundTrips {
    /// Takes a message of either direction; gives the time from its first request if it is the first answer. It
    /// is the time between the place of the capture and whoever sent the answer.
    pub fn update(&mut self, message: &Message<'_>, time: Timestamp) -> Option<Duration> {
        match message.class {
            Class::Request => {
                self.sent.request(message.transaction, time);
                None
            }
            Class::Success | Class::Error => self.sent.response(&message.transaction, time),
            Class::Indication => None,
        }
    }
}
