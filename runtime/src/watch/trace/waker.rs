//! Wakers whose life is told.
//!
//! Such a waker is not the slot's address: a waker that outlives its task must not be taken for one of the next task's.
//! It carries the number of the task's span, and is silent when the task has ended. For the rest of the runtime it is
//! foreign code, and so is the subscriber that it calls. So it is woken when nothing is borrowed.

use super::span;
use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{RawWaker, RawWakerVTable, Waker};

pub(super) struct TracedWaker {
    waker: Waker,
    /// The number of the task's span.
    span: u64,
    /// Whether the task is over. Then the number may be another span's.
    is_silent: AtomicBool,
}

impl TracedWaker {
    pub(super) fn new(waker: Waker, span: u64) -> Arc<TracedWaker> {
        Arc::new(TracedWaker { waker, span, is_silent: AtomicBool::new(false) })
    }

    pub(super) fn silence(&self) {
        // Relaxed: a waker that is used at the same moment on another thread may be heard or not.
        self.is_silent.store(true, Ordering::Relaxed);
    }

    /// Lends a waker. The lending itself is not told.
    pub(super) fn with<R>(this: &Arc<TracedWaker>, f: impl FnOnce(&Waker) -> R) -> R {
        let raw = RawWaker::new(Arc::as_ptr(this).cast(), &VTABLE);
        // SAFETY: the functions of the table keep the contract of RawWaker as `Arc` does, and may be called from any
        // thread. The waker has no count of its own, so it is not dropped; `this` lives for as long as the waker is
        // lent.
        let waker = ManuallyDrop::new(unsafe { Waker::from_raw(raw) });
        f(&waker)
    }

    fn tell(&self, op: &'static str) {
        // Relaxed: as in `silence`.
        if !self.is_silent.load(Ordering::Relaxed) {
            span::waker(op, self.span);
        }
    }
}

static VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, drop_waker);

fn clone(waker: *const ()) -> RawWaker {
    // SAFETY: what is in such a waker is an `Arc` that is counted for it, or lent (`TracedWaker::with`).
    let this = unsafe {
        Arc::increment_strong_count(waker.cast::<TracedWaker>());
        &*waker.cast::<TracedWaker>()
    };
    this.tell("waker.clone");
    RawWaker::new(waker, &VTABLE)
}

fn wake(waker: *const ()) {
    // SAFETY: as in `clone`; the waker is used up.
    let this = unsafe { Arc::from_raw(waker.cast::<TracedWaker>()) };
    this.tell("waker.wake");
    this.waker.wake_by_ref();
}

fn wake_by_ref(waker: *const ()) {
    // SAFETY: as in `clone`.
    let this = unsafe { &*waker.cast::<TracedWaker>() };
    this.tell("waker.wake_by_ref");
    this.waker.wake_by_ref();
}

fn drop_waker(waker: *const ()) {
    // SAFETY: as in `wake`.
    let this = unsafe { Arc::from_raw(waker.cast::<TracedWaker>()) };
    this.tell("waker.drop");
}
