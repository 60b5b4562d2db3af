//! Who looks on, and is told.

pub(crate) mod ages;
pub(crate) mod figures;
pub(crate) mod hooks;
#[cfg(feature = "live")]
pub(crate) mod live;
pub(crate) mod onlookers;
pub(crate) mod record;
pub(crate) mod running;
#[cfg(feature = "sim")]
pub(crate) mod simulated;
pub(crate) mod slow_poll;
pub(crate) mod thread_clock;
pub(crate) mod trace;
pub(crate) mod unhandled;
