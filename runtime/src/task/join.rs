//! The handles of a task: to await its output, and to abort it.
//!
//! Both are a slot's address and the task's id, which no other task ever has. On the owner thread they go to the
//! slot; elsewhere they look at `phase` and send the owner what is to be done. In tokio: `runtime/task/join.rs`.

use super::error::{Id, JoinError};
use super::output::Output;
use super::scheduler::{LocalScheduler, Message};
use super::slot::{LocalSlot, Slot};
use crate::coop;
use crate::foreign::Panic;
use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker, ready};

/// Awaits the output of a task. Dropping it detaches the task, which runs on.
///
/// It can be awaited on any thread and by any executor, if the output may go there (`T: Send`).
///
/// # Cancel safety
///
/// Awaiting `&mut handle` is cancel safe: the output stays until it is taken.
///
/// # Panics
///
/// When polled again after it gave the output.
///
/// # Examples
///
/// ```
/// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let task = ayi_runtime::spawn(async { 6 * 7 });
/// assert_eq!(task.await.unwrap(), 42);
/// # });
/// ```
pub struct JoinHandle<T> {
    slot: &'static Slot,
    id: Id,
    taken: bool,
    /// The runtime has ended, and the slot is others' by now. To them, the task is finished.
    is_refused: bool,
    /// A waker has been sent to the owner. Later ones must take the same way, or they could be overtaken.
    asked_from_afar: bool,
    /// `Send` and `Sync` if `T` is `Send`, `Unpin` always: the handle can only give the output away.
    _output: PhantomData<Box<Mutex<T>>>,
}

impl<T> JoinHandle<T> {
    /// `is_refused`: the task is cancelled before it has begun, and has given its slot back.
    pub(super) fn new(slot: &'static Slot, id: Id, is_refused: bool) -> JoinHandle<T> {
        JoinHandle { slot, id, is_refused, taken: false, asked_from_afar: false, _output: PhantomData }
    }

    /// For whoever has the output, if it is not the body.
    pub(crate) fn finisher(&self) -> Finisher<T> {
        Finisher { slot: self.slot, id: self.id, _output: PhantomData }
    }

    /// Cancels the task at its next turn: its future is dropped, and awaiting this handle gives a
    /// [`JoinError`] with [`is_cancelled`](JoinError::is_cancelled), unless it finishes before that.
    ///
    /// A `spawn_blocking` call that has started is not stopped by this.
    pub fn abort(&self) {
        abort(self.slot, self.id);
    }

    /// A handle that can abort the task and nothing else.
    pub fn abort_handle(&self) -> AbortHandle {
        AbortHandle { slot: self.slot, id: self.id }
    }

    /// Whether the task is over, so that awaiting it would not wait.
    pub fn is_finished(&self) -> bool {
        self.slot.is_finished(self.id)
    }

    /// The task's id.
    pub fn id(&self) -> Id {
        self.id
    }

    /// Leaves `waker` with the task; false if it has just been finished. (Cloning a foreign waker is foreign code,
    /// so the caller does it before anything is looked at here.)
    fn wait(&mut self, waker: Waker) -> bool {
        let (slot, id) = (self.slot, self.id);
        match slot.local() {
            _ if self.is_finished() => false,
            Some(slot) if !self.asked_from_afar => {
                set_joiner(slot, waker);
                true
            }
            _ => {
                self.asked_from_afar = true;
                // Refused if the gate is closed: then the task is finished by now, scheduler invariant 2.
                let arrive = move |owner| {
                    if slot.is_finished(id) {
                        waker.wake();
                    } else {
                        set_joiner(LocalSlot::new(owner, slot), waker);
                    }
                };
                slot.scheduler.send(None, arrive).is_ok()
            }
        }
    }

    /// Takes the output and makes the slot vacant. The task is finished, its output not yet taken.
    fn take(&mut self) -> Output {
        debug_assert!(!self.taken && self.is_finished());
        self.taken = true;
        if self.is_refused {
            return Output::Failed(JoinError::cancelled(self.id));
        }
        // SAFETY: this is the JoinHandle of a finished task, and takes once.
        let output = unsafe { self.slot.take_output() };
        match self.slot.local() {
            Some(slot) => slot.scheduler().free(slot),
            None => self.slot.scheduler.post(Message::Free(self.slot)),
        }
        output
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        assert!(!self.taken, "a JoinHandle was polled again after it gave the output of task {}", self.id);
        ready!(coop::poll_proceed(cx));
        if !self.is_finished() && self.wait(cx.waker().clone()) {
            return Poll::Pending;
        }
        coop::charge();
        Poll::Ready(match self.take() {
            // SAFETY: `T` is the output of the body, as `LocalScheduler::spawn` asks.
            Output::Ready(erased) => Ok(unsafe { erased.take::<T>() }),
            Output::Failed(error) => Err(error),
            Output::Empty => unreachable!("only this handle takes the output"),
        })
    }
}

