//! Parts of a work that are done at once, with the results in the order of the parts.

use std::panic::resume_unwind;

/// Runs `work` on each of `parts`, every one on a thread of its own; the first on this one.
pub(crate) fn at_once<P: Send, R: Send>(
    parts: impl IntoIterator<Item = P>,
    work: impl Fn(P) -> R + Sync,
) -> Vec<R> {
    let mut parts = parts.into_iter();
    let Some(first) = parts.next() else { return Vec::new() };
    let work = &work;
    std::thread::scope(|scope| {
        let others: Vec<_> = parts.map(|part| scope.spawn(move || work(part))).collect();
        let mut results = vec![work(first)];
        let join = |thread: std::thread::ScopedJoinHandle<'_, R>| {
            thread.join().unwrap_or_else(|panic| resume_unwind(panic))
        };
        results.extend(others.into_iter().map(join));
        results
    })
}

/// Runs two works, at once if there are `threads` for both.
pub(crate) fn both<A, B: Send>(
    threads: usize,
    first: impl FnOnce() -> A,
    second: impl FnOnce() -> B + Send,
) -> (A, B) {
    if threads < 2 {
        return (first(), second());
    }
    std::thread::scope(|scope| {
        let second = scope.spawn(second);
        let first = first();
        (first, second.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_parts() {
        let numbers: Vec<u32> = (0..100).collect();
        let sums = at_once(numbers.chunks(40), |part| part.iter().sum::<u32>());
        assert_eq!(sums, [780, 2380, 1790]);
        assert!(at_once([], |part: u32| part).is_empty());
    }

    #[test]
    fn two_works_give_both_results_with_any_number_of_threads() {
        assert_eq!([1, 2].map(|threads| both(threads, || 'a', || 7)), [('a', 7); 2]);
    }
}
