//! A task's life: spawned, polled, finished.
//!
//! Everything here runs on the owner thread, and each function leaves the slot in order before it lets foreign
//! code run (a poll, the drop of a future or of an output, a waker): that code may wake, spawn, abort, drop
//! handles or panic, and finds no borrow and nothing half done.
//!
//! In tokio: `runtime/task/harness.rs`.

use super::body::{Body, FutureBody, Kind};
use super::boxed::BodyBox;
use super::error::{JoinError, UnhandledPanic};
use super::hooks::{Hooks, TaskHook, TaskMeta};
use super::id::Id;
use super::join::JoinHandle;
use super::output::Output;
use super::scheduler::{LocalScheduler, Scheduler};
use super::slot::LocalSlot;
use crate::counters::Count;
use crate::{coop, foreign};
use std::io::Write;
use std::panic::Location;
use std::task::{Context, Poll};

/// Like [`LocalScheduler::spawn`], on the runtime `runtime` from whatever thread this is. If it has ended, the task
/// is cancelled.
#[track_caller]
pub(crate) fn spawn_from_afar<F: Future<Output: Send + 'static> + Send + 'static>(
    scheduler: &'static Scheduler,
    runtime: u64,
    future: F,
    kind: impl Kind<F> + Send,
) -> JoinHandle<F::Output> {
    let (body, spawned_at) = (FutureBody { future, kind }, Location::caller());
    let (slot, id) = (scheduler.reserve(), Id::next());
    slot.set_task(id);
    // (The future goes there in the box of the message, and then into one that is of its thread.)
    let start = move |owner: LocalScheduler| {
        owner.start(LocalSlot::new(owner, slot), BodyBox::new(body), spawned_at);
    };
    let refused = scheduler.send(Some(runtime), start).err();
    if refused.is_some() {
        slot.set_task(Id::NONE);
        scheduler.unreserve(slot);
    }
    // What was refused is dropped last: that is foreign code.
    JoinHandle::new(slot, id, refused.is_some())
}

#[cold]
fn failed(id: Id, body: &dyn Body, panic: foreign::Panic) -> Output {
    Err(JoinError::panicked(id, body.name().map(String::from), panic))
}

