//! A place for a value that is put there once, and read by many from then on.
//!
//! ```text
//!   EMPTY ── try_set ──▶ WRITING ── the value is there ──▶ FULL, for good
//! ```
//!
//! Invariants:
//! 1. Whoever changes `state` from `EMPTY` to `WRITING` is the only one, and may write the value until it stores
//!    `FULL`. Nobody reads the value meanwhile.
//! 2. While `state` is `FULL`, the value is `Some`, and nobody writes it who does not have a `&mut Slot`.
//!
//! `std::sync::OnceLock` does the same, but cannot be made with a value in it by a `const` function, and its `set` may
//! block.

use crate::primitives::atomic::AtomicU8;
use crate::primitives::atomic::Ordering::{Acquire, Relaxed, Release};
use crate::primitives::const_unless_loom;
use std::cell::UnsafeCell;

const EMPTY: u8 = 0;
const WRITING: u8 = 1;
const FULL: u8 = 2;

pub(crate) struct Slot<T> {
    state: AtomicU8,
    value: UnsafeCell<Option<T>>,
    /// Is read and written like the value, so that loom sees it.
    #[cfg(loom)]
    watched: loom::cell::UnsafeCell<()>,
}

// SAFETY: sharing a slot gives out `&T` on several threads, and may bring a `T` to another thread by `try_set`.
unsafe impl<T: Send + Sync> Sync for Slot<T> {}

impl<T> Slot<T> {
    const_unless_loom! {
        pub(crate) const fn new(value: Option<T>) -> Slot<T> {
            Slot {
                state: AtomicU8::new(if value.is_some() { FULL } else { EMPTY }),
                value: UnsafeCell::new(value),
                #[cfg(loom)]
                watched: loom::cell::UnsafeCell::new(()),
            }
        }
    }

    /// The value, if it is there.
    #[inline]
    pub(crate) fn get(&self) -> Option<&T> {
        // Pairs with the `Release` of `try_set`.
        if self.state.load(Acquire) != FULL {
            return None;
        }
        #[cfg(loom)]
        self.watched.with(|_| ());
        // SAFETY: invariant 2. The reference borrows the slot, so nobody has a `&mut Slot`.
        unsafe { (*self.value.get()).as_ref() }
    }

    /// Puts a value there, unless there is one, or somebody is putting one there.
    pub(crate) fn try_set(&self, value: T) -> Result<(), T> {
        // It reads nothing of whoever was here before.
        if self.state.compare_exchange(EMPTY, WRITING, Relaxed, Relaxed).is_err() {
            return Err(value);
        }
        #[cfg(loom)]
        self.watched.with_mut(|_| ());
        // SAFETY: invariant 1. What is overwritten is `None`, whose drop is nothing.
        unsafe { *self.value.get() = Some(value) };
        // Pairs with the `Acquire` of `get`.
        self.state.store(FULL, Release);
        Ok(())
    }

    pub(crate) fn get_mut(&mut self) -> Option<&mut T> {
        self.value.get_mut().as_mut()
    }

    pub(crate) fn into_inner(self) -> Option<T> {
        self.value.into_inner()
    }
}
