//! What threads do to a runtime at the same time, in all interleavings: explored by loom, on the real code with the real
//! loop. Only the kernel is replaced, by `sys.rs`. Run as CONTRIBUTING.md says.
//!
//! loom sees each access to what comes from `core/sync.rs`: so a cell that two threads reach without an order between
//! them fails a model, also where its value comes out right. What is lost shows as a deadlock.
//!
//! A preemption is where a thread is stopped though it could go on. Bugs need few: each model says how many there are
//! at most in what it tries.

#[cfg(test)]
mod blocking;
#[cfg(test)]
mod cancellation;
#[cfg(test)]
mod end;
#[cfg(test)]
mod join;
#[cfg(test)]
mod output;
#[cfg(test)]
mod wake;

/// Looks into its inbox after each poll. (Others look after some, and that may be any of these moments.)
#[cfg(test)]
fn runtime() -> crate::runtime::Runtime {
    crate::runtime::Builder::new_current_thread().event_interval(1).build().unwrap()
}
