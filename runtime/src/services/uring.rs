//! The seam between file types and the proactor.
//!
//! An operation belongs to the ring to which it was submitted, and so to that ring's runtime. Its future goes wherever
//! its task goes. Where that runtime is the current one, the future looks into the proactor, and nothing is shared.
//! Elsewhere it makes a parcel and sends the owner a message: see `parcel`.

use crate::core::current::{find_worker, with_current, with_worker_of};
use crate::core::worker::{RuntimeRef, Worker};
use crate::services::coop;
pub use crate::services::parcel::Resources;
use crate::services::parcel::{Abandoned, OperationKey, Outcome, Parcel, late, settle};
use crate::services::proactor::Progress;
use io_uring::squeue;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// An operation that the kernel does through io_uring(7). Awaiting it gives its result and its resources.
///
/// The operation is submitted at the next turn of the runtime's loop, with all others of that turn, whether it is
/// polled or not.
///
/// # On another thread
///
/// The operation stays in the runtime in which it was made. Its future may be polled and dropped anywhere: in another
/// runtime, or in none. Polling there costs a message to the runtime of the operation, and wakes that up if it sleeps.
/// If no thread runs that runtime, the operation waits for the next `block_on` of it, or for its end.
///
/// # The end of the runtime
///
/// If the runtime of the operation has ended, the operation gives the result that it had then, wherever it is polled. For
/// an operation that the end has cancelled, the result is an error that says so. If the kernel was not done with the
/// operation even at that end, the result is an error as well, and there are no resources: the kernel still uses them, so
/// they are leaked.
///
/// # Cancel safety
///
/// When the operation is dropped, the kernel is asked to cancel it. That may come too late: the operation may have
/// taken place. Its resources are kept until the kernel is done with them. After
/// [`make_lasting`](Operation::make_lasting) the operation is not cancelled.
///
/// If the operation is dropped after its runtime has ended, its resources are dropped with it.
///
/// # Panics
///
/// Panics if the operation is polled again after it has given its result.
#[must_use = "an Operation that is dropped is cancelled"]
pub struct Operation<T: Resources> {
    runtime: RuntimeRef,
    key: OperationKey,
    /// `None` once the operation has given its result.
    resources: Option<T>,
    /// Once the future has been elsewhere. Then the key is the owner's.
    parcel: Option<Arc<Parcel>>,
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
        Some((runtime, key)) => Ok(Operation { runtime, key, resources: Some(resources), parcel: None }),
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
    pub fn make_lasting(&mut self) {
        // The key may be another operation's by then.
        if self.resources.is_none() {
            return;
        }
        let key = self.key;
        if self.parcel.is_none() {
            let made = with_worker_of(self.runtime.id, |worker| {
                worker.lodgers.ring.made_proactor().map(|mut proactor| proactor.make_lasting(key))
            });
            if made.flatten().is_some() {
                return;
            }
        }
        let parcel = self.parcel.get_or_insert_with(|| Parcel::awaited(None));
        parcel.make_lasting();
        Message::send(self.runtime, key, parcel.clone());
    }

    /// Looks for the outcome while the future is not with its operation, or has not always been.
    #[cold]
    fn look_elsewhere(&mut self, waker: Waker) -> Option<Outcome> {
        if let Some(parcel) = &self.parcel {
            // A waker that is replaced is dropped here, without the lock.
            return parcel.look(waker).ok();
        }
        let parcel = Parcel::awaited(Some(waker));
        self.parcel = Some(parcel.clone());
        Message::send(self.runtime, self.key, parcel.clone());
        // It is there already if the runtime is on this thread, or has ended.
        parcel.outcome()
    }

    /// Returns the outcome that a parcel had, and the resources with it.
    fn arrived(&mut self, outcome: Outcome) -> (io::Result<u32>, Option<T>) {
        let resources = self.resources.take().expect("it has them until now");
        let Some(result) = outcome else {
            // The kernel may still write to them.
            std::mem::forget(resources);
            return (Err(io::Error::other(LEFT_BEHIND)), None);
        };
        match u32::try_from(result) {
            Ok(result) => (Ok(result), Some(resources)),
            Err(_) if result == -libc::ECANCELED => (Err(io::Error::other(ENDED)), Some(resources)),
            Err(_) => (Err(io::Error::from_raw_os_error(-result)), Some(resources)),
        }
    }
}

const ENDED: &str = "the ayi runtime was shut down before this operation was done: begin it again in another";

