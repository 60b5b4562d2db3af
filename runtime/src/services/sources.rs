//! Where sources come from, and where they go when the runtime that had them is over; and the lock under which their
//! descriptors go from runtime to runtime.
//!
//! Invariants:
//! 1. A source is never freed, so an address that was one's is one's for as long as the process lives.
//! 2. What is here belongs to no reactor, and nobody waits for it. A reactor takes it under the lock, which makes visible
//!    what the last one wrote.
//!
//! tokio has nothing like this: a source is counted, and the last reference frees it.

use crate::core::foreign::lock;
use crate::core::sync::{Mutex, MutexGuard};
use crate::core::wait::reactor::{Page, Source};

/// Sources without a reactor.
#[cfg(not(loom))]
static POOL: Mutex<Vec<Page>> = Mutex::new(Vec::new());
#[cfg(loom)]
loom::lazy_static! {
    static ref POOL: Mutex<Vec<Page>> = Mutex::new(Vec::new());
}

/// The lock under which descriptors go from runtime to runtime: see `moves`.
pub(crate) struct Moves;

#[cfg(not(loom))]
static MOVES: Mutex<()> = Mutex::new(());
#[cfg(loom)]
loom::lazy_static! {
    static ref MOVES: Mutex<()> = Mutex::new(());
}

impl Moves {
    pub(crate) fn lock() -> MutexGuard<'static, ()> {
        lock(&MOVES)
    }
}

/// The sources that nobody has.
pub(crate) struct Sources;

impl Sources {
    pub(crate) const PER_PAGE: usize = if cfg!(loom) { 1 } else { 32 };

    /// Takes a page, out of the pool if there is one.
    #[cold]
    pub(crate) fn take() -> Page {
        let pooled = lock(&POOL).pop();
        pooled.unwrap_or_else(|| {
            let mut page = Vec::new();
            page.resize_with(Sources::PER_PAGE, Source::new);
            // Leaked on purpose: invariant 1.
            let page: Page = page.leak();
            // A token has room for no more.
            assert!(page.as_ptr_range().end.addr() as u64 <= 1 << 48, "an address of more than 48 bits");
            page
        })
    }

    /// Gives back those of a reactor that is over. All are vacant.
    pub(crate) fn give_back(pages: &mut Vec<Page>) {
        // Unlocking releases all of this; the lock of the next reactor acquires it.
        lock(&POOL).append(pages);
    }
}
