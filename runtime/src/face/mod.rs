//! What users see: runtimes, their handles and their settings, and the public side of what the core has.

pub(crate) mod background;
pub(crate) mod block_on;
pub(crate) mod blocking;
pub(crate) mod builder;
pub(crate) mod clock;
pub(crate) mod drive;
pub(crate) mod end;
pub(crate) mod entered;
pub(crate) mod errors;
pub(crate) mod handle;
pub(crate) mod instant;
pub(crate) mod join;
pub(crate) mod lending;
pub(crate) mod link;
pub(crate) mod lodgers;
pub(crate) mod metrics;
pub(crate) mod readiness;
pub(crate) mod ready;
pub(crate) mod registration;
pub(crate) mod runtime;
pub(crate) mod settings;
pub(crate) mod sleep;
pub(crate) mod spawn;
pub(crate) mod task;
pub(crate) mod task_builder;
pub(crate) mod workers;
