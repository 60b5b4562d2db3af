//! The operations: each goes through the ring if the runtime has one, and otherwise to a thread of the blocking pool.
//!
//! Invariants:
//! 1. What an operation's entry points at is on the heap and owned by its resources, which the operation keeps until
//!    the kernel is done with it. So the pointers stay right wherever the resources are moved meanwhile.
//! 2. The call on the pool does the same as the entry, with the same resources.
//! 3. A lasting call is made even if nobody waits for it, and even if the pool gives it up because the runtime ends.
//!
//! In tokio: `fs/mod.rs`, `asyncify`.

mod here;
mod paths;
mod transfer;

pub(crate) use here::{Here, Taken, bytes_of, leave, read_here, write_here};
pub(crate) use paths::{WithPath, WithPaths, open, with_path, with_paths};
pub(crate) use transfer::{at, buffer_of, buffers_of, read, read_vectored, sync, write, write_vectored};

use ayi_runtime::io::uring::{Operation, Resources, submit};
use ayi_runtime::task::{Builder, JoinHandle, coop};
use io_uring::squeue::Entry;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

/// An operation under way. It returns what the system call would, and the resources. `None` instead of these means that
/// they are still in use, because the runtime has ended in the middle of the call.
#[must_use]
pub(crate) enum Running<T: Resources> {
    Ring(Operation<T>),
    Pool(JoinHandle<()>, Arc<PoolCall<T>>),
    /// There is no thread for it.
    Refused(Option<Box<(io::Result<u32>, Option<T>)>>),
}

/// What a call on the pool and its future share.
pub(crate) struct PoolCall<T: Resources> {
    stage: Mutex<Stage<T>>,
    is_lasting: bool,
}

enum Stage<T> {
    ToMake(T, BlockingCall<T>),
    UnderWay,
    Ended(io::Result<u32>, T),
    Taken,
}

type BlockingCall<T> = Box<dyn FnOnce(&mut T) -> io::Result<u32> + Send>;

impl<T: Resources> PoolCall<T> {
    /// Makes the call, unless that has been done or its resources have been taken back.
    fn make(&self) {
        let mut stage = self.stage();
        let (mut resources, call) = match std::mem::replace(&mut *stage, Stage::UnderWay) {
            Stage::ToMake(resources, call) => (resources, call),
            other => return *stage = other,
        };
        drop(stage);
        let result = call(&mut resources);
        *self.stage() = Stage::Ended(result, resources);
    }

    /// Returns the result and the resources. For a call that was given up, only the resources are left.
    fn take(&self) -> (io::Result<u32>, Option<T>) {
        let mut stage = self.stage();
        match std::mem::replace(&mut *stage, Stage::Taken) {
            Stage::Ended(result, resources) => (result, Some(resources)),
            Stage::ToMake(resources, _) => (Err(io::Error::other(GONE)), Some(resources)),
            other => {
                *stage = other;
                (Err(io::Error::other(LEFT_BEHIND)), None)
            }
        }
    }

    /// Locks the stage. No call is made while it is locked, and a call that panics leaves it as it is.
    fn stage(&self) -> MutexGuard<'_, Stage<T>> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// If nobody takes the result, it is settled like an operation's.
impl<T: Resources> Drop for PoolCall<T> {
    fn drop(&mut self) {
        let stage = std::mem::replace(&mut *self.stage(), Stage::Taken);
        if let Stage::Ended(result, resources) = stage {
            // No descriptor is larger than an `i32`.
            Box::new(resources).abandoned(result.map_or(-1, |result| result as i32));
        }
    }
}

/// The share of the pool in a call, and that of its starter until the pool has accepted it. When both are dropped,
/// invariant 3 applies.
struct OnPool<T: Resources>(Arc<PoolCall<T>>);

impl<T: Resources> Drop for OnPool<T> {
    fn drop(&mut self) {
        if self.0.is_lasting {
            self.0.make();
        }
    }
}

impl<T: Resources> Running<T> {
    /// Returns the resources, if there is no thread for the call.
    pub(crate) fn into_refused(self) -> Option<T> {
        match self {
            Running::Refused(refused) => refused.and_then(|refused| refused.1),
            Running::Ring(_) | Running::Pool(..) => None,
        }
    }
}

impl<T: Resources> Future for Running<T> {
    type Output = (io::Result<u32>, Option<T>);

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Running::Ring(operation) => Pin::new(operation).poll(cx),
            Running::Pool(handle, call) => match ready!(Pin::new(handle).poll(cx)) {
                Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                // An error means that the runtime has ended. `take` finds out what has become of the call.
                Ok(()) | Err(_) => Poll::Ready(call.take()),
            },
            Running::Refused(refused) => Poll::Ready(*refused.take().expect("it is taken once")),
        }
    }
}

pub(crate) const GONE: &str = "the ayi runtime was shut down before this file operation had begun";

const LEFT_BEHIND: &str = "the ayi runtime was shut down while a thread of its pool was in the middle of this file \
                           operation: it may or may not be done; let the file operations end before the runtime does";

/// # Safety
///
/// `entry` makes an entry that keeps invariant 1.
unsafe fn start<T: Resources>(
    mut resources: T,
    bytes: usize,
    is_lasting: bool,
    entry: impl FnOnce(&mut T) -> Entry,
    call: impl FnOnce(&mut T) -> io::Result<u32> + Send + 'static,
) -> Running<T> {
    let entry = entry(&mut resources);
    // SAFETY: the caller's promise.
    match unsafe { submit(entry, bytes, resources) } {
        Ok(mut operation) => {
            if is_lasting {
                operation.make_lasting();
            }
            Running::Ring(operation)
        }
        Err(resources) => start_on_pool(resources, is_lasting, call),
    }
}

pub(crate) fn start_on_pool<T: Resources>(
    resources: T,
    is_lasting: bool,
    call: impl FnOnce(&mut T) -> io::Result<u32> + Send + 'static,
) -> Running<T> {
    let stage = Mutex::new(Stage::ToMake(resources, Box::new(call) as _));
    let call = Arc::new(PoolCall { stage, is_lasting });
    // The pool drops a call that it refuses like one that it gives up. So the last of these two makes the call, unless
    // it has been taken back before.
    let on_pool = Arc::new(OnPool(call.clone()));
    let of_pool = on_pool.clone();
    match Builder::new().spawn_blocking(move || of_pool.0.make()) {
        Ok(handle) => {
            drop(on_pool);
            Running::Pool(handle, call)
        }
        Err(error) => {
            let (_, resources) = call.take();
            Running::Refused(Some(Box::new((Err(error), resources))))
        }
    }
}

/// Returns a system call's result.
fn check(result: isize) -> io::Result<u32> {
    match result {
        0.. => Ok(u32::try_from(result).expect("no call moves more than `MOST` bytes")),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Makes a call that is begun again when a signal interrupts it.
fn call(f: impl Fn() -> isize) -> io::Result<u32> {
    #[cfg(faults)]
    let f = || ayi_runtime::faults::within(ayi_runtime::faults::Operation::OnAny, &f);
    loop {
        match check(f()) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Charges an error that came without an operation: a loop that tries again must give way.
async fn charged<T>(result: io::Result<T>) -> io::Result<T> {
    if result.is_err() {
        coop::consume_budget().await;
    }
    result
}

/// Runs `f` on the pool, for what the ring has no operation for.
pub(crate) async fn on_pool<T: Send + 'static>(
    f: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    match charged(Builder::new().spawn_blocking(f)).await?.await {
        Ok(result) => result,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_cancelled) => Err(io::Error::other(GONE)),
    }
}