const LEFT_BEHIND: &str = "the ayi runtime was shut down while the system was in the middle of this operation: it may or \
                           may not be done; let operations end before the runtime does";

/// The message that tells the owner of a parcel. If it is dropped unread, the runtime is gone.
struct Message {
    runtime: RuntimeRef,
    key: OperationKey,
    parcel: Arc<Parcel>,
    is_read: bool,
}

impl Message {
    fn send(runtime: RuntimeRef, key: OperationKey, parcel: Arc<Parcel>) {
        let message = Message { runtime, key, parcel, is_read: false };
        runtime.send(|worker| message.read(worker));
    }

    fn read(mut self, worker: &Worker) {
        // There was a proactor, since this operation was submitted to it. So `None` means that the runtime has ended since,
        // or has come to another thread, for which the operation had to be completed first.
        let Some(mut proactor) = worker.lodgers.ring.made_proactor() else { return };
        self.is_read = true;
        let rest = proactor.forward(self.key, &self.parcel);
        // The borrow ends before foreign code runs.
        drop(proactor);
        rest.run();
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        if !self.is_read {
            late::asked(self.runtime.id, self.key, &self.parcel).run();
        }
    }
}

/// What is settled when it is dropped, and so at the latest when the message with it is refused.
struct ToSettle(Option<Abandoned>);

impl Drop for ToSettle {
    fn drop(&mut self) {
        self.0.take().into_iter().for_each(settle);
    }
}

impl<T: Resources> Future for Operation<T> {
    /// Without resources if they are leaked.
    type Output = (io::Result<u32>, Option<T>);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        coop::poll_charged(cx, |cx| {
            assert!(self.resources.is_some(), "an Operation was polled again after it had given its result");
            // Cloning and dropping a waker is foreign code. So the clone is made before anything is borrowed, and what
            // comes back is dropped after that.
            let mut waker = Some(cx.waker().clone());
            if self.parcel.is_none() {
                let key = self.key;
                let look = with_worker_of(self.runtime.id, |worker| {
                    Some(worker.lodgers.ring.made_proactor()?.look(key, waker.take()?))
                });
                match look.flatten() {
                    Some(Progress::Running(_replaced)) => return Poll::Pending,
                    Some(Progress::Done(result, _waker)) => {
                        let resources = self.resources.take();
                        let result = u32::try_from(result).map_err(|_| io::Error::from_raw_os_error(-result));
                        return Poll::Ready((result, resources));
                    }
                    None => {}
                }
            }
            let Some(waker) = waker else { unreachable!("only a proactor takes it") };
            match self.look_elsewhere(waker) {
                Some(outcome) => Poll::Ready(self.arrived(outcome)),
                None => Poll::Pending,
            }
        })
    }
}

// Nothing in it is pinned: the kernel knows what the resources own, not where they are.
impl<T: Resources> Unpin for Operation<T> {}

impl<T: Resources> Drop for Operation<T> {
    fn drop(&mut self) {
        let Some(resources) = self.resources.take() else { return };
        let resources = Box::new(resources);
        let (parcel, _waker) = match self.parcel.take() {
            Some(parcel) => match parcel.give_up(resources) {
                Ok(waker) => (parcel, waker),
                Err(abandoned) => {
                    let to_settle = ToSettle(abandoned);
                    return self.runtime.send(|_| drop(to_settle));
                }
            },
            None => match self.abandon_here(resources) {
                Ok(()) => return,
                Err(resources) => (Parcel::given_up(resources), None),
            },
        };
        Message::send(self.runtime, self.key, parcel);
        // The waker is dropped last: that is foreign code.
    }
}

impl<T: Resources> Operation<T> {
    /// Gives the operation up, if its runtime is on this thread.
    fn abandon_here(&self, resources: Box<T>) -> Result<(), Box<T>> {
        let Some(worker) = find_worker(self.runtime.id) else { return Err(resources) };
        let Some(mut proactor) = worker.lodgers.ring.made_proactor() else { return Err(resources) };
        let left = proactor.abandon(self.key, resources);
        // The borrow ends before foreign code runs.
        drop(proactor);
        match left {
            Ok(waker) => drop(waker),
            Err(abandoned) => settle(abandoned),
        }
        Ok(())
    }
}

impl<T: Resources> fmt::Debug for Operation<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operation").field("finished", &self.resources.is_none()).finish()
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
