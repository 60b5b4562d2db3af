//! A thread is in one `block_on` at a time.

use crate::core::sync::thread_local;
use std::cell::Cell;

thread_local! {
    /// Whether a `block_on` is running on this thread.
    static BLOCKED_ON: Cell<bool> = const { Cell::new(false) };
}

/// The mark that this thread is in a `block_on`, which does not nest.
pub(crate) struct BlockedOn(());

impl BlockedOn {
    #[track_caller]
    pub(crate) fn new() -> BlockedOn {
        assert!(
            !BLOCKED_ON.replace(true),
            "block_on inside block_on: the outer runtime would stand still. Use .await here, or spawn_blocking \
             for code that insists on blocking (in tokio's words: Cannot start a runtime from within a runtime. This \
             happens because a function (like `block_on`) attempted to block the current thread while the thread is \
             being used to drive asynchronous tasks. If you are in an async function, use `.await` on the future \
             instead of blocking on it.)"
        );
        BlockedOn(())
    }
}

impl Drop for BlockedOn {
    fn drop(&mut self) {
        BLOCKED_ON.set(false);
    }
}

pub(crate) fn is_blocked_on() -> bool {
    BLOCKED_ON.get()
}

/// Lets this thread be in another `block_on`, within the one that it is in.
pub(crate) struct Lifted(bool);

impl Lifted {
    pub(crate) fn new() -> Lifted {
        Lifted(BLOCKED_ON.replace(false))
    }
}

impl Drop for Lifted {
    fn drop(&mut self) {
        BLOCKED_ON.set(self.0);
    }
}
