//! What a task leaves behind: its value with the type erased, or the reason why there is none.
//!
//! The slot has one size, outputs have many. A small output lies in the slot itself; a larger one in a box whose
//! address lies there. Invariants:
//! 1. `payload` holds a `T` (if it [fits](fits)) or the pointer of a `Box<T>`, and `drop` is `drop_payload::<T>`
//!    for that same `T`.
//! 2. It is read at most once: `take` and `Drop` both consume the `Erased`.
//! 3. `Erased` says nothing of `Send`: whoever moves one to another thread has to know that `T` is. (The slot's
//!    rule: only the JoinHandle takes it, and that is `Send` only if `T` is.)

use super::error::JoinError;
use std::mem::{ManuallyDrop, MaybeUninit, align_of, size_of};

/// Four words are what is left of a slot's second cache line.
type Payload = MaybeUninit<[usize; 4]>;

pub(super) type Output = Result<Erased, JoinError>;

pub(super) struct Erased {
    drop: unsafe fn(*mut Payload),
    payload: Payload,
}

const fn fits<T>() -> bool {
    size_of::<T>() <= size_of::<Payload>() && align_of::<T>() <= align_of::<Payload>()
}

impl Erased {
    pub(super) fn new<T: 'static>(value: T) -> Erased {
        let mut payload = Payload::uninit();
        // SAFETY: writes within `payload`, whose size and alignment `fits` has checked or suffice for a pointer;
        // this is what establishes invariant 1.
        unsafe {
            if fits::<T>() {
                payload.as_mut_ptr().cast::<T>().write(value);
            } else {
                payload.as_mut_ptr().cast::<*mut T>().write(Box::into_raw(Box::new(value)));
            }
        }
        Erased { drop: drop_payload::<T>, payload }
    }

    /// # Safety
    ///
    /// `T` is the type that `new` was called with.
    pub(super) unsafe fn take<T>(self) -> T {
        let mut this = ManuallyDrop::new(self);
        let payload: *mut Payload = &mut this.payload;
        // SAFETY: invariant 1 with the caller's promise about `T`; invariant 2, `this` is not dropped.
        unsafe {
            if fits::<T>() {
                payload.cast::<T>().read()
            } else {
                *Box::from_raw(payload.cast::<*mut T>().read())
            }
        }
    }
}

impl Drop for Erased {
    fn drop(&mut self) {
        // SAFETY: invariants 1 and 2.
        unsafe { (self.drop)(&mut self.payload) }
    }
}

/// # Safety
///
/// `payload` holds a `T` as invariant 1 says, and is not used afterwards.
unsafe fn drop_payload<T>(payload: *mut Payload) {
    // SAFETY: the caller's promise.
    unsafe {
        if fits::<T>() {
            payload.cast::<T>().drop_in_place();
        } else {
            drop(Box::from_raw(payload.cast::<*mut T>().read()));
        }
    }
}
