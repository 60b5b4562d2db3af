//! The tie between a descriptor and a source, and the operations that wait by it.
//!
//! In tokio: `runtime/io/registration.rs` and `io/poll_evented.rs`.

use super::reactor::{Look, Reactor, Seen, SourceKey};
use super::waiters::{Asker, Waiter};
use crate::core::coop;
use crate::core::counters::Count;
use crate::core::current::{HERE, current_for_io, find_worker, with_worker_of, worker_of};
use crate::core::lodger::Lodger;
use crate::core::ready::Interest;
use crate::core::worker::Worker;
use crate::plugged::{Lodgers, Origin, SocketTrace};
use std::io::{self, ErrorKind};
use std::os::fd::RawFd;
use std::rc::Rc;
use std::sync::OnceLock;
use std::task::{Context, Poll, ready};

/// The tie between one file descriptor and the reactor of one runtime.
///
/// A new registration is tied to nothing. The first operation that would block ties it to the runtime of the current
/// thread. If that thread runs none, it is the one that the thread has entered, or else the one in which the registration
/// was made. From then on it waits there. On another thread each wait costs a lock, or a message to that runtime, and it
/// is an error in another runtime if no thread is in that one. The descriptor must be non-blocking, be the same in every call, and stay open for as long as the
/// registration exists. So put the registration *before* the descriptor in a struct: fields are dropped in that order.
///
/// Any number of tasks may wait at once, in the `async` functions and in the `poll_…` functions. A report wakes all
/// tasks that it concerns. The `poll_…` functions cannot tell a task with a new waker from a new task. So when 64
/// wakers have come without a report, the runtime wakes the new ones once for nothing. A task that still waits polls
/// again, and wakers that do not come again are forgotten.
///
/// A task that was woken by a report makes its attempt, even if another task has found nothing in the meantime. What
/// one interest finds not to be ready stays ready for the others.
///
/// # Examples
///
/// A pipe end that can be awaited:
///
/// ```
/// use ayi::io::{Interest, Registration};
/// use std::{io::Read, os::fd::AsFd};
///
/// struct Receiver {
///     registration: Registration, // before the descriptor
///     pipe: std::os::unix::net::UnixStream,
/// }
///
/// impl Receiver {
///     async fn read(&self, buf: &mut [u8]) -> std::io::Result<usize> {
///         let (fd, len) = (self.pipe.as_fd(), buf.len());
///         let is_short = |n: &usize| 0 < *n && *n < len;
///         self.registration.async_io(fd, Interest::READABLE, || (&self.pipe).read(buf), is_short).await
///     }
/// }
/// ```
#[derive(Default)]
pub struct Registration {
    pub(crate) tie: OnceLock<Tie>,
    pub(crate) origin: Origin,
    pub(crate) trace: SocketTrace,
}

// Packed, or it would have four bytes more, in every socket.
#[repr(Rust, packed(4))]
pub(crate) struct Tie {
    /// The number of the runtime. That of a guest is marked, so it is never that of a current runtime.
    pub(crate) runtime: u64,
    pub(crate) key: SourceKey,
    pub(crate) fd: RawFd,
}

impl Registration {
    /// Creates a registration that is tied to no runtime yet, and remembers which runtime is the current one.
    pub fn new() -> Registration {
        Registration { tie: OnceLock::new(), origin: Origin::here(), trace: SocketTrace::NOTHING }
    }

    /// An attempt has given an error. If that is `WouldBlock`, the asker waits. `None` means that the operation has to be
    /// tried again: it was interrupted, or the reactor has turned during the attempt.
    #[cold]
    #[inline(never)]
    pub(crate) fn failed(
        &self,
        error: io::Error,
        fd: RawFd,
        mut asker: Asker<'_>,
        seen: Option<Seen>,
    ) -> Option<Poll<io::Error>> {
        match error.kind() {
            ErrorKind::Interrupted => return None,
            ErrorKind::WouldBlock => {}
            _ => return Some(coop::charged(error)),
        }
        let (worker, key) = match self.tied(fd) {
            Ok(tied) => tied,
            Err(why) => return self.failed_elsewhere(fd, &mut asker, seen, why),
        };
        if !worker.reactor().clear(key, asker.interest, seen) {
            return None;
        }
        worker.wait_for(key, &mut asker);
        Some(Poll::Pending)
    }

