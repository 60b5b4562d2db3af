//! A task's life: spawned, polled, finished.
//!
//! Everything here runs on the owner thread, and each function leaves the slot in order before it lets foreign
//! code run (a poll, the drop of a future or of an output, a waker): that code may wake, spawn, abort, drop
//! handles or panic, and finds no borrow and nothing half done.
//!
//! In tokio: `runtime/task/harness.rs`.

use super::body::{FutureBody, Kind};
use super::boxed::BodyBox;
use super::error::JoinError;
use super::id::Id;
use super::join::JoinHandle;
use super::scheduler::{FINISHED, OwnScheduler};
use super::slot::{self, Marks, OwnSlot};
use crate::core::counters::Count;
use crate::core::onlooker::Onlooker;
use crate::core::{coop, foreign};
use crate::plugged::{Kept, TaskTrace, Unjoined};
use std::mem::ManuallyDrop;
use std::panic::Location;
use std::task::{Context, Poll};

/// The loop does something other than polling a task.
#[inline]
pub(crate) fn leave() {
    Id::leave();
    coop::leave();
}

#[inline(always)]
fn poll(slot: OwnSlot, id: Id, body: &mut BodyBox) -> Result<Poll<()>, foreign::Panic> {
    // The waker has nothing to drop, and a drop would be a call.
    let waker = ManuallyDrop::new(slot.waker());
    id.enter();
    coop::enter();
    foreign::catch(|| body.as_mut().poll(&mut Context::from_waker(&waker)))
}

impl OwnScheduler {
    /// Makes a task of `future`.
    #[inline]
    #[track_caller]
    pub(crate) fn spawn<F: Future<Output: 'static> + 'static>(
        self,
        future: F,
        kind: impl Kind<F>,
    ) -> JoinHandle<F::Output> {
        let body = BodyBox::new(FutureBody::new(future, kind, Location::caller()));
        let (slot, id) = self.alloc();
        self.start(slot, body);
        JoinHandle::new(*slot, id, false)
    }

    // Inlined by force: it has two callers, and a call would cost a spawn 22 instructions.
    #[inline(always)]
    pub(crate) fn start(self, slot: OwnSlot, body: BodyBox) {
        self.shared().counters.add(Count::Spawned, 1);
        if TaskTrace::IS_TOLD || self.cells().onlookers.are_any() || self.cells().is_closed.get() {
            return self.start_looked_on(slot, body);
        }
        slot.put_body(body);
        // A vacant slot counts as scheduled: slot invariant 5. So it only has to be linked.
        self.push(slot);
    }

    /// Foreign code may wake the task before it is on the run queue. It may also leave the runtime and end it, and then the
    /// end comes when this is done.
    #[cold]
    fn start_looked_on(self, slot: OwnSlot, mut body: BodyBox) {
        let _kept = Kept::here();
        slot.occupy();
        let onlookers = &self.cells().onlookers;
        if onlookers.are_any() && onlookers.task_begins(&body.as_ref().facts(slot.id())) {
            slot.mark(Marks::WATCHED);
        }
        if TaskTrace::IS_TOLD {
            let trace = TaskTrace::begin(&body.as_ref().facts(slot.id()), slot.waker());
            body.as_mut().set_trace(trace);
        }
        if self.cells().is_closed.get() {
            // A future whose drop spawns a future whose drop spawns recurses here, like the drop of a list of boxes. To put
            // the cancellation off would be worse: a drop that blocks on the new task would wait for ever.
            self.cancel(slot, body);
        } else {
            slot.put_body(body);
            slot.schedule();
        }
    }

    /// Polls the task of a slot that came off the run queue.
    #[inline(always)]
    pub(crate) fn run(self, slot: OwnSlot) {
        let Some((mut body, id)) = slot.take_body() else { return self.run_empty(slot) };
        if slot.cells().marks.get() != Marks::NONE {
            return self.run_marked(slot, id, body);
        }
        let polled = poll(slot, id, &mut body);
        self.settle(slot, body, polled);
    }

    /// A slot that became vacant on the run queue, or a wake that came too late.
    #[cold]
    fn run_empty(self, slot: OwnSlot) {
        let cells = slot.cells();
        if cells.freed.replace(false) {
            cells.scheduled.set(true);
            self.push_free(slot);
        } else if slot.id() != Id::NONE && !slot.is_finished(slot.id()) {
            // It is being polled, and has called `block_in_place`, within which this loop runs.
            cells.scheduled.set(true);
            cells.link.set(self.cells().held.replace(Some(slot)));
        }
    }

