//! What a task is made of: its future and, when that has ended, its output in the same place, with the types erased.
//!
//! Invariants:
//! 1. A body is pinned. Its future is polled and dropped in place; nothing but an output is ever moved out.
//! 2. Only the JoinHandle takes an output, and it knows the type by its own.
//! 3. Once the future is gone, a body may go to another thread if its output may. Only the JoinHandle takes it there,
//!    which is `Send` only if the output is.
//! 4. The `Box` of [`Body::take_output`] is only the way that a body goes as a whole: its memory is no box's, and so it is
//!    taken apart before anything could drop it. That memory may be larger than the body, so the block comes beside it. A body
//!    is never `Unpin`, or the box would be the only way to the memory while it is an argument.
//!
//! In tokio: `runtime/task/core.rs`, `Stage`.

use super::error::JoinError;
use super::id::Id;
use crate::core::onlooker::TaskFacts;
use crate::plugged::{Blocks, TaskTrace};
use std::alloc::Layout;
use std::panic::Location;
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::{Context, Poll, ready};

pub(crate) type Output<T> = Result<T, JoinError>;

pub(crate) trait Body {
    /// Polls the future. When it is ready, it is dropped, and the output stays. If that drop panics, so does this, and
    /// the output stays all the same.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()>;

    /// Drops what there is, future or output. If that panics, it is gone all the same.
    fn clear(self: Pin<&mut Self>);

    /// There is no output, and this is why.
    fn fail(self: Pin<&mut Self>, error: JoinError);

    /// Why there is no output. `None` if there is one.
    fn take_error(self: Pin<&mut Self>) -> Option<JoinError>;

    /// Moves the output to `to`, drops what else there is, and gives the block back.
    ///
    /// # Panics
    ///
    /// If there is no output.
    ///
    /// # Safety
    ///
    /// `to` is where an [`Output`] of the future's output type can be written. The box is made of a `BodyBox`, which is gone:
    /// invariant 4. `block` is its memory.
    unsafe fn take_output(self: Box<Self>, to: *mut (), block: NonNull<u8>);

    /// Whether an abort takes effect now. If not, the body runs on to its end.
    fn may_cancel(&self) -> bool;

    /// `id`: the task's.
    fn facts(&self, id: Id) -> TaskFacts<'_>;

    /// Drops the one that there is. Called if [`TaskTrace::IS_TOLD`].
    fn set_trace(self: Pin<&mut Self>, trace: TaskTrace);
}

/// What a task is besides its future `F`. It is `Send`, because it goes where the output goes.
pub(crate) trait Kind<F>: Send + 'static {
    /// Asked when an aborted task is not being polled.
    fn may_cancel(&self, _future: &F) -> bool {
        true
    }

    /// Adds what there is to tell of the task besides.
    fn describe<'a>(&'a self, _facts: &mut TaskFacts<'a>) {}
}

/// What most tasks are.
pub(crate) struct Plain;

impl<F> Kind<F> for Plain {}

pin_project_lite::pin_project! {
    pub(crate) struct FutureBody<F: Future, K> {
        #[pin]
        stage: Stage<F>,
        kind: K,
        spawned_at: &'static Location<'static>,
        trace: TaskTrace,
    }
}

pin_project_lite::pin_project! {
    #[project = StagePinned]
    enum Stage<F: Future> {
        Future { #[pin] future: F },
        Output { output: Output<F::Output> },
        Empty { #[pin] never_unpin: std::marker::PhantomPinned },
    }
}

impl<F: Future, K> FutureBody<F, K> {
    #[inline]
    pub(crate) fn new(future: F, kind: K, spawned_at: &'static Location<'static>) -> FutureBody<F, K> {
        FutureBody { stage: Stage::Future { future }, kind, spawned_at, trace: TaskTrace::NOTHING }
    }
}

impl<F: Future> Stage<F> {
    /// See [`Body::poll`].
    #[inline(always)]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // Nobody polls what has ended.
        let StagePinned::Future { future } = self.as_mut().project() else { return Poll::Ready(()) };
        let output = Ok(ready!(future.poll(cx)));
        self.set(Stage::Output { output });
        Poll::Ready(())
    }
}

impl<F: Future<Output: 'static>, K: Kind<F>> Body for FutureBody<F, K> {
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        let polled = this.trace.poll(cx, |cx| this.stage.poll(cx));
        if polled.is_ready() {
            // Those who look on see the end of the task here, and not when its output is taken.
            *this.trace = TaskTrace::NOTHING;
        }
        polled
    }

    fn clear(self: Pin<&mut Self>) {
        let mut this = self.project();
        let _entered = this.trace.enter();
        this.stage.set(Stage::Empty { never_unpin: std::marker::PhantomPinned });
    }

    fn fail(self: Pin<&mut Self>, error: JoinError) {
        let mut this = self.project();
        this.stage.set(Stage::Output { output: Err(error) });
        *this.trace = TaskTrace::NOTHING;
    }

    fn take_error(self: Pin<&mut Self>) -> Option<JoinError> {
        let mut stage = self.project().stage;
        let StagePinned::Output { output: Err(error) } = stage.as_mut().project() else { return None };
        let error = std::mem::replace(error, JoinError::cancelled(error.id()));
        Some(error)
    }

    unsafe fn take_output(self: Box<Self>, to: *mut (), block: NonNull<u8>) {
        // First of all: invariant 4.
        let body = Box::into_raw(self);
        // SAFETY: nobody else has it. An output may be moved, invariant 1; where there is a future, nothing is done.
        let Stage::Output { output } = (unsafe { &mut (*body).stage }) else {
            panic!("the output of a task is taken once, when it has ended")
        };
        // In one copy: outputs may be large, and stacks small.
        // SAFETY: the caller's promise; what was copied is overwritten, and so not dropped. The block is that of the
        // `BodyBox`, and what was in it is gone.
        unsafe {
            to.cast::<Output<F::Output>>().copy_from_nonoverlapping(output, 1);
            std::ptr::write(&raw mut (*body).stage, Stage::Empty { never_unpin: std::marker::PhantomPinned });
            std::ptr::drop_in_place(body);
            Blocks::give_back(block, Layout::new::<Self>());
        }
    }

    fn may_cancel(&self) -> bool {
        match &self.stage {
            Stage::Future { future } => self.kind.may_cancel(future),
            _ => false,
        }
    }

    fn facts(&self, id: Id) -> TaskFacts<'_> {
        let mut facts = TaskFacts::new(id, size_of::<F>(), self.spawned_at);
        self.kind.describe(&mut facts);
        facts
    }

    fn set_trace(self: Pin<&mut Self>, trace: TaskTrace) {
        *self.project().trace = trace;
    }
}
