//! What threads do to a runtime at the same time, in all interleavings. loom explores them, on the real code with the
//! real loop. Only the kernel is replaced, by `sys.rs`. Run the models as CONTRIBUTING.md says.
//!
//! loom sees each access to what comes from `core/sync.rs`. So a cell that two threads reach without an order between
//! them fails a model, even if its value comes out right. A lost wake or message shows as a deadlock.
//!
//! A preemption is a moment where a thread is stopped although it could go on. Bugs need few preemptions, so each model
//! says how many it tries at most.

#[cfg(test)]
mod blocking;
#[cfg(test)]
mod cancellation;
#[cfg(test)]
mod descriptors;
#[cfg(test)]
mod elsewhere;
#[cfg(test)]
mod end;
#[cfg(test)]
mod guests;
#[cfg(test)]
mod home;
#[cfg(test)]
mod join;
#[cfg(test)]
mod lending;
#[cfg(test)]
mod moves;
#[cfg(test)]
mod near;
#[cfg(test)]
mod output;
#[cfg(test)]
mod parcel;
#[cfg(test)]
mod places;
#[cfg(test)]
mod places_end;
#[cfg(test)]
mod wake;

/// Makes a runtime that looks into its inbox after each poll. Other runtimes look after some polls, which may be any of
/// these moments.
#[cfg(test)]
fn runtime() -> crate::runtime::Runtime {
    crate::runtime::Builder::new_current_thread().event_interval(1).build().unwrap()
}
