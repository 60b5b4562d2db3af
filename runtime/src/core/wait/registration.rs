//! The tie between a descriptor and a source, and the operations that wait by it.
//!
//! In tokio: `runtime/io/registration.rs` and `io/poll_evented.rs`.

use super::reactor::{Look, Seen, SourceKey};
use super::waiters::{Asker, Waiter};
use crate::core::coop;
use crate::core::current::HERE;
use crate::core::ready::Interest;
use crate::plugged::{Origin, Recorder, SocketTrace, Tie};
use std::io::{self, ErrorKind};
use std::os::fd::RawFd;
use std::task::{Context, Poll, ready};

/// The tie between one file descriptor and the reactor of one runtime.
///
/// A new registration is tied to nothing. The first operation that would block ties it to the runtime of the current
/// thread. If that thread runs none, it is the one that the thread has entered, or else the one in which the registration
/// was made. Another runtime that polls it takes it over, which costs two system calls and a message. If others wait for it
/// meanwhile, it stays with them, and each wait elsewhere costs a message, as on a thread that runs no runtime.
///
/// The descriptor must be non-blocking, be the same in every call, and stay open for as long as the registration exists. So
/// put the registration *before* the descriptor in a struct: fields are dropped in that order.
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
    pub(crate) tie: Tie,
    pub(crate) origin: Origin,
    pub(crate) trace: SocketTrace,
}

impl Registration {
    /// Creates a registration that is tied to no runtime yet, and remembers which runtime is the current one.
    pub fn new() -> Registration {
        Registration { tie: Tie::default(), origin: Origin::here(), trace: SocketTrace::NOTHING }
    }

    /// An attempt has given an error. If that is `WouldBlock`, the asker waits. `None` means that the operation has to be
    /// tried again: it was interrupted, or the reactor has turned during the attempt. `since`: what was seen, of which source.
    #[cold]
    #[inline(never)]
    pub(crate) fn failed(
        &self,
        error: io::Error,
        fd: RawFd,
        mut asker: Asker<'_>,
        since: Option<(SourceKey, Seen)>,
    ) -> Option<Poll<io::Error>> {
        match error.kind() {
            ErrorKind::Interrupted => return None,
            ErrorKind::WouldBlock => {}
            _ => return Some(coop::charged(error)),
        }
        let (worker, key) = match self.tied(fd, Some(&asker)) {
            Ok(tied) => tied,
            Err(why) => return self.failed_elsewhere(fd, &mut asker, since, why),
        };
        // Of another source it says nothing, and this one says what has been reported since it is tied.
        let seen = since.and_then(|(of, seen)| (of == key).then_some(seen));
        if !worker.reactor().clear(key, asker.interest, seen) {
            return None;
        }
        worker.wait_for(key, &mut asker);
        Recorder::found_nothing(self.tie.key(), asker.interest);
        Some(Poll::Pending)
    }
}

/// An operation on a descriptor, which is tried as soon as it need not wait. See `Registration::poll_io`.
///
/// If it `IS_CALL`, `op` makes system calls and runs no foreign code. So it neither turns the reactor nor leaves the
/// runtime.
pub(crate) struct Io<'a, Fd, Op, IsShort, const IS_CALL: bool> {
    pub(crate) registration: &'a Registration,
    /// Tells the descriptor. It is asked only if an attempt has failed.
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
        let key = self.registration.tie.key();
        let mut asker = Asker { interest: self.interest, waiter, waker: cx.waker() };
        match key.look_or_wait(&mut asker, is_future) {
            Look::Try(source, seen) => {
                let result = (self.op)();
                if is_future {
                    *waiter = Waiter::NEW;
                }
                match result {
                    Ok(moved) => {
                        // Asked again: an `op` that is foreign code may have left the runtime, or let the source be given up.
                        let is_short = (self.is_short)(&moved);
                        Recorder::tried(key, self.interest, is_short);
                        if is_short && (IS_CALL || key == self.registration.tie.key() && key.is_here()) {
                            source.clear_after_short(self.interest, is_future);
                        }
                        return coop::charged(Ok(moved));
                    }
                    Err(error) => {
                        // Nothing is reported during a call, so what is seen after it is what was there before.
                        let seen = if IS_CALL { source.seen() } else { seen };
                        if let Some(failed) = self.failed(error, waiter, cx.waker(), (key, seen)) {
                            return failed;
                        }
                    }
                }
            }
            Look::Waits => return Recorder::waits(key),
            Look::Unusual => {}
        }
        self.poll_by_call(waiter, cx.waker())
    }
}

impl SourceKey {
    /// Whether the source is one of the current runtime of this thread, which is not over. Then this thread has it.
    #[inline(always)]
    pub(crate) fn is_here(self) -> bool {
        !self.is_untied() && self.source().user() == HERE.get()
    }

    /// Looks at the source, if this thread has it: see [`Source::look_or_wait`].
    #[inline(always)]
    pub(crate) fn look_or_wait(self, asker: &mut Asker<'_>, is_future: bool) -> Look {
        if self.is_here() { self.source().look_or_wait(asker, is_future) } else { Look::Unusual }
    }
}
