//! `block_on`, by a runtime and by a handle.

use super::drive::Drive;
use super::errors::TIED_TO_ITS_THREAD;
use super::link::Link;
use crate::core::coop;
use crate::core::current::{EnterGuard, find_worker};
use crate::core::lodger::Lodger;
use crate::core::onlooker::TaskFacts;
use crate::core::task::Id;
use crate::core::turn::Root;
use crate::core::worker::Worker;
use crate::plugged::{Lodgers, TaskTrace};
use crate::services::blocked_on::BlockedOn;
use crate::services::home::Who;
use std::panic::Location;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// Runs `future` in a `block_on` of the runtime. `size` is the size of the future that the user has given.
#[inline(always)]
#[track_caller]
pub(crate) fn run<F: Future>(worker: &Rc<Worker>, future: F, size: usize) -> F::Output {
    let _blocked = BlockedOn::new();
    worker.block_on(future, size)
}

impl Worker {
    /// Runs the loop until `future` is ready. `size` is that of the future which the user has given.
    #[track_caller]
    pub(crate) fn block_on<F: Future>(self: &Rc<Self>, future: F, size: usize) -> F::Output {
        let root = Root::new(self.tasks());
        let _inside = EnterGuard::here(self);
        let _running = Lodgers::run(self);
        assert!(!self.is_over.get(), "this runtime has been shut down by an unhandled panic of a task");
        let waker = root.0.waker();
        let (id, place) = (root.0.id(), Location::caller());
        let facts = || TaskFacts::new(id, size, place);
        let trace = TaskTrace::root(facts, Some(root.0.waker()));
        let mut future = pin!(future);
        let mut cx = Context::from_waker(&waker);
        self.run(&root, || trace.poll(&mut cx, |cx| future.as_mut().poll(cx)))
    }
}

impl Link {
    /// Blocks on `future` within the runtime, on this thread if the runtime is here or `who` may have it here, and
    /// otherwise beside it.
    #[track_caller]
    pub(crate) fn block_on<F: Future>(&self, future: F, size: usize, who: Who) -> F::Output {
        // A runtime of several workers has threads for all of them.
        let may_stay = self.shared.crew.get().is_none() || find_worker(self.reference.id).is_some();
        let stay = if may_stay { self.stay(who) } else { None };
        if let Some(stay) = stay.filter(|stay| !stay.worker().is_over.get()) {
            return run(stay.worker(), future, size);
        }
        if who == Who::Owner {
            let is_open = self.reference.scheduler.is_open(self.reference.id);
            assert!(is_open, "this runtime has been shut down by an unhandled panic of a task");
            assert!(!self.shared.home.is_tied_elsewhere(), "{TIED_TO_ITS_THREAD}");
        }
        let _blocked = BlockedOn::new();
        let drive = Drive::new();
        let _inside = EnterGuard::driven(self, drive.clone());
        let waker = Waker::from(drive.sleeper.clone());
        let mut cx = Context::from_waker(&waker);
        // Dropped before this thread leaves the runtime, and after the future.
        let _end = OnDrop(|| {
            coop::end();
            drive.end(self);
        });
        let place = Location::caller();
        let facts = || TaskFacts::new(Id::next(), size, place);
        let trace = TaskTrace::root(facts, None);
        let mut future = pin!(future);
        let mut poll = || trace.poll(&mut cx, |cx| future.as_mut().poll(cx));
        loop {
            coop::enter();
            let polled = poll();
            coop::leave();
            if let Poll::Ready(output) = polled {
                return output;
            }
            coop::wake_exhausted();
            if let Some(worker) = drive.worker() {
                return worker.go_on(&drive.sleeper, poll);
            }
            drive.sleeper.park();
        }
    }
}

struct OnDrop<F: Fn()>(F);

impl<F: Fn()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}
