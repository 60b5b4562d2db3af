//! Values that tasks share.

mod cancellation;
mod channels;
mod semaphore;
