//! The core: tasks, the reactor, timers and the loop. It knows nothing of what stands above it, but for two seams, `lodger`
//! and `onlooker`.
//!
//! ARCHITECTURE.md has the order in which it is read.

pub(crate) mod coop;
pub(crate) mod counters;
pub(crate) mod current;
pub(crate) mod foreign;
pub(crate) mod lodger;
pub(crate) mod onlooker;
pub(crate) mod queue;
pub(crate) mod ready;
#[cfg_attr(loom, path = "../proof/sync.rs")]
pub(crate) mod sync;
#[cfg_attr(loom, path = "../proof/sys.rs")]
pub(crate) mod sys;
pub(crate) mod task;
pub(crate) mod turn;
pub(crate) mod wait;
pub(crate) mod worker;
