//! Tasks that are spawned from other threads.

use super::kinds::FromAfar;
use crate::core::task::body::FutureBody;
use crate::core::task::boxed::BodyBox;
use crate::core::task::slot::Slot;
use crate::core::task::{Id, JoinHandle, Kind, OwnScheduler, OwnSlot, Scheduler};
use crate::core::wait::Instant;
use std::panic::Location;

/// Spawns a task like [`OwnScheduler::spawn`], on the runtime `runtime` and from any thread. If that runtime has ended,
/// the task is cancelled. `make` runs on the runtime's thread and returns the future; it is not the user's code.
#[track_caller]
pub(crate) fn spawn_from_afar<F: Future<Output: Send + 'static> + 'static>(
    scheduler: &'static Scheduler,
    runtime: u64,
    make: impl FnOnce() -> F + Send + 'static,
    kind: impl Kind<F>,
) -> JoinHandle<F::Output> {
    // Reading the clock is a fiftieth of the cost of a spawn from another thread.
    let (place, kind) = (Location::caller(), FromAfar { when: Instant::now(), kind });
    let (slot, id) = (scheduler.reserve(), Id::next());
    slot.set_task(id);
    // What `make` holds travels in the box of the message. The owner thread then moves it to a box of its own.
    let start = move |owner: OwnScheduler| {
        let body = BodyBox::new(FutureBody::new(make(), kind, place));
        owner.start(OwnSlot::new(owner, slot), body);
    };
    let refused = scheduler.send(Some(runtime), Box::new(start)).err();
    if refused.is_some() {
        slot.set_task(Id::NONE);
        scheduler.unreserve(slot);
    }
    // A refused message is dropped last, since that runs foreign code.
    JoinHandle::new(slot, id, refused.is_some())
}

/// A task that is cancelled before it begins, since its runtime has ended.
pub(crate) fn refused<T>(scheduler: &'static Scheduler) -> JoinHandle<T> {
    let slot = scheduler.reserve();
    scheduler.unreserve(slot);
    JoinHandle::new(slot, Id::next(), true)
}

impl Scheduler {
    /// Takes a vacant slot for a task that another thread spawns.
    pub(crate) fn reserve(&'static self) -> &'static Slot {
        self.spare.pop().unwrap_or_else(|_| {
            let (first, others) = self.new_page(true).split_first().expect("a page has slots");
            others.iter().for_each(|slot| self.unreserve(slot));
            first
        })
    }
}
