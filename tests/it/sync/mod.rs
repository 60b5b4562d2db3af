//! Values that tasks share.

mod cancellation;
mod channels;
mod locks;
mod notify;
mod once;
mod semaphore;
