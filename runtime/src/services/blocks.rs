//! Memory for tasks.
//!
//! A block is free when its task has ended and the output is taken. The next spawn needs memory again, and malloc was
//! half the cost of a spawn. So a thread keeps the blocks that its tasks give back, in lists by their size, and takes
//! the next one from there. The lists are last in, first out, so that the block is still in the processor's cache.
//!
//! Invariants:
//! 1. A block of class `n` was allocated with [`layout`]`(n)`, on whatever thread. So every list of that class can take
//!    it, and the allocator gets back the layout that it gave. A task that is too large or too strictly aligned has no
//!    class.
//! 2. A block is in one list or in use. The first word of a block in a list leads to the next.
//! 3. A thread keeps at most [`KEPT`] bytes. Blocks beyond that go back to the allocator, and all others do when the
//!    thread ends.
//!
//! With `--cfg uncached` nothing is kept, so that tools which look for memory errors see each allocation.

use crate::core::sync::thread_local;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::cell::Cell;
use std::ptr::NonNull;

/// The size of the smallest blocks, and by how much the classes differ. Both are like those of malloc, which uses a
/// word of each block for itself. So rounding loses nothing that malloc would not lose.
const LEAST: usize = 24;
const STEP: usize = 16;

/// The number of classes. The largest has 520 bytes: most futures are smaller, and filling a larger one costs more than
/// an allocation.
const CLASSES: usize = 32;

const ALIGN: usize = 16;

/// How many bytes a thread keeps: enough for some 100,000 small tasks.
const KEPT: usize = if cfg!(uncached) { 0 } else { 4 << 20 };

/// Returns the class of a layout, if it has one. The first class is 0.
#[inline]
fn class(of: Layout) -> Option<usize> {
    let class = of.size().saturating_sub(LEAST - STEP + 1) / STEP;
    (class < CLASSES && of.align() <= ALIGN).then_some(class)
}

#[inline]
fn layout(class: usize) -> Layout {
    Layout::from_size_align(LEAST + class * STEP, ALIGN).expect("a small size, and a power of two")
}

struct Block {
    next: Option<NonNull<Block>>,
}

/// The free blocks of a thread, by their class.
struct Lists {
    first: [Cell<Option<NonNull<Block>>>; CLASSES],
    /// How many bytes are in the lists.
    bytes: Cell<usize>,
}

thread_local! {
    static LISTS: Lists =
        const { Lists { first: [const { Cell::new(None) }; CLASSES], bytes: Cell::new(0) } };
}

impl Lists {
    #[inline]
    fn pop(&self, class: usize) -> Option<NonNull<Block>> {
        let block = self.first[class].get()?;
        // SAFETY: invariant 2.
        self.first[class].set(unsafe { block.as_ref() }.next);
        self.bytes.set(self.bytes.get() - layout(class).size());
        Some(block)
    }

    /// Puts a block into its list. Returns false if the thread keeps enough already.
    ///
    /// # Safety
    ///
    /// The block is of this class, and nobody uses it from here on.
    #[inline]
    unsafe fn push(&self, block: NonNull<Block>, class: usize) -> bool {
        let bytes = self.bytes.get() + layout(class).size();
        if bytes > KEPT {
            return false;
        }
        self.bytes.set(bytes);
        debug_assert!(bytes <= KEPT && block.is_aligned(), "invariants 1 and 3");
        let first = &self.first[class];
        // SAFETY: the caller's promise; a block is as large and aligned as a `Block`, at least.
        unsafe { block.write(Block { next: first.get() }) };
        first.set(Some(block));
        true
    }
}

impl Drop for Lists {
    fn drop(&mut self) {
        for class in 0..CLASSES {
            while let Some(block) = self.pop(class) {
                // SAFETY: invariant 1; invariant 2, it was in the list.
                unsafe { dealloc(block.as_ptr().cast(), layout(class)) };
            }
        }
    }
}

/// The source of the memory for tasks, which is plugged into the core.
pub(crate) struct Blocks;

impl Blocks {
    /// Returns memory for a `T`, whose size is not zero.
    #[inline]
    pub(crate) fn allocate<T>() -> NonNull<T> {
        const { assert!(size_of::<T>() > 0) };
        Blocks::allocate_layout(Layout::new::<T>()).cast()
    }

    // Called once per task. If it were inlined, it would be in the middle of every function that spawns.
    #[inline(never)]
    fn allocate_layout(of: Layout) -> NonNull<u8> {
        let Some(class) = class(of) else { return Blocks::allocate_anew(of) };
        // A thread that is ending no longer has lists.
        let kept = LISTS.try_with(|lists| lists.pop(class)).ok().flatten();
        kept.map_or_else(|| Blocks::allocate_anew(layout(class)), NonNull::cast)
    }

    #[cold]
    fn allocate_anew(layout: Layout) -> NonNull<u8> {
        // SAFETY: the size is not zero: that of a class is not, nor that of a body, as `allocate` makes sure.
        let block = unsafe { alloc(layout) };
        NonNull::new(block).unwrap_or_else(|| handle_alloc_error(layout))
    }

    /// Takes back the memory of a body.
    ///
    /// # Safety
    ///
    /// `block` comes from [`allocate`](Blocks::allocate) with the same layout, and nobody uses it from here on.
    #[inline]
    pub(crate) unsafe fn give_back(block: NonNull<u8>, of: Layout) {
        let class = class(of);
        // SAFETY: the caller's promise.
        let keep =
            |class| LISTS.try_with(|lists| unsafe { lists.push(block.cast(), class) }).unwrap_or(false);
        if class.is_some_and(keep) {
            return;
        }
        // SAFETY: the caller's promise, and invariant 1.
        unsafe { dealloc(block.as_ptr(), class.map_or(of, layout)) };
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
