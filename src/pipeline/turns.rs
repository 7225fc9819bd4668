//! Work that many threads prepare and that takes effect in the order of the capture.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// A value that batches change one after the other, by their number, whichever thread has them.
#[derive(Debug)]
pub(super) struct Turns<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

#[derive(Debug)]
struct State<T> {
    turn: u64,
    abandoned: bool,
    value: T,
}

impl<T> Turns<T> {
    pub(super) const fn new(value: T) -> Self {
        Self { state: Mutex::new(State { turn: 0, abandoned: false, value }), changed: Condvar::new() }
    }

    /// Waits until all batches before number `turn` are done, then runs `work`.
    /// `None` if another thread has given up and the turn will never come.
    pub(super) fn take<R>(&self, turn: u64, work: impl FnOnce(&mut T) -> R) -> Option<R> {
        let mut state = self
            .changed
            .wait_while(self.lock(), |state| state.turn != turn && !state.abandoned)
            .unwrap_or_else(PoisonError::into_inner);
        if state.abandoned {
            return None;
        }
        let result = work(&mut state.value);
        state.turn = turn.saturating_add(1);
        drop(state);
        self.changed.notify_all();
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
        assert_eq!(turns.into_value(), (0..8).collect::<Vec<_>>());
    }

    #[test]
    fn nobody_waits_for_a_turn_that_never_comes() {
        let turns = Turns::new(());
        turns.abandon();
        assert_eq!(turns.take(5, |()| 1), None);
    }
}
