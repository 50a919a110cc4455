//! Work on several items at a time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Calls `work` with each item, `at_once` at a time, or fewer where no thread can be started. Returns the
/// results in the items' order.
pub fn in_parallel<T: Sync, R: Send>(
    at_once: usize,
    items: &[T],
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let work_on_some = || {
        let mut results = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(index) else { return results };
            results.push((index, work(item)));
        }
    };
    let threads = at_once.min(items.len()).saturating_sub(1);
    let mut results = thread::scope(|scope| {
        let mut started = Vec::new();
        for _ in 0..threads {
            started.extend(thread::Builder::new().spawn_scoped(scope, work_on_some));
        }
        let mut results = work_on_some();
        for thread in started {
            results.extend(thread.join().into_iter().flatten());
        }
        results
    });
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}