/// The loop does something else than polling a task.
#[inline]
pub(crate) fn leave() {
    Id::leave();
    coop::leave();
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
        let body = BodyBox::new(FutureBody { future, kind });
        let (slot, id) = self.alloc();
        self.start(slot, body, Location::caller());
        JoinHandle::new(*slot, id, false)
    }

    // (Called from two places, so it would be left out of line: 22 of a spawn's instructions.)
    #[inline(always)]
    fn start(self, slot: LocalSlot, body: BodyBox, spawned_at: &'static Location<'static>) {
        let cells = slot.cells();
        slot.occupy();
        self.shared().counters.add(Count::Spawned, 1);
        cells.spawned_at.set(Some(spawned_at));
        if self.cells().has_hooks.get() {
            self.run_hook(|hooks| &hooks.on_spawn, slot, &*body);
        }
        if self.cells().is_closed.get() {
            self.cancel(slot, body);
        } else {
            cells.body.set(Some(body));
            slot.schedule();
        }
    }

    /// Polls the task of a slot that came off the run queue.
    pub(crate) fn run(self, slot: LocalSlot) {
        let cells = slot.cells();
        let Some(mut body) = cells.body.take() else {
            // Vacant. Else it is a wake that came too late.
            if cells.freed.replace(false) {
                cells.scheduled.set(true);
                self.push_free(slot);
            }
            return;
        };
        if cells.aborted.get() && body.may_cancel() {
            leave();
            return self.cancel(slot, body);
        }
        let (waker, id) = (slot.waker(), slot.id());
        id.enter();
        coop::enter();
        let output = match foreign::catch(|| body.as_mut().poll(&mut Context::from_waker(&waker))) {
            Ok(Poll::Pending) => {
                // What it replaces is nothing, since the body was out: no need to look before dropping it.
                std::mem::forget(cells.body.replace(Some(body)));
                // The loop leaves the task, or the next one takes its place.
                return;
            }
            Ok(Poll::Ready(output)) => output,
            Err(panic) => failed(id, &*body, panic),
        };
        coop::leave();
        self.finish(slot, body, output);
    }

    #[cold]
    fn cancel(self, slot: LocalSlot, body: BodyBox) {
        let id = slot.id();
        id.scope(|| self.finish(slot, body, Err(JoinError::cancelled(id))));
    }

    /// What a user wants to know of a task's life, if anything.
    #[cold]
    fn run_hook(self, hook: fn(&Hooks) -> &Option<TaskHook>, slot: LocalSlot, body: &dyn Body) {
        let hooks = self.cells().hooks.take();
        self.cells().hooks.set(hooks.clone());
        let Some(hook) = hooks.as_deref().and_then(|hooks| hook(hooks).as_ref()) else { return };
        let Some(spawned_at) = slot.cells().spawned_at.get() else { return };
        let meta = TaskMeta { id: slot.id(), name: body.name(), spawned_at };
        foreign::run(|| hook(&meta));
    }

    /// Drops the body now, and keeps the output for the JoinHandle, if there is one.
    fn finish(self, slot: LocalSlot, body: BodyBox, mut output: Output) {
        let (cells, id) = (slot.cells(), slot.id());
        self.shared().counters.add(Count::Finished, 1);
        if self.cells().has_hooks.get() {
            self.run_hook(|hooks| &hooks.on_terminate, slot, &*body);
        }
        match foreign::catch(|| drop(body)) {
            Ok(()) => {}
            // The first panic is the one to tell of.
            Err(another) if output.as_ref().is_err_and(JoinError::is_panic) => foreign::drop_panic(another),
            Err(panic) => {
                let unread = std::mem::replace(&mut output, Err(JoinError::panicked(id, None, panic)));
                self.discard(unread, id, cells.spawned_at.get());
            }
        }
        if cells.detached.get() {
            let spawned_at = cells.spawned_at.get();
            self.free(slot);
            return self.discard(output, id, spawned_at);
        }
        // Taken first: once the task is published as finished, its slot may become another's.
        let joiner = cells.joiner.take();
        // SAFETY: this is the owner thread, and the task was not finished.
        unsafe { slot.set_finished(id, output) };
        if let Some(joiner) = joiner {
            foreign::wake(joiner);
        }
    }

    /// Drops an output that nobody will read; a panic in it, or while dropping it, is unhandled.
    pub(super) fn discard(self, output: Output, id: Id, spawned_at: Option<&'static Location<'static>>) {
        let policy = self.cells().unhandled.get();
        let error = match output {
            Err(error) if error.is_panic() => error,
            Err(_cancelled) => return,
            Ok(value) => match foreign::catch(|| drop(value)) {
                Ok(()) => return,
                Err(panic) => JoinError::panicked(id, None, panic),
            },
        };
        if policy != UnhandledPanic::Ignore {
            let name = error.task_name().map(|name| format!("its name is {name:?}, ")).unwrap_or_default();
            let place = spawned_at.map(|place| format!("it was spawned at {place} and ")).unwrap_or_default();
            // If stderr is closed, there is nobody to tell. (`eprintln!` would panic.)
            let _ = writeln!(std::io::stderr(), "ayi: {error}; {name}{place}nobody joins it");
        }
        foreign::run(|| drop(error));
        // The drop may have been of what kept this thread inside the runtime.
        if policy == UnhandledPanic::ShutdownRuntime && self.shared().local().is_some() {
            self.cells().is_fatal.set(true);
        }
    }

    /// The runtime ends: cancels every task, whatever it says of that.
    pub(crate) fn cancel_all(self) {
        for slot in self.slots() {
            // A scheduler from the pool may have many more slots than there are tasks.
            if self.tasks_left() == 0 {
                return;
            }
            if let Some(body) = slot.cells().body.take() {
                self.cancel(slot, body);
            }
        }
    }
}
