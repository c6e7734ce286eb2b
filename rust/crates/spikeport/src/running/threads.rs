//! Independent pieces of work on several threads.
//!
//! Threads live only as long as the call: nothing is left behind that a forked process would wait for.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::Interruption;

/// How long the caller sleeps between two questions whether to go on.
const NAP: Duration = Duration::from_millis(50);

/// The number of threads by default: `RAYON_NUM_THREADS` where it is set, else one for each core.
pub(crate) fn default_threads() -> usize {
    let set = std::env::var("RAYON_NUM_THREADS").ok().and_then(|text| text.parse().ok()).filter(|&n| n > 0);
    set.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from))
}

/// Return `work(0), work(1), … work(count - 1)`, done on as many as `threads` threads.
///
/// `work` asks `interruption` by itself; the caller goes on asking while it waits for the others.
pub(crate) fn parallel<R: Send>(
    count: usize,
    threads: usize,
    interruption: &Interruption,
    work: impl Fn(usize) -> R + Sync,
) -> Vec<R> {
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
    let (caller, ended) = (thread::current(), AtomicUsize::new(0));
    let mut results: Vec<(usize, R)> = thread::scope(|scope| {
        let handles: Vec<_> = (1..threads.min(count))
            .map(|_| {
                let at_its_end = Tell { caller: caller.clone(), ended: &ended };
                scope.spawn(move || {
                    let _told = at_its_end;
                    worker()
                })
            })
            .collect();
        let mut results = worker();
        while ended.load(Ordering::Acquire) < handles.len() {
            thread::park_timeout(NAP);
            let _ = interruption.check(); // the others see it and end
        }
        for handle in handles {
            results.extend(handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        results
    });
    results.sort_unstable_by_key(|&(index, _)| index);
    results.into_iter().map(|(_, result)| result).collect()
}

/// Counts and wakes the caller when a thread is done, with its work or by a panic.
struct Tell<'a> {
    caller: thread::Thread,
    ended: &'a AtomicUsize,
}

impl Drop for Tell<'_> {
    fn drop(&mut self) {
        self.ended.fetch_add(1, Ordering::Release);
        self.caller.unpark();
    }
}
