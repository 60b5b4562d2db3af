//! Where sources come from, and where they go when the runtime that had them is over.
//!
//! Invariants:
//! 1. A source is never freed, so an address that was one's is one's for as long as the process lives.
//! 2. What is here belongs to no reactor, and nobody waits for it. A reactor takes it under the lock, which makes visible
//!    what the last one wrote.
//!
//! tokio has nothing like this: a source is counted, and the last reference frees it.

use crate::core::foreign::lock;
use crate::core::sync::Mutex;
use crate::core::wait::reactor::Source;

/// How many are made or taken at a time.
const AT_A_TIME: usize = if cfg!(loom) { 1 } else { 32 };

/// Sources without a reactor.
#[cfg(not(loom))]
static POOL: Mutex<Vec<&'static Source>> = Mutex::new(Vec::new());
#[cfg(loom)]
loom::lazy_static! {
    static ref POOL: Mutex<Vec<&'static Source>> = Mutex::new(Vec::new());
}

/// The sources that nobody has.
pub(crate) struct Sources;

impl Sources {
    /// Takes some, out of the pool if there are any.
    #[cold]
    pub(crate) fn take() -> Vec<&'static Source> {
        let mut pool = lock(&POOL);
        let rest = pool.len().saturating_sub(AT_A_TIME);
        let pooled = pool.split_off(rest);
        drop(pool);
        if !pooled.is_empty() {
            return pooled;
        }
        // Leaked on purpose: invariant 1.
        let page: &'static [Source] = Box::leak((0..AT_A_TIME).map(|_| Source::new()).collect());
        // A token has room for no more.
        assert!(page.as_ptr_range().end.addr() as u64 <= 1 << 48, "an address of more than 48 bits");
        // Backwards, so that they are handed out in the order of their addresses.
        page.iter().rev().collect()
    }

    /// Gives back those of a reactor that is over.
    pub(crate) fn give_back(vacant: &mut Vec<&'static Source>) {
        // Unlocking releases all of this; the lock of the next reactor acquires it.
        lock(&POOL).append(vacant);
    }
}
