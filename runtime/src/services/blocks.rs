//! Memory for tasks, and for what else is made and freed as often: the channels of `ayi::sync::oneshot`.
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
//! 4. The lists have no destructor, so a spawn need not ask whether they are still there. `AtEnd` empties them: the first
//!    block that a thread keeps registers it, and after it there is no room for another one.
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
const KEPT: usize = if cfg!(any(uncached, loom)) { 0 } else { 4 << 20 };

/// Returns the class of a layout, or a number of [`CLASSES`] or more if it has none. The first class is 0.
#[inline]
const fn class(of: Layout) -> usize {
    if of.align() > ALIGN { CLASSES } else { of.size().saturating_sub(LEAST - STEP + 1) / STEP }
}

/// The size of the blocks of a class.
#[inline]
const fn size(class: usize) -> usize {
    LEAST + class * STEP
}

#[inline]
fn layout(class: usize) -> Layout {
    Layout::from_size_align(size(class), ALIGN).expect("a small size, and a power of two")
}

struct Block {
    next: Option<NonNull<Block>>,
}

/// The free blocks of a thread, by their class.
struct Lists {
    first: [Cell<Option<NonNull<Block>>>; CLASSES],
    /// How many more bytes may be kept. 0 until `AtEnd` is registered.
    room: Cell<usize>,
    has_begun: Cell<bool>,
}

/// Gives the blocks of a thread back when it ends.
struct AtEnd;

thread_local! {
    static LISTS: Lists = const {
        Lists { first: [const { Cell::new(None) }; CLASSES], room: Cell::new(0), has_begun: Cell::new(false) }
    };
    static AT_END: AtEnd = const { AtEnd };
}

impl Lists {
    #[inline]
    fn pop(&self, class: usize) -> Option<NonNull<Block>> {
        let block = self.first[class].get()?;
        // SAFETY: invariant 2.
        self.first[class].set(unsafe { block.as_ref() }.next);
        self.room.set(self.room.get() + size(class));
        Some(block)
    }

    /// Puts a block into its list. Returns false if the thread keeps enough already.
    ///
    /// # Safety
    ///
    /// The block is of this class, and nobody uses it from here on.
    #[inline]
    unsafe fn push(&self, block: NonNull<Block>, class: usize) -> bool {
        let size = size(class);
        if self.room.get() < size && !self.begin() {
            return false;
        }
        self.room.set(self.room.get() - size);
        debug_assert!(block.is_aligned(), "invariant 1");
        let first = &self.first[class];
        // SAFETY: the caller's promise; a block is as large and aligned as a `Block`, at least.
        unsafe { block.write(Block { next: first.get() }) };
        first.set(Some(block));
        true
    }

    /// There is no room. Makes some, and returns true, if this was only because the thread has kept nothing yet.
    #[cold]
    #[inline(never)]
    fn begin(&self) -> bool {
        // A thread that is ending keeps nothing: invariant 4.
        let may_begin = KEPT > 0 && !self.has_begun.replace(true) && AT_END.try_with(|_| ()).is_ok();
        if may_begin {
            self.room.set(KEPT);
        }
        may_begin
    }
}

impl Drop for AtEnd {
    fn drop(&mut self) {
        // It fails only under loom, where the lists are empty.
        let _ = LISTS.try_with(|lists| {
            for class in 0..CLASSES {
                while let Some(block) = lists.pop(class) {
                    // SAFETY: invariant 1; invariant 2, it was in the list.
                    unsafe { dealloc(block.as_ptr().cast(), layout(class)) };
                }
            }
            lists.room.set(0);
        });
    }
}

/// The source of the memory for tasks, which is plugged into the core.
#[doc(hidden)]
pub struct Blocks;

impl Blocks {
    /// Returns memory for a `T`, whose size is not zero.
    #[inline]
    pub fn allocate<T>() -> NonNull<T> {
        const { assert!(size_of::<T>() > 0) };
        let class = const { class(Layout::new::<T>()) };
        if class >= CLASSES {
            return Blocks::allocate_anew(Layout::new::<T>()).cast();
        }
        match Blocks::kept(class) {
            Some(block) => block.cast(),
            None => Blocks::allocate_anew(layout(class)).cast(),
        }
    }

    /// Returns a block that this thread has kept.
    #[inline]
    fn kept(class: usize) -> Option<NonNull<Block>> {
        LISTS.try_with(|lists| lists.pop(class)).ok().flatten()
    }

    #[cold]
    #[inline(never)]
    fn allocate_anew(layout: Layout) -> NonNull<u8> {
        // SAFETY: the size is not zero: that of a class is not, nor that of a `T`, as `allocate` makes sure.
        let block = unsafe { alloc(layout) };
        NonNull::new(block).unwrap_or_else(|| handle_alloc_error(layout))
    }

    /// Takes back the memory of what was in a block.
    ///
    /// # Safety
    ///
    /// `block` comes from [`allocate`](Blocks::allocate) for a type of this layout, and nobody uses it from here on.
    #[inline]
    pub unsafe fn give_back(block: NonNull<u8>, of: Layout) {
        let class = class(of);
        let layout = if class < CLASSES {
            // SAFETY: the caller's promise.
            let keep = |lists: &Lists| unsafe { lists.push(block.cast(), class) };
            if LISTS.try_with(keep).unwrap_or(false) {
                return;
            }
            layout(class)
        } else {
            of
        };
        // SAFETY: the caller's promise, and invariant 1.
        unsafe { Blocks::free(block, layout) };
    }

    /// # Safety
    ///
    /// As `dealloc`'s.
    #[cold]
    #[inline(never)]
    unsafe fn free(block: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { dealloc(block.as_ptr(), layout) };
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
