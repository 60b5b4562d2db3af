//! What a runtime and its handles share.

use super::blocking::Pool;
use super::cancellation::CancellationToken;
use super::drives::Drives;
use crate::core::foreign::lock;
use crate::core::task::Scheduler;
use crate::core::task::scheduler::Gate;
use crate::watch::figures::Figures;
use crate::watch::thread_clock::ThreadClock;
use std::panic::RefUnwindSafe;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// What the handles of a runtime share with it.
pub(crate) struct Shared {
    pub(crate) pool: Arc<Pool>,
    pub(crate) name: Option<String>,
    /// The clock of the runtime's thread, and its reading when the runtime was made.
    pub(crate) cpu: (ThreadClock, Duration),
    /// The token that tells the tasks to end.
    pub(crate) shutdown: CancellationToken,
    /// The last figures, once the runtime has ended.
    pub(crate) last: OnceLock<(Figures, Duration)>,
    /// The runtimes that other threads have made to block on handles of this one.
    pub(crate) drives: Drives,
}

// Like `Scheduler`: a panic leaves it in order.
impl RefUnwindSafe for Shared {}

impl Shared {
    /// Returns the CPU time of the runtime's thread since the runtime was made.
    pub(crate) fn busy(&self) -> Duration {
        let (clock, start) = self.cpu;
        clock.read().saturating_sub(start)
    }
}

impl Scheduler {
    pub(crate) fn is_open(&self, runtime: u64) -> bool {
        *lock(&self.gate) == Gate::Open(runtime)
    }
}