    /// The runtime of this thread and the source there; makes the tie if there is none.
    pub(crate) fn tied(&self, fd: RawFd) -> io::Result<(Rc<Worker>, SourceKey)> {
        if let Some(tie) = self.tie.get() {
            return Ok((current_for_io(Some(tie.runtime))?, tie.key));
        }
        let worker = current_for_io(None)?;
        let register = || {
            let tie = |key| (key, self.tie.set(Tie { runtime: worker.reference.id, key, fd }));
            worker.reactor().register(fd, tie)
        };
        let mut registered = register();
        if matches!(&registered, Err(error) if error.kind() == ErrorKind::AlreadyExists) {
            // Perhaps another thread has given it up, and its message is still unread.
            worker.tasks().drain_inbox();
            // That may have run foreign code, and so have ended the runtime.
            current_for_io(Some(worker.reference.id))?;
            registered = register();
        }
        let (key, is_set) = registered.map_err(Lodgers::explain)?;
        worker.counters().add(Count::Registered, 1);
        if let Err(tie) = is_set {
            // Another thread was faster: the tie is to its runtime.
            drop(tie);
            return self.tied(fd);
        }
        Ok((worker, key))
    }
}

/// An operation on a descriptor, which is tried as soon as it need not wait. See `Registration::poll_io`.
///
/// If it `IS_CALL`, `op` makes system calls and runs no foreign code. So it neither turns the reactor nor leaves the
/// runtime.
pub(crate) struct Io<'a, Fd, Op, IsShort, const IS_CALL: bool> {
    pub(crate) registration: &'a Registration,
    /// Tells the descriptor. Only what has no tie yet asks.
    pub(crate) fd: Fd,
    pub(crate) interest: Interest,
    pub(crate) op: Op,
    pub(crate) is_short: IsShort,
}

impl<R, Fd, Op, IsShort, const IS_CALL: bool> Io<'_, Fd, Op, IsShort, IS_CALL>
where
    Fd: Fn() -> RawFd,
    Op: FnMut() -> io::Result<R>,
    IsShort: Fn(&R) -> bool,
{
    /// Polls for the future that has `waiter`, or for a caller of a `poll_…` function.
    // Inlined by force: a program has many callers, and a call would cost each operation as much as all of its checks. What
    // is rare stands apart.
    #[inline(always)]
    pub(crate) fn poll(mut self, waiter: Option<&mut Waiter>, cx: &mut Context<'_>) -> Poll<io::Result<R>> {
        ready!(coop::poll_budget(cx));
        let (is_future, mut shared) = (waiter.is_some(), Waiter::POLL_STYLE);
        let waiter = waiter.unwrap_or(&mut shared);
        let Some(tie) = self.registration.tie.get() else { return self.poll_by_call(waiter, cx.waker()) };
        let mut asker = Asker { interest: self.interest, waiter, waker: cx.waker() };
        match tie.look_or_wait(&mut asker, is_future) {
            Look::Try(source, seen) => {
                let result = (self.op)();
                if is_future {
                    *waiter = Waiter::NEW;
                }
                match result {
                    Ok(moved) => {
                        // Asked again, since an `op` that is foreign code may have left the runtime.
                        if (self.is_short)(&moved) && (IS_CALL || tie.is_here()) {
                            source.clear_after_short(self.interest, is_future);
                        }
                        return coop::charged(Ok(moved));
                    }
                    Err(error) => {
                        // Nothing is reported during a call, so what is seen after it is what was there before.
                        let seen = if IS_CALL { source.seen() } else { seen };
                        if let Some(failed) = self.failed(error, tie.fd, waiter, cx.waker(), seen) {
                            return failed;
                        }
                    }
                }
            }
            Look::Waits => return Poll::Pending,
            Look::Unusual => {}
        }
        self.poll_by_call(waiter, cx.waker())
    }
}

impl Tie {
    /// Looks at the source, if this thread has it: see [`Source::look_or_wait`].
    #[inline(always)]
    pub(crate) fn look_or_wait(&self, asker: &mut Asker<'_>, is_future: bool) -> Look {
        if self.is_here() { self.key.source().look_or_wait(asker, is_future) } else { Look::Unusual }
    }

    /// Whether the runtime is the current one of this thread, and not over: then this thread has the source.
    #[inline]
    pub(crate) fn is_here(&self) -> bool {
        self.runtime == HERE.get()
    }

    /// Asks the reactor, if the runtime is the current one of this thread. `f` must not run foreign code.
    #[inline]
    pub(crate) fn with<R>(&self, f: impl FnOnce(&mut Reactor, SourceKey) -> R) -> Option<R> {
        let (runtime, key) = (self.runtime, self.key);
        with_worker_of(runtime, |worker| f(&mut worker.reactor(), key))
    }

    /// Waits. The runtime is the current one.
    pub(crate) fn wait_for(&self, asker: &mut Asker<'_>) {
        let (runtime, key) = (self.runtime, self.key);
        if let Some(worker) = worker_of(runtime) {
            worker.wait_for(key, asker);
        }
    }
}

impl Drop for Tie {
    fn drop(&mut self) {
        match find_worker(self.runtime) {
            Some(worker) => worker.give_up(self.key, true),
            None => self.give_up_elsewhere(),
        }
    }
}
