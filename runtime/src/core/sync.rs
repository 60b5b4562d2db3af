//! Cells, atomics, locks and threads. With `--cfg loom` they are those of the model checker, which watches them: then
//! `proof/sync.rs` stands here.
//!
//! What several threads use comes from here. Some of it is std's in either case: every `Arc` but a ticket's, since loom's
//! has no `Weak`; the counters and the generators of ids, which synchronise nothing; and `OnceLock`.

pub(crate) use concurrent_queue::ConcurrentQueue;
pub(crate) use std::{
    cell::Cell,
    sync::{Arc, Condvar, Mutex, MutexGuard, atomic},
    thread, thread_local,
};
