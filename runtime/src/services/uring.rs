//! The seam between file types and the proactor.

use crate::core::current::{with_current, with_worker_of};
use crate::core::worker::{RuntimeRef, Worker};
use crate::services::coop;
pub use crate::services::proactor::Resources;
use crate::services::proactor::{OperationKey, Progress, late};
use crate::services::ring::settle;
use io_uring::squeue;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

/// An operation is tied to the runtime that it was asked for in.
const TIED: &str =
    "this operation belongs to another ayi runtime than the current one, and can be polled only there";

/// An operation that the kernel does through io_uring(7). Awaiting it gives its result and its resources.
///
/// The operation is submitted at the next turn of the runtime's loop, with all others of that turn, whether it is
/// polled or not.
///
/// # Cancel safety
///
/// When the operation is dropped, the kernel is asked to cancel it. That may come too late: the operation may have
/// taken place. Its resources are kept until the kernel is done with them. After
/// [`make_lasting`](Operation::make_lasting) the operation is not cancelled.
///
/// If the operation is dropped after its runtime has ended, its resources are dropped with it. If the kernel was not
/// done with them even at that end, they are leaked. If the operation is polled after that end, on whatever thread, it
/// gives the result that it had then. For an operation that the end has cancelled, the result is an error that says so.
///
/// # Panics
///
/// Panics if the operation is polled while the runtime in which it was made lives and is not the current one of the
/// thread. It also panics if that runtime has ended before the kernel was done with the operation.
#[must_use = "an Operation that is dropped is cancelled"]
pub struct Operation<T: Resources> {
    runtime: RuntimeRef,
    key: OperationKey,
    /// `None` once the operation has given its result.
    resources: Option<T>,
}

/// Submits `operation`, which moves `bytes` bytes, in the current runtime. One turn of the loop takes only so many
/// bytes and operations, and then looks at sockets and timers. `submit` returns the resources if the runtime has no
/// io_uring, or if there is no runtime on this thread.
///
/// # Safety
///
/// What `operation` points at belongs to `resources` and stays where it is when `resources` is moved. Nobody else uses
/// it until the operation has given its result.
pub unsafe fn submit<T: Resources>(
    operation: squeue::Entry,
    bytes: usize,
    resources: T,
) -> Result<Operation<T>, T> {
    let submit = |worker: &Worker| {
        // A runtime that has begun to shut down may not be there when the kernel is done.
        let mut proactor = if worker.is_over.get() { None } else { worker.lodgers.ring.proactor() }?;
        // SAFETY: the caller's promise; the resources are kept by the future, and then by the proactor.
        Some((worker.reference, unsafe { proactor.submit(operation, bytes) }))
    };
    match with_current(|worker| submit(worker)).flatten() {
        Some((runtime, key)) => Ok(Operation { runtime, key, resources: Some(resources) }),
        None => Err(resources),
    }
}

/// Returns whether operations of the current runtime go through io_uring, and finds that out if it is not known yet.
pub fn is_available() -> bool {
    with_current(|worker| !worker.is_over.get() && worker.lodgers.ring.proactor().is_some()).unwrap_or(false)
}

impl<T: Resources> Operation<T> {
    /// Protects the operation from being cancelled: neither a drop nor the end of the runtime cancels it from now on.
    /// The end waits for it, for two seconds at most. The call does nothing if the operation has given its result.
    ///
    /// # Panics
    ///
    /// Panics if the runtime in which the operation was made is not the current one of the thread.
    pub fn make_lasting(&mut self) {
        // The key may be another operation's by then.
        if self.resources.is_none() {
            return;
        }
        let key = self.key;
        let made = with_worker_of(self.runtime.id, |worker| {
            worker.lodgers.ring.proactor().map(|mut proactor| proactor.make_lasting(key))
        });
        made.flatten().expect(TIED);
    }
}

impl<T: Resources> Operation<T> {
    /// Returns the result that the end of the runtime has left.
    fn late(&mut self) -> (io::Result<u32>, T) {
        let result = late::polled(self.runtime.id, self.key).expect(TIED);
        let resources = self.resources.take().expect("it has them until now");
        match u32::try_from(result) {
            Ok(result) => (Ok(result), resources),
            Err(_) if result == -libc::ECANCELED => (Err(io::Error::other(ENDED)), resources),
            Err(_) => (Err(io::Error::from_raw_os_error(-result)), resources),
        }
    }
}

const ENDED: &str = "the ayi runtime was shut down before this operation was done: begin it again in another";

/// The message that tells the runtime of a dropped future. If the message itself is dropped unread, the runtime is
/// gone.
struct Farewell {
    runtime: RuntimeRef,
    key: OperationKey,
    resources: Option<Box<dyn Resources>>,
}

impl Farewell {
    fn read(mut self, worker: &Worker) {
        // The proactor was made, since this operation was submitted to it. So `None` means that the runtime has ended
        // since.
        let Some(mut proactor) = worker.lodgers.ring.proactor() else { return };
        let Some(resources) = self.resources.take() else { return };
        let left = proactor.abandon(self.key, resources);
        // The borrow ends before foreign code runs.
        drop(proactor);
        match left {
            Ok(waker) => drop(waker),
            Err((resources, result)) => resources.abandoned(result),
        }
    }
}

impl Drop for Farewell {
    fn drop(&mut self) {
        let Some(resources) = self.resources.take() else { return };
        late::dropped(self.runtime.id, self.key, resources).into_iter().for_each(settle);
    }
}

impl<T: Resources> Future for Operation<T> {
    type Output = (io::Result<u32>, T);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        coop::poll_charged(cx, |cx| {
            assert!(self.resources.is_some(), "an Operation was polled again after it had given its result");
            // Cloning and dropping a waker is foreign code. So the clone is made before anything is borrowed, and what
            // comes back is dropped after that.
            let mut waker = Some(cx.waker().clone());
            let key = self.key;
            let look = with_worker_of(self.runtime.id, |worker| {
                Some(worker.lodgers.ring.proactor()?.look(key, waker.take()?))
            });
            match look.flatten() {
                Some(Progress::Running(_replaced)) => Poll::Pending,
                Some(Progress::Done(result, _waker)) => {
                    let resources = self.resources.take().expect("it has them until now");
                    let result = u32::try_from(result).map_err(|_| io::Error::from_raw_os_error(-result));
                    Poll::Ready((result, resources))
                }
                None => Poll::Ready(self.late()),
            }
        })
    }
}

// Nothing in it is pinned: the kernel knows what the resources own, not where they are.
impl<T: Resources> Unpin for Operation<T> {}

impl<T: Resources> Drop for Operation<T> {
    fn drop(&mut self) {
        let Some(resources) = self.resources.take() else { return };
        let farewell =
            Farewell { runtime: self.runtime, key: self.key, resources: Some(Box::new(resources)) };
        self.runtime.send(|worker| farewell.read(worker));
    }
}

impl<T: Resources> fmt::Debug for Operation<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operation").field("finished", &self.resources.is_none()).finish()
    }
}
