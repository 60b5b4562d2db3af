//! What the crate `faults/` has to know to bring faults in, and cannot see from outside. It is compiled with `--cfg
//! faults` only.

use std::cell::Cell;
use std::os::fd::RawFd;

/// The operation that this thread is doing.
#[derive(Clone, Copy)]
pub enum Operation {
    /// The thread tries an operation on a descriptor, and waits if that would block.
    On(RawFd),
    /// The thread is in a call that may wait, on the blocking pool.
    OnAny,
    /// The thread tries an operation, whose errors all go to the program.
    Tried,
}

thread_local! {
    static OPERATION: Cell<Option<Operation>> = const { Cell::new(None) };
}

/// Returns the operation that this thread is doing, if it is doing one.
pub fn operation() -> Option<Operation> {
    OPERATION.get()
}

/// Runs `op` as `operation`.
pub fn within<R>(operation: Operation, op: impl FnOnce() -> R) -> R {
    set(Some(operation), op)
}

/// Runs `op` as no part of an operation.
pub fn aside<R>(op: impl FnOnce() -> R) -> R {
    set(None, op)
}

fn set<R>(operation: Option<Operation>, op: impl FnOnce() -> R) -> R {
    struct Restore(Option<Operation>);
    impl Drop for Restore {
        fn drop(&mut self) {
            OPERATION.set(self.0);
        }
    }
    let _restore = Restore(OPERATION.replace(operation));
    op()
}

/// A function that may change an operation of the ring before the kernel has it. If it returns an error, the operation
/// ends at once with that error.
#[cfg(feature = "uring")]
pub type OnSubmit = fn(&mut io_uring::squeue::Entry) -> Option<i32>;

#[cfg(feature = "uring")]
static ON_SUBMIT: std::sync::OnceLock<OnSubmit> = std::sync::OnceLock::new();

/// Sets the function that sees each operation of the ring. Only the first call does anything.
#[cfg(feature = "uring")]
pub fn set_on_submit(f: OnSubmit) {
    let _ = ON_SUBMIT.set(f);
}

#[cfg(feature = "uring")]
pub(crate) fn on_submit(entry: &mut io_uring::squeue::Entry) -> Option<i32> {
    ON_SUBMIT.get()?(entry)
}
