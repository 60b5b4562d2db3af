//! A worker whose thread blocks within a poll goes on, on another thread: who has it, and who is to have it next.
//!
//! ```text
//!   its thread    poll ─▶ block_in_place ── lent ─ the user's code blocks ─── asks for it ── has it ─▶ the poll goes on
//!                              │                                                 │     ▲
//!   a thread of the pool       └─▶ takes it: the loop, with all other tasks ◀────┘     │
//!                                                     its root future is ready ────────┘
//! ```
//!
//! The thread that stands in may itself block within a poll, and lend it on. Then that poll has to go on some day: its thread
//! asks whoever has the worker. Another one that stands in leaves for good. The worker's own thread cannot leave its loop; it
//! lends the worker in a message, until the one that has asked has ended its poll.
//!
//! Invariants:
//! 1. One thread at a time uses the worker: the one that has taken it out of `free`. All others that have a reference to it
//!    are suspended: between giving it and taking it back. There they touch no reference, and find none: they are outside of
//!    the runtime meanwhile, and it is not among those that live on their thread. The lock makes visible what the last one
//!    wrote.
//! 2. What is lent is `Send`: there is no unfinished task whose future need not be, and while it is lent, none is spawned. The
//!    ring stays with the worker's own thread, and is lent only if it has no operations.
//! 3. It is given to those who wait in the order in which they have asked. Who stands in leaves when anybody waits; the
//!    worker's own thread asks again for those who still wait when it has got it back. So nobody waits for ever for a thread
//!    that polls.
//!
//! In tokio: `runtime/scheduler/multi_thread/worker.rs`, where a worker's core goes to another thread.

use crate::core::foreign::lock;
use crate::core::sync::{Condvar, Mutex, thread_local};
use crate::core::task::scheduler::Request;
use crate::core::worker::Worker;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::PoisonError;
use std::task::Waker;

thread_local! {
    /// The number of the worker whose own thread this is, if it is one that can be lent.
    static OWN: Cell<u64> = const { Cell::new(0) };
    /// The number of the worker for which this thread stands in, and the waker of its root future.
    static STANDS_IN: RefCell<Option<(u64, Waker)>> = const { RefCell::new(None) };
}

/// From here on, this thread is the worker's own, which it does not leave before its end.
pub(crate) fn set_own_thread(worker: u64) {
    OWN.set(worker);
}

pub(crate) fn is_own_thread(worker: u64) -> bool {
    OWN.get() == worker
}

/// The waker of this thread's root future, if it stands in for the worker.
pub(crate) fn stands_in(worker: u64) -> Option<Waker> {
    // A thread that is ending stands in for nobody.
    let find = |it: &RefCell<Option<(u64, Waker)>>| {
        it.borrow().as_ref().filter(|it| it.0 == worker).map(|it| it.1.clone())
    };
    STANDS_IN.try_with(find).ok().flatten()
}

/// As long as it exists, this thread stands in for a worker's own.
pub(crate) struct StandsIn(Option<(u64, Waker)>);

impl StandsIn {
    pub(crate) fn new(worker: u64, root: Waker) -> StandsIn {
        StandsIn(STANDS_IN.replace(Some((worker, root))))
    }
}

impl Drop for StandsIn {
    fn drop(&mut self) {
        STANDS_IN.replace(self.0.take());
    }
}

#[derive(Default)]
pub(crate) struct Lending {
    state: Mutex<State>,
    /// Notified when it is free.
    given: Condvar,
}

#[derive(Default)]
struct State {
    free: Option<Lent>,
    /// The numbers of those who want it.
    waiting: VecDeque<u64>,
    asked: u64,
    /// How many threads are within a poll, and outside of the worker.
    suspended: usize,
    /// The worker's thread waits until none is.
    is_ending: bool,
    /// What has to be done on the worker's own thread.
    put_off: Vec<Request>,
}

struct Lent(Rc<Worker>);

// SAFETY: invariants 1 and 2.
unsafe impl Send for Lent {}

impl Lending {
    /// This thread is outside of the worker from now on, which may be within a poll.
    pub(crate) fn suspend(&self, worker: &Rc<Worker>) {
        let mut state = lock(&self.state);
        state.suspended += 1;
        state.free = Some(Lent(worker.clone()));
        drop(state);
        self.given.notify_all();
    }

    /// Gives it back for good: no poll of this thread goes on.
    pub(crate) fn give(&self, worker: Rc<Worker>) {
        lock(&self.state).free = Some(Lent(worker));
        self.given.notify_all();
    }

    /// Takes it to stand in, if nobody else wants it.
    pub(crate) fn stand_in(&self) -> Option<Rc<Worker>> {
        let mut state = lock(&self.state);
        if !state.waiting.is_empty() {
            return None;
        }
        state.free.take().map(|lent| lent.0)
    }

    /// Takes it to go on within a poll. `ask` tells the thread that has it, if one has.
    pub(crate) fn resume(&self, ask: impl FnOnce()) -> Rc<Worker> {
        let mut state = lock(&self.state);
        let number = state.asked;
        state.asked += 1;
        state.waiting.push_back(number);
        if state.free.is_none() {
            drop(state);
            ask();
            state = lock(&self.state);
        }
        let is_not_my_turn =
            |state: &mut State| state.free.is_none() || state.waiting.front() != Some(&number);
        let waited = self.given.wait_while(state, is_not_my_turn);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        state.waiting.pop_front();
        state.suspended -= 1;
        let Some(lent) = state.free.take() else { unreachable!("it has been waited for") };
        lent.0
    }

    /// Whether who stands in has to leave.
    pub(crate) fn is_wanted(&self) -> bool {
        let state = lock(&self.state);
        !state.waiting.is_empty() || state.is_ending
    }

    /// Lends it to those who are suspended until none is. The worker's own thread, at its end, has left it.
    pub(crate) fn wait_for_all(&self, worker: Rc<Worker>) -> Rc<Worker> {
        let mut state = lock(&self.state);
        state.is_ending = true;
        state.free = Some(Lent(worker));
        self.given.notify_all();
        let some_are_left = |state: &mut State| state.free.is_none() || state.suspended > 0;
        let waited = self.given.wait_while(state, some_are_left);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        state.is_ending = false;
        let Some(lent) = state.free.take() else { unreachable!("it has been waited for") };
        lent.0
    }

    /// Whether a poll of another thread has to go on, or the worker's own thread to end.
    pub(crate) fn is_lent(&self) -> bool {
        let state = lock(&self.state);
        state.suspended > 0 || state.is_ending
    }

    pub(crate) fn put_off(&self, what: Request) {
        lock(&self.state).put_off.push(what);
    }

    pub(crate) fn take_put_off(&self) -> Vec<Request> {
        std::mem::take(&mut lock(&self.state).put_off)
    }
}
