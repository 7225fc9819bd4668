//! Work that many threads prepare and that takes effect in the order of the capture.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// How often a thread looks again whether it is its turn before it sleeps: some tens of microseconds, about what another
/// needs to read a batch. To be woken takes as long.
const MAX_SPINS: usize = 2048;

/// A value that batches change one after the other, by their number, whichever thread has them.
#[derive(Debug)]
pub(super) struct Turns<T> {
    /// As in the state, to be seen without waiting for it.
    turn: AtomicU64,
    state: Mutex<State<T>>,
    changed: Condvar,
}

#[derive(Debug)]
struct State<T> {
    turn: u64,
    /// Threads that sleep until their turn: to wake nobody is a call of the system all the same.
    asleep: usize,
    abandoned: bool,
    value: T,
}

impl<T> Turns<T> {
    pub(super) const fn new(value: T) -> Self {
        let state = State { turn: 0, asleep: 0, abandoned: false, value };
        Self { turn: AtomicU64::new(0), state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Whether all batches before number `turn` are done: [`Self::take`] will not wait.
    pub(super) fn is_due(&self, turn: u64) -> bool {
        self.turn.load(Ordering::Relaxed) == turn
    }

    /// Waits until all batches before number `turn` are done, then runs `work`.
    /// `None` if another thread has given up and the turn will never come.
    pub(super) fn take<R>(&self, turn: u64, work: impl FnOnce(&mut T) -> R) -> Option<R> {
        for _ in 0..MAX_SPINS {
            if self.is_due(turn) {
                break;
            }
            std::hint::spin_loop();
        }
        let mut state = self.lock();
        while state.turn != turn && !state.abandoned {
            state.asleep = state.asleep.saturating_add(1);
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.asleep = state.asleep.saturating_sub(1);
        }
        if state.abandoned {
            return None;
        }
        let result = work(&mut state.value);
        state.turn = turn.saturating_add(1);
        self.turn.store(state.turn, Ordering::Relaxed);
        let awaited = state.asleep > 0;
        drop(state);
        if awaited {
            self.changed.notify_all();
        }
        Some(result)
    }

    /// Looks at the value, or changes it out of turn.
    pub(super) fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        work(&mut self.lock().value)
    }

    /// Lets nobody wait any longer.
    pub(super) fn abandon(&self) {
        self.lock().abandoned = true;
        self.changed.notify_all();
    }

    pub(super) fn into_value(self) -> T {
        self.state.into_inner().unwrap_or_else(PoisonError::into_inner).value
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_take_effect_in_order_whoever_comes_first() {
        let turns = Turns::new(Vec::new());
        std::thread::scope(|scope| {
            for turn in (0..8_u64).rev() {
                let turns = &turns;
                scope.spawn(move || turns.take(turn, |seen| seen.push(turn)));
            }
        });
        turns.with(|seen| assert_eq!(*seen, (0..8).collect::<Vec<_>>()));
    }

    #[test]
    fn a_turn_is_due_when_the_one_before_is_done() {
        let turns = Turns::new(());
        assert!(turns.is_due(0) && !turns.is_due(1));
        turns.take(0, |()| assert!(!turns.is_due(1)));
        assert!(turns.is_due(1));
    }

    #[test]
    fn nobody_waits_for_a_turn_that_never_comes() {
        let turns = Turns::new(());
        turns.abandon();
        assert_eq!(turns.take(5, |()| 1), None);
    }
}
