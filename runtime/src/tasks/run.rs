//! A task's life: spawned, polled, finished.
//!
//! Everything here runs on the owner thread, and each function leaves the slot in order before it lets foreign
//! code run (a poll, the drop of a future or of an output, a waker): that code may wake, spawn, abort, drop
//! handles or panic, and finds no borrow and nothing half done.
//!
//! In tokio: `runtime/task/harness.rs`.

use super::body::{Body, FromAfar, FutureBody, Kind};
use super::boxed::BodyBox;
use super::error::{JoinError, UnhandledPanic};
use super::hooks::{Hooks, TaskHook, TaskMeta};
use super::id::Id;
use super::join::JoinHandle;
use super::scheduler::{LocalScheduler, Scheduler};
use super::slot::{self, LocalSlot, Marks};
use crate::counters::Count;
use crate::time::Instant;
use crate::trace::{TaskFacts, TaskTrace};
use crate::{coop, foreign};
use std::io::Write;
use std::mem::ManuallyDrop;
use std::panic::Location;
use std::task::{Context, Poll};

/// Like [`LocalScheduler::spawn`], on the runtime `runtime` from whatever thread this is. If it has ended, the task
/// is cancelled. `make` gives the future, on the runtime's thread, and is none of the user's code.
#[track_caller]
pub(crate) fn spawn_from_afar<F: Future<Output: Send + 'static> + 'static>(
    scheduler: &'static Scheduler,
    runtime: u64,
    make: impl FnOnce() -> F + Send + 'static,
    kind: impl Kind<F>,
) -> JoinHandle<F::Output> {
    // To read the clock is a fiftieth of what this costs.
    let (place, kind) = (Location::caller(), FromAfar { when: Instant::now(), kind });
    let (slot, id) = (scheduler.reserve(), Id::next());
    slot.set_task(id);
    // What `make` holds goes there in the box of the message, and then into one that is of its thread.
    let start = move |owner: LocalScheduler| {
        let body = BodyBox::new(FutureBody::new(make(), kind, place));
        owner.start(LocalSlot::new(owner, slot), body);
    };
    let refused = scheduler.send(Some(runtime), start).err();
    if refused.is_some() {
        slot.set_task(Id::NONE);
        scheduler.unreserve(slot);
    }
    // What was refused is dropped last: that is foreign code.
    JoinHandle::new(slot, id, refused.is_some())
}

/// The loop does something else than polling a task.
#[inline]
pub(crate) fn leave() {
    Id::leave();
    coop::leave();
}

/// The task begins, also to those who look on.
#[inline]
fn traced(slot: LocalSlot, mut body: BodyBox) -> BodyBox {
    if TaskTrace::IS_TOLD && !body.is_blocking() {
        let (id, place) = (slot.id().number(), body.spawned_at());
        let facts = TaskFacts { id, name: body.name(), size: body.future_size(), place };
        let trace = TaskTrace::begin(&facts, slot.waker());
        body.as_mut().set_trace(trace);
    }
    body
}

/// It has ended, also to them.
#[inline]
fn untraced(mut body: BodyBox) -> BodyBox {
    if TaskTrace::IS_TOLD {
        body.as_mut().set_trace(TaskTrace::NOTHING);
    }
    body
}

#[inline(always)]
fn poll(slot: LocalSlot, body: &mut BodyBox) -> Result<Poll<()>, foreign::Panic> {
    // Nothing to drop in it; that would be a call.
    let (waker, id) = (ManuallyDrop::new(slot.waker()), slot.id());
    id.enter();
    coop::enter();
    foreign::catch(|| body.as_mut().poll(&mut Context::from_waker(&waker)))
}

impl LocalScheduler {
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

    // Called from two places, so it would be left out of line: 22 of a spawn's instructions.
    #[inline(always)]
    fn start(self, slot: LocalSlot, body: BodyBox) {
        slot.occupy();
        self.shared().counters.add(Count::Spawned, 1);
        if self.cells().has_hooks.get() {
            self.begin(slot, &*body);
        }
        let body = traced(slot, body);
        if self.cells().is_closed.get() {
            // A drop that spawns what spawns in its drop recurses here, like the drop of a list of boxes. To put it off
            // would be worse: whoever blocks on it in that drop would wait for ever.
            self.cancel(slot, body);
        } else {
            slot.put_body(body);
            slot.schedule();
        }
    }

    /// Polls the task of a slot that came off the run queue.
    pub(crate) fn run(self, slot: LocalSlot) {
        let cells = slot.cells();
        let Some(mut body) = slot.take_body() else {
            // Vacant. Else it is a wake that came too late.
            if cells.freed.replace(false) {
                cells.scheduled.set(true);
                self.push_free(slot);
            }
            return;
        };
        if cells.marks.get() != Marks::NONE {
            return self.run_marked(slot, body);
        }
        let polled = poll(slot, &mut body);
        self.settle(slot, body, polled);
    }

    /// Like `run`, of a task that was aborted or is watched.
    #[cold]
    fn run_marked(self, slot: LocalSlot, mut body: BodyBox) {
        let marks = slot.cells().marks.get();
        if marks.has(Marks::ABORTED) && body.may_cancel() {
            leave();
            return self.cancel(slot, body);
        }
        let start = std::time::Instant::now();
        let polled = poll(slot, &mut body);
        if marks.has(Marks::WATCHED) {
            self.task_polled(start, slot.id(), &*body);
        }
        self.settle(slot, body, polled);
    }

