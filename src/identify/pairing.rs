//! Round-trip times: pairs a request with its first answer by a token that the answer repeats.
//!
//! A request that is sent again keeps the time of its first sending. So a time is only ever too long, and
//! the distance that follows from it stays an upper bound. An answer that seems to come before its
//! request (merged captures, clocks that jump) gives no time at all: too short a time would refute a true
//! location.

use crate::capture::Timestamp;
use std::time::Duration;

/// An answer later than this is not taken for one: no path on Earth is that slow, and tokens are used again.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Requests that room is made for with the first: three flows in four have no more.
const USUAL_REQUESTS: usize = 4;

/// Pairs requests with answers. Holds at most a given number of tokens; the oldest is forgotten first.
///
/// For STUN the token is the transaction identifier alone: a relay may answer from another address than
/// the one that was asked (seen with Teams), so the five-tuple must not be part of the token.
#[derive(Clone, Debug)]
pub struct Pairer<K> {
    capacity: usize,
    /// In the order of their coming; where there is no more room, in a ring that goes on at `oldest`. They are few,
    /// and the one that is asked for is nearly always the latest: looking through them is cheaper than a table.
    requests: Vec<Request<K>>,
    oldest: usize,
}

/// The first sending of a request.
#[derive(Clone, Copy, Debug)]
struct Request<K> {
    token: K,
    sent: Timestamp,
    answered: bool,
}

impl<K: Clone + Eq> Pairer<K> {
    /// A pairer that holds at most `capacity` tokens (at least one).
    pub const fn new(capacity: usize) -> Self {
        let capacity = if capacity == 0 { 1 } else { capacity };
        Self { capacity, requests: Vec::new(), oldest: 0 }
    }

    /// Notes that a request with `token` was seen. Repetitions within 30 s do not count.
    pub fn request(&mut self, token: K, time: Timestamp) {
        if let Some(request) = self.find(&token) {
            if time.since(request.sent) > LONGEST_WAIT {
                request.sent = time;
                request.answered = false;
            }
            return;
        }
        let request = Request { token, sent: time, answered: false };
        if self.requests.len() < self.capacity {
            if self.requests.is_empty() {
                self.requests.reserve_exact(self.capacity.min(USUAL_REQUESTS));
            }
            self.requests.push(request);
        } else if let Some(oldest) = self.requests.get_mut(self.oldest) {
            *oldest = request;
            self.oldest = (self.oldest + 1) % self.capacity;
        }
    }

    /// Time from the first request with `token` to this answer, if it is the first answer to it.
    pub fn response(&mut self, token: &K, time: Timestamp) -> Option<Duration> {
        let request = self.find(token)?;
        if request.answered || time < request.sent {
            return None;
        }
        request.answered = true;
        let elapsed = time.since(request.sent);
        (elapsed <= LONGEST_WAIT).then_some(elapsed)
    }

    /// Whether a request with `token` was seen, answered or not.
    pub fn knows(&self, token: &K) -> bool {
        self.requests.iter().any(|request| request.token == *token)
    }

    /// Tokens held.
    pub fn len(&self) -> usize {
        self.requests.len()
    }

    /// Whether no request was seen.
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// Looks from the latest to the oldest.
    fn find(&mut self, token: &K) -> Option<&mut Request<K>> {
        let (newer, older) = self.requests.split_at_mut_checked(self.oldest)?;
        let is_same = |request: &&mut Request<K>| request.token == *token;
        newer.iter_mut().rev().find(is_same).or_else(|| older.iter_mut().rev().find(is_same))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_nanoseconds(milliseconds * 1_000_000)
    }

    #[test]
    fn a_retransmitted_request_counts_from_its_first_sending() {
        let mut pairer = Pairer::new(4);
        pairer.request(7, at(0));
        pairer.request(7, at(500));
        assert_eq!(pairer.response(&7, at(520)), Some(Duration::from_millis(520)));
    }

    #[test]
    fn only_the_first_answer_counts() {
        let mut pairer = Pairer::new(4);
        pairer.request(7, at(0));
        assert!(pairer.response(&7, at(20)).is_some());
        assert_eq!(pairer.response(&7, at(25)), None);
        pairer.request(7, at(30));
        assert_eq!(pairer.response(&7, at(31)), None);
    }

    #[test]
    fn an_answer_before_its_request_or_far_too_late_gives_no_time() {
        let mut pairer = Pairer::new(4);
        pairer.request(7, at(100));
        assert_eq!(pairer.response(&7, at(99)), None);
        assert_eq!(pairer.response(&7, at(40_000)), None);
        assert_eq!(pairer.response(&8, at(100)), None);
    }

    #[test]
    fn a_token_is_used_again_after_a_long_time() {
        let mut pairer = Pairer::new(4);
        pairer.request(7, at(0));
        pairer.request(7, at(40_000));
        assert_eq!(pairer.response(&7, at(40_010)), Some(Duration::from_millis(10)));
    }

    proptest! {
        #[test]
        fn memory_is_bounded(tokens in proptest::collection::vec(any::<u16>(), 0..200)) {
            let mut pairer = Pairer::new(8);
            for token in tokens {
                pairer.request(token, at(0));
                prop_assert!(pairer.len() <= 8);
            }
        }

        #[test]
        fn the_oldest_is_forgotten_first(tokens in proptest::collection::vec(0u8..40, 0..200)) {
            let (mut pairer, mut model) = (Pairer::new(8), std::collections::VecDeque::new());
            for token in tokens {
                pairer.request(token, at(0));
                if !model.contains(&token) {
                    model.push_back(token);
                    model.drain(..model.len().saturating_sub(8));
                }
                for token in 0..40 {
                    prop_assert_eq!(pairer.knows(&token), model.contains(&token));
                    prop_assert_eq!(pairer.find(&token).is_some(), model.contains(&token));
                }
            }
        }

        #[test]
        fn a_time_is_never_shorter_than_from_the_last_request(first in 0i64..1000, again in 0i64..1000, answer in 0i64..1000) {
            let mut pairer = Pairer::new(2);
            pairer.request(1, at(first));
            pairer.request(1, at(first + again));
            let time = pairer.response(&1, at(first + again + answer)).unwrap();
            prop_assert!(time >= Duration::from_millis(u64::try_from(answer).unwrap()));
        }
    }
}
