//! What the cores run with.

use crate::face::builder::Builder;
use std::time::Duration;

/// The policy for the other cores when one core's main panics. See
/// [`CoresBuilder::on_panic`](crate::runtime::CoresBuilder::on_panic).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CorePanic {
    /// The other cores are told to end, and a line on stderr says so. When they have ended, the panic goes on in the
    /// thread that has started the cores.
    #[default]
    StopAll,
    /// The other cores go on, and the core that panicked is started anew, with a new thread and a new runtime; its
    /// tasks are gone. A line on stderr says so. All cores are stopped if a core panics more than five times within ten
    /// seconds, if it cannot be started anew, or if it panics while all are ending anyway.
    Restart,
}

#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) runtime: Builder,
    /// `None` for all.
    pub(super) cores: Option<usize>,
    pub(super) is_pinned: bool,
    /// For tests, see `Group`.
    pub(super) is_restless: bool,
    pub(super) thread_name: String,
    pub(super) on_panic: CorePanic,
    pub(super) stop_timeout: Duration,
}
