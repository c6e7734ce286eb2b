//! Independent pieces of work on several threads.
//!
//! Threads live only as long as the call: nothing is left behind that a forked process would wait for.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// The number of threads by default: `RAYON_NUM_THREADS` where it is set, else one for each core.
pub(crate) fn default_threads() -> usize {
    let set = std::env::var("RAYON_NUM_THREADS").ok().and_then(|text| text.parse().ok()).filter(|&n| n > 0);
    set.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from))
}

/// Return `work(0), work(1), … work(count - 1)`, done on as many as `threads` threads.
pub(crate) fn parallel<R: Send>(count: usize, threads: usize, work: impl Fn(usize) -> R + Sync) -> Vec<R> {
    if threads.min(count) <= 1 {
        return (0..count).map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                return done;
            }
            done.push((index, work(index)));
        }
    };
    let mut results: Vec<(usize, R)> = thread::scope(|scope| {
        let handles: Vec<_> = (1..threads.min(count)).map(|_| scope.spawn(worker)).collect();
        let mut results = worker();
        for handle in handles {
            results.extend(handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        results
    });
    results.sort_unstable_by_key(|&(index, _)| index);
    results.into_iter().map(|(_, result)| result).collect()
}
