//! Stopping a long run: whoever called it is asked a few times a second whether it is to go on.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, ThreadId};
use std::time::Instant;

use crate::{Code, Error};

static GO_ON: OnceLock<fn() -> bool> = OnceLock::new();

/// Milliseconds between two questions.
const BETWEEN: u64 = 100;

/// Operations between two looks at the clock, about.
pub(crate) const OPERATIONS: usize = 1 << 16;

/// Let every long call ask `go_on` from then on, on the thread that called, about ten times a second. Where the answer is
/// `false` the call ends with [`Code::Interrupted`] on all of its threads. Only the first function given counts.
pub fn ask_before_going_on(go_on: fn() -> bool) {
    let _ = GO_ON.set(go_on);
}

/// Whether one call is to go on; shared by its threads.
pub(crate) struct Interruption {
    caller: ThreadId,
    start: Instant,
    next_question: AtomicU64,
    is_stopped: AtomicBool,
}

impl Interruption {
    /// For a call that begins now, on this thread.
    pub(crate) fn new() -> Self {
        Self {
            caller: thread::current().id(),
            start: Instant::now(),
            next_question: AtomicU64::new(BETWEEN),
            is_stopped: AtomicBool::new(false),
        }
    }

    /// Refuse to go on where the caller no longer waits. Errors: `interrupted`.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let Some(go_on) = GO_ON.get() else { return Ok(()) };
        if thread::current().id() == self.caller {
            let now = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
            if now >= self.next_question.load(Ordering::Relaxed) {
                self.next_question.store(now + BETWEEN, Ordering::Relaxed);
                if !go_on() {
                    self.is_stopped.store(true, Ordering::Relaxed);
                }
            }
        }
        match self.is_stopped.load(Ordering::Relaxed) {
            true => Err(Error::new(Code::Interrupted, "stopped before it was done")),
            false => Ok(()),
        }
    }
}
