//! What a task is made of: its future and, when that has ended, its output in the same place, with the types erased.
//!
//! Invariants:
//! 1. A body is pinned. Its future is polled and dropped in place; nothing but an output is ever moved out.
//! 2. Who takes an output knows its type: the JoinHandle, by its own.
//! 3. Once the future is gone, a body may go to another thread if its output may. (The slot's rule: only the
//!    JoinHandle takes it there, and that is `Send` only if the output is.)
//!
//! In tokio: `runtime/task/core.rs`, `Stage`.

use super::error::JoinError;
use crate::time::Instant;
use crate::trace::TaskTrace;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pub(super) type Output<T> = Result<T, JoinError>;

pub(super) trait Body {
    /// Polls the future. When it is ready, it is dropped, and the output stays. If that drop panics, so does this, and
    /// the output stays all the same.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()>;

    /// Drops what there is, future or output. If that panics, it is gone all the same.
    fn clear(self: Pin<&mut Self>);

    /// There is no output, and this is why.
    fn fail(self: Pin<&mut Self>, error: JoinError);

    /// Why there is no output. `None` if there is one.
    fn take_error(self: Pin<&mut Self>) -> Option<JoinError>;

    /// Moves the output to `to`.
    ///
    /// # Panics
    ///
    /// If there is none.
    ///
    /// # Safety
    ///
    /// `to` is where an [`Output`] of the future's output type can be written.
    unsafe fn take_output(self: Pin<&mut Self>, to: *mut ());

    /// Whether an abort takes effect now. If not, the body runs on to its end.
    fn may_cancel(&self) -> bool;

    fn name(&self) -> Option<&str>;

    fn spawned_at(&self) -> &'static Location<'static>;

    /// See [`Kind`].
    fn spawned_when(&self) -> Option<Instant>;

    /// See [`Kind`].
    fn is_blocking(&self) -> bool;

    fn future_size(&self) -> usize;

    /// Drops the one that there is. Called if [`TaskTrace::IS_TOLD`].
    fn set_trace(self: Pin<&mut Self>, trace: TaskTrace);
}

/// What a task is besides its future `F`. (`Send`: it goes where the output goes.)
pub(crate) trait Kind<F>: Send + 'static {
    /// Asked when an aborted task is not being polled.
    fn may_cancel(&self, _future: &F) -> bool {
        true
    }

    fn name(&self) -> Option<&str> {
        None
    }

    /// Of a task that another thread has spawned: `ages` knows the others.
    fn spawned_when(&self) -> Option<Instant> {
        None
    }

    /// Whether it stands for a call on a thread of the pool.
    fn is_blocking(&self) -> bool {
        false
    }

    /// In bytes, of what the user has spawned.
    fn future_size(&self) -> usize {
        size_of::<F>()
    }
}

/// Whether a future is boxed before it is handed on. Where nothing is optimised, each function that it is handed
/// through keeps a copy on the stack. (tokio's numbers.)
#[doc(hidden)]
pub const fn is_large<F>() -> bool {
    size_of::<F>() > if cfg!(debug_assertions) { 2 << 10 } else { 16 << 10 }
}

/// What most tasks are.
pub(crate) struct Plain;

impl<F> Kind<F> for Plain {}

/// Of a large future, which has been boxed: how large it is.
pub(crate) struct Boxed(pub(crate) usize);

impl<F> Kind<F> for Boxed {
    fn future_size(&self) -> usize {
        self.0
    }
}

/// With a name that its user gave it.
pub(crate) struct Named<K> {
    pub(crate) name: String,
    pub(crate) kind: K,
}

impl<F, K: Kind<F>> Kind<F> for Named<K> {
    fn may_cancel(&self, future: &F) -> bool {
        self.kind.may_cancel(future)
    }

    fn name(&self) -> Option<&str> {
        Some(&self.name)
    }

    fn spawned_when(&self) -> Option<Instant> {
        self.kind.spawned_when()
    }

    fn is_blocking(&self) -> bool {
        self.kind.is_blocking()
    }

    fn future_size(&self) -> usize {
        self.kind.future_size()
    }
}

/// That another thread has spawned.
pub(super) struct FromAfar<K> {
    pub(super) when: Instant,
    pub(super) kind: K,
}

impl<F, K: Kind<F>> Kind<F> for FromAfar<K> {
    fn may_cancel(&self, future: &F) -> bool {
        self.kind.may_cancel(future)
    }

    fn name(&self) -> Option<&str> {
        self.kind.name()
    }

    fn spawned_when(&self) -> Option<Instant> {
        Some(self.when)
    }

    fn is_blocking(&self) -> bool {
        self.kind.is_blocking()
    }

    fn future_size(&self) -> usize {
        self.kind.future_size()
    }
}

pin_project_lite::pin_project! {
    pub(super) struct FutureBody<F: Future, K> {
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
        Empty,
    }
}

impl<F: Future, K> FutureBody<F, K> {
    #[inline]
    pub(super) fn new(future: F, kind: K, spawned_at: &'static Location<'static>) -> FutureBody<F, K> {
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
    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        this.trace.poll(cx, |cx| this.stage.poll(cx))
    }

    fn clear(self: Pin<&mut Self>) {
        let mut this = self.project();
        let _entered = this.trace.enter();
        this.stage.set(Stage::Empty);
    }

    fn fail(self: Pin<&mut Self>, error: JoinError) {
        self.project().stage.set(Stage::Output { output: Err(error) });
    }

    fn take_error(self: Pin<&mut Self>) -> Option<JoinError> {
        let mut stage = self.project().stage;
        let StagePinned::Output { output: Err(error) } = stage.as_mut().project() else { return None };
        let error = std::mem::replace(error, JoinError::cancelled(error.id()));
        Some(error)
    }

    #[inline]
    unsafe fn take_output(self: Pin<&mut Self>, to: *mut ()) {
        // SAFETY: an output may be moved, invariant 1; where there is a future, nothing is done.
        let stage = unsafe { self.project().stage.get_unchecked_mut() };
        let Stage::Output { output } = stage else {
            panic!("the output of a task is taken once, when it has ended")
        };
        // In one copy: outputs may be large, and stacks small.
        // SAFETY: the caller's promise; what was copied is overwritten, and so not dropped.
        unsafe {
            to.cast::<Output<F::Output>>().copy_from_nonoverlapping(output, 1);
            std::ptr::write(stage, Stage::Empty);
        }
    }

    fn may_cancel(&self) -> bool {
        match &self.stage {
            Stage::Future { future } => self.kind.may_cancel(future),
            _ => false,
        }
    }

    fn name(&self) -> Option<&str> {
        self.kind.name()
    }

    fn spawned_at(&self) -> &'static Location<'static> {
        self.spawned_at
    }

    fn spawned_when(&self) -> Option<Instant> {
        self.kind.spawned_when()
    }

    fn is_blocking(&self) -> bool {
        self.kind.is_blocking()
    }

    fn future_size(&self) -> usize {
        self.kind.future_size()
    }

    fn set_trace(self: Pin<&mut Self>, trace: TaskTrace) {
        *self.project().trace = trace;
    }
}