    #[inline(always)]
    fn settle(self, slot: LocalSlot, body: BodyBox, polled: Result<Poll<()>, foreign::Panic>) {
        match polled {
            // The loop leaves the task, or the next one takes its place.
            Ok(Poll::Pending) => slot.put_body(body),
            Ok(Poll::Ready(())) => {
                coop::leave();
                self.finish(slot, body);
            }
            Err(panic) => {
                coop::leave();
                self.fail(slot, body, panic);
            }
        }
    }

    /// The poll has panicked, or the drop of a future that was ready, whose output is not given to anybody then.
    #[cold]
    fn fail(self, slot: LocalSlot, mut body: BodyBox, panic: foreign::Panic) {
        // The first panic is the one to tell of.
        foreign::run(|| body.as_mut().clear());
        let name = body.name().map(String::from);
        body.as_mut().fail(JoinError::panicked(slot.id(), name, panic));
        self.finish(slot, body);
    }

    #[cold]
    fn cancel(self, slot: LocalSlot, mut body: BodyBox) {
        let id = slot.id();
        id.scope(|| {
            let error = match foreign::catch(|| body.as_mut().clear()) {
                Ok(()) => JoinError::cancelled(id),
                Err(panic) => JoinError::panicked(id, body.name().map(String::from), panic),
            };
            body.as_mut().fail(error);
            self.finish(slot, body);
        });
    }

    /// A task begins, and there is somebody who wants to know.
    #[cold]
    fn begin(self, slot: LocalSlot, body: &dyn Body) {
        if self.slow_poll().is_some() {
            slot.mark(Marks::WATCHED);
        }
        self.run_hook(|hooks| &hooks.on_spawn, slot, body);
    }

    /// What a user wants to know of a task's life, if anything.
    #[cold]
    fn run_hook(self, hook: fn(&Hooks) -> &Option<TaskHook>, slot: LocalSlot, body: &dyn Body) {
        let hooks = self.cells().hooks.take();
        self.cells().hooks.set(hooks.clone());
        let Some(hook) = hooks.as_deref().and_then(|hooks| hook(hooks).as_ref()) else { return };
        let meta = TaskMeta { id: slot.id(), name: body.name(), spawned_at: body.spawned_at() };
        foreign::run(|| hook(&meta));
    }

    /// The future is gone: keeps the output for the JoinHandle, if there is one.
    fn finish(self, slot: LocalSlot, body: BodyBox) {
        let body = untraced(body);
        if self.cells().has_hooks.get() {
            return self.finish_watched(slot, body);
        }
        self.publish(slot, body);
    }

    #[cold]
    fn finish_watched(self, slot: LocalSlot, body: BodyBox) {
        self.run_hook(|hooks| &hooks.on_terminate, slot, &*body);
        self.publish(slot, body);
        self.wake_watchers();
    }

    /// Counts the task as finished, and says so to its JoinHandle. No foreign code runs in between, because the end of
    /// the runtime goes by the count: see [`Local::go_on_ending`](crate::executor::Local::go_on_ending).
    #[inline(always)]
    fn publish(self, slot: LocalSlot, body: BodyBox) {
        self.shared().counters.add(Count::Finished, 1);
        if slot.cells().detached.get() {
            return self.finish_detached(slot, body);
        }
        // Taken first: once the task is published as finished, its slot may become another's.
        let joiner = slot.cells().joiner.take();
        slot.finish(slot.id(), body);
        if let Some(joiner) = joiner {
            slot::wake(joiner);
        }
    }

    #[inline(never)]
    fn finish_detached(self, slot: LocalSlot, body: BodyBox) {
        let id = slot.id();
        self.free(slot);
        self.discard(body, id);
    }

    /// Drops an output that nobody will read; a panic in it, or while dropping it, is unhandled.
    pub(super) fn discard(self, mut body: BodyBox, id: Id) {
        let (policy, place) = (self.cells().unhandled.get(), body.spawned_at());
        let error = match body.as_mut().take_error() {
            Some(error) if error.is_panic() => error,
            Some(_cancelled) => return,
            None => match foreign::catch(|| drop(body)) {
                Ok(()) => return,
                Err(panic) => JoinError::panicked(id, None, panic),
            },
        };
        if policy != UnhandledPanic::Ignore {
            let name = error.task_name().map(|name| format!("its name is {name:?}, ")).unwrap_or_default();
            // If stderr is closed, there is nobody to tell. (`eprintln!` would panic.)
            let _ = writeln!(
                std::io::stderr(),
                "ayi: {error}; {name}it was spawned at {place} and nobody joins it"
            );
        }
        foreign::run(|| drop(error));
        // The drop may have been of what kept this thread inside the runtime.
        if policy == UnhandledPanic::ShutdownRuntime && self.shared().local().is_some() {
            self.cells().is_fatal.set(true);
        }
    }

    /// The runtime ends: cancels every task, whatever it says of that. A task whose code is running is left: its poll, a
    /// drop of its own or a hook is what ends the runtime, or has called what does. [`tasks_left`](Self::tasks_left)
    /// counts it.
    pub(crate) fn cancel_all(self) {
        for slot in self.slots() {
            // A scheduler from the pool may have many more slots than there are tasks.
            if self.tasks_left() == 0 {
                return;
            }
            if let Some(body) = slot.take_body() {
                self.cancel(slot, body);
            }
        }
    }
}
