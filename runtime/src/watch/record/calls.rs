//! When a blocking call ran.

use super::clock::Ticks;
use super::event::Kind;
use super::made::{current, on};
use crate::core::foreign::lock;
use std::sync::Mutex;

/// A blocking call, as the thread of the pool that runs it and the task that waits for it know it.
pub(crate) struct CallTimes(Mutex<Option<(u64, u64)>>);

impl CallTimes {
    pub(crate) fn new() -> CallTimes {
        CallTimes(Mutex::new(None))
    }

    /// On the thread of the pool.
    pub(crate) fn run<R>(&self, f: impl FnOnce() -> R) -> R {
        let ticks = Ticks::new();
        let begin = ticks.now();
        let result = f();
        *lock(&self.0) = Some((begin, ticks.now()));
        result
    }

    /// In the poll of its task.
    pub(crate) fn tell(&self) {
        on(|ring| {
            if let Some((begin, end)) = lock(&self.0).take() {
                ring.write_at(end, Kind::CallRan, current(), end.saturating_sub(begin));
            }
        });
    }
}
