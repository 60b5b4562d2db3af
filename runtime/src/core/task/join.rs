//! The handles of a task: to await its output, and to abort it.
//!
//! Both are a slot's address and the task's id, which no other task ever has. On the owner thread they go to the
//! slot; elsewhere they look at `phase` and send the owner what is to be done. In tokio: `runtime/task/join.rs`.

use super::boxed::BodyBox;
use super::error::JoinError;
use super::id::Id;
use super::scheduler::Message;
use super::slot::{Marks, OwnSlot, Slot};
use crate::core::coop;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

/// A handle that awaits the output of a task. Dropping the handle detaches the task, which runs on.
///
/// The handle can be awaited on any thread and by any executor, if the output may go there: if `T` is `Send`.
///
/// # Cancel safety
///
/// Awaiting `&mut handle` is cancel safe: the output stays until it is taken.
///
/// # Panics
///
/// Panics when polled again after it gave the output.
///
/// # Examples
///
/// ```
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let task = ayi::spawn(async { 6 * 7 });
/// assert_eq!(task.await.unwrap(), 42);
/// # });
/// ```
pub struct JoinHandle<T> {
    pub(crate) task: AbortHandle,
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
    pub(crate) fn new(slot: &'static Slot, id: Id, is_refused: bool) -> JoinHandle<T> {
        let task = AbortHandle { slot, id };
        JoinHandle { task, is_refused, taken: false, asked_from_afar: false, _output: PhantomData }
    }

    /// Leaves `waker` with the task, or wakes it if the task is over by then. False if the task certainly is over.
    // Not inlined: it runs once a task, and would be in the middle of every function that awaits a handle.
    #[inline(never)]
    fn wait(&mut self, waker: Waker) -> bool {
        let id = self.task.id;
        let leave = move |slot: OwnSlot| {
            if slot.is_finished(id) {
                waker.wake();
            } else {
                // The one that it replaces is dropped when nothing is borrowed.
                drop(slot.cells().joiner.replace(Some(waker)));
            }
        };
        self.asked_from_afar |= self.task.slot.own().is_none();
        if !self.asked_from_afar {
            return self.task.visit(leave);
        }
        // The handle asks again, because the runtime may have ended, and the next one may have its scheduler. That one
        // would take the message and wake the waker, but at no known time.
        self.task.send(leave) && !self.task.is_finished()
    }

    /// Takes the body, with the output in it, and makes the slot vacant. The task is finished, and this is the first call.
    /// `None`: it was cancelled before it had a body.
    // Inlined by force, since it has two callers.
    #[inline(always)]
    fn take(&mut self) -> Option<BodyBox> {
        debug_assert!(!self.taken);
        self.taken = true;
        if self.is_refused {
            return None;
        }
        let AbortHandle { slot, id } = self.task;
        // SAFETY: this is the JoinHandle of the task.
        let body = unsafe { slot.take_finished(id) };
        match slot.own() {
            Some(slot) => slot.scheduler().free(slot),
            None => slot.scheduler.post(Message::Free(slot)),
        }
        Some(body)
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        assert!(
            !self.taken,
            "a JoinHandle was polled again after it gave the output of task {}",
            self.task.id
        );
        coop::poll_charged(cx, |cx| {
            if !self.task.is_finished() && self.wait(cx.waker().clone()) {
                return Poll::Pending;
            }
            Poll::Ready(match self.take() {
                // SAFETY: `T` is the output of the future, as `spawn` and `spawn_from_afar` have made it.
                Some(body) => unsafe { body.into_output::<T>() },
                None => Err(JoinError::cancelled(self.task.id)),
            })
        })
    }
}

impl<T> Drop for JoinHandle<T> {
    #[inline]
    fn drop(&mut self) {
        if !self.taken && !self.is_refused {
            self.give_up();
        }
    }
}

impl<T> JoinHandle<T> {
    /// The handle is dropped: nobody will take the output.
    #[inline(never)]
    fn give_up(&mut self) {
        let (slot, id) = (self.task.slot, self.task.id);
        // If the task ends before this arrives, the owner drops the output. It may: either `T` is `Send`, or this
        // is the owner's thread between two `block_on`.
        if !self.task.is_finished() && self.task.visit(move |slot| detach(slot, id)) {
            return;
        }
        let body = self.take();
        match (slot.own(), body) {
            (Some(slot), Some(body)) => slot.scheduler().discard(body, id),
            // Elsewhere the owner's policy does not reach: a panic in this drop is the caller's.
            (_, body) => id.scope(|| drop(body)),
        }
    }
}

fn detach(slot: OwnSlot, id: Id) {
    if !slot.is_finished(id) {
        slot.cells().detached.set(true);
        drop(slot.cells().joiner.take());
    } else if slot.id() == id {
        drop(JoinHandle::<()>::new(*slot, id, false));
    }
}

/// A handle that can abort a task. It does not give the task's output.
///
/// # Examples
///
/// ```
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let task = ayi::spawn(std::future::pending::<()>());
/// let stop = task.abort_handle();
/// stop.abort();
/// assert!(task.await.unwrap_err().is_cancelled());
/// assert!(stop.is_finished());
/// # });
/// ```
#[derive(Clone)]
pub struct AbortHandle {
    pub(crate) slot: &'static Slot,
    pub(crate) id: Id,
}

impl AbortHandle {
    /// Cancels the task at its next turn, like [`JoinHandle::abort`]. It does nothing if the task is over.
    pub fn abort(&self) {
        let id = self.id;
        // The future is dropped when the slot comes off the run queue, not in the middle of the caller's code.
        self.visit(move |slot| {
            if !slot.is_finished(id) {
                slot.mark(Marks::ABORTED);
                slot.schedule();
            }
        });
    }

    /// Has the owner do `f`: now if this is its thread, otherwise soon. False if there no longer is an owner: then the task
    /// is finished, by scheduler invariant 2.
    #[inline]
    fn visit(&self, f: impl FnOnce(OwnSlot) + Send + 'static) -> bool {
        match self.slot.own() {
            Some(slot) => f(slot),
            None => return self.send(f),
        }
        true
    }

    /// Like `visit`, but in any case soon.
    fn send(&self, f: impl FnOnce(OwnSlot) + Send + 'static) -> bool {
        let slot = self.slot;
        slot.scheduler.send(None, move |owner| f(OwnSlot::new(owner, slot))).is_ok()
    }
}

impl AbortHandle {}
