//! The box that a body is in.
//!
//! Invariants:
//! 1. A box owns a body, which does not move until it is dropped: so it may be pinned.
//! 2. Its memory is a block of `Blocks`, with the layout of the body.

use super::body::{Body, Output};
use crate::plugged::Blocks;
use std::alloc::Layout;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::pin::Pin;
use std::ptr::NonNull;

/// A body, in memory of its own.
pub(crate) struct BodyBox(pub(crate) NonNull<dyn Body>);

impl BodyBox {
    #[inline]
    pub(crate) fn new<B: Body + 'static>(body: B) -> BodyBox {
        let block = Blocks::allocate::<B>();
        // SAFETY: the block is as large and aligned as a `B`, and nobody else's.
        unsafe { block.write(body) };
        BodyBox(block)
    }

    #[inline]
    pub(crate) fn as_ref(&self) -> &dyn Body {
        // SAFETY: invariant 1.
        unsafe { self.0.as_ref() }
    }

    #[inline]
    pub(crate) fn as_mut(&mut self) -> Pin<&mut dyn Body> {
        // SAFETY: invariant 1.
        unsafe { Pin::new_unchecked(self.0.as_mut()) }
    }

    /// Moves the output of a task that has ended to `to`, or panics.
    ///
    /// # Safety
    ///
    /// The output's type is `T`.
    #[inline]
    pub(crate) unsafe fn into_output<T>(self, to: &mut MaybeUninit<Output<T>>) {
        let body = ManuallyDrop::new(self);
        // SAFETY: invariant 1, and the caller's promise; body invariant 4.
        unsafe { Box::from_raw(body.0.as_ptr()).take_output(to.as_mut_ptr().cast(), body.0.cast()) };
    }
}

impl Drop for BodyBox {
    // Inlined, it would make each poll longer.
    #[inline(never)]
    fn drop(&mut self) {
        /// Gives the block back after the body's drop, also if that panics.
        struct Block(NonNull<u8>, Layout);
        impl Drop for Block {
            #[inline]
            fn drop(&mut self) {
                // SAFETY: invariant 2, and what was in it is dropped.
                unsafe { Blocks::give_back(self.0, self.1) };
            }
        }
        let _block = Block(self.0.cast(), Layout::for_value(self.as_ref()));
        // SAFETY: invariant 1; it is not used again.
        unsafe { self.0.drop_in_place() };
    }
}
