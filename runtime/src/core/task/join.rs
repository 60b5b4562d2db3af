//! The handles of a task: to await its output, and to abort it.
//!
//! Both are a slot's address and the task's id, which no other task ever has. On the owner thread they go to the
//! slot; elsewhere they look at `phase` and send the owner what is to be done. In tokio: `runtime/task/join.rs`.

use super::body::Output;
use super::boxed::BodyBox;
use super::error::JoinError;
use super::id::Id;
use super::scheduler::Message;
use super::slot::{OwnSlot, Slot, copy_own};
use crate::core::coop;
use crate::plugged::{Recorder, Unjoined};
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker, ready};

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
    pub(crate) taken: bool,
    /// The runtime has ended, and the slot is others' by now. To them, the task is finished.
    pub(crate) is_refused: bool,
    /// A waker has been sent to the owner. Later ones must take the same way, or they could be overtaken.
    pub(crate) asked_from_afar: bool,
    /// `Send` and `Sync` if `T` is `Send`, `Unpin` always: the handle can only give the output away.
    _output: PhantomData<Box<Mutex<T>>>,
}

impl<T> JoinHandle<T> {
    /// `is_refused`: the task is cancelled before it has begun, and has given its slot back.
    pub(crate) fn new(slot: &'static Slot, id: Id, is_refused: bool) -> JoinHandle<T> {
        let task = AbortHandle { slot, id };
        JoinHandle { task, is_refused, taken: false, asked_from_afar: false, _output: PhantomData }
    }

    /// Leaves a waker with the task, which is not finished. False if it certainly is over by then.
    #[inline(never)]
    fn wait(&mut self, waker: &Waker) -> bool {
        let own = self.task.slot.own().filter(|_| !self.asked_from_afar);
        let Some((slot, waker)) = own.zip(copy_own(waker)) else { return self.wait_in_any_case(waker) };
        // No foreign code has run, and so nothing has changed.
        drop(slot.cells().joiner.replace(Some(waker)));
        true
    }

    /// Like `wait`, for a waker of any kind and on any thread.
    #[cold]
    #[inline(never)]
    fn wait_in_any_case(&mut self, waker: &Waker) -> bool {
        let (id, waker) = (self.task.id, waker.clone());
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
    fn take(&mut self) -> Option<BodyBox> {
        debug_assert!(!self.taken);
        self.taken = true;
        let AbortHandle { slot, id } = self.task;
        // SAFETY: this is the JoinHandle of the task.
        let body = unsafe { slot.take_finished(id) };
        assert!(
            body.is_some() || self.is_refused,
            "a task's output is wanted, and it is not finished: a bug in ayi"
        );
        match slot.own() {
            _ if body.is_none() => {}
            Some(slot) => slot.scheduler().free(slot),
            None => slot.scheduler.post(Message::Free(slot)),
        }
        body
    }

    /// Writes what `take` takes.
    #[inline(never)]
    pub(crate) fn output(&mut self, to: &mut MaybeUninit<Output<T>>) {
        let AbortHandle { slot, id } = self.task;
        // What is frequent calls nothing but its end, and so saves no registers.
        let Some(own) = slot.own().filter(|own| !own.cells().is_shared) else {
            return self.output_in_any_case(to);
        };
        // SAFETY: this is the JoinHandle of the task.
        let Some(body) = (unsafe { slot.take_finished(id) }) else { return self.output_in_any_case(to) };
        self.taken = true;
        own.scheduler().free_private(own);
        // SAFETY: `T` is the output of the future, as `spawn` and `spawn_from_afar` have made it.
        unsafe { body.into_output(to) };
    }

    /// Like `output`, for a slot of any kind and on any thread.
    #[cold]
    #[inline(never)]
    fn output_in_any_case(&mut self, to: &mut MaybeUninit<Output<T>>) {
        match self.take() {
            // SAFETY: as in `output`.
            Some(body) => unsafe { body.into_output(to) },
            None => _ = to.write(Err(JoinError::cancelled(self.task.id))),
        }
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    #[inline(always)]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        assert!(
            !self.taken,
            "a JoinHandle was polled again after it gave the output of task {}",
            self.task.id
        );
        ready!(coop::poll_budget(cx));
        if !self.task.is_finished() && self.wait(cx.waker()) {
            return Recorder::waits_for_task(self.task.id);
        }
        let mut output = MaybeUninit::uninit();
        self.output(&mut output);
        // SAFETY: `output` writes it, or panics.
        coop::charged(unsafe { output.assume_init() })
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
            (Some(slot), Some(body)) => Unjoined::discard(slot.scheduler(), body, id),
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
    /// Has the owner do `f`: now if this is its thread, otherwise soon. False if there no longer is an owner: then the task
    /// is finished, by scheduler invariant 2.
    #[inline]
    pub(crate) fn visit(&self, f: impl FnOnce(OwnSlot) + Send + 'static) -> bool {
        match self.slot.own() {
            Some(slot) => f(slot),
            None => return self.send(f),
        }
        true
    }

    /// Like `visit`, but in any case soon.
    fn send(&self, f: impl FnOnce(OwnSlot) + Send + 'static) -> bool {
        let slot = self.slot;
        slot.scheduler.send(None, Box::new(move |owner| f(OwnSlot::new(owner, slot)))).is_ok()
    }
}
