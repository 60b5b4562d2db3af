//! What a task waits for: descriptors and points in time.

pub(crate) mod instant;
pub(crate) mod reactor;
pub(crate) mod registration;
pub(crate) mod sleep;
pub(crate) mod waiters;
pub(crate) mod waiting;
pub(crate) mod wheel;

pub use super::ready::Interest;
pub(crate) use instant::Clock;
pub use instant::Instant;
pub(crate) use reactor::{Reactor, SourceKey};
pub use registration::Registration;
pub use sleep::Sleep;
pub use waiters::Waiter;
pub(crate) use waiters::{Asker, Settle};
pub(crate) use wheel::Wheel;
