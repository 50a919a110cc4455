//! Does the same with many things, some at once.

use std::iter;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Does the same with each item, with so many at a time; the results keep the order. Where no thread can
/// be started there are fewer at a time.
pub fn in_parallel<T: Sync, R: Send>(
    at_once: usize,
    items: &[T],
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let do_some = || {
        let take = || {
            let at = next.fetch_add(1, Ordering::Relaxed);
            Some((at, items.get(at)?))
        };
        iter::from_fn(take).map(|(at, item)| (at, work(item))).collect::<Vec<_>>()
    };
    let helpers = at_once.min(items.len()).saturating_sub(1);
    let mut done = thread::scope(|scope| {
        let start = |_| thread::Builder::new().spawn_scoped(scope, do_some).ok();
        let threads: Vec<_> = (0..helpers).filter_map(start).collect();
        let mut done = do_some();
        done.extend(threads.into_iter().filter_map(|thread| thread.join().ok()).flatten());
        done
    });
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}
