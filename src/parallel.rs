//! Parts of a work that are done at once, with the results in the order of the parts.
//!
//! The threads are not joined: that would wait until they have tidied up their memory, too, which can take half a
//! millisecond. Their results are there when the scope ends.

use std::panic::resume_unwind;

/// Runs `work` on each of `parts`, every one on a thread of its own; the first on this one.
pub(crate) fn at_once<P: Send, R: Send>(
    parts: impl IntoIterator<Item = P>,
    work: impl Fn(P) -> R + Sync,
) -> Vec<R> {
    let mut parts = parts.into_iter();
    let Some(first) = parts.next() else { return Vec::new() };
    let parts: Vec<P> = parts.collect();
    let mut others: Vec<Option<R>> = parts.iter().map(|_| None).collect();
    let work = &work;
    let first = std::thread::scope(|scope| {
        for (result, part) in others.iter_mut().zip(parts) {
            scope.spawn(move || *result = Some(work(part)));
        }
        work(first)
    });
    std::iter::once(first).chain(others.into_iter().flatten()).collect()
}

/// How many of `count` things a thread gets so that all are done on `threads` of them; no fewer than `least`, which a
/// thread is worth.
pub(crate) fn part_size(count: usize, threads: usize, least: usize) -> usize {
    count.div_ceil(threads.max(1)).max(least)
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
    let mut other = None;
    let first = std::thread::scope(|scope| {
        scope.spawn(|| other = Some(second()));
        first()
    });
    // Without a result it panicked, and then so has the scope.
    (first, other.unwrap_or_else(|| resume_unwind(Box::new("no result"))))
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
    fn no_part_is_smaller_than_a_thread_is_worth_and_all_have_room_in_them() {
        assert_eq!([0, 1, 2, 3].map(|threads| part_size(100, threads, 40)), [100, 100, 50, 40]);
        assert_eq!((part_size(7, 3, 1), part_size(0, 4, 1)), (3, 1));
    }

    #[test]
    fn two_works_give_both_results_with_any_number_of_threads() {
        assert_eq!([1, 2].map(|threads| both(threads, || 'a', || 7)), [('a', 7); 2]);
    }
}