    /// Like `run`, of a task that was aborted or is watched.
    #[cold]
    fn run_marked(self, slot: OwnSlot, id: Id, mut body: BodyBox) {
        let marks = slot.cells().marks.get();
        if marks.has(Marks::ABORTED) && body.as_ref().may_cancel() {
            leave();
            return self.cancel(slot, body);
        }
        let began = self.cells().onlookers.poll_begins();
        let polled = poll(slot, id, &mut body);
        if marks.has(Marks::WATCHED) {
            let is_ready = polled.as_ref().ok().map(Poll::is_ready);
            self.cells().onlookers.task_polled(began, is_ready, id, || body.as_ref().facts(id));
        }
        self.settle(slot, body, polled);
    }

    #[inline(always)]
    fn settle(self, slot: OwnSlot, body: BodyBox, polled: Result<Poll<()>, foreign::Panic>) {
        match polled {
            // The task's id and budget stay until the loop or the next task replaces them.
            Ok(Poll::Pending) => slot.put_body(body),
            Ok(Poll::Ready(())) => self.finish(slot, body),
            Err(panic) => {
                coop::leave();
                self.fail(slot, body, panic);
            }
        }
    }

    /// The poll has panicked, or the drop of a future that was ready. In that case its output is lost.
    #[cold]
    fn fail(self, slot: OwnSlot, mut body: BodyBox, panic: foreign::Panic) {
        // The first panic is the one that is reported: that of this drop ends here.
        foreign::run(|| body.as_mut().clear());
        let name = body.as_ref().facts(slot.id()).name.map(String::from);
        body.as_mut().fail(JoinError::panicked(slot.id(), name, panic));
        self.finish(slot, body);
    }

    #[cold]
    pub(crate) fn cancel(self, slot: OwnSlot, mut body: BodyBox) {
        let id = slot.id();
        id.scope(|| {
            let error = match foreign::catch(|| body.as_mut().clear()) {
                Ok(()) => JoinError::cancelled(id),
                Err(panic) => JoinError::panicked(id, body.as_ref().facts(id).name.map(String::from), panic),
            };
            body.as_mut().fail(error);
            self.finish(slot, body);
        });
    }

    /// The future is gone: keeps the output for the JoinHandle, if there is one. The budget stays, as after a poll that is
    /// pending, unless foreign code comes in between.
    #[inline(always)]
    fn finish(self, slot: OwnSlot, body: BodyBox) {
        if self.cells().onlookers.are_any() {
            return self.finish_looked_on(slot, body);
        }
        self.publish(slot, body);
    }

    #[cold]
    fn finish_looked_on(self, slot: OwnSlot, body: BodyBox) {
        coop::leave();
        self.cells().onlookers.task_ends(&body.as_ref().facts(slot.id()));
        self.publish(slot, body);
        self.cells().onlookers.task_has_ended();
    }

    /// Counts the task as finished, and says so to its JoinHandle. No foreign code runs in between, because the end of
    /// the runtime goes by the count: see `Worker::go_on_ending`.
    #[inline(always)]
    fn publish(self, slot: OwnSlot, body: BodyBox) {
        self.shared().counters.add(Count::Finished, 1);
        if slot.cells().detached.get() {
            return self.finish_detached(slot, body);
        }
        // Taken first: once the task is published as finished, its slot may become another's.
        let joiner = slot.cells().joiner.take();
        slot.finish(slot.id(), body);
        if let Some(joiner) = joiner.and_then(slot::wake_own) {
            coop::leave();
            FINISHED.set(Some(*slot));
            foreign::wake(joiner);
        }
    }

    #[inline(never)]
    fn finish_detached(self, slot: OwnSlot, body: BodyBox) {
        let (id, joiner) = (slot.id(), slot.cells().joiner.take());
        self.free(slot);
        coop::leave();
        Unjoined::discard(self, body, id);
        // Of a handle that was awaited from afar before it was dropped here.
        if let Some(joiner) = joiner {
            foreign::drop_waker(joiner);
        }
    }
}