/// Finishes a task from another thread.
pub(crate) struct Finisher<T> {
    slot: &'static Slot,
    id: Id,
    _output: PhantomData<fn(T)>,
}

impl<T: Send + 'static> Finisher<T> {
    /// If the task is over already, as it is when its runtime has ended, the result is dropped here or there.
    pub(crate) fn finish(self, result: Result<T, Panic>) {
        let Finisher { slot, id, .. } = self;
        let _ = self.slot.scheduler.send(None, move |owner| {
            if let Some(body) = LocalSlot::new(owner, slot).take_body(id) {
                owner.finish(LocalSlot::new(owner, slot), body, Output::of(id, result));
            }
        });
    }
}

fn set_joiner(slot: LocalSlot, waker: Waker) {
    // The one that it replaces is dropped when nothing is borrowed.
    drop(slot.cells().joiner.replace(Some(waker)));
}

impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        if self.taken || self.is_refused {
            return;
        }
        if !self.is_finished() {
            let (slot, id) = (self.slot, self.id);
            match slot.local() {
                Some(slot) => return detach(slot.scheduler(), slot.shared(), id),
                // If the task ends before this arrives, the owner drops the output. It may: either `T` is
                // `Send`, or this is the owner's thread between two `block_on`.
                None => {
                    if slot.scheduler.send(None, move |owner| detach(owner, slot, id)).is_ok() {
                        return;
                    }
                }
            }
        }
        let spawned_at = self.slot.local().and_then(|slot| slot.cells().spawned_at.get());
        let output = self.take();
        match self.slot.local() {
            Some(slot) => slot.scheduler().discard(output, self.id, spawned_at),
            // Elsewhere the owner's policy does not reach: a panic in this drop is the caller's.
            None => drop(output),
        }
    }
}

fn detach(owner: LocalScheduler, slot: &'static Slot, id: Id) {
    let local = LocalSlot::new(owner, slot);
    if !slot.is_finished(id) {
        local.cells().detached.set(true);
        drop(local.cells().joiner.take());
    } else if slot.is(id) {
        drop(JoinHandle::<()>::new(slot, id, false));
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").field("id", &self.id).field("finished", &self.is_finished()).finish()
    }
}

/// Aborts a task; says nothing about its output.
///
/// # Examples
///
/// ```
/// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let task = ayi_runtime::spawn(std::future::pending::<()>());
/// let stop = task.abort_handle();
/// stop.abort();
/// assert!(task.await.unwrap_err().is_cancelled());
/// assert!(stop.is_finished());
/// # });
/// ```
#[derive(Clone)]
pub struct AbortHandle {
    slot: &'static Slot,
    id: Id,
}

impl AbortHandle {
    /// Cancels the task at its next turn, as [`JoinHandle::abort`] does; nothing if it is over.
    pub fn abort(&self) {
        abort(self.slot, self.id);
    }

    /// Whether the task is over.
    pub fn is_finished(&self) -> bool {
        self.slot.is_finished(self.id)
    }

    /// The task's id.
    pub fn id(&self) -> Id {
        self.id
    }
}

impl fmt::Debug for AbortHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AbortHandle").field("id", &self.id).finish_non_exhaustive()
    }
}

fn abort(slot: &'static Slot, id: Id) {
    match slot.local() {
        Some(local) => abort_here(local, id),
        None => {
            // Refused: the runtime is gone, and the task with it.
            let _ = slot.scheduler.send(None, move |owner| abort_here(LocalSlot::new(owner, slot), id));
        }
    }
}

/// The future is dropped when the slot comes off the run queue, not in the middle of the caller's code.
fn abort_here(slot: LocalSlot, id: Id) {
    if !slot.shared().is_finished(id) {
        slot.cells().aborted.set(true);
        slot.schedule();
    }
}
