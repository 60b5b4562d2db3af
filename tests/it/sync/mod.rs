//! Values that tasks share.

mod cancellation;
mod channels;
mod locks;
mod semaphore;
