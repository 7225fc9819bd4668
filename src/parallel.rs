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
}
