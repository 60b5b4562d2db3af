//! What the cores run with.

use crate::face::builder::Builder;
use std::time::Duration;

/// What becomes of the others when one core's main panics. See [`CoresBuilder::on_panic`](crate::runtime::CoresBuilder::on_panic).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CorePanic {
    /// They are told to end, and a line on stderr says so. When they have, the panic goes on in the thread that has
    /// started the cores.
    #[default]
    StopAll,
    /// They go on, and the core is started anew, with a new thread and a new runtime; its tasks are gone. A line on
    /// stderr says so. A core that panics more than five times within ten seconds stops all, as does one that cannot
    /// be started, or that panics when all are ending anyway.
    Restart,
}

#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) runtime: Builder,
    /// `None`: all.
    pub(super) cores: Option<usize>,
    pub(super) is_pinned: bool,
    pub(super) thread_name: String,
    pub(super) on_panic: CorePanic,
    pub(super) stop_timeout: Duration,
}
